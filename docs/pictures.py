"""Run the blocks of pictures.md, and write the picture of each. About two minutes."""

import re
from pathlib import Path
from typing import Any

PAGE = Path(__file__).with_suffix(".md")


def main(folder: Path = PAGE.parent) -> list[Path]:
    """Write the pictures into a folder as they are linked, and return their paths."""
    names: dict[str, Any] = {}
    written = []
    for code, link in re.findall(
        r"^```python\n(.*?)^```\n\n(?:!\[.*?\]\((.*?)\))", PAGE.read_text("utf-8"), re.M | re.S
    ):
        exec(compile(code, PAGE.name, "exec"), names)
        written.append(folder / link)
        names.pop("figure").savefig(written[-1], dpi=150)
    return written


if __name__ == "__main__":
    main()

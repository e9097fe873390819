"""The command line: ``python -m nnfw info``, ``examples FOLDER`` and ``inspect FILE``."""

import argparse
import shutil
import sys
import textwrap
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

from nnfw.core.errors import LoadError
from nnfw.core.files import reading
from nnfw.core.output import show, table
from nnfw.kernels import show_config
from nnfw.saving.archive import read, read_description

OPTIONAL = ("matplotlib", "tqdm", "scikit-learn", "onnx", "h5py", "safetensors")


def main(arguments: list[str] | None = None) -> None:
    """Run the command given on the command line."""
    parser = argparse.ArgumentParser(prog="python -m nnfw", description="Inspect nnfw and its saved files.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    commands.add_parser("info", help="print the versions and the kernels in use").set_defaults(run=info)
    for command, argument, run, what in (
        ("examples", "folder", examples, "copy the examples into a folder"),
        ("inspect", "file", inspect, "print what a saved network holds; nothing in the file is executed"),
    ):
        one = commands.add_parser(command, help=what)
        one.add_argument(argument, metavar=argument.upper())
        one.set_defaults(run=run)
    options = vars(parser.parse_args(arguments))
    try:
        options.pop("run")(**options)
    except (LoadError, OSError) as error:
        sys.exit(f"python -m nnfw: {error}")


def info() -> None:
    """Print the versions, and which kernels are in use and why."""
    show_config()
    for name in OPTIONAL:
        try:
            show(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            show(f"{name} is not installed")


def examples(folder: str) -> None:
    """Copy the examples into a folder, which is created if needed; no file is replaced."""
    target, root = Path(folder), Path(__file__).parents[1]
    sources = sorted(root.glob("examples/*.py"))
    if not (root / "pyproject.toml").exists():  # not a checkout: they were installed with the package
        installed = metadata.files("nnfw") or []
        sources = [Path(str(file.locate())) for file in installed if file.match("share/nnfw/examples/*.py")]
    target.mkdir(parents=True, exist_ok=True)
    for source in sources:
        if (target / source.name).exists():
            raise FileExistsError(f"{target / source.name} already exists; pass another folder")
    for source in sources:
        show(str(shutil.copyfile(source, target / source.name)))


def inspect(file: str) -> None:
    """Print the contents of a saved network, from its description and the shapes of its arrays."""
    with reading("inspect", file) as opened:
        arrays = read(opened)
        lines = list(describe(read_description(arrays)))
        rows = [(name, str(array.shape), str(array.dtype)) for name, array in arrays.items()]
    lines = [part for line in lines for part in textwrap.wrap(line, 100, subsequent_indent="    ")]
    for line in [*lines, "", *table([("array", "shape", "type"), *rows]).splitlines()]:
        show("".join(character if character.isprintable() else "?" for character in line))


def describe(description: dict[str, Any]) -> Iterator[str]:
    """Yield the description of a saved network as lines of text."""
    config, history = description["network"]["config"], description["state"]["history"]
    writers = ", ".join(f"{name} {version}" for name, version in description["written by"].items())
    yield f"format {description['version']}, written by {writers}"
    for place, layer in enumerate(config["layers"], 1):
        yield f"layer {place}: {text(layer)}"
    for name in ("loss", "optimizer", "metrics", "seed", "dtype"):
        yield f"{name}: {text(config[name])}"
    epochs = len(history["epoch"])
    restored = history.get("restored")  # the epoch of the weights, if it is not the last
    found = ((name, values[(restored or 0) - 1]) for name, values in history["values"].items() if epochs)
    said = ", ".join(f"{name} {value:.4g}" for name, value in found)
    which = f"restored: epoch {restored}," if restored else "last:"
    yield f"epochs: {epochs}{said and f'; {which} {said}'}"


def text(value: Any) -> str:
    """Return a described part or value as it would be written in Python; see `nnfw.saving.config`."""
    match value:
        case {"class": name} | {"custom": name}:
            arguments = {**value.get("config", {}), **value.get("base", {})}
            given = ", ".join(f"{key}={text(one)}" for key, one in arguments.items() if one is not None)
            return f"{str(name).rpartition('.')[2]}({given})"
        case {"tuple": items}:
            return f"({', '.join(map(text, items))}{',' * (len(items) == 1)})"
        case {"dict": pairs}:
            return f"{{{', '.join(f'{text(key)}: {text(one)}' for key, one in pairs)}}}"
        case {"array": name}:
            return f"<array {name}>"
        case {"same": number}:
            return f"<part {number} again>"
        case dict():
            return str(next(iter(value.values())))
        case list():
            return f"[{', '.join(map(text, value))}]"
    return repr(value)


if __name__ == "__main__":
    main()

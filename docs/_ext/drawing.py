"""Formulas of docstrings in TeX, and pictures of which variable is computed from which."""

import re

# ---- mathematics ----------------------------------------------------------------------------------------

NAME = re.compile(r"[a-z ]{3,20}")  # a note that is the name of a variable, as "update gate"
SYMBOLS = {
    "γ": r"\gamma",
    "δ": r"\delta",
    "φ": r"\varphi",
    "σ": r"\sigma",
    "Σ": r"\sum",
    "ε": r"\varepsilon",
    "∘": r"\circ",
    "−": "-",
}
WORD = re.compile(r"([A-Za-zγδφσΣε]+)(_[a-z]+)?(₋)?(′)?([ᵀ²])?")
OF_WORDS = ("dnormalized",)  # gradients of variables that are words
POWERS = {"ᵀ": r"^{\top}", "²": "^2", None: ""}


def tex(formula: str) -> str:
    """Return a formula of a docstring in TeX."""
    if match := re.search(r"√\(", formula):
        inside = until_closed(formula[match.end() :])
        rest = formula[match.end() + len(inside) + 1 :]
        return rf"{tex(formula[: match.start()])}\sqrt{{{tex(inside)}}}{tex(rest)}"
    if match := re.search(r" (with probability|else) ", formula):
        return rf"{tex(formula[: match.start()])}\text{{{match[0]}}}{tex(formula[match.end() :])}"
    out, place = "", 0
    for match in WORD.finditer(formula):
        out += operators(formula[place : match.start()], bool(out)) + variable(*match.groups())
        place = match.end()
    return out + operators(formula[place:], bool(out))


def until_closed(text: str) -> str:
    """Return what comes before the bracket that closes the one before the text."""
    depth = 1
    for i, character in enumerate(text):
        depth += {"(": 1, ")": -1}.get(character, 0)
        if not depth:
            return text[:i]
    raise ValueError(f"a bracket is not closed: {text}")


def operators(text: str, follows: bool) -> str:
    """Return what stands between variables: a space alone is a product."""
    if text == " ":
        return r"\;" if follows else ""
    text = text.replace("+=", r"\mathrel{+}=")
    return "".join(SYMBOLS.get(character, character) + " " * (character in SYMBOLS) for character in text)


def variable(name: str, below: str | None, before: str | None, prime: str | None, power: str | None) -> str:
    """Return a variable, a gradient ``dq``, or a word."""
    d = ""
    if is_gradient(name) and (len(name) == 2 or name[1] in "Wb" or name in OF_WORDS):
        d, name = r"\mathrm{d}", name[1:]
    index = (below or "").lstrip("_")
    if len(name) == 2 and name[0] in "Wb":
        name, index = name[0], name[1] + index
    base = SYMBOLS.get(name) or (name if len(name) == 1 else rf"\mathrm{{{name}}}")
    index += "-" if before else ""
    return f"{d}{base}{f'_{{{index}}}' if index else ''}{chr(39) if prime else ''}{POWERS[power]}"


def is_gradient(name: str) -> bool:
    """Whether a variable is a gradient: ``dq`` for that of q."""
    return len(name) > 1 and name[0] == "d"


# ---- the picture ----------------------------------------------------------------------------------------


def picture(found: dict, rows: list[list[str]], title: str) -> str:
    """Return an SVG of which variable is computed from which, in the colours of the page."""
    numbers, sources = {}, {}
    for number, equation in found.items():
        for formula, _ in equation.forward:
            left, _, right = formula.partition(" = ")
            if left not in sources and "'" not in number:
                numbers[left] = number
                names = [match[0].rstrip("′ᵀ²") for match in WORD.finditer(right)]
                sources[left] = [name for name in dict.fromkeys(names) if name != left]
    row = {name: i for i, names in enumerate(rows) for name in names}
    missing = set(sources) - set(row)
    if missing:
        raise ValueError(f"the picture has no row for {', '.join(sorted(missing))}")
    column: dict[str, int] = {}

    def place(name: str) -> int:
        if name not in column:
            column[name] = 1 + max([place(s) for s in sources.get(name, ()) if s in row], default=-1)
        return column[name]

    for name in row:
        place(name)
    at = {name: (34 + 128 * column[name], 42 + 68 * row[name]) for name in row}
    width, height = 68 + 128 * max(column.values()), 68 + 68 * (len(rows) - 1)
    out = [svg(width, height, title)]
    for name, needed in sources.items():
        for source in (s for s in needed if s in row):
            out.append(arrow(*at[source], *at[name]))
    for name, (x, y) in at.items():
        label, _, index = name.replace("₋", "_−").partition("_")
        below = f'<tspan class="before" dy="5">{index}</tspan>' if index else ""
        kind = "made" if name in numbers else "given"
        out.append(f'<rect class="{kind}" x="{x - 30}" y="{y - 19}" width="60" height="38" rx="9"/>')
        size = f' style="font-size:{min(14, 100 // len(label))}px"' if len(label) > 3 else ""
        out.append(f'<text x="{x}" y="{y + 6}"{size}>{label}{below}</text>')
        if name in numbers:
            out.append(f'<text class="number" x="{x}" y="{y - 24}">({numbers[name]})</text>')
    return "".join([*out, "</svg>"])


def svg(width: int, height: int, title: str) -> str:
    """Return how a picture begins."""
    return (
        f'<svg class="cell" viewBox="0 0 {width} {height}" style="width:{width}px" role="img" '
        f'aria-label="{title}"><defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" '
        'markerHeight="7" orient="auto"><path d="M0 0L8 4L0 8z" class="tip"/></marker></defs>'
    )


def arrow(x: int, y: int, to_x: int, to_y: int) -> str:
    """Return a curve from the right side of one box to the left side of another."""
    start, stop = x + 30, to_x - 32
    bend = (stop - start) / 2 if stop - start < 128 else 64
    late = stop - bend  # long arrows stay in their row as far as they can
    path = f"M{start} {y}H{late - bend:.0f}C{late} {y} {late} {to_y} {stop} {to_y}"
    return f'<path class="arrow" d="{path}" marker-end="url(#tip)"/>'

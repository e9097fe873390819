"""The directive ``layer``: equations, lines of code, shapes and a picture of a layer, read from its source.

An equation has a number in the docstring of its class, ``(1)  z = ...``, and the lines that compute it, or
its backward pass, have the number in a comment, ``# (1) z``. The directive shows what belongs together. An
equation without a line for it, or a name of the picture without an equation, is an error of the build::

    ```{layer} GRU(4)
    :input: (7, 3)
    :rows: h₋ h / z / r q c / x
    ```

``input`` is the shape of a sample, for the table of shapes, which is that of a training step with N = 5,
T = 7, D = 3, H = 4. ``rows`` says in which row of the picture each variable stands; its column follows from
what it is computed from.
"""

import ast
import importlib
import inspect
import itertools
import re
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from docutils import nodes
from drawing import NAME, is_gradient, picture, svg, tex
from sphinx.util.docutils import SphinxDirective

import nnfw

ROOT = Path(nnfw.__file__).parents[1]
NUMBER = re.compile(r"\((\d'?)(?: to (\d))?\)(?: to \((\d)\))?")
LETTERS = {5: "N", 7: "T", 3: "D", 6: "2D", 9: "3D", 4: "H", 8: "2H", 12: "3H", 16: "4H", 11: "V", 1: "1"}
WIDE = 80  # characters of a formula that fit in a line
SIMPLE = ast.Expr | ast.AugAssign | ast.Assign | ast.AnnAssign | ast.Return
FORWARD = ("forward", "_forward", "_draw")
BACKWARD = ("backward", "_backward", "gradients", "_recurrent_gradients")


@dataclass
class Equation:
    """An equation of a docstring: forward and backward, each (formula, note), and the lines of code."""

    forward: list[tuple[str, str]] = field(default_factory=list)
    backward: list[tuple[str, str]] = field(default_factory=list)
    code: dict[str, list["Code"]] = field(default_factory=lambda: {"forward": [], "backward": []})


@dataclass
class Code:
    """Lines of a source file."""

    path: str
    start: int
    lines: list[str]


# ---- the docstring --------------------------------------------------------------------------------------


def equations(cls: type) -> dict[str, Equation]:
    """Return the equations in a class's docstring by number; "" has those without one."""
    found: dict[str, Equation] = defaultdict(Equation)
    for block in literal_blocks(inspect.getdoc(cls) or ""):
        numbers = [""]
        for piece in re.split(r"\s{2,}|\n", block):
            if match := NUMBER.match(piece):
                numbers = numbered(match)
                piece = piece[match.end() :].strip()
            left = re.match(r"(\S+) \+?= ", piece)
            for number in numbers[:1] if piece else ():
                if left:
                    side = "backward" if is_gradient(left[1]) else "forward"
                    getattr(found[number], side).append((piece.rstrip(","), ""))
                else:
                    side = "backward" if found[number].backward else "forward"
                    known = getattr(found[number], side)
                    if known:
                        known[-1] = (known[-1][0], f"{known[-1][1]} {piece}".strip())
    return dict(found)


def literal_blocks(text: str) -> list[str]:
    """Return the literal blocks of a docstring, up to its sections."""
    text = text.partition("\nParameters\n")[0]
    return [match[1] for match in re.finditer(r"::\n\n((?:[ ]+\S.*\n|\n)+)", text + "\n")]


def numbered(match: re.Match) -> list[str]:
    """Return the numbers that ``(1)``, ``(3 to 1)`` or ``(1) to (4)`` stand for, the first one first."""
    first, last = match[1], match[2] or match[3]
    if not last:
        return [first]
    step = 1 if int(last) > int(first) else -1
    return [str(n) for n in range(int(first), int(last) + step, step)]


# ---- the source -----------------------------------------------------------------------------------------


def add_code(cls: type, found: dict[str, Equation]) -> None:
    """Add the lines that carry the number of an equation."""
    for name, function in methods(cls).items():
        lines, first = inspect.getsourcelines(function)
        side = "forward" if name.startswith(FORWARD) else "backward"
        marks = [marked(line) for line in lines]
        named = set(re.findall(r"\((\d'?)\)", "".join(line.partition("  # ")[2] for line in lines)))
        variant = any("'" in number and number.rstrip("'") not in named for number in named)  # (3') only
        path = Path(inspect.getsourcefile(function)).relative_to(ROOT).as_posix()
        for start, stop, numbers in statements(lines, marks):
            for number in numbers:
                if number in found and ("'" in number or not variant):
                    text = inspect.cleandoc("\n".join(["", *(line.rstrip() for line in lines[start:stop])]))
                    found[number].code[side].append(Code(path, first + start, text.splitlines()))


def methods(cls: type) -> dict[str, object]:
    """Return the functions of the passes, each from the class that defines it."""
    found = {}
    for owner in inspect.getmro(cls):
        for name, thing in vars(owner).items():
            if inspect.isfunction(thing) and name.startswith(FORWARD + BACKWARD):
                found.setdefault(name, thing)
    return found


def marked(line: str) -> list[str]:
    """Return the numbers in the comment of a line."""
    comment = line.partition("  # ")[2]
    return [number for match in NUMBER.finditer(comment) for number in numbered(match)]


def statements(lines: list[str], marks: list[list[str]]) -> list[tuple[int, int, list[str]]]:
    """Return where the statements with numbers start and stop.

    Within a loop over time, the products and sums that lead to a numbered line belong to it.
    """
    tree, found = ast.parse(inspect.cleandoc("\n" + "".join(lines))), []
    for owner in ast.walk(tree):
        in_loop = isinstance(owner, ast.For)
        for body in (getattr(owner, part, None) for part in ("body", "orelse")):
            begin = None
            for statement in body if isinstance(body, list) else ():
                start, stop = statement.lineno - 1, statement.end_lineno
                numbers = [number for mark in marks[start:stop] for number in mark]
                leads = in_loop and isinstance(statement, ast.Expr | ast.AugAssign)
                if not (leads or (numbers and isinstance(statement, SIMPLE))):
                    begin = None
                elif not numbers:
                    begin = start if begin is None else begin
                else:
                    found.append((start if begin is None else begin, stop, numbers))
                    begin = None
    return sorted(found)


# ---- shapes ---------------------------------------------------------------------------------------------


def shapes(layer: "nnfw.Layer", sample: tuple[int, ...]) -> list[tuple[str, str]]:
    """Return the names and shapes of all arrays of a training step, in letters."""
    rng = np.random.default_rng(0)
    layer.compute_shapes(sample)
    layer.initialize(rng)
    x = rng.integers(0, 2, size=(5, *sample))  # indices, and a mask, are whole
    x = x if layer._takes_indices else x.astype(float)
    y = layer.forward(x, training=True)
    kept = dict(layer.cache)
    dx = layer.backward(np.ones_like(y))
    layer.gradients()
    rows = [("input", {"x": x}), ("parameters", layer.params), ("kept by forward", kept)]
    rows += [("output", {"y": y})]
    made = {name: layer.cache[name] for name in layer.cache if name not in kept}
    rows += [("kept by backward", made), ("result of backward", {"dx": dx})]
    return [
        (what, name, f"({', '.join(LETTERS[n] for n in np.shape(array))}{',' * (np.ndim(array) == 1)})")
        for what, arrays in rows
        for name, array in arrays.items()
    ]


# ---- the directive --------------------------------------------------------------------------------------


class LayerDirective(SphinxDirective):
    """Show a layer."""

    required_arguments = 1
    final_argument_whitespace = True
    option_spec = {"input": str, "rows": str}  # noqa: RUF012

    def run(self) -> list[nodes.Node]:
        """Return the picture, the equations with their code, and the table of shapes."""
        layer = eval(self.arguments[0], vars(nnfw).copy())
        cls = type(layer)
        found = equations(cls)
        add_code(cls, found)
        self.env.note_dependency(inspect.getsourcefile(cls))
        for number, equation in found.items():
            for side, code in equation.code.items():
                if number and getattr(equation, side) and not code:
                    raise self.error(
                        f"{cls.__name__}: no line of the {side} pass has the comment # ({number})"
                    )
        out = []
        if "rows" in self.options:
            rows = [row.split() for row in self.options["rows"].split("/")]
            try:
                drawn = picture(found, rows, f"How the variables of {cls.__name__} depend on each other")
            except ValueError as error:
                raise self.error(f"{cls.__name__}: {error}") from None
            out.append(nodes.raw("", f'<div class="cell-picture">{drawn}</div>', format="html"))
        text = [self.shown(number, equation) for number, equation in found.items()]
        text.append(self.table(shapes(layer, ast.literal_eval(self.options["input"]))))
        return out + self.parse_text_to_nodes("\n\n".join(text))

    def shown(self, number: str, equation: Equation) -> str:
        """Return the Markdown of an equation."""
        if not number:
            formulas = "\n\n".join(math(equation.forward + equation.backward))
            return f"::::::{{div}} equation\n**Gradients for all steps at once**\n\n{formulas}\n\n::::::"
        parts = []
        for side in ("forward", "backward"):
            formulas, code = getattr(equation, side), listing(equation.code[side])
            if formulas or code:
                head = f":::{{div}} side\n{side}\n:::"
                parts.append("\n\n".join([head, *math(formulas), *code]))
        title = next((note for _, note in equation.forward if NAME.fullmatch(note)), "")
        return f"::::::{{div}} equation\n**({number}) {title}**\n\n".replace(" **\n", "**\n") + (
            "\n\n".join(parts) + "\n\n::::::"
        )

    def table(self, rows: list[tuple[str, str, str]]) -> str:
        """Return the table of shapes."""
        head = "**Shapes in a training step**\n\n| | array | shape |\n|---|---|---|\n"
        before, out = "", head
        for what, name, shape in rows:
            out += f"| {what if what != before else ''} | `` {name} `` | {shape} |\n"
            before = what
        return out


def math(pairs: list[tuple[str, str]]) -> list[str]:
    """Return formulas one below the other, and their notes."""
    if not pairs:
        return []
    lines = r" \\[0.4em] ".join(line for formula, _ in pairs for line in lines_of(formula))
    out = [f"$$\n\\begin{{gathered}} {lines} \\end{{gathered}}\n$$"]
    notes = [note for _, note in pairs if note and not NAME.fullmatch(note)]
    return out + [f":::{{div}} remark\n{'; '.join(notes)}\n:::"] * bool(notes)


def lines_of(formula: str) -> list[str]:
    """Return a formula in TeX, in two lines if it is longer than the page is wide."""
    head, minus, tail = formula.rpartition(" - ") if len(formula) > WIDE else ("", "", formula)
    return [tex(head), rf"{{}} - {tex(tail)}"] if minus else [tex(formula)]


def listing(code: list[Code], line: int | None = None) -> list[str]:
    """Return blocks of code, one a file, with the numbers of the marked lines, or the one that is given."""
    blocks = []
    for path in dict.fromkeys(one.path for one in code):
        parts = [one for one in code if one.path == path]
        places = ", ".join(str(line or one.start + len(one.lines) - 1) for one in parts)
        caption = f"[{path}](../../{path}), line{'s' if len(parts) > 1 else ''} {places}"
        text = "\n".join(line for one in parts for line in one.lines)
        blocks.append(f"```{{code-block}} python\n:caption: {caption}\n\n{text}\n```")
    return blocks


class StepDirective(SphinxDirective):
    """Show the calls of a function, as ``nnfw.training.loop.train_step``, on the network and the loss."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return the picture."""
        function = named(self.arguments[0])
        self.env.note_dependency(inspect.getsourcefile(function))
        boxes = []
        for statement in ast.walk(ast.parse(inspect.getsource(function))):
            call = getattr(statement, "value", None)
            if isinstance(statement, ast.Expr | ast.Assign) and isinstance(call, ast.Call):
                owner = getattr(getattr(call.func, "value", None), "id", "")
                if owner in ("network", "loss"):
                    names = re.findall(r"\w+", " ".join(map(ast.unparse, getattr(statement, "targets", []))))
                    text = call.func.attr if owner == "network" else owner
                    boxes.append((statement.lineno, text, next((n for n in names if n in ("a", "dy")), "")))
        out = [svg(150 * len(boxes) - 50, 60, f"The calls in {function.__name__}")]
        for i, (_, text, label) in enumerate(sorted(boxes)):
            x = 50 + 150 * i
            out.append(f'<rect class="made" x="{x - 48}" y="11" width="96" height="38" rx="9"/>')
            out.append(f'<text class="call" x="{x}" y="35">{text}</text>')
            if i + 1 < len(boxes):
                out.append(f'<path class="arrow" d="M{x + 48} 30H{x + 100}" marker-end="url(#tip)"/>')
                out.append(f'<text class="number" x="{x + 72}" y="22">{label}</text>')
        return [nodes.raw("", f'<div class="cell-picture">{"".join(out)}</svg></div>', format="html")]


class FormulasDirective(SphinxDirective):
    """Show the equations of a class, as ``nnfw.layers.residual.Residual``, and what leads to each block."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return paragraphs and blocks."""
        cls = named(self.arguments[0])
        self.env.note_dependency(inspect.getsourcefile(cls))
        text, paragraphs = [], inspect.getdoc(cls).partition("\nParameters\n")[0].split("\n\n")
        for lead, block in itertools.pairwise(paragraphs):
            if lead.endswith("::"):
                block = inspect.cleandoc("\n" + block)
                text += [lead[:-1] * (lead != "::"), f"```{{code-block}} text\n{block}\n```"]
        return self.parse_text_to_nodes("\n\n".join(text))


class SourceDirective(SphinxDirective):
    """Show the code of a function or method, as ``nnfw.layers.gru.GRU.forward``, without its docstring."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return the block of code."""
        function = named(self.arguments[0])
        self.env.note_dependency(inspect.getsourcefile(function))
        lines, first = inspect.getsourcelines(function)
        body = ast.parse(inspect.cleandoc("\n" + "".join(lines))).body[0].body
        if ast.get_docstring(ast.Module(body, [])):
            del lines[body[0].lineno - 1 : body[0].end_lineno]
        text = inspect.cleandoc("\n" + "".join(lines))
        path = Path(inspect.getsourcefile(function)).relative_to(ROOT).as_posix()
        return self.parse_text_to_nodes("\n".join(listing([Code(path, first, text.splitlines())], first)))


def named(path: str) -> object:
    """Return the function or method of a dotted name."""
    module, _, name = path.rpartition(".")
    try:
        return getattr(importlib.import_module(module), name)
    except ModuleNotFoundError:
        return getattr(named(module), name)


def setup(app):
    """Connect the extension."""
    app.add_directive("layer", LayerDirective)
    app.add_directive("training-step", StepDirective)
    app.add_directive("formulas", FormulasDirective)
    app.add_directive("source", SourceDirective)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

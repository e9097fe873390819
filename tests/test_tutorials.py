"""The tutorials run from the first cell to the last, small and without Jupyter, and keep one form."""

import ast
import re
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import pytest

FOLDER = Path(__file__).parent.parent / "docs" / "tutorials"

# What each tutorial computes, less of it: these replace the values of its cell that is tagged `parameters`.
SMALL = {
    "one_neuron": {},
    "xor_and_gradients": {},
    "backpropagation_through_time": {"samples": 32, "steps": 24, "epochs": 1, "windows": (2, 8)},
    "vanishing_gradients": {"steps": 8, "samples": 64, "epochs": 1},
    "inside_a_gru": {"samples": 64, "epochs": 2, "units": 3},
    "japanese_vowels": {"epochs": 2, "seeds": (0, 1)},
    "characters": {"characters": 8000, "epochs": 1, "units": 8},
    "honest_forecast": {"epochs": 2, "seeds": range(2)},
    "overfitting": {"long": 20, "epochs": 2, "samples": 64, "seeds": range(1)},
    "own_layer": {"samples": 64, "epochs": 2},
    "deployment": {"epochs": 2},
    "cross_validation": {"epochs": 2, "units": (2, 4)},
}
TUTORIALS = [FOLDER / f"{name}.md" for name in SMALL]
OPTIONAL = "sklearn", "onnx", "onnxruntime", "nnfw.sklearn"
FENCE = re.compile(r"^```(\{code-cell\}|python)[^\n]*\n((?::tags: \[[^\n]*\]\n)?)(.*?)^```$", re.M | re.S)


def cells(path):
    """Return the tags and the code of each cell, and of the answers, which are tagged `answer`."""
    found = FENCE.finditer(path.read_text(encoding="utf-8"))
    return [
        ({"answer"} if kind == "python" else set(re.findall(r"[\w-]+", tags)[1:]), code)
        for kind, tags, code in (match.groups() for match in found)
    ]


def run_cell(code, names, where="cell"):
    """Run a cell; return what Jupyter would show below it."""
    tree = ast.parse(code, where)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, where, "exec"), names)
    return None if last is None else eval(compile(ast.Expression(last.value), where, "eval"), names)


def show(value):
    """Draw what is shown, as Jupyter would."""
    for form in ("_repr_mimebundle_", "_repr_html_", "__repr__"):
        if value is not None and hasattr(value, form):
            getattr(value, form)()
            return


def run(path, small):
    """Run a tutorial with small settings, but for its `claims`, which hold at full size.

    The answers come last, in reverse, so that none needs what another one before it has left.
    """
    names, numbered = {"__name__": "tutorial"}, list(enumerate(cells(path), 1))
    answers = [cell for cell in numbered if "answer" in cell[1][0]]
    for number, (tags, code) in [cell for cell in numbered if cell not in answers] + answers[::-1]:
        if "claims" not in tags:
            show(run_cell(code, names, f"{path.stem}, cell {number}"))
            plt.close("all")
        if "parameters" in tags:
            assert set(small) <= set(names), "a setting that the cell does not have"
            names.update(small)


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """Stand in an empty folder, and draw without a display."""
    plt.switch_backend("agg")
    monkeypatch.chdir(tmp_path)


def text_of(path):
    """Return the prose of a tutorial, without code and formulas."""
    text = re.sub(r"^```.*?^```$", "", path.read_text(encoding="utf-8"), flags=re.M | re.S)
    return re.sub(r"\$\$.*?\$\$|\$[^$\n]+\$|`[^`\n]+`", "", text, flags=re.S)


def test_the_index_lists_every_tutorial():
    index = (FOLDER / "index.md").read_text(encoding="utf-8")
    listed = re.search(r"```\{toctree\}\n(?::\w+:[^\n]*\n)*\n?(.*?)```", index, re.S)[1].split()
    assert listed == list(SMALL)
    assert {path.stem for path in FOLDER.glob("*.md")} == {*SMALL, "index"}
    assert re.findall(r"^\| \[.*?\]\((\w+)\.md\) \| .+ \| \d+ \|$", index, re.M) == listed


@pytest.mark.parametrize("path", TUTORIALS, ids=lambda path: path.stem)
class TestTutorials:
    def test_keeps_the_form(self, path):
        text, prose = path.read_text(encoding="utf-8"), text_of(path)
        assert text.startswith("---\njupytext:\n")
        for part in (r"^\*\*Goal\.\*\* ", r"^\*\*Time\.\*\* \d+ minutes", r"^\*\*Before\.\*\* "):
            assert len(re.findall(part, text, re.M)) == 1
        assert re.findall(r"^## (Exercises|Where to go next)$", text, re.M) == [
            "Exercises",
            "Where to go next",
        ]
        assert len(re.findall(r"^:::\{dropdown\} Answer$", text, re.M)) == 3
        assert sum("answer" in tags for tags, _ in cells(path)) >= 3
        assert not re.search(r"\w!|\blet's\b|\bLet's\b|\bsimply\b|\beasy\b", prose)

    def test_cells_are_short(self, path):
        for tags, code in cells(path):
            longest = 30 if code.startswith("class ") else 15  # a class is read as a whole
            assert len(code.splitlines()) <= longest or "answer" in tags, code
            assert all(len(line) <= 100 for line in code.splitlines()), code

    def test_links_lead_somewhere(self, path):
        for target in re.findall(r"\]\(([\w/.-]+\.(?:md|py))\)", path.read_text(encoding="utf-8")):
            assert (FOLDER / target).resolve().is_file(), target

    @pytest.mark.slow
    def test_runs(self, path):
        pytest.importorskip("myst_nb")  # where the site is built, its tutorials are tried
        run(path, SMALL[path.stem])


@pytest.mark.slow
@pytest.mark.parametrize("name", ["deployment", "cross_validation"])
def test_says_what_to_install(name, monkeypatch, capsys):
    for module in OPTIONAL:
        monkeypatch.setitem(sys.modules, module, None)
    run(FOLDER / f"{name}.md", SMALL[name])
    assert 'pip install "nnfw[' in capsys.readouterr().out

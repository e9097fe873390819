"""Text is shown in what characters a stream has, and nothing that nnfw prints raises for want of one."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from nnfw.core.output import printable

PACKAGE = Path(__file__).parents[2] / "nnfw"
SCRIPT = """
import numpy as np
from nnfw import GRU, Callback, Dense, Network, metrics
from nnfw.gradcheck import check_layer, check_network

class Says(Callback):
    def on_epoch_end(self, run):
        run.note("écart ≥ 1")

@metrics.register("précision")
class Precision(metrics.MAE):
    name = "précision"

x = np.random.default_rng(0).normal(size=(9, 2))
network = Network([Dense(2, name="größe"), Dense(1)], metrics=["précision"], seed=0)
network.summary()
for verbose in (1, 2):
    network.fit(x, x[:, 0], epochs=2, callbacks=[Says()], verbose=verbose)
    print("after the fit")
network.check(x, x[:, 0], steps=2)
print(check_layer(Dense(2), samples=2))
"""


def run(encoding):
    environment = {**os.environ, "PYTHONIOENCODING": encoding, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", SCRIPT], env=environment, capture_output=True)
    out, err = (text.decode(encoding) for text in (done.stdout, done.stderr))
    assert done.returncode == 0, err
    return out, err


@pytest.mark.subprocess
@pytest.mark.slow
@pytest.mark.parametrize(
    ("encoding", "word", "sign"),
    [("utf-8", "é", "≥"), ("cp1252", "é", r"\u2265"), ("ascii", r"\xe9", r"\u2265")],
)
def test_all_that_is_printed_is_shown_on_any_stream(encoding, word, sign):
    out, err = run(encoding)
    assert out.count(f"{word}cart {sign} 1") == 4
    assert out.count("after the fit") == 2
    for epoch in (3, 4):
        assert f"epoch {epoch}/4: loss" in out
        assert f"pr{word}cision" in out
    assert "no warnings" in out or "! " in out
    assert "relative error" in out
    assert f"pr{word}cision" in err  # beside the bar


def test_characters_that_a_stream_has_stay():
    class Stream:
        encoding = "cp1252"

    assert printable("é ≥ \udcff", Stream) == "é \\u2265 \\udcff"
    assert printable("é ≥ \udcff", None) == "é ≥ \\udcff"


def strings(path):
    """Yield the strings of a module, but for its docstrings."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef)
    first = (node.body[0] for node in ast.walk(tree) if isinstance(node, documented) and node.body)
    docstrings = {id(node.value) for node in first if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node.value


@pytest.mark.slow
def test_messages_and_tables_are_ascii():
    """What users print themselves, a report or an error, has no character that a stream could lack."""
    paths = {*PACKAGE.rglob("*.py")} - {PACKAGE / "data" / "vocabulary.py"}  # with marks of many languages
    assert not [(path.name, text) for path in paths for text in strings(path) if not text.isascii()]


@pytest.mark.slow
@pytest.mark.parametrize(
    "encoding", ["cp437", "cp932", "cp936", "cp949", "cp950", "cp1250", "cp1251", "cp1252"]
)
def test_examples_print_what_the_encodings_of_windows_have(encoding):
    for path in (PACKAGE.parent / "examples").glob("*.py"):
        assert all(text.encode(encoding) for text in strings(path) if text), path


@pytest.mark.slow
def test_nothing_else_prints():
    prints = [path.name for path in PACKAGE.rglob("*.py") if any(calls_print(path))]
    assert prints == ["output.py"]


def calls_print(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        yield isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"

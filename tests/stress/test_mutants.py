"""The mutants: how they come about, that the list of equivalent ones is true to the code, and a few runs."""

import ast
import functools
import subprocess
import sys

import equivalents
import mutants
import mutations
import pytest
from trials import can_fork

LINES = {
    "y = a + b * 2": ["y = a - b * 2", "y = a + b / 2", "y = a + b * 1"],
    "x *= 0.5": ["pass", "x /= 0.5", "x *= 1.0"],
    "f(x, out=y)": ["pass"],
    "h[...] = z": ["pass"],
    "y = a.T": ["y = a"],
    "y = x[::-1]": ["y = x", "y = x[::1]"],
    "y = x[: n]": ["y = x[:n + 1]", "y = x[:n - 1]"],
    "y = np.dot(a, b)": ["y = np.dot(b, a)"],
    "y = a.sum(axis=0)": ["y = a.mean(axis=0)", "y = a.sum(axis=-1)"],
    "y = a < b": ["y = a <= b"],
    "y = 0 < a <= b": ["y = 0 <= a <= b", "y = 0 < a < b", "y = 1 < a <= b"],
    "y = a if b else c": ["y = a if not b else c"],
    "y = a and not b": ["y = a or not b", "y = a and b"],
    "y = x.reshape(-1)": ["y = x.reshape(1)"],
    "y: int = 1": ["y: int = 0", "y: int = 2"],
    "y = True": ["y = False"],
    "raise ValueError(a + 1)": [],
    "'a docstring'": [],
    "y = f'{a + 1}'": [],
    "import a": [],
}


@functools.cache
def every():
    return [mutant for file in mutants.FILES for mutant in mutations.mutants_of(file)]


@pytest.mark.parametrize("line", LINES)
def test_what_becomes_of_a_line(line, monkeypatch):
    monkeypatch.setattr(mutations, "read", lambda file: ast.parse(line))
    assert [mutant.after for mutant in mutations.mutants_of("any")] == LINES[line]


def test_no_file_is_forgotten():
    package = mutations.ROOT / "nnfw"
    layers = {f"layers/{path.stem}" for path in (package / "layers").glob("*.py")} - {"layers/__init__"}
    assert set(mutants.FILES) == layers | {"losses", "optimizers", "core/lengths", "core/vectors"}


@pytest.mark.slow
def test_finding_the_mutants_leaves_the_tree_as_it_was():
    assert len(every()) > 1500
    trees = {mutant.file: mutant.tree for mutant in every()}
    assert trees.keys() == set(mutants.FILES)
    for file, tree in trees.items():
        assert ast.unparse(tree) == ast.unparse(mutations.read(file))


@pytest.mark.slow
@pytest.mark.parametrize("listed", [equivalents.TASTE, equivalents.SAME], ids=["taste", "same"])
def test_the_equivalent_ones_are_in_the_code(listed):
    which = "before" if listed is equivalents.TASTE else "after"
    there = {(mutant.file, getattr(mutant, which)) for mutant in every()}
    assert set(listed) <= there


@can_fork
@pytest.mark.slow
@pytest.mark.subprocess
def test_a_few_are_killed():
    command = [sys.executable, mutants.__file__, "--only", "residual", "--count", "4", "--seed", "1"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert "4 of 4 killed" in done.stdout
    assert done.returncode == 0

"""The import graph: no circles, and arrows from the higher floors to the lower ones only.

Every import counts: also one within a function, and one for annotations alone (``if TYPE_CHECKING``).
"""

import ast
import graphlib
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FILES = sorted((ROOT / "nnfw").rglob("*.py"))


def name_of(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {name_of(path): path for path in FILES}


def imports_of(path):
    """The modules of nnfw that a file names in any import statement."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in MODULES)
        elif isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "nnfw":
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if inner in MODULES else node.module


@pytest.fixture(scope="module")
def graph():
    return {name: set(imports_of(path)) - {name} for name, path in MODULES.items()}


def test_there_are_no_circles(graph):
    faceless = {name: graph[name] for name in graph if name != "nnfw"}
    graphlib.TopologicalSorter(faceless).prepare()  # raises CycleError, which shows the circle


def test_a_circle_would_be_seen(graph):
    with pytest.raises(graphlib.CycleError):
        graphlib.TopologicalSorter(graph | {"nnfw.core.typing": {"nnfw.network"}}).prepare()


def test_nothing_imports_the_top(graph):
    assert [name for name, imported in graph.items() if "nnfw" in imported] == []


def test_the_floors_of_the_contract(graph):
    tools = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]
    contracts = tools["importlinter"]["contracts"]
    floors = next(contract for contract in contracts if contract["type"] == "layers")["layers"]
    height = {f"nnfw.{room}": -n for n, floor in enumerate(floors) for room in floor.split(" | ")}
    tops = {name: ".".join(name.split(".")[:2]) for name in MODULES if name != "nnfw"}
    assert set(tops.values()) == set(height)
    upward = [
        (name, other)
        for name, imported in graph.items()
        for other in imported
        if name != "nnfw" and tops[name] != tops[other] and height[tops[other]] >= height[tops[name]]
    ]
    assert upward == []
    assert not any("ignore_imports" in contract for contract in contracts)

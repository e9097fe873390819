"""What is said twice in the files around the package is said alike."""

import re
import tomllib
from pathlib import Path

import pytest
from compiled_modules import COMPILED
from packaging.requirements import Requirement

import nnfw

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def text(name):
    return (ROOT / name).read_text(encoding="utf-8")


def test_there_is_one_version():
    assert PROJECT["tool"]["setuptools"]["dynamic"]["version"] == {"attr": "nnfw.core.version.__version__"}
    assert re.search(r"^version: (\S+)$", text("CITATION.cff"), re.M)[1] == nnfw.__version__
    assert re.search(r"^## \[?(\d\S+?)\]?[, ]", text("CHANGELOG.md"), re.M)[1] == nnfw.__version__


def test_what_numba_compiles_is_neither_typed_nor_measured():
    tools = PROJECT["tool"]
    assert tools["coverage"]["run"]["omit"] == [f"nnfw/kernels/{name}.py" for name in COMPILED]
    untyped = next(rule["module"] for rule in tools["mypy"]["overrides"] if rule.get("ignore_errors"))
    assert untyped == [f"nnfw.kernels.{name}" for name in COMPILED]


@pytest.mark.parametrize("system", ["linux", "darwin", "win32"])
def test_mpi_is_installed_on_every_system(system):
    needed = map(Requirement, PROJECT["project"]["optional-dependencies"]["mpi"])
    names = [one.name for one in needed if not one.marker or one.marker.evaluate({"sys_platform": system})]
    assert names == ["mpi4py", "impi-rt" if system == "win32" else "mpich"]  # MPICH has no wheel for Windows


def test_links_from_page_to_file_lead_to_a_file():
    pages = [page for page in (*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")) if "_build" not in page.parts]
    link = re.compile(r"\]\(([\w./-]+)[)#]")
    files = [page.parent / name for page in pages for name in link.findall(page.read_text("utf-8"))]
    assert len(files) > 100
    assert not [file for file in files if not file.exists()]


def test_commits_are_checked_as_ci_checks():
    hooks = re.findall(r"entry: (.+?),", text(".pre-commit-config.yaml"))
    lines = text(".ci/run").splitlines()
    assert len(hooks) == 4
    assert all(hook in lines for hook in hooks)


def test_the_commands_of_contributing_are_those_of_ci():
    page = text("docs/CONTRIBUTING.md")
    for command in ("ruff check .", "mypy", "lint-imports", "make -C docs"):
        assert command in page
        assert command in text(".ci/run")


def test_the_source_distribution_has_all_folders():
    grafted = re.findall(r"^graft (\S+)$", text("MANIFEST.in"), re.M)
    assert {"tests", "examples", "benchmarks", "docs"} == set(grafted)

"""The figures that keep the package small: public names, lines of a file of logic, one module a kind."""

from pathlib import Path

from alike import for_each

from nnfw import Dense, Layer, Network

PACKAGE = Path(__file__).parents[1] / "nnfw"
FILES = sorted(PACKAGE.rglob("*.py"))
CATALOGUES = [  # whose members are read one at a time
    f"{kind}.py"
    for kind in (
        "activations",
        "initializers",
        "losses",
        "metrics",
        "optimizers",
        "regularizers",
        "schedules",
    )
]
LONGER = {"network.py": 342}  # most of it is documentation
LONGER |= {"kernels/cells.py": 420}  # one file, as numba's cache asks for it


def public_names(thing):
    return {name for name in dir(thing) if not name.startswith("_")}


@for_each(("thing", "most"), [(Layer, 24), (Layer(), 24), (Network, 42), (Network([Dense(1)]), 42)])
def test_public_names(thing, most):
    assert len(public_names(thing)) <= most, sorted(public_names(thing))


def test_a_file_of_logic_is_short():
    lines = {path.relative_to(PACKAGE).as_posix(): path.read_text("utf-8").count("\n") for path in FILES}
    logic = {name: count for name, count in lines.items() if name not in CATALOGUES}
    assert not {name: count for name, count in logic.items() if count > LONGER.get(name, 300)}


def test_one_module_a_kind():
    names = {path.relative_to(PACKAGE).as_posix() for path in FILES}
    assert set(CATALOGUES) <= names
    assert not [name for name in names if name.endswith("given.py")]
    assert not names & {name.replace("s.py", ".py").replace("sse", "ss") for name in CATALOGUES}

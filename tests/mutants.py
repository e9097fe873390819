"""Tests that are tested by machine: one small change of the mathematics at a time must turn the tests red.

``python tests/mutants.py --count 300 --seed 0`` samples such mutants of the layers, losses and optimizers,
runs for each the tests that know its file, and prints those that went unseen and the share that was killed;
``--all`` takes every one, ``--only WORD`` those of files whose name holds a word, ``--list`` runs nothing.

A mutant lives in a process of its own that imports the changed module in place of the file; nothing on disk
is touched. `equivalents.py` lists the changes that no test can see, and why.
"""

import argparse
import ast
import contextlib
import importlib.util
import itertools
import os
import random
import resource
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterable, Iterator
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path
from types import CodeType
from typing import NamedTuple

import equivalents
import hypothesis  # noqa: F401 (imported once, for all the processes that follow)
import numpy  # noqa: F401, ICN001
import pytest

ROOT = Path(__file__).parent.parent
SECONDS = 120  # a mutant that runs longer hangs, and is seen
MEMORY = 4 << 30

RECURRENT = ["test_layers", "test_layer_use", "test_contract"]
SMALL = ["test_small_layers", "test_contract", "test_layer_use"]
TESTS = {  # which tests must see the mutants of a file, those first that see most, and a -k expression
    "layers/bidirectional": (["test_contract", "test_layer_use"], "bidirectional"),
    "layers/dense": ([*RECURRENT, "test_network"], "dense or test_network"),
    "layers/dropout": (SMALL, "dropout or random or causal or needs"),
    "layers/embedding": (SMALL, ""),
    "layers/gated": (RECURRENT, "gru or lstm"),
    "layers/gaussian_noise": (SMALL, "noise or random or causal or needs"),
    "layers/gru": (RECURRENT, "gru"),
    "layers/layer": ([*RECURRENT, "test_network", "test_regularizers"], ""),
    "layers/layer_norm": (SMALL, ""),
    "layers/lengths": (SMALL, ""),
    "layers/lstm": (RECURRENT, "lstm"),
    "layers/pooling": (SMALL, ""),
    "layers/recurrent": ([*RECURRENT, "test_streaming"], "rnn or gru or lstm or test_streaming"),
    "layers/reshaping": (SMALL, ""),
    "layers/rnn": (RECURRENT, "rnn"),
    "layers/steps": (["test_steps", *RECURRENT], "test_steps or rnn or gru or lstm"),
    "loss": (["test_losses", "test_network"], ""),
    "losses": (["test_losses"], ""),
    "optimizer": (["test_optimizers", "test_network"], ""),
    "optimizers": (["test_optimizers"], ""),
}

INSTEAD = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Pow: ast.Mult,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.And: ast.Or,
    ast.Or: ast.And,
}
OTHER_NAMES = {
    "add": "subtract",
    "subtract": "add",
    "multiply": "divide",
    "divide": "multiply",
    "maximum": "minimum",
    "minimum": "maximum",
    "max": "min",
    "min": "max",
    "sum": "mean",
    "mean": "sum",
    "argmax": "argmin",
    "any": "all",
    "all": "any",
    "ones": "zeros",
    "zeros": "ones",
    "zeros_like": "ones_like",
    "ones_like": "zeros_like",
    "log1p": "log",
    "exp": "expm1",
    "sqrt": "square",
    "square": "abs",
    "sign": "tanh",
}
ORDERED = {"subtract", "divide", "dot", "matmul", "vecdot", "pow", "blend", "zip", "split", "scale"}
NO_MATHEMATICS = (ast.Raise, ast.Import, ast.ImportFrom, ast.Global, ast.JoinedStr)
BODIES = ("body", "orelse")


class Slot(NamedTuple):
    """Where a node hangs: a field of its parent, or one place of a list there."""

    parent: ast.AST
    field: str
    place: int | None

    def put(self, node: object) -> None:
        """Hang another node there."""
        if self.place is None:
            setattr(self.parent, self.field, node)
        else:
            getattr(self.parent, self.field)[self.place] = node


class Mutant(NamedTuple):
    """One change of a file."""

    file: str
    line: int
    before: str
    after: str
    tree: ast.Module
    slot: Slot
    node: ast.AST

    def __str__(self) -> str:
        return f"{self.file}.py:{self.line}\n    {self.before}\n    {self.after}"


# ---- what can be changed --------------------------------------------------------------------------------


def changes(node: ast.AST) -> Iterator[ast.AST]:
    """Yield what may stand in a node's place."""
    match node:
        case ast.BinOp(op=op) if type(op) in INSTEAD:
            yield changed(node, op=INSTEAD[type(op)]())
        case ast.AugAssign(op=op):
            yield ast.Pass()
            if type(op) in INSTEAD:
                yield changed(node, op=INSTEAD[type(op)]())
        case ast.Expr(value=ast.Call()) | ast.Assign(targets=[ast.Subscript() | ast.Attribute()]):
            yield ast.Pass()
        case ast.BoolOp(op=op):
            yield changed(node, op=INSTEAD[type(op)]())
        case ast.UnaryOp(op=ast.USub() | ast.Not() | ast.Invert()):
            yield node.operand
        case ast.Compare(ops=[op, *others]) if type(op) in INSTEAD:
            yield changed(node, ops=[INSTEAD[type(op)](), *others])
            if len(others) == 1 and type(others[0]) in INSTEAD:
                yield changed(node, ops=[op, INSTEAD[type(others[0])]()])
        case ast.If(test=test) | ast.IfExp(test=test):
            yield changed(node, test=ast.UnaryOp(ast.Not(), test))
        case ast.keyword(arg="axis", value=axis):
            yield changed(node, value=ast.Constant(-1 if ast.unparse(axis) == "0" else 0))
        case ast.Constant(value=bool() | int() | float() as value):
            yield from map(ast.Constant, other_values(value))
        case ast.Attribute(attr="T"):
            yield node.value
        case ast.Subscript(slice=ast.Slice(step=ast.UnaryOp())):
            yield node.value
        case ast.Slice(step=None):
            yield from moved(node)
        case ast.Call():
            yield from other_calls(node)


def changed(node: ast.AST, **fields: object) -> ast.AST:
    """Return a node like this one, but for some of its fields."""
    return ast.copy_location(type(node)(**dict(ast.iter_fields(node)) | fields), node)


def other_values(value: bool | int | float) -> list[bool | int | float]:
    """Return the constants to try in place of one."""
    if isinstance(value, bool):
        return [not value]
    return {0: [value + 1], 1: [value - 1, value + 1], 2: [value - 1]}.get(value, [value * 2])


def moved(bounds: ast.Slice) -> Iterator[ast.AST]:
    """Yield a slice with its first element left out, and with its last."""
    one = ast.Constant(1)
    for side in ("lower", "upper"):
        bound = getattr(bounds, side)
        if bound is not None:
            yield changed(bounds, **{side: ast.BinOp(bound, ast.Add(), one)})
            yield changed(bounds, **{side: ast.BinOp(bound, ast.Sub(), one)})


def other_calls(call: ast.Call) -> Iterator[ast.AST]:
    """Yield a call with its arguments swapped, and one of a similar function."""
    name = getattr(call.func, "attr", getattr(call.func, "id", ""))
    if len(call.args) >= 2 and name.lstrip("_") in ORDERED:
        first, second, *others = call.args
        yield changed(call, args=[second, first, *others])
    if name in OTHER_NAMES and isinstance(call.func, ast.Attribute):
        yield changed(call, func=changed(call.func, attr=OTHER_NAMES[name]))


# ---- where ----------------------------------------------------------------------------------------------


def slots(parent: ast.AST, statement: Slot | None = None) -> Iterator[tuple[Slot, ast.AST, Slot]]:
    """Yield every place of a tree that holds mathematics, its node, and the place of its statement."""
    for field, value in ast.iter_fields(parent):
        if field in ("annotation", "returns", "decorator_list", "bases"):
            continue
        for place, node in enumerate(value) if isinstance(value, list) else [(None, value)]:
            if not isinstance(node, ast.AST) or is_passed_over(node):
                continue
            slot = Slot(parent, field, place)
            around = slot if isinstance(node, ast.stmt) else statement
            yield slot, node, around or slot
            if not (isinstance(node, ast.keyword) and node.arg == "axis"):
                yield from slots(node, around)


def is_passed_over(node: ast.AST) -> bool:
    """Return whether a node holds no mathematics: messages, docstrings, types, labels."""
    match node:
        case ast.Expr(value=ast.Constant()) | ast.If(test=ast.Name(id="TYPE_CHECKING")):
            return True
        case ast.FunctionDef(name="label" | "_remedy" | "__repr__"):
            return True
    return isinstance(node, NO_MATHEMATICS)


def read(file: str) -> ast.Module:
    """Return the tree of a file of the package."""
    return ast.parse((ROOT / "nnfw" / f"{file}.py").read_text())


def mutants_of(file: str) -> Iterator[Mutant]:
    """Yield all mutants of a file, all of them changes of one tree."""
    tree, seen = read(file), set()
    for slot, node, (parent, field, place) in list(slots(tree)):
        statement = getattr(parent, field)[place]
        before = ast.unparse(statement).splitlines()
        for other in changes(node):
            slot.put(other)
            now = getattr(parent, field)[place]
            after = ast.unparse(now).splitlines()
            slot.put(node)
            was, becomes = next(((b, a) for b, a in zip(before, after, strict=False) if b != a), ("", ""))
            what = file, getattr(node, "lineno", statement.lineno), was.strip(), becomes.strip()
            if was and what not in seen:
                seen.add(what)
                yield Mutant(*what, tree, slot, other)


# ---- running --------------------------------------------------------------------------------------------


class Changed(SourceFileLoader):
    """Imports the mutant in place of its file."""

    def __init__(self, mutant: Mutant) -> None:
        super().__init__(f"nnfw.{mutant.file}".replace("/", "."), str(Path("nnfw", f"{mutant.file}.py")))
        self.tree = ast.fix_missing_locations(mutant.tree)

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        """Answer for the one module."""
        return importlib.util.spec_from_loader(name, self) if name == self.name else None

    def get_code(self, fullname: str) -> CodeType:
        """Compile the changed tree."""
        return compile(self.tree, self.path, "exec")


def become(mutant: Mutant) -> None:
    """Turn this process, made for it, into one of the mutant, that cannot hang or fill the memory."""
    signal.alarm(SECONDS)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    mutant.slot.put(mutant.node)
    sys.meta_path.insert(0, Changed(mutant))


def run_tests(mutant: Mutant | None) -> int:
    """Run the tests that know a mutant, or those of all files, in this process; return what pytest returns."""
    os.nice(10)
    files, words = {file for files, _ in TESTS.values() for file in files}, ""
    if mutant:
        become(mutant)
        files, words = TESTS[mutant.file]
    with open(os.devnull, "w") as sink:
        os.dup2(sink.fileno(), 1)
        os.dup2(sink.fileno(), 2)
    options = ["-q", "-x", "--tb=no", "--assert=plain", "-p", "no:cacheprovider", "-k", words]
    return int(pytest.main([*options, *(f"tests/{file}.py" for file in files)]))


def start(mutant: Mutant | None) -> int:
    """Start a process for a mutant, or for none, and return its number."""
    child = os.fork()
    if not child:
        status = 99
        with contextlib.suppress(BaseException):
            status = run_tests(mutant)
        os._exit(status)
    return child


def survivors(mutants: Iterable[Mutant], jobs: int) -> Iterator[Mutant]:
    """Run the tests for each mutant, `jobs` at a time; yield those that no test saw."""
    running: dict[int, Mutant] = {}
    waiting = iter(mutants)
    while True:
        for mutant in itertools.islice(waiting, jobs - len(running)):
            running[start(mutant)] = mutant
        if not running:
            return
        child, status = os.wait()
        mutant = running.pop(child)
        if status == 0:
            yield mutant


@contextlib.contextmanager
def a_copy() -> Iterator[None]:
    """Work in a copy of the project, so that it can be edited meanwhile."""
    with tempfile.TemporaryDirectory() as folder:
        for part in ("nnfw", "tests"):
            shutil.copytree(ROOT / part, Path(folder, part))
        shutil.copy(ROOT / "pyproject.toml", folder)
        sys.path.insert(0, folder)
        with contextlib.chdir(folder):
            yield


def main() -> int:
    """Run a sample of mutants, and return how many went unseen."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--count", type=int, default=300, help="mutants to sample")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--all", action="store_true", help="take every mutant")
    parser.add_argument("--only", default="", help="a word of the files' names")
    parser.add_argument("--list", action="store_true", help="print the mutants, and run nothing")
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    with a_copy():
        everything = [mutant for file in TESTS if options.only in file for mutant in mutants_of(file)]
        mutants = [mutant for mutant in everything if not equivalents.reason(mutant)]
        random.Random(options.seed).shuffle(mutants)
        sample = mutants if options.all else mutants[: options.count]
        if options.list:
            print(*sample, sep="\n")
            return 0
        if os.waitpid(start(None), 0)[1]:
            sys.exit("the tests fail without any change: mend that first")
        unseen = 0
        for mutant in survivors(sample, options.jobs):
            unseen += 1
            print(mutant, flush=True)
    print(f"{len(everything)} mutants, {len(everything) - len(mutants)} of them equivalent")
    print(f"{len(sample) - unseen} of {len(sample)} killed: {1 - unseen / len(sample):.1%}")
    return unseen


if __name__ == "__main__":
    sys.exit(main())

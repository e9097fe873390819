"""Mutations: the small changes of a file's mathematics, found in its syntax tree; `mutants` tries them."""

import ast
from collections.abc import Iterator
from typing import NamedTuple

from paths import ROOT

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
ORDERED = {"subtract", "divide", "dot", "matmul", "blend", "over_root"}
NO_MATHEMATICS = (ast.Raise, ast.Import, ast.ImportFrom, ast.Global, ast.JoinedStr)


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
    original: ast.AST

    def source(self) -> str:
        """Return the text of the changed file."""
        self.slot.put(self.node)
        text = ast.unparse(ast.fix_missing_locations(self.tree))
        self.slot.put(self.original)
        return text

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
        case ast.Attribute(attr="T", value=matrix) if ast.unparse(matrix) != "self":
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
            if not is_whole(node):
                yield from slots(node, around)


def is_whole(node: ast.AST) -> bool:
    """Return whether a node is changed as one, or not at all: the number of an axis, and -1."""
    match node:
        case ast.keyword(arg="axis") | ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=1)):
            return True
    return False


def is_passed_over(node: ast.AST) -> bool:
    """Return whether a node holds no mathematics: messages, docstrings, types, labels, guards."""
    match node:
        case ast.Expr(value=ast.Constant()) | ast.If(test=ast.Name(id="TYPE_CHECKING")):
            return True
        case ast.FunctionDef(name="label" | "_remedy") | ast.keyword(arg="strict"):
            return True
    return isinstance(node, NO_MATHEMATICS)


def read(file: str) -> ast.Module:
    """Return the tree of a file of the package."""
    return ast.parse((ROOT / "nnfw" / f"{file}.py").read_text("utf-8"))


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
                yield Mutant(*what, tree, slot, other, node)

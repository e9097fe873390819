"""Many cases of one quick check, run as one test: to collect and report each takes longer than to run it."""

import functools
import inspect
from collections.abc import Callable, Iterable
from typing import Any

import pytest

PARAM = type(pytest.param())


def for_each(names: str | tuple[str, ...], rows: Iterable[Any]) -> Callable[..., Any]:
    """Return a decorator as `pytest.mark.parametrize` is, of one test that runs row after row."""
    names = tuple(names.replace(" ", "").split(",")) if isinstance(names, str) else names
    cases = []
    for row in rows:
        param = row if isinstance(row, PARAM) else pytest.param(*(row if len(names) > 1 else [row]))
        assert not param.marks, "a mark is of a whole test"
        cases.append((param.id, dict(zip(names, param.values, strict=True))))
    assert cases, "a test without a row checks nothing"

    def decorate(test):
        @functools.wraps(test)
        def run(*owner, **fixtures):
            for name, values in cases:
                try:
                    test(*owner, **fixtures, **values)
                except BaseException as error:
                    error.add_note(f"The row is {name or values}")
                    raise

        signature = inspect.signature(test)
        rest = [p for name, p in signature.parameters.items() if name not in names]
        run.__signature__ = signature.replace(parameters=rest)
        return run

    return decorate

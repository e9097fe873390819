"""What runs many cases as one test: each of them runs, and one that fails is named."""

import inspect

import pytest
from alike import for_each


def test_every_row_runs():
    seen = []

    @for_each("a, b", [(1, 2), pytest.param(3, 4, id="named")])
    @for_each("c", "xy")
    def check(fixture, a, b, c):
        seen.append((fixture, a, b, c))

    assert list(inspect.signature(check).parameters) == ["fixture"]
    check(fixture=0)
    assert seen == [(0, 1, 2, "x"), (0, 1, 2, "y"), (0, 3, 4, "x"), (0, 3, 4, "y")]


@pytest.mark.parametrize(("row", "shown"), [(3, "{'n': 3}"), (pytest.param(3, id="three"), "three")])
def test_a_row_that_fails_is_named(row, shown):
    @for_each("n", [2, row])
    def check(n):
        assert n == 2

    with pytest.raises(AssertionError) as caught:
        check()
    assert caught.value.__notes__ == [f"The row is {shown}"]


@pytest.mark.parametrize(
    ("rows", "error"),
    [
        ([], AssertionError),
        ([(1,)], ValueError),
        ([pytest.param(1, 2, marks=pytest.mark.slow)], AssertionError),
    ],
)
def test_rows_that_would_not_run_are_refused(rows, error):
    with pytest.raises(error):
        for_each("a, b", rows)

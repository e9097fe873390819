"""Checks of arguments: what passes, what is kept of it, and what the messages say of the rest."""

import math
import re
from dataclasses import dataclass
from fractions import Fraction
from typing import Annotated

import numpy as np
import pytest
from alike import for_each
from hypothesis import given
from hypothesis import strategies as st

from nnfw.core import validation as checks
from nnfw.core.validation import check_fields


class TestChecks:
    @for_each("value", [5, np.int8(5), np.uint64(5), np.int64(5)])
    def test_whole_numbers(self, value):
        found = checks.whole_number("Owner", "count", value)
        assert (found, type(found)) == (5, int)

    @for_each("value", [True, np.True_, 5.0, "5", None, 5j, [5], np.array([5]), Fraction(5)])
    @for_each("check", [checks.whole_number, checks.positive_integer])
    def test_what_is_no_whole_number(self, check, value):
        said = f"Owner: count must be a whole number, got {value!r} ({type(value).__name__})"
        with pytest.raises(TypeError, match=re.escape(said)):
            check("Owner", "count", value)

    @given(st.integers(-5, 5), st.integers(-5, 5))
    @pytest.mark.slow
    def test_lowest_whole_number(self, value, low):
        if value >= low:
            assert checks.whole_number("Owner", "count", value, low) == value
        else:
            with pytest.raises(ValueError, match=f"^Owner: count must be at least {low}, got {value}$"):
                checks.whole_number("Owner", "count", value, low)

    def test_positive_starts_at_one(self):
        assert checks.positive_integer("Owner", "count", 1) == 1
        with pytest.raises(ValueError, match="at least 1, got 0"):
            checks.positive_integer("Owner", "count", 0)

    def test_boolean(self):
        assert checks.boolean("Owner", "switch", True) is True
        assert checks.boolean("Owner", "switch", False) is False
        for value in (1, 0, None, "yes", 1.0, []):
            with pytest.raises(TypeError, match=r"^Owner: switch must be True or False, got "):
                checks.boolean("Owner", "switch", value)

    @for_each("value", [0.5, np.float32(0.5), np.float64(0.5), Fraction(1, 2)])
    def test_numbers(self, value):
        found = checks.FINITE("Owner", "share", value)
        assert (found, type(found)) == (0.5, float)

    @for_each("value", [True, "0.5", None, 1j, [0.5], np.array([0.5])])
    def test_what_is_no_number(self, value):
        with pytest.raises(TypeError, match=r"^Owner: share must be a number, got "):
            checks.FINITE("Owner", "share", value)

    @for_each("value", [math.inf, -math.inf, math.nan, np.float32("inf")])
    def test_numbers_are_finite(self, value):
        with pytest.raises(ValueError, match=r"^Owner: share must be a finite number in \(-inf, inf\), got "):
            checks.FINITE("Owner", "share", value)

    @given(
        st.one_of(st.sampled_from([-1.0, 0.0, 1.0, -0.0, math.inf, -math.inf, math.nan]), st.floats()),
        st.sampled_from([-math.inf, -1.0, 0.0]),
        st.sampled_from([0.0, 1.0, math.inf]),
        st.booleans(),
        st.booleans(),
    )
    @pytest.mark.slow
    def test_intervals(self, value, low, high, open_low, open_high):
        above = low < value if open_low else low <= value
        below = value < high if open_high else value <= high

        def call():
            return checks.Range(low, high, open_low, open_high)("Owner", "share", value)

        if above and below and math.isfinite(value):
            assert call() == value
        else:
            left, right = "[("[open_low or low == -math.inf], "])"[open_high or high == math.inf]
            ends = f"{left}{low:g}, {high:g}{right}"
            said = f"Owner: share must be a finite number in {ends}, got {value}"
            with pytest.raises(ValueError, match=f"^{re.escape(said)}$"):
                call()

    @pytest.mark.parametrize("value", [10**400, Fraction(10**400, 3)])
    def test_more_than_a_float_can_hold(self, value):
        for check, signed, got in ((checks.FINITE, value, "inf"), (checks.FINITE, -value, "-inf")):
            for call in (check, check.exact):
                with pytest.raises(ValueError, match=rf"^Owner: share must be .* \(-inf, inf\), got {got}$"):
                    call("Owner", "share", signed)

    @for_each("value", [3, np.int8(3), np.uint64(3), 3.0, np.float32(3), Fraction(3)])
    def test_exact_numbers(self, value):
        found = checks.POSITIVE.exact("Owner", "share", value)
        assert (found, type(found)) == (3, int if isinstance(value, (int, np.integer)) else float)
        assert type(checks.POSITIVE("Owner", "share", value)) is float

    @for_each(
        ("check", "ends", "inside", "outside"),
        [
            (checks.FINITE, "(-inf, inf)", [-1e308, 0.0, 1e308], [math.inf, -math.inf, math.nan]),
            (checks.AMOUNT, "[0, inf)", [0.0, 5e-324, 1e308], [-5e-324, math.inf, math.nan]),
            (checks.POSITIVE, "(0, inf)", [5e-324, 1e308], [0.0, -1.0, math.inf]),
            (checks.SHARE, "[0, 1]", [0.0, 0.5, 1.0], [-5e-324, 1 + 2**-52]),
            (checks.FRACTION, "[0, 1)", [0.0, 1 - 2**-53], [-5e-324, 1.0]),
        ],
    )
    def test_ranges(self, check, ends, inside, outside):
        assert [check("Owner", "share", value) for value in inside] == inside
        said = re.escape(f"Owner: share must be a finite number in {ends}, got ")
        for value in outside:
            for call in (check, check.exact):
                with pytest.raises(ValueError, match=f"^{said}"):
                    call("Owner", "share", value)

    def test_what_may_be_none(self):
        check = checks.optional(checks.POSITIVE)
        assert check("Owner", "limit", None) is None
        assert check("Owner", "limit", 2) == 2.0
        with pytest.raises(ValueError, match=r"^Owner: limit must be a finite number in \(0, inf\), got 0"):
            check("Owner", "limit", 0)

    def test_each_of_a_list(self):
        check = checks.each(checks.AMOUNT)
        assert check("Owner", "rates", np.array([1, 2])) == (1.0, 2.0)
        assert check("Owner", "rates", []) == ()
        with pytest.raises(ValueError, match=r"^Owner: rates\[1\] must be .*, got -1"):
            check("Owner", "rates", [1, -1])
        for value in ("12", 12, None):
            with pytest.raises(TypeError, match=r"^Owner: rates must be a list, got .* \("):
                check("Owner", "rates", value)

    @pytest.mark.parametrize("check", [checks.AMOUNT, checks.whole_number, checks.each(checks.AMOUNT)])
    def test_messages_are_short(self, check):
        for value in (np.full(999, -1.0), "x" * 10_000, range(10_000, -2, -1)):
            with pytest.raises((TypeError, ValueError)) as raised:
                check("Owner", "share", value)
            assert len(str(raised.value)) < 150


@dataclass
class Held:
    """Checks its fields."""

    size: Annotated[float, checks.POSITIVE]
    share: Annotated[float, checks.SHARE, checks.POSITIVE] = 0.5
    limit: Annotated[float | None, checks.optional(checks.POSITIVE)] = None
    name: str = "any"

    def __post_init__(self):
        check_fields(self)


@dataclass
class Wider(Held):
    share: Annotated[float, checks.AMOUNT] = 2


class TestCheckedFields:
    def test_what_the_checks_return_is_kept(self):
        held = Held(np.float32(2), limit=3)
        assert vars(held) == {"size": 2.0, "share": 0.5, "limit": 3.0, "name": "any"}
        assert {type(value) for value in list(vars(held).values())[:3]} == {float}
        for name, value in {"size": 0, "share": 1.5, "limit": -1}.items():
            with pytest.raises(ValueError, match=f"^Held: {name} must be a finite number in "):
                Held(**{"size": 1.0, name: value})
        with pytest.raises(TypeError, match=r"^Held: size must be a number, got None"):
            Held(None)

    def test_all_checks_of_a_field_are_made(self):
        with pytest.raises(ValueError, match=r"^Held: share .* in \(0, inf\), got 0"):
            Held(1.0, share=0.0)

    def test_a_subclass_inherits_them_and_may_change_them(self):
        wider = Wider(1)
        assert (wider.size, wider.share, type(wider.share)) == (1.0, 2.0, float)
        with pytest.raises(ValueError, match=r"^Wider: share"):
            Wider(1, share=-1)
        with pytest.raises(ValueError, match=r"^Wider: size"):
            Wider(0)

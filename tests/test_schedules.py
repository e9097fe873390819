"""Each schedule against a formula written anew, and against PyTorch's recorded values."""

import cmath
import copy
import math
import pickle
from dataclasses import FrozenInstanceError, dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from alike import for_each
from hypothesis import given
from hypothesis import strategies as st

from nnfw.schedules import (
    Constant,
    Cosine,
    CosineRestarts,
    Custom,
    Exponential,
    InverseTime,
    Linear,
    Noam,
    OneCycle,
    Piecewise,
    Polynomial,
    Scaled,
    Schedule,
    Sequence,
    Step,
    Triangular,
    Warmup,
    get,
    register,
    registry,
)

RECORDED = np.load(Path(__file__).parent / "recorded" / "schedules.npz")
RATE, LOW, STEPS = 0.3, 0.02, 41
EPOCHS = np.random.default_rng(7).uniform(0, 70, 60)


def cosine(top, bottom, share):
    """Half a cosine from `top` to `bottom`, from the complex exponential."""
    return bottom + (top - bottom) * (1 + cmath.exp(1j * math.pi * share).real) / 2


def restarts(e):
    """Walk through the descents of CosineRestarts(0.3, 5, factor=1.5, end=0.02, descent=0.2) one by one."""
    length, height = 5.0, 0.28
    while e >= length:
        e, length, height = e - length, length * 1.5, height * 0.8
    return cosine(0.02 + height, 0.02, e / length)


def power_by_hand(e):
    return 0.02 + 0.28 * max(0.0, 23 - e) ** 1.7 / 23**1.7


FORMULAS = {
    Constant(0.3): lambda e: 0.3,
    Step(0.3, drop=0.6, every=7): lambda e: 0.3 * np.prod([0.6 for k in range(1, 50) if k * 7 <= e]),
    Piecewise([5, 12.5], [0.3, 0.1, 0.2]): lambda e: 0.3 if e < 5 else 0.1 if e < 12.5 else 0.2,
    Exponential(0.3, decay=0.13): lambda e: 0.3 / math.e ** (0.13 * e),
    Exponential(0.3, decay=0.0): lambda e: 0.3,
    Exponential(0.3, cycle=8, descent=0.25): lambda e: (
        0.3 * 0.75 ** math.floor(e / 8) * math.exp(-0.625 * math.fmod(e, 8))
    ),
    Exponential(0.3, decay=0.2, cycle=8): lambda e: 0.3 * math.exp(-0.2 * math.fmod(e, 8)),
    InverseTime(0.3, decay=0.4): lambda e: 1 / (1 / 0.3 + e * 0.4 / 0.3),
    Linear(0.3, 23, end=0.02): lambda e: np.interp(e, [0, 23], [0.3, 0.02]),
    Polynomial(0.3, 23, end=0.02, power=1.7): power_by_hand,
    Cosine(0.3, 23, end=0.02): lambda e: cosine(0.3, 0.02, min(e, 23) / 23),
    CosineRestarts(0.3, 5, factor=1.5, end=0.02, descent=0.2): restarts,
    OneCycle(0.3, 50, warmup=0.2, start_factor=0.1, end_factor=0.01): lambda e: (
        cosine(0.03, 0.3, e / 10) if e < 10 else cosine(0.3, 0.003, min(e - 10, 40) / 40)
    ),
    Triangular(0.02, 0.3, 9, descent=0.25): lambda e: (
        0.02 + np.interp(math.fmod(e, 9), [0, 4.5, 9], [0, 0.28, 0]) * 0.75 ** (e // 9)
    ),
    Noam(64, warmup=6, factor=2.0): lambda e: 2 * 64**-0.5 * min(e**-0.5, e * 6**-1.5),
    Warmup(Cosine(0.3, 20), 4, start=0.1): lambda e: (
        np.interp(e, [0, 4], [0.1, 0.3]) if e < 4 else cosine(0.3, 0, min(e - 4, 20) / 20)
    ),
    Sequence([0.2, Linear(0.3, 10), 0.1], [5, 20.5]): lambda e: (
        0.2 if e < 5 else 0.1 if e >= 20.5 else np.interp(e, [5, 15], [0.3, 0])
    ),
    Scaled(Linear(0.3, 23), 0.5): lambda e: np.interp(e, [0, 23], [0.15, 0]),
    Custom(math.sqrt): lambda e: e**0.5,
}
EVERY = list(FORMULAS)


every = for_each("schedule", EVERY)


def test_every_schedule_is_tested():
    built_in = {cls for cls in registry.factories.values() if cls.__module__ == "nnfw.schedules"}
    assert {type(schedule) for schedule in EVERY} == built_in


@every
def test_formula(schedule):
    expected = [FORMULAS[schedule](e) for e in EPOCHS]
    np.testing.assert_allclose([schedule(e) for e in EPOCHS], expected, rtol=1e-12, atol=1e-16)


@for_each(
    ("recorded", "schedule"),
    {
        "constant": Constant(RATE),
        "step": Step(RATE, drop=0.6, every=7),
        "multistep": Piecewise([5, 12, 30], [RATE, RATE / 10, RATE / 100, RATE / 1000]),
        "exponential": Exponential(RATE, decay=-math.log(0.9)),
        "linear": Linear(RATE, 25, end=0.2 * RATE),
        "linear_warmup": Warmup(RATE, 8, start=0.1 * RATE),
        "polynomial": Polynomial(RATE, 25, power=1.7),
        "cosine": Cosine(RATE, STEPS - 1, end=LOW),
        # PyTorch counts the rise and the whole from the first step to the last.
        "one_cycle": OneCycle(RATE, STEPS - 1, warmup=(0.3 * STEPS - 1) / (STEPS - 1)),
        "one_cycle_late": OneCycle(RATE, STEPS - 1, (0.45 * STEPS - 1) / (STEPS - 1), 1 / 7, 1 / 350),
        "triangular": Triangular(LOW, RATE, 12),
        "triangular2": Triangular(LOW, RATE, 12, descent=0.5),
    }.items(),
)
def test_pytorch(recorded, schedule):
    rates = [schedule(epoch) for epoch in range(STEPS)]
    np.testing.assert_allclose(rates, RECORDED[recorded], rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize(("period", "factor", "end"), [(9, 1, LOW), (5, 2, LOW), (2, 3, 0.0)])
def test_pytorch_restarts_at_fractional_epochs(period, factor, end):
    schedule = CosineRestarts(RATE, period, factor, end)
    rates = [schedule(epoch) for epoch in RECORDED["fractional"]]
    np.testing.assert_allclose(rates, RECORDED[f"restarts_{factor}"], rtol=1e-9)


@every
def test_staircase_holds_the_rate_within_an_epoch(schedule):
    held = replace(schedule, staircase=True)
    assert [held(e) for e in EPOCHS] == [schedule(math.floor(e)) for e in EPOCHS]
    assert held != schedule


@every
def test_prints_as_it_is_built(schedule):
    names = registry.factories | {"sqrt": math.sqrt}
    for staircase in (False, True):
        built = replace(schedule, staircase=staircase)
        printed = repr(built).replace("<built-in function sqrt>", "sqrt")
        assert eval(printed, names) == built
        assert ("staircase=True" in printed) == ("staircase" in printed) == staircase


@every
def test_is_a_value(schedule):
    for same in (copy.deepcopy(schedule), pickle.loads(pickle.dumps(schedule)), replace(schedule)):
        assert same == schedule
        assert hash(same) == hash(schedule)
        assert same is not schedule
    with pytest.raises(FrozenInstanceError):
        schedule.staircase = True
    assert sum(other == schedule for other in EVERY) == 1
    assert type(schedule)(**schedule.config) == schedule


@every
def test_scaling(schedule):
    for scaled in (schedule * 0.25, 0.25 * schedule, schedule * 0.5 * 0.5):
        np.testing.assert_allclose([scaled(e) for e in EPOCHS], [schedule(e) / 4 for e in EPOCHS], rtol=1e-14)


def test_scaling_does_not_nest():
    assert Constant(0.5) * 0.5 == Constant(0.25)
    assert Cosine(0.5, 3) * 0.5 * 0.5 == Scaled(Cosine(0.5, 3), 0.25)


@every
def test_warmup_before_every_schedule(schedule):
    warm = Warmup(schedule, epochs=4, start=0.01)
    expected = np.interp(EPOCHS, [0, 4], [0.01, schedule(0)])
    expected[EPOCHS >= 4] = [schedule(e - 4) for e in EPOCHS if e >= 4]
    np.testing.assert_allclose([warm(e) for e in EPOCHS], expected, rtol=1e-12)
    assert warm(0) == 0.01
    assert warm(4) == schedule(0)


def test_warmup_keeps_the_staircase_of_what_follows():
    warm = Warmup(Linear(1.0, 10, staircase=True), epochs=2.5)
    assert [warm(e) for e in (2.5, 3.4, 3.5, 4.0)] == [1.0, 1.0, 0.9, 0.9]


@for_each(
    ("schedule", "last"),
    [
        (Linear(0.3, 23, end=0.07), 0.07),
        (Polynomial(0.3, 23, end=0.07, power=3), 0.07),
        (Cosine(0.3, 23, end=0.07), 0.07),
        (OneCycle(0.3, 23, end_factor=0.01), 0.003),
        (OneCycle(0.3, 23, warmup=1.0, end_factor=0.01), 0.003),
    ],
)
def test_end_is_held(schedule, last):
    assert [schedule(e) for e in (23, 23.5, 1e6, 1e300)] == pytest.approx([last] * 4, rel=1e-15)
    assert schedule(22.9) != schedule(23)


def test_one_cycle_without_rise_starts_at_the_top():
    assert OneCycle(0.3, 10, warmup=0)(0) == 0.3


def test_rounding_of_the_epoch_does_not_move_a_boundary():
    steps = Step(1.0, drop=0.5, every=3)
    assert steps(2 + 30 / 30) == steps(0.1 * 30) == steps(3 - 4e-16) == 0.5
    assert steps(3 - 1e-8) == 1.0
    assert Step(1.0, staircase=True, every=1)(3 - 4e-16) == 0.125
    assert [Step(1.0, every=0.1)(k * 0.1) for k in range(100)] == [0.5**k for k in range(100)]
    assert [Triangular(0.0, 1.0, 0.7)(k * 0.7) for k in range(100)] == [0.0] * 100
    assert Piecewise([3], [1.0, 0.0])(0.1 * 30) == 0.0
    assert Sequence([1.0, 0.0], [3])(3 - 4e-16) == 0.0
    # 10.1 - 0.1 is a little below 10: the schedule after the warm-up must see 10 all the same.
    assert Warmup(Step(1.0, every=10), epochs=0.1)(10.1) == 0.5


@for_each("factor", [1, 1 + 1e-9, 1.1, 2, 3])
def test_each_restart_begins_at_the_top(factor):
    schedule, start, length = CosineRestarts(0.3, 0.7, factor), 0.0, 0.7
    for _ in range(30):
        assert schedule(start) == pytest.approx(0.3, rel=1e-9)
        assert schedule(start + length / 2) == pytest.approx(0.15, rel=1e-5)
        start, length = start + length, length * factor


def test_noam_in_steps_is_the_paper():
    batches, schedule = 50, Noam(512, warmup=4000 / 50, factor=50**-0.5)
    for step in (1, 100, 3999, 4000, 4001, 100_000):
        paper = 512**-0.5 * min(step**-0.5, step * 4000**-1.5)
        assert schedule(step / batches) == pytest.approx(paper, rel=1e-12)
    assert schedule(0) == 0.0


# --- schedules of one's own, and what stands for one -------------------------------------------------------


def test_get():
    assert get(0.1) == get(Constant(0.1)) == get(np.float64(0.1)) == Constant(0.1)
    assert get(0) == Constant(0)
    assert get(np.float32(0.5)) == Constant(0.5)
    schedule = Cosine(0.1, 3)
    assert get(schedule) is schedule
    assert get(lambda e: 1 / (1 + e))(3.0) == 0.25
    assert get(lambda e: np.float32(0.5))(1.0) == 0.5
    assert Warmup(0.1, 2) == Warmup(Constant(0.1), 2)


def test_numbers_become_python_numbers():
    schedule = Step(np.float64(0.5), np.float32(0.5), every=np.int64(3))
    assert repr(schedule) == "Step(0.5, every=3)"
    assert type(schedule(np.float32(4))) is float
    piecewise = Piecewise(np.array([1, 2]), np.array([1.0, 0.5, 0.25]))
    assert repr(piecewise) == "Piecewise((1, 2), (1.0, 0.5, 0.25))"


@dataclass(frozen=True)
class Wave(Schedule):
    rate: float

    def rate_at(self, epoch):
        return self.rate * math.sin(epoch)


def test_schedule_of_ones_own():
    assert Wave(0.5)(1.25) == 0.5 * math.sin(1.25)
    assert Wave(0.5, staircase=True)(1.25) == 0.5 * math.sin(1)
    assert register("Wave")(Wave) is Wave
    assert registry.factories["Wave"] is Wave
    assert (Wave(0.5) * 2)(1) == math.sin(1)
    with pytest.raises(
        ValueError, match=r"^Wave: the rate at epoch 4\.0 must be .* in \[0, inf\), got -0\.3"
    ):
        Wave(0.5)(4)
    with pytest.raises(TypeError, match=r"Wave has no argument 'rat'\. Did you mean 'rate'"):
        Wave(rat=0.5)
    with pytest.raises(TypeError, match="abstract"):
        Schedule()


NUMBER, NAME = "must be a number, got ", "as schedules.Cosine(rate=0.1, epochs=20); got "
FROM_0, ABOVE_0 = "must be a finite number in [0, inf), got ", "must be a finite number in (0, inf), got "
FROM_1, TO_1 = "must be a finite number in [1, inf), got ", "must be a finite number in [0, 1], got "


@for_each(
    ("build", "error", "message"),
    [
        (lambda: get("cosine"), TypeError, NAME + "'cosine' (str). Did you mean 'Cosine'?"),
        (lambda: get(Cosine), TypeError, "Did you mean 'Cosine'?"),
        (lambda: get("inverse_root"), TypeError, "Did you mean 'Noam'?"),
        (lambda: get("nothing of the kind"), TypeError, NAME + "'nothing of the kind' (str)."),
        (lambda: get(True), TypeError, "get: schedule must be a number, or a schedule"),
        (lambda: get(None), TypeError, NAME + "None (NoneType)."),
        (lambda: get([0.1]), TypeError, NAME + "[0.1] (list)."),
        (lambda: get(np.zeros(1000)), TypeError, "(ndarray)"),
        (lambda: get(math.nan), ValueError, "get: schedule " + FROM_0 + "nan"),
        (lambda: get(math.inf), ValueError, "get: schedule " + FROM_0 + "inf"),
        (lambda: get(-0.1), ValueError, "get: schedule " + FROM_0 + "-0.1"),
        (lambda: Step("0.1"), TypeError, "Step: rate " + NUMBER + "'0.1' (str)"),
        (lambda: Step(True), TypeError, "Step: rate " + NUMBER + "True (bool)"),
        (lambda: Step(None), TypeError, "Step: rate " + NUMBER + "None (NoneType)"),
        (lambda: Step(math.nan), ValueError, "Step: rate " + FROM_0 + "nan"),
        (lambda: Step(0.1, drop=1.5), ValueError, "Step: drop " + TO_1 + "1.5"),
        (lambda: Step(0.1, every=0), ValueError, "Step: every " + ABOVE_0 + "0"),
        (lambda: Linear(0.1, math.inf), ValueError, "Linear: epochs " + ABOVE_0 + "inf"),
        (lambda: Linear(0.1, 9, end=-1), ValueError, "Linear: end " + FROM_0 + "-1"),
        (lambda: Polynomial(0.1, 9, power=0), ValueError, "Polynomial: power " + ABOVE_0 + "0"),
        (lambda: CosineRestarts(0.1, 9, factor=0.5), ValueError, "CosineRestarts: factor " + FROM_1 + "0.5"),
        (lambda: OneCycle(0.1, 9, warmup=2), ValueError, "OneCycle: warmup " + TO_1 + "2"),
        (lambda: Noam(0, 4), ValueError, "Noam: units " + FROM_1 + "0"),
        (lambda: Cosine(0.1, 9, staircase="no"), TypeError, "Cosine: staircase must be True or False"),
        (lambda: Exponential(0.1, decay=-1), ValueError, "Exponential: decay " + FROM_0 + "-1"),
        (lambda: Exponential(0.1, cycle=0), ValueError, "Exponential: cycle " + ABOVE_0 + "0"),
        (lambda: Linear(0.1, 10**400), ValueError, "Linear: epochs " + ABOVE_0 + "inf"),
        (lambda: Exponential(0.1), ValueError, "needs decay (per epoch), or cycle"),
        (
            lambda: Piecewise([3], [1]),
            ValueError,
            "one fewer than the values they separate; got (3,) (tuple) for 1",
        ),
        (
            lambda: Piecewise([3, 3], [1, 1, 1]),
            ValueError,
            "in ascending order, one fewer than the values they separate; got (3, 3)",
        ),
        (lambda: Piecewise([0], [1, 1]), ValueError, "Piecewise: boundaries[0] " + ABOVE_0 + "0"),
        (lambda: Piecewise(3, [1]), TypeError, "Piecewise: boundaries must be a list, got 3 (int)"),
        (lambda: Piecewise([3], [1, "1"]), TypeError, "Piecewise: rates[1] " + NUMBER),
        (
            lambda: Sequence([1, 2], [3, 4]),
            ValueError,
            "Sequence: boundaries must be epochs in ascending order, one fewer",
        ),
        (lambda: Sequence(["step", 2], [3]), TypeError, "Sequence: schedules[0] must be a number, or"),
        (lambda: Warmup("cosine", 3), TypeError, "Warmup: schedule must be a number, or a schedule"),
        (lambda: Cosine(0.1, 3) * -1, ValueError, "Scaled: factor " + FROM_0 + "-1"),
        (lambda: Cosine(0.1, epoch=3), TypeError, "Cosine has no argument 'epoch'. Did you mean 'epochs'?"),
        (lambda: Constant(0.1)(-1), ValueError, "Constant: epoch " + FROM_0 + "-1"),
        (lambda: Constant(0.1)(math.nan), ValueError, "Constant: epoch " + FROM_0 + "nan"),
        (lambda: Constant(0.1)("1"), TypeError, "Constant: epoch " + NUMBER),
        (lambda: get(lambda e: None)(1), TypeError, "Custom: the rate at epoch 1.0 " + NUMBER + "None"),
    ],
)
def test_errors_teach(build, error, message):
    with pytest.raises(error) as raised:
        build()
    assert message in str(raised.value)
    assert len(str(raised.value)) < 500


# --- whatever the arguments --------------------------------------------------------------------------------

rate = st.floats(0, 10)
length = st.floats(0.5, 500)
share = st.floats(0, 1)
smooth = st.one_of(
    st.builds(Constant, rate),
    st.builds(Exponential, rate, decay=st.floats(0, 2)),
    st.builds(InverseTime, rate, decay=st.floats(0, 2)),
    st.builds(Linear, rate, length, rate),
    st.builds(Polynomial, rate, length, rate, power=st.floats(1, 4)),
    st.builds(Cosine, rate, length, rate),
    st.builds(OneCycle, rate, length, st.floats(0.1, 0.9), share, share),
    st.builds(lambda low, height, *rest: Triangular(low, low + height, *rest), rate, rate, length, share),
    st.builds(Noam, st.floats(1, 1000), length),
)
broken = st.one_of(
    st.builds(Step, rate, share, length),
    st.builds(Exponential, rate, cycle=length, descent=share),
    st.builds(Polynomial, rate, length, rate, power=st.floats(0.01, 1)),
    st.builds(CosineRestarts, rate, length, st.floats(1, 4), rate, share),
    st.builds(lambda a, b: Piecewise([5, 9], [a, b, a]), rate, rate),
)
warmed = st.builds(Warmup, smooth, length, rate)
combined = st.one_of(
    warmed, st.builds(Scaled, broken, share), st.builds(lambda a, b: Sequence([a, b], [9]), smooth, broken)
)


@given(st.one_of(smooth, broken, combined), st.one_of(st.floats(0, 2000), st.floats(0, 1e300)))
@pytest.mark.slow
def test_the_rate_is_always_finite_and_never_negative(schedule, epoch):
    rate = schedule(epoch)
    assert type(rate) is float
    assert 0 <= rate < math.inf


@given(st.one_of(smooth, warmed), st.floats(0, 1000), st.floats(0, 1e-6))
@pytest.mark.slow
def test_continuity(schedule, epoch, further):
    # No rise or fall of up to 20 takes less than 0.05 epochs, a power is at most 4 times as steep.
    assert abs(schedule(epoch + further) - schedule(epoch)) <= 4 * 20 / 0.05 * (further + 2e-9)

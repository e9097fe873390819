"""Every optimizer against PyTorch's steps (recorded) and against a scalar loop over its equations."""

import copy
import json
import math
import pickle
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from alike import for_each

from nnfw import optimizers, schedules
from nnfw.core.vectors import Scratch, clip_to_norm
from nnfw.optimizers import SGD, Adagrad, Adam, AdamW, Lion, Nadam, Optimizer, RMSprop, State

RECORDED = np.load(Path(__file__).parent / "recorded" / "optimizers.npz")
SETTINGS = [json.loads(setting) for setting in RECORDED["settings"]]
RULES = {
    "sgd": SGD(0.1),
    "momentum": SGD(0.1, momentum=0.9),
    "nesterov": SGD(0.1, momentum=0.7, nesterov=True),
    "adagrad": Adagrad(0.1, epsilon=0.03, initial_accumulator=0.2),
    "rmsprop": RMSprop(0.02, rho=0.9, epsilon=0.02),
    "centered": RMSprop(0.02, rho=0.8, epsilon=0.05, momentum=0.6, centered=True),
    "adam": Adam(0.05, beta_1=0.8, beta_2=0.95, epsilon=0.03),
    "adamw": AdamW(0.05, beta_1=0.8, beta_2=0.95, epsilon=0.03),
    "nadam": Nadam(0.05, beta_1=0.8, beta_2=0.95, epsilon=0.03, momentum_decay=0.4),
    "lion": Lion(0.05, beta_1=0.7, beta_2=0.95),
}
each_rule = for_each("rule", RULES)


def make(rule: str, **changes) -> Optimizer:
    return type(RULES[rule])(**{**RULES[rule].config, **changes})


def random_gradients(rng, steps, size):
    gradients = rng.normal(size=(steps, size)) * 10.0 ** rng.uniform(-3, 1, size)
    gradients[:, 1] = 0.0
    return gradients


def run(optimizer, start, gradients):
    """Return the parameters after each step; an epoch has 8 steps."""
    params = start.copy()
    state, path = optimizer.start(params), []
    for t, gradient in enumerate(gradients):
        untouched = gradient.copy()
        optimizer.step(params, gradient, state, t / 8)
        np.testing.assert_array_equal(gradient, untouched)
        path.append(params.copy())
    assert state.steps == len(gradients)
    return np.array(path)


def by_step(rates):
    """Return a learning rate that takes a new value at each eighth of an epoch."""
    return lambda epoch: rates[round(8 * epoch)]


# ---- PyTorch ----------------------------------------------------------------------------------------


@for_each("index", range(len(SETTINGS)))
def test_twenty_steps_are_those_of_pytorch(index):
    rule, options, rates = SETTINGS[index]
    optimizer = getattr(optimizers, rule)(by_step(RECORDED[rates]), **options)
    border = RECORDED["layers"][:1]
    gradients = RECORDED["gradients"].copy()
    if optimizer.clip_global_norm is not None:
        for gradient in gradients:
            clip_to_norm(np.split(gradient, border), optimizer.clip_global_norm)
    layers = zip(np.split(RECORDED["start"], border), np.split(gradients, border, axis=1), strict=True)
    path = np.hstack([run(optimizer, start, gradient) for start, gradient in layers])
    np.testing.assert_allclose(path, RECORDED["paths"][index], rtol=1e-12, atol=1e-12)


def test_default_rates():
    """All other defaults show in the recorded runs, which leave out what they do not set."""
    rates = {name: optimizers.get(name).learning_rate for name in optimizers.registry.names()}
    assert rates == {
        "sgd": 0.01,
        "adagrad": 0.01,
        "rmsprop": 0.01,
        "adam": 0.001,
        "adamw": 0.001,
        "nadam": 0.002,
        "lion": 0.0001,
    }
    assert (Lion().beta_1, Lion().beta_2, Lion().weight_decay) == (0.9, 0.99, 0.0)


# ---- the equations, one parameter at a time ---------------------------------------------------------


def sgd(p, gradient, rates, momentum, nesterov):
    m = 0.0
    for t, rate in enumerate(rates):
        g = gradient(t, p)
        m = momentum * m + g
        p = p - rate * (g + momentum * m if nesterov else m)
        yield p


def adagrad(p, gradient, rates, epsilon, initial_accumulator):
    v = initial_accumulator
    for t, rate in enumerate(rates):
        g = gradient(t, p)
        v = v + g**2
        p = p - rate * g / (math.sqrt(v) + epsilon)
        yield p


def rmsprop(p, gradient, rates, rho, epsilon, momentum, centered):
    v = a = m = 0.0
    for t, rate in enumerate(rates):
        g = gradient(t, p)
        v = rho * v + (1 - rho) * g**2
        a = rho * a + (1 - rho) * g if centered else 0.0
        m = momentum * m + g / (math.sqrt(v - a**2) + epsilon)
        p = p - rate * m
        yield p


def adam(p, gradient, rates, beta_1, beta_2, epsilon, decay=0.0):
    m = v = 0.0
    for t, rate in enumerate(rates, start=1):
        g = gradient(t - 1, p)
        m = beta_1 * m + (1 - beta_1) * g
        v = beta_2 * v + (1 - beta_2) * g**2
        m_hat, v_hat = m / (1 - beta_1**t), v / (1 - beta_2**t)
        p = p - rate * (m_hat / (math.sqrt(v_hat) + epsilon) + decay * p)
        yield p


def nadam(p, gradient, rates, beta_1, beta_2, epsilon, momentum_decay):
    m = v = 0.0
    mu = [beta_1 * (1 - 0.96 ** (t * momentum_decay) / 2) for t in range(1, len(rates) + 2)]
    for t, rate in enumerate(rates, start=1):
        g = gradient(t - 1, p)
        m = beta_1 * m + (1 - beta_1) * g
        v = beta_2 * v + (1 - beta_2) * g**2
        m_hat, g_hat = m / (1 - math.prod(mu[: t + 1])), g / (1 - math.prod(mu[:t]))
        p = p - rate * (mu[t] * m_hat + (1 - mu[t - 1]) * g_hat) / (math.sqrt(v / (1 - beta_2**t)) + epsilon)
        yield p


def lion(p, gradient, rates, beta_1, beta_2, decay=0.0):
    m = 0.0
    for t, rate in enumerate(rates):
        g = gradient(t, p)
        c = beta_1 * m + (1 - beta_1) * g
        p = p - rate * ((c > 0) - (c < 0) + decay * p)
        m = beta_2 * m + (1 - beta_2) * g
        yield p


ORACLES = {SGD: sgd, Adagrad: adagrad, RMSprop: rmsprop, Adam: adam, AdamW: adam, Nadam: nadam, Lion: lion}
COMMON = ("learning_rate", "weight_decay", "clip_value", "clip_norm", "clip_global_norm")


def equations(optimizer, start, gradients):
    """Return the parameters after each step, by the scalar loops above."""
    options = {name: value for name, value in optimizer.config.items() if name not in COMMON}
    coupled = optimizer.weight_decay
    if isinstance(optimizer, AdamW | Lion):
        options["decay"], coupled = coupled, 0.0
    rates = [optimizer.rate(t / 8) for t in range(len(gradients))]
    value, norm = optimizer.clip_value or math.inf, optimizer.clip_norm or math.inf

    def prepared(t, i, p):
        clipped = [max(-value, min(value, g)) for g in gradients[t].tolist()]
        length = math.sqrt(math.fsum(g * g for g in clipped))
        return clipped[i] * (norm / length if length > norm else 1.0) + coupled * p

    paths = [
        list(ORACLES[type(optimizer)](p, lambda t, p, i=i: prepared(t, i, p), rates, **options))
        for i, p in enumerate(start.tolist())
    ]
    return np.array(paths).T


@each_rule
@pytest.mark.parametrize(
    "common",
    [
        {},
        {"weight_decay": 0.2},
        {"clip_value": 0.3, "clip_norm": 0.7, "weight_decay": 0.05},
        {"learning_rate": schedules.Cosine(0.2, epochs=4), "weight_decay": 0.1},
    ],
    ids=["plain", "decay", "clipped", "schedule"],
)
def test_steps_follow_the_equations(rule, common):
    rng = np.random.default_rng(3)
    optimizer, start, gradients = make(rule, **common), rng.normal(size=5), random_gradients(rng, 40, 5)
    expected = equations(optimizer, start, gradients)
    np.testing.assert_allclose(run(optimizer, start, gradients), expected, rtol=1e-12, atol=1e-12)


def test_centered_rmsprop_survives_a_constant_gradient():
    """The variance is 0 then, and rounding would make it negative."""
    gradients = np.tile(np.float32([0.3, 7.7, -0.011]), (300, 1))
    path = run(RMSprop(1e-6, rho=0.5, epsilon=1.0, centered=True), np.zeros(3, np.float32), gradients)
    assert np.isfinite(path).all()


# ---- one promise for all ----------------------------------------------------------------------------


@each_rule
def test_float32_stays_float32(rule):
    rng = np.random.default_rng(4)
    optimizer = make(rule, weight_decay=0.1, clip_value=2.0, clip_norm=3.0, learning_rate=np.float64(0.01))
    start, gradients = rng.normal(size=6), random_gradients(rng, 20, 6)
    params = start.astype(np.float32)
    state = optimizer.start(params)
    for gradient in gradients.astype(np.float32):
        optimizer.step(params, gradient, state, 0.0)
    kept = [params, *state.slots.values(), *state.scratch._views.values()]
    assert {array.dtype for array in kept} == {np.dtype(np.float32)}
    np.testing.assert_allclose(params, run(optimizer, start, gradients)[-1], rtol=1e-4, atol=1e-5)


@each_rule
def test_blocks_change_nothing(rule, monkeypatch):
    rng = np.random.default_rng(5)
    start, gradients = rng.normal(size=23), random_gradients(rng, 6, 23)
    optimizer = make(rule, weight_decay=0.1, clip_value=0.5)
    whole = run(optimizer, start, gradients)
    monkeypatch.setattr("nnfw.core.vectors.BLOCK", 7)
    np.testing.assert_array_equal(run(optimizer, start, gradients), whole)


@each_rule
def test_one_optimizer_serves_many_layers(rule):
    rng = np.random.default_rng(6)
    optimizer = make(rule, weight_decay=0.1, clip_norm=1.0)
    before = copy.deepcopy(vars(optimizer))
    starts = [rng.normal(size=4), rng.normal(size=9)]
    gradients = [random_gradients(rng, 5, 4), random_gradients(rng, 5, 9)]
    params = [start.copy() for start in starts]
    states = [optimizer.start(p) for p in params]
    for t in range(5):
        for p, g, state in zip(params, gradients, states, strict=True):
            optimizer.step(p, g[t], state, 0.0)
    for p, start, g in zip(params, starts, gradients, strict=True):
        np.testing.assert_array_equal(p, run(optimizer, start, g)[-1])
    assert vars(optimizer) == before


@each_rule
def test_one_vector_may_span_several_layers(rule):
    rng = np.random.default_rng(6)
    optimizer, start, gradients = (
        make(rule, weight_decay=0.1),
        rng.normal(size=13),
        random_gradients(rng, 5, 13),
    )
    each = [run(optimizer, start[layer], gradients[:, layer]) for layer in (slice(4), slice(4, 13))]
    np.testing.assert_array_equal(run(optimizer, start, gradients), np.hstack(each))


@each_rule
def test_a_state_can_be_put_away_and_taken_up_again(rule):
    rng = np.random.default_rng(7)
    optimizer, start, gradients = make(rule), rng.normal(size=5), random_gradients(rng, 8, 5)
    params = start.copy()
    state = optimizer.start(params)
    for t, gradient in enumerate(gradients):
        if t == 4:
            slots = {name: np.array(slot.tolist()) for name, slot in state.slots.items()}
            state = State(state.rule, state.steps, slots, dict(state.scalars))
            optimizer = pickle.loads(pickle.dumps(optimizer))
        optimizer.step(params, gradient, state, 0.0)
    np.testing.assert_array_equal(params, run(make(rule), start, gradients)[-1])


@each_rule
@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda state: pickle.loads(pickle.dumps(state))])
def test_a_copy_of_a_state_goes_on_alike_and_carries_no_scratch_memory(rule, duplicate):
    rng = np.random.default_rng(7)
    optimizer, params, gradients = make(rule), rng.normal(size=5), random_gradients(rng, 4, 5)
    state = optimizer.start(params)
    for gradient in gradients[:2]:
        optimizer.step(params, gradient, state, 0.0)
    other, copied = params.copy(), duplicate(state)
    assert state.scratch._views
    assert not copied.scratch._views
    for gradient in gradients[2:]:
        optimizer.step(params, gradient, state, 0.0)
        optimizer.step(other, gradient, copied, 0.0)
    np.testing.assert_array_equal(other, params)


def test_scratch_memory_is_kept_and_grows():
    scratch = Scratch(np.dtype(np.float32))
    first = scratch("a", (2, 3))
    assert (first.shape, first.dtype) == ((2, 3), np.float32)
    assert scratch("a", (2, 3)) is first
    assert np.shares_memory(scratch("a", (4,)), first)
    assert scratch("a", (5, 5)).shape == (5, 5)
    assert np.shares_memory(scratch("a", (3, 5)), scratch("a", (5, 5)))
    assert not np.shares_memory(scratch("a", (3, 5)), scratch("b", (3, 5)))


@each_rule
def test_a_rate_of_zero_changes_no_parameter(rule):
    rng = np.random.default_rng(8)
    start = rng.normal(size=5)
    path = run(make(rule, learning_rate=0, weight_decay=0.5), start, random_gradients(rng, 3, 5))
    np.testing.assert_array_equal(path, np.tile(start, (3, 1)))


@each_rule
def test_a_start_is_zero_and_of_the_shape_of_the_layer(rule):
    state = RULES[rule].start(np.ones(3, np.float32))
    assert state.rule == type(RULES[rule]).__name__
    assert state.steps == 0
    assert tuple(state.slots) == RULES[rule].slots
    for name, slot in state.slots.items():
        value = RULES[rule].initial_accumulator if name == "accumulator" else 0.0
        np.testing.assert_array_equal(slot, np.full(3, value, np.float32), strict=True)


@each_rule
def test_a_step_allocates_next_to_nothing(rule):
    params = np.random.default_rng(9).normal(size=300_000).astype(np.float32)
    optimizer, gradient = make(rule, weight_decay=0.1, clip_value=0.5), params[::-1].copy()
    state = optimizer.start(params)
    optimizer.step(params, gradient, state, 0.0)
    tracemalloc.start()
    optimizer.step(params, gradient, state, 0.0)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 20_000


@each_rule
@pytest.mark.slow
def test_a_convex_loss_is_brought_to_its_minimum(rule):
    """Logistic regression with L2; Newton's method gives the minimum."""
    rng = np.random.default_rng(10)
    x, y = rng.normal(size=(60, 4)) * [1.0, 3.0, 0.3, 1.0], rng.integers(0, 2, 60)

    def sigmoid(p):
        return 1 / (1 + np.exp(-x @ p))

    def gradient(p):
        return x.T @ (sigmoid(p) - y) / 60 + 0.1 * p

    best = np.zeros(4)
    for _ in range(20):
        curvature = x.T * (sigmoid(best) * (1 - sigmoid(best))) @ x / 60 + 0.1 * np.eye(4)
        best -= np.linalg.solve(curvature, gradient(best))
    optimizer = make(rule, learning_rate=schedules.Linear(0.1, epochs=10), weight_decay=0.0)
    params = rng.normal(size=4)
    state = optimizer.start(params)
    for t in range(1000):
        optimizer.step(params, gradient(params), state, t / 100)
    np.testing.assert_allclose(params, best, atol=0.005)


# ---- the rate ---------------------------------------------------------------------------------------


def test_a_rate_is_a_number_a_function_or_a_schedule():
    optimizer = SGD(1)
    assert optimizer.rate(7.0) == 1.0
    optimizer.learning_rate = lambda epoch: 0.1 * epoch
    assert optimizer.rate(0.25) == 0.025
    optimizer.learning_rate = halving = schedules.Step(0.4, drop=0.5, every=1)
    assert [optimizer.rate(epoch) for epoch in (0.0, 0.9, 1.0, 2.5)] == [0.4, 0.4, 0.2, 0.1]
    assert optimizer.config["learning_rate"] is halving


def test_a_new_rate_counts_from_the_next_step_on():
    optimizer, params = SGD(0.5), np.array([1.0, 2.0])
    state = optimizer.start(params)
    optimizer.step(params, np.array([1.0, -1.0]), state, 0.0)
    optimizer.learning_rate = 0.25
    optimizer.step(params, np.array([1.0, 3.0]), state, 0.0)
    np.testing.assert_array_equal(params, [0.25, 1.75])


def test_a_failing_schedule_leaves_the_state_alone():
    optimizer, params = Adam(lambda epoch: -0.1), np.ones(2)
    state = optimizer.start(params)
    with pytest.raises(ValueError, match="rate"):
        optimizer.step(params, np.ones(2), state, 0.0)
    assert state.steps == 0


# ---- clipping ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dtype", "magnitude"),
    [("float32", 1e-30), ("float32", 1), ("float32", 1e30), ("float64", 1e-200), ("float64", 1e200)],
)
@pytest.mark.parametrize("block", [4, 1 << 16])
def test_the_norm_is_exact_at_any_magnitude(dtype, magnitude, block, monkeypatch):
    monkeypatch.setattr("nnfw.core.vectors.BLOCK", block)
    rng = np.random.default_rng(11)
    vectors = [(rng.normal(size=size) * magnitude).astype(dtype) for size in (11, 0, 3)]
    before = [vector.copy() for vector in vectors]
    norm = math.hypot(*(element for vector in vectors for element in vector.tolist()))
    assert clip_to_norm(vectors, 1.01 * norm) == pytest.approx(norm, rel=1e-13, abs=0)
    for vector, old in zip(vectors, before, strict=True):
        np.testing.assert_array_equal(vector, old)
    assert clip_to_norm(vectors, norm / 4) == pytest.approx(norm, rel=1e-13, abs=0)
    for vector, old in zip(vectors, before, strict=True):
        np.testing.assert_allclose(vector, old / 4, rtol=1e-6 if dtype == "float32" else 1e-13)
        assert vector.dtype == dtype


@pytest.mark.parametrize("odd", [np.inf, -np.inf, np.nan])
def test_a_norm_that_is_not_finite_clips_nothing(odd):
    vectors = [np.array([3.0, odd]), np.array([5.0])]
    norm = clip_to_norm(vectors, 1.0)
    assert not math.isfinite(norm)
    np.testing.assert_array_equal(vectors[0], [3.0, odd])
    np.testing.assert_array_equal(vectors[1], [5.0])


def test_the_norm_of_nothing_is_zero():
    assert clip_to_norm([], 1.0) == 0.0
    assert clip_to_norm([np.zeros(3)], 1.0) == 0.0


# ---- arguments and names ----------------------------------------------------------------------------


def test_every_name_builds_its_class():
    built = {name: optimizers.get(name).__class__ for name in optimizers.registry.names()}
    classes = [SGD, Adagrad, RMSprop, Adam, AdamW, Nadam, Lion]
    assert built == {cls.__name__.lower(): cls for cls in classes}
    assert optimizers.get(Nadam).config == Nadam().config
    own = Lion(0.3)
    assert optimizers.get(own) is own
    with pytest.raises(ValueError, match="Did you mean 'rmsprop'"):
        optimizers.get("rmspop")
    with pytest.raises(ValueError, match=r"nnfw calls it SGD\(0.01, momentum=0.9, nesterov=True\)\. Known"):
        optimizers.get("nesterov")
    with pytest.raises(TypeError, match=r"^optimizer must be a name \(sgd, .* Optimizer, got 0.1 "):
        optimizers.get(0.1)


@for_each(
    ("build", "argument", "value"),
    [
        *((optimizer, "learning_rate", value) for optimizer in RULES.values() for value in (-0.1, math.nan)),
        *((SGD, "weight_decay", value) for value in (-1e-9, math.inf)),
        *((Adam, name, value) for name in ("beta_1", "beta_2") for value in (-0.1, 1.0, math.nan)),
        *((Lion, name, value) for name in ("beta_1", "beta_2") for value in (-0.1, 1.0)),
        *((rule, "epsilon", value) for rule in (Adagrad, RMSprop, Adam, Nadam) for value in (0, -1e-8)),
        *((rule, "momentum", value) for rule in (SGD, RMSprop) for value in (-0.1, 1)),
        *((Lion, f"clip_{kind}", value) for kind in ("value", "norm", "global_norm") for value in (0, -1)),
        (RMSprop, "rho", 1.5),
        (Adagrad, "initial_accumulator", -0.1),
        (Nadam, "momentum_decay", -0.1),
    ],
)
def test_a_value_out_of_range_is_named(build, argument, value):
    build = build if isinstance(build, type) else type(build)
    optimizer = build()
    before = optimizer.config
    said = f"^{build.__name__}: {argument} must be a finite number in "
    with pytest.raises(ValueError, match=said):
        build(**{argument: value})
    with pytest.raises(ValueError, match=said):
        setattr(optimizer, argument, value)
    assert optimizer.config == before


@for_each(
    "options",
    [
        {"learning_rate": "0.1"},
        {"learning_rate": None},
        {"momentum": "high"},
        {"nesterov": 1},
        {"clip_norm": "1"},
        {"weight_decay": None},
    ],
)
def test_a_value_of_the_wrong_type_is_named(options):
    with pytest.raises(TypeError, match=f"^SGD: {next(iter(options))} must be "):
        SGD(**options)


def test_numbers_of_numpy_become_pythons():
    """A float64 of NumPy would draw float32 arithmetic up to float64."""
    optimizer = Adam(np.float64(0.1), beta_1=np.float64(0.8), clip_norm=np.float32(2.0), weight_decay=1)
    numbers = optimizer.learning_rate, optimizer.beta_1, optimizer.clip_norm, optimizer.weight_decay
    assert numbers == (0.1, 0.8, 2.0, 1.0)
    assert {type(number) for number in numbers} == {float}


def test_nesterov_needs_momentum():
    with pytest.raises(ValueError, match=r"momentum=0\.9"):
        SGD(nesterov=True)


def test_a_keyword_of_another_library_is_translated():
    with pytest.raises(TypeError, match="nnfw calls it beta_1 and beta_2"):
        Adam(betas=(0.9, 0.99))
    with pytest.raises(TypeError, match="nnfw calls it clip_norm"):
        SGD(clipnorm=1.0)


def test_vectors_of_different_shapes_are_refused_before_the_state_changes():
    optimizer, params = Adam(), np.ones(3)
    state = optimizer.start(params)
    with pytest.raises(ValueError, match=r"Adam: parameters \(3,\), gradients \(1,\) and the state of Adam"):
        optimizer.step(params, np.ones(1), state, 0.0)
    with pytest.raises(ValueError, match=r"'momentum': \(3,\).*not match; all vectors must have one shape"):
        optimizer.step(np.ones(4), np.ones(4), state, 0.0)
    with pytest.raises(ValueError, match=r"^SGD: .* the state of Adam .* start"):
        SGD().step(params, np.ones(3), state, 0.0)
    assert state.steps == 0
    np.testing.assert_array_equal(params, np.ones(3))


# ---- an optimizer of one's own ----------------------------------------------------------------------


class Normalized(Optimizer):
    """Takes steps of one length: the rule must see the whole vector."""

    def __init__(self, learning_rate=0.1, length=2.0):
        super().__init__(learning_rate)
        self.length = length

    def apply(self, params, grads, state, rate):
        params -= rate * self.length * grads / np.linalg.norm(grads)


def test_an_own_rule_sees_the_whole_layer(monkeypatch):
    monkeypatch.setattr("nnfw.core.vectors.BLOCK", 7)
    rng = np.random.default_rng(12)
    start, gradient = rng.normal(size=23), rng.normal(size=23)
    expected = start - 0.1 * 3.0 * gradient / math.sqrt(sum(g * g for g in gradient))
    optimizer = Normalized(length=3.0)
    np.testing.assert_allclose(run(optimizer, start, gradient[None])[0], expected, rtol=1e-13)
    assert optimizer.config == {"learning_rate": 0.1, "length": 3.0}


def test_one_step_serves_several_layers_only_where_every_parameter_is_treated_by_itself():
    assert all(optimizer.separable for optimizer in RULES.values())

    class OwnRule(Adam):
        apply = Normalized.apply

    class OwnStep(Adam):
        def step(self, params, grads, state, epoch):
            super().step(params, grads / np.linalg.norm(grads), state, epoch)

    assert not any(optimizer.separable for optimizer in (Normalized(), OwnRule(), OwnStep()))


def test_an_optimizer_without_a_rule_says_so():
    with pytest.raises(NotImplementedError, match="Optimizer must define apply"):
        run(Optimizer(), np.ones(2), np.ones((1, 2)))

"""The compiled kernels: that they compute what the loops in NumPy do, and that those serve without them."""

import itertools
import os
import subprocess
import sys

import numpy as np
import pytest
from alike import for_each
from compiled_modules import COMPILED

import nnfw
from nnfw import GRU, LSTM, RNN, Adam, AdamW, Dense, LayerNorm, Nadam, Network, RMSprop, kernels
from nnfw.activations import Softmax, Tanh
from nnfw.core.logits import LOGITS
from nnfw.kernels import blas as blas_module
from nnfw.kernels.blas import blas_threads, one_thread
from nnfw.layers.recurrent import Recurrent
from nnfw.losses import CategoricalCrossentropy, Focal, OrdinalCrossentropy

CELLS = {
    "RNN": RNN,
    "GRU": GRU,
    "GRU reset_after": lambda *args, **options: GRU(*args, reset_after=True, **options),
    "LSTM": LSTM,
}
TOLERANCE = {"float32": 1e-6, "float64": 1e-12}  # how far results may differ, relative to the largest
DTYPES = [
    pytest.param("float32"),
    pytest.param("float64", marks=pytest.mark.slow),
]  # slow to compile
SEEDS = [pytest.param(range(5)), pytest.param(range(5, 25), marks=pytest.mark.slow)]


@pytest.fixture
def choose(monkeypatch):
    """Return a function that chooses the kernels, for one test."""
    monkeypatch.setattr(kernels, "_choice", "numpy")
    return nnfw.set_kernels


@pytest.fixture
def compiled(choose):
    pytest.importorskip("numba")
    choose("compiled")
    return choose


def forget(monkeypatch):
    """Have numba looked for again, with what the test makes of it."""
    monkeypatch.setattr(kernels, "_choice", "auto")
    for function in ("_in_use", "_kernels", "_obstacle"):
        monkeypatch.setattr(kernels, function, getattr(kernels, function).__wrapped__)
    for name in COMPILED:
        monkeypatch.delitem(sys.modules, f"nnfw.kernels.{name}", raising=False)
        monkeypatch.delattr(kernels, name, raising=False)


# ---- which kernels run ------------------------------------------------------------------------------------


def test_without_numba_numpy_serves_and_show_config_says_why(monkeypatch, capsys):
    forget(monkeypatch)
    monkeypatch.setitem(sys.modules, "numba", None)
    assert kernels.kernel("adam") is None
    assert capsys.readouterr() == ("", "")
    nnfw.show_config()
    told = capsys.readouterr().out
    assert f"nnfw {nnfw.__version__}, Python 3." in told
    assert f"NumPy {np.__version__}" in told
    assert 'kernels: NumPy (numba is not installed: pip install "nnfw[fast]")' in told
    with pytest.raises(RuntimeError, match=r'cannot be used: numba is not .* pip install "nnfw\[fast\]"'):
        nnfw.set_kernels("compiled")
    assert kernels._choice == "auto"


@pytest.mark.parametrize(
    ("error", "remedy"),
    [
        (ImportError("Numba needs NumPy 2.0 or less"), ""),
        (
            RuntimeError("cannot cache function 'f': no locator available for file 'g'"),
            "; set NUMBA_CACHE_DIR to",
        ),
    ],
)
def test_where_numba_is_broken_numpy_serves(monkeypatch, capsys, error, remedy):
    class Broken:
        def find_spec(self, name, path=None, target=None):
            if name == "numba":
                raise error

    forget(monkeypatch)
    monkeypatch.delitem(sys.modules, "numba", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Broken(), *sys.meta_path])
    assert kernels.kernel("rnn_forward") is None
    nnfw.show_config()
    told = capsys.readouterr().out
    assert f"NumPy (numba cannot be used: {type(error).__name__}: {error}{remedy}" in told


@pytest.mark.usefixtures("compiled")
@pytest.mark.parametrize("right", [(), (1,), (16,)])
def test_wrong_numbers_are_not_used(monkeypatch, right):
    """Whichever product is wrong: by BLAS, of one unit, or in tiles, of as many as a tile has columns."""

    def step(steps, s, h, *_):
        h[steps[0, 1] :] = np.tanh(2) if s.shape[1] in right else 2

    forget(monkeypatch)
    monkeypatch.setattr(kernels, "_kernels", lambda: {"rnn_forward": step})
    assert kernels.kernel("rnn_forward") is None
    assert "wrong numbers" in kernels._obstacle()


def test_the_choice_is_shown(compiled, capsys):
    nnfw.show_config()
    assert "kernels: compiled by numba " in capsys.readouterr().out
    compiled("numpy")
    nnfw.show_config()
    assert "kernels: NumPy (as chosen)" in capsys.readouterr().out
    compiled("auto")
    assert kernels.kernel("adam") is not None


@pytest.mark.usefixtures("choose")
def test_an_unknown_choice_is_answered_with_the_nearest():
    with pytest.raises(
        ValueError, match=r"^kernels \(or NNFW_KERNELS\) must be one of auto, .*'compild'.*mean 'compiled'\?"
    ):
        nnfw.set_kernels("compild")


PROGRAM = """
import sys, numpy as np, nnfw
layer = nnfw.GRU(2)
layer.compute_shapes((3, 1))
layer.initialize(np.random.default_rng(0))
assert "numba" not in sys.modules
layer.forward(np.ones((1, 3, 1)))
print("numba" in sys.modules, nnfw.kernels.kernel("adam") is not None)
"""


@pytest.mark.subprocess
@pytest.mark.parametrize(
    ("choice", "said"),
    [("numpy", "False False"), pytest.param("auto", "True True", marks=pytest.mark.slow)],
)
@pytest.mark.slow
def test_numba_is_imported_when_a_kernel_is_needed(monkeypatch, choice, said):
    if choice == "auto":
        pytest.importorskip("numba")
    monkeypatch.setenv("NNFW_KERNELS", choice)
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.stderr) == (said, "")


@pytest.mark.subprocess
@pytest.mark.slow
def test_a_wrong_environment_variable_is_named(monkeypatch):
    monkeypatch.setenv("NNFW_KERNELS", "nunpy")
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False)
    assert (
        "kernels (or NNFW_KERNELS) must be one of auto, compiled, numpy, got 'nunpy'. Did you mean 'numpy'?"
        in done.stderr
    )


@pytest.mark.usefixtures("compiled")
def test_other_activations_and_other_loops_are_not_compiled():
    class Own(Tanh):
        pass

    class OwnLoop(GRU):
        def _backward_steps(self, p):
            super()._backward_steps(p)

    assert all(make(2)._loops.compiled(make(2)) for make in CELLS.values())
    for cell in (GRU(2, Own()), GRU(2, "tanh", {"r": "tanh"}), OwnLoop(2), nnfw.GRUD(2)):
        assert cell._loops.compiled(cell) is None


@pytest.mark.usefixtures("compiled")
def test_each_cell_with_a_compiled_loop_is_compared():
    cells = {kind for kind in vars(nnfw).values() if isinstance(kind, type) and issubclass(kind, Recurrent)}
    compared = {type(make(2)) for make in CELLS.values()}
    assert cells == compared | {nnfw.GRUD}  # which has none
    names = {make(2)._loops.name for make in CELLS.values()}
    assert names == {one.removesuffix("_forward") for one in vars(kernels.cells) if one.endswith("_forward")}


# ---- threads of BLAS --------------------------------------------------------------------------------------


@pytest.fixture
def blas():
    before = blas_threads()
    if before is None:
        pytest.skip("this NumPy has another BLAS than OpenBLAS")
    said = blas_module._said
    yield
    nnfw.set_blas_threads(before)
    blas_module._said = said


@pytest.mark.usefixtures("blas")
def test_the_threads_of_blas_are_set_and_shown(capsys):
    nnfw.set_blas_threads(2)
    nnfw.show_config()
    assert "threads of BLAS: 2; set_blas_threads(1) is faster on a busy machine" in capsys.readouterr().out
    nnfw.set_blas_threads(1)
    nnfw.show_config()
    assert "threads of BLAS: 1\n" in capsys.readouterr().out


@pytest.mark.usefixtures("blas")
@pytest.mark.slow
def test_there_are_no_more_threads_than_blas_was_built_for():
    nnfw.set_blas_threads(10**6)
    most = blas_threads()
    nnfw.set_blas_threads(most + 1)
    assert blas_threads() == most < 10**6


@pytest.mark.subprocess
@pytest.mark.usefixtures("blas")
@pytest.mark.parametrize("count", ["1", "2"])
@pytest.mark.slow
def test_the_threads_are_those_of_the_environment_until_they_are_set(monkeypatch, count):
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if int(count) > cores:
        pytest.skip("there is one core")
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
        monkeypatch.setenv(name, count)
    program = "from nnfw.kernels.blas import blas_threads; print(blas_threads())"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == count


@pytest.fixture
def unsaid(monkeypatch, blas):
    """A process in which the user has not said how many threads there are, and there are two."""
    nnfw.set_blas_threads(2)
    monkeypatch.setattr(blas_module, "_said", False)


def threads_in_fit(samples=40, T=5, during=lambda run: None):
    """How many threads there are at each batch of a fit."""
    seen = []
    note = nnfw.LambdaCallback(on_batch_end=lambda run: (seen.append(blas_threads()), during(run)))
    x = np.zeros((samples, T, 2))
    network = Network([GRU(4), nnfw.Dense(1)], seed=0)
    network.fit(x, x[:, 0, :1], batch_size=20, callbacks=[note], verbose=0)
    return seen


@pytest.mark.usefixtures("unsaid")
def test_a_fit_of_small_products_has_one_thread():
    assert threads_in_fit() == [1, 1]
    assert blas_threads() == 2
    with pytest.raises(ZeroDivisionError):
        threads_in_fit(during=lambda run: 1 / 0)
    assert blas_threads() == 2


@pytest.mark.usefixtures("unsaid")
def test_a_fit_of_large_products_has_all_threads(monkeypatch):
    weights = 3 * 4 * (2 + 4 + 1)  # of the GRU, which multiplies step by step
    monkeypatch.setattr("nnfw.training.threads.SMALL", 20 * weights)
    assert threads_in_fit() == [2, 2]
    assert threads_in_fit(T=1) == [2, 2]
    assert threads_in_fit(samples=19, T=9) == [1]


@pytest.mark.usefixtures("unsaid")
@for_each("more, threads", [(0, 2), (1, 1)])
def test_a_product_without_a_loop_is_over_all_steps_and_an_embedding_multiplies_nothing(
    monkeypatch, more, threads
):
    layers = [nnfw.Embedding(500, 3), GRU(4, return_sequences=True), nnfw.Dense(9)]
    monkeypatch.setattr(
        "nnfw.training.threads.SMALL", 10 * 8 * (4 + 1) * 9 + more
    )  # samples × steps × weights
    seen, x = [], np.ones((10, 8), int)
    note = nnfw.LambdaCallback(on_batch_end=lambda run: seen.append(blas_threads()))
    Network(layers, seed=0).fit(x, np.zeros((10, 8, 9)), callbacks=[note], verbose=0)
    assert seen == [threads]


@pytest.mark.usefixtures("unsaid")
@for_each("small, threads", [(1 << 26, 1), (0, 2)])
def test_inference_has_as_many_threads_as_a_fit(monkeypatch, small, threads):
    monkeypatch.setattr("nnfw.training.threads.SMALL", small)
    seen = []

    class Watch(nnfw.Layer):
        def compute_shapes(self, input_shape):
            return input_shape

        def forward(self, x, training=False):
            seen.append(blas_threads())
            return x

    network, x = Network([Watch(), nnfw.Dense(1)], seed=0), np.ones((5, 2))
    network.build((2,))
    network.predict(x)
    network.predict_classes(x, threshold=0.5)
    network.evaluate(x, x[:, :1])
    assert seen == [threads] * 3
    assert blas_threads() == 2


@pytest.mark.usefixtures("unsaid")
def test_blas_is_looked_up_once(monkeypatch):
    threads_in_fit()
    monkeypatch.setattr("nnfw.kernels.blas._libraries", lambda: pytest.fail("it is known"))
    assert threads_in_fit() == [1, 1]


@pytest.mark.usefixtures("unsaid")
def test_fits_that_overlap_put_the_threads_back_together():
    inner = []
    assert threads_in_fit(during=lambda run: inner.append(threads_in_fit())) == [1, 1]
    assert inner == [[1, 1], [1, 1]]
    assert blas_threads() == 2
    with one_thread():
        first, second = one_thread(), one_thread()
        first.__enter__()
        second.__enter__()
        first.__exit__(None, None, None)
        assert blas_threads() == 1
        second.__exit__(None, None, None)
    assert blas_threads() == 2


@pytest.mark.usefixtures("unsaid")
def test_a_check_overfits_its_batch_with_one_thread(monkeypatch):
    seen, update = [], Network.update
    monkeypatch.setattr(Network, "update", lambda *args: (seen.append(blas_threads()), update(*args)))
    x = np.random.default_rng(0).normal(size=(20, 3))
    Network([nnfw.Dense(1)], seed=0).check(x, x[:, :1], steps=3)
    assert set(seen) == {1}
    assert blas_threads() == 2


@pytest.mark.usefixtures("unsaid")
def test_a_number_of_threads_that_was_set_stays():
    assert threads_in_fit(during=lambda run: nnfw.set_blas_threads(2)) == [1, 2]
    assert threads_in_fit() == [2, 2]
    assert blas_threads() == 2


def test_another_blas_is_left_alone(monkeypatch, capsys):
    monkeypatch.setattr("nnfw.kernels.blas._libraries", lambda: iter([object()]))
    monkeypatch.setattr("nnfw.kernels.blas._find", blas_module._find.__wrapped__)  # which remembers nothing
    assert blas_threads() is None
    monkeypatch.setattr(np, "show_config", lambda mode: {})  # as NumPy may be built, without any
    nnfw.show_config()
    told = capsys.readouterr().out
    assert f"NumPy {np.__version__} (no BLAS)" in told
    assert "threads" not in told
    with pytest.warns(
        RuntimeWarning, match="a BLAS other than OpenBLAS.*set OMP_NUM_THREADS, for Accelerate VEC"
    ):
        nnfw.set_blas_threads(1)


@for_each("count", [0, -1, 1.0, True, "1", None])
def test_a_number_of_threads_is_a_whole_one(count):
    with pytest.raises((TypeError, ValueError), match=r"^set_blas_threads: count must be "):
        nnfw.set_blas_threads(count)


# ---- that they compute the same ---------------------------------------------------------------------------


class Case:
    """A random recurrent layer with its input, and all that comes of it with either kernels."""

    def __init__(self, cell, seed, dtype="float32"):
        rng = self.rng = np.random.default_rng(seed)
        self.N, self.T, self.D, self.H = (int(n) for n in rng.integers(1, [9, 8, 7, 20]))
        self.H = int(rng.choice([self.H, 8, 16]))  # of which the last two are of whole tiles
        options = {"return_sequences": rng.random() < 0.5, "go_backwards": rng.random() < 0.5}
        options |= {"use_bias": rng.random() < 0.8, "dropout": float(rng.choice([0, 0.3]))}
        options |= {"recurrent_dropout": float(rng.choice([0, 0.3]))}
        self.layer = layer = CELLS[cell](self.H, **options)
        layer.compute_shapes((self.T, self.D))
        layer.initialize(rng, dtype)
        layer.flat_params += 0.1 * rng.normal(size=layer.size)
        self.x = rng.normal(size=(self.N, self.T, self.D)).astype(dtype)
        self.given = {}
        if rng.random() < 0.5:
            self.given["lengths"] = rng.integers(1, self.T + 1, self.N)
        if rng.random() < 0.5:
            self.given["initial_state"] = rng.normal(size=(self.N, layer._state_size)).astype(dtype)

    def run(self, choose, forward, backward):
        """Return copies of all that the layer computes with these kernels, by name."""
        choose(forward)
        found = {"inference": self.layer.forward(self.x, **self.given)}
        self.layer._noise = np.random.default_rng(9)
        y = found["output"] = self.layer.forward(self.x, training=True, **self.given)
        choose(backward)
        found["dx"] = self.layer.backward(np.random.default_rng(3).normal(size=y.shape))
        self.layer.gradients()
        found |= dict(self.layer.cache) | self.layer.grads
        found |= {name: getattr(self.layer, name) for name in ("final_state", "initial_gradient")}
        return {name: np.array(array) for name, array in found.items()}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("seeds", SEEDS)
def test_loops_compute_what_those_in_numpy_do(compiled, cell, seeds, dtype):
    for seed in seeds:
        case = Case(cell, seed, dtype)
        expected, found = (case.run(compiled, kind, kind) for kind in ("numpy", "compiled"))
        assert found.keys() == expected.keys()
        for name, array in found.items():
            atol = TOLERANCE[dtype] * max(1, np.abs(expected[name]).max())
            np.testing.assert_allclose(array, expected[name], rtol=0, atol=atol, err_msg=name)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.filterwarnings("ignore:invalid value")
def test_what_is_not_finite_passes_alike(compiled, cell, value):
    for seed in range(4):
        case = Case(cell, seed)
        case.x[case.rng.integers(case.N), 0, 0] = value
        expected, found = (case.run(compiled, kind, kind) for kind in ("numpy", "compiled"))
        for name, array in found.items():
            np.testing.assert_allclose(array, expected[name], rtol=1e-4, atol=1e-5, err_msg=name)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.slow
def test_the_kernels_of_a_pass_stay_with_it(compiled, cell):
    case = Case(cell, 5)
    expected = case.run(compiled, "numpy", "numpy")
    for forward, backward in (("compiled", "numpy"), ("numpy", "compiled")):
        for name, array in case.run(compiled, forward, backward).items():
            np.testing.assert_allclose(array, expected[name], rtol=1e-4, atol=1e-5, err_msg=name)


@pytest.mark.parametrize("kind", ["numpy", "compiled"])
@pytest.mark.parametrize("cell", CELLS)
def test_a_batch_without_a_sequence_is_no_matter(compiled, cell, kind, capfd):
    case = Case(cell, 5)
    case.x, case.given, case.layer.return_sequences = case.x[:0], {}, True
    found = case.run(compiled, kind, kind)
    assert len(found["output"]) == len(found["dx"]) == len(found["final_state"]) == 0
    assert not any(np.any(found[name]) for name in case.layer.grads)
    assert capfd.readouterr() == ("", "")  # BLAS complains of a matrix without rows


@pytest.mark.slow
@pytest.mark.usefixtures("compiled")
@pytest.mark.parametrize("dtype", DTYPES)
def test_products_of_parts_of_matrices_leave_the_rest_as_it_is(dtype):
    from numba import njit

    from nnfw.kernels import cells

    product = njit(lambda a, b, c, keep: cells.product(a, b, c, keep))
    rng = np.random.default_rng(0)
    for n, k, m in [
        *rng.integers(1, [14, 40, 50], (60, 3)),
        *itertools.product([4, 7], [9], [16, 48]),
        (64, 99, 96),
    ]:
        A, B, C = (rng.normal(size=(i + 3, j + 2)).astype(dtype) for i, j in ((n, k), (k, m), (n, m)))
        a, b, keep, found = A[1 : n + 1, 2:], B[2 : k + 2, 1 : m + 1], int(rng.integers(2)), C.copy()
        product(a, b, found[3:, :m], keep)
        expected = C.copy()
        expected[3:, :m] = keep * C[3:, :m] + a.astype(float) @ b
        np.testing.assert_allclose(found, expected, atol=20 * TOLERANCE[dtype], rtol=0, err_msg=f"{n, k, m}")


@pytest.mark.usefixtures("compiled")
@pytest.mark.parametrize("dtype", DTYPES)
def test_tanh_is_exact_to_three_units_in_the_last_place(dtype):
    tiny = np.logspace(-300 if dtype == "float64" else -37, 2, 4001)
    x = np.concatenate([np.linspace(-20, 20, 40001), tiny, -tiny, [0.0, -0.0, np.inf, -np.inf, np.nan]])
    s = x.astype(dtype)[None]
    exact, h = np.tanh(s.astype(np.longdouble)), np.zeros((2, s.size), dtype)
    nothing_seen, Wh = h[:, :0], np.zeros((0, s.size), dtype)  # a product of 0 added to −0.0 is 0.0
    kernels.kernel("rnn_forward")(np.array([[0, 1, 0, 1]]), s, h, nothing_seen, h[:0], Wh)
    units = np.spacing(np.abs(exact).astype(dtype))
    assert np.nanmax(np.abs(h[1] - exact) / units) <= 3
    np.testing.assert_array_equal(np.isnan(h[1:]), np.isnan(exact))
    np.testing.assert_array_equal(np.signbit(h[1, :-1]), np.signbit(exact[0, :-1]))


RULES = [Adam(0.01), AdamW(0.01, beta_1=0.5), Adam(0.01, clip_norm=1.0), Nadam(), Nadam(momentum_decay=0.1)]
RULES += [RMSprop(), RMSprop(0.1, rho=0.5, weight_decay=0.1), RMSprop(momentum=0.9), RMSprop(centered=True)]


@pytest.mark.filterwarnings("ignore:invalid value")
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("rule", RULES)
def test_a_rule_takes_the_same_steps_to_the_last_bit(compiled, rule, dtype):
    results = []
    for kind in ("numpy", "compiled"):
        compiled(kind)
        rng = np.random.default_rng(0)
        params = rng.normal(size=1003).astype(dtype)
        state = rule.start(params)
        for step in range(6):
            grads = (rng.normal(size=1003) * 10.0 ** rng.integers(-15, 15, 1003)).astype(dtype)
            grads[step] = [0.0, np.nan, np.inf, -np.inf, 1e-30, 0.0][step] if rule.clip_norm is None else 0.0
            rule.step(params, grads, state, epoch=0.0)
        results.append([params, *state.slots.values()])
    for expected, found in zip(*results, strict=True):
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("shape", [(3,), (3, 1)])
def test_steps_of_a_flat_vector_are_compiled_and_those_of_plain_rules_alone(compiled, shape, monkeypatch):
    compiled("compiled")
    called = []
    for name in ("adam", "rmsprop"):
        assert kernels.kernel(name)
        monkeypatch.setitem(kernels._in_use("compiled"), name, lambda *_, name=name: called.append(name))
    for rule in RULES:
        if rule.clip_norm is None:
            params = np.ones(shape)
            rule.step(params, np.ones(shape), rule.start(params), epoch=0.0)
    assert called == (["adam"] * 4 + ["rmsprop"] * 2 if shape == (3,) else [])


def entropy(compiled, kind, y, logits, weight=None, **options):
    """Return the loss of logits and its gradient, with these kernels."""
    compiled(kind)
    with np.errstate(all="ignore"):
        a = Softmax()(logits)
        LOGITS.enter(a, ("softmax", logits))
        value, slope, of_logits = CategoricalCrossentropy(**options).with_gradient(y, a, weight)
    assert of_logits
    return value, slope


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("scale", [1, 1e3, 1e38])
def test_cross_entropy_is_what_numpy_computes(compiled, dtype, scale):
    rng = np.random.default_rng(7)
    logits = (scale * rng.uniform(-3, 3, size=(5, 4, 6))).astype(dtype)
    classes, padded = rng.integers(0, 6, (5, 4)), np.eye(6)[rng.integers(0, 6, (5, 4))]
    padded[1, 2:] = 0
    cases = [(classes, None, {}), (padded, rng.random((5, 4)), {"divide_by": "weights"})]
    cases += [
        (classes, rng.random(5), {"label_smoothing": 0.2}),
        (rng.dirichlet(np.ones(6), (5, 4)), None, {}),
    ]
    for y, weight, options in cases:
        given = y, logits, weight
        expected, found = (entropy(compiled, kind, *given, **options) for kind in ("numpy", "compiled"))
        np.testing.assert_allclose(found[0], expected[0], rtol=TOLERANCE[dtype])
        np.testing.assert_allclose(found[1], expected[1], rtol=0, atol=TOLERANCE[dtype])
        assert found[1].dtype == dtype


def test_a_small_cross_entropy_keeps_its_digits_and_what_is_not_finite_passes(compiled):
    value, _ = entropy(compiled, "compiled", np.array([0]), np.array([[0.0, -40.0]]))
    assert value == pytest.approx(np.exp(-40.0), rel=1e-12, abs=0)
    for odd in (np.nan, np.inf, -np.inf):
        logits = np.array([[odd, 1.0, 2.0], [0.0, 1.0, 2.0]], np.float32)
        expected, found = (
            entropy(compiled, kind, np.array([1, 1]), logits) for kind in ("numpy", "compiled")
        )
        np.testing.assert_array_equal(np.isfinite(found[0]), np.isfinite(expected[0]))
        np.testing.assert_allclose(found[1], expected[1], atol=1e-6)


def test_losses_that_derive_from_cross_entropy_are_not_compiled(compiled, monkeypatch):
    compiled("compiled")
    assert kernels.kernel("cross_entropy")
    called = []
    monkeypatch.setitem(kernels._in_use("compiled"), "cross_entropy", lambda *_: called.append(1))
    a, logits = np.full((2, 3), 1 / 3), np.ones((2, 3))
    LOGITS.enter(a, ("softmax", logits))
    for loss, count in ((Focal(), 0), (OrdinalCrossentropy(), 0), (CategoricalCrossentropy(), 1)):
        loss.with_gradient([0, 1], a)
        assert len(called) == count


# ---- layer norm -------------------------------------------------------------------------------------------


def layer_norm(choose, kind, x, dy, epsilon=1e-5):
    """Return y, dx and the gradients of a LayerNorm of random gain and shift with these kernels."""
    choose(kind)
    layer = LayerNorm(epsilon=epsilon)
    network = Network([Dense(x.shape[-1]), layer], dtype=x.dtype.name, seed=0)  # so that dx is needed
    network.build(x.shape[1:])
    layer.flat_params += np.random.default_rng(2).normal(size=layer.size).astype(x.dtype)
    y = layer.forward(x, training=True)
    np.testing.assert_array_equal(layer.forward(x), y)
    dx = layer.backward(dy)
    layer.gradients()
    return y, dx, layer.flat_grads.copy()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(5, 1), (7, 33), (3, 4, 16), (0, 3), (2, 9, 130)])
def test_layer_norm_is_what_numpy_computes(compiled, shape, dtype):
    rng = np.random.default_rng(3)
    dy = rng.normal(size=shape).astype(dtype)
    for scale, offset in ((1, 0), (1e-3, 0), (1e15, 0), (1, 1000)):
        x = (offset + scale * rng.normal(size=shape)).astype(dtype)
        for given in (x, np.asfortranarray(x)):
            expected = layer_norm(compiled, "numpy", x, dy)
            for right, found in zip(expected, layer_norm(compiled, "compiled", given, dy), strict=True):
                limit = TOLERANCE[dtype] * np.abs(right).max(initial=1e-20)
                np.testing.assert_allclose(found, right, rtol=0, atol=4 * limit)
                assert found.dtype == dtype


@pytest.mark.filterwarnings("ignore:invalid value")
def test_what_is_not_finite_passes_layer_norm_alike(compiled):
    rng = np.random.default_rng(4)
    x, dy = rng.normal(size=(2, 4, 17)).astype("float32")
    x[0, 3], x[1, 5], dy[2, 7] = np.nan, np.inf, np.nan
    both = (layer_norm(compiled, kind, x, dy) for kind in ("numpy", "compiled"))
    for expected, found in zip(*both, strict=True):
        np.testing.assert_array_equal(np.isfinite(found), np.isfinite(expected))


# ---- networks ---------------------------------------------------------------------------------------------


def trained(epochs, network=None):
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(40, 6, 3)), rng.integers(0, 3, 40)
    if network is None:
        layers = [GRU(5, return_sequences=True, recurrent_dropout=0.2), LSTM(4), Dense(3, "softmax")]
        network = Network(layers, loss="cce", optimizer=Adam(0.01), seed=3)
    network.fit(x, y, epochs=epochs, batch_size=16, lengths=rng.integers(1, 7, 40), verbose=0)
    return network, x


@pytest.mark.usefixtures("compiled")
def test_the_same_seed_gives_the_same_bits_and_so_does_a_resumed_fit(tmp_path):
    whole, again, half = trained(4)[0], trained(4)[0], trained(2)[0]
    half.save(tmp_path / "half.npz")
    resumed, _ = trained(2, Network.load(tmp_path / "half.npz"))
    for other in (again, resumed):
        np.testing.assert_array_equal(other.flat_params, whole.flat_params)


def test_training_is_that_of_numpy(compiled):
    found = trained(3)[0]
    compiled("numpy")
    np.testing.assert_allclose(found.flat_params, trained(3)[0].flat_params, rtol=0, atol=1e-5)


@pytest.mark.usefixtures("compiled")
def test_a_stream_gives_the_states_of_the_whole_sequence():
    network, x = trained(1)
    stream, sequence = network.stream(), x[:1]
    steps = [stream.step(x_t) for x_t in sequence[0]]
    np.testing.assert_allclose(steps[-1], network.predict(sequence)[0], rtol=1e-6)


@pytest.mark.slow
@pytest.mark.subprocess
def test_the_first_training_says_that_it_compiles(tmp_path):
    pytest.importorskip("numba")
    program = (
        "import numpy, nnfw; x = numpy.ones((4, 3, 2)); "
        "nnfw.Network([nnfw.RNN(2)], seed=0).fit(x, numpy.ones((4, 2)), epochs=1, verbose=2)"
    )
    settings = os.environ | {"NNFW_KERNELS": "auto", "NUMBA_CACHE_DIR": str(tmp_path)}
    said = [
        subprocess.run(
            [sys.executable, "-c", program], env=settings, capture_output=True, text=True, check=True
        )
        for _ in range(2)
    ]
    assert ["are being compiled; this takes some seconds" in one.stdout for one in said] == [True, False]

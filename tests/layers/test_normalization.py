"""LayerNorm, exact also of features far from 0; BatchNorm, its running statistics above all."""

from pathlib import Path

import numpy as np
import pytest
from alike import for_each
from built import build, step
from numpy.testing import assert_allclose, assert_array_equal

from nnfw import (
    SGD,
    AdamW,
    BatchNorm,
    Conv2D,
    Dense,
    EarlyStopping,
    Flatten,
    LayerNorm,
    Lion,
    Network,
    Residual,
    ShapeError,
)
from nnfw.gradcheck import check_layer, check_network
from nnfw.saving import load_weights, save_weights


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_normalized_features_have_mean_0_and_variance_1(dtype):
    rng = np.random.default_rng(17)
    x = rng.normal(size=(6, 5, 64)) * rng.uniform(0.1, 10, size=(6, 5, 1)) + rng.normal(size=(6, 5, 1))
    y = build(LayerNorm(epsilon=1e-20), (5, 64), dtype).forward(x.astype(dtype))
    tolerance = 1e-5 if dtype == "float32" else 1e-12
    assert_allclose(y.mean(axis=-1), 0, atol=tolerance)
    assert_allclose(y.var(axis=-1), 1, rtol=tolerance)


def test_layer_norm_of_constant_and_of_far_off_features():
    layer = build(LayerNorm(), (4,), "float32")
    layer.params["shift"][...] = [1, 2, 3, 4]
    assert_array_equal(layer.forward(np.full((2, 4), 1e6)), [[1, 2, 3, 4]] * 2)
    x = np.random.default_rng(18).normal(size=(3, 4)).astype(np.float32)
    assert_allclose(layer.forward(x + np.float32(1000)), layer.forward(x), atol=1e-3)
    assert_array_equal(step(layer, np.full((1, 4), 3.0), np.ones((1, 4))), 0)


@for_each("D", [2, 3, 5, 7, 11, 64, 100])
@for_each("offset", [0.1, 1e4, -1e5, 1234567.0])
def test_layer_norm_far_from_0_is_that_of_exact_arithmetic(D, offset):
    rng = np.random.default_rng(19)
    constant = np.full((4, D), offset) * rng.uniform(1, 2, size=(4, 1))
    x = np.concatenate([constant, offset + rng.normal(size=(4, D))]).astype(np.float32)
    exact = x.astype(np.longdouble)
    centred = exact - exact.mean(axis=1, keepdims=True)
    expected = centred / np.sqrt((centred**2).mean(axis=1, keepdims=True) + 1e-5)
    layer, precise = (build(LayerNorm(), (D,), dtype) for dtype in ("float32", "float64"))
    found = layer.forward(x)
    assert_allclose(found, expected, rtol=0, atol=2e-5)  # 0 where all features are the same
    dy = rng.normal(size=x.shape)
    assert_allclose(step(layer, x, dy), step(precise, x, dy), rtol=1e-4, atol=1e-3)
    assert_array_equal(layer.forward(x, training=True), found)


def test_misuse_of_layer_norm_is_explained():
    with pytest.raises(ValueError, match=r"LayerNorm: epsilon must be a finite number in \(0, inf"):
        LayerNorm(epsilon=0)
    with pytest.raises(ShapeError, match=r"expects .* got \(samples, 2, 3, 4\); Reshape merges several axes"):
        LayerNorm().compute_shapes((2, 3, 4))
    with pytest.raises(ShapeError, match=r"with 4 features, got \(2, 3\)"):
        build(LayerNorm(), (4,)).forward(np.ones((2, 3)))
    with pytest.raises(ShapeError, match=r"dy of the output's shape \(2, 4\), got \(2, 1\)"):
        step(build(LayerNorm(), (4,)), np.ones((2, 4)), np.ones((2, 1)))


# ---- BatchNorm ------------------------------------------------------------------------------------------

with np.load(Path(__file__).parents[1] / "recorded" / "blocks.npz") as file:
    RECORDED = dict(file)


@pytest.mark.parametrize("case", ["batch_norm", "batch_norm_in_time"])
def test_batch_norm_is_that_of_pytorch(case):
    """Outputs and gradients of a batch, the running statistics after it, and the outputs with these."""
    kept = {key.removeprefix(f"{case}/"): a for key, a in RECORDED.items() if key.startswith(f"{case}/")}
    x, options = kept["x"].copy(), {"lengths": kept["lengths"]} if "lengths" in kept else {}
    if options:
        x[np.arange(x.shape[1]) >= kept["lengths"][:, None]] = np.nan  # must never be read
    layer = build(BatchNorm(epsilon=0.01, rate=0.3), x.shape[1:])
    for name, p in layer.params.items():
        p[...] = kept[f"params/{name}"]
    assert_allclose(layer.forward(x, training=True, **options), kept["y"], rtol=0, atol=1e-12)
    assert_allclose(layer.backward(kept["dy"]), kept["grads/x"], rtol=0, atol=1e-12)
    layer.gradients()
    for name in ("gain", "shift"):
        assert_allclose(layer.grads[name], kept[f"grads/{name}"], rtol=0, atol=1e-12)
    layer.update(SGD(1e-300), 0.0)
    for name in ("mean", "variance"):
        assert_allclose(layer.params[name], kept[f"after/{name}"], rtol=0, atol=1e-12)
    assert_allclose(layer.forward(x, **options), kept["after/y"], rtol=0, atol=1e-12)


RNG = np.random.default_rng(23)
X, Y = 3 * RNG.normal(size=(24, 4)) + 5, RNG.normal(size=(24, 2))


def network(optimizer="sgd", **options):
    return Network([Dense(3), BatchNorm(**options), Dense(2)], optimizer=optimizer, dtype="float64", seed=0)


def running(model):
    return {name: p.copy() for name, p in model.params.items() if name.endswith(("mean", "variance"))}


@pytest.mark.parametrize(
    "optimizer", [AdamW(0.1, weight_decay=0.5), Lion(0.1), SGD(0.1, clip_global_norm=0.1)]
)
def test_no_optimizer_touches_the_running_statistics(optimizer):
    model = network(optimizer, rate=1.0)
    model.fit(X, Y, epochs=1, batch_size=24, shuffle=False, verbose=0)
    first = network(SGD(1e-300))
    first.compute_shapes((4,))
    first.initialize()
    h = first.layers[0].forward(X)
    layer = model.layers[1]
    assert_allclose(layer.params["mean"], h.mean(axis=0))
    assert_allclose(layer.params["variance"], h.var(axis=0, ddof=1))
    assert not np.any(layer.grads["mean"])


def test_the_running_statistics_are_saved_and_restored(tmp_path):
    model = network()
    model.fit(X, Y, epochs=3, verbose=0)
    model.save(tmp_path / "network")
    loaded, weights = Network.load(tmp_path / "network"), network()
    assert loaded.predict(X).tobytes() == model.predict(X).tobytes()
    for one in (loaded, model):
        one.fit(X, Y, epochs=2, batch_size=5, verbose=0)
    assert running(loaded).keys() == {"batchnorm_2.mean", "batchnorm_2.variance"}
    assert loaded.predict(X).tobytes() == model.predict(X).tobytes()
    pytest.importorskip("safetensors")
    save_weights(model, tmp_path / "weights")
    weights.compute_shapes((4,))
    weights.initialize()
    load_weights(weights, tmp_path / "weights")
    assert weights.predict(X).tobytes() == model.predict(X).tobytes()


def test_early_stopping_restores_the_statistics_of_the_best_epoch():
    model, snapshots = network("adam"), []
    model.fit(X, Y, verbose=0)
    stopper = EarlyStopping("val_loss", patience=2)
    held = (X[:8], RNG.normal(size=(8, 2)))
    for _ in range(8):
        model.fit(X, Y, epochs=1, validation_data=held, verbose=0)
        snapshots.append((model.evaluate(*held)["loss"], running(model)))
    again = network("adam")
    again.fit(X, Y, verbose=0)
    again.fit(X, Y, epochs=8, validation_data=held, callbacks=[stopper], verbose=0)
    best = min(snapshots[: len(again.history["loss"]) - 1], key=lambda one: one[0])
    for name, p in running(again).items():
        assert_allclose(p, best[1][name])


def test_the_optimizer_trains_gain_and_shift():
    layer = build(BatchNorm(), (3,))
    step(layer, RNG.normal(size=(5, 3)), RNG.normal(size=(5, 3)))
    before = {name: p.copy() for name, p in layer.params.items()}
    layer.update(SGD(0.5), 0.0)
    for name in ("gain", "shift"):
        assert_allclose(layer.params[name], before[name] - 0.5 * layer.grads[name])
        assert np.all(layer.grads[name])


def test_two_rows_are_a_batch():
    x = RNG.normal(size=(2, 3))
    y = build(BatchNorm(epsilon=0.1), (3,)).forward(x, training=True)
    assert_allclose(y, (x - x.mean(axis=0)) / np.sqrt(x.var(axis=0) + 0.1))


def test_a_batch_of_one_row_is_normalized_by_the_running_statistics():
    model = network("sgd", rate=0.5)
    model.fit(X, Y, batch_size=24, epochs=2, verbose=0)
    layer, one, before = model.layers[1], RNG.normal(size=(1, 3)), running(model)
    expected = layer.forward(one)
    assert_array_equal(layer.forward(one, training=True), expected)
    dy = RNG.normal(size=(1, 3))
    slope = layer.params["gain"] / np.sqrt(layer.params["variance"] + layer.epsilon)
    assert_allclose(layer.backward(dy), dy * slope)
    model.fit(X[:1], Y[:1], verbose=0)
    for name, p in running(model).items():
        assert_array_equal(p, before[name])
    model.fit(X, Y, batch_size=23, verbose=0)  # whose last batch has one sample
    assert all(np.isfinite(p).all() for p in model.params.values())


def test_frozen_it_computes_in_training_what_it_does_in_inference():
    layer = build(BatchNorm(trainable=False), (3,))
    for p in layer.params.values():
        p[...] = RNG.uniform(0.5, 2.0, size=3)
    x, kept = RNG.normal(size=(5, 3)), layer.flat_params.copy()
    assert_array_equal(layer.forward(x, training=True), layer.forward(x))
    dx = layer.backward(np.ones((5, 3)))
    layer.gradients()
    layer.update(SGD(0.1), 0.0)
    assert_allclose(dx, np.tile(layer.forward(np.ones((1, 3))) - layer.forward(np.zeros((1, 3))), (5, 1)))
    assert_array_equal(layer.flat_params, kept)


@pytest.mark.parametrize("wrap", [Network, Residual, lambda layers: Network([Residual(layers)])])
def test_frozen_with_a_network_around_it_too(wrap):
    rng = np.random.default_rng(29)
    x, y = rng.normal(size=(20, 3)), rng.normal(size=(20, 2))
    pretrained = wrap([Dense(3, "tanh"), BatchNorm()])
    network = Network([pretrained, Dense(2)], seed=0, dtype="float64")
    network.fit(x, y, epochs=2, verbose=0)
    before = pretrained.flat_params.copy()
    assert not np.allclose(pretrained.forward(x, training=True), pretrained.forward(x), rtol=1e-3)
    pretrained.trainable = False
    assert_array_equal(pretrained.forward(x, training=True), pretrained.forward(x))
    network.fit(x, y, epochs=2, verbose=0)
    assert_array_equal(pretrained.flat_params, before)
    pretrained.trainable = True
    network.fit(x, y, epochs=1, verbose=0)
    assert not np.allclose(pretrained.flat_params[-6:], before[-6:], atol=1e-6)


@pytest.mark.parametrize("trainable", [False, True])
def test_the_checks_of_gradients_take_no_statistic_for_a_weight(trainable):
    chain = Residual([Dense(5, "tanh"), BatchNorm(trainable=trainable)])
    report = check_layer(chain, (5,), training_differs=trainable)
    weights = {"dense_1.dW", "dense_1.db", "batchnorm_2.dgain", "batchnorm_2.dshift"}
    assert report.errors.keys() == {"dx"} | weights
    alone = check_layer(BatchNorm(trainable=trainable), (3,), training_differs=trainable)
    assert alone.errors.keys() == {"dx", "dgain", "dshift"}
    model = Network([Dense(5), chain, Dense(2)], seed=0)
    assert weights < {name.removeprefix("residual_2.") for name in check_network(model, X, Y).errors}


def test_a_step_that_fails_leaves_the_statistics_alone():
    model = network()
    model.fit(X, Y, verbose=0)
    before = running(model)
    with pytest.raises(ValueError, match="finite"):
        model.fit(X * np.nan, Y, verbose=0)
    for name, p in running(model).items():
        assert_array_equal(p, before[name])
    model.optimizer = SGD(1e308)
    with pytest.raises(ArithmeticError):
        model.fit(1e5 * X, 1e150 * Y, epochs=4, batch_size=24, verbose=0)
    assert all(np.isfinite(p).all() for p in model.params.values())


def test_features_far_from_0_are_normalized_in_float32():
    x = (1e5 + RNG.normal(size=(4000, 3))).astype(np.float32)
    layer = build(BatchNorm(rate=1.0), (3,), "float32")
    y = layer.forward(x, training=True)
    exact = x.astype(np.float64)
    assert_allclose(y, (exact - exact.mean(axis=0)) / exact.std(axis=0), rtol=0, atol=1e-3)
    assert_allclose(y.mean(axis=0), 0, atol=8e-3)  # what float32 has no mean between


def test_images_and_rows_given_as_a_list():
    images = RNG.normal(size=(10, 5, 5, 2))
    model = Network([BatchNorm(), Conv2D(3, 2), BatchNorm(), Flatten(), Dense(1)], seed=0)
    model.fit(images, np.ones(10), epochs=2, verbose=0)
    expected = images.mean(axis=(0, 1, 2)) * (1 - 0.9**2)
    assert_allclose(model.layers[0].params["mean"], expected, rtol=1e-4)
    rows = Network([BatchNorm(), Dense(1)], seed=0)
    rows.fit(list(X), np.ones(24), verbose=0)  # arrays (D,), and no sequences of one feature
    assert rows.shapes[0] == (4,)


def test_misuse_of_batch_norm_is_explained():
    with pytest.raises(ValueError, match=r"BatchNorm: rate must be a finite number in \[0, 1\]"):
        BatchNorm(rate=1.5)
    with pytest.raises(TypeError, match="BatchNorm has no argument 'momentum'"):
        BatchNorm(momentum=0.9)
    with pytest.raises(ShapeError, match=r"expects .*rows, columns, channels\), got \(samples, 2, 3, 4, 5\)"):
        BatchNorm().compute_shapes((2, 3, 4, 5))
    with pytest.raises(ShapeError, match=r"with 4 features, got \(2, 3\)"):
        build(BatchNorm(), (4,)).forward(np.ones((2, 3)))

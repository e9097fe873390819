"""Losses that divide by the sum of the weights: over batches, steps, windows, interruptions and files."""

from pathlib import Path

import numpy as np
import pytest

from nnfw import GRU, SGD, Adam, Dense, LambdaCallback, Network
from nnfw.losses import MSE, CategoricalCrossentropy

BY_WEIGHTS = CategoricalCrossentropy(divide_by="weights")
RNG = np.random.default_rng(3)
X, Y = RNG.normal(size=(41, 4)), RNG.integers(0, 3, 41)
WEIGHT = RNG.uniform(0, 2, 41) * (np.arange(41) % 16 > 7)  # in order, whole batches of 8 have weight 0
LENGTHS = RNG.integers(0, 7, 12)
SEQUENCES, CLASSES = RNG.normal(size=(12, 6, 2)), RNG.integers(0, 3, (12, 6))
STEP_WEIGHT = RNG.integers(0, 3, (12, 6)) * 1.5
VALID = np.arange(6) < LENGTHS[:, None]


def dense(**options):
    layers = [Dense(5, "tanh"), Dense(3, "softmax")]
    given = {"loss": BY_WEIGHTS, "metrics": ["accuracy"], "seed": 0, "dtype": "float64"}
    return Network(layers, **given | options)


def recurrent(**options):
    layers = [GRU(4, return_sequences=True), Dense(3, "softmax")]
    given = {"loss": BY_WEIGHTS, "metrics": ["accuracy"], "seed": 0, "dtype": "float64"}
    return Network(layers, **given | options)


def weighted_mean(network, x, y, weight, lengths=None):
    """Return Σ w l / Σ w of the cross-entropies of all samples, or steps."""
    p = np.take_along_axis(network.predict(x, lengths=lengths), y[..., None], -1)[..., 0]
    counted = weight > 0
    return -(weight[counted] * np.log(p[counted])).sum() / weight.sum()


def test_a_fit_is_that_of_pytorch():
    with np.load(Path(__file__).parents[1] / "recorded" / "losses.npz") as file:
        r = {key.split("/")[1]: file[key] for key in file if key.startswith("weighted_fit/")}
    network = Network([Dense(3, "softmax")], loss=BY_WEIGHTS, optimizer=SGD(0.5), dtype="float64")
    network.compute_shapes((4,))
    network.initialize()
    for name in "Wb":
        network.layers[0].params[name][...] = r[name]
    weights = dict(enumerate(r["weight"].tolist()))
    history = network.fit(
        r["x"], r["y"], class_weight=weights, epochs=3, batch_size=8, shuffle=False, verbose=0
    )
    np.testing.assert_allclose(history["loss"], r["losses"], rtol=1e-12)
    for name in "Wb":
        np.testing.assert_allclose(network.layers[0].params[name], r[f"{name}_after"], rtol=1e-10)
    for batch_size in (7, 40):
        found = network.evaluate(r["x"], r["y"], sample_weight=r["weight"][r["y"]], batch_size=batch_size)
        assert found["loss"] == pytest.approx(float(r["evaluated"]), rel=1e-12)


@pytest.mark.parametrize("batch_size", [1, 8, 41])
def test_the_loss_of_all_batches_is_one_mean(batch_size):
    network = dense()
    network.fit(X, Y, verbose=0)
    with pytest.raises(ValueError, match=r"^sample_weight is 0 for all training or all validation samples"):
        network.evaluate(X, Y, sample_weight=0 * WEIGHT)
    found = network.evaluate(X, Y, sample_weight=WEIGHT, batch_size=batch_size)
    assert found["loss"] == pytest.approx(weighted_mean(network, X, Y, WEIGHT), rel=1e-12)
    counted = WEIGHT > 0  # what weighs 0 is left out of metrics, which count the rest alike
    assert found["accuracy"] == np.mean((network.predict_classes(X) == Y)[counted])
    assert network.evaluate(X, Y, batch_size=batch_size)["loss"] == pytest.approx(
        weighted_mean(network, X, Y, np.ones(41)), rel=1e-12
    )


@pytest.mark.parametrize("batch_size", [1, 5, 12])
@pytest.mark.slow
def test_the_steps_of_sequences_are_one_mean(batch_size):
    network = recurrent()
    network.fit(SEQUENCES, CLASSES, lengths=LENGTHS, verbose=0)
    data = {"lengths": LENGTHS, "batch_size": batch_size}
    right = network.predict_classes(SEQUENCES, lengths=LENGTHS) == CLASSES
    for given in (STEP_WEIGHT, STEP_WEIGHT[:, 1]):
        each = (VALID.T * given.T).T
        found = network.evaluate(SEQUENCES, CLASSES, sample_weight=given, **data)
        expected = weighted_mean(network, SEQUENCES, CLASSES, each, LENGTHS)
        assert found["loss"] == pytest.approx(expected, rel=1e-12)
        assert found["accuracy"] == pytest.approx(right[each > 0].mean())
    whole = network.evaluate(SEQUENCES, CLASSES, sample_weight=STEP_WEIGHT, batch_size=batch_size)["loss"]
    assert whole == pytest.approx(weighted_mean(network, SEQUENCES, CLASSES, STEP_WEIGHT), rel=1e-12)


def test_an_epoch_is_one_mean_over_batches_and_over_windows():
    still = {"optimizer": SGD(1e-15), "metrics": ["accuracy"]}  # the weights stay as they are
    network = dense(**still)
    history = network.fit(X, Y, sample_weight=WEIGHT, batch_size=8, shuffle=False, verbose=0)
    assert history["loss"] == [pytest.approx(weighted_mean(network, X, Y, WEIGHT), rel=1e-9)]
    assert history["accuracy"] == [pytest.approx(np.mean((network.predict_classes(X) == Y)[WEIGHT > 0]))]
    network = recurrent(**still)
    history = network.fit(
        SEQUENCES, CLASSES, lengths=LENGTHS, sample_weight=STEP_WEIGHT, truncate=2, batch_size=5, verbose=0
    )
    expected = weighted_mean(network, SEQUENCES, CLASSES, STEP_WEIGHT * VALID, LENGTHS)
    assert history["loss"] == [pytest.approx(expected, rel=1e-9)]


def test_validation_data_have_weights():
    network = recurrent(optimizer=SGD(0.1))
    data = (SEQUENCES, CLASSES, LENGTHS, STEP_WEIGHT)
    history = network.fit(SEQUENCES, CLASSES, lengths=LENGTHS, validation_data=data, verbose=0)
    found = network.evaluate(SEQUENCES, CLASSES, lengths=LENGTHS, sample_weight=STEP_WEIGHT)
    assert [history["val_loss"], history["val_accuracy"]] == [[found["loss"]], [found["accuracy"]]]
    history = dense().fit(X, Y, validation_data=(X, Y, None, WEIGHT), verbose=0)
    other = dense().fit(X, Y, validation_data=(X[WEIGHT > 0], Y[WEIGHT > 0]), verbose=0)
    assert history["val_accuracy"] == pytest.approx(other["val_accuracy"])
    assert history["val_loss"] != pytest.approx(other["val_loss"])


@pytest.mark.parametrize("loss", [CategoricalCrossentropy(), BY_WEIGHTS])
def test_a_weight_on_a_sequence_without_a_step_is_none(loss):
    network, lengths = recurrent(loss=loss), LENGTHS * (np.arange(len(LENGTHS)) > 0)
    given = {"lengths": lengths, "sample_weight": lengths == 0}
    for verb in (network.fit, network.evaluate):
        with pytest.raises(ValueError, match=r"^sample_weight is 0 for all training or all validation"):
            verb(SEQUENCES, CLASSES, **given)
    assert not network.size


def test_classes_are_balanced_without_what_weighs_0():
    whole, part = dense(), dense()
    counted = WEIGHT > 0
    whole.fit(X, Y, sample_weight=counted, class_weight="balanced", batch_size=41, shuffle=False, verbose=0)
    part.fit(X[counted], Y[counted], class_weight="balanced", batch_size=41, shuffle=False, verbose=0)
    assert whole.history["loss"] == pytest.approx(part.history["loss"], rel=1e-12)
    np.testing.assert_allclose(whole.flat_params, part.flat_params, rtol=1e-12)


def test_a_batch_of_weights_of_0_changes_nothing():
    network = dense(optimizer=SGD(0.1))
    after, losses = [], []
    watch = LambdaCallback(
        on_batch_end=lambda run: (after.append(network.flat_params.copy()), losses.append(run.batch_loss))
    )
    options = {"batch_size": 8, "shuffle": False, "verbose": 0, "callbacks": [watch]}
    network.fit(X, Y, sample_weight=WEIGHT, **options)
    assert [loss == 0 for loss in losses] == [True, False] * 3
    for n in (2, 4):
        np.testing.assert_array_equal(after[n], after[n - 1])
        assert (after[n - 2] != after[n - 1]).any()
    counted = dense(optimizer=SGD(0.1))
    counted.fit(X, Y, sample_weight=WEIGHT > 0, **options)
    assert np.isfinite(counted.flat_params).all()


def test_the_scale_of_the_weights_does_not_count():
    histories = []
    for scale in (1.0, 1e-20, 1e20):
        network = dense(optimizer=Adam(0.01), dtype="float32")
        histories.append(
            network.fit(X, Y, sample_weight=scale * (WEIGHT + 0.1), epochs=2, batch_size=8, verbose=0)["loss"]
        )
    for other in histories[1:]:
        assert other == pytest.approx(histories[0], rel=1e-12)


@pytest.mark.parametrize("at", [1, 3])
@pytest.mark.slow
def test_it_resumes_to_the_bit_and_is_saved(at, tmp_path):
    def train(network, epochs, *callbacks):
        network.fit(
            X, Y, sample_weight=WEIGHT, validation_split=0.3, epochs=epochs, batch_size=4,
            callbacks=callbacks, resume=True, verbose=0,
        )  # fmt: skip

    expected, network = dense(), dense()
    train(expected, 3)
    stop = LambdaCallback(on_batch_end=lambda run: run.stop("enough") if run.batch == at else None)
    train(network, 3, stop)
    network.save(tmp_path / "network.npz")
    again = Network.load(tmp_path / "network.npz")
    assert repr(again.loss) == "CategoricalCrossentropy(divide_by='weights')"
    again._training_state.stopped = ""  # as after Ctrl-C, which is no reason to stay stopped
    train(again, 3)
    assert again.history == expected.history
    np.testing.assert_array_equal(again.flat_params, expected.flat_params)


@pytest.mark.parametrize("loss", [MSE(), MSE(divide_by="weights")])
def test_held_out_samples_of_weight_0_are_refused(loss):
    network = Network([Dense(1)], loss=loss, seed=0)
    for weight in (np.arange(41) < 30, np.arange(41) >= 30):
        with pytest.raises(ValueError, match=r"^sample_weight is 0 for all training or all"):
            network.fit(X, Y, sample_weight=weight, validation_split=11 / 41, split="tail", verbose=0)
    assert not network.size

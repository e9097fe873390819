"""The training loop: what is trained on, measured, recorded, and stopped."""

import copy
import re
import signal
import threading
import time

import numpy as np
import pytest
from untrained import untrained

from nnfw import (
    GRU,
    SGD,
    Adam,
    Callback,
    CSVLogger,
    Dense,
    EarlyStopping,
    History,
    LambdaCallback,
    Network,
    NonFiniteError,
    ReduceOnPlateau,
)
from nnfw.schedules import Cosine, Exponential, Linear, OneCycle
from nnfw.training.progress import Progress

RNG = np.random.default_rng(7)


def classes_task(n=60, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 4))
    return x, (x[:, 0] + x[:, 1] > 0).astype(int) + (x[:, 2] > 0)


def classifier(seed=0, **keywords):
    return Network(
        [Dense(8, "tanh"), Dense(3, "softmax")], loss="cce", metrics=["accuracy"], seed=seed, **keywords
    )


class Spy(Callback):
    """Notes every call, and the batches that the network saw."""

    def __init__(self):
        self.calls, self.rates = [], []

    def __getattribute__(self, name):
        if name.startswith("on_"):
            return lambda run: self.calls.append((name, run.epoch, run.batch))
        return super().__getattribute__(name)


class TestEpochs:
    def test_loss_of_an_epoch_is_the_mean_over_samples_not_batches(self):
        rng = np.random.default_rng(1)
        x, y = rng.normal(size=(10, 3)), rng.normal(size=(10, 2))
        network = Network([Dense(2)], optimizer=SGD(0.0), metrics=["mae"], dtype="float64", seed=0)
        history = network.fit(x, y, batch_size=4, verbose=0)  # batches of 4, 4 and 2
        a = network.predict(x)
        assert history["loss"][0] == pytest.approx(np.mean((a - y) ** 2), rel=1e-12)
        assert history["mae"][0] == pytest.approx(np.mean(np.abs(a - y)), rel=1e-12)
        assert network.evaluate(x, y, batch_size=3)["loss"] == pytest.approx(history["loss"][0], rel=1e-12)

    def test_every_sample_is_used_once_an_epoch(self):
        x = np.arange(11.0)[:, None]
        seen = []

        class Watch(Dense):
            def forward(self, x, training=False):
                seen.extend(x[:, 0].tolist() if training else [])
                return super().forward(x, training)

        network = Network([Watch(1)], optimizer=SGD(0.0), seed=0)
        network.fit(x, x, epochs=2, batch_size=4, verbose=0)
        first, second = seen[:11], seen[11:]
        assert sorted(first) == sorted(second) == x[:, 0].tolist()
        assert first != second
        seen.clear()
        network.fit(x, x, batch_size=4, shuffle=False, verbose=0)
        assert seen == x[:, 0].tolist()

    def test_gradient_is_a_mean_so_the_step_does_not_grow_with_the_batch(self):
        x, y = classes_task(30)
        one, many = classifier(optimizer=SGD(0.5)), classifier(optimizer=SGD(0.5))
        one.fit(x, y, batch_size=30, shuffle=False, verbose=0)
        many.fit(np.tile(x, (3, 1)), np.tile(y, 3), batch_size=90, shuffle=False, verbose=0)
        for name, value in one.params.items():
            np.testing.assert_allclose(value, many.params[name], rtol=1e-4, atol=1e-6)

    def test_schedules_see_fractional_epochs_across_calls(self):
        x, y = classes_task(40)
        seen = []

        def rate(epoch):
            seen.append(epoch)
            return 0.01

        network = classifier(optimizer=SGD(rate))
        network.fit(x, y, epochs=1, batch_size=10, verbose=0)
        network.fit(x, y, epochs=1, batch_size=10, verbose=0)
        assert sorted(set(seen)) == [0, 0.25, 0.5, 0.75, 1, 1.25, 1.5, 1.75]

    def test_history_goes_on(self):
        x, y = classes_task()
        schedule = Exponential(0.1, decay=0.3)
        network = classifier(optimizer=SGD(schedule))
        network.fit(x, y, epochs=2, validation_split=0.2, verbose=0)
        history = network.fit(x, y, epochs=1, verbose=0)
        assert isinstance(history, History)
        assert history.epoch == [1, 2, 3]
        assert set(history) == {"loss", "accuracy", "val_loss", "val_accuracy", "learning_rate"}
        assert all(len(values) == 3 for values in history.values())
        assert np.isnan(history["val_loss"]).tolist() == [False, False, True]
        assert history["learning_rate"] == [schedule(0), schedule(1), schedule(2)]

    def test_first_layer_is_spared_its_input_gradient_only_while_fitted(self):
        x, y = RNG.normal(size=(8, 5, 3)), RNG.integers(0, 2, 8)
        network = Network([GRU(4), Dense(2, "softmax")], loss="cce", seed=0)
        sizes = []
        backward = network.layers[0].backward
        network.layers[0].backward = lambda dy: sizes.append(backward(dy).size)
        network.fit(x, y, verbose=0)
        del network.layers[0].backward
        a = network.forward(x, training=True)
        assert sizes == [0]
        assert network.backward(network.loss.gradient(y, a)).shape == x.shape


class TestSeeds:
    def test_same_seed_same_bits(self):
        x, y = classes_task()
        runs = []
        for _ in range(2):
            network = classifier(seed=0)
            network.fit(x, y, epochs=3, validation_split=0.2, verbose=0)
            runs.append((network.history, [p.copy() for p in network.params.values()]))
        assert runs[0][0] == runs[1][0]
        for a, b in zip(runs[0][1], runs[1][1], strict=True):
            np.testing.assert_array_equal(a, b)

    def test_other_seed_other_bits_and_zero_is_a_seed(self):
        x, y = classes_task()
        losses = []
        for seed in (0, 0, 1, None, None):
            network = classifier(seed=seed)
            losses.append(network.fit(x, y, verbose=0)["loss"][0])
        assert losses[0] == losses[1]
        assert len(set(losses)) == 4

    def test_global_state_is_left_alone(self):
        np.random.seed(5)  # noqa: NPY002 (the global state is what is tested)
        before, errors = np.random.get_state()[1].copy(), np.geterr()  # noqa: NPY002
        classifier().fit(*classes_task(), verbose=0)
        np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002
        assert np.geterr() == errors


class TestValidation:
    def test_split_is_stratified_for_classes_and_says_so(self, capsys):
        x, y = classes_task(100)
        network = classifier()
        history = network.fit(x, y, validation_split=0.2, verbose=0)
        assert history.validation == "stratified, 20 of 100 samples"
        network.fit(x, y, validation_split=0.2, verbose=2)
        assert capsys.readouterr().out.startswith("validation: stratified, 20 of 100 samples\nepoch 2/2")

    @pytest.mark.parametrize(("split", "said"), [("random", "random"), ("tail", "tail"), ("auto", "random")])
    def test_other_splits(self, split, said):
        x = np.arange(20.0)[:, None]
        seen = []

        class Watch(Dense):
            def forward(self, x, training=False):
                if not training:
                    seen.extend(x[:, 0].tolist())
                return super().forward(x, training)

        network = Network([Watch(1)], seed=0)
        history = network.fit(x, x * 0.1, validation_split=0.25, split=split, verbose=0)
        assert history.validation == f"{said}, 5 of 20 samples"
        assert len(seen) == 5
        assert (seen == [15, 16, 17, 18, 19]) == (split == "tail")
        history = network.fit(x[2:4], x[2:4], validation_split=0.9, split=split, verbose=0)
        assert history.validation == f"{said}, 1 of 2 samples"

    def test_validation_data_are_measured_after_the_epoch(self):
        x, y = classes_task()
        network = classifier()
        history = network.fit(x, y, validation_data=(x, y), verbose=0)
        after = network.evaluate(x, y)
        assert history["val_loss"][-1] == pytest.approx(after["loss"])
        assert history["val_accuracy"][-1] == after["accuracy"]

    def test_sequence_lengths_in_validation(self):
        rng = np.random.default_rng(0)
        x, y = [rng.normal(size=(t, 2)) for t in (3, 5, 2, 4)], [0.0, 1.0, 0.0, 1.0]
        network = Network([GRU(3), Dense(1, "sigmoid")], loss="bce", seed=0)
        history = network.fit(x, y, validation_data=(x, y), verbose=0)
        alone = [network.evaluate(one[None], [target])["loss"] for one, target in zip(x, y, strict=True)]
        assert history["val_loss"][-1] == pytest.approx(np.mean(alone), rel=1e-5)


class TestWeights:
    def test_sample_weight_two_is_a_sample_twice(self):
        x, y = classes_task(12)
        weight = np.ones(12)
        weight[:4] = 2
        weighted, repeated = classifier(optimizer=SGD(0.12)), classifier(optimizer=SGD(0.16))
        weighted.fit(x, y, batch_size=12, shuffle=False, sample_weight=weight, verbose=0)
        twice = np.concatenate([x, x[:4]]), np.concatenate([y, y[:4]])
        repeated.fit(
            *twice, batch_size=16, shuffle=False, verbose=0
        )  # 16/12 of the rate, as the mean is over 16
        for name, value in weighted.params.items():
            np.testing.assert_allclose(value, repeated.params[name], rtol=1e-4, atol=1e-6)

    def test_class_weight_is_the_sample_weight_of_its_members(self):
        x, y = classes_task(30)
        by_class, by_sample, balanced = classifier(), classifier(), classifier()
        by_class.fit(x, y, class_weight={0: 1.0, 1: 0.5, 2: 3.0}, verbose=0)
        by_sample.fit(x, y, sample_weight=np.array([1.0, 0.5, 3.0])[y], verbose=0)
        np.testing.assert_array_equal(by_class.layers[0].flat_params, by_sample.layers[0].flat_params)
        balanced.fit(x, y, class_weight="balanced", verbose=0)
        counts = np.bincount(y)
        by_hand = classifier()
        by_hand.fit(x, y, sample_weight=(30 / 3 / counts)[y], verbose=0)
        np.testing.assert_array_equal(balanced.layers[0].flat_params, by_hand.layers[0].flat_params)
        for class_weight in ("balanced", {0: 1.0, 1: 2.0}):  # class 2 has no member
            balanced.fit(x, np.minimum(y, 1), class_weight=class_weight, verbose=0)

    def test_the_signs_of_hinge_are_two_classes(self):
        x = classes_task(30)[0]
        signs = np.where(np.arange(30) % 3 == 0, 1, -1)
        by_class, by_sample = (Network([Dense(1)], loss="hinge", seed=0) for _ in range(2))
        by_class.fit(x, signs, class_weight={0: 0.5, 1: 3.0}, verbose=0)
        by_sample.fit(x, signs, sample_weight=np.where(signs > 0, 3.0, 0.5), verbose=0)
        np.testing.assert_array_equal(by_class.flat_params, by_sample.flat_params)
        history = by_class.fit(x, signs, validation_split=0.2, verbose=0)
        assert history.validation == "stratified, 6 of 30 samples"

    def test_steps_of_weight_0_are_as_beyond_the_end(self):
        rng = np.random.default_rng(8)
        x, y, lengths = rng.normal(size=(9, 6, 2)), rng.integers(0, 3, (9, 6)), rng.integers(1, 7, 9)
        valid = np.arange(6) < lengths[:, None]
        ended, weighed = (
            Network([GRU(4, return_sequences=True), Dense(3, "softmax")], loss="cce", dtype="float64", seed=0)
            for _ in range(2)
        )
        ended.fit(x, y, lengths=lengths, batch_size=9, epochs=3, verbose=0)
        weighed.fit(x, y, sample_weight=valid * (54 / valid.sum()), batch_size=9, epochs=3, verbose=0)
        assert weighed.history["loss"] == pytest.approx(ended.history["loss"], rel=1e-12)
        for name, value in ended.params.items():
            np.testing.assert_allclose(weighed.params[name], value, rtol=1e-9, atol=1e-12)

    @pytest.mark.parametrize("targets", ["classes", "columns", "one-hot"])
    @pytest.mark.slow
    def test_class_weight_of_steps_is_the_sample_weight_of_each(self, targets):
        rng = np.random.default_rng(9)
        lengths = rng.integers(2, 7, 10)
        x, y = [rng.normal(size=(n, 2)) for n in lengths], [rng.integers(0, 2, n) for n in lengths]
        members = np.bincount(np.concatenate(y))
        form = {
            "classes": lambda one: one,
            "columns": lambda one: one[:, None],
            "one-hot": np.eye(2).__getitem__,
        }
        given = [form[targets](one) for one in y]
        last, loss = (Dense(1, "sigmoid"), "bce") if targets == "columns" else (Dense(2, "softmax"), "cce")
        networks = [
            Network([GRU(3, return_sequences=True), copy.deepcopy(last)], loss=loss, seed=0) for _ in range(4)
        ]
        by_class, by_step, balanced, by_hand = networks
        factors, shares = np.array([0.5, 3.0]), members.sum() / 2 / members
        by_class.fit(x, given, class_weight={0: 0.5, 1: 3.0}, epochs=2, verbose=0)
        by_step.fit(x, given, sample_weight=[factors[one] for one in y], epochs=2, verbose=0)
        balanced.fit(x, given, class_weight="balanced", epochs=2, verbose=0)
        by_hand.fit(x, given, sample_weight=[shares[one] for one in y], epochs=2, verbose=0)
        for one, other in ((by_class, by_step), (balanced, by_hand)):
            assert one.history["loss"] == other.history["loss"]
            np.testing.assert_array_equal(one.layers[0].flat_params, other.layers[0].flat_params)
        assert by_class.history["loss"] != balanced.history["loss"]

    def test_both_kinds_together_are_their_product(self):
        rng = np.random.default_rng(10)
        x, y, each = rng.normal(size=(8, 5, 2)), rng.integers(0, 2, (8, 5)), rng.uniform(0, 2, 8)
        together, product = (
            Network([GRU(3, return_sequences=True), Dense(2, "softmax")], loss="cce", seed=0)
            for _ in range(2)
        )
        together.fit(x, y, sample_weight=each, class_weight={0: 0.5, 1: 3.0}, verbose=0)
        product.fit(x, y, sample_weight=each[:, None] * np.array([0.5, 3.0])[y], verbose=0)
        assert together.history["loss"] == product.history["loss"]

    def test_val_loss_is_that_of_evaluate(self):
        x, y = classes_task(40)
        weight = np.random.default_rng(3).uniform(0, 2, 40)
        held = {"validation_split": 0.25, "split": "tail", "verbose": 0}
        by_sample, by_class = classifier(), classifier()
        by_sample.fit(x, y, sample_weight=weight, class_weight={0: 1.0, 1: 5.0, 2: 0.1}, **held)
        expected = by_sample.evaluate(x[30:], y[30:], sample_weight=weight[30:])["loss"]
        assert by_sample.history["val_loss"] == pytest.approx([expected], rel=1e-6)
        assert expected != pytest.approx(by_sample.evaluate(x[30:], y[30:])["loss"], rel=1e-2)
        by_class.fit(x, y, class_weight="balanced", **held)
        assert by_class.history["val_loss"] == pytest.approx([by_class.evaluate(x[30:], y[30:])["loss"]])

    def test_balanced_by_the_samples_to_train_on(self):
        x, y = classes_task(40)
        y[30:] = 2
        held, whole = classifier(), classifier()
        held.fit(x, y, class_weight="balanced", validation_split=0.25, split="tail", verbose=0)
        whole.fit(x[:30], y[:30], class_weight="balanced", verbose=0)
        np.testing.assert_array_equal(held.layers[0].flat_params, whole.layers[0].flat_params)


class TestSequences:
    def test_a_batch_of_unequal_lengths_is_each_sequence_alone(self):
        rng = np.random.default_rng(2)
        sequences = [rng.normal(size=(t, 3)) for t in (4, 1, 6)]
        targets = [rng.integers(0, 2, t) for t in (4, 1, 6)]
        network = Network(
            [GRU(4, return_sequences=True), Dense(2, "softmax")],
            loss="cce",
            metrics=["accuracy"],
            dtype="float64",
            seed=0,
        )
        untrained(network, None, 3)
        whole = network.evaluate(sequences, targets)
        alone = [network.evaluate(x[None], y[None]) for x, y in zip(sequences, targets, strict=True)]
        lengths = np.array([4, 1, 6])
        for name, value in whole.items():
            expected = np.sum([one[name] * t for one, t in zip(alone, lengths, strict=True)]) / lengths.sum()
            assert value == pytest.approx(expected, rel=1e-12)
        outputs = network.predict(sequences)
        for i, x in enumerate(sequences):
            np.testing.assert_allclose(outputs[i, : len(x)], network.predict(x[None])[0], atol=1e-12)

    def test_padding_may_hold_anything(self):
        rng = np.random.default_rng(3)
        x, y, lengths = rng.normal(size=(5, 6, 2)), rng.normal(size=(5, 6, 1)), np.array([6, 2, 3, 1, 4])
        results = []
        for filler in (0.0, np.nan, 1e30):
            beyond = np.arange(6) >= lengths[:, None]
            x[beyond], y[beyond] = filler, filler
            network = Network(
                [Dense(3, "tanh"), GRU(3, return_sequences=True), Dense(1)], seed=0, dtype="float64"
            )
            network.fit(x, y, lengths=lengths, epochs=2, verbose=0)
            results.append(np.concatenate([p.ravel() for p in network.params.values()]))
        np.testing.assert_array_equal(results[0], results[1])
        np.testing.assert_array_equal(results[0], results[2])


class TestCallbacks:
    def test_order_of_calls(self):
        x, y = classes_task(20)
        spy = Spy()
        classifier().fit(x, y, epochs=2, batch_size=10, callbacks=[spy], verbose=0)
        assert [name for name, _, _ in spy.calls] == [
            "on_fit_start",
            *["on_epoch_start", *["on_gradients", "on_batch_end"] * 2, "on_epoch_end"] * 2,
            "on_fit_end",
        ]

    @pytest.mark.parametrize("stops", [True, False])
    def test_early_stopping_restores_the_best(self, stops):
        x, y = classes_task(40)
        kept = []
        keep = LambdaCallback(on_epoch_end=lambda run: kept.append(run.network.layers[0].flat_params.copy()))
        script = iter([1.0, 0.5, 0.7, 0.6, 0.8])
        fake = LambdaCallback(on_epoch_end=lambda run: run.logs.update(fake=next(script)))
        stopper = EarlyStopping("fake", patience=3 if stops else 50, mode="min")
        network = classifier(optimizer=SGD(0.5))
        history = network.fit(x, y, epochs=5, callbacks=[keep, fake, stopper], verbose=0)
        assert len(history.epoch) == 5
        assert stopper.best_epoch == 2
        np.testing.assert_array_equal(network.layers[0].flat_params, kept[1])

    def test_early_stopping_stops_after_patience(self):
        x, y = classes_task(20)
        script = iter([3, 1, 2, 2, 2, 2, 2])
        fake = LambdaCallback(on_epoch_end=lambda run: run.logs.update(val_accuracy=-next(script)))
        history = classifier().fit(
            x, y, epochs=7, callbacks=[fake, EarlyStopping("val_accuracy", patience=2)], verbose=0
        )
        assert len(history.epoch) == 4

    def test_reduce_on_plateau_scales_rates_and_schedules(self):
        x, y = classes_task(20)
        flat = LambdaCallback(on_epoch_end=lambda run: run.logs.update(flat=1.0))
        reduce = ReduceOnPlateau("flat", factor=0.1, patience=2, min_rate=0.005, mode="max")
        network = classifier(optimizer=SGD(1.0))
        history = network.fit(x, y, epochs=8, callbacks=[flat, reduce], verbose=0)
        np.testing.assert_allclose(history["learning_rate"], [1, 1, 1, 0.1, 0.1, 0.01, 0.01, 0.005])
        network = classifier(optimizer=SGD(Cosine(1.0, epochs=10)))
        reduce = ReduceOnPlateau("flat", patience=2, mode="min")
        history = network.fit(x, y, epochs=4, callbacks=[flat, reduce], verbose=0)
        schedule = Cosine(1.0, epochs=10)
        np.testing.assert_allclose(
            history["learning_rate"], [schedule(0), schedule(1), schedule(2), schedule(3) / 2]
        )
        network = classifier(optimizer=SGD(Cosine(1.0, epochs=2)))  # to a rate of 0, which nothing reduces
        history = network.fit(x, y, epochs=4, callbacks=[flat, reduce], verbose=0)
        assert history["learning_rate"][2:] == [0, 0]

    def test_csv_logger_writes_what_the_history_writes(self, tmp_path):
        x, y = classes_task(20)
        network = classifier()
        history = network.fit(x, y, epochs=3, callbacks=[CSVLogger(tmp_path / "log.csv")], verbose=0)
        history.to_csv(tmp_path / "history.csv")
        assert (tmp_path / "log.csv").read_text() == (tmp_path / "history.csv").read_text()

    def test_unknown_monitor_teaches(self):
        x, y = classes_task(20)
        with pytest.raises(ValueError, match=r"Pass validation_data or validation_split to fit"):
            classifier().fit(x, y, callbacks=[EarlyStopping()], verbose=0)
        with pytest.raises(ValueError, match="Did you mean 'accuracy'"):
            classifier().fit(x, y, callbacks=[EarlyStopping("acuracy")], verbose=0)

    def test_error_in_a_callback_leaves_the_network_usable(self):
        x, y = classes_task(20)
        network = classifier()
        with pytest.raises(ZeroDivisionError):
            network.fit(x, y, callbacks=[LambdaCallback(on_batch_end=lambda run: 1 / 0)], verbose=0)
        assert network.fit(x, y, verbose=0).epoch == [1]


class TestInterruption:
    def test_ctrl_c_ends_after_the_batch(self):
        x, y = classes_task(40)

        def interrupt(run):
            if run.epoch == 2 and run.batch == 1:
                signal.raise_signal(signal.SIGINT)

        handler = signal.getsignal(signal.SIGINT)
        network = classifier()
        history = network.fit(
            x, y, epochs=5, batch_size=10, callbacks=[LambdaCallback(on_batch_end=interrupt)], verbose=0
        )
        assert history.epoch == [1]
        assert signal.getsignal(signal.SIGINT) is handler
        assert network.fit(x, y, verbose=0).epoch == [1, 2]

    def test_fit_in_another_thread(self):
        x, y = classes_task(20)
        network = classifier()
        thread = threading.Thread(target=lambda: network.fit(x, y, verbose=0))
        thread.start()
        thread.join()
        assert network.history.epoch == [1]

    def test_second_fit_at_once_is_refused(self):
        x, y = classes_task(20)
        network = classifier()
        again = LambdaCallback(on_batch_end=lambda run: network.fit(x, y, verbose=0))
        with pytest.raises(RuntimeError, match="already being fitted"):
            network.fit(x, y, callbacks=[again], verbose=0)

    def test_not_finite_loss_keeps_the_last_good_weights(self):
        x, y = classes_task(20)
        network = Network([Dense(4), Dense(1)], optimizer=SGD(1e30), seed=0)
        with np.errstate(all="ignore"), pytest.raises(NonFiniteError, match="clip_global_norm"):
            network.fit(x, y.astype(float), epochs=50, verbose=0)


class TestUse:
    def test_predict_in_batches_is_predict_at_once(self):
        x, y = classes_task()
        network = classifier(dtype="float64")
        network.fit(x, y, verbose=0)
        whole = network.predict(x)
        np.testing.assert_allclose(network.predict(x, batch_size=7), whole, atol=1e-14)
        np.testing.assert_array_equal(network(x), whole)
        np.testing.assert_array_equal(network.predict_classes(x), whole.argmax(axis=1))
        assert type(whole) is np.ndarray

    @pytest.mark.slow
    def test_predict_classes_of_one_output(self):
        x = np.linspace(-2, 2, 9)[:, None]
        network = Network([Dense(1, "sigmoid")], loss="bce", optimizer=Adam(0.1), seed=0)
        network.fit(x, x > 0, epochs=200, verbose=0)
        assert network.predict_classes(x)[[0, -1]].tolist() == [0, 1]

    @pytest.mark.parametrize(
        "convert",
        [
            lambda x: x.tolist(),
            lambda x: x.astype(">f8"),
            lambda x: np.asfortranarray(x),
            lambda x: np.repeat(x, 2, axis=0)[::2],
            lambda x: x.astype("float16").astype("float32"),
        ],
    )
    def test_any_array_like(self, convert):
        x, y = classes_task(20)
        x = x.astype("float16").astype("float64")
        x.flags.writeable = False
        network, other = classifier(), classifier()
        network.fit(x, y, verbose=0)
        other.fit(convert(x), y.tolist(), verbose=0)
        np.testing.assert_array_equal(network.layers[0].flat_params, other.layers[0].flat_params)


class TestProgress:
    def test_silent(self, capsys):
        classifier().fit(*classes_task(), verbose=0)
        captured = capsys.readouterr()
        assert captured.out == captured.err == ""

    def test_a_line_an_epoch(self, capsys):
        classifier().fit(*classes_task(), epochs=2, verbose=2)
        lines = capsys.readouterr().out.splitlines()
        assert lines[0].startswith("epoch 1/2: loss ")
        assert "accuracy" in lines[1]
        assert "rate 0.001" in lines[1]

    def test_bar(self, capsys):
        classifier().fit(*classes_task(), epochs=2, verbose=1)
        captured = capsys.readouterr()
        assert captured.out == ""
        assert "2/2" in captured.err
        assert "accuracy" in captured.err
        assert "epoch 1" not in captured.err  # so short an epoch has no bar of its own

    @pytest.mark.slow
    def test_batch_bar_of_a_long_epoch(self, capsys, monkeypatch):
        monkeypatch.setattr("nnfw.training.progress.EPOCH_BAR_DELAY", -1.0)
        slow = LambdaCallback(on_batch_end=lambda run: time.sleep(0.03))
        classifier().fit(*classes_task(), batch_size=5, callbacks=[slow], verbose=1)
        counts = re.findall(r"epoch 1/1: .* (\d+)/12 .*step/s", capsys.readouterr().err.replace("\r", "\n"))
        assert counts[0] == "1"  # the bar opens with the steps so far
        assert sorted(map(int, counts)) == list(map(int, counts))
        assert len(set(counts)) > 1

    @pytest.mark.parametrize(
        ("given", "total", "count"),
        [
            ({}, 2, 2),
            ({"truncate": 3}, 6, 6),
            ({"truncate": 4, "lengths": [9, 2, 4, 7, 3]}, None, 4),  # 3 and 1: known only as they come
        ],
    )
    def test_every_update_is_a_step_of_the_bar(self, given, total, count, monkeypatch):
        totals, losses = [], []
        monkeypatch.setattr(Progress, "start", lambda _, epochs, first, steps: totals.append(steps))
        monkeypatch.setattr(Progress, "step", lambda _, loss: losses.append(loss))
        x = np.random.default_rng(0).normal(size=(5, 9, 2))
        network = Network([GRU(3, return_sequences=True), Dense(2)], seed=0)
        network.fit(x, x, batch_size=4, shuffle=False, verbose=0, **given)
        assert totals == [total]
        assert len(set(losses)) == len(losses) == count

    def test_says_that_nothing_is_left_to_do(self, capsys):
        x, y = classes_task()
        network = classifier()
        network.fit(x, y, epochs=2, verbose=0)
        kept, history = network.layers[0].flat_params.copy(), copy.deepcopy(network.history)
        for epochs in (1, 2):
            network.fit(x, y, epochs=epochs, resume=True, verbose=2)
            assert capsys.readouterr().out == (
                "nothing is left to do: the last fit completed its 2 epochs; omit resume to train further\n"
            )
        np.testing.assert_array_equal(network.layers[0].flat_params, kept)
        assert network.history == history
        network.fit(x, y, epochs=3, resume=True, verbose=2)
        network.fit(x, y, verbose=2)
        assert [line[:9] for line in capsys.readouterr().out.splitlines()] == ["epoch 3/3", "epoch 4/4"]
        network.fit(x, y, resume=True, verbose=2)
        assert "completed its 1 epoch;" in capsys.readouterr().out

    def test_a_fit_that_was_stopped_says_why_and_no_more(self, capsys):
        x, y = classes_task()
        network = classifier()
        network.fit(x, y, callbacks=[LambdaCallback(on_epoch_end=lambda run: run.stop("enough"))], verbose=0)
        network.fit(x, y, resume=True, verbose=2)
        assert capsys.readouterr().out == "stopped in epoch 1: enough\n"

    @pytest.mark.parametrize("count", [98, 196, 206])
    @pytest.mark.slow
    def test_halves_of_an_epoch_are_exact(self, count):
        x, y = np.zeros((count, 2)), np.zeros((count, 1))
        rates = []
        network = Network([Dense(1)], optimizer=SGD(lambda epoch: rates.append(epoch) or 0.01), seed=0)
        network.fit(x, y, batch_size=1, shuffle=False, verbose=0)
        assert {i / count for i in range(count)} <= set(rates)

    def test_an_optimizer_assigned_within_a_fit_is_used_from_then_on(self):
        x, y = classes_task(16)
        after = []

        def rest(run):
            if run.epoch == 2:
                run.network.optimizer = SGD(0.0)
            after.append(run.network.layers[0].flat_params.copy())

        network = classifier(optimizer=SGD(0.1))
        network.fit(x, y, epochs=4, verbose=0, callbacks=[LambdaCallback(on_epoch_end=rest)])
        assert not np.array_equal(after[0], after[1])
        np.testing.assert_array_equal(after[1], after[3])
        assert network.history["learning_rate"] == [0.1, 0.1, 0.0, 0.0]

    def test_an_optimizer_taken_away_within_a_fit_is_the_default_from_then_on(self):
        x, y = classes_task(16)
        take_away = LambdaCallback(on_epoch_end=lambda run: setattr(run.network, "optimizer", None))
        network = classifier(optimizer=SGD(0.1))
        network.fit(x, y, epochs=2, verbose=0, callbacks=[take_away])
        assert network.history["learning_rate"] == [0.1, Adam().learning_rate]

    def test_an_optimizer_assigned_after_a_fit_with_the_default_stays_that_of_an_inner_network(self):
        x, y = classes_task(16)
        inner = Network([Dense(3)], seed=0)
        inner.fit(x, x[:, :1] * np.ones(3), verbose=0)
        before = inner.flat_params.copy()
        for rule, changes in ((None, True), (SGD(0.0), False)):
            if rule:
                inner.optimizer = rule
            layers = [copy.deepcopy(inner), Dense(3, "softmax")]
            outer = Network(layers, loss="cce", optimizer=SGD(0.1), seed=0)
            outer.fit(x, y, verbose=0)
            assert np.array_equal(outer.layers[0].flat_params, before) != changes

    def test_says_that_a_schedule_has_come_to_0(self, capsys):
        x, y = classes_task()
        network = classifier(optimizer=Adam(Cosine(1e-2, epochs=2)))
        network.fit(x, y, epochs=2, verbose=2)
        assert "rate is 0" not in capsys.readouterr().out
        network.fit(x, y, epochs=3, verbose=2)
        said = "the learning rate is 0 in epoch 3, so the weights do not change; "
        assert capsys.readouterr().out.startswith(said)
        network.optimizer = "adam"
        network.fit(x, y, verbose=2)
        assert "rate is 0" not in capsys.readouterr().out

    @pytest.mark.parametrize(
        "rate",
        [
            Linear(0.0, epochs=2, end=0.1),
            Linear(0.0, epochs=2, end=0.1, staircase=True),
            OneCycle(0.1, epochs=3),
            lambda epoch: 0.01 * (epoch % 1.0 > 0.0),
            lambda epoch: 0.01 * (epoch % 1.0 > 0.5),
            lambda epoch: 0.01 * (0.2 < epoch % 1.0 < 0.5),
            lambda epoch: [0.1, 0.0, 0.1][int(epoch)],
            lambda epoch: 0.01 * (epoch > 0.6),
        ],
    )
    def test_a_rate_that_is_0_for_a_while_is_not_told(self, rate, capsys):
        classifier(optimizer=SGD(rate)).fit(*classes_task(), epochs=2, verbose=2)
        assert capsys.readouterr().out.startswith("epoch 1/2")

    def test_auto_is_lines_without_a_terminal(self, capsys):
        classifier().fit(*classes_task())
        assert capsys.readouterr().out.startswith("epoch 1/1")

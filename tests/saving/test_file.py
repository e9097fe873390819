"""A saved network is the same network, and an old file survives a save that fails."""

import copy
import json
import os
import stat
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest
from saved import bits, data, round_trip, small_network, state_of, trained
from untrained import untrained

from nnfw import (
    GRU,
    RNN,
    SGD,
    Adagrad,
    Adam,
    AdamW,
    Dense,
    Lion,
    Nadam,
    Network,
    Optimizer,
    ReduceOnPlateau,
    Residual,
    RMSprop,
    activations,
    initializers,
    metrics,
    schedules,
)
from nnfw.training.callbacks import LambdaCallback

RATES = [
    0.003,
    schedules.Piecewise([1, 2.5], [0.01, 0.005, 0.001]),
    schedules.OneCycle(0.02, epochs=6, staircase=True),
    schedules.Warmup(schedules.Cosine(0.01, epochs=4), epochs=1) * 0.5,
    schedules.Sequence([0.01, schedules.Linear(0.01, epochs=3)], boundaries=[2]),
]
OPTIMIZERS = [SGD, Adagrad, RMSprop, Adam, AdamW, Nadam, Lion]
LIMITS = [{}, {"clip_norm": 1.0}, {"clip_value": 0.5}, {"clip_global_norm": 2.0}, {"weight_decay": 0.01}]


def pick(rng, options):
    return options[rng.integers(len(options))]


def random_optimizer(rng):
    return pick(rng, OPTIMIZERS)(pick(rng, RATES), **pick(rng, LIMITS))


def random_layer(rng, last):
    """A layer that takes sequences, and gives them on unless it is the last to do so."""
    H, own, flag = int(rng.integers(1, 5)), pick(rng, [None, None, random_optimizer(rng)]), rng.random() < 0.5
    options = {"return_sequences": not last, "go_backwards": bool(flag), "optimizer": own}
    gates = pick(rng, ["hard_sigmoid", {"z": "sigmoid", "r": "hard_sigmoid"}])
    kinds = [
        lambda: RNN(H, activations.LeakyReLU(0.2), trainable=bool(flag), **options),
        lambda: GRU(H, "softsign", gates, use_bias=bool(flag), **options),
        lambda: GRU(H, reset_after=True, recurrent_initializer=initializers.Orthogonal(0.9), **options),
        lambda: Network([random_layer(rng, False), random_layer(rng, last)], optimizer=own),
        lambda: Dense(H, "gelu", optimizer=own, name=f"é / {rng.integers(10**9)}"),
    ]
    return pick(rng, kinds[:-1] if last else kinds)()


def random_network(seed):
    rng = np.random.default_rng(seed)
    end = pick(rng, [("softmax", "cce"), ("linear", "huber"), ("softmax", "kl_divergence")])
    layers = [random_layer(rng, False), random_layer(rng, True), Dense(4, "tanh")]
    return Network(
        [*layers, Dense(3, end[0], initializer=rng.normal(size=(4, 3)))],
        loss=end[1],
        optimizer=pick(rng, [None, random_optimizer(rng)]),
        metrics=pick(rng, [(), ["mae", metrics.MSE()]]),
        seed=pick(rng, [None, seed]),
        dtype=pick(rng, ["float32", "float64"]),
    )


class Growing(Optimizer):
    slots = ("last",)

    def apply(self, params, grads, state, rate):
        norm = float(np.linalg.norm(grads))
        longest = state.scalars["longest"] = max(norm, state.scalars.get("longest", 0.0))
        mean = state.slots.setdefault("mean", np.zeros_like(params))
        mean += 0.1 * (grads - mean)
        params -= rate * (grads + mean) / longest


class Soft(GRU):
    def __init__(self, units):
        super().__init__(units, "softsign", return_sequences=True)


class Block(Residual):
    def __init__(self, units):
        self.units = units
        super().__init__([Dense(units, "tanh"), Dense(units)])


class Reader(Network):
    def __init__(self, units):
        self.units = units
        super().__init__([Soft(units), Block(units), GRU(2), Dense(3)], seed=0)


class Named(Optimizer):
    def __init__(self, step_size):
        self.step_size = step_size
        super().__init__(step_size)

    def apply(self, params, grads, state, rate):
        params -= rate * grads


class Within(metrics.Metric):
    name = "within"

    def __init__(self, kind):
        self.kind = kind

    def statistics(self, y, a):
        return np.array([np.abs(y - a).max()])

    def merge(self, s, t):
        return np.maximum(s, t)

    def result(self, s):
        return self.kind(s[0] < 2)


@pytest.fixture
def small():
    return small_network()


class TestRoundTrip:
    @pytest.mark.slow
    @pytest.mark.parametrize("seed", range(25))
    def test_new_built_and_trained(self, seed, tmp_path):
        network, (x, _) = random_network(seed), data(seed)
        for step in (lambda: None, lambda: untrained(network, *x.shape[1:]), lambda: trained(network, seed)):
            step()
            before = copy.deepcopy(network)
            loaded = round_trip(network, tmp_path)
            assert state_of(loaded) == state_of(network) == state_of(before)
        assert bits(loaded.predict(x)) == bits(network.predict(x))
        assert state_of(trained(loaded, seed, 2)) == state_of(trained(network, seed, 2))

    def test_of_a_new_network_starts_from_the_same_weights(self, tmp_path):
        network = Network([GRU(4), Dense(3)])
        loaded = untrained(round_trip(network, tmp_path), 5, 2)
        assert state_of(loaded) == state_of(untrained(network, 5, 2))

    @pytest.mark.slow
    def test_keeps_what_is_set_after_construction(self, tmp_path):
        network = trained(Network([Network([GRU(3)]), Dense(3)]))
        network.layers[0].trainable = network.layers[1].trainable = False
        network.layers[1].optimizer, network.optimizer.learning_rate = SGD(0.5), schedules.Step(0.1)
        loaded = round_trip(network, tmp_path)
        assert state_of(loaded) == state_of(network)
        assert [one.trainable for one in (loaded, *loaded.layers)] == [True, False, False]

    @pytest.mark.slow
    def test_keeps_one_optimizer_one(self, tmp_path):
        shared = SGD(0.1)
        network = Network([GRU(2, optimizer=shared), Dense(3, optimizer=SGD(0.1))], optimizer=shared)
        loaded = round_trip(trained(network), tmp_path)
        assert loaded.layers[0].optimizer is loaded.optimizer is not loaded.layers[1].optimizer

    def test_keeps_an_optimizer_that_was_not_given(self, tmp_path):
        inner = round_trip(trained(Network([GRU(3)])), tmp_path)
        before = inner.flat_params.copy()
        trained(Network([inner], optimizer=SGD(0.0)))
        np.testing.assert_array_equal(inner.flat_params, before)

    @pytest.mark.slow
    def test_keeps_numbers_that_are_none(self, tmp_path):
        network = trained(Network([GRU(2), Dense(3)], metrics=["mae"]))
        trained(network, validation_data=data(1))
        network.history["mae"][0] = -np.inf
        network.history["val_loss"][1] = np.float32(1 / 3)
        network.params["gru_1.b_z"][...] = [np.nan, -0.0]
        for name in network.optimizer.squares:  # of an input that was always 0
            network.layers[1]._state.slots[name][0] = 0
        loaded = round_trip(network, tmp_path)
        assert np.isnan(loaded.history["val_loss"][0])
        assert state_of(loaded) == state_of(network)

    @pytest.mark.slow
    def test_inside_a_fit(self, tmp_path):
        def keep(run):
            run.network.save(tmp_path / f"{run.epoch}")

        whole = trained(random_network(3), epochs=3, callbacks=[LambdaCallback(on_epoch_end=keep)])
        assert state_of(trained(Network.load(tmp_path / "2"))) == state_of(whole)

    def test_an_inner_network_trained_by_itself(self, tmp_path):
        inner = trained(Network([GRU(4), Dense(3)]))
        loaded = round_trip(Network([inner, Dense(3)], dtype="float64"), tmp_path)
        assert state_of(loaded.layers[0]) == state_of(inner)

    def test_of_copied_layers_keeps_their_weights_or_says_that_it_cannot(self, tmp_path):
        x = np.random.default_rng(3).normal(size=(7, 2))
        network = Network([copy.deepcopy(layer) for layer in small_network().layers])
        with pytest.raises(RuntimeError, match=r"layer 1, .* has weights for .*fit or predict first"):
            network.save(tmp_path / "network.npz")
        assert not list(tmp_path.iterdir())
        expected = network.predict(x)
        network.save(tmp_path / "network.npz")
        assert np.array_equal(Network.load(tmp_path / "network.npz").predict(x), expected)

    def test_of_a_layer_that_initializes_itself(self, tmp_path):
        class Begun(GRU):
            def initialize(self, rng, dtype="float32"):
                super().initialize(rng, dtype)
                self.params["b_z"][...] = 1.0
                self.params["Wh_c"][...] /= rng.uniform(1, 2)
                self.params["Wx_c"][...] /= np.linalg.norm(self.params["Wx_c"])  # which are not 0

        network = trained(Network([Begun(2), Dense(3)], seed=0))
        loaded = round_trip(network, tmp_path, custom={"Begun": Begun})
        assert state_of(loaded) == state_of(network)
        assert state_of(trained(loaded, 2)) == state_of(trained(network, 2))

    def test_of_classes_with_constructors_of_their_own(self, tmp_path):
        network = trained(Reader(4))
        network.loss, network.metrics, network.optimizer = "huber", ["mae"], Named(0.01)
        trained(network, callbacks=[ReduceOnPlateau("loss", patience=1, min_delta=100.0)], epochs=3)
        network.layers[0].activation, network.layers[0].dropout = "relu", 0.25
        network.layers[1].layers[0].trainable, network.layers[3].optimizer = False, SGD(0.5)
        loaded = round_trip(
            network, tmp_path, custom={one.__name__: one for one in (Reader, Soft, Block, Named)}
        )
        assert (type(loaded), loaded.units) == (Reader, 4)
        assert state_of(loaded) == state_of(network)
        assert loaded.optimizer.rate(0) == network.optimizer.rate(0) < 0.01
        assert state_of(trained(loaded, 2)) == state_of(trained(network, 2))
        assert loaded.evaluate(*data(3)) == network.evaluate(*data(3))

    @pytest.mark.parametrize("kind", [np.bool_, np.array, np.float32, int])
    def test_of_a_metric_whose_results_are_numbers_of_another_type(self, tmp_path, kind):
        network = trained(Network([GRU(2), Dense(3)], metrics=[Within(kind)], seed=0))
        loaded = round_trip(network, tmp_path, custom={"Within": Within, kind.__name__: kind})
        assert state_of(loaded) == state_of(network)
        assert [type(value) for value in (*loaded.history["within"], *network.history["within"])] == [
            float
        ] * 2

    def test_of_an_optimizer_of_ones_own_that_remembers_more_as_it_goes(self, tmp_path):
        network = trained(Network([GRU(2), Dense(3)], optimizer=Growing(0.01), seed=0))
        loaded = round_trip(network, tmp_path, custom={"Growing": Growing})
        assert state_of(loaded) == state_of(network)
        assert loaded.layers[0]._state.scalars == {"longest": network.layers[0]._state.scalars["longest"]}
        assert state_of(trained(loaded, 2)) == state_of(trained(network, 2))

    def test_is_of_one_network_only(self, tmp_path, small):
        one, two = round_trip(small, tmp_path), round_trip(small, tmp_path)
        one.params["dense_1.W"][...] = 7
        one.layers[0]._state.slots["momentum"][...] = 7
        assert state_of(two) == state_of(small)

    def test_draws_no_weights(self, tmp_path, small, monkeypatch):
        small.save(tmp_path / "network")
        monkeypatch.setattr(initializers.GlorotUniform, "draw", lambda *_: pytest.fail("drawn for nothing"))
        assert state_of(Network.load(tmp_path / "network")) == state_of(small)


RESUME = """
    import sys
    import numpy as np
    from nnfw import Network

    *paths, data = sys.argv[1:]
    with np.load(data) as file:
        x, y, lengths = file["x"], file["y"], file["lengths"]
    for path in paths:
        network = Network.load(path)
        network.fit(x, y, epochs=3, batch_size=7, lengths=lengths, validation_data=(x[:5], y[:5]), verbose=0)
        network.save(path)
"""


def run_script(script, *arguments):
    command = [sys.executable, "-c", textwrap.dedent(script), *map(str, arguments)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@pytest.mark.subprocess
@pytest.mark.slow
def test_training_goes_on_in_a_new_process_as_if_never_interrupted(tmp_path):
    rng = np.random.default_rng(5)
    x, y, lengths = rng.normal(size=(24, 6, 3)), rng.dirichlet(np.ones(3), 24), rng.integers(1, 7, 24)
    np.savez(tmp_path / "data.npz", x=x, y=y, lengths=lengths)
    one = Network([GRU(4), Dense(3, "softmax")], loss="cce", metrics=["mae"], seed=0)
    one.optimizer = Nadam(schedules.OneCycle(0.02, 6))
    inner = [GRU(3, reset_after=True, return_sequences=True), RNN(4, trainable=False)]
    two = Network([Network(inner), Dense(3, optimizer=Lion(0.01))], dtype="float64", seed=9)
    two.optimizer = RMSprop(schedules.Step(0.01, 0.7, 1), momentum=0.5, centered=True)
    options = {"batch_size": 7, "lengths": lengths, "validation_data": (x[:5], y[:5]), "verbose": 0}
    networks, wholes = [one, two], copy.deepcopy([one, two])
    paths = [tmp_path / "one", tmp_path / "two"]
    for network, whole, path in zip(networks, wholes, paths, strict=True):
        whole.fit(x, y, epochs=6, **options)
        network.fit(x, y, epochs=3, **options)
        network.save(path)
    run_script(RESUME, *paths, tmp_path / "data.npz")
    for whole, path in zip(wholes, paths, strict=True):
        assert whole.history.epoch == [1, 2, 3, 4, 5, 6]
        assert state_of(Network.load(path)) == state_of(whole)


class TestFile:
    def test_is_readable_by_anyone(self, tmp_path):
        network = trained(Network([Network([GRU(3)], name="inner"), Dense(3)], optimizer="adam"))
        network.save(tmp_path / "network")
        with np.load(tmp_path / "network", allow_pickle=False) as file:
            for name, p in network.params.items():
                np.testing.assert_array_equal(file[name], p)
            slot = network.layers[0].layers[0]._state.slots["velocity"]
            np.testing.assert_array_equal(file["inner.gru_1.optimizer.velocity"], slot)
            description = json.loads(file["description"].tobytes(), parse_constant=pytest.fail)
        assert description["written by"].keys() == {"nnfw", "numpy", "python"}
        assert description["network"]["class"] == "Layer.Network"

    @pytest.mark.parametrize("name", ["network", "network.npz", "network.v1", "ünï cödé"])
    def test_has_the_name_that_was_given(self, name, tmp_path, small):
        small.save(str(tmp_path / name))
        assert [file.name for file in tmp_path.iterdir()] == [name]

    def test_a_home_directory_is_found(self, tmp_path, small, monkeypatch):
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.setenv("USERPROFILE", str(tmp_path))
        small.save("~/network.nnfw")
        assert [file.name for file in tmp_path.iterdir()] == ["network.nnfw"]
        for path in ("~/network.nnfw", Path("~/network.nnfw"), tmp_path / "network.nnfw"):
            assert state_of(Network.load(path)) == state_of(small)

    def test_missing_folder(self, tmp_path, small):
        with pytest.raises(FileNotFoundError, match=r"no such folder.*nowhere") as caught:
            small.save(tmp_path / "nowhere" / "network")
        assert caught.value.filename == str(tmp_path / "nowhere" / "network")
        with pytest.raises(FileNotFoundError, match="nowhere"):
            Network.load(tmp_path / "nowhere")

    def test_folder_and_device_are_not_replaced(self, tmp_path, small):
        for path in (tmp_path, os.devnull):
            with pytest.raises(FileExistsError, match="only a file can be replaced"):
                small.save(path)

    @pytest.mark.skipif(os.name == "nt", reason="POSIX permissions and links")
    def test_permissions_and_links(self, tmp_path, small):
        real, link = tmp_path / "real", tmp_path / "link"
        small.save(real)
        (tmp_path / "plain").touch()
        assert real.stat().st_mode == (tmp_path / "plain").stat().st_mode
        real.chmod(0o640)
        link.symlink_to(real)
        small.save(link)
        assert link.is_symlink()
        assert stat.S_IMODE(real.stat().st_mode) == 0o640

    @pytest.mark.parametrize("culprit", ["os.fsync", "os.replace", "numpy.lib.format.write_array"])
    @pytest.mark.parametrize("error", [OSError("disk full"), KeyboardInterrupt()])
    def test_old_one_stays_when_saving_fails(self, culprit, error, tmp_path, small, monkeypatch):
        def fail(*args, **kwargs):
            raise error

        path = tmp_path / "network"
        small.save(path)
        before = path.read_bytes()
        with monkeypatch.context() as patched:
            patched.setattr(culprit, fail)
            with pytest.raises(type(error)):
                trained(Network([GRU(2), Dense(3)])).save(path)
        assert [file.name for file in tmp_path.iterdir()] == ["network"]
        assert path.read_bytes() == before

    def test_is_flushed_before_it_takes_the_place(self, tmp_path, small, monkeypatch):
        calls = []

        def note(name, real, *arguments):
            size = os.fstat(arguments[0]).st_size if name == "fsync" else 0
            calls.append((name, size))
            return real(*arguments)

        for name in ("fsync", "replace"):
            real = getattr(os, name)
            monkeypatch.setattr(os, name, lambda *a, name=name, real=real: note(name, real, *a))
        small.save(tmp_path / "network")
        assert calls == [("fsync", (tmp_path / "network").stat().st_size), ("replace", 0)]


def calls_of(work):
    """The number of calls, of Python and C functions, that some work makes."""
    calls = []
    sys.setprofile(lambda frame, event, argument: calls.append(event))
    try:
        work()
    finally:
        sys.setprofile(None)
    return len(calls)


@pytest.mark.slow
def test_work_is_in_proportion_to_the_number_of_layers(tmp_path):
    def work(count):
        layers = [Dense(1) for _ in range(count)]
        network = Network(layers, seed=0)
        untrained(network, 1)
        yield calls_of(lambda: Network(copy.deepcopy(layers), seed=0))
        yield calls_of(lambda: network.save(tmp_path / "network"))
        yield calls_of(lambda: Network.load(tmp_path / "network"))

    assert all(many < 8.1 * few for few, many in zip(work(20), work(160), strict=True))


@pytest.mark.slow
def test_thousands_of_layers_are_built_at_once():
    """This took seconds when each layer, and each name, was compared with all others."""

    def seconds(count):
        layers = [Dense(1) for _ in range(count)]
        start = time.process_time()
        Network(layers, seed=0)
        return time.process_time() - start

    few = min(seconds(500) for _ in range(3))
    assert seconds(8000) < 50 * (few or 1 / 64)  # Windows counts in steps of 1/64 s

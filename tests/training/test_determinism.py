"""The same seed gives the same bits, whatever else happens in the process; what is shared is guarded."""

import copy
import os
import random
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from overnight import LENGTHS, X, Y, new_network, standing_of, train
from saved import bits, state_of

from nnfw import GRU, Dense, Initializer, LambdaCallback, LayerNorm, Network

SCRIPT = """
import hashlib
from overnight import X, new_network, train
from saved import state_of
network = train(new_network())
print(hashlib.sha256(repr([state_of(network), network.predict(X).tobytes()]).encode()).hexdigest())
"""


def in_threads(tasks):
    """Run functions side by side, all let go at once, and return what each returned."""
    gate = threading.Barrier(len(tasks))

    def wait(task):
        gate.wait()
        return task()

    with ThreadPoolExecutor(len(tasks)) as pool:
        return [one.result() for one in [pool.submit(wait, task) for task in tasks]]


@pytest.mark.slow
class TestSeeds:
    def test_run_after_run(self):
        runs = [train(new_network()) for _ in range(3)]
        assert state_of(runs[0]) == state_of(runs[1]) == state_of(runs[2])
        assert standing_of(runs[0]) == standing_of(runs[1]) == standing_of(runs[2])

    @pytest.mark.subprocess
    def test_process_after_process(self):
        runs = [
            subprocess.run(
                [sys.executable, "-c", SCRIPT],
                env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONHASHSEED": seed},
                check=True,
                capture_output=True,
                text=True,
            ).stdout
            for seed in ("0", "1")
        ]
        assert len(runs[0].strip()) == 64
        assert runs[0] == runs[1]

    def test_copies_of_the_data_in_another_order_in_memory(self):
        one, other = new_network(), new_network()
        options = {"epochs": 2, "lengths": LENGTHS, "verbose": 0}
        one.fit(X, Y, **options)
        other.fit(np.asfortranarray(X), Y.astype(np.int8), **options)
        assert state_of(one) == state_of(other)

    @pytest.mark.parametrize("dtype", ["float32", "float64"])
    @pytest.mark.parametrize("sequences", [False, True])
    def test_orders_of_the_data_in_memory(self, dtype, sequences, tmp_path):
        def orders(array):
            turned = array.swapaxes(0, -1)
            mapped = np.memmap(tmp_path / str(array.shape), array.dtype, "w+", shape=turned.shape)
            mapped[...] = turned
            yield from (array, np.asfortranarray(array), mapped.swapaxes(0, -1))
            yield np.repeat(array, 2, axis=-1)[..., ::2]
            yield np.ascontiguousarray(array[::-1])[::-1]

        def results(x, y, weight):
            layers = [GRU(8, return_sequences=True)] if sequences else [Dense(32, "tanh"), LayerNorm()]
            network = Network([*layers, Dense(3)], metrics=["mae", "r2"], seed=0, dtype=dtype)
            for options in ({"shuffle": False}, {"validation_split": 0.2}):
                network.fit(x, y, epochs=2, sample_weight=weight, verbose=0, **options)
            step = network.stream(samples=len(x)).step(x[:, 0] if sequences else x)
            outputs = network.predict(x).tobytes(), network.evaluate(x, y), step.tobytes()
            return state_of(network), outputs, network.evaluate(x, y, sample_weight=weight)

        rng = np.random.default_rng(1)
        time = (5,) if sequences else ()
        x = rng.normal(size=(300, *time, 100)).astype("float32")
        y, weight = rng.normal(size=(300, *time, 3)), rng.random((300, *time))
        first, *others = (results(*arrays) for arrays in zip(*map(orders, (x, y, weight)), strict=True))
        assert others == [first] * 4

    def test_looking_on_changes_nothing(self, tmp_path):
        def look(run):
            run.network.predict(X)
            run.network.evaluate(X, Y)
            run.network.save(tmp_path / "network")
            repr(run.network)

        looked_at = train(new_network(), LambdaCallback(on_epoch_end=look))
        assert state_of(looked_at) == state_of(train(new_network()))


class TestGlobalState:
    @pytest.mark.slow
    def test_is_not_written(self, tmp_path):
        np.random.seed(5)  # noqa: NPY002 (the global state is what is tested)
        random.seed(5)
        before = repr(np.random.get_state()), random.getstate(), np.geterr(), np.get_printoptions()  # noqa: NPY002
        for seed in (0, None):
            network = train(Network(new_network().layers, loss="cce", metrics=["accuracy"], seed=seed))
            network.save(tmp_path / "network")
            Network.load(tmp_path / "network").predict(X)
        after = repr(np.random.get_state()), random.getstate(), np.geterr(), np.get_printoptions()  # noqa: NPY002
        assert before == after

    @pytest.mark.slow
    def test_is_not_read(self):
        runs = []
        for seed in (1, 2):
            np.random.seed(seed)  # noqa: NPY002
            random.seed(seed)
            runs.append(state_of(train(new_network())))
            alone = train(Network(new_network().layers, loss="cce", metrics=["accuracy"]))
            runs.append(bits(alone.layers[0].flat_params))
        assert runs[0] == runs[2]
        assert runs[1] != runs[3]  # without a seed, one is drawn from the system


class TestThreads:
    @pytest.mark.slow
    def test_two_networks_train_as_one_after_another(self):
        alone = state_of(train(new_network()))
        for _ in range(5):
            one, two = in_threads([lambda: train(new_network())] * 2)
            assert state_of(one) == state_of(two) == alone

    @pytest.mark.slow
    def test_eight_predict_with_one_network(self):
        network = train(new_network())
        rng = np.random.default_rng(0)
        inputs = [rng.normal(size=(int(n), int(t), 3)) for n, t in rng.integers(1, 40, (8, 2))]
        alone = [bits(network.predict(x, batch_size=7)) for x in inputs]
        tasks = [lambda x=x: [bits(network.predict(x, batch_size=7)) for _ in range(10)] for x in inputs]
        for many, one in zip(in_threads(tasks), alone, strict=True):
            assert set(many) == {one}

    @pytest.mark.slow
    def test_eight_predict_with_copies_of_trained_layers(self):
        trained = train(new_network())
        expected = bits(trained.predict(X))
        for _ in range(10):
            network = Network(copy.deepcopy(trained.layers), loss="cce")
            assert set(in_threads([lambda network=network: bits(network.predict(X))] * 8)) == {expected}

    @pytest.mark.slow
    def test_eight_are_refused_by_one_network_without_weights(self):
        def refused():
            with pytest.raises(RuntimeError, match="no weights yet in layer 1"):
                network.predict(X)
            return network.size

        for _ in range(10):
            network = new_network()
            assert set(in_threads([refused] * 8)) == {0}
        assert state_of(train(network)) == state_of(train(new_network()))

    @pytest.mark.slow
    def test_a_build_that_breaks_off_in_another_thread_gives_no_numbers(self):
        drawing, looked = threading.Event(), threading.Event()

        class Failing(Initializer):
            def draw(self, rng, shape):
                drawing.set()
                looked.wait(0.2)  # by now predict waits for all the weights, or has looked
                raise KeyboardInterrupt

        network = Network([Dense(3), Dense(2, initializer=Failing())], seed=0)

        def fit():
            with pytest.raises(KeyboardInterrupt):
                network.fit(X[:, 0], X[:, 0, :2], verbose=0)

        def look():
            drawing.wait()
            with pytest.raises(RuntimeError, match=r"no weights yet in layer 1|does not know the shape"):
                network.predict(X[:, 0])
            looked.set()

        in_threads([fit, look])
        assert not network._built

    @pytest.mark.slow
    def test_predicting_leaves_nothing_behind(self):
        network = train(new_network())
        before = state_of(network)
        network.predict(X)
        assert state_of(network) == before


@pytest.mark.slow
class TestOneFitAtATime:
    def test_from_a_callback(self):
        network = new_network()
        again = LambdaCallback(on_epoch_end=lambda run: train(network))
        with pytest.raises(RuntimeError, match="already being fitted; wait for that fit to end"):
            train(network, again)
        assert state_of(train(network)) == state_of(train(new_network()))

    def test_from_another_thread(self):
        network, errors = new_network(), []

        def fit_again(run):
            def refused():
                with pytest.raises(RuntimeError, match="already being fitted") as caught:
                    train(network)
                errors.append(caught.value)

            thread = threading.Thread(target=refused)
            thread.start()
            thread.join()

        train(network, LambdaCallback(on_batch_end=fit_again))
        assert len(errors) == 24
        assert state_of(network) == state_of(train(new_network()))

    def test_of_several_at_once_one_wins(self):
        for _ in range(3):
            network, refused = new_network(), []

            def fit(network=network, refused=refused):
                try:
                    train(network)
                except RuntimeError as error:
                    refused.append(error)

            in_threads([fit] * 4)
            assert not network._fitting
            assert state_of(network) == state_of(train(new_network()))
            assert len(refused) <= 3

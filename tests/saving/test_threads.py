"""A network saved by one thread while another trains it is a whole state between two updates."""

import copy
import threading

import numpy as np
import pytest
from overnight import X, Y, new_network, standing_of, train
from saved import bits, state_of

from nnfw import Callback, Dense, Network, NonFiniteError
from nnfw.saving import load_weights, save_weights
from nnfw.training import interrupt


def all_of(network):
    """All that a network is, in a text; of one within a fit, what its callbacks remember now."""
    network = copy.deepcopy(network)
    return repr((state_of(network), standing_of(network)))


class Recorder(Callback):
    """Keep every state between two updates; it comes after the other callbacks."""

    comes_last = True

    def __init__(self):
        self.states = []

    def on_batch_end(self, run):
        self.states.append(all_of(run.network))

    on_epoch_end = on_batch_end


def in_threads(*works):
    """Do all works at the same time, and raise the first of their errors."""
    errors = []

    def guarded(work):
        try:
            work()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=guarded, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    for error in errors:
        raise error


@pytest.fixture
def path(tmp_path):
    return tmp_path / "network"


@pytest.mark.slow
@pytest.mark.parametrize("savers", [1, 2])
def test_each_file_is_a_state_between_two_updates(savers, tmp_path):
    network, recorder, fitted, found = new_network(), Recorder(), threading.Event(), []
    recorder.states.append(all_of(train(network, epochs=1)))

    def fit():
        try:
            train(network, recorder, epochs=12, resume=False)
        finally:
            fitted.set()

    def save(name):
        while not fitted.is_set():
            network.save(tmp_path / name)
            found.append(all_of(Network.load(tmp_path / name)))

    in_threads(fit, *(lambda n=n: save(str(n)) for n in range(savers)))
    recorder.states.append(all_of(network))
    assert [one in recorder.states for one in found] == [True] * len(found)
    assert len(set(found)) > 1  # more on a quick machine


@pytest.mark.slow
def test_weights_alone_too(path):
    network, seen, files = new_network(), [], []

    class Look(Callback):
        def on_batch_end(self, run):
            seen.append({name: bits(p) for name, p in run.network.params.items()})

    fitted = threading.Event()

    def fit():
        train(network, Look(), epochs=4)
        fitted.set()

    def save():
        while not fitted.is_set():
            if network._built and seen:
                save_weights(network, path)
                other = new_network()
                train(other, epochs=1)
                load_weights(other, path)
                files.append({name: bits(p) for name, p in other.params.items()})

    in_threads(fit, save)
    seen.append({name: bits(p) for name, p in network.params.items()})
    assert all(one in seen for one in files)


@pytest.mark.slow
def test_a_callback_may_save_and_one_that_waits_for_a_thread_is_told(path, monkeypatch):
    monkeypatch.setattr(interrupt, "PATIENCE", 0.05)
    inner, said = Network([Dense(3, "tanh")]), []
    network = Network([inner, Dense(1)], seed=0)

    class Deadlock(Callback):
        def on_epoch_end(self, run):
            network.save(path)
            said.append(all_of(Network.load(path)) == all_of(network))
            for one in (network, inner):  # the fit of the outer network holds the inner one too
                with pytest.raises(
                    RuntimeError, match=r"^save: a fit in another thread .* save in a callback"
                ):
                    in_threads(lambda one=one: one.save(path))

    network.fit(X[:, 0], Y, epochs=2, callbacks=[Deadlock()], verbose=0)
    assert said == [True, True]
    inner.save(path)
    assert state_of(Network.load(path)) == state_of(inner)


def test_nothing_is_held_after_a_fit_that_failed(path):
    network = new_network()

    class Fail(Callback):
        def on_batch_end(self, run):
            raise NonFiniteError("as if")

    with pytest.raises(NonFiniteError, match="as if"):
        train(network, Fail())
    in_threads(lambda: network.save(path))
    train(network, epochs=1)


@pytest.mark.slow
def test_a_fit_waits_for_a_save_that_has_begun(path, monkeypatch):
    network, begun = train(new_network(), epochs=1), threading.Event()
    before, savez = all_of(network), np.savez

    def slowly(file, **arrays):
        begun.set()
        fitting.join(0.2)
        assert fitting.is_alive()
        savez(file, **arrays)

    monkeypatch.setattr("numpy.savez", slowly)
    fitting = threading.Thread(target=lambda: (begun.wait(10), train(network, epochs=1, resume=False)))
    fitting.start()
    network.save(path)
    fitting.join()
    assert all_of(Network.load(path)) == before != all_of(network)


@pytest.mark.slow
def test_two_fits_whose_callbacks_save_the_network_of_the_other_both_end(tmp_path):
    one, two = new_network(), new_network()
    meet = threading.Barrier(2, timeout=30)

    class SaveOther(Callback):
        def __init__(self, other, path):
            self.other, self.path = other, path

        def on_epoch_end(self, run):
            meet.wait()
            self.other.save(self.path)

    in_threads(
        lambda: train(one, SaveOther(two, tmp_path / "two"), epochs=2, resume=False),
        lambda: train(two, SaveOther(one, tmp_path / "one"), epochs=2, resume=False),
    )
    plain = train(new_network(), epochs=2)
    assert bits(one.flat_params) == bits(two.flat_params) == bits(plain.flat_params)
    assert len(Network.load(tmp_path / "one").history.epoch) in (1, 2)

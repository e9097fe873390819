"""DataParallel: the callback by which several processes train one network."""

import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import reduce
from typing import Any

import numpy as np

from nnfw.distributed.group import MPI, Group, rank, ranks
from nnfw.distributed.shares import share_of
from nnfw.layers.normalization import BatchNorm, is_frozen
from nnfw.model import Model
from nnfw.training.batches import Data
from nnfw.training.callbacks import Callback, LambdaCallback, in_order
from nnfw.training.interrupt import Interrupt
from nnfw.training.iterables import Batches
from nnfw.training.run import Run

NOISE_OF_A_RANK, NOISE_OF_A_BATCH = 1 << 64, 1 << 80  # draws, out of 2^128 in the random stream


class DataParallel(Callback):
    """Train one network in several processes; see `nnfw.distributed`.

    Every rank calls `fit` with the same arguments and its own samples: those of `shard`, or any number of
    others. Sample 1 of each rank comes first, then sample 2 of each, and so on, and the documentation of
    `fit` on batches, their order, validation and class weights applies to the samples of all ranks. If x is
    an iterable of batches, those of all ranks with the same number are parts of one batch.

    All ranks start from the weights, the optimizer state and the random streams of rank 0. Loss, metrics and
    reasons to stop are those over all ranks, so that all decide the same. Only rank 0 shows progress, calls
    callbacks that write files (`Callback.writes`), and from then on prints ``network.summary()`` and writes
    the file of ``network.save``. Layers that are random in training draw different numbers on each rank.

    Raises
    ------
    ValueError
        If the networks or the arguments of the ranks differ; or if there is a `BatchNorm` that is not frozen.
    RuntimeError
        If a rank diverges from the others, for example because a callback changes its weights.

    Examples
    --------
    >>> from nnfw import Dense, Network
    >>> from nnfw.distributed import shard
    >>> x = np.random.default_rng(0).normal(size=(60, 2))
    >>> network = Network([Dense(1)], seed=0)
    >>> history = network.fit(*shard(x, x[:, 0]), epochs=5, callbacks=[DataParallel()], verbose=0)
    >>> history["loss"][-1] < history["loss"][0]
    True
    """

    @contextmanager
    def _share(self, network: Model) -> Iterator[Callable[[Data | Batches], Data | Batches]]:
        """Share a fit: give what makes data this rank's share, and have all ranks end together."""
        if ranks == 1:
            yield lambda data: data
            return
        self._group = Group()
        network._leads = rank == 0
        streams = network._streams.items()
        self._streams: dict[str, Any] = {name: stream.bit_generator for name, stream in streams}
        states = {name: stream.state for name, stream in self._streams.items()}
        self._noise = states["noise"]
        try:
            check_shareable(network)
            for name, state in self._group.exchange("the start", states)[0].items():
                self._streams[name].state = state
            self._noise = self._streams["noise"].state
            yield lambda data: share_of(data, self._group)
            self._group.exchange("the end", None)
        except BaseException as error:
            self._group.fail(error)
            raise
        finally:
            self._streams["noise"].state = self._noise
            vars(self).clear()

    def on_fit_start(self, run: Run) -> None:
        """Start from the weights of rank 0, and register the joint actions of the ranks with the run."""
        if ranks == 1:
            return
        check_alike(self._group, run)
        leaves = list(run.network._leaves())
        mine = [(leaf.flat_params, leaf._state) for leaf in leaves] if rank == 0 else None
        first = self._group.exchange("the first weights", mine)[0]
        for leaf, (params, state) in zip(leaves, first, strict=True):
            leaf.flat_params[...], leaf._state = params, state
        self._pressed, run.interrupt = run.interrupt, Interrupt(run.network)  # of one rank, and of all
        run.interrupt.updating = self._pressed.updating
        self._streams["noise"].advance(rank * NOISE_OF_A_RANK)
        before = LambdaCallback(on_gradients=self._reduce)
        after = LambdaCallback(on_batch_end=self._end_batch, on_epoch_end=self._end_epoch)
        run.callbacks = in_order([before, *run.callbacks, after])

    def _reduce(self, run: Run) -> None:
        """Make the gradients, the loss and the statistics of a step those of all ranks."""
        tracker = run.state.tracker
        assert tracker is not None
        mine = tracker.batch_weight, run.batch_loss, tracker.statistics
        gradient = run.network.flat_grads
        with run.interrupt.updating:  # no second Ctrl-C comes between the two
            found = self._group.exchange(f"batch {run.batch} of epoch {run.epoch}", mine)
            weights, losses, statistics = zip(*found, strict=True)
            total = sum(weights)
            shares = np.array(weights) / total if total else np.full(ranks, 1 / ranks)
            gradient *= float(shares[rank])
            self._group.channel.Allreduce(MPI.IN_PLACE, gradient)
        tracker.batch_weight, run.batch_loss = total, float(shares @ losses)
        of_metrics = zip(*filter(None, statistics), strict=True)  # a rank without a sample has none
        merges = [running.metric.merge for running in tracker.metrics.values()]
        tracker.statistics = [reduce(merge, s) for merge, s in zip(merges, of_metrics, strict=False)]

    def _end_batch(self, run: Run) -> None:
        """Agree on whether to stop, and give each rank noise of its own for the next batch."""
        self._agree(run, f"the end of batch {run.batch}")
        noise = self._streams["noise"]
        noise.state = self._noise
        noise.advance(NOISE_OF_A_BATCH)
        self._noise = noise.state  # that of rank 0, which is saved in files
        noise.advance(rank * NOISE_OF_A_RANK)

    def _end_epoch(self, run: Run) -> None:
        """Agree on whether to stop, and see that all ranks hold the same weights."""
        self._agree(run, f"the end of epoch {run.epoch}")
        if len(set(self._group.exchange("the weights", zlib.crc32(run.network.flat_params.data)))) > 1:
            said = f"epoch {run.epoch}: the ranks hold different weights; a callback changes them differently"
            error = RuntimeError(f"{said} on each rank, or their processors are of different kinds")
            raise self._group.for_all(error)

    def _agree(self, run: Run, place: str) -> None:
        found = self._group.exchange(place, (run.state.stopped, self._pressed.asked))
        run.state.stopped = next((reason for reason, _ in found if reason), "")
        run.interrupt.asked = any(asked for _, asked in found)


def check_shareable(network: Model) -> None:
    """Raise a ValueError for a layer that needs all samples of a batch."""
    for leaf in network._leaves():
        if isinstance(leaf, BatchNorm) and not is_frozen(leaf):
            said = f"fit: {leaf._label} normalizes over the whole batch, but each rank has only a part"
            raise ValueError(f"{said}; use LayerNorm, or freeze it by trainable=False")


def check_alike(group: Group, run: Run) -> None:
    """Raise a ValueError on all ranks unless they train the same network in the same way."""
    network = run.network
    facts = {
        "parameters": {name: p.shape for name, p in network.params.items()},
        "dtype": network.dtype.name,
        "trainable": [leaf.trainable for leaf in network._leaves()],
        "loss": type(network.loss).__name__,
        "divide_by": network.loss.divide_by,
        "metrics": [metric.name for metric in network.metrics],
        "optimizer": type(run.optimizer).__name__,
        "data": str(run.state.sampler),
        "finished epochs": run.epoch,
        "finished batches": run.state.batch,
    }
    first, *others = group.exchange("the network", facts)
    for number, theirs in enumerate(others, 1):
        for name in facts:
            if theirs[name] != first[name]:
                got = f"got {first[name]} on rank 0 and {theirs[name]} on rank {number}"
                said = f"fit: {name} must be the same on all ranks, {got}"
                raise group.for_all(ValueError(f"{said}; build or load the same network on all"))

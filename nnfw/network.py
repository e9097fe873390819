"""Network, the class that users call: training, prediction, inspection and saving of a model."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np

from nnfw import explain, sanity, saving
from nnfw.core import notebook
from nnfw.core.arguments import explain_keywords
from nnfw.core.output import show
from nnfw.core.registry import class_only
from nnfw.core.typing import Array, ArrayLike, FilePath, Verbosity
from nnfw.core.validation import FINITE, FRACTION, boolean, optional, positive_integer
from nnfw.history import History
from nnfw.model import Model
from nnfw.streaming import Stream
from nnfw.training import compatibility, evaluation, loop, progress, sources
from nnfw.training.callbacks import Callback, open_callbacks, sharing
from nnfw.training.interrupt import exclusive
from nnfw.training.monitors import check_monitors
from nnfw.training.run import Run
from nnfw.training.sampler import Sampler
from nnfw.training.state import open_state


class Network(Model):
    """A chain of layers, with everything needed to train and use it.

    Parameters
    ----------
    layers : sequence of Layer
        The layers, from first to last. A Network is itself a Layer, so it can be part of another one.
    loss : str or Loss
        The loss that training minimizes.
    optimizer : str or Optimizer, optional
        Adam with its default learning rate if not given. Inside another network, a network without an
        optimizer of its own is updated by that of the outer network.
    metrics : sequence of str, Metric or function
        Metrics to compute in addition to the loss.
    seed : int, optional
        The same seed and the same data give the same weights, bit for bit. If None, a seed is drawn.
    dtype : {"float32", "float64"}
        The data type of parameters and outputs.
    name : str, optional
        See `Layer`.

    Attributes
    ----------
    loss, optimizer, metrics
        As above; each can be reassigned, in any of these forms.
    layers : tuple of Layer
        The layers.
    shapes : list of tuple
        The shapes of the input and of each layer's output, without the batch axis.
    history : History
        The record of all epochs so far.
    extras : dict
        Objects to store in the file of the network, by name, empty at first: scalers, encoders and
        vocabularies of `nnfw.data`, arrays, numbers, strings; see `save`.
    params, grads : dict of str to ndarray
        The parameters and gradients of all layers: ``network.params["gru_1.Wx_z"]``.

    Examples
    --------
    >>> from nnfw import Dense, Nadam
    >>> x = np.random.default_rng(0).normal(size=(200, 2))
    >>> y = x[:, 0] * x[:, 1] > 0
    >>> network = Network([Dense(16, "tanh"), Dense(1, "sigmoid")], loss="bce", metrics=["accuracy"],
    ...                   optimizer=Nadam(0.03), seed=0)
    >>> history = network.fit(x, y, epochs=40, batch_size=10, verbose=0)
    >>> network.evaluate(x, y)["accuracy"] > 0.95
    True
    """

    # ---- training and use ---------------------------------------------------------------------------

    @explain_keywords
    def fit(
        self,
        x: Any,
        y: Any = None,
        *,
        epochs: int = 1,
        batch_size: int = 32,
        steps_per_epoch: int | None = None,
        validation_data: Any = None,
        validation_split: float = 0.0,
        split: sources.Split = "auto",
        shuffle: bool = True,
        bucket: bool = False,
        truncate: int | None = None,
        lengths: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
        class_weight: Mapping[Any, float] | Literal["balanced"] | None = None,
        callbacks: Sequence[Callback] = (),
        verbose: Verbosity = "auto",
        resume: bool = False,
    ) -> History:
        """Train for `epochs` more epochs, and return the history of all epochs so far.

        Parameters
        ----------
        x : array_like (N, D) or (N, T, D), list of arrays (T_i, D), or iterable of batches
            Inputs; for an `Embedding`, integers (N, T) or a list of arrays (T_i,); for a recurrent or pooling
            layer, also a list of arrays (T_i,) of one feature. Without `y`, an iterable that yields the
            batches (x, y) or (x, y, lengths) of an epoch each time it is iterated, or an object with
            ``__len__`` and ``__getitem__`` whose items are such batches, as in a Keras ``Sequence``, or
            samples (x, y), as in a PyTorch ``Dataset``. A ``np.memmap`` is read batch by batch.
        y : array_like, optional
            Targets: (N, K), (N,) or (N, 1); classes (N,) for categorical cross-entropy; the same with a time
            axis for sequence outputs.
        epochs : int
            The number of epochs to add.
        batch_size : int
            The number of samples per batch; the last batch of an epoch may be smaller.
        steps_per_epoch : int, optional
            The number of batches per epoch, if `x` is an iterable of batches that never ends, such as a
            generator. A resumed fit skips the batches already taken: give it one that starts over.
        validation_data : tuple or iterable of batches, optional
            Data to validate on after each epoch: (x, y), (x, y, lengths) or (x, y, lengths or None, weights).
        validation_split : float
            The fraction of the samples to hold out for validation instead, in [0, 1).
        split : {"auto", "stratified", "random", "tail"}
            Which samples to hold out: drawn with the seed, with equal fractions of every class ("stratified",
            which "auto" means for class targets) or not ("random"), or the last ("tail", for time series).
        shuffle : bool
            Whether to reshuffle the samples in each epoch.
        bucket : bool
            Whether to batch samples of similar length together, so that less time is spent on padding.
        truncate : int, optional
            Cut each batch into windows of this many time steps, with one update each. The state is carried
            from window to window and reset at the next batch; no gradient flows between windows (truncated
            backpropagation through time, Williams & Peng 1990). The outputs must be sequences.
        lengths : array_like of int (N,), optional
            Number of valid steps of each sequence; if it is 0, a recurrent layer returns its initial state.
        sample_weight : array_like (N,) or (N, T), or list of arrays (T_i,), optional
            Weights of the samples in the loss, also of those held out from x; for sequence outputs also of
            the steps. Metrics ignore what has weight 0. For the divisor of the mean see `nnfw.losses.Loss`.
        class_weight : dict or "balanced", optional
            Weights for the samples, or steps, of each class. They apply to training only, as factors of
            `sample_weight`: with weight 0, the training metrics ignore the class, those of validation do not.
        callbacks : sequence of Callback
            See `nnfw.Callback`.
        verbose : {"auto", 0, 1, 2}
            Nothing, a bar, or a line per epoch; "auto" shows a bar on a terminal or in a notebook.
        resume : bool
            Continue the last fit, which was interrupted, or saved and loaded: `epochs` counts from its start,
            an unfinished epoch is finished, and callbacks restore their state. With the same data, the result
            is bit for bit the same as without the interruption; a fit that a callback has stopped is not
            continued. A new network starts from the beginning.

        Raises
        ------
        ShapeError, ValueError, TypeError
            If the data or an argument is not valid; the network is then unchanged.
        NonFiniteError
            If the loss, a gradient or an updated weight is not finite; the network is then as before that
            update. Or if an output or the loss on the validation data is not finite; the network is then as
            after the last batch of the epoch, and the history holds the epochs before.
        RuntimeError
            If another fit of the network is running.
        """
        epochs = positive_integer("fit", "epochs", epochs)
        batch_size = positive_integer("fit", "batch_size", batch_size)
        steps = optional(positive_integer)("fit", "steps_per_epoch", steps_per_epoch)
        boolean("fit", "resume", resume)
        share = FRACTION("fit", "validation_split", validation_split)
        shown = progress.open_progress(verbose)
        callbacks = open_callbacks(callbacks)
        if validation_data is not None and share:
            raise ValueError("fit: give validation_data or validation_split, not both")
        with sharing(self, callbacks) as part, exclusive(self, callbacks):
            with self._unchanged_if_refused():
                train = sources.with_steps(part(sources.as_source(self, x, y, lengths, sample_weight, steps)))
                held_out = (validation_data, share, split)
                train, validation, how = sources.with_validation(self, train, *held_out, part)
                if class_weight is not None:
                    train = sources.weigh_classes(self, train, class_weight)
                check_monitors(callbacks, self.metrics, validation is not None)
                sampler = Sampler(train.size, batch_size, shuffle, bucket, truncate, steps)
                state = open_state(self._training_state, len(self.history.epoch), sampler, resume)
                self._build()
                if truncate is not None:
                    compatibility.check_truncation(self, train.first)
            self.history.validation = how
            self._with_optimizer()
            run = Run(self, callbacks, shown, state)
            loop.fit(run, train, validation, max(0, state.start + epochs - len(self.history.epoch)))
        return self.history

    @explain_keywords
    def evaluate(
        self,
        x: Any,
        y: Any = None,
        *,
        lengths: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
        batch_size: int = 256,
    ) -> dict[str, float]:
        """Return the mean loss and the metrics on `x` and `y`, by name; see `fit` for the accepted forms.

        Weights apply to the loss; metrics ignore samples and steps of weight 0, and count all others equally.

        Raises
        ------
        RuntimeError
            If the network has no weights yet, for example before `fit`; see `build`.
        NonFiniteError
            If an output or the loss is not finite; the message says where this arose.
        """
        batch_size = positive_integer("evaluate", "batch_size", batch_size)
        network = self._in_use()
        with network._unchanged_if_refused():
            opened = sources.with_steps(sources.as_source(network, x, y, lengths, sample_weight))
            network._ready("evaluate")
        return evaluation.evaluate(network, opened, batch_size)

    @explain_keywords
    def predict(self, x: Any, *, lengths: ArrayLike | None = None, batch_size: int = 256) -> Array:
        """Return the outputs (N, K) or (N, T, K) for inputs `x`; see `fit` for the accepted forms.

        The last axis is kept even if K is 1: ``predict(x)[:, 0]`` matches y of shape (N,). Outputs for
        variable-length sequences are one array too, 0 beyond the end of each; trim them with
        ``[a[: len(one)] for a, one in zip(network.predict(x), x)]``.

        Raises
        ------
        RuntimeError
            If the network has no weights yet, for example before `fit`; see `build`.
        NonFiniteError
            If an output is not finite; the message says where this arose.
        """
        batch_size = positive_integer("predict", "batch_size", batch_size)
        return evaluation.predict(self._in_use(), "predict", x, lengths, batch_size, np.asarray)

    def __call__(self, x: Any, **options: Any) -> Array:
        """Return the result of `predict` for the same arguments."""
        return self.predict(x, **options)

    @explain_keywords
    def predict_classes(
        self,
        x: Any,
        *,
        lengths: ArrayLike | None = None,
        batch_size: int = 256,
        threshold: float | None = None,
    ) -> Array:
        """Return the most likely class of each sample (N,), or of each step (N, T).

        With a single output, the class is 1 where the output is above `threshold`, by default that of the
        loss, else 0. Steps beyond the end of a sequence hold 0, not a class: see `predict` to trim them.

        Raises
        ------
        ValueError
            If the outputs are independent labels, of which a sample may have any number, or real numbers,
            such as linear outputs with ``loss="mse"``; or if `threshold` is given with several outputs.
        """
        batch_size = positive_integer("predict_classes", "batch_size", batch_size)
        threshold = optional(FINITE)("predict_classes", "threshold", threshold)
        limit = self.loss.threshold if threshold is None else threshold

        def check(network: Model) -> None:
            compatibility.check_exclusive(network, threshold)

        def decide(a: Array) -> Array:
            return a.argmax(axis=-1) if a.shape[-1] > 1 else (a[..., 0] > limit).astype(np.int64)

        return evaluation.predict(self._in_use(), "predict_classes", x, lengths, batch_size, decide, check)

    @explain_keywords
    def stream(self, samples: int | None = None) -> Stream:
        """Return an object whose ``step(x_t)`` takes one time step of a sequence; see `nnfw.streaming`.

        Parameters
        ----------
        samples : int, optional
            The number of parallel sequences; if not given, a single one, without the batch axis.

        Raises
        ------
        ValueError
            If a layer needs the whole sequence, because it reads backwards or pools over time.
        RuntimeError
            If the network has no weights yet, for example before `fit`; see `build`.
        """
        self._ready("stream")
        return Stream(self, samples)

    # ---- inspection, saving -------------------------------------------------------------------------

    @explain_keywords
    def check(
        self, x: Any, y: Any, *, lengths: ArrayLike | None = None, steps: int = 500, seed: int = 0
    ) -> sanity.Report:
        """Print, or display, and return a report on whether the network fits the data and can learn it.

        The checks use a copy of the network and a few samples: shapes, targets, class balance, the scale of
        x, the loss compared with a baseline loss, the gradient of each layer, and whether one batch can be
        overfitted. The network does not change.

        Parameters
        ----------
        x, y, lengths
            The data, in any form that `fit` takes except an iterable of batches.
        steps : int
            The maximum number of training steps on the one batch.
        seed : int
            The seed for the choice of samples.

        Raises
        ------
        ShapeError, ValueError, TypeError
            If `fit` would raise it.
        """
        report = sanity.check(self, x, y, lengths, steps, seed)
        if self._leads:
            notebook.present(report)
        return report

    def _probe(self, x: Any, y: Any, lengths: Any, owner: str) -> Any:
        """Return what pictures run: a copy without noise, and the data as a batch; see `nnfw.explain`."""
        return explain.probe(self, x, y, lengths, owner)

    def summary(self) -> None:
        """Print the layers, their output shapes and parameters."""
        if self._leads:  # otherwise another process prints it
            show(self._describe())

    def save(self, path: FilePath, extras: dict[str, Any] | None = None) -> None:
        """Save the whole network to one file, with `extras` in place of its own; see `nnfw.saving`."""
        saving.save(self, path, extras)

    @class_only
    @explain_keywords
    def load(cls, path: FilePath, custom: Mapping[str, Any] | None = None) -> "Network":
        """Return the network that `save` wrote; see `nnfw.saving`."""
        return saving.load(path, custom)

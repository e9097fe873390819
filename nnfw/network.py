"""Network: layers in a chain. It is itself a Layer: its six verbs are loops over the chain."""

import threading
import weakref
from collections.abc import Iterable, Iterator, Mapping, Sequence
from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from nnfw import doors, losses, optimizers, preflight, progress, resuming, saving, summary, training
from nnfw.callbacks import Callback
from nnfw.checks import boolean, number, positive_integer, whole_number
from nnfw.doors.batch import without
from nnfw.errors import ShapeError
from nnfw.history import History
from nnfw.interruption import alone
from nnfw.joint import Array
from nnfw.layers.layer import NOTHING, Layer, Shape
from nnfw.layers.lengths import valid_steps
from nnfw.loss import Loss
from nnfw.optimizer import Optimizer, clip_to_norm
from nnfw.parts import explain_keywords
from nnfw.plan import Plan
from nnfw.streaming import Stream


def is_sequence(y: Array, padding: Array) -> bool:
    """Whether outputs still have the time steps that `padding` (N, T) is about."""
    return y.ndim > 2 and y.shape[:2] == padding.shape


BUILDING = threading.RLock()  # so that a network used by several threads is built once
STREAMS = ("weights", "shuffle", "split", "noise")  # independent random streams, all from one seed


class Network(Layer):
    """A chain of layers, with what is needed to train it.

    Parameters
    ----------
    layers : sequence of Layer
        First to last. A Network is a Layer, so it can stand inside another.
    loss : str or Loss
        What training makes small.
    optimizer : str or Optimizer, optional
        How; Adam with its default rate if not given. Inside another network, a network that was given none
        follows that one's.
    metrics : sequence of str, Metric or function
        What else is measured.
    seed : int, optional
        The same seed and the same data give the same weights, bit for bit. None draws one.
    dtype : {"float32", "float64"}
        What everything is computed in.
    name : str, optional
        See `Layer`.

    Attributes
    ----------
    history : History
        All epochs so far.
    params, grads : dict of str to ndarray
        Of all layers: ``network.params["gru_1.Wx_z"]``.

    Examples
    --------
    >>> from nnfw import Dense
    >>> x = np.random.default_rng(0).normal(size=(200, 2))
    >>> y = x[:, 0] * x[:, 1] > 0
    >>> network = Network([Dense(16, "tanh"), Dense(1, "sigmoid")], loss="bce", metrics=["accuracy"],
    ...                   optimizer="nadam", seed=0)
    >>> history = network.fit(x, y, epochs=150, batch_size=10, verbose=0)
    >>> network.evaluate(x, y)["accuracy"] > 0.95
    True
    """

    takes_lengths = takes_state = True
    padding: Array | None = None  # of the last training pass's outputs
    left_out = (*Layer.left_out, "padding", "fitting")
    fitting = False  # whether a fit holds it: see `nnfw.interruption.alone`

    def __init__(
        self,
        layers: Sequence[Layer],
        *,
        loss: str | Loss = "mse",
        optimizer: str | Optimizer | None = None,
        metrics: Iterable[Any] = (),
        seed: int | None = None,
        dtype: str = "float32",
        name: str | None = None,
    ) -> None:
        super().__init__(optimizer=optimizer, name=name)
        self.layers = doors.check_layers(layers)
        doors.check_names(self.names)
        self.loss = losses.get(loss)
        self.metrics = doors.open_metrics(metrics)
        self.seed = None if seed is None else whole_number("Network", "seed", seed)
        if dtype not in ("float32", "float64"):
            raise ValueError(f"Network: dtype must be 'float32' or 'float64', got {dtype!r}")
        self._dtype = np.dtype(dtype)
        children = np.random.SeedSequence(self.seed).spawn(len(STREAMS))
        self.streams = {name: np.random.default_rng(s) for name, s in zip(STREAMS, children, strict=True)}
        self.history = History()
        self.standing: resuming.Standing | None = None  # how far the last fit has come
        self.shapes: list[Shape] = []  # the input's, and each layer's output's; without the batch axis
        self.built = False
        for layer in self.layers:  # last: a network that could not be built owns nothing
            layer.owner = weakref.ref(self)
        for leaf in self.leaves():
            leaf.noise = self.streams["noise"]

    # ---- the six verbs ------------------------------------------------------------------------------

    def compute_shapes(self, input_shape: Shape) -> Shape:
        """Return the output's shape for an input's, both without the batch axis: (D,) or (T, D)."""
        shapes = [tuple(input_shape)]
        for place, layer in enumerate(self.layers, 1):
            layer.place = place
            try:
                shapes.append(layer.compute_shapes(shapes[-1]))
            except ShapeError as error:
                raise ShapeError(f"{error}{self._hint(place, shapes[-1])}") from None
        self.shapes = shapes
        self._join()
        return shapes[-1]

    def initialize(self, rng: np.random.Generator | None = None, dtype: str | None = None) -> None:
        """Allocate and fill all parameters, by default from the network's seed and in its dtype."""
        self._dtype = np.dtype(dtype or self._dtype)
        for layer in self.layers:
            layer.initialize(rng or self.streams["weights"], self._dtype.name)
        self.built = True

    def forward(
        self,
        x: Array,
        training: bool = False,
        lengths: Array | None = None,
        initial_state: Sequence[Any] | None = None,
    ) -> Array:
        """Return the outputs (N, ...) for the inputs (N, ...).

        Parameters
        ----------
        x : ndarray (N, D), (N, T, D), or (N, T) of indices
            Inputs.
        training : bool
            Keep what `backward` needs.
        lengths : ndarray of int (N,), optional
            Valid steps of each sequence. What stands beyond them is not read, and the output is 0 there.
        initial_state : sequence, optional
            The states to begin with, one for each layer, as `final_state` has them.
        """
        x = np.asarray(x)
        padding = self._padding(x, lengths)
        x = without(padding, x)
        for place, layer in enumerate(self.layers):
            options: dict[str, Any] = {"lengths": lengths} if layer.takes_lengths else {}
            if initial_state is not None and layer.takes_state:
                options["initial_state"] = initial_state[place]
            x = layer.forward(x, training, **options)
            if padding is not None and not is_sequence(x, padding):
                lengths = padding = None  # the time steps are gone
        if padding is not None:
            x[padding] = 0
        if training:
            self.padding = padding
        return x

    def backward(self, dy: Array) -> Array:
        """Return dx, given the gradient with respect to the output: the chain in reverse."""
        dy = without(self.padding, dy)
        for layer in reversed(self.layers):
            dy = layer.backward(dy)
        return dy

    def _padding(self, x: Array, lengths: Array | None) -> Array | None:
        """Return which steps are beyond the end of their sequence, bool (N, T), if there are any."""
        if lengths is None or x.ndim != (2 if self.first.takes_indices else 3):
            return None
        return ~valid_steps(np.asarray(lengths), x.shape[1])

    def gradients(self) -> None:
        """Fill the gradients of all layers."""
        for layer in self.layers:
            layer.gradients()
            layer.add_penalty_gradients()

    def update(self, optimizer: Optimizer, epoch: float) -> None:
        """Take one step in every layer, after clipping the gradient of all together if asked for."""
        if not self.trainable:
            return
        if optimizer.clip_global_norm is not None:
            shared = [leaf.flat_grads for leaf in self.leaves() if leaf.trainable and leaf.optimizer is None]
            clip_to_norm(shared, optimizer.clip_global_norm)
        for layer in self.layers:
            layer.update(layer.optimizer or optimizer, epoch)

    # ---- the chain ----------------------------------------------------------------------------------

    @property
    def final_state(self) -> list[Any]:
        """The states that the last training pass ended with, one for each layer; None where there is none."""
        return [layer.final_state if layer.takes_state else None for layer in self.layers]

    @property
    def first(self) -> Layer:
        """The layer that is given the network's input."""
        return next(self.leaves())

    @property
    def takes_indices(self) -> bool:  # type: ignore[override]
        """Whether the input holds whole numbers."""
        return self.first.takes_indices

    @property
    def input_dtype(self) -> np.dtype[Any]:
        """What inputs are converted to."""
        return np.dtype(np.int64) if self.takes_indices else self.dtype

    def leaves(self) -> Iterator[Layer]:
        """Yield the layers, those of inner networks one by one."""
        for layer in self.layers:
            if isinstance(layer, Network):
                yield from layer.leaves()
            else:
                yield layer

    def _join(self) -> None:
        """Have the output layer pass its scores on if the loss has a joint form with its activation."""
        *inner, last = self.leaves()
        for leaf in inner:
            leaf.returns_scores = False
        activation = getattr(last, "activation", None)
        last.returns_scores = activation is not None and activation.name == self.loss.joins

    def _hint(self, place: int, shape: Shape) -> str:
        """Return the remedy for a layer that cannot take what the one before it gives."""
        before = self.layers[place - 2] if place > 1 else None
        if len(shape) == 1 and getattr(before, "return_sequences", None) is False:
            return (
                f". The {type(before).__name__} before it returns only its last state; "
                f"build it with return_sequences=True"
            )
        if before is None and len(shape) == 1:
            return f". One feature a step is x[..., None], {(*shape, 1)} a sample"
        return ""

    @property
    def names(self) -> list[str]:
        """The layers' names; one that was given none is called after its class and place."""
        return [layer.name or f"{type(layer).__name__.lower()}_{i}" for i, layer in enumerate(self.layers, 1)]

    def bind(self) -> None:
        """Nothing: the layers hold the parameters."""

    @property
    def params(self) -> dict[str, Array]:  # type: ignore[override]
        """The parameters of all layers by name."""
        return self._collect("params")

    @property
    def grads(self) -> dict[str, Array]:  # type: ignore[override]
        """The gradients of all layers by name."""
        return self._collect("grads")

    def penalty(self) -> float:
        """Return what the parameters of all layers add to the loss; see `nnfw.regularizers`."""
        return sum(layer.penalty() for layer in self.layers)

    def _collect(self, kind: str) -> dict[str, Array]:
        named = zip(self.names, self.layers, strict=True)
        return {f"{name}.{key}": a for name, layer in named for key, a in getattr(layer, kind).items()}

    @property
    def dtype(self) -> np.dtype[Any]:
        """What everything is computed in."""
        return self._dtype

    # ---- training and use ---------------------------------------------------------------------------

    @explain_keywords
    def fit(
        self,
        x: Any,
        y: Any = None,
        *,
        epochs: int = 1,
        batch_size: int = 32,
        validation_data: Any = None,
        validation_split: float = 0.0,
        split: str = "auto",
        shuffle: bool = True,
        bucket: bool = False,
        truncate: int | None = None,
        lengths: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
        class_weight: Any = None,
        callbacks: Sequence[Callback] = (),
        verbose: int | str = "auto",
        resume: bool = False,
    ) -> History:
        """Train for `epochs` more epochs, and return the history of all epochs so far.

        Parameters
        ----------
        x : array_like (N, D) or (N, T, D), list of arrays (T_i, D), or iterable of batches
            Inputs; before an `Embedding` whole numbers (N, T), or a list of arrays (T_i,). Without `y`,
            anything that yields the (x, y) or (x, y, lengths) of an epoch's batches, each time that it is
            iterated over. A ``np.memmap`` is read batch by batch.
        y : array_like, optional
            Targets: (N, K), (N,) or (N, 1); classes (N,) for categorical cross-entropy; the same with a
            time axis for sequence outputs.
        epochs : int
            How many more.
        batch_size : int
            Samples a step; the last batch of an epoch may be smaller.
        validation_data : tuple or iterable of batches, optional
            (x, y) or (x, y, lengths) to validate on after each epoch.
        validation_split : float
            Else the share of the samples that is held out for it, in [0, 1).
        split : {"auto", "stratified", "random", "tail"}
            Which samples: shuffled with the seed, in every class alike ("stratified", what "auto" takes for
            class targets), over all ("random"), or the last ones ("tail", for time series).
        shuffle : bool
            Whether each epoch takes the samples in a new order.
        bucket : bool
            Whether the samples of a batch are of similar length, so that less time goes into the longest.
        truncate : int, optional
            Take each batch in windows of so many time steps, one update each. The state is carried from
            window to window, and begins anew with the next batch; no gradient passes between windows
            (truncated backpropagation through time, Williams & Peng 1990). The outputs must be sequences.
        lengths : array_like of int (N,), optional
            Valid steps of each sequence.
        sample_weight : array_like (N,), optional
            A factor for each sample's loss.
        class_weight : dict or "balanced", optional
            A factor for each class's samples.
        callbacks : sequence of Callback
            See `nnfw.callbacks`.
        verbose : {"auto", 0, 1, 2}
            Nothing, a bar, or a line an epoch; "auto" draws a bar on a terminal or in a notebook.
        resume : bool
            Go on with the last fit, which was interrupted, or saved and loaded: `epochs` counts from where
            that began, an epoch that was begun is finished, and callbacks go on with what they remembered.
            With the same data, all is then as if it had never ended; what a callback has stopped stays so. A
            new network just begins.

        Raises
        ------
        ShapeError, ValueError, TypeError
            If the data or an argument do not fit; nothing has been changed then.
        NonFiniteError
            If the loss, a gradient or an updated weight is not finite; the network is as before that batch.
        RuntimeError
            If the network is being fitted already.
        """
        epochs = positive_integer("fit", "epochs", epochs)
        batch_size = positive_integer("fit", "batch_size", batch_size)
        boolean("fit", "resume", resume)
        share = number("fit", "validation_split", validation_split, 0.0, 1.0, open_high=True)
        shown = progress.open_progress(verbose)
        callbacks = doors.open_callbacks(callbacks)
        doors.check_split(split)
        if validation_data is not None and share:
            raise ValueError("fit: give validation_data or validation_split, not both")
        with alone(self):
            train = doors.open_source(self, x, y, lengths, sample_weight, class_weight)
            held, said = None, "none"
            if validation_data is not None:
                with doors.named("validation_data"):
                    held, said = doors.open_source(self, *doors.check_pair(validation_data)), "the data given"
                    doors.check_alike(self, train.first.x, held.first.x)
            elif share:
                train, held, said = doors.hold_out(train, share, split, self.streams["split"])
            doors.check_monitors(callbacks, self.metrics, held is not None)
            plan = Plan(train.size, batch_size, shuffle, bucket, truncate)
            if truncate is not None:
                doors.check_truncation(self, train.first)
            standing = resuming.open_standing(self, plan, resume)
            self._build()
            self.history.validation = said
            self.optimizer = self.optimizer or optimizers.get("adam")
            run = training.Run(self, self.optimizer, callbacks, shown, standing)
            left = max(0, standing.start + epochs - len(self.history.epoch))
            training.fit(run, train, held, left)
        return self.history

    @explain_keywords
    def evaluate(
        self, x: Any, y: Any = None, *, lengths: ArrayLike | None = None, batch_size: int = 256
    ) -> dict[str, float]:
        """Return the mean loss and the metrics on `x` and `y`, by name; see `fit` for their forms."""
        batch_size = positive_integer("evaluate", "batch_size", batch_size)
        opened = doors.open_source(self, x, y, lengths)
        self._build()
        return training.evaluate(self, opened, batch_size)

    @explain_keywords
    def predict(self, x: Any, *, lengths: ArrayLike | None = None, batch_size: int = 256) -> Array:
        """Return the outputs (N, K) or (N, T, K) for inputs `x`; see `fit` for their forms."""
        batch_size = positive_integer("predict", "batch_size", batch_size)
        x, lengths = doors.open_inputs(self.first, x, lengths, self.input_dtype)
        self.compute_shapes(x.shape[1:])
        self._build()
        return training.predict(self, x, lengths, batch_size)

    @explain_keywords
    def predict_classes(
        self, x: Any, *, lengths: ArrayLike | None = None, batch_size: int = 256, threshold: float = 0.5
    ) -> Array:
        """Return the most likely class of each sample (N,), or of each step (N, T).

        With one output it is 1 where that is above `threshold`, else 0.
        """
        threshold = number("predict_classes", "threshold", threshold)
        a = self.predict(x, lengths=lengths, batch_size=batch_size)
        return a.argmax(axis=-1) if a.shape[-1] > 1 else (a[..., 0] > threshold).astype(np.int64)

    @explain_keywords
    def stream(self, samples: int | None = None) -> Stream:  # type: ignore[override]
        """Return an object whose ``step(x_t)`` takes one time step of a sequence; see `nnfw.streaming`.

        Parameters
        ----------
        samples : int, optional
            Sequences side by side; a single one, without the batch axis, if not given.

        Raises
        ------
        ValueError
            If a layer needs the whole sequence: one that reads backwards, or pools over time.
        RuntimeError
            If the network has seen no data, and so does not know its shapes.
        """
        if not self.shapes:
            raise RuntimeError("stream: the network knows no input yet; fit or predict once, or load it")
        self._build()
        return Stream(self, samples)

    def _build(self) -> None:
        """Initialize the layers that are not yet: a copy of a trained layer keeps its weights.

        If that fails, or is interrupted, all is as it was.
        """
        with BUILDING:
            if self.built:
                return
            doors.check_memory(self.leaves(), self._dtype)
            new = [leaf for leaf in self.leaves() if not leaf.size]
            before = self.streams["weights"].bit_generator.state
            try:
                self._initialize_new()
            except BaseException:
                self.streams["weights"].bit_generator.state = before
                for leaf in new:
                    leaf.flat_params = leaf.flat_grads = NOTHING
                    leaf.bind()
                raise
            self.built = True

    def _initialize_new(self) -> None:
        for layer in self.layers:
            if isinstance(layer, Network):
                layer.streams["weights"], layer._dtype = self.streams["weights"], self._dtype
                layer._build()
            elif not layer.size:
                layer.initialize(self.streams["weights"], self._dtype.name)
            elif layer.dtype != self._dtype:
                raise ValueError(
                    f"{layer.label} has weights of {layer.dtype} in a network of {self._dtype}; "
                    f"build the network with dtype={layer.dtype.name!r}"
                )

    # ---- looking and keeping ------------------------------------------------------------------------

    @explain_keywords
    def check(
        self, x: Any, y: Any, *, lengths: ArrayLike | None = None, steps: int = 500, seed: int = 0
    ) -> preflight.Report:
        """Print and return a report: whether the network fits the data, and can learn them.

        All is tried on a copy and a few samples: shapes, targets, the balance of classes, the scale of x,
        the loss beside that of knowing nothing, the gradient of each layer, and whether one batch can be
        learnt by heart. The network is left as it is.

        Parameters
        ----------
        x, y, lengths
            The data, in any form that `fit` takes.
        steps : int
            How many may be taken on the one batch.
        seed : int
            Which samples are looked at.

        Raises
        ------
        ShapeError, ValueError, TypeError
            If `fit` would.
        """
        report = preflight.check(self, x, y, lengths, steps, seed)
        print(report)
        return report

    def summary(self) -> None:
        """Print the layers, their output shapes and parameters."""
        print(summary.describe(self))

    @property
    def size(self) -> int:
        """The number of parameters."""
        return sum(leaf.size for leaf in self.leaves())

    def save(self, path: "str | PathLike[str]") -> None:
        """Write the whole network to one file; see `nnfw.saving`."""
        saving.save(self, path)

    @classmethod
    def load(cls, path: "str | PathLike[str]", custom: Mapping[str, Any] | None = None) -> "Network":
        """Return the network that `save` wrote; see `nnfw.saving`."""
        return saving.load(path, custom)

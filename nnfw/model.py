"""Model: layers that can be trained, with a loss, an optimizer, metrics, random streams and a history."""

import copy
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from nnfw import losses, metrics, optimizers
from nnfw.core import notebook
from nnfw.core.arguments import explain_keywords
from nnfw.core.logits import takes_logits
from nnfw.core.output import table
from nnfw.core.suggest import explain_attribute
from nnfw.core.typing import Converted, Precision, Shape
from nnfw.core.validation import Check, extras_of, floating, generator, instance_of, whole_number
from nnfw.history import History
from nnfw.layers.base import Layer
from nnfw.layers.sequential import Sequential
from nnfw.layers.validation import check_memory
from nnfw.losses import Loss
from nnfw.metrics import Metric
from nnfw.optimizers import Optimizer

STREAMS = ("weights", "shuffle", "split", "noise")  # independent random streams, all from one seed
BUILDING = threading.RLock()  # held while layers are initialized


class Model(Sequential):
    """A chain of layers, with everything needed to train it; `nnfw.Network` adds the methods users call."""

    _checks: ClassVar[dict[str, Check[Any]]] = Sequential._checks | {
        "loss": lambda owner, name, value: losses.get(value),
        "metrics": lambda owner, name, value: metrics.from_list(value),
        "history": instance_of(History, "a History"),
        "extras": extras_of,
    }
    _transient = (*Sequential._transient, "_fitting", "_held", "_awaited", "_leads")
    _leads = True  # whether it prints and saves; with several processes, only one of them does
    _fitting: int | None = None  # the thread whose fit holds it: see `nnfw.training.interrupt`
    _default_optimizer = False  # whether its optimizer is the default of `fit`, as none was given
    _built = False  # whether all layers have their parameters
    if not TYPE_CHECKING:  # type checkers would accept any name; on layers it would cost 3 % of a step
        __getattr__ = explain_attribute
    loss: Converted[Loss, str | Loss]
    metrics: Converted[tuple[Metric, ...], Iterable[Any]]
    _training_state: Any = None  # how far the last fit has come: see `nnfw.training.state`
    _noise_before: Any = None  # the state of the noise before the current step

    def __init__(
        self,
        layers: Sequence[Layer],
        *,
        loss: str | Loss = "mse",
        optimizer: str | Optimizer | None = None,
        metrics: Iterable[Any] = (),
        seed: int | None = None,
        dtype: Precision = "float32",
        name: str | None = None,
    ) -> None:
        super().__init__(layers, optimizer=optimizer, name=name)
        self.loss, self.metrics = loss, metrics
        self.seed: int | None = None if seed is None else whole_number("Network", "seed", seed)
        self._dtype = floating("Network", "dtype", dtype)
        children = np.random.SeedSequence(self.seed).spawn(len(STREAMS))
        self._streams = {name: np.random.default_rng(s) for name, s in zip(STREAMS, children, strict=True)}
        self.history: History = History()
        self.extras: dict[str, Any] = {}
        self._adopt()  # last: a network that cannot be constructed owns nothing

    def _assign(self, name: str, value: Any) -> None:
        """Assign an attribute, and follow a new loss or optimizer."""
        super()._assign(name, value)
        if name == "optimizer":
            self._default_optimizer = False
        if name == "loss" and self.shapes and not self._owned:
            self._fuse()

    def _adopt(self) -> None:
        """Become the owner of the layers, and the source of their noise."""
        super()._adopt()
        self._held, self._awaited = threading.Lock(), threading.Lock()
        for leaf in self._leaves():
            leaf._noise = self._streams["noise"]

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        if self._noise_before:  # a copy made during a step starts that step again
            self._streams["noise"].bit_generator.state, self._noise_before = self._noise_before, None

    @property
    def dtype(self) -> np.dtype[Any]:
        """The data type of parameters and outputs."""
        return self._dtype

    @property
    def _own_optimizer(self) -> Optimizer | None:
        """The optimizer that it was given; None if it uses that of the network around it."""
        return None if self._default_optimizer else self.optimizer

    @property
    def _input_dtype(self) -> np.dtype[Any]:
        """What inputs are converted to."""
        return np.dtype(np.int64) if self._takes_indices else self.dtype

    # ---- the verbs that a model extends -------------------------------------------------------------

    @explain_keywords
    def compute_shapes(self, input_shape: Shape) -> Shape:
        """Return the output shape for an input shape, both without the batch axis: (D,) or (T, D)."""
        with BUILDING:
            shape = super().compute_shapes(input_shape)
            if not self._owned:
                self._fuse()
        return shape

    def _fuse(self) -> None:
        """Have the output layer keep its logits, if the loss is fused with its activation."""
        last, activation = self._last, getattr(self._last, "activation", None)
        fused = activation is not None and activation.name == self.loss.fused_with
        fused = fused and takes_logits(last.backward)
        for leaf in self._leaves():  # never unset in between: other threads may predict, or train
            leaf._keeps_logits = fused and leaf is last

    def initialize(self, rng: np.random.Generator | None = None, dtype: str | None = None) -> None:
        """Allocate and fill all parameters, by default from the network's seed and in its dtype.

        The first call gives the values that `fit` starts from. A further call draws new ones: the random
        streams continue, as do the history and the epochs of schedules. To start over, create a new network,
        or keep a ``copy.deepcopy`` of the untrained one.

        Raises
        ------
        RuntimeError
            If `compute_shapes` has not been called.
        TypeError, ValueError
            If an argument is not valid, or memory is too small for the parameters; nothing has changed then.
        """
        if not self.shapes:
            raise RuntimeError("Network: call compute_shapes before initialize; build(shape) calls both")
        source = self._streams["weights"] if rng is None else generator("Network", "rng", rng)
        kind = self.dtype if dtype is None else floating("Network", "dtype", dtype)
        with BUILDING, self._all_or_nothing(source):
            self._fill(self._leaves(), source, kind)

    def update(self, optimizer: Optimizer | None, epoch: float) -> None:
        """Update every layer by one step; if `optimizer` is None, by Adam, which is kept as in `fit`."""
        if not isinstance(optimizer, Optimizer):
            optimizer = optimizers.get(optimizer or self._with_optimizer())
        super().update(optimizer, epoch)

    def _with_optimizer(self) -> Optimizer:
        """Return the optimizer, which is Adam from now on if none was given."""
        if self.optimizer is None:
            self.optimizer, self._default_optimizer = optimizers.get("adam"), True
        return self.optimizer

    # ---- building: all parameters or none, and once -------------------------------------------------

    @explain_keywords
    def build(self, input_shape: Shape) -> None:
        """Create the parameters for samples of shape (D,) or (T, D), as the first `fit` would.

        They have the values that `fit` starts from, so an untrained network can be inspected and evaluated.
        T may be None, for any number of steps. Layers that already have parameters keep them.

        Raises
        ------
        ShapeError, ValueError, TypeError
            If `fit` would raise it for inputs of this shape; nothing has changed then.
        """
        with self._unchanged_if_refused():
            self.compute_shapes(input_shape)
            self._build()

    def _build(self) -> None:
        """Initialize the layers that are not yet: a copy of a trained layer keeps its weights."""
        with BUILDING:
            if self._built:
                return
            for leaf in self._leaves():
                if leaf.size and leaf.dtype != self.dtype:
                    raise ValueError(
                        f"{leaf._label} has weights of {leaf.dtype} in a network of {self.dtype}; "
                        f"build the network with dtype={leaf.dtype.name!r}"
                    )
            source = self._streams["weights"]
            with self._all_or_nothing(source):
                self._fill((leaf for leaf in self._leaves() if not leaf.size), source, self.dtype)
                for leaf in self._leaves():
                    leaf._state = None  # copies of trained layers start with a new optimizer state

    def _fill(self, leaves: Iterable[Layer], source: np.random.Generator, kind: np.dtype[Any]) -> None:
        """Initialize these layers, and with them the network and those within it."""
        check_memory(self._leaves(), kind)
        for leaf in leaves:
            leaf.initialize(source, kind.name)
        for model in self._with_inner():
            if isinstance(model, Model):
                model._dtype, model._built, model._training_state = kind, True, None
                if source is self._streams["weights"]:  # a new dict: the old one may be restored
                    model._streams = {**model._streams, "weights": source}
        self._flatten()

    def _in_use(self) -> Self:
        """Return the network, or a copy without weights or within another one: that does not change then."""
        with BUILDING:
            return self if self.size and not self._owned else copy.deepcopy(self)

    @contextmanager
    def _unchanged_if_refused(self) -> Iterator[None]:
        """Restore the shapes if data or arguments are refused."""
        shapes = self.shapes
        try:
            with nullcontext() if self._built else self._all_or_nothing(self._streams["weights"]):
                yield
        except BaseException:
            if self._built and self.shapes is not shapes:
                self.compute_shapes(shapes[0])
            raise

    @contextmanager
    def _all_or_nothing(self, source: np.random.Generator) -> Iterator[None]:
        """Restore all attributes and the random source if building fails or is interrupted."""
        state = source.bit_generator.state
        before = [(layer, dict(vars(layer))) for layer in self._with_inner()]
        try:
            yield
        except BaseException:
            with BUILDING:
                source.bit_generator.state = state
                for layer, attributes in before:
                    vars(layer).clear()
                    vars(layer).update(attributes)
                    layer._bind()
            raise

    def _ready(self, verb: str) -> None:
        """Raise a RuntimeError if a layer has no weights yet; a network of copies, which have, is built."""
        with BUILDING:  # otherwise a fit in another thread could stop between the two
            self._check_ready(verb)
            self._build()

    def _check_ready(self, verb: str) -> None:
        """Raise a RuntimeError if the shapes are not known, or a layer with parameters has none yet."""
        if not self.shapes:
            raise RuntimeError(
                f"{verb}: the network does not know the shape of its input yet; fit it, load one with "
                f"Network.load, or call build((T, D)), or build((D,)) if there are no time steps"
            )
        for leaf in self._leaves():
            if leaf._specs and not leaf.params:
                raise RuntimeError(
                    f"{verb}: the network has no weights yet in {leaf._label}; fit it, load one with "
                    f"Network.load, or call build({self.shapes[0]}) for an untrained one"
                )

    def _compute_gradients(self, batch: Any) -> float:
        """Fill the gradients of one batch, and return its loss without penalties."""
        a = self.forward(batch.x, training=True, lengths=batch.lengths)
        loss, dy, of_logits = self.loss.with_gradient(batch.y, a, batch.weight)
        self.backward(dy, of_logits)
        self.gradients()
        return loss

    def _described(self) -> tuple[Sequence[Sequence[str]], str]:
        """Return the rows of a table of the layers, their output shapes and parameters, and a summary."""
        rows = [("name", "layer", "output", "parameters")]
        shapes: list[Any] = self.shapes[1:] or [None] * len(self.layers)
        for name, layer, shape in zip(self._names, self.layers, shapes, strict=True):
            size = f"{layer.size:,}{frozen(layer)}" if self._built else "?"
            axes = None if shape is None else ", ".join(["N", *("T" if n is None else str(n) for n in shape)])
            rows.append((name, repr(layer), f"({axes})" if axes else "?", size))
        counted = f"{self.size:,} parameters{frozen(self)}"
        total = counted if self._built else "the first fit creates the parameters"
        optimizer = self.optimizer or optimizers.get("adam")
        return rows, f"{total}; {self.dtype}; loss {self.loss!r}; optimizer {optimizer!r}"

    def _describe(self) -> str:
        rows, below = self._described()
        return f"{table(rows)}\n{below}"

    def _repr_html_(self) -> str:
        return notebook.table(*self._described())


def frozen(layer: Layer) -> str:
    """Return how many of a layer's parameters are frozen: " (7 frozen)", or " (frozen)" if all are."""
    count = frozen_size(layer)
    which = "frozen" if count == layer.size else f"{count:,} frozen"
    return f" ({which})" if count else ""


def frozen_size(layer: Layer) -> int:
    """Return how many parameters of a layer, or of those in a chain, are not trainable."""
    if not layer.trainable:
        return layer.size
    return sum(map(frozen_size, layer.layers)) if isinstance(layer, Sequential) else 0

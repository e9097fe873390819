"""The Layer interface: six verbs, and named parameters as views into one flat vector."""

import copy
import weakref
from collections.abc import Collection, MutableMapping
from types import MappingProxyType
from typing import Any, ClassVar, Self, TypedDict

import numpy as np

from nnfw import optimizers, regularizers
from nnfw.core.errors import ShapeError
from nnfw.core.registry import Part
from nnfw.core.typing import Array, Converted, Shape
from nnfw.core.validation import Check, boolean, floating, generator, label, sample_shape
from nnfw.core.vectors import clip_to_norm
from nnfw.layers.parameters import Cache, Parametrized, size_of
from nnfw.optimizers import Optimizer, State
from nnfw.regularizers import Regularizer, Regularizers

AXES = {2: "(samples, features)", 3: "(samples, steps, features)", 4: "(samples, rows, columns, channels)"}


def with_samples(shape: Shape) -> str:
    """Return a sample's shape as that of a batch, for messages: ``(samples, None, 8)``."""
    return f"({', '.join(['samples', *map(str, shape)])})"


class Options(TypedDict, total=False):
    """The arguments that every layer has; `Layer` describes them."""

    optimizer: Optimizer | str | None
    regularizer: str | Regularizers | None
    trainable: bool
    name: str | None


class Layer(Part, Parametrized):
    """The base of all layers.

    A custom layer defines `compute_shapes`, `forward` and `backward`, and `gradients` if it has parameters,
    which it declares with `add_parameter`; `initialize` and `update` are inherited. Store the arguments of
    ``__init__`` under their own names (``self.k = k``): files, copies and the summary read them there.
    A layer that merges time steps, as pooling and attention do, sets ``takes_lengths = True`` in its class,
    and its ``forward(x, training, lengths)`` ignores the steps beyond the lengths (N,). A layer that changes
    the number of steps defines `count_steps`; a random layer draws from `random`.

    Parameters
    ----------
    optimizer : Optimizer or str, optional
        Updates this layer in place of the network's optimizer, with its own learning rate, schedule and
        clipping. This and the next two arguments can be reassigned at any time.
    regularizer : str, Regularizer, list or dict, optional
        Penalizes or bounds the weights: all parameters that are matrices, or by name, ``{"W": L2(1e-4)}``,
        where ``"Wx"`` stands for ``Wx_z``, ``Wx_r`` ...
    trainable : bool
        False freezes the parameters: `update` does not change them.
    name : str, optional
        A name for messages, the summary and files; by default made of the class name and the position.

    Attributes
    ----------
    params, grads : dict of str to ndarray
        The parameters and their gradients by name, views into `flat_params` and `flat_grads`.
    flat_params, flat_grads : ndarray
        All parameters and all gradients as one contiguous vector each.
    takes_lengths, causal : bool
        Whether `forward` takes `lengths`, and whether no output depends on a later step of the input.
    cache : dict of str to ndarray
        Intermediates of the last ``forward(x, training=True)`` and `backward`; the next ones overwrite them.

    Examples
    --------
    A layer with one learned gain per feature:

    >>> class Gain(Layer):
    ...     def compute_shapes(self, input_shape):
    ...         self.add_parameter("g", input_shape[-1:], "ones")
    ...         return input_shape
    ...
    ...     def forward(self, x, training=False):
    ...         if training:
    ...             self.cache = {"x": x}
    ...         return x * self.params["g"]
    ...
    ...     def backward(self, dy):
    ...         self.cache["dy"] = dy
    ...         return dy * self.params["g"]
    ...
    ...     def gradients(self):
    ...         x, dy = self.cache["x"], self.cache["dy"]
    ...         np.sum(x * dy, axis=tuple(range(x.ndim - 1)), out=self.grads["g"])  # over samples, and steps
    >>> layer = Gain()
    >>> layer.compute_shapes((3,))
    (3,)
    >>> layer.initialize(np.random.default_rng(0))
    >>> layer.forward(np.array([[1.0, 2.0, 3.0]]))
    array([[1., 2., 3.]])
    """

    optimizer: Converted[Optimizer | None, str | Optimizer | None] = None  # type: ignore[assignment]
    regularizer: Converted[Regularizers | None, str | Regularizers | None] = None  # type: ignore[assignment]
    trainable: bool = True
    name: str | None = None

    takes_lengths: ClassVar[bool] = False  # whether forward takes `lengths`
    causal: bool = False  # whether no output depends on a later step: see `Network.stream`
    _takes_indices: ClassVar[bool] = False  # whether the input holds whole numbers (N, T), not features
    _takes_state: ClassVar[bool] = False  # whether forward takes `initial_state`, and leaves `final_state`
    _state_size: int = 0  # S, if the state is an array (N, S)
    _noisy: ClassVar[tuple[str, ...]] = ()  # the arguments that make it random in training unless they are 0
    final_state: Any  # the state after the last training pass, if it takes a state

    cache: MutableMapping[str, Array] = MappingProxyType(Cache())  # type: ignore[assignment]
    _state: State | None = None  # the state of the optimizer
    _noise: np.random.Generator | None = None  # the generator of a layer that is random in training
    # Set by the network:
    _owner: "weakref.ref[Layer] | None" = None  # the network, or the layer, that it is part of
    _place: int | None = None  # position in its network, from 1: for messages only
    _needs_dx: bool = True  # False if dx is not needed: backward may then return an empty array
    _keeps_logits: bool = False  # whether the loss reads its logits: see nnfw.core.logits

    # Attributes that are checked, or made from a name, on every assignment:
    _checks: ClassVar[dict[str, Check[Any]]] = {
        "optimizer": lambda owner, name, value: None if value is None else optimizers.get(value),
        "regularizer": lambda owner, name, value: regularizers.get(value),
        "trainable": boolean,
        "name": label,
    }
    _free: ClassVar[Collection[str]] = ("cache",)
    _views: ClassVar[Collection[str]] = ("params", "grads", "flat_params", "flat_grads")
    _adjustable: tuple[str, ...] = ()  # arguments that can change after parameters are declared
    _settled: bool = False  # whether no other argument can change at all

    _transient = (*Parametrized._transient, "cache", "_owner", "_needs_dx", "_settled", "_adjustable")

    def __init__(
        self,
        *,
        optimizer: Optimizer | str | None = None,
        regularizer: str | Regularizers | None = None,
        trainable: bool = True,
        name: str | None = None,
    ) -> None:
        self.optimizer, self.regularizer = optimizer, regularizer
        self.trainable, self.name = trainable, name

    def _fixed(self, name: str) -> str:
        """Return why an attribute cannot be assigned any more, or nothing."""
        if name == "name" and self._owned:
            return "in a network, whose parameter names contain it; create the layer with name=..."
        if name in self._checks or name in self._adjustable or not (self._specs or self._settled):
            return ""
        return f"by now; create a new one, {type(self).__name__}(..., {name}=...)"

    # ---- the six verbs ------------------------------------------------------------------------------

    def compute_shapes(self, input_shape: Shape) -> Shape:
        """Return the output shape for an input shape, without the batch axis, and declare the parameters."""
        raise NotImplementedError(f"{type(self).__name__} must define compute_shapes(input_shape)")

    def initialize(self, rng: np.random.Generator, dtype: str = "float32") -> None:
        """Allocate the parameters and fill them from `rng`."""
        owner = type(self).__name__
        rng, dtype = generator(owner, "rng", rng), floating(owner, "dtype", dtype).name
        size = size_of(self._specs)
        vars(self).update(flat_params=np.zeros(size, dtype), flat_grads=np.zeros(size, dtype))
        self.cache, self._state = Cache(), None
        if self._owner is None:  # otherwise the network provides the generator for noise
            self._noise = rng
        self._bind()
        for name, spec in self._specs.items():
            self.params[name][...] = spec.initializer(rng, spec.shape, dtype)
        self._regularized()  # raises for an unknown parameter name

    def forward(self, x: Array, training: bool = False) -> Array:
        """Return the output (N, ...) for the input (N, ...); in training, keep what `backward` needs.

        The output may be a buffer of the layer, or the input itself: copy it before changing it in place.
        """
        raise NotImplementedError(f"{type(self).__name__} must define forward(x, training=False)")

    def backward(self, dy: Array) -> Array:
        """Return dx for the last training input, given the gradient dy with respect to its output."""
        raise NotImplementedError(f"{type(self).__name__} must define backward(dy)")

    def gradients(self) -> None:
        """Fill `grads` from what `forward` and `backward` kept."""
        if self._specs:
            raise NotImplementedError(f"{type(self).__name__} has parameters: it must define gradients()")

    def update(self, optimizer: Optimizer, epoch: float) -> None:
        """Take one step of the optimizer: the layer's own if it has one, else `optimizer`."""
        rule = self.optimizer or optimizers.get(optimizer)
        if not self.trainable or not self.flat_params.size:
            return
        if self.optimizer and self.optimizer.clip_global_norm is not None:  # the norm of this layer alone
            clip_to_norm([self.flat_grads], self.optimizer.clip_global_norm)
        rule.step(self.flat_params, self.flat_grads, self._check_state(rule), epoch)
        for p, _, regularizer in self._regularized():
            regularizer.constrain(p)

    def _check_state(self, rule: Optimizer) -> State:
        """Return what the optimizer remembers of the layer; it starts anew after another optimizer."""
        if self._state is None or self._state.rule != type(rule).__name__:
            self._state = rule.start(self.flat_params)
        return self._state

    @property
    def _own_optimizer(self) -> Optimizer | None:
        """The optimizer that it was given."""
        return self.optimizer

    # ---- the parts of the verbs ---------------------------------------------------------------------

    def _regularized(self) -> list[tuple[Array, Array, Regularizer]]:
        """Return each regularized parameter, its gradient and its regularizer."""
        if self.regularizer is None:
            return []
        assigned = regularizers.assign(self.regularizer, self.params, self._label)
        return [(self.params[name], self.grads[name], regularizer) for name, regularizer in assigned]

    def _penalty(self) -> float:
        """Return what the regularizers add to the loss."""
        return sum(regularizer.penalty(p) for p, _, regularizer in self._regularized())

    def _add_penalty_gradients(self) -> None:
        """Add the gradients of the penalty to `grads`, which `gradients` has filled."""
        for p, dp, regularizer in self._regularized():
            regularizer.add_gradient(p, dp)

    def random(self) -> np.random.Generator:
        """Return the generator to draw from in training, which the network seeds, saves and resumes."""
        if self._noise is None:
            raise RuntimeError(f"{self._label}: call initialize(rng) before forward in training")
        return self._noise

    def _check_values(self, x: Array) -> None:
        """Raise a ValueError for values that a first layer cannot take."""

    def count_steps(self, n: Any) -> Any:
        """Return the number of output steps for `n` input steps, one number or an array of them."""
        return n

    def _find_lengths(self, x: Array, lengths: Array | None = None) -> Array | None:
        """Return the lengths of the sequences (N,), from the values of `x` if a mask marks padding."""
        return lengths

    def _recall(self, key: str, verb: str) -> Any:
        """Return what the training pass kept under `key`, or say which verb must come before `verb`."""
        self._require(key, verb)
        return self.cache[key]

    def _require(self, key: str, verb: str) -> None:
        if key not in self.cache:
            after_backward = verb in ("gradients", "initial_gradient")
            before = "backward(dy)" if after_backward else "forward(x, training=True)"
            raise RuntimeError(f"{self._label}: {verb} requires {before}, which has not been called yet")

    def _check_gradient(self, dy: Array, shape: tuple[int, ...] | None = None) -> Array:
        """Return dy in the layer's dtype, if it has the output's `shape`, by default that of the kept `y`."""
        shape = self._recall("y", "backward").shape if shape is None else shape
        dy = np.asarray(dy, self.dtype)
        if dy.shape != shape:
            raise ShapeError(f"{self._label}: expects dy of the output's shape {shape}, got {dy.shape}")
        return dy

    def _features(self, input_shape: Shape, axes: tuple[int, ...], remedy: str = "") -> int:
        """Return D of a sample's shape (..., D), or raise a ShapeError unless a batch has so many `axes`."""
        input_shape = sample_shape(self._label, "input_shape", input_shape)
        if len(input_shape) + 1 not in axes or input_shape[-1] is None:
            expected, got = " or ".join(AXES[n] for n in axes), with_samples(input_shape)
            raise ShapeError(f"{self._label}: expects {expected}, got {got}{remedy and f'; {remedy}'}")
        return input_shape[-1]

    def check_input(self, x: Array, features: int | None, axes: tuple[int, ...] = (2, 3)) -> None:
        """Raise a ShapeError unless `x` has so many `axes`, 3 with steps, and the `features`, if given."""
        if x.ndim not in axes or features not in (None, x.shape[-1]):
            expected = " or ".join(AXES[n] for n in axes) + (f" with {features} features" if features else "")
            raise ShapeError(f"{self._label}: expects {expected}, got {x.shape}")

    @property
    def _label(self) -> str:
        """The layer and its place for messages: ``layer 2, GRU(16)``."""
        place = f"layer {self._place}, " if self._place else ""
        return f"{place}{type(self).__name__}({self._extent})"

    @property
    def _extent(self) -> str:
        """What the label has in brackets: the units, if the layer has any."""
        return str(getattr(self, "units", ""))

    @property
    def _owned(self) -> bool:
        """Whether it is part of a network, or of another layer."""
        return self._owner is not None and self._owner() is not None

    def __copy__(self) -> Self:
        """Return a deep copy: two layers cannot share memory, or belong to two networks."""
        return copy.deepcopy(self)

"""The Layer interface: six verbs, and named parameters as views into one flat vector."""

import copy
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypedDict

import numpy as np

from nnfw import initializers, optimizers, regularizers
from nnfw.arrays import Array, Shape
from nnfw.checks import Opened, boolean, floating, generator, optional
from nnfw.clipping import clip_to_norm
from nnfw.errors import ShapeError
from nnfw.layers.parameters import Spec, count, lay_out
from nnfw.parts import Part
from nnfw.regularizers import Regularizer, Regularizers

if TYPE_CHECKING:
    import weakref

    from nnfw.activation import Activation
    from nnfw.initializer import Initializer
    from nnfw.layers.stepping import Stepper
    from nnfw.optimizer import Optimizer, State

NOTHING = np.empty(0, np.float32)  # in place of a dx that nobody needs


def with_samples(shape: Shape) -> str:
    """Return a sample's shape as that of a batch, for messages.

    Examples
    --------
    >>> with_samples((None, 8))
    '(samples, None, 8)'
    """
    return f"({', '.join(['samples', *map(str, shape)])})"


def _optimizer(owner: str, name: str, given: "str | Optimizer") -> "Optimizer":
    return optimizers.get(given)


def _regularizer(owner: str, name: str, given: "str | Regularizers | None") -> Regularizers | None:
    found: Regularizers | None = regularizers.get(given)
    return found


class Options(TypedDict, total=False):
    """The arguments that every layer has; `Layer` describes them."""

    optimizer: "Optimizer | str | None"
    regularizer: "str | Regularizers | None"
    trainable: bool
    name: str | None


class Layer(Part):
    """One link of the chain: the base of every layer.

    A layer of your own needs `compute_shapes`, `forward` and `backward`, and `gradients` if it has
    parameters, which it declares with `add_parameter`; `initialize` and `update` come with the base.
    Arguments of ``__init__`` are kept under their own names (``self.k = k``): files, copies and the summary
    read them there. One that brings time steps together, as pooling and attention do, sets
    ``takes_lengths = True`` in its class, and its ``forward(x, training, lengths)`` leaves out what lies
    beyond the lengths (N,), which is padding.

    Parameters
    ----------
    optimizer : Optimizer or str, optional
        Used for this layer instead of the network's, with its own rate, schedule and clipping. It and the
        next two can be assigned anew at any time.
    regularizer : str, Regularizer, list or dict, optional
        What holds the weights small: for all that are matrices, or by parameter, ``{"W": L2(1e-4)}``;
        ``"Wx"`` stands for ``Wx_z``, ``Wx_r`` ... alike.
    trainable : bool
        False freezes the parameters: `update` leaves them as they are.
    name : str, optional
        A name for messages, the summary and files; by default the class's.

    Attributes
    ----------
    params, grads : dict of str to ndarray
        The parameters and their gradients by name, views into `flat_params` and `flat_grads`.
    flat_params, flat_grads : ndarray
        All of them as one contiguous vector each.
    cache : dict of str to ndarray
        What the last ``forward(x, training=True)`` and `backward` kept, open to inspection.

    Examples
    --------
    A layer with one learnt gain a feature:

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

    optimizer = Opened(optional(_optimizer), None)
    regularizer = Opened(_regularizer, None)
    trainable = Opened(boolean, True)
    name: str | None = None
    place: int | None = None  # position in its network, from 1: for messages only
    takes_lengths: ClassVar[bool] = False  # whether forward takes `lengths`
    takes_indices: ClassVar[bool] = False  # whether the input holds whole numbers (N, T), not features
    takes_state: ClassVar[bool] = False  # whether forward takes `initial_state`, and leaves `final_state`
    activation: "Activation | None" = None  # of a layer that has one: what its outputs are
    state_size: int = 0  # S, where the state is an array (N, S)
    causal: ClassVar[bool] = False  # whether no output depends on a later step: see `stream`
    needs_dx: bool = True  # False where nobody asks for backward's dx: see nnfw.training
    returns_scores: bool = False  # set by the network where the loss has a joint form: see nnfw.joint

    # What copies leave out:
    left_out: ClassVar[tuple[str, ...]] = (
        "params", "grads", "blocks", "grad_blocks", "cache", "_buffers", "owner", "needs_dx"
    )  # fmt: skip

    owner: "weakref.ref[Layer] | None" = None  # the network, or the layer, that it is part of
    noise: np.random.Generator | None = None  # what a layer that is random in training draws from
    specs: dict[str, Spec]
    params: dict[str, Array]
    grads: dict[str, Array]
    flat_params: Array
    flat_grads: Array
    blocks: dict[str, Array]  # parameters that lie side by side, as one array
    grad_blocks: dict[str, Array]
    cache: Mapping[str, Array]  # what the last training pass kept
    final_state: Any  # what the last training pass ended with, where `takes_state`
    state: "State | None"
    _buffers: dict[str, Array]

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        """Set the fields up, so that a subclass need not call ``super().__init__``."""
        self = super().__new__(cls, *args, **kwargs)
        self.specs, self.cache, self._buffers = {}, {}, {}
        self.flat_params = self.flat_grads = np.empty(0, np.float32)
        self.state = None
        self.bind()
        return self

    def __init__(
        self,
        *,
        optimizer: "Optimizer | str | None" = None,
        regularizer: "str | Regularizers | None" = None,
        trainable: bool = True,
        name: str | None = None,
    ) -> None:
        self.optimizer, self.regularizer = optimizer, regularizer
        self.trainable, self.name = trainable, name

    # ---- the six verbs ------------------------------------------------------------------------------

    def compute_shapes(self, input_shape: Shape) -> Shape:
        """Return the output's shape for an input's, both without the batch axis, and declare parameters.

        Raises
        ------
        ShapeError
            If the layer cannot take such an input.
        """
        raise NotImplementedError(f"{type(self).__name__} must define compute_shapes(input_shape)")

    def initialize(self, rng: np.random.Generator, dtype: str = "float32") -> None:
        """Allocate the parameters, and fill them from `rng`.

        Raises
        ------
        TypeError, ValueError
            If `rng` is no Generator, or `dtype` neither float32 nor float64; nothing has been changed then.
        """
        owner = type(self).__name__
        rng, dtype = generator(owner, "rng", rng), floating(owner, "dtype", dtype).name
        size = count(self.specs)
        self.flat_params, self.flat_grads = np.zeros(size, dtype), np.zeros(size, dtype)
        self.cache, self.state, self._buffers = {}, None, {}
        if self.owner is None:  # else the network gives it its own stream of noise
            self.noise = rng
        self.bind()
        for name, spec in self.specs.items():
            self.params[name][...] = spec.initializer(rng, spec.shape, dtype)
        self.regularized()  # a name that is not there is refused now

    def forward(self, x: Array, training: bool = False) -> Array:
        """Return the output (N, ...) for the input (N, ...); in training, keep what `backward` needs.

        The layer may need the output again, or have it from its input: copy it before changing it in place.
        """
        raise NotImplementedError(f"{type(self).__name__} must define forward(x, training=False)")

    def backward(self, dy: Array) -> Array:
        """Return the loss's gradient with respect to the last training input, given that to its output.

        A layer may return an empty array instead where `needs_dx` is False.
        """
        raise NotImplementedError(f"{type(self).__name__} must define backward(dy)")

    def gradients(self) -> None:
        """Fill `grads` from what `forward` and `backward` kept."""
        if self.specs:
            raise NotImplementedError(f"{type(self).__name__} has parameters: it must define gradients()")

    def update(self, optimizer: "Optimizer", epoch: float) -> None:
        """Take one step of the layer's own optimizer if it has one, else of `optimizer`."""
        rule = self.optimizer or optimizer
        if not self.trainable or not self.flat_params.size:
            return
        if self.state is None or self.state.rule != type(rule).__name__:
            self.state = rule.start(self.flat_params)
        if self.optimizer and self.optimizer.clip_global_norm is not None:  # the norm of this layer alone
            clip_to_norm([self.flat_grads], self.optimizer.clip_global_norm)
        rule.step(self.flat_params, self.flat_grads, self.state, epoch)
        for p, _, regularizer in self.regularized():
            regularizer.constrain(p)

    @property
    def own_optimizer(self) -> "Optimizer | None":
        """The optimizer that it was given, and is updated by wherever it stands."""
        return self.optimizer

    # ---- regularization -----------------------------------------------------------------------------

    def regularized(self) -> list[tuple[Array, Array, Regularizer]]:
        """Return the parameters that are held small, their gradients, and what holds them."""
        if self.regularizer is None:
            return []
        assigned = regularizers.assign(self.regularizer, self.params, self.label)
        return [(self.params[name], self.grads[name], regularizer) for name, regularizer in assigned]

    def penalty(self) -> float:
        """Return what the parameters add to the loss."""
        return sum(regularizer.penalty(p) for p, _, regularizer in self.regularized())

    def add_penalty_gradients(self) -> None:
        """Add the gradients of `penalty` to `grads`, which `gradients` has filled."""
        for p, dp, regularizer in self.regularized():
            regularizer.add_gradient(p, dp)

    def random(self) -> np.random.Generator:
        """Return what to draw from in training, or say that `initialize` must come before."""
        if self.noise is None:
            raise RuntimeError(f"{self.label}: forward in training comes after initialize(rng)")
        return self.noise

    # ---- the door, and one step at a time --------------------------------------------------------------

    def check_values(self, x: Array) -> None:
        """Raise a ValueError for values that the layer cannot take; `x` is what a network is given."""

    def find_lengths(self, x: Array, lengths: Array | None = None) -> Array | None:
        """Return the valid steps of each sequence (N,), where the values of `x` tell; else those known."""
        return lengths

    def stream(self, N: int) -> "Stepper":
        """Return what takes one time step of N samples after another; only a layer that is `causal` can."""
        from nnfw.layers.stepping import Stepper

        return Stepper(self)

    # ---- what the verbs are built from --------------------------------------------------------------

    def add_parameter(
        self, name: str, shape: Shape, initializer: "Initializer | str", block: str | None = None
    ) -> None:
        """Declare a parameter; `initialize` allocates and fills it.

        Parameters of one `block` lie side by side along their last axis, so that one matrix product can
        serve them all.
        """
        if None in shape:
            raise ShapeError(f"{self.label}: parameter {name!r} cannot have an open axis, got shape {shape}")
        fixed = tuple(int(n) for n in shape if n is not None)
        if name in self.params and self.params[name].shape != fixed:
            raise ShapeError(
                f"{self.label}: parameter {name!r} was built with shape {self.params[name].shape}, and this "
                f"input would need {fixed}; give the data the features it was built for, or make a new layer"
            )
        self.specs[name] = Spec(fixed, initializers.get(initializer), block or name)

    def bind(self) -> None:
        """Make `params`, `grads` and their blocks views into the flat vectors."""
        self.blocks, self.params = lay_out(self.flat_params, self.specs)
        self.grad_blocks, self.grads = lay_out(self.flat_grads, self.specs)

    def recall(self, key: str, verb: str) -> Array:
        """Return what the training pass kept under `key`, or say which verb must come before `verb`."""
        self.require(key, verb)
        return self.cache[key]

    def require(self, key: str, verb: str) -> None:
        """Raise a RuntimeError unless the training pass kept something under `key`, which `verb` needs."""
        if key not in self.cache:
            before = "backward(dy)" if verb == "gradients" else "forward(x, training=True)"
            raise RuntimeError(f"{self.label}: {verb} comes after {before}, which has not been called yet")

    def buffer(self, name: str, shape: tuple[int, ...]) -> Array:
        """Return an array of arbitrary content, its memory kept from one training step to the next."""
        size = math.prod(shape)
        if name not in self._buffers or self._buffers[name].size < size:
            self._buffers[name] = np.empty(size, self.dtype)
        return self._buffers[name][:size].reshape(shape)

    def check_gradient(self, dy: Array, shape: tuple[int, ...]) -> Array:
        """Return dy in the layer's dtype, if it has the `shape` of the last training output."""
        if np.shape(dy) != shape:
            raise ShapeError(
                f"{self.label}: backward expects dy of the output's shape {shape}, got {np.shape(dy)}"
            )
        return np.asarray(dy, self.dtype)

    def check_input(self, x: Array, axes: tuple[int, ...], expected: str) -> None:
        """Raise a ShapeError unless `x` has the axes and the features that the parameters were built for."""
        if not self.params:
            raise RuntimeError(
                f"{self.label}: forward comes after compute_shapes(input_shape) and initialize(rng); "
                f"a Network calls both at its first fit"
            )
        features = next(iter(self.params.values())).shape[0]
        if x.ndim not in axes or x.shape[-1] != features:
            raise ShapeError(f"{self.label}: expects {expected} with {features} features, got {x.shape}")

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of the parameters and of all that is computed with them."""
        return self.flat_params.dtype

    @property
    def size(self) -> int:
        """The number of parameters."""
        return int(self.flat_params.size)

    @property
    def label(self) -> str:
        """The layer and its place, as messages call it: ``layer 2, GRU(16)``."""
        place = f"layer {self.place}, " if self.place else ""
        return f"{place}{type(self).__name__}({self.extent})"

    @property
    def extent(self) -> str:
        """What its label has in brackets: the units, of a layer that has some."""
        return str(getattr(self, "units", ""))

    @property
    def owned(self) -> bool:
        """Whether it is part of a network, or of another layer."""
        return self.owner is not None and self.owner() is not None

    def __copy__(self) -> Self:
        """Return a copy that shares nothing: two layers cannot have one memory, or one owner."""
        return copy.deepcopy(self)

    def __getstate__(self) -> dict[str, Any]:
        """Leave views, buffers and the last batch out of copies: the flat vectors hold everything."""
        return {key: value for key, value in vars(self).items() if key not in self.left_out}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self.bind()

"""Processing of sequences by layers one time step at a time, for `nnfw.streaming`.

The state of a layer is an array (N, ...), a list of states, or None. A custom layer with a state defines
``start_stream(N)``, which returns the state before the first step of N sequences, and
``step_stream(x, state)``, which returns the output for the next step and the new state.
"""

import copy
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from nnfw.core.registry import is_own
from nnfw.core.typing import Array
from nnfw.core.vectors import Scratch, lent
from nnfw.layers.base import Layer
from nnfw.layers.loops import Weights
from nnfw.layers.packing import steps_of
from nnfw.layers.recurrent import Recurrent
from nnfw.layers.sequential import Sequential

DISAGREES = (
    "gives different outputs step by step than for a whole sequence; if it depends on earlier steps, define "
    "start_stream and step_stream in its class, see nnfw.layers.stepping; otherwise set causal = False"
)
Step = Callable[[Array, Any], tuple[Array, Any]]  # from x and the state to the output and the new state


def start(layer: Layer, N: int) -> Any:
    """Return the state of a causal layer before the first step of N sequences."""
    if hasattr(layer, "start_stream"):
        return layer.start_stream(N)
    return np.zeros((N, layer._state_size), layer.dtype) if isinstance(layer, Recurrent) else None


def step_of(layer: Layer) -> Step:
    """Return the function that passes the next step to a causal layer, whose weights do not change."""
    if hasattr(layer, "step_stream"):
        own: Step = layer.step_stream
        return own
    if isinstance(layer, Recurrent):
        return partial(step_recurrent, layer, layer._weights(Scratch(layer.dtype)))
    return partial(step_alone, layer)


def whole_only(layer: Layer) -> str:
    """Return the name of a layer's class that overrides `forward` but not its single-step form, or ""."""
    kind = type(layer)
    step = next((name for name in ("step_stream", "_run", "_units") if hasattr(kind, name)), "forward")
    base = next(base for base in kind.__mro__ if {step, "forward"} & vars(base).keys())
    return "" if step in vars(base) else base.__name__


def check_remembers(network: Sequential) -> None:
    """Raise a ValueError if a custom causal layer gives different outputs in three steps, one by one."""
    chains = (chain for chain in network._with_inner() if isinstance(chain, Sequential))
    for chain in chains:
        for layer, shape in zip(chain.layers, chain.shapes, strict=False):  # the last is the outputs'
            if is_own(type(layer)) or isinstance(layer, Recurrent | Sequential) or len(shape) != 2:
                continue
            if not steps_agree(layer, np.random.default_rng(0).normal(size=(1, 3, shape[1] or 0))):
                raise ValueError(f"{layer._label} {DISAGREES}")


def steps_agree(layer: Layer, x: Array) -> bool:
    """Whether a layer, if it can be streamed, gives the outputs of `forward` for sequences x (N, T, D)."""
    if not layer.causal or x.ndim != 3 or whole_only(layer):
        return True
    layer, x, outputs = copy.deepcopy(layer), x.astype(layer.dtype), []
    step, state = step_of(layer), start(layer, len(x))
    with np.errstate(all="ignore"):
        whole = layer.forward(x)
        for t in range(x.shape[1]):
            y, state = step(x[:, t : t + 1], state)
            outputs.append(np.array(y))
    found = np.concatenate(outputs, axis=1) if whole.ndim > 2 else outputs[-1]
    return found.shape == whole.shape and np.allclose(found, whole, 1e-3, 1e-5, equal_nan=True)


def step_alone(layer: Layer, x: Array, state: None) -> tuple[Array, None]:
    """Return the output of a layer without a state."""
    return layer.forward(x), None


def step_recurrent(layer: Recurrent, weights: Weights, x: Array, state: Array) -> tuple[Array, Array]:
    """Return h, (N, 1, H) or (N, H) as in `forward`, and the new state (N, S)."""
    state = np.asarray(state, layer.dtype)
    with lent(layer.dtype) as scratch:
        state = layer._run(x, steps_of(len(x), 1), state, weights, scratch).last()
    h = state[:, : layer.units].copy()
    return h[:, None] if layer.return_sequences else h, state


def step_through(steps: Sequence[Step], x: Array, states: list[Any]) -> Array:
    """Return the output of a chain of layers for the next step; their new states replace the old ones."""
    for place, step in enumerate(steps):
        x, states[place] = step(x, states[place])
    return x


def fits(state: Any, begun: Any) -> bool:
    """Whether a state can follow the initial one of a layer, in which an axis of size 0 may have grown."""
    if isinstance(begun, list):
        return isinstance(state, list) and len(state) == len(begun) and all(map(fits, state, begun))
    if begun is None or not hasattr(state, "shape"):
        return state is begun
    sizes = zip(state.shape, begun.shape, strict=False)
    return len(state.shape) == begun.ndim and all(n == m or m == 0 for n, m in sizes)


def shapes_of(state: Any) -> Any:
    """Return the shape of a state, or the shapes of a list of states; None if there is none."""
    if isinstance(state, list):
        return [shapes_of(part) for part in state]
    return None if state is None else np.shape(state)

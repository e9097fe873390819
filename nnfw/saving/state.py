"""What a network has come to know beyond its arguments, kept for a file and restored from it.

Shapes, parameters, what optimizers remember, the history, how far a fit has come and the random streams:
each is kept by one function and restored by the one below it. What is kept is JSON, and the arrays lie in a
`Describer` beside it.
"""

from dataclasses import astuple
from typing import Any

import numpy as np

from nnfw.core.errors import LoadError
from nnfw.core.typing import Array
from nnfw.core.validation import boolean, whole_number
from nnfw.history import History
from nnfw.initializers import Given
from nnfw.layers.base import Layer
from nnfw.model import Model
from nnfw.optimizers import State
from nnfw.saving.config import Describer, Rebuilder
from nnfw.training.sampler import Sampler
from nnfw.training.state import TrainingState
from nnfw.training.tracker import MetricTracker

Json = dict[str, Any]


def keep_network(network: Model, into: Describer, prefix: str = "") -> Json:
    """Return what a network knows; the names of its arrays begin with `prefix`."""
    named = zip(network._names, network.layers, strict=True)
    return {
        "built": network._built,
        "default optimizer": network._default_optimizer,
        "shapes": into.value(network.shapes, "shapes"),
        "history": keep_history(network.history, into),
        "standing": keep_standing(network._training_state, into, prefix),
        "streams": {name: stream.bit_generator.state for name, stream in network._streams.items()},
        "layers": [_keep_member(layer, into, f"{prefix}{name}.", network._built) for name, layer in named],
    }


def restore_network(network: Model, known: Json, out: Rebuilder, prefix: str = "") -> None:
    """Give a new network back what `keep_network` kept."""
    names = [f"{prefix}{name}." for name in network._names]
    members = list(zip(network.layers, known["layers"], names, strict=True))
    for layer, kept, name in members:
        if isinstance(layer, Model):  # inner ones first: what neighbours agree on is settled by the outermost
            restore_network(layer, kept, out, name)
    shapes = out.value(known["shapes"])
    if shapes:
        network.compute_shapes(shapes[0])
    if network.shapes != shapes:
        raise LoadError(f"its layers give the shapes {network.shapes}, but {shapes} were saved")
    network._built = boolean("Network", "built", known["built"])
    default = known.get("default optimizer", False)  # 0.1.0's file does not tell
    network._default_optimizer = boolean("Network", "default optimizer", default)
    for layer, kept, name in members:
        if network._built and not isinstance(layer, Model):
            restore_layer(layer, kept, out, name, network)
    network.history = restored_history(known["history"], out)
    network._training_state = restored_standing(known.get("standing"), out, network)
    for stream, generator in network._streams.items():
        generator.bit_generator.state = known["streams"][stream]


def _keep_member(layer: Layer, into: Describer, prefix: str, built: bool) -> Json | None:
    if isinstance(layer, Model):
        return keep_network(layer, into, prefix)
    if layer.size and not built:
        raise RuntimeError(
            f"save: {layer._label} has weights of its own, but the network is not built yet and would not "
            f"keep them; fit it first, or if all of its layers have weights, predict once"
        )
    return keep_layer(layer, into, prefix) if built else None


def keep_layer(layer: Layer, into: Describer, prefix: str) -> Json | None:
    """Store a layer's parameters, and return what its optimizer remembers."""
    if layer.params.keys() != layer._specs.keys():
        raise ValueError(
            f"{layer._label} cannot be saved: it has the parameters {list(layer.params)}, but declared "
            f"{list(layer._specs)}; declare all with add_parameter, and initialize a layer that came later"
        )
    for name, array in layer.params.items():
        into.store(f"{prefix}{name}", array)
    return None if layer._state is None else keep_optimizer(layer._state, into, f"{prefix}optimizer.")


def restore_layer(layer: Layer, known: Json | None, out: Rebuilder, prefix: str, network: Model) -> None:
    """Initialize a layer with the stored parameters in place of its initializers' values."""
    declared, dtype = layer._specs, network.dtype
    layer._specs = {
        name: spec._replace(initializer=Given(take(f"{prefix}{name}", spec.shape, dtype, out)))
        for name, spec in declared.items()
    }
    layer.initialize(network._streams["weights"], dtype.name)
    layer._specs = declared
    if known is not None:
        layer._state = restored_optimizer(known, out, f"{prefix}optimizer.", layer.flat_params)


def take(name: str, shape: tuple[int, ...], dtype: np.dtype[Any], out: Rebuilder) -> Array:
    """Return a stored array, if it is what the network has room for."""
    array = out.take(name)
    if array.shape != shape or array.dtype != dtype:
        raise LoadError(
            f"the array {name!r} is {array.shape} of {array.dtype}, but the network takes {shape} of {dtype}"
        )
    return array


def keep_optimizer(state: State, into: Describer, prefix: str) -> Json:
    """Return what an optimizer remembers of a layer."""
    for name, slot in state.slots.items():
        into.store(f"{prefix}{name}", slot)
    scalars = into.value(state.scalars, f"{prefix}scalars")
    return {"rule": state.rule, "steps": state.steps, "slots": list(state.slots), "scalars": scalars}


def restored_optimizer(known: Json, out: Rebuilder, prefix: str, params: Array) -> State:
    """Return the state that `keep_optimizer` kept, of a layer with the flat vector `params`."""
    slots = {name: take(f"{prefix}{name}", params.shape, params.dtype, out) for name in known["slots"]}
    steps = whole_number("State", "steps", known["steps"])
    return State(str(known["rule"]), steps, slots, dict(out.value(known["scalars"])))


def keep_history(history: History, into: Describer) -> Json:
    """Return all epochs."""
    values = {name: into.value(values, f"history.{name}") for name, values in history.items()}
    return {"epoch": history.epoch, "validation": history.validation, "values": values}


def restored_history(known: Json, out: Rebuilder) -> History:
    """Return the history that `keep_history` kept."""
    history = History()
    history.update({name: out.value(values) for name, values in known["values"].items()})
    history.epoch, history.validation = list(known["epoch"]), str(known["validation"])
    if any(len(values) != len(history.epoch) for values in history.values()):
        raise LoadError("its history has not one number an epoch")
    return history


def keep_standing(standing: TrainingState | None, into: Describer, prefix: str) -> Json | None:
    """Return how far the last fit has come, with what its callbacks remember."""
    if standing is None:
        return None
    return {
        "start": standing.start,
        "plan": into.value(list(astuple(standing.sampler)), "plan"),
        "stopped": standing.stopped,
        "memories": [
            [label, *(into.value(item, f"{prefix}callbacks[{i}].{item[0]}") for item in memory.items())]
            for i, (label, memory) in enumerate(standing.memories.items())
        ],
        "batches": standing.batches,
        "batch": standing.batch,
        "window": 0,
        "state": None,
        "shuffle": standing.shuffle,
        "sums": standing.tracker and into.value(standing.tracker.sums, f"{prefix}sums"),
    }


def restored_standing(known: Json | None, out: Rebuilder, network: Model) -> TrainingState | None:
    """Return what `keep_standing` kept; a file of the first nnfw has nothing of it."""
    if known is None:
        return None
    plan = Sampler(*out.value(known["plan"]))
    standing = TrainingState(whole_number("Standing", "start", known["start"]), plan)
    standing.stopped = str(known["stopped"])
    standing.memories = {
        str(label): dict(out.value(item) for item in memory) for label, *memory in known["memories"]
    }
    batches = known.get("batches")
    standing.batches = None if batches is None else whole_number("Standing", "batches", batches)
    standing.batch = whole_number("Standing", "batch", known["batch"])
    if known["sums"] is not None:
        np.random.default_rng(0).bit_generator.state = known["shuffle"]  # refused now, if it is no such state
        standing.shuffle, standing.tracker = known["shuffle"], MetricTracker(network.metrics)
        standing.tracker.sums = out.value(known["sums"])
    return standing

"""The state of a network besides its arguments: described for a file, and restored from it.

A function that describes returns JSON and stores arrays; the corresponding restoring function follows it.
"""

from collections.abc import Iterator
from dataclasses import astuple
from numbers import Real
from typing import Any

import numpy as np

from nnfw.core.errors import LoadError
from nnfw.core.registry import is_own
from nnfw.core.typing import Array
from nnfw.core.validation import boolean, optional, positive_integer, whole_number
from nnfw.history import History
from nnfw.layers.base import Layer
from nnfw.layers.parameters import Spec
from nnfw.layers.sequential import Sequential
from nnfw.model import Model
from nnfw.optimizers import Optimizer, State
from nnfw.saving.config import Describer, Rebuilder
from nnfw.training.sampler import Sampler
from nnfw.training.state import TrainingState
from nnfw.training.tracker import MetricTracker

Json = dict[str, Any]


def describe_network(network: Model, into: Describer, prefix: str = "", extras: Any = None) -> Json:
    """Return the state of a network, with other `extras`; the names of its arrays begin with `prefix`."""
    history = network.history
    values = {name: into.value(values, f"history.{name}") for name, values in history.items()}
    streams = {name: stream.bit_generator.state for name, stream in network._streams.items()}
    if network._noise_before:  # in the middle of a step, which starts over
        streams["noise"] = network._noise_before
    return {
        "built": network._built,
        "default optimizer": network._default_optimizer,
        "shapes": into.value(network.shapes, "shapes"),
        "history": {
            "epoch": history.epoch,
            "validation": history.validation,
            "restored": history.restored,
            "values": values,
        },
        "standing": describe_training(network._training_state, into, prefix),
        "streams": streams,
        "layers": describe_layers(network, into, prefix, network._built),
        "extras": into.value(network.extras if extras is None else extras, f"{prefix}extras"),
    }


def restore_network(
    network: Model, known: Json, out: Rebuilder, prefix: str = "", rule: Optimizer | None = None
) -> None:
    """Restore the described state of a new network; `rule` updates it if it is part of another one."""
    network._default_optimizer = bool(known.get("default optimizer"))  # missing in a file of 0.1.0
    rule = network._own_optimizer or rule or network.optimizer
    layers = list(to_restore(network, known, prefix, rule))
    for layer, state, own_prefix, own_rule in layers:
        if isinstance(layer, Model):  # first: the outermost compute_shapes decides what neighbours share
            restore_network(layer, state, out, own_prefix, own_rule)
    shapes = out.value(known["shapes"])
    if shapes:
        network.compute_shapes(shapes[0])
    if network.shapes != shapes:
        raise LoadError(f"its layers have the shapes {network.shapes}, but {shapes} were saved")
    network._built = boolean("Network", "built", known["built"])
    for layer, state, own_prefix, own_rule in layers:
        if network._built and not isinstance(layer, Model):
            restore_layer(layer, state, out, own_prefix, network, own_rule)
    history = network.history = History()
    history.update({name: out.value(values) for name, values in known["history"]["values"].items()})
    history.epoch = [count("epoch", number) for number in known["history"]["epoch"]]
    history.validation = str(known["history"]["validation"])
    history.restored = known["history"].get("restored")  # missing in a file of 0.1.0
    if history.restored not in (None, *history.epoch):
        raise LoadError(f"its history has no epoch {history.restored!r}, which is given as restored")
    for values in history.values():
        if len(values) != len(history.epoch) or not all(isinstance(value, Real) for value in values):
            raise LoadError("its history does not have one number per epoch")
    network._training_state = restore_training(known["standing"], out, network)
    for name, stream in network._streams.items():
        stream.bit_generator.state = known["streams"][name]
    network.extras = out.value(known.get("extras", {"dict": []}))  # none in 0.1.0


def describe_layers(chain: Sequential, into: Describer, prefix: str, built: bool) -> list[Json | None]:
    """Return the state of each layer of a chain."""
    layers = zip(chain._names, chain.layers, strict=True)
    return [describe_layer(layer, into, f"{prefix}{name}.", built) for name, layer in layers]


def to_restore(
    chain: Sequential, known: Json, prefix: str, rule: Optimizer | None
) -> Iterator[tuple[Layer, Any, str, Optimizer | None]]:
    """Yield the layers of a chain, with the data needed to restore each.

    These are its described state, the prefix of its arrays, and the optimizer that updates it by default. An
    inner chain that is not a network is yielded layer by layer.
    """
    for name, layer, state in zip(chain._names, chain.layers, known["layers"], strict=True):
        if isinstance(layer, Sequential) and not isinstance(layer, Model):
            yield from to_restore(layer, state, f"{prefix}{name}.", layer.optimizer or rule)
        else:
            yield layer, state, f"{prefix}{name}.", rule


def describe_layer(layer: Layer, into: Describer, prefix: str, built: bool) -> Json | None:
    """Store a layer's parameters, and return its optimizer state, or the whole state of an inner network."""
    if isinstance(layer, Model):
        return describe_network(layer, into, prefix)
    if isinstance(layer, Sequential):
        return {"layers": describe_layers(layer, into, prefix, built)}
    declared = list(layer._specs) if built else []
    if list(layer.params) != declared:
        said = f"save: {layer._label} has weights for {list(layer.params)}"
        raise RuntimeError(
            f"{said}, but the network was built with {declared or 'none'}; fit or predict first"
        )
    for name, array in layer.params.items():
        into.store(f"{prefix}{name}", array)
    if (state := layer._state) is None:
        return None
    for name, slot in state.slots.items():
        into.store(f"{prefix}optimizer.{name}", slot)
    scalars = into.value(state.scalars, f"{prefix}optimizer.scalars")
    return {"rule": state.rule, "steps": state.steps, "slots": list(state.slots), "scalars": scalars}


def restore_layer(
    layer: Layer, known: Json | None, out: Rebuilder, prefix: str, network: Model, rule: Optimizer | None
) -> None:
    """Initialize a layer with its stored parameters, and restore its optimizer state."""

    def take(name: str, shape: tuple[int, ...]) -> Array:
        array = out.take(prefix + name)
        if array.shape == shape and array.dtype == network.dtype:
            return array
        got, takes = f"{array.shape} of {array.dtype}", f"{shape} of {network.dtype}"
        raise LoadError(f"the array {prefix + name!r} is {got}, but the network expects {takes}")

    def stored(name: str, spec: Spec) -> Spec:
        return spec._replace(initializer=lambda *_: arrays[name])  # type: ignore[arg-type]  # NaN too

    specs = dict(layer._specs)
    arrays = {name: take(name, spec.shape) for name, spec in specs.items()}
    layer._specs = {name: stored(name, spec) for name, spec in specs.items()}
    layer.initialize(network._streams["weights"], network.dtype.name)
    layer._specs = specs
    for name, array in arrays.items():
        layer.params[name][...] = array  # again: a custom `initialize` may have changed it
    if known is not None:
        slots = {name: take(f"optimizer.{name}", layer.flat_params.shape) for name in known["slots"]}
        steps, scalars = count("steps", known["steps"]), dict(out.value(known["scalars"]))
        layer._state = State(str(known["rule"]), steps, slots, scalars)
        check_state(layer, layer.optimizer or rule)


def check_state(layer: Layer, rule: Optimizer | None) -> None:
    """Raise a LoadError for an optimizer state that no training can produce; `rule` will continue from it."""
    state = layer._state
    assert state is not None
    values: dict[str, Any] = state.slots | state.scalars
    wrong = [name for name, value in values.items() if not np.isfinite(value).all()]
    if rule is not None and type(rule).__name__ == state.rule:  # else the next update starts over
        begun = rule.start(layer.flat_params)
        names = (begun.slots | begun.scalars).keys()
        wrong += names ^ values.keys() if is_own(type(rule)) else names - values.keys()  # it may add others
        wrong += [name for name in rule.squares if name in values and values[name].min() < 0]
    if wrong:
        raise LoadError(f"the state of {state.rule} for {layer._label} has an invalid {sorted(wrong)[0]!r}")


def describe_training(state: TrainingState | None, into: Describer, prefix: str) -> Json | None:
    """Return the progress of the last fit, with the memories of its callbacks."""
    if state is None:
        return None
    return {
        "start": state.start,
        "plan": into.value(list(astuple(state.sampler)), "plan"),
        "stopped": state.stopped,
        "memories": [
            [label, *(into.value(item, f"{prefix}callbacks[{i}].{item[0]}") for item in memory.items())]
            for i, (label, memory) in enumerate(state.memories.items())
        ],
        "batches": state.batches,
        "batch": state.batch,
        "shuffle": state.shuffle,
        "sums": state.tracker and into.value(state.tracker.sums, f"{prefix}sums"),
    }


def restore_training(known: Json | None, out: Rebuilder, network: Model) -> TrainingState | None:
    """Return the training state of a network."""
    if known is None:
        return None
    if known.get("window"):  # a file of an earlier version
        raise LoadError("its fit stopped inside a batch, from where it can no longer be resumed")
    state = TrainingState(count("start", known["start"]), Sampler(*out.value(known["plan"])))
    state.stopped = str(known["stopped"])
    state.memories = {str(label): dict(map(out.value, items)) for label, *items in known["memories"]}
    state.batches = optional(positive_integer)("fit", "batches", known.get("batches"))  # none in 0.1.0
    state.batch = count("batch", known["batch"])
    if known["sums"] is not None:
        np.random.default_rng(0).bit_generator.state = known["shuffle"]  # raises if it is not a valid state
        state.shuffle, state.tracker = known["shuffle"], MetricTracker(network.metrics, network.loss)
        state.tracker.sums = out.value(known["sums"])
    return state


def count(name: str, value: Any) -> int:
    """Return a number of steps, batches or epochs; one beyond 64 bits raises an OverflowError."""
    return int(np.int64(whole_number("load", name, value)))

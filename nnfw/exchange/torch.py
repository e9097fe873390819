"""Conversion of weights to and from PyTorch, as arrays by parameter name; PyTorch itself is not needed."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from nnfw.core.arrays import numeric
from nnfw.core.errors import LoadError
from nnfw.core.files import reading
from nnfw.core.typing import Array, FilePath
from nnfw.core.validation import as_network
from nnfw.exchange.dialects import Orders, directions, joined, outputs_first, outputs_last, parted, reordered
from nnfw.layers import GRU, LSTM, RNN, BatchNorm, Bidirectional, Dense, Embedding, Layer, LayerNorm, Reshape
from nnfw.layers.convolution import Convolution
from nnfw.layers.gated import Gated
from nnfw.layers.recurrent import Recurrent
from nnfw.model import Model
from nnfw.saving.archive import arrays_of, assign, check_weights
from nnfw.training.interrupt import at_rest

ORDERS: Orders = {RNN: ("",), GRU: "rzc", LSTM: "ifgo"}
CELL = {"Wx": "weight_ih_l0", "Wh": "weight_hh_l0", "b": "bias_ih_l0", "bh": "bias_hh_l0"}
NAMES: dict[type[Layer], dict[str, str]] = {  # PyTorch's name of each array that `joined` returns
    Recurrent: CELL,
    Bidirectional: {f"ahead.{name}": theirs for name, theirs in CELL.items()}
    | {f"back.{name}": f"{theirs}_reverse" for name, theirs in CELL.items()},
    Dense: {"W": "weight", "b": "bias"},
    Convolution: {"W": "weight", "b": "bias"},
    Embedding: {"E": "weight"},
    LayerNorm: {"gain": "weight", "shift": "bias"},
    BatchNorm: {"gain": "weight", "shift": "bias", "mean": "running_mean", "variance": "running_var"},
}
COUNTER = "num_batches_tracked"  # of BatchNorm, unused at its default momentum
NAME = re.compile(r"(?:(.*)\.)?((?:weight|bias|running_mean|running_var)(?:_[ih]h_l(\d+)(?:_reverse)?)?)")


def to_torch(network: Model, like: Mapping[str, Any] | None = None) -> dict[str, Array]:
    """Return a network's parameters under PyTorch's names: ``gru_1.weight_ih_l0``, ``dense_2.weight`` ...

    A module whose submodules have the names of the layers loads them directly; set these by ``name=``.

    Parameters
    ----------
    network : Network
        The network; a GRU must be built with ``reset_after=True``, the form of PyTorch.
    like : mapping, optional
        The state_dict of a module, whose names the arrays get, matched as in `load_torch`, so that a chain of
        recurrent layers can become one ``nn.GRU(..., num_layers=2)``.

    Raises
    ------
    ValueError, TypeError, LoadError
        If a layer has no counterpart in PyTorch, or `like` does not fit.

    Examples
    --------
    >>> from nnfw import LSTM, Dense, Network
    >>> network = Network([LSTM(4), Dense(2)], seed=0)
    >>> network.build((7, 3))
    >>> {name: a.shape for name, a in to_torch(network).items() if "weight" in name}
    {'lstm_1.weight_ih_l0': (16, 3), 'lstm_1.weight_hh_l0': (16, 4), 'dense_2.weight': (2, 4)}
    """
    as_network("to_torch", network)._check_ready("to_torch")
    with at_rest(network, "to_torch"):
        channels = flattened(network)
        own = {
            f"{name}.{part}": np.array(array, order="C")
            for name, layer in with_parameters(network).items()
            for part, array in exported(layer, channels.get(name)).items()
        }
    if like is None:
        return own
    names = match(network, own, like)
    return {names[name]: array for name, array in own.items()}


def load_torch(network: Model, source: Mapping[str, Any] | FilePath) -> None:
    """Copy the weights of a PyTorch module into a network: all of them, or none if one does not fit.

    The modules that have parameters are matched with the layers that have them: by name if all names are the
    same, else in order. A safetensors file does not keep the order, so the shapes and the numbers in the
    names determine it, and an ambiguous file is refused. Only weights are copied: an activation after
    ``nn.Linear``, ``LayerNorm.eps`` and other options must be set in the network. The optimizer state is
    reset.

    Parameters
    ----------
    network : Network
        A network built by `fit` or by ``network.build``.
    source : mapping of str to array, or path
        A state_dict, or the path of a safetensors file.

    Raises
    ------
    LoadError
        If the names or shapes do not match those of the network.
    """
    as_network("load_torch", network)._check_ready("load_torch")
    own = to_torch(network)
    if isinstance(source, Mapping):
        arrays = translated(network, own, source)
    else:
        with reading("load_torch", source) as file:
            if_zip = "it is a file of torch.save: load_torch(network, torch.load(path)) reads it"
            arrays = translated(network, own, arrays_of(file, if_zip), ordered=False)
    assign(network, "load_torch", arrays)


def translated(
    network: Model, own: Mapping[str, Array], theirs: Mapping[str, Any], ordered: bool = True
) -> dict[str, Array]:
    """Return PyTorch's arrays under nnfw's names; `own` are the network's, as `to_torch` returns them."""
    names, channels = match(network, own, theirs, ordered), flattened(network)
    found: dict[str, Array] = {}
    for name, layer in with_parameters(network).items():
        arrays = {part: numeric(theirs[names[f"{name}.{part}"]], part) for part in exported(layer)}
        params = imported(layer, arrays, channels.get(name))
        found |= {f"{name}.{key}": array for key, array in params.items()}
    check_weights(found, network.params)
    return found


def with_parameters(network: Model) -> dict[str, Layer]:
    """Return the layers with parameters by name, those of inner networks too."""
    return {name: layer for name, layer in network._named_leaves() if layer.size}


def flattened(network: Model) -> dict[str, int]:
    """Return, by layer name, the number of channels of the convolution whose flattened outputs it reads."""
    found: dict[str, int] = {}
    channels, flat = 0, False
    for name, layer in network._named_leaves():
        if isinstance(layer, Convolution):
            channels, flat = layer.filters, False
        elif isinstance(layer, Reshape):
            flat = len(layer.shape) == 1
        elif layer.size and flat and channels:
            found[name] = channels
        if isinstance(layer, Dense | Recurrent | Bidirectional):
            channels = 0
    return found


def exported(layer: Layer, channels: int | None = None) -> dict[str, Array]:
    """Return a layer's parameters under PyTorch's names; it flattens `channels` first, and nnfw last."""
    for inner in directions(layer).values():
        check_form(layer, inner)
    names, arrays = names_of(layer), joined(layer, ORDERS)
    if not arrays.keys() <= names.keys():
        raise TypeError(f"{layer._label}: PyTorch's names for its weights are not known; copy them by hand")
    if channels:  # b is of the outputs
        arrays = {name: a if name == "b" else reordered(a, (-1, channels)) for name, a in arrays.items()}
    return {names[name]: array if name == "E" else outputs_first(array) for name, array in arrays.items()}


def imported(layer: Layer, arrays: Mapping[str, Array], channels: int | None = None) -> dict[str, Array]:
    """Return a layer's parameters, given the result of `exported`."""
    found = {name: arrays[theirs] for name, theirs in names_of(layer).items() if theirs in arrays}
    found = {name: array if name == "E" else outputs_last(array) for name, array in found.items()}
    if channels:
        found = {name: a if name == "b" else reordered(a, (channels, -1)) for name, a in found.items()}
    return parted(layer, found, ORDERS)


def names_of(layer: Layer) -> dict[str, str]:
    """Return PyTorch's name for each array of a layer."""
    return next((names for kind, names in NAMES.items() if isinstance(layer, kind)), {})


def check_form(layer: Layer, inner: Recurrent) -> None:
    """Raise a ValueError if a recurrent layer computes something that PyTorch's does not."""
    if isinstance(inner, GRU) and not inner.reset_after:
        said = f"{layer._label}: PyTorch's GRU resets after the product with the recurrent weights"
        raise ValueError(f"{said}; build it with reset_after=True")
    allowed = ("tanh",) if isinstance(inner, Gated) else ("tanh", "relu")
    gates = [σ.name for σ in inner._σ.values()] if isinstance(inner, Gated) else []
    if inner.activation.name not in allowed or set(gates) - {"sigmoid"}:
        raise ValueError(
            f"{layer._label}: PyTorch has no {type(inner).__name__} with these activations; build it with "
            f"{' or '.join(map(repr, allowed))}{' and sigmoid gates' if gates else ''}"
        )


# ---- which module is which layer --------------------------------------------------------------------------


def match(
    network: Model, own: Mapping[str, Array], theirs: Mapping[str, Any], ordered: bool = True
) -> dict[str, str]:
    """Return PyTorch's name for each of `own`; raise a LoadError if the shapes differ."""
    labels = [layer._label for layer in with_parameters(network).values()]
    layers, modules = modules_of(own), modules_of(theirs)
    if layers.keys() != modules.keys():  # else they are matched by name
        order = modules if ordered else arranged(own, layers, theirs, modules)
        if len(layers) != len(modules):
            raise LoadError(
                f"it has the weights of {len(modules)} modules ({', '.join(modules)}), but the network has "
                f"{len(layers)} layers with weights ({', '.join(labels)}); build it with one per module"
            )
        modules = {name: modules[module] for name, module in zip(layers, order, strict=True)}
    for label, (name, layer) in zip(labels, layers.items(), strict=True):
        expected, got = shapes_of(own, layer), shapes_of(theirs, modules[name])
        if expected != got:
            raise LoadError(
                f"{label}: expects {expected}, got {got} of {', '.join(modules[name].values())}; modules are "
                f"matched with layers in order: build the same network, with the same units and use_bias"
            )
    return {
        own_name: modules[name][part] for name, layer in layers.items() for part, own_name in layer.items()
    }


def modules_of(names: Iterable[str]) -> dict[str, dict[str, str]]:
    """Return the names of each module's arrays, by their names within the module, in order of the modules.

    Each of the levels of an ``nn.GRU(..., num_layers=2)`` counts as a module.
    """
    modules: dict[str, dict[str, str]] = {}
    for name in (name for name in names if not name.endswith(COUNTER)):
        found = NAME.fullmatch(name)
        if found is None:
            raise LoadError(f"no layer of nnfw has weights like {name!r}; remove such modules")
        module, part, level = found.groups()
        path = ".".join(filter(None, [module, level and f"l{level}"]))
        modules.setdefault(path, {})[part.replace(f"_l{level}", "_l0")] = name
    return modules


def shapes_of(arrays: Mapping[str, Any], module: Mapping[str, str]) -> dict[str, tuple[int, ...]]:
    """Return the shapes of a module's arrays."""
    return {part: tuple(np.shape(arrays[name])) for part, name in sorted(module.items())}


def arranged(
    own: Mapping[str, Array],
    layers: Mapping[str, Mapping[str, str]],
    theirs: Mapping[str, Any],
    modules: Mapping[str, Mapping[str, str]],
) -> list[str]:
    """Return the modules of a file with sorted names in the order of the layers, as far as they match."""
    left = sorted(modules, key=lambda name: [int(s) if s.isdigit() else s for s in re.split(r"(\d+)", name)])
    order = []
    for layer in layers.values():
        expected = shapes_of(own, layer)
        fit = [name for name in left if shapes_of(theirs, modules[name]) == expected]
        if len({re.sub(r"\d+", "", name) for name in fit}) > 1:
            raise LoadError(
                f"{' and '.join(fit)} have the same shapes, and a safetensors file does not say which comes "
                f"first; give the layers the names of their modules, name={fit[0]!r}, or pass the state_dict"
            )
        order += fit[:1]
        left = [name for name in left if name not in fit[:1]]
    return order + left

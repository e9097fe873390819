"""A whole network from a Keras 3 model: from its config, its JSON, or its file with the weights."""

import json
import zipfile
from collections.abc import Mapping
from typing import Any

from nnfw import initializers, layers
from nnfw.activations import LeakyReLU
from nnfw.core.errors import LoadError, ShapeError
from nnfw.core.files import reading
from nnfw.core.typing import FilePath
from nnfw.exchange.dialects import loss_of, one_or_all
from nnfw.exchange.keras import load_keras
from nnfw.layers import Layer
from nnfw.layers.windows import Windowed
from nnfw.network import Network
from nnfw.regularizers import L1, L2, MaxNorm, Regularizer

# Arguments of Keras's layers, and their names in nnfw.
DENSE = {name: name for name in ("units", "activation", "use_bias", "bias_initializer")}
RECURRENT = DENSE | {"kernel_initializer": "input_initializer"}
RECURRENT |= {name: name for name in ("recurrent_initializer", "return_sequences", "go_backwards")}
RECURRENT |= {name: name for name in ("dropout", "recurrent_dropout")}
GATED = RECURRENT | {"recurrent_activation": "recurrent_activation"}
CONVOLUTION = {name: name for name in ("filters", "kernel_size", "activation", "padding", "use_bias")}
CONVOLUTION |= {"bias_initializer": "bias_initializer", "kernel_initializer": "initializer"}
CONVOLUTION |= {"strides": "stride", "dilation_rate": "dilation"}
POOLING = {"pool_size": "pool_size", "strides": "stride"}
EMBEDDING = {"input_dim": "vocabulary", "output_dim": "units", "mask_zero": "mask"}
LAYERS: dict[str, tuple[type[Layer], dict[str, str]]] = {
    "Activation": (layers.Activate, {"activation": "activation"}),
    "AveragePooling1D": (layers.AveragePooling1D, POOLING),
    "AveragePooling2D": (layers.AveragePooling2D, POOLING),
    "BatchNormalization": (layers.BatchNorm, {"epsilon": "epsilon", "momentum": "rate"}),
    "Bidirectional": (layers.Bidirectional, {"merge_mode": "merge"}),
    "Conv1D": (layers.Conv1D, CONVOLUTION),
    "Conv2D": (layers.Conv2D, CONVOLUTION),
    "Dense": (layers.Dense, DENSE | {"kernel_initializer": "initializer"}),
    "Dropout": (layers.Dropout, {"rate": "rate"}),
    "Embedding": (layers.Embedding, EMBEDDING | {"embeddings_initializer": "initializer"}),
    "Flatten": (layers.Flatten, {}),
    "GRU": (layers.GRU, GATED | {"reset_after": "reset_after"}),
    "GaussianNoise": (layers.GaussianNoise, {"stddev": "std"}),
    "GlobalAveragePooling1D": (layers.MeanPooling, {}),
    "GlobalMaxPooling1D": (layers.MaxPooling, {}),
    "LSTM": (layers.LSTM, GATED | {"unit_forget_bias": "forget_bias"}),
    "LayerNormalization": (layers.LayerNorm, {"epsilon": "epsilon"}),
    "MaxPooling1D": (layers.MaxPooling1D, POOLING),
    "MaxPooling2D": (layers.MaxPooling2D, POOLING),
    "RepeatVector": (layers.RepeatVector, {"n": "steps"}),
    "Reshape": (layers.Reshape, {"target_shape": "shape"}),
    "SimpleRNN": (layers.RNN, RECURRENT),
}
OTHERWISE = {
    "Functional": "for a chain use keras.Sequential(model.layers)",
    "Masking": "remove it, and pass lengths= to fit and predict",
    "TimeDistributed": "for TimeDistributed(Dense) use Dense, which applies to each step of (N, T, D)",
}
SIZES = ("dilation_rate", "kernel_size", "pool_size", "strides")  # one per axis
FILTERS = {"Conv1D": [0, 1], "Conv2D": [0, 1, 2]}  # the axes of the weights of one unit, if not 0
UNIMPORTANT = {"dtype", "name", "renorm_momentum", "seed", "trainable", "unroll", "zero_output_for_mask"}
DEFAULTS: dict[str, tuple[Any, ...]] = {  # of arguments that nnfw does not have
    "axis": (-1, [-1]),
    "beta_initializer": ("Zeros",),
    "center": (True,),
    "data_format": ("channels_last",),
    "gamma_initializer": ("Ones",),
    "groups": (1,),
    "moving_mean_initializer": ("Zeros",),
    "moving_variance_initializer": ("Ones",),
    "padding": ("valid",),
    "scale": (True,),
}
SAME = "elu gelu hard_sigmoid linear relu selu sigmoid silu softmax softplus softsign tanh"
ACTIVATIONS: dict[str, Any] = {name: name for name in SAME.split()} | {"leaky_relu": LeakyReLU(0.2)}
INITIALIZERS = {made.__name__: made for made in initializers.registry.factories.values()}


def network_from_keras(config: Mapping[str, Any] | FilePath) -> Network:
    """Return the network for a Keras 3 ``Sequential`` model; Keras itself is not needed.

    The layers keep their names. The weights are those of the file, read with h5py; without a file, they are
    drawn at random if the config has the shape of the input. The loss follows from the last activation;
    assign ``network.loss``, ``optimizer`` and ``metrics`` for further training.

    Parameters
    ----------
    config : dict, str or path
        The result of ``model.get_config()`` or ``model.to_json()``, or the path of a file ``model.keras``.

    Raises
    ------
    LoadError
        If nnfw lacks a layer of the model, or one of its arguments; the message names it.

    Examples
    --------
    >>> dense = {"class_name": "Dense", "config": {"units": 3, "activation": "relu"}}
    >>> network_from_keras({"layers": [dense], "build_input_shape": [None, 4]}).shapes
    [(4,), (3,)]
    """
    if isinstance(config, Mapping):
        return network_of(config)
    if isinstance(config, str) and config.lstrip().startswith("{"):
        return network_of(json.loads(config))
    with reading("network_from_keras", config) as file:
        if not zipfile.is_zipfile(file):
            raise LoadError("it has no config; save it with Keras 3, model.save('model.keras')")
        with zipfile.ZipFile(file) as archive:
            network = network_of(json.loads(archive.read("config.json")))
        if not network.shapes:
            raise LoadError("it has no weights, as the model was saved before it was built")
    load_keras(network, config)
    return network


def network_of(model: Mapping[str, Any]) -> Network:
    """Return the network of a model, initialized if the shape of its input is known."""
    kind, config = model.get("class_name", "Sequential"), model.get("config", model)
    if kind != "Sequential":
        raise LoadError(f"the model is not a Sequential: {unknown(str(kind))}")
    try:
        chain = chain_of(config)
        inputs = [one["config"] for one in config["layers"] if one["class_name"] == "InputLayer"]
        starts = [one["batch_shape"] for one in inputs]
        network = Network(chain, loss=loss_of(chain))
        check_masks(network)
        for shape in starts or filter(None, [config.get("build_input_shape")]):
            network.build(tuple(shape[1:]))
    except LoadError:
        raise
    except ShapeError as error:  # its message names the layer; Keras takes more shapes
        raise LoadError(str(error)) from error
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise LoadError(f"the config is not that of a Sequential, model.get_config(): {error!r}") from error
    return network


def chain_of(config: Mapping[str, Any]) -> list[Layer]:
    """Return the layers of a ``Sequential``."""
    found: list[Layer] = []
    for one in config["layers"]:
        kind, given = one.get("class_name"), one.get("config")
        if not isinstance(kind, str) or not isinstance(given, Mapping):
            raise LoadError(f"layer {len(found) + 1}: expects a class_name and a config, got {one!r:.80}")
        try:
            if kind != "InputLayer":
                found.append(layer_of(kind, given))
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            said = f"its config has no {error}" if isinstance(error, KeyError) else error
            raise LoadError(f"layer {len(found) + 1}, {kind} {given.get('name', '')!r}: {said}") from error
    return found


def layer_of(kind: str, given: Mapping[str, Any]) -> Layer:
    """Return the layer for a Keras layer of this class, with the arguments `given`."""
    options: dict[str, Any] = {"name": given.get("name")}
    if kind == "Sequential":
        return Network(chain_of(given), **options)
    if kind == "TimeDistributed" and given["layer"]["class_name"] == "Dense":
        inner = given["layer"]["config"]
        trainable = all(one.get("trainable", True) for one in (given, inner))
        return layer_of("Dense", {**inner, **options, "trainable": trainable})
    if kind not in LAYERS:
        raise ValueError(unknown(kind))
    own, names = LAYERS[kind]
    rest = {name: value for name, value in given.items() if name not in (*names, *UNIMPORTANT)}
    if not given.get("trainable", True) and "trainable" in own._arguments():
        options["trainable"] = False
    if kind == "Bidirectional":
        options |= both_ways(rest.pop("layer"), rest.pop("backward_layer"))
    elif given.get("go_backwards") and given.get("return_sequences"):
        raise ValueError("with go_backwards Keras returns the steps in reverse, nnfw in input order")
    elif given.get("padding") == "same" and argument("strides", given.get("strides", 1)) != 1:
        raise ValueError("with strides and padding='same' Keras pads by the size of the input; use 'valid'")
    regularizer: dict[str, Any] = {}
    kernel = "Wx" if "recurrent_initializer" in names else "W"
    for block, name in {"kernel": kernel, "recurrent": "Wh", "embeddings": "E"}.items():
        parts = penalties(rest.pop(f"{block}_regularizer", None))
        parts += bounds(rest.pop(f"{block}_constraint", None), FILTERS.get(kind, 0))
        if parts:
            regularizer[name] = parts
    if regularizer:
        options["regularizer"] = regularizer
    for name, value in rest.items():
        value = value.get("class_name") if isinstance(value, Mapping) else value
        if value not in DEFAULTS.get(name, (None, False)):
            raise ValueError(f"nnfw has no {name}={value!r}; build it without")
    return own(**options, **{names[name]: argument(name, given[name]) for name in names if name in given})


def both_ways(ahead: Mapping[str, Any], back: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of a Bidirectional for its two layers, which must be alike."""
    same = {"name": None, "trainable": True}
    inner = layer_of(ahead["class_name"], {**ahead["config"], **same})
    turned = {"go_backwards": not back["config"].get("go_backwards")}
    other = layer_of(back["class_name"], {**back["config"], **same, **turned})
    if repr(inner) != repr(other):
        raise ValueError(f"its layers are {inner!r} and, turned around, {other!r}; nnfw requires equal ones")
    regularizer: Any = inner.regularizer or {}
    inner.regularizer = None
    both = {f"{way}.{name}": parts for way in ("ahead", "back") for name, parts in regularizer.items()}
    return {"layer": inner} | ({"regularizer": both} if both else {})


def argument(name: str, value: Any) -> Any:
    """Return the value of an argument in nnfw's form."""
    if name.endswith("initializer") and value is not None:
        kind = str(value["class_name"]).removeprefix("Random")
        if kind not in INITIALIZERS:
            raise ValueError(f"nnfw has no {name}={kind}; build it with another")
        words = {"maxval": "high", "minval": "low", "stddev": "std"}
        given = {name: one for name, one in value["config"].items() if one is not None and name != "seed"}
        return INITIALIZERS[kind](**{words.get(name, name): one for name, one in given.items()})
    if name.endswith("activation"):
        if not isinstance(value, str) or value not in ACTIVATIONS:
            raise ValueError(f"nnfw has no {name}={value!r:.80}; it has {', '.join(ACTIVATIONS)}")
        return ACTIVATIONS[value]
    if name == "mask_zero":
        return 0 if value else None
    if name in SIZES and isinstance(value, list | tuple):
        return one_or_all(value)
    if name == "momentum":
        return 1.0 - value
    return float(value) if name == "unit_forget_bias" else value


def penalties(given: Any) -> list[Regularizer]:
    """Return the penalties of a regularizer: Keras's L2 adds the sum of squares, and nnfw's half of it."""
    if given is None:
        return []
    if given["class_name"] not in ("L1", "L2", "L1L2"):
        raise ValueError(f"nnfw has no regularizer {given['class_name']}; build it with L1, L2 or L1L2")
    l1, l2 = (float(given["config"].get(name) or 0.0) for name in ("l1", "l2"))
    return [L1(l1)] * (l1 > 0) + [L2(2 * l2)] * (l2 > 0)


def bounds(given: Any, axis: Any) -> list[Regularizer]:
    """Return the bound of a constraint, along the axis of all weights of a unit."""
    if given is None:
        return []
    if given["class_name"] != "MaxNorm" or given["config"].get("axis", 0) != axis:
        raise ValueError(f"nnfw has no constraint {given['class_name']}; build it with MaxNorm, axis={axis}")
    return [MaxNorm(given["config"]["max_value"])]


def check_masks(network: Network) -> None:
    """Raise a LoadError if Keras computes with masked steps, which nnfw ignores."""
    leaves = network._leaves()
    if any(isinstance(leaf, layers.Embedding) and leaf.mask is not None for leaf in leaves):
        for leaf in leaves:
            if isinstance(leaf, layers.MaxPooling | layers.Flatten | layers.Reshape | Windowed):
                remedy = "build the Embedding without mask_zero"
                raise LoadError(f"{leaf._label}: Keras includes masked steps in it; {remedy}")


def unknown(kind: str) -> str:
    """Return the message for a class of layers that nnfw does not have."""
    return f"nnfw has no {kind}; {OTHERWISE.get(kind, 'it has ' + ', '.join(LAYERS))}"

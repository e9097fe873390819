"""Hints for unknown names: the nearest known name, and nnfw's word for a name of another library."""

import difflib
import importlib.util
import sys
from collections.abc import Collection, Iterable
from typing import Any, NoReturn

# Arguments in Keras, PyTorch, scikit-learn and EpyNN, and what parts of nnfw call them.
ARGUMENTS = {
    "betas": "beta_1 beta_2",
    "bias": "use_bias",
    "clipnorm": "clip_norm",
    "eps": "epsilon",
    "feature_range": "low high",
    "filepath": "path",
    "global_clipnorm": "clip_global_norm",
    "hidden_size": "units",
    "input_dim": "vocabulary",
    "kernel_initializer": "initializer input_initializer",
    "kernel_regularizer": "regularizer",
    "kernel_size": "pool_size",
    "learning_rate": "rate",
    "lr": "learning_rate rate",
    "max_iter": "epochs",
    "out_channels": "filters",
    "n_epochs": "epochs",
    "nodes": "units",
    "nonlinearity": "activation",
    "num_classes": "classes",
    "num_embeddings": "vocabulary",
    "on_epoch_begin": "on_epoch_start",
    "on_train_batch_end": "on_batch_end",
    "on_train_begin": "on_fit_start",
    "on_train_end": "on_fit_end",
    "out_features": "units",
    "random_state": "seed",
    "reduction": "divide_by",
    "sequences": "return_sequences",
    "test_size": "test_fraction",
    "unit_cells": "units",
}
INFERRED = (
    "nnfw needs no such argument, as shapes are inferred from the data, and the batch axis is always first"
)
# Arguments of other libraries to leave out, and what does their work in nnfw.
ELSEWHERE = {
    **dict.fromkeys(
        ("batch_first", "in_channels", "in_features", "input_dim", "input_shape", "input_size"), INFERRED
    ),
    "mask": "x[mask == 0] = nan marks gaps, for nnfw.data.Impute or Gaps, and lengths= where padding begins",
    "mask_zero": "mask=0 makes the index 0 padding",
    "return_state": "after forward(x, training=True) the layer has it as final_state",
    "save_best_only": "monitor='val_loss' saves the best network only",
    "stateful": "fit(truncate=k) carries the state from window to window, network.stream() from step to step",
}

# What is imported from other libraries.
IMPORTS = {
    "BatchNormalization": "BatchNorm()",
    "CrossEntropyLoss": 'Network([..., Dense(K, "softmax")], loss="cce")',
    "DataLoader": "network.fit(x, y, batch_size=32) takes arrays, or an iterable of batches",
    "Input": "no input layer is needed: shapes are inferred from the data",
    "LearningRateScheduler": "an optimizer takes a schedule as rate: Adam(schedules.Cosine(0.01, epochs=20))",
    "Linear": "Dense(units)",
    "Masking": "fit(x, y, lengths=lengths), or Embedding(..., mask=0)",
    "Model": "Network(layers, loss=..., optimizer=...)",
    "ModelCheckpoint": "Checkpoint(path)",
    "Module": "a layer of your own derives from Layer; Network(layers) is a chain of layers",
    "ReLU": 'an activation is an argument, as in Dense(units, "relu"), or a layer, Activate("relu")',
    "ReduceLROnPlateau": "ReduceOnPlateau()",
    "Sequential": "Network(layers, loss=..., optimizer=...)",
    "SimpleRNN": "RNN(units)",
    "TimeDistributed": "Dense takes (N, T, D) step by step, after a layer with return_sequences=True",
    "load_model": "Network.load(path)",
    "to_categorical": "data.one_hot(labels)",
}

# What models of other libraries have.
MEMBERS = {
    "add": "all layers are given at once: Network([GRU(64), Dense(10)])",
    "compile": "Network(layers, loss=..., optimizer=..., metrics=[...]) takes all at once",
    "count_params": "network.size",
    "eval": "network.predict(x), or network.forward(x) with training=False",
    "get_weights": "network.params, the arrays by name",
    "load_state_dict": "network.params[name][...] = value",
    "load_weights": "nnfw.saving.load_weights(network, path)",
    "parameters": "network.params, the arrays by name",
    "predict_proba": "network.predict(x)",
    "save_weights": "nnfw.saving.save_weights(network, path)",
    "score": "network.evaluate(x, y)",
    "set_weights": "network.params[name][...] = value",
    "state_dict": "network.params, the arrays by name",
    "to": "nnfw computes on the CPU",
    "train": "network.fit(x, y), or network.forward(x, training=True)",
    "train_on_batch": "network.fit(x, y, batch_size=len(x))",
    "zero_grad": "none is needed: network.gradients() fills network.grads anew",
}


def nearest(name: str, known: Iterable[str]) -> str:
    """Return ``" Did you mean 'x'?"`` for the known name that is nearest, or an empty string.

    Examples
    --------
    >>> nearest("sofmax", ["relu", "softmax"])
    " Did you mean 'softmax'?"
    >>> nearest("matthews", ["mae", "matthews_correlation"])  # a beginning
    " Did you mean 'matthews_correlation'?"
    """
    name, lowered = name.lower(), {candidate.lower(): candidate for candidate in known}
    close = difflib.get_close_matches(name, lowered, n=1, cutoff=0.5)
    close += [candidate for candidate in lowered if candidate.startswith(name) and len(name) > 2]
    return f" Did you mean {lowered[close[0]]!r}?" if close else ""


def translation(name: str, known: Iterable[str], given: Collection[str] = ()) -> str:
    """Return the end of a sentence on an unknown argument: nnfw's name for it, or the nearest one.

    It does not tell to use what was `given`.
    """
    known = list(known)
    meant = [word for word in ARGUMENTS.get(name, "").split() if word in known]
    if left := [word for word in meant if word not in given]:
        return f"; nnfw calls it {' and '.join(left)}."
    if meant or name in ELSEWHERE:
        return f"; leave it out: {f'{meant[0]} is given' if meant else ELSEWHERE[name]}."
    return f".{nearest(name, (word for word in known if word not in given))}"


def _in_nnfw(name: str, table: dict[str, str], known: Iterable[str]) -> str:
    """Return what a table says of a name, or the nearest known name."""
    return f"; in nnfw: {table[name]}" if name in table else f".{nearest(name, known)}"


def explain_import(name: str, known: Iterable[str]) -> NoReturn:
    """Raise the error for a name that the package does not have; called by its ``__getattr__``.

    ``from nnfw import X`` discards the message of an AttributeError, so an ImportError is raised there.
    """
    hint = _in_nnfw(name, IMPORTS, known)
    importing = sys._getframe(2).f_code.co_name == "_handle_fromlist"
    if importing and importlib.util.find_spec(f"nnfw.{name}") is None:  # else a module not yet imported
        raise ImportError(f"cannot import name {name!r} from 'nnfw'{hint}", name="nnfw")
    raise AttributeError(f"module 'nnfw' has no attribute {name!r}{hint}", name=name)


def explain_attribute(self: Any, name: str) -> Any:
    """Raise Python's AttributeError with a hint; the ``__getattr__`` of models."""
    try:
        return object.__getattribute__(self, name)  # raises again what led here
    except AttributeError as error:
        if not name.startswith("_") and not hasattr(type(self), name):
            public = [one for one in dir(self) if not one.startswith("_")]
            error.args = (f"{error}{_in_nnfw(name, MEMBERS, public)}",)
            error.obj = None  # else Python adds a hint of its own
        raise

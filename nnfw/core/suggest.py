"""Names that teach: the nearest known name, and nnfw's word for a name of another library."""

import difflib
import importlib.util
import sys
from collections.abc import Iterable
from typing import Any, NoReturn


def _by_name(table: dict[str, str]) -> dict[str, list[str]]:
    """Return what each name in the values leads to: the keys that it stands with."""
    names = " ".join(table.values()).split()
    return {name: [meant for meant, others in table.items() if name in others.split()] for name in names}


# What an argument in Keras, PyTorch, scikit-learn or EpyNN is in nnfw, in one part or another.
ARGUMENTS = _by_name(
    {
        "activation": "nonlinearity",
        "beta_1": "betas",
        "beta_2": "betas",
        "classes": "n_classes num_classes",
        "clip_global_norm": "global_clipnorm",
        "clip_norm": "clipnorm",
        "clip_value": "clipvalue",
        "epochs": "max_iter n_epochs nb_epoch num_epochs",
        "epsilon": "eps",
        "every": "save_freq",
        "forget_bias": "unit_forget_bias",
        "initial_state": "hx initial_states",
        "initializer": "kernel_initializer",
        "input_initializer": "kernel_initializer",
        "learning_rate": "learning_rate_init lr",
        "length": "maxlen",
        "low": "feature_range",
        "high": "feature_range",
        "mask": "mask_zero padding_idx",
        "merge": "merge_mode",
        "monitor='val_loss'": "save_best_only",
        "on_batch_end": "on_train_batch_end",
        "on_epoch_end": "on_train_epoch_end",
        "on_epoch_start": "on_epoch_begin on_train_epoch_start",
        "on_fit_end": "on_train_end",
        "on_fit_start": "on_train_begin on_train_start",
        "path": "filepath",
        "rate": "initial_learning_rate learning_rate lr",
        "regularizer": "kernel_constraint kernel_regularizer recurrent_regularizer",
        "return_sequences": "sequences",
        "seed": "random_state",
        "std": "stddev",
        "test_fraction": "test_size",
        "units": "embedding_dim hidden_size hidden_units nodes out_features output_dim unit_cells",
        "use_bias": "bias",
        "validation_split": "validation_fraction",
        "vocabulary": "input_dim num_embeddings",
    }
)
NOT_NEEDED = {"batch_first", "in_features", "input_dim", "input_shape", "input_size", "unroll"}
NO_SUCH_ARGUMENT = (
    "nnfw needs no such argument: shapes are inferred from the data, and the batch axis is always first"
)
ELSEWHERE = {
    "return_state": "after forward(x, training=True) the layer has it as final_state",
    "stateful": "fit(truncate=k) carries the state from window to window, network.stream() from step to step",
    "steps_per_epoch": "an epoch is all that is given; an iterable of batches ends where an epoch does",
    "validation_steps": "all samples to validate on are taken, batch by batch",
}

# What to write in nnfw for what is imported from another library.
IMPORTS = _by_name(
    {
        "Network(layers, loss=..., optimizer=...)": "Model Sequential",
        "a layer of your own derives from Layer; Network(layers) is a chain of layers": "Module",
        "no input layer is needed: shapes are inferred from the data": "Input InputLayer",
        "Dense(units)": "Linear",
        "RNN(units)": "SimpleRNN",
        "Dense takes (N, T, D) step by step, after a layer with return_sequences=True": "TimeDistributed",
        "LayerNorm() normalizes the features of each sample": "BatchNormalization LayerNormalization",
        "Dropout(rate, same_at_each_step=True)": "SpatialDropout1D",
        "MeanPooling()": "GlobalAveragePooling1D",
        "MaxPooling()": "GlobalMaxPooling1D",
        "fit(x, y, lengths=lengths), or Embedding(..., mask=0)": "Masking",
        'an activation is an argument, as in Dense(units, "relu")': "ReLU Sigmoid Softmax Tanh",
        'Network([..., Dense(K, "softmax")], loss="cce")': "CrossEntropyLoss",
        'Network(layers, loss="mse")': "MSELoss",
        "Checkpoint(path)": "ModelCheckpoint",
        "ReduceOnPlateau()": "ReduceLROnPlateau",
        "an optimizer takes a schedule as its rate: Adam(Cosine(0.01, epochs=20))": "LearningRateScheduler",
        "network.fit(x, y, batch_size=32) takes arrays, or an iterable of batches": "DataLoader",
        "Network.load(path)": "load_model",
        "data.Vocabulary": "Tokenizer",
        "data.one_hot(labels)": "to_categorical",
    }
)

# What to write in nnfw for what models of other libraries have.
MEMBERS = _by_name(
    {
        "Network(layers, loss=..., optimizer=..., metrics=[...]) takes all at once": "compile",
        "all layers are given at once: Network([GRU(64), Dense(10)])": "add",
        "network.compute_shapes(input_shape), then network.initialize()": "build",
        "network.fit(batches), with an iterable of (x, y)": "fit_generator",
        "network.fit(x, y, batch_size=len(x))": "train_on_batch",
        "network.fit(x, y), or network.forward(x, training=True)": "train",
        "network.evaluate(x, y)": "evaluate_generator score",
        "network.predict(x)": "predict_generator predict_proba",
        "network.predict(x), or network.forward(x) with training=False": "eval",
        "network.params, the arrays by name": "get_weights named_parameters parameters state_dict weights",
        "network.params[name][...] = value": "load_state_dict set_weights",
        "network.size": "count_params",
        "network.config": "get_config",
        "network.optimizer.learning_rate": "learning_rate",
        "nnfw.saving.load_weights(network, path)": "load_weights",
        "nnfw.saving.save_weights(network, path)": "save_weights",
        "none is needed: network.gradients() fills network.grads anew": "zero_grad",
        "nnfw computes on the CPU": "cuda to",
    }
)


def nearest(name: str, known: Iterable[str]) -> str:
    """Return ``" Did you mean 'x'?"`` for the known name that is nearest, or an empty string.

    Examples
    --------
    >>> nearest("sofmax", ["relu", "softmax"])
    " Did you mean 'softmax'?"
    >>> nearest("matthews", ["mae", "matthews_correlation"])  # a beginning
    " Did you mean 'matthews_correlation'?"
    """
    lowered = {candidate.lower(): candidate for candidate in known}
    slips = [one for one in lowered if is_slip(name.lower(), one)]
    begun = [one for one in lowered if one.startswith(name.lower())] if len(name) > 2 else []
    likely = slips or begun
    cutoff = 0.0 if likely else 0.6
    close = difflib.get_close_matches(name.lower(), likely or lowered, n=len(lowered) or 1, cutoff=cutoff)
    close.sort(key=lambda candidate: sorted(candidate) != sorted(name.lower()))  # swapped letters come first
    return f" Did you mean {lowered[close[0]]!r}?" if close else ""


def is_slip(written: str, meant: str) -> bool:
    """Whether `written` is `meant` with one letter missing, added or wrong, or two neighbours swapped.

    Examples
    --------
    >>> [is_slip(word, "relu") for word in ("rlu", "rellu", "rely", "rleu", "gelu6")]
    [True, True, True, True, False]
    """
    a, b = written, meant
    for _ in range(2):  # strip the common beginning, then the common end
        same = next((i for i, (p, q) in enumerate(zip(a, b, strict=False)) if p != q), min(len(a), len(b)))
        a, b = a[same:][::-1], b[same:][::-1]
    return max(len(a), len(b)) <= 1 or (len(a) == 2 and a == b[::-1])


def explain_argument(owner: str, name: str, known: Iterable[str]) -> str:
    """Return the message for an argument that `owner` does not have.

    Examples
    --------
    >>> print(explain_argument("GRU", "hidden_size", ["units", "activation"]))
    GRU has no argument 'hidden_size'; nnfw calls it units. It takes: units, activation.
    """
    known = list(known)
    listed = ", ".join(known) or "none"
    return f"{owner} has no argument {name!r}{translation(name, known)} It takes: {listed}."


def translation(name: str, known: Iterable[str]) -> str:
    """Return the end of a sentence on an unknown argument: nnfw's name for it, or the nearest one."""
    known = list(known)
    if meant := [word for word in ARGUMENTS.get(name, ()) if word.partition("=")[0] in known]:
        return f"; nnfw calls it {' and '.join(meant)}."
    if name in NOT_NEEDED:
        return f"; {NO_SUCH_ARGUMENT}."
    return f"; {ELSEWHERE[name]}." if name in ELSEWHERE else f".{nearest(name, known)}"


def explain_import(name: str, known: Iterable[str]) -> NoReturn:
    """Raise the error for a name that the package does not have; called by its ``__getattr__``.

    ``from nnfw import X`` discards the message of an AttributeError, so an ImportError is raised there.
    """
    hint = f"; in nnfw: {IMPORTS[name][0]}" if name in IMPORTS else f".{nearest(name, known)}"
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
            hint = f"; in nnfw: {MEMBERS[name][0]}" if name in MEMBERS else f".{nearest(name, public)}"
            error.args, error.obj = (f"{error}{hint}",), None  # without obj, Python adds no hint of its own
        raise

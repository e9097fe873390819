"""Names that teach: the nearest known name, and nnfw's word for a name of another library."""

import difflib
from collections.abc import Iterable

# What Keras, PyTorch, scikit-learn and EpyNN call an argument -> what nnfw calls it, in one part or another;
# "" where it needs no such argument. A value may stand with the name.
ARGUMENTS: dict[str, tuple[str, ...]] = {
    "batch_first": ("",),
    "betas": ("beta_1", "beta_2"),
    "bias": ("use_bias",),
    "clipnorm": ("clip_norm",),
    "clipvalue": ("clip_value",),
    "embedding_dim": ("units",),
    "eps": ("epsilon",),
    "feature_range": ("low", "high"),
    "filepath": ("path",),
    "global_clipnorm": ("clip_global_norm",),
    "hidden_size": ("units",),
    "hidden_units": ("units",),
    "hx": ("initial_state",),
    "in_features": ("",),
    "initial_learning_rate": ("rate",),
    "initial_states": ("initial_state",),
    "input_dim": ("vocabulary", ""),
    "input_shape": ("",),
    "input_size": ("",),
    "kernel_constraint": ("regularizer",),
    "kernel_initializer": ("initializer", "input_initializer"),
    "kernel_regularizer": ("regularizer",),
    "learning_rate": ("rate",),
    "learning_rate_init": ("learning_rate",),
    "lr": ("learning_rate", "rate"),
    "mask_zero": ("mask",),
    "max_iter": ("epochs",),
    "maxlen": ("length",),
    "merge_mode": ("merge",),
    "n_classes": ("classes",),
    "n_epochs": ("epochs",),
    "nb_epoch": ("epochs",),
    "nodes": ("units",),
    "nonlinearity": ("activation",),
    "num_classes": ("classes",),
    "num_embeddings": ("vocabulary",),
    "num_epochs": ("epochs",),
    "on_epoch_begin": ("on_epoch_start",),
    "on_train_batch_end": ("on_batch_end",),
    "on_train_begin": ("on_fit_start",),
    "on_train_end": ("on_fit_end",),
    "on_train_epoch_end": ("on_epoch_end",),
    "on_train_epoch_start": ("on_epoch_start",),
    "on_train_start": ("on_fit_start",),
    "out_features": ("units",),
    "output_dim": ("units",),
    "padding_idx": ("mask",),
    "random_state": ("seed",),
    "recurrent_regularizer": ("regularizer",),
    "save_best_only": ("monitor='val_loss'",),
    "save_freq": ("every",),
    "sequences": ("return_sequences",),
    "stddev": ("std",),
    "test_size": ("test_fraction",),
    "unit_cells": ("units",),
    "unit_forget_bias": ("forget_bias",),
    "unroll": ("",),
    "validation_fraction": ("validation_split",),
}
NOT_NEEDED = (
    "nnfw needs no such argument: shapes are inferred from the data, and the batch axis is always first"
)

# What other libraries have as an argument, and nnfw has elsewhere.
ELSEWHERE = {
    "return_state": "after forward(x, training=True) the layer has it as final_state",
    "stateful": "fit(truncate=k) carries the state from window to window, network.stream() from step to step",
    "steps_per_epoch": "an epoch is all that is given; an iterable of batches ends where an epoch does",
    "validation_steps": "all samples to validate on are taken, batch by batch",
}


def nearest(name: str, known: Iterable[str]) -> str:
    """Return ``" Did you mean 'x'?"`` for the known name that is nearest, or an empty string.

    Examples
    --------
    >>> nearest("sofmax", ["relu", "softmax"])
    " Did you mean 'softmax'?"
    >>> nearest("matthews", ["mae", "matthews_correlation"])  # which it begins
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
    """Whether one letter too few, too many or wrong, or two neighbours swapped, made `written` of `meant`.

    Examples
    --------
    >>> [is_slip(word, "relu") for word in ("rlu", "rellu", "rely", "rleu", "gelu6")]
    [True, True, True, True, False]
    """
    a, b = written, meant
    for _ in range(2):  # what they begin with in common is left out, then what they end with
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
    return (
        f"{owner} has no argument {name!r}{translation(name, known)} It takes: {', '.join(known) or 'none'}."
    )


def translation(name: str, known: Iterable[str]) -> str:
    """Return what ends a sentence on an unknown name: nnfw's word for it, or what it may be a slip of.

    Examples
    --------
    >>> translation("on_train_end", ["on_fit_start", "on_fit_end"])
    '; nnfw calls it on_fit_end.'
    """
    known, words = list(known), ARGUMENTS.get(name, ())
    if meant := [word for word in words if word.partition("=")[0] in known]:
        return f"; nnfw calls it {' and '.join(meant)}."
    if name in ELSEWHERE:
        return f"; {ELSEWHERE[name]}."
    return f"; {NOT_NEEDED}." if "" in words else f".{nearest(name, known)}"

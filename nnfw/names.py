"""Names that teach: the nearest known name, and nnfw's word for a name of another library."""

import difflib
from collections.abc import Iterable

# What Keras, PyTorch, scikit-learn and EpyNN call an argument -> what nnfw calls it, in one part or another.
ARGUMENTS: dict[str, tuple[str, ...]] = {
    "batch_first": (),
    "betas": ("beta_1", "beta_2"),
    "bias": ("use_bias",),
    "clipnorm": ("clip_norm",),
    "clipvalue": ("clip_value",),
    "eps": ("epsilon",),
    "feature_range": ("low", "high"),
    "global_clipnorm": ("clip_global_norm",),
    "hidden_size": ("units",),
    "hidden_units": ("units",),
    "in_features": (),
    "initial_learning_rate": ("rate",),
    "input_dim": (),
    "input_shape": (),
    "input_size": (),
    "kernel_initializer": ("initializer", "input_initializer"),
    "learning_rate": ("rate",),
    "learning_rate_init": ("learning_rate",),
    "lr": ("learning_rate", "rate"),
    "max_iter": ("epochs",),
    "maxlen": ("length",),
    "n_classes": ("classes",),
    "n_epochs": ("epochs",),
    "nb_epoch": ("epochs",),
    "nodes": ("units",),
    "nonlinearity": ("activation",),
    "num_classes": ("classes",),
    "num_epochs": ("epochs",),
    "out_features": ("units",),
    "output_dim": ("units",),
    "random_state": ("seed",),
    "sequences": ("return_sequences",),
    "test_size": ("test_fraction",),
    "unit_cells": ("units",),
    "unroll": (),
    "validation_fraction": ("validation_split",),
}
NOT_NEEDED = (
    "nnfw needs no such argument: shapes are inferred from the data, and the batch axis is always first"
)


def nearest(name: str, known: Iterable[str]) -> str:
    """Return ``" Did you mean 'x'?"`` for the known name that is nearest, or an empty string.

    Examples
    --------
    >>> nearest("sofmax", ["relu", "softmax"])
    " Did you mean 'softmax'?"
    """
    lowered = {candidate.lower(): candidate for candidate in known}
    close = difflib.get_close_matches(name.lower(), lowered, n=len(lowered) or 1, cutoff=0.6)
    close.sort(key=lambda candidate: sorted(candidate) != sorted(name.lower()))  # swapped letters come first
    return f" Did you mean {lowered[close[0]]!r}?" if close else ""


def explain_argument(owner: str, name: str, known: Iterable[str]) -> str:
    """Return the message for an argument that `owner` does not have.

    Examples
    --------
    >>> print(explain_argument("GRU", "hidden_size", ["units", "activation"]))
    GRU has no argument 'hidden_size'; nnfw calls it units. It takes: units, activation.
    """
    known = list(known)
    words = [word for word in ARGUMENTS.get(name, ()) if word in known]
    if words:
        hint = f"; nnfw calls it {' and '.join(words)}."
    elif ARGUMENTS.get(name) == ():
        hint = f"; {NOT_NEEDED}."
    else:
        hint = f".{nearest(name, known)}"
    return f"{owner} has no argument {name!r}{hint} It takes: {', '.join(known)}."

"""What stands for a loss: its name, an object or its class."""

from nnfw.loss import Loss
from nnfw.parts import Registry

losses = Registry(
    "loss",
    Loss,
    synonyms={
        "bce_with_logits": "bce",
        "binary_cross_entropy": "bce",
        "cross_entropy": "cce",
        "crossentropy": "cce",
        "kl": "kl_divergence",
        "kl_div": "kl_divergence",
        "kld": "kl_divergence",
        "l1": "mae",
        "l2": "mse",
        "log_loss": "cce",
        "nll": "cce",
        "nll_loss": "cce",
        "poisson_nll": "poisson",
        "smooth_l1": "huber",
        "softmax_cross_entropy": "cce",
        "sparse_categorical_crossentropy": "cce",
    },
)


def get(loss: str | Loss | type[Loss]) -> Loss:
    """Return the loss for a name, a class, or the object itself.

    Examples
    --------
    >>> get("mse")
    MSE()
    """
    return losses.get(loss)

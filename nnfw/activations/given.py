"""What stands for an activation: its name, an object or its class."""

from nnfw.activation import Activation
from nnfw.parts import Registry

REMEDIES = {
    int: "; the number of inputs is found from the data: give the units alone",
    type(None): "; no activation is 'linear'",
}

activations = Registry(
    "activation",
    Activation,
    synonyms={
        "expit": "sigmoid",
        "gelu_new": "gelu_tanh",
        "identity": "linear",
        "logistic": "sigmoid",
        "lrelu": "leaky_relu",
        "swish": "silu",
    },
)


def get(name_or_object: str | Activation | type[Activation]) -> Activation:
    """Return the activation for a name, a class, or the object itself.

    Examples
    --------
    >>> from nnfw.activations import ELU
    >>> get("elu"), get(ELU(alpha=2.0))
    (ELU(), ELU(alpha=2.0))
    >>> get("swish")
    Traceback (most recent call last):
    ValueError: unknown activation 'swish'; nnfw calls it 'silu'. Known: linear, relu, leaky_relu,
    elu, selu, softplus, sigmoid, hard_sigmoid, tanh, softsign, silu, gelu_tanh, gelu, softmax.
    """
    try:
        return activations.get(name_or_object)
    except TypeError as error:
        remedy = REMEDIES.get(type(name_or_object), "")
        error.args = (f"{error}{remedy}",)
        raise

"""What stands for an optimizer: its name, an object or its class."""

from nnfw.optimizer import Optimizer
from nnfw.parts import Registry

optimizers = Registry("optimizer", Optimizer, synonyms={"momentum": "sgd", "nag": "sgd", "nesterov": "sgd"})


def get(optimizer: str | Optimizer | type[Optimizer]) -> Optimizer:
    """Return the optimizer for a name, a class, or the optimizer itself.

    Examples
    --------
    >>> from nnfw.optimizers import SGD
    >>> get("adam"), get(SGD(0.1, momentum=0.9))
    (Adam(), SGD(learning_rate=0.1, momentum=0.9))
    """
    return optimizers.get(optimizer)

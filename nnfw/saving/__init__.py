"""A network in one file: all of it, including the state that training needs to resume exactly.

The file is a NumPy archive, readable without nnfw::

    with np.load(path) as file:
        file["gru_1.Wx_z"]                            # each parameter by its name in network.params
        file["gru_1.optimizer.momentum"]              # the optimizer state of a layer
        json.loads(file["description"].tobytes())     # all the rest: see nnfw.saving.config

It holds the architecture with every argument, loss, optimizers, metrics, history, random streams, the
training state and ``network.extras``, but no gradients, caches or callbacks. Functions are saved by name,
and `load` runs no code from the file: classes are nnfw's, or those that the caller passes as `custom`, and
no pickle is opened.
`save_weights` and `load_weights` exchange the parameters alone, by their names in `Network.params`, with
PyTorch, JAX and many others, in the format of the ``safetensors`` package, which holds only numbers.
"""

from nnfw.saving.archive import load, load_weights, save, save_weights

__all__ = ["load", "load_weights", "save", "save_weights"]

"""A network as one file: all that it is, and all that its training needs to go on as if never interrupted.

The file is a NumPy archive, which anyone can read without nnfw::

    with np.load(path) as file:
        file["gru_1.Wx_z"]                            # each parameter by its name in network.params
        file["gru_1.optimizer.momentum"]              # what the optimizer remembers of a layer
        json.loads(file["description"].tobytes())     # all the rest: see nnfw.saving.describing

The rest is the architecture with every argument, loss, optimizers, metrics, history, the states of the random
streams, how far the last fit has come and what its callbacks remember. Left out are gradients, caches and the
callbacks themselves, which `fit` is given anew.

A file replaces an older one in a single step, once it is complete. It is held to its checksum, and cannot
make `load` run anything: classes are nnfw's own, or those that the caller passes as `custom`. Functions are
saved by name, to be given back in `custom` too; `save` refuses one without a name, such as a lambda.

Parameters alone go to other libraries and come from them with `save_weights` and `load_weights`.
"""

from nnfw.saving.file import load, save
from nnfw.saving.weights import load_weights, save_weights

__all__ = ["load", "load_weights", "save", "save_weights"]

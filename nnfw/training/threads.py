"""The number of threads of BLAS that suits a network and a batch."""

import math
from contextlib import AbstractContextManager, nullcontext

from nnfw.kernels.blas import one_thread
from nnfw.layers.convolution import Convolution
from nnfw.model import Model
from nnfw.training.batches import Data
from nnfw.training.iterables import Batches

SMALL = 1 << 26  # multiplications of a product; below, threads cost more on busy cores than they gain


def suitable_threads(network: Model, data: Data | Batches, batch_size: int) -> AbstractContextManager[None]:
    """Return a context with one thread if all products of a batch are small.

    Threads wait for each other at each product, and wait long when other programs use the cores too.
    """
    return one_thread() if largest_product(network, data, batch_size) < SMALL else nullcontext()


def largest_product(network: Model, data: Data | Batches, batch_size: int) -> int:
    """Estimate the multiplications of the largest matrix product in the forward pass of a batch."""
    T = data.first.x.shape[1]
    samples = len(data.first) if data.size is None else min(data.size, batch_size)
    products = [0]
    for layer, shape in zip(network.layers, network.shapes[1:], strict=True):
        in_parts = layer._takes_state or isinstance(layer, Convolution)  # one step, or a block of windows
        rows = 1 if in_parts else math.prod(T if n is None else n for n in shape[:-1])
        if not layer._takes_indices:  # an embedding is looked up
            products.append(layer.size * rows)
    return samples * max(products)

"""Data-parallel training over MPI: several processes, called ranks, train one network on parts of each batch.

A script is started several times, ``mpiexec -n 4 python train.py``, and each process passes its share of the
samples::

    from nnfw.distributed import DataParallel, shard

    network.fit(*shard(x, y), batch_size=256, callbacks=[DataParallel()])

Each step takes the batch of 256 that one process would take. A rank computes the gradient for its samples;
all ranks update their weights with the mean of these gradients, weighted by the numbers of samples (or valid
steps). So the weights stay equal on all ranks, to the bit, and equal to those of one process up to rounding.

An error on one rank is raised on all. An uncaught error is shown and ends all ranks; this applies from the
import of this module on, which must come first in a script.
"""

from nnfw.distributed import group
from nnfw.distributed.parallel import DataParallel
from nnfw.distributed.shares import shard

rank: int = group.rank
"""Which of the processes this is, from 0."""
ranks: int = group.ranks
"""How many processes there are."""

__all__ = ["DataParallel", "rank", "ranks", "shard"]

"""Several processes train one network on the digits: ``mpiexec -n 2 python examples/data_parallel.py``.

Prints the test accuracy, which is the same for any number of processes, including one. About 10 seconds.
"""

import argparse

from nnfw import GRU, Adam, Dense, Network
from nnfw.datasets import load_digits
from nnfw.distributed import DataParallel, rank, ranks, shard


def main(arguments: list[str] | None = None) -> float:
    """Train, and return the test accuracy."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)

    (x, y), (x_test, y_test) = load_digits()
    network = Network(
        [GRU(64), Dense(10, "softmax")],
        loss="cce",
        optimizer=Adam(1e-2),
        metrics=["accuracy"],
        seed=options.seed,
    )
    network.fit(*shard(x, y), epochs=options.epochs, batch_size=128, callbacks=[DataParallel()])
    accuracy = network.evaluate(x_test, y_test)["accuracy"]  # every process has the same network
    if rank == 0:
        print(f"test accuracy {accuracy:.4f}, trained by {ranks} process{'es' if ranks > 1 else ''}")
    return accuracy


if __name__ == "__main__":
    main()

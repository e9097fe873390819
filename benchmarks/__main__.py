"""Compare the speed of nnfw with that of other frameworks.

speed      each layer's forward pass and training step, over a grid of sizes, beside each framework
scaling    how time and memory grow with N, T and H; memory beside PyTorch; the memory of 1,000 steps
training   one network from the same weights on the same batches in nnfw and PyTorch
overhead   what `fit` takes over the bare training steps
sequences  what variable lengths save, and what a step of a stream takes
profile    where the time of a training step goes: matrix products, calls, the optimizer
step       through how many files, functions and calls of nnfw a training step passes
distributed  what the ranks of data-parallel training say to each other, beside a step

Each measurement runs in a process of its own. The results are printed, and written to a folder as JSON and
charts. All of them take about an hour. Leave the machine idle: threads that wait for each other look slow.
"""

import argparse
from pathlib import Path

from benchmarks import distributed, pairs, profile, report, scaling, speed, step, training
from benchmarks.cases import TITLES, parse_sizes
from benchmarks.peers import PEERS, installed

BENCHMARKS = {
    "speed": speed.run,
    "scaling": scaling.run,
    "training": training.run,
    "overhead": pairs.overhead,
    "sequences": pairs.sequences,
    "profile": profile.run,
    "step": step.run,
    "distributed": distributed.run,
}


def main(arguments: list[str] | None = None) -> None:
    """Run what the command line asks for."""
    options = parse(arguments)
    options.output.mkdir(parents=True, exist_ok=True)
    for name in options.peers:
        if not installed(name):
            print(f"{PEERS[name].title} is not installed, and left out. To have it: {PEERS[name].install}")
    options.peers = [name for name in options.peers if installed(name)]
    options.machine = report.machine(options.peers)
    for name in BENCHMARKS if options.which == "all" else [options.which]:
        BENCHMARKS[name](options)


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """Return the options; a quick run has fewer rounds, shorter ones."""
    parser = argparse.ArgumentParser(
        "python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("which", nargs="?", choices=["all", *BENCHMARKS], default="all")
    add("--quick", action="store_true", help="few sizes, short rounds: a look within a few minutes")
    add("--rounds", type=int, help="how often each framework gets its turn (5; quick: 2)")
    add("--budget", type=float, metavar="SECONDS", help="time for each measurement (1; quick: 0.1)")
    add("--threads", type=int, default=2, help="cores for each process")
    add("--layers", nargs="+", choices=TITLES, default=list(TITLES), metavar="LAYER", help=" ".join(TITLES))
    add("--sizes", nargs="+", type=parse_sizes, metavar="SIZE", help="N,T,D,H or, of a dense chain, N:D-H-K")
    add("--peers", nargs="*", choices=PEERS, default=list(PEERS), metavar="PEER", help=" ".join(PEERS))
    add("--before", type=Path, metavar="FOLDER", help="for speed: another checkout of nnfw, as one more peer")
    add("--epochs", type=int, help="for training (30; quick: 3)")
    add("--output", type=Path, default=Path(__file__).with_name("results"), metavar="FOLDER")
    add("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    options.rounds = options.rounds or (2 if options.quick else 5)
    options.budget = options.budget or (0.1 if options.quick else 1.0)
    return options


if __name__ == "__main__":
    main()

"""Compare the speed of nnfw with that of other frameworks.

speed        each layer's training step and inference, over a grid of sizes, beside each framework
fit          an epoch of `fit`, the first one and later ones, beside the training loops of other frameworks
memory       the peak memory of training steps and of inference
step         through how many files, functions and calls of nnfw a training step passes
distributed  what the ranks of data-parallel training say to each other, beside a step
tasks        what networks learn of recorded and made data, five seeds each, in about 10 minutes
publish      draw the picture and fill in the tables of the documentation, from the results that were saved

Each measurement runs in a process of its own. Without a name the first four run, which takes about 20
minutes, and with --save publish follows. Leave the machine idle: threads that wait for each other look slow.
"""

import argparse
import os
from pathlib import Path

from benchmarks import distributed, fit, memory, publish, speed, step, tasks
from benchmarks.cases import TITLES, parse_sizes
from benchmarks.peers import PEERS, missing

RESULTS = Path(__file__).with_name("results")
ALL = {"speed": speed.run, "fit": fit.run, "memory": memory.run, "step": step.run}
BENCHMARKS = ALL | {"distributed": distributed.run, "tasks": tasks.run}


def main(arguments: list[str] | None = None) -> None:
    """Run what the command line asks for."""
    options = parse(arguments)
    for name in options.peers:
        if packages := missing(name):
            print(f"{PEERS[name].title} is left out. To have it: pip install {' '.join(packages)}")
    options.peers = [name for name in options.peers if not missing(name)]
    if options.save is not None:
        options.save.mkdir(parents=True, exist_ok=True)
    if os.getloadavg()[0] > 0.5:
        print("The machine is busy: the ratios will be off.")
    for name in ALL if options.which == "all" else {options.which} & {*BENCHMARKS}:
        BENCHMARKS[name](options)
    if options.which == "publish" or (options.which == "all" and options.save is not None):
        publish.run(options.save or RESULTS)


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """Return the options; a quick run has fewer rounds, shorter ones."""
    parser = argparse.ArgumentParser(
        "python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    peers = [name for name in PEERS if name != "ours"]
    add = parser.add_argument
    add("which", nargs="?", choices=["all", *BENCHMARKS, "publish"], default="all")
    add("--save", nargs="?", type=Path, const=RESULTS, metavar="FOLDER", help="write the results as JSON")
    add("--quick", action="store_true", help="few sizes, short rounds: a look within a few minutes")
    add("--rounds", type=int, help="how often each framework gets its turn (3; quick: 2)")
    add("--budget", type=float, metavar="SECONDS", help="time for each measurement (0.3; quick: 0.1)")
    add("--threads", type=int, default=1, help="cores for each process of speed (1)")
    add("--layers", nargs="+", choices=TITLES, default=list(TITLES), metavar="LAYER", help=" ".join(TITLES))
    add("--sizes", nargs="+", type=parse_sizes, metavar="SIZE", help="N,T,D,H or, of a dense chain, N:D-H-K")
    add("--peers", nargs="*", choices=peers, default=peers, metavar="PEER", help=" ".join(peers))
    add("--before", type=Path, metavar="FOLDER", help="for speed: another checkout of nnfw, as one more peer")
    add("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    options.rounds = options.rounds or (2 if options.quick else 3)
    options.budget = options.budget or (0.1 if options.quick else 0.3)
    return options


if __name__ == "__main__":
    main()

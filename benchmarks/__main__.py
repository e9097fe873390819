"""Compare the speed of nnfw with that of other frameworks.

Each measurement runs in its own process. Without a name, the first four benchmarks run, in about 20 minutes;
with --save, they also update the tables and the plot of the documentation, as `publish` does from saved
results. Keep the machine idle: threads that wait for each other appear slow.
"""

import argparse
import sys
from pathlib import Path

from benchmarks import distributed, fit, memory, report, speed, step, tasks
from benchmarks.measure import LOAD
from benchmarks.plan import PEERS, TITLES, missing, parse_sizes

RESULTS = Path(__file__).with_name("results")
ALL = {"speed": speed, "fit": fit, "step": step} | ({"memory": memory} if sys.platform == "linux" else {})
BENCHMARKS = ALL | {"distributed": distributed, "tasks": tasks}


def main(arguments: list[str] | None = None) -> None:
    """Run the benchmarks that the command line requests."""
    options = parse(arguments)
    if options.which == "publish":
        report.publish(options.save or RESULTS)
        return
    for name in [*options.peers]:
        if lacking := missing(PEERS[name].packages):
            print(f"{PEERS[name].title} is left out. To have it: pip install {' '.join(lacking)}")
            options.peers.remove(name)
    if LOAD()[0] > 0.5:
        print("The machine is busy: the ratios are unreliable.")
    for name in ALL if options.which == "all" else [options.which]:
        if lacking := missing(getattr(BENCHMARKS[name], "NEEDS", ())):
            print(f"{name} is left out. To have it: pip install {' '.join(lacking)}")
            continue
        results = BENCHMARKS[name].run(options)
        if options.save is not None:
            report.save(name, options, results)
    if options.which == "all" and options.save is not None:
        report.publish(options.save)


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """Return the options; a quick run has fewer and shorter rounds."""
    about = "\n".join([__doc__, *(module.__doc__.splitlines()[0] for module in BENCHMARKS.values())])
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser("python -m benchmarks", description=about, formatter_class=form)
    peers = [name for name in PEERS if name not in ("ours", "before")]
    add = parser.add_argument
    add("which", nargs="?", choices=["all", *BENCHMARKS, "publish"], default="all")
    add("--save", nargs="?", type=Path, const=RESULTS, metavar="FOLDER", help="write the results as JSON")
    add("--quick", action="store_true", help="few sizes and short rounds: an estimate in minutes")
    add("--rounds", type=int, help="number of turns of each framework (3; quick: 2)")
    add("--budget", type=float, metavar="SECONDS", help="time for each measurement (0.3; quick: 0.1)")
    add("--threads", type=int, default=1, help="cores of each process of speed (1)")
    add("--layers", nargs="+", choices=TITLES, default=list(TITLES), metavar="LAYER", help=" ".join(TITLES))
    add("--sizes", nargs="+", type=parse_sizes, metavar="SIZE", help="N,T,D,H or, for a dense chain, N:D-H-K")
    add("--peers", nargs="*", choices=peers, default=peers, metavar="PEER", help=" ".join(peers))
    add("--before", type=Path, metavar="FOLDER", help="another checkout of nnfw, as an additional peer")
    add("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    options.rounds = options.rounds or (2 if options.quick else 3)
    options.budget = options.budget or (0.1 if options.quick else 0.3)
    options.peers += ["before"] if options.before else []
    return options


if __name__ == "__main__":
    main()

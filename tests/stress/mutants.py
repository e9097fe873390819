"""Tests that are tested by machine: one small change of the mathematics at a time must turn the tests red.

``python tests/stress/mutants.py --count 300 --seed 0`` samples such mutants of the layers, losses and
optimizers, runs for each the tests that know its file, and prints those that went unseen and the share that
was killed; ``--all`` takes every one, ``--only WORD`` those of files whose name holds a word, ``--list`` runs
nothing. `equivalents.py` lists the changes that no test can see, and why. What calls the compiled kernels is
seen where numba is installed.
"""

import argparse
import random
import sys
from collections.abc import Iterable, Iterator

import equivalents
from mutations import Mutant, mutants_of
from trials import TESTS, Change, Tests, check_green, unseen

KINDS = ("layers/", "losses", "optimizers", "core/lengths", "core/vectors")
FILES = [file for file in TESTS if file.startswith(KINDS)]


def trials(mutants: Iterable[Mutant]) -> Iterator[tuple[Mutant, Change, Tests]]:
    """Yield each mutant, what its file holds, and the tests that must see it."""
    for mutant in mutants:
        yield mutant, Change(mutant.file, mutant.source()), TESTS[mutant.file]


def main() -> int:
    """Run a sample of mutants, and return how many went unseen."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--count", type=int, default=300, help="mutants to sample")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--all", action="store_true", help="take every mutant")
    parser.add_argument("--only", default="", help="a word of the files' names")
    parser.add_argument("--list", action="store_true", help="print the mutants, and run nothing")
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    everything = [mutant for file in FILES if options.only in file for mutant in mutants_of(file)]
    mutants = [mutant for mutant in everything if not equivalents.reason(mutant)]
    random.Random(options.seed).shuffle(mutants)
    sample = mutants if options.all else mutants[: options.count]
    if options.list:
        print(*sample, sep="\n")
        return 0
    check_green({mutant.file: None for mutant in sample})
    survivors = 0
    for mutant in unseen(trials(sample), options.jobs):
        survivors += 1
        print(mutant, flush=True)
    print(f"{len(everything)} mutants, {len(everything) - len(mutants)} of them equivalent")
    print(f"{len(sample) - survivors} of {len(sample)} killed: {1 - survivors / len(sample):.1%}")
    return survivors


if __name__ == "__main__":
    sys.exit(main())

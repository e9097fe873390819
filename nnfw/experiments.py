"""Experiments: the learning-rate range test, and repeated training with different seeds."""

import copy
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import count
from typing import Any

import numpy as np

from nnfw import optimizers, plots
from nnfw.core import notebook
from nnfw.core.arguments import explain_keywords
from nnfw.core.errors import NonFiniteError
from nnfw.core.output import table
from nnfw.core.typing import Array, ArrayLike, Axes, Figure, Verbosity
from nnfw.core.validation import POSITIVE, as_network, each, function_of, positive_integer, whole_number
from nnfw.history import History
from nnfw.network import Network
from nnfw.plots import Target
from nnfw.training.adapters import as_data

SMOOTH = 0.8  # the decay of the running mean loss per batch
DIVERGED = 4.0  # times the lowest mean loss, at which the test ends
LEAST = 0.02  # part of the first loss by which it falls if it can be lowered at all
BELOW = 10.0  # the suggested rate is this factor below that of the lowest mean loss


@dataclass(repr=False)
class RateTest:
    """The result of `find_rate`; a notebook displays it as a plot.

    Attributes
    ----------
    rates, losses : ndarray
        The learning rate and the loss of each step.
    means : ndarray
        The running mean of the losses.
    rate : float
        The suggested rate; NaN if the loss decreases at none.
    """

    rates: Array
    losses: Array
    means: Array
    rate: float

    def __repr__(self) -> str:
        if math.isnan(self.rate):
            tried = f"{self.rates[0]:.1e} to {self.rates[-1]:.1e}"
            return f"<RateTest: the loss falls at no rate, {tried}; network.check(x, y) looks for the cause>"
        lowest = self.rates[np.nanargmin(self.means)]
        return f"<RateTest: try {self.rate:.1e}; the loss was lowest at {lowest:.1e}>"

    def plot(self, path: Target = None, *, ax: "Axes | None" = None) -> "Figure":
        """Plot the loss against the rate with the suggestion, and save it if a path is given."""
        return plots.rate_test(self.rates, self.losses, self.means, self.rate, path, ax=ax)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> Any:
        return self.plot()._repr_mimebundle_()  # type: ignore[attr-defined]


@explain_keywords
def find_rate(
    network: Network,
    x: Any,
    y: Any,
    *,
    lengths: ArrayLike | None = None,
    low: float = 1e-6,
    high: float = 1.0,
    steps: int = 100,
    batch_size: int = 32,
) -> RateTest:
    """Train a copy of a network with a learning rate that increases at each step, and suggest a rate.

    The suggestion is a tenth of the rate at which the running mean of the loss was lowest, but at
    least `low`: an initial rate for the optimizer, batch size and data with which it was found. With rare
    classes, batches differ more than rates, and the suggestion can be far too high. The network does not
    change.

    Parameters
    ----------
    network : Network
        The network, trained or not; layers with their own optimizer keep their rates.
    x, y, lengths
        The data, in any form that ``network.fit`` takes except an iterable of batches.
    low, high : float
        The rates of the first and the last step; the test ends early if the loss becomes very large.
    steps : int
        The number of steps, one batch each.
    batch_size : int
        As in ``network.fit``.

    References
    ----------
    Smith, "Cyclical learning rates for training neural networks", WACV 2017, arXiv:1506.01186, section 3.3.

    Examples
    --------
    >>> from nnfw import Adam, Dense
    >>> x = np.random.default_rng(0).normal(size=(200, 3))
    >>> network = Network([Dense(16, "tanh"), Dense(1)], seed=0)
    >>> network.optimizer = Adam(find_rate(network, x, x[:, 0] * x[:, 1]).rate)
    """
    owner, model = "find_rate", copy.deepcopy(as_network("find_rate", network))
    low, high = POSITIVE(owner, "low", low), POSITIVE(owner, "high", high)
    steps = positive_integer(owner, "steps", steps)
    batch_size = positive_integer(owner, "batch_size", batch_size)
    if not low < high:
        raise ValueError(f"find_rate: high must be above low, got low {low:g} and high {high:g}")
    data, rng = as_data(model, x, y, lengths), model._streams["shuffle"]
    endless = (part for _ in count() for part in data.parts(batch_size, rng.permutation(len(data))))
    model._build()
    optimizer = model.optimizer or optimizers.get("adam")
    rates, losses, means, total, weight = np.geomspace(low, high, steps), [], [], 0.0, 0.0
    with np.errstate(all="ignore"):  # the loss may explode, which ends the test
        for rate, part in zip(rates, endless, strict=False):
            losses.append(model._compute_gradients(part.batch()) + model._penalty())
            optimizer.learning_rate = float(rate)
            model.update(optimizer, 0.0)
            total, weight = SMOOTH * total + losses[-1], SMOOTH * weight + 1
            means.append(total / weight)
            if not means[-1] <= DIVERGED * abs(min(means)):
                break
    if not math.isfinite(means[0]):
        raise NonFiniteError(f"find_rate: the first loss is {means[0]}; network.check(x, y) finds the origin")
    best = int(np.nanargmin(means))
    falls = means[best] < means[0] - LEAST * abs(means[0])
    suggested = max(low, float(rates[best]) / BELOW) if falls else math.nan
    return RateTest(rates[: len(means)], np.array(losses), np.array(means), suggested)


@dataclass(repr=False)
class Repetitions:
    """The result of `repeat`: the trained networks by seed, displayed as a table.

    `nnfw.compare` plots several of them in one figure.
    """

    networks: dict[int, Network]

    @property
    def histories(self) -> list[History]:
        """The history of each network."""
        return [network.history for network in self.networks.values()]

    def values(self, name: str) -> Array:
        """Return a quantity of each network at its last epoch, or at that whose weights were restored."""
        return np.array([history[name][(history.restored or 0) - 1] for history in self.histories])

    def _rows(self) -> list[tuple[str, ...]]:
        rows: list[tuple[str, ...]] = [("", "mean", "deviation", "lowest", "highest")]
        for name in (name for name in self.histories[0] if name != "learning_rate"):
            a = self.values(name)
            numbers = a.mean(), (a - a[0]).std(ddof=1) if len(a) > 1 else math.nan, a.min(), a.max()
            rows.append((name, *(f"{number:.4g}" for number in numbers)))
        return rows

    def __repr__(self) -> str:
        return f"{table(self._rows())}\n{self._caption}"

    def _repr_html_(self) -> str:
        return notebook.table(self._rows(), self._caption)

    @property
    def _caption(self) -> str:
        return f"{len(self.networks)} networks, seeds {', '.join(map(str, self.networks))}"

    def plot(self, path: Target = None) -> "Figure":
        """Plot the mean of each quantity with a band of one standard deviation; see `nnfw.compare`."""
        return plots.compare({"mean": self}, path)


def repeat(
    build: Callable[[int], Network],
    x: Any,
    y: Any,
    *,
    seeds: Iterable[int] = range(5),
    verbose: Verbosity = 0,
    **options: Any,
) -> Repetitions:
    """Train one network for each seed, to measure how much a result depends on chance.

    Parameters
    ----------
    build : callable
        ``build(seed)`` returns a new network with this seed.
    x, y
        The data; see ``network.fit``.
    seeds : iterable of int
        The seeds, one for each network. With a single one, there is no standard deviation.
    verbose, **options
        See ``network.fit``; it is silent by default. Held-out samples (`validation_split`) differ by seed.

    Examples
    --------
    >>> from nnfw import Dense
    >>> x = np.random.default_rng(0).normal(size=(60, 3))
    >>> runs = repeat(lambda seed: Network([Dense(1)], seed=seed), x, x[:, 0], seeds=[1, 2, 3], epochs=2)
    >>> len(runs.histories), runs.values("loss").shape
    (3, (3,))
    >>> figure = runs.plot()
    """
    if isinstance(build, Network):
        raise TypeError("repeat: build must be a function of a seed that returns a Network, got a Network")
    function_of("seed")("repeat", "build", build)
    networks: dict[int, Network] = {}
    for seed in each(whole_number)("repeat", "seeds", seeds):
        network = as_network("repeat", build(seed), f"build({seed})")
        if network.seed != seed or network.history:
            said = f"repeat: build({seed}) must return a new network with this seed, Network(..., seed=seed)"
            raise ValueError(f"{said}, got seed {network.seed} with {len(network.history.epoch)} epochs")
        network.fit(x, y, verbose=verbose, **options)
        networks[seed] = network
    if not networks:
        raise ValueError("repeat: seeds are empty; pass at least one, e.g. range(5)")
    return Repetitions(networks)


__all__ = ["RateTest", "Repetitions", "find_rate", "repeat"]

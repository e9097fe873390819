"""Plots of training signals: the gradient backpropagated through time, and histograms by layer."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from nnfw.core.lengths import check_lengths
from nnfw.core.typing import Array, ArrayLike, Axes, Figure
from nnfw.core.validation import as_network
from nnfw.plots.figure import BLUE, GREEN, VERMILION, Target, canvas, draw_curve, look, picture
from nnfw.plots.inside import over_samples, recurrent

BINS = 40


def gradient_flow(
    network: Any,
    x: Any,
    y: Any,
    path: Target = None,
    *,
    lengths: ArrayLike | None = None,
    ax: "Axes | None" = None,
) -> "Figure":
    """Plot the gradient of the loss with respect to h over time, with one curve per recurrent layer.

    A curve is the mean over samples of the norm of the gradient of each sample's loss. It is computed from
    the last step read to the first; if it falls by orders of magnitude, inputs far in the past cannot be
    learned from (it vanishes), and if it rises by orders of magnitude, a step is too large (it explodes).

    Parameters
    ----------
    network : Network, or dict of Network
        One network, or several by name, which do not change; one without weights is plotted with those that
        its first fit starts from.
    x, y, lengths
        A batch of data, in any form that ``network.fit`` takes.
    path : str or Path, optional
        Where to save the figure: a name that ends in .png, .svg or .pdf.
    ax : matplotlib Axes, optional
        Axes on which to plot, in place of a new figure.

    References
    ----------
    Bengio, Simard & Frasconi, "Learning long-term dependencies with gradient descent is difficult", IEEE
    Transactions on Neural Networks 5(2), 1994.

    Examples
    --------
    >>> from nnfw import GRU, RNN, Dense, Network
    >>> from nnfw.datasets import adding_problem
    >>> networks = {cell.__name__: Network([cell(8), Dense(1)], seed=0) for cell in (RNN, GRU)}
    >>> figure = gradient_flow(networks, *adding_problem(n=20, steps=30))
    >>> [line.get_label().split(":")[0] for line in figure.axes[0].lines]
    ['RNN', 'GRU']
    """
    networks = network if isinstance(network, Mapping) else {"": network}
    if not networks:
        raise ValueError("gradient_flow: network is an empty dict; pass at least one, e.g. {'GRU': network}")
    flows: dict[str, Array] = {}
    for name, one in networks.items():
        flows |= _flows(str(name), as_network("gradient_flow", one), x, y, lengths)
    with canvas(path, 5.4, 3.4, ax) as axes:
        axes.set(yscale="log", xlabel="time step", ylabel="gradient of the loss with respect to h, norm")
        for number, (label, flow) in enumerate(flows.items()):
            draw_curve(axes, np.arange(len(flow)), np.where(flow > 0, flow, np.nan), label, *look(number))
        axes.locator_params(axis="x", integer=True)
        axes.legend(loc="best")
    return axes.figure  # type: ignore[return-value]


def _flows(name: str, network: Any, x: Any, y: Any, lengths: Any) -> dict[str, Array]:
    """Return the norms (T,) of the gradients of h by label; it tells how much of the last one is left."""
    quiet, batch = network._probe(x, y, lengths, "gradient_flow")
    layers = {
        f"{name} {direction}".strip(): one
        for name, directions in recurrent("gradient_flow", quiet).items()
        for direction, one in directions.items()
    }
    with np.errstate(all="ignore"):  # an exploding gradient is drawn as far as it is finite
        quiet._compute_gradients(batch)
    flows = {}
    for layer, one in layers.items():
        norms = len(batch.x) * np.linalg.norm(one.cache["dh"].astype(np.float64), axis=2)
        counts = check_lengths("gradient_flow", one._pass.steps.lengths, *norms.shape)
        flow = over_samples(norms, counts, None)
        label = " ".join(filter(None, [name, layer if len(layers) > 1 or not name else ""]))
        first, last = flow[:: -1 if one.go_backwards else 1][[0, -1]]
        if batch.lengths is None and not one.return_sequences and last > 0:  # else it enters at many steps
            label += f": {first / last:.2g} of it reaches the first step"
        flows[label] = flow
    return flows


def histograms(
    network: Any, x: Any = None, y: Any = None, path: Target = None, *, lengths: ArrayLike | None = None
) -> "Figure":
    """Plot histograms of weights by layer; with data, also of their gradients and of the next update.

    The update is that of the next step of the network's optimizer on the data; its size relative to that of
    the weights is given too, and is often near a thousandth if the learning rate is suitable.

    Parameters
    ----------
    network : Network
        The network, which does not change.
    x, y, lengths
        A batch of data, in any form that ``network.fit`` takes.
    path : str or Path, optional
        Where to save the figure: a name that ends in .png, .svg or .pdf.

    Examples
    --------
    >>> from nnfw import Dense, Network
    >>> x = np.random.default_rng(0).normal(size=(40, 3))
    >>> network = Network([Dense(8, "tanh"), Dense(1)], seed=0)
    >>> figure = histograms(network, x, x[:, 0])
    >>> [axes.get_title(loc="left") for axes in figure.axes[:3]]
    ['weights', 'gradients', 'update']
    """
    network = as_network("histograms", network)
    if (x is None) != (y is None):
        raise ValueError("histograms: x and y go together; pass both, or neither to draw only the weights")
    if x is None:
        network._check_ready("histograms")
    else:
        network, batch = network._probe(x, y, lengths, "histograms")
        network._compute_gradients(batch)
    leaves = {name: leaf for name, leaf in network._named_leaves() if leaf.size}
    if not leaves:
        raise ValueError("histograms: the network has no parameters to draw; it needs a layer with some")
    drawn = {name: {"weights": leaf.flat_params.copy()} for name, leaf in leaves.items()}
    if x is not None:
        for name, leaf in leaves.items():
            drawn[name]["gradients"] = leaf.flat_grads.copy()  # clipping changes them
        network.update(network.optimizer, float(len(network.history.epoch)))
        for name, leaf in leaves.items():
            drawn[name]["update"] = leaf.flat_params - drawn[name]["weights"]
    kinds = list(next(iter(drawn.values())))
    with picture(path, 0.8 + 2.1 * len(kinds), 0.6 + 1.1 * len(drawn)) as figure:
        panels = figure.subplots(len(drawn), len(kinds), squeeze=False)
        for (name, values), row in zip(drawn.items(), panels, strict=True):
            row[0].set_ylabel(name.replace(".", ".\n"))
            for axes, kind, colour in zip(row, kinds, (BLUE, VERMILION, GREEN), strict=False):
                _draw_histogram(axes, values[kind], colour)
            if "update" in values and values["weights"].any():
                share = np.linalg.norm(values["update"]) / np.linalg.norm(values["weights"])
                row[-1].set_title(f"{share:.1e} of weights", fontsize=8, loc="right")
        for axes, kind in zip(panels[0], kinds, strict=True):
            axes.set_title(kind, loc="left")
    return figure


def _draw_histogram(axes: "Axes", values: Array, colour: str) -> None:
    """Draw how many values lie where, on a log scale, so that single ones far off are seen too."""
    known = values[np.isfinite(values)].astype(np.float64)
    bins = int(np.clip(len(known) ** 0.5, 5, BINS))
    if len(known):
        axes.stairs(*np.histogram(known, bins=bins), baseline=0.5, fill=True, color=colour)
    axes.axvline(0, color="0.4", linewidth=0.6)
    axes.set(yscale="log", ylim=(0.5, None))
    axes.xaxis.set_major_formatter("{x:.2g}")
    axes.minorticks_off()
    axes.locator_params(axis="x", nbins=3)

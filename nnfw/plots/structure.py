"""Plots of the structure of a network: the chain of its layers, and the spectrum of recurrent weights."""

import textwrap
from collections.abc import Iterator
from typing import Any

import numpy as np

from nnfw.core.arrays import check_finite
from nnfw.core.typing import Array, Axes, Figure
from nnfw.core.validation import as_network
from nnfw.plots.figure import BLUE, VERMILION, Target, canvas, picture
from nnfw.plots.inside import pick, recurrent

ROUNDING = 1e-3  # an orthogonal matrix has all eigenvalues on the circle


def diagram(network: Any, path: Target = None, *, ax: "Axes | None" = None) -> "Figure":
    r"""Draw the chain of layers as boxes, with the shapes between them and the numbers of parameters.

    Parameters
    ----------
    network : Network
        The network; shapes and numbers that are not known before its first fit are left out.
    path : str or Path, optional
        Where to save the figure: a name that ends in .png, .svg or .pdf.
    ax : matplotlib Axes, optional
        Axes on which to draw, in place of a new figure.

    Examples
    --------
    >>> from nnfw import GRU, Dense, Network
    >>> network = Network([GRU(4), Dense(1)])
    >>> shape = network.compute_shapes((None, 3))
    >>> [text.get_text() for text in diagram(network).axes[0].texts if text.get_text()]
    ['GRU(4)\ngru_1', 'Dense(1)\ndense_2', 'x (N, T, 3)', '(N, 4)', '(N, 1)', 'loss MSE()']
    """
    from matplotlib.patches import FancyBboxPatch

    network = as_network("diagram", network)
    boxes = [_box(name, leaf) for name, leaf in network._named_leaves()]
    before = ["x", *[""] * len(boxes)]  # as before the first fit
    if network.shapes:
        before = [f"x {_batch_of(network.shapes[0])}", *map(_batch_of, _shapes(network))]
    heights = [0.25 + 0.17 * (box.count("\n") + 1) for box in boxes]  # in inches, like all lengths here
    gap, width = 0.42, 0.3 + 0.075 * max(len(line) for box in boxes for line in box.split("\n"))
    total = sum(heights) + gap * len(before) + 0.25
    with canvas(path, max(width, 2.4) + 0.6, total + 0.2, ax) as axes:
        y, arrow = 0.0, {"arrowstyle": "-|>", "color": "0.3", "shrinkA": 0, "shrinkB": 0}
        edges = [y := y + gap + height for height in [0.0, *heights]]
        style: dict[str, Any] = {"ha": "center", "va": "center", "linespacing": 1.4}
        rounded = "round,pad=0,rounding_size=0.08"
        shape: dict[str, Any] = {"boxstyle": rounded, "facecolor": "0.95", "edgecolor": BLUE}
        for box, height, below in zip(boxes, heights, edges[1:], strict=True):
            axes.add_patch(FancyBboxPatch((-width / 2, below - height), width, height, **shape))
            axes.text(0, below - height / 2, box, **style)
        for text, start in zip(before, edges, strict=True):
            axes.annotate("", (0, start + gap), (0, start), arrowprops=arrow)
            axes.text(0.1, start + gap / 2, text, va="center", fontsize=8)
        axes.text(0, edges[-1] + gap + 0.1, f"loss {network.loss!r}", **style)
        axes.set(xlim=(-width / 2 - 0.1, width / 2 + 0.1), ylim=(edges[-1] + gap + 0.25, gap - 0.05))
        axes.set_axis_off()
    return axes.figure  # type: ignore[return-value]


def _box(name: str, leaf: Any) -> str:
    size = f": {leaf.size:,} parameters" if leaf.size else ""
    return f"{textwrap.fill(repr(leaf), 44)}\n{name}{size}{'' if leaf.trainable else ', frozen'}"


def _shapes(chain: Any) -> Iterator[Any]:
    """Yield the output shape of each layer, those of inner chains too."""
    for layer, shape in zip(chain.layers, chain.shapes[1:], strict=False):
        if hasattr(layer, "layers"):
            yield from _shapes(layer)
        else:
            yield shape


def _batch_of(shape: Any) -> str:
    """Return the shape of a batch of samples: ``(N, T, 3)``."""
    return f"({', '.join(['N', *('T' if n is None else str(n) for n in shape)])})"


def spectrum(network: Any, path: Target = None, *, layer: str | None = None) -> "Figure":
    r"""Plot the eigenvalues of the recurrent weights of a layer in the complex plane, one panel per gate.

    Repeated multiplication by a matrix shrinks components with eigenvalues inside the unit circle and grows
    those outside: the spectral radius, the largest magnitude, gives the rate.

    Parameters
    ----------
    network : Network
        A network with weights, for example after `fit`.
    path : str or Path, optional
        Where to save the figure: a name that ends in .png, .svg or .pdf.
    layer : str, optional
        The name of the layer, as in ``network.summary()``; by default the first recurrent one.

    Examples
    --------
    >>> from nnfw import RNN, Dense, Network
    >>> network = Network([RNN(8, recurrent_initializer="orthogonal"), Dense(1)], seed=0)
    >>> history = network.fit(np.ones((2, 3, 1)), [0, 1], verbose=0)
    >>> [axes.get_title() for axes in spectrum(network).axes]
    ['Wh\nspectral radius 1']
    """
    as_network("spectrum", network)._check_ready("spectrum")
    directions = pick("spectrum", recurrent("spectrum", network), layer)
    weights = {
        f"{name}, {direction}".rstrip(", "): W
        for direction, one in directions.items()
        for name, W in one.params.items()
        if name.startswith("Wh")
    }
    rows, columns = len(directions), len(weights) // len(directions)
    with picture(path, 0.4 + 2.0 * columns, 0.2 + 2.4 * rows) as figure:
        for number, (name, W) in enumerate(weights.items(), 1):
            _draw_eigenvalues(figure.add_subplot(rows, columns, number), name, W)
        figure.supxlabel("real part", fontsize=9)
        figure.supylabel("imaginary part", fontsize=9)
    return figure


def _draw_eigenvalues(axes: "Axes", name: str, W: Array) -> None:
    """Draw the eigenvalues of a matrix: dots inside the unit circle, crosses outside."""
    check_finite(W, f"spectrum: {name}", remedy="fit the network again, or load it")
    values = np.linalg.eigvals(W.astype(np.float64))
    radius = float(np.abs(values).max())
    angle = np.linspace(0, 2 * np.pi, 200)
    axes.plot(np.cos(angle), np.sin(angle), color="0.5", linewidth=1)
    for inside, colour, marker in ((True, BLUE, "o"), (False, VERMILION, "x")):
        shown = values[(np.abs(values) <= 1 + ROUNDING) == inside]
        axes.plot(shown.real, shown.imag, color=colour, marker=marker, linestyle="none", alpha=0.8)
    limit = 1.1 * max(1.0, radius)
    axes.set(aspect="equal", xlim=(-limit, limit), ylim=(-limit, limit))
    axes.set_title(f"{name}\nspectral radius {radius:.3g}")

"""Before a long fit: whether the data, the network and its loss fit each other, and it can learn at all.

All is tried on a copy of the network and on a few of the samples, and said in one `Report`.
"""

import copy
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from nnfw import optimizers
from nnfw.core.lengths import steps_as_samples
from nnfw.core.typing import Array
from nnfw.core.validation import positive_integer, whole_number
from nnfw.history import History
from nnfw.layers.base import with_samples
from nnfw.model import Model
from nnfw.training import adapters, anomaly
from nnfw.training.batches import Batch, Data
from nnfw.training.sources import class_labels

if TYPE_CHECKING:
    from nnfw.activations import Activation


__all__ = ["Report", "check"]

SAMPLES = 1000  # that are looked at


@dataclass
class Report:
    """What `Network.check` has found; it prints as a page, the warnings last.

    Attributes
    ----------
    layers : str
        The layers with their shapes, as `Network.summary` shows them.
    data : str
        The forms of x and y, and what the outputs make of them.
    classes : dict of int to int
        The targets of each class among the samples looked at; empty if targets are numbers.
    scale : dict of str to ndarray (D,)
        Each feature's ``mean``, ``std``, ``low`` and ``high``; empty if x holds indices.
    loss : float
        The loss as the network is.
    chance, lowest : float
        What the loss would be of outputs that know nothing, and of outputs that are the targets, without the
        penalties of regularizers. Who knows nothing gives each class the same chance (log K for cce, log 2
        for bce), and of numbers the mean (their variance for mse).
    gradients : dict of str to float
        The norm of each layer's gradient.
    left : float
        The share of one batch's loss above the lowest that is left after `steps` steps on it alone.
    steps : int
        How many these were, until a tenth was left or there were to be no more.
    warnings : list of str
        What looks wrong, each with its remedy.
    """

    layers: str
    data: str
    classes: dict[int, int] = field(default_factory=dict)
    scale: dict[str, Array] = field(default_factory=dict)
    loss: float = math.nan
    chance: float = math.nan
    lowest: float = math.nan
    gradients: dict[str, float] = field(default_factory=dict)
    left: float = math.nan
    steps: int = 0
    warnings: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether there is nothing to warn of."""
        return not self.warnings

    def __str__(self) -> str:
        """Return the page."""
        lines = [self.layers, "", f"data       {self.data}"]
        if self.classes:
            counts = list(self.classes.values())
            lines.append(f"classes    {len(counts)}, with {min(counts)} to {max(counts)} of the targets each")
        if self.scale:
            mean, std, low, high = (self.scale[name] for name in ("mean", "std", "low", "high"))
            values = f"values {low.min():.3g} to {high.max():.3g}"
            lines.append(
                f"features   means {mean.min():.3g} to {mean.max():.3g}, "
                f"spreads {std.min():.3g} to {std.max():.3g}, {values}"
            )
        lowest = round(self.lowest, 9)  # the rounding of perfect outputs is no part of it
        lines.append(
            f"loss       {self.loss:.3g}; knowing nothing gives {self.chance:.3g}, perfect outputs "
            f"{lowest:.3g}"
        )
        if self.gradients:
            norms = ", ".join(f"{name} {norm:.2g}" for name, norm in self.gradients.items())
            lines.append(f"gradients  {norms}")
            lines.append(
                f"one batch  after {self.steps} steps on it alone, {self.left:.1%} of its loss is left"
            )
        verdict = [f"! {warning}" for warning in self.warnings] or ["nothing to warn of"]
        return "\n".join([*lines, "", *verdict])


RARE = 0.1  # of the share that equal classes would have
FEW = 20  # values, that numbers which are no classes would not be confined to
FAR = 10.0  # of a feature's mean and spread: beyond, or if no spread reaches 1 / FAR², learning is slow
OUTLYING = 20.0  # times the range that nine tenths of the values lie in
SURE = 2.0  # times the loss of knowing nothing
VANISHED, EXPLODED = 1e-6, 1e4  # a layer's gradient: as a share of the largest, and by itself
LEARNT = 0.1  # of the loss above the lowest, that may be left
BATCH = 32  # samples that are to be learnt by heart


def rows(a: Array, lengths: Array | None, steps: bool) -> Array:
    """Return the samples of an array, or the valid steps of all samples, as its first axis."""
    return steps_as_samples(a, lengths) if steps else a


def at_features(report: Report, network: Model, data: Data) -> Iterator[str]:
    """Look at the scale of each feature."""
    if network._takes_indices:
        return
    batch = data.batch()
    x = rows(batch.x, batch.lengths, batch.x.ndim == 3).astype(np.float64)
    mean, std, low, high = x.mean(axis=0), x.std(axis=0), x.min(axis=0), x.max(axis=0)
    report.scale = {"mean": mean, "std": std, "low": low, "high": high}
    odd = (np.abs(mean) > FAR) | (std > FAR) | (std.max() < FAR**-2)
    if odd.any():
        worst = int(odd.argmax())
        yield (
            f"{odd.sum()} of {len(odd)} features are not scaled: feature {worst} has mean {mean[worst]:.3g} "
            f"and spread {std[worst]:.3g}; nnfw.data.StandardScaler brings them to 0 and 1"
        )
    inner_low, inner_high = np.quantile(x, [0.05, 0.95], axis=0)
    beyond, inside = np.maximum(high - inner_high, inner_low - low), inner_high - inner_low
    away = np.divide(beyond, inside, out=np.zeros_like(inside), where=inside > 0)
    if away.max() > OUTLYING:
        worst = int(away.argmax())
        yield (
            f"feature {worst} reaches from {low[worst]:.3g} to {high[worst]:.3g}, but nine tenths of it lie "
            f"within {inner_low[worst]:.3g} to {inner_high[worst]:.3g}; look whether the rest are mistakes, "
            f"clip it, or take its logarithm"
        )


def at_targets(report: Report, network: Model, data: Data) -> Iterator[str]:
    """Look at the balance of classes, or at the range of numbers."""
    batch = data.batch()
    y, K = rows(batch.y, batch.lengths, data.steps), network.shapes[-1][-1]
    assert K is not None
    labels = class_labels(y)
    if network.loss.fused_with and labels is not None:
        yield from at_balance(report, labels, max(K, 2))
    elif not network.loss.fused_with:
        yield from at_numbers(network, y)


def at_balance(report: Report, labels: Array, K: int) -> Iterator[str]:
    """Look whether each class has its share of the targets."""
    counts = np.bincount(labels.astype(np.int64), minlength=K)
    report.classes = dict(enumerate(counts.tolist()))
    if not counts.all():
        yield (
            f"class {counts.argmin()} has no sample among the {len(labels)} looked at; "
            f"take fewer outputs, or more data"
        )
    elif counts.min() < RARE * len(labels) / K:
        yield (
            f"the classes are unbalanced: always answering {counts.argmax()} would be right for "
            f"{counts.max() / len(labels):.0%}; fit(..., class_weight='balanced') weighs them alike, and "
            f"nnfw.metrics.Recall('macro') measures them so"
        )


def at_numbers(network: Model, y: Array) -> Iterator[str]:
    """Look whether the outputs can be as the targets are."""
    activation = network._last.activation
    if activation is not None and activation.elementwise:
        low, high = reach(activation)
        if y.min() < low - 1e-6 or y.max() > high + 1e-6:
            yield (
                f"y holds {y.min():.3g} to {y.max():.3g}, but outputs of {activation.name} reach from "
                f"{low:.3g} to {high:.3g}; scale y (nnfw.data.MinMaxScaler), or end in linear outputs"
            )
    spread, mean = float(y.std()), float(np.abs(y.mean()))
    if spread == 0:
        yield f"y is {mean:.3g} everywhere, and there is nothing to learn"
    elif spread > FAR or mean > FAR:
        yield f"y has mean {mean:.3g} and spread {spread:.3g}; nnfw.data.StandardScaler brings it to 0 and 1"
    kinds = np.unique(y)
    if y.shape[-1] == 1 and len(kinds) <= min(FEW, len(y) // 3) and np.array_equal(kinds, np.round(kinds)):
        yield (
            f"y holds only {len(kinds)} whole numbers; if they are classes, choose softmax outputs and "
            f"loss='cce', or for two a sigmoid and loss='bce'"
        )


def reach(activation: "Activation") -> tuple[float, float]:
    """Return the lowest and the highest output; infinite where it still falls or rises at far scores."""
    y = activation(np.linspace(-1e4, 1e4, 10001))
    beyond = activation(np.array([-1e5, 1e5]))
    low, high = float(y.min()), float(y.max())
    return -math.inf if beyond.min() < low else low, math.inf if beyond.max() > high else high


def at_loss(report: Report, network: Model, data: Data) -> Iterator[str]:
    """Look at the loss beside that of knowing nothing."""
    batches = [part.batch() for part in data.parts(BATCH)]
    loss = np.average([loss_of(network, b) for b in batches], weights=[b.valid for b in batches])
    report.loss = float(loss) + network._penalty()
    report.chance, report.lowest = bounds(network, data.batch())
    below = min(report.lowest, 0.0)  # a loss that can be negative is measured from its lowest
    if not math.isfinite(report.loss):
        yield f"the loss is {report.loss}; see below where that begins"
    elif loss - below > SURE * (report.chance - below) > 0:
        yield (
            f"the loss is {loss:.3g}, far above the {report.chance:.3g} of knowing nothing: the outputs are "
            f"sure of what is not so; scale x and y, or start from smaller weights"
        )


def bounds(network: Model, batch: Batch) -> tuple[float, float]:
    """Return the loss of outputs that know nothing, and of outputs that are the targets, which is the lowest.

    The targets are those that the loss makes of y: rows for classes, smoothed if it smooths them.
    """
    loss, shape = network.loss, (*batch.y.shape[: len(network.shapes[-1])], network.shapes[-1][-1] or 0)
    targets = loss.targets(batch.y, np.zeros(shape))
    if loss.fused_with or loss.takes_classes:
        nothing = np.full(shape, 1 / max(shape[-1], 2))
    else:
        nothing = np.broadcast_to(rows(targets, batch.lengths, len(shape) == 3).mean(axis=0), shape)
    lowest = loss(batch.y, targets, batch.weight)
    return loss(batch.y, nothing, batch.weight), lowest if math.isfinite(lowest) else 0.0


def at_gradients(report: Report, network: Model, batch: Batch) -> Iterator[str]:
    """Look at the gradient of each layer in a training step."""
    found = anomaly.search(network, batch)
    if found:
        yield f"{found}: training would stop at the first batch; scale x, or start from smaller weights"
        return
    gradients_of(network, batch)
    layers = zip(network._names, network.layers, strict=True)
    report.gradients = {
        name: math.hypot(*(np.linalg.norm(dp.astype(np.float64)) for dp in layer.grads.values()))
        for name, layer in layers
        if layer.size
    }
    largest = max(report.gradients.values(), default=0.0)
    for name, norm in report.gradients.items():
        if norm <= VANISHED * largest:
            yield (
                f"{name} gets next to no gradient, {norm:.2g}: what comes after it lets none through (dead "
                f"relu, saturated tanh, long sequences); try other activations, initializers, or a GRU"
            )
    if largest > EXPLODED:
        yield f"a gradient has norm {largest:.2g}; scale x and y, or clip it: Adam(clip_global_norm=1.0)"


def at_learning(report: Report, network: Model, batch: Batch, steps: int) -> Iterator[str]:
    """Look whether the network, whose gradients are those of a batch, can learn it by heart."""
    if not report.gradients:
        return
    optimizer = network.optimizer or optimizers.get("adam")
    lowest = bounds(network, batch)[1]
    first = above = loss_of(network, batch) - lowest
    while report.steps < steps and LEARNT * first < above < math.inf:
        network.update(optimizer, report.steps / steps)  # within the first epoch of a schedule
        above = gradients_of(network, batch) - lowest
        report.steps += 1
    report.left = (loss_of(network, batch) - lowest) / first if first > 0 else 0.0
    if not report.left <= LEARNT:
        yield (
            f"{report.left:.0%} of the loss of {len(batch.x)} samples is left after {report.steps} steps on "
            f"them alone, which should be learnt by heart; try another rate (now {optimizer.rate(0.0):.3g}), "
            f"more units or steps, and look whether x can tell y at all"
        )


def loss_of(network: Model, batch: Batch) -> float:
    """Return the loss of one batch, without the noise of training and without penalties."""
    a = network.forward(batch.x, lengths=batch.lengths)
    return network.loss(batch.y, a, batch.weight)


def gradients_of(network: Model, batch: Batch) -> float:
    """Fill the gradients of one batch, and return its loss without penalties."""
    a = network.forward(batch.x, training=True, lengths=batch.lengths)
    loss = network.loss(batch.y, a, batch.weight)
    network.backward(network.loss.gradient(batch.y, a, batch.weight))
    network.gradients()
    return loss


def check(network: Model, x: Any, y: Any, lengths: ArrayLike | None, steps: int, seed: int) -> Report:
    """Return the report on a network and data; see `nnfw.Network.check`."""
    steps = positive_integer("check", "steps", steps)
    rng = np.random.default_rng(whole_number("check", "seed", seed))
    trial = copy.deepcopy(network)
    trial.history, trial._fitting = History(), False
    data = adapters.as_data(trial, x, y, lengths)
    trial._build()
    report = Report(trial._describe(), forms(trial, y, data))
    seen = data.subset(np.sort(rng.permutation(len(data))[:SAMPLES]))
    batch = seen.subset(np.sort(rng.permutation(len(seen))[:BATCH])).batch()
    with np.errstate(all="ignore"):  # what overflows here is for the report to tell
        looks = [
            at_features(report, trial, seen),
            at_targets(report, trial, seen),
            at_loss(report, trial, seen),
            at_gradients(report, trial, batch),
            at_learning(report, trial, batch, steps),
        ]
        report.warnings = [warning for look in looks for warning in look]
    return report


def forms(network: Model, y: Any, data: Data) -> str:
    """Return the forms of x and y, and what the outputs make of them."""
    last = network._last
    outputs = last.activation.name if last.activation else type(last).__name__
    given = "a list" if isinstance(y, (list, tuple)) else np.shape(y)
    kind = "classes" if network.loss.fused_with else "numbers"
    return (
        f"x {data.x.shape} of {data.x.dtype}, y {given} taken as {kind}, by {network.loss!r} "
        f"on {outputs} outputs {with_samples(network.shapes[-1])}"
    )

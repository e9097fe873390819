"""The check before a long fit: whether data, network and loss are compatible, and the network can learn.

All checks use a copy of the network and some of the samples; the result is one `Report`. Each check adds its
findings to the report and yields warnings.
"""

import copy
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from nnfw import optimizers
from nnfw.core import notebook
from nnfw.core.lengths import steps_as_samples
from nnfw.core.typing import Array, ArrayLike
from nnfw.core.validation import positive_integer, whole_number
from nnfw.kernels.blas import one_thread
from nnfw.layers import GRUD, Dropout, GaussianNoise
from nnfw.layers.base import with_samples
from nnfw.model import Model
from nnfw.training import adapters, anomaly
from nnfw.training.batches import Batch, Data
from nnfw.training.sources import class_labels

SAMPLES, BATCH = 1000, 32  # at most this many are examined, and overfitted
RARE = 0.1  # a class with less than this part of an equal share is rare
FAR = 10.0  # a mean or spread above it is not scaled, nor are spreads all below 1 / FAR²
SURE = 2.0  # times the baseline loss: wrong with confidence
VANISHED, EXPLODED = 1e-6, 1e4  # the norm of a layer's gradient: relative to the largest, and absolute
LEARNT = 0.1  # the part of the loss above the lowest that may remain after overfitting one batch


@dataclass(repr=False)
class Report:
    """The result of `Network.check`; it is displayed as text, with the warnings last.

    The baseline loss is that of equal probabilities for all classes (log K for cce, log 2 for bce), or of
    the mean of the targets (their variance for mse); it and the lowest loss exclude penalties.
    """

    layers: str  # the table of layers, as in `Network.summary`
    data: str  # the shapes of x and y, and how the loss interprets y
    classes: dict[int, int] = field(default_factory=dict)  # targets of each class; empty in regression
    scale: dict[str, Array] = field(default_factory=dict)  # mean, std, low, high (D,); empty for indices
    loss: float = math.nan  # the current loss
    chance: float = math.nan  # the baseline loss
    lowest: float = math.nan  # the loss of outputs equal to y; for GaussianNLL, of deviation 1
    gradients: dict[str, float] = field(default_factory=dict)  # the norm of each layer's gradient
    left: float = math.nan  # the part of one batch's loss above the lowest after overfitting it
    steps: int = 0  # steps taken to overfit it
    warnings: list[str] = field(default_factory=list)  # the problems, each with its remedy

    @property
    def ok(self) -> bool:
        """Whether there are no warnings."""
        return not self.warnings

    def __repr__(self) -> str:
        """Show the loss beside the baseline loss, and how many warnings there are."""
        count = len(self.warnings)
        found = f"{count or 'no'} warning{'s' * (count != 1)}"
        return f"<Report, {found}; loss {self.loss:.3g}, baseline loss {self.chance:.3g}>"

    def __str__(self) -> str:
        """Return the page."""
        rows = [f"{name:<10} {found}" for name, found in self._rows()]
        warnings = [f"! {warning}" for warning in self.warnings] or ["no warnings"]
        return "\n".join([self.layers, "", *rows, "", *warnings])

    def _repr_html_(self) -> str:
        """Return the page, without the layers, as a notebook shows it."""
        notebook.forget(self)
        warnings = [("warning", warning) for warning in self.warnings] or [("no warnings", "")]
        return notebook.table([("check", "found"), *self._rows(), *warnings])

    def _rows(self) -> list[tuple[str, str]]:
        """Return what was looked at, and what was found."""
        rows = [("data", self.data)]
        if self.classes:
            counts = self.classes.values()
            each = f"with {min(counts)} to {max(counts)} each of {sum(counts)} targets"
            rows.append(("classes", f"{len(counts)}, {each}"))
        if self.scale:
            mean, std, low, high = (self.scale[name] for name in ("mean", "std", "low", "high"))
            means, spreads = (f"{a.min():.3g} to {a.max():.3g}" for a in (mean, std))
            values = f"{low.min():.3g} to {high.max():.3g}"
            rows.append(("features", f"means {means}, spreads {spreads}, values {values}"))
        perfect = f"outputs equal to y give {round(self.lowest, 9):.3g}"  # without their rounding errors
        rows.append(("loss", f"{self.loss:.3g}; the baseline loss is {self.chance:.3g}, {perfect}"))
        if self.gradients:
            norms = ", ".join(f"{name} {norm:.2g}" for name, norm in self.gradients.items())
            left = f"after {self.steps} steps on it alone, {self.left:.1%} of its loss is left"
            rows += [("gradients", norms), ("one batch", left)]
        return rows


def check(network: Model, x: Any, y: Any, lengths: ArrayLike | None, steps: int, seed: int) -> Report:
    """Return the report on a network and data; see `nnfw.Network.check`."""
    steps = positive_integer("check", "steps", steps)
    rng = np.random.default_rng(whole_number("check", "seed", seed))
    network = copy.deepcopy(network)
    data = adapters.as_data(network, x, y, lengths)
    network._build()
    activation = getattr(network._last, "activation", None)
    outputs = activation.name if activation else type(network._last).__name__
    report = Report(
        network._describe(),
        f"x {data.x.shape} of {data.x.dtype}, y {'a list' if isinstance(y, (list, tuple)) else np.shape(y)} "
        f"taken as {'classes' if network.loss.fused_with else 'numbers'}, by {network.loss!r} on {outputs} "
        f"outputs {with_samples(network.shapes[-1])}",
    )
    seen = data.subset(np.sort(rng.permutation(len(data))[:SAMPLES]))
    batch = seen.subset(np.sort(rng.permutation(len(seen))[:BATCH])).batch()
    with np.errstate(all="ignore"):  # an overflow becomes a warning in the report
        for found in (
            check_layers(network, seen.steps_of_samples),
            check_features(report, network, seen.batch()),
            check_targets(report, network, seen.batch()),
            check_loss(report, network, seen),
            check_gradients(report, network, batch),
            overfit(report, network, batch, steps),
        ):
            report.warnings.extend(found)
    return report


def check_layers(network: Model, lengths: Array | None) -> Iterator[str]:
    """Check that the last layer does not alter the outputs at random, and that no sequence becomes empty."""
    if isinstance(network._last, Dropout | GaussianNoise):
        said = f"{network._last._label} is the last layer, so it alters the outputs in training"
        yield f"{said}; put it before the last layer that has weights"
    steps = lengths = np.zeros(0, int) if lengths is None else lengths
    for layer, shape in zip(network.layers, network.shapes, strict=False):
        steps = layer.count_steps(steps) if None in shape else steps  # else not the sequences' steps
    if (lost := (lengths > 0) & (steps == 0)).any():
        said = f"{lost.sum()} of {len(lost)} sequences are shorter than the windows, so no step is left"
        yield f"{said}; pad them, or build the convolutions with padding='same'"


def check_features(report: Report, network: Model, batch: Batch) -> Iterator[str]:
    """Check the scale of each feature."""
    if network._takes_indices:
        return
    x = steps_as_samples(batch.x, batch.lengths) if batch.x.ndim == 3 else batch.x
    x = x.reshape(-1, x.shape[-1]).astype(np.float64)  # each pixel of an image is a sample of its channels
    mean, std = x.mean(axis=0), x.std(axis=0)
    report.scale = {"mean": mean, "std": std, "low": x.min(axis=0), "high": x.max(axis=0)}
    odd = (np.abs(mean) > FAR) | (std > FAR) | (std.max() < FAR**-2)
    if odd.any():
        worst, first = int(odd.argmax()), network._first
        remedy = "nnfw.data.StandardScaler gives them mean 0 and spread 1"
        if isinstance(getattr(first, "layer", first), GRUD):
            remedy = "nnfw.data.Gaps scales values; pass times= in a unit in which most gaps are near 1"
        yield (
            f"{odd.sum()} of {len(odd)} features are not scaled: feature {worst} has mean {mean[worst]:.3g} "
            f"and spread {std[worst]:.3g}; {remedy}"
        )


def check_targets(report: Report, network: Model, batch: Batch) -> Iterator[str]:
    """Check the balance of classes, or the values of regression targets."""
    if network.loss.of_sequences:
        return
    y = valid_targets(network, batch, batch.y)
    if not network.loss.fused_with:
        yield from check_numbers(network, y)
    elif (labels := class_labels(y)) is not None:
        counts = np.bincount(labels.astype(np.int64), minlength=max(network.shapes[-1][-1] or 0, 2))
        report.classes = dict(enumerate(counts.tolist()))
        if not counts.all():
            missing = f"class {counts.argmin()} has no sample among the {len(labels)} examined"
            yield f"{missing}; use fewer outputs, or more data"
        elif counts.min() < RARE * len(labels) / len(counts):
            yield (
                f"the classes are unbalanced: always predicting {counts.argmax()} would be right for "
                f"{counts.max() / len(labels):.0%}; fit(..., class_weight='balanced') weights them equally, "
                f"as does nnfw.metrics.Recall('macro')"
            )


def check_numbers(network: Model, y: Array) -> Iterator[str]:
    """Check whether regression targets are scaled, and within the range of the outputs."""
    activation = getattr(network._last, "activation", None)
    if activation is not None and activation.elementwise:
        near, far = activation(np.linspace(-1e4, 1e4, 10001)), activation(np.array([-1e5, 1e5]))
        low = -math.inf if far.min() < near.min() else near.min()  # still falling: unbounded
        high = math.inf if far.max() > near.max() else near.max()
        if y.min() < low - 1e-6 or y.max() > high + 1e-6:
            yield (
                f"y holds {y.min():.3g} to {y.max():.3g}, but outputs of {activation.name} range from "
                f"{low:.3g} to {high:.3g}; scale y (nnfw.data.MinMaxScaler), or use linear outputs"
            )
    spread, mean = float(y.std()), float(np.abs(y.mean()))
    if spread == 0:
        yield f"y is {mean:.3g} everywhere, so there is nothing to learn"
    elif spread > FAR or mean > FAR:
        yield f"y has mean {mean:.3g} and spread {spread:.3g}; nnfw.data.StandardScaler scales it"


def check_loss(report: Report, network: Model, data: Data) -> Iterator[str]:
    """Compare the loss with the baseline loss."""
    batches = [part.batch() for part in data.parts(BATCH)]
    loss = np.average([loss_of(network, b) for b in batches], weights=[b.valid for b in batches])
    report.loss = float(loss) + network._penalty()
    report.chance, report.lowest = baseline_and_lowest(network, data.batch())
    below = min(report.lowest, 0.0)  # a loss that can be negative is measured from its lowest value
    if not math.isfinite(report.loss):
        yield f"the loss is {report.loss}; see below where this begins"
    elif loss - below > SURE * (report.chance - below) > 0:
        fixed = network.loss.fused_with or math.isfinite(network.loss.target_range[0])  # classes, counts
        yield (
            f"the loss is {loss:.3g}, far above the baseline loss {report.chance:.3g}: the outputs are far "
            f"from y; scale {'x' if fixed else 'x and y'}, or start from smaller weights"
        )


def baseline_and_lowest(network: Model, batch: Batch) -> tuple[float, float]:
    """Return the baseline loss, and the lowest loss: that of outputs equal to the targets of the loss."""
    loss, K = network.loss, network.shapes[-1][-1] or 0
    if loss.of_sequences:
        return loss(batch.y, np.full((len(batch.y), batch.y[:, 0].max(), K), 1 / K), batch.weight), 0.0
    shape = (*batch.y.shape[: len(network.shapes[-1])], K)
    targets = loss.targets(batch.y, np.zeros(shape))
    if loss.fused_with or loss.takes_classes:
        constant = np.full(shape, 1 / 2 if loss.fused_with == "sigmoid" else 1 / max(K, 2))
    else:
        mean = valid_targets(network, batch, targets).mean(axis=0)
        constant = np.broadcast_to(loss.as_outputs(mean), shape)
    lowest = loss(batch.y, loss.as_outputs(targets), batch.weight)
    return loss(batch.y, constant, batch.weight), lowest if math.isfinite(lowest) else 0.0


def valid_targets(network: Model, batch: Batch, y: Array) -> Array:
    """Return the targets (M, ...) of all samples of a batch, or of their valid steps."""
    return steps_as_samples(y, batch.lengths) if len(network.shapes[-1]) > 1 else y


def check_gradients(report: Report, network: Model, batch: Batch) -> Iterator[str]:
    """Check the gradient of each layer in a training step."""
    if found := anomaly.search(network, batch):
        yield f"{found}: training would stop at the first batch; scale x, or start from smaller weights"
        return
    network._compute_gradients(batch)
    for name, layer in zip(network._names, network.layers, strict=True):
        if layer.size:
            norms = [np.linalg.norm(dp.astype(np.float64)) for dp in layer.grads.values()]
            report.gradients[name] = math.hypot(*norms)
    largest = max(report.gradients.values(), default=0.0)
    for name, norm in report.gradients.items():
        if norm <= VANISHED * largest:
            yield (
                f"{name} gets almost no gradient, {norm:.2g}: the layers after it pass none back (dead "
                f"relu, saturated tanh, long sequences); try other activations, initializers, or a GRU"
            )
    if largest > EXPLODED:
        yield f"a gradient has norm {largest:.2g}; scale x and y, or clip it: Adam(clip_global_norm=1.0)"


def overfit(report: Report, network: Model, batch: Batch, steps: int) -> Iterator[str]:
    """Check whether the network can overfit one batch, whose gradients it holds."""
    if not report.gradients:
        return
    optimizer = network.optimizer or optimizers.get("adam")
    lowest = baseline_and_lowest(network, batch)[1]
    first = above = loss_of(network, batch) - lowest
    before = network.flat_params.copy()
    with one_thread():  # as in a fit of small products
        while report.steps < steps and LEARNT * first < above < math.inf:
            network.update(optimizer, report.steps / steps)  # within the first epoch of a schedule
            above = network._compute_gradients(batch) - lowest
            if above <= LEARNT * first:  # in training; the running statistics of BatchNorm may lag behind
                above = loss_of(network, batch) - lowest
            report.steps += 1
    report.left = max(loss_of(network, batch) - lowest, 0.0) / first if first > 0 else 0.0
    if not report.left <= LEARNT:
        remedy = "more units or steps, and check whether y depends on x at all"
        if np.array_equal(before, network.flat_params):
            remedy = "as no weight has changed; a custom optimizer must update in place, params -= ..."
        yield (
            f"{report.left:.0%} of the loss of {len(batch.x)} samples is left after {report.steps} steps on "
            f"only these, but a network should overfit one batch; try another rate (now "
            f"{optimizer.rate(0.0):.3g}), {remedy}"
        )


def loss_of(network: Model, batch: Batch) -> float:
    """Return the loss of one batch, without the noise of training and without penalties."""
    return network.loss(batch.y, network.forward(batch.x, lengths=batch.lengths), batch.weight)

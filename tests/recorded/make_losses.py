"""Record losses and gradients of PyTorch, and one of Keras: ``python tests/recorded/make_losses.py``.

A case is a loss of nnfw with its arguments, targets y, a weight, and outputs x (scores, with an activation).
"""

import json
import os
from functools import partial
from pathlib import Path

import numpy as np

os.environ["KERAS_BACKEND"] = "torch"
import keras
import torch
import torch.nn.functional as F

rng = np.random.default_rng(20240607)
arrays: dict[str, np.ndarray] = {}
cases: dict[str, dict] = {}
FLAT, TIME = (7, 5), (4, 3, 5)  # (N, K) and (N, T, K)
ACTIVATIONS = {"softmax": lambda s: torch.softmax(s, -1), "sigmoid": torch.sigmoid}


def record(case, loss, y, x, torch_loss, activation=None, **config):
    """Record a `torch_loss`, whose unreduced form has a value for each output or for each sample."""
    tensor, target = torch.tensor(x, requires_grad=True), torch.tensor(y)
    values = torch_loss(tensor, target, reduction="none")
    values = values.mean(-1) if values.ndim == tensor.ndim else values
    weight = rng.uniform(0.0, 2.0, values.shape)
    mean = torch_loss(tensor, target, reduction="mean")
    weighted = (values * torch.tensor(weight)).sum() / values.numel()
    found = {
        "values": values,
        "mean": mean,
        "sum": torch_loss(tensor, target, reduction="sum"),
        "gradient": torch.autograd.grad(mean, tensor, retain_graph=True)[0],
        "weighted": weighted,
        "weighted_gradient": torch.autograd.grad(weighted, tensor)[0],
    }
    if activation:
        found["a"] = ACTIVATIONS[activation](tensor)
    arrays.update({f"{case}/{name}": value.detach().numpy() for name, value in found.items()})
    arrays.update({f"{case}/y": y, f"{case}/x": x, f"{case}/weight": weight})
    cases[case] = {"loss": loss, "config": config, "activation": activation}


def softmax(scores):
    """Return distributions over the last axis."""
    return ACTIVATIONS["softmax"](torch.tensor(scores)).numpy()


def classes_second(tensor):
    """Return `tensor` with its classes on axis 1, where PyTorch wants them."""
    return tensor.movedim(-1, 1) if tensor.is_floating_point() else tensor


def by_hand(formula):
    """Return a loss like PyTorch's own from a `formula` of (a, y) that it has not."""
    reduce = {"none": lambda values: values, "mean": torch.mean, "sum": torch.sum}
    return lambda a, y, reduction: reduce[reduction](formula(a, y))


def cross_entropy(s, y, **options):
    """Return PyTorch's cross-entropy of scores."""
    return F.cross_entropy(classes_second(s), classes_second(y), **options)


def smoothed(loss, amount):
    """Return a binary `loss` of targets that are smoothed as in Keras."""
    return lambda a, y, reduction: loss(a, (1 - amount) * y + amount / 2, reduction=reduction)


BCE, BCE_OF_SCORES = F.binary_cross_entropy, F.binary_cross_entropy_with_logits

for kind, shape in {"flat": FLAT, "time": TIME}.items():
    y, a = rng.standard_normal(shape), rng.standard_normal(shape)
    counts, rates = rng.poisson(2.0, shape).astype(float), rng.gamma(2.0, size=shape)
    bits, probabilities = rng.integers(0, 2, shape).astype(float), rng.uniform(0.02, 0.98, shape)
    teacher, student = softmax(rng.standard_normal(shape)), softmax(rng.standard_normal(shape))
    classes = rng.integers(0, shape[-1], shape[:-1])

    record(f"mse_{kind}", "mse", y, a, F.mse_loss)
    record(f"mae_{kind}", "mae", y, a, F.l1_loss)
    for delta in (0.3, 1.0, 2.5):
        record(f"huber_{delta}_{kind}", "huber", y, a, partial(F.huber_loss, delta=delta), delta=delta)
    record(f"log_cosh_{kind}", "log_cosh", y, a, by_hand(lambda a, y: (a - y).cosh().log()))
    record(f"hinge_{kind}", "hinge", 2 * bits - 1, a, by_hand(lambda a, y: (1 - y * a).clamp(min=0)))
    record(f"msle_{kind}", "msle", counts, rates, by_hand(lambda a, y: (a.log1p() - y.log1p()) ** 2))
    poisson = partial(F.poisson_nll_loss, log_input=False, eps=0.0)
    record(f"poisson_{kind}", "poisson", counts, rates, poisson)
    kl = by_hand(lambda a, y: F.kl_div(a.log(), y, reduction="none").sum(-1))
    record(f"kl_{kind}", "kl_divergence", teacher, student, kl)
    nll = by_hand(lambda a, y: F.nll_loss(classes_second(a.log()), y, reduction="none"))
    record(f"cce_{kind}", "cce", classes, student, nll)
    record(f"cce_soft_{kind}", "cce", teacher, student, by_hand(lambda a, y: -(y * a.log()).sum(-1)))
    record(f"bce_{kind}", "bce", bits, probabilities, BCE)
    record(f"bce_soft_{kind}", "bce", rng.uniform(size=shape), probabilities, BCE)
    record(f"bce_smooth_{kind}", "bce", bits, probabilities, smoothed(BCE, 0.2), label_smoothing=0.2)

    for size in (3.0, 1e4):
        s, name = rng.uniform(-size, size, shape), f"{size:g}_{kind}"
        smooth = partial(cross_entropy, label_smoothing=0.1)
        record(f"joint_cce_{name}", "cce", classes, s, cross_entropy, "softmax")
        record(f"joint_cce_soft_{name}", "cce", teacher, s, cross_entropy, "softmax")
        record(f"joint_cce_smooth_{name}", "cce", classes, s, smooth, "softmax", label_smoothing=0.1)
        smooth = smoothed(BCE_OF_SCORES, 0.2)
        record(f"joint_bce_{name}", "bce", bits, s, BCE_OF_SCORES, "sigmoid")
        record(f"joint_bce_smooth_{name}", "bce", bits, s, smooth, "sigmoid", label_smoothing=0.2)


def pinball(levels):
    """Return the quantile loss of outputs (..., M, len(levels)), the mean of each target's levels."""
    q = torch.tensor(levels, dtype=torch.float64)

    def values(a, y):
        error = y[..., None] - a.unflatten(-1, (-1, len(levels)))
        return torch.where(error >= 0, q * error, (q - 1) * error).mean((-2, -1))

    return values


def gaussian(a, y, reduction):
    """Return the loss of means and logarithms of deviations side by side, with a variance of 1e-6 more."""
    m, s = a.unflatten(-1, (-1, 2)).unbind(-1)
    return F.gaussian_nll_loss(m, y, (2 * s).exp() + 1e-6, full=True, eps=0.0, reduction=reduction)


def mixture(k, epsilon):
    """Return the loss of k logits, k means and k logarithms of deviations a target."""

    def values(a, y):
        w, m, s = a.unflatten(-1, (-1, 3, k)).unbind(-2)
        parts = torch.distributions.Normal(m, ((2 * s).exp() + epsilon).sqrt())
        bells = torch.distributions.MixtureSameFamily(torch.distributions.Categorical(logits=w), parts)
        return -bells.log_prob(y).mean(-1)

    return values


def focal(gamma):
    """Return the focal loss of scores."""

    def values(s, y):
        a = torch.softmax(s, -1).gather(-1, y[..., None])[..., 0]
        return -((1 - a) ** gamma) * a.log()

    return values


for kind, shape in {"flat": (7, 2), "time": (4, 3, 1)}.items():
    y, classes = rng.standard_normal(shape), rng.integers(0, 5, shape[:-1])

    def outputs(per_target, shape=shape):
        return rng.standard_normal((*shape[:-1], shape[-1] * per_target))

    for levels in ([0.1, 0.5, 0.9], [0.75]):
        a = outputs(len(levels))
        record(f"quantile_{levels}_{kind}", "quantile", y, a, by_hand(pinball(levels)), levels=levels)
    record(f"gaussian_{kind}", "gaussian_nll", y, outputs(2), gaussian)
    for k, epsilon in ((1, 1e-6), (3, 0.1)):
        config = {"components": k, "epsilon": epsilon}
        record(
            f"mixture_{k}_{kind}",
            "mixture_density",
            y,
            outputs(3 * k),
            by_hand(mixture(k, epsilon)),
            **config,
        )
    for gamma in (0.0, 0.5, 2.0):
        s = 2 * rng.standard_normal((*shape[:-1], 5))
        record(
            f"joint_focal_{gamma}_{kind}", "focal", classes, s, by_hand(focal(gamma)), "softmax", gamma=gamma
        )


def record_ctc(name, N, T, K, labels, lengths, size):
    """Record PyTorch's CTC of scores, of labels padded with zeros, with the gradient of the mean."""
    scores = torch.tensor(rng.uniform(-size, size, (N, T, K)), requires_grad=True)
    log_p = torch.log_softmax(scores, -1).transpose(0, 1)
    labels, lengths = torch.tensor(labels), torch.tensor(lengths)
    values = F.ctc_loss(log_p, labels, lengths, (labels > 0).sum(1), reduction="none")
    (gradient,) = torch.autograd.grad(values.mean(), scores)
    found = {"x": scores, "labels": labels, "lengths": lengths, "values": values, "gradient": gradient}
    arrays.update({f"ctc/{name}/{key}": value.detach().numpy() for key, value in found.items()})


record_ctc("short", 4, 6, 4, [[1, 2, 3], [1, 1, 0], [3, 0, 0], [0, 0, 0]], [6, 5, 3, 2], 2.0)
record_ctc("repeats", 3, 11, 3, [[1, 1, 2, 2], [2, 2, 2, 0], [1, 2, 1, 2]], [11, 9, 4], 5.0)
many = rng.integers(1, 20, (5, 12))
record_ctc("long", 5, 60, 20, many, [60, 51, 47, 33, 25], 30.0)


def ordinal(a, y):
    """Return the sum of the binary cross-entropies of whether y exceeds each class but the last."""
    each = [BCE(a[..., k + 1 :].sum(-1), (y > k).double(), reduction="none") for k in range(a.shape[-1] - 1)]
    return sum(each)


def ordinal_by_sums(a, y):
    """Return the same of outputs of any sum."""
    limits = range(1, a.shape[-1])
    logs = [torch.where(y >= k, a[..., k:].sum(-1), a[..., :k].sum(-1)).log() for k in limits]
    return -sum(logs)


for kind, shape in {"flat": FLAT, "time": TIME}.items():
    classes, s = rng.integers(0, shape[-1], shape[:-1]), 2 * rng.standard_normal(shape)
    record(f"ordinal_{kind}", "ordinal", classes, softmax(s), by_hand(ordinal_by_sums))
    scores = by_hand(lambda s, y: ordinal(torch.softmax(s, -1), y))
    record(f"joint_ordinal_{kind}", "ordinal", classes, s, scores, "softmax")


def record_class_weights(shape):
    """Record PyTorch's cross-entropy with a weight a class, which divides by the sum of the weights."""
    s, y = torch.tensor(rng.standard_normal(shape), requires_grad=True), rng.integers(0, 5, shape[:-1])
    weight = rng.uniform(0.1, 3.0, 5)
    loss = cross_entropy(s, torch.tensor(y), weight=torch.tensor(weight))
    (gradient,) = torch.autograd.grad(loss, s)
    found = {"x": s, "a": torch.softmax(s, -1), "loss": loss, "gradient": gradient}
    name = f"class_weights/{len(shape)}"
    arrays.update({f"{name}/{key}": value.detach().numpy() for key, value in found.items()})
    arrays.update({f"{name}/y": y, f"{name}/weight": weight})


def record_weighted_fit():
    """Record three epochs of SGD on a softmax regression, with a weight a class and batches of 8."""
    x, y, weight = rng.standard_normal((40, 4)), rng.integers(0, 3, 40), np.array([0.2, 1.0, 5.0])
    model = torch.nn.Linear(4, 3).double()
    arrays["weighted_fit/W"] = model.weight.detach().numpy().T.copy()
    arrays["weighted_fit/b"] = model.bias.detach().numpy().copy()
    loss_of = torch.nn.CrossEntropyLoss(torch.tensor(weight))
    optimizer, losses = torch.optim.SGD(model.parameters(), 0.5), []
    for _ in range(3):
        total = 0.0
        for rows in np.split(np.arange(40), 5):
            loss = loss_of(model(torch.tensor(x[rows])), torch.tensor(y[rows]))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * weight[y[rows]].sum()
        losses.append(total / weight[y].sum())
    trained = {"W_after": model.weight.detach().numpy().T, "b_after": model.bias.detach().numpy()}
    trained["evaluated"] = loss_of(model(torch.tensor(x)), torch.tensor(y)).detach().numpy()
    found = {"x": x, "y": y, "weight": weight, "losses": np.array(losses)} | trained
    arrays.update({f"weighted_fit/{key}": value for key, value in found.items()})


def record_keras(name, shape):
    """Record Keras' cross-entropy of weighted samples, which divides by the sum of the weights."""
    a, y = softmax(rng.standard_normal(shape)), rng.integers(0, 5, shape[:-1])
    weight = rng.uniform(0.0, 2.0, shape[:-1])
    loss = keras.losses.SparseCategoricalCrossentropy(reduction="mean_with_sample_weight", dtype="float64")
    found = {"a": a, "y": y, "weight": weight, "loss": float(loss(y, a, sample_weight=weight))}
    arrays.update({f"keras_weights/{name}/{key}": value for key, value in found.items()})


record_keras("flat", FLAT)
record_keras("time", TIME)
torch.manual_seed(0)
record_class_weights((9, 5))
record_class_weights((4, 6, 5))
record_weighted_fit()

arrays["cases"] = np.array(json.dumps(cases))
np.savez_compressed(Path(__file__).with_name("losses.npz"), **arrays)

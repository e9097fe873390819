"""Connectionist temporal classification: all alignments of L labels to T steps (Graves et al. 2006).

Each step has a label or the blank, 0; repeats are merged, then blanks removed. The labels with blanks between
and around them, l' with S = 2L + 1 places, are traversed from left to right: each step stays at its place, or
moves on by one, or by two if that skips a blank between different labels. All values are logarithms, so that
no product of probabilities underflows. With T_n steps and L_n labels of sequence n::

    (1)  α_t(s) = log p_t(l'_s) + log (exp α_{t-1}(s) + exp α_{t-1}(s-1) + [skip s] exp α_{t-1}(s-2))
    (2)  log P = log (exp α_T(2L) + exp α_T(2L-1))
    (3)  β_t(s) = log (exp (β + log p)_{t+1}(s) + exp (β + log p)_{t+1}(s+1) + [skip s+2] exp (...)(s+2))
    (4)  γ_t(s) = exp (α_t(s) + β_t(s) - log P)     the probability of place s at step t, given the labels
"""

import numpy as np

from nnfw.core.lengths import valid_steps
from nnfw.core.typing import Array


class Alignment:
    """The places of the targets of `CTC` (N, 1 + L): the steps of each sequence, its labels, and then zeros.

    Examples
    --------
    Two steps encode the label 1 as 1 1, 1 0 or 0 1:

    >>> one = Alignment(np.array([[2, 1]]))
    >>> p = np.array([[[0.4, 0.6], [0.7, 0.3]]])
    >>> round(float(np.exp(one.log_likelihood(np.log(p))[0])), 4)  # 0.6·0.3 + 0.6·0.7 + 0.4·0.3
    0.72
    """

    def __init__(self, targets: Array) -> None:
        self.lengths, labels = targets[:, 0], targets[:, 1:]
        N, L = labels.shape
        self.last = 2 * np.count_nonzero(labels, axis=1)
        self.places = np.zeros((N, 2 * L + 1), np.int64)  # l'
        self.places[:, 1::2] = labels
        apart = (labels[:, 1:] > 0) & (labels[:, 1:] != labels[:, :-1])
        self.skips = np.where(apart, 0.0, -np.inf)  # log of whether a step may skip the blank before a label

    def log_likelihood(self, log_p: Array) -> Array:
        """Return log P (N,), for the logarithms of the outputs (N, T, K)."""
        return self._ends(self._forward(self._at_places(log_p))[-1]).astype(log_p.dtype)  # (2)

    def occupancy(self, log_p: Array) -> tuple[Array, Array]:
        """Return log P, and the probability of each symbol at each step, given the labels: (N, T, K)."""
        at_places = self._at_places(log_p)
        α, β = self._forward(at_places), self._backward(at_places)
        total = self._ends(α[-1])
        finite = np.where(np.isfinite(total), total, 0.0)  # labels that the steps cannot spell have no γ
        γ = np.exp(α + β - finite[:, None])  # (4)
        γ *= valid_steps(self.lengths, len(γ)).T[:, :, None]
        is_label = self.places[:, :, None] == np.arange(log_p.shape[2])  # (N, S, K)
        found = np.moveaxis(γ, 0, 1) @ is_label.astype(γ.dtype)
        return total.astype(log_p.dtype), found.astype(log_p.dtype)

    def _at_places(self, log_p: Array) -> Array:
        """Return log p of the labels at the places, steps first: (T, N, S).

        In float64, since α is a sum over all steps: in float32 a thousand of them leave two digits of γ.
        """
        rows = np.arange(len(log_p))[:, None]
        return np.moveaxis(log_p, 1, 0)[:, rows, self.places].astype(np.float64)

    def _forward(self, log_p: Array) -> Array:
        """Return α (T, N, S); beyond the end of a sequence it stays, and without a step it spells nothing."""
        α = np.full_like(log_p, -np.inf)
        α[0, :, :2] = log_p[0, :, :2]
        α[0, self.lengths == 0] = np.where(np.arange(α.shape[2]) == 0, 0.0, -np.inf)
        for t in range(1, len(α)):
            following = log_p[t] + joined(α[t - 1], self.skips)  # (1)
            α[t] = np.where((t < self.lengths)[:, None], following, α[t - 1])
        return α

    def _backward(self, log_p: Array) -> Array:
        """Return β (T, N, S)."""
        N, S = self.places.shape
        final = np.full((N, S), -np.inf, log_p.dtype)
        final[np.arange(N), self.last] = final[np.arange(N), np.maximum(self.last - 1, 0)] = 0.0
        β = np.repeat(final[None], len(log_p), axis=0)
        for t in range(len(β) - 2, -1, -1):
            later = β[t + 1] + log_p[t + 1]
            earlier = joined(later[:, ::-1], self.skips[:, ::-1])[:, ::-1]  # (3)
            β[t] = np.where((t + 1 < self.lengths)[:, None], earlier, final)
        return β

    def _ends(self, α: Array) -> Array:
        """Return the logarithm of the sum over the two places where a sequence may end."""
        rows = np.arange(len(α))
        label = np.where(self.last > 0, α[rows, np.maximum(self.last - 1, 0)], -np.inf)
        return np.logaddexp(α[rows, self.last], label)


def read_labels(a: Array, counts: Array) -> list[Array]:
    """Return the most likely symbol of each step, with repeats merged and then blanks removed."""
    best = [row[:n] for row, n in zip(a.argmax(axis=-1), counts, strict=True)]
    return [row[(row > 0) & (np.diff(row, prepend=0) != 0)] for row in best]


def edit_distance(a: Array, b: Array) -> int:
    """Return the Levenshtein distance: the labels to insert, delete or change to equate two sequences.

    Examples
    --------
    >>> edit_distance(np.array([1, 2, 3]), np.array([2, 3, 3]))
    2
    """
    a, b = sorted((a, b), key=len)
    row = np.zeros(len(b) + 1, int)  # distance from the first labels of a to the first j of b, minus j
    for i, equal in enumerate(a[:, None] == b, 1):
        row[1:] = np.minimum(row[:-1] - equal, row[1:] + 1)  # a label kept or changed, or deleted
        row[0] = i
        np.minimum.accumulate(row, out=row)  # insertions
    return int(row[-1]) + len(b)


def joined(α: Array, skips: Array) -> Array:
    """Return the logarithm of the sum over staying at a place, moving by one, and by two where allowed."""
    total = α.copy()
    np.logaddexp(total[:, 1:], α[:, :-1], out=total[:, 1:])
    labels = total[:, 3::2]
    np.logaddexp(labels, α[:, 1:-2:2] + skips, out=labels)
    return total

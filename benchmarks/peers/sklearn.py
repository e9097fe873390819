"""scikit-learn: its MLP, one batch at a time."""

import numpy as np
from sklearn.neural_network import MLPClassifier

from benchmarks.cases import Array, Case, data, dense_weights


def build(case: Case, seed: int) -> "Sequential":
    """Return the case's chain, ready to run."""
    return Sequential(case, seed)


class Sequential:
    """Dense layers with a loss and Adam; two classes are one output, of the same probabilities."""

    def __init__(self, case: Case, seed: int) -> None:
        N, _, *hidden, K = case.sizes
        self.x, self.y = data(case, seed)
        self.model = MLPClassifier(hidden, alpha=0.0, batch_size=N, shuffle=False, random_state=seed)
        self.model.partial_fit(self.x, self.y, classes=np.arange(K))
        weights = dense_weights(case, seed)
        if K == 2:
            W, b = weights[-1]
            weights[-1] = np.diff(W), np.diff(b)
        for old_W, old_b, (W, b) in zip(self.model.coefs_, self.model.intercepts_, weights, strict=True):
            old_W[...], old_b[...] = W, b

    def forward(self) -> Array:
        """Return the outputs (N, K)."""
        return self.model.predict_proba(self.x)

    def step(self) -> float:
        """Return the loss."""
        return self.model.partial_fit(self.x, self.y).loss_

"""Changes of the mathematics that no test can see, each with the reason; `mutants` leaves them out."""

from typing import Any

LIMIT = "how much is taken at a time: the results are the same, the time is not"
COPY = "a copy takes time and changes nothing"

# Lines of which no change can be seen, by the line.
TASTE: dict[tuple[str, str], str] = {
    ("layers/loops", "BLOCK = 1 << 16"): LIMIT,
    ("layers/recurrent", "INFERENCE_ROWS = 2048"): LIMIT,
    ("core/vectors", "BLOCK = 1 << 17"): LIMIT,
    (
        "layers/lstm",
        "_loops = Loops('lstm', at_once=(4,), kept=('v',))",
    ): "the last of the products takes what is left, and this is the only one",
    (
        "layers/gated",
        "hint = nearest(str(gate), self._sigma_gates) if len(str(gate)) > 1 else ''",
    ): "part of a message",
}

# Single changes that leave every result as it is, by what the line becomes.
SAME: dict[tuple[str, str], str] = {
    ("layers/embedding", "x = x.astype(np.intp, copy=True)"): COPY,
    (
        "layers/base",
        "def forward(self, x: Array, training: bool=True) -> Array:",
    ): "the base's own forward only raises",
    (
        "layers/base",
        "vars(self).update(flat_params=np.ones(size, dtype), flat_grads=np.zeros(size, dtype))",
    ): "the initializers fill all of it",
    ("core/lengths", "return lengths.astype(np.int64, copy=True)"): COPY,
    ("layers/loops", "return self.steps.blocks(BLOCK * self.dh.shape[1])"): LIMIT,
    (
        "layers/recurrent",
        "for window in steps.windows(max(1, INFERENCE_ROWS * max(1, steps.N))):",
    ): LIMIT,
    (
        "layers/recurrent",
        "for window in steps.windows(max(2, INFERENCE_ROWS // max(1, steps.N))):",
    ): LIMIT,
    (
        "layers/recurrent",
        "for window in steps.windows(max(1, INFERENCE_ROWS // max(2, steps.N))):",
    ): LIMIT,
    (
        "layers/recurrent",
        "return ((self._random().random(shape) > share) / (1 - share)).astype(self.dtype)",
    ): "a draw is the share itself once in 2⁵³ times",
    (
        "layers/dropout",
        "kept = self._random().random(shape, np.float32) > self.rate",
    ): "a draw is the rate itself once in 2²⁴ times",
    ("losses", "return y.astype(a.dtype, copy=True)"): COPY,
    (
        "losses",
        "near = np.log1p(2.0 * np.sinh(0.5 * np.minimum(error, 2.0)) ** 2)",
    ): "it is taken at errors below 1 only",
    (
        "losses",
        "return np.where(error <= 1.0, near, far).mean(axis=-1)",
    ): "at an error of 1 both forms are as good",
    ("core/vectors", "if limit <= norm < math.inf:"): "at the limit itself the factor is 1",
}


def reason(mutant: Any) -> str | None:
    """Return why no test can see a mutant, or None."""
    return TASTE.get((mutant.file, mutant.before)) or SAME.get((mutant.file, mutant.after))

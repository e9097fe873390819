"""Changes of the mathematics that no test can see, each with the reason; `mutants` leaves them out."""

from typing import Any

LIMIT = "how much is taken at a time: the results are the same, the time is not"
COPY = "a copy takes time and changes nothing"
FORM = "which of two forms computes the same"

# Lines of which no change can be seen, or none but an error, by the line.
TASTE: dict[tuple[str, str], str] = {
    ("layers/loops", "BLOCK = 1 << 16"): LIMIT,
    ("layers/recurrent", "INFERENCE_ROWS = 2048"): LIMIT,
    ("core/vectors", "BLOCK = 1 << 17"): LIMIT,
    ("core/vectors", "KEPT = 4"): LIMIT,
    ("core/vectors", "rows = max(BLOCK // max(size, 1), 1)"): LIMIT,
    ("layers/convolution", "order = np.roll(range(view.ndim), half if view.shape[-1] == 1 else 0)"): FORM,
    ("layers/residual", "MANY = 1 << 10"): "any number of steps will do",
    (
        "layers/gated",
        "hint = nearest(str(gate), self._sigma_gates) if len(str(gate)) > 1 else ''",
    ): "part of a message",
    (
        "layers/grud",
        "def check_input(self, x: Array, features: int | None, axes: tuple[int, ...]=(2, 3)) -> None:",
    ): "a recurrent layer says how many axes",
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
    ("layers/loops", "blocks, n = (self.steps.blocks(BLOCK * H), layout.loops.factors)"): LIMIT,
    (
        "layers/loops",
        "return Compiled(forward, backward) if forward or backward else None",
    ): "there are both, or none",
    ("layers/loops", "if steps.n and G > 2:"): "no cell has two gates",
    ("layers/recurrent", "p.x[:, D - 1:] = 1"): "the inputs are written over it",
    ("layers/recurrent", "p.dh[:N + 1] = 0"): "the gradients of the outputs are written over it",
    ("optimizers", "if params.size < vectors.BLOCK or not self.separable:"): LIMIT,
    (
        "layers/recurrent",
        "return ((self.random().random(shape) > share) / (1 - share)).astype(self.dtype)",
    ): "a draw is the share itself once in 2⁵³ times",
    (
        "layers/dropout",
        "kept = self.random().random(shape, np.float32) > self.rate",
    ): "a draw is the rate itself once in 2²⁴ times",
    (
        "layers/residual",
        "def backward(self, dy: Array, of_logits: bool=True) -> Array:",
    ): "its outputs have no logits",
    (
        "layers/residual",
        "steps = input_shape[0] or MANY if len(input_shape) == 2 else 0",
    ): "vectors and images keep any number of steps",
    ("losses", "return y.astype(a.dtype, copy=True)"): COPY,
    ("losses", "straight = logits * ((logits >= 0) - y)"): "a logit of 0 makes either 0",
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

SAME |= {
    ("layers/loops", f"self.as_rows = layout.compiled is not None or steps.n {test}"): FORM
    for test in ("== 0", "== 2", "!= 1")
}


def reason(mutant: Any) -> str | None:
    """Return why no test can see a mutant, or None."""
    return TASTE.get((mutant.file, mutant.before)) or SAME.get((mutant.file, mutant.after))

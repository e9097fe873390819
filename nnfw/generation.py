"""Generation: continuation of a text by a trained network, one symbol at a time."""

import numpy as np

from nnfw.core.arguments import explain_keywords
from nnfw.core.arrays import as_indices
from nnfw.core.errors import ShapeError
from nnfw.core.typing import Array, ArrayLike
from nnfw.core.validation import AMOUNT, as_network, optional, positive_integer, seeded
from nnfw.model import Model
from nnfw.streaming import Stream


@explain_keywords
def generate(
    network: Model,
    start: ArrayLike,
    steps: int,
    *,
    temperature: float = 1.0,
    top_k: int | None = None,
    seed: int | np.random.Generator | None = None,
) -> Array:
    """Return symbols that continue the given ones, integers (steps,), drawn from a network's outputs.

    The outputs of each step are the probabilities of the next symbol, which is drawn from them and used as
    the input of the next step. `nnfw.data.Vocabulary.decode` converts symbols to text.

    Parameters
    ----------
    network : Network
        A network whose output is a softmax over the K symbols, and whose input are their numbers (an
        `Embedding`) or one-hot rows (K features). Its layers must be causal: see `Network.stream`.
    start : array_like of int (T,)
        The symbols to continue, at least one.
    steps : int
        The number of symbols to draw.
    temperature : float
        τ: probabilities are raised to the power 1/τ. Below 1, likely symbols become more likely, and at 0,
        the most likely one is always chosen.
    top_k : int, optional
        Draw only from the `top_k` most likely symbols.
    seed : int or numpy.random.Generator, optional
        The same seed gives the same symbols.

    Raises
    ------
    ShapeError, ValueError
        If the outputs are not probabilities, or a symbol is not one of the K.
    NonFiniteError
        If an output is not finite.

    Examples
    --------
    >>> from nnfw import GRU, Adam, Dense, Embedding, Network
    >>> network = Network([Embedding(5, 4), GRU(8, return_sequences=True), Dense(5, "softmax")], loss="cce",
    ...                   optimizer=Adam(0.03), seed=0)
    >>> x = np.tile(np.arange(5), (20, 4))
    >>> history = network.fit(x[:, :-1], x[:, 1:], epochs=50, verbose=0)
    >>> generate(network, [0, 1], steps=6, temperature=0)
    array([2, 3, 4, 0, 1, 2])
    """
    steps = positive_integer("generate", "steps", steps)
    temperature = AMOUNT("generate", "temperature", temperature)
    top_k = optional(positive_integer)("generate", "top_k", top_k)
    rng = seeded("generate", "seed", seed)
    as_network("generate", network)._ready("generate")
    stream, K = Stream(network), int(network.shapes[-1][-1] or 0)
    inputs = np.arange(K) if network._takes_indices else np.eye(K, dtype=network.dtype)
    symbols = as_indices(start, "start", K, "Vocabulary.encode converts a text")
    if symbols.ndim != 1 or not symbols.size:
        raise ShapeError(f"generate: start must be one or more symbols, (T,), got shape {symbols.shape}")
    if stream.shape != inputs.shape[1:]:
        said = f"generate: the network takes {network.shapes[0][-1]} features but returns {K} probabilities"
        raise ShapeError(f"{said}; its input must be one-hot rows of these {K}, or their numbers")
    text = symbols.tolist()
    for n in range(len(symbols) + steps - 1):
        p = stream.step(inputs[text[n]])
        if n + 1 == len(text):
            text.append(draw(p, temperature, top_k, rng))
    return np.array(text[len(symbols) :], np.int64)


def draw(p: Array, temperature: float, top_k: int | None, rng: np.random.Generator) -> int:
    """Return one of K symbols, drawn with the probabilities `p` (K,) at a temperature."""
    if not np.isclose(p.sum(), 1, atol=1e-3) or p.min() < 0:
        raise ValueError("generate: the outputs are not probabilities; end with Dense(K, 'softmax')")
    if temperature == 0:
        return int(p.argmax())
    p = p.astype(np.float64)
    weights = (p / p.max()) ** (1 / temperature)  # the likeliest keeps 1, even if 1/τ is infinite
    if top_k is not None:
        weights[np.argsort(-p, kind="stable")[top_k:]] = 0
    return int(rng.choice(len(p), p=weights / weights.sum()))


__all__ = ["generate"]

"""A character-level language model of the help pages on the language that are included with Python.

The text is split into 16 streams, which form one batch. Training uses truncated backpropagation through time
in windows of 50 characters, and carries the state from window to window. Prints a sample after each epoch,
and plots the share of sampled words that occur in the text. About 90 seconds.
"""

import argparse
import re
from pathlib import Path
from pydoc_data.topics import topics
from statistics import fmean

from nnfw import GRU, Adam, Dense, Embedding, LambdaCallback, Network, plots
from nnfw.data import Vocabulary
from nnfw.generation import generate
from nnfw.schedules import Cosine


def words(text: str) -> list[str]:
    """Return the words of at least three letters."""
    return re.findall("[a-z]{3,}", text.lower())


def main(arguments: list[str] | None = None) -> dict[str, float]:
    """Train, and return the loss and the share of known words in the last sample."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--characters", type=int, default=250_000, help="maximum length of the text")
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, default=Path(), help="folder for the picture")
    options = parser.parse_args(arguments)

    paragraphs = [" ".join(part.split()) for name in sorted(topics) for part in topics[name].split("\n\n")]
    prose = [part for part in paragraphs if part[:1].isupper() and part.endswith(".")]
    text = "\n".join(prose)[: options.characters]
    vocabulary = Vocabulary.of_characters(text)
    K = len(vocabulary)
    streams = vocabulary.encode(text[: len(text) // 16 * 16]).reshape(16, -1)
    known = set(words(text))
    shares = []

    def sample(run):
        start = vocabulary.encode("The ")
        sampled = vocabulary.decode(generate(network, start, 2000, temperature=0.7, seed=options.seed))
        shares.append(fmean(word in known for word in words(sampled)))
        run.note(f"{shares[-1]:.4f} of the sampled words occur in the text:\nThe {sampled[:300]}\n")

    layers = [Embedding(K, 32), GRU(256, return_sequences=True), Dense(K, "softmax")]
    optimizer = Adam(Cosine(4e-3, options.epochs), clip_global_norm=1.0)
    network = Network(layers, loss="cce", optimizer=optimizer, seed=options.seed)
    x, y = streams[:, :-1], streams[:, 1:]
    sampler = LambdaCallback(on_fit_start=sample, on_epoch_end=sample)
    losses = network.fit(x, y, epochs=options.epochs, batch_size=16, truncate=50, callbacks=[sampler])["loss"]
    print(f"loss {losses[-1]:.4f} per character")
    curve = {"known words": (range(len(shares)), shares)}
    plots.lines(curve, options.output / "characters.png", ylabel="share of the sampled words")
    return {"loss": losses[-1], "known words": shares[-1]}


if __name__ == "__main__":
    main()

"""A network learns to write, letter by letter, from the pages about the language that come with Python.

They are cut into 16 streams, read side by side in windows of 50 characters: the state is carried from window
to window, gradients are not. Prints what it writes after each epoch, and draws how many of its words are
words of these pages. About 90 seconds.
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
    """Return the words of three letters and more."""
    return re.findall("[a-z]{3,}", text.lower())


def main(arguments: list[str] | None = None) -> dict[str, float]:
    """Train, and return the loss, and the share of true words among those written in the end."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--characters", type=int, default=250_000, help="at most so many are read")
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, default=Path(), help="folder for the picture")
    options = parser.parse_args(arguments)

    paragraphs = [" ".join(part.split()) for name in sorted(topics) for part in topics[name].split("\n\n")]
    prose = [part for part in paragraphs if part[:1].isupper() and part.endswith(".")]
    text = "\n".join(prose)[: options.characters]
    vocabulary, known, shares = Vocabulary.of_characters(text), set(words(text)), []
    K = len(vocabulary)
    streams = vocabulary.encode(text[: len(text) // 16 * 16]).reshape(16, -1)

    def write(run):
        start = vocabulary.encode("The ")
        written = vocabulary.decode(generate(network, start, 2000, temperature=0.7, seed=options.seed))
        shares.append(fmean(word in known for word in words(written)))
        run.note(f"{shares[-1]:.4f} of its words are true words:\nThe {written[:300]}\n")

    layers = [Embedding(K, 32), GRU(256, return_sequences=True), Dense(K, "softmax")]
    optimizer = Adam(Cosine(4e-3, options.epochs), clip_global_norm=1.0)
    network = Network(layers, loss="cce", optimizer=optimizer, seed=options.seed)
    writer, x, y = LambdaCallback(on_fit_start=write, on_epoch_end=write), streams[:, :-1], streams[:, 1:]
    losses = network.fit(x, y, epochs=options.epochs, batch_size=16, truncate=50, callbacks=[writer])["loss"]
    print(f"loss {losses[-1]:.4f} a character")
    curve = {"true words": (range(len(shares)), shares)}
    plots.lines(curve, options.output / "characters.png", ylabel="share of the words written")
    return {"loss": losses[-1], "true words": shares[-1]}


if __name__ == "__main__":
    main()

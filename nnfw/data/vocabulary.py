"""Vocabularies: encoding of texts as sequences of numbers, and decoding."""

import re
import reprlib
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal, Self

import numpy as np

from nnfw.core.arrays import as_indices
from nnfw.core.registry import Part
from nnfw.core.typing import Array, ArrayLike
from nnfw.core.validation import boolean, each, instance_of, one_of, optional, positive_integer

Texts = str | Iterable[str]

WORD = re.compile(r"\w+(?:['’-]\w+)*|[^\w\s]")  # don't, well-known; or one punctuation mark
JOINTS = [  # where words join without a space
    (re.compile(r" (?=[,.;:!?%…)\]}’”»])"), ""),
    (re.compile(r"(?<=[(\[{¿¡‘“«]) "), ""),
    (re.compile(r'" ([^"]*) "'), r'"\1"'),
]


def _join_words(words: Iterable[str]) -> str:
    """Return words as a text, with spaces where they are usual."""
    text = " ".join(words)
    for joint, replacement in JOINTS:
        text = joint.sub(replacement, text)
    return text


SPLIT: dict[str, Callable[[str], list[str]]] = {"characters": list, "words": WORD.findall}
JOIN: dict[str, Callable[[Iterable[str]], str]] = {"characters": "".join, "words": _join_words}
SYMBOLS = each(instance_of(str, "a string"))


class Vocabulary(Part):
    """Encode the characters or the words of texts as numbers for `Embedding` and `one_hot`.

    `of_characters` and `of_words` build a vocabulary from texts. Words are runs of letters and digits, with
    inner apostrophes and hyphens; each punctuation mark is a word as well; case matters. `numbers` holds the
    number of each symbol, of `unknown`, and of padding (``""``).

    Parameters
    ----------
    symbols : sequence of str
        Distinct characters or words, in the order of their numbers.
    of : {"characters", "words"}
        The kind of symbols.
    unknown : str, optional
        A symbol, such as ``"<unknown>"``, that stands for all others and has the last number. Without it,
        other symbols raise a ValueError.
    padding : bool, default False
        Reserve 0 for padding, and number the symbols from 1. `decode` skips 0.

    Examples
    --------
    >>> letters = Vocabulary.of_characters("hello")
    >>> letters.symbols, letters.encode("hole"), letters.decode([1, 0, 2, 3])
    (('e', 'h', 'l', 'o'), array([1, 3, 2, 0]), 'helo')

    Texts of unequal length, for ``Embedding(..., mask=0)``:

    >>> from nnfw.data import pad_sequences
    >>> words = Vocabulary.of_words("To be, or not to be.", unknown="<unknown>", padding=True)
    >>> x, lengths = pad_sequences(words.encode(["To be.", "To see, or not!"]))
    >>> x
    array([[2, 1, 7, 0, 0, 0],
           [2, 8, 3, 4, 5, 8]])
    >>> words.decode(x)
    ['To be.', 'To <unknown>, or not <unknown>']
    """

    numbers: dict[str, int]

    def __init__(
        self,
        symbols: Sequence[str],
        *,
        of: Literal["characters", "words"] = "characters",
        unknown: str | None = None,
        padding: bool = False,
    ) -> None:
        self.of = one_of(*SPLIT)("Vocabulary", "of", of)
        if isinstance(symbols, str):
            said = f"Vocabulary: symbols must be a sequence of symbols, got the text {reprlib.repr(symbols)}"
            raise TypeError(f"{said}; use Vocabulary.of_{of}(text) for the symbols of a text")
        self.symbols, self.unknown = SYMBOLS("Vocabulary", "symbols", symbols), unknown
        self.padding = boolean("Vocabulary", "padding", padding)
        if not self.symbols:
            raise ValueError(f"Vocabulary: there are no {of}; pass a text that has some")
        for i, symbol in enumerate(self.symbols):
            if SPLIT[of](symbol) != [symbol]:
                found = f"symbols[{i}] is {reprlib.repr(symbol)}"
                remedy = "; pass of='words'" if SPLIT["words"](symbol) == [symbol] else ""
                raise ValueError(f"Vocabulary: {found}, which is not one {of[:-1]}{remedy}")
        symbol, times = Counter(self.symbols).most_common(1)[0]
        if times > 1:
            raise ValueError(f"Vocabulary: {reprlib.repr(symbol)} occurs {times} times; pass it once")
        if not isinstance(unknown, str | None) or unknown in ("", *self.symbols):
            said = "Vocabulary: unknown must be a text that is not a symbol, e.g. '<unknown>'"
            raise ValueError(f"{said}, got {unknown!r}")
        self._written = [""] * padding + [*self.symbols, *([] if unknown is None else [unknown])]
        numbers = {symbol: number for number, symbol in enumerate(self._written)}
        vars(self)["numbers"] = numbers  # a read-only attribute

    @classmethod
    def of_characters(cls, text: Texts, *, unknown: str | None = None, padding: bool = False) -> Self:
        """Build a vocabulary of the characters of one or several texts, in sorted order."""
        symbols = sorted(set().union(*_texts(text)))
        return cls(symbols, of="characters", unknown=unknown, padding=padding)

    @classmethod
    def of_words(
        cls, text: Texts, size: int | None = None, *, unknown: str | None = None, padding: bool = False
    ) -> Self:
        """Build a vocabulary of the `size` most frequent words (default all), ties in order of occurrence."""
        size = optional(positive_integer)("of_words", "size", size)
        counts = Counter(word for one in _texts(text) for word in WORD.findall(one))
        words = [word for word, _ in counts.most_common(size)]
        return cls(words, of="words", unknown=unknown, padding=padding)

    def __len__(self) -> int:
        """Return how many numbers there are, with those of padding and of unknown symbols."""
        return len(self._written)

    def __repr__(self) -> str:
        """Show the first symbols, and the arguments that are not the default."""
        return super().__repr__().replace(repr(self.symbols), reprlib.repr(self.symbols), 1)

    def encode(self, text: Texts) -> Any:
        """Return the numbers of a text, int64 (T,), or for several texts a list of such arrays."""
        if isinstance(text, str):
            return self._encode(text, "text")
        return [self._encode(one, f"texts[{index}]") for index, one in enumerate(_texts(text))]

    def _encode(self, text: str, name: str) -> Array:
        found = SPLIT[self.of](text)
        rest = None if self.unknown is None else len(self) - 1
        numbers = [self.numbers.get(symbol, rest) for symbol in found]
        if None in numbers:
            place = numbers.index(None)
            raise ValueError(
                f"{self.of[:-1]} {place} of {name} (counted from 0) is {reprlib.repr(found[place])}, which "
                f"is not in the vocabulary; build it from all texts, or pass unknown='<unknown>' to "
                f"give all others one number"
            )
        return np.array(numbers, dtype=np.int64)

    def decode(self, numbers: Iterable[Any]) -> Any:
        """Return the text for numbers (T,), or for several rows, (N, T) or a list of (T_i,), a list of texts.

        Words are joined with spaces, except around punctuation marks.
        """
        rows = numbers if isinstance(numbers, np.ndarray) else list(numbers)
        nested = len(rows) > 0 and np.ndim(rows[0]) > 0
        return [self._decode(row) for row in rows] if nested else self._decode(rows)

    def _decode(self, numbers: ArrayLike) -> str:
        codes = as_indices(numbers, "numbers", len(self), "scores.argmax(axis=-1) converts scores")
        return JOIN[self.of](filter(None, (self._written[code] for code in codes.tolist())))


def _texts(text: Texts) -> list[str]:
    texts = [text] if isinstance(text, str) else list(text)
    for index, one in enumerate(texts):
        if not isinstance(one, str):
            raise TypeError(f"texts[{index}] must be a text, got {type(one).__name__}")
    return texts

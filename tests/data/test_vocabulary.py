"""Vocabularies: hand-worked numbers, round trips of any text, and messages."""

import copy
import pickle
import re
from collections import Counter

import numpy as np
import pytest
from alike import for_each
from hypothesis import given
from hypothesis import strategies as st

from nnfw.data import Vocabulary, one_hot, pad_sequences
from nnfw.saving.config import Describer, Rebuilder

WORDS = st.text("aZé9_ßя", min_size=1, max_size=3)
PIECES = st.one_of(WORDS, st.sampled_from([*".,;:!?%…)(][}{¿¡“”‘’«»\"'-–$&", "don't", "well-known", "l’eau"]))


def characters_by_hand(text, padding=False):
    """Return the numbers of a text's characters, counted rather than looked up."""
    return [sum(other < one for other in set(text)) + padding for one in text]


# Characters ---------------------------------------------------------------------------------------------


def test_characters_by_hand():
    letters = Vocabulary.of_characters("banana bread")
    assert letters.symbols == (" ", "a", "b", "d", "e", "n", "r")
    numbers = letters.encode("read a\x20band")
    assert (numbers.dtype, numbers.shape) == (np.int64, (11,))
    assert numbers.tolist() == [6, 4, 1, 3, 0, 1, 0, 2, 1, 5, 3]
    assert letters.decode([2, 1, 6]) == "bar"
    assert len(letters) == 7


@given(st.text(min_size=1), st.booleans(), st.sampled_from([None, "<unknown>"]))
@pytest.mark.slow
def test_any_text_comes_back(text, padding, unknown):
    vocabulary = Vocabulary.of_characters(text, padding=padding, unknown=unknown)
    numbers = vocabulary.encode(text)
    assert numbers.tolist() == characters_by_hand(text, padding)
    assert vocabulary.decode(numbers) == text
    assert len(vocabulary) == len(set(text)) + padding + (unknown is not None)


def test_characters_depend_on_their_set_alone():
    assert Vocabulary.of_characters("cab").config == Vocabulary.of_characters(["bb", "", "aac"]).config
    assert Vocabulary.of_characters("\n\tA a").symbols == ("\t", "\n", " ", "A", "a")


# Words --------------------------------------------------------------------------------------------------


def test_words_by_hand():
    text = "Don't stop -- the well-known 'cat' (the cat's 2 friends) said: Stop!\n\n  «l’eau»"
    found = [
        *[
            "Don't",
            "stop",
            "-",
            "-",
            "the",
            "well-known",
            "'",
            "cat",
            "'",
            "(",
            "the",
            "cat's",
            "2",
            "friends",
        ],
        *[")", "said", ":", "Stop", "!", "«", "l’eau", "»"],
    ]
    vocabulary = Vocabulary.of_words(text)
    assert [vocabulary.symbols[number] for number in vocabulary.encode(text)] == found


def test_the_most_frequent_words_come_first_and_of_equals_the_one_seen_first():
    text = ["b c a c b", "d c e d"]
    assert Vocabulary.of_words(text).symbols == ("c", "b", "d", "a", "e")
    assert Vocabulary.of_words(iter(text), size=2).symbols == ("c", "b")
    assert Vocabulary.of_words(text, 99).symbols == ("c", "b", "d", "a", "e")


@pytest.mark.slow
@given(st.lists(PIECES, min_size=1, max_size=40), st.integers(1, 9))
def test_size_keeps_the_most_frequent(pieces, size):
    text = " ".join(pieces)
    whole, part = Vocabulary.of_words(text), Vocabulary.of_words(text, size, unknown="<unknown>")
    assert part.symbols == whole.symbols[:size]
    counts = Counter(whole.encode(text).tolist())
    ordered = [counts[number] for number in range(len(whole))]
    assert ordered == sorted(ordered, reverse=True)
    assert len(part) == min(size, len(whole)) + 1
    kept = [number if number < size else len(part) - 1 for number in whole.encode(text)]
    assert part.encode(text).tolist() == kept


@for_each(
    "text",
    [
        "To be, or not to be: that is the question!",
        'She said, "don\'t (ever) go", and went.',
        "«Où?» [ici] “well-known” ‘things’ … ¿Qué? 50% {set}; end",
        'one "two" and "three, four" five',
        "one - two - - rock ' n ' roll & more",
    ],
)
def test_words_are_joined_as_they_are_written(text):
    vocabulary = Vocabulary.of_words(text)
    assert vocabulary.decode(vocabulary.encode(text)) == text.replace(" …", "…")


@given(st.lists(PIECES, min_size=1, max_size=30), st.booleans())
@pytest.mark.slow
def test_joined_words_are_the_same_words(pieces, padding):
    vocabulary = Vocabulary.of_words(pieces, padding=padding)
    numbers = np.concatenate(vocabulary.encode(pieces))
    np.testing.assert_array_equal(vocabulary.encode(vocabulary.decode(numbers)), numbers)


# Padding and unknown symbols ------------------------------------------------------------------------------


def test_padding_has_the_number_0_and_is_left_out():
    vocabulary = Vocabulary([*"xyz"], padding=True)
    assert vocabulary.numbers == {"": 0, "x": 1, "y": 2, "z": 3}
    assert len(vocabulary) == 4
    assert vocabulary.encode("zxy").tolist() == [3, 1, 2]
    assert vocabulary.decode([0, 3, 0, 1, 0]) == "zx"
    words = Vocabulary(["a", "b", "."], of="words", padding=True)
    assert words.decode([0, 1, 0, 0, 2, 3, 0, 0]) == "a b."


def test_unknown_symbols_have_the_last_number():
    vocabulary = Vocabulary.of_words("a b a", unknown="<unknown>")
    assert vocabulary.numbers == {"a": 0, "b": 1, "<unknown>": 2}
    assert vocabulary.encode("b c a d").tolist() == [1, 2, 0, 2]
    assert vocabulary.decode([1, 2, 0]) == "b <unknown> a"
    assert Vocabulary([*"ab"], unknown="?").encode("b?!a").tolist() == [1, 2, 2, 0]


def test_several_texts():
    texts = ["abba", "", "cab"]
    vocabulary = Vocabulary.of_characters(texts, padding=True)
    encoded = vocabulary.encode(texts)
    assert [numbers.tolist() for numbers in encoded] == [[1, 2, 2, 1], [], [3, 1, 2]]
    assert all(numbers.dtype == np.int64 for numbers in encoded)
    assert vocabulary.decode(encoded) == texts
    padded, lengths = pad_sequences(encoded)
    assert lengths.tolist() == [4, 0, 3]
    assert vocabulary.decode(padded) == texts
    assert vocabulary.encode(tuple(texts))[2].tolist() == [3, 1, 2]
    assert vocabulary.encode([]) == []


def test_nothing_to_encode_or_decode():
    vocabulary = Vocabulary([*"ab"])
    assert vocabulary.encode("").shape == (0,)
    assert vocabulary.encode("").dtype == np.int64
    assert vocabulary.decode([]) == vocabulary.decode(np.zeros(0)) == ""


def test_decode_takes_all_integers():
    vocabulary = Vocabulary([*"abcd"])
    for numbers in (np.array([3, 0], np.uint8), (3, 0), iter([np.int32(3), 0]), np.array([3, 9, 0])[::2]):
        assert vocabulary.decode(numbers) == "da"
    assert vocabulary.decode(np.eye(4, dtype=np.float32)[[2, 1]].argmax(axis=-1)) == "cb"
    assert vocabulary.decode(np.array([[0, 1], [2, 3]])) == ["ab", "cd"]


def test_numbers_are_those_that_one_hot_takes():
    vocabulary = Vocabulary.of_characters("shape", unknown="?", padding=True)
    rows = one_hot(vocabulary.encode("heaps!"), classes=len(vocabulary))
    assert rows.shape == (6, 7)
    assert vocabulary.decode(rows.argmax(axis=-1)) == "heaps?"


# As a part ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "vocabulary",
    [
        Vocabulary([*"zab"]),
        Vocabulary.of_characters("hello", unknown="<unknown>", padding=True),
        Vocabulary.of_words("a rose is a rose.", size=3, unknown="*"),
    ],
)
def test_a_vocabulary_can_be_kept(vocabulary):
    into = Describer()
    described = into.value(vocabulary, "vocabulary")
    again = [
        type(vocabulary)(**vocabulary.config),
        pickle.loads(pickle.dumps(vocabulary)),
        copy.deepcopy(vocabulary),
        Rebuilder(into.arrays, {}).value(described),
    ]
    for other in again:
        assert other.config == vocabulary.config
        assert other.numbers == vocabulary.numbers
        assert other.decode(range(len(vocabulary))) == vocabulary.decode(range(len(vocabulary)))


def test_repr_is_short():
    assert repr(Vocabulary([*"ab"])) == "Vocabulary(('a', 'b'))"
    many = Vocabulary([f"word{i}" for i in range(1000)], of="words", unknown="<unknown>", padding=True)
    assert repr(many).startswith("Vocabulary(('word0', 'word1', ")
    assert repr(many).endswith("...), of='words', unknown='<unknown>', padding=True)")
    assert len(repr(many)) < 200


# Messages -----------------------------------------------------------------------------------------------


@for_each(
    ("make", "error", "words"),
    [
        (lambda: Vocabulary([]), ValueError, "there are no characters"),
        (lambda: Vocabulary.of_words(" \n "), ValueError, "there are no words; pass a text"),
        (lambda: Vocabulary.of_characters([]), ValueError, "there are no characters"),
        (
            lambda: Vocabulary("ab"),
            TypeError,
            r"got the text 'ab'; use Vocabulary\.of_characters\(text\) for",
        ),
        (lambda: Vocabulary("", of="words"), TypeError, r"use Vocabulary\.of_words\(text\) for the symbols"),
        (lambda: Vocabulary([*"abca"]), ValueError, "'a' occurs 2 times"),
        (
            lambda: Vocabulary(["a", "bc"]),
            ValueError,
            r"symbols\[1\] is 'bc', which is not one character; pass of='words'",
        ),
        (lambda: Vocabulary(["a", ""]), ValueError, r"symbols\[1\] is '', which"),
        (
            lambda: Vocabulary(["a", "b c"], of="words"),
            ValueError,
            r"symbols\[1\] is 'b c', which is not one word",
        ),
        (lambda: Vocabulary(["a", 3]), TypeError, r"symbols\[1\] must be a string, got 3"),
        (
            lambda: Vocabulary([*"ab"], of="letters"),
            ValueError,
            "of must be one of 'characters', 'words', got 'letters'",
        ),
        (
            lambda: Vocabulary([*"ab"], unknown="a"),
            ValueError,
            "unknown must be a text that is not a symbol, e.g. '<unknown>', got 'a'",
        ),
        (lambda: Vocabulary([*"ab"], unknown=""), ValueError, "unknown must be a text"),
        (lambda: Vocabulary([*"ab"], unknown=True), ValueError, "e.g. '<unknown>', got True"),
        (lambda: Vocabulary([*"ab"], padding=1), TypeError, "padding must be True or False, got 1"),
        (lambda: Vocabulary([*"ab"], paddin=True), TypeError, "Did you mean 'padding'"),
        (lambda: Vocabulary.of_words("a b", 0), ValueError, "of_words: size must be at least 1"),
        (lambda: Vocabulary.of_words("a b", 1.5), TypeError, "of_words: size must be a whole number"),
        (lambda: Vocabulary.of_words(["a", 3]), TypeError, r"texts\[1\] must be a text, got int"),
        (lambda: Vocabulary.of_characters(b"ab"), TypeError, r"texts\[0\] must be a text, got int"),
        (
            lambda: Vocabulary([*"ab"]).encode(["a", None]),
            TypeError,
            r"texts\[1\] must be a text, got NoneType",
        ),
        (
            lambda: Vocabulary([*"ab"]).decode([0, 2]),
            ValueError,
            r"numbers\[1\] is 2, but must be one of the 2 numbers from 0 to 1",
        ),
        (lambda: Vocabulary([*"ab"]).decode([1, -1]), ValueError, r"numbers\[1\] is -1, but must be"),
        (
            lambda: Vocabulary([*"ab"]).decode([0.0, 1.0]),
            TypeError,
            r"float64; scores.argmax\(axis=-1\) converts scores",
        ),
        (lambda: Vocabulary([*"ab"]).decode([True, False]), TypeError, "bool"),
        (lambda: Vocabulary([*"ab"]).decode(1), TypeError, "not iterable"),
    ],
)
def test_vocabularies_refuse(make, error, words):
    with pytest.raises(error, match=words) as caught:
        make()
    assert len(str(caught.value)) < 500


@for_each(
    ("vocabulary", "text", "said"),
    [
        (
            Vocabulary([*"ab"]),
            "abéa!",
            "character 2 of text (counted from 0) is 'é', which is not in the vocabulary;",
        ),
        (Vocabulary([*"ab"]), ["ab", "b", "ba!"], "character 2 of texts[2] (counted from 0) is '!'"),
        (Vocabulary(["a", "."], of="words"), "a. a dog", "word 3 of text (counted from 0) is 'dog'"),
        (
            Vocabulary(["a"], of="words", padding=True),
            ["a", "A"],
            "word 0 of texts[1] (counted from 0) is 'A'",
        ),
        (Vocabulary(["a"], of="words"), "x" * 1000, "word 0 of text (counted from 0) is 'xxxx"),
    ],
)
def test_an_unknown_symbol_is_named_with_its_place_and_the_remedy(vocabulary, text, said):
    with pytest.raises(ValueError, match=re.escape(said)) as caught:
        vocabulary.encode(text)
    assert "build it from all texts, or pass unknown='<unknown>'" in str(caught.value)
    assert len(str(caught.value)) < 500

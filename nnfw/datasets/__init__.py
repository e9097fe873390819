"""Small data sets: real ones, and tasks whose best and worst answers are known."""

from nnfw.datasets.stored import load_digits, load_japanese_vowels, load_sunspots
from nnfw.datasets.synthetic import adding_problem, delayed_echo, parity, sine_mixture

__all__ = [
    "adding_problem", "delayed_echo", "load_digits", "load_japanese_vowels", "load_sunspots", "parity",
    "sine_mixture",
]  # fmt: skip

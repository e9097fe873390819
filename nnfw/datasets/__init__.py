"""Small data to learn with: real sets, and tasks whose best and worst answers are known."""

from nnfw.datasets.digits import load_digits
from nnfw.datasets.sunspots import load_sunspots
from nnfw.datasets.synthetic import adding_problem, delayed_echo, parity, sine_mixture
from nnfw.datasets.vowels import load_japanese_vowels

__all__ = [
    "adding_problem",
    "delayed_echo",
    "load_digits",
    "load_japanese_vowels",
    "load_sunspots",
    "parity",
    "sine_mixture",
]

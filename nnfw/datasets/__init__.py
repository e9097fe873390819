"""Small data to learn with: one real set, and tasks whose best and worst answers are known."""

from nnfw.datasets.digits import load_digits
from nnfw.datasets.synthetic import adding_problem, delayed_echo, parity, sine_mixture

__all__ = ["adding_problem", "delayed_echo", "load_digits", "parity", "sine_mixture"]

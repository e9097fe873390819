"""The exceptions of nnfw; each is also a built-in exception, so that ``except ValueError`` catches it."""


class ShapeError(ValueError):
    """Shapes that do not fit: the message names the layer, its place, both shapes and the remedy."""


class NonFiniteError(ValueError, ArithmeticError):
    """A NaN or an infinity with which training cannot continue; the network holds the last good weights."""


class LoadError(ValueError):
    """A file that is not a complete network saved by nnfw; the message names the file and the problem."""

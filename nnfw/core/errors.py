"""The exceptions of nnfw; each is also one of Python's own, so that ``except ValueError`` catches it."""


class ShapeError(ValueError):
    """Shapes that do not fit: the message names the layer, its place, both shapes and the remedy."""


class NonFiniteError(ValueError, ArithmeticError):
    """A NaN or an infinity where training cannot go on; the network holds the last good weights."""


class LoadError(ValueError):
    """A file that is not a whole network as nnfw saves it: the message names the file and what is wrong."""

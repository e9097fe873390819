"""Matrices that leave lengths as they are (but for the gain), as recurrent weights want them."""

import numpy as np

from nnfw.arrays import Array
from nnfw.checks import FINITE
from nnfw.initializer import Initializer, Shape, two_axes
from nnfw.initializers.given import initializers


@initializers.register("orthogonal")
class Orthogonal(Initializer):
    """An orthogonal matrix times gain, drawn uniformly; (D, H) has orthonormal rows or columns, the fewer.

    It is the Q of a normal matrix, with signs from the diagonal of R: without them it is not uniform.

    Parameters
    ----------
    gain : float, default 1.0
        The factor.

    References
    ----------
    A. M. Saxe, J. L. McClelland and S. Ganguli, arXiv:1312.6120.
    F. Mezzadri, "How to generate random matrices from the classical compact groups", Notices of the AMS 54
    (2007) 592.
    """

    def __init__(self, gain: float = 1.0) -> None:
        self.gain = FINITE("Orthogonal", "gain", gain)

    def draw(self, rng: np.random.Generator, shape: Shape) -> Array:
        D, H = two_axes(self, shape)
        Q, R = np.linalg.qr(rng.standard_normal((max(D, H), min(D, H))))
        Q *= self.gain * np.copysign(1.0, np.diagonal(R))
        return Q if D >= H else Q.T


@initializers.register("identity")
class Identity(Initializer):
    """The identity matrix times gain, cut or filled up with zeros if it is not square.

    Parameters
    ----------
    gain : float, default 1.0
        The diagonal.

    References
    ----------
    Q. V. Le, N. Jaitly and G. E. Hinton, "A simple way to initialize recurrent networks of rectified linear
    units", arXiv:1504.00941.
    """

    def __init__(self, gain: float = 1.0) -> None:
        self.gain = FINITE("Identity", "gain", gain)

    def draw(self, rng: np.random.Generator, shape: Shape) -> Array:
        return self.gain * np.eye(*two_axes(self, shape))

"""Recurrent dropout: what the recurrent weights are shown of the state before a step."""

from collections.abc import Callable, Sequence

import numpy as np

from nnfw.arrays import Array
from nnfw.layers.steps import Steps

Room = Callable[[str, tuple[int, ...]], Array]  # memory by name and shape


class Drop:
    """Recurrent dropout: the recurrent weights are shown h₋∘m; without a mask (N, H), h₋ as it is."""

    def __init__(self, mask: Array | None = None) -> None:
        self.mask = mask

    def views(self, h: Array, steps: Steps, room: Room) -> Sequence[Array]:
        """Return for each step the view (n, H) of what is shown, of states (N + P, H)."""
        return steps.before(h) if self.mask is None else steps.split(self.rows(h, steps, room))

    def rows(self, h_before: Array, steps: Steps, room: Room) -> Array:
        """Return what is shown at all steps (P, H), of the states before them (P, H)."""
        return h_before if self.mask is None else room("seen", (steps.rows, h_before.shape[1]))

    def __call__(self, h: Array, out: Array) -> None:
        """Write h∘m into `out`; without a mask nothing is to be done, as `out` is `h`."""
        if self.mask is not None:
            np.multiply(h, self.mask[: len(h)], out=out)

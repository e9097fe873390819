"""What the recurrent layers with gates share: the activations of the gates, one for all or one each."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import ClassVar, Unpack

import numpy as np

from nnfw.activation import Activation
from nnfw.arrays import Array
from nnfw.layers.recurrent import Recurrent, RecurrentOptions
from nnfw.layers.recurrent_dropout import Room
from nnfw.layers.steps import Steps
from nnfw.names import nearest

FACTORS = 1 << 15  # numbers of one factor that are made at a time: 128 KB in float32


class Gated(Recurrent):
    """A recurrent layer with gates: the base of GRU and LSTM.

    Parameters
    ----------
    units, activation
        See `Recurrent`.
    recurrent_activation : str, Activation or dict
        σ: one for all gates, or a dict by gate; gates that the dict leaves out keep the sigmoid.
    **options
        See `Recurrent`.
    """

    sigmoid_gates: ClassVar[tuple[str, ...]] = ()  # the gates that σ is for
    at_once: ClassVar[tuple[int, ...]] = ()  # how many gates' recurrent products are taken at once
    sigmas: dict[str, Activation]  # σ by gate

    def __init__(
        self,
        units: int,
        activation: str | Activation = "tanh",
        recurrent_activation: "str | Activation | Mapping[str, str | Activation]" = "sigmoid",
        **options: Unpack[RecurrentOptions],
    ) -> None:
        super().__init__(units, activation, **options)
        self.sigmas = self._by_gate(recurrent_activation)
        first, *others = self.sigmas.values()
        self.recurrent_activation = first if all(σ == first for σ in others) else self.sigmas

    def _by_gate(
        self, activation: "str | Activation | Mapping[str, str | Activation]"
    ) -> dict[str, Activation]:
        if not isinstance(activation, Mapping):
            activation = dict.fromkeys(self.sigmoid_gates, activation)
        for gate in activation:
            if gate not in self.sigmoid_gates:
                hint = nearest(str(gate), self.sigmoid_gates) if len(str(gate)) > 1 else ""
                raise ValueError(
                    f"{type(self).__name__}: recurrent_activation has no gate {gate!r}.{hint} Its gates are "
                    f"{', '.join(self.sigmoid_gates)}"
                )
        return {
            gate: self._elementwise("recurrent_activation", activation.get(gate, "sigmoid"))
            for gate in self.sigmoid_gates
        }

    def scaled_weights(self, room: Room) -> tuple[Array, list[Array]]:
        """Return Wx over b (D + 1, G·H), and Wh, each gate's columns times its σ's `gate_scale`.

        The sigmoid is σ(s) = ½ + ½ tanh(s/2). Its scale, the ½ within, is put into the weights once and not
        into every score, so that a gate is one tanh: see `Sigmoid.gate`.
        """
        scales = [self.sigmas[gate].gate_scale if gate in self.sigmas else 1.0 for gate in self.gates]
        scale = np.repeat(np.asarray(scales, self.dtype), self.units)
        Wx_b = np.multiply(self.Wx_b, scale, out=room("Wx_b", self.Wx_b.shape))
        Wh, start = [], 0
        for stop in self.units * np.cumsum(self.at_once):
            W = self.blocks["Wh"][:, start:stop]
            Wh.append(np.multiply(W, scale[start:stop], out=room(f"Wh[{start}:]", W.shape)))
            start = stop
        return Wx_b, Wh

    def open_gates(self, gates: Sequence[str]) -> Callable[[Array, Array], object]:
        """Return the function that writes these sigmoid gates (G, n, H), given their scores, into `out`."""
        σs = [self.sigmas[gate].gate for gate in gates]
        if isinstance(self.recurrent_activation, Activation):
            return σs[0]

        def one_by_one(s: Array, out: Array) -> None:
            for σ, s_gate, out_gate in zip(σs, s, out, strict=True):
                σ(s_gate, out_gate)

        return one_by_one

    def in_reverse(
        self, steps: Steps, views: Iterable[tuple[Array, ...]]
    ) -> Iterator[tuple[tuple[Array, ...], Array]]:
        """Yield for each step, the last one first, its views and its `factors`.

        They need no gradient, so they are made for several steps at once: as many as stay in the cache.
        """
        views = list(views)
        for span, rows in reversed(steps.groups(FACTORS // self.units)):
            factors = steps.split(self.factors(rows), span)
            yield from zip(reversed(views[span]), reversed(factors), strict=True)

    def factors(self, rows: slice) -> Array:
        """Return what the loop backward multiplies with, at R rows of the last training pass, each (R, H)."""
        raise NotImplementedError


def side_by_side(rows: Array, gates: int) -> Array:
    """Return the view (G, n, H) of gates that lie side by side, in rows (n, G·H)."""
    return rows.reshape(len(rows), gates, rows.shape[1] // gates).swapaxes(0, 1)

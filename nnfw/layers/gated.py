"""The code shared by GRU and LSTM: gates, each with its own activation."""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Unpack

import numpy as np

from nnfw.activations import ONE, Activation
from nnfw.core.suggest import nearest
from nnfw.core.typing import Array
from nnfw.core.vectors import Scratch
from nnfw.initializers import InitializerLike
from nnfw.layers.base import Options
from nnfw.layers.loops import Pass, Weights, by_gate
from nnfw.layers.packing import Span
from nnfw.layers.recurrent import Recurrent


class RecurrentOptions(Options, total=False):
    """The arguments that every recurrent layer has; `Recurrent` describes them."""

    return_sequences: bool
    go_backwards: bool
    use_bias: bool
    dropout: float
    recurrent_dropout: float
    input_initializer: InitializerLike
    recurrent_initializer: InitializerLike
    bias_initializer: InitializerLike


class Gated(Recurrent):
    """A recurrent layer with gates: the base of GRU and LSTM, which describe its arguments.

    Gates missing from a dict given as `recurrent_activation` keep the sigmoid.
    """

    _adjustable = (*Recurrent._adjustable, "recurrent_activation")
    _sigma_gates: ClassVar[tuple[str, ...]] = ()  # the gates with activation σ, the first in memory

    def __init__(
        self,
        units: int,
        activation: str | Activation = "tanh",
        recurrent_activation: str | Activation | Mapping[str, str | Activation] = "sigmoid",
        **options: Unpack[RecurrentOptions],
    ) -> None:
        super().__init__(units, activation, **options)
        self._σ = self._gate_activations(recurrent_activation)
        first, *others = self._σ.values()
        self.recurrent_activation = first if all(σ == first for σ in others) else self._σ
        self._needs_scores = any(σ.needs_input for σ in (self.activation, *self._σ.values()))
        self._scales = [self._σ[gate].gate_scale if gate in self._σ else 1.0 for gate in self.gates]

    def _gate_activations(
        self, activation: str | Activation | Mapping[str, str | Activation]
    ) -> dict[str, Activation]:
        if not isinstance(activation, Mapping):
            activation = dict.fromkeys(self._sigma_gates, activation)
        for gate in activation:
            if gate not in self._sigma_gates:
                hint = nearest(str(gate), self._sigma_gates) if len(str(gate)) > 1 else ""
                raise ValueError(
                    f"{type(self).__name__}: recurrent_activation has no gate {gate!r}.{hint} Its gates are "
                    f"{', '.join(self._sigma_gates)}"
                )
        return {
            gate: self._elementwise("recurrent_activation", activation.get(gate, "sigmoid"))
            for gate in self._sigma_gates
        }

    def _weights(self, scratch: Scratch) -> Weights:
        """Return the weights; the loops in NumPy take the columns of a gate with a σ times its `gate_scale`.

        The sigmoid is σ(s) = 1 / (1 + exp(−s)). The sign is put into the weights and not into every score:
        see `Sigmoid.gate`. Wh is then in parts that are contiguous.
        """
        weights = super()._weights(scratch)
        if weights.compiled:
            return weights
        scale = np.repeat(np.asarray(self._scales, self.dtype), self.units)
        Wx_b = np.multiply(weights.Wx_b, scale, out=scratch("Wx_b", self._Wx_b.shape))
        Wh, stop = [], 0
        for i, W in enumerate(weights.Wh):
            part = scale[stop : (stop := stop + W.shape[1])]
            Wh.append(np.multiply(W, part, out=scratch(f"Wh{i}", W.shape)))
        return Weights(Wx_b, Wh, None)

    def _gate(self) -> Callable[[Array, Array], object]:
        """Return the function that writes the gates with a σ (G, n, H), given their scores, into `out`."""
        if isinstance(self.recurrent_activation, Activation):
            return self.recurrent_activation.gate

        def each(s: Array, out: Array) -> None:
            for g, σ in enumerate(self._σ.values()):
                σ.gate(s[g], out[g])

        return each

    def _slopes(self, p: Pass, block: Span, F: Array) -> None:
        """Write the derivatives of the gates' activations at some steps into F."""
        s, a = block.part(p.s), block.part(p.a)
        for g, gate in enumerate(self.gates):
            σ = self._σ.get(gate, self.activation)
            σ.derivative(a[g], s[g] / self._scales[g] if σ.needs_input else None, F[g])


class ResetGated(Gated):
    """A layer with an update gate z, a reset gate r and a candidate c: the base of GRU and GRUD."""

    gates = ("z", "r", "c")
    _sigma_gates = ("z", "r")

    def _factors(self, p: Pass, block: Span, F: Array, h_before: Array, times_r: Array) -> None:
        """Fill F with what dh and dq, or ds_c if r acts after the product, are multiplied by to become ds.

        `times_r` is what r multiplies: h₋, or u.
        """
        (Fz, Fr, Fc, e), (z, _, c) = F, block.part(p.a)
        self._slopes(p, block, F[:3])
        Fz *= np.subtract(block.part(h_before), c, out=e)
        Fr *= block.part(times_r)
        Fc *= np.subtract(ONE, z, out=e)

    def _forward_views(self, p: Pass) -> list[list[list[Array]]]:
        """Return lists with one view a step: the scores of z and r, and of c; both gates as one, z, r and c.

        Then come the rows that the loop keeps, as q or u, and where the recurrent products of all gates, of z
        and r, and of c are computed.
        """
        cut, w = p.steps.cut, p.w
        return [cut(p.s[:2], p.s[2]), cut(p.a[:2], *p.a), cut(*p.kept), p.steps.first(w, w[:2], w[2])]

    def _backward_views(self, p: Pass) -> list[tuple[Any, ...]]:
        """Return, for each block of steps, the block, its factors F, and lists with one view a step.

        These are ds_z, ds_r and ds_c, which begin as the factors, and the three as one array; the three side
        by side in a row, as products with weights take them, and z's and r's of these; the rows that the loop
        makes, as du; z and r; an array e for intermediates; and dh, d and dh₋ of `Pass.carried`.
        """
        views, rows = [], (by_gate(p.ds, 3), p.ds[:, : 2 * self.units])
        groups = [*map(p.steps.shaped, rows)], [*map(p.steps.shaped, p.made)], p.a[:2]
        for block, F in p.blocks:
            cut = [block.cut(*F[:3], F[:3]), *(block.cut(*map(block.part, group)) for group in groups)]
            views.append((block, F, *cut, block.first(p.e), p.carried(block)))
        return views

"""Record PyTorch's layers in float64 into layers.npz: ``python tests/recorded/make_layers.py``.

A case is what one layer of nnfw has to reproduce: one direction of a PyTorch layer. Its arrays carry nnfw's
names: the inputs, "params/...", the outputs y and h_last, the gradients dy and dh_last that the adjoint is
started from, one at a time, and what it finds, "sequence/..." from dy and "last/..." from dh_last.
"""

from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

torch.set_default_dtype(torch.float64)
torch.manual_seed(20240611)
N, T, D, H = 3, 5, 4, 6
LENGTHS = torch.tensor([3, 4, 2])
NAMES = (("Wx", "weight_ih"), ("Wh", "weight_hh"))
arrays: dict[str, np.ndarray] = {}


def keep(case, found):
    arrays.update({f"{case}/{name}": value.detach().numpy() for name, value in found.items()})


def randomized(module):
    """Draw all parameters anew, larger than PyTorch does."""
    for parameter in module.parameters():
        nn.init.normal_(parameter, std=0.5)
    return module


def translate(p, kind, bias):
    """Return PyTorch's arrays ``p("weight_ih")`` and so on under nnfw's names; `bias` adds up two biases."""
    if kind == "lstm":
        gates = {
            name: dict(zip("ifgo", p(name).split(H), strict=True)) for name in ("weight_ih", "weight_hh")
        }
        ours = {f"{own}_{gate}": gates[name][gate].T for own, name in NAMES for gate in "ifog"}
        of_x, of_h = (dict(zip("ifgo", p(name).split(H), strict=True)) for name in ("bias_ih", "bias_hh"))
        return ours | {f"b_{gate}": bias(of_x[gate], of_h[gate]) for gate in "ifog"}
    if kind != "gru":
        biases = {"b": bias(p("bias_ih"), p("bias_hh"))}
        return {"Wx": p("weight_ih").T, "Wh": p("weight_hh").T, **biases}
    by_gate = {name: dict(zip("rzc", p(name).split(H), strict=True)) for name in ("weight_ih", "weight_hh")}
    ours = {f"Wx_{gate}": by_gate["weight_ih"][gate].T for gate in "rzc"}
    ours |= {f"Wh_{gate}": by_gate["weight_hh"][gate].T for gate in "rzc"}
    if p("bias_ih") is not None:
        of_x, of_h = (dict(zip("rzc", p(name).split(H), strict=True)) for name in ("bias_ih", "bias_hh"))
        ours |= {f"b_{gate}": bias(of_x[gate], of_h[gate]) for gate in "rz"}
        ours |= {"b_c": of_x["c"], "bh_c": of_h["c"]}
    return ours


def record_linear(case, shape):
    module = randomized(nn.Linear(D, H))
    x = torch.randn(*shape, D, requires_grad=True)
    y = module(x)
    dy = torch.randn_like(y)
    dx, dW, db = torch.autograd.grad(y, [x, module.weight, module.bias], dy)
    keep(case, {"x": x, "params/W": module.weight.T, "params/b": module.bias, "y": y, "dy": dy})
    keep(f"{case}/sequence", {"x": dx, "W": dW.T, "b": db})


def record_recurrent(case, kind, module, lengths=None):
    """Record all directions of a layer, each as a case of its own."""
    randomized(module)
    x, h0 = torch.randn(N, T, D, requires_grad=True), torch.randn(2, N, H)[: 1 + module.bidirectional]
    state = [h0, torch.randn_like(h0)] if kind == "lstm" else [h0]
    for part in state:
        part.requires_grad_()
    given = tuple(state) if kind == "lstm" else h0
    if lengths is None:
        y, last = module(x, given)
    else:
        packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        y, last = module(packed, given)
        y, _ = pad_packed_sequence(y, batch_first=True, total_length=T)
    h_last = last[0] if kind == "lstm" else last
    for direction, suffix in enumerate(["", "_reverse"][: len(h0)]):
        name = f"{case}{suffix}"
        outputs = {"y": y[..., direction * H : (direction + 1) * H], "h_last": h_last[direction]}
        keep(name, {"x": x, "initial_state": torch.cat([s[direction] for s in state], 1), **outputs})
        if lengths is not None:
            keep(name, {"lengths": lengths})
        theirs = {
            n.removesuffix(f"_l0{suffix}"): p
            for n, p in module.named_parameters()
            if n.endswith(f"_l0{suffix}")
        }
        ours = translate(theirs.get, kind, bias=lambda of_x, of_h: of_x + of_h)
        keep(f"{name}/params", ours)
        for which, output in zip(("sequence", "last"), outputs.values(), strict=True):
            start = torch.randn_like(output)
            keep(name, {"dy" if which == "sequence" else "dh_last": start})
            wanted = [x, *state, *theirs.values()]
            dx, *rest = torch.autograd.grad(output, wanted, start, retain_graph=True)
            dstate, rest = rest[: len(state)], rest[len(state) :]
            dstate = torch.cat([ds[direction] for ds in dstate], 1)
            gradients = dict(zip(theirs, rest, strict=True))
            found = translate(gradients.get, kind, bias=lambda of_x, of_h: of_x)
            keep(f"{name}/{which}", {"x": dx, "initial_state": dstate, **found})


record_linear("linear_flat", (N,))
record_linear("linear_time", (N, T))
for lengths, ending in ((None, ""), (LENGTHS, "_packed")):
    record_recurrent(f"rnn_tanh{ending}", "rnn", nn.RNN(D, H, batch_first=True), lengths)
    record_recurrent(f"rnn_relu{ending}", "rnn", nn.RNN(D, H, nonlinearity="relu", batch_first=True), lengths)
    record_recurrent(f"gru{ending}", "gru", nn.GRU(D, H, batch_first=True, bidirectional=True), lengths)
    record_recurrent(f"gru_no_bias{ending}", "gru", nn.GRU(D, H, batch_first=True, bias=False), lengths)
for lengths, ending in ((None, ""), (LENGTHS, "_packed")):
    record_recurrent(f"lstm{ending}", "lstm", nn.LSTM(D, H, batch_first=True, bidirectional=True), lengths)
np.savez_compressed(Path(__file__).with_name("layers.npz"), **arrays)

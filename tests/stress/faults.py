"""Tests that are tested: faults put into a copy of nnfw, each of which must turn the tests red.

``python tests/stress/faults.py`` injects them all, one by one, and lists those that went unseen; ``--listed``
takes those that every recurrent layer must catch, ``--only WORD`` those whose description holds a word.
"""

import argparse
import sys
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from paths import ROOT
from trials import TESTS, Change, Tests, check_green, unseen


class Fault(NamedTuple):
    """A text that stands once in a file of nnfw, and what to put in its place."""

    what: str
    file: str
    old: str
    new: str

    def change(self) -> Change:
        """Return the file with the fault; what is no Python proves nothing, and raises a SyntaxError."""
        source = (ROOT / "nnfw" / f"{self.file}.py").read_text("utf-8")
        if source.count(self.old) != 1:
            raise ValueError(f"{self.what}: {self.file}.py holds {self.old!r} {source.count(self.old)} times")
        source = source.replace(self.old, self.new)
        compile(source, self.file, "exec")
        return Change(self.file, source)


GRU = "layers/gru"
LSTM = "layers/lstm"
GRUD = "layers/grud"
RNN = "layers/rnn"
RECURRENT = "layers/recurrent"
DENSE, BASE, CHAIN = "layers/dense", "layers/base", "layers/sequential"
COMPOSITE = "layers/composite"
WINDOWS, NORMALIZATION = "layers/windows", "layers/normalization"
LOOP, BATCHES, EVALUATION = "training/loop", "training/batches", "training/evaluation"
GUARD, ANOMALY = "training/guard", "training/anomaly"
MONITORS = "training/monitors"
TRACKER, ADAPTERS, VALIDATION = "training/tracker", "training/adapters", "core/validation"
PACKING = "layers/packing"
GATED = "layers/gated"
# What follows the backward loop of a GRU, without and with reset_after:
STANDARD, AFTER = "\n    def _forward_reset_after", "\n    def _recurrent_gradients"
CARRY = """                d[t] += np.multiply(dh[t], z[t], out=e[t])  # (4) dh∘z
                if p.sequences:  # otherwise d[t] is dh_[t]
                    dh_[t] += d[t]  # (1) to (4) dh₋
"""
LOST = CARRY.partition("\n")[2]
LISTED = [
    Fault("GRU: z and r swapped consistently", GATED, 'gates = ("z", "r", "c")', 'gates = ("r", "z", "c")'),
    Fault("GRU: the dq∘r term dropped", GRU, "e[t] *= r[t]  # (3) dq∘r", "e[t] *= 0"),
    Fault("GRU: the dh∘z carry dropped", GRU, CARRY + STANDARD, LOST + STANDARD),
    Fault("GRU: weight gradients left zero", GRU, "np.matmul(seen.T, p.ds[:, : 2 * H], out=", "dict(out="),
    Fault(
        "GRU: sign of h₋−c in the adjoint",
        GATED,
        "np.subtract(block.part(h_before), c, out=e)",
        "np.subtract(c, block.part(h_before), out=e)",
    ),
    Fault(
        "GRU: z and 1−z swapped",
        GRU,
        "            φ(s_c[t], c[t])  # (3) c\n            np.subtract(h_[t], c[t], out=h[t])  # (4) h₋−c\n"
        "            h[t] *= z[t]  # (4) z∘(h₋−c)\n            h[t] += c[t]  #",
        "            φ(s_c[t], c[t])  # (3) c\n            np.subtract(c[t], h_[t], out=h[t])\n"
        "            h[t] *= z[t]  # (4) z∘(h₋−c)\n            h[t] += h_[t]  #",
    ),
    Fault(
        "GRU: reset gate forgotten",
        GRU,
        "np.multiply(r[t], seen[t], out=q[t])",
        "np.multiply(1, seen[t], out=q[t])",
    ),
    Fault(
        "a length mask ignored in the adjoint",
        RECURRENT,
        "dh[steps.final] = dy[steps.order]",
        "dh[-N:] = dy[steps.order]",
    ),
    Fault(
        "a bias gradient not summed over time",
        RECURRENT,
        "np.matmul(p.x.T, p.ds, out=self._grad_Wx_b)",
        "p.x[: -p.steps.N, -1] = 0; np.matmul(p.x.T, p.ds, out=self._grad_Wx_b)",
    ),
]
OTHERS = [
    Fault(
        "GRU: (1−z) factor of the candidate",
        GATED,
        "Fc *= np.subtract(ONE, z, out=e)",
        "Fc *= z",
    ),
    Fault("GRU: reset factor sees c", GRU, "F, h_before, seen_before)", "F, h_before, p.a[2])"),
    Fault("GRU': reset factor sees c", GRU, "F, h_before, p.kept[0])", "F, h_before, p.a[2])"),
    Fault("GRU': the dh∘z carry dropped", GRU, CARRY + AFTER, LOST + AFTER),
    Fault(
        "GRU': du forgets r",
        GRU,
        "np.multiply(ds_c[t], r[t], out=du[t])",
        "np.multiply(ds_c[t], 1, out=du[t])",
    ),
    Fault(
        "GRU': bh_c outside the reset gate",
        GRU,
        "np.add(w_c[t], bh_c, out=u[t])",
        "u[t][...] = w_c[t]; s_c[t] += bh_c",
    ),
    Fault("GRU': gradient of bh_c", GRU, "total(p.made[0], self", "total(p.ds[:, 2 * H :], self"),
    Fault(
        "GRU: dh₋ forgets the gates",
        GRU,
        "np.dot(ds_zr[t], WhT_zr, out=d[t])  # (2), (1) dh₋",
        "d[t][...] = 0",
    ),
    Fault(
        "GRU': dh₋ forgets the gates",
        GRU,
        "d[t] += np.dot(ds_zr[t], WhT_zr, out=e[t])  # (2), (1) dh₋",
        "pass",
    ),
    Fault("GRU: gradient of Wh_c from h₋", GRU, "(rows_of(p.kept[0]), p.ds", "(seen, p.ds"),
    Fault("RNN: slope of φ forgotten", RNN, "ds[t] *= dh[t]", "ds[t][...] = dh[t]"),
    Fault("RNN: no way back through time", RNN, "np.dot(ds[t], p.WhT, out=d[t])", "d[t][...] = 0"),
    Fault(
        "GRUD: (8) of h₋ as it was",
        GRUD,
        "np.subtract(k[t], c[t], out=h[t])",
        "np.subtract(h_[t], c[t], out=h[t])",
    ),
    Fault("GRUD: known values decay too", GRUD, "np.multiply(m + (1 - m) * γ_x, x", "np.multiply(γ_x, x"),
    Fault(
        "GRUD: dh₋ not through the decay",
        GRUD,
        "dh_[t] += np.multiply(dk[t], γ[t], out=e[t])",
        "dh_[t] += dk[t]",
    ),
    Fault("GRUD: slope of a decay where it is 1", GRUD, "np.where(γ_h < 1,", "np.where(γ_h <= 1,"),
    Fault("GRUD: dδ of the values alone", GRUD, 'ds_h @ self.params["Wd_h"].T + ', ""),
    Fault("GRUD: dm of the weights alone", GRUD, "dm += dv * (1 - γ_x) * x  # (2) dm", "pass"),
    Fault("GRUD: dropout of k not in dk", GRUD, "dk[t] *= m[t]", "pass"),
    Fault("GRUD: decays begin at 0", GRUD, "START = 0.1", "START = 0.0"),
    Fault("GRUD: masks between 0 and 1", GRUD, "np.abs(m * (m - 1)) > 0", "m < 0"),
    Fault("LSTM: forget bias", LSTM, 'if gate == "f"', 'if gate == "i"'),
    Fault(
        "LSTM: c₋ and g swapped",
        LSTM,
        "np.multiply(i[t], g[t], out=e[t])",
        "np.multiply(i[t], c_[t], out=e[t])",
    ),
    Fault(
        "LSTM: output without φ",
        LSTM,
        "np.multiply(o[t], v[t], out=h[t])",
        "np.multiply(o[t], c[t], out=h[t])",
    ),
    Fault("LSTM: dc₋ not through f", LSTM, "dc[t] *= f[t]  # (5) dc₋", "pass"),
    Fault("LSTM: dc from h forgotten", LSTM, "dc[t] += np.multiply(dh[t], slope[t], out=e[t])", "pass"),
    Fault("LSTM: df sees c", LSTM, "block.part(c_before)", "block.part(p.states[1][N:])"),
    Fault("dropout: not scaled", RECURRENT, ">= share) / (1 - share)", ">= share) / 1"),
    Fault("dropout: dx not masked", RECURRENT, "p.steps.scale(dx, p.x_mask)", "pass"),
    Fault("recurrent dropout: dh₋ not masked", RNN, "d[t] *= m[t]", "pass"),
    Fault(
        "recurrent dropout: mask not sorted",
        RECURRENT,
        "p.m, p.seen = p.m[steps.order],",
        "p.m, p.seen = p.m,",
    ),
    Fault(
        "recurrent weights not transposed",
        RECURRENT,
        'WhT[...] = self._blocks["Wh"].T',
        'WhT[...] = self._blocks["Wh"].reshape(p.WhT.shape)',
    ),
    Fault(
        "gradients of outputs at all steps overwritten",
        RECURRENT,
        "self._needs_scores, sequences, ",
        "self._needs_scores, False, ",
    ),
    Fault("initial state ignored", RECURRENT, "h[:N] = state[", "h[:N] = 0 * state["),
    Fault("initial state in the wrong order", RECURRENT, "state[steps.order, k", "state[:, k"),
    Fault(
        "backwards not read from the last valid step",
        PACKING,
        "lengths[self.sample] - 1 - reading",
        "self.T - 1 - reading",
    ),
    Fault(
        "outputs of a backward layer not turned",
        PACKING,
        "self.shaped(rows)[:: -1 if self.backwards else 1]",
        "self.shaped(rows)",
    ),
    Fault(
        "a step reads one sample too many",
        PACKING,
        "np.searchsorted(-falling, -reading)",
        "np.searchsorted(-falling, -reading, 'right')",
    ),
    Fault("state lost between inference windows", RECURRENT, "state = p.last()", "state = 0 * p.last()"),
    Fault("gate scale not folded into Wh", GATED, "np.multiply(W, part,", "np.multiply(W, 1,"),
    Fault("one σ for all gates", GATED, "first if all(σ == first for σ in others)", "first if True"),
    Fault("Dense: bias gradient is doubled", "layers/dense", "total(ds, self", "total(2 * ds, self"),
    Fault(
        "Dense: dx from W not transposed",
        "layers/dense",
        'product(ds, self.params["W"].T)',
        'product(ds, self.params["W"].reshape(-1, len(self.params["W"])))',
    ),
    Fault(
        "loss: gradient summed over the batch",
        "losses",
        "return slope / math.prod(steps)",
        "return slope",
    ),
    Fault(
        "loss: weights ignored in the gradient",
        "losses",
        "_spread(weight, steps, slope.dtype) / math.prod(steps)",
        "np.ones(steps) / math.prod(steps)",
    ),
    Fault(
        "mse: 2 forgotten",
        "losses",
        "return 2.0 * (a - y) / a.shape[-1]",
        "return (a - y) / a.shape[-1]",
    ),
    Fault("mae: sign", "losses", "np.sign(a - y)", "np.sign(y - a)"),
    Fault(
        "huber: delta",
        "losses",
        "np.clip(a - y, -self.delta, self.delta)",
        "np.clip(a - y, -1, 1)",
    ),
    Fault(
        "cce: smoothing",
        "losses",
        "ε * (1.0 / K)",
        "ε * 0.5",
    ),
    Fault(
        "bce: joint slope not a mean over outputs",
        "losses",
        "return (a - y) / a.shape[-1]",
        "return a - y",
    ),
    Fault(
        "kl: slope",
        "losses",
        "        return -y / above_zero(a)\n\n\n@",
        "        return -above_zero(a)\n\n\n@",
    ),
    Fault(
        "SGD: momentum scaled by the rate",
        "optimizers",
        "m += grads  # (1)\n            if",
        "m += grads * rate\n            if",
    ),
    Fault(
        "Adam: no bias correction of m",
        "optimizers",
        "return 1.0, 0.0, sum_of_weights(self.beta_1, state.steps)",
        "return 1.0, 0.0, 1 / (1 - self.beta_1)",
    ),
    Fault(
        "Adam: ε inside the root",
        "optimizers",
        "np.sqrt(squares, out=work)\n    work += epsilon",
        "np.sqrt(squares + epsilon, out=work)",
    ),
    Fault(
        "Nadam: μ one step late",
        "optimizers",
        "self._momentum(state.steps + 1)",
        "self._momentum(state.steps)",
    ),
    Fault(
        "Lion: betas swapped",
        "optimizers",
        "blend(m, grads, self.beta_2, work)  # (3)",
        "blend(m, grads, self.beta_1, work)",
    ),
    Fault(
        "RMSprop: mean not squared",
        "optimizers",
        "np.subtract(v, np.square(a, out=work), out=work)",
        "np.subtract(v, a, out=work)",
    ),
    Fault(
        "Adagrad: forgets",
        "optimizers",
        "v += np.square(grads, out=work)  # (1)",
        "v[...] = np.square(grads, out=work)",
    ),
    Fault(
        "decoupled decay: without the rate",
        "optimizers",
        "params *= 1 - rate * self.weight_decay",
        "params *= 1 - self.weight_decay",
    ),
    Fault(
        "clipping: each layer by itself",
        "core/vectors",
        "vector *= limit / norm",
        "vector *= limit / np.linalg.norm(vector)",
    ),
    Fault("staircase ignored", "schedules", "math.floor(epoch) if self.staircase else epoch", "epoch"),
    Fault(
        "schedules mixed the wrong way",
        "schedules",
        "(1 - share) * start + share * end",
        "share * start + (1 - share) * end",
    ),
    Fault("gelu: too few coefficients", "activations", "CHEBYSHEV[:11]", "CHEBYSHEV[:8]"),
    Fault("gelu: the square is rounded", "activations", "(head - a) * (head + a) / 2", "0 * a"),
    Fault("trimmed: a step short", BATCHES, "max(self.longest, self", "max(self.longest - 1, self"),
    Fault("trimmed: not at all", BATCHES, "None if self.least is None", "None if True"),
    Fault("trimmed: a network of fixed steps", ADAPTERS, "least_steps(network, x.shape[1])", "1"),
    Fault("trimmed: fixed steps in predict", EVALUATION, "least_steps(network, x.shape[1])", "1"),
    Fault("trimmed: predictions not of all steps", EVALUATION, "else axes", "else axes[1:]"),
    Fault("metrics: what weighs 0 counts", TRACKER, "y[weight > 0], a[weight > 0]", "y, a"),
    Fault(
        "balanced: what weighs 0 counts",
        "training/sources",
        "counted = factor > 0",
        "counted = valid",
    ),
    Fault(
        "validation: weights not taken", "training/sources", "return tuple(data)", "return tuple(data)[:3]"
    ),
    Fault(
        "cosine: no half",
        "schedules",
        "(1 - math.cos(math.pi * share)) / 2",
        "1 - math.cos(math.pi * share)",
    ),
    Fault(
        "tanh: slope",
        "activations",
        "class Tanh(Activation):",
        "class Tanh(Activation):\n    backward = lambda self, dy, y, x=None: dy\n",
    ),
    Fault(
        "sigmoid: gate without its 1",
        "activations",
        "np.add(e, ONE, out=e)",
        "np.add(e, 1.01, out=e)",
    ),
    Fault("stream: not looked at", "streaming", "if not np.isfinite(y).all():", "if False:"),
    Fault("max norm: infinite ones made 0", "regularizers", " & (norms < np.inf)", ""),
    Fault("check: 0 is the lowest", "sanity", "lowest if math.isfinite(lowest) else 0.0", "0.0"),
    Fault(
        "check: the lowest not finite",
        "sanity",
        "lowest if math.isfinite(lowest) else 0.0",
        "lowest",
    ),
    Fault(
        "check: penalties count",
        "sanity",
        "network.forward(batch.x, lengths=batch.lengths), batch.weight)",
        "network.forward(batch.x, lengths=batch.lengths), batch.weight) + network._penalty()",
    ),
    Fault(
        "check: chance by the mean of y",
        "sanity",
        "if loss.fused_with or loss.takes_classes:",
        "if False:",
    ),
    Fault(
        "network: the default optimizer is its own",
        "model",
        'optimizers.get("adam"), True',
        'optimizers.get("adam"), False',
    ),
    Fault("embedding: what others wrote stays", "layers/embedding", "        dE[...] = 0\n", ""),
    Fault("save: not flushed", "core/files", "os.fsync(file.fileno())", "pass"),
    Fault("save: in place", "core/files", "with open(temporary, ", "with open(target, "),
    Fault("save: the new file left", "core/files", "temporary.unlink(missing_ok=True)", "pass"),
    Fault(
        "load: compressed entries are read",
        "saving/archive",
        "if any(entry.compress_type",
        "if False and any(entry.compress_type",
    ),
    Fault("chain: backward in forward order", CHAIN, "in reversed(inner)", "in inner"),
    Fault(
        "chain: padding is pooled",
        "layers/validation",
        "if padding.any() and not layer.takes_lengths",
        "if False",
    ),
    Fault("chain: padding is not 0", CHAIN, "x[padding] = 0", "pass"),
    Fault("chain: penalties not in the gradients", CHAIN, "layer._add_penalty_gradients()", "pass"),
    Fault("norm: frozen layers count", COMPOSITE, "elif layer.trainable:", "else:"),
    Fault("norm: frozen networks count", COMPOSITE, "self.layers if self.trainable else ():", "self.layers:"),
    Fault("norm: a layer's own is ignored", BASE, "self.optimizer.clip_global_norm is not None", "False"),
    Fault("layer: frozen is updated", BASE, "if not self.trainable or not", "if not"),
    Fault("layer: own optimizer ignored", BASE, "rule = self.optimizer or optimizer", "rule = optimizer"),
    Fault("layer: bounds not enforced", BASE, "regularizer.constrain(p)", "pass"),
    Fault("copies: of a fit have no dx", BASE, ', "_needs_dx"', ""),
    Fault("copies: old moments are kept", "model", "leaf._state = None", "pass"),
    Fault("flat: vectors not shared", COMPOSITE, "vars(layer)[kind] = part", "pass"),
    Fault("flat: the vector of other layers", COMPOSITE, "part.base is not whole for part in parts", "False"),
    Fault("flat: steps not counted", CHAIN, " state.steps = self.state.steps", " pass"),
    Fault(
        "flat: memories of unequal age are joined",
        CHAIN,
        "first.rule, first.steps, first",
        "one.rule, one.steps, first",
    ),
    Fault("flat: memories not shared", CHAIN, "state.slots[name] = part", "pass"),
    Fault("flat: fits whatever remembers", CHAIN, "if layer._state is not state or", "if"),
    Fault("flat: frozen layers are updated", CHAIN, "layer.trainable and ", ""),
    Fault("flat: bounds are passed by", CHAIN, " and layer.regularizer is None", ""),
    Fault("flat: own optimizers are passed by", CHAIN, "layer.optimizer is None and ", ""),
    Fault("flat: one norm for all layers", CHAIN, " or optimizer.clip_norm is not None", ""),
    Fault("logits: the table is ignored", "losses", "LOGITS.of(a) or (None, None)", "(None, None)"),
    Fault("logits: never kept", "model", "activation.name == self.loss.fused_with", "False"),
    Fault(
        "logits: a layer that was the last keeps them",
        "model",
        "for leaf in self._leaves():  #",
        "for leaf in [last]:  #",
    ),
    Fault("logits: the gradient is not looked up", CHAIN, "LOGIT_GRADIENTS.of(dy)", "None"),
    Fault(
        "logits: a scaled gradient passes for it",
        "core/logits",
        " or (self.unchanged and found[1] != np.asarray(a).tobytes())",
        "",
    ),
    Fault("logits: a new array at an old place", "core/logits", "found[0]() is not a", "False"),
    Fault("logits: gradient with respect to them taken for dy", DENSE, "ds = dy if of_logits else", "ds ="),
    # ---- windows, statistics, attention, what is added
    Fault("windows: same is not centred", WINDOWS, '"same": more // 2', '"same": (more + 1) // 2'),
    Fault(
        "windows: values beside each other in spite of dilation",
        WINDOWS,
        "slice(p * d, p * d + s",
        "slice(p, p + s",
    ),
    Fault("windows: padding is read", WINDOWS, "x = cleared(x, lengths)", "pass"),
    Fault("windows: padding has a gradient", WINDOWS, "dx[~valid_steps(lengths, x.shape[1])] = 0", "pass"),
    Fault("convolution: a stream forgets the newest step", "layers/convolution", "x[:, 1:]", "x[:, :-1]"),
    Fault("pooling: equals share a gradient", "layers/window_pooling", "left -= found", "pass"),
    Fault("chain: lengths do not follow strides", CHAIN, "lengths = layer.count_steps(lengths)", "pass"),
    Fault("batch norm: biased running variance", NORMALIZATION, " * (M / (M - 1))", ""),
    Fault("batch norm: a batch of one row counts", NORMALIZATION, "training and M > 1", "training"),
    Fault(
        "batch norm: the optimizer keeps its hands on",
        NORMALIZATION,
        "self.params[name][...] = statistic",
        "pass",
    ),
    Fault(
        "attention: no scale",
        "layers/attention",
        "np.matmul(q / math.sqrt(self.units), k",
        "np.matmul(q, k",
    ),
    Fault(
        "attention: later steps are seen",
        "layers/attention",
        " if self.causal else np.True_",
        " if False else np.True_",
    ),
    Fault(
        "residual: its input has no gradient",
        "layers/residual",
        "dx = dx + np.asarray(dy, dx.dtype)",
        "dx = dx + 0",
    ),
    Fault(
        "streaming: the states of a copy are those of the stream",
        "streaming",
        "return copy.deepcopy(self._states)",
        "return list(self._states)",
    ),
    Fault(
        "impute: values of later steps",
        "data/missing",
        "np.where(missing, 0, steps)",
        "np.where(missing, steps, steps)",
    ),
    Fault(
        "gaps: time since the value of this step",
        "data/missing",
        "before[..., 1:, :] = last[..., :-1, :]",
        "before[...] = last",
    ),
    Fault(
        "gaps: zeros standardized too",
        "data/missing",
        "np.nan_to_num(values)",
        "np.nan_to_num(values, nan=-1)",
    ),
    # ---- training
    Fault("training: gradients of the batch before", LOOP, "network.gradients()\n", "pass\n"),
    Fault("training: on_gradients is not called", LOOP, 'run.call("on_gradients")', "pass"),
    Fault("training: mean of batches, not of samples", TRACKER, "loss * self.batch_weight", "loss * 4"),
    Fault("training: whole epochs for the schedule", LOOP, "run.epoch - 1 + done", "run.epoch - 1"),
    Fault("training: windows all at one time", LOOP, "number - 1 + step / steps", "number - 1"),
    Fault("training: the state of a window not carried", LOOP, "if going_on is not None:", "if False:"),
    Fault("training: the state of other samples carried", LOOP, "state[samples]", "state[: len(samples)]"),
    Fault("training: a batch is finished by each window", LOOP, "step + 1 == steps", "True"),
    Fault(
        "training: validation numbers are off", LOOP, 'f"val_{name}": value', 'f"val_{name}": value * 1.01'
    ),
    Fault("training: goes on after Ctrl-C", LOOP, "if run.stopped and state.batch != count:", "if False:"),
    Fault("training: the first batches twice in a resumed epoch", LOOP, "order, state.batch)", "order, 0)"),
    Fault("training: dx missing after a fit", LOOP, "_needs_dx = True", "_needs_dx = False"),
    Fault(
        "training: the order of a resumed epoch",
        "training/state",
        "bit_generator.state = self.shuffle",
        "bit_generator.state",
    ),
    Fault("training: noise of a failed step is lost", LOOP, "noise.state = before", "pass"),
    Fault("training: noise of a counted step drawn again", LOOP, "if run.updates == updates:", "if True:"),
    Fault("training: an update is interrupted", "training/interrupt", " or self.updating.locked()", ""),
    Fault(
        "early stopping keeps the last weights",
        MONITORS,
        "leaf.flat_params[...], weights[...] = weights.copy(), leaf.flat_params.copy()",
        "pass",
    ),
    Fault("monitors: as good is better", MONITORS, "value < self._best", "value <= self._best"),
    Fault(
        "monitors: the patience is not renewed", MONITORS, "0 if better else self.wait + 1", "self.wait + 1"
    ),
    Fault(
        "plateau: good epochs do not rest", MONITORS, "if self.resting:", "if self.resting and not better:"
    ),
    Fault(
        "plateau: below the lowest rate", MONITORS, "max(self.factor, self.min_rate / rate)", "self.factor"
    ),
    Fault("plateau: no rest", MONITORS, "self.resting, self.wait = self.cooldown, 0", "self.wait = 0"),
    Fault(
        "weights: of classes count in validation",
        "network",
        "                train = sources.weigh_classes(self, train, class_weight)\n",
        "                train = sources.weigh_classes(self, train, class_weight)\n"
        "                validation = validation and sources.weigh_classes(self, validation, class_weight)\n",
    ),
    Fault(
        "weights: of steps shifted in windows",
        BATCHES,
        "self.weight[index[",
        "self.weight[(rows, slice(0, width))[",
    ),
    Fault(
        "batches: the mean over the padding too",
        BATCHES,
        "~padding * (padding.size / max(valid, 1))",
        "~padding * 1.0",
    ),
    Fault(
        "embedding: a list has no mask",
        ADAPTERS,
        "    if lengths is None:\n        counts = first",
        "    if counts is None:\n        counts = first",
    ),
    # ---- the guard
    Fault(
        "guard: an answer is not looked at",
        EVALUATION,
        '"predict, batch {number}", batch, a)',
        '"", batch, a * 0)',
    ),
    Fault("guard: the loss of validation is not", EVALUATION, "batch, a, loss)", "batch, a * 0)"),
    Fault("guard: a large norm is refused", GUARD, " or np.isfinite(a).all())", ")"),
    Fault("guard: gradients not looked at", GUARD, "if not np.isfinite(leaf.flat_grads).all():", "if False:"),
    Fault("guard: the loss not looked at", LOOP, "guard.check_loss(run)", "pass"),
    Fault("guard: any rate is safe", GUARD, " and rule.rate(run.epoch_fraction) < HIGH", ""),
    Fault("guard: any rule is safe", GUARD, "safe and own and", "safe and"),
    Fault("guard: any layer is safe", GUARD, "safe = self.plain", "safe = True"),
    Fault("guard: weights not restored", GUARD, "leaf.flat_params[...], leaf._state = params, state", "pass"),
    Fault("guard: memories not copied", GUARD, "copy.deepcopy(leaf._state)", "leaf._state"),
    Fault("guard: updates not verified", GUARD, "if found := anomaly.in_update(leaf)", "if found := 0"),
    Fault("guard: not asked before a step", LOOP, "guard.check_gradients(run)", "pass"),
    Fault("guard: not asked after a failure", LOOP, "guard.restore()", "pass"),
    Fault(
        "search: noise of training",
        ANOMALY,
        "if np.array_equal(np.isfinite(seen), np.isfinite(y)):",
        "if True:",
    ),
    Fault(
        "search: weights not looked at",
        ANOMALY,
        'of_layer(leaf, "parameter", leaf.params)',
        'of_layer(leaf, "parameter", {})',
    ),
    Fault("search: from no state", ANOMALY, "states(network, batch.state)", "states(network, None)"),
    Fault(
        "search: the last step for the first",
        ANOMALY,
        "bad[-1 if reverse else 0]",
        "bad[0 if reverse else -1]",
    ),
    # ---- input validation
    Fault("validation: an open end closed", VALIDATION, "number < self.high if self.open_high else ", ""),
    Fault("validation: kept as it was given", VALIDATION, "vars(part)[name] = check(", "check("),
    Fault("arguments: assigned unchecked", "core/registry", "home.__init__(again,", "dict(a=again,"),
    Fault(
        "arguments: unknown ones taken",
        "core/registry",
        "(cls is home and not method",
        "(False and not method",
    ),
    Fault("arguments: never fixed", "core/registry", "(why := self._fixed(name))", "(why := None)"),
    Fault(
        "arguments: what follows from them stays",
        "core/registry",
        "vars(self).update(vars(again))",
        "vars(self)[name] = vars(again)[name]",
    ),
    Fault("validation: overflow", VALIDATION, "except OverflowError:", "except ZeroDivisionError:"),
]
FAULTS = LISTED + OTHERS


def trials(faults: Iterable[Fault]) -> Iterator[tuple[Fault, Change, Tests]]:
    """Yield each fault, what its file holds, and the tests that must see it."""
    for fault in faults:
        yield fault, fault.change(), TESTS[fault.file]._replace(words="")


def main() -> int:
    """Inject the faults, and return how many went unseen."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", default="", help="a word of the descriptions")
    parser.add_argument("--listed", action="store_true", help="take the few that stand first")
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    faults = [fault for fault in (LISTED if options.listed else FAULTS) if options.only in fault.what]
    for fault in faults:
        fault.change()  # raises where the list is not up to date
    check_green({fault.file: None for fault in faults})
    missed = 0
    for fault in unseen(trials(faults), options.jobs):
        missed += 1
        print(f"UNSEEN  {fault.what}", flush=True)
    print(f"{len(faults) - missed} of {len(faults)} faults caught")
    return missed


if __name__ == "__main__":
    sys.exit(main())

"""Tests that are tested: faults put into a copy of nnfw, each of which must turn the tests red.

``python tests/faults.py`` injects them all, one by one, and lists those that went unseen; ``--only WORD``
takes those whose description holds a word. The tests run the first few of them (`test_faults.py`).
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]


class Fault(NamedTuple):
    """A text in a file, and what to put in its place."""

    what: str
    file: str
    old: str
    new: str


OWN = ["tests/test_own_layers_and_networks.py"]
SMALL = ["tests/test_small_layers.py"]
LAYERS = ["tests/test_layers.py", "tests/test_network.py", "tests/test_training.py", *OWN, *SMALL]
LOOP = ["tests/test_training.py", "tests/test_sequences_in_training.py"]
BROKEN_OFF = ["tests/test_interruption.py"]
ANSWERS = ["tests/test_nonfinite.py", "tests/test_nonfinite_answers.py"]
TESTS = {  # which tests must see the faults of a file
    "layers": LAYERS,
    "chain": LAYERS,
    "interruption": BROKEN_OFF,
    "resuming": [*LOOP, *BROKEN_OFF],
    "network": LAYERS,
    "training": [*LOOP, *BROKEN_OFF],
    "evaluation": [*LOOP, *ANSWERS],
    "nonfinite": ANSWERS,
    "postmortem": ANSWERS,
    "streaming": ["tests/training/test_evaluation.py"],
    "regularizers": ["tests/test_regularizers.py"],
    "sanity": ["tests/test_sanity.py"],
    "saving": ["tests/saving/test_broken_files.py"],
    "core": ["tests/saving/test_file.py", "tests/saving/test_replacing.py"],
    "joint": ["tests/test_losses.py"],
    "doors": [*LOOP, "tests/test_doors.py", *ANSWERS, *SMALL],
    "building": OWN,
    "monitor": ["tests/test_training.py", "tests/test_callbacks.py"],
    "monitors": ["tests/test_training.py", "tests/test_callbacks.py"],
    "losses": ["tests/test_losses.py"],
    "loss": ["tests/test_losses.py"],
    "checks": ["tests/test_checks.py"],
    "core": ["tests/core", "tests/test_optimizers.py", "tests/test_network.py"],
    "optimizers": ["tests/test_optimizers.py"],
    "schedules": ["tests/test_schedules.py"],
    "activations": ["tests/test_activations.py"],
    "initializers": ["tests/test_initializers.py"],
    "metrics": ["tests/test_metrics.py"],
}

GRU = "layers/gru.py"
LSTM = "layers/lstm.py"
RNN = "layers/rnn.py"
RECURRENT = "layers/recurrent.py"
PACKING = "layers/packing.py"
GATED = "layers/gated.py"
STANDARD = (
    '        p.rows |= {"ds_z": ds_z'  # what follows the backward loop of a GRU, without and with reset_after
)
AFTER = '        p.rows |= {"du": du'
CARRY = (
    "                d_t += np.multiply(dh[after], z[now], out=e_t)  # (4) dh∘z\n                dh_ += d_t\n"
)
FACTORS = """            Fz *= np.subtract(p.h_before[rows], c[rows], out=t)
            Fr *= {}[rows]
            Fc *= np.subtract(1, z[rows], out=t)
"""
LISTED = [
    Fault("GRU: z and r swapped consistently", GRU, 'gates = ("z", "r", "c")', 'gates = ("r", "z", "c")'),
    Fault("GRU: the dq∘r term dropped", GRU, "d_t *= r[now]  # (3) dq∘r", "d_t *= 0"),
    Fault("GRU: the dh∘z carry dropped", GRU, CARRY + STANDARD, "                dh_ += d_t\n" + STANDARD),
    Fault("GRU: weight gradients left zero", GRU, "np.matmul(seen.T, ds[:, : 2 * H], out=", "dict(out="),
    Fault(
        "GRU: sign of h₋−c in the adjoint",
        GRU,
        FACTORS.format("p.seen_before"),
        FACTORS.format("p.seen_before").replace("p.h_before[rows], c[rows]", "c[rows], p.h_before[rows]"),
    ),
    Fault(
        "GRU: z and 1−z swapped",
        GRU,
        "            φ(s_c_t, c_t)  # (3) c\n            np.subtract(h_, c_t, out=h_t)\n",
        "            φ(s_c_t, c_t)\n"
        "            h_, c_t = c_t, h_.copy()\n"
        "            np.subtract(h_, c_t, out=h_t)\n",
    ),
    Fault(
        "GRU: reset gate forgotten",
        GRU,
        "np.multiply(r[now], seen_, out=q_t)",
        "np.multiply(1, seen_, out=q_t)",
    ),
    Fault(
        "a length mask ignored in the adjoint",
        RECURRENT,
        "dh[steps.final] += dy[steps.order]",
        "dh[-N:] += dy[steps.order]",
    ),
    Fault(
        "a bias gradient not summed over time",
        RECURRENT,
        "np.matmul(p.x.T, ds, out=self._grad_Wx_b)",
        "p.x[: -p.steps.N, -1] = 0; np.matmul(p.x.T, ds, out=self._grad_Wx_b)",
    ),
]
OTHERS = [
    Fault(
        "GRU: (1−z) factor of the candidate",
        GRU,
        FACTORS.format("p.seen_before"),
        FACTORS.format("p.seen_before").replace("np.subtract(1, z[rows], out=t)", "z[rows]"),
    ),
    Fault("GRU: reset factor sees c", GRU, "Fr *= p.seen_before[rows]", "Fr *= c[rows]"),
    Fault("GRU': reset factor sees c", GRU, "Fr *= u[rows]", "Fr *= c[rows]"),
    Fault("GRU': the dh∘z carry dropped", GRU, CARRY + AFTER, "                dh_ += d_t\n" + AFTER),
    Fault(
        "GRU': du forgets r",
        GRU,
        "np.multiply(ds_c_t, r[now], out=du_t)",
        "np.multiply(ds_c_t, 1, out=du_t)",
    ),
    Fault(
        "GRU': bh_c outside the reset gate",
        GRU,
        "np.add(w_c[:n], bh_c, out=u_t)",
        "u_t[...] = w_c[:n]; s_c_t += bh_c",
    ),
    Fault("GRU': gradient of bh_c", GRU, 'np.sum(p.rows["du"], axis=0', "np.sum(ds[:, 2 * H :], axis=0"),
    Fault(
        "GRU: dh₋ forgets the gates",
        GRU,
        "# (3) dq∘r\n                d_t += np.dot(ds_zr[now], WhT_zr, out=e_t)",
        "#",
    ),
    Fault(
        "GRU': dh₋ forgets the gates",
        GRU,
        "# (3') dh₋\n                d_t += np.dot(ds_zr[now], WhT_zr, out=e_t)",
        "#",
    ),
    Fault("GRU: gradient of Wh_c from h₋", GRU, 'p.rows["q"].T, ds[:, 2 * H :]', "seen.T, ds[:, 2 * H :]"),
    Fault("RNN: slope of φ forgotten", RNN, "ds_t *= dh[after]", "ds_t[...] = dh[after]"),
    Fault("RNN: no way back through time", RNN, "dh_ += d_t", "pass"),
    Fault("LSTM: forget bias", LSTM, 'if gate == "f"', 'if gate == "i"'),
    Fault("LSTM: c₋ and g swapped", LSTM, "np.multiply(i[now], g_t,", "np.multiply(i[now], c[before],"),
    Fault("LSTM: output without φ", LSTM, "np.multiply(o[now], v_t,", "np.multiply(o[now], c_t,"),
    Fault("LSTM: dc₋ not through f", LSTM, "dc_t *= f[now]  # (5) dc₋", "pass"),
    Fault("LSTM: dc from h forgotten", LSTM, "dc_t += np.multiply(dh_t, Fv[k], out=d_t)", "pass"),
    Fault("LSTM: df sees c", LSTM, "Ff *= c_before[rows]", "Ff *= c[rows]"),
    Fault("dropout: not scaled", RECURRENT, ">= share) / (1 - share)", ">= share) / 1"),
    Fault("dropout: dx not masked", RECURRENT, "steps.scale(dx, p.x_mask)", "pass"),
    Fault("recurrent dropout: dh₋ not masked", RNN, "d_t *= m[: len(d_t)]", "pass"),
    Fault("recurrent dropout: mask not sorted", RECURRENT, "m, seen = m[steps.order],", "m, seen = m,"),
    Fault(
        "recurrent weights not transposed",
        RECURRENT,
        'WhT[...] = self._blocks["Wh"].T',
        'WhT[...] = self._blocks["Wh"].reshape(WhT.shape)',
    ),
    Fault("initial state ignored", PACKING, "states[-1][: self.N] = part", "states[-1][: self.N] = 0"),
    Fault("initial state in the wrong order", PACKING, "np.split(initial[self.order],", "np.split(initial,"),
    Fault(
        "backwards not read from the last valid step",
        PACKING,
        "lengths[self.sample] - 1 - reading[step]",
        "self.T - 1 - reading[step]",
    ),
    Fault(
        "outputs of a backward layer not turned",
        PACKING,
        "self._by_step(rows)[:: -1 if self.backwards else 1]",
        "self._by_step(rows)",
    ),
    Fault(
        "a step reads one sample too many",
        PACKING,
        "falling > reading[:, None]",
        "falling >= reading[:, None]",
    ),
    Fault("state lost between inference windows", RECURRENT, "state = p.last()", "state = 0 * p.last()"),
    Fault("gate scale not folded into Wh", GATED, "np.multiply(W, k,", "np.multiply(W, 1,"),
    Fault("one σ for all gates", GATED, "first if all(σ == first for σ in others)", "first if True"),
    Fault("Dense: activation passed by in the adjoint", "layers/dense.py", "if past_activation:", "if True:"),
    Fault(
        "Dense: temperature forgotten", "layers/dense.py", "ds = dy / self.activation.temperature", "ds = dy"
    ),
    Fault("Dense: bias gradient is a mean", "layers/dense.py", "ds.sum(axis=0", "ds.mean(axis=0"),
    Fault(
        "Dense: dx from W not transposed",
        "layers/dense.py",
        'ds @ self.params["W"].T',
        'ds @ self.params["W"].reshape(-1, len(self.params["W"]))',
    ),
    Fault(
        "network: backward in forward order",
        "chain.py",
        "for layer in reversed(self.layers)",
        "for layer in self.layers",
    ),
    Fault(
        "network: frozen layers count in the norm",
        "chain.py",
        "elif layer.trainable:",
        "elif True:",
    ),
    Fault("layer: frozen is updated", "layers/layer.py", "if not self.trainable or not", "if not"),
    Fault(
        "layer: own optimizer ignored",
        "layers/layer.py",
        "rule = self.optimizer or optimizer",
        "rule = optimizer",
    ),
    Fault("joint: never joined", "network.py", "last.activation.name == self.loss.fused_with", "False"),
    Fault(
        "joint: copies keep the scores",
        "joint.py",
        'self.scores, self.activation = None, ""',
        "self.scores, self.activation = getattr(source, 'scores', None), getattr(source, 'activation', '')",
    ),
    Fault("training: gradient of a batch before last", "training.py", "network.gradients()\n", "pass\n"),
    Fault(
        "training: mean of batches, not of samples",
        "evaluation.py",
        "self.total += loss * batch.valid",
        "self.total += loss * 4",
    ),
    Fault(
        "training: whole epochs for the schedule",
        "training.py",
        "run.epoch - 1 + ((run.batch - 1 + share) / count if count else 0.0)",
        "run.epoch - 1",
    ),
    Fault(
        "training: the state of a window not carried",
        "training.py",
        "state = None if going_on is None else",
        "state = None if True else",
    ),
    Fault(
        "training: all windows at one time",
        "training.py",
        "moment(run, count, number / windows)",
        "moment(run, count)",
    ),
    Fault(
        "training: the state of other samples carried",
        "training.py",
        "one[samples]",
        "one[: len(samples)]",
    ),
    Fault(
        "training: validation before the last update",
        "training.py",
        'run.logs |= {f"val_{name}": value',
        'run.logs |= {f"val_{name}": value * 1.01',
    ),
    Fault(
        "training: goes on after Ctrl-C", "training.py", "        if run.stopped:\n            return\n", ""
    ),
    Fault(
        "training: windows taken twice", "training.py", "windows(width, standing.window)", "windows(width, 0)"
    ),
    Fault(
        "resuming: windows not counted",
        "resuming.py",
        "self.window += 1",
        "pass",
    ),
    Fault(
        "resuming: no state for the next window",
        "resuming.py",
        "self.state = over_layers(state, np.copy)",
        "self.state = None",
    ),
    Fault(
        "interruption: noise of a window drawn twice",
        "interruption.py",
        "(self.standing.batch, self.standing.window) == self.step",
        "False",
    ),
    Fault(
        "interruption: noise brought back too far",
        "interruption.py",
        "(self.standing.batch, self.standing.window) == self.step",
        "True",
    ),
    Fault("early stopping keeps the last weights", "monitors.py", "leaf.flat_params[...] = weights", "pass"),
    Fault(
        "loss: gradient summed over the batch",
        "losses.py",
        "return slope / math.prod(steps)",
        "return slope",
    ),
    Fault(
        "loss: weights ignored in the gradient",
        "losses.py",
        "(_spread(weight, steps, slope.dtype) / math.prod(steps))",
        "(np.ones(steps) / math.prod(steps))",
    ),
    Fault(
        "mse: 2 forgotten",
        "losses.py",
        "return 2.0 * (a - y) / a.shape[-1]",
        "return (a - y) / a.shape[-1]",
    ),
    Fault("mae: sign", "losses.py", "np.sign(a - y)", "np.sign(y - a)"),
    Fault(
        "huber: delta",
        "losses.py",
        "np.clip(a - y, -self.delta, self.delta)",
        "np.clip(a - y, -1, 1)",
    ),
    Fault(
        "cce: smoothing",
        "losses.py",
        "self.label_smoothing, 1.0 / a.shape[-1]",
        "self.label_smoothing, 0.5",
    ),
    Fault(
        "bce: joint slope not a mean over outputs",
        "losses.py",
        "return (a - y) / a.shape[-1]",
        "return a - y",
    ),
    Fault(
        "kl: slope",
        "losses.py",
        "        return -y / above_zero(a)\n\n\n@",
        "        return -above_zero(a)\n\n\n@",
    ),
    Fault(
        "SGD: momentum scaled by the rate",
        "optimizers.py",
        "m += grads  # (1)\n            if",
        "m += grads * rate\n            if",
    ),
    Fault(
        "Adam: no bias correction of m",
        "optimizers.py",
        "rate / sum_of_weights(self.beta_1, state.steps)",
        "rate * (1 - self.beta_1)",
    ),
    Fault(
        "Adam: ε inside the root",
        "optimizers.py",
        "np.sqrt(squares, out=work)\n    work += epsilon",
        "np.sqrt(squares + epsilon, out=work)",
    ),
    Fault(
        "Nadam: μ one step late",
        "optimizers.py",
        "self._momentum(state.steps + 1)",
        "self._momentum(state.steps)",
    ),
    Fault(
        "Lion: betas swapped",
        "optimizers.py",
        "blend(m, grads, self.beta_2, work)  # (3)",
        "blend(m, grads, self.beta_1, work)",
    ),
    Fault(
        "RMSprop: mean not squared",
        "optimizers.py",
        "np.subtract(v, np.square(a, out=work), out=work)",
        "np.subtract(v, a, out=work)",
    ),
    Fault(
        "Adagrad: forgets",
        "optimizers.py",
        "v += np.square(grads, out=work)",
        "v[...] = np.square(grads, out=work)",
    ),
    Fault(
        "decoupled decay: without the rate",
        "optimizers.py",
        "params *= 1 - rate * self.weight_decay",
        "params *= 1 - self.weight_decay",
    ),
    Fault(
        "clipping: each layer by itself",
        "core/vectors.py",
        "vector *= limit / norm",
        "vector *= limit / np.linalg.norm(vector)",
    ),
    Fault("checks: an open end closed", "checks.py", "number < self.high if self.open_high else ", ""),
    Fault("checks: kept as it was given", "checks.py", "value = check(type(part)", "check(type(part)"),
    Fault("checks: overflow", "checks.py", "except OverflowError:", "except ZeroDivisionError:"),
    Fault("staircase ignored", "schedules.py", "math.floor(epoch) if self.staircase else epoch", "epoch"),
    Fault(
        "schedules mixed the wrong way",
        "schedules.py",
        "(1 - share) * start + share * end",
        "share * start + (1 - share) * end",
    ),
    Fault(
        "cosine: no half",
        "schedules.py",
        "(1 - math.cos(math.pi * share)) / 2",
        "1 - math.cos(math.pi * share)",
    ),
    Fault(
        "tanh: slope",
        "activations.py",
        "class Tanh(Activation):",
        "class Tanh(Activation):\n    backward = lambda self, dy, y, x=None: dy\n",
    ),
    Fault(
        "sigmoid: gate without its half",
        "activations.py",
        "np.add(np.multiply(t, HALF, out=out), HALF, out=out)",
        "np.add(np.multiply(t, 1.0, out=out), HALF, out=out)",
    ),
    Fault(
        "guard: an answer is not looked at",
        "evaluation.py",
        'check_answer(network, "predict"',
        '(lambda *_: 0)(network, "predict"',
    ),
    Fault(
        "guard: the loss of validation is not",
        "evaluation.py",
        "check_measured(network",
        "(lambda *_: 0)(network",
    ),
    Fault("guard: a large norm is refused", "nonfinite.py", " or np.isfinite(a).all())", ")"),
    Fault("guard: factors too large", "nonfinite.py", "are_small(factors, LARGE**0.5)", "True"),
    Fault("guard: penalties not in the factors", "nonfinite.py", "leaf.regularizer is None and ", ""),
    Fault("guard: any bound is trusted", "nonfinite.py", "type(one).constrain in BOUNDS", "True"),
    Fault("guard: errors of NumPy trusted", "nonfinite.py", "raises or not", "not"),
    Fault("guard: a step half taken stays", "nonfinite.py", "leaf.flat_params[...], leaf._state =", "_, _ ="),
    Fault("place: that in the batch", "doors/batch.py", "int(self.rows[n])", "n"),
    Fault("place: slices from 0", "doors/batch.py", "n + (self.rows.start or 0)", "n"),
    Fault("place: windows from 0", "doors/batch.py", "Place(rows, steps.start or 0)", "Place(rows, 0)"),
    Fault(
        "search: noise of training", "postmortem.py", " if np.array_equal(np.isfinite(seen)", " if (True, np"
    ),
    Fault("search: weights not looked at", "postmortem.py", "np.array([largest_of", "np.array([0.0 * len"),
    Fault("search: from no state", "postmortem.py", "network.layers, batch.state)", "network.layers, None)"),
    Fault("stream: not looked at", "streaming.py", "if not np.isfinite(y).all():", "if False:"),
    Fault("max norm: infinite ones made 0", "regularizers.py", " & (norms < np.inf)", ""),
    Fault("check: 0 is the lowest", "sanity.py", "lowest if math.isfinite(lowest) else 0.0", "0.0"),
    Fault(
        "check: the lowest not finite",
        "sanity.py",
        "lowest if math.isfinite(lowest) else 0.0",
        "lowest",
    ),
    Fault(
        "check: penalties count",
        "sanity.py",
        "network.forward(batch.x, lengths=batch.lengths), batch.weight)",
        "network.forward(batch.x, lengths=batch.lengths), batch.weight) + network._penalty()",
    ),
    Fault(
        "check: chance by the mean of y",
        "sanity.py",
        "if loss.fused_with or loss.takes_classes:",
        "if False:",
    ),
    Fault(
        "norm: frozen networks count",
        "chain.py",
        "for layer in self.layers if self.trainable else ():",
        "for layer in self.layers:",
    ),
    Fault(
        "norm: a layer's own is ignored",
        "layers/layer.py",
        "if self.optimizer and self.optimizer.clip_global_norm is not None:",
        "if False:",
    ),
    Fault("copies: of a fit have no dx", "layers/layer.py", '"owner", "_needs_dx"', '"owner"'),
    Fault("copies: old moments are kept", "building.py", "leaf._state = None", "pass"),
    Fault(
        "chain: padding is pooled", "chain.py", "if padding.any() and not layer.takes_lengths:", "if False:"
    ),
    Fault(
        "network: the default optimizer is its own",
        "network.py",
        'optimizers.get("adam"), True',
        'optimizers.get("adam"), False',
    ),
    Fault("embedding: what others wrote stays", "layers/embedding.py", "        dE[...] = 0\n", ""),
    Fault("embedding: a list has no mask", "doors/inputs.py", "if lengths is known:", "if lengths is None:"),
    Fault(
        "weights: of classes count in validation",
        "network.py",
        "            train, held, how_held = doors.open_validation",
        "            if class_weight:\n"
        "                train = doors.weigh_classes(self, train, class_weight)\n"
        "            train, held, how_held = doors.open_validation",
    ),
    Fault(
        "weights: of steps shifted in windows",
        "doors/batch.py",
        "weight[rows, steps]",
        "weight[rows, : x.shape[1]]",
    ),
    Fault("save: not flushed", "core/files.py", "os.fsync(file.fileno())", "pass"),
    Fault("save: in place", "core/files.py", "with open(temporary, ", "with open(target, "),
    Fault("save: the new file left", "core/files.py", "temporary.unlink(missing_ok=True)", "pass"),
    Fault("load: sizes not compared", "saving/archive.py", ")) > size:", ")) < 0:"),
]
FAULTS = LISTED + OTHERS


def tests_of(fault: Fault) -> list[str]:
    """Return the test files that must see a fault."""
    return TESTS[fault.file.split("/")[0].removesuffix(".py")]


def is_seen(fault: Fault) -> bool:
    """Put the fault into a copy of the project, run the tests there, and return whether one fails."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        for part in ("nnfw", "tests", "pyproject.toml"):
            source = ROOT / part
            (shutil.copytree if source.is_dir() else shutil.copy)(source, copy / part)
        path = copy / "nnfw" / fault.file
        path.write_text(path.read_text().replace(fault.old, fault.new))
        compile(path.read_text(), fault.file, "exec")  # what is not Python at all proves nothing
        command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *tests_of(fault)]
        environment = os.environ | {"PYTHONPATH": folder, "PYTHONDONTWRITEBYTECODE": "1"}
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    if done.returncode not in (0, 1):
        raise RuntimeError(f"{fault.what}: the tests could not run\n{done.stdout}{done.stderr}")
    return done.returncode != 0


def main() -> int:
    """Inject the faults, and return how many went unseen."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="a word of the descriptions")
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    faults = [fault for fault in FAULTS if options.only in fault.what]
    if is_seen(Fault("no fault at all", "losses.py", "", "")):
        sys.exit("the tests fail without any fault: mend that first")
    with ThreadPoolExecutor(options.jobs) as pool:
        seen = list(pool.map(is_seen, faults))
    for fault, found in zip(faults, seen, strict=True):
        print(f"{'caught' if found else 'UNSEEN'}  {fault.what}")
    print(f"{sum(seen)} of {len(faults)} faults caught")
    return len(faults) - sum(seen)


if __name__ == "__main__":
    sys.exit(main())

"""The benchmarks: that they run, that they measure what they say, and that a slip in them would be seen."""

import json
import subprocess
import sys
from argparse import Namespace
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))  # the benchmarks are run from the root, and not installed

from benchmarks import __main__ as command  # noqa: E402
from benchmarks import cases, measure, report, scaling, speed, step, training  # noqa: E402
from benchmarks.cases import Case  # noqa: E402
from benchmarks.peers import PEERS, floor, installed, ours  # noqa: E402

DENSE = Case("dense", "4:5-7-3")
RECURRENT = [Case(layer, "2,5,3,7") for layer in cases.GATES]
CASES = [DENSE, *RECURRENT]
LINUX = pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="only Linux tells the memory")
SMALL = ["--layers", "dense", "gru", "--sizes", "2,3,4,5", "2:4-3"]


def near(a, b):
    return speed.difference(speed.fingerprint(a), speed.fingerprint(b)) < speed.SAME


# ---- the commands -----------------------------------------------------------------------------------------


@pytest.mark.subprocess
@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "arguments", "said"),
    [
        ("speed", SMALL, ["| 2,3,4,5 ", "| 2:4-3 ", "nnfw / floor", "GRU, step, numpy kernels"]),
        ("profile", SMALL, ["| products | calls |", "| update |"]),
        ("overhead", ["--quick"], ["fit / bare steps", "dense chain 20-32-32-2"]),
        ("sequences", ["--quick"], ["lengths uniform in 1..T", "One step of one sample"]),
        ("step", [], ["| training step ", "training/loop.py", "layers/gru.py"]),
        ("training", ["--epochs", "2"], ["test accuracy", "training_digits.png"]),
    ],
)
def test_commands(name, arguments, said, tmp_path):
    options = ["--peers", "floor", "--rounds", "1", "--budget", "0.001", "--threads", "1"]
    line = [sys.executable, "-m", "benchmarks", name, *arguments, *options, "--output", str(tmp_path)]
    done = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert all(text in done.stdout + str(list(tmp_path.iterdir())) for text in said)
    record = json.loads((tmp_path / f"{name}.json").read_text())
    assert {"cpu", "cores", "blas", "date", "versions"} <= record["machine"].keys()
    assert record["results"]
    assert all(picture.stat().st_size > 10_000 for picture in tmp_path.glob("*.png"))


def test_a_peer_that_is_not_there_is_named_with_its_remedy(monkeypatch, capsys, tmp_path):
    asked = []
    monkeypatch.setattr(command, "installed", lambda name: name == "floor")
    monkeypatch.setitem(command.BENCHMARKS, "speed", lambda options: asked.append(options.peers))
    command.main(["speed", "--peers", "floor", "keras", "--output", str(tmp_path)])
    assert "Keras is not installed, and left out. To have it: pip install" in capsys.readouterr().out
    assert asked == [["floor"]]


def test_quick_runs_are_shorter_unless_told_otherwise():
    whole, quick = command.parse([]), command.parse(["--quick"])
    assert quick.rounds < whole.rounds
    assert quick.budget < whole.budget
    assert command.parse(["--quick", "--rounds", "7", "--budget", "3"]).rounds == 7
    assert whole.which == "all"


# ---- what is measured -------------------------------------------------------------------------------------


def test_the_grid():
    assert len(cases.grid(["dense", "gru"], None, quick=False)) == 4 + 7
    assert len(cases.grid(["dense", "gru"], None, quick=True)) == 2 + 2
    found = cases.grid(["rnn", "dense"], ["3,4,5,6", "8:20-32-2"], quick=True)
    assert found == [Case("rnn", "3,4,5,6"), Case("dense", "8:20-32-2")]
    assert [case.sizes for case in found] == [(3, 4, 5, 6), (8, 20, 32, 2)]
    assert all(cases.parse_sizes(text) == text for text in cases.RECURRENT + cases.DENSE)


@pytest.mark.parametrize("text", ["3,4,5", "3,4,5,6,7", "3:4", "3,4,5,0", "a", ""])
def test_sizes_that_mean_nothing_are_refused(text):
    with pytest.raises(ValueError, match=r".*"):
        cases.parse_sizes(text)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.layer)
def test_data_and_weights_follow_the_seed(case):
    draw = cases.dense_weights if case.layer == "dense" else cases.recurrent_weights
    for make in (cases.data, draw):
        a, b, other = (str(make(case, seed)) for seed in (1, 1, 2))
        assert a == b != other
    assert cases.data(case, 1)[0].dtype == np.float32


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.layer)
def test_the_floor_takes_the_products_of_the_layer(case):
    built = floor.build(case, 0)
    ahead, back = (sum(a.size * b.shape[1] for a, b, _ in some) for some in built.model)
    if case is DENSE:
        assert ahead == 4 * (5 * 7 + 7 * 3)
        assert back == ahead + 4 * 7 * 3  # the first layer needs no dx
    else:
        N, T, D, H = case.sizes
        assert ahead == N * T * len(cases.GATES[case.layer]) * H * (D + H)
        assert back == 2 * ahead
        assert len(built.model[0]) == 1 + T * (2 if case.layer == "gru" else 1)
    built.step()
    for a, b, out in built.model[0] + built.model[1]:
        np.testing.assert_allclose(out, a @ b, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("case", RECURRENT, ids=lambda case: case.layer)
def test_ours_runs_forward_and_a_step(case):
    built = ours.build(case, 3)
    x, dy = cases.data(case, 3)
    last, dx = np.array(built.forward()), np.array(built.step())
    assert (last.shape, dx.shape) == (dy.shape, x.shape)
    assert np.any(built.model.flat_grads)
    assert getattr(built.model, "reset_after", False) == (case.layer == "gru_after")
    # dx is the derivative of the last state times dy: a step along it must change that so much.
    direction = np.random.default_rng(0).standard_normal(dx.shape).astype(np.float32)
    change = np.vdot(built.model.forward(x + 1e-2 * direction) - last, dy)
    assert change == pytest.approx(1e-2 * np.vdot(dx, direction), rel=0.1, abs=2e-3)


def test_our_chain_learns():
    built = ours.build(DENSE, 3)
    assert built.forward().sum(axis=1) == pytest.approx(1)
    losses = [built.step() for _ in range(50)]
    assert losses[-1] < losses[0]


@pytest.mark.subprocess
@pytest.mark.slow
@pytest.mark.parametrize(
    "name", [name for name in PEERS if name not in ("floor", "fast") and installed(name)]
)
def test_a_peer_computes_the_same(name):
    for case in CASES:
        if PEERS[name].covers.get(case.layer) == case.layer:
            given = {"case": case, "seed": 1, "budget": 0.001}
            theirs = measure.apart("speed.measure", 1, framework=name, **given)
            own = speed.measure("ours", **given)
            for kind in ("forward", "step"):
                assert speed.difference(own[kind][1], theirs[kind][1]) < 1e-5


@pytest.mark.subprocess
@pytest.mark.slow
@pytest.mark.skipif(not installed("pytorch"), reason="needs PyTorch")
def test_the_learning_curves_of_nnfw_and_pytorch_are_equal():
    own = training.train("ours", epochs=2, seed=0)
    theirs = measure.apart("training.train", 1, framework="pytorch", epochs=2, seed=0)
    assert own["loss"] == pytest.approx(theirs["loss"], abs=1e-5)
    assert own["accuracy"] == theirs["accuracy"]


# ---- how it is measured -----------------------------------------------------------------------------------


def test_results_that_differ_have_other_fingerprints():
    a = np.random.default_rng(5).standard_normal((4, 6, 3)).astype(np.float32)
    assert near(a, a * (1 + 1e-6))
    for other in (-a, a[::-1], a * 1.01, a[:, ::-1], a.swapaxes(0, 1)):
        assert not near(a, other)
    assert speed.difference(speed.fingerprint(a), None) is None


def test_swapped_gates_have_another_fingerprint():
    built = ours.build(Case("gru", "2,5,3,7"), 0)
    right, dx = built.forward(), np.array(built.step())
    for kind in ("Wx", "Wh", "b"):
        z, r = built.model.params[f"{kind}_z"], built.model.params[f"{kind}_r"]
        z[...], r[...] = r.copy(), z.copy()
    assert not near(right, built.forward())
    assert not near(dx, built.step())


def test_the_clock_takes_the_median_after_a_warm_up(monkeypatch):
    now, durations = [0.0], [50.0, 40.0] + [1.0, 2.0, 9.0] * 20
    monkeypatch.setattr(measure, "clock", lambda: now[0])

    def call():
        now[0] += durations.pop(0)

    assert measure.medians({"a": call}, budget=40.0) == {"a": 2.0}
    order = []
    calls = {name: lambda name=name: order.append(name) for name in "ab"}
    assert measure.in_turn(calls, budget=0.0, fewest=3) == {"a": [0.0] * 3, "b": [0.0] * 3}
    assert order == list("ababab")


@LINUX
def test_the_peak_is_that_since_it_was_reset():
    MiB = 2**20
    np.ones(80 * MiB, np.uint8)  # a peak from before
    start = measure.reset_peak()
    assert measure.memory("VmHWM") - start < 8 * MiB
    np.ones(40 * MiB, np.uint8)
    assert 32 * MiB < measure.memory("VmHWM") - start < 60 * MiB
    assert measure.memory() - start < 20 * MiB


@pytest.mark.slow
@LINUX
@pytest.mark.subprocess
def test_a_step_keeps_all_steps_and_inference_does_not():
    N, T, _, H = 32, 256, 4, 64
    given = {"size": f"{N},{T},4,{H}", "seed": 0, "budget": 0.001}
    measured = [measure.apart("scaling.measure", 1, kind=kind, **given) for kind in scaling.KINDS]
    assert all(seconds > 0 for seconds, _ in measured)
    inference, sequences, training_step = (used / (4 * N * T * H) for _, used in measured)
    assert inference < sequences - 0.5 < 4 < training_step


@LINUX
def test_memory_of_steps():
    assert 0 <= scaling.steps_peak("ours", "4,9,3,7", seed=0) < 16 * 2**20
    assert scaling.growth(count=20, seed=0) < 2**20


@pytest.mark.subprocess
@pytest.mark.slow
def test_a_process_of_its_own_gives_its_result_or_its_error(tmp_path):
    assert measure.apart("measure.spread", 1, a=[1.0, 4.0, 9.0], b=[1.0, 2.0, 3.0]) == [2.0, 1.0, 3.0]
    with pytest.raises(measure.Failed, match=r"speed\.measure: ModuleNotFoundError.*nobody"):
        measure.apart("speed.measure", 1, framework="nobody", case=("gru", "1,1,1,1"), seed=0, budget=0)
    (tmp_path / "nnfw.py").write_text("raise ImportError('another nnfw')")
    with pytest.raises(measure.Failed, match="another nnfw"):
        measure.apart("scaling.growth", 1, tmp_path, count=1, seed=0)


def rows_of(monkeypatch, answers, **options):
    """Return the rows that `measure_rounds` makes of a fake measurement, and the order of its calls."""
    turns = []

    def apart(function, threads, folder, framework, kernels, case, **others):
        turns.append((framework, folder, kernels))
        return answers(framework)

    monkeypatch.setattr(speed, "apart", apart)
    options = {"rounds": 2, "threads": 1, "seed": 0, "budget": 0.1, "before": None} | options
    peers = PEERS | ({"before": PEERS["floor"]} if options["before"] else {})
    return speed.measure_rounds(Case("gru", "2,3,4,5"), peers, Namespace(**options)), turns


def test_frameworks_take_turns_and_another_form_is_not_compared(monkeypatch):
    prints = {"keras": (1.0, 0.4)}
    rows, turns = rows_of(monkeypatch, lambda name: {"step": (1.0, prints.get(name, (1.0, 0.5)))})
    names = [(name, kernels) for name, _, kernels in turns]
    expected = [
        ("ours", "numpy"),
        ("ours", "compiled"),
        *((name, "numpy") for name in PEERS if name != "fast"),
    ]
    assert names[: len(names) // 2] == names[: len(names) // 2 - 1 : -1] == expected
    assert [row["own"] for row in rows] == ["ours", "fast"]
    for row in rows:
        assert row["seconds"]["keras"] == [1.0, 1.0]
        assert row["ratios"].keys() == PEERS.keys() - {"fast"}
        assert row["differences"]["keras"] == pytest.approx(0.1)
        assert row["differences"]["pytorch"] is None  # it computes reset_after in place of gru


def test_another_checkout_is_measured_from_its_folder(monkeypatch):
    folder = Path("elsewhere")
    _, turns = rows_of(monkeypatch, lambda name: {"step": (1.0, (1.0, 0.5))}, before=folder)
    assert turns.count(("ours", folder, "numpy")) == turns.count(("ours", measure.ROOT, "numpy")) == 2


def test_a_peer_that_fails_is_dropped_and_said_but_nnfw_must_not(monkeypatch, capsys):
    def fails(who):
        def answers(framework):
            if framework == who:
                raise measure.Failed("speed.measure: broken")
            return {"step": (1.0, (1.0, 0.5))}

        return answers

    [row, _], turns = rows_of(monkeypatch, fails("keras"))
    assert [name for name, *_ in turns].count("keras") == 1
    assert "keras" not in row["ratios"]
    assert "Keras 2,3,4,5: speed.measure: broken" in capsys.readouterr().out
    with pytest.raises(measure.Failed):
        rows_of(monkeypatch, fails("ours"))


def test_ratios_with_their_spread_and_geometric_mean(capsys):
    prints = {"ours": (2.0, 1.0), "epynn": (2.0, 1.1), "keras": (2.0, 1.0), "pytorch": None}
    times = {"ours": [1.0, 2.0, 3.0], "epynn": [2.0] * 3, "keras": [4.0] * 3, "pytorch": [1.0, 8.0, 3.0]}
    row = speed.summarize(Case("gru", "2,3,4,5"), "step", times, prints, "ours")
    assert row["ratios"]["epynn"] == (1.0, 0.5, 1.5)
    assert row["differences"] == pytest.approx({"epynn": 0.05, "keras": 0.0, "pytorch": None})
    speed.print_table([row, row | {"ratios": {"epynn": (4.0, 3.0, 5.0)}}], PEERS)
    told = capsys.readouterr().out
    assert "1.00 (0.50..1.50) differs!" in told
    assert "0.50 (0.25..0.75) |" in told
    means = [cell.strip() for cell in told.splitlines()[-1].split("|")][1:-1]
    assert means == ["geometric mean", "", "1.00", "0.50", "2.00"]


def test_tables_align(capsys):
    report.table(["a", "bb"], [["long", "1"], ["x", "222"]])
    told = capsys.readouterr().out.splitlines()
    assert told == ["| a    |  bb |", "| ---- | --: |", "| long |   1 |", "| x    | 222 |"]


# ---- the step ---------------------------------------------------------------------------------------------


def test_a_step_is_counted_call_by_call():
    names = "files", "functions", "calls"
    (listed, *step_counts), (whole, *fit_counts) = step.measure(seed=0).values()
    files, functions, calls = step_counts
    assert files == len(listed) < functions < calls
    assert all(few < many for few, many in zip(step_counts, fit_counts, strict=True)), names
    assert {"layers/gru.py", "layers/dense.py", "optimizers.py", "losses.py"} <= set(listed) <= set(whole)
    assert not [name for name in listed if name.startswith(("data", "datasets", "saving"))]
    assert sys.getprofile() is None

"""The benchmarks: that they run, that they measure what they say, and that a slip in them would be seen."""

import gzip
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
from benchmarks import (  # noqa: E402
    cases,
    clock,
    fashion,
    machine,
    memory,
    profile,
    report,
    scaling,
    speed,
    training,
    worker,
)
from benchmarks.cases import Case  # noqa: E402
from benchmarks.peers import OURS, PEERS, floor, installed, ours  # noqa: E402

DENSE = Case("dense", (4, 5, 7, 3))
CASES = [DENSE, *(Case(layer, (2, 5, 3, 7)) for layer in OURS if layer != "dense")]
RECURRENT = [case for case in CASES if case is not DENSE]


def run(*arguments):
    """Run ``python -m benchmarks`` as a user does, and return what it prints."""
    line = [sys.executable, "-m", "benchmarks", *map(str, arguments)]
    done = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def near(a, b):
    return speed.difference(speed.fingerprint(a), speed.fingerprint(b)) < speed.SAME


# ---- the commands -----------------------------------------------------------------------------------------


def test_speed_prints_tables_and_writes_json_and_a_chart(tmp_path):
    said = run(
        "speed", "--peers", "floor", "--layers", "dense", "gru", "--sizes", "2,3,4,5", "2:4-3", "--rounds", 1,
        "--budget", 0.001, "--threads", 1, "--output", tmp_path,
    )  # fmt: skip
    assert "| 2,3,4,5 " in said
    assert "| 2:4-3 " in said
    assert "nnfw / floor" in said
    assert (tmp_path / "speed.png").stat().st_size > 10_000
    record = json.loads((tmp_path / "speed.json").read_text())
    assert {"cpu", "cores", "blas", "date", "versions"} <= record["machine"].keys()
    kinds = [(row["layer"], row["kind"]) for row in record["results"]]
    assert kinds == [("dense", "forward"), ("dense", "step"), ("gru", "forward"), ("gru", "step")]
    for row in record["results"]:
        [own], [theirs] = row["seconds"]["ours"], row["seconds"]["floor"]
        assert row["ratios"]["floor"] == pytest.approx([own / theirs] * 3)


def test_sequences_prints_tables_and_writes_json(tmp_path):
    said = run("sequences", "--quick", "--rounds", 1, "--budget", 0.001, "--output", tmp_path)
    assert "lengths uniform in 1..T" in said
    assert "One step of one sample" in said
    record = json.loads((tmp_path / "sequences.json").read_text())["results"]
    assert record["lengths"].keys() == record["stream"].keys() == {"GRU", "LSTM", "RNN"}
    assert all(len(times["full"]) == len(times["unequal"]) == 4 for times in record["lengths"].values())
    assert all(0 < time < 1 for time in record["stream"].values())


def test_profile_prints_tables_and_writes_json(tmp_path):
    said = run(
        "profile", "--layers", "dense", "gru", "lstm", "--sizes", "2,3,4,5", "2:4-3", "--rounds", 1,
        "--budget", 0.001, "--threads", 1, "--output", tmp_path,
    )  # fmt: skip
    assert "| products | elementwise | calls |" in said
    assert "| forward | loss | backward | gradients | update |" in said
    dense, *recurrent = json.loads((tmp_path / "profile.json").read_text())["results"]
    assert [dense["layer"], *(row["layer"] for row in recurrent)] == ["dense", "gru", "lstm"]
    assert dense["seconds"].keys() == {"step", *profile.DENSE}
    assert all(row["seconds"].keys() == {"step", *profile.RECURRENT} for row in recurrent)
    assert all(0 < time < 1 for row in (dense, *recurrent) for time in row["seconds"].values())


@pytest.mark.parametrize("case", RECURRENT)
def test_a_step_without_products_takes_none(case):
    built = ours.build(case, 0)
    built.layer._needs_dx = False
    weights = [gradient for name, gradient in built.layer.grads.items() if name.startswith("W")]
    built.step()
    assert all(gradient.any() for gradient in weights)
    profile.without_products(built.step)
    assert not any(gradient.any() for gradient in weights)
    built.step()
    assert all(gradient.any() for gradient in weights)


def test_training_learns_the_digits_and_tells_how_long_it_took(tmp_path):
    said = run(
        "training", "--quick", "--epochs", 2, "--rounds", 1, "--threads", 1, "--peers", "--output", tmp_path
    )
    assert "fit / bare steps" in said
    assert (tmp_path / "training_digits.png").stat().st_size > 10_000
    results = json.loads((tmp_path / "training.json").read_text())["results"]
    learnt = results["tasks"][0]["runs"]["ours"]
    assert learnt["loss"][1] < learnt["loss"][0] < np.log(10)
    assert 0.2 < learnt["accuracy"][0] < learnt["accuracy"][1] <= 1
    assert 0 < learnt["seconds"][0] < learnt["seconds"][1]
    assert len(results["fit"]["fit"]) == len(results["fit"]["steps"]) == 1


def test_a_peer_that_is_not_there_is_named_with_its_remedy(monkeypatch, capsys, tmp_path):
    asked = []
    monkeypatch.setattr(command, "installed", lambda name: name == "floor")
    monkeypatch.setitem(command.BENCHMARKS, "speed", lambda options: asked.append(options.peers))
    command.main(["speed", "--peers", "floor", "keras", "--output", str(tmp_path)])
    assert (
        "Keras is not installed, and left out. To have it: pip install keras jax" in capsys.readouterr().out
    )
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
    chosen = [cases.parse_sizes("3,4,5,6"), cases.parse_sizes("8:20-32-2")]
    found = cases.grid(["rnn", "dense"], chosen, quick=True)
    assert found == [Case("rnn", (3, 4, 5, 6)), Case("dense", (8, 20, 32, 2))]
    assert [case.text for case in found] == ["3,4,5,6", "8:20-32-2"]
    assert len(cases.grid(["rnn"], chosen[:1] * 3, quick=True)) == 3


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
    assert all(array.dtype == np.float32 for array in np.atleast_1d(cases.data(case, 1)[0]))


def test_every_peer_has_a_file_and_stands_beside_layers_that_exist():
    for name, peer in PEERS.items():
        assert (ROOT / "benchmarks" / "peers" / f"{name}.py").is_file()
        assert {*peer.covers, *peer.covers.values()} <= cases.TITLES.keys()
        assert "pip install" in peer.install


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.layer)
def test_the_floor_takes_the_products_of_the_layer(case):
    products = floor.build(case, 0)
    ahead, back = (
        sum(a.shape[0] * a.shape[1] * b.shape[1] for a, b, _ in some)
        for some in (products.ahead, products.back)
    )
    if case is DENSE:
        assert ahead == 4 * (5 * 7 + 7 * 3)
        assert back == ahead + 4 * 7 * 3  # the first layer needs no dx
    else:
        N, T, D, H = case.sizes
        assert ahead == N * T * len(cases.GATES[case.layer]) * H * (D + H)
        assert back == 2 * ahead
        assert len(products.ahead) == 1 + T * (2 if case.layer == "gru" else 1)
    products.step()
    for a, b, out in products.ahead + products.back:
        np.testing.assert_allclose(out, a @ b, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("case", RECURRENT, ids=lambda case: case.layer)
def test_ours_runs_forward_and_a_step(case):
    built = ours.build(case, 3)
    N, T, D, H = case.sizes
    assert built.forward().shape == (N, H)
    dx = np.array(built.step())
    assert dx.shape == (N, T, D)
    assert np.any(built.layer.flat_grads)
    assert getattr(built.layer, "reset_after", False) == (case.layer == "gru_after")
    # dx is the derivative of the last state times dy: a step along it must change that so much.
    direction = np.random.default_rng(0).standard_normal(dx.shape).astype(np.float32)
    before = np.vdot(built.forward(), built.dy)
    built.x = built.x + 1e-2 * direction
    after = np.vdot(built.forward(), built.dy)
    assert after - before == pytest.approx(1e-2 * np.vdot(dx, direction), rel=0.1, abs=2e-3)


def test_our_chain_learns():
    built = ours.build(DENSE, 3)
    assert built.forward().sum(axis=1) == pytest.approx(1)
    losses = [built.step() for _ in range(50)]
    assert losses[-1] < losses[0]


FOUND = [name for name in PEERS if name != "floor" and installed(name)]


@pytest.mark.parametrize("name", FOUND)
def test_a_peer_computes_the_same(name):
    layer = next(layer for layer in ("gru_after", "gru", "dense") if PEERS[name].covers.get(layer) == layer)
    case = next(case for case in CASES if case.layer == layer)
    arguments = {"layer": layer, "sizes": case.sizes, "seed": 1, "budget": 0.001}
    theirs = worker.apart("speed.measure", 1, framework=name, **arguments)
    own = speed.measure("ours", **arguments)
    for kind in ("forward", "step"):
        assert speed.difference(own[kind][1], theirs[kind][1]) < 1e-5


# ---- how it is measured -----------------------------------------------------------------------------------


def test_results_that_differ_have_other_fingerprints():
    a = np.random.default_rng(5).standard_normal((4, 6, 3)).astype(np.float32)
    assert near(a, a * (1 + 1e-6))
    for other in (-a, a[::-1], a * 1.01, a[:, ::-1], a.swapaxes(0, 1)):
        assert not near(a, other)
    assert speed.difference(speed.fingerprint(a), None) is None


def test_swapped_gates_have_another_fingerprint():
    built = ours.build(Case("gru", (2, 5, 3, 7)), 0)
    right, dx = built.forward(), np.array(built.step())
    for kind in ("Wx", "Wh", "b"):
        z, r = built.layer.params[f"{kind}_z"], built.layer.params[f"{kind}_r"]
        z[...], r[...] = r.copy(), z.copy()
    assert not near(right, built.forward())
    assert not near(dx, built.step())


def test_the_clock_takes_the_median_after_a_warm_up(monkeypatch):
    now, durations = [0.0], [50.0, 40.0] + [1.0, 2.0, 9.0] * 20
    monkeypatch.setattr(clock.time, "perf_counter", lambda: now[0])

    def call():
        now[0] += durations.pop(0)

    assert clock.seconds(call, budget=40.0) == 2.0
    slow = [now[0]]
    assert clock.repeat(lambda: slow.append(0), budget=0.0, fewest=3) == [0.0] * 3


@pytest.mark.skipif(not memory.STATUS.exists(), reason="only Linux tells the peak of a part")
def test_the_peak_is_that_since_it_was_reset():
    MiB = 2**20
    np.ones(80 * MiB, np.uint8)  # a peak from before
    start = memory.reset_peak()
    assert memory.peak() - start < 8 * MiB
    np.ones(40 * MiB, np.uint8)
    assert 32 * MiB < memory.peak() - start < 60 * MiB
    assert memory.held() - start < 20 * MiB


def test_a_process_of_its_own_gives_its_result_or_its_error():
    assert worker.apart("machine.processor", 1) == machine.processor()
    with pytest.raises(worker.Failed, match=r"speed\.measure: ModuleNotFoundError.*nobody"):
        worker.apart(
            "speed.measure", 1, framework="nobody", layer="gru", sizes=[1, 1, 1, 1], seed=0, budget=0
        )


def rounds_of(monkeypatch, answers):
    """Return what `measure_rounds` makes of a fake measurement, and the order of its calls."""
    turns, notes = [], []

    def apart(function, threads, framework, **arguments):
        turns.append(framework)
        return answers(framework, arguments["layer"])

    monkeypatch.setattr(speed, "apart", apart)
    bar = Namespace(write=notes.append, update=lambda: None)
    options = Namespace(rounds=2, threads=1, seed=0, budget=0.1)
    found = speed.measure_rounds(Case("gru", (2, 3, 4, 5)), PEERS, options, bar)
    return found, turns, notes


def test_frameworks_take_turns_and_a_stand_in_is_not_compared(monkeypatch):
    (times, prints), turns, _ = rounds_of(monkeypatch, lambda *_: {"step": (1.0, (1.0, 0.5))})
    first, second = turns[: len(turns) // 2], turns[len(turns) // 2 :]
    assert first == second[::-1] == ["ours", "floor", "pytorch", "keras", "jax", "epynn"]
    assert times["step"]["jax"] == [1.0, 1.0]
    assert prints["step"]["jax"] == (1.0, 0.5)
    assert prints["step"]["pytorch"] is None  # it computed reset_after in gru's place


def test_a_peer_that_fails_is_dropped_and_said_but_nnfw_must_not(monkeypatch):
    def fails(who):
        def answers(framework, layer):
            if framework == who:
                raise worker.Failed("speed.measure: broken")
            return {"step": (1.0, None)}

        return answers

    (times, _), turns, notes = rounds_of(monkeypatch, fails("jax"))
    assert turns.count("jax") == 1
    assert "jax" not in times["step"]
    assert notes == ["JAX 2,3,4,5: speed.measure: broken"]
    with pytest.raises(worker.Failed):
        rounds_of(monkeypatch, fails("ours"))


def test_ratios_with_their_spread_and_geometric_mean():
    case = Case("gru", (2, 3, 4, 5))
    prints = {"ours": (2.0, 1.0), "jax": (2.0, 1.1), "keras": (2.0, 1.0), "pytorch": None}
    times = {
        "ours": [1.0, 2.0, 3.0],
        "jax": [2.0, 2.0, 2.0],
        "keras": [4.0, 4.0, 4.0],
        "pytorch": [1.0, 8.0, 3.0],
    }
    row = speed.summarize(case, "step", times, prints)
    assert row["ratios"]["jax"] == (1.0, 0.5, 1.5)
    assert row["differences"] == pytest.approx({"jax": 0.05, "keras": 0.0, "pytorch": None})
    told = speed.table([row, row | {"ratios": {"jax": (4.0, 3.0, 5.0)}}], PEERS)
    assert "1.00 (0.50..1.50) differs!" in told
    assert "0.50 (0.25..0.75) |" in told
    assert [cell.strip() for cell in told.splitlines()[-1].split("|")][1:-1] == [
        "geometric mean", "", "1.00", "0.50", "2.00",
    ]  # fmt: skip


# ---- scaling ----------------------------------------------------------------------------------------------


def test_scaling_fits_the_exponents_of_known_laws(monkeypatch, capsys, tmp_path):
    def apart(function, threads, **arguments):
        if function == "scaling.measure":
            N, T, _, H = arguments["sizes"]
            return {
                "seconds": 1e-6 * N * T * H**2,
                "bytes": 2**20 * (N * H if arguments["kind"] == "step" else 3),
            }
        return {"scaling.measure_steps": 5 * 2**20, "scaling.growth": 2**19}[function]

    monkeypatch.setattr(scaling, "apart", apart)
    options = Namespace(
        quick=True,
        rounds=1,
        budget=0.1,
        threads=1,
        seed=0,
        output=tmp_path,
        peers=["floor", "pytorch"],
        machine={},
    )
    scaling.run(options)
    told = capsys.readouterr().out
    for text in (
        "N^1.00",
        "T^1.00",
        "H^2.00",
        "T^0.00",
        "| 256,28,28,128  | 5.0 MiB | 5.0 MiB |",
        "+0.50 MiB",
    ):
        assert " ".join(text.split()) in " ".join(told.split())
    assert (tmp_path / "scaling.png").stat().st_size > 10_000
    assert len(json.loads((tmp_path / "scaling.json").read_text())["results"]["curves"]) == 9


def test_exponents_are_those_of_the_upper_half():
    assert scaling.exponent([1, 2, 4, 8, 16, 32], [9, 9, 9, 8**1.5, 16**1.5, 32**1.5]) == pytest.approx(1.5)


@pytest.mark.skipif(not memory.STATUS.exists(), reason="only Linux tells the peak of a part")
def test_a_step_needs_room_for_all_steps_and_inference_does_not():
    sizes = (N, T, _, H) = (32, 256, 4, 64)
    used = {}
    for kind in scaling.KINDS:
        point = worker.apart("scaling.measure", 1, sizes=sizes, kind=kind, seed=0, budget=0.001)
        assert point["seconds"] > 0
        used[kind] = point["bytes"] / (4 * N * T * H)
    inference, sequences, step = used.values()
    assert inference < sequences - 0.5 < 4 < step


def test_memory_of_steps():
    assert 0 <= scaling.measure_steps("ours", [4, 9, 3, 7], seed=0) < 16 * 2**20
    assert scaling.growth(seed=0, count=20) < 2**20


# ---- training ---------------------------------------------------------------------------------------------


def test_the_goal_is_reached_where_the_accuracy_first_is():
    learnt = {"seconds": [1.0, 2.0, 3.0], "accuracy": [0.5, 0.9, 0.8]}
    assert training.row("nnfw", learnt, 0.85) == ["nnfw", "3.0", "0.8000", "2.0"]
    assert training.row("nnfw", learnt, 0.95)[-1] == "-"


@pytest.mark.skipif(not installed("pytorch"), reason="needs PyTorch")
def test_the_learning_curves_of_nnfw_and_pytorch_lie_on_each_other(tmp_path):
    task = {
        "name": "digits",
        "folder": "",
        "units": 8,
        "batch_size": 64,
        "epochs": 2,
        "rate": 3e-3,
        "goal": 1.0,
    }
    weights = str(tmp_path / "weights.npz")
    training.draw_weights(task, weights, seed=0)
    own = training.train("ours", task, weights, seed=0)
    theirs = worker.apart("training.train", 1, framework="pytorch", task=task, weights=weights, seed=0)
    assert own["loss"] == pytest.approx(theirs["loss"], abs=1e-5)
    assert own["accuracy"] == theirs["accuracy"]


def write_idx(path, array, cut=None, header=None):
    start = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes()
    path.write_bytes(gzip.compress(((header or start) + array.tobytes())[:cut]))


def test_fashion_is_read_and_scaled(monkeypatch, tmp_path):
    monkeypatch.setattr(fashion, "PARTS", (("train", 3), ("t10k", 2)))
    rng = np.random.default_rng(0)
    images = {part: rng.integers(0, 256, (count, 28, 28), np.uint8) for part, count in fashion.PARTS}
    labels = {part: rng.integers(0, 10, count, np.uint8) for part, count in fashion.PARTS}
    assert "apt install dataset-fashion-mnist" in fashion.missing(tmp_path)
    for part, _ in fashion.PARTS:
        write_idx(tmp_path / fashion.IMAGES.format(part), images[part])
        write_idx(tmp_path / fashion.LABELS.format(part), labels[part])
    assert fashion.missing(tmp_path) == ""
    x, y, x_test, y_test = fashion.load(tmp_path)
    np.testing.assert_array_equal(np.round(x * 255), images["train"])
    np.testing.assert_array_equal(y, labels["train"])
    assert (x.dtype, x.max() <= 1, x_test.shape, y_test.tolist()) == (
        np.float32, True, (2, 28, 28), labels["t10k"].tolist(),
    )  # fmt: skip


IMAGE = np.ones((3, 2, 2), np.uint8)
HEADER = bytes([0, 0, 8, 3, 0, 0, 0, 3, 0, 0, 0, 2, 0, 0, 0, 2])
CHANGES = {
    "cut": {"cut": -1},
    "cut in the header": {"cut": 5},
    "no header": {"header": bytes(16)},
    "another shape": {"array": IMAGE.reshape(3, 4, 1)},
    "too long": {"array": np.ones((3, 2, 3), np.uint8), "header": HEADER},
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_file_that_is_something_else_is_refused(change, tmp_path):
    path = tmp_path / "images.gz"
    write_idx(path, **({"array": IMAGE} | change))
    with pytest.raises(ValueError, match=r"is not an idx file of bytes of shape \(3, 2, 2\)"):
        fashion.read_idx(path, (3, 2, 2))


def test_a_folder_that_is_missing_is_said_and_the_digits_go_on(capsys, tmp_path):
    options = Namespace(quick=False, epochs=None, fashion=tmp_path / "nowhere")
    assert [task.name for task in training.tasks(options)] == ["digits"]
    assert "train-images-idx3-ubyte.gz" in capsys.readouterr().out


def test_tables_align():
    told = report.table(["a", "bb"], [["long", "1"], ["x", "222"]])
    assert told.splitlines() == ["| a    |  bb |", "| ---- | --: |", "| long |   1 |", "| x    | 222 |"]

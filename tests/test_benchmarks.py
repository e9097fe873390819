"""The benchmarks: that they run, that they measure what they say, and that a slip in them would be seen."""

import importlib
import json
import subprocess
import sys
from argparse import Namespace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from alike import for_each

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))  # the benchmarks are run from the root, and not installed

from benchmarks import __main__ as command  # noqa: E402
from benchmarks import fit, measure, memory, plan, report, speed, step, tasks  # noqa: E402
from benchmarks.peers import floor, ours  # noqa: E402
from benchmarks.plan import KERNELS, PEERS, Case, missing  # noqa: E402
from nnfw.exchange.keras import ORDERS  # noqa: E402

DENSE = Case("dense", "4:5-7-3")
RECURRENT = [Case(layer, "2,5,3,7") for layer in plan.GATES]
CONV1D, LENET = Case("conv1d", "2,7,3,4"), Case("lenet", "4:12-2-3-5-6-3")
CASES = [DENSE, *RECURRENT, CONV1D, LENET]
LINUX = pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="only Linux tells the memory")
SMALL = ["--layers", "dense", "gru", "--sizes", "2,3,4,5", "2:4-3"]


def near(a, b):
    return speed.difference(speed.fingerprint(a), speed.fingerprint(b)) < speed.SAME


# ---- the commands -----------------------------------------------------------------------------------------


QUICK = ["--quick", "--peers", "floor", "bare", "--rounds", "1", "--budget", "0.001", *SMALL]


@pytest.fixture
def here(monkeypatch):
    """Measure little, and in this process; a process for each is what `speed` and others below start."""

    def apart(function, threads, folder=measure.ROOT, kernels="auto", **given):
        module, name = function.split(".")
        given = json.loads(json.dumps(given))
        return json.loads(json.dumps(getattr(importlib.import_module(f"benchmarks.{module}"), name)(**given)))

    monkeypatch.setattr(measure, "apart", apart)
    monkeypatch.setattr(memory, "apart", apart)
    monkeypatch.setattr(memory, "LENGTHS", (5, 9))
    monkeypatch.setattr(memory, "SIZES", ("4,6,4,3", "2,3,4,5"))
    monkeypatch.setattr(fit, "task_data", lambda *given: [data[:96] for data in plan.task_data(*given)])


def check_record(folder, name):
    record = json.loads((folder / f"{name}.json").read_text())
    assert {"cpu", "cores", "blas", "date", "versions"} <= record["machine"].keys()
    assert record["results"]


@pytest.mark.subprocess
@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("speed", ["| 2,3,4,5 ", "| 2:4-3 ", "nnfw / floor", "GRU, training step, numpy kernels"]),
        ("step", ["| training step ", "training/loop.py", "layers/gru.py"]),
    ],
)
def test_commands(name, said, tmp_path):
    options = [*QUICK, "--peers", "floor", "--save", str(tmp_path)]
    line = [sys.executable, "-m", "benchmarks", name, *options]
    done = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert all(text in done.stdout for text in said)
    check_record(tmp_path, name)


@pytest.mark.slow
@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("name", "said"),
    [
        (
            "fit",
            ["| first epoch | later ones |", "Dense chain 20-32-32-2", "1 core:", "nnfw, the bare verbs"],
        ),
        pytest.param("memory", ["T = 9", "training step at 4,6,4,3, nnfw"], marks=LINUX),
    ],
)
def test_commands_of_long_runs(name, said, tmp_path, capsys):
    command.main([name, *QUICK, "--save", str(tmp_path)])
    told = capsys.readouterr().out
    assert all(text in told for text in said)
    check_record(tmp_path, name)


def test_results_are_written_only_where_asked(monkeypatch, tmp_path):
    ran, published = [], []
    for name in command.BENCHMARKS:
        result = lambda options, name=name: ran.append(name) or {"ran": name}  # noqa: E731
        monkeypatch.setitem(command.BENCHMARKS, name, Namespace(run=result))
    monkeypatch.setattr(report, "publish", published.append)
    command.main([])
    assert ran == [*command.ALL]
    command.main(["step"])
    assert not published
    assert not list(tmp_path.iterdir())
    command.main(["--save", str(tmp_path / "new")])
    assert {path.stem for path in (tmp_path / "new").iterdir()} == set(command.ALL)
    assert published == [tmp_path / "new"]
    command.main(["publish"])
    assert published[1] == command.RESULTS == command.parse(["--save"]).save
    assert ran == [*command.ALL, "step", *command.ALL]


def test_a_peer_that_is_not_there_is_named_with_its_remedy(monkeypatch, capsys):
    asked = []
    monkeypatch.setattr(command, "missing", lambda packages: ["jax"] if "keras" in packages else [])
    speed = Namespace(run=lambda options: asked.append(options.peers))
    monkeypatch.setitem(command.BENCHMARKS, "speed", speed)
    command.main(["speed", "--peers", "floor", "keras"])
    assert "Keras on JAX is left out. To have it: pip install jax" in capsys.readouterr().out
    assert asked == [["floor"]]


def test_quick_runs_are_shorter_unless_told_otherwise():
    whole, quick = command.parse([]), command.parse(["--quick"])
    assert quick.rounds < whole.rounds
    assert quick.budget < whole.budget
    assert command.parse(["--quick", "--rounds", "7", "--budget", "3"]).rounds == 7
    assert whole.which == "all"


# ---- what is measured -------------------------------------------------------------------------------------


def test_the_grid():
    assert [len(plan.grid(layer, None, quick=False)) for layer in ("dense", "gru")] == [4, 7]
    assert [len(plan.grid(layer, None, quick=True)) for layer in ("dense", "gru")] == [2, 2]
    sizes = ["3,4,5,6", "8:20-32-2"]
    for layer in plan.CONVOLUTIONS:  # each has one size, and is left out where others are asked for
        assert [len(plan.grid(layer, chosen, quick=True)) for chosen in (None, sizes)] == [1, 0]
    assert plan.grid("rnn", sizes, quick=True) == sizes[:1]
    assert plan.grid("dense", sizes, quick=True) == sizes[1:]
    assert [Case("rnn", size).sizes for size in sizes] == [(3, 4, 5, 6), (8, 20, 32, 2)]
    assert all(int(size.split(",")[-1]) >= 128 for size in speed.WIDE)
    assert len(speed.WIDE) == sum(int(size.split(",")[-1]) >= 128 for size in plan.RECURRENT)
    assert all(plan.parse_sizes(text) == text for text in plan.RECURRENT + plan.DENSE)


@for_each("text", ["3,4,5", "3,4,5,6,7", "3:4", "3,4,5,0", "a", ""])
def test_sizes_that_mean_nothing_are_refused(text):
    with pytest.raises(ValueError, match=r".*"):
        plan.parse_sizes(text)


@for_each("case", CASES)
def test_data_and_weights_follow_the_seed(case):
    for make in (plan.data, lambda case, seed: ours.weights(case, seed, ORDERS)):
        a, b, other = (str(make(case, seed)) for seed in (1, 1, 2))
        assert a == b != other
    assert plan.data(case, 1)[0].dtype == np.float32


@for_each("case", [DENSE, *RECURRENT])
def test_the_floor_takes_the_products_of_the_layer(case):
    built = floor.build(case, 0)
    ahead, back = (sum(a.size * b.shape[1] for a, b, _ in some) for some in built.model)
    if case is DENSE:
        assert ahead == 4 * (5 * 7 + 7 * 3)
        assert back == ahead + 4 * 7 * 3  # the first layer needs no dx
    else:
        N, T, D, H = case.sizes
        assert ahead == N * T * plan.GATES[case.layer] * H * (D + H)
        assert back == 2 * ahead
        assert len(built.model[0]) == 1 + T * (2 if case.layer == "gru" else 1)
    built.step()
    for a, b, out in built.model[0] + built.model[1]:
        np.testing.assert_allclose(out, a @ b, rtol=1e-5, atol=1e-5)


@for_each("case", [*RECURRENT, CONV1D])
def test_ours_runs_forward_and_a_step(case):
    built = ours.build(case, 3)
    x, dy = plan.data(case, 3)
    last, dx = np.array(built.forward()), np.array(built.step())
    assert (last.shape, dx.shape) == (dy.shape, x.shape)
    assert np.any(built.model.flat_grads)
    assert getattr(built.model, "reset_after", False) == (case.layer == "gru_after")
    # dx is the derivative of what it returns times dy: a step along it must change that so much.
    direction = np.random.default_rng(0).standard_normal(dx.shape).astype(np.float32)
    change = np.vdot(built.model.forward(x + 1e-2 * direction) - last, dy)
    assert change == pytest.approx(1e-2 * np.vdot(dx, direction), rel=0.1, abs=2e-3)


@pytest.mark.parametrize("case", [DENSE, LENET], ids=lambda case: case.layer)
@pytest.mark.slow
def test_our_chain_learns(case):
    built = ours.build(case, 3)
    assert built.forward().sum(axis=1) == pytest.approx(1)
    losses = [built.step() for _ in range(50)]
    assert losses[-1] < losses[0]


COMPARED = [
    name
    for name in PEERS
    if name not in ("ours", "fast", "floor", "bare", "before") and not missing(PEERS[name].packages)
]


@pytest.mark.subprocess
@pytest.mark.slow
@pytest.mark.parametrize("name", COMPARED)
def test_a_peer_computes_the_same(name):
    for case in CASES:
        if PEERS[name].covers.get(case.layer) == case.layer:
            given = {"work": case.layer, "sizes": [case.text], "seed": 1, "budget": 0.001}
            theirs = measure.apart("speed.measure", 1, framework=name, **given)[case.text]
            own = speed.measure("ours", **given)[case.text]
            for kind in ("forward", "step"):
                assert speed.difference(own[kind][1], theirs[kind][1]) < 1e-5


@pytest.mark.subprocess
@pytest.mark.slow
@pytest.mark.parametrize("name", ["ours", "bare", *COMPARED])
def test_a_peer_learns_the_tasks(name):
    for task in plan.TASKS.keys() & PEERS[name].covers.keys():
        runs = [{"framework": name, "work": task, "epochs": epochs, "seed": 0} for epochs in (1, 4)]
        if name in COMPARED:  # whose threads are its own
            few, more = (measure.apart("fit.measure", 1, **given) for given in runs)
        else:
            few, more = (fit.measure(**given) for given in runs)
        assert len(more["seconds"]) == 4
        assert min(more["seconds"]) > 0
        assert 0 < more["loss"] < few["loss"] < 2.5


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
    now, durations = [0.0], [50.0] + [1.0, 2.0, 9.0] * 20
    monkeypatch.setattr(measure, "clock", lambda: now[0])

    def call():
        now[0] += durations.pop(0)

    assert measure.seconds(call, budget=40.0) == 2.0
    durations[:] = [50.0, 7.0, 7.0, 1.0, 2.0, 9.0]
    assert measure.seconds(call, budget=0.0) == 2.0
    assert not durations


@LINUX
@pytest.mark.slow
def test_the_peak_is_that_since_it_was_reset():
    MiB = 2**20
    np.ones(80 * MiB, np.uint8)  # a peak from before
    Path("/proc/self/clear_refs").write_text("5")
    start = memory.memory()
    assert memory.memory("VmHWM") - start < 8 * MiB
    np.ones(40 * MiB, np.uint8)
    assert 32 * MiB < memory.memory("VmHWM") - start < 60 * MiB
    assert memory.memory() - start < 20 * MiB


@pytest.mark.slow
@LINUX
@pytest.mark.subprocess
def test_a_step_keeps_all_steps_and_inference_does_not():
    N, T, _, H = 32, 512, 4, 64
    given = {"kernels": "numpy", "framework": "ours", "size": f"{N},{T},4,{H}"}
    inference, step = (measure.apart("memory.peak", 1, kind=kind, **given) for kind in ("forward", "step"))
    assert inference / (4 * N * T * H) < 2 < 4 < step / (4 * N * T * H)


@LINUX
@pytest.mark.slow
def test_no_step_keeps_more_than_the_one_before():
    step, held = ours.build(Case("gru_after", "32,28,28,64"), 0).step, []
    for _ in range(2):
        for _ in range(20):
            step()
        held.append(memory.memory())
    assert held[1] - held[0] < 2**20


@pytest.mark.subprocess
@pytest.mark.slow
def test_a_process_of_its_own_gives_its_result_or_its_error(tmp_path):
    assert measure.apart("report.spread", 1, a=[1.0, 4.0, 9.0], b=[1.0, 2.0, 3.0]) == [2.0, 1.0, 3.0]
    given = {"work": "gru", "sizes": ["1,1,1,1"], "seed": 0, "budget": 0}
    with pytest.raises(RuntimeError, match=r"speed\.measure: ModuleNotFoundError.*nobody"):
        measure.apart("speed.measure", 1, framework="nobody", **given)
    (tmp_path / "nnfw.py").write_text("raise ImportError('another nnfw')")
    with pytest.raises(RuntimeError, match="another nnfw"):
        measure.apart("speed.measure", 1, tmp_path, framework="ours", **given)


def rows_of(monkeypatch, answers, **options):
    """Return the rows that `measure_rounds` makes of a fake measurement, and the order of its calls."""
    turns = []

    def apart(function, threads, folder=measure.ROOT, kernels="auto", *, framework, sizes, **others):
        turns.append((framework, folder, kernels))
        return dict.fromkeys(sizes, answers(framework))

    monkeypatch.setattr(measure, "apart", apart)
    peers = [name for name in PEERS if name != "ours" and (name != "before" or "before" in options)]
    options = {"rounds": 2, "threads": 1, "seed": 0, "budget": 0.1, "peers": peers} | options
    return speed.measure_rounds("gru", ["2,3,4,5"], Namespace(**options)), turns


def both(time, fingerprint):
    return dict.fromkeys(speed.KINDS, (time, fingerprint))


def test_frameworks_take_turns_and_another_form_is_not_compared(monkeypatch):
    prints = {"jax": (1.0, 0.4)}
    rows, turns = rows_of(monkeypatch, lambda name: both(1.0, prints.get(name, (1.0, 0.5))))
    names = [(name, kernels) for name, _, kernels in turns]
    others = ["floor", "pytorch", "jax"]  # the others do not have the layer alone
    expected = [("ours", "numpy"), ("ours", "compiled"), *((name, "numpy") for name in others)]
    assert names[: len(names) // 2] == names[: len(names) // 2 - 1 : -1] == expected
    assert [(row["kind"], row["own"]) for row in rows] == [
        (kind, own) for kind in speed.KINDS for own in KERNELS
    ]
    for row in rows:
        assert row["seconds"]["jax"] == [1.0, 1.0]
        assert list(row["ratios"]) == others
        assert row["differences"]["jax"] == pytest.approx(0.1)
        assert row["differences"]["pytorch"] is None  # it computes reset_after in place of gru


def test_another_checkout_is_measured_from_its_folder(monkeypatch):
    folder = Path("elsewhere")
    _, turns = rows_of(monkeypatch, lambda name: both(1.0, (1.0, 0.5)), before=folder)
    assert turns.count(("ours", folder, "numpy")) == turns.count(("ours", measure.ROOT, "numpy")) == 2


def test_a_peer_that_fails_is_dropped_and_said_but_nnfw_must_not(monkeypatch, capsys):
    def fails(who):
        def answers(framework):
            if framework == who:
                raise RuntimeError("speed.measure: broken")
            return both(1.0, (1.0, 0.5))

        return answers

    [row, *_], turns = rows_of(monkeypatch, fails("jax"))
    assert [name for name, *_ in turns].count("jax") == 1
    assert "jax" not in row["ratios"]
    assert "jax is left out: speed.measure: broken" in capsys.readouterr().out
    with pytest.raises(RuntimeError):
        rows_of(monkeypatch, fails("ours"))


TIMES = {"ours": [1.0, 2.0, 3.0], "floor": [2.0] * 3, "pytorch": [1.0, 8.0, 3.0], "jax": [4.0] * 3}


def test_ratios_with_their_spread_and_geometric_mean():
    prints = {"ours": (2.0, 1.0), "floor": (2.0, 1.1), "jax": (2.0, 1.0), "pytorch": None}
    row = {"layer": "gru", "sizes": "2,3,4,5"} | speed.summarize(TIMES, prints, "ours")
    assert row["ratios"]["floor"] == (1.0, 0.5, 1.5)
    assert row["differences"] == pytest.approx({"floor": 0.05, "jax": 0.0, "pytorch": None})
    told = speed.sizes_table([row, row | {"ratios": row["ratios"] | {"floor": (4.0, 3.0, 5.0)}}])
    assert "1.00 (0.50..1.50) differs!" in told
    assert "0.50 (0.25..0.75) |" in told
    means = [cell.strip() for cell in told.splitlines()[-1].split("|")][1:-1]
    assert means == ["geometric mean", "", "2.00", "1.00", "0.50"]


def records():
    """Return small records of all benchmarks."""
    rows = [
        {"layer": layer, "sizes": size, "kind": kind}
        | speed.summarize(TIMES | {"fast": [0.5, 0.5, 0.5]}, dict.fromkeys([*TIMES, "fast"]), own)
        for layer in plan.TITLES
        for size in (plan.DENSE if layer == "dense" else plan.RECURRENT)[-2:]
        for kind in speed.KINDS
        for own in KERNELS
    ]
    rounds = {name: [{"seconds": [9.0, t, t, 2 * t], "loss": 0.5}] for name, (t, *_) in TIMES.items()}
    epochs = [{"task": task, "threads": n, "rounds": rounds} for task in plan.TASKS for n in (1, 2)]
    step_counts = {"files": ["a.py", "b.py"], "functions": 7, "calls": 9}
    results = {"speed": rows, "fit": epochs, "memory": {"a step": 3 << 20}, "step": step_counts}
    learnt = {"accuracies": [0.5, 0.7], "seconds": 3.2, "others": {"SVM": 0.25}}
    results["tasks"] = dict.fromkeys(tasks.TASKS, learnt)
    machine = {"date": "2001-02-03", "cores": 2, "cpu": "C", "blas": "B 1", "versions": {"numpy": "9"}}
    return {name: {"machine": machine, "results": result} for name, result in results.items()}


def test_an_epoch_beside_that_of_others():
    told = fit.table(records()["fit"]["results"])
    assert told.count("| first epoch | later ones |") == 4
    assert "GRU(64) and a softmax on the digits, batches of 32, 2 cores:" in told
    [line, *_] = [line for line in told.splitlines() if line.startswith("| floor")]
    assert [cell.strip() for cell in line.split("|")][2:-1] == [
        "9000 ms",
        "2000.0 ms",
        "0.50 (0.50..0.50)",
        "0.500",
    ]


@pytest.mark.slow
def test_the_page_and_the_picture_are_made_from_the_results(tmp_path):
    for name, record in records().items():
        (tmp_path / f"{name}.json").write_text(json.dumps(record))
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- step -->\nold\n<!-- end -->\nbetween\n<!-- speed -->\n<!-- end -->\n")
    report.publish(tmp_path, [page])
    told = page.read_text()
    assert told.startswith("before\n<!-- step -->\n| ")
    assert "| training step |     2 |         7 |     9 |" in told
    assert "2001-02-03, 2 cores of C, B 1; numpy 9.\n<!-- end -->\nbetween\n<!-- speed -->\n| " in told
    assert "old" not in told
    [line] = [line for line in told.splitlines() if line.startswith("| GRU, training step")]
    assert "0.50 (0.50..0.50)" in line
    assert (tmp_path / "performance.png").stat().st_size > 10_000
    (tmp_path / "step.json").unlink()  # what has no results stays as it is
    report.publish(tmp_path, [page])
    assert page.read_text() == told


def test_the_page_shows_the_results_that_are_kept():
    kept = {path.stem: json.loads(path.read_text()) for path in command.RESULTS.glob("*.json")}
    texts = [page.read_text("utf-8") for page in report.PAGES]
    assert {name for text in texts for _, name, _ in report.SECTION.findall(text)} == kept.keys()
    assert kept.keys() == {"speed", "fit", "memory", "step", "tasks"}
    assert [report.SECTION.sub(lambda found: report.section(found, kept), text) for text in texts] == texts


def test_tables_align():
    told = report.table([{"a": "long", "bb": 1}, {"a": "x", "bb": 222}]).splitlines()
    assert told == ["| a    |  bb |", "| ---- | --: |", "| long |   1 |", "| x    | 222 |"]


# ---- the tasks ---------------------------------------------------------------------------------------------


def few(x, y, N=12):
    """Return N samples, as many of each of the first classes."""
    chosen = [i for k in range(2) for i in np.flatnonzero(np.asarray(y) == k)[: N // 2]]
    return [x[i] for i in chosen] if isinstance(x, list) else x[chosen], np.asarray(y)[chosen]


@pytest.mark.slow
@pytest.mark.parametrize("task", tasks.TASKS)
def test_a_network_learns_each_task(task, monkeypatch):
    load, *given = tasks.TASKS[task]
    if task.startswith(("Italy", "Gun")):
        stand_in_for_aeon(monkeypatch)
    if missing(["scikit-learn"]):
        monkeypatch.setattr(tasks, "classifiers", dict)
    (train, test), build = load()
    assert len(test[0]) == len(test[1])
    small = (few(*train), few(*test)), build
    monkeypatch.setitem(tasks.TASKS, task, (lambda: small, *given))
    found = tasks.measure(task, epochs=2, seeds=2)
    assert len(found["accuracies"]) == 2
    assert all(0 <= accuracy <= 1 for accuracy in [*found["accuracies"], *found["others"].values()])
    assert found["seconds"] > 0
    again = tasks.measure(task, epochs=2, seeds=2)
    assert again["accuracies"] == found["accuracies"]


def stand_in_for_aeon(monkeypatch):
    """Have its loaders return noise, in the form of the archive: (N, D, T), and classes as text."""
    rng = np.random.default_rng(0)
    load = lambda part: (rng.standard_normal((20, 1, 24)), np.array(["1", "2"] * 10))  # noqa: E731
    names = {"load_gunpoint": load, "load_italy_power_demand": load}
    monkeypatch.setitem(sys.modules, "aeon", ModuleType("aeon"))
    monkeypatch.setitem(sys.modules, "aeon.datasets", Namespace(**names))


def test_the_archive_is_read_from_the_wheel():
    aeon = pytest.importorskip("aeon.datasets")
    ((x, y), (x_test, y_test)), _ = tasks.sequences("gunpoint", "GRU")
    assert (x.shape, x_test.shape) == ((50, 150, 1), (150, 150, 1))
    assert set(y) == set(y_test) == {0, 1}
    first, names = aeon.load_gunpoint("train")
    np.testing.assert_array_equal(x[:, :, 0], first[:, 0])
    assert [str(1 + k) for k in y] == list(names)


def test_tasks_say_what_they_lack(monkeypatch, capsys):
    monkeypatch.setattr(command, "missing", lambda packages: [name for name in packages if name == "aeon"])
    command.main(["tasks"])
    assert "tasks is left out. To have it: pip install aeon\n" in capsys.readouterr().out


def test_tasks_show_mean_and_deviation():
    line = [
        line for line in tasks.table(records()["tasks"]["results"]).splitlines() if "GunPoint, GRU" in line
    ]
    cells = [cell.strip() for cell in line[0].split("|")][1:-1]
    assert cells == ["GunPoint, GRU", "0.600 ± 0.100", "3 s", "0.250", "TWIESN 0.961 ± 0.023"]


# ---- the step ---------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_step_is_counted_call_by_call():
    counts = step.measure(seed=0)
    files = counts["files"]
    assert len(files) < counts["functions"] < counts["calls"]
    assert {"training/loop.py", "layers/gru.py", "layers/dense.py", "optimizers.py", "losses.py"} <= set(
        files
    )
    assert not [name for name in files if name.startswith(("data", "datasets", "saving"))]
    assert sys.getprofile() is None

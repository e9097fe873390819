"""Training by several processes: it is that of one process, and no error leaves a process waiting.

Tests start processes by the mpiexec of the environment, within a time limit. One start runs many cases, and
most scripts, one after the other; what ends the processes has its own.
"""

import ast
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from ranked import cases, dense, result, vectors

pytest.importorskip("mpi4py")

MPIEXEC = Path(sys.executable).with_name("mpiexec")
needs = pytest.mark.skipif(not MPIEXEC.exists(), reason="needs the mpiexec of the environment")
pytestmark = [pytest.mark.slow, pytest.mark.subprocess, needs]
HELPERS = Path(__file__).parent / "helpers"
START = """
import os, sys, time
import numpy as np
from nnfw.distributed import DataParallel, rank, ranks, shard
from nnfw import BatchNorm, Checkpoint, CSVLogger, Dense, Dropout, GRU, LambdaCallback, Network
from ranked import dense, recurrent, sequences, vectors

x, y = shard(*vectors())
parallel = [DataParallel()]
"""

# Runs each folder's script as if it were alone, and keeps for each whether it raised, and what it would show.
ONE_AFTER_ANOTHER = """
import json, os, runpy, sys, traceback
from nnfw.distributed import rank

home, ended = os.getcwd(), {}
for name in sys.argv[1:]:
    os.chdir(os.path.join(home, name))
    ended[name] = False, ""
    try:
        runpy.run_path("script.py", run_name="__main__")
    except Exception as error:
        shown = vars(error).get("shown_on", rank) == rank
        ended[name] = True, "".join(traceback.format_exception(error)) if shown else ""
with open(os.path.join(home, f"{rank}.json"), "w") as file:
    json.dump(ended, file)
"""
SCRIPTS = {}  # those of the tests that share one start on two ranks


def start(ranks, *arguments, folder):
    """Start a script on several ranks."""
    paths = [str(HELPERS), str(HELPERS.parents[1])]
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join(paths),
        "OPENBLAS_NUM_THREADS": "1",
        "MPIR_CVAR_ENABLE_HEAVY_YIELD": "1",  # a rank that waits leaves its core to the others
    }
    command = [MPIEXEC, "-n", str(ranks), sys.executable, *map(str, arguments)]
    pipe = subprocess.PIPE
    return subprocess.Popen(
        command, cwd=folder, env=environment, stdout=pipe, stderr=pipe, text=True, start_new_session=True
    )


def finish(process, limit=120.0):
    """Return the exit code, what was printed, and the errors; a process that hangs is a failed test."""
    try:
        out, err = process.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        pytest.fail(f"the ranks have not ended within {limit} s")
    return process.returncode, out, err


def run(ranks, script, folder, limit=120.0):
    """Run a script on several ranks."""
    (folder / "script.py").write_text(START + script)
    return finish(start(ranks, "script.py", folder=folder), limit)


@pytest.fixture(scope="module")
def together(tmp_path_factory):
    """Run `SCRIPTS`; return their folder, what was printed, and for each how it ended on either rank."""
    home = tmp_path_factory.mktemp("together")
    (home / "all.py").write_text(ONE_AFTER_ANOTHER)
    for name, script in SCRIPTS.items():
        (home / name).mkdir()
        (home / name / "script.py").write_text(START + script)
    code, out, err = finish(start(2, "all.py", *SCRIPTS, folder=home), 300)
    assert (code, err) == (0, "")
    on_ranks = [json.loads((home / f"{rank}.json").read_text()) for rank in range(2)]
    return home, out, {name: [tuple(ended[name]) for ended in on_ranks] for name in SCRIPTS}


@pytest.fixture
def folder(request, together):
    """Return the folder of the script of a test, which has run to its end on both ranks."""
    home, _, ended = together
    name = request.function.__name__
    assert ended[name] == [(False, ""), (False, "")]
    return home / name


# ---- one process and several ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def alone():
    """Return what each case leads to in one process."""
    found = {}
    for name, make in cases().items():
        network, data, options = make()
        found[name] = result(network, network.fit(*data, **options))
    return found


@pytest.mark.parametrize("ranks", [1, 2, 4])
def test_ranks_do_what_one_process_does(ranks, alone, tmp_path):
    code, _, err = finish(start(ranks, HELPERS / "ranked.py", tmp_path, *alone, folder=tmp_path), 300)
    assert code == 0, err
    for name, expected in alone.items():
        first, *others = (dict(np.load(tmp_path / f"{name}.{rank}.npz")) for rank in range(ranks))
        near = 0 if ranks == 1 else 1e-5 if name == "float32" else 1e-12
        assert first.keys() == expected.keys()
        for key, values in expected.items():
            np.testing.assert_allclose(first[key], values, rtol=near, atol=near, err_msg=f"{name}: {key}")
            for other in others:
                np.testing.assert_array_equal(other[key], first[key], err_msg=f"{name}: {key}")


def test_the_cases_are_what_they_say(alone):
    rates = alone["monitors"]["learning_rate"]
    assert rates[0] > rates[-1]
    assert len(rates) < 40
    assert len(alone["stopped"]["loss"]) == 1
    assert cases()["rules"]()[0].layers[0].trainable is False


SCRIPTS["test_all_start_from_what_rank_0_has"] = """
network = dense(seed=rank)
network.fit(x, y, verbose=0)  # other weights, and another state of Adam, on each rank
network.fit(x, y, epochs=2, validation_split=0.2, callbacks=parallel, verbose=0)
np.savez(f"{rank}.npz", weights=network.flat_params, **network.history)
"""


def test_all_start_from_what_rank_0_has(folder):
    first, second = (np.load(folder / f"{rank}.npz") for rank in range(2))
    np.testing.assert_array_equal(first["weights"], second["weights"])
    assert first["loss"][0] != second["loss"][0]
    np.testing.assert_array_equal(first["val_loss"], second["val_loss"])


SCRIPTS["test_dropout_differs_between_ranks_and_not_between_runs"] = """
found = []
for again in range(2):
    network = Network([Dense(5), Dropout(0.5), Dense(3, "softmax")], loss="cce", seed=1)
    masks = []
    keep = LambdaCallback(on_batch_end=lambda run: masks.append(run.network.layers[1].cache["m"].tobytes()))
    network.fit(x, y, batch_size=45, epochs=3, callbacks=[keep, *parallel], verbose=0)
    assert len(set(masks)) == 3
    found += [[masks, network.flat_params.tobytes(), network._streams["noise"].bit_generator.state]]
assert found[0] == found[1]
np.savez(f"{rank}.npz", masks=np.array([len(m) for m in masks]), first=np.frombuffer(masks[0], np.float32),
         weights=network.flat_params)
"""


def test_dropout_differs_between_ranks_and_not_between_runs(folder):
    first, second = (np.load(folder / f"{rank}.npz") for rank in range(2))
    np.testing.assert_array_equal(first["weights"], second["weights"])
    size = min(len(first["first"]), len(second["first"]))
    assert (first["first"][:size] != second["first"][:size]).any()


def test_shards_are_every_nth_sample(monkeypatch, tmp_path):
    from nnfw.distributed import shares

    np.arange(14.0).reshape(7, 2).tofile(tmp_path / "x")
    mapped = np.memmap(tmp_path / "x", np.float64, "r", shape=(7, 2))
    table = pytest.importorskip("pandas").DataFrame({"one": np.arange(7)}, index=list("gfedcba"))
    monkeypatch.setattr(shares, "ranks", 3)
    found = []
    for rank in range(3):
        monkeypatch.setattr(shares, "rank", rank)
        x, listed, labels, rows = shares.shard(mapped, list(range(7)), np.arange(7), table)
        assert isinstance(x, np.memmap)
        assert labels.base is None
        assert listed == labels.tolist() == rows["one"].tolist()
        np.testing.assert_array_equal(x, mapped[labels])
        found += listed
    assert sorted(found) == list(range(7))
    for wrong in ((), (range(7), range(6)), (range(2),)):
        with pytest.raises(ValueError, match=r"shard: x, y and the other arrays must have the same number"):
            shares.shard(*wrong)


def test_a_fit_is_shared_once():
    from nnfw.distributed import DataParallel

    with pytest.raises(ValueError, match="remove one"):
        dense().fit(*vectors(), callbacks=[DataParallel(), DataParallel()])


# ---- one rank prints and saves; fits are resumed ---------------------------------------------------------


SCRIPTS["test_one_rank_prints_and_writes"] = """
network = dense()
callbacks = [CSVLogger("log.csv"), Checkpoint("checkpoint.npz"), *parallel]
network.fit(x, y, epochs=2, validation_data=shard(*vectors(1)), callbacks=callbacks, verbose=2)
network.summary()
os.makedirs(f"rank{rank}")
network.save(f"rank{rank}/network.npz")
"""


def test_one_rank_prints_and_writes(folder, together):
    _, out, _ = together
    assert [line.split(":")[0] for line in out.splitlines()[:3]] == ["validation", "epoch 1/2", "epoch 2/2"]
    assert out.count("dense_1") == out.count("43 parameters") == 1
    assert len((folder / "log.csv").read_text().splitlines()) == 3
    files = sorted(path.name for path in folder.rglob("*.*"))
    assert files == ["checkpoint.npz", "log.csv", "network.npz", "script.py"]
    assert (folder / "rank0" / "network.npz").exists()


PART_OF_A_FIT = """
network = Network.load("part.npz") if os.path.exists("part.npz") else recurrent(steps=False)
x, _, y = sequences()
def fail(run):
    if (run.epoch, run.batch) == LAST and not run.resumed:
        raise ZeroDivisionError
callbacks = [LambdaCallback(on_batch_end=fail), Checkpoint("part.npz", seconds=1e-6), *parallel]
try:
    network.fit(*shard(x, y), batch_size=8, epochs=4, callbacks=callbacks, resume=True, verbose=0)
except ZeroDivisionError:
    pass
np.savez(f"{ranks}.{rank}.npz", weights=network.flat_params, **network.history)
"""


def test_a_fit_is_resumed_by_another_number_of_ranks(tmp_path):
    network, data, options = cases()["ends"]()
    del options["validation_split"]
    expected = result(network, network.fit(*data, **options | {"epochs": 4}))
    for ranks, last in ((4, (2, 4)), (2, (9, 9))):  # the first ends before its file has that batch
        code, _, err = run(ranks, f"LAST = {last}\n{PART_OF_A_FIT}", tmp_path)
        assert code == 0, err
    for rank in range(2):
        found = np.load(tmp_path / f"2.{rank}.npz")
        assert found.keys() == expected.keys()
        for key, values in expected.items():
            np.testing.assert_allclose(found[key], values, rtol=1e-12, atol=1e-12, err_msg=key)


SCRIPTS["test_a_fit_with_dropout_is_resumed_to_the_bit"] = """
def new():
    layers = [GRU(4, dropout=0.3), Dropout(0.5), Dense(3, "softmax")]
    return Network(layers, loss="cce", metrics=["accuracy"], seed=1)
def fail(run):
    if (run.epoch, run.batch) == (2, 3) and not run.resumed:
        raise ZeroDivisionError
x, _, y = sequences()
given = {"batch_size": 8, "epochs": 3, "verbose": 0}
whole, part = new(), new()
whole.fit(*shard(x, y), callbacks=parallel, **given)
try:
    callbacks = [LambdaCallback(on_batch_end=fail), Checkpoint("part.npz", seconds=1e-6), *parallel]
    part.fit(*shard(x, y), callbacks=callbacks, **given)
except ZeroDivisionError:
    part = Network.load("part.npz")
assert len(part.history.epoch) == 1
part.fit(*shard(x, y), callbacks=parallel, resume=True, **given)
assert (part.flat_params == whole.flat_params).all()
assert dict(part.history) == dict(whole.history), (part.history, whole.history)
"""


def test_a_fit_with_dropout_is_resumed_to_the_bit(folder):
    assert (folder / "part.npz").exists()


# ---- nothing hangs ---------------------------------------------------------------------------------------

FAILURES = {
    "in a callback": (
        """
def fail(run):
    if rank == 1 and run.batch == 2:
        raise ZeroDivisionError("on one rank")
dense().fit(x, y, batch_size=8, callbacks=[LambdaCallback(on_batch_end=fail), *parallel], verbose=0)
""",
        "ZeroDivisionError: on one rank",
    ),
    "at the end": (
        """
def fail(run):
    if rank == 1:
        raise ZeroDivisionError("at the end")
dense().fit(x, y, callbacks=[LambdaCallback(on_fit_end=fail), *parallel], verbose=0)
""",
        "ZeroDivisionError: at the end",
    ),
    "an error that cannot be sent": (
        """
class Odd(Exception):
    def __init__(self, one, two):
        super().__init__(f"{one} and {two}")
def fail(run):
    if rank == 1:
        raise Odd(1, 2)
dense().fit(x, y, callbacks=[LambdaCallback(on_epoch_start=fail), *parallel], verbose=0)
""",
        "Odd: 1 and 2",
    ),
    "wrong data": (
        """
if rank == 1:
    y[3] = 7
dense().fit(x, y, callbacks=parallel, verbose=0)
""",
        "ValueError: y holds classes 0 to 7",
    ),
    "wrong data on all": (
        "dense().fit(x, y + 7, callbacks=parallel, verbose=0)",
        "ValueError: y holds classes 7 to 9",
    ),
    "before the fit": (
        """
if rank == 1:
    raise FileNotFoundError("data of rank 1")
dense().fit(x, y, callbacks=parallel, verbose=0)
""",
        "FileNotFoundError: data of rank 1",
    ),
    "exit before the fit": (
        """
if rank == 1:
    sys.exit("no data")
dense().fit(x, y, callbacks=parallel, verbose=0)
""",
        "RuntimeError: the ranks are out of step: rank 0 is at the start, rank 1 at the end of the script",
    ),
    "batches that end with an error": (
        """
class Batches:
    def __iter__(self):
        for n in range(5):
            yield x, y
            if rank == 1 and n == 2:
                raise ConnectionError("no more")
dense().fit(Batches(), callbacks=parallel, verbose=0)
""",
        "ConnectionError: no more",
    ),
    "divergence on one rank": (
        """
def grow(run):
    if rank == 1 and run.batch == 2:
        run.network.layers[0].params["W"][...] = np.nan
dense().fit(x, y, batch_size=8, callbacks=[LambdaCallback(on_batch_end=grow), *parallel], verbose=0)
""",
        "NonFiniteError: epoch 1, batch 3: parameter W of layer 1, Dense(5) holds nan",
    ),
    "not finite in validation": (
        """
given = shard(*vectors(1))
def grow(run):
    if rank == 1 and run.batch == 6:
        run.network.layers[0].params["W"][...] = np.nan
keep = [LambdaCallback(on_batch_end=grow), *parallel]
dense().fit(x, y, batch_size=8, validation_data=given, callbacks=keep, verbose=0)
""",
        "NonFiniteError: epoch 1, validation, batch 1: ",
    ),
    "weights of one rank": (
        """
def change(run):
    if rank == 1:
        run.network.layers[0].params["W"] *= 1.5
dense().fit(x, y, callbacks=[LambdaCallback(on_epoch_end=change), *parallel], verbose=0)
""",
        "RuntimeError: epoch 1: the ranks hold different weights",
    ),
    "other epochs": (
        "dense().fit(x, y, epochs=2 + rank, callbacks=parallel, verbose=0)",
        "RuntimeError: the ranks are out of step: rank 0 is at the end, rank 1 at batch 1 of epoch 3",
    ),
    "other batches": (
        "dense().fit(x, y, batch_size=8 + rank, callbacks=parallel, verbose=0)",
        "ValueError: fit: data must be the same on all ranks, got 45 samples in batches of 8, shuffled on ",
    ),
    "other layers": (
        "Network([Dense(2 + rank), Dense(3)], seed=0).fit(x, x[:, :3], callbacks=parallel, verbose=0)",
        "ValueError: fit: parameters must be the same on all ranks",
    ),
    "another mean": (
        """
network = dense()
network.loss.divide_by = ["samples", "weights"][rank]
network.fit(x, y, callbacks=parallel, verbose=0)
""",
        "ValueError: fit: divide_by must be the same on all ranks, got samples on rank 0 and weights on rank",
    ),
    "statistics of the whole batch": (
        """
network = Network([Dense(4), BatchNorm(), Dense(3, "softmax")], loss="cce", seed=0)
network.build((x.shape[1],))
network.layers[1].trainable = False
assert len(network.fit(x, y, callbacks=parallel, verbose=0)["loss"]) == 1
network.layers[1].trainable = True
network.fit(x, y, callbacks=parallel, verbose=0)
""",
        "ValueError: fit: layer 2, BatchNorm() normalizes over the whole batch, but each rank has only a",
    ),
    "one epoch behind": (
        """
network = dense()
if rank == 0:
    network.fit(x, y, verbose=0)
network.fit(x, y, callbacks=parallel, verbose=0)
""",
        "ValueError: fit: finished epochs must be the same on all ranks, got 1 on rank 0 and 0 on rank 1",
    ),
}


OUTSIDE = "before the fit", "exit before the fit"  # of a fit, where nothing can be raised on the other rank
SCRIPTS |= {name: script for name, (script, _) in FAILURES.items() if name not in OUTSIDE}


@pytest.mark.parametrize("name", [name for name in FAILURES if name not in OUTSIDE])
def test_an_error_of_one_rank_is_raised_on_all_and_shown_once(name, together):
    _, _, ended = together
    assert [raised for raised, _ in ended[name]] == [True, True]
    assert sum(shown.count(FAILURES[name][1]) for _, shown in ended[name]) == 1
    assert sum(shown != "" for _, shown in ended[name]) == 1
    assert sum(shown.count("Traceback") for _, shown in ended[name]) == 1


@pytest.mark.parametrize("name", [*OUTSIDE, "in a callback", "other batches"])  # of one rank, of both
def test_an_error_that_nothing_catches_ends_all_and_is_shown_once(name, tmp_path):
    script, message = FAILURES[name]
    code, _, err = run(2, script, tmp_path, limit=60)
    assert code != 0
    assert err.count(message) == 1, err
    assert err.count("Traceback") <= 1


def test_a_rank_that_exits_in_a_fit_ends_all(tmp_path):
    script = """
def leave(run):
    if rank == 1:
        sys.exit("enough")
dense().fit(x, y, callbacks=[LambdaCallback(on_epoch_end=leave), *parallel], verbose=0)
raise AssertionError
"""
    code, _, err = run(2, script, tmp_path)
    assert code == 1
    assert sorted(err) == sorted("enough\nenough\n")  # of two ranks at once


SCRIPTS["test_an_error_can_be_caught_on_all_ranks"] = """
def fail(run):
    if rank == 1:
        raise ZeroDivisionError("on one rank")
network = dense()
for _ in range(2):
    try:
        network.fit(x, y, callbacks=[LambdaCallback(on_epoch_end=fail), *parallel], verbose=0)
    except ZeroDivisionError as error:
        assert rank == 1 or error.__notes__ == ["This was raised on rank 1 of 2."]
assert np.isfinite(network.fit(x, y, callbacks=parallel, verbose=0)["loss"]).all()
open(f"{rank}.done", "w").close()
"""


def test_an_error_can_be_caught_on_all_ranks(folder):
    assert len(list(folder.glob("*.done"))) == 2


SCRIPTS["test_ranks_stop_together_where_one_asks_for_it"] = """
def stop(run):
    if rank == 1 and run.batch == 3:
        run.stop("rank 1 has had enough")
network = dense()
network.fit(x, y, batch_size=8, callbacks=[LambdaCallback(on_batch_end=stop), *parallel], verbose=2)
assert network._training_state.batch == 3
assert network._training_state.stopped == "rank 1 has had enough"
"""


def test_ranks_stop_together_where_one_asks_for_it(folder, together):
    _, out, _ = together
    assert out.splitlines()[-1] == "stopped in epoch 1: rank 1 has had enough"
    assert out.count("stopped") == 1


LONG = """
def begin(run):
    if run.batch == 2:
        with open(f"{rank}.tmp", "w") as file:
            file.write(str(os.getpid()))
        os.replace(f"{rank}.tmp", f"{rank}.pid")
    time.sleep(0.01)
network = dense()
network.fit(x, y, epochs=10_000, callbacks=[LambdaCallback(on_batch_end=begin), *parallel], verbose=0)
np.savez(f"{rank}.npz", weights=network.flat_params, epochs=len(network.history.epoch))
"""


@pytest.fixture
def long(tmp_path):
    """Start a fit that goes on, on two ranks; return mpiexec and the ids of the ranks."""
    (tmp_path / "script.py").write_text(START + LONG)
    process, files = start(2, "script.py", folder=tmp_path), [tmp_path / f"{rank}.pid" for rank in range(2)]
    end = time.monotonic() + 60
    while not all(file.exists() for file in files) and time.monotonic() < end:
        time.sleep(0.05)
    yield process, [int(file.read_text()) for file in files]
    if process.returncode is None:
        process.kill()
        process.communicate()


def test_a_killed_rank_ends_the_others(long):
    process, ids = long
    os.kill(ids[1], signal.SIGKILL)
    code, _, _ = finish(process, limit=60)
    assert code != 0


@pytest.mark.parametrize("whom", ["all", "one"])
def test_ctrl_c_ends_the_fit_after_the_same_batch(whom, long, tmp_path):
    process, ids = long
    os.kill(process.pid if whom == "all" else ids[1], signal.SIGINT)
    code, _, err = finish(process, limit=60)
    assert code == 0, err
    first, second = (np.load(tmp_path / f"{rank}.npz") for rank in range(2))
    assert first["epochs"] == second["epochs"]
    np.testing.assert_array_equal(first["weights"], second["weights"])


# ---- the page, the example, the benchmark ----------------------------------------------------------------


def page():
    """Return the Python of the page."""
    text = (HELPERS.parents[1] / "docs" / "distributed.md").read_text(encoding="utf-8")
    return re.findall(r"^```python\n(.*?)^```", text, re.M | re.S)


def test_the_script_of_the_page(tmp_path):
    printed = []
    for ranks in (1, 2):
        (tmp_path / "train.py").write_text(page()[0])
        code, out, err = finish(start(ranks, "train.py", folder=tmp_path))
        assert (code, err) == (0, "")
        printed.append(ast.literal_eval(out.splitlines()[-1]))
    assert printed[0] == pytest.approx(printed[1], rel=1e-4)
    assert printed[0]["accuracy"] > 0.7


@pytest.mark.parametrize(("package", "blocks"), [("joblib", [1]), ("dask.distributed", [1, 2])])
def test_independent_fits(package, blocks, tmp_path):
    pytest.importorskip(package)
    script = "\n".join(page()[block] for block in blocks)
    assert script.count("epochs=3") == 1
    (tmp_path / "fits.py").write_text(script.replace("epochs=3", "epochs=1"))
    done = subprocess.run(
        [sys.executable, "fits.py"], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    found = [ast.literal_eval(line) for line in done.stdout.splitlines()]
    assert found == len(blocks) * found[:1]
    assert len(set(found[0])) == 4


def test_the_example(tmp_path):
    example = HELPERS.parents[1] / "examples" / "data_parallel.py"
    printed = [finish(start(ranks, example, "--epochs=2", folder=tmp_path)) for ranks in (1, 2)]
    for ranks, (code, out, _) in enumerate(printed, 1):
        assert code == 0
        assert out.count("test accuracy") == 1
        assert f"trained by {ranks} process" in out
    assert printed[0][1].split(", trained")[0] == printed[1][1].split(", trained")[0]


def test_the_benchmark(tmp_path):
    command = [
        sys.executable,
        "-m",
        "benchmarks",
        "distributed",
        "--quick",
        "--peers",
        "--save",
        str(tmp_path),
    ]
    root = Path(__file__).parents[1]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("| GRU(64), 8 steps") == 3
    found = json.loads((tmp_path / "distributed.json").read_text())["results"]["GRU(64), 8 steps"]
    assert found["size"] == 14_666
    assert min(found.values()) > 0


def test_the_model_of_the_benchmark(monkeypatch):
    monkeypatch.syspath_prepend(Path(__file__).parents[1])
    from benchmarks.distributed import modelled

    found = {"N": 6400, "one": 64.2, "small": 1.2, "size": 250}  # 0.2 s, and 0.01 s by sample
    assert modelled(found, 2, latency=0.0, rate=np.inf) == pytest.approx(0.2 + 32.3, abs=0.2)  # uneven shares
    messages = modelled(found, 4, latency=1.0, rate=1000.0) - modelled(found, 4, latency=0.0, rate=np.inf)
    assert messages == pytest.approx(2 * 6 + 2 * 3 / 4 * 1000 / 1000)

"""Whatever arrays there are, and whatever the machine is short of: memory, disk, a display, a terminal."""

import os
import resource
import subprocess
import sys
import time

import numpy as np
import pytest
from untrained import untrained

from nnfw import GRU, CSVLogger, Dense, Network

N, T, D, K = 12, 5, 2, 3
RNG = np.random.default_rng(4)
X = RNG.integers(-4, 5, (N, T, D)).astype("float32")  # every numeric dtype holds them
Y = np.arange(N) % K


def network_of(**options):
    options = {"loss": "cce", "optimizer": "adam", "seed": 2} | options
    return Network([GRU(4), Dense(K, "softmax")], **options)


def weights(x, y, **options):
    network = network_of()
    network.fit(x, y, epochs=2, batch_size=5, verbose=0, **options)
    return [leaf.flat_params.tobytes() for leaf in network._leaves()]


class Table:
    """As far as nnfw is concerned, a data frame: `len` and rows by ``iloc`` only, columns by name."""

    def __init__(self, array):
        self.array, self.iloc, self.shape = array, array, array.shape

    def __array__(self, dtype=None, copy=None):
        return np.array(self.array, dtype)

    def __len__(self):
        return len(self.array)

    def __getitem__(self, column):
        raise KeyError(column)


class TestArrays:
    @pytest.mark.parametrize(
        "form",
        [
            lambda a: np.asfortranarray(a),
            lambda a: a[::-1].copy()[::-1],
            lambda a: np.repeat(a, 2, axis=1)[:, ::2],
            lambda a: a.astype(">f8"),
            lambda a: a.astype(">i2"),
            lambda a: a.astype("float16"),
            lambda a: a.astype("int8"),
            lambda a: np.broadcast_to(a[None], (1, *a.shape))[0],
            lambda a: np.frombuffer(a.tobytes(), a.dtype).reshape(a.shape),
            lambda a: a.tolist(),
            lambda a: [Table(one) for one in a],
            lambda a: Table(a),
        ],
        ids=[
            "Fortran",
            "reversed",
            "strided",
            ">f8",
            ">i2",
            "float16",
            "int8",
            "view",
            "frozen",
            "lists",
            "tables",
            "table",
        ],
    )
    def test_every_form_trains_alike_and_is_left_alone(self, form):
        given, expected = form(X), weights(X, Y)
        before = np.array(given if not isinstance(given, list) else [np.array(one) for one in given])
        assert weights(given, Y) == expected
        after = np.array(given if not isinstance(given, list) else [np.array(one) for one in given])
        np.testing.assert_array_equal(after, before)
        assert weights(X, Table(Y)) == expected

    def test_booleans(self):
        assert weights(X > 0, Y) == weights((X > 0).astype("float64"), Y)

    def test_pandas(self):
        pandas = pytest.importorskip("pandas")
        frame = pandas.DataFrame(X[:, 0], index=np.arange(N)[::-1], columns=["a", "b"])
        labels = pandas.Series(Y, index=list("abcdefghijkl"))
        network, other = (Network([Dense(K, "softmax")], loss="cce", seed=0) for _ in range(2))
        network.fit(frame, labels, verbose=0)
        other.fit(X[:, 0], Y, verbose=0)
        np.testing.assert_array_equal(network.predict(frame), other.predict(X[:, 0]))

    @pytest.mark.parametrize("dtype", ["float32", ">f4", "float64", "float16", "int16"])
    def test_memory_map_of_any_dtype(self, dtype, tmp_path):
        X.astype(dtype).tofile(tmp_path / "x")
        mapped = np.memmap(tmp_path / "x", dtype, "r", shape=X.shape)
        assert weights(mapped, Y) == weights(X, Y)
        network = untrained(network_of(), T, D)
        np.testing.assert_array_equal(network.predict(mapped), network.predict(X))


# What a script does that is run in a process of its own.
NEW = "import numpy as np\nfrom nnfw import Dense, GRU, LambdaCallback, Network\n"
FIT = (
    NEW
    + """
x = np.arange(16.0).reshape(8, 2) / 16
network = Network([Dense(1)], seed=0)
network.fit(x, x[:, :1], epochs=3, verbose={verbose})
open({path!r}, "w").write(str(len(network.history.epoch)))
"""
)


def run(script, limits=(), **options):
    """Run a script in a process of its own, with resource limits."""

    def limit():
        for kind, size in limits:
            resource.setrlimit(kind, (size, size))

    environment = {name: value for name, value in os.environ.items() if name not in ("MPLBACKEND", "DISPLAY")}
    return subprocess.run(
        [sys.executable, "-c", script],
        preexec_fn=limit,
        env=environment | {"OPENBLAS_NUM_THREADS": "1"},
        timeout=60,
        **options,
    )


class TestMemory:
    @pytest.mark.subprocess
    @pytest.mark.slow
    def test_twenty_gigabytes_in_two(self, tmp_path):
        """A sparse file takes no disk; what is read of it takes memory only while it is used."""
        rows = 20 * 10**9 // (4 * 200 * 1000)
        with open(tmp_path / "x", "wb") as file:
            file.truncate(rows * 4 * 200 * 1000)
        script = (
            NEW
            + f"""
import resource
x = np.memmap({str(tmp_path / "x")!r}, "float32", "r", shape=({rows}, 200, 1000))
stop = LambdaCallback(on_batch_end=lambda run: run.stop("seen enough") if run.batch == 4 else None)
network = Network([GRU(8), Dense(2, "softmax")], loss="cce", seed=0)
network.fit(x, np.arange({rows}) % 2, batch_size=16, validation_split=0.1, callbacks=[stop], verbose=0)
assert network.predict(x[:300]).shape == (300, 2)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""
        )
        done = run(script, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert int(done.stdout) * 1024 < 2 * 10**9

    def test_what_cannot_fit_is_refused_at_once(self):
        started, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        x = np.ones((2, 10**6), "float32")
        network = Network([Dense(10**9), Dense(1)], seed=0)
        for call in (lambda: network.fit(x, [0.0, 1.0], verbose=0), network.initialize):
            with pytest.raises(
                ValueError, match=r"layer 1, Dense\(1000000000\) has 1e\+15 parameters.* 8e\+06 GB, and"
            ):
                call()
        with pytest.raises(ValueError, match=r"layer 1, Dense\(100000000000\) has 3e\+11 parameters"):
            Network([Dense(10**11, "softmax")], loss="cce").fit(np.ones((4, 2)), [0, 1, 2, 3], verbose=0)
        assert time.perf_counter() - started < 2
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200 * 1024
        assert not network._built

    def test_the_sum_counts(self, monkeypatch):
        monkeypatch.setattr("nnfw.model.physical_memory", lambda: 8 * 2 * 100.0)
        fits = Network([Dense(10), Dense(9)], dtype="float64", seed=0)
        with pytest.raises(
            ValueError, match=r"layer 1, Dense\(10\) has 100 parameters.*3.18e-06 GB.*1.6e-06 GB"
        ):
            untrained(fits, 9)
        assert untrained(Network([Dense(10)], dtype="float64", seed=0), 9).size == 100
        assert untrained(Network([Dense(10), Dense(9)], dtype="float32", seed=0), 9).size == 199


class TestDisk:
    @pytest.mark.subprocess
    def test_full_while_saving(self, tmp_path):
        """A limit on the size of files stands for a disk without room: the old file stays, whole."""
        path = tmp_path / "network.npz"
        old = network_of()
        old.fit(X, Y, verbose=0)
        old.save(path)
        whole = path.read_bytes()
        script = (
            NEW
            + f"""
network = Network.load({str(path)!r})
large = Network([Dense(2000), Dense(1)], seed=0)
large.compute_shapes((100,))
large.initialize()
try:
    large.save({str(path)!r})
except OSError as error:
    print("refused", error.errno is not None)
print(large.predict(np.ones((2, 100))).shape, network.predict(np.ones((1, 5, 2))).shape)
"""
        )
        done = run(script, limits=[(resource.RLIMIT_FSIZE, 10**5)], capture_output=True, text=True)
        assert done.stdout == "refused True\n(2, 1) (1, 3)\n", done.stderr
        assert path.read_bytes() == whole
        assert os.listdir(tmp_path) == ["network.npz"]

    @pytest.mark.skipif(not os.path.isdir("/sys/kernel"), reason="needs a folder that nobody may write in")
    def test_read_only_folder(self):
        network = network_of()
        network.fit(X, Y, verbose=0)
        before = network.predict(X)
        with pytest.raises(OSError, match="/sys/kernel"):
            network.save("/sys/kernel/network.npz")
        np.testing.assert_array_equal(network.predict(X), before)
        network.fit(X, Y, verbose=0)

    @pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
    def test_full_while_logging(self):
        network, other = network_of(), network_of()
        with pytest.raises(OSError, match="No space left"):
            network.fit(X, Y, callbacks=[CSVLogger("/dev/full")], verbose=0)
        assert not network._fitting
        other.fit(X, Y, verbose=0)
        for one, two in zip(network._leaves(), other._leaves(), strict=True):
            np.testing.assert_array_equal(one.flat_params, two.flat_params)
        assert network.history.epoch == [1]


class TestDisplay:
    @pytest.mark.subprocess
    @pytest.mark.slow
    def test_plots_without_one(self, tmp_path):
        script = (
            NEW
            + f"""
network = Network([Dense(1)], seed=0)
network.fit(np.ones((4, 2)), np.ones(4), epochs=3, verbose=0).plot({str(tmp_path / "curves.png")!r})
"""
        )
        done = run(script, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")


class TestTerminal:
    @pytest.mark.subprocess
    @pytest.mark.slow
    @pytest.mark.parametrize("verbose", ["1", "2", "'auto'"])
    @pytest.mark.parametrize("output", ["none", "closed", "full", "a pipe that nobody reads"])
    def test_training_does_not_end_with_it(self, verbose, output, tmp_path):
        path = tmp_path / "epochs"
        script = FIT.format(verbose=verbose, path=str(path))
        if output == "none":
            run(f"import sys\nsys.stdout = sys.stderr = None\n{script}")
        elif output == "closed":
            run(f"import sys\nsys.stdout.close()\nsys.stderr.close()\n{script}", stdout=-1, stderr=-1)
        elif output == "full":
            with open("/dev/full", "w") as full:
                run(script, stdout=full, stderr=full)
        else:
            reading, writing = os.pipe()
            os.close(reading)
            run(script, stdout=writing, stderr=writing)
            os.close(writing)
        assert path.read_text() == "3"

    @pytest.mark.subprocess
    def test_lines_where_there_is_no_terminal(self, tmp_path):
        script = FIT.format(verbose="'auto'", path=str(tmp_path / "epochs"))
        done = run(script, capture_output=True, text=True)
        assert done.stdout.count("epoch ") == 3
        assert done.stderr == ""

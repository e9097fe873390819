"""``python -m nnfw``: what it prints, what it copies, and what it refuses."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from nnfw import GRU, Adam, Dense, Layer, Network, __main__, __version__
from nnfw.schedules import Cosine

ROOT = Path(__file__).parents[1]


class Marked(Layer):
    """A layer that says so when it is made."""

    made = 0

    def __init__(self, text="a"):
        Marked.made += 1
        self.text = text

    def compute_shapes(self, input_shape):
        return input_shape

    def forward(self, x, training=False):
        return x

    def backward(self, dy):
        return dy


@pytest.fixture
def saved(tmp_path):
    layers = [GRU(4, dropout=0.1), Marked("\x1b[2J"), Dense(2, "softmax", name="head")]
    network = Network(
        layers, loss="cce", optimizer=Adam(Cosine(0.01, epochs=3)), metrics=["accuracy"], seed=3
    )
    network.fit(np.ones((4, 5, 3)), [0, 1, 1, 0], epochs=2, verbose=0)
    network.save(tmp_path / "network.npz")
    return tmp_path / "network.npz"


def test_inspect_says_what_a_file_holds_and_runs_nothing_of_it(saved, capsys):
    made = Marked.made
    __main__.main(["inspect", str(saved)])
    printed = capsys.readouterr().out
    assert Marked.made == made
    joined = " ".join(printed.split())
    assert f"format 1, written by nnfw {__version__}, numpy {np.__version__}" in joined
    assert "layer 1: GRU(units=4, activation=Tanh(), recurrent_activation=Sigmoid()" in joined
    assert "layer 2: Marked(text='\\x1b[2J', " in joined
    assert "learning_rate=Cosine(rate=0.01, epochs=3" in joined
    assert "metrics: (Accuracy(threshold=0.5),) seed: 3 dtype: float32 epochs: 2; last: loss 0." in joined
    assert "gru_1.Wx_z (3, 4) float32" in joined
    assert "head.W (4, 2) float32" in joined
    assert "\x1b" not in printed
    assert max(map(len, printed.splitlines())) <= 100
    network = Network.load(saved, custom={"Marked": Marked})
    network.history["loss"][:], network.history.restored = [0.5, 0.75], 1
    network.save(saved)
    __main__.main(["inspect", str(saved)])
    assert "epochs: 2; restored: epoch 1, loss 0.5, accuracy" in capsys.readouterr().out


def test_inspect_reads_files_of_earlier_versions(capsys):
    __main__.main(["inspect", str(ROOT / "tests" / "saving" / "versions" / "0.1.0.npz")])
    printed = capsys.readouterr().out
    assert printed.startswith("format 1, written by nnfw 0.1.0")
    assert "recurrent_activation={'z': Sigmoid(), 'r': HardSigmoid()}" in " ".join(printed.split())


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"PK\x03\x04 nothing", "damaged"), (b"text", "not a network saved by nnfw"), (None, "No such file")],
)
def test_inspect_refuses_what_is_no_network(tmp_path, content, message):
    if content is not None:
        (tmp_path / "file").write_bytes(content)
    with pytest.raises(SystemExit, match=message):
        __main__.main(["inspect", str(tmp_path / "file")])


def test_examples_are_copied_and_replace_nothing(tmp_path, capsys):
    __main__.main(["examples", str(tmp_path / "new" / "folder")])
    names = {path.name for path in (ROOT / "examples").glob("*.py")}
    copied = {path.name: path.read_text("utf-8") for path in (tmp_path / "new" / "folder").iterdir()}
    assert copied == {name: (ROOT / "examples" / name).read_text("utf-8") for name in names}
    assert {Path(line).name for line in capsys.readouterr().out.splitlines()} == names
    with pytest.raises(SystemExit, match="already exists; pass another folder"):
        __main__.main(["examples", str(tmp_path / "new" / "folder")])


@pytest.mark.subprocess
@pytest.mark.slow
def test_info_as_a_command(tmp_path):
    command = [sys.executable, "-m", "nnfw", "info"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"nnfw {__version__}, Python ")
    assert "kernels: " in done.stdout
    assert "matplotlib 3." in done.stdout


def test_a_command_is_needed(capsys):
    with pytest.raises(SystemExit):
        __main__.main([])
    assert "COMMAND" in capsys.readouterr().err

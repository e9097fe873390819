"""The examples and the README run as they stand, small, and leave the pictures that they promise."""

import ast
import contextlib
import doctest
import importlib.util
import re
import shutil
import struct
from pathlib import Path

import numpy as np
import pytest
from processes import run

from nnfw import (
    Activation,
    Callback,
    Initializer,
    Layer,
    Loss,
    Metric,
    Network,
    Optimizer,
    Regularizer,
    Schedule,
)
from nnfw.generation import generate

ROOT = Path(__file__).parent.parent
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))

# Settings that make an example small, its pictures, and the lowest and highest number that it may return.
SMALL = {
    "addition": (["--epochs=1", "--units=16"], [], -0.001, 1.0),
    "adding_problem": (["--steps=10", "--samples=200", "--epochs=2"], ["adding_problem"], 0.0, 0.5),
    "characters": (["--characters=8000", "--epochs=1"], ["characters"], -0.001, 4.0),
    "custom_parts": (["--epochs=3"], ["custom_parts"], 0.6, 1.0),
    "digits_conv": (["--epochs=2", "--seeds=2"], [], 0.8, 1.0),
    "data_parallel": (["--epochs=2"], [], 0.4, 1.0),
    "digits_dense": ([], ["digits_dense"], 0.97, 1.0),
    "from_scratch": (["--epochs=2"], [], 0.3, 1.0),
    "digits_gru": (["--epochs=2"], ["learning_curves", "confusion_matrix"], 0.6, 1.0),
    "inside_a_gru": (
        ["--steps=10", "--samples=200", "--epochs=2"],
        ["inside_a_gru_gates", "inside_a_gru_gradients", "inside_a_gru_attribution"],
        0.1,
        1.0,
    ),
    "japanese_vowels": (["--epochs=2"], ["japanese_vowels"], 0.5, 1.0),
    "missing_values": (["--epochs=3", "--seeds=2"], [], 0.2, 1.0),
    "music": (["--epochs=2", "--seeds=2"], [], 0.2, 1.0),
    "protein": (["--epochs=2", "--seeds=2"], [], 0.4, 1.0),
    "schedules": (["--epochs=2", "--samples=160"], ["schedules", "schedules_loss"], 0.05, 1.0),
    "streaming": (["--epochs=1"], ["streaming"], 0.0, 0.5),
    "sunspots": (["--epochs=3", "--seeds=2"], ["sunspots"], 0.1, 1.5),
    "el_nino": (["--epochs=2", "--seeds=1"], ["el_nino"], 0.3, 3.0),
}
PAGES = [  # those whose Python runs as it stands
    page.relative_to(ROOT).as_posix()
    for pattern in ("quickstart.md", "forecasting.md", "guide/*.md", "coming/[!i]*.md")
    for page in sorted((ROOT / "docs").glob(pattern))
]
SEEDED = [path for path in EXAMPLES if path.stem != "schedules"]


def load(path):
    """Return the example as a module, without running it."""
    if path.stem == "data_parallel":
        pytest.importorskip("mpi4py")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    if hasattr(module, "generate"):  # a tenth of what the example draws
        module.generate = lambda network, start, n, **how: generate(network, start, n // 10, **how)
    return module


def small(path, folder):
    """Return the arguments that make an example small, and write its pictures into the folder."""
    arguments, pictures, *_ = SMALL[path.stem]
    return [*arguments, *([f"--output={folder}"] if pictures else [])]


def numbers(result):
    """Return what `main` has returned as a list of numbers."""
    return list(result.values()) if isinstance(result, dict) else list(np.atleast_1d(result))


def size(picture):
    """Return the width and height of a PNG file in pixels."""
    start = picture.read_bytes()[:24]
    assert start[:8] == b"\x89PNG\r\n\x1a\n"
    return struct.unpack(">II", start[16:])


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """Stand in an empty folder, so that whatever is written without being asked for is seen."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def test_every_example_is_here():
    assert {path.stem for path in EXAMPLES} == set(SMALL)


def test_from_scratch_takes_the_six_verbs_in_under_40_lines():
    text = (ROOT / "examples" / "from_scratch.py").read_text(encoding="utf-8")
    assert len(text.splitlines()) < 40
    verbs = "compute_shapes", "initialize", "forward", "backward", "gradients", "update"
    places = [text.index(f"network.{verb}(") for verb in verbs]
    assert places == sorted(places)
    assert ".fit(" not in text


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
class TestExamples:
    def test_is_short_and_says_what_it_is(self, path):
        text = path.read_text(encoding="utf-8")
        assert len(text.splitlines()) < 70
        module = load(path)
        assert re.search(r"\d+ seconds", module.__doc__)
        assert module.main.__doc__
        assert text.endswith('\n\nif __name__ == "__main__":\n    main()\n')

    def test_helps(self, path, capsys):
        with pytest.raises(SystemExit) as done:
            load(path).main(["--help"])
        assert done.value.code == 0
        assert ("--output" in capsys.readouterr().out) == bool(SMALL[path.stem][1])

    @pytest.mark.slow
    def test_runs(self, path, tmp_path, elsewhere, capsys):
        _, pictures, lowest, highest = SMALL[path.stem]
        result = load(path).main(small(path, tmp_path))
        assert all(lowest < number <= highest for number in numbers(result))
        assert {file.stem for file in tmp_path.glob("*.png")} == set(pictures)
        for picture in tmp_path.glob("*.png"):
            assert min(size(picture)) > 300
            assert picture.stat().st_size > 5000
        assert not list(elsewhere.iterdir())
        printed = capsys.readouterr().out
        assert all(f"{number:.4f}" in printed for number in numbers(result))


class EnoughError(Exception):
    """Ends an example, of which enough has been seen."""


@pytest.mark.slow
@pytest.mark.parametrize("path", SEEDED, ids=lambda path: path.stem)
def test_another_seed_gives_another_result(path, tmp_path, monkeypatch):
    """The weights after a few samples differ, or what an example returns that takes the steps by hand."""
    fit, seen = Network.fit, []

    def few(self, x, y, **how):
        fit(self, x[:16], y[:16], **how | {"callbacks": []})
        seen.append(self.flat_params.tolist())
        raise EnoughError

    monkeypatch.setattr(Network, "fit", few)
    main = load(path).main
    for seed in (1, 2):
        with contextlib.suppress(EnoughError):
            seen.append(numbers(main([*small(path, tmp_path), "--epochs=1", f"--seed={seed}"])))
    first, second = seen
    assert first != second


@pytest.mark.slow
def test_adding_problem_draws_both_and_the_baseline(tmp_path, monkeypatch):
    module, drawn = load(ROOT / "examples" / "adding_problem.py"), []
    monkeypatch.setattr(module.plots, "lines", lambda curves, path, **how: drawn.append(curves))
    errors = module.main([*SMALL["adding_problem"][0], f"--output={tmp_path}"])
    (curves,) = drawn
    assert list(curves) == ["RNN", "GRU", "always predicting 1"]
    assert curves["always predicting 1"] == [1 / 6, 1 / 6]
    assert {name: curves[name][-1] for name in ("RNN", "GRU")} == errors


@pytest.mark.slow
def test_sunspots_shows_the_baselines(tmp_path):
    arv = load(ROOT / "examples" / "sunspots.py").main([*SMALL["sunspots"][0], f"--output={tmp_path}"])
    assert arv["persistence"] == pytest.approx(0.416, abs=5e-4)
    assert arv["autoregression(9)"] == pytest.approx(0.123, abs=2e-3)
    assert arv["autoregression(12)"] == pytest.approx(0.126, abs=2e-3)
    assert list(arv)[3:] == ["GRU, seed 0", "GRU, seed 1"]


@pytest.mark.slow
def test_streaming_is_what_predict_says(tmp_path, capsys):
    load(ROOT / "examples" / "streaming.py").main([*SMALL["streaming"][0], f"--output={tmp_path}"])
    difference = re.search(r"predict differs by at most (\S+)", capsys.readouterr().out)
    assert float(difference[1]) < 1e-6


@pytest.mark.slow
def test_characters_asks_for_the_next_one(tmp_path, monkeypatch):
    module, given = load(ROOT / "examples" / "characters.py"), []
    fit = module.Network.fit
    monkeypatch.setattr(module.Network, "fit", lambda *data, **how: given.append(data) or fit(*data, **how))
    module.main(["--characters=2000", "--epochs=1", f"--output={tmp_path}"])
    ((_, x, y),) = given
    assert x.shape == y.shape == (16, 124)
    assert (x[:, 1:] == y[:, :-1]).all()
    assert (x != y).any()


def blocks(name):
    """Return the Python of a Markdown file, block by block."""
    return re.findall(r"^```python\n(.*?)^```", (ROOT / name).read_text(encoding="utf-8"), re.M | re.S)


@pytest.mark.slow
def test_the_readme(elsewhere, capsys):
    five_lines, *others = blocks("README.md")
    names = {}
    exec(compile(five_lines, "README.md", "exec"), names)
    printed = ast.literal_eval(capsys.readouterr().out.splitlines()[-1])
    assert set(printed) == {"loss", "accuracy"}
    assert 0.9 < printed["accuracy"] <= 1
    assert 0 < printed["loss"] < 0.5
    assert len(names["history"]["loss"]) == 20
    assert [file.name for file in elsewhere.iterdir()] == ["learning_curves.png"]
    assert min(size(elsewhere / "learning_curves.png")) > 300
    for block in others:  # each with its own imports
        exec(compile(block, "README.md", "exec"), {})


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES)
def test_the_pages(page, elsewhere, monkeypatch):
    fit = Network.fit

    def few(network, *data, epochs=1, **how):
        return fit(network, *data, epochs=min(epochs, 4), **how)

    monkeypatch.setattr(Network, "fit", few)
    names, pages = {}, blocks(page)
    for block in pages:  # each goes on from those above it
        exec(compile(block, page, "exec"), names)
    assert pages


@pytest.mark.slow
@pytest.mark.subprocess
def test_parts_of_ones_own(tmp_path):
    """The classes that the docstrings of the bases show work together, by their names."""
    bases = Layer, Loss, Metric, Activation, Initializer, Regularizer, Optimizer, Schedule, Callback
    parser = doctest.DocTestParser()
    shown = [example.source for base in bases for example in parser.get_examples(base.__doc__)]
    parts = [source for source in shown if re.search("^class ", source, re.M)]
    for part, base in zip(parts, bases, strict=True):
        assert f"({base.__name__}):" in part
    head = """
from dataclasses import dataclass
import numpy as np
from nnfw import *
"""
    program = """
losses.register("quartic")(Quartic)
metrics.register("bias")(Bias)
activations.register("sine")(Sine)
initializers.register("coins")(Coins)
regularizers.register("near_one")(NearOne)
optimizers.register("heavy_ball")(HeavyBall)
schedules.register("root")(Root)
layers = [Gain(regularizer={"g": "near_one"}), Dense(4, "sine", initializer="coins"), Dense(1)]
network = Network(layers, loss="quartic", optimizer=HeavyBall(Root(0.01)), metrics=["bias"], seed=0)
network.build((3,))
before, rng = network.flat_params.copy(), np.random.default_rng(0)
x, y = 0.1 * rng.normal(size=(20, 3)), 0.1 * rng.normal(size=20)
history = network.fit(x, y, epochs=3, verbose=0, callbacks=[Patience()])
assert len(history["bias"]) == 1, history  # the callback stops it
assert (network.flat_params != before).all()
network.save("network.npz")
own = {cls.__name__: cls for cls in (Gain, Quartic, Bias, Sine, Coins, NearOne, HeavyBall, Root)}
assert (Network.load("network.npz", custom=own).predict(x) == network.predict(x)).all()
"""
    done = run("\n".join([head, *parts, program]), cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_the_page_of_pictures(elsewhere, tmp_path, monkeypatch):
    """Its blocks run, and each picture that it links is there, small, and made by its block."""
    fit = Network.fit
    monkeypatch.setattr(
        Network,
        "fit",
        lambda self, x, y, **how: fit(self, x[:60], y[:60], **how | {"epochs": 1, "verbose": 0}),
    )
    page = ROOT / "docs" / "pictures.md"
    links = re.findall(r"\]\((pictures/.*?)\)", page.read_text(encoding="utf-8"))
    (tmp_path / "pictures").mkdir()
    written = load(page.with_suffix(".py")).main(tmp_path)
    assert [path.relative_to(tmp_path).as_posix() for path in written] == links
    kept = [page.parent / link for link in links]
    assert sorted(kept) == sorted((page.parent / "pictures").iterdir())
    assert sum(path.stat().st_size for path in kept) < 600_000
    for new, old in zip(written, kept, strict=True):
        assert np.allclose(size(new), size(old), atol=12)
    assert not list(elsewhere.iterdir())


def test_the_page_of_dialects(elsewhere):
    pytest.importorskip("h5py")
    pytest.importorskip("onnx")
    shutil.copy(ROOT / "tests" / "recorded" / "keras_masked.keras", elsewhere / "model.keras")
    pages = blocks("docs/dialects.md")
    for block in pages:
        exec(compile(block, "docs/dialects.md", "exec"), {})
    assert len(pages) == 4
    assert {path.name for path in elsewhere.iterdir()} == {"model.keras", "network.onnx", "lengths.onnx"}


NEEDED = {"pandas": "pandas", "TensorBoard": "tensorboardX"}  # by a word of the block


@pytest.mark.parametrize("number", range(4))
@pytest.mark.slow
def test_neighbours(number, elsewhere):
    block = blocks("docs/neighbours.md")[number]
    for package in [name for word, name in NEEDED.items() if word in block]:
        pytest.importorskip(package)
    exec(compile(block, "docs/neighbours.md", "exec"), {})

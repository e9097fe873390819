"""Each extra installed alone in a fresh environment, and used once: ``python tests/extras.py [name ...]``.

For each a virtual environment is made, nnfw is installed into it with that extra and nothing else, and a few
lines of the public API run there, warnings as errors. It prints a line for each, and returns 1 if one failed.
``--lowest`` installs the lowest versions that pyproject.toml declares.
"""

import argparse
import subprocess
import sys
import tempfile
import textwrap
import tomllib
import venv
from pathlib import Path

ROOT = Path(__file__).parents[1]
START = f"""
from pathlib import Path
import numpy as np
import nnfw
from nnfw import GRU, Dense, Network
RECORDED = Path({str(ROOT / "tests" / "recorded")!r})
x, y = np.random.default_rng(0).normal(size=(12, 5, 3)), np.arange(12) % 2
network = Network([GRU(4, reset_after=True), Dense(2, "softmax")], loss="cce", seed=0)
network.fit(x, y, epochs=2, verbose=0)
"""
USES = {
    "": """
        network.save("network.npz")
        assert (Network.load("network.npz").predict(x) == network.predict(x)).all()
    """,
    "fast": """
        found = []
        for kernels in ("compiled", "numpy"):
            nnfw.set_kernels(kernels)
            network = Network([GRU(4, reset_after=True), Dense(2, "softmax")], loss="cce", seed=0)
            network.fit(x, y, epochs=2, verbose=0)
            found.append(network.predict(x))
        assert np.allclose(*found, atol=1e-6)
    """,
    "keras": """
        from nnfw.exchange import load_keras, network_from_keras
        network = network_from_keras(RECORDED / "keras_layers.keras")
        load_keras(network, RECORDED / "keras_layers.keras")
        recorded = np.load(RECORDED / "keras.npz")
        assert np.allclose(network.predict(recorded["layers/x"]), recorded["layers/y"], atol=1e-5)
    """,
    "mpi": """
        from nnfw.distributed import DataParallel, shard
        network.fit(*shard(x, y), callbacks=[DataParallel()], verbose=0)
    """,
    "onnx": """
        from nnfw.exchange import from_onnx, to_onnx
        to_onnx(network, "network.onnx")
        assert np.allclose(from_onnx("network.onnx").predict(x), network.predict(x), atol=1e-6)
    """,
    "safetensors": """
        from nnfw.saving import load_weights, save_weights
        save_weights(network, "weights.safetensors")
        before = network.predict(x)
        network.fit(x, y, verbose=0)
        load_weights(network, "weights.safetensors")
        assert (network.predict(x) == before).all()
    """,
    "sklearn": """
        from nnfw.sklearn import NetworkClassifier
        assert NetworkClassifier([GRU(4)], epochs=2, random_state=0).fit(x, y).predict(x).shape == (12,)
    """,
    "tensorboard": """
        from nnfw import TensorBoard
        network.fit(x, y, callbacks=[TensorBoard("logs", histograms=1)], verbose=0)
        assert next(Path("logs/train").iterdir()).stat().st_size > 1000
    """,
}


PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
OF_SEVERAL = {"all", "bench", "dev", "docs", "test"}
EXTRAS = ["", *sorted(PROJECT["optional-dependencies"].keys() - OF_SEVERAL)]


def requirements(name, lowest):
    """Return what pip installs for an extra: nnfw itself, and all that it needs."""
    if not lowest:
        return ["-e", f"{ROOT}[{name}]" if name else str(ROOT)]
    needed = PROJECT["dependencies"] + (PROJECT["optional-dependencies"][name] if name else [])
    return [*(one.replace(">=", "==") for one in needed), "-e", str(ROOT)]


def use(name, lowest):
    """Install an extra and use it; return what pip or Python said if that failed, and the versions."""
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        python = [str(Path(folder, "bin", "python"))]
        for command in (
            [*python, "-m", "pip", "install", "--quiet", "--no-compile", *requirements(name, lowest)],
            [*python, "-W", "error", "-c", START + textwrap.dedent(USES[name])],
        ):
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
            if done.returncode:
                return f"failed\n{textwrap.indent(done.stderr.strip()[-2000:], '    ')}", False
        freeze = [*python, "-m", "pip", "freeze", "--exclude-editable"]
        versions = subprocess.run(freeze, capture_output=True, text=True, check=True).stdout.split()
        return f"works, with {', '.join(versions)}", True


def main():
    """Try the extras, and return 1 if one failed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="name", help=f"of {', '.join(EXTRAS[1:])}; default all")
    parser.add_argument("--lowest", action="store_true", help="the lowest versions that are declared")
    options = parser.parse_args()
    failed = False
    for name in options.names or EXTRAS:
        said, works = use(name, options.lowest)
        failed |= not works
        print(f"{name or 'no extra'}: {said}", flush=True)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())

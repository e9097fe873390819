"""Memory: the peak of training steps and of inference, compared with PyTorch (Linux only)."""

from importlib import import_module
from pathlib import Path

from benchmarks import report
from benchmarks.measure import apart
from benchmarks.plan import PEERS, Case

LAYER = "gru_after"  # the form of PyTorch
SIZES = "64,100,64,128", "128,50,128,256"
LENGTHS = 64, 1024  # T of inference


def run(options) -> dict[str, int]:
    """Measure, and print the table."""
    calls = {f"inference of the last state, T = {T}": ("ours", f"32,{T},16,64", "forward") for T in LENGTHS}
    for size in SIZES:
        for name in ["ours", *({"pytorch"} & {*options.peers})]:
            calls[f"training step at {size}, {PEERS[name].title}"] = name, size, "step"
    held = {}
    for text, (framework, size, kind) in calls.items():
        held[text] = apart("memory.peak", 1, framework=framework, size=size, kind=kind)
    print(f"\nGRU (reset_after), memory without the imports, the data and the weights\n\n{table(held)}")
    return held


def table(held: dict[str, int]) -> str:
    """Return the measurements as a table."""
    return report.table([{"": name, "MiB": f"{count / 2**20:.1f}"} for name, count in held.items()])


def peak(framework: str, size: str, kind: str) -> int:
    """Return the peak bytes of five calls of a framework, at a size, of a kind, without data and weights."""
    build = import_module(f"benchmarks.peers.{framework}").build
    getattr(build(Case(LAYER, "2,3,4,5"), 0), kind)()  # loads kernels and lets BLAS allocate, once
    call = getattr(build(Case(LAYER, size), 0), kind)
    Path("/proc/self/clear_refs").write_text("5")  # reset the peak
    start = memory()
    for _ in range(5):
        call()
    return memory("VmHWM") - start


def memory(field: str = "VmRSS") -> int:
    """Return the bytes of memory in use or, with VmHWM, the peak."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field)) * 1024

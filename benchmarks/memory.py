"""Memory: that of inference, and of training steps beside PyTorch; for Linux."""

import argparse
from importlib import import_module

from benchmarks import report
from benchmarks.cases import Case
from benchmarks.measure import apart, memory, reset_peak
from benchmarks.peers import PEERS

LAYER = "gru_after"  # the form that PyTorch has too
SIZES = "64,100,64,128", "128,50,128,256"
LENGTHS = 64, 1024  # T of inference


def run(options: argparse.Namespace) -> None:
    """Measure, and report it as a table and JSON."""
    held: dict[str, int] = {}
    for T in LENGTHS:
        call = {"framework": "ours", "size": f"32,{T},16,64", "kind": "forward"}
        held[f"inference of the last state, T = {T}"] = apart("memory.peak", 1, **call)
    for size in SIZES:
        for name in ["ours", *(name for name in options.peers if name == "pytorch")]:
            call = {"framework": name, "size": size, "kind": "step"}
            held[f"training step at {size}, {PEERS[name].title}"] = apart("memory.peak", 1, **call)
    print(f"\nGRU (reset_after), memory beside the imports, the data and the weights\n\n{table(held)}")
    report.save("memory", options, held)


def table(held: dict[str, int]) -> str:
    """Return the numbers as a table."""
    return report.table(["", "MiB"], [[name, f"{count / 2**20:.1f}"] for name, count in held.items()])


def peak(framework: str, size: str, kind: str) -> int:
    """Return the bytes that five calls need beside the data and the weights."""
    build = import_module(f"benchmarks.peers.{framework}").build
    getattr(
        build(Case(LAYER, "2,3,4,5"), 0), kind
    )()  # kernels are loaded, and BLAS allocates, once and for all
    call = getattr(build(Case(LAYER, size), 0), kind)
    start = reset_peak()
    for _ in range(5):
        call()
    return memory("VmHWM") - start

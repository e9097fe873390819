"""How much memory a process holds, and held at most.

On Linux from /proc, where the peak can be set back; elsewhere the peak of the whole process must do.
"""

import sys
from pathlib import Path

STATUS, RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def reset_peak() -> int:
    """Start to watch: return the bytes held now, and forget any higher peak."""
    if not STATUS.exists():
        return peak()
    RESET.write_text("5")
    return held()


def held() -> int:
    """Return the bytes held now."""
    return _status("VmRSS") if STATUS.exists() else peak()


def peak() -> int:
    """Return the most bytes held since `reset_peak`."""
    if STATUS.exists():
        return _status("VmHWM")
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def _status(field: str) -> int:
    """Return a field of /proc/self/status in bytes."""
    line = next(line for line in STATUS.read_text().splitlines() if line.startswith(field))
    return int(line.split()[1]) * 1024

"""The memory that a call takes."""

import tracemalloc


def peak(function, *args):
    """Return the most bytes that a call has allocated at a time."""
    tracemalloc.start()
    try:
        function(*args)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

"""TensorBoard: the numbers of each epoch, and histograms of weights and gradients, through tensorboardX."""

import os
import struct
import time
from typing import Any

import numpy as np

from nnfw.core.extras import extra
from nnfw.core.typing import FilePath
from nnfw.core.validation import file_path, optional, positive_integer
from nnfw.training.callbacks import Callback
from nnfw.training.run import Run

SIZES = np.geomspace(1e-12, 1e39, 1200)
BINS = np.concatenate([-SIZES[::-1], [0.0], SIZES])  # the same for all epochs; widths are a tenth of the size


class TensorBoard(Callback):
    """Write logs for ``tensorboard --logdir folder``; requires the extra ``tensorboard``.

    Training numbers are logged as the run ``train``, validation numbers as the run ``validation``, so that
    one chart shows both; the step is the epoch. Logs of an earlier fit in the same folder are hidden from the
    first epoch of this fit on: a new network replaces them, and a resumed fit continues them.

    Parameters
    ----------
    folder : str or path
        The folder for the files; each network needs its own.
    histograms : int, optional
        Epochs between histograms of all weights and of the gradients of the last batch; by default none.

    Examples
    --------
    >>> TensorBoard("logs/small", histograms=5)
    TensorBoard('logs/small', histograms=5)
    """

    writes = True

    def __init__(self, folder: FilePath, histograms: int | None = None) -> None:
        file_path("TensorBoard", "folder", folder)
        self.folder = folder
        self.histograms = optional(positive_integer)("TensorBoard", "histograms", histograms)

    def on_fit_start(self, run: Run) -> None:
        """Name the files of the fit, and fail immediately if the package is missing."""
        package("summary")
        self._name = f"events.out.tfevents.{time.time_ns()}"  # TensorBoard reads a folder's files in order

    def on_epoch_end(self, run: Run) -> None:
        """Write the numbers of the epoch, and the histograms if they are due."""
        summary = package("summary")
        parts: dict[str, list[Any]] = {"train": [], "validation": []}
        for name, value in run.logs.items():
            part = "validation" if name.startswith("val_") else "train"
            parts[part].append(summary.scalar(name.removeprefix("val_"), value))
        if self.histograms is not None and run.epoch % self.histograms == 0:
            for kind, arrays in {"weights": run.network.params, "gradients": run.network.grads}.items():
                for name, array in arrays.items():
                    parts["train"].append(summary.histogram(f"{kind}/{name}", array, BINS))
        for part, found in parts.items():
            if found:
                self._write(part, run.epoch, found)

    def _write(self, part: str, epoch: int, summaries: list[Any]) -> None:
        """Append events to the file of a part; a new one begins with where what was written before ends."""
        events = package("proto.event_pb2")
        path = os.path.join(file_path("TensorBoard", "folder", self.folder), part, self._name)
        written = [events.Event(step=epoch, wall_time=time.time(), summary=one) for one in summaries]
        if not os.path.exists(path):
            os.makedirs(os.path.dirname(path), exist_ok=True)
            start = events.SessionLog(status=events.SessionLog.START)
            begun = events.Event(step=epoch, session_log=start)
            written = [events.Event(file_version="brain.Event:2"), begun, *written]
        with open(path, "ab") as file:  # closed between epochs, whatever ends the fit
            file.writelines(record(event.SerializeToString()) for event in written)


def record(data: bytes) -> bytes:
    """Return one record of a TensorBoard file: the length and the content, each with its checksum."""
    length, checksum = struct.pack("<Q", len(data)), package("record_writer").masked_crc32c
    return b"".join([length, struct.pack("<I", checksum(length)), data, struct.pack("<I", checksum(data))])


def package(module: str) -> Any:
    """Return a module of the package that creates the contents of the files."""
    return extra(f"tensorboardX.{module}", "tensorboard", "TensorBoard's files are written")

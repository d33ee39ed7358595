"""What a running training tells: progress bar, one line a validation, log.jsonl, TensorBoard."""

from __future__ import annotations

import importlib.util
import json
import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from torch import Tensor

from kinelex.atomic import atomic_path
from kinelex.errors import KinelexError
from kinelex.progress import progress_bar

LOG = "log.jsonl"


class Monitor:
    """Reports of one stage; silent in every process but the first.

    Losses are summed on the device and read only when they are reported, as reading waits for the device.

    Args:
        name: of the stage.
        folder: where log.jsonl and the TensorBoard events go.
        total: steps of the stage.
        done: steps taken before; later entries of the log are dropped, they will be made again.
        active: whether this process reports.
    """

    def __init__(self, name: str, folder: Path, total: int, done: int, *, active: bool) -> None:
        self.name, self.path, self.total, self.active = name, folder / LOG, total, active
        self.sums: dict[str, Tensor] = {}
        self.count = 0
        self.since = time.monotonic()
        self.console = Console(stderr=True, highlight=False)
        if active:
            _drop_later_entries(self.path, done)
            self.board = _summary_writer(folder, done, self.console)
            self.bar = progress_bar()
            self.task = self.bar.add_task(name, total=total, completed=done)
            self.bar.start()

    def add(self, losses: Mapping[str, Tensor]) -> None:
        """Count one step."""
        self.count += 1
        for name, value in losses.items():
            value = value.detach().float()
            self.sums[name] = self.sums[name] + value if name in self.sums else value.clone()

    def report(self, step: int, rate: float) -> None:
        """Means since the last report.

        Raises:
            KinelexError: the loss is no finite number.
        """
        if self.count == 0:
            return
        stacked = torch.stack(list(self.sums.values())) / self.count
        means = dict(zip(self.sums, stacked.tolist(), strict=True))
        seconds = (time.monotonic() - self.since) / self.count
        self.sums, self.count, self.since = {}, 0, time.monotonic()
        if not math.isfinite(means["loss"]):
            raise KinelexError(
                f"the loss of stage {self.name} is {means['loss']} at step {step}; lower {self.name}.train.lr"
            )
        self._write(step, "train", {**means, "lr": rate, "seconds_per_step": seconds})
        if self.active:
            self.bar.update(self.task, completed=step, description=f"{self.name} loss {means['loss']:.4f}")

    def validated(self, step: int, metrics: Mapping[str, float]) -> None:
        """Results of a validation, also as a line for the reader."""
        self._write(step, "val", metrics)
        if self.active:
            values = "  ".join(f"{name} {value:.4g}" for name, value in metrics.items())
            self.console.print(f"{self.name} step {step}/{self.total}  {values}")
        self.since = time.monotonic()

    def close(self) -> None:
        """Stop the bar and flush the files."""
        if self.active:
            self.bar.stop()
            if self.board is not None:
                self.board.close()

    def _write(self, step: int, kind: str, values: Mapping[str, float]) -> None:
        if not self.active:
            return
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"step": step, "kind": kind, **values}) + "\n")
        if self.board is not None:
            for name, value in values.items():
                self.board.add_scalar(f"{self.name}/{kind}/{name}", value, step)


def _summary_writer(folder: Path, done: int, console: Console) -> Any:
    """TensorBoard's writer, or None with a notice when the extra is not installed."""
    if importlib.util.find_spec("tensorboard") is None:
        console.print(f'no TensorBoard curves, only {folder / LOG}: pip install "kinelex[train]" adds them')
        return None
    from torch.utils.tensorboard import SummaryWriter

    return SummaryWriter(str(folder / "tensorboard"), purge_step=done + 1)


def _drop_later_entries(path: Path, done: int) -> None:
    """Forget what was logged after the checkpoint from which the training goes on."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.is_file():
        return
    # A killed run may leave half a line at the end; it is of a step that is done again.
    complete = [
        line for line in path.read_text(encoding="utf-8").splitlines(keepends=True) if line.endswith("}\n")
    ]
    with atomic_path(path) as temporary:
        temporary.write_text(
            "".join(line for line in complete if json.loads(line)["step"] <= done), encoding="utf-8"
        )

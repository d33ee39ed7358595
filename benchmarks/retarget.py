"""Throughput of reading and retargeting BVH on one thread: `python benchmarks/retarget.py`.

The recorded walk of each skeleton in tests/data/clips, its motion repeated to 6,000 frames. The baseline, in the
same run, is upc-pymotion on the same file: its reader gives the same quaternions, its forward kinematics every
joint of the source (without finding the 22 joints, the resampling and the floor that retargeting adds).
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from pymotion.io.bvh import BVH
from pymotion.ops.skeleton import fk
from rich.console import Console
from rich.table import Table

from kinelex.motion.formats.bvh import read_bvh
from kinelex.motion.motion import Motion
from kinelex.motion.retarget import retarget

CLIPS = Path(__file__).parents[1] / "tests" / "data" / "clips"
SOURCES = ("bandai_walk_normal", "cmu_mb_08_05", "cmu_daz_06_02", "cmu_max_131_01")


@dataclass(frozen=True)
class Rates:
    """Frames a second of our reader and retargeting, of the baseline's reader and kinematics, and of both steps."""

    read: float
    retarget: float
    baseline_read: float
    baseline_kinematics: float
    file_to_clip: float


def long_file(source: Path, frames: int, folder: Path) -> Path:
    """A copy of a BVH file whose motion is repeated until it has `frames` frames."""
    hierarchy, motion = source.read_text().split("MOTION")
    _, rate, *rows = motion.strip().splitlines()
    repeated = [rows[frame % len(rows)] for frame in range(frames)]
    target = folder / source.name
    target.write_text("\n".join((hierarchy + "MOTION", f"Frames: {frames}", rate, *repeated, "")))
    return target


def seconds(task: Callable[[], object], runs: int) -> float:
    """Best of several runs after a warm-up."""
    task()
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        task()
        times.append(time.perf_counter() - start)
    return min(times)


def baseline_reading(path: Path) -> tuple:
    """Quaternions, positions, parents and offsets by upc-pymotion."""
    file = BVH()
    file.load(str(path))
    return file.get_data()


def measure(path: Path, frames: int, runs: int) -> Rates:
    """Frames a second of every step for one file."""
    animation = read_bvh(path)
    rotations, positions, parents, offsets, *_ = baseline_reading(path)
    steps = (
        lambda: read_bvh(path),
        lambda: retarget(animation),
        lambda: baseline_reading(path),
        lambda: fk(rotations, positions[:, 0], offsets, parents),
        lambda: Motion.load(path),
    )
    return Rates(*(frames / seconds(step, runs) for step in steps))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--frames", type=int, default=6000, help="frames of a file (default: 6000)")
    parser.add_argument("--runs", type=int, default=3, help="the best of so many runs counts (default: 3)")
    options = parser.parse_args()
    torch.set_num_threads(1)
    table = Table(
        "frames a second", "read", "times pymotion", "retarget", "times its kinematics", "file to 20 fps clip"
    )
    with TemporaryDirectory() as folder:
        for name in SOURCES:
            path = long_file(CLIPS / f"{name}.bvh", options.frames, Path(folder))
            rates = measure(path, options.frames, options.runs)
            table.add_row(
                name, f"{rates.read:,.0f}", f"{rates.read / rates.baseline_read:.1f} x",
                f"{rates.retarget:,.0f}", f"{rates.retarget / rates.baseline_kinematics:.1f} x",
                f"{rates.file_to_clip:,.0f}",
            )  # fmt: skip
    Console().print(table)


if __name__ == "__main__":
    main()

"""Time of features, both ways, for 170-frame clips on one thread: `python benchmarks/features.py`.

The published HumanML3D code takes 17 ms for such a clip (one core of a 2-core machine, one clip at a time).
"""

from __future__ import annotations

import time
from collections.abc import Callable

import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor

from kinelex.motion.features import joints_from_features, mirror_features, process_joints
from kinelex.motion.foot_lock import lock_feet
from kinelex.motion.skeleton import HUMANML3D

FRAMES, PUBLISHED_MS = 170, 17.0


def clips(batch: int) -> Tensor:
    """(batch, 170, 22, 3) a jittered figure; the time does not depend on what it does."""
    generator = torch.Generator().manual_seed(0)
    pose = torch.zeros(len(HUMANML3D), 3)
    for joint, parent in enumerate(HUMANML3D.parents[1:], start=1):
        pose[joint] = pose[parent] + HUMANML3D.offset_tensor()[joint]
    return pose + 0.02 * torch.randn(batch, FRAMES, *pose.shape, generator=generator)


def milliseconds(task: Callable[[], object]) -> float:
    """Best of seven runs after a warm-up."""
    task()
    times = []
    for _ in range(7):
        start = time.perf_counter()
        task()
        times.append(time.perf_counter() - start)
    return 1000 * min(times)


def main() -> None:
    torch.set_num_threads(1)
    table = Table("ms a clip", "1 clip", "batch of 8", "batch of 64", "published / ours")
    joints = {batch: clips(batch) for batch in (1, 8, 64)}
    features = {batch: process_joints(clip, HUMANML3D) for batch, clip in joints.items()}
    tasks: dict[str, Callable[[int], object]] = {
        "raw joints to features": lambda batch: process_joints(joints[batch], HUMANML3D),
        "features to joints, positions": lambda batch: joints_from_features(features[batch], HUMANML3D),
        "features to joints, rotations": lambda batch: joints_from_features(
            features[batch], HUMANML3D, "rotations"
        ),
        "mirrored features": lambda batch: mirror_features(features[batch], HUMANML3D),
        "foot lock": lambda batch: lock_feet(joints[batch], HUMANML3D.fps, HUMANML3D),
    }
    for name, task in tasks.items():
        spent = [milliseconds(lambda batch=batch, task=task: task(batch)) / batch for batch in joints]
        faster = f"{PUBLISHED_MS / spent[-1]:.1f} x" if name == "raw joints to features" else ""
        table.add_row(name, *(f"{value:.2f}" for value in spent), faster)
    Console().print(table)


if __name__ == "__main__":
    main()

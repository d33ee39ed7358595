"""The joints of a motion file, and in which frames they can be trusted: glitches are found, short ones bridged."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kinelex.data.store_writer import Skipped
from kinelex.data.takes import PrepareOptions, Take, TakeResult
from kinelex.errors import KinelexError
from kinelex.motion.formats import read_animation, read_motion
from kinelex.motion.resample import resample_animation, resample_joints
from kinelex.motion.retarget import retarget
from kinelex.motion.skeleton import HUMANML3D

# Between two glitches closer than this the pose is not trusted either: a leg flips over and back.
_FLIP_SECONDS = 0.3
# Shorter glitches are bridged: the joints go straight from the last sound pose to the next.
_BRIDGED_SECONDS = 0.25


def read_joints(take: Take, options: PrepareOptions) -> tuple[Tensor, NDArray[np.bool_]]:
    """Joints (T, 22, 3) at the skeleton's rate from the first row on, and which frames are sound (T,)."""
    if take.path.suffix.lower() in (".npy", ".npz"):
        return _joints_of_arrays(take, options)
    animation = read_animation(take.path, asf=take.asf)
    if take.fps is not None:
        animation = replace(animation, fps=take.fps)
    if take.first_row >= len(animation):
        raise KinelexError(f"{take.file} has {len(animation)} rows, of which none is motion")
    animation = animation.frames(take.first_row, len(animation))
    fps = HUMANML3D.fps
    joints = retarget(resample_animation(animation, fps))
    good = _sound_frames(retarget(animation), animation.fps, len(joints), fps, options.max_speed)
    good[: round(take.settle * fps)] = False
    return joints, good


def _joints_of_arrays(take: Take, options: PrepareOptions) -> tuple[Tensor, NDArray[np.bool_]]:
    motion = read_motion(take.path)
    if motion.skeleton.name != HUMANML3D.name:
        raise KinelexError(f"{take.file} has the joints of {motion.skeleton.name}; give those of humanml3d")
    fps = HUMANML3D.fps
    raw = torch.from_numpy(np.array(motion.positions))
    joints = resample_joints(raw, motion.fps, fps)
    return joints, _sound_frames(raw, motion.fps, len(joints), fps, options.max_speed)


def _sound_frames(
    joints: Tensor, fps: float, frames: int, target_fps: float, max_speed: float
) -> NDArray[np.bool_]:
    """(frames,) False around source frames where a joint jumps, and between a jump and the jump back."""
    good = np.ones(frames, dtype=bool)
    if len(joints) < 2:
        return good
    speed = (joints[1:] - joints[:-1]).norm(dim=-1).amax(-1) * fps
    jumps = (speed > max_speed).nonzero()[:, 0].numpy() / fps
    for start, stop in _merged(jumps, _FLIP_SECONDS):
        first, last = int(np.floor(start * target_fps)), int(np.ceil(stop * target_fps)) + 1
        good[max(first, 0) : last + 1] = False
    return good


def _merged(times: NDArray[np.float64], gap: float) -> list[tuple[float, float]]:
    """Times closer than `gap` as one interval."""
    if not len(times):
        return []
    breaks = np.flatnonzero(np.diff(times) > gap)
    starts = times[np.concatenate([[0], breaks + 1])]
    stops = times[np.concatenate([breaks, [len(times) - 1]])]
    return [(float(start), float(stop)) for start, stop in zip(starts, stops, strict=True)]


def report_glitches(take: Take, good: NDArray[np.bool_], options: PrepareOptions, result: TakeResult) -> None:
    """Say how many frames are left out or bridged, where there are any."""
    settled = round(take.settle * HUMANML3D.fps)
    bad = [run[1] - run[0] for run in runs_of(~good[settled:])]
    bridged = sum(frames for frames in bad if frames <= _BRIDGED_SECONDS * HUMANML3D.fps)
    if bad:
        reason = (
            f"a joint is faster than {options.max_speed:g} m/s: {sum(bad) - bridged} frames left out, "
            f"{bridged} bridged from the pose before to the pose after"
        )
        result.skipped.append(Skipped(take.file, "glitches", reason))


def bridge(joints: Tensor, good: NDArray[np.bool_]) -> None:
    """Fill short runs of bad frames between good ones, in place."""
    for start, stop in runs_of(~good):
        inside = start > 0 and stop < len(good)
        if inside and stop - start <= _BRIDGED_SECONDS * HUMANML3D.fps:
            weight = torch.linspace(0, 1, stop - start + 2)[1:-1].view(-1, 1, 1)
            joints[start:stop] = torch.lerp(joints[start - 1], joints[stop], weight)
            good[start:stop] = True


def runs_of(mask: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """First frame and the frame after the last of every run of True in (T,)."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], mask.astype(np.int8), [0]])))
    return [(int(start), int(stop)) for start, stop in zip(edges[::2], edges[1::2], strict=True)]

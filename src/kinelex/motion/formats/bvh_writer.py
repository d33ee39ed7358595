"""Write BVH: the rig's T-pose as HIERARCHY, Zrotation Xrotation Yrotation channels, continuous over time."""

from __future__ import annotations

import os

import numpy as np
import roma
import torch
from numpy.typing import NDArray
from torch import Tensor

from kinelex.atomic import atomic_path
from kinelex.errors import KinelexError
from kinelex.motion.motion import Motion
from kinelex.motion.rig import Rig, check_body, rig_from_motion

UNITS = {"m": 1.0, "cm": 100.0}
_ROTATIONS = "Zrotation Xrotation Yrotation"
_DECIMALS = "%.6f"


def write_bvh(motion: Motion, path: str | os.PathLike[str], *, names: str = "smpl", unit: str = "m") -> None:
    """Write a clip as a BVH file that faces +Z, Y up, resting in a T-pose.

    The root's OFFSET is zero, so that readers that add its position channels to it agree with readers that
    replace it by them.

    Args:
        names: joint-name preset, a key of `rig.NAME_PRESETS`.
        unit: "m" or "cm".

    Raises:
        KinelexError: unknown preset or unit, joints that are no body, or the file cannot be written.
    """
    if unit not in UNITS:
        raise KinelexError(f"unknown unit {unit!r}; choose one of {', '.join(UNITS)}")
    try:
        rig = rig_from_motion(motion, names)
        check_body(rig)
    except KinelexError as error:
        raise KinelexError(f"cannot write {path}: {error}") from error
    order: list[int] = []
    hierarchy = "\n".join(["HIERARCHY", *_joint_lines(rig, 0, UNITS[unit], order), "MOTION"])
    angles = continuous_zxy(rig.animation.rotations[:, order])
    root = rig.animation.translations[:, 0].double().numpy() * UNITS[unit]
    rows = np.concatenate((root, angles.reshape(len(motion), -1)), axis=1)
    with atomic_path(path) as temporary, temporary.open("w", encoding="ascii", newline="\n") as file:
        file.write(f"{hierarchy}\nFrames: {len(motion)}\nFrame Time: {1 / motion.fps!r}\n")
        np.savetxt(file, rows, fmt=_DECIMALS)


def _joint_lines(rig: Rig, joint: int, scale: float, order: list[int], depth: int = 0) -> list[str]:
    """Lines of a joint and all below it; appends the joints to `order`, the order of the file's channels."""
    order.append(joint)
    animation, children = rig.animation, rig.skeleton.children[joint]
    offset = torch.zeros(3) if depth == 0 else animation.offsets[joint]
    position = "Xposition Yposition Zposition " if depth == 0 else ""
    inside = [
        _offset_line(offset, scale),
        f"CHANNELS {6 if depth == 0 else 3} {position}{_ROTATIONS}",
    ]
    for child in children:
        inside += _joint_lines(rig, child, scale, order, depth + 1)
    if not children:
        inside += ["End Site", "{", f"\t{_offset_line(rig.tips()[joint], scale)}", "}"]
    head = f"{'ROOT' if depth == 0 else 'JOINT'} {animation.names[joint]}"
    return [head, "{", *(f"\t{line}" for line in inside), "}"]


def _offset_line(offset: Tensor, scale: float) -> str:
    return "OFFSET " + " ".join(_DECIMALS % (value * scale + 0.0) for value in offset.tolist())


def continuous_zxy(quaternions: Tensor) -> NDArray[np.float64]:
    """(T, J, 4) unit quaternions -> (T, J, 3) degrees of Rz Rx Ry without jumps from frame to frame.

    Every rotation has two triples, (z, x, y) and (z + 180, 180 - x, y + 180), each up to full turns. A step
    changes from one to the other where that is the shorter way; as both triples move equally far in a step,
    this depends only on the step, not on which of the two came before. Next to x = 90 degrees z and y may
    still turn fast, in opposite directions: no Euler order is free of that.
    """
    matrix = roma.unitquat_to_rotmat(torch.nn.functional.normalize(quaternions.double(), dim=-1)).numpy()
    z = np.arctan2(-matrix[..., 0, 1], matrix[..., 1, 1])
    x = np.arctan2(matrix[..., 2, 1], np.hypot(matrix[..., 2, 0], matrix[..., 2, 2]))
    # Given z, this y is exact also in gimbal lock, where z itself is arbitrary.
    sine, cosine = np.sin(z), np.cos(z)
    y = np.arctan2(
        cosine * matrix[..., 0, 2] + sine * matrix[..., 1, 2],
        cosine * matrix[..., 0, 0] + sine * matrix[..., 1, 0],
    )
    first = np.degrees(np.stack((z, x, y), axis=-1))
    second = np.stack((first[..., 0] + 180, 180 - first[..., 1], first[..., 2] + 180), axis=-1)
    switch = _turn(second[1:], first[:-1]) < _turn(first[1:], first[:-1])
    switched = (
        np.concatenate((np.zeros_like(switch[:1], shape=(1, *switch.shape[1:])), switch)).cumsum(axis=0) % 2
    )
    return np.unwrap(np.where(switched[..., None] == 1, second, first), axis=0, period=360.0)


def _turn(after: NDArray[np.float64], before: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sum of the squares of three angle differences, each taken the short way round."""
    difference = np.remainder(after - before + 180, 360) - 180
    return np.square(difference).sum(axis=-1)

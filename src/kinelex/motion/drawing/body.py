"""A body around the joints: tapered limbs with round ends, so that a pose looks like a person, not a wire."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from kinelex.errors import KinelexError
from kinelex.motion.drawing import Floats
from kinelex.motion.skeleton import HUMANML3D, KIT, Skeleton

# What a skeleton calls the joints that the body is hung on; sides are prefixed left_ and right_.
_TRUNK = {
    HUMANML3D.name: {
        "pelvis": "pelvis",
        "belly": "spine2",
        "chest": "spine3",
        "neck": "neck",
        "head": "head",
    },
    KIT.name: {"pelvis": "pelvis", "belly": "spine1", "chest": "spine2", "neck": "neck", "head": "head"},
}
_SIDE = ("hip", "knee", "ankle", "foot", "shoulder", "elbow", "wrist")
_FARTHEST = 10_000.0  # metres
_LEG = 0.84  # metres, hip to ankle, of the adult whose thicknesses are below

TRUNK, LEFT, RIGHT, HEAD = range(4)  # paints

# start, end, radius at the start, radius at the end (metres)
_TRUNK_LIMBS = (
    ("left_seat", "right_seat", 0.088, 0.088),
    ("pelvis", "belly", 0.105, 0.098),
    ("belly", "chest", 0.098, 0.102),
    ("belly", "left_rib", 0.088, 0.090),
    ("belly", "right_rib", 0.088, 0.090),
    ("left_rib", "right_rib", 0.090, 0.090),
    ("chest", "neck", 0.094, 0.064),
    ("neck", "head", 0.058, 0.055),
)
_SIDE_LIMBS = (
    ("rib", "shoulder", 0.074, 0.060),
    ("shoulder", "elbow", 0.056, 0.043),
    ("elbow", "wrist", 0.042, 0.030),
    ("wrist", "hand", 0.034, 0.030),
    ("hip", "knee", 0.088, 0.060),
    ("knee", "ankle", 0.058, 0.040),
    ("heel", "foot", 0.040, 0.034),
    ("foot", "toe", 0.034, 0.026),
)
_HEAD_LIMB = ("jaw", "crown", 0.078, 0.098)


@dataclass(frozen=True)
class Body:
    """A clip as limbs: each a ball swept from a start to an end while its radius changes.

    Attributes:
        starts, ends: (T, P, 3) metres, world.
        start_radii, end_radii: (P,) metres.
        paints: P of TRUNK, LEFT, RIGHT, HEAD.
        faces: (T, 3) unit, where the head looks.
        hands_and_feet: (T, 4, 3) left hand, right hand, left foot, right foot.
        roots: (T, 3) the root joint.
        floor: height of the floor, a sole's thickness below the lowest quiet joint.
    """

    starts: Floats
    ends: Floats
    start_radii: Floats
    end_radii: Floats
    paints: tuple[int, ...]
    faces: Floats
    hands_and_feet: Floats
    roots: Floats
    floor: float

    def __len__(self) -> int:
        return len(self.starts)


def body_of(positions: Floats, skeleton: Skeleton) -> Body:
    """The body of joints (T, J, 3).

    Raises:
        KinelexError: the joints are farther away than any person walks, so they are not metres.
    """
    reach = float(np.abs(positions).max())
    if reach > _FARTHEST:
        raise KinelexError(f"joints reach {reach:.3g} m from the origin; give metres, at most {_FARTHEST:g}")
    points = _points(positions, skeleton)
    scale = _scale(points)
    _add_trunk(points, scale)
    for side in ("left", "right"):
        _add_side(points, side, scale)
    limbs = [(*limb, TRUNK) for limb in _TRUNK_LIMBS] + [(*_HEAD_LIMB, HEAD)]
    for side, paint in (("left", LEFT), ("right", RIGHT)):
        limbs += [(f"{side}_{start}", f"{side}_{end}", *radii, paint) for start, end, *radii in _SIDE_LIMBS]
    starts, ends, start_radii, end_radii, paints = zip(*limbs, strict=True)
    return Body(
        starts=np.stack([points[name] for name in starts], axis=1),
        ends=np.stack([points[name] for name in ends], axis=1),
        start_radii=np.array(start_radii, dtype=np.float32) * scale,
        end_radii=np.array(end_radii, dtype=np.float32) * scale,
        paints=paints,
        faces=points["face"],
        hands_and_feet=np.stack(
            [points[name] for name in ("left_hand", "right_hand", "left_foot", "right_foot")], axis=1
        ),
        roots=positions[:, 0],
        floor=min(0.0, float(np.quantile(positions[..., 1].min(axis=1), 0.05))) - 0.02 * scale,
    )


def _points(positions: Floats, skeleton: Skeleton) -> dict[str, Floats]:
    names = dict(_TRUNK[skeleton.name]) | {f"{s}_{j}": f"{s}_{j}" for s in ("left", "right") for j in _SIDE}
    return {point: positions[:, skeleton.index(joint)] for point, joint in names.items()}


def _scale(points: dict[str, Floats]) -> float:
    chain = [points[f"left_{joint}"] for joint in ("hip", "knee", "ankle")]
    length = sum(np.median(np.linalg.norm(b - a, axis=-1)) for a, b in pairwise(chain))
    return float(max(length, 0.05) / _LEG)


def _add_trunk(points: dict[str, Floats], scale: float) -> None:
    across = _unit(points["left_shoulder"] - points["right_shoulder"])
    up = _unit(points["neck"] - points["belly"])
    head_up = _unit(_unit(points["head"] - points["neck"]) + up)
    face = _unit(np.cross(across, head_up))
    points["face"] = face
    points["jaw"] = points["head"] + scale * (0.035 * head_up + 0.035 * face)
    points["crown"] = points["head"] + scale * (0.105 * head_up + 0.015 * face)
    middle = (points["left_hip"] + points["right_hip"]) / 2
    for side in ("left", "right"):
        points[f"{side}_rib"] = _between(points["chest"], points[f"{side}_shoulder"], 0.55)
        points[f"{side}_seat"] = _between(middle, points[f"{side}_hip"], 0.9)


def _add_side(points: dict[str, Floats], side: str, scale: float) -> None:
    elbow, wrist = points[f"{side}_elbow"], points[f"{side}_wrist"]
    points[f"{side}_hand"] = wrist + 0.10 * scale * _unit(wrist - elbow)
    ankle, foot = points[f"{side}_ankle"], points[f"{side}_foot"]
    shin = _unit(ankle - points[f"{side}_knee"])
    forward = foot - ankle
    forward = _unit(forward - 0.7 * (forward * shin).sum(-1, keepdims=True) * shin)
    points[f"{side}_heel"] = ankle + scale * (0.018 * shin - 0.035 * forward)
    points[f"{side}_toe"] = foot + 0.055 * scale * forward


def _between(a: Floats, b: Floats, share: float) -> Floats:
    return a + np.float32(share) * (b - a)


def _unit(vectors: Floats) -> Floats:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), np.float32(1e-6))

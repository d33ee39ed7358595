"""The T-pose that a rig rests in: arms along X, legs down, facing +Z, with the clip's bone lengths."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from kinelex.motion.closest_rotation import closest_rotations
from kinelex.motion.skeleton import Skeleton

# Where a bone points in the T-pose, by the joint at its end; of the left side, which is +X. The head joint
# lies ahead of the neck and the ball of the foot below the ankle: leaning by that much, the head is level and
# the foot flat.
_DIRECTIONS = {
    "spine1": (0.0, 1.0, -0.15),
    "spine2": (0.0, 1.0, 0.0),
    "spine3": (0.0, 1.0, 0.0),
    "neck": (0.0, 1.0, -0.1),
    "head": (0.0, 0.94, 0.34),
    "hip": (0.6, -0.8, -0.1),
    "knee": (0.0, -1.0, 0.0),
    "ankle": (0.0, -1.0, 0.0),
    "heel": (0.0, -0.4, 0.92),
    "foot": (0.0, -0.4, 0.92),
    "collar": (0.5, 0.85, -0.1),
    "shoulder": (1.0, 0.0, 0.0),
    "elbow": (1.0, 0.0, 0.0),
    "wrist": (1.0, 0.0, 0.0),
}
_SHAPE_ROUNDS = 3
# In clips from skeletons with a joint between pelvis and spine1, that bone swings against the hips. The
# pelvis then keeps rather to the hips, as feet slide when these are off; spine1 still decides how far it
# leans where the hips lie in one line with it and cannot.
_SPINE_WEIGHT = 0.3


def side_and_part(joint: str) -> tuple[str, str]:
    """("left", "knee") of "left_knee"; ("", "neck") of "neck"."""
    side, _, part = joint.rpartition("_")
    return side, part


def rest_directions(skeleton: Skeleton) -> Tensor:
    """(J, 3) float64 unit vectors, parent to joint, of an average body's T-pose; zero for the root."""
    rows = torch.zeros(len(skeleton), 3, dtype=torch.float64)
    for joint, parent in enumerate(skeleton.parents):
        if parent < 0:
            continue
        side, part = side_and_part(skeleton.joints[joint])
        x, y, z = _DIRECTIONS[part]
        if skeleton.joints[parent].endswith("_heel"):
            y = 0.0
        rows[joint] = torch.tensor((-x if side == "right" else x, y, z), dtype=torch.float64)
    return torch.nn.functional.normalize(rows, dim=-1)


def rest_offsets(positions: Tensor, skeleton: Skeleton) -> Tensor:
    """(..., J, 3) float64 T-pose offsets, parent to joint, with the median bone lengths of each clip.

    Where several bones leave one joint (pelvis, chest), the angles between them are the clip's own, as the
    joint's one rotation cannot change them: the mean shape of the bundle, turned as a whole to the T-pose.

    Args:
        positions: (..., T, J, 3) float64 joint positions in metres.
    """
    bones = positions - positions[..., [max(parent, 0) for parent in skeleton.parents], :]
    lengths = bones.norm(dim=-1).median(dim=-2).values
    offsets = rest_directions(skeleton).to(lengths) * lengths.unsqueeze(-1)
    for bundles in bundles_of(skeleton):
        shapes = _bundle_shape(bundles.bones(positions), bundles.members(offsets), bundles.weights)
        offsets[..., bundles.ends, :] = shapes.flatten(-3, -2)
    return offsets


@dataclass(frozen=True)
class Bundles:
    """The K joints of a skeleton that N bones each leave.

    Attributes:
        starts: K joints.
        children: K times N joints at the ends of their bones.
        weights: (K, N) how much each bone decides its joint's rotation.
    """

    starts: list[int]
    children: list[list[int]]
    weights: Tensor

    @property
    def ends(self) -> list[int]:
        """The K * N joints at the ends of the bones."""
        return [child for children in self.children for child in children]

    def members(self, values: Tensor) -> Tensor:
        """(..., K, N, C) what belongs to the bones, of values (..., J, C) of the joints at their ends."""
        return values[..., self.ends, :].unflatten(-2, (len(self.starts), -1))

    def bones(self, positions: Tensor) -> Tensor:
        """(..., K, T, N, 3) the bones of joints (..., T, J, 3)."""
        return (self.members(positions) - positions[..., self.starts, None, :]).movedim(-4, -3)


def bundles_of(skeleton: Skeleton) -> list[Bundles]:
    """The joints that several bones leave, those of equally many together."""
    sizes = sorted({len(children) for children in skeleton.children if len(children) > 1})
    made = []
    for size in sizes:
        starts = [joint for joint, children in enumerate(skeleton.children) if len(children) == size]
        children = [list(skeleton.children[joint]) for joint in starts]
        weights = torch.stack([bundle_weights(skeleton, ends) for ends in children])
        made.append(Bundles(starts, children, weights))
    return made


def bundle_weights(skeleton: Skeleton, children: Sequence[int]) -> Tensor:
    """(N,) how much each of the bones that leave one joint decides that joint's rotation."""
    names = [skeleton.joints[child] for child in children]
    return torch.tensor([_SPINE_WEIGHT if name == "spine1" else 1.0 for name in names], dtype=torch.float64)


def bundle_rotations(bones: Tensor, rest: Tensor, weights: Tensor) -> Tensor:
    """(..., T, 3, 3) rotations that bring rest (..., N, 3) closest to `bones` (..., T, N, 3), by weights (..., N).

    W. Kabsch, "A solution for the best rotation to relate two sets of vectors", Acta Cryst. A32, 1976.
    """
    return closest_rotations(bones.mT @ (weights.to(rest).unsqueeze(-1) * rest).unsqueeze(-3))


def _bundle_shape(bones: Tensor, average: Tensor, weights: Tensor) -> Tensor:
    """(..., N, 3) rest offsets of bones (..., T, N, 3) that leave one joint, oriented like the `average` body's."""
    lengths = average.norm(dim=-1, keepdim=True)
    shape = average
    for _ in range(_SHAPE_ROUNDS):
        upright = bones @ bundle_rotations(bones, shape, weights)
        shape = torch.nn.functional.normalize(upright.median(dim=-3).values, dim=-1) * lengths
    turned = bundle_rotations(average.unsqueeze(-3), shape, torch.ones_like(weights)).squeeze(-3)
    return shape @ turned.mT


def tip_offsets(offsets: Tensor, skeleton: Skeleton) -> dict[int, Tensor]:
    """For each joint without children, the (3,) metres to where the body ends: crown, fingers, toes."""
    stature = _stature(offsets, skeleton)
    shares = {
        "head": (0.0, 0.105, 0.01),
        "wrist": (0.105, 0.0, 0.0),
        "foot": (0.0, 0.0, 0.04),
    }
    tips: dict[int, Tensor] = {}
    for joint, children in enumerate(skeleton.children):
        if not children:
            side, part = side_and_part(skeleton.joints[joint])
            x, y, z = shares[part]
            tips[joint] = offsets.new_tensor((-x if side == "right" else x, y, z)) * stature
    return tips


def rest_joints(offsets: Tensor, parents: Sequence[int]) -> Tensor:
    """(J, 3) joint positions of the T-pose, its lowest joint at y = 0 and its root at x = z = 0."""
    joints = torch.zeros_like(offsets)
    for joint, parent in enumerate(parents):
        if parent >= 0:
            joints[joint] = joints[parent] + offsets[joint]
    joints[:, 1] -= joints[:, 1].min()
    return joints


def _stature(offsets: Tensor, skeleton: Skeleton) -> float:
    """Metres from sole to crown: the head joint is at about seven eighths of it."""
    heights = rest_joints(offsets, skeleton.parents)[:, 1]
    return float(heights[skeleton.index("head")]) * 8 / 7

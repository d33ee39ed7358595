"""What the probes read off a clip: heading, travel, limbs and posture over time, from joint positions alone."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor
from torch.nn import functional

from kinelex.motion.contacts import floor_height
from kinelex.motion.heading import facing
from kinelex.motion.motion import Motion
from kinelex.motion.skeleton import Skeleton

SIDES = ("left", "right")
_SMOOTH_SECONDS = 0.15


@dataclass(frozen=True)
class Body:
    """A clip as signals over its T frames. Lengths that depend on the body are in leg lengths (hip to ankle).

    Attributes:
        positions: (T, J, 3) float64 joints in metres, Y up, floor at y = 0.
        fps: frames a second.
        skeleton: what the joints are.
    """

    positions: Tensor
    fps: float
    skeleton: Skeleton

    @classmethod
    def of(cls, motion: Motion) -> Body:
        """The signals of a clip, moved in height such that its floor is y = 0."""
        positions = torch.from_numpy(motion.positions).double()
        floor = floor_height(positions, motion.skeleton)
        return cls(positions - torch.tensor([0.0, 1.0, 0.0]) * floor, motion.fps, motion.skeleton)

    def joint(self, name: str) -> Tensor:
        """(T, 3) path of the joint of that name."""
        return self.positions[:, self.skeleton.index(name)]

    def smooth(self, values: Tensor, seconds: float = _SMOOTH_SECONDS) -> Tensor:
        """Moving average over time of (T,) or (T, C); the first and last value go on beyond the ends."""
        reach = round(seconds * self.fps / 2)
        if reach == 0 or len(values) < 2:
            return values
        rows = values.reshape(len(values), -1).T.unsqueeze(0)
        padded = functional.pad(rows, (reach, reach), mode="replicate")
        return functional.avg_pool1d(padded, 2 * reach + 1, stride=1)[0].T.reshape(values.shape)

    def speed(self, path: Tensor) -> Tensor:
        """(T, ...) change a second of values (T, ...), by central differences."""
        if len(path) < 2:
            return torch.zeros_like(path)
        return torch.gradient(path, dim=0)[0] * self.fps

    @cached_property
    def leg(self) -> float:
        """Median length in metres of thigh and shin together."""
        bones = [
            (self.joint(f"{side}_{start}") - self.joint(f"{side}_{end}")).norm(dim=-1)
            for side in SIDES
            for start, end in (("hip", "knee"), ("knee", "ankle"))
        ]
        return max(float(torch.stack(bones).sum(0).median()) / 2, 1e-6)

    @cached_property
    def heading(self) -> Tensor:
        """(T, 2) smoothed unit vectors, x and z, of where hips and shoulders face."""
        return functional.normalize(self.smooth(facing(self.positions, self.skeleton)), dim=-1)

    @cached_property
    def yaw(self) -> Tensor:
        """(T,) radians that the body has turned since frame 0, to its left positive, whole turns counted."""
        return unwrapped(self.heading)

    @cached_property
    def velocity(self) -> Tensor:
        """(T, 2) metres a second of the pelvis, forward and to the left as the body faces."""
        path = self.smooth(self.joint("pelvis")[:, [0, 2]])
        move, ahead = self.speed(path), self.heading
        forward = (move * ahead).sum(-1)
        left = move[:, 0] * ahead[:, 1] - move[:, 1] * ahead[:, 0]
        return torch.stack((forward, left), dim=-1)

    @cached_property
    def pelvis_height(self) -> Tensor:
        """(T,) leg lengths; about 1.15 when standing."""
        return self.joint("pelvis")[:, 1] / self.leg

    @cached_property
    def uprightness(self) -> Tensor:
        """(T,) cosine between the trunk (pelvis to neck) and up."""
        trunk = self.joint("neck") - self.joint("pelvis")
        return functional.normalize(trunk, dim=-1)[:, 1]

    @cached_property
    def hand_height(self) -> Tensor:
        """(T, 2) leg lengths of the left and right wrist above their shoulders."""
        heights = [self.joint(f"{side}_wrist")[:, 1] - self.joint(f"{side}_shoulder")[:, 1] for side in SIDES]
        return torch.stack(heights, dim=-1) / self.leg

    @cached_property
    def ankle_height(self) -> Tensor:
        """(T, 2) leg lengths of the left and right ankle above where each is at its lowest."""
        heights = torch.stack([self.joint(f"{side}_ankle")[:, 1] for side in SIDES], dim=-1)
        return (heights - torch.quantile(heights, 0.05, dim=0)) / self.leg

    @cached_property
    def clearance(self) -> Tensor:
        """(T, 2) metres of the lowest point of each foot (ankle less its standing height, or toes) above ground."""
        points = []
        for side in SIDES:
            feet = torch.stack([self.joint(f"{side}_{part}")[:, 1] for part in ("ankle", "foot")], dim=-1)
            points.append((feet - torch.quantile(feet, 0.1, dim=0)).amin(-1))
        return torch.stack(points, dim=-1).clamp(min=0)

    @cached_property
    def knee_angle(self) -> Tensor:
        """(T, 2) degrees between thigh and shin of each leg; 180 is straight."""
        angles = []
        for side in SIDES:
            knee = self.joint(f"{side}_knee")
            thigh, shin = self.joint(f"{side}_hip") - knee, self.joint(f"{side}_ankle") - knee
            angles.append(torch.rad2deg(torch.acos(functional.cosine_similarity(thigh, shin).clamp(-1, 1))))
        return torch.stack(angles, dim=-1)


def unwrapped(directions: Tensor) -> Tensor:
    """(T,) radians between the first and every one of the directions (T, 2) of x and z, towards +X positive."""
    angle = torch.atan2(directions[:, 0], directions[:, 1])
    steps = torch.remainder(angle.diff() + torch.pi, 2 * torch.pi) - torch.pi
    return torch.cat((steps.new_zeros(1), steps.cumsum(0)))

"""Joint rotations from joint positions, analytically and with a quiet twist.

Positions fix where a bone points but not how far it is rolled about itself. What decides the roll here:

- pelvis and chest: the bones that leave them, all at once (Kabsch);
- spine: the twist between pelvis and chest, spread evenly;
- upper arms and thighs: the plane in which elbow or knee bends. A straight limb has no such plane; there the
  roll follows, in this order of strength, the roll at the times around it when the limb was bent, for a leg
  the direction of the foot, and a still reference;
- all other joints: none, the shortest rotation from their parent.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import roma
import torch
from scipy.linalg import solveh_banded
from torch import Tensor
from torch.nn import functional

from kinelex.motion.chain_ik import shortest_rotations
from kinelex.motion.easing import smooth_step
from kinelex.motion.rig_rest import bundle_rotations, bundle_weights, side_and_part
from kinelex.motion.skeleton import Skeleton

# A bend plane counts nothing below the first angle from straight (or from folded), fully beyond the second.
_BEND_FROM, _BEND_TO = math.radians(10.0), math.radians(40.0)
_FADE = 40.0
_FOOT_WEIGHT = 0.3
_REFERENCE_WEIGHT = 0.02
_ROLL_SECONDS = 0.1


@dataclass(frozen=True)
class _Limb:
    """Where upper arm or thigh begins and how it is rolled in the T-pose.

    Attributes:
        middle, end: elbow and wrist, or knee and ankle.
        foot: the ball of the foot; None for an arm.
        hinge: axis about which the limb bends in the T-pose: forearms go forward, shins back.
        centre: the middle of the limb's reach; its opposite, where the shortest rotation from it is singular,
            is a direction that no arm or leg reaches.
        most: degrees that the limb can roll from the still reference. A bend plane beyond it is that of a
            straight limb bent the wrong way by noise or hyperextension; it fades out over the last `_FADE`.
    """

    middle: int
    end: int
    foot: int | None
    hinge: tuple[float, float, float]
    centre: tuple[float, float, float]
    most: float


def _limbs(skeleton: Skeleton) -> dict[int, _Limb]:
    limbs: dict[int, _Limb] = {}
    for joint, name in enumerate(skeleton.joints):
        side, part = side_and_part(name)
        outwards = -1.0 if side == "right" else 1.0
        if part == "shoulder":
            middle, end = skeleton.index(f"{side}_elbow"), skeleton.index(f"{side}_wrist")
            limbs[joint] = _Limb(middle, end, None, (0.0, -outwards, 0.0), (outwards, -1.0, 1.0), 150.0)
        elif part == "hip":
            middle, end = skeleton.index(f"{side}_knee"), skeleton.index(f"{side}_ankle")
            limbs[joint] = _Limb(
                middle,
                end,
                skeleton.index(f"{side}_foot"),
                (1.0, 0.0, 0.0),
                (outwards * 0.2, -0.8, 0.6),
                120.0,
            )
    return limbs


def global_rotations(positions: Tensor, offsets: Tensor, skeleton: Skeleton, fps: float) -> Tensor:
    """(T, J, 3, 3) world rotations of the joints of a rig that follows joint positions.

    Every bone aims from where the rig has its start to where the clip has its end, so that a difference
    between bone lengths does not add up along a chain.

    Args:
        positions: (T, J, 3) joint positions, float64.
        offsets: (J, 3) rest offsets of the rig, float64.
    """
    frames = len(positions)
    identity = torch.eye(3, dtype=positions.dtype).expand(frames, 3, 3)
    world: list[Tensor] = []
    reached: list[Tensor] = []
    limbs = _limbs(skeleton)
    for joint, children in enumerate(skeleton.children):
        parent = skeleton.parents[joint]
        above = world[parent] if parent >= 0 else identity
        here = positions[:, 0] if parent < 0 else reached[parent] + above @ offsets[joint]
        reached.append(here)
        if len(children) > 1:
            bones = positions[:, list(children)] - positions[:, joint, None]
            weights = bundle_weights(skeleton, children)
            world.append(bundle_rotations(bones, offsets[list(children)], weights))
        elif not children:
            world.append(above)
        else:
            aim = _unit(_rows(above.mT, positions[:, children[0]] - here), offsets[children[0]])
            rest = functional.normalize(offsets[children[0]], dim=-1)
            local = (
                _limb_rotation(limbs[joint], aim, rest, _rows_of(above.mT, positions), joint, fps)
                if joint in limbs
                else _shortest(aim, rest)
            )
            world.append(above @ local)
    return _spread_spine_twist(torch.stack(world, dim=1), offsets, skeleton)


def _limb_rotation(limb: _Limb, aim: Tensor, rest: Tensor, body: Tensor, joint: int, fps: float) -> Tensor:
    """(T, 3, 3) rotation of an upper arm or thigh relative to its parent.

    Args:
        aim: (T, 3) unit direction of the bone in the parent's frame.
        rest: (3,) its rest direction.
        body: (T, J, 3) the clip's joints in the parent's frame.
    """
    centre = functional.normalize(aim.new_tensor(limb.centre), dim=-1)
    still = _shortest(aim, centre) @ _shortest(centre[None], rest)
    hinge = still @ aim.new_tensor(limb.hinge)
    lower = functional.normalize(body[:, limb.end] - body[:, limb.middle], dim=-1)
    plane = torch.linalg.cross(
        functional.normalize(body[:, limb.middle] - body[:, joint], dim=-1), lower, dim=-1
    )
    bent = smooth_step((torch.asin(plane.norm(dim=-1).clamp(max=1.0)) - _BEND_FROM) / (_BEND_TO - _BEND_FROM))
    phase = _roll_phase(plane, hinge, aim)
    weight = bent * smooth_step((limb.most - torch.rad2deg(phase.angle().abs())) / _FADE)
    pull = weight * phase
    if limb.foot is not None:
        foot = functional.normalize(body[:, limb.foot] - body[:, limb.end], dim=-1)
        across = torch.linalg.cross(foot, lower, dim=-1)
        steer = _FOOT_WEIGHT * (1 - weight) * smooth_step(2 * across.norm(dim=-1) - 0.5)
        pull = pull + steer * _roll_phase(across, hinge, aim)
        weight = weight + steer
    roll = _settled_roll(pull, weight, fps)
    return roma.rotvec_to_rotmat(aim * roll.unsqueeze(-1)) @ still


def _roll_phase(axis: Tensor, hinge: Tensor, bone: Tensor) -> Tensor:
    """(T,) e^(i roll), roll about `bone` from `hinge` to `axis`, each (T, 3); 0 where `axis` is 0."""
    sine = (bone * torch.linalg.cross(hinge, axis, dim=-1)).sum(-1)
    phase = torch.complex((hinge * axis).sum(-1), sine)
    size = phase.abs()
    return torch.where(size > 1e-9, phase / size.clamp(min=1e-9), torch.zeros_like(phase))


def _settled_roll(pull: Tensor, weight: Tensor, fps: float) -> Tensor:
    """(T,) roll in radians: the phases where they are certain, carried over smoothly where they are not.

    Minimises the sum over frames of weight |z - phase|^2 + reference |z - 1|^2 + inertia |z' - z|^2 over
    complex z; phases, unlike angles, need no unwrapping through the frames in which they are noise.

    Args:
        pull: (T,) complex sum of weight times phase.
        weight: (T,) sum of weights.
    """
    inertia = (_ROLL_SECONDS * fps) ** 2
    neighbours = np.full(len(pull), 2.0)
    neighbours[0] -= 1
    neighbours[-1] -= 1
    bands = np.empty((2, len(pull)))
    bands[0] = -inertia
    bands[1] = weight.numpy() + _REFERENCE_WEIGHT + inertia * neighbours
    target = np.stack((pull.real.numpy() + _REFERENCE_WEIGHT, pull.imag.numpy()), axis=-1)
    settled = solveh_banded(bands, target) if len(pull) > 1 else target / bands[1]
    return torch.from_numpy(np.arctan2(settled[:, 1], settled[:, 0]))


def _spread_spine_twist(world: Tensor, offsets: Tensor, skeleton: Skeleton) -> Tensor:
    """World rotations (T, J, 3, 3) with the chest's twist shared by the joints between pelvis and chest."""
    chest = next(joint for joint, children in enumerate(skeleton.children) if joint and len(children) > 1)
    spine = [chest]
    while skeleton.parents[spine[0]] > 0:
        spine.insert(0, skeleton.parents[spine[0]])
    axis = functional.normalize(offsets[chest], dim=-1)
    twist = roma.rotmat_to_unitquat(world[:, skeleton.parents[chest]].mT @ world[:, chest])
    angle = 2 * torch.atan2(twist[:, :3] @ axis, twist[:, 3])
    angle = torch.remainder(angle + math.pi, 2 * math.pi) - math.pi
    world = world.clone()
    for step, joint in enumerate(spine[:-1], start=1):
        along = functional.normalize(offsets[spine[step]], dim=-1)
        turn = roma.rotvec_to_rotmat(angle.unsqueeze(-1) * (step / len(spine)) * along)
        world[:, joint] = world[:, joint] @ turn
    return world


def _shortest(directions: Tensor, rest: Tensor) -> Tensor:
    """(T, 3, 3) shortest rotations from a unit vector (3,) to unit vectors (T, 3)."""
    return shortest_rotations(directions.unsqueeze(-2), rest.unsqueeze(0)).squeeze(-3)


def _unit(vectors: Tensor, rest: Tensor) -> Tensor:
    """Unit vectors (T, 3); one without length points as the bone does at rest."""
    norm = vectors.norm(dim=-1, keepdim=True)
    return torch.where(norm > 1e-9, vectors / norm.clamp(min=1e-9), functional.normalize(rest, dim=-1))


def _rows(matrices: Tensor, vectors: Tensor) -> Tensor:
    """(T, 3, 3) times (T, 3)."""
    return (matrices @ vectors.unsqueeze(-1)).squeeze(-1)


def _rows_of(matrices: Tensor, points: Tensor) -> Tensor:
    """(T, 3, 3) times each of (T, J, 3)."""
    return points @ matrices.mT

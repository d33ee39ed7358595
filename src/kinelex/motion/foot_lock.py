"""Foot lock: planted feet stop sliding, legs follow by two-bone inverse kinematics.

Per foot: (1) where ankle and toe are both planted, the foot's direction is held; (2) each planted toe is held
at one place, and the heel with it; (3) between two such places the correction fades out and in; (4) hip, knee
and ankle are solved analytically (`leg_ik`), the knee bending the way it did, the pelvis giving way.
"""

from __future__ import annotations

import torch
from torch import Tensor

from kinelex.motion.contacts import foot_contacts, run_ids, run_means
from kinelex.motion.easing import smooth_step
from kinelex.motion.leg_ik import (
    FootPaths,
    LegsBeside,
    legs_beside,
    legs_of,
    place_feet,
    rotated,
    turn_between,
)
from kinelex.motion.skeleton import Skeleton

_BLEND = 0.2  # seconds over which a correction fades in free flight


def lock_feet(positions: Tensor, fps: float, skeleton: Skeleton, contacts: Tensor | None = None) -> Tensor:
    """Hold planted feet in place and feet above the floor y = 0; every bone keeps its length.

    Args:
        positions: (..., T, J, 3) joints in metres, Y up.
        contacts: (..., T, 4) bool as `foot_contacts` gives; computed when not given.

    Returns:
        (..., T, J, 3); joints above the hips move only with the pelvis.
    """
    contacts = foot_contacts(positions, fps, skeleton) if contacts is None else contacts
    joints = positions.double()  # sqrt in a nearly straight leg costs half the digits
    window = max(1, round(_BLEND * fps))
    heel_down, toe_down = contacts.unflatten(-1, (2, 2)).movedim(-2, -3).unbind(-1)
    feet = _foot_paths(legs_beside(joints, legs_of(skeleton)), heel_down, toe_down, window)
    return place_feet(joints, feet, window, skeleton).to(positions.dtype)


def _foot_paths(legs: LegsBeside, heel_down: Tensor, toe_down: Tensor, window: int) -> FootPaths:
    """Targets of rigid feet: turned about their heels, then shifted, then lifted out of the floor.

    Where heels and toes are planted is (..., 2, T).
    """
    heel, toe = legs.heel, legs.toe
    direction = toe - heel
    flat = heel_down & toe_down
    held = _spread(run_means(direction, flat) - direction, flat, window)
    turn = turn_between(direction, direction + held)
    turned = rotated(turn, direction.unsqueeze(-2)).squeeze(-2)

    by_toe = run_means(toe, toe_down) - turned
    by_heel = _between_toe_holds(by_toe, run_means(heel, heel_down), toe_down, heel_down)
    target = torch.where(toe_down.unsqueeze(-1), by_toe, by_heel)
    shift = _spread(target - heel, toe_down | heel_down, window)
    joints = torch.cat([legs.ankle.unsqueeze(-2), legs.foot], dim=-2)
    placed = rotated(turn, joints - heel.unsqueeze(-2))
    placed = placed + (heel + shift).unsqueeze(-2)
    placed[..., 1] += (-placed[..., 1].amin(-1, keepdim=True)).clamp(min=0)
    return FootPaths(placed[..., 0, :], placed[..., 1:, :])


def _between_toe_holds(by_toe: Tensor, alone: Tensor, toe_down: Tensor, heel_down: Tensor) -> Tensor:
    """Heel targets while only the heel is down: led from the last to the next toe hold of the same stance.

    In a stance without a toe hold the heel keeps its own mean place, `alone`.
    """
    stance = run_ids(toe_down | heel_down)
    before, after = _neighbours(toe_down)
    frame = torch.arange(toe_down.shape[-1], device=toe_down.device)
    has_before = (before >= 0) & (stance.gather(-1, before.clamp(min=0)) == stance)
    has_after = (after < len(frame)) & (stance.gather(-1, after.clamp(max=len(frame) - 1)) == stance)
    part = (frame - before) / (after - before).clamp(min=1)
    part = torch.where(has_before & has_after, part, has_after.to(part.dtype)).unsqueeze(-1).to(by_toe.dtype)
    led = _at(by_toe, before) * (1 - smooth_step(part)) + _at(by_toe, after) * smooth_step(part)
    return torch.where((has_before | has_after).unsqueeze(-1), led, alone)


def _spread(values: Tensor, known: Tensor, window: int) -> Tensor:
    """Values (..., T, C) where `known` (..., T); elsewhere the neighbours', fading over a window.

    In a gap shorter than the window the two fades cross over instead, so that they add up to one.
    """
    before, after = _neighbours(known)
    frames = known.shape[-1]
    frame = torch.arange(frames, device=known.device)
    inner = (before >= 0) & (after < frames)
    reach = torch.where(inner, (after - before).clamp(max=window), window).clamp(min=1)
    weight_before = smooth_step(1 - (frame - before) / reach) * (before >= 0)
    weight_after = smooth_step(1 - (after - frame) / reach) * (after < frames)
    from_before = _at(values, before) * weight_before.unsqueeze(-1)
    from_after = _at(values, after) * weight_after.unsqueeze(-1)
    return torch.where(known.unsqueeze(-1), values, from_before + from_after)


def _neighbours(known: Tensor) -> tuple[Tensor, Tensor]:
    """(..., T) index of the last known frame at or before each frame (-1: none) and of the next (T: none)."""
    frames = known.shape[-1]
    frame = torch.arange(frames, device=known.device).expand(known.shape)
    before = frame.masked_fill(~known, -1).cummax(-1).values
    after = frame.masked_fill(~known, frames).flip(-1).cummin(-1).values.flip(-1)
    return before, after


def _at(values: Tensor, frame: Tensor) -> Tensor:
    """Values (..., T, C) at frames (..., T), clamped to the clip."""
    inside = frame.clamp(0, values.shape[-2] - 1).unsqueeze(-1)
    return values.gather(-2, inside.expand(*inside.shape[:-1], values.shape[-1]))

"""Source skeletons to the 22 joints of HumanML3D, and source animations to clips."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor

from kinelex.errors import KinelexError
from kinelex.motion.animation import Animation
from kinelex.motion.contacts import resting_height
from kinelex.motion.flavours import FLAVOURS, GENERIC, Weights
from kinelex.motion.heading import facing, to_heading
from kinelex.motion.humanoid import match_humanoid
from kinelex.motion.kinematics import animation_pose
from kinelex.motion.motion import Motion
from kinelex.motion.resample import resample_animation
from kinelex.motion.skeleton import HUMANML3D, Skeleton


def retarget(animation: Animation) -> Tensor:
    """(T, 22, 3) HumanML3D joint positions in metres, Y up, at the animation's frame rate and proportions.

    Every joint is a weighted mean of source joints, by the table of the animation's flavour or, for a
    skeleton that Kinelex does not know, by the joints' names. Limbs of flavours whose zero pose is not
    straight (bvh-daz) are rebuilt from the rotations relative to the T-pose; joints within what is one rigid
    part of the HumanML3D body are moved to its end.

    Raises:
        KinelexError: the skeleton lacks joints that a body needs.
    """
    flavour = FLAVOURS.get(animation.flavour, GENERIC)
    table = flavour.joints or match_humanoid(animation)
    missing = sorted({name for weights in table.values() for name in weights} - set(animation.names))
    if missing:
        raise KinelexError(
            f"a skeleton of flavour {animation.flavour} needs the joints {', '.join(missing)}; "
            "read the file with another flavour, or with none to have it found out"
        )
    hinged = _hinged(animation, flavour.hinges)
    part = _straightened(_needed(hinged, table), flavour.straight)
    mixing = torch.zeros(len(HUMANML3D), len(part.names))
    for row, joint in enumerate(HUMANML3D.joints):
        for name, weight in table[joint].items():
            mixing[row, part.index(name)] = weight
    return mixing.to(part.rotations) @ animation_pose(part).positions


def to_motion(animation: Animation, fps: float = HUMANML3D.fps, *, keep_placement: bool = False) -> Motion:
    """The animation as a clip: resampled, retargeted, feet on the floor, centred and facing +Z at frame 0.

    Rotations are resampled, not positions, so bones keep their lengths.

    Args:
        keep_placement: leave it where it was recorded.

    Raises:
        KinelexError: the skeleton lacks joints that a body needs, or `fps` is no frame rate.
    """
    positions = retarget(resample_animation(animation, fps))
    if not keep_placement:
        positions = face_forward(positions, fps)
    return Motion(positions.numpy(), fps=fps)


def face_forward(positions: Tensor, fps: float, skeleton: Skeleton = HUMANML3D) -> Tensor:
    """(T, J, 3) positions moved as a whole: floor at y = 0; at frame 0 pelvis at x = z = 0, facing +Z.

    The floor is where feet stand still (`resting_height`). A figure faces across the line through its hips
    and shoulders; one whose left-right axis is upright has no heading and is only moved.
    """
    first = positions[0]
    origin = torch.stack((first[0, 0], resting_height(positions, fps, skeleton), first[0, 2]))
    return to_heading(positions - origin, facing(first, skeleton))


def _needed(animation: Animation, table: Mapping[str, Weights]) -> Animation:
    """The animation without joints that no joint of the table hangs on: fingers, eyes."""
    keep: set[int] = set()
    for joint in {animation.index(name) for weights in table.values() for name in weights}:
        while joint >= 0 and joint not in keep:
            keep.add(joint)
            joint = animation.parents[joint]
    order = sorted(keep)
    return replace(
        animation,
        names=tuple(animation.names[joint] for joint in order),
        parents=tuple(-1 if joint == 0 else order.index(animation.parents[joint]) for joint in order),
        offsets=animation.offsets[order],
        rotations=animation.rotations[:, order],
        translations=animation.translations[:, order],
    )


def _straightened(animation: Animation, straight: Mapping[str, tuple[float, float, float]]) -> Animation:
    """The animation with some bones turned in the rest pose, at their lengths."""
    if not straight:
        return animation
    translations = animation.translations.clone()
    for name, direction in straight.items():
        joint = animation.index(name)
        translations[:, joint] = animation.offsets[joint].norm() * translations.new_tensor(direction)
    return replace(animation, translations=translations)


def _hinged(animation: Animation, hinges: Mapping[str, tuple[str, float]]) -> Animation:
    """The animation with some joints moved to a share of the way to one of their children."""
    translations = animation.translations.clone()
    for name, (child, share) in hinges.items():
        along = share * animation.translations[:, animation.index(child)]
        translations[:, animation.index(name)] += along
        below = [joint for joint, parent in enumerate(animation.parents) if parent == animation.index(name)]
        translations[:, below] -= along.unsqueeze(1)
    return replace(animation, translations=translations)

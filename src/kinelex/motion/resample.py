"""Change a clip's frame rate: rotations turn along great arcs, positions along straight lines."""

from __future__ import annotations

from dataclasses import dataclass, replace

import roma
import torch
from torch import Tensor

from kinelex.errors import KinelexError
from kinelex.motion.animation import Animation
from kinelex.motion.limits import FASTEST, SLOWEST, is_frame_rate


@dataclass(frozen=True)
class _Samples:
    """Which source frames a target frame lies between, and how far along."""

    before: Tensor
    after: Tensor
    weight: Tensor


def _check_rates(fps_in: float, fps_out: float) -> None:
    for fps in (fps_in, fps_out):
        if not is_frame_rate(fps):
            raise KinelexError(
                f"cannot resample from {fps_in} to {fps_out} frames a second; "
                f"give rates of {SLOWEST:g} to {FASTEST:g}"
            )


def _integer_step(fps_in: float, fps_out: float) -> int | None:
    """n when every n-th source frame is a target frame, else None."""
    step = round(fps_in / fps_out)
    return step if step >= 1 and abs(fps_in / fps_out - step) < 1e-4 * step else None


def _samples(frames: int, fps_in: float, fps_out: float, device: torch.device) -> _Samples:
    count = int((frames - 1) * fps_out / fps_in + 1e-6) + 1
    place = torch.arange(count, dtype=torch.float64, device=device) * (fps_in / fps_out)
    before = place.floor().long().clamp(max=frames - 1)
    return _Samples(before, (before + 1).clamp(max=frames - 1), (place - before).clamp(0, 1))


def resample_joints(positions: Tensor, fps_in: float, fps_out: float) -> Tensor:
    """(T, ...) positions at another frame rate, the first frame kept, linear between frames.

    When fps_in is a multiple of fps_out, exactly every n-th frame, as HumanML3D takes them.
    The clip never grows: the last target frame lies at or before the last source frame.

    Raises:
        KinelexError: a rate is no frame rate.
    """
    _check_rates(fps_in, fps_out)
    step = _integer_step(fps_in, fps_out)
    if step is not None:
        return positions[::step]
    at = _samples(len(positions), fps_in, fps_out, positions.device)
    weight = at.weight.to(positions.dtype).view(-1, *[1] * (positions.ndim - 1))
    return torch.lerp(positions[at.before], positions[at.after], weight)


def resample_animation(animation: Animation, fps: float) -> Animation:
    """The animation at another frame rate: spherical interpolation of rotations, linear of translations.

    When the animation's rate is a multiple of `fps`, exactly every n-th frame.

    Raises:
        KinelexError: `fps` is no frame rate.
    """
    _check_rates(animation.fps, fps)
    step = _integer_step(animation.fps, fps)
    if step is not None:
        return replace(
            animation,
            rotations=animation.rotations[::step],
            translations=animation.translations[::step],
            fps=fps,
        )
    at = _samples(len(animation), animation.fps, fps, animation.rotations.device)
    start, end = animation.rotations[at.before], animation.rotations[at.after]
    # q and -q are the same rotation: without the flip the slerp may go the long way round.
    end = torch.where((start * end).sum(-1, keepdim=True) < 0, -end, end)
    step_vector = roma.unitquat_to_rotvec(roma.quat_product(roma.quat_conjugation(start), end))
    part = roma.rotvec_to_unitquat(step_vector * at.weight.to(step_vector.dtype)[:, None, None])
    return replace(
        animation,
        rotations=roma.quat_product(start, part),
        translations=resample_joints(animation.translations, animation.fps, fps),
        fps=fps,
    )

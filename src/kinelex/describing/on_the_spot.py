"""Walks and runs made into steps on the spot, where that comes out well.

Hardly any recording shows them. This motion is made by geometry (`step_in_place`), not recorded.
"""

from __future__ import annotations

import torch

from kinelex.evaluation.probes.body import Body
from kinelex.evaluation.probes.verdicts import strides, travel, turn
from kinelex.motion.motion import Motion
from kinelex.motion.quality import motion_quality
from kinelex.motion.stepping import step_in_place

# What it is called when a body does the same without going anywhere; names of wording.yaml.
ON_THE_SPOT = {"walk forward": "walk in place", "run forward": "run in place"}
_ASTRAY = 0.25  # metres of the pelvis from where it began
_LIFT = 0.08  # metres of an ankle above where it stands
_SKATING = 8.0  # centimetres a second of planted feet; recorded walks have 9 on average, runs 16
_FEWER = 1.5  # steps; half a one at an end of the clip may be lost
_UPRIGHT = 0.85  # cosine of the trunk to up


def on_the_spot(motion: Motion) -> Motion | None:
    """The body of a straight walk or run stepping where it began, or nothing where it would not look so.

    Args:
        motion: a clip of the 22 joints that only goes straight ahead.
    """
    positions = step_in_place(torch.from_numpy(motion.positions), motion.fps, motion.skeleton)
    made = motion.with_positions(positions.numpy())
    before, after = Body.of(motion), Body.of(made)
    stays = travel(after) == "in place" and turn(after) == "straight" and _astray(after) < _ASTRAY
    fewer = (strides(before) - strides(after)) * motion.seconds
    steps = _lowest_lift(after) > _LIFT and fewer < _FEWER
    skating = motion_quality(positions, motion.fps, motion.skeleton).foot_skating_cm_s
    upright = float(after.uprightness.min()) > _UPRIGHT
    return made if stays and steps and upright and skating < _SKATING else None


def _astray(body: Body) -> float:
    """Metres that the pelvis gets from where it began."""
    path = body.joint("pelvis")[:, [0, 2]]
    return float((path - path[0]).norm(dim=-1).max())


def _lowest_lift(body: Body) -> float:
    """Metres by which the ankle that lifts less does so."""
    return float(body.ankle_height.amax(0).min()) * body.leg

"""How a body goes, or stays, in a stretch of time in which it does one of them."""

from __future__ import annotations

import math

from kinelex.evaluation.probes.body import Body, unwrapped
from kinelex.evaluation.probes.verdicts import TRAVELLED, flight, strides
from kinelex.motion.contacts import joint_speeds

TURNED, _AROUND, _CIRCLE = math.pi / 4, 0.8 * math.pi, 1.2 * math.pi  # radians of a turn that is called so
_STRAIGHT = math.pi / 7  # radians that what is called straight may turn
# Radians between where the body goes and where it faces: up to the first it goes forward, up to the second diagonally,
# beyond the third backward. What lies just beyond each limit has no certain name.
_AHEAD, _DIAGONAL, _SIDEWAYS, _BACKWARD = math.pi / 12, math.pi / 9, math.pi / 3, 0.8 * math.pi
_WALK, _RUN = (1.8, 2.4), (1.7, 2.5)  # metres a second; half strides a second
_FLIGHT = 0.1  # share of frames with both feet off the ground
_STILL = 0.35  # metres a second of the fastest joint of a body that stands still, on average
_STANDING, _UPRIGHT = 1.0, 0.85  # leg lengths of the pelvis; cosine of the trunk to up

NAMELESS = ("", "")


def going(body: Body) -> tuple[str, str]:
    """Kind (a name of wording.yaml, or empty) and side of what the pelvis does.

    Args:
        body: frames in which the body stands, travels in one way, or turns to one side.
    """
    path = body.joint("pelvis")[:, [0, 2]]
    if float((path - path[0]).norm(dim=-1).max()) < TRAVELLED:
        return _staying(body)
    gait = _gait(body)
    forward, left = body.velocity.mean(0).tolist()
    angle = math.atan2(left, forward)
    if not gait:
        return NAMELESS
    if abs(angle) < _AHEAD:
        return _ahead(gait, float(unwrapped(body.speed(body.smooth(path, 0.5)))[-1]))
    if gait != "walk" or abs(float(body.yaw[-1])) > TURNED:
        return NAMELESS
    side = "left" if angle > 0 else "right"
    if abs(angle) > _BACKWARD:
        return "walk backward", ""
    if abs(angle) > _SIDEWAYS:
        return "walk sideways", side
    return ("walk diagonally", side) if abs(angle) > _DIAGONAL else NAMELESS


def _ahead(gait: str, turned: float) -> tuple[str, str]:
    """Of a body that goes where it faces, by how far the path turns."""
    side = "left" if turned > 0 else "right"
    if abs(turned) > _CIRCLE:
        return f"{gait} circle", side
    if abs(turned) > TURNED:
        return f"{gait} turn", side
    return (f"{gait} forward", "") if abs(turned) < _STRAIGHT else (gait, "")


def _staying(body: Body) -> tuple[str, str]:
    turned = float(body.yaw[-1])
    side = "left" if turned > 0 else "right"
    if abs(turned) > TURNED:
        return "turn around" if abs(turned) > _AROUND else "turn", side
    fastest = joint_speeds(body.positions, body.fps).amax(-1)
    still = float(fastest.mean()) < _STILL and abs(turned) < _STRAIGHT
    upright = float(body.pelvis_height.min()) > _STANDING and float(body.uprightness.min()) > _UPRIGHT
    return ("stand", "") if still and upright else NAMELESS


def _gait(body: Body) -> str:
    """walk or run where speed, flight and rhythm agree; empty where they do not."""
    flying, *others = float(flight(body).mean()), float(body.velocity.norm(dim=-1).mean()), strides(body)
    if flying < _FLIGHT and all(value < limit for value, limit in zip(others, _WALK, strict=True)):
        return "walk"
    runs = flying > _FLIGHT and any(value > limit for value, limit in zip(others, _RUN, strict=True))
    return "run" if runs else ""

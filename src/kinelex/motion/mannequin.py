"""A plain body around a rig's T-pose, so that a clip shows on something before it is put on a character."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kinelex.motion.rig import Rig, check_body
from kinelex.motion.tube import Array, Mesh, Tube, joined, profile, soft_weights, tube_mesh, vertex_normals

_X, _Y, _Z = np.eye(3)
_INFLUENCES = 4
# Metres around a joint over which the skin goes from one bone to the next, per metre of stature.
_SOFT = 0.03


@dataclass(frozen=True)
class Mannequin:
    """A skinned triangle mesh in the T-pose, metres.

    Attributes:
        vertices: (V, 3) positions.
        normals: (V, 3) unit outward normals.
        triangles: (F, 3) vertex indices, counter-clockwise seen from outside.
        joints: (V, 4) indices of the joints that move a vertex; 0 where the weight is 0.
        weights: (V, 4) their shares, which sum to 1.
    """

    vertices: Array
    normals: Array
    triangles: NDArray[np.int64]
    joints: NDArray[np.int64]
    weights: Array


@dataclass(frozen=True)
class _Body:
    """The T-pose that the parts are built around: joints (J, 3), tip offsets by joint, stature in metres."""

    rig: Rig
    joints: Array
    tips: dict[int, Array]
    stature: float

    def index(self, joint: str) -> int:
        return self.rig.skeleton.index(joint)

    def at(self, joint: str) -> Array:
        return self.joints[self.index(joint)]

    def parent(self, joint: str) -> int:
        return self.rig.skeleton.parents[self.index(joint)]

    def sized(self, *stations: tuple[float, float, float]) -> list[tuple[float, float, float]]:
        """Stations whose half-axes are given per metre of stature, in metres."""
        return [(place, first * self.stature, second * self.stature) for place, first, second in stations]


def mannequin(rig: Rig) -> Mannequin:
    """The body of a rig: trunk with neck, head, arms, legs and feet, each a tube that bends softly.

    Raises:
        KinelexError: the rig is no upright body.
    """
    check_body(rig)
    tips = {joint: tip.double().numpy() for joint, tip in rig.tips().items()}
    body = _Body(rig, rig.rest().double().numpy(), tips, rig.stature())
    tubes = [_trunk(body), _head(body)]
    for side in ("left", "right"):
        tubes += [_arm(body, side), _leg(body, side), _foot(body, side)]
    mesh = joined([tube_mesh(tube) for tube in tubes])
    influences, weights = _strongest(mesh)
    return Mannequin(mesh.vertices, vertex_normals(mesh), mesh.triangles, influences, weights)


def _strongest(mesh: Mesh) -> tuple[NDArray[np.int64], Array]:
    """(V, 4) joints and (V, 4) weights: the four that move a vertex most."""
    joints = np.argsort(-mesh.weights, axis=1, kind="stable")[:, :_INFLUENCES]
    weights = np.take_along_axis(mesh.weights, joints, axis=1)
    joints[weights == 0] = 0
    return joints, weights / weights.sum(axis=1, keepdims=True)


def _trunk(body: _Body) -> Tube:
    """From the crotch along the spine into the head, wide across X."""
    size = body.stature
    spine = [body.index("head")]
    while spine[0] != 0:
        spine.insert(0, body.rig.skeleton.parents[spine[0]])
    hip, top, head = body.at("left_hip")[1], body.at("left_shoulder")[1] + 0.012 * size, body.at("head")[1]
    stations = body.sized(
        (hip - 0.045 * size, 0.045, 0.045), (hip - 0.015 * size, 0.082, 0.060),
        (hip + 0.02 * size, 0.090, 0.064), (hip + 0.45 * (top - hip), 0.073, 0.053),
        (hip + 0.75 * (top - hip), 0.092, 0.065),
        (hip + 0.92 * (top - hip), 0.096, 0.058), (top, 0.076, 0.045), (top + 0.03 * size, 0.036, 0.034),
        (max(head, top + 0.04 * size) + 0.01 * size, 0.031, 0.033),
    )  # fmt: skip
    places, radii = profile(stations, 40)
    knots = body.joints[spine]
    centres = np.stack([np.interp(places, knots[:, 1], knots[:, axis]) for axis in range(3)], axis=-1)
    centres[:, 1] = places
    weights = soft_weights(places, spine, knots[1:, 1].tolist(), _SOFT * size, len(body.joints))
    return Tube(centres, (_X, _Z), radii, weights)


def _head(body: _Body) -> Tube:
    """An egg above the head joint, up to the crown."""
    crown = body.tips[body.index("head")][1]
    stations = body.sized(
        (-0.22 * crown, 0.026, 0.034), (0.05 * crown, 0.040, 0.051), (0.42 * crown, 0.047, 0.059),
        (0.70 * crown, 0.038, 0.047),
    )  # fmt: skip
    places, radii = profile(stations, 12)
    centres = body.at("head") + np.outer(places, _Y) + 0.010 * body.stature * _Z
    return Tube(centres, (_X, _Z), radii, _rigid(body, "head", len(places)))


def _arm(body: _Body, side: str) -> Tube:
    """From inside the chest, as a clavicle, to the finger tips; the hand is flat, its palm down."""
    outwards = -1.0 if side == "right" else 1.0
    shoulder, size = body.at(f"{side}_shoulder"), body.stature
    chain = [body.index(f"{side}_{part}") for part in ("shoulder", "elbow", "wrist")]
    inner = -0.8 * abs(shoulder[0])
    elbow, wrist = ((body.joints[joint] - shoulder)[0] * outwards for joint in chain[1:])
    tip = wrist + np.linalg.norm(body.tips[chain[-1]])
    stations = body.sized(
        (inner, 0.034, 0.040), (0.4 * inner, 0.034, 0.042), (0.0, 0.034, 0.039), (0.5 * elbow, 0.027, 0.029),
        (elbow, 0.022, 0.024), (elbow + 0.25 * (wrist - elbow), 0.023, 0.026), (wrist, 0.014, 0.019),
        (wrist + 0.35 * (tip - wrist), 0.012, 0.026), (wrist + 0.75 * (tip - wrist), 0.010, 0.023),
        (tip - 0.008 * size, 0.007, 0.013),
    )  # fmt: skip
    places, radii = profile(stations, 36)
    bones = [body.parent(f"{side}_shoulder"), *chain]
    weights = soft_weights(places, bones, [0.0, elbow, wrist], 0.8 * _SOFT * size, len(body.joints))
    return Tube(shoulder + np.outer(places * outwards, _X), (_Y, _Z), radii, weights)


def _leg(body: _Body, side: str) -> Tube:
    """From inside the pelvis to the ankle."""
    hip, size = body.at(f"{side}_hip"), body.stature
    chain = [body.index(f"{side}_{part}") for part in ("hip", "knee", "ankle")]
    knee, ankle = (hip[1] - body.joints[joint, 1] for joint in chain[1:])
    stations = body.sized(
        (-0.015 * size, 0.046, 0.054), (0.05 * size, 0.049, 0.056), (0.55 * knee, 0.041, 0.045),
        (knee, 0.030, 0.033), (knee + 0.28 * (ankle - knee), 0.031, 0.036),
        (0.15 * knee + 0.85 * ankle, 0.021, 0.023), (ankle, 0.020, 0.024),
    )  # fmt: skip
    places, radii = profile(stations, 34)
    weights = soft_weights(places, [0, *chain], [0.0, knee, ankle], _SOFT * size, len(body.joints))
    return Tube(hip - np.outer(places, _Y), (_X, _Z), radii, weights)


def _foot(body: _Body, side: str) -> Tube:
    """From heel to toe tips, flat below; its sole is as far below the ball joint as the body's floor is."""
    ankle, size = body.index(f"{side}_ankle"), body.stature
    ball = next(joint for joint, parent in enumerate(body.rig.skeleton.parents) if parent == ankle)
    length = body.joints[ball, 2] - body.joints[ankle, 2]
    stations = body.sized(
        (-0.022 * size, 0.020, 0.022), (0.0, 0.023, 0.026), (0.55 * length, 0.027, 0.020),
        (length, 0.030, 0.014), (length + 0.028 * size, 0.024, 0.009),
    )  # fmt: skip
    places, radii = profile(stations, 18)
    centres = body.joints[ankle] + np.outer(places, _Z)
    centres[:, 1] = body.joints[ball, 1] + radii[:, 1] - 0.008 * size
    weights = soft_weights(places, [ankle, ball], [length], 0.4 * _SOFT * size, len(body.joints))
    return Tube(centres, (_X, _Y), radii, weights)


def _rigid(body: _Body, joint: str, rings: int) -> Array:
    """(N, J) weights of rings that one joint moves alone."""
    weights = np.zeros((rings, len(body.joints)))
    weights[:, body.index(joint)] = 1.0
    return weights

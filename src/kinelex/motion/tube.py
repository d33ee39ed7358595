"""Tubes of elliptic rings closed by domes: the parts that a mannequin is made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import PchipInterpolator

Array = NDArray[np.float64]

AROUND = 20
# Where the rings of a dome lie, as angles from its pole.
_DOME = np.radians((15.0, 40.0, 65.0))


@dataclass(frozen=True)
class Tube:
    """N rings in order along a line.

    Attributes:
        centres: (N, 3) metres.
        axes: two perpendicular unit vectors (3,), across the line, in which the rings lie.
        radii: (N, 2) half-axes of the ellipses along `axes`.
        weights: (N, J) how much each joint moves a ring; rows sum to 1.
    """

    centres: Array
    axes: tuple[Array, Array]
    radii: Array
    weights: Array


@dataclass(frozen=True)
class Mesh:
    """Triangles with skinning weights.

    Attributes:
        vertices: (V, 3) metres.
        triangles: (F, 3) vertex indices, counter-clockwise seen from outside.
        weights: (V, J) rows sum to 1.
    """

    vertices: Array
    triangles: NDArray[np.int64]
    weights: Array


def profile(stations: Sequence[tuple[float, float, float]], rings: int) -> tuple[Array, Array]:
    """Smooth outline through stations (place along the line, two half-axes): places (N,) and radii (N, 2).

    Where a bone is too short for its stations, those that lie beyond one that follows are left out, so that a limb
    ends where its last bone does. The last must lie beyond the first.
    """
    table = np.asarray(stations, dtype=np.float64)
    nearest_after = np.minimum.accumulate(table[:0:-1, 0])[::-1]
    table = table[np.append(table[:-1, 0] < nearest_after, True)]
    places = np.linspace(table[0, 0], table[-1, 0], rings)
    return places, PchipInterpolator(table[:, 0], table[:, 1:])(places)


def soft_weights(
    places: Array, joints: Sequence[int], starts: Sequence[float], soft: float, count: int
) -> Array:
    """(N, count) weights of rings at `places` (N,) along bones that follow each other.

    Args:
        joints: the joint that each bone hangs on, in order.
        starts: where the second and later bones begin, ascending.
        soft: metres before and after the start of a bone over which it takes over from the one before.
    """
    share = [np.ones_like(places)]
    for start in starts:
        ramp = np.clip((places - start) / (2 * soft) + 0.5, 0.0, 1.0)
        share.append(ramp * ramp * (3 - 2 * ramp))
    share.append(np.zeros_like(places))
    weights = np.zeros((len(places), count))
    for bone, joint in enumerate(joints):
        weights[:, joint] += share[bone] * (1 - share[bone + 1])
    return weights / weights.sum(axis=1, keepdims=True)


def tube_mesh(tube: Tube) -> Mesh:
    """Skin of a tube, with a dome at each end as deep as the thinner half-axis there."""
    along = tube.centres[-1] - tube.centres[0]
    along = along / np.linalg.norm(along)
    rise, swell = np.cos(_DOME), np.sin(_DOME)
    first, last = tube.radii[0].min(), tube.radii[-1].min()
    centres = np.concatenate((
        tube.centres[0] - np.outer(rise, along) * first,
        tube.centres,
        tube.centres[-1] + np.outer(rise[::-1], along) * last,
    ))  # fmt: skip
    radii = np.concatenate(
        (np.outer(swell, tube.radii[0]), tube.radii, np.outer(swell[::-1], tube.radii[-1]))
    )
    weights = np.pad(tube.weights, ((len(_DOME), len(_DOME)), (0, 0)), mode="edge")
    poles = np.stack((tube.centres[0] - along * first, tube.centres[-1] + along * last))
    vertices = np.concatenate((_rings(centres, radii, tube.axes, along), poles))
    weights = np.concatenate((np.repeat(weights, AROUND, axis=0), weights[[0, -1]]))
    return Mesh(vertices, _triangles(len(centres)), weights)


def joined(meshes: Sequence[Mesh]) -> Mesh:
    """Several meshes as one, not welded."""
    starts = np.cumsum([0, *(len(mesh.vertices) for mesh in meshes[:-1])])
    return Mesh(
        np.concatenate([mesh.vertices for mesh in meshes]),
        np.concatenate([mesh.triangles + start for mesh, start in zip(meshes, starts, strict=True)]),
        np.concatenate([mesh.weights for mesh in meshes]),
    )


def vertex_normals(mesh: Mesh) -> Array:
    """(V, 3) unit normals: the mean of a vertex's triangles, weighted by their areas."""
    corners = mesh.vertices[mesh.triangles]
    faces = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals = np.zeros_like(mesh.vertices)
    np.add.at(normals, mesh.triangles.ravel(), np.repeat(faces, 3, axis=0))
    return normals / np.linalg.norm(normals, axis=1, keepdims=True)


def _rings(centres: Array, radii: Array, axes: tuple[Array, Array], along: Array) -> Array:
    """(N * AROUND, 3) points, counter-clockwise about `along`."""
    angles = np.arange(AROUND) * (2 * np.pi / AROUND)
    if np.cross(*axes) @ along < 0:
        angles = -angles
    across = radii[:, :1, None] * np.cos(angles)[:, None] * axes[0]
    aside = radii[:, 1:, None] * np.sin(angles)[:, None] * axes[1]
    return (centres[:, None] + across + aside).reshape(-1, 3)


def _triangles(rings: int) -> NDArray[np.int64]:
    """(F, 3) indices into rings * AROUND points and the two poles behind them."""
    here = np.arange(rings * AROUND).reshape(rings, AROUND)
    beside = np.roll(here, -1, axis=1)
    low, low_beside, high, high_beside = here[:-1], beside[:-1], here[1:], beside[1:]
    walls = np.stack((low, low_beside, high, low_beside, high_beside, high), axis=-1).reshape(-1, 3)
    first, last = np.full(AROUND, rings * AROUND), np.full(AROUND, rings * AROUND + 1)
    floor = np.stack((beside[0], here[0], first), axis=-1)
    roof = np.stack((here[-1], beside[-1], last), axis=-1)
    return np.concatenate((walls, floor, roof))

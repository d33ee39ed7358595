"""The floor: a metre grid that fades into the distance, the figure's soft shadow, and its path."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates

from kinelex.motion.drawing import Floats, floats
from kinelex.motion.drawing.body import Body
from kinelex.motion.drawing.camera import Camera

BACKDROP = floats((246, 247, 250)) / 255
_FLOOR = floats((226, 230, 236)) / 255
_LINE = floats((176, 184, 196)) / 255
_CELL = 0.5  # metres between lines
_LINE_WIDTH = 0.012  # metres
_NEAR_FADE, _FAR_FADE = 1.6, 5.0  # metres from the target at which the floor starts and ends to dissolve
_SHADOW_CELL = 0.025  # metres
_SHADOW_REACH = 1.6  # metres around the target that can be in shadow
_SUN = (0.18, -0.12)  # how far (x, z) a shadow falls from a point one metre up
_SHADE = 0.46  # darkness of a shadow at contact


@dataclass(frozen=True)
class Ground:
    """Where the floor is at each pixel of a camera that only moves: computed once, used for every frame.

    Attributes:
        bare: (h, w, 3) the picture without lines and shadow.
        presence: (h, w) 1 near the figure, 0 where the floor has dissolved or the sky begins.
        top: first of the rows that the arrays below cover; above it there is no floor.
        x, z: (h - top, w) metres from the target.
        blur_x, blur_z: (h - top, w) metres that a pixel spans.
        shaded: rows and columns, counted from `top`, that the shadow can reach.
    """

    bare: Floats
    presence: Floats
    top: int
    x: Floats
    z: Floats
    blur_x: Floats
    blur_z: Floats
    shaded: tuple[slice, slice]

    @classmethod
    def under(cls, camera: Camera, floor: float) -> Ground:
        """The floor of height `floor` as the camera sees it."""
        x, z, presence = _floor_points(camera, floor)
        top = int(np.argmax((presence > 0).any(axis=1))) if presence.any() else camera.height - 1
        bare = BACKDROP + presence[..., None] * (_FLOOR - BACKDROP)
        blur_x, blur_z = _span(x), _span(z)
        reached = (np.abs(x[top:]) < _SHADOW_REACH) & (np.abs(z[top:]) < _SHADOW_REACH)
        shaded = (_extent(np.any(reached, axis=1)), _extent(np.any(reached, axis=0)))
        return cls(bare, presence, top, x[top:], z[top:], blur_x[top:], blur_z[top:], shaded)

    def draw(self, body: Body, frame: int, target: tuple[float, float, float]) -> Floats:
        """(h, w, 3) the floor, its lines and the shadow of the body at one frame."""
        picture = self.bare.copy()
        lines = np.maximum(_lines(self.x + target[0], self.blur_x), _lines(self.z + target[2], self.blur_z))
        lines *= self.presence[self.top :]
        picture[self.top :] += lines[..., None] * (_LINE - _FLOOR)
        x, z, presence = (values[self.shaded] for values in (self.x, self.z, self.presence[self.top :]))
        cells = np.stack((z, x)) + _SHADOW_REACH
        cells /= _SHADOW_CELL
        shadow = map_coordinates(_shadow(body, frame, target), cells, order=1, output=np.float32)
        picture[self.top :][self.shaded] *= 1.0 - (shadow * presence)[..., None]
        return picture


def _floor_points(camera: Camera, floor: float) -> tuple[Floats, Floats, Floats]:
    """x and z (h, w) from the target where each pixel's ray meets the floor, and how present the floor is."""
    columns = (np.arange(camera.width, dtype=np.float32) + 0.5 - camera.centre[0]) / camera.scale
    rows = (camera.centre[1] - np.arange(camera.height, dtype=np.float32) - 0.5) / camera.scale
    right, up, towards = camera.axes
    eye = camera.distance * towards
    rays = columns[None, :, None] * right + rows[:, None, None] * up - eye
    eye_height = camera.target[1] + eye[1] - floor
    length = eye_height / np.maximum(-rays[..., 1], 1e-4)
    x, z = eye[0] + rays[..., 0] * length, eye[2] + rays[..., 2] * length
    dissolved = np.clip((_FAR_FADE - np.hypot(x, z)) / (_FAR_FADE - _NEAR_FADE), 0.0, 1.0) ** 1.5
    return x, z, floats(np.where(rays[..., 1] < -1e-3, dissolved, 0.0))


def _extent(mask: NDArray[Any]) -> slice:
    """From the first to the last True."""
    hits = np.flatnonzero(mask)
    return slice(int(hits[0]), int(hits[-1]) + 1) if len(hits) else slice(0, 0)


def _span(values: Floats) -> Floats:
    if min(values.shape) < 2:
        return np.full_like(values, 1e-3)
    down, right = np.gradient(values)
    return np.hypot(down, right)


def _lines(values: Floats, blur: Floats) -> Floats:
    """How much of each pixel lies on a line at a multiple of the cell."""
    distance = values - _CELL * np.rint(values / _CELL)
    covered = (_LINE_WIDTH / 2 - np.abs(distance, out=distance)) / blur
    covered += 0.5
    np.clip(covered, 0.0, 1.0, out=covered)
    covered *= np.minimum(_LINE_WIDTH / blur, 1.0)  # a line thinner than a pixel is paler, not dashed
    return covered


def _shadow(body: Body, frame: int, target: tuple[float, float, float]) -> Floats:
    """Darkness on a square of floor around the target: limbs dropped along sunlight, blurred by height."""
    cells = int(2 * _SHADOW_REACH / _SHADOW_CELL) + 1
    axis = np.arange(cells, dtype=np.float32) * _SHADOW_CELL - _SHADOW_REACH
    darkness = np.zeros((cells, cells), dtype=np.float32)
    starts, ends = (_dropped(points[frame], body.floor, target) for points in (body.starts, body.ends))
    radii = (body.start_radii + body.end_radii) / 2
    for (x0, z0, h0), (x1, z1, h1), radius in zip(starts, ends, radii, strict=True):
        soft = 0.05 + 0.16 * (h0 + h1) / 2
        reach = radius + soft
        rows = slice(*np.searchsorted(axis, (min(z0, z1) - reach, max(z0, z1) + reach)))
        columns = slice(*np.searchsorted(axis, (min(x0, x1) - reach, max(x0, x1) + reach)))
        u, v = axis[columns] - x0, (axis[rows] - z0)[:, None]
        dx, dz = x1 - x0, z1 - z0
        share = np.clip((u * dx + v * dz) / max(dx * dx + dz * dz, 1e-9), 0.0, 1.0)
        distance = np.hypot(u - share * dx, v - share * dz)
        height = h0 + share * (h1 - h0)
        shade = (
            _SHADE
            * np.clip((reach - distance) / (2 * soft), 0.0, 1.0)
            / (1.0 + 1.3 * np.maximum(height, 0.0))
        )
        np.maximum(darkness[rows, columns], shade, out=darkness[rows, columns])
    return darkness


def _dropped(points: Floats, floor: float, target: tuple[float, float, float]) -> Floats:
    height = points[:, 1] - floor
    return np.stack(
        (points[:, 0] + _SUN[0] * height - target[0], points[:, 2] + _SUN[1] * height - target[2], height),
        axis=1,
    )

"""The floor: a metre grid that fades into the distance, the figure's soft shadow, and its path."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates

from kinelex.motion.drawing.body import Body
from kinelex.motion.drawing.camera import Camera

Floats = NDArray[np.float32]

BACKDROP = np.float32((246, 247, 250)) / 255
_FLOOR = np.float32((226, 230, 236)) / 255
_LINE = np.float32((176, 184, 196)) / 255
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
        x, z: (h, w) metres from the target.
        blur_x, blur_z: (h, w) metres that a pixel spans.
        presence: (h, w) 1 near the figure, 0 where the floor has dissolved or the sky begins.
    """

    x: Floats
    z: Floats
    blur_x: Floats
    blur_z: Floats
    presence: Floats

    @classmethod
    def under(cls, camera: Camera, floor: float) -> Ground:
        """The floor of height `floor` as the camera sees it."""
        columns = (np.arange(camera.width, dtype=np.float32) + 0.5 - camera.centre[0]) / camera.scale
        rows = (camera.centre[1] - np.arange(camera.height, dtype=np.float32) - 0.5) / camera.scale
        right, up, towards = camera.axes
        rays = (
            columns[None, :, None] * right + rows[:, None, None] * up - np.float32(camera.distance) * towards
        ) / camera.distance
        eye_height = camera.target[1] + camera.distance * towards[1] - floor
        length = eye_height / np.maximum(-rays[..., 1], 1e-4)
        eye = camera.distance * towards
        x, z = eye[0] + rays[..., 0] * length, eye[2] + rays[..., 2] * length
        away = np.hypot(x, z)
        presence = np.clip((_FAR_FADE - away) / (_FAR_FADE - _NEAR_FADE), 0.0, 1.0) ** 1.5
        return cls(x, z, _span(x), _span(z), np.where(rays[..., 1] < -1e-3, presence, 0.0).astype(np.float32))

    def draw(self, body: Body, frame: int, target: tuple[float, float, float]) -> Floats:
        """(h, w, 3) the floor, its lines and the shadow of the body at one frame."""
        lines = np.maximum(_lines(self.x + target[0], self.blur_x), _lines(self.z + target[2], self.blur_z))
        colour = _FLOOR + lines[..., None] * (_LINE - _FLOOR)
        shadow = map_coordinates(
            _shadow(body, frame, target),
            ((self.z + _SHADOW_REACH) / _SHADOW_CELL, (self.x + _SHADOW_REACH) / _SHADOW_CELL),
            order=1, output=np.float32,
        )  # fmt: skip
        colour = colour * (1.0 - shadow[..., None])
        return BACKDROP + self.presence[..., None] * (colour - BACKDROP)


def _span(values: Floats) -> Floats:
    if min(values.shape) < 2:
        return np.full_like(values, 1e-3)
    down, right = np.gradient(values)
    return np.hypot(down, right)


def _lines(values: Floats, blur: Floats) -> Floats:
    """How much of each pixel lies on a line at a multiple of the cell."""
    distance = np.abs(values - _CELL * np.round(values / _CELL))
    covered = np.clip((_LINE_WIDTH / 2 - distance) / blur + 0.5, 0.0, 1.0)
    return covered * np.minimum(_LINE_WIDTH / blur, 1.0)  # a line thinner than a pixel is paler, not dashed


def _shadow(body: Body, frame: int, target: tuple[float, float, float]) -> Floats:
    """Darkness on a square of floor around the target: limbs dropped along the sunlight, blurred by height."""
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

"""A perspective camera that moves with the figure but never turns, so that turns of the figure are seen."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from kinelex.motion.drawing import Floats, floats
from kinelex.motion.drawing.body import Body


@dataclass(frozen=True)
class Camera:
    """Looks at `target` from `distance` metres.

    Attributes:
        width, height: pixels of the picture.
        scale: pixels a metre at the target.
        centre: pixel (x, y) that the target falls on.
        target: (3,) metres, world.
        yaw: radians to the figure's left of its first heading; negative is its right, so that walking forward
            goes to the right of the picture.
        pitch: radians above the horizon.
    """

    width: int
    height: int
    scale: float
    centre: tuple[float, float]
    target: tuple[float, float, float]
    yaw: float = math.radians(-35.0)
    pitch: float = math.radians(13.0)
    distance: float = 6.5

    @property
    def axes(self) -> Floats:
        """(3, 3) rows: to the right, up, towards the camera."""
        sin_yaw, cos_yaw = math.sin(self.yaw), math.cos(self.yaw)
        sin_pitch, cos_pitch = math.sin(self.pitch), math.cos(self.pitch)
        return np.array(
            [
                [cos_yaw, 0.0, -sin_yaw],
                [-sin_pitch * sin_yaw, cos_pitch, -sin_pitch * cos_yaw],
                [cos_pitch * sin_yaw, sin_pitch, cos_pitch * cos_yaw],
            ],
            dtype=np.float32,
        )

    def project(self, points: Floats) -> tuple[Floats, Floats]:
        """Pixels (..., 2), y down, and magnification (...,) relative to the target, of points (..., 3)."""
        seen = (points - floats(self.target)) @ self.axes.T
        nearness = self.distance / np.maximum(self.distance - seen[..., 2], 0.1)
        plane = seen[..., :2] * (self.scale * nearness)[..., None] * floats((1.0, -1.0))
        return plane + floats(self.centre), nearness

    def moved(self, target: tuple[float, float, float]) -> Camera:
        """The same camera looking at another point."""
        return replace(self, target=target)

    def magnified(self, factor: int) -> Camera:
        """The same view with `factor` times as many pixels a side."""
        x, y = self.centre
        return replace(
            self, width=self.width * factor, height=self.height * factor, scale=self.scale * factor,
            centre=(x * factor, y * factor),
        )  # fmt: skip


# Metres that are always in view, so that clips of ordinary standing and walking all have the same scale.
_HALF_WIDTH, _LOW, _HIGH = 0.56, -0.95, 0.85
_EYE_LEVEL = 0.9  # metres above the floor, of every target


def camera_for(
    body: Body, frames: list[int], width: int, height: int, margins: tuple[int, int, int]
) -> Camera:
    """A camera that has the figure whole in view at each of `frames`, when looking at `focus(body, frame)`.

    Args:
        margins: pixels kept free at the top, at the bottom and at either side.
    """
    camera = Camera(width, height, 1.0, (0.0, 0.0), (0.0, 0.0, 0.0))
    half_width, low, high = _HALF_WIDTH, _LOW, _HIGH
    for frame in frames:
        view = camera.moved(focus(body, frame))
        for points, radii in ((body.starts, body.start_radii), (body.ends, body.end_radii)):
            pixels, _ = view.project(points[frame])
            half_width = max(half_width, float((np.abs(pixels[:, 0]) + radii).max()))
            low, high = (
                min(low, float((-pixels[:, 1] - radii).min())),
                max(high, float((radii - pixels[:, 1]).max())),
            )
    top, bottom, side = margins
    scale = min((width / 2 - side) / half_width, (height - top - bottom) / (high - low))
    return replace(camera, scale=scale, centre=(width / 2, height - bottom + low * scale))


def focus(body: Body, frame: int) -> tuple[float, float, float]:
    """The point to look at: over the floor under the middle of the figure."""
    points = np.concatenate((body.starts[frame], body.ends[frame]))
    x, z = (points[:, [0, 2]].min(axis=0) + points[:, [0, 2]].max(axis=0)) / 2
    return float(x), body.floor + _EYE_LEVEL, float(z)

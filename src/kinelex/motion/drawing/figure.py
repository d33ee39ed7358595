"""Draw a body as a solid: where a limb meets a pixel's ray, the nearest wins, then light falls on it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kinelex.motion.drawing import Floats, floats
from kinelex.motion.drawing.body import HEAD, LEFT, RIGHT, TRUNK, Body
from kinelex.motion.drawing.camera import Camera

PAINTS = {TRUNK: (168, 176, 188), LEFT: (240, 130, 48), RIGHT: (52, 120, 214), HEAD: (214, 218, 224)}
VISOR = (58, 66, 82)
_INK = 0.45  # brightness of the line where one limb passes before another
_LIGHT = floats((-0.42, 0.74, 0.52))  # right, up, towards the camera; unit
_VISOR_EDGE = 0.62  # cosine between where the head looks and the rim of its dark front
_SMOOTHING = 2  # pixels a side that are averaged into one


@dataclass(frozen=True)
class Picture:
    """Colours (h, w, 3) times their opacity (h, w), 0 to 1, to be laid at pixel (left, top)."""

    colour: Floats
    opacity: Floats
    left: int
    top: int


def draw_figure(body: Body, frame: int, camera: Camera) -> Picture:
    """The body at one frame, smoothed by averaging finer pixels."""
    fine = camera.magnified(_SMOOTHING)
    starts, start_near = fine.project(body.starts[frame])
    ends, end_near = fine.project(body.ends[frame])
    limbs = np.stack(
        (
            *starts.T, _towards(body.starts[frame], fine), body.start_radii * fine.scale * start_near,
            *ends.T, _towards(body.ends[frame], fine), body.end_radii * fine.scale * end_near,
        ),
        axis=1,
    )  # fmt: skip
    left, top, right, bottom = _bounds(limbs, fine)
    surface = _Surface.empty(left, top, right - left, bottom - top)
    for limb, values in enumerate(limbs):
        surface.add(limb, *values.tolist())
    seen = surface.limb >= 0
    layers = np.zeros((*seen.shape, 4), dtype=np.float32)
    layers[seen, :3] = _shade(surface, body, frame, camera)
    layers[seen, 3] = 1.0
    layers = _averaged(layers)
    return Picture(layers[..., :3], layers[..., 3], left // _SMOOTHING, top // _SMOOTHING)


def _towards(points: Floats, camera: Camera) -> Floats:
    return ((points - floats(camera.target)) @ camera.axes[2]) * camera.scale


def _bounds(limbs: Floats, camera: Camera) -> tuple[int, int, int, int]:
    x, y, radius = limbs[:, [0, 4]], limbs[:, [1, 5]], limbs[:, [3, 7]]
    low = np.floor(np.array([(x - radius).min(), (y - radius).min()]) / _SMOOTHING - 1) * _SMOOTHING
    high = np.ceil(np.array([(x + radius).max(), (y + radius).max()]) / _SMOOTHING + 1) * _SMOOTHING
    size = (camera.width, camera.height)
    left, top = (int(np.clip(value, 0, end)) for value, end in zip(low, size, strict=True))
    right, bottom = (int(np.clip(value, 0, end)) for value, end in zip(high, size, strict=True))
    return left, top, max(right, left), max(bottom, top)


@dataclass(frozen=True)
class _Surface:
    """What is seen at each pixel of a window: which limb (-1: none), how near, and the normal."""

    left: int
    top: int
    limb: NDArray[np.int16]
    near: Floats
    normal: Floats

    @classmethod
    def empty(cls, left: int, top: int, width: int, height: int) -> _Surface:
        return cls(
            left, top, np.full((height, width), -1, np.int16), np.full((height, width), -np.inf, np.float32),
            np.zeros((height, width, 3), np.float32),
        )  # fmt: skip

    def add(
        self,
        limb: int,
        x0: float,
        y0: float,
        z0: float,
        r0: float,
        x1: float,
        y1: float,
        z1: float,
        r1: float,
    ) -> None:
        """Put in a ball swept from (x0, y0, z0), radius r0, to (x1, y1, z1), r1: pixels, z to the viewer."""
        if (r1 - r0) ** 2 >= (x1 - x0) ** 2 + (y1 - y0) ** 2 - 1e-3:  # one end hides the other
            self._add_span(limb, (x0, y0, z0, r0), (0.0, 0.0, 0.0, 0.0))
            self._add_span(limb, (x1, y1, z1, r1), (0.0, 0.0, 0.0, 0.0))
        else:
            self._add_span(limb, (x0, y0, z0, r0), (x1 - x0, y1 - y0, z1 - z0, r1 - r0))

    def _add_span(self, limb: int, start: tuple[float, ...], change: tuple[float, ...]) -> None:
        (x0, y0, z0, r0), (dx, dy, dz, dr) = start, change
        window = self._window(min(x0 - r0, x0 + dx - r0 - dr), min(y0 - r0, y0 + dy - r0 - dr),
                              max(x0 + r0, x0 + dx + r0 + dr), max(y0 + r0, y0 + dy + r0 + dr))  # fmt: skip
        rows, columns = window
        u = np.arange(columns.start, columns.stop, dtype=np.float32) + (self.left + 0.5 - x0)
        v = (np.arange(rows.start, rows.stop, dtype=np.float32) + (self.top + 0.5 - y0))[:, None]
        share = _nearest_share(u, v, dx, dy, dz, r0, dr)
        off_x, off_y, radius = u - share * dx, v - share * dy, r0 + share * dr
        square = radius * radius - off_x * off_x - off_y * off_y
        height = np.sqrt(np.maximum(square, 0.0))
        near = z0 + share * dz + height
        wins = (square > 0) & (near > self.near[window])
        self.near[window][wins] = near[wins]
        self.limb[window][wins] = limb
        normal = self.normal[window]
        radius = np.broadcast_to(radius, wins.shape)[wins]
        normal[wins] = np.stack((off_x[wins], -off_y[wins], height[wins]), axis=-1) / radius[:, None]

    def _window(self, left: float, top: float, right: float, bottom: float) -> tuple[slice, slice]:
        height, width = self.limb.shape
        columns = slice(max(int(left) - self.left, 0), max(min(int(right) + 2 - self.left, width), 0))
        rows = slice(max(int(top) - self.top, 0), max(min(int(bottom) + 2 - self.top, height), 0))
        return rows, slice(min(columns.start, columns.stop), columns.stop)


def _nearest_share(u: Floats, v: Floats, dx: float, dy: float, dz: float, r0: float, dr: float) -> Floats:
    """How far along the sweep is the ball that comes nearest, at offsets u (w,), v (h, 1) from the start.

    The ball at share t reaches z(t) = t dz + sqrt(q(t)) with q(t) = (r0 + t dr)^2 - |(u, v) - t (dx, dy)|^2.
    With a = dx^2 + dy^2 - dr^2 > 0, q = Q - a (t - m)^2 and z is highest at m + dz sqrt(Q / (a (a + dz^2))).
    """
    a = dx * dx + dy * dy - dr * dr
    if a <= 0.0:
        return np.zeros((v.shape[0], u.shape[0]), dtype=np.float32)
    half = r0 * dr + u * dx + v * dy
    top = np.maximum(r0 * r0 - u * u - v * v + half * half / a, 0.0)
    return np.clip(half / a + dz * np.sqrt(top / (a * (a + dz * dz))), 0.0, 1.0)


def _shade(surface: _Surface, body: Body, frame: int, camera: Camera) -> Floats:
    """(n, 3) colours of the pixels on which the body is seen."""
    seen = surface.limb >= 0
    normal, limb = surface.normal[seen], surface.limb[seen]
    colour = (floats([PAINTS[paint] for paint in body.paints]) / 255)[limb]
    looks = normal @ (camera.axes @ body.faces[frame])
    visor = np.array([paint == HEAD for paint in body.paints])[limb] & (looks > _VISOR_EDGE)
    colour[visor] = floats(VISOR) / 255
    light = 0.50 + 0.14 * normal[:, 1] + 0.50 * np.maximum(normal @ _LIGHT, 0.0)
    light *= 0.80 + 0.20 * np.minimum(normal[:, 2] * 2.2, 1.0)  # rounds the outline off
    light[_passed_before(surface.near, body, camera)[seen]] *= _INK
    gloss = 0.14 * np.maximum(normal @ _half_way(), 0.0) ** 28
    return np.clip(colour * light[:, None] + gloss[:, None], 0.0, 1.0)


def _half_way() -> Floats:
    middle = _LIGHT + floats((0.0, 0.0, 1.0))
    return middle / np.linalg.norm(middle)


def _passed_before(near: Floats, body: Body, camera: Camera) -> NDArray[np.bool_]:
    """Pixels just beside a part of the body that is clearly nearer to the camera."""
    step = float(body.end_radii.min()) * camera.scale * _SMOOTHING * 1.2
    padded = np.pad(near, 1, constant_values=-np.inf)
    around = np.maximum.reduce([padded[:-2, 1:-1], padded[2:, 1:-1], padded[1:-1, :-2], padded[1:-1, 2:]])
    return around > near + step


def _averaged(values: Floats) -> Floats:
    blocks = [
        values[row::_SMOOTHING, column::_SMOOTHING]
        for row in range(_SMOOTHING)
        for column in range(_SMOOTHING)
    ]
    return sum(blocks[1:], start=blocks[0]) / len(blocks)

"""The way of a clip seen from above, with the heading at its sampled moments."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch

from kinelex.motion.drawing import Floats, floats
from kinelex.motion.drawing.page import FAINT, INK, font, pillow
from kinelex.motion.heading import facing
from kinelex.motion.motion import Motion

if TYPE_CHECKING:
    from PIL.Image import Image

_FINE = 3  # drawn larger, then averaged
_SMALLEST = 2.4  # metres across, so that a sway on the spot does not look like a walk
_CELLS = (1, 5, 20, 100, 500, 5000)  # metres between grid lines
_BACK, _GRID, _WAY, _ARROW = (246, 247, 250), (214, 219, 227), (96, 104, 120), (190, 60, 70)


def draw_map(motion: Motion, frames: Sequence[int], size: tuple[int, int]) -> Image:
    """The root's way from above on a grid of metres: the first heading points up, the figure's left is left.

    Args:
        frames: moments that get a numbered arrow.
        size: width and height in pixels.
    """
    width, height = size
    flat = motion.positions[:, 0][:, [0, 2]] * floats((-1.0, 1.0))  # seen from above with +Z up, +X is left
    middle = (flat.min(axis=0) + flat.max(axis=0)) / 2
    spans = np.maximum((flat.max(axis=0) - flat.min(axis=0)) * 1.25 + 0.5, _SMALLEST)
    scale = float(min(width / spans[0], (height - 30) / spans[1])) * _FINE
    centre = floats((width / 2, height / 2 + 10)) * _FINE

    def pixels(points: Floats) -> list[tuple[float, float]]:
        return [tuple(point) for point in (centre + (points - middle) * (scale, -scale)).tolist()]

    image = pillow().Image.new("RGB", (width * _FINE, height * _FINE), _BACK)
    draw = pillow().ImageDraw.Draw(image)
    cell = next(cell for cell in _CELLS if spans.max() <= 20 * cell)
    _draw_grid(draw, image.size, pixels(np.zeros((1, 2), np.float32))[0], scale * cell)
    if len(flat) > 1:
        draw.line(pixels(flat), fill=_WAY, width=2 * _FINE, joint="curve")
    headings = facing(torch.from_numpy(motion.positions), motion.skeleton).numpy() * (-1.0, 1.0)
    for frame in frames:
        _draw_arrow(draw, np.array(pixels(flat[frame : frame + 1])[0]), headings[frame] * (1.0, -1.0))
    image = image.reduce(_FINE)
    draw = pillow().ImageDraw.Draw(image)
    _number(draw, [np.array(point) / _FINE for point in pixels(flat[list(frames)])])
    draw.text((7, 9), "from above", font=font(12, bold=True), fill=INK)
    draw.text((width - 7, 10), f"{cell:g} m grid", font=font(11), fill=FAINT, anchor="ra")
    return image


def _draw_grid(draw, size: tuple[int, int], origin: tuple[float, float], cell: float) -> None:
    for axis in (0, 1):
        first = -int(origin[axis] // cell)
        for line in range(first, first + int(size[axis] // cell) + 2):
            at = origin[axis] + line * cell
            ends = ((at, 0), (at, size[1])) if axis == 0 else ((0, at), (size[0], at))
            draw.line(ends, fill=_GRID, width=_FINE)


def _draw_arrow(draw, tail: Floats, heading: Floats) -> None:
    length = np.linalg.norm(heading)
    ahead = heading / length if length > 1e-6 else np.array((0.0, -1.0))
    beside = np.array((-ahead[1], ahead[0]))
    tip, neck = tail + 20 * _FINE * ahead, tail + 12 * _FINE * ahead
    draw.line([tuple(tail), tuple(neck)], fill=_ARROW, width=2 * _FINE)
    draw.polygon(
        [tuple(tip), tuple(neck + 4 * _FINE * beside), tuple(neck - 4 * _FINE * beside)], fill=_ARROW
    )
    radius = 3 * _FINE
    draw.ellipse((*(tail - radius), *(tail + radius)), fill=_ARROW)


def _number(draw, points: list[Floats]) -> None:
    """Numbers beside the points, except where one is already written."""
    written: list[Floats] = []
    for index, point in enumerate(points):
        if all(np.abs(point - other).max() > 11 for other in written):
            draw.text((point[0] + 6, point[1] + 2), str(index + 1), font=font(11, bold=True), fill=INK)
            written.append(point)

"""Words, coloured bars and curves on pictures (Pillow; extra `render`)."""

from __future__ import annotations

import os
from bisect import bisect_left
from collections import deque
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from kinelex.errors import KinelexError
from kinelex.motion.drawing import Floats, floats
from kinelex.motion.motion import Motion

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageDraw import ImageDraw

INK, FAINT, PAPER = (38, 43, 54), (118, 126, 140), (255, 255, 255)
# Phrase colours stay clear of the orange and blue of the limbs.
PHRASES = ((38, 152, 108), (142, 92, 200), (205, 150, 30), (18, 146, 166), (204, 78, 128))
_LONGEST_LINE = 4000  # letters; no picture is wide enough for more
_FINE = 3  # curves and bars are drawn this many times larger, then averaged


def pillow() -> Any:
    """The Pillow package with the modules used here.

    Raises:
        KinelexError: it is not installed.
    """
    try:
        import PIL.Image
        import PIL.ImageDraw
        import PIL.ImageFont
    except ImportError as error:
        raise KinelexError('pictures need Pillow; install it with pip install "kinelex[render]"') from error
    return PIL


@cache
def font(size: int, bold: bool = False) -> Any:
    """DejaVu Sans, which comes with matplotlib, so that pictures look the same on every machine.

    Raises:
        KinelexError: matplotlib is not installed.
    """
    try:
        import matplotlib
    except ImportError as error:
        raise KinelexError(
            'pictures need matplotlib; install it with pip install "kinelex[render]"'
        ) from error
    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    return pillow().ImageFont.truetype(os.path.join(matplotlib.get_data_path(), "fonts", "ttf", name), size)


def title_of(motion: Motion) -> str:
    """The phrases of a clip in a row: what to write over it when nothing else is given."""
    return " | ".join(segment.text for segment in motion.segments)


def to_image(colours: Floats) -> Image:
    """A Pillow image of colours (h, w, 3), 0 to 1."""
    return pillow().Image.fromarray((colours * 255 + 0.5).clip(0, 255).astype(np.uint8))


def wrapped(text: str, face: Any, width: float, lines: int) -> list[str]:
    """`text` in at most `lines` lines of `width` pixels; what does not fit ends in an ellipsis."""
    # Pillow refuses to measure a million letters, and takes its time over thousands.
    shown = " ".join(text.split())[: lines * _LONGEST_LINE]
    words, rows = deque(shown.split()), [""]
    while words and len(rows) < lines:
        longer = f"{rows[-1]} {words[0]}".strip()
        if face.getlength(longer) <= width or not rows[-1]:
            rows[-1] = longer
            words.popleft()
        else:
            rows.append("")
    rows[-1] = " ".join((rows[-1], *words)).strip()
    return [_shortened(row, face, width) for row in rows]


def _shortened(text: str, face: Any, width: float) -> str:
    if face.getlength(text) <= width:
        return text
    fitting = bisect_left(
        range(1, len(text)), True, key=lambda size: face.getlength(text[:size] + "…") > width
    )
    text = text[:fitting].rstrip()
    return f"{text}…" if text else ""


def draw_timeline(
    page: Image,
    motion: Motion,
    box: tuple[int, int, int, int],
    marks: Sequence[float] = (),
    now: float | None = None,
) -> None:
    """A bar of the clip's whole time with its phrases, and seconds under it.

    Args:
        box: left, top, right, bottom pixels; the last 16 rows are for the seconds.
        marks: times to point at from above.
        now: when given, what lies later is pale.
    """
    left, top, right, bottom = box
    bar_bottom = bottom - 16
    draw = pillow().ImageDraw.Draw(page)

    def across(seconds: float) -> float:
        return left + (right - left) * min(max(seconds / motion.seconds, 0.0), 1.0)

    draw.rectangle((left, top, right - 1, bar_bottom - 1), fill=(228, 231, 237))
    for index, segment in enumerate(motion.segments):
        colour = PHRASES[index % len(PHRASES)]
        start, end = across(segment.start), across(segment.end)
        pale = tuple(int(0.45 * value + 0.55 * 235) for value in colour)
        draw.rectangle(
            (start, top, max(end - 2, start), bar_bottom - 1), fill=colour if now is None else pale
        )
        if now is not None and across(now) > start:
            draw.rectangle((start, top, max(min(end - 2, across(now)), start), bar_bottom - 1), fill=colour)
        _label(draw, segment.text, (start + 6, top, end - 8, bar_bottom))
    if now is not None:
        draw.rectangle((left, bar_bottom + 2, across(now), bar_bottom + 5), fill=INK)
        return
    for mark in marks:
        draw.polygon(
            [(across(mark) - 5, top - 7), (across(mark) + 5, top - 7), (across(mark), top - 1)], fill=FAINT
        )
    _seconds(draw, motion.seconds, across, bar_bottom)


def _label(draw: ImageDraw, text: str, box: tuple[float, float, float, float]) -> None:
    left, top, right, bottom = box
    face = font(13, bold=True)
    lines = wrapped(text, face, right - left, 2 if bottom - top >= 34 else 1)
    height = 16 * len(lines)
    for row, line in enumerate(lines):
        draw.text((left, (top + bottom - height) / 2 + 16 * row), line, font=face, fill=PAPER)


def _seconds(draw: ImageDraw, seconds: float, across: Any, top: int) -> None:
    step = next(step for step in (0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 600, 1e9) if seconds / step <= 12)
    for mark in np.arange(0.0, seconds + 1e-6, step):
        draw.line((across(mark), top, across(mark), top + 3), fill=FAINT)
        anchor = "la" if mark == 0 else "ra" if across(mark) > across(seconds) - 12 else "ma"
        draw.text((across(mark), top + 3), f"{mark:g} s", font=font(10), fill=FAINT, anchor=anchor)


def draw_curve(
    colours: Floats,
    points: Floats,
    colour: Sequence[float],
    width: float,
    opacity: float,
) -> None:
    """Draw a smooth line through pixels (n, 2) onto colours (h, w, 3), in place."""
    height, total = colours.shape[:2]
    low = np.floor(points.min(axis=0, initial=1e9) - width).clip(0, (total, height)).astype(int)
    high = np.ceil(points.max(axis=0, initial=-1e9) + width).clip(0, (total, height)).astype(int)
    if len(points) < 2 or (high <= low).any():
        return
    mask = pillow().Image.new("L", tuple((high - low) * _FINE))
    line = [tuple(point) for point in ((points - low) * _FINE).tolist()]
    pillow().ImageDraw.Draw(mask).line(line, fill=255, width=max(1, round(width * _FINE)), joint="curve")
    covered = floats(mask.reduce(_FINE))[..., None] * (opacity / 255)
    window = colours[low[1] : high[1], low[0] : high[0]]
    window += covered * (floats(colour) / 255 - window)

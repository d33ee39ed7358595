"""Film strips: a clip as a row of poses over its time line, to be judged at a glance."""

from __future__ import annotations

import os
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kinelex.atomic import atomic_path
from kinelex.errors import KinelexError
from kinelex.motion.drawing.body import LEFT, RIGHT
from kinelex.motion.drawing.figure import PAINTS
from kinelex.motion.drawing.map import draw_map
from kinelex.motion.drawing.page import (
    FAINT,
    INK,
    PAPER,
    PHRASES,
    draw_timeline,
    font,
    pillow,
    title_of,
    to_image,
    wrapped,
)
from kinelex.motion.drawing.stage import Stage
from kinelex.motion.motion import Motion

if TYPE_CHECKING:
    from PIL.Image import Image

_CARD = (216, 340)  # pixels of one pose
_MOST_POSES = 32
_NOTEBOOK_COLOURS = 128
_GAP, _EDGE = 6, 18
_TITLE_ROW = 26
_TIMELINE, _BARE_TIMELINE = 58, 32  # with and without phrases
_MARGINS = (26, 22, 8)  # top, bottom, sides kept free of the figure


def write_filmstrip(
    motion: Motion, path: str | os.PathLike[str], title: str | None = None, poses: int = 8
) -> None:
    """Write a PNG of `poses` moments of the clip, evenly spaced, each over its place on the time line.

    Every card looks in the same direction and moves with the figure; the grid has 0.5 m cells. The line on
    the floor is the root's path, the thin lines are the ways of hands and feet around that moment.

    Args:
        title: what to write above; the phrases when not given.

    Raises:
        KinelexError: fewer than 1 or more than 32 poses, the extra `render` is missing, or the file cannot be
            written.
    """
    contact_sheet([motion], [title], path, poses=poses)


def filmstrip_png(motion: Motion, poses: int = 5) -> bytes:
    """The bytes of a PNG for a notebook: as `write_filmstrip`, narrower and with few colours, so that it stays small.

    Raises:
        KinelexError: the extra `render` is missing.
    """
    file = BytesIO()
    draw_strip(motion, poses=poses).quantize(_NOTEBOOK_COLOURS).save(file, format="PNG", optimize=True)
    return file.getvalue()


def contact_sheet(
    motions: Sequence[Motion], titles: Sequence[str | None], path: str | os.PathLike[str], poses: int = 8
) -> None:
    """Write a PNG with one film strip a clip, one under another.

    Args:
        titles: one a clip; None for its phrases.

    Raises:
        KinelexError: no clips, titles that do not match, fewer than 1 or more than 32 poses, the extra
            `render` is missing, or the file cannot be written.
    """
    if not motions or len(motions) != len(titles):
        raise KinelexError(
            f"{len(motions)} clips and {len(titles)} titles given; give at least one clip and as many titles"
        )
    if not 1 <= poses <= _MOST_POSES:
        raise KinelexError(f"{poses} poses asked for; give 1 to {_MOST_POSES}")
    strips = [draw_strip(motion, title, poses) for motion, title in zip(motions, titles, strict=True)]
    page = pillow().Image.new("RGB", (strips[0].width, sum(strip.height for strip in strips)), PAPER)
    top = 0
    for strip in strips:
        page.paste(strip, (0, top))
        top += strip.height
    with atomic_path(Path(path)) as temporary:
        page.save(temporary, format="PNG")


def draw_strip(motion: Motion, title: str | None = None, poses: int = 8) -> Image:
    """The film strip of one clip as a Pillow image; arguments as in `write_filmstrip`."""
    card_width, card_height = _CARD
    title_rows = wrapped(
        title_of(motion) if title is None else title, font(19, bold=True), poses * card_width, 2
    )
    top = _EDGE + _TITLE_ROW * len(title_rows) + 4
    right = _EDGE + poses * card_width + (poses - 1) * _GAP
    timeline = _TIMELINE if motion.segments else _BARE_TIMELINE
    size = (right + _GAP + card_width + _EDGE, top + card_height + timeline + _EDGE)
    page = pillow().Image.new("RGB", size, PAPER)
    draw = pillow().ImageDraw.Draw(page)
    for row, line in enumerate(title_rows):
        draw.text((_EDGE, _EDGE - 6 + _TITLE_ROW * row), line, font=font(19, bold=True), fill=INK)
    times = (np.arange(poses) + 0.5) / poses * motion.seconds
    frames = [min(int(time * motion.fps), len(motion) - 1) for time in times]
    stage = Stage.of(motion, frames, card_width, card_height, _MARGINS)
    reach = max(1, round(len(motion) / poses / 2))
    for index, frame in enumerate(frames):
        trail = (max(frame - reach, 0), min(frame + reach, len(motion) - 1))
        card = to_image(stage.draw(frame, trail=trail))
        _mark(card, index + 1, motion, frame)
        page.paste(card, (_EDGE + index * (card_width + _GAP), top))
    page.paste(draw_map(motion, frames, _CARD), (right + _GAP, top))
    timeline_top = top + card_height + 10
    draw_timeline(
        page, motion, (_EDGE, timeline_top, right, timeline_top + timeline - 8), marks=times.tolist()
    )
    _draw_legend(page, (right + _GAP, timeline_top), f"{motion.seconds:.2f} s, {motion.fps:g} fps")
    return page


def _mark(card: Image, number: int, motion: Motion, frame: int) -> None:
    """Number and time of a card, and the colour of its phrase along the top."""
    draw = pillow().ImageDraw.Draw(card)
    time = frame / motion.fps
    for index, segment in enumerate(motion.segments):
        if segment.start <= time < segment.end:
            draw.rectangle((0, 0, card.width, 4), fill=PHRASES[index % len(PHRASES)])
    draw.text((7, 9), str(number), font=font(13, bold=True), fill=INK)
    draw.text((card.width - 7, 10), f"{time:.2f} s", font=font(12), fill=FAINT, anchor="ra")


def _draw_legend(page: Image, corner: tuple[int, int], facts: str) -> None:
    draw = pillow().ImageDraw.Draw(page)
    left, top = corner
    for text, paint in (("left", LEFT), ("right", RIGHT)):
        draw.ellipse((left, top + 2, left + 11, top + 13), fill=PAINTS[paint])
        draw.text((left + 16, top), text, font=font(13), fill=INK)
        left += 70
    draw.text((corner[0], top + 22), facts, font=font(12), fill=FAINT)

"""Films: a clip as H.264 video at its own frame rate, with the phrase of the moment on a time line."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.ndimage import gaussian_filter1d

from kinelex.atomic import atomic_path
from kinelex.errors import KinelexError
from kinelex.motion.drawing import Floats
from kinelex.motion.drawing.body import LEFT, RIGHT
from kinelex.motion.drawing.camera import focus
from kinelex.motion.drawing.figure import PAINTS
from kinelex.motion.drawing.page import (
    FAINT,
    INK,
    PAPER,
    draw_timeline,
    font,
    pillow,
    title_of,
    to_image,
    wrapped,
)
from kinelex.motion.drawing.stage import Stage
from kinelex.motion.motion import Motion
from kinelex.progress import track

if TYPE_CHECKING:
    from PIL.Image import Image

_PAGE = (960, 600)  # pixels, both even for yuv420p
_SCENE = (0, 44, 960, 484)  # left, top, width, height
_TIMELINE = (20, 542, 940, 594)
_MARGINS = (20, 24, 20)  # top, bottom, sides kept free of the figure
_CAMERA_LAG = 0.35  # seconds over which the camera's way is smoothed
_TRAIL = 0.5  # seconds that the lines of hands and feet reach back


def write_mp4(motion: Motion, path: str | os.PathLike[str], title: str | None = None) -> None:
    """Write an H.264 (yuv420p) film of 960 x 600 pixels that plays in browsers and on phones.

    Args:
        title: what to write above; the phrases when not given.

    Raises:
        KinelexError: the extra `render` is missing, or the file cannot be written.
    """
    ffmpeg = _imageio_ffmpeg()
    with atomic_path(path) as temporary:
        film = ffmpeg.write_frames(
            str(temporary), _PAGE, fps=motion.fps, codec="libx264", pix_fmt_in="rgb24", pix_fmt_out="yuv420p",
            quality=None, ffmpeg_log_level="quiet", macro_block_size=2,
            output_params=["-crf", "20", "-preset", "veryfast", "-movflags", "+faststart"],
        )  # fmt: skip
        try:
            film.send(None)
            for page in track(_pages(motion, title), "drawing film", total=len(motion)):
                film.send(page.tobytes())
        except OSError as error:  # its message is the whole log of ffmpeg
            raise KinelexError(f"ffmpeg failed to write {path}; check free space and frame rate") from error
        finally:
            film.close()
        _check_whole(temporary, len(motion), path)


def _check_whole(film: Path, frames: int, path: str | os.PathLike[str]) -> None:
    """Read a film again: when the disk is full, ffmpeg leaves a part of it and nobody is told.

    Raises:
        KinelexError: it cannot be read, or frames are missing.
    """
    try:
        written, _ = _imageio_ffmpeg().count_frames_and_secs(str(film))
    except RuntimeError:
        written = 0
    if written != frames:
        raise KinelexError(
            f"cannot write {path}: ffmpeg wrote {written} of {frames} frames; free some space or choose another path"
        )


def _imageio_ffmpeg() -> Any:
    try:
        import imageio_ffmpeg

        imageio_ffmpeg.get_ffmpeg_exe()
    except (ImportError, RuntimeError) as error:
        raise KinelexError('films need imageio-ffmpeg: pip install "kinelex[render]"') from error
    return imageio_ffmpeg


def _pages(motion: Motion, title: str | None) -> Iterator[Image]:
    """One picture a frame."""
    left, top, width, height = _SCENE
    stage = Stage.of(motion, list(range(len(motion))), width, height, _MARGINS)
    targets = _camera_way(stage, motion)
    reach = round(_TRAIL * motion.fps)
    blank = _blank(motion, title)
    for frame, target in enumerate(targets):
        page = blank.copy()
        scene = stage.draw(frame, target=tuple(target), trail=(max(frame - reach, 0), frame))
        page.paste(to_image(scene), (left, top))
        draw = pillow().ImageDraw.Draw(page)
        seconds = f"{frame / motion.fps:.2f} / {motion.seconds:.2f} s"
        draw.text((_PAGE[0] - 20, top + 12), seconds, font=font(14), fill=FAINT, anchor="ra")
        draw_timeline(page, motion, _TIMELINE, now=(frame + 1) / motion.fps)
        yield page


def _camera_way(stage: Stage, motion: Motion) -> Floats:
    way = np.array([focus(stage.body, frame) for frame in range(len(motion))])
    lag = min(_CAMERA_LAG * motion.fps, len(motion))
    return gaussian_filter1d(way, lag, axis=0, mode="nearest")


def _blank(motion: Motion, title: str | None) -> Image:
    page = pillow().Image.new("RGB", _PAGE, PAPER)
    draw = pillow().ImageDraw.Draw(page)
    face = font(18, bold=True)
    for line in wrapped(title_of(motion) if title is None else title, face, _PAGE[0] - 200, 1):
        draw.text((20, 22), line, font=face, fill=INK, anchor="lm")
    for text, paint, x in (("left", LEFT, _PAGE[0] - 150), ("right", RIGHT, _PAGE[0] - 80)):
        draw.ellipse((x, 16, x + 12, 28), fill=PAINTS[paint])
        draw.text((x + 18, 22), text, font=font(14), fill=INK, anchor="lm")
    return page

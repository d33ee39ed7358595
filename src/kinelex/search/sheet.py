"""Pictures of what a search found."""

from __future__ import annotations

import os
from collections.abc import Sequence

from kinelex.errors import KinelexError
from kinelex.motion.formats.filmstrip import contact_sheet
from kinelex.motion.motion import Motion
from kinelex.search.hits import Hit
from kinelex.search.sources import ClipSource, clip_source


def draw_hits(hits: Sequence[Hit], path: str | os.PathLike[str], poses: int = 6) -> None:
    """Write a PNG with a film strip of the found part of each clip, best first.

    Raises:
        KinelexError: nothing was found, a clip is no longer where it was indexed, or the extra `render` is missing.
    """
    sources: dict[str, ClipSource] = {}
    parts = []
    for hit in hits:
        if hit.source not in sources:
            sources[hit.source] = clip_source(hit.source)
        parts.append(part_of(sources[hit.source].motion(hit.clip), hit.start, hit.end))
    titles = [
        f"{hit.score:.3f}  {hit.clip}, {hit.start:.2f} to {hit.end:.2f} s  {hit.caption}" for hit in hits
    ]
    contact_sheet(parts, titles, path, poses=poses)


def part_of(motion: Motion, start: float, end: float) -> Motion:
    """The frames from `start` to `end` seconds.

    Raises:
        KinelexError: the clip has none there.
    """
    if not 0 <= start < min(end, motion.seconds):
        raise KinelexError(
            f"{start:g} to {end:g} s is no part of a clip of {motion.seconds:.2f} s; give a start before the end"
        )
    first = int(start * motion.fps)
    last = max(first + 1, round(min(end, motion.seconds) * motion.fps))
    return Motion(motion.positions[first:last], motion.fps, motion.skeleton)

"""What a search finds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kinelex.motion.motion import Motion

_SAME = 0.5  # two spans of a clip that share more than this of the shorter one are one finding


@dataclass(frozen=True)
class Hit:
    """A clip, or a part of one, that fits a query.

    Attributes:
        clip: its id within its source.
        source: the store, or the folder of the file.
        start, end: seconds.
        score: cosine of query and motion; higher fits better.
        caption: what the source says about the clip first; empty when nothing.
    """

    clip: str
    source: str
    start: float
    end: float
    score: float
    caption: str

    def motion(self) -> Motion:
        """The part of the clip that was found.

        Raises:
            KinelexError: the clip is no longer where it was indexed.
        """
        from kinelex.search.sheet import part_of
        from kinelex.search.sources import clip_source

        return part_of(clip_source(self.source).motion(self.clip), self.start, self.end)


def distinct(ranked: Iterable[Hit], top: int, per_clip: int) -> list[Hit]:
    """The first `top`, at most `per_clip` of a clip, without spans that mostly are a better one's."""
    chosen: list[Hit] = []
    of_clip: dict[tuple[str, str], list[Hit]] = {}
    for hit in ranked:
        others = of_clip.setdefault((hit.source, hit.clip), [])
        if len(others) < per_clip and not any(_same(hit, other) for other in others):
            others.append(hit)
            chosen.append(hit)
        if len(chosen) == top:
            break
    return chosen


def _same(one: Hit, other: Hit) -> bool:
    shared = min(one.end, other.end) - max(one.start, other.start)
    return shared > _SAME * min(one.end - one.start, other.end - other.start)

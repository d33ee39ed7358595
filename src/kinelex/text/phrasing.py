"""The phrases that a generator is told of a sentence: one for every time that something happens."""

from __future__ import annotations

from kinelex.text.repetition import spelled_out
from kinelex.text.segmenter import segment


def phrases_of(caption: str, limit: int) -> tuple[str, ...]:
    """What a prompt that is such a description is taken apart into, at most `limit` phrases.

    Raises:
        KinelexError: the caption has no word, or the limit is below 1.
    """
    found = spelled_out(segment(caption, limit=limit), limit=limit)
    return tuple(action.text for action in found for _ in range(action.count))

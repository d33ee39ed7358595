"""The contract of everything that segments captions: rules (`segmenter.segment`) and language models (`llm`)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

from kinelex.errors import KinelexError


class TextSegmenter(Protocol):
    """Splits a caption into one to `limit` self-contained phrases in the order in which things happen."""

    def __call__(self, caption: str, limit: int = 5) -> list[str]:
        """The phrases.

        Raises:
            KinelexError: the caption has no word, or the provider cannot answer.
        """
        ...


def segment_captions(
    segment: TextSegmenter, captions: Iterable[str], limit: int = 5, workers: int = 1
) -> Iterator[list[str]]:
    """Segment many captions, at most `workers` at a time; the phrases come in the order of the captions.

    The first error ends it: captions that nobody has begun are dropped.

    Raises:
        KinelexError: workers is below 1, or what `segment` raises.
    """
    if workers < 1:
        raise KinelexError(f"{workers} captions at a time is too few; give at least 1")
    if workers == 1:  # rules gain nothing from threads
        yield from (segment(caption, limit) for caption in captions)
        return
    executor = ThreadPoolExecutor(workers)
    try:
        yield from executor.map(lambda caption: segment(caption, limit), captions)
    finally:
        executor.shutdown(wait=True, cancel_futures=True)

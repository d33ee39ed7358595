"""How well a segmenter agrees with labelled captions: `tests/data/segments.tsv` holds ours."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from kinelex.errors import KinelexError
from kinelex.text.lemmas import WORD

ARTICLES = frozenset(("a", "an", "the"))
HALVES = ("develop", "held_back")


@dataclass(frozen=True)
class LabelledCaption:
    """A caption with the segments that its labeller considers right.

    Attributes:
        half: "develop", which rules may be tuned on, or "held_back", which only measures them.
        caption: as the corpus has it.
        segments: one to five phrases in the order of time.
    """

    half: str
    caption: str
    segments: tuple[str, ...]


@dataclass(frozen=True)
class SegmenterAgreement:
    """Shares of captions, from 0 to 1.

    Attributes:
        captions: how many were compared.
        exact: every segment is the labelled one (see `comparable`).
        count: as many segments as labelled.
    """

    captions: int
    exact: float
    count: float


def comparable(phrase: str) -> tuple[str, ...]:
    """What two phrases must share to be the same: the words without case, punctuation, spaces or articles."""
    return tuple(word for word in WORD.findall(phrase.lower()) if word not in ARTICLES)


def segmenter_agreement(
    segment: Callable[[str], Sequence[str]], labels: Sequence[LabelledCaption]
) -> SegmenterAgreement:
    """Compare a segmenter with labels.

    Raises:
        KinelexError: there is no label.
    """
    if not labels:
        raise KinelexError("no labelled caption to compare with; give at least one")
    exact = count = 0
    for label in labels:
        phrases = segment(label.caption)
        count += len(phrases) == len(label.segments)
        exact += [comparable(phrase) for phrase in phrases] == [comparable(part) for part in label.segments]
    return SegmenterAgreement(len(labels), exact / len(labels), count / len(labels))


def read_labels(path: str | os.PathLike[str]) -> list[LabelledCaption]:
    """Read a table with the columns half, caption and segments, parted by tabs; " | " parts the segments.

    Raises:
        KinelexError: the file cannot be read, or a row is incomplete or names an unknown half.
    """
    try:
        with Path(path).open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    except (OSError, UnicodeDecodeError) as error:
        raise KinelexError(f"cannot read {path}: {error}; give a tab-separated table of captions") from error
    return [_label(row, f"{path}, line {line}") for line, row in enumerate(rows, start=2)]


def _label(row: dict[str, str | None], place: str) -> LabelledCaption:
    half, caption, segments = (row.get(name) or "" for name in ("half", "caption", "segments"))
    if half not in HALVES or not caption or not segments:
        raise KinelexError(
            f"{place}: needs half ({' or '.join(HALVES)}), caption and segments, parted by tabs"
        )
    return LabelledCaption(half, caption, tuple(segments.split(" | ")))

"""The labelled captions are what their README says, and agreement counts what it claims to count."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from kinelex.errors import KinelexError
from kinelex.evaluation.text_segments import (
    HALVES,
    LabelledCaption,
    comparable,
    read_labels,
    segmenter_agreement,
)

LABELS = Path(__file__).parents[1] / "data" / "segments.tsv"


def test_labels_are_many_and_split_by_hash() -> None:
    labels = read_labels(LABELS)
    assert len({label.caption for label in labels}) == len(labels) >= 200
    for label in labels:
        assert label.half == HALVES[1 - hashlib.sha256(label.caption.encode()).digest()[0] % 2]
        assert 1 <= len(label.segments) <= 5
        assert all(comparable(part) for part in label.segments)
    assert sum(label.half == "held_back" for label in labels) >= 100
    assert sum(len(label.segments) > 1 for label in labels) >= 120


def test_case_punctuation_spaces_and_articles_do_not_count() -> None:
    assert comparable("A man  walks, slowly.") == comparable("the man walks slowly")
    assert comparable("a man walks") != comparable("a man runs")


def test_agreement_counts_exact_segments_and_their_number() -> None:
    labels = [
        LabelledCaption("develop", "he walks and sits", ("he walks", "he sits")),
        LabelledCaption("develop", "he jumps", ("he jumps",)),
        LabelledCaption("develop", "he sits and waves", ("he sits and waves",)),
    ]
    answers = {
        "he walks and sits": ["He walks.", "He sits."],
        "he jumps": ["he leaps"],
        "he sits and waves": ["he sits", "he waves"],
    }
    agreement = segmenter_agreement(lambda caption: answers[caption], labels)
    assert (agreement.captions, agreement.exact, agreement.count) == (3, 1 / 3, 2 / 3)
    with pytest.raises(KinelexError, match="no labelled caption"):
        segmenter_agreement(lambda _: [], [])


@pytest.mark.parametrize("row", ["develop\the walks", "train\the walks\the walks", "develop\t\the walks"])
def test_a_broken_row_names_its_line(row: str, tmp_path: Path) -> None:
    table = tmp_path / "labels.tsv"
    table.write_text(f"half\tcaption\tsegments\ndevelop\the sits\the sits\n{row}\n")
    with pytest.raises(KinelexError, match="line 3"):
        read_labels(table)
    with pytest.raises(KinelexError, match="cannot read"):
        read_labels(tmp_path / "missing.tsv")

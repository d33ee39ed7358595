"""Remembered cuts are those that the segmenter finds, and it is asked once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from torch import Tensor

from kinelex.errors import KinelexError
from kinelex.retrieval.localisation import RetrievalSegmenter
from kinelex.retrieval.remembered import RememberedCuts
from retrieval.models import tiny_retrieval
from tiny_model import recorded_features

PHRASES = ("walks forward", "turns left", "waves")


class Counting(RetrievalSegmenter):
    """The real one; notes what it was asked."""

    def __call__(self, features: Tensor, phrases: Sequence[str]) -> tuple[int, ...]:
        asked.append(tuple(phrases))
        return super().__call__(features, phrases)


asked: list[tuple[str, ...]] = []


def test_cuts_are_found_once_and_outlive_the_run(tmp_path: Path) -> None:
    asked.clear()
    model, features = tiny_retrieval(tmp_path), recorded_features()[:120]
    plain = RetrievalSegmenter(model, step=10)
    remembered = RememberedCuts(Counting(model, step=10), tmp_path / "cuts.jsonl")
    for phrases in (PHRASES, PHRASES[:2], PHRASES[:1], PHRASES):
        assert remembered(features, phrases) == plain(features, phrases)
    assert asked == [PHRASES, PHRASES[:2]]
    again = RememberedCuts(Counting(model, step=10), tmp_path / "cuts.jsonl")
    assert again(features, PHRASES) == plain(features, PHRASES)
    assert len(asked) == len(again) == 2


def test_another_motion_text_grid_or_model_is_another_question(tmp_path: Path) -> None:
    asked.clear()
    model, features = tiny_retrieval(tmp_path), recorded_features()[:120]
    path = tmp_path / "cuts.jsonl"
    RememberedCuts(Counting(model, step=10), path)(features, PHRASES)
    remembered = RememberedCuts(Counting(model, step=10), path)
    remembered(features + 1e-3, PHRASES)
    remembered(features, PHRASES[::-1])
    RememberedCuts(Counting(model, step=20), path)(features, PHRASES)
    with torch.no_grad():
        next(model.networks.parameters()).add_(0.1)
    RememberedCuts(Counting(model, step=10), path)(features, PHRASES)
    assert len(asked) == 5


def test_foreign_entries_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "cuts.jsonl"
    path.write_text('{"key": "a", "cuts": [3]}\n{"model": "x"}\n')
    with pytest.raises(KinelexError, match="line 2, is no cached answer"):
        RememberedCuts(RetrievalSegmenter(tiny_retrieval(tmp_path)), path)

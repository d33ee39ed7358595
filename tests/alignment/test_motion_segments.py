"""Segmenters cut where a motion changes; the dynamic programme agrees with brute force."""

from __future__ import annotations

from itertools import combinations, pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from kinelex.alignment.motion_segments import (
    ChangePoints,
    MotionPrimitives,
    MotionSegmenter,
    Scale,
    cheapest_cuts,
    token_counts,
    uniform_cuts,
)
from kinelex.errors import KinelexError

WIDTH = 6
SCALE = Scale(torch.zeros(WIDTH), torch.ones(WIDTH))


def steps(lengths: tuple[int, ...], seed: int = 0) -> torch.Tensor:
    """(T, D) noise about a level that changes after each of the lengths."""
    draws = torch.Generator().manual_seed(seed)
    parts = [
        torch.randn(1, WIDTH, generator=draws) * 3 + 0.1 * torch.randn(length, WIDTH, generator=draws)
        for length in lengths
    ]
    return torch.cat(parts)


def phrases(count: int) -> tuple[str, ...]:
    return tuple(f"action {number}" for number in range(count))


def primitives() -> MotionPrimitives:
    return MotionPrimitives.fit([steps((40, 60, 50), seed) for seed in range(6)], SCALE, count=16)


SEGMENTERS = {"uniform": uniform_cuts, "cpd": ChangePoints(SCALE), "cluster": primitives()}


@pytest.mark.parametrize("name", SEGMENTERS)
@pytest.mark.parametrize("count", [1, 2, 5])
@pytest.mark.parametrize("frames", [5, 9, 64, 200])
def test_every_segmenter_gives_ascending_cuts_inside_the_clip(name: str, count: int, frames: int) -> None:
    segmenter: MotionSegmenter = SEGMENTERS[name]
    cuts = segmenter(steps((frames // 2, frames - frames // 2)), phrases(count))
    assert len(cuts) == count - 1
    assert all(0 < cut < frames for cut in cuts)
    assert all(before < after for before, after in pairwise(cuts))


@pytest.mark.parametrize("name", ["cpd", "cluster"])
def test_plain_changes_are_found(name: str) -> None:
    segmenter: MotionSegmenter = SEGMENTERS[name]
    for seed in range(6):
        cuts = segmenter(steps((40, 60, 50), seed), phrases(3))
        np.testing.assert_allclose(cuts, (40, 100), atol=4)


@given(st.integers(1, 80), st.integers(1, 5))
def test_uniform_segments_differ_by_a_frame_at_most(frames: int, count: int) -> None:
    if frames < count:
        with pytest.raises(KinelexError, match="fewer"):
            uniform_cuts(torch.zeros(frames, 1), phrases(count))
        return
    sizes = np.diff([0, *uniform_cuts(torch.zeros(frames, 1), phrases(count)), frames])
    assert sizes.sum() == frames
    assert sizes.max() - sizes.min() <= 1
    assert (np.diff(sizes) <= 0).all()


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize(("count", "smallest"), [(1, 1), (2, 1), (3, 1), (3, 2), (4, 2)])
def test_the_dynamic_programme_finds_the_least_cost(seed: int, count: int, smallest: int) -> None:
    costs = np.random.default_rng(seed).random((9, 3))

    def price(cuts: tuple[int, ...]) -> float:
        bounds = [0, *cuts, len(costs)]
        return sum(costs[a:b].sum(0).min() for a, b in pairwise(bounds))

    allowed = [
        cuts
        for cuts in combinations(range(1, len(costs)), count - 1)
        if min(np.diff([0, *cuts, len(costs)])) >= smallest
    ]
    assert price(cheapest_cuts(costs, count, smallest)) == pytest.approx(min(map(price, allowed)))


def test_token_counts_partition_the_tokens() -> None:
    assert token_counts((21, 40), 83, 4) == (5, 5, 10)
    assert token_counts((), 83, 4) == (20,)
    assert token_counts((1, 82), 83, 4) == (0, 20, 0)


def test_primitives_round_trip_and_refuse_broken_files(tmp_path: Path) -> None:
    fitted = primitives()
    fitted.save(tmp_path / "primitives.safetensors")
    loaded = MotionPrimitives.load(tmp_path / "primitives.safetensors")
    clip = steps((30, 50))
    assert loaded(clip, phrases(2)) == fitted(clip, phrases(2))
    (tmp_path / "broken.safetensors").write_bytes(b"no tensors")
    for name in ("broken", "absent"):
        with pytest.raises(KinelexError, match=name):
            MotionPrimitives.load(tmp_path / f"{name}.safetensors")


def test_too_little_motion_for_so_many_primitives_is_refused() -> None:
    with pytest.raises(KinelexError, match="primitives"):
        MotionPrimitives.fit([torch.zeros(20, WIDTH)], SCALE, count=64)

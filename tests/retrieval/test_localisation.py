"""Localisation: dynamic programming against trying everything, and priors of known shape."""

from __future__ import annotations

from itertools import combinations, pairwise, product

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kinelex.alignment.motion_segments import MotionSegmenter
from kinelex.errors import KinelexError
from kinelex.retrieval.localisation import (
    RetrievalSegmenter,
    best_bounds,
    frame_prior,
    grid_places,
    useful_windows,
)
from kinelex.retrieval.model import RetrievalModel
from retrieval.models import tiny_retrieval
from tiny_model import recorded_features

PHRASES = ("a person walks", "a person turns left", "someone sits down", "a person jumps")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> RetrievalModel:
    return tiny_retrieval(tmp_path_factory.mktemp("encoder"))


def price(costs: torch.Tensor, bounds: tuple[int, ...]) -> float:
    """Of one motion: costs (N, G, G) added in the order of the segments, as the search does."""
    total = torch.zeros((), dtype=costs.dtype)
    for number, (start, end) in enumerate(pairwise(bounds)):
        total = total + costs[number, start, end]
    return float(total)


def cheapest(costs: torch.Tensor, end: int) -> float:
    """Of all ways to cut, the least price."""
    cuts = combinations(range(1, end), costs.shape[0] - 1)
    return min(price(costs, (0, *inner, end)) for inner in cuts)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 4), st.integers(5, 9), st.integers(0, 10_000), st.sampled_from([0.0, 0.3]))
def test_the_search_finds_what_trying_everything_finds(
    count: int, grid: int, seed: int, blocked: float
) -> None:
    draws = torch.Generator().manual_seed(seed)
    costs = torch.rand(3, count, grid, grid, generator=draws)
    costs[torch.rand(costs.shape, generator=draws) < blocked] = torch.inf
    costs.masked_fill_(torch.ones(grid, grid, dtype=torch.bool).tril(), torch.inf)
    ends = torch.randint(count, grid, (3,), generator=draws)
    least = [cheapest(own, int(end)) for own, end in zip(costs, ends, strict=True)]
    if not np.isfinite(least).all():
        with pytest.raises(KinelexError, match="too short"):
            best_bounds(costs, ends)
        return
    found = best_bounds(costs, ends)
    assert found.costs.tolist() == least
    for own, bounds, end, cost in zip(costs, found.bounds.tolist(), ends.tolist(), least, strict=True):
        assert (bounds[0], bounds[-1]) == (0, end)
        assert price(own, tuple(bounds)) == cost


@given(st.integers(1, 300), st.integers(1, 20))
def test_the_grid_reaches_from_start_to_end(frames: int, step: int) -> None:
    places = grid_places(frames, step).tolist()
    assert (places[0], places[-1]) == (0, frames)
    steps = np.diff(places)
    assert (steps[:-1] == step).all()
    assert min(step, frames) <= steps[-1] < 2 * step


@pytest.mark.parametrize("count", [1, 2, 3, 4])
@pytest.mark.parametrize(("frames", "shortest"), [(80, 16), (83, 12)])
def test_useful_windows_are_those_of_some_way_to_cut(count: int, frames: int, shortest: int) -> None:
    places = grid_places(frames, 8)
    useful = useful_windows(places, count, shortest)
    used = torch.zeros_like(useful)
    for inner in combinations(range(1, len(places) - 1), count - 1):
        bounds = (0, *inner, len(places) - 1)
        if all(places[end] - places[start] >= shortest for start, end in pairwise(bounds)):
            for start, end in pairwise(bounds):
                used[start, end] = True
    assert not (used & ~useful).any()
    if count < 4 and frames % 8 == shortest % 8 == 0:
        assert torch.equal(used, useful)


@pytest.mark.parametrize("count", [2, 3])
def test_a_motion_is_cut_where_its_phrases_fit_best(model: RetrievalModel, count: int) -> None:
    features, phrases, shortest = recorded_features()[:90], PHRASES[:count], 14
    segmenter: MotionSegmenter = RetrievalSegmenter(model, step=6, shortest=shortest)
    texts = model.embed_texts(phrases)

    def misfit(bounds: tuple[int, ...]) -> float:
        windows = [features[None, start:end] for start, end in pairwise(bounds)]
        motions = torch.cat([model.embed_motions(own, torch.tensor([own.shape[1]])) for own in windows])
        return float((1 - (texts * motions).sum(1)).sum())

    inner = combinations(grid_places(90, 6)[1:-1].tolist(), count - 1)
    ways = [(0, *cuts, 90) for cuts in inner if min(np.diff([0, *cuts, 90])) >= shortest]
    assert len(ways) > 5
    cuts = segmenter(features, phrases)
    assert misfit((0, *cuts, 90)) == pytest.approx(min(map(misfit, ways)), abs=1e-5)


def test_short_clips_are_cut_evenly(model: RetrievalModel) -> None:
    segmenter = RetrievalSegmenter(model)
    features = recorded_features()
    assert segmenter(features[:30], PHRASES[:3]) == (10, 20)
    assert segmenter(features, PHRASES[:1]) == ()
    with pytest.raises(KinelexError, match="cannot be cut into 4"):
        segmenter(features[:3], PHRASES)
    for settings_, message in (({"step": 0}, "step is 0"), ({"shortest": 2}, "at least 4 frames")):
        with pytest.raises(KinelexError, match=message):
            RetrievalSegmenter(model, **settings_)


def test_windows_are_embedded_as_clips_of_their_own(model: RetrievalModel) -> None:
    features = recorded_features()
    starts, ends = torch.tensor([0, 10, 50, 3]), torch.tensor([40, 150, 60, 7])
    found = model.embed_windows(features, starts, ends)
    for own, start, end in zip(found, starts, ends, strict=True):
        alone = model.embed_motions(features[None, start:end], (end - start)[None])[0]
        torch.testing.assert_close(own, alone, atol=1e-5, rtol=1e-4)
    with pytest.raises(KinelexError, match="window has 2 frames"):
        model.embed_windows(features, torch.tensor([4]), torch.tensor([6]))


def test_priors_have_the_shapes_of_the_paper() -> None:
    starts, ends = torch.tensor([10, 0]), torch.tensor([30, 7])
    for row, kind in product((0, 1), ("none", "binary", "gaussian_inside", "gaussian")):
        start, end = int(starts[row]), int(ends[row])
        middle, deviation = (start + end) / 2, (end - start) / 2
        prior = frame_prior(starts, ends, 50, kind)[row]
        assert prior.shape == (50,)
        for frame, value in enumerate(prior.tolist()):
            bell = np.exp(-((frame - middle) ** 2) / (2 * deviation**2))
            inside = start <= frame < end
            expected = {
                "none": 0.0,
                "binary": float(inside),
                "gaussian_inside": bell * inside,
                "gaussian": bell,
            }[kind]
            assert value == pytest.approx(expected, abs=1e-6), (kind, frame)


def test_broken_priors_are_refused() -> None:
    place = torch.tensor([3])
    with pytest.raises(KinelexError, match="no frames"):
        frame_prior(place, place, 5, "binary")
    with pytest.raises(KinelexError, match="unknown prior 'bell'; choose one of none"):
        frame_prior(place, place + 1, 5, "bell")  # type: ignore[arg-type]

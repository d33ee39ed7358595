"""Laws of the metrics, and what they refuse."""

from __future__ import annotations

import math

import pytest
import torch

from kinelex.errors import KinelexError
from kinelex.evaluation.metrics import diversity, estimate, fid, matching, multimodality


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_a_perfect_judge_finds_every_motion_and_a_blind_one_none() -> None:
    motions = normal(100, 8)
    perfect = matching(motions, motions)
    assert perfect.r_precision == (1.0, 1.0, 1.0)
    assert perfect.distance == pytest.approx(0, abs=1e-6)
    assert perfect.samples == 96
    assert matching(motions, torch.ones(100, 8)).r_precision == (0.0, 0.0, 0.0)


def test_chance_is_one_in_thirty_two() -> None:
    found = matching(normal(32_000, 4), normal(32_000, 4, seed=1)).r_precision
    assert found == pytest.approx([1 / 32, 2 / 32, 3 / 32], abs=0.006)


def test_pools_are_drawn_by_the_generator_and_only_by_it() -> None:
    texts, motions = normal(320, 4), normal(320, 4) + 0.7 * normal(320, 4, seed=1)
    draws = [matching(texts, motions, torch.Generator().manual_seed(seed)).hits for seed in (0, 0, 1)]
    assert torch.equal(draws[0], draws[1])
    assert not torch.equal(draws[0], draws[2])


def test_fid_of_known_normals_is_the_closed_form() -> None:
    """Diagonal covariances a and b, means apart by d: |d|^2 + sum (sqrt a - sqrt b)^2."""
    base = normal(4000, 3)
    base = (base - base.mean(0)) @ torch.linalg.inv(torch.linalg.cholesky(torch.cov(base.T)).T)
    first, second = torch.tensor([1.0, 4.0, 9.0]), torch.tensor([4.0, 4.0, 1.0])
    shift = torch.tensor([1.0, 0.0, -2.0])
    expected = float(shift.square().sum() + (first.sqrt() - second.sqrt()).square().sum())
    assert fid(base * first.sqrt(), base * second.sqrt() + shift) == pytest.approx(expected, abs=1e-9)


def test_fid_is_symmetric_does_not_turn_and_works_on_few_samples() -> None:
    few, many = normal(10, 16), normal(50, 16, seed=1) * 1.5
    turn = torch.linalg.qr(normal(16, 16, seed=2)).Q
    assert fid(few, many) == pytest.approx(fid(many, few), rel=1e-5)
    assert fid(few @ turn, many @ turn) == pytest.approx(fid(few, many), rel=1e-5)
    assert fid(few, few) == pytest.approx(0, abs=1e-4)


def test_diversity_and_multimodality_grow_with_the_spread() -> None:
    cloud, several = normal(400, 6), normal(20, 30, 6)

    def twice(measure, embeddings: torch.Tensor) -> tuple[float, float]:
        one, two = (measure(scale * embeddings, torch.Generator().manual_seed(3)) for scale in (1, 2))
        return one, two

    for measure, embeddings in ((diversity, cloud), (multimodality, several)):
        one, two = twice(measure, embeddings)
        assert two == pytest.approx(2 * one)
        # Two independent normals in 6 dimensions lie about sqrt(12) apart.
        assert one == pytest.approx(math.sqrt(12), rel=0.1)


def test_an_estimate_says_how_sure_it_is() -> None:
    result = estimate([1.0, 3.0])
    assert result.mean == 2
    assert result.half_width == pytest.approx(1.96 / math.sqrt(2))
    assert str(result) == "2.000 ± 1.386"
    assert math.isnan(estimate([1.0]).half_width)


def test_what_cannot_be_measured_is_said() -> None:
    broken = normal(40, 4)
    broken[3, 1] = math.nan
    generator = torch.Generator()
    for measure, message in (
        (lambda: matching(normal(31, 4), normal(31, 4)), "pools of 32 and there are 31"),
        (lambda: matching(normal(40, 4), normal(39, 4)), "do not pair"),
        (lambda: matching(normal(40, 4), broken), "motion embeddings are not finite"),
        (lambda: fid(normal(40, 4), broken), "generated embeddings are not finite"),
        (lambda: fid(normal(40, 4), normal(40, 5)), "use one judge for both"),
        (lambda: fid(normal(1, 4), normal(40, 4)), "at least two"),
        (lambda: fid(normal(40), normal(40, 4)), r"give \(samples, width\)"),
        (lambda: diversity(normal(99, 4), generator), "100 different samples and there are 99"),
        (lambda: multimodality(normal(5, 9, 4), generator), "at least 10 motions a text"),
        (lambda: estimate([]), "at least once"),
    ):
        with pytest.raises(KinelexError, match=message):
            measure()

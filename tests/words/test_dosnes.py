"""Laws of doubly stochastic neighbour embedding on the sphere."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from kinelex.errors import KinelexError
from kinelex.words.dosnes import doubly_stochastic, embed_on_sphere, neighbour_similarities

CLUSTERS, SIZE = 4, 20


@pytest.fixture(scope="module")
def gaussians() -> Tensor:
    """(80, 12) points around four directions far apart."""
    generator = torch.Generator().manual_seed(0)
    centres = torch.eye(12)[:CLUSTERS].repeat_interleave(SIZE, dim=0)
    return centres + 0.15 * torch.randn(CLUSTERS * SIZE, 12, generator=generator)


@pytest.fixture(scope="module")
def target(gaussians: Tensor) -> Tensor:
    return doubly_stochastic(neighbour_similarities(gaussians, 8))


def test_every_point_has_the_perplexity_asked_for() -> None:
    """Seen from points all equally far apart, it cannot be less than all of the others."""
    even = neighbour_similarities(torch.eye(40), 12)
    torch.testing.assert_close(even.sum(1), torch.ones(40).double())
    assert even.std() < 0.01
    generator = torch.Generator().manual_seed(0)
    vectors = torch.randn(60, 5, generator=generator)
    narrow, wide = neighbour_similarities(vectors, 3), neighbour_similarities(vectors, 15)
    assert not narrow.diagonal().any()
    assert torch.special.entr(narrow).sum(1).exp().mean() < 5
    assert 12 < torch.special.entr(wide).sum(1).exp().mean() < 20


def test_sinkhorn_gives_rows_and_columns_that_sum_to_one(target: Tensor) -> None:
    ones = torch.ones(len(target), dtype=torch.float64)
    torch.testing.assert_close(target.sum(0), ones, atol=1e-8, rtol=0)
    torch.testing.assert_close(target.sum(1), ones, atol=1e-8, rtol=0)
    assert torch.equal(target, target.T)


def test_sinkhorn_only_scales_rows_and_columns(gaussians: Tensor, target: Tensor) -> None:
    """Ratios (ij * kl) / (il * kj) are what no scaling changes."""
    similarities = neighbour_similarities(gaussians, 8)
    for i, j, k, m in ((0, 1, 2, 3), (5, 9, 11, 17), (21, 25, 30, 33)):
        before = similarities[i, j] * similarities[k, m] / (similarities[i, m] * similarities[k, j])
        after = target[i, j] * target[k, m] / (target[i, m] * target[k, j])
        torch.testing.assert_close(after, before)


def test_the_map_lies_on_the_sphere_and_the_loss_falls(target: Tensor) -> None:
    found = embed_on_sphere(target, steps=200)
    torch.testing.assert_close(found.points.norm(dim=1), torch.ones(80, dtype=torch.float64))
    assert found.losses[-1] < 0.5 * found.losses[0]
    assert min(found.losses) > 0
    assert len(found.losses) == 201


def test_the_loss_is_the_divergence_from_cauchy_similarities(target: Tensor) -> None:
    found = embed_on_sphere(target, steps=50)
    places = found.radius * found.points
    nearness = 1 / (1 + torch.cdist(places, places).square())
    nearness.fill_diagonal_(0)
    expected, given = target / target.sum(), nearness / nearness.sum()
    seen = expected > 0
    divergence = (expected[seen] * (expected[seen] / given[seen]).log()).sum()
    assert found.losses[-1] == pytest.approx(float(divergence), rel=1e-6)


def test_clusters_stay_together(target: Tensor) -> None:
    found = embed_on_sphere(target, steps=200)
    nearest = (found.points @ found.points.T).fill_diagonal_(-1).topk(8).indices
    labels = torch.arange(CLUSTERS).repeat_interleave(SIZE)
    assert (labels[nearest] == labels[:, None]).float().mean() > 0.98


def test_same_seed_same_map(target: Tensor) -> None:
    first, second, other = (embed_on_sphere(target, seed=seed, steps=60) for seed in (3, 3, 4))
    assert torch.equal(first.points, second.points)
    assert not torch.allclose(first.points, other.points, atol=0.1)


def test_a_map_that_starts_from_a_finished_one_stays(target: Tensor) -> None:
    first = embed_on_sphere(target, steps=300)
    again = embed_on_sphere(target, steps=300, start=first)
    assert (first.points * again.points).sum(1).median() > 0.95
    assert again.losses[0] == pytest.approx(first.losses[-1])
    assert again.losses[-1] <= first.losses[-1] + 1e-3


def test_what_cannot_be_mapped_is_one_sentence() -> None:
    with pytest.raises(
        KinelexError, match="10 points are too few for a map with perplexity 5; give 16 or more"
    ):
        neighbour_similarities(torch.eye(10), 5)
    with pytest.raises(KinelexError, match="must be symmetric"):
        doubly_stochastic(torch.tensor([[0.0, 1.0], [2.0, 0.0]]))
    with pytest.raises(KinelexError, match="cannot be made doubly stochastic"):
        doubly_stochastic(torch.tensor([[0.0, 1.0, 1.0], [1.0, 0.0, 0.0], [1.0, 0.0, 0.0]]).double())

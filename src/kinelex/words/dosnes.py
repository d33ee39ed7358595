"""Doubly stochastic neighbour embedding on the sphere (DOSNES; Lu, Corander and Yang, Pattern Recognition
Letters 128, 2019): a map without a centre, on which every point has the same total similarity to the others."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import normalize

from kinelex.errors import KinelexError

_SCALINGS = 10_000  # at most; well-connected similarities need some dozens
# On a small sphere all points are nearly alike, and find their sides before they part as the radius grows.
_FIRST_RADIUS = 0.4
_RATE, _RADIUS_RATE = 0.1, 0.03  # of Adam


@dataclass(frozen=True)
class SphereMap:
    """Points on the unit sphere.

    Attributes:
        points: (N, 3) float64 unit vectors.
        radius: of the sphere on which similarities and distances agree best; the points are shown without it.
        losses: Kullback-Leibler divergence before every step, and after the last.
    """

    points: Tensor
    radius: float
    losses: tuple[float, ...]


def neighbour_similarities(vectors: Tensor, perplexity: float) -> Tensor:
    """Symmetric similarities (N, N) with an empty diagonal, from cosines, each point's width found by bisection.

    The distance of two vectors is 1 - cos. Point i sees the others with weights exp(-distance / width_i), whose
    perplexity is the same for every point, as in t-SNE.

    Args:
        vectors: (N, H), none of them zero.
        perplexity: neighbours that a point has, roughly.

    Raises:
        KinelexError: fewer points than three times the perplexity plus one.
    """
    count = len(vectors)
    if count < 3 * perplexity + 1:
        raise KinelexError(
            f"{count} points are too few for a map with perplexity {perplexity:g}; "
            f"give {math.ceil(3 * perplexity + 1)} or more, or a lower perplexity"
        )
    units = normalize(vectors.double(), dim=1)
    distances = 1 - units @ units.T
    distances.fill_diagonal_(torch.inf)
    distances = distances - distances.min(1, keepdim=True).values
    low, high = units.new_full((count, 1), -12.0), units.new_full((count, 1), 12.0)
    for _ in range(60):
        middle = (low + high) / 2
        seen = torch.softmax(-distances / middle.exp(), dim=1)
        entropy = torch.special.entr(seen).sum(1, keepdim=True)
        narrow = entropy < math.log(perplexity)
        low, high = middle.where(narrow, low), high.where(narrow, middle)
    return (seen + seen.T) / 2


def doubly_stochastic(similarities: Tensor, tolerance: float = 1e-9) -> Tensor:
    """Scale symmetric similarities (N, N) so that each row and each column sums to 1 and stay symmetric.

    Sinkhorn-Knopp for the symmetric case: D S D with d <- sqrt(d / (S d)) until every row fits.

    Raises:
        KinelexError: the matrix is not symmetric and non-negative, or cannot be scaled.
    """
    if (similarities < 0).any() or not torch.allclose(similarities, similarities.T):
        raise KinelexError("similarities must be symmetric and at least 0; average them with their transpose")
    scale = similarities.new_ones(len(similarities))
    for _ in range(_SCALINGS):
        scale = (scale / (similarities @ scale)).sqrt()
        scaled = scale[:, None] * similarities * scale
        if ((scaled.sum(1) - 1).abs() < tolerance).all():
            return (scaled + scaled.T) / 2
    raise KinelexError("the similarities cannot be made doubly stochastic; use a higher perplexity")


def embed_on_sphere(
    target: Tensor, *, seed: int = 0, steps: int = 500, start: SphereMap | None = None
) -> SphereMap:
    """Place points on a sphere so that Cauchy similarities of their distances are near the target's (KL).

    The radius is found with the places. Both are stepped by Adam, at rates that fall to 0 along a half cosine.

    Args:
        target: (N, N) doubly stochastic similarities.
        seed: of the first places; same seed and target: same map.
        steps: of Adam.
        start: a map of the same points to go on from, so that only what changed moves.
    """
    share = target / len(target)
    generator = torch.Generator().manual_seed(seed)
    first = torch.randn(len(target), 3, generator=generator, dtype=torch.float64)
    places = (first if start is None else start.points.clone()).requires_grad_(True)
    radius = _FIRST_RADIUS if start is None else start.radius
    log_radius = torch.tensor(math.log(radius), dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.Adam(
        [{"params": [places], "lr": _RATE}, {"params": [log_radius], "lr": _RADIUS_RATE}]
    )
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    losses = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = _divergence(share, places, log_radius)
        losses.append(float(loss.detach()))
        loss.backward()
        optimizer.step()
        schedule.step()
    places, log_radius = places.detach(), log_radius.detach()
    losses.append(float(_divergence(share, places, log_radius)))
    return SphereMap(normalize(places, dim=1), math.exp(float(log_radius)), tuple(losses))


def _divergence(share: Tensor, places: Tensor, log_radius: Tensor) -> Tensor:
    """KL(P || Q) of P (N, N), which sums to 1; Q is proportional to 1 / (1 + distance^2) off the diagonal."""
    units = normalize(places, dim=1)
    squared = (2 * log_radius).exp() * (2 - 2 * units @ units.T).clamp(min=0)
    attraction = (share * squared.log1p()).sum()
    repulsion = ((1 / (1 + squared)).sum() - len(share)).log()  # less the N ones of the diagonal
    return attraction + repulsion - torch.special.entr(share).sum()

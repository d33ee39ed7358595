"""The metrics of text-to-motion (Guo et al. 2022) on embeddings (N, D): row i of text and motion belong together.

Every random draw comes from an explicit `torch.Generator` on the CPU. Distances and statistics are float64.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from kinelex.errors import KinelexError

POOL = 32
TOP = (1, 2, 3)
DIVERSITY_PAIRS, FEW_DIVERSITY_PAIRS = 300, 100
MULTIMODALITY_PAIRS = 10


@dataclass(frozen=True)
class Matching:
    """How well texts find their motions.

    Attributes:
        r_precision: share of texts whose own motion is among the nearest 1, 2, 3 of its pool.
        hits: (3,) long, the same as counts.
        distance: mean Euclidean distance of a text to its own motion (MM-Dist).
        samples: that were in a full pool.
    """

    r_precision: tuple[float, ...]
    hits: Tensor
    distance: float
    samples: int


def matching(
    texts: Tensor, motions: Tensor, generator: torch.Generator | None = None, pool: int = POOL
) -> Matching:
    """R-precision top 1, 2, 3 and matching distance; the samples beyond the last full pool do not count.

    Motions that are exactly as near as the own one count as nearer: a judge that gives every motion the same
    vector has a precision of 0 and not of 1.

    Args:
        texts, motions: (N, D) each.
        generator: puts the samples into pools at random; None takes them in the order given.
        pool: motions among which a text looks for its own.

    Raises:
        KinelexError: fewer samples than a pool, different shapes, or numbers that are not finite.
    """
    texts, motions = _checked(texts, "text embeddings"), _checked(motions, "motion embeddings")
    if texts.shape != motions.shape:
        raise KinelexError(
            f"text embeddings {tuple(texts.shape)} and motion embeddings {tuple(motions.shape)} do not pair; "
            "give one text for each motion, by the same judge"
        )
    pools = len(texts) // pool
    if pools == 0:
        raise KinelexError(
            f"R-precision looks in pools of {pool} and there are {len(texts)} samples; "
            f"give at least {pool} captioned clips"
        )
    order = torch.arange(len(texts)) if generator is None else _permutations(1, len(texts), generator)[0]
    order = order[: pools * pool].to(texts.device)
    distances = torch.cdist(texts[order].view(pools, pool, -1), motions[order].view(pools, pool, -1))
    own = distances.diagonal(dim1=1, dim2=2)
    rank = (distances <= own[..., None]).sum(-1)
    hits = torch.stack([(rank <= k).sum() for k in TOP])
    precision = tuple((hits.double() / len(order)).tolist())
    return Matching(precision, hits, float(own.mean()), len(order))


def fid(real: Tensor, made: Tensor) -> float:
    """Frechet distance of two normal distributions fitted to embeddings (N, D) and (M, D).

    |m1 - m2|^2 + tr S1 + tr S2 - 2 tr (S1 S2)^(1/2), where the last trace is the sum of the square roots of the
    eigenvalues of the symmetric S1^(1/2) S2 S1^(1/2): real by construction, also with fewer samples than D.

    Raises:
        KinelexError: fewer than two samples, different widths, or numbers that are not finite.
    """
    real, made = _checked(real, "real embeddings"), _checked(made, "generated embeddings")
    if real.shape[1] != made.shape[1]:
        raise KinelexError(
            f"embeddings of width {real.shape[1]} and {made.shape[1]} cannot be compared; use one judge for both"
        )
    if min(len(real), len(made)) < 2:
        raise KinelexError(
            "FID needs a covariance and there is one sample; give at least two, better thousands"
        )
    first, second = torch.cov(real.T).view(2 * real.shape[1:]), torch.cov(made.T).view(2 * made.shape[1:])
    values, directions = torch.linalg.eigh(first)
    root = directions * values.clamp(min=0).sqrt() @ directions.T
    cross = torch.linalg.eigvalsh(root @ second @ root).clamp(min=0).sqrt().sum()
    shift = (real.mean(0) - made.mean(0)).square().sum()
    return float(shift + first.trace() + second.trace() - 2 * cross)


def diversity(embeddings: Tensor, generator: torch.Generator) -> float:
    """Mean distance of 300 random pairs (N, D), or of 100 where there are at most 300 samples.

    First and second members are drawn each without repetition, as published; a pair may be one sample twice.

    Raises:
        KinelexError: fewer than 100 samples, or numbers that are not finite.
    """
    count = len(_checked(embeddings, "embeddings"))
    if count < FEW_DIVERSITY_PAIRS:
        raise KinelexError(
            f"diversity draws {FEW_DIVERSITY_PAIRS} different samples and there are {count}; give more clips"
        )
    pairs = DIVERSITY_PAIRS if count > DIVERSITY_PAIRS else FEW_DIVERSITY_PAIRS
    first, second = _permutations(2, count, generator)[:, :pairs]
    return pair_distance(embeddings, first, second)


def pair_distance(embeddings: Tensor, first: Tensor, second: Tensor) -> float:
    """Mean distance of the pairs (first, second) of rows of embeddings (N, D)."""
    vectors = embeddings.double()
    return float((vectors[first] - vectors[second]).norm(dim=-1).mean())


def multimodality(embeddings: Tensor, generator: torch.Generator, pairs: int = MULTIMODALITY_PAIRS) -> float:
    """Mean distance of pairs of motions generated from one text: (N, R, D), R motions a text.

    Raises:
        KinelexError: another shape, fewer motions a text than pairs, or numbers that are not finite.
    """
    if embeddings.ndim != 3 or embeddings.shape[1] < pairs:
        raise KinelexError(
            f"multimodality needs (texts, motions, width) with at least {pairs} motions a text, "
            f"not {tuple(embeddings.shape)}; generate more"
        )
    _checked(embeddings.flatten(0, 1), "embeddings")
    first, second = _permutations(2, embeddings.shape[1], generator)[:, :pairs]
    return pair_distance(embeddings.transpose(0, 1), first, second)


def mpjpe(real: Tensor, made: Tensor) -> Tensor:
    """(T,) mean joint distance of each frame of joints (T, J, 3), roots put together; in the unit of the joints."""
    difference = (real - real[:, :1]) - (made - made[:, :1])
    return difference.norm(dim=-1).mean(-1)


@dataclass(frozen=True)
class Estimate:
    """A mean over repeats and half the width of its 95 % interval; NaN where one repeat says nothing of it."""

    mean: float
    half_width: float

    def __str__(self) -> str:
        return f"{self.mean:.3f} ± {self.half_width:.3f}"


def estimate(values: Sequence[float]) -> Estimate:
    """Mean and 1.96 std / sqrt(n) of n repeats, std with divisor n as published.

    Raises:
        KinelexError: there are no values.
    """
    if not values:
        raise KinelexError("there are no repeats to average; run the evaluation at least once")
    numbers = torch.tensor(values, dtype=torch.float64)
    if len(values) == 1:
        return Estimate(float(numbers[0]), math.nan)
    return Estimate(float(numbers.mean()), 1.96 * float(numbers.std(correction=0)) / math.sqrt(len(values)))


def _permutations(count: int, length: int, generator: torch.Generator) -> Tensor:
    """(count, length) random orders."""
    return torch.stack([torch.randperm(length, generator=generator) for _ in range(count)])


def _checked(embeddings: Tensor, what: str) -> Tensor:
    """The embeddings in float64."""
    if embeddings.ndim != 2:
        raise KinelexError(f"the {what} have shape {tuple(embeddings.shape)}; give (samples, width)")
    if not embeddings.isfinite().all():
        raise KinelexError(f"the {what} are not finite; check the motion that the judge was given for NaN")
    return embeddings.double()

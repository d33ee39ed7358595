"""Recall and median rank of text-motion retrieval (TMR, section 4.1), as the published code counts them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from kinelex.errors import KinelexError

RECALLS = (1, 2, 3, 5, 10)
POOL, POOL_SEED = 32, 0


@dataclass(frozen=True)
class Recall:
    """How well one side finds the other.

    Attributes:
        at: percent of queries whose own candidate is among the first 1, 2, 3, 5, 10.
        median_rank: 1 at best.
        candidates: among which a query looks.
    """

    at: dict[int, float]
    median_rank: float
    candidates: int


@dataclass(frozen=True)
class RetrievalScores:
    """Both directions of a protocol."""

    text_to_motion: Recall
    motion_to_text: Recall


def ranks(similarity: Tensor, same: Tensor | None = None) -> Tensor:
    """(N,) float64 rank of the own candidate of each query, counted from 0; equal scores share their mean rank.

    Args:
        similarity: (N, N) of queries (rows) and candidates; the diagonal belongs together.
        same: (N, N) True where a candidate is right too; the best ranked of them counts.

    Raises:
        KinelexError: not square, no pairs, or scores that are not finite.
    """
    if similarity.ndim != 2 or similarity.shape[0] != similarity.shape[1] or not len(similarity):
        raise KinelexError(
            f"similarities of shape {tuple(similarity.shape)} do not pair; give (N, N) of N texts and N motions"
        )
    if not similarity.isfinite().all():
        raise KinelexError("the similarities are not finite; check the motion and the model for NaN")
    right = torch.eye(len(similarity), dtype=torch.bool, device=similarity.device)
    right = right if same is None else right | same
    best = similarity.masked_fill(~right, -torch.inf).amax(1, keepdim=True)
    higher, equal = (similarity > best).sum(1), (similarity == best).sum(1)
    return higher.double() + (equal.double() - 1) / 2


def recall(rank: Tensor) -> Recall:
    """Recall and median rank of ranks (N,) from 0."""
    at = {k: 100 * float((rank < k).double().mean()) for k in RECALLS}
    return Recall(at, float(np.median(rank.cpu().numpy())) + 1, len(rank))


def cosines(texts: Tensor, motions: Tensor) -> Tensor:
    """(N, M) cosines of latents (N, D) and (M, D)."""
    return functional.normalize(texts, dim=-1) @ functional.normalize(motions, dim=-1).T


def all_scores(similarity: Tensor) -> RetrievalScores:
    """Protocol "all": every text (rows) among all motions, and the reverse; (N, N).

    Raises:
        KinelexError: see `ranks`.
    """
    return RetrievalScores(recall(ranks(similarity)), recall(ranks(similarity.T)))


def threshold_scores(similarity: Tensor, sentences: Tensor, threshold: float = 0.95) -> RetrievalScores:
    """Protocol "threshold": the motion of a caption that says nearly the same is right as well.

    Args:
        similarity: (N, N), texts in rows.
        sentences: (N, S) unit vectors of the captions.
        threshold: on the scale (1 + cosine) / 2; 0.95 is a cosine of 0.9.

    Raises:
        KinelexError: see `ranks`.
    """
    same = sentences @ sentences.T > 2 * threshold - 1
    return RetrievalScores(recall(ranks(similarity, same)), recall(ranks(similarity.T, same)))


def dissimilar_scores(similarity: Tensor, chosen: Tensor) -> RetrievalScores:
    """Protocol "dissimilar subset": the chosen (C,) rows and columns of (N, N) alone.

    Raises:
        KinelexError: see `ranks`.
    """
    return all_scores(similarity[chosen][:, chosen])


def dissimilar_captions(sentences: Tensor, count: int, threshold: float = 0.95) -> Tensor:
    """(C,) up to `count` rows, each taken because no earlier one says nearly the same.

    The published subset is a list of HumanML3D clips; this makes one for any corpus.

    Args:
        sentences: (N, S) unit vectors of the captions.
        count: most rows.
        threshold: on the scale (1 + cosine) / 2.
    """
    alike = sentences @ sentences.T > 2 * threshold - 1
    chosen: list[int] = []
    for row in range(len(sentences)):
        if len(chosen) < count and not alike[row, chosen].any():
            chosen.append(row)
    return torch.tensor(chosen)


def pools(count: int, size: int = POOL) -> Tensor:
    """(count // size, size) rows of the published small batches: shuffled by NumPy's seed 0, the rest dropped.

    Raises:
        KinelexError: fewer rows than a batch holds.
    """
    if count < size:
        raise KinelexError(
            f"small batches hold {size} pairs and there are {count}; give more captioned clips"
        )
    order = np.arange(count)
    np.random.RandomState(POOL_SEED).shuffle(order)
    return torch.from_numpy(order)[: count // size * size].view(-1, size)


def pooled_scores(similarity: Tensor, size: int = POOL) -> RetrievalScores:
    """Protocol "small batches" of Guo et al. 2022: mean over batches of the (N, N) similarity, published with 32.

    Raises:
        KinelexError: fewer pairs than a batch holds; see also `ranks`.
    """
    several = [all_scores(similarity[rows][:, rows]) for rows in pools(len(similarity), size)]
    return RetrievalScores(
        _mean([scores.text_to_motion for scores in several]),
        _mean([scores.motion_to_text for scores in several]),
    )


def _mean(recalls: list[Recall]) -> Recall:
    at = {k: float(np.mean([one.at[k] for one in recalls])) for k in RECALLS}
    return Recall(at, float(np.mean([one.median_rank for one in recalls])), recalls[0].candidates)

"""Contrastive losses that draw phrases and their motion together (SegMo, Eq. 8 and 10 to 12)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

ALIGNMENTS = ("segment", "batch", "global", "token")


def segment_loss(phrases: Tensor, motions: Tensor, present: Tensor, temperature: float) -> Tensor:
    """Within each sample, every phrase against the segments of that sample and the reverse (Eq. 8).

    The published code counts absent segments as classes; with `present` all True this is its loss.

    Args:
        phrases, motions: (B, S, C) vectors of text and motion segments.
        present: (B, S) True where there is a pair.
    """
    similarity = _cosine(phrases, motions) / temperature
    absent = ~present
    rows = similarity.masked_fill(absent[:, None, :], -torch.inf)
    columns = similarity.masked_fill(absent[:, :, None], -torch.inf).transpose(1, 2)
    target = torch.arange(present.shape[1], device=present.device).expand_as(present)[present]
    return _both_ways(rows[present], columns[present], target)


def batch_loss(phrases: Tensor, motions: Tensor, present: Tensor, temperature: float) -> Tensor:
    """Every phrase of the batch against all segments of the batch and the reverse (Eq. 10)."""
    similarity = _cosine(phrases[present], motions[present]) / temperature
    target = torch.arange(len(similarity), device=present.device)
    return _both_ways(similarity, similarity.T, target)


def global_loss(sentences: Tensor, motions: Tensor, temperature: float) -> Tensor:
    """Sentences (B, C) against whole motions (B, C) over the batch, both ways (Eq. 11)."""
    similarity = _cosine(sentences, motions) / temperature
    return _both_ways(similarity, similarity.T, torch.arange(len(sentences), device=sentences.device))


def token_align_loss(
    phrases: Tensor, tokens: Tensor, members: Tensor, present: Tensor, temperature: float
) -> Tensor:
    """Each motion token against the phrases of its sample; the one of its segment is right (Eq. 12).

    Args:
        phrases: (B, S, C) vectors of the text segments.
        tokens: (B, L, C) vectors of the motion tokens.
        members: (B, S, L) True for the tokens of each segment.
        present: (B, S) True where there is a phrase.
    """
    members = members & present[..., None]
    inside = members.any(1)
    similarity = _cosine(tokens, phrases) / temperature
    rows = similarity.masked_fill(~present[:, None, :], -torch.inf)[inside]
    if len(rows) == 0:
        return tokens.sum() * 0.0
    return functional.cross_entropy(rows.float(), members.long().argmax(1)[inside])


def consistency(phrases: Tensor, motions: Tensor, present: Tensor) -> Tensor:
    """ISC: mean cosine of the pairs (B, S, C) of phrases and motion segments that are present (B, S)."""
    return functional.cosine_similarity(phrases, motions, dim=-1)[present].mean()


def _cosine(left: Tensor, right: Tensor) -> Tensor:
    """(..., N, M) cosines of (..., N, C) and (..., M, C)."""
    return functional.normalize(left.float(), dim=-1) @ functional.normalize(right.float(), dim=-1).transpose(
        -1, -2
    )


def _both_ways(rows: Tensor, columns: Tensor, target: Tensor) -> Tensor:
    """Mean of the two cross-entropies; without a pair, a zero that still has a gradient."""
    if len(target) == 0:
        return torch.zeros((), device=rows.device, requires_grad=rows.requires_grad)
    return 0.5 * (functional.cross_entropy(rows, target) + functional.cross_entropy(columns, target))

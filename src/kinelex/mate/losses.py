"""MATE's losses (Eq. 4 to 8)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from kinelex.mate.disentanglement import cosine


def self_loss(own: Tensor, prototypes: Tensor, lemmas: Tensor, temperature: float, weights: Tensor) -> Tensor:
    """Self-disentanglement: what a word makes of its motion is nearest to its lemma's prototype.

    Args:
        own: (B, D) f_{w_i}^{m_i}.
        prototypes: (K, D), one a lemma.
        lemmas: (B,) the words' lemmas.
        temperature: of the softmax over all K.
        weights: (B,) of the samples, with a mean of about 1.
    """
    logits = cosine(own, prototypes) / temperature
    return (F.cross_entropy(logits, lemmas, reduction="none") * weights).mean()


def cross_loss(own: Tensor, pairs: Tensor, contains: Tensor) -> Tensor:
    """Cross-disentanglement: a word finds in a motion that lacks it nothing of what it finds in its own.

    Args:
        own: (B, D) f_{w_i}^{m_i}.
        pairs: (B, B, D); [i, j] is f_{w_j}^{m_i}.
        contains: (B, B) True where a caption of motion i has the lemma of word j.

    Returns:
        The mean over pairs (i, j) of which neither motion contains the other's word; 0 if there are none.
    """
    apart = ~(contains | contains.T)
    mine = own[:, None].expand_as(pairs)
    foreign_word = F.cosine_similarity(mine, pairs, dim=-1).abs()
    foreign_motion = F.cosine_similarity(mine, pairs.transpose(0, 1), dim=-1).abs()
    return ((foreign_word + foreign_motion) * apart).sum() / apart.sum().clamp(min=1)


def contrastive_loss(
    text: Tensor, motion: Tensor, same: Tensor, temperature: float, weights: Tensor | None = None
) -> Tensor:
    """Symmetric InfoNCE of rows (B, D) that belong together (Eq. 6, and L_sent).

    Args:
        text, motion: the two sides.
        same: (B, B) True where two samples say the same, which are no negatives of each other.
        temperature: of the softmax.
        weights: (B,) of the samples; None for 1.
    """
    others = same & ~torch.eye(len(same), dtype=torch.bool, device=same.device)
    logits = (cosine(text, motion) / temperature).masked_fill(others, -torch.inf)
    target = torch.arange(len(text), device=text.device)
    both = sum(F.cross_entropy(side, target, reduction="none") for side in (logits, logits.T)) / 2
    assert isinstance(both, Tensor)
    return both.mean() if weights is None else (both * weights).mean()


def reconstruction_loss(decoded: Tensor, motions: Tensor, mask: Tensor) -> Tensor:
    """Smooth L1 over the features (B, T, F) of frames that are not padding, mask (B, T)."""
    apart = F.smooth_l1_loss(decoded, motions, reduction="none").mean(-1)
    return (apart * mask).sum() / mask.sum()

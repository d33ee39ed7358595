"""Sentence vectors of a training batch, without work on padding or on sentences that are there twice."""

from __future__ import annotations

import torch
from torch import Tensor

from kinelex.text.encoders import TextEncoder, Tokens

# Groups of a batch that are padded on their own; captions of one batch differ in length fourfold.
_GROUPS = 4


def pooled_sentences(encoder: TextEncoder, tokens: Tokens, sentence: Tensor) -> Tensor:
    """(B, S) sentence vectors, with gradients; each sentence is read once, beside others of about its length.

    Where layers are trained with dropout, equal sentences of a batch share its noise.

    Args:
        encoder: reads them.
        tokens: ids and mask (B, L), padded at the end.
        sentence: (B,) equal numbers for equal sentences.
    """
    distinct, place = sentence.unique(return_inverse=True)
    rows = torch.zeros_like(distinct).scatter_(0, place, torch.arange(len(place), device=place.device))
    lengths = tokens.mask[rows].sum(1)
    order = lengths.argsort()
    groups = order.tensor_split(min(_GROUPS, len(order)))
    longest = [int(lengths[group].max()) for group in groups]
    read = [
        encoder(Tokens(tokens.ids[rows[group], :most], tokens.mask[rows[group], :most])).pooled
        for group, most in zip(groups, longest, strict=True)
    ]
    return torch.cat(read)[order.argsort()[place]]

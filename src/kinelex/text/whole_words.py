"""Embeddings of whole words: the mean of the rows of their sub-word pieces."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from kinelex.errors import KinelexError
from kinelex.text.encoders import TextEncoder


def word_pieces(encoder: TextEncoder, words: Sequence[str]) -> list[list[int]]:
    """Token ids of each word as it stands within a sentence, without special tokens.

    Raises:
        KinelexError: no words, or one that the tokenizer leaves without a token.
    """
    if not words:
        raise KinelexError("no words to look up; give at least one")
    # The space tells tokenizers that mark the beginnings of words that this is one.
    pieces = encoder.tokenizer([f" {word}" for word in words], add_special_tokens=False)["input_ids"]
    for word, ids in zip(words, pieces, strict=True):
        if not ids:
            raise KinelexError(f"the tokenizer finds nothing to read in {word!r}; give a word")
    return pieces


def word_vectors(encoder: TextEncoder, words: Sequence[str]) -> Tensor:
    """(N, H) the mean of each word's rows of the embedding table, with gradients.

    Raises:
        KinelexError: what `word_pieces` raises.
    """
    pieces = word_pieces(encoder, words)
    flat = torch.tensor([row for ids in pieces for row in ids], device=encoder.device)
    word = torch.tensor([number for number, ids in enumerate(pieces) for _ in ids], device=encoder.device)
    rows = encoder.word_embeddings(flat)
    sums = rows.new_zeros(len(pieces), rows.shape[1]).index_add(0, word, rows)
    return sums / torch.bincount(word, minlength=len(pieces))[:, None]

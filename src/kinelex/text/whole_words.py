"""Embeddings of whole words: the mean of the rows of their sub-word pieces."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

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


def piece_table(encoder: TextEncoder, words: Sequence[str]) -> Tensor:
    """(N, P) what `word_pieces` gives, -1 behind the pieces of each word; raises as it does."""
    pieces = word_pieces(encoder, words)
    table = torch.full((len(pieces), max(map(len, pieces))), -1, device=encoder.device)
    for row, ids in zip(table, pieces, strict=True):
        row[: len(ids)] = torch.tensor(ids)
    return table


def mean_of_pieces(embeddings: nn.Module, pieces: Tensor) -> Tensor:
    """(N, H) the mean over each word's pieces (N, P) of what an embedding layer says of them, with gradients."""
    present = (pieces >= 0)[..., None]
    return (embeddings(pieces.clamp(min=0)) * present).sum(1) / present.sum(1)


def word_vectors(encoder: TextEncoder, words: Sequence[str]) -> Tensor:
    """(N, H) the mean of each word's rows of the embedding table, with gradients.

    Raises:
        KinelexError: what `word_pieces` raises.
    """
    return mean_of_pieces(encoder.word_embeddings, piece_table(encoder, words))

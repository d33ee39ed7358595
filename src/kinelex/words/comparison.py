"""What training did to the words of an encoder: two tables of embeddings side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import cosine_similarity, normalize

from kinelex.errors import KinelexError
from kinelex.text.encoders import TextEncoder
from kinelex.text.whole_words import word_vectors
from kinelex.words.vocabulary import Pairs, WordLists


@dataclass(frozen=True)
class PairCosine:
    """Cosine of two words, or of two sentences, before and after.

    Attributes:
        kind: opposites or kin.
    """

    kind: str
    first: str
    second: str
    before: float
    after: float


@dataclass(frozen=True)
class Neighbours:
    """The words nearest to a word and their cosines, nearest first, before and after."""

    word: str
    before: tuple[tuple[str, float], ...]
    after: tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class Movement:
    """How far training moved a word.

    Attributes:
        distance: length of the difference, as a share of the embedding's length before.
        cosine: of the embedding before and after.
    """

    word: str
    distance: float
    cosine: float


@dataclass(frozen=True)
class WordComparison:
    """Everything that is said about two encoders.

    Attributes:
        words: in the order of the vectors.
        before, after: (N, H) whole-word embeddings.
        pairs: cosines of pairs of words.
        sentences: cosines of pairs of sentences, of whole sentence vectors.
        neighbours: of every word.
        movements: of every word, the most moved first.
    """

    words: tuple[str, ...]
    before: Tensor
    after: Tensor
    pairs: tuple[PairCosine, ...]
    sentences: tuple[PairCosine, ...]
    neighbours: tuple[Neighbours, ...]
    movements: tuple[Movement, ...]


@torch.no_grad()
def compare_words(
    before: TextEncoder, after: TextEncoder, lists: WordLists, extra: Sequence[str] = (), count: int = 8
) -> WordComparison:
    """Compare the words of two encoders.

    Args:
        before, after: encoders with embedding tables of the same width, the second made from the first.
        lists: vocabulary and pairs.
        extra: words to look up besides the vocabulary.
        count: neighbours of each word.

    Raises:
        KinelexError: the widths differ, or a word is empty.
    """
    widths = [encoder.word_embeddings.embedding_dim for encoder in (before, after)]
    if widths[0] != widths[1]:
        raise KinelexError(
            f"the encoders' word embeddings have {widths[0]} and {widths[1]} numbers; "
            "compare an encoder with one that was made from it"
        )
    words = tuple(dict.fromkeys((*lists.groups, *extra)))
    old, new = word_vectors(before, words), word_vectors(after, words)
    return WordComparison(
        words, old, new,
        pairs=_pairs(lists.words, lambda texts: (word_vectors(before, texts), word_vectors(after, texts))),
        sentences=_pairs(lists.sentences, lambda texts: (before.embed(texts), after.embed(texts))),
        neighbours=_neighbours(words, old, new, count),
        movements=_movements(words, old, new),
    )  # fmt: skip


def _pairs(pairs: Pairs, vectors: Callable[[Sequence[str]], tuple[Tensor, Tensor]]) -> tuple[PairCosine, ...]:
    """Cosines of all pairs; `vectors` gives those of texts before and after."""
    rows = [(kind, *pair) for kind, listed in pairs.items() for pair in listed]
    firsts, seconds = (vectors([row[place] for row in rows]) for place in (1, 2))
    before, after = (
        cosine_similarity(first, second).tolist() for first, second in zip(firsts, seconds, strict=True)
    )
    return tuple(PairCosine(*row, *cosines) for row, *cosines in zip(rows, before, after, strict=True))


def _neighbours(words: Sequence[str], old: Tensor, new: Tensor, count: int) -> tuple[Neighbours, ...]:
    sides = [_nearest(words, vectors, count) for vectors in (old, new)]
    return tuple(Neighbours(word, *lists) for word, *lists in zip(words, *sides, strict=True))


def _nearest(words: Sequence[str], vectors: Tensor, count: int) -> list[tuple[tuple[str, float], ...]]:
    """For each word, the `count` others of the highest cosine."""
    units = normalize(vectors, dim=1)
    best = (units @ units.T).fill_diagonal_(-torch.inf).topk(count)
    return [
        tuple((words[int(place)], float(cosine)) for place, cosine in zip(*row, strict=True))
        for row in zip(best.indices, best.values, strict=True)
    ]


def _movements(words: Sequence[str], old: Tensor, new: Tensor) -> tuple[Movement, ...]:
    distances = ((new - old).norm(dim=1) / old.norm(dim=1)).tolist()
    cosines = cosine_similarity(old, new).tolist()
    rows = [Movement(*row) for row in zip(words, distances, cosines, strict=True)]
    return tuple(sorted(rows, key=lambda row: -row.distance))

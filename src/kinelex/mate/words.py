"""The words of a corpus as numbers: sub-word pieces, lemmas, how often, and which of them show in motion."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from kinelex.errors import KinelexError
from kinelex.text.encoders import TextEncoder
from kinelex.text.lemmas import TaggedWord
from kinelex.text.whole_words import piece_table


@dataclass(frozen=True)
class Lexicon:
    """The different words of a corpus and their lemmas, in a fixed order.

    Attributes:
        words: W of them, lower case.
        lemmas: K of them.
        lemma: (W,) each word's lemma.
        pieces: (W, P) token ids of each word's sub-words, -1 behind them.
        counts: (W,) how often each occurs.
    """

    words: tuple[str, ...]
    lemmas: tuple[str, ...]
    lemma: Tensor
    pieces: Tensor
    counts: Tensor

    @classmethod
    def of_words(cls, tagged: Sequence[TaggedWord], encoder: TextEncoder) -> Lexicon:
        """Every word and its commonest lemma, in alphabetical order.

        Raises:
            KinelexError: there are no words.
        """
        if not tagged:
            raise KinelexError("the captions have no words; give a corpus with captions")
        counts = Counter(word.word for word in tagged)
        readings: dict[str, Counter[str]] = {}
        for word in tagged:
            readings.setdefault(word.word, Counter())[word.lemma] += 1
        words = tuple(sorted(counts))
        chosen = [readings[word].most_common(1)[0][0] for word in words]
        lemmas = tuple(sorted(set(chosen)))
        place = {lemma: row for row, lemma in enumerate(lemmas)}
        return cls(
            words,
            lemmas,
            torch.tensor([place[lemma] for lemma in chosen]),
            piece_table(encoder, words),
            torch.tensor([counts[word] for word in words]),
        )

    @property
    def rows(self) -> dict[str, int]:
        """Each word's number."""
        return {word: row for row, word in enumerate(self.words)}

    @property
    def token_ids(self) -> set[int]:
        """Every sub-word of the corpus: the rows of the embedding table that MATE trains."""
        return set(self.pieces[self.pieces >= 0].tolist())

    @property
    def lemma_words(self) -> Tensor:
        """(K,) the commonest word of each lemma, which its prototype starts from."""
        order = self.counts.argsort(stable=True)
        found = torch.zeros(len(self.lemmas), dtype=torch.long)
        found[self.lemma[order]] = order  # of several, the last one written is the commonest
        return found


def frequency_weights(counts: Tensor, power: float) -> Tensor:
    """(W,) weights of words that occur counts (W,) times: counts^-power, with a mean of 1 over all occurrences.

    Power 0 leaves frequencies as they are, and 1 gives every word the same say (beyond the paper; its section 5).
    """
    weights = counts.double().clamp(min=1).pow(-power)
    return (weights * counts.sum() / (weights * counts).sum()).float()


def kinematic_scores(presence: Tensor, motion: Tensor) -> Tensor:
    """(K,) how much of the variety of motion a lemma explains: eta squared of its presence, adjusted for chance.

    "Position" or "starting" say little about a body, "left" and "jumps" much (the paper's section 5). Negative
    means less than a random set of as many motions would explain.

    Args:
        presence: (N, K) True where a motion's captions have the lemma.
        motion: (N, D) a description of each motion.
    """
    scaled = (motion - motion.mean(0)) / motion.std(0).clamp(min=1e-6)
    told = presence.to(scaled.dtype)
    count = told.sum(0)
    means = (told.T @ scaled) / count.clamp(min=1)[:, None]
    rest = (scaled.sum(0) - told.T @ scaled) / (len(told) - count).clamp(min=1)[:, None]
    between = count * means.square().sum(1) + (len(told) - count) * rest.square().sum(1)
    explained = between / scaled.square().sum()
    return 1 - (1 - explained) * (len(told) - 1) / max(len(told) - 2, 1)


def lemma_presence(said: Sequence[Mapping[str, int] | set[str]], lemmas: Sequence[str]) -> Tensor:
    """(N, K) True where the lemmas said of a motion have that lemma."""
    place = {lemma: row for row, lemma in enumerate(lemmas)}
    table = torch.zeros(len(said), len(lemmas), dtype=torch.bool)
    for row, own in enumerate(said):
        table[row, [place[lemma] for lemma in own if lemma in place]] = True
    return table

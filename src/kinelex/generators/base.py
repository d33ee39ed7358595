"""What every generator is conditioned on, and the whitening of text vectors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from kinelex.alignment.spans import Spans
from kinelex.errors import KinelexError
from kinelex.text.encoders import TextEncoder, TextFeatures
from kinelex.text.left_first import left_first

MAX_SEGMENTS = 5


@dataclass(frozen=True)
class WordStates:
    """What a language model makes of every token of B sentences.

    Attributes:
        states: (B, L, H) contextual vectors.
        mask: (B, L) True where there is something to read: real tokens, or padding that is read along.
        last: (B,) place of the end-of-text token.
    """

    states: Tensor
    mask: Tensor
    last: Tensor

    def dropped(self, drop: Tensor) -> WordStates:
        """The states of samples where drop (B,) is True become zero; how many there are stays."""
        return replace(self, states=self.states.masked_fill(drop[:, None, None], 0.0))

    def joined(self, other: WordStates) -> WordStates:
        """The batch, then another one of the same L."""
        pairs = zip(vars(self).values(), vars(other).values(), strict=True)
        return WordStates(*(torch.cat(pair) for pair in pairs))

    def __getitem__(self, index: Tensor | slice | list[int]) -> WordStates:
        return WordStates(*(value[index] for value in vars(self).values()))

    def to(self, device: torch.device | str) -> WordStates:
        """The same on another device."""
        return WordStates(*(value.to(device) for value in vars(self).values()))


@dataclass(frozen=True)
class TextCondition:
    """Text vectors of a batch.

    Attributes:
        sentence: (B, D) whole-sentence vectors.
        segments: (B, S, D) vectors of the ordered phrases, S from 0 to 5.
        segment_mask: (B, S) True where a phrase is present.
        spans: (B, S) the motion tokens that do each phrase, empty where that is not known; None when it is known of
            no sample.
        words: every token of the sentence, for hosts that read them.
        mirrored: (B,) True where the text is read as its mirror image and the motion is to be mirrored back; None for
            nowhere.
    """

    sentence: Tensor
    segments: Tensor
    segment_mask: Tensor
    spans: Spans | None = None
    words: WordStates | None = None
    mirrored: Tensor | None = None

    @classmethod
    def of_sentences(cls, sentence: Tensor) -> TextCondition:
        """A condition of (B, D) sentence vectors without phrases."""
        batch, width = sentence.shape
        empty = torch.zeros(batch, 0, dtype=torch.bool, device=sentence.device)
        return cls(sentence, sentence.new_zeros(batch, 0, width), empty)

    @classmethod
    def of_texts(
        cls,
        vectors: Tensor,
        rows: Mapping[str, int],
        sentences: Sequence[str],
        phrases: Sequence[Sequence[str]],
        words: WordStates | None = None,
    ) -> TextCondition:
        """The condition of B sentences and their phrases.

        Args:
            vectors: (N, D) of every text that occurs.
            rows: the row of each text.
            sentences: B texts.
            phrases: the ordered phrases of each sentence.
            words: of the first texts of `rows`, all sentences among them.
        """
        most = max(len(parts) for parts in phrases)
        index = torch.full((len(sentences), most), -1, device=vectors.device)
        for row, parts in enumerate(phrases):
            index[row, : len(parts)] = torch.tensor([rows[phrase] for phrase in parts])
        present = index >= 0
        segments = vectors[index.clamp(min=0)].masked_fill(~present[..., None], 0.0)
        said = [rows[sentence] for sentence in sentences]
        return cls(vectors[said], segments, present, words=None if words is None else words[said])

    def __len__(self) -> int:
        return len(self.sentence)

    @property
    def vectors(self) -> Tensor:
        """(B, 1 + S, D) sentence vector, then phrase vectors."""
        return torch.cat([self.sentence[:, None], self.segments], dim=1)

    @property
    def mask(self) -> Tensor:
        """(B, 1 + S) True for the sentence and every phrase that is present."""
        return nn.functional.pad(self.segment_mask, (1, 0), value=True)

    def at(self, spans: Spans) -> TextCondition:
        """The same text, done at these motion tokens."""
        return replace(self, spans=spans)

    def alone(self) -> TextCondition:
        """The sentences without their phrases."""
        return replace(self, segments=self.segments[:, :0], segment_mask=self.segment_mask[:, :0], spans=None)

    def dropped(self, drop: Tensor) -> TextCondition:
        """The vectors of samples where drop (B,) is True become zero; all else stays (unconditional pass)."""
        return replace(
            self,
            sentence=self.sentence.masked_fill(drop[:, None], 0.0),
            segments=self.segments.masked_fill(drop[:, None, None], 0.0),
            words=None if self.words is None else self.words.dropped(drop),
        )

    def with_unconditional(self) -> TextCondition:
        """(2B) the batch, then its unconditional twins: guidance in one pass."""
        twins = self.dropped(torch.ones_like(self.sentence[:, 0], dtype=torch.bool))
        return TextCondition(
            torch.cat([self.sentence, twins.sentence]),
            torch.cat([self.segments, twins.segments]),
            torch.cat([self.segment_mask, twins.segment_mask]),
            None if self.spans is None or twins.spans is None else self.spans.joined(twins.spans),
            None if self.words is None or twins.words is None else self.words.joined(twins.words),
            None
            if self.mirrored is None or twins.mirrored is None
            else torch.cat([self.mirrored, twins.mirrored]),
        )

    def trimmed(self) -> TextCondition:
        """Without the phrase slots that no sample of the batch uses."""
        used = self.segment_mask.any(0)
        spans = None if self.spans is None else self.spans.slots(used)
        return replace(
            self, segments=self.segments[:, used], segment_mask=self.segment_mask[:, used], spans=spans
        )

    def __getitem__(self, index: Tensor | slice) -> TextCondition:
        spans = None if self.spans is None else self.spans[index]
        words = None if self.words is None else self.words[index]
        mirrored = None if self.mirrored is None else self.mirrored[index]
        return TextCondition(
            self.sentence[index], self.segments[index], self.segment_mask[index], spans, words, mirrored
        )

    def to(self, device: torch.device | str) -> TextCondition:
        """The same condition on another device."""
        return TextCondition(
            self.sentence.to(device),
            self.segments.to(device),
            self.segment_mask.to(device),
            None if self.spans is None else self.spans.to(device),
            None if self.words is None else self.words.to(device),
            None if self.mirrored is None else self.mirrored.to(device),
        )


@dataclass(frozen=True)
class TextReading:
    """What a host takes from its text encoder.

    Attributes:
        words: the states of all tokens, next to the sentence vector.
        limit: most tokens a text, special ones included; None for as many as the encoder reads.
        padded: read every text as so many tokens, its padding too, as published hosts of CLIP do (77); None to read
            the text alone.
        left_first: read sentences that name the right first as their mirror images, and mirror the motion.
    """

    words: bool = False
    limit: int | None = None
    padded: int | None = None
    left_first: bool = False


@dataclass(frozen=True)
class ReadTexts:
    """Texts as a host reads them.

    Attributes:
        vectors: (N, D) whitened vectors.
        rows: the row of each text.
        words: of the first texts, the sentences; None for hosts that do not read words.
        left_first: as in `TextReading`.
    """

    vectors: Tensor
    rows: dict[str, int]
    words: WordStates | None = None
    left_first: bool = False

    def condition(self, sentences: Sequence[str], phrases: Sequence[Sequence[str]]) -> TextCondition:
        """The condition of B sentences and their phrases, all of them among the texts."""
        if not self.left_first:
            return TextCondition.of_texts(self.vectors, self.rows, sentences, phrases, self.words)
        read = [left_first(sentence, *parts) for sentence, parts in zip(sentences, phrases, strict=True)]
        condition = TextCondition.of_texts(
            self.vectors,
            self.rows,
            [one.texts[0] for one in read],
            [one.texts[1:] for one in read],
            self.words,
        )
        mirrored = torch.tensor([one.mirrored for one in read], device=self.vectors.device)
        return replace(condition, mirrored=mirrored)


def read_texts(
    encoder: TextEncoder,
    whitening: ConditionWhitening,
    reading: TextReading,
    sentences: Sequence[str],
    phrases: Sequence[Sequence[str]],
) -> ReadTexts:
    """Encode every different sentence and phrase once, as it is read."""
    if reading.left_first:
        read = [left_first(sentence, *parts) for sentence, parts in zip(sentences, phrases, strict=True)]
        sentences, phrases = [one.texts[0] for one in read], [one.texts[1:] for one in read]
    spoken = list(dict.fromkeys(sentences))
    texts = list(dict.fromkeys([*spoken, *(phrase for parts in phrases for phrase in parts)]))
    rows = {text: row for row, text in enumerate(texts)}
    if not reading.words:
        return ReadTexts(whitening(encoder.embed(texts, reading.limit)), rows, None, reading.left_first)
    features = read_words(encoder, reading, spoken)
    rest = texts[len(spoken) :]
    vectors = torch.cat([features.pooled, encoder.embed(rest, reading.limit)]) if rest else features.pooled
    return ReadTexts(whitening(vectors), rows, word_states(features, reading), reading.left_first)


def read_words(encoder: TextEncoder, reading: TextReading, texts: Sequence[str]) -> TextFeatures:
    """Sentence vectors and token states of texts."""
    if reading.padded is None:
        return encoder.encode(texts, reading.limit)
    return encoder.encode_padded(texts, reading.padded)


def word_states(features: TextFeatures, reading: TextReading) -> WordStates:
    """What a host may read of the tokens; padding that is read along counts as tokens."""
    last = features.mask.sum(1) - 1
    mask = features.mask if reading.padded is None else torch.ones_like(features.mask)
    return WordStates(features.tokens, mask, last)


def words_of(condition: TextCondition) -> WordStates:
    """The word states that a host was promised.

    Raises:
        KinelexError: the condition has none.
    """
    if condition.words is None:
        raise KinelexError("this model reads every word, but the condition has only sentence vectors")
    return condition.words


class ConditionWhitening(nn.Module):
    """Centres text vectors and evens out their variance: (x - mean) @ matrix.

    Sentence encoders put "left" and "right" within a cosine of .98; after whitening such pairs are far apart.
    The identity until fitted. `floor`, a share of the mean variance, keeps tiny directions from
    being blown up.
    """

    mean: Tensor
    matrix: Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("matrix", torch.eye(width))

    def forward(self, vectors: Tensor) -> Tensor:
        """(..., D) to (..., D)."""
        return (vectors - self.mean) @ self.matrix

    @torch.no_grad()
    def fit(self, vectors: Tensor, floor: float = 0.05) -> None:
        """Fit to (N, D) text vectors: symmetric whitening in float64 with an eigenvalue floor."""
        rows = vectors.double()
        mean = rows.mean(0)
        covariance = (rows - mean).T @ (rows - mean) / max(len(rows) - 1, 1)
        values, basis = torch.linalg.eigh(covariance)
        scales = (values.clamp(min=0) + floor * values.mean().clamp(min=1e-12)).rsqrt()
        self.mean.copy_(mean)
        self.matrix.copy_(basis * scales @ basis.T)

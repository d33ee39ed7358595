"""Sentences, motions and words as numbers: what MATE draws its triplets from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from kinelex.alignment.spans import Spans
from kinelex.errors import KinelexError
from kinelex.mate.words import Lexicon, lemma_presence
from kinelex.motion.features import joints_from_features
from kinelex.motion.skeleton import Skeleton
from kinelex.progress import track
from kinelex.text.lemmas import TaggedWord, tag
from kinelex.training.cache import said_sentences
from kinelex.training.corpus import Mirroring, Sentence, Split

Tagged = Mapping[str, Sequence[TaggedWord]]


@dataclass(frozen=True)
class WordSamples:
    """The N motions of a split (their mirror images after them), their C sentences, and the words of these.

    Attributes:
        starts, frames: (N,) where each motion is in the bank, and how long.
        mirrored: (N,) True for mirror images.
        first_sentence, sentence_count: (N,) rows of each motion's sentences.
        texts: the different sentences.
        text: (C,) which of them each sentence is.
        first_word, word_count: (C,) rows of each sentence's words.
        word: (E,) lexicon row of each word of each sentence.
        phrase: (E,) which phrase of its sentence it stands in.
        segments: (C, 5) frames of each phrase's segment.
        presence: (N, K) True where a sentence of the motion has the lemma.
    """

    starts: Tensor
    frames: Tensor
    mirrored: Tensor
    first_sentence: Tensor
    sentence_count: Tensor
    texts: tuple[str, ...]
    text: Tensor
    first_word: Tensor
    word_count: Tensor
    word: Tensor
    phrase: Tensor
    segments: Tensor
    presence: Tensor

    def to(self, device: torch.device | str) -> WordSamples:
        """The same on another device."""
        tensors = {name: value for name, value in vars(self).items() if isinstance(value, Tensor)}
        return replace(self, **{name: value.to(device) for name, value in tensors.items()})

    def span(self, sentence: Tensor, word: Tensor) -> tuple[Tensor, Tensor]:
        """First frame (B,) and end (B,) of the segments of words (B,), rows of all words, in sentences (B,)."""
        spans = Spans.of_counts(self.segments[sentence])
        place = self.phrase[word][:, None]
        return spans.start.gather(1, place)[:, 0], spans.end.gather(1, place)[:, 0]


def tagged_phrases(splits: Sequence[Split], *, mirror: bool) -> dict[str, list[TaggedWord]]:
    """The words of every phrase, mirrored ones included."""
    said = [own for split in splits for own in said_sentences(split, mirror)]
    phrases = sorted({phrase for own in said for sentence in own for phrase in sentence.phrases})
    return {phrase: tag(phrase) for phrase in track(phrases, "reading words")}


def spoken_words(split: Split, tagged: Tagged, *, mirror: bool) -> list[TaggedWord]:
    """Every word of every phrase of every sentence, as often as it occurs."""
    return [
        word
        for own in said_sentences(split, mirror)
        for sentence in own
        for phrase in sentence.phrases
        for word in tagged[phrase]
    ]


def word_samples(
    split: Split, segments: Tensor, tagged: Tagged, lexicon: Lexicon, wanted: Tensor, *, mirror: bool
) -> WordSamples:
    """Everything of a split.

    Args:
        split: motions and sentences.
        segments: (C', 5) frames of each phrase's segment, for the C' sentences of the split in their order.
        tagged: the words of every phrase.
        lexicon: the words that are known; others are left out.
        wanted: (W,) True for words to draw; a sentence that has none of them keeps all.
        mirror: also the mirror images.

    Raises:
        KinelexError: a sentence has no word of the lexicon.
    """
    said = said_sentences(split, mirror)
    sentences = [sentence for own in said for sentence in own]
    rows, keep = lexicon.rows, wanted.tolist()
    entries = [_entries(sentence, tagged, rows, keep) for sentence in sentences]
    if not all(entries):
        foreign = sentences[entries.index([])].text
        raise KinelexError(f"no training caption has a word of the caption {foreign!r}; add captions like it")
    texts = tuple(dict.fromkeys(sentence.text for sentence in sentences))
    place = {text: row for row, text in enumerate(texts)}
    count = torch.tensor([len(own) for own in said])
    words = torch.tensor([len(own) for own in entries])
    flat = torch.tensor([entry for own in entries for entry in own]).view(-1, 2)
    times = 2 if mirror else 1
    lemmas = [
        {word.lemma for sentence in own for phrase in sentence.phrases for word in tagged[phrase]}
        for own in said
    ]
    return WordSamples(
        starts=torch.tensor([part.start for part in split.parts] * times),
        frames=torch.tensor([part.frames for part in split.parts] * times),
        mirrored=torch.arange(len(said)) >= len(split.parts),
        first_sentence=count.cumsum(0) - count,
        sentence_count=count,
        texts=texts,
        text=torch.tensor([place[sentence.text] for sentence in sentences]),
        first_word=words.cumsum(0) - words,
        word_count=words,
        word=flat[:, 0],
        phrase=flat[:, 1],
        segments=segments.repeat(times, 1),
        presence=lemma_presence(lemmas, lexicon.lemmas),
    )


def _entries(
    sentence: Sentence, tagged: Tagged, rows: Mapping[str, int], wanted: Sequence[bool]
) -> list[tuple[int, int]]:
    """Lexicon row and phrase of every word to draw."""
    known = [
        (rows[word.word], place)
        for place, phrase in enumerate(sentence.phrases)
        for word in tagged[phrase]
        if word.word in rows
    ]
    return [entry for entry in known if wanted[entry[0]]] or known


def motion_descriptions(split: Split, skeleton: Skeleton, *, mirror: bool) -> Tensor:
    """(N, D) what each motion does, in plain figures: how far and which way the root goes and turns, how the
    joints lie to it on average, and how much they move."""
    mirroring = Mirroring.of(skeleton, split.bank.features.shape[1], "cpu")
    rows = []
    for side in range(2 if mirror else 1):
        for part in split.parts:
            features = split.bank.features[None, part.start : part.start + part.frames]
            image = mirroring(features, torch.tensor([bool(side)]))
            joints = joints_from_features(image, skeleton)[0]
            local = joints - joints[:, :1] * joints.new_tensor([1.0, 0.0, 1.0])
            speed = (joints[1:] - joints[:-1]).norm(dim=-1).mean(0)
            turn = image[0, :, 0].sum()[None]
            rows.append(
                torch.cat(
                    [
                        joints[-1, 0] - joints[0, 0],
                        turn,
                        local.mean(0).flatten(),
                        local.std(0).flatten(),
                        speed,
                    ]
                )
            )
    return torch.stack(rows)

"""What the evaluator reads of a caption: a vector and a part of speech for each word (Guo et al. 2022)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot

from kinelex.data.captions import Caption
from kinelex.errors import KinelexError
from kinelex.text.encoders import TextEncoder

MAX_WORDS = 20
START, END, UNKNOWN = "sos", "eos", "unk"
OTHER = "OTHER"
PARTS_OF_SPEECH = (
    "VERB", "NOUN", "DET", "ADP", "NUM", "AUX", "PRON", "ADJ", "ADV",
    "Loc_VIP", "Body_VIP", "Obj_VIP", "Act_VIP", "Desc_VIP", OTHER,
)  # fmt: skip
# Words that matter to motion have a category of their own, whatever their part of speech.
CATEGORIES = {
    "Loc_VIP": "left right clockwise counterclockwise anticlockwise forward back backward up down straight curve",
    "Body_VIP": "arm chin foot feet face hand mouth leg waist eye knee shoulder thigh",
    "Obj_VIP": "stair dumbbell chair window floor car ball handrail baseball basketball",
    "Act_VIP": "walk run swing pick bring kick put squat throw hop dance jump turn stumble stop sit lift lower "
    "raise wash stand kneel stroll rub bend balance flap jog shuffle lean rotate spin spread climb",
    "Desc_VIP": "slowly carefully fast careful slow quickly happy angry sad happily angrily sadly",
}
_PART_ROW = {part: row for row, part in enumerate(PARTS_OF_SPEECH)}
_CATEGORY = {word: name for name, words in CATEGORIES.items() for word in words.split()}


@dataclass(frozen=True)
class CaptionWords:
    """Captions as numbers: `sos`, at most 20 words, `eos`, then `unk` up to the width W = 22.

    Attributes:
        words: (N, W) long, rows of the vectorizer's table.
        parts: (N, W) long, rows of `PARTS_OF_SPEECH`.
        lengths: (N,) long, words of each caption, `sos` and `eos` among them.
    """

    words: Tensor
    parts: Tensor
    lengths: Tensor

    def rows(self, index: Tensor | slice) -> CaptionWords:
        """Some of the captions, cut to the longest of them."""
        width = int(self.lengths[index].max())
        return CaptionWords(self.words[index, :width], self.parts[index, :width], self.lengths[index])

    def to(self, device: torch.device | str) -> CaptionWords:
        """The same on another device."""
        return CaptionWords(self.words.to(device), self.parts.to(device), self.lengths.to(device))


class WordVectorizer(nn.Module):
    """A closed vocabulary with a vector for each word.

    Args:
        words: the vocabulary (V), with `sos`, `eos` and `unk`; matching is exact and case-sensitive.
        vectors: (V, D) float32.
        source: where the vectors are from, for reports.

    Raises:
        KinelexError: words and vectors do not fit, a word is there twice, or a special word is missing.
    """

    vectors: Tensor

    def __init__(self, words: Sequence[str], vectors: Tensor, source: str) -> None:
        super().__init__()
        self.vocabulary, self.source = tuple(words), source
        self.register_buffer("vectors", vectors.float())
        self._row = {word: row for row, word in enumerate(self.vocabulary)}
        if vectors.ndim != 2 or len(vectors) != len(words):
            raise KinelexError(
                f"{len(words)} words do not fit a table of word vectors of shape {tuple(vectors.shape)}; "
                "give one row a word"
            )
        if len(self._row) < len(words):
            raise KinelexError("a word is twice in the vocabulary; give each word once")
        missing = [word for word in (START, END, UNKNOWN) if word not in self._row]
        if missing:
            raise KinelexError(f"the vocabulary lacks {', '.join(missing)}; add their vectors")

    @property
    def dim(self) -> int:
        """Width D of the vectors."""
        return self.vectors.shape[1]

    def look_up(self, word: str, part: str) -> tuple[int, int]:
        """Row of a word's vector and of its part of speech.

        A motion word has its category; a part of speech that is not listed is OTHER; a word that the
        vocabulary lacks is `unk` and OTHER, even if it is a motion word.
        """
        row = self._row.get(word)
        if row is None:
            return self._row[UNKNOWN], _PART_ROW[OTHER]
        return row, _PART_ROW[_CATEGORY.get(word, part if part in _PART_ROW else OTHER)]

    def encode(self, captions: Sequence[Caption]) -> CaptionWords:
        """Rows of the words of N captions, on the CPU.

        Raises:
            KinelexError: no captions, or one without tagged words.
        """
        if not captions:
            raise KinelexError("there are no captions to read; give at least one")
        rows, lengths = [], []
        for caption in captions:
            if not caption.lemmas or len(caption.lemmas) != len(caption.pos):
                raise KinelexError(
                    f"the caption {caption.text[:60]!r} has no tagged words; make it with Caption.of(text)"
                )
            said = list(zip(caption.lemmas, caption.pos, strict=True))[:MAX_WORDS]
            padded = [(START, OTHER), *said, (END, OTHER)] + [(UNKNOWN, OTHER)] * (MAX_WORDS - len(said))
            rows.append([self.look_up(word, part) for word, part in padded])
            lengths.append(len(said) + 2)
        words, parts = torch.tensor(rows).unbind(-1)
        return CaptionWords(words, parts, torch.tensor(lengths))

    def forward(self, captions: CaptionWords) -> tuple[Tensor, Tensor]:
        """Word vectors (N, W, D) and parts of speech (N, W, 15), one-hot."""
        parts = one_hot(captions.parts, len(PARTS_OF_SPEECH)).to(self.vectors.dtype)
        return self.vectors[captions.words], parts


@torch.no_grad()
def vectors_of_encoder(encoder: TextEncoder, words: Iterable[str], name: str) -> WordVectorizer:
    """Word vectors where there is no GloVe: mean rows of each word's sub-words in a text encoder's table.

    The table is centred and brought to unit deviation, so that the one-hot parts of speech and the
    words have the same weight for a fresh network.

    Args:
        encoder: whose table is read.
        words: the vocabulary, repeated or not; the motion words and `sos`, `eos`, `unk` are added.
        name: of the encoder, for reports.

    Raises:
        KinelexError: the encoder's tokenizer has no unknown token.
    """
    special = (START, END, UNKNOWN)
    spoken = sorted({*words, *_CATEGORY} - {*special, ""})
    tokenizer, table = encoder.tokenizer, encoder.word_embeddings.weight.float().cpu()
    table = (table - table.mean(0)) / table.std()
    unknown = tokenizer.unk_token
    if unknown is None:
        raise KinelexError(f"the text encoder {name} has no token for unknown words; choose another encoder")
    frame = (tokenizer.cls_token or tokenizer.bos_token, tokenizer.sep_token or tokenizer.eos_token, unknown)
    start, end, rare = ([cast(int, tokenizer.convert_tokens_to_ids(str(x or unknown)))] for x in frame)
    ids = tokenizer(spoken, add_special_tokens=False)["input_ids"]
    rows = [start, end, rare, *(own or rare for own in ids)]
    vectors = torch.stack([table[own].mean(0) for own in rows])
    source = f"word embeddings of the text encoder {name}, {len(rows)} words"
    return WordVectorizer((*special, *spoken), vectors, source)

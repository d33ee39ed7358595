"""Words, lemmas and parts of speech of a caption, offline: HanTa's English model with universal tags."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from kinelex.errors import KinelexError

# BNC tags (C5) -> universal tags as HumanML3D's caption files use them: possessives and articles are DET, the
# particle of a phrasal verb ("sits down") is ADP. Longest prefix wins.
UNIVERSAL = {
    "AJ": "ADJ", "AT": "DET", "AV": "ADV", "AVP": "ADP", "CJ": "CCONJ", "CJS": "SCONJ",
    "CJT": "SCONJ", "CRD": "NUM", "DPS": "DET", "DT": "DET", "EX": "PRON", "ITJ": "INTJ",
    "NN": "NOUN", "NP": "PROPN", "ORD": "ADJ", "PN": "PRON", "POS": "PART", "PR": "ADP",
    "TO": "PART", "UNC": "X", "V": "AUX", "VV": "VERB", "XX": "PART", "ZZ": "X",
}  # fmt: skip
WORD = re.compile(r"[^\W\d_]+(?:[-'’][^\W\d_]+)*|\d+(?:\.\d+)?")


@dataclass(frozen=True)
class TaggedWord:
    """A word of a caption in lower case, its lemma, and its universal part of speech."""

    word: str
    lemma: str
    pos: str


@lru_cache(maxsize=1)
def _tagger() -> Any:
    # HanTa reads its model in 0.3 s, so only when a caption is first tagged.
    from HanTa.HanoverTagger import HanoverTagger

    return HanoverTagger("morphmodel_en.pgz")


@lru_cache(maxsize=100_000)
def _lemma(word: str, tag: int) -> str:
    return _tagger()._analyze(word, tag)[0]


def _universal(tag: str) -> str:
    for length in (3, 2, 1):
        if tag[:length] in UNIVERSAL:
            return UNIVERSAL[tag[:length]]
    return "X"


def tag(caption: str) -> list[TaggedWord]:
    """Words of a caption without punctuation, lemmatised and tagged.

    Nouns and verbs get their lemma, every other word (and "left") stays as written, as in HumanML3D's files.

    Raises:
        KinelexError: the caption has no word.
    """
    words = [word.lower() for word in WORD.findall(caption)]
    if not words:
        raise KinelexError(f"the caption {caption!r} has no word; write what the person does")
    tagger = _tagger()
    tagged = []
    for word, number in zip(words, tagger.tag_sent_viterbi(words, casesensitive=False), strict=True):
        pos = _universal(tagger.int2tag[number])
        lemma = _lemma(word, number) if pos in ("NOUN", "VERB") and word != "left" else word
        tagged.append(TaggedWord(word, lemma, pos))
    return tagged

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


# HanTa learnt from newspapers and books; in captions of motion these words are nearly always this.
USUAL = {
    "back": "ADV", "away": "ADV", "forward": "ADV", "forwards": "ADV", "backward": "ADV", "backwards": "ADV",
    "sideways": "ADV", "few": "ADJ", "same": "ADJ", "several": "ADJ", "other": "ADJ", "first": "ADV",
    "clockwise": "ADV", "counterclockwise": "ADV", "anticlockwise": "ADV", "counter-clockwise": "ADV",
    "anti-clockwise": "ADV", "clock-wise": "ADV", "then": "ADV", "fours": "NOUN", "bent": "ADJ",
    "tiptoes": "NOUN", "hands": "NOUN", "arms": "NOUN", "legs": "NOUN", "feet": "NOUN", "knees": "NOUN",
}  # fmt: skip
SUBJECT_WORDS = (
    "person man woman guy girl boy child kid figure individual someone somebody he she it they who human "
    "sim character actor dancer robot toon stickman player people men"
)
SUBJECTS = frozenset(SUBJECT_WORDS.split())
STARTS_PHRASE = ("DET", "NOUN", "ADJ", "NUM", "PRON", "PROPN")


@dataclass(frozen=True)
class TaggedWord:
    """A word of a caption in lower case, its lemma, and its universal part of speech."""

    word: str
    lemma: str
    pos: str


def tag(caption: str) -> list[TaggedWord]:
    """Words of a caption without punctuation, lemmatised and tagged.

    Nouns and verbs get their lemma, every other word (and "left") stays as written, as in HumanML3D's files.

    Raises:
        KinelexError: the caption has no word.
    """
    words = [word.lower() for word in WORD.findall(caption)]
    if not words:
        raise KinelexError(f"the caption {caption!r} has no word; write what the person does")
    return [TaggedWord(word, lemma_of(word, pos), pos) for word, pos in zip(words, _tags(words), strict=True)]


def lemma_of(word: str, pos: str) -> str:
    """The lemma that HumanML3D's files would hold: nouns and verbs reduced, other words as written."""
    if pos not in ("NOUN", "VERB") or word == "left":
        return word
    return _analysed(word, pos)


@lru_cache(maxsize=1)
def _tagger() -> Any:
    # HanTa reads its model in 0.3 s, so only when a caption is first tagged.
    from HanTa.HanoverTagger import HanoverTagger

    return HanoverTagger("morphmodel_en.pgz")


@lru_cache(maxsize=100_000)
def _analysed(word: str, pos: str) -> str:
    """Lemma of a noun or verb: of the likeliest reading with that part of speech."""
    readings = [tag for tag, _ in _tagger().tag_word(word, cutoff=20, casesensitive=False)]
    fitting = [tag for tag in readings if _universal(tag) == pos]
    if not fitting:
        fitting = (
            ["VVZ" if pos == "VERB" else "NN2"] if word.endswith("s") else ["VVB" if pos == "VERB" else "NN1"]
        )
    return _tagger().analyze(word, pos=fitting[0])[0]


def _universal(tag: str) -> str:
    for length in (3, 2, 1):
        if tag[:length] in UNIVERSAL:
            return UNIVERSAL[tag[:length]]
    return "X"


@lru_cache(maxsize=100_000)
def _can_be_verb(word: str) -> bool:
    return any(tag.startswith("VV") for tag, _ in _tagger().tag_word(word, cutoff=12, casesensitive=False))


def _tags(words: list[str]) -> list[str]:
    """Universal tags of a sentence: HanTa's, corrected from left to right by what captions are like."""
    tagger = _tagger()
    raw = [tagger.int2tag[number] for number in tagger.tag_sent_viterbi(words, casesensitive=False)]
    tags = [USUAL.get(word) or _universal(tag) for word, tag in zip(words, raw, strict=True)]
    for i, word in enumerate(words):
        before = tags[i - 1] if i else ""
        after = tags[i + 1] if i + 1 < len(tags) else ""
        tags[i] = _corrected(word, tags[i], words[i - 1] if i else "", before, after)
    return tags


def _corrected(word: str, pos: str, word_before: str, before: str, after: str) -> str:
    """The tag of a word in its place, given the tags of its neighbours."""
    if word in ("left", "right", "back") and before == "DET":
        return "ADJ" if after == "NOUN" else "NOUN"
    if word in ("left", "right") and pos in ("NOUN", "ADJ") and after != "NOUN":
        return "ADV" if before == "VERB" else pos
    if word == "around" and after not in STARTS_PHRASE:
        return "ADV"
    if word == "to" and after == "VERB" and pos == "ADP":
        return "PART"
    if pos == "AUX" and word in ("doing", "having", "getting") and after not in ("VERB", "ADV", "PART"):
        return "VERB"
    if pos == "ADJ" and word.endswith("ing") and before == "AUX":
        return "VERB"
    if pos == "NOUN" and word.endswith("s") and _can_be_verb(word):
        return "VERB" if word_before in SUBJECTS or word_before == "then" else pos
    if (
        pos == "VERB"
        and word.endswith("s")
        and before in ("DET", "NUM", "ADJ")
        and word_before not in SUBJECTS
    ):
        return "NOUN"
    return pos

"""Words, lemmas and parts of speech of a caption, offline: HanTa's English model with universal tags."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from kinelex.errors import KinelexError
from kinelex.text.inflection import third_person
from kinelex.text.verbs import ALSO_NOUNS, VERBS
from kinelex.text.viterbi import LONGEST_WORD, SentenceTagger

# BNC tags (C5) -> universal tags as HumanML3D's caption files use them: possessives and articles are DET, the
# particle of a phrasal verb ("sits down") is ADP. Longest prefix wins.
UNIVERSAL = {
    "AJ": "ADJ", "AT": "DET", "AV": "ADV", "AVP": "ADP", "CJ": "CCONJ", "CJS": "SCONJ",
    "CJT": "SCONJ", "CRD": "NUM", "DPS": "DET", "DT": "DET", "EX": "PRON", "ITJ": "INTJ",
    "NN": "NOUN", "NP": "PROPN", "ORD": "ADJ", "PN": "PRON", "POS": "PART", "PR": "ADP",
    "TO": "PART", "UNC": "X", "V": "AUX", "VV": "VERB", "XX": "PART", "ZZ": "X",
}  # fmt: skip
WORD = re.compile(r"[^\W\d_]+(?:[-'’][^\W\d_]+)*|\d+(?:\.\d+)?")

PUNCTUATION = ",.;:!?"
UNIT = re.compile(rf"{WORD.pattern}|[{PUNCTUATION}]")

# HanTa learnt from newspapers and books; in captions of motion these words are nearly always this.
USUAL = {
    "back": "ADV", "away": "ADV", "forward": "ADV", "forwards": "ADV", "backward": "ADV", "backwards": "ADV",
    "sideways": "ADV", "few": "ADJ", "same": "ADJ", "several": "ADJ", "other": "ADJ", "first": "ADV",
    "clockwise": "ADV", "counterclockwise": "ADV", "anticlockwise": "ADV", "counter-clockwise": "ADV",
    "anti-clockwise": "ADV", "clock-wise": "ADV", "then": "ADV", "fours": "NOUN", "bent": "ADJ",
    "hands": "NOUN", "arms": "NOUN", "legs": "NOUN", "feet": "NOUN", "knees": "NOUN",
}  # fmt: skip
SUBJECT_WORDS = (
    "person man woman guy girl boy child kid figure individual someone somebody he she it they who human "
    "sim character actor dancer robot toon stickman player people men adult"
)
SUBJECTS = frozenset(SUBJECT_WORDS.split())
LEMMAS = {
    "doing": "do",
    "having": "have",
    "hops": "hop",
    "lunges": "lunge",
    "waltzes": "waltz",
    "curving": "curve",
}
FORMS = {"ing": "VVG", "ed": "VVD", "s": "VVZ"}  # endings of verbs and their C5 tags
LEADS_PARTICIPLE = SUBJECTS | {"before", "after", "while", "whilst", "then"}
# Plural nouns in newspapers, verbs in captions.
SELDOM_NOUN_WORDS = (
    "bows brushes circles curves folds mimics pivots returns shrugs sits stands stops strums trips "
    "turns walks waves"
)
SELDOM_NOUNS = frozenset(SELDOM_NOUN_WORDS.split())
_MOVES = frozenset(third_person(verb) for verb in VERBS - ALSO_NOUNS)
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
    units = [unit.lower() for unit in UNIT.findall(caption)]
    if not any(unit not in PUNCTUATION for unit in units):
        raise KinelexError(f"the caption {caption[:60]!r} has no word; write what the person does")
    pairs = zip(units, _tags(units), strict=True)
    return [TaggedWord(word, lemma_of(word, pos), pos) for word, pos in pairs if pos != "PUNCT"]


def lemma_of(word: str, pos: str) -> str:
    """The lemma that HumanML3D's files would hold: nouns and verbs reduced, other words as written."""
    if pos not in ("NOUN", "VERB") or word == "left":
        return word
    return _analysed(word, pos)


@lru_cache(maxsize=1)
def _tagger() -> SentenceTagger:
    # HanTa reads its model in 0.3 s, so only when a caption is first tagged.
    from HanTa.HanoverTagger import HanoverTagger

    return SentenceTagger(HanoverTagger("morphmodel_en.pgz"))


@lru_cache(maxsize=100_000)
def _analysed(word: str, pos: str) -> str:
    """Lemma of a noun or verb: of the likeliest reading with that part of speech; what is no word, as written."""
    if len(word) > LONGEST_WORD:
        return word
    readings = [tag for tag, _ in _tagger().model.tag_word(word, cutoff=20, casesensitive=False)]
    fitting = [tag for tag in readings if _universal(tag) == pos]
    ending = next((ending for ending in FORMS if word.endswith(ending)), "")
    noun = "NN2" if ending == "s" else "NN1"
    tag = fitting[0] if fitting else FORMS.get(ending, "VVB") if pos == "VERB" else noun
    return LEMMAS.get(word) or _repaired(_tagger().model.analyze(word, pos=tag)[0], word)


def _repaired(lemma: str, word: str) -> str:
    """What HanTa makes of a participle that it never saw: jogg -> jog, dribbl -> dribble."""
    if not word.endswith("ing"):
        return lemma
    if len(lemma) > 3 and lemma[-1] == lemma[-2] and lemma[-1] not in "lsfz":
        return lemma[:-1]
    return lemma + "e" if lemma.endswith(("bl", "ckl", "ddl", "ggl", "kl", "ttl")) else lemma


def _universal(tag: str) -> str:
    for length in (3, 2, 1):
        if tag[:length] in UNIVERSAL:
            return UNIVERSAL[tag[:length]]
    return "X"


@lru_cache(maxsize=100_000)
def _can_be_verb(word: str) -> bool:
    if word in _MOVES or len(word) > LONGEST_WORD:
        return word in _MOVES
    return any(
        tag.startswith("VV") for tag, _ in _tagger().model.tag_word(word, cutoff=12, casesensitive=False)
    )


def _tags(words: list[str]) -> list[str]:
    """Universal tags of words and punctuation: HanTa's, corrected from left to right."""
    following = [*words[1:], ""]
    tags = [_alone(*word) for word in zip(words, following, _tagger().tags(words), strict=True)]
    for i, word in enumerate(words):
        if word in PUNCTUATION:
            tags[i] = "PUNCT"
            continue
        before = tags[i - 1] if i else ""
        after = tags[i + 1] if i + 1 < len(tags) else ""
        tags[i] = _corrected(word, tags[i], words[i - 1] if i else "", before, after)
        if tags[i] == "NOUN" and word.endswith("s") and _resumes_action(words, tags, i):
            tags[i] = "VERB"
    return tags


def _alone(word: str, after: str, tag: str) -> str:
    """The universal tag of a word before the tags of its neighbours are looked at."""
    if word in ("left", "right") and tag.startswith("VV"):
        return "ADV"
    if (word, after) == ("stick", "figure"):
        return "NOUN"
    return USUAL.get(word) or _universal(tag)


def _resumes_action(words: list[str], tags: list[str], i: int) -> bool:
    """Whether a word that may be a plural noun is the next verb: "turns, walks", "sits and waves to ..."."""
    after = tags[i + 1] if i + 1 < len(tags) else ""
    seldom = words[i] in SELDOM_NOUNS
    if after in ("VERB", "AUX") or words[i] in USUAL or not (seldom or _can_be_verb(words[i])):
        return False
    before = i - 1
    while before >= 0 and tags[before] == "ADV" and words[before].endswith("ly"):
        before -= 1  # "then slowly stops"
    if i == 0 or (before >= 0 and words[before] == "then"):
        return True
    begun = any(tag == "VERB" for tag in tags[:i])
    if not begun and tags[i - 1] == "NOUN" and "VERB" not in tags:
        return after in ("DET", "ADP", "ADV", "PUNCT")
    if words[i - 1] not in (",", "and", ".") or not begun:
        return False
    if seldom or _closes_bare_verb(words, tags, i - 1):
        return True
    # "throws punches and kicks" lists nouns; limbs are what the verb before moved.
    listed = i >= 2 and tags[i - 2] == "NOUN" and words[i - 2].endswith("s") and words[i - 2] not in USUAL
    return not listed and after not in ("NOUN", "CCONJ")


def _describes(words: list[str], i: int) -> bool:
    """Whether a participle comes before the next pause: "stands, steps getting longer"."""
    end = next((place for place in range(i, len(words)) if words[place] in PUNCTUATION), len(words))
    return any(word.endswith(("ing", "ed")) for word in words[i + 1 : end])


def _closes_bare_verb(words: list[str], tags: list[str], joiner: int) -> bool:
    """Whether "," or "and" follows a verb without an object, and a movement follows: "waves, | kicks and"."""
    if words[joiner + 1] not in _MOVES or _describes(words, joiner + 1):
        return False
    last = joiner - 1
    while last > 0 and (tags[last] in ("ADV", "ADP") or words[last] in (",", "and")):
        last -= 1
    return tags[last] == "VERB" and words[last].endswith("s")


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
    if (
        pos in ("ADJ", "NOUN")
        and word.endswith("ing")
        and (before == "AUX" or word_before in LEADS_PARTICIPLE)
    ):
        return "VERB"
    if pos == "NOUN" and word.endswith("s") and _can_be_verb(word):
        return "VERB" if word_before in SUBJECTS else pos
    if (
        pos == "VERB"
        and word.endswith("s")
        and before in ("DET", "NUM", "ADJ")
        and word_before not in SUBJECTS
    ):
        return "NOUN"
    return pos

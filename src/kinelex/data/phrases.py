"""Captions to verb phrases, and verb phrases to sentences about several actions one after the other."""

from __future__ import annotations

import re
from collections.abc import Sequence
from random import Random

from kinelex.text.inflection import third_person
from kinelex.text.lemmas import tag
from kinelex.text.segmenter import segment

SUBJECT = "a person"
_SUBJECTS = ("a person", "someone", "the person", "a figure")
_LONGEST = 12
_PLAIN_SUBJECT = re.compile(
    r"^(?:(?:a|the|this|one) )?(?:person|man|woman|figure|human|individual|guy|someone|somebody) ",
    re.IGNORECASE,
)
# Words that point outside the phrase, or say that it is about more than one action.
_UNFIT = re.compile(
    r"\b(?:he|she|they|him|it|himself|herself|then|next|after|before|again|finally|first|second|starts?|"
    r"begins?|continues?|appears?|seems?|another|both directions)\b|[.;:]"
)


def verb_phrase(caption: str) -> str | None:
    """ "The man is walking forward." -> "walks forward"; None if the caption is not one plain action.

    Only a subject that says nothing about the way of moving is dropped: "an old man walks" gives None.
    """
    text = " ".join(caption.split()).rstrip(" .!").lower()
    match = _PLAIN_SUBJECT.match(text)
    if match is None or len(text.split()) > _LONGEST or _UNFIT.search(text[match.end() :]):
        return None
    phrase = _present(text[match.end() :])
    if phrase is None or len(segment(f"{SUBJECT} {phrase}")) != 1:
        return None
    return re.sub(r"\b(?:his|her)\b", "their", phrase)


def _present(phrase: str) -> str | None:
    """ "is walking away" -> "walks away"; None if the phrase does not begin with a verb in the present."""
    first, _, rest = phrase.partition(" ")
    progressive = first == "is"
    if progressive:
        first, _, rest = rest.partition(" ")
    if not first.isalpha():
        return None
    if first == "does" and not progressive:  # The tagger takes it for an auxiliary, as in "does not walk".
        return None if rest.startswith("not") else phrase
    word = tag(f"{SUBJECT} {'is ' if progressive else ''}{phrase.removeprefix('is ')}")[
        3 if progressive else 2
    ]
    verb = third_person(word.lemma)
    if word.pos != "VERB" or not first.endswith("ing" if progressive else "s"):
        return None
    if (progressive and word.lemma == first) or (not progressive and verb != first):
        return None
    return f"{verb} {rest}".strip()


def gerund(phrase: str) -> str:
    """ "runs in place" -> "running in place"."""
    first, _, rest = phrase.partition(" ")
    lemma = "do" if first == "does" else tag(f"{SUBJECT} {phrase}")[2].lemma
    return f"{_ing(lemma if third_person(lemma) == first else first)} {rest}".strip()


def _ing(verb: str) -> str:
    if verb.endswith("ie"):
        return verb[:-2] + "ying"
    if verb.endswith("e") and not verb.endswith(("ee", "oe", "ye")):
        return verb[:-1] + "ing"
    # One vowel before one last consonant: the consonant doubles (run, squat, sidestep), but not w, x or y.
    if re.fullmatch(r"(?:side|back)?(?:[^aeiou]*|[^aeiou]*qu)[aeiou][^aeiouwxy]", verb):
        return verb + verb[-1] + "ing"
    return verb + "ing"


def sentence(phrases: Sequence[str], random: Random, *, gerunds: bool = True) -> str:
    """A sentence that says that things happen in this order: "a person walks forward, then sits down".

    Args:
        phrases: verb phrases.
        random: which words join them.
        gerunds: whether "before" and a gerund may join the last one: "before sitting down".
    """
    subject = random.choice(_SUBJECTS) if random.random() < 0.5 else SUBJECT
    first, *others = phrases
    text, way = f"{subject} {first}", ""
    for number, phrase in enumerate(others):
        is_last = number == len(others) - 1
        # A list with commas ends with "and" or "then".
        ways = ("then", "and then", "comma") if way == "comma" else ("then", "and then", "comma", "sentence")
        way = random.choice((*ways, "before") if gerunds and is_last and way != "comma" else ways)
        if way == "then":
            text += f", then {phrase}"
        elif way == "and then" or (way == "comma" and is_last):
            text += f" and then {phrase}" if way == "and then" else f" and {phrase}"
        elif way == "comma":
            text += f", {phrase}"
        elif way == "sentence":
            text += f". {random.choice(('then', 'after that,', 'next,'))} the person {phrase}"
        else:
            text += f" before {gerund(phrase)}"
    return text

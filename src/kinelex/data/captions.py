"""Captions of clips: tagged text, its mirror image, and sentences for clips that have labels alone."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files
from random import Random
from typing import Any

import yaml

from kinelex.data.caption_lines import (
    Caption,
    is_humanml3d_line,
    parse_humanml3d_line,
    read_humanml3d_captions,
)
from kinelex.errors import KinelexError
from kinelex.text.inflection import third_person
from kinelex.text.lemmas import tag
from kinelex.text.mirroring import mirror_text

__all__ = [
    "Caption",
    "cmu_phrases",
    "is_humanml3d_line",
    "mirror_text",
    "parse_humanml3d_line",
    "read_humanml3d_captions",
    "template_captions",
]

# Which labels a corpus needs, in words for error messages.
LABELS = {"bandai-namco": ("content", "style"), "hdm05": ("label",), "cmu": ("description",)}


def template_captions(
    corpus: str, labels: Mapping[str, str], seed: int | str, count: int = 6, plain: int = 1
) -> tuple[Caption, ...]:
    """Different captions of one labelled clip, reproducible from the seed.

    The first `count - plain` captions say everything that the labels say. The last `plain` ones leave out the
    style, which stays true ("a person walks forward" for a tired walk). Without a style, or with the style
    "normal", every caption is plain.

    Args:
        corpus: "bandai-namco" (labels content, style), "hdm05" (label) or "cmu" (description).
        labels: the clip's labels; other keys are ignored.
        seed: an int or, say, the clip's id; the same seed gives the same captions.
        count: how many captions; fewer come back when the templates hold fewer different ones.
        plain: how many of them leave the style out.

    Raises:
        KinelexError: unknown corpus, a missing label, or a value that has no template.
    """
    if corpus not in LABELS:
        raise KinelexError(f"no caption templates for the corpus {corpus!r}; choose from {', '.join(LABELS)}")
    for key in LABELS[corpus]:
        if not labels.get(key):
            raise KinelexError(f"a {corpus} clip has no {key!r} among its labels {dict(labels)}; add it")
    templates = _templates(corpus)
    random = Random(f"{seed}|{'|'.join(labels[key] for key in LABELS[corpus])}")
    if corpus == "cmu":
        return _distinct(templates, cmu_phrases(labels["description"]), {}, random, count, 0)
    content = labels["content" if corpus == "bandai-namco" else "label"]
    phrases = _look_up(templates["contents"], content, corpus, "content")
    style = {}
    if corpus == "bandai-namco":
        style = _look_up(templates["styles"], labels["style"], corpus, "style")
    return _distinct(templates, phrases, style, random, count, plain if style else count)


def cmu_phrases(description: str) -> list[str]:
    """What a person does in a CMU trial of that description, as phrases that start with a verb.

    "playground - forward jumps, turn around" -> "jumps forward several times and turns around", ...

    Raises:
        KinelexError: the description is empty.
    """
    templates = _templates("cmu")
    description = " ".join(description.lower().split())
    if not description:
        raise KinelexError("a CMU description is empty; write what the person does")
    if description in templates["whole"]:
        return list(templates["whole"][description])
    pieces = description.partition(" - ")[2] or description
    table = templates["pieces"]
    choices = [table.get(piece) or [_conjugated(piece)] for piece in pieces.split(", ") if piece.strip()]
    variants = max(len(choice) for choice in choices)
    return [_enumerated([choice[i % len(choice)] for choice in choices]) for i in range(variants)]


def _conjugated(piece: str) -> str:
    """ "climb ladder" -> "climbs ladder"; a piece without a verb in front is something that is performed."""
    words = piece.replace("/", " or ").split()
    first = tag(f"they {words[0]} it")[1]
    if first.pos != "VERB":
        return f"performs {' '.join(words)}"
    return " ".join([third_person(first.lemma), *words[1:]])


def _enumerated(phrases: list[str]) -> str:
    *front, last = phrases
    return f"{', '.join(front)} and {last}" if front else last


def _distinct(
    templates: Mapping[str, Any],
    phrases: list[str],
    style: Mapping[str, Any],
    random: Random,
    count: int,
    plain: int,
) -> tuple[Caption, ...]:
    """Captions that differ, styled ones first; phrases repeat only when all have been used."""
    subjects = templates["subjects"]
    if style:  # A style may imply man or woman, so that only the style itself may say which.
        subjects = {subject: their for subject, their in subjects.items() if their == "their"}
    order = random.sample(phrases, len(phrases))
    texts: dict[str, None] = {}
    for attempt in range(10 * count):
        if len(texts) == count:
            break
        phrase = order[attempt % len(order)]
        wants_style = bool(style) and len(texts) < count - plain
        text = _styled(phrase, subjects, style, random) if wants_style else _plain(phrase, subjects, random)
        texts.setdefault(text)
    return tuple(Caption.of(text) for text in texts)


def _plain(phrase: str, subjects: Mapping[str, str], random: Random) -> str:
    """Put a subject before the phrase: the first one as often as all others together, as people write."""
    first, *others = subjects
    subject = first if random.random() < 0.5 or not others else random.choice(others)
    return f"{subject} {phrase}".replace("<their>", subjects[subject])


def _styled(phrase: str, subjects: Mapping[str, str], style: Mapping[str, Any], random: Random) -> str:
    """Say the style once: by the subject, by an adverb before the verb, or by a phrase at the end."""
    way = random.choice(("subject", "adverb", "manner", "manner"))
    if way == "subject":
        return _plain(phrase, style["subjects"], random)
    if way == "manner":
        return f"{_plain(phrase, subjects, random)} {random.choice(style['manners'])}"
    adverb = random.choice(style["adverbs"])
    auxiliary, rest = ("is ", phrase[3:]) if phrase.startswith("is ") else ("", phrase)
    return _plain(f"{auxiliary}{adverb} {rest}", subjects, random)


def _look_up(table: Mapping[str, Any], value: str, corpus: str, kind: str) -> Any:
    if value not in table:
        known = ", ".join(table)
        raise KinelexError(f"no caption template for the {corpus} {kind} {value!r}; choose from {known}")
    return table[value]


@lru_cache(maxsize=len(LABELS))
def _templates(corpus: str) -> dict[str, Any]:
    text = files("kinelex.data.templates").joinpath(f"{corpus}.yaml").read_text(encoding="utf-8")
    return yaml.safe_load(text)

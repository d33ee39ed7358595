"""The few English verb forms that captions need."""

from __future__ import annotations

IRREGULAR = {"be": "is", "have": "has", "do": "does", "go": "goes"}


def third_person(verb: str) -> str:
    """The form after "he": walk -> walks, reach -> reaches, carry -> carries, be -> is."""
    if verb in IRREGULAR:
        return IRREGULAR[verb]
    if verb.endswith(("s", "x", "z", "ch", "sh", "o")):
        return verb + "es"
    if verb.endswith("y") and verb[-2:-1] not in "aeiou":
        return verb[:-1] + "ies"
    return verb + "s"


def verb_form(word: str, lemma: str) -> str:
    """Which form a verb stands in: "s" (walks), "ing" (walking), "base" (walk) or "past" (walked, sat)."""
    if word == lemma:
        return "base"
    if word.endswith("ing"):
        return "ing"
    return "s" if word == third_person(lemma) or (word.endswith("s") and not word.endswith("ss")) else "past"

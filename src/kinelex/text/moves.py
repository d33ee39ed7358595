"""What is to be seen where no person is named: "a backflip", "three jumps", "a boxer punching"."""

from __future__ import annotations

import re

from kinelex.text.inflection import third_person
from kinelex.text.verbs import ALSO_NOUNS, VERBS

MOVE_WORDS = (
    "backflip burpee capoeira curtsy frontflip handshake handspring handstand headbutt headspin headstand hook jack "
    "moonwalk pirouette plank pushup push-up roundhouse serve situp sit-up tap-dance uppercut workout"
)
MOVES = frozenset(MOVE_WORDS.split()) | (VERBS - ALSO_NOUNS)
_MODIFIERS = 3  # at most so many words before what is done: "a big high left kick"
_ONE = ("a", "an")
_HOW_MANY = re.compile(r"(?:an?|the|one|some|another|two|three|four|five|\d{1,2})\Z", re.IGNORECASE)
# Behind these comes something else than what is done.
_END_WORDS = "a an the and or but of with to in on at for from by like while that"
_ENDS_NAME = frozenset(_END_WORDS.split())
# Behind these words a movement goes on ("a kick with ..."); other words name it ("a punch combo").
_GO_ON_WORDS = (
    "to in on at with from over around across forward forwards backward backwards back up down left right"
)
_GOES_ON = frozenset(_GO_ON_WORDS.split()) | frozenset(
    ("using", "while", "twice", "once", "as", "like", "off")
)
_YOURS = {"your": "their", "yourself": "themselves", "yours": "theirs"}


def _participles(verb: str) -> tuple[str, ...]:
    return verb + "ing", f"{verb[:-1]}ing", f"{verb}{verb[-1]}ing"


_DOING = frozenset(form for verb in VERBS for form in _participles(verb) if form != verb)


def shown(thing: str, somebody: str) -> str:
    """What is to be seen as a description; empty where nothing is done, as in "a chair".

    Args:
        thing: what was asked for.
        somebody: who does it where nobody is named.
    """
    words = [_YOURS.get(word.lower(), word) for word in thing.split()]
    if words and words[0].lower() in _DOING:
        named = len(words) > 1 and words[1].lower().removesuffix("s") in MOVES
        return " ".join((somebody, "does", *words) if named else (somebody, *words))
    if len(words) < 2 or not _HOW_MANY.match(words[0]):
        return ""
    move = _move(words)
    if move < 0:
        return _somebody_else(words)
    alone = len(words) == 2 or words[2].lower() in _GOES_ON
    if move == 1 and words[0].lower() in _ONE and words[1].lower() in VERBS and alone and "and" not in words:
        return " ".join((somebody, third_person(words[1].lower()), *words[2:]))
    return " ".join((somebody, "does", *words))


def _move(words: list[str]) -> int:
    """Place of the word that names a movement, the last of its kind in a row ("jump kick"); -1 without one."""
    found = -1
    for place, word in enumerate(map(str.lower, words[1 : _MODIFIERS + 2]), start=1):
        if word in MOVES or word.removesuffix("s") in MOVES:
            found = place
        elif found >= 0 or word in _ENDS_NAME or word in _DOING or word == "who":
            break
    return found


def _somebody_else(words: list[str]) -> str:
    """ "a boxer punching", "a zombie who is limping" as "a zombie limping"; empty where nobody does anything."""
    for place, word in enumerate(map(str.lower, words[1 : _MODIFIERS + 2]), start=1):
        if word in _DOING and place > 1:
            return " ".join(words)
        if word in ("who", "that", "which") and 1 < place < len(words) - 1:
            done = words[place + 1 :]
            doing = done[0].lower() == "is" and len(done) > 1 and done[1].lower() in _DOING
            return " ".join((*words[:place], *(done[1:] if doing else done)))
    return ""

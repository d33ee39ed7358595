"""Commands as descriptions: "walk forward, then wave" says what "a person walks forward, then waves" says."""

from __future__ import annotations

from itertools import pairwise

from kinelex.text.inflection import third_person
from kinelex.text.lemmas import PUNCTUATION, UNIT

_VERB_WORDS = (
    "aim applaud balance begin bend block bounce bow box bring carry catch circle clap climb close come continue crawl "
    "cross crouch curl curve dance dash do dodge drink drive drop duck eat exercise fall fight flex flip get give go "
    "grab greet hit hold hop hurry jog jump keep kick kneel land lay lead lean leap lie lift limp look lower "
    "lunge make march meditate mime move nod open pace pat pause perform pick pivot place play point pose practice "
    "pretend pray pull punch push put raise reach rest return rise roll rotate run rush salute scratch shake shift "
    "shoot shrug shuffle sidestep sit skate skip slap slash slide slip sneak spin sprint squat stagger stamp "
    "stand start stay step stomp stoop stop strafe stretch stride strike stroll stumble sway swim swing swirl "
    "take tap throw tie tiptoe toss touch trot trip turn twirl twist veer wait walk wander wash wave wiggle wipe "
    "yawn "
)
_VERBS = frozenset(_VERB_WORDS.split())
# What stands between the start of a command and its verb, and is left out in a description.
_POLITE = frozenset(("please", "now", "just", "ok", "okay"))
_OPENERS = frozenset(("then", "first", "next", "finally", "again", "also", "and", "afterwards"))
# Before these "you" is "them".
_TO_WHOM = frozenset(
    ("to", "at", "behind", "beside", "before", "after", "around", "near", "with", "for", "of", "from")
)
# What is said of a clip and not to a person: "walk cycle", "run of a tired man", "walk, run and jump motions".
_CLIPS = frozenset(
    ("cycle", "cycles", "animation", "animations", "motion", "motions", "clip", "clips", "loop", "loops")
)
_NAMES_IT = _CLIPS | {"of", "is", "was"}
_PERSON = {"your": "their", "yourself": "themselves", "you": "they", "yours": "theirs"}
_ENDS_SENTENCE = ".;!?"


def described(text: str) -> str:
    """A command as the description of somebody who follows it; any other text as it is."""
    units = list(UNIT.finditer(text))
    words = [unit[0].lower() for unit in units]
    verbs = _commands(words)
    if not verbs:
        return text
    written, end, subject, opens = "", 0, "a person", True
    for place, (unit, word) in enumerate(zip(units, words, strict=True)):
        gap, end = text[end : unit.start()], unit.end()
        # "First, walk": the order of the sentences says as much.
        if opens and (word in _POLITE or word in _OPENERS or word == ","):
            continue
        if opens and word not in PUNCTUATION:
            written += f"{gap}{subject} "
            gap, subject, opens = "", "the person", False
        written += gap + (third_person(word) if place in verbs else _for_them(words, place, unit[0]))
        opens = opens or word in _ENDS_SENTENCE
    return (written + text[end:]).strip()


def _for_them(words: list[str], place: int, written: str) -> str:
    """A word of the command as it is said of somebody else."""
    word, before = words[place], words[place - 1] if place else ""
    if word == "you" and (before in _TO_WHOM or before in _VERBS or before.endswith(("ing", "s", "ed"))):
        return "them"
    return _PERSON.get(word, written)


def _commands(words: list[str]) -> set[int]:
    """Which words are verbs in the form of a command; none where the text does not begin with one."""
    verbs: set[int] = set()
    if any(word in _VERBS and after in _CLIPS for word, after in pairwise(words)):
        return verbs
    awaited = True
    for place, word in enumerate(words):
        if word in PUNCTUATION or word in ("and", "then"):
            awaited = True
        elif awaited and not (word in _POLITE | _OPENERS or word.endswith("ly")):
            if word in _VERBS and not (words[place + 1 : place + 2] and words[place + 1] in _NAMES_IT):
                verbs.add(place)
            elif not verbs:
                return verbs
            awaited = False
    return verbs

"""Commands as descriptions: "walk forward, then wave" says what "a person walks forward, then waves" says."""

from __future__ import annotations

import re
from itertools import pairwise

from kinelex.text.inflection import third_person
from kinelex.text.lemmas import PUNCTUATION, SUBJECTS, UNIT
from kinelex.text.punctuation import evened
from kinelex.text.verbs import ALSO_NOUNS, VERBS
from kinelex.text.wishes import in_a_row, wished

# A word that may be a thing is a command only before what follows a verb: "face left", not "head and face".
_AFTER_VERB_WORDS = (
    "left right up down forward forwards backward backwards back around away over out in on off to toward towards with "
    "from at like along across through the a an your his her their its both one it them yourself"
)
_AFTER_VERB = frozenset(_AFTER_VERB_WORDS.split())
# What stands between the start of a command and its verb, and is left out in a description.
_POLITE = frozenset(("please", "now", "just", "ok", "okay"))
_OPENERS = frozenset(("then", "first", "next", "finally", "again", "also", "and", "afterwards"))
# What may stand before a command: "after walking, sit", "while you walk, wave", "with one hand, wave".
_CLAUSE_OPENINGS = frozenset(("after", "before", "once", "when", "while", "as"))
_OPENINGS = _CLAUSE_OPENINGS | {"with", "without", "upon"}
# After these a word within an opening is no command: "after a walk", "before you sit", "jogging in place".
_NAMING_WORDS = (
    "a an the your its my this that one two three both each no to and or left right in on at of by you"
)
_NAMING = frozenset(_NAMING_WORDS.split())
# Where one of these acts, the text describes.
_SOMEBODY = SUBJECTS | {"his", "her", "their", "him", "them"}
_GOES_ON = frozenset(("then", "and", "but", "next", "finally", "afterwards"))
_AUXILIARY_WORDS = "are can could do did have had were will would may might must should"
_AUXILIARIES = frozenset(_AUXILIARY_WORDS.split())
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
_PLEASE = re.compile(r",? please(?=[.!?]?\s*\Z)", re.IGNORECASE)
_ENDS_SENTENCE = ".;!?"
_FORBIDS = {"don't": "does not", "don’t": "does not", "dont": "does not", "never": "does not"}


def described(text: str) -> str:
    """A command as the description of somebody who follows it, a request as what it asks for; other texts unchanged."""
    text = evened(text)
    asked = in_a_row(_PLEASE.sub("", text))
    wish = wished(asked)
    told = wish.text if wish.tells else _followed(wish.subject, wish.text) or wish.text
    return in_a_row(text) if told == asked else told


def _followed(subject: str, text: str) -> str:
    """What somebody does who follows a command; empty where the text is none."""
    units = list(UNIT.finditer(text))
    words = [unit[0].lower() for unit in units]
    verbs = _commands(words)
    if not verbs:
        return ""
    written, end, opens, opening_end = "", 0, True, 0
    for place, (unit, word) in enumerate(zip(units, words, strict=True)):
        gap, end = text[end : unit.start()], unit.end()
        if opens:
            opening_end = max(opening_end, _opening_end(words, place))
        if place < opening_end:
            written += gap + _for_them(words, place, unit[0])
            continue
        commands = opens and _opens_command(words, verbs, place)
        # "First, walk": the order of the sentences says as much.
        if commands and (word in _POLITE or word in _OPENERS or word == ","):
            continue
        if opens and word not in PUNCTUATION:
            if commands:
                comma = "," if 0 < place == opening_end and not written.endswith(",") else ""
                written += f"{comma}{gap}{subject} "
                gap = ""
            subject, opens = re.sub("^an? ", "the ", subject), False
        written += gap + (_obeyed(word) if place in verbs else _for_them(words, place, unit[0]))
        opens = opens or word in _ENDS_SENTENCE
    return (written + text[end:]).strip()


def _opens_command(words: list[str], verbs: set[int], place: int) -> bool:
    """Whether the sentence that begins here, or what is left of it, is a command: "then slowly sit"."""
    while place < len(words) and place not in verbs:
        word = words[place]
        if end := _opening_end(words, place):
            place = end
            continue
        if not (word in _POLITE or word in _OPENERS or word == "," or word.endswith("ly")):
            return False
        place += 1
    return place < len(words)


def _opening_end(words: list[str], place: int) -> int:
    """Where the command begins after "after walking forward," at a place; 0 where no such opening stands there."""
    if words[place] not in _OPENINGS:
        return 0
    somebody_acts = not _SOMEBODY.isdisjoint(words)  # "while jogging in place, a person ..."
    for end in range(place + 1, len(words)):
        word, after = words[end], words[end + 1] if end + 1 < len(words) else ""
        if word == ",":
            return 0 if after in _GOES_ON or not after else end + 1  # "while walking wave, then sit"
        if word in _ENDS_SENTENCE:
            return 0
        if not somebody_acts and _is_command_within(words, place, end):
            return end  # "after walking forward turn around"
    return 0


def _is_command_within(words: list[str], opening: int, place: int) -> bool:
    """Whether a word is the command that follows an opening without a comma: "with one hand wave, then sit"."""
    if place == opening + 1 or words[place - 1] in _NAMING or words[place - 2] in ("a", "an"):
        return False
    after, then = [*words[place + 1 : place + 3], "", ""][:2]
    # "With legs spread apart" is no command to spread them.
    clear = words[opening] in _CLAUSE_OPENINGS or after in _AFTER_VERB or (after == "," and then in _GOES_ON)
    return clear and _is_command(words[place], after, later=True)


def _obeyed(word: str) -> str:
    """The first word of a command as it is said of somebody: walk -> walks, don't -> does not."""
    return _FORBIDS.get(word) or third_person(word)


def _for_them(words: list[str], place: int, written: str) -> str:
    """A word of the command as it is said of somebody else."""
    word, before = words[place], words[place - 1] if place else ""
    if word == "you" and before in _CLAUSE_OPENINGS:
        acts = words[place + 1 : place + 2]
        return "they" if VERBS.issuperset(acts) or _AUXILIARIES.issuperset(acts) else "them"
    if word == "you" and (before in _TO_WHOM or before in VERBS or before.endswith(("ing", "s", "ed"))):
        return "them"
    return _PERSON.get(word, written)


def _commands(words: list[str]) -> set[int]:
    """Which words are verbs in the form of a command; none where the text does not begin with one."""
    verbs: set[int] = set()
    if any(word in VERBS and after in _CLIPS for word, after in pairwise(words)):
        return verbs
    awaited, opening = True, 0
    for place, word in enumerate(words):
        if awaited:
            opening = max(opening, _opening_end(words, place))
        if place < opening:
            continue
        if word in PUNCTUATION or word in ("and", "then", "but"):
            awaited = True
        elif awaited and not (word in _POLITE | _OPENERS or word.endswith("ly")):
            if _is_command(word, words[place + 1] if place + 1 < len(words) else "", bool(verbs)):
                verbs.add(place)
            elif not verbs:
                return verbs
            awaited = False
    return verbs


def _is_command(word: str, after: str, later: bool) -> bool:
    """Whether a word at the place of a verb, of the first clause or a later one, is one in the form of a command."""
    if word in _FORBIDS:
        return after in VERBS
    if word not in VERBS or after in _NAMES_IT:
        return False
    alone = not later and (after == "" or after in PUNCTUATION)
    return word not in ALSO_NOUNS or alone or after in _AFTER_VERB or after.endswith("ly")

"""Commands as descriptions: "walk forward, then wave" says what "a person walks forward, then waves" says."""

from __future__ import annotations

from itertools import pairwise

from kinelex.text.inflection import third_person
from kinelex.text.lemmas import PUNCTUATION, UNIT

_VERB_WORDS = (
    "act adjust aim alternate applaud approach attempt avoid balance bang begin bend block blow bob bounce bow "
    "box brace breakdance bring brush call carry cartwheel catch celebrate change check cheer chop circle clap "
    "clasp clean climb close clutch come complete continue crawl creep cross crouch cry curl curve dance dangle "
    "dash dig do dodge drag draw dribble drift drink drive drop drum dry duck dust eat elevate end enter "
    "exercise extend face fall fight finish flail flap flex fling flip fly fold follow gather gesture get give "
    "go grab grasp greet hang help hesitate hit hold hop hug hunch hurry imitate inspect jab jerk jog juggle "
    "jump keep kick kneel knock land laugh lay lead lean leap leave let lie lift limp look loosen lose lower "
    "lunge maintain make march meditate mime mimic mix move nod open pace paddle pass pat pause perform pick "
    "pitch pivot place play point pose pour practice pray prepare press pretend pull pump punch push put raise "
    "reach recoil regain relax release remain remove repeat rest resume return reverse ride rise rock roll "
    "rotate rub run rush salsa salute saunter scratch scrub search set shake shift shimmy shiver shoot shout "
    "shove show shrug shuffle sidestep signal sip sit skate skip slam slap slash slide slip slouch slow slump "
    "sneak somersault speak speed spin spread sprint squat stagger stamp stand stare start stay steady step "
    "stick stir stomp stoop stop strafe straighten stretch stride strike stroll struggle strum strut stumble "
    "swat sway sweep swim swing swipe swirl switch swivel take talk tap think throw thrust tie tilt tiptoe toss "
    "touch trip trot try tuck turn twirl twist uncross use veer waddle wait wake walk waltz wander warm wash "
    "wave wiggle wind wipe wobble write yawn "
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
_FORBIDS = {"don't": "does not", "don’t": "does not", "dont": "does not", "never": "does not"}


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
        written += gap + (_obeyed(word) if place in verbs else _for_them(words, place, unit[0]))
        opens = opens or word in _ENDS_SENTENCE
    return (written + text[end:]).strip()


def _obeyed(word: str) -> str:
    """The first word of a command as it is said of somebody: walk -> walks, don't -> does not."""
    return _FORBIDS.get(word) or third_person(word)


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
            if word in _VERBS | _FORBIDS.keys() and not (
                words[place + 1 : place + 2] and words[place + 1] in _NAMES_IT
            ):
                verbs.add(place)
            elif not verbs:
                return verbs
            awaited = False
    return verbs

"""The text of a mirrored motion: left and right change places, clockwise and counterclockwise too."""

from __future__ import annotations

import re
from itertools import islice
from operator import itemgetter

# Left or right, alone or glued to what has a side ("lefthand", "rightwards", "lefts", "theleft").
SIDE = re.compile(
    r"\b(?:the|and)?(?P<side>left|right)"
    r"(?=(?:hand(?:s|ed)?|arm(?:s|ed)?|foot(?:ed)?|leg(?:s|ged)?|side[ds]?|wards?|most|s)?\b)",
    re.IGNORECASE,
)
# Typing errors that people really make stand beside the right spellings.
SPIN = re.compile(r"\b(?P<against>(?:counter|couter|conter|anti|ant)[- ]?)?clock[- ]?wise\b", re.IGNORECASE)
WORD = re.compile(r"[a-z]+(?:['’][a-z]+)?|[.,;:!?()]")
# Words around left or right that say what it means.
_BEFORE, _AFTER = 8, 3


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Words after which left or right names a side, whatever follows.
LEADERS = _words(
    "the a an his her their its it's your my our thier there to from on in and or then both with by of "
    "left right far sharp slight slightly hard diagonal diagonally top bottom front back upper lower "
    "turn turns turned turning look looks looked looking face faces faced facing lean leans leaned "
    "leaning veer veers veered veering twist twists twisted twisting"
)
# After these, "right before", "right back to" names a side: the person moves there.
MOVERS = _words(
    "walk walks walked walking run runs ran running step steps stepped stepping jog jogs jogged jogging "
    "jump jumps jumped jumping hop hops hopped hopping skip skips skipped skipping move moves moved "
    "moving sidestep sidesteps sidestepped sidestepping shuffle shuffles shuffled shuffling swing "
    "swings swinging sway sways swayed swaying rotate rotates rotated rotating slide slides slid "
    "sliding shift shifts shifted shifting go goes going went bend bends bent bending head heads headed "
    "heading lunge lunges lunged lunging kick kicks kicked kicking punch punches punched punching dodge "
    "dodges dodged dodging circle circles spin spins spun spinning strafe strafes strafed strafing drift "
    "drifts drifted drifting swerve swerves swerved swerving tiptoe tiptoes wave waves waved waving dance "
    "dances danced dancing crawl crawls crawled crawling sneak sneaks march marches sprint sprints dash "
    "dashes leap leaps pivot pivots twirl twirls limp limps stagger staggers stumble stumbles rush rushes "
    "wander wanders stroll strolls skate skates creep creeps point points reach reaches fall falls"
)
PEOPLE = _words(
    "person man woman guy boy girl child kid someone somebody figure character he she they who people"
)
HELPERS = _words("has have had having")
DETERMINERS = _words("the a an his her their its this that")
PLACES = _words(
    "room scene area building place stage house home frame floor screen picture table chair car bus "
    "ball box door field ring shop court"
)
# "in the right place", "nothing left": not a side.
QUALITIES = _words("way place spot time moment thing amount idea order shape answer choice")
REMAINS = _words("nothing none little much")
# "is left standing": what somebody is made to be.
BEING = _words("is are was were be been being")
STATES = _words("standing sitting lying laying kneeling hanging dangling alone behind")
# Limbs make right angles; who walks at a right angle walks to that side.
LIMBS = _words(
    "arm arms forearm forearms elbow elbows wrist wrists hand hands palms leg legs thigh thighs knee knees foot feet"
)
# "rights himself", and "lefts both arms" of people who mean "lifts".
THEMSELVES = _words("himself herself itself themself themselves oneself")
OWN = _words("both his her their its")
# "stands up right", written as two words.
STANDS = _words("stand stands standing stood")
AFTER_UPRIGHT = _words(". , and then again in with") | {""}
MIDDLES = _words("center centre middle")
# Words before which "right" may only mean "exactly" or "at once".
EMPHASISED = _words(
    "after afterwards before when where next behind above below beside under underneath there here past "
    "through at"
)


def mirror_text(text: str) -> str:
    """Swap left and right, clockwise and counterclockwise, and nothing else.

    "left" that means departed or remaining, and "right" that means exactly, correct or at once, stay. Whether
    a word stays depends on its neighbours alone, never on which of the two it is: a caption and its mirror
    image are judged alike, so mirroring twice gives the caption back (counterclockwise spelled that way).
    """
    swapped = SIDE.sub(lambda match: _other_side(match) if _is_side(text, match) else match[0], text)
    return SPIN.sub(_other_spin, swapped)


def leads_right(*texts: str) -> bool:
    """Whether the first side that the texts name is the right, or the first winding is clockwise, as a right turn is.

    Of a sentence and its mirror image at most one does; of those that name no side, neither.
    """
    for text in texts:
        sides = [match for match in SIDE.finditer(text) if _is_side(text, match)]
        named = sorted([*sides, *SPIN.finditer(text)], key=lambda match: match.start())
        if named:
            return _leads_right(named[0])
    return False


def _leads_right(match: re.Match[str]) -> bool:
    if "side" in match.groupdict():
        return match["side"].lower() == "right"
    return not match["against"]


def _other_side(match: re.Match[str]) -> str:
    side = match["side"]
    other = _like(side, "right" if side.lower() == "left" else "left")
    return match[0][: -len(side)] + other


def _other_spin(match: re.Match[str]) -> str:
    return _like(match[0], "clockwise" if match["against"] else "counterclockwise")


def _like(model: str, word: str) -> str:
    """Give `word` the capitals of `model`."""
    if model.isupper():
        return word.upper()
    return word.capitalize() if model[0].isupper() else word


def _is_side(text: str, match: re.Match[str]) -> bool:
    """Whether the left or right found at `match` is a side of the body or of the room."""
    # Words are counted, not letters: "left" and "right" differ in length, and both images have to be judged alike.
    before = ["", "", *WORD.findall(text[: match.start()].lower())[-_BEFORE:]]
    after = [*islice(map(itemgetter(0), WORD.finditer(text[match.end() :].lower())), _AFTER), "", ""]
    glued = len(match[0]) > len(match["side"]) or text[match.end() : match.end() + 1].isalpha()
    if glued:
        return not _is_verb(before, after)
    rules = (_departs, _remains, _is_square, _is_upright, _emphasises)
    return not any(rule(before, after) for rule in rules)


def _is_verb(before: list[str], after: list[str]) -> bool:
    """ "rights himself", "a man lefts both arms"; `after` begins with the "s" that is glued on."""
    return after[0] == "s" and (before[-1] in PEOPLE or after[1] in THEMSELVES | OWN)


def _departs(before: list[str], after: list[str]) -> bool:
    """ "he left the room", "the man has left." """
    if after[0] in DETERMINERS and after[1] in PLACES:
        return True
    subject = before[-2] if before[-1] == "just" else before[-1]
    if before[-2:] == ["tot", "he"]:  # "to the", as hurried people type it
        return False
    return (subject in PEOPLE or subject in HELPERS) and after[0] in DETERMINERS | {"", ".", ","}


def _remains(before: list[str], after: list[str]) -> bool:
    """ "what is left", "nothing left", "all right", "in the right way", "right or wrong"."""
    remains = before[-1] in REMAINS and before[-2] != "a"  # "turns a little left" names a side
    if remains or before[-1] == "all" or before[-2:] in (["what", "is"], ["what", "was"]):
        return True
    if after[0] in QUALITIES:  # "steps to the left place something down" names a side
        return before[-1] == "the" and before[-2] not in ("to", "on", "from")
    if before[-1] in BEING and after[0] in STATES:
        return True
    return after[0] == "alone" or after[:2] in (["or", "wrong"], ["of", "way"])


def _is_square(before: list[str], after: list[str]) -> bool:
    """ "elbows at a right angle", "turns at right angles", but not "walks in a right angle curve"."""
    return after[0] == "angles" or (after[0].startswith("angle") and not LIMBS.isdisjoint(before))


def _is_upright(before: list[str], after: list[str]) -> bool:
    """ "stands up right.", "an up right position", but not "stands up left foot forward"."""
    stands = before[-2] in STANDS and after[0] in AFTER_UPRIGHT
    return before[-1] == "up" and (stands or after[0] == "position")


def _emphasises(before: list[str], after: list[str]) -> bool:
    """ "right now", "sits right back down", "puts it right back", "right in front of", "stops right after"."""
    leader = before[-1]
    if leader in LEADERS:  # "moves left right away"
        return leader in ("left", "right") and after[0] in ("away", "now")
    if after[0] in ("away", "now") or after[:2] == ["in", "front"]:
        return True
    if after[0] == "back" and after[1] in ("up", "down"):
        return True
    if after[0] == "back" and (leader.isalpha() or after[1] in ("to", "into")):
        return leader not in MOVERS
    if after[:2] == ["in", "the"] and after[2] in MIDDLES:
        return leader not in MOVERS
    return after[0] in EMPHASISED and leader not in MOVERS

"""What somebody asks a program for: "show me a man who waves" is about a man, who waves."""

from __future__ import annotations

import re
from dataclasses import dataclass

from kinelex.text.inflection import third_person
from kinelex.text.lemmas import SUBJECT_WORDS
from kinelex.text.moves import shown
from kinelex.text.verbs import VERBS

SOMEBODY = "a person"
_THIRD_PERSONS = frozenset(map(third_person, VERBS))
_NAMES = {"him": "a man", "he": "a man", "her": "a woman", "she": "a woman"} | dict.fromkeys(
    ("them", "they", "it"), SOMEBODY
)
_NOUNS = "|".join(word for word in SUBJECT_WORDS.split() if word not in ("he", "she", "it", "they", "who"))
_NOBODY_YET = rf"(?:an?|the|this|one|some|another) (?:[\w-]+ ){{0,2}}?(?:{_NOUNS})\b"
_PERSON = rf"(?:{_NOBODY_YET}|someone\b|somebody\b|him\b|her\b|them\b|it\b)"
_ASKED = r"(?:(?:please|hey|hi|now|ok|okay|just)[, ]+)*"
# What only a program is asked for; "make", "give" and "show" may be what a person does to another.
_MADE = r"generate|create|animate|render|produce|simulate|imagine|(?:show|give|make|draw) (?:me|us)"
_LET = r"show|give|make|draw|have|let|get"
_POLITE = r"(?:can|could|would|will) you (?:please )?"
_WANTED = r"i(?: would|'d|’d)? (?:want|need|like)(?: you)?(?: to (?:see|have))?"
_CLIP = (
    r"(?:(?:an?|the|some) )?(?:[\w-]+ ){0,3}?(?:animation|motion|clip|video|sequence|movement|scene|mocap)s? "
    r"(?:of|where|in which|with|showing|that shows|for) "
)
# Without a verb that asks, fewer words tell a clip from what is in it: "a motion with the hand" is a caption.
_ONLY_CLIP = (
    r"(?:(?:an?|the) )?(?:(?:short|long|quick|simple|smooth|realistic|looping|looped|new|3d|motion|mocap) ){0,3}"
    r"(?:animation|clip|video|mocap)s? (?:of|showing|that shows) "
)
_WISH = re.compile(
    rf"{_ASKED}(?:(?:(?P<made>(?:{_POLITE})?(?:{_MADE})|{_WANTED}(?: to (?:{_MADE}))?)|(?:{_POLITE})?(?:{_LET})) "
    rf"(?P<clip>{_CLIP})?|(?P<only_clip>{_ONLY_CLIP}))(?P<person>{_PERSON})(?P<rest>[^.!?;\n]*)(?P<others>.*)",
    re.IGNORECASE | re.DOTALL,
)
_THING = re.compile(
    rf"{_ASKED}(?:(?:(?:{_POLITE})?(?:{_MADE})|{_WANTED}) (?:{_ONLY_CLIP})?|(?:(?:{_POLITE})?make )?{_ONLY_CLIP})"
    r"(?P<thing>[^,.!?;\n]+)(?P<others>.*)",
    re.IGNORECASE | re.DOTALL,
)
_CYCLE = re.compile(
    rf"{_ASKED}(?:{_POLITE})?(?:{_MADE}|{_LET}|{_WANTED}) (?P<cycle>(?:an? )?(?:[\w-]+ ){{0,3}}"
    r"(?:cycle|loop|animation|motion))[.!]?",
    re.IGNORECASE,
)
_MUST = r"(?:should|must|shall|will|(?:needs?|has|have) to|(?:is|are) going to)"
_DUTY = re.compile(
    rf"(?P<person>{_NOBODY_YET}|someone|somebody) {_MUST} (?P<rest>.+)", re.IGNORECASE | re.DOTALL
)
_LATER_DUTY = re.compile(
    # "as if he is going to drink" asks for nothing.
    rf"(?<!\blike )(?<!\bif )(?<!\bthough )\b"
    rf"(?P<before>(?:he|she|it|they|and|then|someone|somebody|{_NOBODY_YET}) (?:then |also |now )?)"
    rf"{_MUST} (?P<verb>\w+)\b",
    re.IGNORECASE,
)
_RELATIVE = re.compile(r"(?:who|that|which)(?:(?: is|'s|’s) (?=\w+ing\b)| (?!is\b|are\b))", re.IGNORECASE)
_BIDDEN = re.compile(r"(?:to )?(?P<bidden>(?:\w+ly )?(?P<verb>[\w’']+).*)", re.DOTALL)
_ARROW = re.compile(r"\s*(?:->|-->|=>|→|⇒|(?<=[a-z])\s*>\s*(?=[a-z]))\s*", re.IGNORECASE)
_ORDINAL = re.compile(
    r"(?P<before>,\s+|(?<=[.;!?]\s))(?:second|third|fourth|fifth|last)(?:ly)?(?P<comma>,?)\s+(?P<verb>\w+)",
    re.IGNORECASE,
)
_NUMBER = re.compile(
    r"(?:^|(?<=[\s,;.]))(?:step \d{1,2}[.):]|\(?\d{1,2}[.)]|\(?[a-h]\))\s+(?=[a-z])", re.IGNORECASE
)
_FIRST = re.compile(rf"\s*first(?:ly)?,? (?:{'|'.join(sorted(VERBS))})\b", re.IGNORECASE)
_SEMICOLON = re.compile(r"\s*;\s+(?P<verb>\w+)")


@dataclass(frozen=True)
class Wish:
    """Who is to be seen, and what they are to do.

    Attributes:
        subject: who.
        text: a command to them, or what is to be seen as it is asked for.
        tells: whether the text is a description, not a command.
    """

    subject: str
    text: str
    tells: bool = False


def wished(text: str) -> Wish:
    """Who a request is about and what they are to do; other texts as they are, about somebody."""
    stripped = text.strip()
    if cycle := _CYCLE.fullmatch(stripped):
        return Wish(SOMEBODY, cycle["cycle"], tells=True)
    if (duty := _DUTY.fullmatch(stripped)) and (bidden := _bidden(duty["rest"])):
        return Wish(_who(duty["person"]), _dutiful(bidden))
    if (wish := _WISH.fullmatch(stripped)) and (asked := _asked(wish)):
        return asked
    if (thing := _THING.fullmatch(stripped)) and (seen := shown(thing["thing"], SOMEBODY)):
        return Wish(SOMEBODY, seen + thing["others"], tells=True)
    return Wish(SOMEBODY, _dutiful(text))


def _asked(wish: re.Match[str]) -> Wish | None:
    """What a text asks for that looks like a request; None where it is something that a person does to another."""
    who, rest = _who(wish["person"]), wish["rest"].strip()
    if bidden := _bidden(rest):
        return Wish(who, bidden + wish["others"])
    relative = _RELATIVE.match(rest)
    done = rest[relative.end() :] if relative else rest
    first = done.split(" ")[0].lower()
    moves = (
        first.endswith("ing")
        or first in _THIRD_PERSONS
        or rest.lower().startswith(("who ", "that ", "which "))
    )
    if not (moves or wish["made"] or wish["clip"] or wish["only_clip"]):
        return None
    return Wish(who, f"{who} {done}".strip() + wish["others"], tells=True)


def _bidden(rest: str) -> str:
    """The command in what somebody is to do, "quickly wave" in "to quickly wave"; empty where no known verb is."""
    bidden = _BIDDEN.fullmatch(rest)
    return bidden["bidden"] if bidden is not None and bidden["verb"].lower() in VERBS else ""


def _dutiful(text: str) -> str:
    """A text in which everybody does what they should: "they should sit" as "they sit"."""

    def does(match: re.Match[str]) -> str:
        verb = match["verb"]
        if verb.lower() not in VERBS:
            return match[0]
        plural = match["before"].lower().startswith("they ")
        return match["before"] + (verb if plural else third_person(verb))

    return _LATER_DUTY.sub(does, text)


def _who(person: str) -> str:
    return _NAMES.get(person.lower(), person.lower())


def in_a_row(text: str) -> str:
    """Steps of a list as one after the other: "walk -> sit", "1. walk 2. sit", "walk walk sit" with "then" between."""
    verbs = text.strip(" .!").lower().split()
    # Two different verbs may be one movement: "duck walk".
    if (len(verbs) > 2 or len(verbs) > len(set(verbs))) and VERBS.issuperset(verbs):
        return ", then ".join(verbs)
    text = _SEMICOLON.sub(_then, _ORDINAL.sub(_next, text))
    steps = [step.strip(" ,;.\n") for step in _NUMBER.split(text)]
    if len(steps) > 1 and not steps[0]:
        text = ", then ".join(filter(None, steps))
    return _ARROW.sub(", then ", text)


def _next(ordinal: re.Match[str]) -> str:
    """ "..., second, jump" as "..., then jump", and "second, jump" at the start of a sentence as "next, jump"."""
    verb = ordinal["verb"].lower()
    # "three kicks, second kick high", "two people dance, second turns"
    orders = bool(ordinal["comma"] or _FIRST.match(ordinal.string))
    if verb not in _NAMES and not (orders and verb in VERBS | _THIRD_PERSONS):
        return ordinal[0]
    return f"{', then' if ordinal['before'] else 'next,'} {ordinal['verb']}"


def _then(semicolon: re.Match[str]) -> str:
    """ "walks; sits" as "walks, then sits": without a subject, one clause. So is "walk; sit" in a command."""
    commanded = semicolon.string.split(" ")[0].strip(";,.").lower() in VERBS
    does = semicolon["verb"].lower() in (VERBS if commanded else _THIRD_PERSONS)
    return f", then {semicolon['verb']}" if does else semicolon[0]

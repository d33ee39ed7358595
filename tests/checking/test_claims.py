"""What sentences claim: as people wrote it into the word-swap suite, and left where the mirror image says right."""

from __future__ import annotations

import pytest

from kinelex.checking.claims import Claim, claims_of
from kinelex.evaluation.probes.suite import Member, minimal_pairs
from kinelex.text.mirroring import mirror_text
from kinelex.text.repetition import Repeated, spelled_out
from kinelex.text.segmenter import segment

MEMBERS = {member.text: member for pair in minimal_pairs() for member in (pair.first, pair.second)}
# What only a comparison or the other sentence of the pair implies.
UNSAID = {"pace", "order", "moving", "travelling", "no", "straight"}
MIRRORED = {
    "left": "right",
    "right": "left",
    "clockwise": "counterclockwise",
    "counterclockwise": "clockwise",
}


def claims(text: str) -> dict[str, str]:
    """question -> answer of all phrases of a sentence."""
    actions = spelled_out(segment(text), limit=5)
    return {claim.question: claim.expected for action in actions for claim in claims_of(action)}


def told(member: Member) -> dict[str, str]:
    """What the suite expects of a sentence and the sentence says."""
    return {
        question: answer
        for question, answer in member.expected.items()
        if question.split()[0] not in UNSAID and answer not in UNSAID
    }


@pytest.mark.parametrize("text", MEMBERS)
def test_no_claim_contradicts_the_suite(text: str) -> None:
    said, expected = claims(text), MEMBERS[text].expected
    assert {question: said[question] for question in expected if question in said} == {
        question: answer for question, answer in expected.items() if question in said
    }


def test_nine_in_ten_of_the_suites_answers_are_claimed() -> None:
    found = [question in claims(text) for text, member in MEMBERS.items() for question in told(member)]
    assert sum(found) > 0.9 * len(found) > 200


@pytest.mark.parametrize("text", MEMBERS)
def test_the_mirror_image_of_a_sentence_claims_the_mirror_image(text: str) -> None:
    mirrored = {question: MIRRORED.get(answer, answer) for question, answer in claims(text).items()}
    assert claims(mirror_text(text)) == mirrored


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a person sneaks ahead while raising both arms",
         {"direction": "forward", "gait": "walk", "hand": "both", "raise": "yes"}),
        ("a person raises the left hand and the right leg", {"raise": "yes"}),
        ("a person walks back and forth", {"gait": "walk"}),
        ("a person runs in place", {"travel": "in place"}),
        ("a person walks and turns right", {"gait": "walk", "turn": "right"}),
        ("a person stops waving", {"wave": "yes"}),
        ("a person walks and stops", {"gait": "walk", "stop": "still"}),
        ("a person kicks the ball with the right foot once", {"kick": "yes", "foot": "right", "count kick": "1"}),
        ("a person does not jump", {}),
        ("a person doesn't jump", {}),
        ("a person fails to kick", {}),
        ("a person kicks with the left leg while standing on the right leg", {"kick": "yes", "foot": "left"}),
        ("a person stands on the right leg and kicks", {"kick": "yes"}),
        ("a person turns their head to the right", {}),
        ("a person turns left and right", {}),
        ("a person moves their arms forward", {}),
        ("a person walks to a bus stop", {"gait": "walk"}),
        ("a person holds a bag in the left hand", {}),
        ("a person lifts a box with both hands", {}),
        ("a person lays down the box", {}),
        ("a person jumps with two ropes", {}),
        ("a person waves twice while hopping", {"wave": "yes", "jump": "yes"}),
        ("a person raises both arms at once", {"raise": "yes", "hand": "both"}),
        ("a person walks like a monkey", {}),
        ("a person is sad", {}),
    ],
)  # fmt: skip
def test_sentences_and_what_they_claim(text: str, expected: dict[str, str]) -> None:
    assert claims(text) == expected


def test_repetitions_claim_their_number() -> None:
    assert Claim("count squat", "3") in claims_of(Repeated("a person squats once", 3))
    assert not any(claim.question.startswith("count") for claim in claims_of(Repeated("a person squats")))

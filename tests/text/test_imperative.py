"""Commands become descriptions; descriptions and names of clips stay as they are."""

from __future__ import annotations

import pytest

from kinelex.evaluation.probes.suite import minimal_pairs
from kinelex.prompts import Prompt
from kinelex.text.imperative import described


@pytest.mark.parametrize(
    ("command", "description"),
    [
        ("walk forward then wave", "a person walks forward then waves"),
        ("Walk forward, turn left and jump", "a person walks forward, turns left and jumps"),
        ("wave", "a person waves"),
        ("jump twice", "a person jumps twice"),
        ("Please sit down.", "a person sits down."),
        ("raise your left hand, then kick", "a person raises their left hand, then kicks"),
        ("slowly turn around", "a person slowly turns around"),
        ("walk back and forth", "a person walks back and forth"),
        ("run in a circle. Then stop!", "a person runs in a circle. the person stops!"),
        ("First, walk forward. Next, turn left.", "a person walks forward. the person turns left."),
        ("run as if a bear is chasing you", "a person runs as if a bear is chasing them"),
        ("look behind you, then sit", "a person looks behind them, then sits"),
        ("drink and drive", "a person drinks and drives"),
        ("raise your left and right hand", "a person raises their left and right hand"),
        ("face left then walk forward", "a person faces left then walks forward"),
        ("look around, shrug and leave", "a person looks around, shrugs and leaves"),
        ("don't stop", "a person does not stop"),
        ("keep walking and never look back", "a person keeps walking and does not look back"),
        ("wash your hands and face", "a person washes their hands and face"),
        ("grab a bucket and brush", "a person grabs a bucket and brush"),
        ("walk but don't run", "a person walks but does not run"),
        ("walk, never running", "a person walks, never running"),
        ("slow down", "a person slows down"),
        ("carry a box for 3 seconds", "a person carries a box for 3 seconds"),
        ("After walking, sit down", "After walking, a person sits down"),
        ("Before sitting, please walk", "Before sitting, a person walks"),
        ("walk before you sit", "a person walks before they sit"),
        ("after you walk, sit", "after they walk, a person sits"),
        ("while walking, wave with your left hand", "while walking, a person waves with their left hand"),
        ("with your left hand, wave", "with their left hand, a person waves"),
        ("jump. Once you land, turn", "a person jumps. Once they land, the person turns"),
        ("jump, then after landing, wave", "a person jumps, then after landing, waves"),
        ("walk; sit; wave", "a person walks, then sits, then waves"),
        (
            "With both hands pick up the box, then walk",
            "With both hands, a person picks up the box, then walks",
        ),
        (
            "while you walk wave your arms, then stop",
            "while they walk, a person waves their arms, then stops",
        ),
        ("after walking forward turn around", "after walking forward, a person turns around"),
        ("before you sit down walk, turn, and sit", "before they sit down, a person walks, turns, and sits"),
        ("with your left hand wave, then sit", "with their left hand, a person waves, then sits"),
        ("Please, while walking, wave", "while walking, a person waves"),
        ("Now, after a short walk, sit", "after a short walk, a person sits"),
        ("as fast as you can, run forward", "as fast as they can, a person runs forward"),
        ("after you are done, sit", "after they are done, a person sits"),
    ],
)
def test_commands(command: str, description: str) -> None:
    assert described(command) == description
    assert described(description) == description


@pytest.mark.parametrize(
    ("wish", "description"),
    [
        ("show me a man who waves", "a man waves"),
        ("Generate a person walking forward.", "a person walking forward."),
        ("please create a short 3d animation of someone jumping", "someone jumping"),
        ("make a character dance, then bow", "a character dances, then bows"),
        ("Make the robot walk. Then wave.", "the robot walks. the robot waves."),
        ("can you make him run", "a man runs"),
        ("I want a person that walks and then sits", "a person walks and then sits"),
        ("I'd like to see somebody kick", "somebody kicks"),
        ("i need her to wave twice", "a woman waves twice"),
        ("give me a walk cycle", "a walk cycle"),
        ("the character should walk forward and wave", "the character walks forward and waves"),
        ("A man is going to sit down", "a man sits down"),
        ("walk -> turn left -> sit", "a person walks, then turns left, then sits"),
        ("1. walk 2. jump 3. wave", "a person walks, then jumps, then waves"),
        ("1) a man walks\n2) he kneels", "a man walks, then he kneels"),
        ("1. walk", "a person walks"),
        ("The man has to jump. A woman walks.", "the man jumps. A woman walks."),
        ("A person should walk. Then he should sit down.", "a person walks. Then he sits down."),
        ("a person should walk, then they should sit", "a person walks, then they sit"),
        ("A man should sit down. His hands are raised.", "a man sits down. His hands are raised."),
        ("Make a man walk. Then he jumps.", "a man walks. Then he jumps."),
        ("make the man quickly turn", "the man quickly turns"),
        ("show me a man who is tired", "a man who is tired"),
        ("give him a hug", "a person gives him a hug"),
        ("give someone a high five, then walk away", "a person gives someone a high five, then walks away"),
        ("show her your hands", "a person shows her their hands"),
        ("make him happy and jump", "a person makes him happy and jumps"),
        ("get it", "a person gets it"),
        ("show me a backflip", "a person does a backflip"),
        ("I'd like to see a big jump, then a bow", "a person does a big jump, then a bow"),
        ("Give me a wave.", "a person waves."),
        ("generate an animation of a cartwheel", "a person cartwheels"),
        ("show me a boxer punching", "a boxer punching"),
        ("I want a zombie who is limping. It falls.", "a zombie limping. It falls."),
        ("animation of someone jumping", "someone jumping"),
        ("a short video of a boxer punching", "a boxer punching"),
        ("an animation of walking in a circle", "a person walking in a circle"),
        ("first, squat. second, jump. third, wave.", "a person squats. the person jumps. the person waves."),
        ("kick kick punch", "a person kicks, then kicks, then punches"),
        ("Walk walk sit.", "a person walks, then walks, then sits"),
        ("first, squat, second, jump", "a person squats, then jumps"),
        ("show me 3 backflips", "a person does 3 backflips"),
        ("show me jumping jacks", "a person does jumping jacks"),
        ("show me a punch combo", "a person does a punch combo"),
        ("make a clip of a backflip", "a person does a backflip"),
        ("create an animation of a dance", "a person dances"),
        ("show me a tennis serve", "a person does a tennis serve"),
        ("show me a golf swing please", "a person does a golf swing"),
        ("walk to the left, please!", "a person walks to the left!"),
        ("show me a kick using your left leg", "a person kicks using their left leg"),
        ("I want a jump while turning", "a person jumps while turning"),
        ("show me a boxer punching a man who falls", "a boxer punching a man who falls"),
        ("show me a zombie who walks", "a zombie walks"),
        ("a person walks; sits; waves", "a person walks, then sits, then waves"),
        ("Step 1: walk forward. Step 2: sit", "a person walks forward, then sits"),
        ("Step 1: a person walks\nStep 2: they sit", "a person walks, then they sit"),
        ("a) walk b) sit c) wave", "a person walks, then sits, then waves"),
        ("(a) he walks (b) he sits", "he walks, then he sits"),
        ("first walk, second sit, third wave", "a person walks, then sits, then waves"),
        ("he walks, second, he sits, third, he waves", "he walks, then he sits, then he waves"),
    ],
)
def test_wishes(wish: str, description: str) -> None:
    assert described(wish) == description
    assert described(description) == description


@pytest.mark.parametrize(
    "text",
    [
        "a person walks forward and waves",
        "a man lets someone pass",
        "the person makes a circle with their arms",
        "a person sees someone and waves",
        "someone turns 90 degrees. a person sits",
        "a person raises their arm by > 90 degrees",
        "a man lifts his hand as if he is going to drink",
        "walking forward, then waving",
        "the man starts to run",
        "walk cycle",
        "run of a tired man",
        "walk and run cycle",
        "walk, run and jump motions",
        "left turn and stop",
        "slow walk forward",
        "rock climbing",
        "drum solo",
        "stick figure walks",
        "don't be shy, dance",
        "3 jumps",
        "a motion like that of a bird",
        "a person makes a motion with the left hand",
        "circular motion with the arms",
        "walking in slow motion with a limp",
        "a person motions for someone to come",
        "the movement of the hips",
        "poking motion with one arm",
        "someone performs hand motions for holding a dead bird",
        "animation where the left arm is raised",
        "i want a soldier",
        "show me something cool",
        "generate string",
        "imagine a wall",
        "second jump",
        "raises the first, second, third and fourth finger",
        "touches the first, second, third, and last cone",
        "a person says yes please",
        ", please",
        "last dance",
        "while jogging in place, a person moves backwards",
        "while holding both arms out the person is doing the chacha dance",
        "with legs spread apart squatting, the hands meet at the chest",
        "while crouched the person bends their arms close to the chest",
        "a person does three kicks, first kick low, second kick high",
        "a person walks forward, last step is a jump",
        "two people dance, second turns",
        "A person does jumping jacks; rest",
        "arms up; jump; arms down",
        "a person runs; run is fast",
        "after walking",
        "with a bottle in the hand",
        "while the man walks, a woman waves",
        "after walking. sits",
        "the person raises a) the left hand",
        "he raises one arm; his feet stay",
        "",
        "!!!",
    ],
)
def test_what_is_no_command(text: str) -> None:
    assert described(text) == text


def test_sentences_of_the_suite_are_descriptions() -> None:
    sentences = [member.text for pair in minimal_pairs() for member in (pair.first, pair.second)]
    assert len(sentences) > 200
    assert all(described(sentence) == sentence for sentence in sentences)


def test_a_commanded_prompt_is_the_described_one() -> None:
    told, said = Prompt("walk forward, then wave twice"), Prompt("a person walks forward, then waves twice")
    assert (told.phrases, told.sentence) == (said.phrases, said.sentence)
    assert Prompt(None, segments=("walk forward", "wave")).phrases == (
        "a person walks forward",
        "a person waves",
    )

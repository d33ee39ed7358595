"""HumanML3D's lines are read, or refused with their place; labels become sentences that say them all."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from kinelex.data.captions import (
    Caption,
    cmu_phrases,
    is_humanml3d_line,
    parse_humanml3d_line,
    read_humanml3d_captions,
    template_captions,
)
from kinelex.errors import KinelexError

LINE = "a man walks, then sits.#a/DET man/NOUN walk/VERB then/ADV sit/VERB#0.5#2.5"
CONTENTS = (
    "bow bye byebye call dance-short dash guide kick punch respond run slash walk-back walk-left "
    "walk-right walk raise-up-both-hands raise-up-left-hand raise-up-right-hand walk-turn-left "
    "walk-turn-right wave-both-hands wave-left-hand wave-right-hand"
)
STYLES = (
    "active angry childish chimpira feminine giant happy masculinity musical normal not-confident old "
    "proud sad tired elderly exhausted masculine youthful"
)
HDM05 = (
    "depositFloorR squat1Reps throwBasketball elbowToKnee1RepsLelbowStart grabHighR hopBothLegs1hops "
    "jogLeftCircle4StepsRstart kickLFront1Reps lieDownFloor rotateArmsBothBackward1Reps "
    "sneak2StepsLStart"
)


def test_a_line_is_read_field_by_field() -> None:
    caption = parse_humanml3d_line(LINE)
    assert caption == Caption(
        "a man walks, then sits.",
        ("a", "man", "walk", "then", "sit"),
        ("DET", "NOUN", "VERB", "ADV", "VERB"),
        0.5,
        2.5,
    )
    assert not caption.whole


def test_nan_times_mean_the_whole_clip_and_slashes_stay_in_words() -> None:
    caption = parse_humanml3d_line("turns left/right#turn/VERB left/right/NOUN#nan#nan")
    assert caption.whole
    assert caption.lemmas == ("turn", "left/right")


def test_a_part_without_duration_is_known() -> None:
    assert parse_humanml3d_line("walks#walk/VERB#2.0#2.0").empty
    assert not parse_humanml3d_line(LINE).empty
    assert not parse_humanml3d_line("walks#walk/VERB#0.0#0.0").empty


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("a man walks", "1 fields of 4"),
        ("a man walks#man/NOUN#0.0", "3 fields of 4"),
        ("a man walks#man/NOUN#zero#1.0", "must be seconds"),
        ("#man/NOUN#0.0#0.0", "caption is empty"),
        ("a man walks#man#0.0#0.0", "not word/POS"),
        ("a man walks##0.0#0.0", "not word/POS"),
        ("a man walks#man/NOUN#-1.0#2.0", "seconds from 0 on"),
        ("a man walks#man/NOUN#1.0#inf", "seconds from 0 on"),
    ],
)
def test_a_broken_line_is_named(tmp_path: Path, line: str, message: str) -> None:
    path = tmp_path / "000001.txt"
    path.write_text(f"{LINE}\n{line}\n")
    with pytest.raises(KinelexError, match=re.escape(message)) as caught:
        read_humanml3d_captions(path)
    assert f"{path}, line 2" in str(caught.value)


@pytest.mark.parametrize(
    ("line", "published"),
    [
        (LINE, True),
        ("turns left/right#turn/VERB left/right/NOUN#nan#nan", True),
        ("steps on mark #2, then walks#step/VERB#0.0#0.0", True),
        ("steps#step/noun#0#1", True),
        ("a man walks#man/NOUN#0.0", True),
        ("a man walks#man#0.0#0.0", True),
        ("a man walks##0.0#0.0", True),
        ("walks to mark #2", False),
        ("walks to #1, #2 and #3", False),
        ("moves from #A/B to #C/D", False),
        ("#2 is walking", False),
        ("walks#", False),
        ("walks ##", False),
        ("walks", False),
    ],
)
def test_a_number_sign_alone_makes_no_published_line(line: str, published: bool) -> None:
    assert is_humanml3d_line(line) is published


def test_a_mark_of_the_byte_order_is_no_part_of_a_caption(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(f"{LINE}\n", encoding="utf-8-sig")
    assert read_humanml3d_captions(tmp_path / "a.txt") == [parse_humanml3d_line(LINE)]


def test_files_without_captions_are_named(tmp_path: Path) -> None:
    with pytest.raises(KinelexError, match="cannot read"):
        read_humanml3d_captions(tmp_path / "missing.txt")
    (tmp_path / "empty.txt").write_text("\n")
    with pytest.raises(KinelexError, match="holds no caption"):
        read_humanml3d_captions(tmp_path / "empty.txt")
    (tmp_path / "latin.txt").write_bytes(b"caf\xe9#x/X#0#0")
    with pytest.raises(KinelexError, match="UTF-8"):
        read_humanml3d_captions(tmp_path / "latin.txt")


@pytest.mark.parametrize("content", CONTENTS.split())
def test_every_content_and_style_has_six_different_captions(content: str) -> None:
    for style in STYLES.split():
        captions = template_captions("bandai-namco", {"content": content, "style": style}, seed=3)
        texts = [caption.text for caption in captions]
        assert len(set(texts)) == 6
        for caption in captions:
            assert "<" not in caption.text
            assert len(caption.lemmas) == len(caption.pos) == len(caption.text.split())
            assert caption.whole


@pytest.mark.parametrize(
    ("part", "said"),
    [
        ("back", r"\bback(?:wards?)?\b"),
        ("turn", r"\bturns?\b"),
        ("wave", r"\bwav(?:es?|ing)\b"),
    ],
)
def test_captions_say_what_is_done(part: str, said: str) -> None:
    for content in (content for content in CONTENTS.split() if part in content):
        captions = template_captions("bandai-namco", {"content": content, "style": "normal"}, seed=0)
        assert [caption.text for caption in captions if not re.search(said, caption.text)] == []


@pytest.mark.parametrize(
    ("part", "side", "another"),
    [
        ("left", "left", "right|both"),
        ("right", "right", "left|both"),
        ("both", "both|arms|hands", "left|right"),
    ],
)
def test_captions_say_the_side_mostly_and_never_another(part: str, side: str, another: str) -> None:
    texts = [
        caption.text
        for content in CONTENTS.split()
        if part in content
        for seed in range(5)
        for caption in template_captions("bandai-namco", {"content": content, "style": "normal"}, seed=seed)
    ]
    assert not [text for text in texts if re.search(rf"\b(?:{another})\b", text)]
    named = [text for text in texts if re.search(rf"\b(?:{side})\b", text)]
    assert 0.5 * len(texts) < len(named) < len(texts), "people do not always say which"


def test_styled_captions_come_first_and_the_plain_one_last() -> None:
    plain = {c.text for c in template_captions("bandai-namco", {"content": "walk", "style": "normal"}, 0, 30)}
    captions = template_captions("bandai-namco", {"content": "walk", "style": "exhausted"}, seed=5)
    style = re.compile("exhaust|tired|wear")
    assert [bool(style.search(caption.text)) for caption in captions] == [True] * 5 + [False]
    assert captions[-1].text in plain
    assert not any(style.search(text) for text in plain)


def test_same_seed_same_captions_and_other_seeds_others() -> None:
    labels = {"content": "run", "style": "youthful"}
    assert template_captions("bandai-namco", labels, "a") == template_captions("bandai-namco", labels, "a")
    assert template_captions("bandai-namco", labels, "a") != template_captions("bandai-namco", labels, "b")


@pytest.mark.parametrize("label", HDM05.split())
def test_every_hdm05_label_has_six_captions(label: str) -> None:
    captions = template_captions("hdm05", {"label": label}, seed=1)
    assert len({caption.text for caption in captions}) == 6


@pytest.mark.parametrize(
    ("description", "phrase"),
    [
        ("playground - forward jumps, turn around", "jumps forward several times and turns around"),
        ("Run", "runs forward"),
        ("walk, exaggerated stride", "walks forward and takes exaggerated strides"),
        ("Walk to Run", "walks and then starts to run"),
        ("carry box, push cart", "carries box and pushes cart"),
        (
            "jump up to grab, reach for, tiptoe",
            "jumps up to grab something, reaches for something and stands on tiptoe",
        ),
    ],
)
def test_cmu_descriptions_become_phrases(description: str, phrase: str) -> None:
    assert cmu_phrases(description)[0] == phrase


def test_unknown_labels_are_named() -> None:
    with pytest.raises(KinelexError, match="corpus 'amass'"):
        template_captions("amass", {}, 0)
    with pytest.raises(KinelexError, match="no 'style'"):
        template_captions("bandai-namco", {"content": "walk"}, 0)
    with pytest.raises(KinelexError, match="style 'grumpy'"):
        template_captions("bandai-namco", {"content": "walk", "style": "grumpy"}, 0)
    with pytest.raises(KinelexError, match="content 'moonwalk'"):
        template_captions("hdm05", {"label": "moonwalk"}, 0)


@pytest.mark.skipif("KINELEX_DATA" not in os.environ, reason="needs the unpacked caption pack")
def test_every_published_caption_line_is_read() -> None:
    folder = Path(os.environ["KINELEX_DATA"]) / "humanml3d-captions" / "texts"
    files = sorted(folder.glob("0*.txt"))
    assert sum(len(read_humanml3d_captions(path)) for path in files) == 43692

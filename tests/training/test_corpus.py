"""What the token stages are given: short clips held still, rare actions drawn more often."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from synthetic import write_store

from kinelex.data.captions import Caption
from kinelex.data.store import StoredClip
from kinelex.data.store_writer import StoreWriter
from kinelex.errors import KinelexError
from kinelex.motion.features import joints_from_features
from kinelex.motion.motion import Segment
from kinelex.motion.skeleton import HUMANML3D
from kinelex.prompts import Prompt
from kinelex.training.corpus import Part, Sentence, draws_of_clips, draws_of_parts, read_corpus
from kinelex.training.recipes import DataRecipe
from tiny_model import recorded_features


def test_short_clips_are_left_out_or_stand_still_before_and_after(tmp_path: Path) -> None:
    store = write_store(tmp_path)
    dropped = read_corpus([store], DataRecipe(min_frames=64)).train
    held = read_corpus([store], DataRecipe(min_frames=64, hold_short=True)).train
    assert min(part.frames for part in dropped.parts) == min(part.frames for part in held.parts) == 64
    assert len(held.parts) > len(dropped.parts)
    added = {part.start for part in held.parts} - {part.start for part in dropped.parts}
    for start in added:
        assert start in held.bank.starts.tolist()
        joints = joints_from_features(held.bank.features[start : start + 64], HUMANML3D)
        speed = joints.diff(dim=0).norm(dim=-1).amax(-1)
        assert speed[0] < 1e-4
        assert speed[-1] < 1e-4
        assert speed.max() > 1e-3


def test_actions_are_the_main_verbs_of_captions_of_one_phrase(tmp_path: Path) -> None:
    store = write_store(tmp_path)
    parts = read_corpus([store], DataRecipe()).train.parts
    assert all(part.action in ("", "jump", "run", "walk", "wave") for part in parts)
    for part in parts:
        assert (part.action == "") == (len(part.sentences[0].phrases) > 1)


def test_phrases_are_those_of_a_prompt_in_the_same_words(tmp_path: Path) -> None:
    texts = ("someone lifts their left arm and then walks back", "a person squats twice", "a person walks on")
    segments = (Segment("a person squats once", 0.0, 2.0), Segment("a person squats once", 2.0, 4.0))
    features = recorded_features()[:80].numpy()
    writer = StoreWriter(tmp_path, HUMANML3D)
    for split in ("train", "val"):
        captions = tuple(map(Caption.of, texts))
        writer.add(StoredClip(split, split, split, "recorded", "MIT", features, captions, segments))
    again = (Caption.of(texts[1]),)
    writer.add(StoredClip("again", "train", "train", "recorded", "MIT", features, again, ()))
    writer.close({"corpus": "said"}, ())
    part, twice = read_corpus([tmp_path], DataRecipe()).train.parts
    several, counted, single = part.sentences
    assert (
        several.phrases == Prompt(texts[0]).phrases == ("someone lifts their left arm", "someone walks back")
    )
    assert counted.phrases == Prompt(texts[1]).phrases == ("a person squats once",) * 2
    assert single.phrases == ("a person squats once",) * 2, (
        "a caption that does not name both keeps the exact ones"
    )
    assert part.cuts == (40,)
    assert twice.sentences[0].phrases == counted.phrases
    assert twice.action == "squat", (
        "what happens twice is still one action, to be drawn as often as its rarity asks"
    )


@pytest.mark.parametrize("most", [1, 3, 16])
def test_draws_grow_with_the_square_root_of_rarity(most: int) -> None:
    def part(action: str) -> Part:
        return Part(0, 40, (Sentence(action, (action,)),), action)

    parts = [part("walk")] * 100 + [part("kick")] * 4 + [part("run")] * 25 + [part("")] * 7
    often = draws_of_parts(parts, most)
    drawn: Counter[str] = Counter()
    for one, count in zip(parts, often.tolist(), strict=True):
        drawn[one.action] += count
    assert drawn == {"walk": 100, "kick": 4 * min(most, 5), "run": 25 * min(most, 2), "": 7}
    assert int(often.min()) == 1


def test_a_clip_is_drawn_as_often_as_its_rarest_action(tmp_path: Path) -> None:
    split = read_corpus([write_store(tmp_path)], DataRecipe()).train
    often = draws_of_clips(split, 4)
    assert len(often) == len(split.bank.starts)
    parts = draws_of_parts(split.parts, 4)
    for clip, (start, length) in enumerate(zip(split.bank.starts, split.bank.lengths, strict=True)):
        inside = [int(parts[i]) for i, part in enumerate(split.parts) if start <= part.start < start + length]
        assert int(often[clip]) == max(inside, default=1)


@pytest.mark.parametrize(
    "wrong", [{"hold_short": True, "min_frames": 65}, {"most_draws": 0}, {"most_draws": 17}]
)
def test_impossible_settings_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(KinelexError, match=r"min_frames|most_draws"):
        DataRecipe(**wrong)  # type: ignore[arg-type]


def test_nothing_changes_by_default(tmp_path: Path) -> None:
    store = write_store(tmp_path)
    split = read_corpus([store], DataRecipe()).train
    assert (draws_of_parts(split.parts, 1) == 1).all()

"""Laws of composed sequences: nothing jumps, boundaries are exact, sentences say what the phrases say."""

from __future__ import annotations

import re
from collections import Counter
from itertools import pairwise
from pathlib import Path
from random import Random

import numpy as np
import pytest
import torch
from mocap import make_store, stored, walker

from kinelex.data.compose import ComposeOptions
from kinelex.data.phrases import gerund, sentence, verb_phrase
from kinelex.data.prepare import prepare
from kinelex.data.stitching import stitch
from kinelex.data.store import Store
from kinelex.errors import KinelexError
from kinelex.motion.heading import facing
from kinelex.motion.skeleton import HUMANML3D


def test_stitched_clips_go_on_where_and_as_the_last_one_ends() -> None:
    clips = [torch.from_numpy(walker(60, 1.2, turn)) for turn in (90.0, 0.0, -90.0)]
    joined = stitch(clips, 8, HUMANML3D)
    assert len(joined.joints) == 3 * 60 - 2 * 8
    assert joined.bounds == (0, 56, 108, 164)
    steps = joined.joints[1:, 0] - joined.joints[:-1, 0]
    assert float(steps.norm(dim=-1).max()) < 1.3 * 1.2 / 20
    start, end = facing(joined.joints[0], HUMANML3D), facing(joined.joints[-1], HUMANML3D)
    assert torch.allclose(start, end, atol=0.15), "a turn to the left and one to the right cancel"
    assert torch.allclose(joined.joints[..., 1].amin(-1), clips[0][:1, :, 1].amin(), atol=1e-3)


def test_a_joint_moves_between_the_two_clips_only_in_the_overlap() -> None:
    first, second = torch.from_numpy(walker(40)), torch.from_numpy(walker(40))
    joined = stitch([first, second], 10, HUMANML3D).joints
    assert torch.equal(joined[:30], first[:30])
    shift = joined[40, 0] - second[10, 0]
    assert torch.allclose(joined[40:], second[10:] + shift, atol=1e-5)


@pytest.mark.parametrize(
    ("caption", "phrase"),
    [("The man is walking forward.", "walks forward"),
     ("a person raises his left hand", "raises their left hand"),
     ("someone runs in place", "runs in place"), ("a person walks and then sits", None),
     ("an old man walks", None), ("walking forward", None), ("a person appears to dance", None)],
)  # fmt: skip
def test_verb_phrases(caption: str, phrase: str | None) -> None:
    assert verb_phrase(caption) == phrase


@pytest.mark.parametrize(
    ("phrase", "expected"),
    [("runs in place", "running in place"), ("walks", "walking"), ("waves both hands", "waving both hands"),
     ("lies down", "lying down"), ("bows", "bowing"), ("steps back", "stepping back")],
)  # fmt: skip
def test_gerunds(phrase: str, expected: str) -> None:
    assert gerund(phrase) == expected


def test_sentences_name_the_actions_in_their_order() -> None:
    phrases = ("walks forward", "turns left", "squats")
    texts = {sentence(phrases, Random(seed)) for seed in range(60)}
    assert len(texts) > 10
    for text in texts:
        words = ("walk", "turn", "squat")
        assert sorted(words, key=text.index) == list(words)
        assert text.startswith(("a person", "someone", "the person", "a figure"))


@pytest.fixture(scope="module")
def composed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("compose")
    clips = [
        stored(f"w{i}", walker(120 + i), "a person walks forward", "the man walks ahead") for i in range(4)
    ]
    clips += [stored(f"s{i}", walker(30 + i, 0.1), "a person squats") for i in range(4)]
    clips += [stored(f"t{i}", walker(40 + i, 0.4, 80), "someone turns left", split="test") for i in range(3)]
    clips += [stored("d", walker(60), "a person dances", split="test"), stored("n", walker(60))]
    make_store(folder / "source", clips)
    options = ComposeOptions(sequences=12, captions=2)
    prepare("compose", [folder / "source"], folder / "composed", options, workers=1)
    return folder / "source", folder / "composed"


def test_composed_sequences_have_exact_segments_and_stay_in_their_split(composed: tuple[Path, Path]) -> None:
    source, store = (Store.open(folder) for folder in composed)
    split_of = dict(zip(source.column("id"), source.column("split"), strict=True))
    assert {"train", "test"} == set(store.column("split"))
    for clip in store:
        parts = clip.source.removeprefix("compose/").split("+")
        assert {split_of[part] for part in parts} == {clip.split}
        assert 2 <= len(clip.segments) == len(parts) <= 5
        assert clip.segments[0].start == 0.0
        assert clip.segments[-1].end == pytest.approx(len(clip.features) / 20)
        assert len(clip.features) <= 196
        for left, right in zip(clip.segments[:-1], clip.segments[1:], strict=True):
            assert left.end == right.start
            assert left.text != right.text
        joints = clip.motion(store.skeleton).positions
        assert np.linalg.norm(np.diff(joints, axis=0), axis=-1).max() * 20 < 4


def test_repetitions_are_said_and_have_their_segments(composed: tuple[Path, Path], tmp_path: Path) -> None:
    options = ComposeOptions(sequences=24, captions=2, repeats=1.0)
    prepare("compose", [composed[0]], tmp_path / "repeats", options, workers=1)
    frames = {clip.id: len(clip.features) for clip in Store.open(composed[0])}
    found = set()
    for clip in Store.open(tmp_path / "repeats"):
        parts = clip.source.removeprefix("compose/").split("+")
        said = {part.text for part in clip.segments}
        assert len(clip.segments) == len(parts)
        assert len(said) == len(set(parts)) == 1
        assert said < {"a person squats once", "a person turns left once"}
        for left, right in pairwise(clip.segments):
            assert left.end == right.start
        word = {2: "twice", 3: "three times"}[len(parts)]
        action = said.pop().removeprefix("a person ").removesuffix("once")
        assert all(caption.text.endswith(action + word) for caption in clip.captions)
        assert len(clip.features) == pytest.approx(len(parts) * frames[parts[0]], abs=8 * len(parts))
        found.add(word)
    assert found
    with pytest.raises(KinelexError, match="give 0 to 1"):
        ComposeOptions(repeats=1.5)


def test_what_goes_on_is_longer_than_recorded_and_said_to_go_on(tmp_path: Path) -> None:
    clips = [
        stored(f"w{i}", walker(44 + i), "a person walks forward", "someone walks ahead") for i in range(4)
    ]
    clips += [
        stored("s", walker(44), "someone takes a few steps forward"),
        stored("t", walker(44), "a person turns left"),
    ]
    make_store(tmp_path / "source", clips)
    options = ComposeOptions(sequences=24, captions=4, going_on=1.0)
    prepare("compose", [tmp_path / "source"], tmp_path / "on", options, workers=1)
    store, said = Store.open(tmp_path / "on"), Counter[str]()
    for clip in store:
        assert set(clip.source.removeprefix("compose/").split("+")) <= {"w0", "w1", "w2", "w3"}
        assert len(set(clip.source.removeprefix("compose/").split("+"))) == 1
        assert 48 < len(clip.features) <= 196
        begun, *others = clip.segments
        assert begun.text == "a person walks forward"
        assert [other.text for other in others] in ([], ["a person keeps walking"])
        assert clip.segments[-1].end == pytest.approx(len(clip.features) / 20)
        said.update(
            re.sub("^(someone|(a|the) (person|figure)) ", "", caption.text) for caption in clip.captions
        )
        joints = clip.motion(store.skeleton).positions
        speeds = np.linalg.norm(np.diff(joints[:, 0], axis=0), axis=-1) * 20
        assert speeds.min() > 0.6 * np.median(speeds), "it never stops"
        assert speeds.max() < 1.4 * np.median(speeds)
    assert {"walks forward", "walks on and on", "keeps walking"} <= said.keys()
    assert any(text.endswith(" and keeps going") for text in said)
    assert not any("before" in text or "few steps" in text for text in said)
    with pytest.raises(KinelexError, match="give 0 to 1"):
        ComposeOptions(repeats=0.6, going_on=0.6)


def test_composing_twice_gives_the_same_bytes(composed: tuple[Path, Path]) -> None:
    source, store = composed
    before = {path.name: path.read_bytes() for path in store.iterdir()}
    options = ComposeOptions(sequences=12, captions=2)
    assert not prepare("compose", [source], store, options, workers=1).changed
    prepare("compose", [source], store, options, workers=1, force=True)
    assert {path.name: path.read_bytes() for path in store.iterdir()} == before

"""A model that reads the right as the mirror image of the left does "right" exactly as it does "left"."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from kinelex.alignment.segmo import AlignmentConfig, SegmentAlignment
from kinelex.evaluation.candidate import ModelCandidate
from kinelex.generators.base import TextReading
from kinelex.generators.model import MoMaskModel, MotionModel
from kinelex.hub import load_model, save_model
from kinelex.hub.folder import ModelCard
from kinelex.motion.mirror import mirror_features, mirror_joints
from kinelex.motion.motion import Motion
from kinelex.pipeline import Pipeline
from kinelex.prompts import Prompt
from kinelex.search.embedding import aligned_model, compared, feature_tokens
from kinelex.search.grounding import sliding_spans
from kinelex.text.mirroring import mirror_text
from tiny_model import recorded_features

# More tokens than are read at once, and more phrases than one timeline holds.
LONG = "a person walks forward, turns right, waves, sits down, jumps, turns left, then runs"
TEXTS = [
    "a person turns right",
    "a person walks forward",
    "a person waves with the left hand then turns right",
]


@pytest.fixture(scope="module")
def pipeline(model: MotionModel) -> Pipeline:
    assert isinstance(model, MoMaskModel)
    torch.manual_seed(0)
    alignment = SegmentAlignment(AlignmentConfig(), 16, 2)
    return Pipeline(replace(model, reading=TextReading(left_first=True), alignment=alignment).to("cpu"))


def mirrored(motion: Motion) -> Motion:
    """The clip and its phrases with left and right exchanged."""
    segments = tuple(replace(part, text=mirror_text(part.text)) for part in motion.segments)
    joints = mirror_joints(torch.from_numpy(motion.positions), motion.skeleton)
    return replace(motion, positions=joints.numpy(), segments=segments)


def same(one: Motion, other: Motion) -> bool:
    """Whether two clips are alike but for rounding."""
    return np.allclose(one.positions, other.positions, atol=2e-3) and one.segments == other.segments


def test_the_mirror_image_of_a_sentence_gives_the_mirror_image_of_the_motion(pipeline: Pipeline) -> None:
    made = pipeline.generate_batch([Prompt(text, 3, 2.0) for text in TEXTS])
    images = pipeline.generate_batch([Prompt(mirror_text(text), 3, 2.0) for text in TEXTS])
    assert same(made[0], mirrored(images[0]))
    assert same(made[1], images[1]), "no side is named"
    assert same(made[2], mirrored(images[2]))
    assert not same(made[0], images[0])


def test_stories_and_long_clips_are_mirrored_too(pipeline: Pipeline) -> None:
    for text, seconds in ((LONG, 8.0), ("a person walks forward then turns right", 14.0)):
        one, image = (
            pipeline(said, seed=4, duration=seconds, foot_lock=False) for said in (text, mirror_text(text))
        )
        assert one.segments == mirrored(image).segments
        assert not same(one, image)
    assert same(one, mirrored(image))


def test_what_is_evaluated_is_mirrored_too(pipeline: Pipeline) -> None:
    candidate = ModelCandidate(pipeline.model)
    candidate.prepare([TEXTS[0], mirror_text(TEXTS[0])])
    one, other = candidate.generate([TEXTS[0], mirror_text(TEXTS[0])], torch.tensor([9, 9]), [5, 5])
    torch.testing.assert_close(mirror_features(one, pipeline.model.skeleton), other, atol=1e-4, rtol=1e-4)


def test_every_spelling_of_a_winding_is_read_alike(pipeline: Pipeline) -> None:
    texts = ["a person turns counterclockwise", "a person turns anti-clockwise", "a person turns clock wise"]
    made = pipeline.generate_batch([Prompt(text, 3, 2.0) for text in texts])
    assert np.array_equal(made[0].positions, made[1].positions)
    assert np.allclose(mirrored(made[2]).positions, made[0].positions, atol=2e-3)
    model, features = aligned_model(pipeline.model), recorded_features()
    found = compared(model, feature_tokens(model, features), texts[:2], sliding_spans(len(features) // 4, 5))
    torch.testing.assert_close(found[0], found[1])


def test_what_is_read_left_first_is_drawn_as_ever(pipeline: Pipeline, model: MotionModel) -> None:
    for text in TEXTS[1:]:
        assert same(pipeline(text, seed=1, duration=2.0), Pipeline(model)(text, seed=1, duration=2.0))


def test_editing_sees_the_mirror_image_too(pipeline: Pipeline) -> None:
    clip = pipeline("a person turns left then walks forward then jumps", seed=2, duration=4.0)
    edited = pipeline.regenerate(clip, 2, "a person turns right", seed=5)
    image = pipeline.regenerate(mirrored(clip), 2, "a person turns left", seed=5)
    assert same(mirrored(edited), image)
    # Alone, what is asked for leads right, and with it all that the model is told.
    bare = clip.with_segments(())
    onward = pipeline.extend(bare, "a person turns right", 2.0, seed=1)
    other = pipeline.extend(mirrored(bare), "a person turns left", 2.0, seed=1)
    assert same(mirrored(onward), other)


def test_phrases_are_found_where_their_mirror_images_are(pipeline: Pipeline) -> None:
    model, features = aligned_model(pipeline.model), recorded_features()
    spans = sliding_spans(len(features) // 4, 5)
    found = compared(model, feature_tokens(model, features), TEXTS, spans)
    image = mirror_features(features, model.skeleton)
    mirrored_texts = [mirror_text(text) for text in TEXTS]
    again = compared(model, feature_tokens(model, image), mirrored_texts, spans)
    sided, neutral = [0, 2], 1
    torch.testing.assert_close(found[sided], again[sided], atol=1e-4, rtol=1e-4)
    assert not torch.allclose(found[neutral], again[neutral], atol=1e-3), "no side is named"


def test_a_folder_keeps_how_its_model_reads(pipeline: Pipeline, tmp_path: Path) -> None:
    save_model(pipeline.model, tmp_path / "sided", ModelCard("sided", "CC0", "Reads the left first."))
    assert load_model(tmp_path / "sided").reading == TextReading(left_first=True)

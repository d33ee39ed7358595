"""A visitor's session over the real pipeline of a tiny model: what is kept, what is refused, who sees what."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pygltflib
import pytest
import torch

from kinelex.alignment.segmo import AlignmentConfig, SegmentAlignment
from kinelex.describing.describe import describe
from kinelex.errors import KinelexError
from kinelex.evaluation.probes.recordings import load_recordings
from kinelex.evaluation.probes.validation import joined
from kinelex.generators.model import MotionModel
from kinelex.motion.formats.npz import parse_npz
from kinelex.motion.motion import Motion, Segment
from kinelex.pipeline import Pipeline
from kinelex.service.limits import Limits
from kinelex.studio.page_shown import shown
from kinelex.studio.puppet import puppet
from kinelex.studio.session import Session
from kinelex.studio.takes import MOST_TAKES, Takes
from kinelex.studio.view import View
from kinelex.studio.worker import Worker
from rig_clips import recorded_motion

SENTENCE = "a person walks forward, then waves"
Story = Callable[[Session], Awaitable[None]]


@pytest.fixture(scope="module")
def pipeline(model: MotionModel) -> Pipeline:
    torch.manual_seed(3)
    sizes = model.masked.config.transformer
    return Pipeline(
        replace(model, alignment=SegmentAlignment(AlignmentConfig(), sizes.latent, sizes.heads).eval())
    )


def told(pipeline: Pipeline, story: Story, limits: Limits | None = None) -> Session:
    """A session after a story."""

    async def telling() -> Session:
        worker = Worker(pipeline, limits)
        worker.start()
        session = Session(worker)
        await story(session)
        await worker.stop()
        return session

    return asyncio.run(telling())


def npz(motion: Motion, folder: Path) -> bytes:
    motion.save(folder / "clip.npz")
    return (folder / "clip.npz").read_bytes()


def test_takes_of_a_batch_are_what_the_pipeline_makes_of_the_plan(pipeline: Pipeline) -> None:
    session = told(pipeline, lambda session: session.generate(SENTENCE, seed=5, count=3))
    assert [take.origin for take in session.takes.shown] == ["seed 5", "seed 6", "seed 7"]
    assert [phrase.text for phrase in session.timeline.phrases] == [
        "a person walks forward",
        "a person waves",
    ]
    for seed, take in zip((5, 6, 7), session.takes.shown, strict=True):
        alone = pipeline(SENTENCE, seed=seed, foot_lock=False)
        np.testing.assert_allclose(take.motion.positions, alone.positions, atol=1e-3)
    locked = pipeline(SENTENCE, seed=5)
    np.testing.assert_allclose(View().of(session.takes.current.motion).positions, locked.positions, atol=1e-3)


def test_a_boundary_that_was_dragged_is_where_the_phrase_ends(pipeline: Pipeline) -> None:
    async def story(session: Session) -> None:
        await session.split(SENTENCE)
        session.timeline = session.timeline.dragged((1.0, 4.0))
        await session.generate(SENTENCE, seed=0, count=1)

    take = told(pipeline, story).takes.current
    assert [part.end for part in take.motion.segments] == pytest.approx([1.0, 4.0])


def test_one_phrase_is_drawn_again_and_the_rest_kept(pipeline: Pipeline) -> None:
    async def story(session: Session) -> None:
        await session.split(SENTENCE)
        session.timeline = session.timeline.dragged((3.0, 6.0))
        await session.generate(SENTENCE, seed=0, count=1)
        session.timeline = session.timeline.edited(0, text="a person runs").edited(1, text="a person jumps")
        await session.redraw(1, seed=9)

    session = told(pipeline, story)
    before, after = session.takes.shown
    kept = round(3.0 * before.motion.fps) - 10  # what is drawn anew fades in over half a second
    np.testing.assert_array_equal(after.motion.positions[:kept], before.motion.positions[:kept])
    assert np.abs(after.motion.positions[-20:] - before.motion.positions[-20:]).max() > 1e-3
    assert after.motion.segments[1].text == "a person jumps"
    assert session.timeline.phrases[0].text == "a person runs"  # still planned
    assert session.takes.chosen == after.number


def test_what_is_made_belongs_to_the_take_that_it_was_asked_of(pipeline: Pipeline) -> None:
    async def meanwhile(work: Awaitable[None], deed: Callable[[], None]) -> None:
        going_on = asyncio.ensure_future(work)
        await asyncio.sleep(0)
        deed()
        assert not going_on.done()
        await going_on

    async def story(session: Session) -> None:
        await session.split(SENTENCE)

        def rename() -> None:
            session.timeline = session.timeline.edited(0, text="a person runs")

        await meanwhile(session.generate(SENTENCE, seed=0, count=2), rename)
        assert session.takes.current.sentence == SENTENCE
        await meanwhile(session.ground("a person waves"), lambda: session.choose(2))
        assert session.found is None
        await meanwhile(session.redraw(1, seed=9), lambda: session.choose(1))

    session = told(pipeline, story)
    assert session.takes.current.beside == (2, 3)


def test_going_back_to_a_take_brings_its_phrases_back(pipeline: Pipeline) -> None:
    async def story(session: Session) -> None:
        await session.generate(SENTENCE, seed=0, count=1)
        await session.generate("a person sits down", seed=0, count=2)
        session.choose(1)

    session = told(pipeline, story)
    assert [take.number for take in session.takes.shown] == [1]
    assert session.sentence == SENTENCE
    assert len(session.timeline) == 2


def test_a_file_is_loaded_as_it_is_and_edited_in_part(pipeline: Pipeline, tmp_path: Path) -> None:
    recorded = recorded_motion()

    async def story(session: Session) -> None:
        await session.load("../take.npz", npz(recorded, tmp_path))
        await session.replace_part(3.0, 5.0, "a person waves", None, seed=1)
        await session.extend("a person jumps", 2.0, seed=1)

    session = told(pipeline, story)
    loaded, edited, longer = session.takes.kept
    assert loaded.origin == "take.npz"
    assert not session.view.foot_lock  # what a file holds is shown as it is
    np.testing.assert_array_equal(loaded.motion.positions, recorded.positions)
    np.testing.assert_array_equal(edited.motion.positions[:50], recorded.positions[:50])
    assert longer.motion.seconds == pytest.approx(edited.motion.seconds + 2.0)
    assert len(session.timeline) == 0  # its phrases leave gaps
    assert [part.text for part in session.segments] == ["a person waves", "a person jumps"]


def test_a_file_without_phrases_gets_those_that_it_shows(pipeline: Pipeline, tmp_path: Path) -> None:
    clips = {each.label: each.motion for each in load_recordings()}
    take = joined([clips["raise-up-left-hand"], clips["wave-both-hands"]])
    named = take.with_segments((Segment("a person is happy", 0.0, take.seconds),))

    async def story(session: Session) -> None:
        await session.load("named.npz", npz(named, tmp_path))
        await session.load("take.npz", npz(take, tmp_path))

    first, second = told(pipeline, story).takes.kept
    assert first.motion.segments == named.segments
    assert second.motion.segments == describe(take) != ()


def test_what_a_take_shows_is_said_in_lines(pipeline: Pipeline, tmp_path: Path) -> None:
    clip = next(each.motion for each in load_recordings() if each.label == "wave-left-hand")
    take = clip.with_segments((Segment("a person waves with both hands", 0.0, clip.seconds),))
    said: list[str] = []

    async def story(session: Session) -> None:
        await session.load("take.npz", npz(take, tmp_path))
        looked = await session.look_at(session.takes.current)
        said.extend(
            (
                shown(looked),
                shown(replace(looked, findings=(), floating=0.5)),
                shown(replace(looked, findings=())),
            )
        )

    told(pipeline, story)
    assert "Shows wave: yes" in said[0]
    assert "Does not show hand: both (shows left)" in said[0]
    assert "Floats in 50% of its frames" in said[1]
    assert said[2] == ""


def test_a_phrase_is_found_and_forgotten_with_the_take(pipeline: Pipeline) -> None:
    async def story(session: Session) -> None:
        await session.generate(SENTENCE, seed=0, count=1)
        await session.ground("a person waves")
        assert session.found is not None
        assert 0 <= session.found.findings[0].start < session.found.findings[0].end
        await session.generate(SENTENCE, seed=1, count=1)

    assert told(pipeline, story).found is None


@pytest.mark.parametrize("kind", ["glb", "bvh", "npz"])
def test_what_is_downloaded_is_what_is_seen(pipeline: Pipeline, kind: str) -> None:
    async def story(session: Session) -> None:
        await session.generate(SENTENCE, seed=0, count=1)
        session.look(in_place=True)
        name, content = await session.export(kind, "mixamo")
        assert name == f"kinelex_take_1.{kind}"
        if kind == "npz":
            seen = View(in_place=True).of(session.takes.current.motion)
            np.testing.assert_allclose(parse_npz(io.BytesIO(content), "it").positions, seen.positions)
        elif kind == "glb":
            assert "mixamorig:Hips" in [node.name for node in pygltflib.GLTF2.load_from_bytes(content).nodes]
        else:
            assert b"mixamorig:Hips" in content

    told(pipeline, story)


def test_a_body_in_place_keeps_its_contacts_and_its_height() -> None:
    motion = recorded_motion()
    moving, standing = puppet(motion, View()), puppet(motion, View(in_place=True))
    np.testing.assert_array_equal(moving.planted, standing.planted)
    np.testing.assert_allclose(moving.bones[:, :, 1], standing.bones[:, :, 1], atol=1e-3)
    np.testing.assert_allclose(
        standing.bones[:, 0, [0, 2]], standing.bones[:1, 0, [0, 2]].repeat(170, 0), atol=1e-3
    )
    np.testing.assert_allclose(moving.skin_weights.sum(1), 1.0, atol=1e-5)


@pytest.mark.parametrize(
    ("story", "says"),
    [
        (lambda session: session.generate("  ", 0, 1), "the prompt is empty"),
        (lambda session: session.generate("walk " * 400, 0, 1), "shorten it"),
        (lambda session: session.generate(SENTENCE, 0, 9), "side by side"),
        (lambda session: session.generate(SENTENCE, 2**63, 1), "64 bits"),
        (lambda session: session.ground("..."), "query is empty"),
        (lambda session: session.load("clip.pkl", b"cos\nsystem\n"), "no .npz or .bvh file"),
        (lambda session: session.load("clip.npz", b"cos\nsystem\n"), "not a readable .npz"),
        (lambda session: session.load("clip.bvh", b"HIERARCHY"), "upload"),
        (lambda session: session.load("clip.npz", b"0" * 5000), "send at most"),
        (lambda session: session.redraw(7, 0), "phrases"),
        (lambda session: session.replace_part(2.0, 1.0, "a person waves", None, 0), "no part"),
        (lambda session: session.extend("", None, 0), "the prompt is empty"),
        (lambda session: session.export("exe", "smpl"), "unknown motion format"),
        (lambda session: session.export("glb", "nobody"), "preset"),
    ],
)
def test_a_mistake_is_explained_and_costs_nothing(pipeline: Pipeline, story: Story, says: str) -> None:
    async def mistaken(session: Session) -> None:
        await session.generate(SENTENCE, seed=0, count=1)
        kept = (session.sentence, session.timeline, session.takes, session.view)
        with pytest.raises(KinelexError, match=says):
            await story(session)
        assert (session.sentence, session.timeline, session.takes, session.view) == kept

    told(pipeline, mistaken, Limits(upload=4000))


def test_before_there_is_a_take_nothing_can_be_done_with_it(pipeline: Pipeline) -> None:
    async def story(session: Session) -> None:
        for work in (session.redraw(0, 0), session.ground("waves"), session.export("glb", "smpl")):
            with pytest.raises(KinelexError, match="no motion yet"):
                await work

    told(pipeline, story)


def test_visitors_at_the_same_time_get_what_they_would_get_alone(pipeline: Pipeline) -> None:
    async def both() -> list[Session]:
        worker = Worker(pipeline)
        worker.start()
        sessions = [Session(worker), Session(worker)]
        await asyncio.gather(*(one.generate(SENTENCE, seed, 2) for seed, one in enumerate(sessions)))
        await worker.stop()
        return sessions

    sessions = asyncio.run(both())
    for seed, session in enumerate(sessions):
        alone = told(pipeline, lambda one, seed=seed: one.generate(SENTENCE, seed, 2))
        for take, own in zip(session.takes.kept, alone.takes.kept, strict=True):
            np.testing.assert_allclose(take.motion.positions, own.motion.positions, atol=1e-3)
    assert sessions[0].takes.kept[0].motion is not sessions[1].takes.kept[0].motion


def test_the_oldest_takes_are_forgotten() -> None:
    takes, motion = Takes(), recorded_motion()
    for _ in range(MOST_TAKES + 3):
        takes = takes.load(motion, "walk.npz")
    assert [takes.kept[0].number, takes.kept[-1].number, takes.chosen] == [4, MOST_TAKES + 3, MOST_TAKES + 3]
    with pytest.raises(KinelexError, match="no take 1 any more"):
        takes.choose(1)

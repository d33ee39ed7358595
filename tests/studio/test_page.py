"""The Studio in a real browser: type, generate, see the figure move, drag, draw again, download."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pygltflib
import pytest
import trimesh

pytest.importorskip("viser", reason="viser is not installed")

import kinelex
from kinelex.cli import main
from kinelex.generators.model import MotionModel
from kinelex.listening import listening_socket
from kinelex.motion.motion import Motion
from kinelex.pipeline import Pipeline
from kinelex.studio.page import Page
from kinelex.studio.server import Studio
from kinelex.studio.worker import Worker
from rig_clips import recorded_motion
from studio.browser import WAIT, Visitor, chromium, until, visiting

SENTENCE = "a person walks forward, then jumps"


@pytest.fixture(scope="module")
def browser() -> Iterator[object]:
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def studio(browser: object) -> Iterator[Studio]:
    """The page with the bundled model."""
    with listening_socket("127.0.0.1", 0) as socket:
        port = socket.getsockname()[1]
    worker = Worker(kinelex.load("default"))
    worker.warm_up()
    studio = Studio(worker, "127.0.0.1", port)
    yield studio
    studio.stop()


@pytest.fixture(scope="module")
def url(studio: Studio) -> str:
    return f"http://127.0.0.1:{studio.port}"


@pytest.fixture(scope="module")
def visitor(browser: object, studio: Studio, url: str) -> Iterator[Visitor]:
    """Who goes through the tests of this module one after the other, as written."""
    with visiting(browser, url) as visitor:
        yield visitor


@pytest.fixture(scope="module")
def page(visitor: Visitor, studio: Studio) -> Page:
    """What the server holds for that visitor."""
    until(lambda: len(studio.pages) == 1)
    return next(iter(studio.pages.values()))


def screen(page: Page, joints: np.ndarray, size: tuple[float, float]) -> np.ndarray:
    """(J, 2) pixels of points (J, 3) in a canvas of that size, from what the browser says of its camera."""
    camera = page.desk.client.camera
    w, x, y, z = camera.wxyz
    turn = np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ]
    )
    seen = (joints - camera.position) @ turn  # right, down, forward
    assert (seen[:, 2] > 0).all()
    scale = size[1] / 2 / np.tan(camera.fov / 2)
    return seen[:, :2] / seen[:, 2:] * scale + np.array(size) / 2


def test_a_sentence_becomes_a_figure_that_moves(visitor: Visitor, page: Page) -> None:
    visitor.write("Prompt", SENTENCE)
    visitor.press("Generate")
    visitor.read("Generating: done")
    visitor.read("gait: walk")  # what the take shows of its phrases, or what instead
    assert [part.text for part in page.desk.session.takes.current.motion.segments] == [
        "a person walks forward", "a person jumps",
    ]  # fmt: skip
    first = visitor.scene()
    until(lambda: (np.abs(visitor.scene() - first).max(-1) > 60).sum() > 300)


def test_the_joints_are_on_the_screen_where_the_camera_says(visitor: Visitor, page: Page) -> None:
    visitor.press("To start")
    until(lambda: not page.desk.player.clock.playing)
    canvas = visitor.page.locator("canvas").first.bounding_box()

    def drawn() -> bool:
        joints = page.desk.stage.joints(1)
        places = screen(page, joints, (canvas["width"], canvas["height"]))
        places += np.array((canvas["x"], canvas["y"]))
        picture = visitor.scene()
        columns, rows = places.round().astype(int).T
        assert (columns >= 0).all()
        assert (columns < picture.shape[1]).all()
        assert (rows >= 0).all()
        assert (rows < picture.shape[0]).all()
        colours = picture[rows, columns]
        return ((colours[:, 2] - colours[:, 0]) > 15).sum() >= 15  # the body is blue, the floor grey

    until(drawn)


def test_the_phrase_of_the_moment_is_shown_with_the_feet_that_stand(visitor: Visitor, page: Page) -> None:
    now = visitor.page.locator(".kinelex-phrase")
    until(lambda: now.inner_text() == "a person walks forward")
    visitor.press("To end")
    until(lambda: now.inner_text() == "a person jumps")
    visitor.press("Play / pause")
    until(lambda: page.desk.player.clock.playing)
    until(lambda: now.inner_text() == "a person walks forward")


def test_a_dragged_boundary_is_a_longer_phrase(visitor: Visitor, page: Page) -> None:
    before = page.desk.session.timeline.ends
    dropped = visitor.drag("Phrase ends", 0, 60)
    assert dropped > before[0] + 0.2
    until(lambda: abs(page.desk.session.timeline.ends[0] - dropped) < 0.06)  # it goes in steps of 0.1
    planned = page.desk.session.timeline.ends
    assert planned[1] == pytest.approx(before[1], abs=0.05)
    visitor.press("Generate")
    until(lambda: len(page.desk.session.takes.kept) == 2)
    ends = [part.end for part in page.desk.session.takes.current.motion.segments]
    assert ends == pytest.approx(planned, abs=0.15)


def test_one_phrase_is_drawn_again_and_the_rest_kept(visitor: Visitor, page: Page) -> None:
    visitor.row("Phrase").locator("input").first.click()
    visitor.page.get_by_role("option").nth(1).click()
    until(lambda: visitor.row("Words").locator("textarea").first.input_value() == "a person jumps")
    visitor.write("Words", "a person waves with the right hand")
    visitor.press("Draw this phrase again")
    visitor.read("Drawing phrase 2 again: done")
    before, after = page.desk.session.takes.shown
    kept = round(before.motion.segments[0].end * before.motion.fps) - 10
    np.testing.assert_array_equal(after.motion.positions[:kept], before.motion.positions[:kept])
    assert after.motion.segments[1].text == "a person waves with the right hand"
    assert len(page.desk.stage.figures) == 2


def test_phrases_are_added_merged_and_moved_by_buttons(visitor: Visitor, page: Page) -> None:
    def texts() -> list[str]:
        return [phrase.text for phrase in page.desk.session.timeline.phrases]

    for button, expected in (
        ("Earlier", ["a person waves with the right hand", "a person walks forward"]),
        ("Later", ["a person walks forward", "a person waves with the right hand"]),
        ("Add", ["a person walks forward", "a person waves with the right hand", "a person stands"]),
        ("Delete", ["a person walks forward", "a person waves with the right hand"]),
        ("Earlier", ["a person waves with the right hand", "a person walks forward"]),
        ("Merge", ["a person waves with the right hand, then walks forward"]),
        ("Split", ["a person waves with the right hand", "a person walks forward"]),
    ):
        visitor.press(button)
        until(lambda expected=expected: texts() == expected)
    until(lambda: visitor.page.locator(".kinelex-block").count() == 2)


def test_a_glb_is_downloaded_that_parses(visitor: Visitor, page: Page, tmp_path: Path) -> None:
    visitor.open("Files")
    with visitor.page.expect_download() as download:
        visitor.press("Download")
    path = tmp_path / download.value.suggested_filename
    download.value.save_as(path)
    assert path.name == "kinelex_take_3.glb"
    document = pygltflib.GLTF2().load(str(path))
    assert len(document.animations[0].channels) == 23
    scene = trimesh.load(path)
    assert 1.4 < scene.extents[1] < 2.0


def test_a_mistake_is_said_in_the_page_and_costs_nothing(
    visitor: Visitor, page: Page, tmp_path: Path
) -> None:
    kept = page.desk.session.takes
    visitor.write("Prompt", "   ")
    visitor.press("Generate")
    visitor.read("the prompt is empty")
    visitor.page.locator("input[type=file]").set_input_files(
        {"name": "clip.npz", "mimeType": "application/octet-stream", "buffer": b"cos\nsystem\n"}
    )
    visitor.read("not a readable .npz file")
    walk = recorded_motion()
    walk.with_positions(walk.positions * 0).save(tmp_path / "point.npz")
    visitor.page.locator("input[type=file]").set_input_files(tmp_path / "point.npz")
    visitor.read("which is no body")
    assert page.desk.session.takes == kept
    assert visitor.row("Prompt").locator("textarea").first.input_value() == "   "


def test_a_file_is_loaded_and_a_phrase_found_in_it(visitor: Visitor, page: Page, tmp_path: Path) -> None:
    recorded_motion().save(tmp_path / "take.npz")
    visitor.page.locator("input[type=file]").set_input_files(tmp_path / "take.npz")
    visitor.read("Loading take.npz: done")
    visitor.open("Find")
    visitor.press("Find it in the take")
    visitor.read("Finding: done")
    assert page.desk.session.found is not None
    visitor.read(f"cosine {page.desk.session.found.findings[0].score:+.3f}")
    visitor.open("Takes")
    visitor.row("In place").locator("input").check()
    until(lambda: page.desk.session.view.in_place)


def test_visitors_have_takes_of_their_own_and_are_forgotten_when_they_leave(
    browser: object, studio: Studio, url: str, visitor: Visitor, page: Page
) -> None:
    kept = page.desk.session.takes
    with visiting(browser, url) as other:
        until(lambda: len(studio.pages) == 2)
        theirs = next(one for one in studio.pages.values() if one is not page)
        assert theirs.desk.session.takes.kept == ()
        other.open("Takes")
        until(lambda: other.row("Take").locator("input").first.input_value() == "no takes yet")
        assert other.page.locator(".kinelex-block").count() == 0
    until(lambda: len(studio.pages) == 1)
    assert page.desk.session.takes == kept
    assert visitor.broken == other.broken == []


def test_the_page_asks_nobody_else(visitor: Visitor, url: str) -> None:
    assert visitor.asked
    assert all(asked.startswith((url, f"blob:{url}", "data:")) for asked in visitor.asked)


def test_closing_does_not_wait_for_what_takes_long(
    model: MotionModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kinelex.studio.server._PATIENCE", 0.2)
    with listening_socket("127.0.0.1", 0) as socket:
        port = socket.getsockname()[1]
    worker, begun, held = Worker(Pipeline(model)), threading.Event(), threading.Event()
    studio = Studio(worker, "127.0.0.1", port)

    def long(pipeline: Pipeline) -> Motion:
        begun.set()
        held.wait()
        return recorded_motion()

    asyncio.run_coroutine_threadsafe(worker.edit(long), studio._server.get_event_loop())
    assert begun.wait(WAIT)
    stopping = threading.Thread(target=studio.stop)
    stopping.start()
    stopping.join(WAIT)
    assert not stopping.is_alive()
    with listening_socket("127.0.0.1", port):  # which is free again
        held.set()


def test_a_taken_port_is_said_before_the_model_is_loaded(capsys: pytest.CaptureFixture[str]) -> None:
    with listening_socket("127.0.0.1", 0) as taken:
        assert main(["studio", "--port", str(taken.getsockname()[1]), "--model", "nowhere"]) == 2
    assert "choose another --host or --port" in capsys.readouterr().err

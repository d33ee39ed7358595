"""Film strip, film and web page: whole files that show the clip and nothing else."""

import base64
import json
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest
from PIL import Image

from kinelex.errors import KinelexError
from kinelex.motion.contacts import foot_contacts
from kinelex.motion.drawing.page import PHRASES
from kinelex.motion.formats.filmstrip import contact_sheet, draw_strip, write_filmstrip
from kinelex.motion.formats.html import write_html
from kinelex.motion.formats.mp4 import write_mp4
from kinelex.motion.motion import Motion, Segment

CLIP = Path(__file__).parents[2] / "data" / "012314_joints.npy"
EVIL = '<script>document.title="owned"</script></script><!-- & "@CLIP@" \u2028 \'x\''


@pytest.fixture(scope="module")
def motion() -> Motion:
    phrases = (Segment("lunges", 0.0, 4.0), Segment("backs up", 4.0, 8.5))
    return Motion(np.load(CLIP), segments=phrases)


# ------------------------------------------------------------------ film strip


def test_a_strip_has_a_card_a_pose_and_the_phrases_in_their_colours(motion: Motion, tmp_path: Path) -> None:
    write_filmstrip(motion, tmp_path / "clip.png", title="a person lunges", poses=6)
    with Image.open(tmp_path / "clip.png") as image:
        pixels = np.asarray(image.convert("RGB"))
    assert image.width == 18 + 6 * 222 + 216 + 18
    bar = pixels[-62]  # a row through the time line, which spans the six cards
    for colour, (start, end) in zip(PHRASES, ((0, 4), (4, 8.5)), strict=False):
        columns = np.flatnonzero((bar == colour).all(axis=-1))
        assert columns.min() == pytest.approx(18 + start / 8.5 * 1326, abs=3)
        assert columns.max() == pytest.approx(18 + end / 8.5 * 1326, abs=4)


def test_same_clip_same_picture_and_other_clip_another(motion: Motion) -> None:
    first, again = (np.asarray(draw_strip(motion, poses=3)) for _ in range(2))
    other = np.asarray(draw_strip(motion.with_positions(motion.positions[::-1].copy()), poses=3))
    assert (first == again).all()
    assert (first != other).mean() > 0.02


def test_a_contact_sheet_has_a_strip_a_clip(motion: Motion, tmp_path: Path) -> None:
    contact_sheet([motion, motion], ["one", "two"], tmp_path / "sheet.png", poses=2)
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.height == 2 * draw_strip(motion, "one", poses=2).height
    with pytest.raises(KinelexError, match="2 clips and 1 titles"):
        contact_sheet([motion, motion], ["one"], tmp_path / "sheet.png")
    with pytest.raises(KinelexError, match="0 poses"):
        write_filmstrip(motion, tmp_path / "clip.png", poses=0)


def test_clips_that_roam_far_or_talk_long_are_drawn(motion: Motion) -> None:
    far = motion.positions * np.float32((1, 1, 1))
    far[:, :, 0] += np.linspace(0, 5000, len(far), dtype=np.float32)[:, None]
    talk = (Segment("x" * 3000, 0, 1), Segment("走る 🏃", 7, 99))
    strip = draw_strip(Motion(far, segments=talk), poses=2)
    assert strip.width == draw_strip(motion, "short", poses=2).width
    assert np.asarray(strip).std() > 5


def test_without_pillow_the_extra_is_named(motion: Motion, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "PIL.Image", None)
    with pytest.raises(KinelexError, match=r"kinelex\[render\]"):
        draw_strip(motion)


def test_a_notebook_shows_the_strip_and_prints_the_facts(motion: Motion) -> None:
    shown = Image.open(BytesIO(motion._repr_png_()))
    drawn = draw_strip(motion, poses=5)
    assert shown.size == drawn.size
    off = np.asarray(shown.convert("RGB")).astype(int) - np.asarray(drawn)
    assert np.abs(off).mean() < 6
    assert repr(motion) == "Motion(170 frames, 8.50 s at 20 fps, humanml3d, 'lunges | backs up')"
    assert repr(motion.with_segments(())) == "Motion(170 frames, 8.50 s at 20 fps, humanml3d)"


# ------------------------------------------------------------------ film


def test_a_film_has_every_frame_at_the_clips_rate(motion: Motion, tmp_path: Path) -> None:
    clip = Motion(motion.positions[:15], fps=12.5, segments=motion.segments)
    write_mp4(clip, tmp_path / "clip.mp4")
    film = imageio_ffmpeg.read_frames(str(tmp_path / "clip.mp4"))
    facts = next(film)
    assert (facts["codec"], facts["size"], facts["fps"]) == ("h264", (960, 600), 12.5)
    assert facts["pix_fmt"].startswith("yuv420p")
    frames = [np.frombuffer(frame, np.uint8) for frame in film]
    assert len(frames) == 15
    assert np.abs(frames[0].astype(int) - frames[14]).mean() > 1


@pytest.mark.skipif(sys.platform == "win32", reason="no limit of a file's size there")
@pytest.mark.parametrize(
    ("frames", "complaint"),
    [(170, "ffmpeg failed to write clip.mp4"), (20, "cannot write clip.mp4: ffmpeg wrote")],
)
def test_a_film_that_has_no_room_leaves_what_was_there(
    frames: int, complaint: str, motion: Motion, tmp_path: Path
) -> None:
    """The long one while it is drawn, the short one only when ffmpeg ends."""
    Motion(motion.positions[:frames]).save(tmp_path / "clip.npz")
    (tmp_path / "clip.mp4").write_bytes(b"before")
    program = (
        "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (8000, 8000));"
        "from kinelex.cli import main; raise SystemExit(main(['convert', 'clip.npz', 'clip.mp4']))"
    )
    run = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True)
    assert run.returncode == 2
    assert complaint in " ".join(run.stderr.split())
    assert (tmp_path / "clip.mp4").read_bytes() == b"before"
    assert {path.name for path in tmp_path.iterdir()} == {"clip.npz", "clip.mp4"}


# ------------------------------------------------------------------ web page


class Page(HTMLParser):
    """Collects what could run or load, and the text of the title and of the data."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict]] = [("", {})]
        self.texts: dict[str, str] = {}
        self.feed(text)

    def handle_starttag(self, tag, attrs) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data) -> None:
        tag, attributes = self.elements[-1]
        key = attributes.get("id", tag)
        self.texts[key] = self.texts.get(key, "") + data


def page_of(motion: Motion, path: Path, title: str | None = None) -> Page:
    write_html(motion, path, title=title)
    return Page(path.read_text(encoding="utf-8"))


def test_a_page_loads_nothing(motion: Motion, tmp_path: Path) -> None:
    page = page_of(motion, tmp_path / "clip.html")
    text = (tmp_path / "clip.html").read_text(encoding="utf-8")
    assert not re.search(r"https?://|@import|url\(|fetch\(|XMLHttp|innerHTML|eval\(", text)
    assert all("src" not in attributes for _, attributes in page.elements)
    assert [attributes["href"] for tag, attributes in page.elements if tag == "link"] == ["data:,"]
    assert len(text) < 100_000


def test_what_a_prompt_says_stays_text(motion: Motion, tmp_path: Path) -> None:
    plain = page_of(motion, tmp_path / "plain.html")
    evil = Motion(motion.positions, segments=(Segment(EVIL, 0.0, 8.5),))
    page = page_of(evil, tmp_path / "evil.html")
    assert [tag for tag, _ in page.elements] == [tag for tag, _ in plain.elements]
    assert page.texts["h1"].strip() == page.texts["title"].strip() == EVIL
    assert json.loads(page.texts["clip"])["segments"] == [{"text": EVIL, "start": 0.0, "end": 8.5}]


def test_a_page_carries_the_clip_to_a_millimetre(motion: Motion, tmp_path: Path) -> None:
    clip = json.loads(page_of(motion, tmp_path / "clip.html").texts["clip"])
    points = np.frombuffer(base64.b64decode(clip["points"]), "<i2").reshape(170, clip["stride"], 3)
    points = points * clip["step"] + clip["origin"]
    np.testing.assert_allclose(points[:, clip["root"]], motion.positions[:, 0], atol=5e-4)
    np.testing.assert_allclose(points[:, clip["feet"]], motion.positions[:, [7, 10, 8, 11]], atol=5e-4)
    import torch

    planted = foot_contacts(torch.from_numpy(motion.positions), motion.fps, motion.skeleton).numpy()
    bits = np.frombuffer(base64.b64decode(clip["contacts"]), np.uint8)
    np.testing.assert_array_equal((bits[:, None] >> np.arange(4)) & 1, planted)
    assert 0.1 < planted.mean() < 0.9


STEP = """<script>
const before = state.time;
tick(state.last + 500);
document.title = (state.time - before).toFixed(2);
</script></body>"""


@pytest.mark.skipif(shutil.which("chromium") is None, reason="needs Chromium")
@pytest.mark.parametrize(
    ("address", "passed", "phrase"),
    [("", "0.50", "lunges"), ("#t=4.5", "0.00", EVIL)],
    ids=["plays", "paused"],
)
def test_the_page_runs_in_a_browser(
    motion: Motion, address: str, passed: str, phrase: str, tmp_path: Path
) -> None:
    """Half a second goes by on the page's clock, whatever the browser's own frames do."""
    path = tmp_path / "clip.html"
    write_html(Motion(motion.positions, segments=(Segment("lunges", 0, 4), Segment(EVIL, 4, 8.5))), path)
    path.write_text(path.read_text(encoding="utf-8").replace("</body>", STEP), encoding="utf-8")
    command = [
        "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking",
        "--no-first-run", f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom", path.as_uri() + address,
    ]  # fmt: skip
    page = Page(subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout)
    assert page.texts["title"].strip() == passed
    assert page.texts["phrase"].strip() == phrase
    if passed == "0.00":
        assert page.texts["clock"].strip() == "4.50 / 8.50 s"

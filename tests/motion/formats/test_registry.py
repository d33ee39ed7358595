"""Suffix -> reader or writer; what a user gets told when that does not work."""

import sys
from pathlib import Path

import numpy as np
import pytest

from kinelex.errors import KinelexError
from kinelex.motion.formats import FILE_RATE, READABLE, WRITERS, check_writable, read_motion, write_motion
from kinelex.motion.motion import Motion, Segment
from kinelex.motion.skeleton import SKELETONS

CLIP = Path(__file__).parents[2] / "data" / "012314_joints.npy"


@pytest.fixture
def motion() -> Motion:
    positions = np.load(CLIP)[:12]
    return Motion(positions, segments=(Segment("lunges", 0.0, 0.3), Segment("hits", 0.3, 0.6)))


@pytest.mark.parametrize("suffix", WRITERS)
def test_every_writer_makes_a_file(motion: Motion, suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"clip{suffix}"
    write_motion(motion, path)
    assert path.stat().st_size > 500
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("suffix", sorted(set(READABLE) & set(WRITERS)))
def test_what_is_written_is_read_back(motion: Motion, suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"clip{suffix}"
    motion.save(path)
    again = Motion.load(path)
    assert again.fps == pytest.approx(motion.fps)
    assert again.positions.shape == motion.positions.shape
    assert np.abs(again.positions - motion.positions).max() < 0.05


def test_animations_are_read_at_the_rate_of_models_of_the_file_or_at_any() -> None:
    path = CLIP.parent / "clips" / "bandai_walk_normal.bvh"
    plain, whole, fast = read_motion(path), read_motion(path, fps=FILE_RATE), read_motion(path, fps=60)
    assert (plain.fps, whole.fps, fast.fps) == (20.0, pytest.approx(7.5, rel=1e-3), 60)
    np.testing.assert_allclose(fast.positions[::3], plain.positions, atol=1e-5)
    # The floor is where feet rest, which other frames see at other heights.
    own, other = (each - each[0, 0] for each in (fast.positions[::8], whole.positions[:-1]))
    np.testing.assert_allclose(own, other, atol=2e-3)
    assert plain.seconds == pytest.approx(whole.seconds, abs=0.15)


def test_the_rate_of_a_recording_can_be_said_where_the_file_does_not_know_it(
    motion: Motion, tmp_path: Path
) -> None:
    path = CLIP.parent / "clips" / "bandai_walk_normal.bvh"
    slow, fast = (read_motion(path, fps=FILE_RATE, recorded_at=rate) for rate in (10, 40))
    assert (slow.fps, fast.fps) == (10, 40)
    # The floor is where feet rest, and how fast they go depends on the rate.
    np.testing.assert_allclose(slow.positions, fast.positions, atol=2e-3)
    assert read_motion(path, recorded_at=10).seconds == pytest.approx(4 * fast.seconds, abs=0.1)
    joints = read_motion(CLIP, recorded_at=60)
    assert (joints.fps, joints.seconds) == (60, pytest.approx(read_motion(CLIP).seconds / 3))
    motion.save(tmp_path / "clip.npz")
    with pytest.raises(KinelexError, match="holds its frame rate"):
        read_motion(tmp_path / "clip.npz", recorded_at=60)
    with pytest.raises(KinelexError, match=r"give 0\.1 to 1000"):
        read_motion(path, recorded_at=0)


def test_placement_is_kept_where_it_is_asked_for() -> None:
    path = CLIP.parent / "clips" / "cmu_mb_08_05.bvh"
    moved, kept = read_motion(path), read_motion(path, keep_placement=True)
    assert np.abs(moved.positions[0, 0, [0, 2]]).max() < 1e-6
    assert np.abs(kept.positions[0, 0, [0, 2]]).max() > 0.1
    for joints in (moved.positions, kept.positions):
        assert 0.3 < joints[:, 0, 1].mean() < 1.6, "metres, and Y up"
    bones = [np.linalg.norm(np.diff(each.positions, axis=1), axis=-1) for each in (moved, kept)]
    np.testing.assert_allclose(*bones, atol=1e-4)


def test_clips_of_joints_keep_their_rate_and_phrases_unless_another_is_wanted(
    motion: Motion, tmp_path: Path
) -> None:
    motion.save(tmp_path / "clip.npz")
    assert read_motion(tmp_path / "clip.npz", fps=FILE_RATE).fps == motion.fps
    half = read_motion(tmp_path / "clip.npz", fps=10)
    np.testing.assert_array_equal(half.positions, motion.positions[::2])
    assert half.segments == motion.segments
    with pytest.raises(KinelexError, match=r"rates of 0\.1 to 1000"):
        read_motion(tmp_path / "clip.npz", fps=0)


def test_suffixes_ignore_case(motion: Motion, tmp_path: Path) -> None:
    write_motion(motion, tmp_path / "CLIP.NPZ")
    assert len(read_motion(tmp_path / "CLIP.NPZ")) == len(motion)


def test_unknown_suffixes_list_what_is_possible(motion: Motion, tmp_path: Path) -> None:
    for name in ("clip.c3d", "clip", ".npz"):
        with pytest.raises(KinelexError, match=r"\.npz \.npy \.bvh \.fbx \.amc \.json"):
            read_motion(tmp_path / name)
        with pytest.raises(KinelexError, match=r"\.npz \.npy \.bvh \.glb \.mp4 \.png \.html"):
            write_motion(motion, tmp_path / name)


@pytest.mark.parametrize("suffix", READABLE)
def test_missing_files_and_folders_are_named(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"clip{suffix}"
    with pytest.raises(KinelexError, match=f"cannot read .*clip\\{suffix}: No such file"):
        read_motion(path)
    path.mkdir()
    with pytest.raises(KinelexError, match=f"clip\\{suffix}"):
        read_motion(path)
    with pytest.raises(KinelexError, match="cannot read"):
        read_motion(f"bad\0name{suffix}")


@pytest.mark.parametrize("suffix", READABLE)
@pytest.mark.parametrize("content", [b"", b"\0" * 300, b"not a motion file\n" * 30, bytes(range(256)) * 4])
def test_garbage_is_a_sentence_and_no_crash(suffix: str, content: bytes, tmp_path: Path) -> None:
    path = tmp_path / f"clip{suffix}"
    path.write_bytes(content)
    with pytest.raises(KinelexError):
        read_motion(path)


def test_a_failed_write_keeps_the_file_that_is_there(motion: Motion, tmp_path: Path, monkeypatch) -> None:
    def fail(*arguments: object, **options: object) -> None:
        raise OSError(28, "No space left on device")

    path = tmp_path / "clip.npz"
    write_motion(motion, path)
    before = path.read_bytes()
    monkeypatch.setattr(np, "savez_compressed", fail)
    with pytest.raises(KinelexError, match="No space left"):
        write_motion(motion, path)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["clip.npz"]


def test_a_file_in_place_of_a_folder_cannot_be_written_under(motion: Motion, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(KinelexError, match="cannot write"):
        write_motion(motion, tmp_path / "file" / "clip.npz")


def test_check_writable_answers_before_any_work(tmp_path: Path, monkeypatch) -> None:
    check_writable(tmp_path / "clip.glb", names="mixamo")
    with pytest.raises(KinelexError, match=r"nope.*smpl"):
        check_writable(tmp_path / "clip.glb", names="nope")
    with pytest.raises(KinelexError, match=r"inch.*m, cm"):
        check_writable(tmp_path / "clip.bvh", unit="inch")
    (tmp_path / "folder.npz").mkdir()
    with pytest.raises(KinelexError, match="it is a folder"):
        check_writable(tmp_path / "folder.npz")
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    check_writable(tmp_path / "clip.png")
    with pytest.raises(KinelexError, match=r'imageio_ffmpeg.*pip install "kinelex\[render\]"'):
        check_writable(tmp_path / "clip.mp4")


@pytest.mark.parametrize("suffix", [".npz", ".npy", ".png", ".html", ".mp4"])
@pytest.mark.parametrize("skeleton", SKELETONS.values(), ids=lambda skeleton: skeleton.name)
def test_degenerate_clips_of_either_skeleton_are_written(skeleton, suffix: str, tmp_path: Path) -> None:
    """One frame with all joints in one place: nothing to see, nothing to divide by."""
    still = Motion(np.zeros((1, len(skeleton), 3), np.float32), fps=skeleton.fps, skeleton=skeleton)
    write_motion(still, tmp_path / f"clip{suffix}")
    assert (tmp_path / f"clip{suffix}").stat().st_size > 100

"""Suffix -> reader or writer; what a user gets told when that does not work."""

import sys
from pathlib import Path

import numpy as np
import pytest

from kinelex.errors import KinelexError
from kinelex.motion.formats import READERS, WRITERS, check_writable, read_motion, write_motion
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


@pytest.mark.parametrize("suffix", sorted(set(READERS) & set(WRITERS)))
def test_what_is_written_is_read_back(motion: Motion, suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"clip{suffix}"
    motion.save(path)
    again = Motion.load(path)
    assert again.fps == pytest.approx(motion.fps)
    assert again.positions.shape == motion.positions.shape
    assert np.abs(again.positions - motion.positions).max() < 0.05


def test_suffixes_ignore_case(motion: Motion, tmp_path: Path) -> None:
    write_motion(motion, tmp_path / "CLIP.NPZ")
    assert len(read_motion(tmp_path / "CLIP.NPZ")) == len(motion)


def test_unknown_suffixes_list_what_is_possible(motion: Motion, tmp_path: Path) -> None:
    for name in ("clip.fbx", "clip", ".npz"):
        with pytest.raises(KinelexError, match=r"\.npz \.npy \.bvh \.amc \.json"):
            read_motion(tmp_path / name)
        with pytest.raises(KinelexError, match=r"\.npz \.npy \.bvh \.glb \.mp4 \.png \.html"):
            write_motion(motion, tmp_path / name)


@pytest.mark.parametrize("suffix", READERS)
def test_missing_files_and_folders_are_named(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"clip{suffix}"
    with pytest.raises(KinelexError, match=f"cannot read .*clip\\{suffix}: No such file"):
        read_motion(path)
    path.mkdir()
    with pytest.raises(KinelexError, match=f"clip\\{suffix}"):
        read_motion(path)
    with pytest.raises(KinelexError, match="cannot read"):
        read_motion(f"bad\0name{suffix}")


@pytest.mark.parametrize("suffix", READERS)
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

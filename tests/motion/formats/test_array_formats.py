"""npz and npy: lossless, and whatever the bytes are, a KinelexError at worst."""

import io
import pickle
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from kinelex.errors import KinelexError
from kinelex.motion.features import process_joints
from kinelex.motion.formats.npy import read_npy, write_npy
from kinelex.motion.formats.npz import read_npz, write_npz
from kinelex.motion.motion import Motion, Segment
from kinelex.motion.skeleton import HUMANML3D, KIT, SKELETONS, Skeleton

CLIP = Path(__file__).parents[2] / "data" / "012314_joints.npy"
quick = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
seconds = st.floats(0, 60, allow_nan=False)


@pytest.fixture(scope="module")
def clip() -> Motion:
    return Motion(np.load(CLIP), segments=(Segment("lunges", 0.0, 4.0), Segment("backs up", 4.0, 8.5)))


@pytest.fixture(scope="module")
def archive(clip: Motion, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("npz") / "clip.npz"
    write_npz(Motion(clip.positions[:4], segments=clip.segments), path)
    return path.read_bytes()


# ------------------------------------------------------------------ good files


@quick
@given(
    skeleton=st.sampled_from(sorted(SKELETONS)),
    frames=st.integers(1, 5),
    fps=st.floats(0.1, 1000),
    texts=st.lists(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])), max_size=4),
    span=st.tuples(seconds, seconds),
    data=st.data(),
)
def test_npz_keeps_everything(skeleton, frames, fps, texts, span, data, tmp_path: Path) -> None:
    shape = (frames, len(SKELETONS[skeleton]), 3)
    positions = data.draw(arrays.arrays(np.float32, shape, elements=st.floats(-50, 50, width=32)))
    segments = tuple(Segment(text, min(span), max(span)) for text in texts)
    motion = Motion(positions, fps=fps, skeleton=SKELETONS[skeleton], segments=segments)
    write_npz(motion, tmp_path / "clip.npz")
    again = read_npz(tmp_path / "clip.npz")
    np.testing.assert_array_equal(again.positions, motion.positions)
    assert (again.fps, again.skeleton, again.segments) == (fps, motion.skeleton, segments)


def test_npz_is_readable_without_kinelex(clip: Motion, tmp_path: Path) -> None:
    write_npz(clip, tmp_path / "clip.npz")
    with np.load(tmp_path / "clip.npz", allow_pickle=False) as data:
        assert data["positions"].shape == (170, 22, 3)
        assert data["segments_text"].tolist() == ["lunges", "backs up"]


def test_npz_without_phrases_is_fine(clip: Motion, tmp_path: Path) -> None:
    np.savez(tmp_path / "clip.npz", positions=clip.positions.astype(np.float64), fps=20, skeleton="humanml3d")
    again = read_npz(tmp_path / "clip.npz")
    assert again.segments == ()
    np.testing.assert_array_equal(again.positions, clip.positions)


@pytest.mark.parametrize("skeleton", [HUMANML3D, KIT])
def test_npz_without_a_skeleton_has_the_one_of_so_many_joints(skeleton: Skeleton, tmp_path: Path) -> None:
    np.savez(tmp_path / "clip.npz", positions=np.zeros((3, len(skeleton), 3)), fps=20)
    assert read_npz(tmp_path / "clip.npz").skeleton == skeleton


@pytest.mark.parametrize("dtype", [np.float16, np.float64, ">f4"])
def test_npy_joints_of_any_real_type_and_memory_order(clip: Motion, dtype, tmp_path: Path) -> None:
    np.save(tmp_path / "clip.npy", np.asfortranarray(clip.positions.astype(dtype)))
    np.testing.assert_allclose(read_npy(tmp_path / "clip.npy").positions, clip.positions, atol=2e-3)


def test_npy_features_become_the_joints_they_came_from(clip: Motion, tmp_path: Path) -> None:
    features = process_joints(torch.from_numpy(clip.positions)[None], HUMANML3D)[0]
    np.save(tmp_path / "features.npy", features.numpy())
    motion = read_npy(tmp_path / "features.npy")
    assert motion.positions.shape == (169, 22, 3)
    np.testing.assert_allclose(motion.positions, clip.positions[:169], atol=0.02)


def test_npy_of_kit_may_be_in_millimetres(tmp_path: Path) -> None:
    metres = np.random.default_rng(0).normal(0, 0.4, (6, 21, 3)).astype(np.float32)
    for name, values in (("metres.npy", metres), ("millimetres.npy", metres * 1000)):
        np.save(tmp_path / name, values)
        motion = read_npy(tmp_path / name)
        assert (motion.skeleton, motion.fps) == (KIT, 12.5)
        np.testing.assert_allclose(motion.positions, metres, rtol=1e-5)


def test_npy_written_is_npy_read(clip: Motion, tmp_path: Path) -> None:
    write_npy(clip, tmp_path / "clip.npy")
    np.testing.assert_array_equal(np.load(tmp_path / "clip.npy"), clip.positions)


# ------------------------------------------------------------------ bad files


def refused(read, path: Path, content: bytes) -> str:
    """The message of the KinelexError that reading gives; no warning may escape either."""
    path.write_bytes(content)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(KinelexError) as caught:
            read(path)
    assert path.name in str(caught.value)
    return str(caught.value)


def read_or_refuse(read, path: Path, content: bytes) -> None:
    """A damaged file may still be a clip; it may be nothing but that or a KinelexError."""
    path.write_bytes(content)
    try:
        motion, message = read(path), None
    except KinelexError as error:
        motion, message = None, str(error)
    assert isinstance(motion, Motion) if message is None else path.name in message


def npy_bytes(values, allow_pickle: bool = False) -> bytes:
    stream = io.BytesIO()
    np.save(stream, values, allow_pickle=allow_pickle)
    return stream.getvalue()


def npz_bytes(**changes) -> bytes:
    stream = io.BytesIO()
    content = {"positions": np.zeros((2, 22, 3), np.float32), "fps": 20.0, "skeleton": "humanml3d"} | changes
    np.savez(stream, **{name: values for name, values in content.items() if values is not None})
    return stream.getvalue()


@quick
@given(content=st.binary(max_size=400))
def test_random_bytes_are_refused(content: bytes, tmp_path: Path) -> None:
    refused(read_npz, tmp_path / "clip.npz", content)
    refused(read_npy, tmp_path / "clip.npy", content)
    refused(read_npy, tmp_path / "clip.npy", b"\x93NUMPY\x01\x00" + content)


@quick
@given(cut=st.integers(0, 10_000))
def test_truncated_files_are_refused(cut: int, archive: bytes, tmp_path: Path) -> None:
    refused(read_npz, tmp_path / "clip.npz", archive[: cut % len(archive)])
    whole = npy_bytes(np.zeros((3, 22, 3), np.float32))
    refused(read_npy, tmp_path / "clip.npy", whole[: cut % len(whole)])


@settings(quick, max_examples=150)
@given(damage=st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), min_size=1, max_size=6))
def test_flipped_bytes_are_no_crash(damage: list[tuple[int, int]], archive: bytes, tmp_path: Path) -> None:
    for read, name, whole in (
        (read_npz, "clip.npz", archive),
        (read_npy, "clip.npy", npy_bytes(np.zeros((3, 22, 3), np.float32))),
    ):
        content = bytearray(whole)
        for place, value in damage:
            content[place % len(content)] = value
        read_or_refuse(read, tmp_path / name, bytes(content))


@quick
@given(header=st.text(max_size=60))
def test_odd_npy_headers_are_refused(header: str, tmp_path: Path) -> None:
    text = header.encode("latin1", errors="replace") + b"\n"
    content = b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text
    refused(read_npy, tmp_path / "clip.npy", content + bytes(792))


@quick
@given(
    values=arrays.arrays(
        st.one_of(
            arrays.integer_dtypes(), arrays.floating_dtypes(), arrays.complex_number_dtypes(),
            arrays.boolean_dtypes(), arrays.unicode_string_dtypes(), arrays.byte_string_dtypes(),
            arrays.datetime64_dtypes(), arrays.array_dtypes(arrays.integer_dtypes()),
        ),
        arrays.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=3),
    )
)  # fmt: skip
def test_arrays_of_other_types_and_shapes_are_refused(values, tmp_path: Path) -> None:
    refused(read_npy, tmp_path / "clip.npy", npy_bytes(values))
    for name in ("positions", "fps", "skeleton"):
        if name != "fps" or values.size != 1:
            refused(read_npz, tmp_path / "clip.npz", npz_bytes(**{name: values}))
    read_or_refuse(read_npz, tmp_path / "clip.npz", npz_bytes(fps=values))
    read_or_refuse(
        read_npz, tmp_path / "clip.npz",
        npz_bytes(segments_text=np.array(["a"]), segments_start=values, segments_end=values),
    )  # fmt: skip


class Bomb:
    """Unpickling this would show."""

    def __reduce__(self):
        return (pytest.fail, ("the pickle was run",))


def test_pickles_are_never_run(tmp_path: Path) -> None:
    objects = np.array([Bomb()], dtype=object)
    message = refused(read_npy, tmp_path / "clip.npy", npy_bytes(objects, allow_pickle=True))
    assert "pickle" in message
    refused(read_npy, tmp_path / "clip.npy", pickle.dumps(Bomb()))
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("positions.npy", npy_bytes(objects, allow_pickle=True))
    assert "pickle" in refused(read_npz, tmp_path / "clip.npz", stream.getvalue())


def test_a_header_that_claims_terabytes_costs_nothing(tmp_path: Path) -> None:
    header = b"{'descr': '<f4', 'fortran_order': False, 'shape': (999999999999, 22, 3)}\n"
    content = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + bytes(1000)
    assert "cut off" in refused(read_npy, tmp_path / "clip.npy", content)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"fps": None}, "has no fps"),
        ({"positions": None, "fps": None}, "has no positions, fps"),
        ({"fps": 0.0}, "0.0 frames a second"),
        ({"fps": np.nan}, "nan frames a second"),
        ({"fps": 1e300}, "give 0.1 to 1000"),
        ({"fps": 1e-300}, "give 0.1 to 1000"),
        ({"skeleton": "octopus"}, "octopus"),
        ({"positions": np.zeros((0, 22, 3))}, "no frames"),
        ({"positions": np.zeros((2, 21, 3))}, "shape"),
        ({"positions": np.full((2, 22, 3), np.nan)}, "NaN"),
        ({"positions": np.full((2, 22, 3), 1e300)}, "infinite"),
        ({"positions": np.full((2, 22, 3), -1.001e6)}, "more than 1000 km from the origin"),
        ({"segments_text": np.array(["a"])}, "belong together"),
        (
            {
                "segments_text": np.array(["a"]),
                "segments_start": np.array([2.0]),
                "segments_end": np.array([1.0]),
            },
            "ends before it starts",
        ),
        (
            {
                "segments_text": np.array(["a"]),
                "segments_start": np.array([0.0]),
                "segments_end": np.array([np.nan]),
            },
            "not finite",
        ),
    ],
)
def test_what_is_wrong_is_said(changes: dict, says: str, tmp_path: Path) -> None:
    assert says in refused(read_npz, tmp_path / "clip.npz", npz_bytes(**changes))


def test_empty_and_broken_npy_arrays_are_refused(tmp_path: Path) -> None:
    for shape in ((0, 22, 3), (0, 263)):
        refused(read_npy, tmp_path / "clip.npy", npy_bytes(np.zeros(shape, np.float32)))
    assert "NaN" in refused(read_npy, tmp_path / "clip.npy", npy_bytes(np.full((3, 263), np.nan)))
    far = np.full((3, 22, 3), [0, 0, 4e27], np.float32)
    assert "1000 km" in refused(read_npy, tmp_path / "clip.npy", npy_bytes(far))
    assert "(frames, 22, 3)" in refused(read_npy, tmp_path / "clip.npy", npy_bytes(np.zeros((3, 24, 3))))

"""Files are read back by hand after the glTF specification (pygltflib gives only the JSON) and by trimesh."""

from pathlib import Path

import numpy as np
import pygltflib
import pytest
import trimesh
from scipy.spatial.transform import Rotation

from kinelex.errors import KinelexError
from kinelex.motion.formats.glb import write_glb
from kinelex.motion.motion import Motion, Segment
from kinelex.motion.rig import NAME_PRESETS, bone_names, rig_from_motion
from kinelex.motion.skeleton import HUMANML3D, KIT, Skeleton
from rig_clips import recorded_motion, smooth_motion

DTYPES = {5121: np.uint8, 5123: np.uint16, 5126: np.float32}
WIDTHS = {"SCALAR": 1, "VEC3": 3, "VEC4": 4, "MAT4": 16}


class Reader:
    """Arrays, nodes and animation of a GLB file."""

    def __init__(self, path: Path) -> None:
        self.document = pygltflib.GLTF2.load_binary(str(path))
        self.data = self.document.binary_blob()

    def array(self, accessor: int) -> np.ndarray:
        entry = self.document.accessors[accessor]
        view = self.document.bufferViews[entry.bufferView]
        start = view.byteOffset + (entry.byteOffset or 0)
        values = np.frombuffer(
            self.data, DTYPES[entry.componentType], entry.count * WIDTHS[entry.type], start
        )
        values = values.reshape(entry.count, WIDTHS[entry.type])
        if entry.min:
            np.testing.assert_array_equal(values.min(axis=0), np.float32(entry.min))
            np.testing.assert_array_equal(values.max(axis=0), np.float32(entry.max))
        return values

    def joint_matrices(self, frame: int | None) -> np.ndarray:
        """(J, 4, 4) world matrices of the skin's joints, of a key frame or (None) of the nodes at rest."""
        local = {}
        for index, node in enumerate(self.document.nodes):
            local[index] = {
                "translation": node.translation or [0, 0, 0],
                "rotation": node.rotation or [0, 0, 0, 1],
            }
        if frame is not None:
            animation = self.document.animations[0]
            for channel in animation.channels:
                values = self.array(animation.samplers[channel.sampler].output)
                local[channel.target.node][channel.target.path] = values[frame]
        parents = {child: i for i, node in enumerate(self.document.nodes) for child in node.children or []}

        def world(node: int) -> np.ndarray:
            matrix = np.eye(4)
            matrix[:3, :3] = Rotation.from_quat(local[node]["rotation"]).as_matrix()
            matrix[:3, 3] = local[node]["translation"]
            return world(parents[node]) @ matrix if node in parents else matrix

        return np.stack([world(joint) for joint in self.document.skins[0].joints])

    def attribute(self, name: str) -> np.ndarray:
        return self.array(getattr(self.document.meshes[0].primitives[0].attributes, name))

    def skinned(self, frame: int | None) -> np.ndarray:
        """(V, 3) vertices after linear blend skinning."""
        binds = self.array(self.document.skins[0].inverseBindMatrices).reshape(-1, 4, 4).transpose(0, 2, 1)
        moves = self.joint_matrices(frame) @ binds
        blended = (moves[self.attribute("JOINTS_0")] * self.attribute("WEIGHTS_0")[..., None, None]).sum(
            axis=1
        )
        points = np.pad(self.attribute("POSITION"), ((0, 0), (0, 1)), constant_values=1)
        return (blended @ points[..., None])[:, :3, 0]


def written(motion: Motion, folder: Path, names: str = "smpl") -> Reader:
    write_glb(motion, folder / "clip.glb", names=names)
    return Reader(folder / "clip.glb")


@pytest.mark.parametrize("motion", [recorded_motion(), smooth_motion(KIT)], ids=["recorded", "kit"])
def test_animation_puts_the_joints_where_the_clip_has_them(motion: Motion, tmp_path: Path) -> None:
    reader = written(motion, tmp_path)
    for frame in (0, 17, len(motion) - 1):
        joints = reader.joint_matrices(frame)[:, :3, 3]
        np.testing.assert_allclose(joints, motion.positions[frame], atol=1e-4)


def test_keys_are_at_the_frame_rate(tmp_path: Path) -> None:
    motion = Motion(recorded_motion().positions[:50], fps=30.0)
    reader = written(motion, tmp_path)
    animation = reader.document.animations[0]
    assert {sampler.interpolation for sampler in animation.samplers} == {"LINEAR"}
    for sampler in animation.samplers:
        np.testing.assert_allclose(reader.array(sampler.input)[:, 0], np.arange(50) / 30, rtol=1e-6)
    paths = [(channel.target.node, channel.target.path) for channel in animation.channels]
    assert len(set(paths)) == len(paths) == 23


def test_what_needs_bounds_has_them(tmp_path: Path) -> None:
    document = written(recorded_motion(), tmp_path).document
    needed = {document.meshes[0].primitives[0].attributes.POSITION}
    needed |= {sampler.input for sampler in document.animations[0].samplers}
    for accessor in needed:
        assert len(document.accessors[accessor].min) == len(document.accessors[accessor].max) > 0


def test_inverse_binds_undo_the_rest_pose(tmp_path: Path) -> None:
    reader = written(recorded_motion(), tmp_path)
    np.testing.assert_allclose(reader.skinned(None), reader.attribute("POSITION"), atol=1e-6)
    rest = reader.joint_matrices(None)[:, :3, 3]
    np.testing.assert_allclose(rest, rig_from_motion(recorded_motion()).rest().numpy(), atol=1e-6)


@pytest.mark.parametrize("motion", [recorded_motion(), smooth_motion(KIT)], ids=["recorded", "kit"])
def test_skin_goes_with_the_body(motion: Motion, tmp_path: Path) -> None:
    """Each vertex stays as far from its main joint as at rest, and skin lies around every joint."""
    reader = written(motion, tmp_path)
    main, rest = reader.attribute("JOINTS_0")[:, 0], reader.joint_matrices(None)[:, :3, 3]
    far = np.linalg.norm(reader.attribute("POSITION") - rest[main], axis=-1)
    for frame in (0, len(motion) // 2):
        skin, joints = reader.skinned(frame), motion.positions[frame]
        moved = np.linalg.norm(skin - joints[main], axis=-1)
        np.testing.assert_allclose(moved, far, atol=0.08)
        assert np.abs(moved - far).mean() < 0.01
        nearest = np.linalg.norm(skin[:, None] - joints, axis=-1).min(axis=0)
        assert nearest.max() < 0.12


def test_weights_and_normals_are_sound(tmp_path: Path) -> None:
    reader = written(recorded_motion(), tmp_path)
    weights, joints = reader.attribute("WEIGHTS_0"), reader.attribute("JOINTS_0")
    np.testing.assert_allclose(weights.sum(axis=1), 1, atol=1e-6)
    assert weights.min() >= 0
    assert (joints[weights == 0] == 0).all()
    assert set(joints[weights > 0.3]) == set(range(22))
    np.testing.assert_allclose(np.linalg.norm(reader.attribute("NORMAL"), axis=1), 1, atol=1e-6)


def closed_body(path: Path) -> trimesh.Trimesh:
    """The only mesh of a file as trimesh reads it, without holes or faces turned inside out."""
    scene = trimesh.load(path)
    assert isinstance(scene, trimesh.Scene)
    (mesh,) = scene.geometry.values()
    assert mesh.is_watertight
    assert mesh.is_winding_consistent
    return mesh


def test_trimesh_reads_a_closed_body_of_human_size(tmp_path: Path) -> None:
    written(recorded_motion(), tmp_path)
    mesh = closed_body(tmp_path / "clip.glb")
    assert 0.05 < mesh.volume < 0.12
    width, height, depth = mesh.extents
    assert 1.5 < height < 2
    assert 1.5 < width < 2
    assert depth < 0.45
    assert -0.03 < mesh.bounds[0, 1] < 0.01


def short_limbed(skeleton: Skeleton, parts: tuple[str, ...]) -> Motion:
    """A clip in which these joints of both sides lie where their parents do."""
    motion = smooth_motion(skeleton, frames=4)
    positions = motion.positions.copy()
    for joint, name in enumerate(skeleton.joints):
        if name.rpartition("_")[2] in parts:
            positions[:, joint] = positions[:, skeleton.parents[joint]]
    return motion.with_positions(positions)


LIMBS = ("knee", "ankle", "heel", "foot", "elbow", "wrist")


@pytest.mark.parametrize(
    "parts", [*((part,) for part in LIMBS), LIMBS, ("head", "neck"), ("collar", "shoulder")]
)
@pytest.mark.parametrize("skeleton", [HUMANML3D, KIT], ids=lambda skeleton: skeleton.name)
def test_bones_without_length_leave_a_whole_body(
    skeleton: Skeleton, parts: tuple[str, ...], tmp_path: Path
) -> None:
    reader = written(short_limbed(skeleton, parts), tmp_path)
    np.testing.assert_allclose(np.linalg.norm(reader.attribute("NORMAL"), axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(reader.attribute("WEIGHTS_0").sum(axis=1), 1, atol=1e-6)
    mesh = closed_body(tmp_path / "clip.glb")
    assert 0.005 < mesh.volume < 0.12


def test_a_collapsed_knee_bends_the_skin_where_the_ankle_is_too(tmp_path: Path) -> None:
    """The shin hangs on the knee joint, which is at the hip: the skin still reaches down to the foot."""
    reader = written(short_limbed(HUMANML3D, ("knee",)), tmp_path)
    vertices, floor = reader.attribute("POSITION"), reader.joint_matrices(None)[:, 1, 3].min()
    knee = HUMANML3D.index("left_knee")
    moved = (reader.attribute("WEIGHTS_0") * (reader.attribute("JOINTS_0") == knee)).sum(axis=1) > 0.9
    assert moved.sum() > 100
    assert vertices[moved, 1].min() < floor + 0.2


@pytest.mark.parametrize("names", NAME_PRESETS)
def test_nodes_have_the_presets_names(names: str, tmp_path: Path) -> None:
    motion = Motion(recorded_motion().positions[:2])
    document = written(motion, tmp_path, names).document
    skin = document.skins[0]
    assert tuple(document.nodes[joint].name for joint in skin.joints) == bone_names(motion.skeleton, names)


def test_frame_rate_and_phrases_stand_in_the_extras(tmp_path: Path) -> None:
    motion = Motion(recorded_motion().positions[:40], segments=(Segment("größe ☃", 0.0, 1.5),))
    document = written(motion, tmp_path).document
    expected = {"fps": 20.0, "segments": [{"text": "größe ☃", "start": 0.0, "end": 1.5}]}
    assert document.scenes[0].extras == expected
    assert document.animations[0].extras == expected


def test_same_clip_same_bytes(tmp_path: Path) -> None:
    for name in ("a.glb", "b.glb"):
        write_glb(recorded_motion(), tmp_path / name)
    assert (tmp_path / "a.glb").read_bytes() == (tmp_path / "b.glb").read_bytes()


def test_unknown_preset_leaves_the_file_alone(tmp_path: Path) -> None:
    (tmp_path / "clip.glb").write_text("kept")
    with pytest.raises(KinelexError, match="unknown joint-name preset"):
        write_glb(recorded_motion(), tmp_path / "clip.glb", names="maya")
    assert (tmp_path / "clip.glb").read_text() == "kept"


def test_a_clip_without_a_body_is_refused(tmp_path: Path) -> None:
    target = tmp_path / "clip.glb"
    target.write_bytes(b"precious")
    with pytest.raises(KinelexError, match=r"cannot write .*clip\.glb: .*no body"):
        write_glb(Motion(np.zeros((3, 22, 3), np.float32)), target)
    assert target.read_bytes() == b"precious"

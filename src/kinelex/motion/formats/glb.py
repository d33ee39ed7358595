"""Write GLB (binary glTF 2.0): a skinned mannequin and the clip as its animation; metres, Y up, facing +Z."""

from __future__ import annotations

import os
from importlib.metadata import version

import numpy as np
import pygltflib as gltf
from numpy.typing import NDArray

from kinelex.atomic import atomic_path
from kinelex.errors import KinelexError
from kinelex.motion.mannequin import Mannequin, mannequin
from kinelex.motion.motion import Motion
from kinelex.motion.rig import Rig, rig_from_motion

_COMPONENTS = {
    np.dtype(np.uint8): gltf.UNSIGNED_BYTE,
    np.dtype(np.uint16): gltf.UNSIGNED_SHORT,
    np.dtype(np.float32): gltf.FLOAT,
}
_TYPES = {(): gltf.SCALAR, (3,): gltf.VEC3, (4,): gltf.VEC4, (4, 4): gltf.MAT4}
_COLOUR = [0.56, 0.62, 0.70, 1.0]


def write_glb(motion: Motion, path: str | os.PathLike[str], *, names: str = "smpl") -> None:
    """Write a clip as a GLB file that plays in Blender, three.js and game engines.

    The skeleton rests in a T-pose on the floor; keys are linear, one a frame: the root's translation and
    every joint's rotation. The frame rate and the clip's phrases stand in the extras of scene and animation.

    Args:
        names: joint-name preset, a key of `rig.NAME_PRESETS`.

    Raises:
        KinelexError: unknown preset, joints that are no body, or the file cannot be written.
    """
    try:
        document = _document(rig_from_motion(motion, names))
    except KinelexError as error:
        raise KinelexError(f"cannot write {path}: {error}") from error
    with atomic_path(path) as temporary:
        document.save_binary(str(temporary))


class _Buffer:
    """The one binary buffer while arrays are appended to it."""

    def __init__(self, document: gltf.GLTF2) -> None:
        self._document = document
        self._data = bytearray()

    def add(self, array: NDArray[np.generic], target: int | None = None, bounds: bool = False) -> int:
        """Append an array (N, ...) and return the index of its accessor.

        Args:
            target: what a graphics card uses it as; None for animation and skin data.
            bounds: write the smallest and largest value of each component, which glTF wants of some arrays.
        """
        data = np.ascontiguousarray(array)
        columns = data.reshape(len(data), -1)
        view = gltf.BufferView(buffer=0, byteOffset=len(self._data), byteLength=data.nbytes, target=target)
        accessor = gltf.Accessor(
            bufferView=len(self._document.bufferViews),
            componentType=_COMPONENTS[data.dtype],
            count=len(data),
            type=_TYPES[data.shape[1:]],
            min=columns.min(axis=0).tolist() if bounds else None,
            max=columns.max(axis=0).tolist() if bounds else None,
        )
        self._document.bufferViews.append(view)
        self._document.accessors.append(accessor)
        self._data += data.tobytes()
        self._data += bytes(-len(self._data) % 4)
        return len(self._document.accessors) - 1

    def close(self) -> None:
        """Put the bytes into the document."""
        self._document.buffers = [gltf.Buffer(byteLength=len(self._data))]
        self._document.set_binary_blob(bytes(self._data))


def _document(rig: Rig) -> gltf.GLTF2:
    """Nodes 0 to J - 1 are the joints, node J is the mesh."""
    extras = {
        "fps": rig.animation.fps,
        "segments": [{"text": s.text, "start": s.start, "end": s.end} for s in rig.segments],
    }
    document = gltf.GLTF2(asset=gltf.Asset(version="2.0", generator=f"Kinelex {version('kinelex')}"))
    document.scene = 0
    document.scenes = [gltf.Scene(nodes=[0, len(rig.skeleton)], extras=extras)]
    document.nodes = [*_joint_nodes(rig), gltf.Node(name="mannequin", mesh=0, skin=0)]
    buffer = _Buffer(document)
    body = mannequin(rig)
    document.materials = [
        gltf.Material(
            name="mannequin",
            pbrMetallicRoughness=gltf.PbrMetallicRoughness(
                baseColorFactor=_COLOUR, metallicFactor=0.0, roughnessFactor=0.7
            ),
            alphaCutoff=None,
        )
    ]
    document.meshes = [gltf.Mesh(name="mannequin", primitives=[_primitive(body, buffer)])]
    document.skins = [_skin(rig, buffer)]
    document.animations = [_animation(rig, buffer, extras)]
    buffer.close()
    return document


def _joint_nodes(rig: Rig) -> list[gltf.Node]:
    offsets = rig.animation.offsets.double()
    offsets[0] = rig.rest()[0]
    return [
        gltf.Node(name=name, translation=offset, children=list(children))
        for name, offset, children in zip(
            rig.animation.names, offsets.tolist(), rig.skeleton.children, strict=True
        )
    ]


def _primitive(body: Mannequin, buffer: _Buffer) -> gltf.Primitive:
    vertex, index = gltf.ARRAY_BUFFER, gltf.ELEMENT_ARRAY_BUFFER
    return gltf.Primitive(
        attributes=gltf.Attributes(
            POSITION=buffer.add(body.vertices.astype(np.float32), vertex, bounds=True),
            NORMAL=buffer.add(_unit(body.normals.astype(np.float32)), vertex),
            JOINTS_0=buffer.add(body.joints.astype(np.uint8), vertex),
            WEIGHTS_0=buffer.add(body.weights.astype(np.float32), vertex),
        ),
        indices=buffer.add(body.triangles.astype(np.uint16).ravel(), index),
        material=0,
    )


def _skin(rig: Rig, buffer: _Buffer) -> gltf.Skin:
    """The T-pose has no rotations, so undoing it only moves each joint to the origin."""
    binds = np.tile(np.eye(4, dtype=np.float32), (len(rig.skeleton), 1, 1))
    binds[:, 3, :3] = -rig.rest().numpy()  # glTF stores columns
    return gltf.Skin(
        name="mannequin",
        joints=list(range(len(rig.skeleton))),
        skeleton=0,
        inverseBindMatrices=buffer.add(binds),
    )


def _animation(rig: Rig, buffer: _Buffer, extras: dict[str, object]) -> gltf.Animation:
    clip = rig.animation
    times = (np.arange(len(clip)) / clip.fps).astype(np.float32)
    seconds = buffer.add(times, bounds=True)
    keys = [(0, "translation", clip.translations[:, 0].float().numpy())]
    keys += [(joint, "rotation", _unit(clip.rotations[:, joint].numpy())) for joint in range(len(clip.names))]
    samplers = [
        gltf.AnimationSampler(input=seconds, output=buffer.add(values), interpolation=gltf.ANIM_LINEAR)
        for _, _, values in keys
    ]
    channels = [
        gltf.AnimationChannel(sampler=at, target=gltf.AnimationChannelTarget(node=node, path=path))
        for at, (node, path, _) in enumerate(keys)
    ]
    return gltf.Animation(name="motion", samplers=samplers, channels=channels, extras=extras)


def _unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Rows of length 1 to the last digit, as validators ask for."""
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)

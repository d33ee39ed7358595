"""Clips as the bytes of files."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path

from kinelex.motion.motion import Motion

_DECIMALS = 5  # a hundredth of a millimetre


@dataclass(frozen=True)
class FileFormat:
    """A kind of file that the service makes.

    Attributes:
        media_type: of the answer.
        holds: what is in it, in a sentence.
    """

    media_type: str
    holds: str


FORMATS = {
    "npz": FileFormat("application/x-npz", "NumPy arrays: joint positions in metres, frame rate, phrases."),
    "glb": FileFormat("model/gltf-binary", "Binary glTF 2.0: a skinned mannequin with its animation."),
    "bvh": FileFormat("application/x-bvh", "Biovision hierarchy: a T-pose and joint rotations, in metres."),
    "json": FileFormat(
        "application/json", "Joint positions in metres, names and parents, frame rate, phrases."
    ),
}


def encode(motion: Motion, name: str, names: str = "smpl") -> bytes:
    """The content of a file.

    Args:
        motion: the clip.
        name: a key of FORMATS.
        names: joint-name preset of rigs (bvh and glb).

    Raises:
        KinelexError: unknown preset.
    """
    if name == "json":
        return _json(motion)
    with tempfile.TemporaryDirectory(prefix="kinelex-") as folder:
        path = Path(folder) / f"motion.{name}"
        motion.save(path, names=names)
        return path.read_bytes()


def _json(motion: Motion) -> bytes:
    document = {
        "fps": motion.fps,
        "skeleton": motion.skeleton.name,
        "joints": list(motion.skeleton.joints),
        "parents": list(motion.skeleton.parents),
        "segments": [{"text": part.text, "start": part.start, "end": part.end} for part in motion.segments],
        "positions": motion.positions.astype(float).round(_DECIMALS).tolist(),
    }
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()

"""Read DeepMimic motion JSON: the humanoid of the physics papers, 15 joints, no toes or hands.

A row holds: seconds to the next row, root position, then rotations as quaternions wxyz (root, chest, neck,
hip, ankle, shoulder) or one angle about z (knee, elbow), the right side first. The figure faces +X with its
left at -Z.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import roma
import torch
from numpy.typing import NDArray
from torch import Tensor

from kinelex.errors import KinelexError
from kinelex.motion.animation import Animation, check_reach
from kinelex.motion.limits import FASTEST, SLOWEST, is_frame_time

# The humanoid is drawn smaller than people are: its root path times this is metres (measured on trials known
# also as AMC), and the body grows along so that the feet stay on the floor.
_METRES = 1.0925
_WIDTH = 44


@dataclass(frozen=True)
class _Joint:
    """Offset in the file's axes and unit; columns of its rotation, none for a rigid point of its parent."""

    name: str
    parent: int
    offset: tuple[float, float, float]
    columns: slice | None = None


def _limbs(side: str, z: float, first_index: int, first_column: int) -> list[_Joint]:
    """Leg and arm of a side; `z` is +1 for the right. `first_index` counts joints, `first_column` columns."""
    hip, column = first_index, first_column
    return [
        _Joint(f"{side}_hip", 0, (0.0, 0.0, 0.084887 * z), slice(column, column + 4)),
        _Joint(f"{side}_knee", hip, (0.0, -0.421546, 0.0), slice(column + 4, column + 5)),
        _Joint(f"{side}_ankle", hip + 1, (0.0, -0.40987, 0.0), slice(column + 5, column + 9)),
        # Not joints of the humanoid: the ball of the foot inside its 0.18 m foot box.
        _Joint(f"{side}_toe", hip + 2, (0.1, -0.04, 0.0)),
        _Joint(f"{side}_shoulder", 1, (-0.02405, 0.2435, 0.18311 * z), slice(column + 9, column + 13)),
        _Joint(f"{side}_elbow", hip + 4, (0.0, -0.274788, 0.0), slice(column + 13, column + 14)),
        _Joint(f"{side}_wrist", hip + 5, (0.0, -0.258947, 0.0)),
    ]


_HUMANOID = (
    _Joint("root", -1, (0.0, 0.0, 0.0), slice(4, 8)),
    _Joint("chest", 0, (0.0, 0.236151, 0.0), slice(8, 12)),
    _Joint("neck", 1, (0.0, 0.223894, 0.0), slice(12, 16)),
    # Not a joint of the humanoid: the centre of its head ball.
    _Joint("head", 2, (0.0, 0.175, 0.0)),
    *_limbs("right", 1.0, 4, 16),
    *_limbs("left", -1.0, 11, 30),
)


def read_deepmimic(path: str | os.PathLike[str]) -> Animation:
    """Read a DeepMimic motion file; the figure then faces +Z with its left at +X, in metres.

    Raises:
        KinelexError: the file is missing, truncated, not DeepMimic JSON, or has NaN or no frames.
    """
    path = Path(path)
    rows = torch.from_numpy(_rows(path))
    parents = tuple(joint.parent for joint in _HUMANOID)
    offsets = _to_our_axes(torch.tensor([joint.offset for joint in _HUMANOID], dtype=torch.float64)) * _METRES
    translations = offsets.float().expand(len(rows), -1, -1).clone()
    translations[:, 0] = (_to_our_axes(rows[:, 1:4]) * _METRES).float()
    rotations = torch.stack([_rotation(joint, rows) for joint in _HUMANOID], dim=1).float()
    names = tuple(joint.name for joint in _HUMANOID)
    seconds = float(rows[0, 0])
    fps = float(round(1 / seconds)) if abs(1 / seconds - round(1 / seconds)) < 0.01 else 1 / seconds
    animation = Animation(names, parents, offsets.float(), rotations, translations, fps, "deepmimic")
    check_reach(animation, path)
    return animation


def _rows(path: Path) -> NDArray[np.float64]:
    """(T, 44) the numbers of the file."""
    try:
        content = json.loads(path.read_bytes())
    except OSError as error:
        raise KinelexError(f"cannot read {path}: {error.strerror}; check the path") from error
    except (ValueError, RecursionError) as error:
        raise KinelexError(
            f"{path} is not JSON, or was cut off; give a whole DeepMimic motion file"
        ) from error
    try:
        rows = np.array(content["Frames"], dtype=np.float64)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise KinelexError(
            f"{path} has no 'Frames' list of number rows; give a DeepMimic motion file"
        ) from error
    if rows.ndim != 2 or len(rows) == 0 or rows.shape[1] != _WIDTH:
        raise KinelexError(
            f"{path} has 'Frames' of shape {rows.shape}; a DeepMimic humanoid has rows of {_WIDTH}"
        )
    if not np.isfinite(rows).all():
        raise KinelexError(f"{path} has NaN or infinite values; repair or cut those frames")
    if not is_frame_time(rows[0, 0]):
        raise KinelexError(
            f"{path} has a first row of {rows[0, 0]} seconds; it must be {1 / FASTEST:g} to {1 / SLOWEST:g} seconds "
            "a frame, such as 0.0333"
        )
    columns = [joint.columns for joint in _HUMANOID if joint.columns is not None]
    lengths = [np.linalg.norm(rows[:, turn], axis=1) for turn in columns if turn.stop - turn.start == 4]
    if min(length.min() for length in lengths) < 0.5:
        raise KinelexError(f"{path} has a rotation that is no unit quaternion; repair or cut those frames")
    return rows


def _to_our_axes(vectors: Tensor) -> Tensor:
    """A turn about Y: the file's +X (front) to +Z, its -Z (left) to +X."""
    return torch.stack((-vectors[..., 2], vectors[..., 1], vectors[..., 0]), dim=-1)


def _rotation(joint: _Joint, rows: Tensor) -> Tensor:
    """(T, 4) the joint's rotation, xyzw, in our axes."""
    if joint.columns is None:
        return roma.identity_quat(len(rows), dtype=torch.float64)
    values = rows[:, joint.columns]
    if values.shape[1] == 1:
        return _to_our_rotation(torch.cos(values / 2), values.new_tensor([0, 0, 1]) * torch.sin(values / 2))
    values = values / values.norm(dim=1, keepdim=True)
    return _to_our_rotation(values[:, :1], values[:, 1:])


def _to_our_rotation(scalar: Tensor, vector: Tensor) -> Tensor:
    """Turning the axes turns the vector part of a quaternion."""
    return torch.cat((_to_our_axes(vector), scalar), dim=1)

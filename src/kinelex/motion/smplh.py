"""The joints of the SMPL-H body model (Romero et al., SIGGRAPH Asia 2017), without its surface.

A joint is where the regressor puts it on the shaped template, carried along by the rotations of the joints above
it. Skinning and pose-dependent deformation move the skin alone, so that neither is computed here, and the weights
and corrective shapes of the model file are not read.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import roma
import torch
from torch import Tensor

from kinelex.errors import KinelexError
from kinelex.motion.formats.array_file import read_archive, real_numbers
from kinelex.motion.kinematics import forward_kinematics
from kinelex.motion.skeleton import HUMANML3D

# The first 22 joints are those of HumanML3D; the other 30 are fingers.
SMPLH_JOINTS = 52
_BODY = len(HUMANML3D)
_ARRAYS = ("v_template", "shapedirs", "J_regressor", "kintree_table")


@dataclass(frozen=True)
class SmplhBody:
    """The skeleton of one body model.

    Attributes:
        rest: (22, 3) joints of the mean shape in the T-pose, metres.
        shape: (22, 3, B) how they move with each shape parameter.
    """

    rest: Tensor
    shape: Tensor

    def joints(self, poses: Tensor, betas: Tensor, translations: Tensor) -> Tensor:
        """Joint positions (..., T, 22, 3) in the coordinates of the parameters.

        Args:
            poses: (..., T, 156) rotation vectors of all joints, or (..., T, 66) of the body's.
            betas: (N,) shape parameters, of which as many count as the model has and are given.
            translations: (..., T, 3) metres.
        """
        count = min(len(betas), self.shape.shape[-1])
        rest = self.rest + self.shape[..., :count] @ betas[:count]
        parents = torch.tensor(HUMANML3D.parents[1:])
        offsets = torch.cat((rest[:1], rest[1:] - rest[parents]))
        turns = roma.rotvec_to_unitquat(poses[..., : 3 * _BODY].unflatten(-1, (_BODY, 3)))
        root = translations + rest[0]
        return forward_kinematics(turns, root, offsets, HUMANML3D.parents).positions


def read_smplh(path: Path, betas: int = 10) -> SmplhBody:
    """Read the skeleton of a body model file (`model.npz` of the "Extended SMPL+H model").

    Args:
        path: the file.
        betas: shape parameters to use; HumanML3D uses 10 of the 16.

    Raises:
        KinelexError: missing, damaged, or no SMPL-H model.
    """
    arrays = read_archive(path, _ARRAYS)
    missing = [name for name in _ARRAYS if name not in arrays]
    if missing:
        raise KinelexError(f"{path} has no {', '.join(missing)}; get the extended SMPL+H model (model.npz)")
    template, shapes, regressor = (
        torch.from_numpy(real_numbers(arrays[name], f"{path}: {name}")) for name in _ARRAYS[:3]
    )
    vertices = len(template)
    fits = (
        template.shape == (vertices, 3)
        and shapes.shape[:2] == (vertices, 3)
        and regressor.shape == (SMPLH_JOINTS, vertices)
    )
    if not fits or not _is_smplh_tree(arrays["kintree_table"]):
        raise KinelexError(
            f"{path} is no SMPL-H model of 52 joints; get the extended SMPL+H model (model.npz)"
        )
    if not all(bool(array.isfinite().all()) for array in (template, shapes, regressor)):
        raise KinelexError(f"{path} has NaN or infinite values; get the file again")
    regressor = regressor[:_BODY].double()
    rest = regressor @ template.double()
    shape = torch.einsum("jv,vcb->jcb", regressor, shapes[..., :betas].double())
    return SmplhBody(rest.float(), shape.float())


def _is_smplh_tree(table: np.ndarray) -> bool:
    """Whether the parents of the body joints are SMPL's; the root's own is stored as the largest number there is."""
    if table.shape != (2, SMPLH_JOINTS) or table.dtype.kind not in "fiu":
        return False
    return tuple(table[0, 1:_BODY].astype(np.int64)) == HUMANML3D.parents[1:]

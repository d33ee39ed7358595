"""Left and right exchanged, for joints and directly for features."""

from __future__ import annotations

import torch
from torch import Tensor

from kinelex.errors import KinelexError
from kinelex.motion.layout import FeatureLayout
from kinelex.motion.skeleton import Skeleton


def mirror_joints(positions: Tensor, skeleton: Skeleton) -> Tensor:
    """Reflect joints (..., J, 3) at the plane x = 0 and exchange left and right joints.

    Raises:
        KinelexError: J is not the skeleton's.
    """
    if positions.shape[-2:] != (len(skeleton), 3):
        raise KinelexError(
            f"joints have shape {tuple(positions.shape)}; "
            f"skeleton {skeleton.name} needs (..., {len(skeleton)}, 3)"
        )
    return positions[..., list(skeleton.mirror), :] * positions.new_tensor((-1.0, 1.0, 1.0))


def mirror_features(features: Tensor, skeleton: Skeleton) -> Tensor:
    """The features (..., D), un-normalised, of the mirrored motion: equal to features of `mirror_joints`.

    Raises:
        KinelexError: D is not the skeleton's.
    """
    layout = FeatureLayout.of(skeleton)
    if features.shape[-1] != layout.size:
        raise KinelexError(
            f"features have {features.shape[-1]} values a frame; skeleton {skeleton.name} needs {layout.size}"
        )
    order, signs = _mirror_plan(skeleton)
    return features[..., order.to(features.device)] * signs.to(features)


def _mirror_plan(skeleton: Skeleton) -> tuple[Tensor, Tensor]:
    """(D,) source index and (D,) sign of every mirrored feature value.

    Vectors change the sign of x. A rotation R becomes S R S with S = diag(-1, 1, 1): its first column
    (a, b, c) becomes (a, -b, -c), its second (-a, b, c). Turns about +Y change their sign.
    """
    layout = FeatureLayout.of(skeleton)
    order, signs = torch.arange(layout.size), torch.ones(layout.size)
    swapped = torch.tensor(skeleton.mirror)
    without_root = swapped[1:] - 1
    fields = (
        (layout.root_angular_velocity, torch.zeros(1, dtype=torch.long), (-1,)),
        (layout.root_linear_velocity, torch.zeros(1, dtype=torch.long), (-1, 1)),
        (layout.positions, without_root, (-1, 1, 1)),
        (layout.rotations, without_root, (1, -1, -1, -1, 1, 1)),
        (layout.velocities, swapped, (-1, 1, 1)),
        (layout.contacts, torch.tensor((1, 0)), (1, 1)),
    )
    for field, sources, flips in fields:
        order[field] = order[field].unflatten(0, (len(sources), -1))[sources].flatten()
        signs[field] = torch.tensor(flips, dtype=torch.float32).repeat(len(sources))
    return order, signs

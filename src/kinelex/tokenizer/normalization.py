"""Feature normalisation: zero mean, unit deviation, with root and contact features weighted up."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from kinelex.motion.layout import FeatureLayout
from kinelex.motion.skeleton import Skeleton

FEATURE_BIAS = 5.0


class FeatureNormalizer(nn.Module):
    """(x - mean) / deviation over the last axis."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, features: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("deviation", torch.ones(features))

    @classmethod
    def from_statistics(
        cls, mean: Tensor, deviation: Tensor, skeleton: Skeleton, bias: float = FEATURE_BIAS
    ) -> FeatureNormalizer:
        """From corpus statistics (D,); the deviation of root features and contacts is divided by `bias`.

        The division makes the tokenizer reconstruct the root path and the contacts more faithfully (Guo et al. 2022).
        """
        layout = FeatureLayout.of(skeleton)
        weighted = deviation.clone().float()
        for field in (
            layout.root_angular_velocity,
            layout.root_linear_velocity,
            layout.root_height,
            layout.contacts,
        ):
            weighted[field] /= bias
        normalizer = cls(len(mean))
        normalizer.mean.copy_(mean)
        normalizer.deviation.copy_(weighted.clamp(min=1e-6))
        return normalizer

    def forward(self, features: Tensor) -> Tensor:
        """(..., D) features to normalised features."""
        return (features - self.mean) / self.deviation

    def restore(self, normalized: Tensor) -> Tensor:
        """(..., D) normalised features to features."""
        return normalized * self.deviation + self.mean

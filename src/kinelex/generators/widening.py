"""What the first layer asks of its inputs, made once for every summand of them instead of in every step."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor


@dataclass(frozen=True)
class Widening:
    """Takes vectors x (..., C) to [x, W x] (..., 4C): W makes the first layer's queries, keys and values of them.

    The inputs of a post-norm transformer are sums of tokens, positions and text, and nothing stands between them and W:
    the sum of widened vectors is the widened sum, and which tokens, positions and texts there are is known beforehand.

    Attributes:
        weight: (3C, C) float32.
        bias: (3C,) float32.
    """

    weight: Tensor
    bias: Tensor

    def summand(self, vectors: Tensor) -> Tensor:
        """(..., C) to (..., 4C): what is added to a sum."""
        return self._beside(vectors, None)

    def base(self, vectors: Tensor) -> Tensor:
        """(..., C) to (..., 4C): what a sum begins with; it has the bias."""
        return self._beside(vectors, self.bias)

    def _beside(self, vectors: Tensor, bias: Tensor | None) -> Tensor:
        asked = F.linear(vectors.float(), self.weight, bias)
        return torch.cat([vectors, asked.to(vectors.dtype)], dim=-1)

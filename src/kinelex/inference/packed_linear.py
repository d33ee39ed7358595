"""Linear layers with weights in the layout that oneDNN computes in: it rearranges plain ones in every call."""

from __future__ import annotations

import platform

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def can_be_packed(weight: Tensor) -> bool:
    """Whether oneDNN takes such weights (O, I) here: x86 processors do in fp32, in bf16 those with AVX-512."""
    if weight.device.type != "cpu" or platform.machine().lower() not in ("x86_64", "amd64"):
        return False
    if not torch.backends.mkldnn.is_available():
        return False
    return weight.dtype == torch.float32 or (
        weight.dtype == torch.bfloat16 and torch.ops.mkldnn._is_mkldnn_bf16_supported()
    )


class PackedLinear(nn.Module):
    """x @ weight.T + bias without gradients; what `nn.Linear` computes up to the order of its sums.

    Args:
        weight: (O, I), plain; its later changes are not seen.
        bias: (O,) or None.
    """

    def __init__(self, weight: Tensor, bias: Tensor | None) -> None:
        super().__init__()
        # No buffers: packed tensors cannot be moved, copied or saved.
        self.weight = torch.ops.mkldnn._reorder_linear_weight(weight.detach())
        self.bias = None if bias is None else bias.detach()

    def forward(self, inputs: Tensor) -> Tensor:
        """(..., I) to (..., O)."""
        return self._computed(inputs, "none", "")

    def gelu(self, inputs: Tensor) -> Tensor:
        """(..., I) to (..., O): the exact GELU of the outputs, before they are rounded to bf16."""
        return self._computed(inputs, "gelu", "none")

    def _computed(self, inputs: Tensor, activation: str, how: str) -> Tensor:
        # Autocast does not know this product, and may have changed the inputs' type on the way here.
        inputs = inputs.to(self.weight.dtype)
        return torch.ops.mkldnn._linear_pointwise(inputs, self.weight, self.bias, activation, [], how)


def linear_gelu(linear: nn.Module, inputs: Tensor) -> Tensor:
    """The exact GELU of a linear layer's outputs, in one pass where the layer is packed."""
    return linear.gelu(inputs) if isinstance(linear, PackedLinear) else F.gelu(linear(inputs))

"""Convolutions over time as products with packed weights: plain ones are laid out anew in every call."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kinelex.inference.packed_linear import PackedLinear, can_be_packed

_MANY = 1024  # frames from which on the convolution itself is as quick, and needs less memory


def can_pack_convolution(convolution: nn.Conv1d) -> bool:
    """Whether `PackedConv1d` computes it: each frame from those around it, with zeros beyond the ends."""
    return (
        can_be_packed(convolution.weight)
        and convolution.groups == 1
        and convolution.stride == (1,)
        and convolution.padding_mode == "zeros"
        and not isinstance(convolution.padding, str)
    )


class PackedConv1d(nn.Module):
    """What a convolution of stride 1 computes, up to the order of its sums, without gradients.

    Args:
        convolution: its later changes are not seen.
    """

    def __init__(self, convolution: nn.Conv1d) -> None:
        super().__init__()
        self.plain = convolution
        columns = convolution.weight.detach().flatten(1)  # (O, I * K), as unfolded frames have them
        self.packed = PackedLinear(columns, convolution.bias)

    def forward(self, inputs: Tensor) -> Tensor:
        """(B, I, T) to (B, O, T'), the latter with its channels last in memory."""
        batch, _, frames = inputs.shape
        # Autocast knows the convolution, and computes it in another type.
        if batch * frames >= _MANY or torch.is_autocast_enabled(inputs.device.type):
            return self.plain(inputs)
        return self.packed(self._unfolded(inputs)).transpose(1, 2)

    def _unfolded(self, inputs: Tensor) -> Tensor:
        """(B, T', I * K) the frames that each output frame is made of."""
        (padding,), (dilation,) = self.plain.padding, self.plain.dilation
        (size,) = self.plain.kernel_size
        padded = F.pad(inputs.transpose(1, 2), (0, 0, int(padding), int(padding)))
        reach = dilation * (size - 1) + 1
        return padded.unfold(1, reach, 1)[..., ::dilation].flatten(2)

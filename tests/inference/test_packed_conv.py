"""Convolutions with packed weights compute what plain ones do."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from kinelex.inference.copies import inference_copy
from kinelex.inference.packed_conv import PackedConv1d, can_pack_convolution


@pytest.mark.parametrize("biased", [True, False])
@pytest.mark.parametrize(
    ("channels", "outputs", "size", "padding", "dilation", "frames"),
    [(8, 5, 3, 1, 1, 10), (8, 5, 3, 9, 9, 4), (3, 3, 1, 0, 1, 7), (6, 4, 4, 2, 3, 20), (4, 2, 3, 1, 1, 1500)],
)
def test_packed_convolutions_compute_what_plain_ones_do(
    channels: int, outputs: int, size: int, padding: int, dilation: int, frames: int, biased: bool
) -> None:
    torch.manual_seed(0)
    plain = nn.Conv1d(channels, outputs, size, padding=padding, dilation=dilation, bias=biased)
    plain.requires_grad_(False)
    if not can_pack_convolution(plain):
        pytest.skip("oneDNN takes no packed weights here")
    inputs = torch.randn(2, channels, frames)
    torch.testing.assert_close(PackedConv1d(plain)(inputs), plain(inputs), rtol=1e-5, atol=1e-5)


def test_autocast_computes_in_its_own_type() -> None:
    plain = nn.Conv1d(4, 4, 3, padding=1).requires_grad_(False)
    if not can_pack_convolution(plain):
        pytest.skip("oneDNN takes no packed weights here")
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert PackedConv1d(plain)(torch.randn(1, 4, 9)).dtype == torch.bfloat16


def test_other_convolutions_stay_plain() -> None:
    others = [
        nn.Conv1d(4, 4, 4, stride=2, padding=1),
        nn.Conv1d(4, 4, 3, groups=2),
        nn.Conv1d(4, 4, 3, padding="same"),
        nn.Conv1d(4, 4, 3, padding=1, padding_mode="circular"),
    ]
    network = nn.Sequential(*others).requires_grad_(False)
    assert [type(part) for part in inference_copy(network, torch.float32)] == [nn.Conv1d] * len(others)

"""Layers with packed weights compute what plain ones do."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from kinelex.inference.packed_linear import PackedLinear, can_be_packed, linear_gelu

TYPES = [torch.float32, torch.bfloat16]


def packable(dtype: torch.dtype) -> None:
    if not can_be_packed(torch.empty(1, dtype=dtype)):
        pytest.skip("oneDNN takes no packed weights of this type here")


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("shape", [(1, 1, 1), (7, 33, 5), (2, 64, 190)])
@pytest.mark.parametrize("biased", [True, False])
def test_packed_layers_compute_what_plain_ones_do(
    dtype: torch.dtype, shape: tuple[int, int, int], biased: bool
) -> None:
    packable(dtype)
    rows, inputs, outputs = shape
    torch.manual_seed(0)
    plain = nn.Linear(inputs, outputs, bias=biased).to(dtype).requires_grad_(False)
    packed, values = PackedLinear(plain.weight, plain.bias), torch.randn(3, rows, inputs).to(dtype)
    exact = F.linear(values.double(), plain.weight.double(), None if not biased else plain.bias.double())
    close = 1e-5 if dtype == torch.float32 else 2e-2
    torch.testing.assert_close(packed(values).double(), exact, rtol=close, atol=close)
    torch.testing.assert_close(linear_gelu(packed, values).double(), F.gelu(exact), rtol=close, atol=close)
    torch.testing.assert_close(linear_gelu(plain, values).double(), F.gelu(exact), rtol=close, atol=close)

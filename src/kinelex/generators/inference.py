"""Copies of a network to generate with: in bf16, or with packed weights."""

from __future__ import annotations

import copy
from typing import Generic, TypeVar

import torch
from torch import Tensor, nn

from kinelex.errors import KinelexError
from kinelex.generators.packed_linear import PackedLinear, can_be_packed
from kinelex.generators.transformer import Attention

Network = TypeVar("Network", bound=nn.Module)
PRECISIONS = {"fp32": torch.float32, "bf16": torch.bfloat16}


class InferenceCopies(Generic[Network]):
    """A network as it is drawn with, a copy a precision; made anew when its weights have changed or moved."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self._copies: dict[str, Network] = {}
        self._made_of: list[tuple[int, int]] = []

    def at(self, precision: str) -> Network:
        """The network's copy for "fp32" or "bf16".

        Raises:
            KinelexError: another precision.
        """
        if precision not in PRECISIONS:
            raise KinelexError(f"unknown precision {precision!r}; choose {' or '.join(PRECISIONS)}")
        made_of = [state_of(weight) for weight in self.network.parameters()]
        if made_of != self._made_of:
            self._copies, self._made_of = {}, made_of
        if precision not in self._copies:
            self._copies[precision] = inference_copy(self.network, PRECISIONS[precision])
        return self._copies[precision]


def state_of(weight: Tensor) -> tuple[int, int]:
    """Differs once a weight has been written to or replaced."""
    return weight.data_ptr(), 0 if weight.is_inference() else weight._version


def inference_copy(network: Network, dtype: torch.dtype) -> Network:
    """A copy with weights of that type, packed where that can be; those that stay as they are, are shared."""
    shared = {id(weight): weight for weight in network.parameters() if weight.dtype == dtype}
    twin = copy.deepcopy(network, shared).to(dtype)  # type: ignore[arg-type]  # deepcopy's memo by id
    for parent in list(twin.modules()):
        if isinstance(parent, Attention) and can_be_packed(parent.in_proj_weight):
            parent.pack()
        for name, part in list(parent.named_children()):
            if type(part) is nn.Linear and can_be_packed(part.weight):
                setattr(parent, name, PackedLinear(part.weight, part.bias))
    return twin

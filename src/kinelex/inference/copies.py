"""Copies of a network to compute with, not to train: in bf16, with packed weights, with what can be looked up."""

from __future__ import annotations

import copy
from collections.abc import Hashable
from typing import Any, Generic, Protocol, TypeVar, runtime_checkable

import torch
from torch import nn
from torch.optim.optimizer import register_optimizer_step_post_hook

from kinelex.errors import KinelexError
from kinelex.inference.packed_conv import PackedConv1d, can_pack_convolution
from kinelex.inference.packed_linear import PackedLinear, can_be_packed

Network = TypeVar("Network", bound=nn.Module)
PRECISIONS = {"fp32": torch.float32, "bf16": torch.bfloat16}


@runtime_checkable
class Prepared(Protocol):
    """A network, or a part of one, that can be made ready to compute with weights that no longer change."""

    def prepare(self) -> None:
        """Do so; called in a copy whose weights have their type, on the whole before its parts."""
        ...


class _OptimizerSteps:
    """Counts the steps of all optimizers: fused ones change weights without a trace."""

    def __init__(self) -> None:
        self.count = 0
        register_optimizer_step_post_hook(self._counted)

    def _counted(self, *_: object) -> None:
        self.count += 1


_STEPS = _OptimizerSteps()


class InferenceCopies(Generic[Network]):
    """A network as it is computed with, a copy a precision; made anew when it has changed, moved, or begun to train.

    What is written through `.data` is not seen, nor are hooks that are registered later and switches that are no
    weights (peft's `disable_adapter`).
    """

    def __init__(self, network: Network) -> None:
        self.network = network
        self._made: tuple[Hashable, dict[str, Network]] = (None, {})

    def __getstate__(self) -> dict[str, Any]:
        """Without the copies: packed weights can neither be copied nor stored."""
        return {"network": self.network, "_made": (None, {})}

    def of(self, network: Network) -> InferenceCopies[Network]:
        """These; new ones where the network has been replaced by another."""
        return self if network is self.network else InferenceCopies(network)

    def at(self, precision: str) -> Network:
        """The network's copy for "fp32" or "bf16"; itself where that would do, and changes cannot be known.

        Raises:
            KinelexError: another precision.
        """
        check_precision(precision)
        state = state_of(self.network)
        if state is None and all(
            weight.dtype == PRECISIONS[precision] for weight in self.network.parameters()
        ):
            return self.network
        made_of, copies = self._made
        if state is None or made_of != state:
            copies = {}
            self._made = (state, copies)
        if precision not in copies:
            copies[precision] = inference_copy(self.network, PRECISIONS[precision])
        return copies[precision]


def check_precision(precision: str) -> None:
    """Refuse what no copy is made in.

    Raises:
        KinelexError: so it is.
    """
    if precision not in PRECISIONS:
        raise KinelexError(f"unknown precision {precision!r}; choose {' or '.join(PRECISIONS)}")


def state_of(network: nn.Module) -> Hashable:
    """Differs once a weight was written to or replaced, or a mode switched; None where that cannot be known."""
    parts = list(network.modules())
    weights = [weight for part in parts for weight in part._parameters.values() if weight is not None]
    if any(weight.is_inference() for weight in weights):
        return None
    modes = tuple(part.training for part in parts)
    return _STEPS.count, modes, tuple((weight.data_ptr(), weight._version) for weight in weights)


def inference_copy(network: Network, dtype: torch.dtype) -> Network:
    """A copy with weights of that type, packed where that can be; those that stay as they are, are shared.

    Parts with hooks stay plain, so that these are called.
    """
    device = next((weight.device for weight in network.parameters()), torch.device("cpu"))
    with torch.autocast(device.type, enabled=False):  # it would round what is made once for all
        return _prepared_copy(network, dtype)


def _prepared_copy(network: Network, dtype: torch.dtype) -> Network:
    shared = {id(weight): weight for weight in network.parameters() if weight.dtype == dtype}
    twin = copy.deepcopy(network, shared).to(dtype)  # type: ignore[arg-type]  # deepcopy's memo by id
    for part in list(twin.modules()):
        if isinstance(part, Prepared):
            part.prepare()
    for parent in list(twin.modules()):
        for name, part in list(parent.named_children()):
            if part._forward_hooks or part._forward_pre_hooks:
                continue
            if type(part) is nn.Linear and can_be_packed(part.weight):
                setattr(parent, name, PackedLinear(part.weight, part.bias))
            elif type(part) is nn.Conv1d and can_pack_convolution(part):
                setattr(parent, name, PackedConv1d(part))
    return twin

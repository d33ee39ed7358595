"""Which arithmetic a device is trained in."""

from __future__ import annotations

from typing import Literal

import torch

# With these, torch multiplies faster in bf16 than in fp32; without them a training step took four times as long.
# Apple's processors have instructions for bf16 too, but nobody has measured that torch gains from them.
_FAST_BF16 = ("amx_bf16", "avx512_bf16", "sve_bf16")


def computes_in_bf16(device: str) -> bool:
    """Whether bf16 is the faster arithmetic of a device ("cpu" or "cuda")."""
    if device == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    # Older torch cannot tell what a processor has; fp32 is the safe choice.
    capabilities = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
    return any(capabilities.get(unit, False) for unit in _FAST_BF16)


def fabric_precision(precision: str, device: str) -> Literal["bf16-mixed", "32-true"]:
    """What Lightning Fabric calls a recipe's precision ("auto", "bf16" or "fp32") on a device."""
    wanted = precision == "bf16" or (precision == "auto" and computes_in_bf16(device))
    return "bf16-mixed" if wanted else "32-true"

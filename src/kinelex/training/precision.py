"""Which arithmetic a device is trained in."""

from __future__ import annotations

import torch

# Of processors whose matrix units take bf16. Others, Apple's among them, emulate it: several times slower than fp32.
_BF16_UNITS = ("amx_bf16", "avx512_bf16", "sve_bf16")


def computes_in_bf16(device: str) -> bool:
    """Whether a device ("cpu" or "cuda") multiplies in bf16 itself, so that bf16 is the faster arithmetic."""
    if device == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    # Older torch cannot tell what a processor has; then fp32 is never a bad choice.
    capabilities = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
    return any(capabilities.get(unit, False) for unit in _BF16_UNITS)


def fabric_precision(precision: str, device: str) -> str:
    """What Lightning Fabric calls a recipe's precision ("auto", "bf16" or "fp32") on a device."""
    wanted = precision == "bf16" or (precision == "auto" and computes_in_bf16(device))
    return "bf16-mixed" if wanted else "32-true"

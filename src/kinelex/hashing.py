"""What tells whether files and weights are still the same."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from kinelex.errors import KinelexError

if TYPE_CHECKING:
    from torch import nn


def file_hash(path: Path) -> str:
    """SHA-256 of a file, in hex.

    Raises:
        KinelexError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise KinelexError(f"cannot read {path}: {error.strerror}; check the path") from error


def weights_hash(model: nn.Module) -> str:
    """SHA-256 of every parameter and buffer of a network, by name."""
    import torch

    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()

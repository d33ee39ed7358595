"""Feature statistics that belong to published checkpoints, under any of their names."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from kinelex.errors import KinelexError
from kinelex.hub.checkpoints import read_array

_NAMES = (("mean.npy", "std.npy"), ("Mean.npy", "Std.npy"), ("t2m-mean.npy", "t2m-std.npy"))
_NAMES += (("t2m_mean.npy", "t2m_std.npy"), ("kit-mean.npy", "kit-std.npy"))


def find_statistics(given: str | Path | None, checkpoint: Path, features: int) -> tuple[Tensor, Tensor]:
    """Mean and deviation (D,) in a given folder, or in the checkpoint's own, the one above it, or a meta in these.

    Raises:
        KinelexError: there are none, or they are of another width, or not finite and positive.
    """
    near = [
        folder
        for above in (checkpoint.parent, checkpoint.parent.parent)
        for folder in (above, above / "meta")
    ]
    folders = near if given is None else [Path(given)]
    pairs = [(folder / mean, folder / std) for folder in folders for mean, std in _NAMES]
    found = next((pair for pair in pairs if pair[0].is_file() and pair[1].is_file()), None)
    if found is None:
        raise KinelexError(
            f"there is no mean.npy with std.npy in {', '.join(map(str, folders))}; give the folder of the statistics "
            "that the model was trained with (--statistics DIR)"
        )
    mean, deviation = (read_array(path) for path in found)
    if mean.shape != (features,) or deviation.shape != (features,):
        raise KinelexError(
            f"{found[0]} and {found[1].name} have shapes {tuple(mean.shape)} and {tuple(deviation.shape)}; "
            f"the model needs {features} numbers in each"
        )
    if not (torch.isfinite(mean).all() and torch.isfinite(deviation).all() and (deviation > 0).all()):
        raise KinelexError(f"{found[0]} and {found[1].name} hold numbers that are no mean and deviation")
    return mean, deviation

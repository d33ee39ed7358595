"""Reading published checkpoint files: pickled state dicts, option files, statistics."""

from __future__ import annotations

import pickle
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from kinelex.errors import KinelexError


def read_pickle(path: Path) -> dict[str, Any]:
    """A torch.save dictionary; nothing but tensors and plain values is unpickled.

    Raises:
        KinelexError: the file is missing, damaged or unsafe, or holds something else.
    """
    try:
        saved = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise KinelexError(
            f"{path} is missing; download the checkpoint again and keep its folders"
        ) from error
    except (OSError, RuntimeError, EOFError, ValueError, KeyError, pickle.UnpicklingError) as error:
        raise KinelexError(
            f"cannot read {path} as plain weights: {str(error).splitlines()[0]}; download it again"
        ) from error
    if not isinstance(saved, dict):
        raise KinelexError(f"{path} holds no weights by name but {type(saved).__name__}; download it again")
    return saved


def read_state_dict(path: Path, keys: Sequence[str]) -> dict[str, Tensor]:
    """The state dict under the first of `keys` that a torch.save dictionary has; raises as `read_pickle`.

    Raises:
        KinelexError: it has none of the keys.
    """
    saved = read_pickle(path)
    for key in keys:
        if isinstance(saved.get(key), dict):
            return saved[key]
    raise KinelexError(
        f"{path} has none of the keys {', '.join(keys)}; it holds {', '.join(map(str, saved))}"
    )


def read_options(path: Path) -> dict[str, Any]:
    """An opt.txt file: `key: value` lines; True/False, whole numbers and decimals are typed, the rest stays text.

    Raises:
        KinelexError: the file is missing or is not text.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise KinelexError(
            f"cannot read {path}: {error}; download the checkpoint again and keep its folders"
        ) from error
    pairs = [line.split(": ", 1) for line in lines if ": " in line]
    return {key.strip(): _typed(value.strip()) for key, value in pairs}


def _typed(text: str) -> Any:
    if text in ("True", "False"):
        return text == "True"
    if re.fullmatch(r"\d+", text):
        return int(text)
    if re.fullmatch(r"\d+\.\d+", text):
        return float(text)
    return text


def read_statistics(folder: Path) -> tuple[Tensor, Tensor]:
    """mean.npy and std.npy of a folder, as float32 tensors (D,).

    Raises:
        KinelexError: a file is missing or is no plain array.
    """
    return read_array(folder / "mean.npy"), read_array(folder / "std.npy")


def read_array(path: Path) -> Tensor:
    """An array file as a float32 tensor.

    Raises:
        KinelexError: it is missing or is no plain array.
    """
    try:
        return torch.from_numpy(np.load(path, allow_pickle=False)).float()
    except (OSError, ValueError, TypeError) as error:
        raise KinelexError(f"cannot read {path}: {error}; download the checkpoint again") from error


def load_exactly(
    module: nn.Module, weights: dict[str, Tensor], path: Path, *, optional: Sequence[str] = ()
) -> None:
    """Load weights into a module, every key and shape accounted for.

    Args:
        module: to fill.
        weights: under our names.
        path: for messages.
        optional: endings of names that the checkpoint may lack (training state).

    Raises:
        KinelexError: lists unknown, missing and misshapen keys.
    """
    own = module.state_dict()
    missing = [name for name in own if name not in weights and not name.endswith(tuple(optional) or ("\0",))]
    unknown = [name for name in weights if name not in own]
    misfits = [name for name in weights if name in own and weights[name].shape != own[name].shape]
    problems = [("missing", missing), ("unknown", unknown), ("of another shape", misfits)]
    told = "; ".join(
        f"{kind}: {', '.join(names[:5])}{' ...' if len(names) > 5 else ''}"
        for kind, names in problems
        if names
    )
    if told:
        raise KinelexError(f"{path} does not fit the architecture of its options: {told}")
    module.load_state_dict(weights, strict=False)

"""Checkpoints: the whole state of a training in one file that `torch.load(weights_only=True)` reads."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import nn

from kinelex.atomic import atomic_path
from kinelex.errors import KinelexError


def random_state(device: torch.device) -> dict[str, torch.Tensor]:
    """State of torch's global generators (dropout draws from them)."""
    state = {"cpu": torch.get_rng_state()}
    if device.type == "cuda":
        state["cuda"] = torch.cuda.get_rng_state(device)
    return state


def restore_random_state(state: dict[str, torch.Tensor], device: torch.device) -> None:
    """Put torch's global generators where `random_state` found them."""
    torch.set_rng_state(state["cpu"].cpu())
    if device.type == "cuda":
        torch.cuda.set_rng_state(state["cuda"].cpu(), device)


def save_checkpoint(state: dict[str, Any], path: Path) -> None:
    """Write the state; the file of before stays until the new one is whole.

    Raises:
        KinelexError: the file cannot be written.
    """
    with atomic_path(path) as temporary:
        torch.save(state, temporary)


def load_checkpoint(path: Path, fingerprint: str, processes: int) -> dict[str, Any]:
    """Read a state, tensors on the CPU.

    Args:
        path: the checkpoint.
        fingerprint: of model and data; a checkpoint of another one is refused.
        processes: how many there are now.

    Raises:
        KinelexError: the file is broken, or belongs to another recipe, data set or number of processes.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, ValueError, pickle.UnpicklingError) as error:
        raise KinelexError(
            f"cannot read the checkpoint {path}: delete it to start this stage anew"
        ) from error
    if state["fingerprint"] != fingerprint:
        raise KinelexError(
            f"the checkpoint {path} is of another recipe or data set; choose another output folder, "
            "or delete the checkpoint to start this stage anew"
        )
    if len(state["random"]) != processes:
        raise KinelexError(
            f"the checkpoint {path} is of {len(state['random'])} processes and there are {processes}; "
            "start as many"
        )
    return state


def save_weights(model: nn.Module, path: Path) -> None:
    """Write parameters and persistent buffers as safetensors.

    Raises:
        KinelexError: the file cannot be written.
    """
    # Contiguous copies: safetensors refuses tensors that share memory, such as a codebook used by all layers.
    tensors = {
        name: tensor.detach().cpu().clone().contiguous() for name, tensor in model.state_dict().items()
    }
    with atomic_path(path) as temporary:
        save_file(tensors, temporary)

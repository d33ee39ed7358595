"""An index together with the model that it names."""

from __future__ import annotations

import os

import torch

from kinelex.errors import KinelexError
from kinelex.hub.retrieval import load_retrieval
from kinelex.search.index import MotionIndex
from kinelex.search.index_files import IndexFiles


def load_index(
    folder: str | os.PathLike[str],
    model: str | os.PathLike[str] | None = None,
    device: str | torch.device = "cpu",
) -> MotionIndex:
    """Open an index with the model that made it: `load_index("moves.index").search("a person sits down")`.

    Args:
        folder: of the index.
        model: folder of the model, when it is no longer where it was.
        device: where the model runs.

    Raises:
        KinelexError: no index, no model, or the index is of another model.
    """
    files = IndexFiles(folder)
    named = os.fspath(model or files.header.model_folder)
    if model is None and not os.path.isdir(named):
        raise KinelexError(f"the model of {folder} is no longer in {named}; say where it is with --model DIR")
    return MotionIndex(files, load_retrieval(named, device))

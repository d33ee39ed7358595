"""Folders of judges: an evaluator or a retrieval model, as their config.yaml says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from kinelex.evaluation.judges import Judge, RetrievalJudge
from kinelex.hashing import file_hash
from kinelex.hub.evaluator import EvaluatorFolderConfig, load_evaluator
from kinelex.hub.folder import CONFIG, config_values, read_config_as
from kinelex.hub.retrieval import RetrievalFolderConfig, load_retrieval


def load_judge(folder: str | Path, device: str | torch.device = "cpu") -> Judge:
    """Read a folder of an evaluator or of a retrieval model.

    Raises:
        KinelexError: the folder or a file of it is missing or damaged, or it holds something else.
    """
    if _is_retrieval(Path(folder)):
        return RetrievalJudge(load_retrieval(folder, device))
    return load_evaluator(folder, device)


def judge_identity(folder: str | Path) -> dict[str, Any]:
    """Name and hash of a judge, and what reads its captions.

    Raises:
        KinelexError: the folder holds no judge.
    """
    folder = Path(folder)
    if _is_retrieval(folder):
        config = read_config_as(RetrievalFolderConfig, folder)
        reader = {"text_encoder": config.text_encoder}
    else:
        config = read_config_as(EvaluatorFolderConfig, folder)
        reader = {"word_vectors": config.word_vectors}
    return {"name": config.name, "sha256": file_hash(folder / CONFIG), **reader}


def _is_retrieval(folder: Path) -> bool:
    return config_values(folder).get("kind") == "retrieval"

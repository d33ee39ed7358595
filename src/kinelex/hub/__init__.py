"""Folders of models, evaluators, retrieval models and indexes, and the import of published checkpoints."""

from kinelex.hub.evaluator import import_evaluator, load_evaluator, save_evaluator
from kinelex.hub.folder import ModelCard, load_model, model_folder, save_model
from kinelex.hub.hosts import Companions, import_mdm, import_mmm, import_motiondiffuse
from kinelex.hub.judges import judge_identity, load_judge
from kinelex.hub.length import import_length
from kinelex.hub.momask import import_momask
from kinelex.hub.motion_index import load_index
from kinelex.hub.retrieval import load_retrieval, save_retrieval

__all__ = [
    "Companions",
    "ModelCard",
    "import_evaluator",
    "import_length",
    "import_mdm",
    "import_mmm",
    "import_momask",
    "import_motiondiffuse",
    "judge_identity",
    "load_evaluator",
    "load_index",
    "load_judge",
    "load_model",
    "load_retrieval",
    "model_folder",
    "save_evaluator",
    "save_model",
    "save_retrieval",
]

"""Model folders, and the import of published checkpoints."""

from kinelex.hub.folder import ModelCard, default_model_folder, load_model, save_model
from kinelex.hub.momask import import_momask

__all__ = ["ModelCard", "default_model_folder", "import_momask", "load_model", "save_model"]

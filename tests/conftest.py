"""Fixtures that several test folders share."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from kinelex.generators.model import MotionModel
from kinelex.hub import ModelCard, save_model
from tiny_model import tiny_model


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> MotionModel:
    """A tiny random model; do not change it."""
    return tiny_model(tmp_path_factory.mktemp("encoder"))


@pytest.fixture(scope="session")
def model_folder(model: MotionModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny model saved in full precision; do not change the files."""
    folder = tmp_path_factory.mktemp("model") / "tiny"
    save_model(model, folder, ModelCard("tiny", "Apache-2.0", "# tiny\n"), dtype=torch.float32)
    return folder

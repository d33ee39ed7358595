"""A random retrieval model of a few kilobytes."""

from __future__ import annotations

from pathlib import Path

import torch

from kinelex.generators.transformer import TransformerConfig
from kinelex.motion.skeleton import HUMANML3D
from kinelex.retrieval.model import RetrievalModel
from kinelex.retrieval.networks import RetrievalConfig, RetrievalNetworks
from kinelex.tokenizer.normalization import FeatureNormalizer
from tiny_model import TEXT_WIDTH, recorded_features, tiny_encoder

SIZES = RetrievalConfig(
    text_width=TEXT_WIDTH, transformer=TransformerConfig(16, 2, 2, 16, 0.1), decoder_layers=1
)


def tiny_retrieval(folder: Path) -> RetrievalModel:
    """The model; its statistics come from the recorded clip, its text encoder lies in the folder."""
    torch.manual_seed(2)
    features = recorded_features()
    normalizer = FeatureNormalizer.from_statistics(features.mean(0), features.std(0), HUMANML3D)
    model = RetrievalModel("tiny", RetrievalNetworks(SIZES), normalizer, tiny_encoder(folder))
    return model.eval().requires_grad_(False)


def changes(encoder: Path) -> list[str]:
    """Overrides of a recipe for the tiny text encoder."""
    return [f"encoder={encoder}", f"model.text_width={TEXT_WIDTH}"]

"""Folders of retrieval models: config.yaml with hashes, networks, statistics, the language model.

FOLDER/config.yaml             sizes, SHA-256 of every weights file
FOLDER/networks.safetensors    the three networks
FOLDER/normalizer.safetensors  the model's own statistics, float32
FOLDER/text_encoder/           the frozen language model, unless config.yaml names one
FOLDER/README.md               the card
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import torch
import yaml

from kinelex.atomic import atomic_path
from kinelex.hub.folder import (
    CARD,
    CONFIG,
    FORMAT,
    TEXT_ENCODER,
    ModelCard,
    encoder_source,
    file_hashes,
    load_weights,
    read_config_as,
    save_weights,
    verify_files,
)
from kinelex.retrieval.model import RetrievalModel
from kinelex.retrieval.networks import RetrievalConfig, RetrievalNetworks
from kinelex.text.encoders import TextEncoder
from kinelex.tokenizer.normalization import FeatureNormalizer

NETWORKS, STATISTICS = "networks.safetensors", "normalizer.safetensors"


@dataclass(frozen=True)
class RetrievalFolderConfig:
    """config.yaml of the folder of a retrieval model.

    Attributes:
        format: version of the folder's layout.
        kind: tells it from other folders.
        name, licence: of the model.
        text_encoder: its folder, seen from this one ("text_encoder" if it lies in it), or what TextEncoder.load takes.
        networks: their sizes.
        files: SHA-256 of every weights file.
    """

    format: int
    kind: Literal["retrieval"]
    name: str
    licence: str
    text_encoder: str
    networks: RetrievalConfig
    files: dict[str, str]


def save_retrieval(
    model: RetrievalModel,
    folder: str | Path,
    card: ModelCard,
    *,
    text_encoder: str = TEXT_ENCODER,
    dtype: torch.dtype = torch.float16,
) -> None:
    """Write the folder of a retrieval model; each file appears whole, config.yaml last.

    Args:
        model: what is written.
        folder: where to.
        card: its name, its licence and the text of README.md.
        text_encoder: the model's language model where it lies elsewhere, and is not written: its folder, seen from this
            one, or what TextEncoder.load takes.
        dtype: precision of networks and language model; the statistics stay float32.

    Raises:
        KinelexError: the folder cannot be written.
    """
    folder = Path(folder)
    if text_encoder == TEXT_ENCODER:
        model.encoder.save(folder / TEXT_ENCODER, dtype=dtype)
    save_weights(model.networks, folder / NETWORKS, dtype)
    save_weights(model.normalizer, folder / STATISTICS, torch.float32)
    with atomic_path(folder / CARD) as path:
        path.write_text(card.text, encoding="utf-8")
    config = RetrievalFolderConfig(
        format=FORMAT,
        kind="retrieval",
        name=card.name,
        licence=card.licence,
        text_encoder=text_encoder,
        networks=model.networks.config,
        files=file_hashes(folder, text_encoder),
    )
    with atomic_path(folder / CONFIG) as path:
        path.write_text(yaml.safe_dump(asdict(config), sort_keys=False), encoding="utf-8")


def load_retrieval(folder: str | Path, device: str | torch.device = "cpu") -> RetrievalModel:
    """Read the folder of a retrieval model, frozen and in evaluation mode.

    Raises:
        KinelexError: the folder or a file of it is missing, a file's hash differs from config.yaml, the folder
            holds something else, or the language model cannot be loaded.
    """
    folder = Path(folder)
    config = read_config_as(RetrievalFolderConfig, folder)
    verify_files(folder, config.files)
    encoder = TextEncoder.load(encoder_source(folder, config.text_encoder))
    networks, normalizer = RetrievalNetworks(config.networks), FeatureNormalizer(config.networks.features)
    load_weights(networks, folder / NETWORKS)
    load_weights(normalizer, folder / STATISTICS)
    model = RetrievalModel(config.name, networks, normalizer, encoder)
    return model.to(device).eval().requires_grad_(False)

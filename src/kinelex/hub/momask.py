"""Import of the published MoMask release into a Kinelex model folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from kinelex.errors import KinelexError
from kinelex.generators import official
from kinelex.generators.base import ConditionWhitening
from kinelex.generators.masked import MaskTransformer, MaskTransformerConfig
from kinelex.generators.residual import ResidualTransformer, ResidualTransformerConfig
from kinelex.generators.transformer import TransformerConfig
from kinelex.hub.checkpoints import load_exactly, read_options, read_state_dict, read_statistics
from kinelex.hub.folder import FORMAT, TRAINING_STATE, ModelCard, write_folder
from kinelex.hub.kinds import MoMaskFolder
from kinelex.hub.length import CLIP_WIDTH, read_length_estimator
from kinelex.motion.skeleton import HUMANML3D, KIT, Skeleton
from kinelex.tokenizer.normalization import FeatureNormalizer
from kinelex.tokenizer.rvqvae import RVQVAE, RVQVAEConfig

CLIP = "openai/clip-vit-base-patch32"

CARD = """# MoMask, imported

Weights of the published MoMask release (Guo et al., "MoMask: Generative Masked Modeling of 3D Human Motions",
CVPR 2024), converted by `kinelex import momask`. The text encoder is CLIP ViT-B/32 (`{clip}`); it is not part of
this folder. The weights keep the licence under which you obtained them.
"""


@dataclass(frozen=True)
class Release:
    """The folders of a release: `checkpoints/t2m` or `checkpoints/kit`."""

    tokenizer: Path
    masked: Path
    residual: Path
    length: Path


def import_momask(source: str | Path, output: str | Path, text_encoder: str = CLIP) -> None:
    """Convert a folder of official checkpoints (`.../checkpoints/t2m` or `kit`).

    Args:
        source: the folder.
        output: the model folder to write.
        text_encoder: where CLIP ViT-B/32 is taken from when the model is used: a hub id or a folder.

    Raises:
        KinelexError: a folder or file is missing or damaged, or weights do not fit their options.
    """
    release = _find(Path(source))
    options = read_options(release.tokenizer / "opt.txt")
    mean, deviation = read_statistics(release.tokenizer / "meta")
    skeleton = skeleton_of(len(mean), release.tokenizer)
    normalizer = FeatureNormalizer(len(mean))
    normalizer.mean.copy_(mean)
    normalizer.deviation.copy_(deviation)
    tokenizer = _tokenizer(release.tokenizer, options, len(mean))
    masked = _masked(release.masked, tokenizer.config)
    residual = _residual(release.residual, tokenizer.config)
    length = read_length_estimator(release.length)
    parts = {
        "normalizer": normalizer,
        "tokenizer": tokenizer,
        "masked": masked,
        "residual": residual,
        "length": length,
        "whitening": ConditionWhitening(CLIP_WIDTH),
    }
    card = ModelCard(f"momask-{skeleton.name}", "as obtained", CARD.format(clip=text_encoder))
    config = MoMaskFolder(
        format=FORMAT, name=card.name, licence=card.licence, skeleton=skeleton.name, text_encoder=text_encoder,
        tokenizer=tokenizer.config, masked=masked.config, residual=residual.config, length=length.config,
    )  # fmt: skip
    write_folder(Path(output), config, parts, card, torch.float32)


def _find(source: Path) -> Release:
    def one(pattern: str, what: str) -> Path:
        found = sorted(path for path in source.glob(pattern) if path.is_dir())
        if len(found) != 1:
            raise KinelexError(
                f"{source} has {len(found)} folders {pattern} ({what}); "
                "give the folder of one data set, as checkpoints/t2m"
            )
        return found[0]

    return Release(
        tokenizer=one("rvq_*", "tokenizer"),
        masked=one("t2m_*", "mask transformer"),
        residual=one("tres_*", "residual transformer"),
        length=one("length_est*", "length estimator"),
    )


def skeleton_of(features: int, folder: Path) -> Skeleton:
    """The skeleton of features of this width.

    Raises:
        KinelexError: there is none.
    """
    widths = {263: HUMANML3D, 251: KIT}
    if features not in widths:
        raise KinelexError(f"{folder} is of motion with {features} features; HumanML3D has 263, KIT 251")
    return widths[features]


def _tokenizer(folder: Path, options: dict[str, Any], features: int) -> RVQVAE:
    config = RVQVAEConfig(
        features=features,
        width=options.get("width", 512),
        code_width=options.get("code_dim", 512),
        codes=options.get("nb_code", 512),
        quantizers=options.get("num_quantizers", 6),
        depth=options.get("depth", 3),
        dilation_growth=options.get("dilation_growth_rate", 3),
        halvings=options.get("down_t", 2),
        decay=options.get("mu", 0.99),
        quantizer_dropout=options.get("quantize_dropout_prob", 0.2),
        shared_codebook=options.get("shared_codebook", False),
    )
    path = folder / "model" / "net_best_fid.tar"
    model = RVQVAE(config)
    load_exactly(model, read_state_dict(path, ("vq_model", "net")), path, optional=TRAINING_STATE)
    return model


def _transformer(options: dict[str, Any]) -> TransformerConfig:
    return TransformerConfig(
        latent=options.get("latent_dim", 384),
        layers=options.get("n_layers", 8),
        heads=options.get("n_heads", 6),
        feedforward=options.get("ff_size", 1024),
        dropout=options.get("dropout", 0.2),
    )


def _masked(folder: Path, tokenizer: RVQVAEConfig) -> MaskTransformer:
    options = read_options(folder / "opt.txt")
    drop = options.get("cond_drop_prob", 0.1)
    config = MaskTransformerConfig(
        CLIP_WIDTH, tokenizer.codes, tokenizer.code_width, _transformer(options), drop, segments=False
    )
    path = folder / "model" / "latest.tar"
    model = MaskTransformer(config)
    weights = read_state_dict(path, ("t2m_transformer", "trans"))
    load_exactly(model, official.rename(weights, official.MASK_TRANSFORMER), path)
    return model


def _residual(folder: Path, tokenizer: RVQVAEConfig) -> ResidualTransformer:
    options = read_options(folder / "opt.txt")
    config = ResidualTransformerConfig(
        CLIP_WIDTH, tokenizer.codes, tokenizer.code_width, tokenizer.quantizers,
        _transformer(options), options.get("cond_drop_prob", 0.2), options.get("share_weight", True), segments=False,
    )  # fmt: skip
    path = folder / "model" / "net_best_fid.tar"
    model = ResidualTransformer(config)
    weights = read_state_dict(path, ("res_transformer",))
    load_exactly(model, official.rename(weights, official.RESIDUAL_TRANSFORMER), path)
    return model

"""Import of the published MDM, MotionDiffuse and MMM into Kinelex model folders.

Sizes are read off the weights; heads, which weights do not show, are the published ones.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from kinelex.errors import KinelexError
from kinelex.generators import official
from kinelex.generators.base import ConditionWhitening, TextReading
from kinelex.generators.diffusion.denoiser import Denoiser
from kinelex.generators.diffusion.samplers import DiffusionSampling
from kinelex.generators.diffusion.schedule import DiffusionConfig
from kinelex.generators.mdm import MDM, MDMConfig
from kinelex.generators.mmm import MMMConfig, MMMTransformer
from kinelex.generators.motiondiffuse import MotionDiffuse, MotionDiffuseConfig
from kinelex.generators.transformer import TransformerConfig
from kinelex.hub.checkpoints import load_exactly, read_options, read_pickle, read_state_dict
from kinelex.hub.folder import FORMAT, TEXT_ENCODER, TRAINING_STATE, ModelCard, write_folder
from kinelex.hub.kinds import MMMFolder, diffusion_folder
from kinelex.hub.length import CLIP_WIDTH
from kinelex.hub.momask import CLIP, skeleton_of
from kinelex.hub.statistics import find_statistics
from kinelex.text.encoders import TextEncoder
from kinelex.tokenizer.normalization import FeatureNormalizer
from kinelex.tokenizer.rvqvae import RVQVAEConfig
from kinelex.tokenizer.vqvae import VQVAE

DISTILBERT, DISTILBERT_WIDTH = "distilbert-base-uncased", 768
CLIP_TOKENS, MDM_TOKENS = 77, 22  # MDM cuts prompts to 20 tokens between start and end

CARD = """# {name}, imported

Weights of the published {paper}, converted by `kinelex import {kind}`. The text encoder is `{encoder}`{where}.
The weights keep the licence under which you obtained them.
"""
PAPERS = {
    "mdm": 'MDM (Tevet et al., "Human Motion Diffusion Model", ICLR 2023)',
    "motiondiffuse": 'MotionDiffuse (Zhang et al., "MotionDiffuse: Text-Driven Human Motion Generation with Diffusion '
    'Model", TPAMI 2024)',
    "mmm": 'MMM (Pinyoanuntapong et al., "MMM: Generative Masked Motion Model", CVPR 2024)',
}


@dataclass(frozen=True)
class Companions:
    """What belongs to a checkpoint and may lie elsewhere.

    Attributes:
        statistics: folder with mean and deviation of the features; None to look beside the checkpoint.
        text_encoder: Hugging Face folder, which is copied, or hub id; None for the published one.
    """

    statistics: str | Path | None = None
    text_encoder: str | None = None


def import_mdm(source: str | Path, output: str | Path, companions: Companions | None = None) -> None:
    """Convert `model<steps>.pt` with the args.json beside it; averaged weights are taken where there are any.

    Raises:
        KinelexError: a file is missing or damaged, weights do not fit, or the checkpoint is of a variant that is not
            supported.
    """
    path = _newest(Path(source), "model*.pt")
    args = _args(path.parent / "args.json")
    saved = read_pickle(path)
    saved = next((saved[key] for key in ("model_avg", "model") if key in saved), saved)
    weights = official.rename(saved, official.MDM)
    network = MDM(_mdm_config(weights, args, path))
    load_exactly(network, weights, path)
    words = network.config.reads_words
    steps = int(args.get("diffusion_steps", 1000))
    _write_denoiser(
        "mdm", path, output, companions or Companions(), network,
        diffusion=DiffusionConfig(steps, args.get("noise_schedule", "cosine"), "motion", "clip"),
        sampling=DiffusionSampling("ddpm", steps, 2.5),
        reading=TextReading(words=True) if words else TextReading(limit=MDM_TOKENS),
    )  # fmt: skip


def _mdm_config(weights: Mapping[str, Tensor], args: Mapping[str, Any], path: Path) -> MDMConfig:
    for key in ("emb_trans_dec", "pred_len", "context_len"):
        if args.get(key):
            raise KinelexError(f"{path} was trained with {key}={args[key]}, which is not supported here")
    words = args.get("arch", "trans_enc") == "trans_dec"
    layers = "decoder." if words else "encoder.layers."
    latent, features = _shape(weights, "frame_projection.weight", path)
    sizes = TransformerConfig(
        latent, _count(weights, layers), 4, _shape(weights, f"{layers}0.linear1.weight", path)[0], 0.1
    )
    return MDMConfig(
        features, _shape(weights, "text_projection.weight", path)[1], sizes, "words" if words else "sentence",
        bool(args.get("mask_frames", False)), float(args.get("cond_mask_prob", 0.1)),
    )  # fmt: skip


def import_motiondiffuse(
    source: str | Path, output: str | Path, companions: Companions | None = None
) -> None:
    """Convert `model/latest.tar` with the folder meta beside it.

    Raises:
        KinelexError: a file is missing or damaged, or weights do not fit.
    """
    path = _newest(Path(source), "latest.tar")
    options = path.parent.parent / "opt.txt"
    told = read_options(options) if options.is_file() else {}
    weights = official.rename(read_state_dict(path, ("encoder",)), official.MOTIONDIFFUSE)
    latent, features = _shape(weights, "frame_projection.weight", path)
    text = TransformerConfig(
        _shape(weights, "text_norm.weight", path)[0], _count(weights, "text_encoder.layers."),
        told.get("text_num_heads", 4), _shape(weights, "text_encoder.layers.0.linear1.weight", path)[0], 0.0,
    )  # fmt: skip
    motion = TransformerConfig(
        latent, _count(weights, "blocks."), told.get("num_heads", 8),
        _shape(weights, "blocks.0.ffn.linear1.weight", path)[0], 0.0,
    )  # fmt: skip
    config = MotionDiffuseConfig(
        features, _shape(weights, "text_projection.weight", path)[1], motion, text, 0.0,
        _shape(weights, "frame_positions", path)[0],
    )  # fmt: skip
    network, steps = MotionDiffuse(config), told.get("diffusion_steps", 1000)
    load_exactly(network, weights, path)
    _write_denoiser(
        "motiondiffuse", path, output, companions or Companions(), network,
        diffusion=DiffusionConfig(steps, "linear", "noise", "frame"),
        sampling=DiffusionSampling("ddpm", steps, 1.0),
        reading=TextReading(words=True, padded=CLIP_TOKENS),
    )  # fmt: skip


def _write_denoiser(
    kind: str, path: Path, output: str | Path, companions: Companions, network: Denoiser, **how: Any
) -> None:
    """Write the folder of a host that diffuses; `how` are its diffusion, sampling and reading."""
    common, parts, card = _shared(kind, path, output, companions, network.config.features, how["reading"])
    width = len(parts["whitening"].mean)
    config = diffusion_folder(network, sentence_width=width, **how, **common)
    write_folder(Path(output), config, {**parts, "denoiser": network}, card, torch.float32)


def import_mmm(source: str | Path, output: str | Path, companions: Companions | None = None) -> None:
    """Convert the transformer's `net_last.pth`, which holds the tokenizer too.

    Raises:
        KinelexError: a file is missing or damaged, or weights do not fit.
    """
    path = _newest(Path(source), "*.pth", holding="trans")
    saved = read_state_dict(path, ("trans",))
    prefix = "trans_base.vqvae."
    codes = official.rename(
        {key.removeprefix(prefix): value for key, value in saved.items() if key.startswith(prefix)},
        official.MMM_TOKENIZER,
    )
    tokenizer = VQVAE(_vq_config(codes, path))
    load_exactly(tokenizer, codes, path, optional=TRAINING_STATE)
    weights = official.rename_mmm(saved)
    network = MMMTransformer(_mmm_config(weights, path))
    load_exactly(network, weights, path)
    reading = TextReading(words=True, padded=CLIP_TOKENS)
    common, parts, card = _shared(
        "mmm", path, output, companions or Companions(), tokenizer.config.features, reading
    )
    config = MMMFolder(tokenizer=tokenizer.config, transformer=network.config, reading=reading, **common)
    own = {"tokenizer": tokenizer, "transformer": network}
    write_folder(Path(output), config, parts | own, card, torch.float32)


def _vq_config(weights: Mapping[str, Tensor], path: Path) -> RVQVAEConfig:
    width, features, _ = _shape(weights, "encoder.model.0.weight", path)
    codes, code_width = _shape(weights, "quantizer.layers.0.codebook", path)
    # The encoder is: convolution, activation, one block for each halving, convolution.
    return RVQVAEConfig(
        features, width, code_width, codes, quantizers=1, depth=_count(weights, "encoder.model.2.1.model."),
        halvings=_count(weights, "encoder.model.") - 2, quantizer_dropout=0.0, dropout=0.0,
    )  # fmt: skip


def _mmm_config(weights: Mapping[str, Tensor], path: Path) -> MMMConfig:
    latent, code_width = _shape(weights, "token_projection.weight", path)
    feedforward, _ = _shape(weights, "blocks.0.mlp.0.weight", path)
    sizes = TransformerConfig(latent, _count(weights, "blocks."), 16, feedforward, 0.1)
    return MMMConfig(
        _shape(weights, "sentence_projection.weight", path)[1], _shape(weights, "word_projection.weight", path)[1],
        _shape(weights, "codebook", path)[0], code_width, sizes, _count(weights, "word_blocks."),
    )  # fmt: skip


def _shared(
    kind: str, path: Path, output: str | Path, companions: Companions, features: int, reading: TextReading
) -> tuple[dict[str, Any], dict[str, Any], ModelCard]:
    """What config.yaml, the parts and the card of all hosts have in common."""
    mean, deviation = find_statistics(companions.statistics, path, features)
    normalizer = FeatureNormalizer(features)
    normalizer.mean.copy_(mean)
    normalizer.deviation.copy_(deviation)
    skeleton = skeleton_of(features, path)
    bert = reading.words and reading.padded is None
    published, width = (DISTILBERT, DISTILBERT_WIDTH) if bert else (CLIP, CLIP_WIDTH)
    encoder, width = _text_encoder(companions.text_encoder, output, published, width)
    parts: dict[str, nn.Module] = {"normalizer": normalizer, "whitening": ConditionWhitening(width)}
    name = f"{kind}-{skeleton.name}"
    inside = encoder == TEXT_ENCODER
    told = CARD.format(
        name=name, paper=PAPERS[kind], kind=kind, encoder=companions.text_encoder or published,
        where="" if inside else "; it is not part of this folder",
    )  # fmt: skip
    common: dict[str, Any] = {
        "format": FORMAT, "name": name, "licence": "as obtained", "skeleton": skeleton.name, "text_encoder": encoder,
    }  # fmt: skip
    return common, parts, ModelCard(name, "as obtained", told)


def _text_encoder(
    given: str | None, output: str | Path, published: str, published_width: int
) -> tuple[str, int]:
    """What config.yaml calls the text encoder, and the width of its sentence vectors; a folder is copied."""
    if given is None:
        return published, published_width
    encoder = TextEncoder.load(given)
    if not Path(given).is_dir():
        return given, encoder.dim
    encoder.save(Path(output) / TEXT_ENCODER)
    return TEXT_ENCODER, encoder.dim


def _newest(source: Path, pattern: str, holding: str | None = None) -> Path:
    """The checkpoint: SOURCE itself, or the one in it that fits the pattern, of several the last by name.

    With `holding`, only files that hold a dictionary of this name count.
    """
    if source.is_file():
        return source
    found = sorted(source.rglob(pattern))
    if holding is not None:
        found = [path for path in found if holding in read_pickle(path)]
    if not found:
        wanted = pattern if holding is None else f"{pattern} with {holding!r} in it"
        raise KinelexError(f"{source} has no file {wanted}; give the folder of the checkpoint, or the file")
    return found[-1]


def _args(path: Path) -> dict[str, Any]:
    """MDM's options.

    Raises:
        KinelexError: missing or broken.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise KinelexError(
            f"cannot read {path}: {error}; keep args.json beside the checkpoint, as MDM writes it"
        ) from error


def _shape(weights: Mapping[str, Tensor], name: str, path: Path) -> Sequence[int]:
    """Shape of one of the weights.

    Raises:
        KinelexError: it is missing.
    """
    if name not in weights:
        raise KinelexError(f"{path} does not fit the published layout: missing: {name}")
    return tuple(weights[name].shape)


def _count(weights: Mapping[str, Tensor], prefix: str) -> int:
    """How many numbered parts there are behind a prefix."""
    return len({key.removeprefix(prefix).split(".")[0] for key in weights if key.startswith(prefix)})

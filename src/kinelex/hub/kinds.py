"""What config.yaml says of each kind of model, and how the model is put together from it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any, Literal

from torch import nn

from kinelex.alignment.segmo import AlignmentConfig, SegmentAlignment
from kinelex.errors import KinelexError
from kinelex.generators.base import ConditionWhitening, TextReading
from kinelex.generators.diffusion.denoiser import Denoiser
from kinelex.generators.diffusion.samplers import DiffusionSampling
from kinelex.generators.diffusion.schedule import DiffusionConfig
from kinelex.generators.durations import (
    LengthEstimator,
    LengthEstimatorConfig,
    PhraseDurations,
    PhraseDurationsConfig,
)
from kinelex.generators.hosts import DiffusionModel, MMMModel
from kinelex.generators.masked import MaskTransformer, MaskTransformerConfig
from kinelex.generators.mdm import MDM, MDMConfig
from kinelex.generators.mmm import MMMConfig, MMMSampling, MMMTransformer
from kinelex.generators.model import MoMaskModel, MotionModel
from kinelex.generators.motiondiffuse import MotionDiffuse, MotionDiffuseConfig
from kinelex.generators.residual import ResidualTransformer, ResidualTransformerConfig
from kinelex.generators.sampling import SamplingOptions
from kinelex.tokenizer.normalization import FeatureNormalizer
from kinelex.tokenizer.rvqvae import RVQVAE, RVQVAEConfig
from kinelex.tokenizer.vqvae import VQVAE


@dataclass(frozen=True, kw_only=True)
class FolderConfig(ABC):
    """config.yaml of a model folder of any kind.

    Attributes:
        format: version of the folder's layout.
        name, licence: of the model.
        skeleton: name of the feature skeleton.
        text_encoder: its folder, seen from this one ("text_encoder" if it lies in it), or what TextEncoder.load takes.
        files: SHA-256 of every weights file, and of every file of a text encoder that lies in or beside the folder.
        length, durations: of the estimators of clips and phrases, where there are any.
        reading: what the model takes from its text encoder.
        sampling: how the model draws by itself.
    """

    format: int
    name: str
    licence: str
    skeleton: str
    text_encoder: str
    files: dict[str, str] = field(default_factory=dict)
    length: LengthEstimatorConfig | None = None
    durations: PhraseDurationsConfig | None = None
    reading: TextReading = field(default_factory=TextReading)
    sampling: Any

    @property
    @abstractmethod
    def features(self) -> int:
        """Width of a frame."""

    @property
    @abstractmethod
    def text_width(self) -> int:
        """Width of the sentence vectors."""

    @abstractmethod
    def networks(self) -> dict[str, nn.Module]:
        """The host's own parts, untrained."""

    @abstractmethod
    def model(self, **parts: Any) -> MotionModel:
        """The model of all its parts."""

    def parts(self) -> dict[str, nn.Module]:
        """Every part that is stored as one weights file, untrained, by name."""
        found: dict[str, nn.Module] = {
            "normalizer": FeatureNormalizer(self.features),
            "whitening": ConditionWhitening(self.text_width),
        }
        if self.length is not None:
            found["length"] = LengthEstimator(self.length)
        if self.durations is not None:
            found["durations"] = PhraseDurations(self.durations)
        return found | self.networks()


@dataclass(frozen=True, kw_only=True)
class MoMaskFolder(FolderConfig):
    """Of MoMask; `alignment` of a mask transformer that was trained with it."""

    kind: Literal["momask"] = "momask"
    tokenizer: RVQVAEConfig
    masked: MaskTransformerConfig
    residual: ResidualTransformerConfig
    alignment: AlignmentConfig | None = None
    sampling: SamplingOptions = field(default_factory=SamplingOptions)

    @property
    def features(self) -> int:
        return self.tokenizer.features

    @property
    def text_width(self) -> int:
        return self.masked.text_width

    def networks(self) -> dict[str, nn.Module]:
        found: dict[str, nn.Module] = {
            "tokenizer": RVQVAE(self.tokenizer),
            "masked": MaskTransformer(self.masked),
            "residual": ResidualTransformer(self.residual),
        }
        if self.alignment is not None:
            sizes = self.masked.transformer
            found["alignment"] = SegmentAlignment(self.alignment, sizes.latent, sizes.heads)
        return found

    def model(self, **parts: Any) -> MotionModel:
        return MoMaskModel(sampling=self.sampling, **parts)


@dataclass(frozen=True, kw_only=True)
class MMMFolder(FolderConfig):
    """Of MMM."""

    kind: Literal["mmm"] = "mmm"
    tokenizer: RVQVAEConfig
    transformer: MMMConfig
    sampling: MMMSampling = field(default_factory=MMMSampling)

    @property
    def features(self) -> int:
        return self.tokenizer.features

    @property
    def text_width(self) -> int:
        return self.transformer.text_width

    def networks(self) -> dict[str, nn.Module]:
        return {"tokenizer": VQVAE(self.tokenizer), "transformer": MMMTransformer(self.transformer)}

    def model(self, **parts: Any) -> MotionModel:
        return MMMModel(sampling=self.sampling, **parts)


@dataclass(frozen=True, kw_only=True)
class DiffusionFolder(FolderConfig):
    """Of a host that diffuses; `sentence_width` is that of the sentence vectors, which it may not read itself."""

    sentence_width: int
    diffusion: DiffusionConfig
    sampling: DiffusionSampling = field(default_factory=DiffusionSampling)

    @property
    def text_width(self) -> int:
        return self.sentence_width

    def model(self, **parts: Any) -> MotionModel:
        return DiffusionModel(diffusion=self.diffusion, sampling=self.sampling, **parts)


@dataclass(frozen=True, kw_only=True)
class MDMFolder(DiffusionFolder):
    """Of MDM."""

    kind: Literal["mdm"] = "mdm"
    denoiser: MDMConfig

    @property
    def features(self) -> int:
        return self.denoiser.features

    def networks(self) -> dict[str, nn.Module]:
        return {"denoiser": MDM(self.denoiser)}


@dataclass(frozen=True, kw_only=True)
class MotionDiffuseFolder(DiffusionFolder):
    """Of MotionDiffuse."""

    kind: Literal["motiondiffuse"] = "motiondiffuse"
    denoiser: MotionDiffuseConfig

    @property
    def features(self) -> int:
        return self.denoiser.features

    def networks(self) -> dict[str, nn.Module]:
        return {"denoiser": MotionDiffuse(self.denoiser)}


KINDS: dict[str, type[FolderConfig]] = {
    "momask": MoMaskFolder, "mmm": MMMFolder, "mdm": MDMFolder, "motiondiffuse": MotionDiffuseFolder,
}  # fmt: skip


def config_of(model: MotionModel, **common: Any) -> FolderConfig:
    """config.yaml of a model.

    Args:
        model: of any kind.
        common: format, name, licence, skeleton and text_encoder.
    """
    common["reading"] = model.reading
    for name in ("length", "durations"):
        part = getattr(model, name)
        common[name] = None if part is None else part.config
    if isinstance(model, MoMaskModel):
        return MoMaskFolder(
            tokenizer=model.tokenizer.config, masked=model.masked.config, residual=model.residual.config,
            alignment=None if model.alignment is None else model.alignment.config, sampling=model.sampling, **common,
        )  # fmt: skip
    if isinstance(model, MMMModel):
        return MMMFolder(
            tokenizer=model.tokenizer.config, transformer=model.transformer.config, sampling=model.sampling,
            **common,
        )  # fmt: skip
    if isinstance(model, DiffusionModel):
        return diffusion_folder(
            model.denoiser, sentence_width=len(model.whitening.mean), diffusion=model.diffusion,
            sampling=model.sampling, **common,
        )  # fmt: skip
    raise KinelexError(f"a model of type {type(model).__name__} cannot be saved")


def diffusion_folder(denoiser: Denoiser, **rest: Any) -> FolderConfig:
    """config.yaml of a host that diffuses, with the rest of its fields."""
    config = denoiser.config
    if isinstance(config, MDMConfig):
        return MDMFolder(denoiser=config, **rest)
    assert isinstance(config, MotionDiffuseConfig)
    return MotionDiffuseFolder(denoiser=config, **rest)

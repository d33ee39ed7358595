"""Recipes of the hosts beside MoMask: MDM, MotionDiffuse, MMM."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from torch import nn

from kinelex.errors import KinelexError
from kinelex.generators.base import TextReading
from kinelex.generators.diffusion.samplers import DiffusionSampling
from kinelex.generators.diffusion.schedule import DiffusionConfig
from kinelex.generators.durations import (
    LengthEstimator,
    LengthEstimatorConfig,
    PhraseDurations,
    PhraseDurationsConfig,
)
from kinelex.generators.mdm import MDM, MDMConfig
from kinelex.generators.mmm import MMMConfig, MMMSampling, MMMTransformer
from kinelex.generators.motiondiffuse import MotionDiffuse, MotionDiffuseConfig
from kinelex.generators.transformer import TransformerConfig
from kinelex.tokenizer.vqvae import VQVAE
from kinelex.training.recipe_files import read_recipe, save_recipe
from kinelex.training.recipes import (
    DataRecipe,
    DurationsRecipe,
    LengthRecipe,
    Recipe,
    TextRecipe,
    TokenizerRecipe,
    TrainConfig,
    check_retrieval,
)
from kinelex.training.schema import from_mapping
from kinelex.training.start import StartRecipe


@dataclass(frozen=True)
class Widths:
    """What a host's network must fit.

    Attributes:
        features: of a frame.
        sentence: of a sentence vector.
        words: of a word's state.
    """

    features: int
    sentence: int
    words: int


@dataclass(frozen=True)
class MDMStage:
    """Denoiser of MDM; widths follow from the motion and the text encoder. The fields are those of `MDMConfig`."""

    transformer: TransformerConfig = field(default_factory=lambda: MDMConfig().transformer)
    reads: Literal["sentence", "words"] = "sentence"
    mask_frames: bool = True
    condition_dropout: float = 0.1
    diffusion: DiffusionConfig = field(default_factory=DiffusionConfig)
    train: TrainConfig = field(default_factory=lambda: TrainConfig(steps=600_000, batch_size=64, lr=1e-4))

    def network(self, widths: Widths, max_frames: int) -> MDM:
        """The untrained network."""
        text_width = widths.words if self.reads == "words" else widths.sentence
        return MDM(
            MDMConfig(
                widths.features, text_width, self.transformer, self.reads, self.mask_frames,
                self.condition_dropout, max_frames,
            )
        )  # fmt: skip


@dataclass(frozen=True)
class MotionDiffuseStage:
    """Denoiser of MotionDiffuse. The fields are those of `MotionDiffuseConfig`."""

    transformer: TransformerConfig = field(default_factory=lambda: MotionDiffuseConfig().transformer)
    text: TransformerConfig = field(default_factory=lambda: MotionDiffuseConfig().text)
    condition_dropout: float = 0.0
    diffusion: DiffusionConfig = field(
        default_factory=lambda: DiffusionConfig(1000, "linear", "noise", "frame")
    )
    train: TrainConfig = field(default_factory=lambda: TrainConfig(steps=300_000, batch_size=128, clip=0.5))

    def network(self, widths: Widths, max_frames: int) -> MotionDiffuse:
        """The untrained network."""
        return MotionDiffuse(
            MotionDiffuseConfig(
                widths.features, widths.words, self.transformer, self.text, self.condition_dropout, max_frames
            )
        )


@dataclass(frozen=True)
class MMMStage:
    """Masked transformer of MMM; codes follow from the tokenizer. The fields are those of `MMMConfig`."""

    transformer: TransformerConfig = field(default_factory=lambda: MMMConfig().transformer)
    word_layers: int = 2
    segments: bool = False
    condition_dropout: float = 0.0
    train: TrainConfig = field(default_factory=lambda: TrainConfig(steps=300_000, batch_size=128))


@dataclass(frozen=True, kw_only=True)
class HostRecipe(ABC):
    """What the recipes of all hosts have; `retrieval` is for `durations.localised`, as in `Recipe`."""

    name: str
    start: StartRecipe | None = None
    data: DataRecipe = field(default_factory=DataRecipe)
    text: TextRecipe = field(default_factory=TextRecipe)
    length: LengthRecipe = field(default_factory=LengthRecipe)
    durations: DurationsRecipe | None = field(default_factory=DurationsRecipe)
    retrieval: str | None = None

    def __post_init__(self) -> None:
        check_retrieval(self.durations is not None and self.durations.localised, self.retrieval)
        if self.text.left_first:
            raise KinelexError("text.left_first is for the recipes of MoMask; leave it out")
        if self.start is not None:
            self.start.check(self.parts, self.stages)

    @property
    @abstractmethod
    def host_parts(self) -> tuple[str, ...]:
        """Names of the host's own networks; tokenizers come first."""

    @property
    @abstractmethod
    def reading(self) -> TextReading:
        """What the model takes from its text encoder."""

    @property
    def parts(self) -> tuple[str, ...]:
        """Names of the model's networks, each trained in a stage of this name or kept."""
        timing = ("length",) if self.durations is None else ("length", "durations")
        return (*self.host_parts[:-1], *timing, self.host_parts[-1])

    @property
    def stages(self) -> tuple[str, ...]:
        """Names of the stages that this recipe trains."""
        return tuple(name for name in self.parts if self.start is None or self.start.waits_for(name))

    def training(self, stage: str) -> TrainConfig:
        """How one of the stages is trained."""
        return getattr(self, stage).train

    def build(self, stage: str, widths: Widths) -> nn.Module:
        """The untrained network of a stage."""
        if stage == "length":
            return LengthEstimator(LengthEstimatorConfig(text_width=widths.sentence))
        return PhraseDurations(PhraseDurationsConfig(text_width=widths.sentence))

    def save(self, path: str | Path) -> None:
        """Write the whole recipe, defaults included, as YAML.

        Raises:
            KinelexError: the file cannot be written.
        """
        save_recipe(self, path)


@dataclass(frozen=True, kw_only=True)
class DiffusionRecipe(HostRecipe):
    """A host that diffuses."""

    denoiser: Any
    sampling: DiffusionSampling = field(default_factory=DiffusionSampling)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.data.max_frames % 4:
            raise KinelexError(f"data.max_frames is {self.data.max_frames}; give a multiple of 4")

    @property
    def host_parts(self) -> tuple[str, ...]:
        return ("denoiser",)

    def build(self, stage: str, widths: Widths) -> nn.Module:
        if stage != "denoiser":
            return super().build(stage, widths)
        self._check_width(widths.features)
        return self.denoiser.network(widths, self.data.max_frames)

    def _check_width(self, features: int) -> None:
        """Refuse a network that cannot pass on the noise which it is to predict.

        Noise has as many independent values a frame as there are features; what does not fit through the latent is an
        error that no training removes, and the first steps of drawing enlarge it a hundredfold.

        Raises:
            KinelexError: the latent is narrower than the features.
        """
        latent = self.denoiser.transformer.latent
        if self.denoiser.diffusion.predicts == "noise" and latent < features:
            raise KinelexError(
                f"denoiser.transformer.latent is {latent}: a network that predicts noise needs at least the "
                f"{features} values of a frame; widen it, or predict the motion (denoiser.diffusion.predicts=motion)"
            )


@dataclass(frozen=True, kw_only=True)
class MDMRecipe(DiffusionRecipe):
    """MDM."""

    kind: Literal["mdm"]
    denoiser: MDMStage = field(default_factory=MDMStage)

    @property
    def reading(self) -> TextReading:
        return TextReading(words=self.denoiser.reads == "words")


@dataclass(frozen=True, kw_only=True)
class MotionDiffuseRecipe(DiffusionRecipe):
    """MotionDiffuse."""

    kind: Literal["motiondiffuse"]
    denoiser: MotionDiffuseStage = field(default_factory=MotionDiffuseStage)

    @property
    def reading(self) -> TextReading:
        return TextReading(words=True)


@dataclass(frozen=True, kw_only=True)
class MMMRecipe(HostRecipe):
    """MMM: tokenizer with one codebook, then the transformer."""

    kind: Literal["mmm"]
    tokenizer: TokenizerRecipe = field(default_factory=TokenizerRecipe)
    transformer: MMMStage = field(default_factory=MMMStage)
    sampling: MMMSampling = field(default_factory=MMMSampling)

    @property
    def host_parts(self) -> tuple[str, ...]:
        return ("tokenizer", "transformer")

    @property
    def reading(self) -> TextReading:
        return TextReading(words=True)

    def build(self, stage: str, widths: Widths) -> nn.Module:
        codes = self.tokenizer.model
        if stage == "tokenizer":
            return VQVAE(codes)
        if stage != "transformer":
            return super().build(stage, widths)
        own = self.transformer
        return MMMTransformer(
            MMMConfig(
                widths.sentence, widths.words, codes.codes, codes.code_width, own.transformer, own.word_layers,
                own.segments, own.condition_dropout,
            )
        )  # fmt: skip


HOSTS: dict[str, type[HostRecipe]] = {
    "mdm": MDMRecipe, "motiondiffuse": MotionDiffuseRecipe, "mmm": MMMRecipe,
}  # fmt: skip


def load_generator_recipe(name: str | Path, overrides: Sequence[str] = ()) -> Recipe | HostRecipe:
    """Read the recipe of a generator of any kind.

    Raises:
        KinelexError: no such file, broken YAML, unknown keys, or values that do not fit.
    """
    values, source = read_recipe(name, overrides)
    return from_mapping(HOSTS.get(str(values.get("kind")), Recipe), values, source)

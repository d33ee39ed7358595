"""Recipes: what a model is and how it is trained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from kinelex.alignment.segmo import AlignmentConfig
from kinelex.errors import KinelexError
from kinelex.generators.masked import MaskTransformerConfig
from kinelex.generators.residual import ResidualTransformerConfig
from kinelex.generators.sampling import SamplingOptions
from kinelex.generators.transformer import TransformerConfig, check_heads
from kinelex.tokenizer.rvqvae import RVQVAEConfig
from kinelex.training.recipe_files import read_recipe, save_recipe
from kinelex.training.schema import from_mapping
from kinelex.training.start import StartRecipe

STAGES = ("tokenizer", "decoder", "length", "durations", "masked", "residual")


@dataclass(frozen=True)
class TrainConfig:
    """How one stage is trained.

    Attributes:
        steps: optimiser steps.
        batch_size: samples a step, of all processes together.
        lr: learning rate after the warm-up.
        betas: of AdamW.
        weight_decay: of AdamW.
        warmup: steps of linear warm-up.
        milestones: steps, counted from the first, at which the learning rate is multiplied by `gamma`.
        gamma: see `milestones`.
        clip: largest norm of the gradient; 0 does not clip.
        ema: decay of the moving average of the weights, which is what is validated and kept; 0 keeps the
            weights.
        precision: bf16 autocast, fp32, or auto: bf16 where the device computes in it, which many processors do not.
        compile: compile the networks where the device is a GPU.
        keep: weights to keep: the last, or those with the best validation.
        validate_every: steps between validations; there is always one at the end.
        checkpoint_minutes: minutes between checkpoints; there is always one at the end.
        seed: of weights, batches and noise.
    """

    steps: int
    batch_size: int = 256
    lr: float = 2e-4
    betas: tuple[float, float] = (0.9, 0.99)
    weight_decay: float = 0.0
    warmup: int = 2000
    milestones: tuple[int, ...] = ()
    gamma: float = 0.1
    clip: float = 1.0
    ema: float = 0.999
    precision: Literal["auto", "bf16", "fp32"] = "auto"
    compile: bool = False
    keep: Literal["last", "best"] = "last"
    validate_every: int = 2000
    checkpoint_minutes: float = 10.0
    seed: int = 3407

    def __post_init__(self) -> None:
        for name in ("steps", "batch_size", "validate_every"):
            if getattr(self, name) < 1:
                raise KinelexError(f"{name} is {getattr(self, name)}; give at least 1")
        for name in ("lr", "gamma", "checkpoint_minutes"):
            if not getattr(self, name) > 0:
                raise KinelexError(f"{name} is {getattr(self, name)}; give more than 0")
        for name in ("warmup", "clip", "weight_decay"):
            if not getattr(self, name) >= 0:
                raise KinelexError(f"{name} is {getattr(self, name)}; give 0 or more")
        if not 0 <= self.ema < 1:
            raise KinelexError(f"ema is {self.ema}; give 0 to less than 1")


@dataclass(frozen=True)
class DataRecipe:
    """What is taken from the stores.

    Attributes:
        window: frames of a training window of the tokenizer.
        mirror: also train on left-right mirrored motion, captions mirrored along.
        min_frames: shorter captioned parts are left out of the token stages.
        hold_short: shorter whole clips stand still before and after instead, until they are that long.
        most_draws: how often an epoch of the token stages draws a part whose action is rare; a part's draws
            grow with the square root of how much rarer its main verb is than the commonest.
        max_frames: longest sequence of the token stages; longer parts are cropped at random.
        offsets: token sequences cached a part, starting at frame 0, 1, ... (random crops without the
            tokenizer).
        feat_bias: weight of root and contact features in the normalisation.
    """

    window: int = 64
    mirror: bool = True
    min_frames: int = 24
    hold_short: bool = False
    most_draws: int = 1
    max_frames: int = 196
    offsets: int = 4
    feat_bias: float = 5.0

    def __post_init__(self) -> None:
        if self.window < 8:
            raise KinelexError(f"window is {self.window}; give at least 8 frames")
        if not 4 <= self.min_frames <= self.max_frames:
            raise KinelexError(f"min_frames is {self.min_frames}; give 4 to max_frames ({self.max_frames})")
        if self.hold_short and self.min_frames > self.window:
            raise KinelexError(
                f"min_frames is {self.min_frames}; with hold_short give at most the window ({self.window})"
            )
        if not 1 <= self.most_draws <= 16:
            raise KinelexError(f"most_draws is {self.most_draws}; give 1 to 16")
        if not 1 <= self.offsets <= 4:
            raise KinelexError(f"offsets is {self.offsets}; give 1 to 4")


@dataclass(frozen=True)
class TextRecipe:
    """What the motion is conditioned on.

    Attributes:
        encoder: "minilm", a Hugging Face folder or a hub id.
        whiten: centre the text vectors and even out their variance.
        floor: share of the mean variance below which directions are not blown up.
        segment_dropout: probability that a training sample loses its phrases and keeps its sentence.
        span_dropout: probability that it keeps its phrases, but is not told where they are done; alignment learns
            from these samples.
        share_unknown: tokens are told their phrases also where the data does not know the segments: these are shared
            out by the durations of the phrases. Otherwise such samples are not told.
        left_first: sentences that name the right first are learnt and drawn as their mirror images, so that "right" is
            done exactly as "left" is.
    """

    encoder: str = "minilm"
    whiten: bool = True
    floor: float = 0.05
    segment_dropout: float = 0.1
    span_dropout: float = 0.3
    share_unknown: bool = True
    left_first: bool = False


@dataclass(frozen=True)
class TokenizerRecipe:
    """Tokenizer stage: architecture and training."""

    model: RVQVAEConfig = field(default_factory=RVQVAEConfig)
    train: TrainConfig = field(default_factory=lambda: TrainConfig(steps=300_000))


@dataclass(frozen=True)
class DecoderRecipe:
    """Refinement of the tokenizer's decoder; the tokens stay what they are.

    Attributes:
        most_draws: as `DataRecipe.most_draws`, for the windows of this stage.
        train: how.
    """

    most_draws: int = 8
    train: TrainConfig = field(default_factory=lambda: TrainConfig(steps=3000, batch_size=32))

    def __post_init__(self) -> None:
        if not 1 <= self.most_draws <= 16:
            raise KinelexError(f"most_draws is {self.most_draws}; give 1 to 16")


@dataclass(frozen=True)
class MaskedRecipe:
    """Mask transformer stage; codes and widths follow from the tokenizer and the text encoder.

    Attributes:
        segments: phrases are read, as tokens behind the sentence; False for plain MoMask.
        alignment: of phrases with motion segments; None for none.
        phrase_guide: every token reads the phrase of its segment.
    """

    transformer: TransformerConfig = field(default_factory=TransformerConfig)
    condition_dropout: float = 0.1
    segments: bool = True
    phrase_guide: bool = False
    alignment: AlignmentConfig | None = None
    train: TrainConfig = field(default_factory=lambda: TrainConfig(steps=180_000, batch_size=64))

    def __post_init__(self) -> None:
        _check_segments("masked", self.segments, self.phrase_guide or self.alignment is not None)

    def config(self, tokenizer: RVQVAEConfig, text_width: int) -> MaskTransformerConfig:
        """The architecture for a tokenizer and text vectors of `text_width`."""
        return MaskTransformerConfig(
            text_width, tokenizer.codes, tokenizer.code_width, self.transformer, self.condition_dropout,
            self.phrase_guide, self.segments,
        )  # fmt: skip


@dataclass(frozen=True)
class ResidualRecipe:
    """Residual transformer stage; codes, layers and widths follow from the tokenizer and the text encoder."""

    transformer: TransformerConfig = field(default_factory=TransformerConfig)
    condition_dropout: float = 0.2
    share_weights: bool = True
    segments: bool = True
    phrase_guide: bool = False
    train: TrainConfig = field(default_factory=lambda: TrainConfig(steps=180_000, batch_size=64))

    def __post_init__(self) -> None:
        _check_segments("residual", self.segments, self.phrase_guide)

    def config(self, tokenizer: RVQVAEConfig, text_width: int) -> ResidualTransformerConfig:
        """The architecture for a tokenizer and text vectors of `text_width`."""
        return ResidualTransformerConfig(
            text_width, tokenizer.codes, tokenizer.code_width, tokenizer.quantizers,
            self.transformer, self.condition_dropout, self.share_weights, self.phrase_guide, self.segments,
        )  # fmt: skip


def _check_segments(stage: str, read: bool, needed: bool) -> None:
    """Refuse a network that is to use phrases which it does not read.

    Raises:
        KinelexError: so it is.
    """
    if needed and not read:
        raise KinelexError(
            f"{stage}.segments is false: then {stage}.phrase_guide and alignment have no phrases; leave them out"
        )


@dataclass(frozen=True)
class LengthRecipe:
    """Length estimator stage."""

    train: TrainConfig = field(
        default_factory=lambda: TrainConfig(steps=20_000, lr=1e-4, clip=0.5, keep="best")
    )


@dataclass(frozen=True)
class DurationsRecipe:
    """Stage of the phrases' durations.

    Attributes:
        localised: a retrieval model finds the segments that the data does not know; else they are not learnt from.
        train: how.
    """

    localised: bool = False
    train: TrainConfig = field(
        default_factory=lambda: TrainConfig(
            steps=3000, lr=3e-4, warmup=100, clip=0.5, keep="best", precision="fp32", validate_every=250
        )
    )


@dataclass(frozen=True)
class Recipe:
    """One trained model: data, text, and the stages in the order in which they are trained.

    `decoder` and `durations` are left out of the training when they are None; `retrieval` is the folder of the
    retrieval model that finds phrases in motions, for `masked.alignment.segments: retrieval` and
    `durations.localised`; `start` is a trained model whose parts are kept or trained on; `sampling` is how the model
    draws unless asked otherwise.
    """

    name: str
    start: StartRecipe | None = None
    data: DataRecipe = field(default_factory=DataRecipe)
    text: TextRecipe = field(default_factory=TextRecipe)
    tokenizer: TokenizerRecipe = field(default_factory=TokenizerRecipe)
    masked: MaskedRecipe = field(default_factory=MaskedRecipe)
    residual: ResidualRecipe = field(default_factory=ResidualRecipe)
    length: LengthRecipe = field(default_factory=LengthRecipe)
    durations: DurationsRecipe | None = field(default_factory=DurationsRecipe)
    decoder: DecoderRecipe | None = None
    retrieval: str | None = None
    sampling: SamplingOptions = field(default_factory=SamplingOptions)

    @property
    def parts(self) -> tuple[str, ...]:
        """Names of the model's networks, each trained in a stage of this name or kept."""
        return tuple(name for name in STAGES if name != "decoder" and getattr(self, name) is not None)

    @property
    def stages(self) -> tuple[str, ...]:
        """Names of the stages that this recipe trains."""
        return tuple(
            name
            for name in STAGES
            if getattr(self, name) is not None and (self.start is None or self.start.waits_for(name))
        )

    def training(self, stage: str) -> TrainConfig:
        """How one of the stages is trained."""
        return getattr(self, stage).train

    def __post_init__(self) -> None:
        alignment, durations = self.masked.alignment, self.durations
        aligned = alignment is not None and alignment.segments == "retrieval"
        check_retrieval(aligned or (durations is not None and durations.localised), self.retrieval)
        if self.data.window % self.tokenizer.model.downsampling:
            raise KinelexError(
                f"data.window is {self.data.window}; "
                f"it must be a multiple of {self.tokenizer.model.downsampling}"
            )
        if self.text.left_first and not self.data.mirror:
            raise KinelexError(
                "text.left_first learns mirror images; set data.mirror=true, or text.left_first=false"
            )
        for name in ("masked", "residual"):
            check_heads(f"{name}.transformer", getattr(self, name).transformer)
        if self.start is not None:
            self.start.check(self.parts, self.stages)

    def save(self, path: str | Path) -> None:
        """Write the whole recipe, defaults included, as YAML.

        Raises:
            KinelexError: the file cannot be written.
        """
        save_recipe(self, path)


def check_retrieval(wanted: bool, folder: str | None) -> None:
    """Refuse a recipe that needs a retrieval model and names none, or names one that nothing uses.

    Raises:
        KinelexError: then.
    """
    if wanted and folder is None:
        raise KinelexError(
            "segments are to be found by a retrieval model, and the recipe names none; train one "
            "(kinelex train retrieval-cpu ...) and give retrieval: FOLDER"
        )
    if folder is not None and not wanted:
        raise KinelexError(
            f"nothing in the recipe asks for the retrieval model {folder}; leave retrieval out"
        )


def load_recipe(name: str | Path, overrides: Sequence[str] = ()) -> Recipe:
    """Read the recipe of a generator.

    Raises:
        KinelexError: no such file, broken YAML, unknown keys, or values that do not fit.
    """
    return from_mapping(Recipe, *read_recipe(name, overrides))

"""The stages of the hosts beside MoMask: a denoiser on motion features, and MMM's transformer on tokens."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from kinelex.generators.base import TextCondition, WordStates
from kinelex.generators.diffusion.denoiser import Denoiser
from kinelex.generators.diffusion.generator import UNIT
from kinelex.generators.diffusion.process import diffusion_loss, draw_steps, noised
from kinelex.generators.diffusion.schedule import DiffusionConfig, NoiseSchedule
from kinelex.generators.mmm import MMMTransformer, mmm_training_loss
from kinelex.tokenizer.normalization import FeatureNormalizer
from kinelex.tokenizer.rvqvae import length_mask
from kinelex.training.cache import Sequences
from kinelex.training.corpus import Mirroring, Split
from kinelex.training.sampler import BatchSampler, Rows
from kinelex.training.stages import (
    VALIDATION_BATCH,
    VALIDATION_SEED,
    TokenStage,
    condition_of,
    sentence_of,
)
from kinelex.training.text_features import TextFeatureTable


@dataclass(frozen=True)
class Words:
    """The states of the words of all sentences.

    Attributes:
        table: of the sentences.
        rows: (N,) the row in the table of each text of `TextTable`; -1 where it is a phrase alone.
    """

    table: TextFeatureTable
    rows: Tensor

    def of(self, texts: Tensor) -> WordStates:
        """Of texts (B,), rows of `TextTable`."""
        states, count = self.table.padded(self.rows[texts])
        mask = length_mask(count, states.shape[1])
        return WordStates(states.masked_fill(~mask[..., None], 0.0), mask, count - 1)

    def to(self, device: torch.device | str) -> Words:
        """The same on another device."""
        return Words(self.table.to(device), self.rows.to(device))


def with_words(condition: TextCondition, words: Words | None, texts: Tensor) -> TextCondition:
    """The condition with the words of texts (B,), for hosts that read them."""
    return condition if words is None else replace(condition, words=words.of(texts))


@dataclass(frozen=True)
class Clips:
    """Captioned parts of a split as features.

    Attributes:
        features: (F, D) un-normalised.
        starts, frames: (N,) first frame and length of each part.
    """

    features: Tensor
    starts: Tensor
    frames: Tensor

    @classmethod
    def of(cls, split: Split, device: torch.device) -> Clips:
        """All parts of a split, on a device."""
        starts = torch.tensor([part.start for part in split.parts], device=device)
        frames = torch.tensor([part.frames for part in split.parts], device=device)
        return cls(split.bank.features.to(device), starts, frames)


class DenoiserStage:
    """A denoiser on noised motion.

    A sample is a captioned part of the data or its mirror image; each time it is drawn it comes with one of its
    sentences, at a random place if it is longer than the model reads, and at times four frames shorter, as in the
    published training of all hosts.
    """

    name = "denoiser"
    criterion = "loss"

    def __init__(
        self,
        model: Denoiser,
        diffusion: DiffusionConfig,
        clips: dict[str, Clips],
        texts: dict[str, Sequences],
        words: Words | None,
        normalizer: FeatureNormalizer,
        mirroring: Mirroring,
        data_hash: str,
        *,
        draws: Tensor,
        device: torch.device,
    ) -> None:
        self.model, self.diffusion, self.data_hash, self.device = (
            model.to(device),
            diffusion,
            data_hash,
            device,
        )
        self.schedule = NoiseSchedule.of(diffusion)
        self.clips, self.texts = clips, {name: data.to(device) for name, data in texts.items()}
        self.words = None if words is None else words.to(device)
        self.normalizer, self.mirroring = normalizer.to(device), mirroring
        self.draws = draws.to(device)
        self.lengths = self._tokens("train")[self.draws].cpu()

    def losses(self, rows: Rows, generator: torch.Generator) -> dict[str, Tensor]:
        """The diffusion loss of a batch."""
        drawn = Rows(self.draws[rows.index], rows.length)
        return {"loss": self._loss("train", drawn, generator, training=True)}

    def validate(self) -> dict[str, float]:
        """The mean loss over the validation split, with the same steps and noise every time."""
        generator = torch.Generator(self.device).manual_seed(VALIDATION_SEED)
        sampler = BatchSampler(
            self._tokens("val").cpu(), VALIDATION_BATCH, VALIDATION_SEED, device=self.device
        )
        found = [self._loss("val", sampler.next(), generator, training=False) for _ in range(len(sampler))]
        return {"loss": float(torch.stack(found).mean())}

    def compile(self) -> None:
        """The whole network."""
        self.model.compile()

    def _tokens(self, name: str) -> Tensor:
        """(N,) tokens of every sample, mirror images included."""
        longest = self.model.config.max_frames // UNIT
        return self.texts[name].lengths[:, 0].clamp(max=longest)

    def _loss(self, name: str, rows: Rows, generator: torch.Generator, *, training: bool) -> Tensor:
        drawn = torch.rand(4, len(rows.index), generator=generator, device=self.device)
        frames = UNIT * (self._tokens(name)[rows.index] - (drawn[0] < 1 / 3).long()).clamp(min=1)
        size = UNIT * rows.length if self.model.config.mask_frames else self.model.config.max_frames
        motion = self.motion(name, rows.index, frames, drawn[1], size)
        data = self.texts[name]
        text = data.sentences[sentence_of(data, rows.index, drawn[2]), 0]
        condition = with_words(TextCondition.of_sentences(data.vectors[text]), self.words, text)
        if training:
            condition = condition.dropped(drawn[3] < self.model.config.condition_dropout)
        index = draw_steps(self.diffusion, len(motion), generator, self.device)
        noise = torch.randn(motion.shape, generator=generator, device=self.device)
        output = self.model(
            noised(self.schedule, motion, index, noise), index, self.model.read(condition), frames
        )
        return diffusion_loss(self.diffusion, output, motion, noise, length_mask(frames, size))

    def motion(self, name: str, index: Tensor, frames: Tensor, place: Tensor, size: int) -> Tensor:
        """(B, size, D) normalised features, zero past `frames` (B,), from a random place (B,) in [0, 1)."""
        clips = self.clips[name]
        part = index % len(clips.frames)
        first = (place * (clips.frames[part] - frames + 1)).long()
        steps = torch.minimum(torch.arange(size, device=self.device), frames[:, None] - 1)
        features = clips.features[(clips.starts[part] + first)[:, None] + steps]
        features = self.mirroring(features, index >= len(clips.frames))
        return self.normalizer(features).masked_fill(~length_mask(frames, size)[..., None], 0.0)


class MMMStage(TokenStage):
    """MMM's transformer on cached tokens, phrases and words."""

    def __init__(self, model: MMMTransformer, words: Words, *sequences: Sequences, **rest) -> None:
        super().__init__("transformer", model, *sequences, **rest)  # type: ignore[arg-type]
        self.words = words.to(self.device)

    def compile(self) -> None:
        """The whole network."""
        self.model.compile()

    def _losses(
        self, data: Sequences, rows: Rows, generator: torch.Generator, *, training: bool
    ) -> dict[str, Tensor]:
        drawn = torch.rand(5, len(rows.index), generator=generator, device=self.device)
        crop = self.tokens(data, rows, drawn[:3])
        said = sentence_of(data, rows.index, drawn[3])
        drop = drawn[4] < self.segment_dropout if training else None
        condition = with_words(condition_of(data, said, drop), self.words, data.sentences[said, 0])
        assert isinstance(self.model, MMMTransformer)
        result = mmm_training_loss(self.model, crop.ids[..., 0], crop.lengths, condition, generator)
        return {"loss": result.loss, "accuracy": result.accuracy}

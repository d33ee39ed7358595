"""Every part of a text-to-motion model together: what all hosts share, and MoMask."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn

from kinelex.alignment.segmo import SegmentAlignment
from kinelex.alignment.spans import Spans, shared_spans
from kinelex.errors import KinelexError
from kinelex.generators.base import ConditionWhitening, ReadTexts, TextCondition, TextReading, read_texts
from kinelex.generators.durations import LengthEstimator, PhraseDurations
from kinelex.generators.editing import open_span
from kinelex.generators.masked import MaskTransformer
from kinelex.generators.momask import MoMask
from kinelex.generators.residual import ResidualTransformer
from kinelex.generators.sampling import SamplingOptions
from kinelex.motion.mirror import mirror_features
from kinelex.motion.skeleton import Skeleton
from kinelex.text.encoders import TextEncoder
from kinelex.tokenizer.normalization import FeatureNormalizer
from kinelex.tokenizer.rvqvae import RVQVAE

_SHARED_PARTS = ("normalizer", "whitening", "length", "durations")


@dataclass(frozen=True, kw_only=True)
class MotionModel(ABC):
    """What every text-to-motion model has: skeleton, feature normaliser, text side, and how long things take.

    A host adds its networks and `generate`. Without `durations` the phrases of a sentence are as long as they would
    be alone; without `length` nothing is known of either. `sampling` is how this model draws best.
    """

    skeleton: Skeleton
    normalizer: FeatureNormalizer
    whitening: ConditionWhitening
    encoder: TextEncoder
    length: LengthEstimator | None = None
    durations: PhraseDurations | None = None
    reading: TextReading = field(default_factory=TextReading)
    sampling: Any

    @property
    @abstractmethod
    def networks(self) -> dict[str, nn.Module | None]:
        """The host's own parts that are stored as one weights file each, by name; None where it has none."""

    @property
    @abstractmethod
    def frames_per_token(self) -> int:
        """Lengths are counted in tokens of so many frames."""

    @abstractmethod
    def _draw(
        self,
        condition: TextCondition,
        lengths: Tensor,
        seeds: Sequence[int],
        options: Any,
        known: Tensor | None,
    ) -> Tensor:
        """What `generate` gives, of the text as it is read."""

    def generate(
        self,
        condition: TextCondition,
        lengths: Tensor,
        seeds: Sequence[int],
        options: Any = None,
        known: Tensor | None = None,
    ) -> Tensor:
        """Draw normalised features (B, T, D) of B samples, each with its own seed.

        Args:
            condition: text of the samples, as `read` gives it.
            lengths: (B,) tokens; frames past a sample's end mean nothing.
            seeds: one seed a sample; a sample does not depend on the others of its batch.
            options: how to draw; the model's own way when not given.
            known: what to keep, from `keep`; where the condition is read mirrored, of the mirror image.

        Raises:
            KinelexError: the arguments' sizes differ, or the options are of another kind of model.
        """
        features = self._draw(condition, lengths, seeds, self.options(options), known)
        return self.mirrored_back(features, condition)

    def mirrored_back(self, features: Tensor, condition: TextCondition) -> Tensor:
        """Normalised features (B, T, D) with the samples mirrored whose text was read as its mirror image."""
        if condition.mirrored is None or not condition.mirrored.any():
            return features
        image = self.normalizer(mirror_features(self.normalizer.restore(features), self.skeleton))
        return torch.where(condition.mirrored[:, None, None], image, features)

    @abstractmethod
    def keep(self, features: Tensor, lead: int, trail: int, size: int) -> Tensor:
        """What `generate` takes as `known` to draw `size` tokens between the first and the last of a motion.

        Args:
            features: (1, T, D) normalised, of the whole motion.
            lead, trail: tokens to keep at its beginning and end.
            size: tokens to draw between them.
        """

    @property
    def weights(self) -> dict[str, nn.Module]:
        """The parts that are stored as one weights file each, by name."""
        shared = {name: getattr(self, name) for name in _SHARED_PARTS}
        return {name: part for name, part in (shared | self.networks).items() if part is not None}

    @property
    def seconds_per_token(self) -> float:
        """Duration of one motion token."""
        return self.frames_per_token / self.skeleton.fps

    def read(self, sentences: Sequence[str], phrases: Sequence[Sequence[str]]) -> ReadTexts:
        """Encode every different sentence and phrase once."""
        return read_texts(self.encoder, self.whitening, self.reading, sentences, phrases)

    def phrase_tokens(self, condition: TextCondition) -> Tensor:
        """(B, S) how many tokens each phrase would take, alike where nothing is known; 0 where there is none."""
        if self.durations is not None:
            return self.durations.median_tokens(condition.segments, condition.segment_mask)
        if self.length is None:
            return condition.segment_mask.long()
        return self.length.median_tokens(condition.segments) * condition.segment_mask

    def phrase_spans(self, condition: TextCondition, lengths: Tensor) -> Spans:
        """The tokens of each phrase in motions of lengths (B,) tokens, shared out by how long the phrases take."""
        return shared_spans(lengths, self.phrase_tokens(condition).float())

    def total_tokens(self, condition: TextCondition) -> Tensor:
        """(B,) how many tokens each sentence takes.

        What the length estimator says; where that is as long as anything it knows, what the phrases take together.

        Raises:
            KinelexError: the model has no length estimator.
        """
        if self.length is None:
            raise KinelexError(
                "this model does not know how long a sentence takes; give the duration (--duration SECONDS)"
            )
        whole = self.length.median_tokens(condition.sentence)
        if self.durations is None:
            return whole
        together = self.phrase_tokens(condition).sum(1).maximum(whole)
        several = condition.segment_mask.sum(1) > 1
        return together.where(several & (whole >= self.length.config.longest), whole)

    @property
    def device(self) -> torch.device:
        """Where the model is."""
        return self.normalizer.mean.device

    def to(self, device: str | torch.device) -> MotionModel:
        """Move every part to a device, in evaluation mode."""
        for part in (*self.weights.values(), self.encoder):
            part.to(device).eval()
        return self

    def options(self, given: Any) -> Any:
        """How to draw: as given, or as the model does by itself.

        Raises:
            KinelexError: the options are of another kind of model.
        """
        own = self.sampling
        if given is not None and type(given) is not type(own):
            raise KinelexError(
                f"{type(given).__name__} is not how this model draws; give {type(own).__name__}, or leave it out"
            )
        return own if given is None else given


@dataclass(frozen=True, kw_only=True)
class TokenModel(MotionModel):
    """A host that draws motion tokens and decodes them."""

    tokenizer: RVQVAE

    @property
    def frames_per_token(self) -> int:
        return self.tokenizer.config.downsampling

    def keep(self, features: Tensor, lead: int, trail: int, size: int) -> Tensor:
        """(1, L, Q) ids of the motion's tokens, -1 where to draw."""
        tokens = self.tokenizer.encode(features)
        return open_span(tokens, lead, int(tokens.lengths) - trail, size).ids


@dataclass(frozen=True, kw_only=True)
class MoMaskModel(TokenModel):
    """MoMask: mask and residual transformer.

    `alignment` is there when the mask transformer was trained with it; grounding and retrieval need it.
    """

    masked: MaskTransformer
    residual: ResidualTransformer
    alignment: SegmentAlignment | None = None
    sampling: SamplingOptions = field(default_factory=SamplingOptions)

    @property
    def networks(self) -> dict[str, nn.Module | None]:
        names = ("tokenizer", "masked", "residual", "alignment")
        return {name: getattr(self, name) for name in names}

    @cached_property
    def generator(self) -> MoMask:
        """Both transformers; it keeps the copies of them that are drawn with."""
        return MoMask(self.masked, self.residual)

    def _draw(
        self,
        condition: TextCondition,
        lengths: Tensor,
        seeds: Sequence[int],
        options: SamplingOptions,
        known: Tensor | None,
    ) -> Tensor:
        tokens = self.generator.generate(condition, lengths, seeds, options, known)
        return self.tokenizer.decode(tokens, options.precision)

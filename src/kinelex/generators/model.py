"""Every part of a text-to-motion model together."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from kinelex.alignment.segmo import SegmentAlignment
from kinelex.alignment.spans import Spans, shared_spans
from kinelex.generators.base import ConditionWhitening, TextCondition
from kinelex.generators.durations import LengthEstimator, PhraseDurations
from kinelex.generators.masked import MaskTransformer
from kinelex.generators.residual import ResidualTransformer
from kinelex.generators.sampling import SamplingOptions
from kinelex.motion.skeleton import Skeleton
from kinelex.text.encoders import TextEncoder
from kinelex.tokenizer.normalization import FeatureNormalizer
from kinelex.tokenizer.rvqvae import RVQVAE


@dataclass(frozen=True)
class MotionModel:
    """A text-to-motion model: skeleton, feature normaliser, tokenizer, generators, text side.

    `alignment` is there when the mask transformer was trained with it; grounding and retrieval need it. Without
    `durations` the phrases of a sentence share its time evenly. `sampling` is how this model draws best.
    """

    skeleton: Skeleton
    normalizer: FeatureNormalizer
    tokenizer: RVQVAE
    masked: MaskTransformer
    residual: ResidualTransformer
    length: LengthEstimator
    whitening: ConditionWhitening
    encoder: TextEncoder
    alignment: SegmentAlignment | None = None
    durations: PhraseDurations | None = None
    sampling: SamplingOptions = field(default_factory=SamplingOptions)

    @property
    def weights(self) -> dict[str, nn.Module]:
        """The parts that are stored as one weights file each, by name."""
        names = ("normalizer", "tokenizer", "masked", "residual", "length", "whitening")
        optional = tuple(name for name in ("alignment", "durations") if getattr(self, name) is not None)
        return {name: getattr(self, name) for name in (*names, *optional)}

    @property
    def seconds_per_token(self) -> float:
        """Duration of one motion token."""
        return self.tokenizer.config.downsampling / self.skeleton.fps

    def phrase_tokens(self, condition: TextCondition) -> Tensor:
        """(B, S) how many tokens each phrase would take; 0 where there is none."""
        if self.durations is not None:
            return self.durations.median_tokens(condition.segments, condition.segment_mask)
        return self.length.median_tokens(condition.segments) * condition.segment_mask

    def phrase_spans(self, condition: TextCondition, lengths: Tensor) -> Spans:
        """The tokens of each phrase in motions of lengths (B,) tokens, shared out by how long the phrases take."""
        return shared_spans(lengths, self.phrase_tokens(condition).float())

    def total_tokens(self, condition: TextCondition) -> Tensor:
        """(B,) how many tokens each sentence takes: what its phrases do together, if they are several."""
        whole = self.length.median_tokens(condition.sentence)
        if self.durations is None:
            return whole
        several = condition.segment_mask.sum(1) > 1
        return self.phrase_tokens(condition).sum(1).where(several, whole)

    @property
    def device(self) -> torch.device:
        """Where the model is."""
        return self.normalizer.mean.device

    def to(self, device: str | torch.device) -> MotionModel:
        """Move every part to a device, in evaluation mode."""
        for part in (*self.weights.values(), self.encoder):
            part.to(device).eval()
        return self

"""What is evaluated: anything that makes motion of given length from captions, each with its own seed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor

from kinelex.generators.base import MAX_SEGMENTS, ReadTexts, TextCondition
from kinelex.generators.drawing import Sampling
from kinelex.generators.model import MotionModel
from kinelex.motion.skeleton import Skeleton
from kinelex.text.phrasing import phrases_of


class Candidate(Protocol):
    """A text-to-motion model under test.

    Attributes:
        skeleton: whose features it makes.
        frames_per_token: its lengths are multiples of this.
    """

    @property
    def skeleton(self) -> Skeleton: ...

    @property
    def frames_per_token(self) -> int: ...

    def prepare(self, texts: Sequence[str]) -> None:
        """Encode every text that `generate` and `estimate` will be asked for; called once."""
        ...

    def generate(self, texts: Sequence[str], tokens: Tensor, seeds: Sequence[int]) -> Tensor:
        """(N, T, F) un-normalised features of tokens (N,) tokens each; what is beyond a length is not read.

        A motion depends on its own text, length and seed alone.
        """
        ...

    def estimate(self, texts: Sequence[str]) -> Tensor:
        """(N,) tokens that the model itself would give each text."""
        ...


class ModelCandidate:
    """A motion model as `Pipeline` runs it, but for the feet, which are not locked: the protocol reads features.

    Args:
        model: every part, in evaluation mode.
        options: how it draws; the model's own way when not given.
    """

    def __init__(self, model: MotionModel, options: Sampling | None = None) -> None:
        self.model, self.options = model, options
        self._read = ReadTexts(torch.empty(0), {})
        self._phrases: dict[str, tuple[str, ...]] = {}

    @property
    def skeleton(self) -> Skeleton:
        return self.model.skeleton

    @property
    def frames_per_token(self) -> int:
        return self.model.frames_per_token

    @torch.inference_mode()
    def prepare(self, texts: Sequence[str]) -> None:
        self._phrases = {text: phrases_of(text, MAX_SEGMENTS) for text in texts}
        self._read = self.model.read(list(self._phrases), list(self._phrases.values()))

    @torch.inference_mode()
    def generate(self, texts: Sequence[str], tokens: Tensor, seeds: Sequence[int]) -> Tensor:
        condition, lengths = self._condition(texts), tokens.to(self.model.device)
        condition = condition.at(self.model.phrase_spans(condition, lengths))
        return self.model.normalizer.restore(self.model.generate(condition, lengths, seeds, self.options))

    @torch.inference_mode()
    def estimate(self, texts: Sequence[str]) -> Tensor:
        return self.model.total_tokens(self._condition(texts)).cpu()

    def _condition(self, texts: Sequence[str]) -> TextCondition:
        return self._read.condition(texts, [self._phrases[text] for text in texts])

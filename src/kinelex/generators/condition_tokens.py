"""What a transformer reads of a text, in its own width: the same in every step of a generation."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from kinelex.generators.base import TextCondition
from kinelex.generators.packed_linear import PackedLinear
from kinelex.generators.phrase_guide import PhraseGuide


@dataclass(frozen=True)
class ConditionTokens:
    """The text of B samples for a transformer of width C.

    Attributes:
        tokens: (B, 1 + S, C) of the sentence and the phrases, which stand before the motion tokens.
        mask: (B, 1 + S) True where there is one.
        guide: (B, L, C) what is added to the motion tokens; None for nothing.
    """

    tokens: Tensor
    mask: Tensor
    guide: Tensor | None

    @classmethod
    def of(
        cls,
        condition: TextCondition,
        length: int,
        projection: nn.Linear | PackedLinear,
        guide: PhraseGuide | None,
    ) -> ConditionTokens:
        """What motions of L tokens are told."""
        told = None if guide is None else guide(condition, length)
        tokens = projection(condition.vectors.to(projection.weight.dtype))
        return cls(tokens, condition.mask, told)

    def __getitem__(self, rows: Tensor | slice) -> ConditionTokens:
        return ConditionTokens(
            self.tokens[rows], self.mask[rows], None if self.guide is None else self.guide[rows]
        )

    def guided(self, motion: Tensor) -> Tensor:
        """(B, L, C) motion tokens that know their phrase."""
        return motion if self.guide is None else motion + self.guide

"""What mask transformer and residual transformer share: how they read a text, and their encoder."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Protocol

from torch import Tensor, nn

from kinelex.generators.base import TextCondition
from kinelex.generators.condition_tokens import ConditionTokens
from kinelex.generators.phrase_guide import PhraseGuide
from kinelex.generators.transformer import Encoder, Positions, TransformerConfig
from kinelex.generators.widening import Widening
from kinelex.inference.packed_linear import PackedLinear


class TokenTransformerConfig(Protocol):
    """What is asked of either's architecture."""

    @property
    def transformer(self) -> TransformerConfig: ...
    @property
    def segments(self) -> bool: ...


class TokenTransformer(nn.Module, ABC):
    """Encodes [sentence, phrases, motion tokens].

    A copy to draw with is widened (see `Widening`): all that goes into its encoder is then 4C wide.
    """

    config: TokenTransformerConfig
    token_projection: nn.Linear | PackedLinear
    positions: Positions
    condition_projection: nn.Linear | PackedLinear
    guide: PhraseGuide | None
    encoder: Encoder
    widening: Widening | None = None

    def prepare(self) -> None:
        """Look up the first layer's queries, keys and values from now on; later changes of weights are not seen."""
        if self.training:  # what goes into the encoder is then dropped out at random
            return
        attention = self.encoder.first_attention
        weight, bias = attention.in_proj_weight.detach(), attention.in_proj_bias.detach()
        self.widening = Widening(weight.float(), bias.float())
        self._widen(self.widening)

    @abstractmethod
    def _widen(self, widening: Widening) -> None:
        """Make the tables of what the network itself puts into its encoder."""

    def read(self, condition: TextCondition, length: int) -> ConditionTokens:
        """The text as the encoder reads it before motions of L tokens."""
        condition = condition if self.config.segments else condition.alone()
        guide = None if self.guide is None else self.guide(condition, length)
        tokens = self.condition_projection(condition.vectors.to(self.condition_projection.weight.dtype))
        if self.widening is None:
            return ConditionTokens(tokens, condition.mask, guide)
        assert self.token_projection.bias is not None
        places = self.positions.table[:length] + self.token_projection.bias
        places = self.widening.base(places[None] if guide is None else places + guide)
        return ConditionTokens(self.widening.base(tokens), condition.mask, places.expand(len(tokens), -1, -1))

    def projected(self, embedded: Tensor, text: ConditionTokens) -> Tensor:
        """(B, L, C) the encoder's input at the motion tokens, of their embeddings (B, L, code_width)."""
        return self.positions(text.guided(self.token_projection(embedded)))

    def encoded(self, sequence: Tensor, keys: Tensor | None, wanted: Tensor | None = None) -> Tensor:
        """(B, N, C) what the encoder makes of inputs (B, N, C), or (B, N, 4C) widened; see `Encoder`."""
        if self.widening is None:
            return self.encoder(sequence, keys, wanted)
        width = self.config.transformer.latent
        return self.encoder(sequence[..., :width], keys, wanted, sequence[..., width:])

"""Residual transformer: the ids of layers 1..Q-1, each from the layers below it (MoMask, section 3.2)."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kinelex.generators.base import TextCondition
from kinelex.generators.condition_tokens import ConditionTokens
from kinelex.generators.masked import IGNORED, TokenLoss, token_loss
from kinelex.generators.phrase_guide import PhraseGuide
from kinelex.generators.sampling import SampleNoise, SamplingOptions, guided, sample_ids
from kinelex.generators.token_transformer import TokenTransformer
from kinelex.generators.transformer import (
    Encoder,
    OutputHead,
    Positions,
    TransformerConfig,
    initialize,
    key_mask,
)
from kinelex.generators.widening import Widening
from kinelex.tokenizer.rvqvae import length_mask


@dataclass(frozen=True)
class ResidualTransformerConfig:
    """Architecture of the residual transformer; the defaults are the paper's with a 384-wide text vector.

    Attributes:
        text_width: D of the condition vectors.
        codes: classes of each layer.
        code_width: width of a token's embedding.
        quantizers: Q, layers of the tokenizer.
        transformer: sizes of the encoder.
        condition_dropout: probability that a training sample loses its text.
        share_weights: the embedding of a layer is also its output table.
        phrase_guide: every token reads the phrase of its segment; the paper's does not.
        segments: phrases are read too, as tokens behind the sentence (SegMo, section 3.3); MoMask reads the sentence.
    """

    text_width: int = 384
    codes: int = 512
    code_width: int = 512
    quantizers: int = 6
    transformer: TransformerConfig = field(default_factory=TransformerConfig)
    condition_dropout: float = 0.2
    share_weights: bool = True
    phrase_guide: bool = False
    segments: bool = True

    @property
    def pad_id(self) -> int:
        """Id of padding, also a class that can be predicted: no code in that layer."""
        return self.codes


class ResidualTransformer(TokenTransformer):
    """Predicts layer q from the summed embeddings of layers 0..q-1 and [sentence, phrases, layer token]."""

    config: ResidualTransformerConfig
    wide_tables: Tensor
    wide_layers: Tensor

    def __init__(self, config: ResidualTransformerConfig) -> None:
        super().__init__()
        self.config = config
        latent, rows = config.transformer.latent, config.codes + 1
        if config.share_weights:
            self.shared_tables = nn.Parameter(torch.empty(config.quantizers - 2, rows, config.code_width))
            self.first_table = nn.Parameter(torch.empty(1, rows, config.code_width))
            self.last_table = nn.Parameter(torch.empty(1, rows, config.code_width))
            tables = (self.shared_tables, self.first_table, self.last_table)
        else:
            self.input_tables_ = nn.Parameter(torch.empty(config.quantizers - 1, rows, config.code_width))
            self.output_tables_ = nn.Parameter(torch.empty(config.quantizers - 1, rows, config.code_width))
            self.output_bias = nn.Parameter(torch.zeros(config.quantizers, rows))
            tables = (self.input_tables_, self.output_tables_)
        self.token_projection = nn.Linear(config.code_width, latent)
        self.positions = Positions(latent, config.transformer.dropout)
        self.layer_projection = nn.Linear(config.quantizers, latent)
        self.condition_projection = nn.Linear(config.text_width, latent)
        self.guide = PhraseGuide(config.text_width, latent) if config.phrase_guide else None
        self.encoder = Encoder(config.transformer)
        self.head = OutputHead(latent, config.code_width)
        initialize(self)
        for table in tables:
            nn.init.normal_(table, std=0.02)

    @property
    def input_tables(self) -> Tensor:
        """(Q - 1, codes + 1, code_width) embeddings of layers 0..Q-2."""
        if self.config.share_weights:
            return torch.cat([self.first_table, self.shared_tables])
        return self.input_tables_

    @property
    def _summed_tables(self) -> Tensor:
        """What the history sums, (Q - 1, codes + 1, code_width), or (..., 4C) of a widened network."""
        return self.input_tables if self.widening is None else self.wide_tables

    @property
    def output_tables(self) -> Tensor:
        """(Q - 1, codes + 1, code_width) output tables of layers 1..Q-1."""
        if self.config.share_weights:
            return torch.cat([self.shared_tables, self.last_table])
        return self.output_tables_

    def history(self, ids: Tensor, lengths: Tensor) -> Tensor:
        """(Q', B, L, code_width) running sums of the embeddings of ids (B, L, Q'); q sums layers 0..q."""
        valid = length_mask(lengths, ids.shape[1])[..., None] & (ids >= 0)
        rows = ids.where(valid, self.config.pad_id)
        tables = self._summed_tables
        embedded = [F.embedding(rows[..., q], tables[q]) for q in range(ids.shape[-1])]
        return torch.stack(embedded).cumsum(0)

    def _widen(self, widening: Widening) -> None:
        embedded = F.linear(self.input_tables, self.token_projection.weight)
        self.wide_tables = widening.summand(embedded.detach())
        one_hot = torch.eye(self.config.quantizers).to(self.layer_projection.weight)
        self.wide_layers = widening.base(self.layer_projection(one_hot).detach())

    def outputs(self, history: Tensor, layers: Tensor, text: ConditionTokens, lengths: Tensor) -> Tensor:
        """(B, L, code_width) predictions for layer layers[b], 1..Q-1, from its history (B, L, code_width).

        The history of a widened network is a sum of `wide_tables`' rows, (B, L, 4C).
        """
        if self.widening is None:
            tokens = self.projected(history, text)
            one_hot = F.one_hot(layers, self.config.quantizers).to(tokens.dtype)
            layer = self.layer_projection(one_hot)
        else:
            tokens, layer = text.guided(history), F.embedding(layers, self.wide_layers)
        sequence = torch.cat([text.tokens, layer[:, None], tokens], dim=1)
        front = F.pad(text.mask, (0, 1), value=True)
        hidden = self.encoded(sequence, key_mask(front, length_mask(lengths, tokens.shape[1])))
        return self.head(hidden[:, hidden.shape[1] - tokens.shape[1] :])

    def logits(self, outputs: Tensor, table: Tensor, layers: Tensor | int) -> Tensor:
        """(B, L, codes + 1) from outputs (B, L, code_width) and the layer's table, or a table a sample."""
        logits = outputs @ table.to(outputs.dtype).transpose(-1, -2)
        if self.config.share_weights:
            return logits
        # The published code adds the product twice where there is a bias; its weights were trained that way.
        bias = self.output_bias[layers - 1]
        return 2 * logits + (bias if bias.dim() == 1 else bias[:, None])

    def forward(self, ids: Tensor, layers: Tensor, condition: TextCondition, lengths: Tensor) -> Tensor:
        """(B, L, codes + 1) logits of layer layers[b], from the true ids (B, L, Q) of the layers below."""
        history = self.history(ids[..., : self.config.quantizers - 1], lengths)
        own = history[layers - 1, torch.arange(len(ids), device=ids.device)]
        outputs = self.outputs(own, layers, self.read(condition, ids.shape[1]), lengths)
        return self.logits(outputs, self.output_tables[layers - 1], layers)

    @torch.no_grad()
    def generate(
        self,
        base: Tensor,
        condition: TextCondition,
        lengths: Tensor,
        noise: SampleNoise,
        options: SamplingOptions,
        known: Tensor | None = None,
    ) -> Tensor:
        """Draw layers 1..Q-1 on top of base ids (B, L): (B, L, Q), with -1 in padding and for "no code".

        `known` (B, L, Q): ids to keep, -1 where to draw; a token is kept when its base layer is known.
        """
        scale, copies = options.residual_guidance, 1 if options.residual_guidance == 1 else 2
        text = self.read(condition if copies == 1 else condition.with_unconditional(), base.shape[1])
        valid = length_mask(lengths, base.shape[1])
        inputs, outputs = self._summed_tables, self.output_tables
        layers_ids, history = [base], base.new_zeros((), dtype=inputs.dtype)
        for q in range(1, self.config.quantizers):
            below = layers_ids[-1]
            below = below.where(valid & (below >= 0), self.config.pad_id)
            history = history + F.embedding(below, inputs[q - 1])
            layers = torch.full((copies * len(base),), q, device=base.device)
            predicted = self.outputs(history.repeat(copies, 1, 1), layers, text, lengths.repeat(copies))
            logits = self.logits(predicted, outputs[q - 1], q).float()
            logits = logits if copies == 1 else guided(logits, scale)
            drawn = sample_ids(logits, noise.draw(lengths, logits.shape[-1]), options)
            drawn = drawn.masked_fill(~valid | (drawn == self.config.pad_id), -1)
            layers_ids.append(drawn if known is None else known[..., q].where(known[..., 0] >= 0, drawn))
        return torch.stack(layers_ids, dim=-1)


def draw_layers(uniform: Tensor, quantizers: int) -> Tensor:
    """Layer to train for each sample, 1..Q-1, low layers more often; uniform (B,) in [0, 1)."""
    return 1 + ((1 - torch.cos(uniform * math.pi * 0.5)) * (quantizers - 2)).round().long()


def residual_training_loss(
    model: ResidualTransformer,
    ids: Tensor,
    lengths: Tensor,
    condition: TextCondition,
    generator: torch.Generator,
) -> TokenLoss:
    """One training step's loss on ids (B, L, Q): one random layer a sample (MoMask, Eq. 5)."""
    layers = draw_layers(
        torch.rand(len(ids), generator=generator, device=ids.device), model.config.quantizers
    )
    drop = torch.rand(len(ids), generator=generator, device=ids.device) < model.config.condition_dropout
    logits = model(ids, layers, condition.dropped(drop), lengths)
    labels = ids[torch.arange(len(ids), device=ids.device), :, layers]
    return token_loss(logits, labels.where(length_mask(lengths, ids.shape[1]), IGNORED))

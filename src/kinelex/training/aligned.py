"""The mask transformer trained together with segment alignment (SegMo, Eq. 9)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from kinelex.alignment.segmo import AlignmentConfig, Outputs, SegmentAlignment
from kinelex.alignment.spans import Spans
from kinelex.generators.base import TextCondition
from kinelex.generators.masked import MaskTransformer, MaskTransformerConfig, corrupt, token_loss


@dataclass(frozen=True)
class AlignedConfig:
    """Architecture of both; names what is trained in the fingerprint of a checkpoint."""

    transformer: MaskTransformerConfig
    alignment: AlignmentConfig


class AlignedMaskTransformer(nn.Module):
    """What is optimised together: the generator, and the layers that only the alignment needs."""

    def __init__(self, transformer: MaskTransformer, alignment: AlignmentConfig) -> None:
        super().__init__()
        self.config = AlignedConfig(transformer.config, alignment)
        sizes = transformer.config.transformer
        self.transformer = transformer
        self.alignment = SegmentAlignment(alignment, sizes.latent, sizes.heads)


@dataclass(frozen=True)
class AlignedLoss:
    """One step's losses.

    Attributes:
        loss: cross-entropy plus the weighted alignment loss.
        accuracy: top-1 over the predicted positions.
        alignment: the alignment loss, unweighted.
        consistency: ISC of the batch; 0 where the batch has no phrases.
    """

    loss: Tensor
    accuracy: Tensor
    alignment: Tensor
    consistency: Tensor


def aligned_training_loss(
    model: AlignedMaskTransformer,
    ids: Tensor,
    lengths: Tensor,
    condition: TextCondition,
    spans: Spans,
    generator: torch.Generator,
) -> AlignedLoss:
    """Losses of a batch; samples that lost their text in this step are not aligned.

    Nor are those whose tokens the phrase guide told what they are to do: nothing is left to find out there.

    Args:
        model: the generator with its alignment.
        ids: (B, L) base-layer ids.
        lengths: (B,) valid tokens.
        condition: text vectors with S phrases.
        spans: (B, S) motion segments.
        generator: of the corruption and of the dropped conditions.
    """
    transformer = model.transformer
    targets = corrupt(ids, lengths, transformer.config, generator)
    drop = torch.rand(len(ids), generator=generator, device=ids.device) < transformer.config.condition_dropout
    text = transformer.read(condition.dropped(drop), ids.shape[1])
    hidden = transformer.hidden(targets.inputs, text, lengths)
    outputs = Outputs.of_hidden(hidden, condition.segments.shape[1])
    tokens = token_loss(transformer.head(outputs.tokens), targets.labels)
    present = condition.segment_mask & ~drop[:, None]
    if transformer.guide is not None and condition.spans is not None:
        present = present & ~condition.spans.present.any(1, keepdim=True)
    aligned = model.alignment.loss(outputs, spans, lengths, present)
    with torch.no_grad():
        consistency = model.alignment.consistency(outputs, spans, present).nan_to_num(0.0)
    weighted = tokens.loss + model.config.alignment.weight * aligned
    return AlignedLoss(weighted, tokens.accuracy, aligned, consistency)

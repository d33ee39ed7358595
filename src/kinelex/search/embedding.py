"""Phrases and parts of a motion in the space that segment alignment makes (SegMo, section 4.4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from kinelex.alignment.segmo import Outputs, SegmentAlignment
from kinelex.alignment.spans import Spans
from kinelex.errors import KinelexError
from kinelex.generators.base import TextCondition
from kinelex.generators.editing import sliding_windows
from kinelex.generators.model import MoMaskModel, MotionModel
from kinelex.motion.mirror import mirror_features
from kinelex.motion.motion import Motion
from kinelex.search.features import motion_features
from kinelex.text.left_first import left_first
from kinelex.tokenizer.rvqvae import TokenizedMotion


def aligned_model(model: MotionModel) -> MoMaskModel:
    """The model, if it was trained with segment alignment.

    Raises:
        KinelexError: it was trained without, or is of a kind that has none.
    """
    if not isinstance(model, MoMaskModel) or model.alignment is None:
        raise KinelexError(
            "this model was trained without segment alignment and cannot compare phrases with motions; "
            "train one with the recipe segmo-cpu"
        )
    return model


def alignment_of(model: MoMaskModel) -> SegmentAlignment:
    """The model's alignment; raises as `aligned_model`."""
    alignment = aligned_model(model).alignment
    assert alignment is not None
    return alignment


@dataclass(frozen=True)
class SeenMotion:
    """One motion as a model sees it.

    Attributes:
        tokens: of the motion (one sample).
        mirrored: of its mirror image, for models that read the right as the mirrored left; None for the others.
    """

    tokens: TokenizedMotion
    mirrored: TokenizedMotion | None = None

    @property
    def length(self) -> int:
        """How many tokens it has."""
        return int(self.tokens.lengths[0])


@torch.inference_mode()
def motion_tokens(model: MoMaskModel, motion: Motion) -> SeenMotion:
    """Tokens of a clip (one sample), at the model's frame rate.

    Raises:
        KinelexError: another skeleton than the model's, or a clip shorter than a token.
    """
    step = model.tokenizer.config.downsampling
    return feature_tokens(model, motion_features(motion, model.skeleton, shortest=step))


@torch.inference_mode()
def feature_tokens(model: MoMaskModel, features: Tensor) -> SeenMotion:
    """Tokens of un-normalised features (T, D) of one motion (one sample); a rest shorter than a token is left out."""
    whole = features[: len(features) - len(features) % model.tokenizer.config.downsampling].to(model.device)
    tokens = model.tokenizer.encode(model.normalizer(whole[None]))
    if not model.reading.left_first:
        return SeenMotion(tokens)
    image = mirror_features(whole, model.skeleton)
    return SeenMotion(tokens, model.tokenizer.encode(model.normalizer(image[None])))


@torch.inference_mode()
def compared(model: MoMaskModel, motion: SeenMotion, phrases: Sequence[str], spans: Spans) -> Tensor:
    """(P, W) cosines of P phrases with W parts of one motion; each phrase is read as a sentence of its own.

    A motion longer than the model reads is seen through overlapping windows; a part is compared in every window
    that holds it whole, or else the most of it, and gets the best of its cosines.

    Args:
        motion: to be compared.
        phrases: texts.
        spans: (1, W) parts of the motion.

    Raises:
        KinelexError: the model has no alignment.
    """
    if motion.mirrored is None:
        return _compared(model, motion.tokens, phrases, spans)
    read = [left_first(phrase) for phrase in phrases]
    turned = torch.tensor([one.mirrored for one in read], device=model.device)
    scores = torch.empty(len(phrases), spans.start.shape[1], device=model.device)
    for rows, tokens in ((~turned, motion.tokens), (turned, motion.mirrored)):
        own = [read[row].texts[0] for row in rows.nonzero()[:, 0].tolist()]
        if own:
            scores[rows] = _compared(model, tokens, own, spans)
    return scores


def _compared(model: MoMaskModel, tokens: TokenizedMotion, phrases: Sequence[str], spans: Spans) -> Tensor:
    """The same of phrases that are read as they are."""
    alignment = alignment_of(model)
    vectors = model.whitening(model.encoder.embed(list(phrases)))
    best = vectors.new_full((len(phrases), spans.start.shape[1]), -1.0)
    for window in sliding_windows(tokens.lengths):
        first, size = int(window.starts[0]), int(window.lengths[0])
        start = (spans.start[0] - first).clamp(0, size)
        end = (spans.end[0] - first).clamp(0, size)
        inside = (end - start) * 2 > (spans.end - spans.start)[0]
        if not inside.any():
            continue
        ids = tokens.ids[:, first : first + size, 0].expand(len(phrases), -1)
        parts = Spans(start[inside].expand(len(phrases), -1), end[inside].expand(len(phrases), -1))
        found = _cosines(model, alignment, ids, vectors, parts)
        best[:, inside] = torch.maximum(best[:, inside], found)
    return best


def _cosines(
    model: MoMaskModel, alignment: SegmentAlignment, ids: Tensor, vectors: Tensor, spans: Spans
) -> Tensor:
    """(P, W) cosines of text vectors (P, D) with parts (P, W) of the motion ids (P, L)."""
    present = torch.ones(len(vectors), 1, dtype=torch.bool, device=vectors.device)
    condition = TextCondition(vectors, vectors[:, None], present)
    lengths = torch.full((len(ids),), ids.shape[1], device=ids.device)
    read = model.masked.read(condition, ids.shape[1])
    outputs = Outputs.of_hidden(model.masked.hidden(ids.long(), read, lengths), 1)
    asked = outputs.phrases.expand(-1, spans.start.shape[1], -1)
    parts = alignment.embed(Outputs(outputs.sentence, asked, outputs.tokens), spans)
    return functional.cosine_similarity(outputs.phrases, parts, dim=-1)

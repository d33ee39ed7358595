"""Where the motions of a split are cut into the phrases of their sentences, before training."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from kinelex.alignment.motion_segments import (
    ChangePoints,
    MotionPrimitives,
    MotionSegmenter,
    Scale,
    token_counts,
    uniform_cuts,
)
from kinelex.errors import KinelexError
from kinelex.generators.base import MAX_SEGMENTS
from kinelex.progress import track
from kinelex.tokenizer.normalization import FeatureNormalizer
from kinelex.training.corpus import Corpus, Part, Split

PRIMITIVES = "primitives.safetensors"
_FITTED_ON = 400


def segmenter_of(
    name: str, corpus: Corpus, folder: Path, retrieval: MotionSegmenter | None = None
) -> MotionSegmenter:
    """The segmenter of that name; motion primitives are fitted to the training split once and kept in a folder.

    Args:
        name: as in `AlignmentConfig.segments`.
        corpus: to be cut.
        folder: of the primitives.
        retrieval: the segmenter called "retrieval", which is not made here.

    Raises:
        KinelexError: "retrieval" is asked for and not given, or the primitives cannot be made or read.
    """
    if name in ("uniform", "known"):
        return uniform_cuts
    if name == "retrieval":
        if retrieval is None:
            raise KinelexError(
                "segments are to be found by a retrieval model, but no segmenter was given; make one of the model "
                "that the recipe names: RetrievalSegmenter(load_retrieval(folder))"
            )
        return retrieval
    scale = feature_scale(corpus.normalizer)
    if name == "cpd":
        return ChangePoints(scale)
    path = folder / PRIMITIVES
    if not path.is_file():
        chosen = np.linspace(0, len(corpus.train.parts) - 1, _FITTED_ON).round().astype(int)
        clips = [features_of(corpus.train, corpus.train.parts[index]) for index in np.unique(chosen)]
        MotionPrimitives.fit(clips, scale).save(path)
    return MotionPrimitives.load(path)


def feature_scale(normalizer: FeatureNormalizer) -> Scale:
    """What windows of features are made comparable with."""
    return Scale(normalizer.mean.cpu(), normalizer.deviation.cpu())


def features_of(split: Split, part: Part) -> Tensor:
    """(T, D) un-normalised features of a part."""
    return split.bank.features[part.start : part.start + part.frames]


def segment_table(split: Split, segmenter: MotionSegmenter, downsampling: int, *, known: bool) -> Tensor:
    """(C, 5) tokens of each phrase's segment, for the C sentences of a split in their order.

    Args:
        split: parts with their sentences.
        segmenter: cuts motions.
        downsampling: frames a token.
        known: take the exact boundaries where the data has them.
    """
    rows = []
    for part in track(split.parts, "cutting motions into segments"):
        cuts: dict[tuple[str, ...], tuple[int, ...]] = {}
        for sentence in part.sentences:
            phrases = sentence.phrases[: part.frames // downsampling]
            if phrases not in cuts:
                exact = known and len(part.cuts) == len(phrases) - 1 > 0
                cuts[phrases] = part.cuts if exact else segmenter(features_of(split, part), phrases)
            counts = token_counts(cuts[phrases], part.frames, downsampling)
            rows.append([*counts, *[0] * (MAX_SEGMENTS - len(phrases))])
    return torch.tensor(rows)


def known_segments(split: Split, downsampling: int) -> Tensor:
    """(C, 5) tokens of each phrase's segment where the data knows them, else 0, for the C sentences of a split.

    It knows them where the motion was put together from clips, and where a sentence is one phrase.
    """
    rows = []
    for part in split.parts:
        for sentence in part.sentences:
            count, exact = len(sentence.phrases), len(part.cuts) + 1
            counts = token_counts(part.cuts, part.frames, downsampling) if count == exact else []
            rows.append([*counts, *[0] * (MAX_SEGMENTS - len(counts))])
    return torch.tensor(rows)

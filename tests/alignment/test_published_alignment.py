"""The alignment agrees with the official SegMo: segments, their vectors, and the loss."""

from __future__ import annotations

import torch

from kinelex.alignment.aggregation import MeanMax, segment_max, segment_mean
from kinelex.alignment.losses import segment_loss
from kinelex.alignment.spans import Spans, uniform_spans
from published import Case


def published_spans(case: Case) -> Spans:
    """As the official code has them: an absent segment is the last valid token."""
    return Spans(case.expected["segment_start"], case.expected["segment_end"] + 1)


def test_segments_follow_one_another_as_published() -> None:
    case = Case.load("segmo_mask_transformer")
    present = case.inputs["action_mask"]
    spans = Spans.of_counts(case.inputs["motion_seg"])
    assert torch.equal(spans.start[present], case.expected["segment_start"][present])
    assert torch.equal(spans.end[present] - 1, case.expected["segment_end"][present])
    assert torch.equal(spans.present, present)
    even = uniform_spans(case.inputs["token_lengths"], present)
    # The last sample of the case has an uneven split on purpose.
    assert torch.equal((even.end - even.start)[:4], case.inputs["motion_seg"][:4])


def test_segment_vectors_are_the_published_ones() -> None:
    case = Case.load("segmo_mask_transformer")
    tokens, spans = case.expected["motion_embedding"], published_spans(case)
    members = spans.members(tokens.shape[1])
    case.check("segment_mean", segment_mean(tokens, members))
    case.check("segment_max", segment_max(tokens, members))
    width = tokens.shape[-1]
    head = MeanMax(width)
    head.projection.weight.data = case.weights["segment_align_block.gather_ln.weight"]
    head.projection.bias.data = case.weights["segment_align_block.gather_ln.bias"]
    phrases = case.expected["text_segment_embedding"]
    case.check("motion_segment_embedding", head(tokens, spans, phrases).detach())


def test_the_loss_is_the_published_one_where_all_slots_count() -> None:
    case = Case.load("segmo_mask_transformer")
    phrases, motions = case.expected["text_segment_embedding"], case.expected["motion_segment_embedding"]
    everywhere = torch.ones_like(case.inputs["action_mask"])
    temperature = case.facts["constructor"]["align_temp"]
    case.check("align_loss", segment_loss(phrases, motions, everywhere, temperature))


def test_on_full_samples_masking_absent_slots_changes_nothing() -> None:
    case = Case.load("segmo_mask_transformer")
    full = case.inputs["action_mask"].all(1)
    assert full.any()
    phrases = case.expected["text_segment_embedding"][full]
    motions = case.expected["motion_segment_embedding"][full]
    present = case.inputs["action_mask"][full]
    everywhere = torch.ones_like(present)
    ours = segment_loss(phrases, motions, present, 0.1)
    torch.testing.assert_close(ours, segment_loss(phrases, motions, everywhere, 0.1))

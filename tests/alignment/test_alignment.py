"""What segments, their vectors and the alignment losses must obey, against loops over samples."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from kinelex.alignment.aggregation import AGGREGATIONS, MeanMax, build_aggregation
from kinelex.alignment.losses import (
    batch_loss,
    consistency,
    global_loss,
    segment_loss,
    token_align_loss,
)
from kinelex.alignment.spans import Spans, uniform_spans

WIDTH, TEMPERATURE = 8, 0.1
PRESENT = torch.tensor([[True] * 5, [True, True, False, False, False], [True] + [False] * 4, [False] * 5])
LENGTHS = torch.tensor([12, 7, 5, 9])


def batch(seed: int = 0) -> tuple[Tensor, Tensor, Spans]:
    """Token vectors (4, 12, C), phrase vectors (4, 5, C) and even segments."""
    draws = torch.Generator().manual_seed(seed)
    tokens = torch.randn(4, 12, WIDTH, generator=draws)
    return tokens, torch.randn(4, 5, WIDTH, generator=draws), uniform_spans(LENGTHS, PRESENT)


@given(st.integers(1, 60), st.integers(1, 5))
def test_uniform_spans_partition_the_motion_evenly(length: int, count: int) -> None:
    present = torch.arange(5)[None] < count
    spans = uniform_spans(torch.tensor([length]), present)
    sizes = (spans.end - spans.start)[0]
    assert int(sizes.sum()) == length
    assert torch.equal(spans.start[0, 1:], spans.end[0, :-1])
    assert int(sizes[:count].max() - sizes[:count].min()) <= 1
    assert bool((sizes[:count].diff() <= 0).all())
    assert not sizes[count:].any()
    assert torch.equal(spans.members(length)[0].sum(0), torch.ones(length, dtype=torch.long))


@pytest.mark.parametrize("name", AGGREGATIONS)
def test_a_segment_vector_hangs_on_its_own_tokens_alone(name: str) -> None:
    torch.manual_seed(1)
    head = build_aggregation(name, WIDTH, 2).eval()
    tokens, phrases, spans = batch()
    before = head(tokens, spans, phrases)
    assert before.shape == (4, 5, WIDTH)
    assert torch.isfinite(before).all()
    changed = tokens.clone()
    changed[0, int(spans.start[0, 2]) : int(spans.end[0, 2])] += 1.0
    changed[1, 7:] += 1.0
    difference = (head(changed, spans, phrases) - before).abs().amax(-1) > 1e-5
    touched = torch.zeros(4, 5, dtype=torch.bool)
    touched[0, 2] = True
    assert torch.equal(difference & PRESENT, touched)


def test_mean_and_max_over_a_loop() -> None:
    tokens, phrases, spans = batch()
    for name, pool in (("mean", lambda x: x.mean(0)), ("max", lambda x: x.amax(0))):
        head = build_aggregation(name, WIDTH, 2)
        assert isinstance(head, MeanMax)
        head.projection.weight.data = torch.eye(WIDTH)
        head.projection.bias.data.zero_()
        vectors = head(tokens, spans, phrases)
        for row, slot in PRESENT.nonzero().tolist():
            own = tokens[row, int(spans.start[row, slot]) : int(spans.end[row, slot])]
            torch.testing.assert_close(vectors[row, slot], pool(own))


def cross_entropy_loop(similarity: Tensor) -> float:
    """Mean of -log softmax at the diagonal, rows and columns, in plain Python."""
    scaled = similarity / TEMPERATURE
    both = [
        -(matrix[i, i] - torch.logsumexp(matrix[i], 0))
        for matrix in (scaled, scaled.T)
        for i in range(len(matrix))
    ]
    return float(torch.stack(both).mean())


def cosines(left: Tensor, right: Tensor) -> Tensor:
    return functional.cosine_similarity(left[:, None], right[None], dim=-1)


def test_the_segment_loss_over_a_loop() -> None:
    tokens, phrases, _ = batch(1)
    motions = tokens[:, :5]
    totals = [
        cross_entropy_loop(cosines(phrases[row, : int(n)], motions[row, : int(n)])) * int(n)
        for row, n in enumerate(PRESENT.sum(1))
        if n
    ]
    expected = sum(totals) / int(PRESENT.sum())
    assert float(segment_loss(phrases, motions, PRESENT, TEMPERATURE)) == pytest.approx(expected, rel=1e-5)


def test_the_batch_and_global_losses_over_a_loop() -> None:
    tokens, phrases, _ = batch(2)
    motions = tokens[:, :5]
    pairs = cosines(phrases[PRESENT], motions[PRESENT])
    assert float(batch_loss(phrases, motions, PRESENT, TEMPERATURE)) == pytest.approx(
        cross_entropy_loop(pairs), rel=1e-5
    )
    whole = cosines(phrases[:, 0], motions[:, 0])
    loss = global_loss(phrases[:, 0], motions[:, 0], TEMPERATURE)
    assert float(loss) == pytest.approx(cross_entropy_loop(whole), rel=1e-5)


def test_the_token_loss_over_a_loop() -> None:
    tokens, phrases, spans = batch(3)
    losses = []
    for row, slot in PRESENT.nonzero().tolist():
        valid = phrases[row, PRESENT[row]]
        for step in range(int(spans.start[row, slot]), int(spans.end[row, slot])):
            scores = functional.cosine_similarity(tokens[row, step][None], valid) / TEMPERATURE
            losses.append(-(scores[slot] - torch.logsumexp(scores, 0)))
    loss = token_align_loss(phrases, tokens, spans.members(12), PRESENT, TEMPERATURE)
    assert float(loss) == pytest.approx(float(torch.stack(losses).mean()), rel=1e-5)


def test_absent_slots_change_nothing_and_get_no_gradient() -> None:
    tokens, phrases, spans = batch(4)
    motions = tokens[:, :5].clone().requires_grad_()
    losses = [
        segment_loss(phrases, motions, PRESENT, TEMPERATURE),
        batch_loss(phrases, motions, PRESENT, TEMPERATURE),
    ]
    for loss in losses:
        (gradient,) = torch.autograd.grad(loss, motions)
        assert torch.isfinite(gradient).all()
        assert not gradient[~PRESENT].any()
    noisy = torch.where(PRESENT[..., None], phrases, phrases + 100)
    assert segment_loss(noisy, motions, PRESENT, TEMPERATURE) == losses[0]
    token = token_align_loss(phrases, tokens, spans.members(12), PRESENT, TEMPERATURE)
    assert token_align_loss(noisy, tokens, spans.members(12), PRESENT, TEMPERATURE) == token


def test_a_batch_without_phrases_costs_nothing() -> None:
    tokens, phrases, spans = batch(5)
    motions = tokens[:, :5].clone().requires_grad_()
    none = torch.zeros_like(PRESENT)
    for loss in (
        segment_loss(phrases, motions, none, TEMPERATURE),
        batch_loss(phrases, motions, none, TEMPERATURE),
        token_align_loss(phrases, motions, spans.members(5), none, TEMPERATURE),
    ):
        assert loss.item() == 0.0
        loss.backward()


def test_aligned_pairs_are_consistent_and_cost_least() -> None:
    _, phrases, _ = batch(6)
    everywhere = torch.ones(4, 5, dtype=torch.bool)
    assert float(consistency(phrases, 3 * phrases, everywhere)) == pytest.approx(1.0)
    assert float(consistency(phrases, -phrases, everywhere)) == pytest.approx(-1.0)
    aligned = segment_loss(phrases, phrases, everywhere, TEMPERATURE)
    assert aligned < segment_loss(phrases, phrases.roll(1, dims=1), everywhere, TEMPERATURE)

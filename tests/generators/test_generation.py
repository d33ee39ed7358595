"""Laws of generation: seeds, batches, kept tokens, long motions."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from kinelex.alignment.spans import Spans, uniform_spans
from kinelex.errors import KinelexError
from kinelex.generators.base import TextCondition
from kinelex.generators.editing import open_span, sliding_windows, window_condition
from kinelex.generators.masked import MaskTransformer, MaskTransformerConfig
from kinelex.generators.momask import MoMask
from kinelex.generators.phrase_guide import PhraseGuide
from kinelex.generators.residual import ResidualTransformer, ResidualTransformerConfig
from kinelex.generators.sampling import SamplingOptions
from kinelex.generators.transformer import TransformerConfig

SIZES = TransformerConfig(latent=32, layers=2, heads=4, feedforward=64)
WIDTH, CODES, LAYERS = 16, 32, 4


@pytest.fixture(scope="module", params=[False, True], ids=["published", "guided"])
def momask(request: pytest.FixtureRequest) -> MoMask:
    return random_networks(guide=request.param)


def random_networks(*, guide: bool, segments: bool = True) -> MoMask:
    torch.manual_seed(0)
    how = {"phrase_guide": guide, "segments": segments}
    masked = MaskTransformer(MaskTransformerConfig(WIDTH, CODES, 24, SIZES, **how)).eval()
    residual = ResidualTransformer(ResidualTransformerConfig(WIDTH, CODES, 24, LAYERS, SIZES, **how)).eval()
    for parameter in [*masked.parameters(), *residual.parameters()]:
        if parameter.dim() > 1:
            parameter.data.mul_(5)  # peaked predictions, so that text and context matter
    return MoMask(masked, residual)


@pytest.fixture(scope="module")
def condition() -> TextCondition:
    torch.manual_seed(1)
    present = torch.arange(5) < torch.tensor([0, 5, 3, 1])[:, None]
    return TextCondition(torch.randn(4, WIDTH), torch.randn(4, 5, WIDTH), present)


LENGTHS = torch.tensor([5, 49, 120, 20])
SEEDS = [1, 2, 3, 4]


def test_a_clip_is_the_same_alone_and_in_a_batch(momask: MoMask, condition: TextCondition) -> None:
    together = momask.generate(condition, LENGTHS, SEEDS)
    again = momask.generate(condition, LENGTHS, SEEDS)
    assert torch.equal(together.ids, again.ids)
    for row, length in enumerate(LENGTHS.tolist()):
        one = slice(row, row + 1)
        alone = momask.generate(condition[one], LENGTHS[one], SEEDS[one])
        assert torch.equal(alone.ids[0], together.ids[row, :length])
        assert (together.ids[row, length:] == -1).all()
        assert (alone.ids[..., 0] >= 0).all()
        assert alone.ids.max() < CODES


def test_plain_momask_reads_the_sentence_alone(condition: TextCondition) -> None:
    plain = random_networks(guide=False, segments=False)
    ids = plain.generate(condition, LENGTHS, SEEDS).ids
    assert torch.equal(ids, plain.generate(condition.alone(), LENGTHS, SEEDS).ids)
    # As a network that could read phrases, and is given none.
    reader = random_networks(guide=False)
    assert torch.equal(ids, reader.generate(condition.alone(), LENGTHS, SEEDS).ids)
    assert not torch.equal(ids, reader.generate(condition, LENGTHS, SEEDS).ids)


def test_another_seed_is_another_clip(momask: MoMask, condition: TextCondition) -> None:
    first = momask.generate(condition, LENGTHS, SEEDS).ids
    second = momask.generate(condition, LENGTHS, [1, 2, 3, 5]).ids
    assert torch.equal(first[:3], second[:3])
    assert not torch.equal(first[3], second[3])


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_kept_tokens_stay(momask: MoMask, condition: TextCondition, precision: str) -> None:
    options, one = SamplingOptions(precision=precision), condition[1:2]
    clip = momask.generate(one, torch.tensor([30]), [0], options)
    edit = open_span(clip, 10, 20, size=14)
    result = momask.generate(one, edit.lengths, [1], options, known=edit.ids)
    assert result.lengths.tolist() == [34]
    assert torch.equal(result.ids[:, :10], clip.ids[:, :10])
    assert torch.equal(result.ids[:, 24:], clip.ids[:, 20:])
    assert (result.ids[:, 10:24, 0] >= 0).all()


def test_nothing_to_draw_changes_nothing(momask: MoMask, condition: TextCondition) -> None:
    clip = momask.generate(condition[:1], torch.tensor([12]), [0])
    assert torch.equal(momask.generate(condition[:1], clip.lengths, [9], known=clip.ids).ids, clip.ids)


def test_a_longer_motion_goes_on_from_the_kept_beginning(momask: MoMask, condition: TextCondition) -> None:
    clip = momask.generate(condition[1:2], torch.tensor([40]), [0])
    edit = open_span(clip, 40, 40, size=60)
    longer = momask.generate(condition[1:2], edit.lengths, [0], known=edit.ids)
    assert torch.equal(longer.ids[:, :40], clip.ids)
    assert longer.ids.shape[1] == 100
    assert (longer.ids[..., 0] >= 0).all()


def test_guidance_goes_from_the_empty_text_to_the_text(momask: MoMask, condition: TextCondition) -> None:
    """Scale 0 is the clip of the empty text; scale 1 is the text alone."""
    plain = SamplingOptions(guidance=1.0, residual_guidance=1.0)
    empty = condition.dropped(torch.ones(4, dtype=torch.bool))
    zero = SamplingOptions(guidance=0.0, residual_guidance=0.0)
    unconditional = momask.generate(empty, LENGTHS, SEEDS, plain).ids
    assert torch.equal(momask.generate(condition, LENGTHS, SEEDS, zero).ids, unconditional)
    assert not torch.equal(momask.generate(condition, LENGTHS, SEEDS, plain).ids, unconditional)


def test_wanted_positions_alone_are_those_of_the_full_pass(momask: MoMask, condition: TextCondition) -> None:
    lengths = torch.tensor([9, 14, 3, 14])
    ids = torch.randint(CODES, (4, 14), generator=torch.Generator().manual_seed(0))
    positions = torch.tensor([[0, 8], [13, 2], [2, 1], [5, 7]])
    with torch.no_grad():
        full = momask.masked(ids, condition, lengths)
        part = momask.masked(ids, condition, lengths, positions)
    torch.testing.assert_close(part, full.gather(1, positions[..., None].expand(-1, -1, CODES)))


def test_unused_phrase_slots_do_not_matter(momask: MoMask, condition: TextCondition) -> None:
    other = TextCondition(
        condition.sentence,
        condition.segments.where(condition.segment_mask[..., None], torch.tensor(99.0)),
        condition.segment_mask,
    )
    assert torch.equal(
        momask.generate(condition, LENGTHS, SEEDS).ids, momask.generate(other, LENGTHS, SEEDS).ids
    )


@pytest.mark.parametrize(
    ("start", "end", "size"), [(-1, 2, None), (3, 2, None), (0, 99, None), (0, 12, 0), (1, 2, -1)]
)
def test_impossible_spans_are_refused(momask, condition, start: int, end: int, size: int | None) -> None:
    clip = momask.generate(condition[:1], torch.tensor([12]), [0])
    with pytest.raises(KinelexError):
        open_span(clip, start, end, size)


def test_sizes_that_differ_are_refused(momask: MoMask, condition: TextCondition) -> None:
    with pytest.raises(KinelexError, match="seeds"):
        momask.generate(condition, LENGTHS, [1])
    with pytest.raises(KinelexError, match="at least one token"):
        momask.generate(condition[:1], torch.tensor([0]), [1])
    with pytest.raises(KinelexError, match="tokens to keep"):
        momask.generate(
            condition[:1], torch.tensor([4]), [1], known=torch.zeros(1, 5, LAYERS, dtype=torch.long)
        )
    with pytest.raises(KinelexError, match="precision"):
        momask.generate(condition[:1], torch.tensor([4]), [1], SamplingOptions(precision="int4"))


@given(st.lists(st.integers(1, 400), min_size=1, max_size=6))
def test_windows_cover_every_token_with_context(sizes: list[int]) -> None:
    lengths, ends = torch.tensor(sizes), dict.fromkeys(range(len(sizes)), 0)
    for index, window in enumerate(sliding_windows(lengths)):
        for row, start, size in zip(
            window.rows.tolist(), window.starts.tolist(), window.lengths.tolist(), strict=True
        ):
            assert size == min(sizes[row], 49)
            assert start == 0 if index == 0 else start <= ends[row] - 13
            assert start + size > ends[row]
            ends[row] = start + size
    assert list(ends.values()) == sizes


@given(st.lists(st.tuples(st.integers(1, 200), st.integers(0, 5)), min_size=1, max_size=6))
def test_phrases_share_the_tokens_evenly_in_order(samples: list[tuple[int, int]]) -> None:
    lengths, phrases = (torch.tensor(column) for column in zip(*samples, strict=True))
    spans = uniform_spans(lengths, torch.arange(5) < phrases[:, None])
    for row, (length, count) in enumerate(samples):
        if count:
            start, end = spans.start[row, :count].tolist(), spans.end[row, :count].tolist()
            assert [b - a for a, b in zip(start, end, strict=True)] == [
                len(part) for part in torch.arange(length).tensor_split(count)
            ]
            assert start[1:] == end[:-1]
            assert end[-1] == length


def test_a_window_knows_only_the_phrases_it_touches(condition: TextCondition) -> None:
    lengths = torch.tensor([5, 100, 120, 20])
    condition = condition.at(uniform_spans(lengths, condition.segment_mask))
    first, second, *_ = sliding_windows(lengths)
    assert window_condition(condition, first).segment_mask.sum(1).tolist() == [0, 3, 2, 1]
    assert second.rows.tolist() == [1, 2]
    seen = window_condition(condition, second)
    assert seen.segment_mask.tolist() == [
        [False, True, True, True, True],
        [True, True, True, False, False],
    ]
    assert seen.spans is not None
    # Tokens 36..84 of the first: its phrases change every 20 tokens.
    assert seen.spans.start[0].tolist() == [0, 0, 4, 24, 44]
    assert seen.spans.end[0].tolist() == [0, 4, 24, 44, 49]


def two_phrases(*order: int) -> TextCondition:
    """One sentence with two phrases, in this order."""
    segments = torch.randn(1, 2, WIDTH, generator=torch.Generator().manual_seed(5))[:, list(order)]
    sentence = torch.randn(1, WIDTH, generator=torch.Generator().manual_seed(6))
    return TextCondition(sentence, segments, torch.ones(1, 2, dtype=torch.bool))


@pytest.mark.parametrize("guide", [False, True])
def test_only_guided_networks_know_the_order_of_phrases(guide: bool) -> None:
    networks, length = random_networks(guide=guide), torch.tensor([30])
    forward, backward = (
        networks.generate(two_phrases(*order), length, [0]).ids for order in ((0, 1), (1, 0))
    )
    assert torch.equal(forward, backward) is not guide


def test_the_same_phrases_in_other_slots_are_the_same_motion() -> None:
    networks, length = random_networks(guide=True), torch.tensor([30])
    spans = Spans(torch.tensor([[0, 12]]), torch.tensor([[12, 30]]))
    swapped = Spans(spans.start[:, [1, 0]], spans.end[:, [1, 0]])
    first = networks.generate(two_phrases(0, 1).at(spans), length, [0])
    second = networks.generate(two_phrases(1, 0).at(swapped), length, [0])
    assert torch.equal(first.ids, second.ids)


@torch.no_grad()
def test_every_token_is_told_its_own_phrase_and_place() -> None:
    guide, text = PhraseGuide(WIDTH, 8), two_phrases(0, 1)
    spans = Spans(torch.tensor([[2, 5]]), torch.tensor([[5, 7]]))
    told = guide(text.at(spans), 9)
    assert isinstance(told, torch.Tensor)
    for token in range(9):
        expected = torch.zeros(8)
        for phrase, (start, end) in enumerate([(2, 5), (5, 7)]):
            if start <= token < end:
                before = (token + 0.5 - start) / (end - start)
                place = guide.place(torch.tensor([before, 1 - before]))
                expected = guide.phrase(text.segments[0, phrase]) + place
        torch.testing.assert_close(told[0, token], expected)


@torch.no_grad()
def test_a_single_phrase_needs_no_guide() -> None:
    guide, text = PhraseGuide(WIDTH, 8), two_phrases(0, 1)
    spans = Spans(torch.tensor([[0, 5]]), torch.tensor([[5, 9]]))
    alone = TextCondition(text.sentence, text.segments, torch.tensor([[True, False]]), spans)
    told = guide(alone, 9)
    assert isinstance(told, torch.Tensor)
    assert (told == 0).all()

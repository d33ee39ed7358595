"""The mask transformer trained with alignment: cuts, losses, and what is left when it is switched off."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from synthetic import write_store

from kinelex.alignment.motion_segments import uniform_cuts
from kinelex.alignment.segmo import AlignmentConfig
from kinelex.alignment.spans import Spans, uniform_spans
from kinelex.generators.base import TextCondition
from kinelex.generators.masked import MaskTransformer, MaskTransformerConfig, masked_training_loss
from kinelex.generators.transformer import TransformerConfig
from kinelex.hub.folder import ModelCard, load_model, save_model
from kinelex.training.aligned import AlignedMaskTransformer, aligned_training_loss
from kinelex.training.corpus import read_corpus
from kinelex.training.cuts import segment_table
from kinelex.training.recipes import DataRecipe, load_recipe
from kinelex.training.run import load_parts, train

SIZES = TransformerConfig(32, 1, 2, 32, 0.0)


def batch() -> tuple[torch.Tensor, torch.Tensor, TextCondition]:
    draws = torch.Generator().manual_seed(0)
    present = torch.tensor([[True, True, True], [True, False, False], [False, False, False]])
    segments = torch.randn(3, 3, 8, generator=draws) * present[..., None]
    condition = TextCondition(torch.randn(3, 8, generator=draws), segments, present)
    lengths = torch.tensor([12, 7, 9])
    ids = torch.randint(16, (3, 12), generator=draws)
    return ids.masked_fill(torch.arange(12) >= lengths[:, None], -1), lengths, condition


def aligned(**settings: object) -> AlignedMaskTransformer:
    torch.manual_seed(0)
    transformer = MaskTransformer(MaskTransformerConfig(8, 16, 12, SIZES, condition_dropout=0.0))
    return AlignedMaskTransformer(transformer, AlignmentConfig(**settings))  # type: ignore[arg-type]


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(5)


def test_without_weight_the_loss_is_that_of_the_plain_transformer() -> None:
    ids, lengths, condition = batch()
    model = aligned(weight=0.0).eval()
    spans = uniform_spans(lengths, condition.segment_mask)
    found = aligned_training_loss(model, ids, lengths, condition, spans, generator())
    plain = masked_training_loss(model.transformer, ids, lengths, condition, generator())
    torch.testing.assert_close(found.loss, plain.loss)
    torch.testing.assert_close(found.accuracy, plain.accuracy)
    weighted = aligned_training_loss(aligned(weight=2.0).eval(), ids, lengths, condition, spans, generator())
    torch.testing.assert_close(weighted.loss, plain.loss + 2 * weighted.alignment)


@pytest.mark.parametrize("kind", ["segment", "batch", "global", "token"])
@pytest.mark.parametrize("aggregation", ["mean_max", "query", "cls"])
def test_every_kind_trains(kind: str, aggregation: str) -> None:
    ids, lengths, condition = batch()
    model = aligned(kind=kind, aggregation=aggregation)
    optimizer = torch.optim.AdamW(model.parameters(), 1e-2)
    spans = uniform_spans(lengths, condition.segment_mask)
    losses = []
    for _ in range(30):
        found = aligned_training_loss(model, ids, lengths, condition, spans, generator())
        found.loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(found.alignment.item())
    assert losses[-1] < 0.5 * losses[0]


def test_samples_that_lost_their_text_are_not_aligned() -> None:
    ids, lengths, condition = batch()
    torch.manual_seed(0)
    transformer = MaskTransformer(MaskTransformerConfig(8, 16, 12, SIZES, condition_dropout=1.0))
    model = AlignedMaskTransformer(transformer, AlignmentConfig())
    spans = uniform_spans(lengths, condition.segment_mask)
    found = aligned_training_loss(model, ids, lengths, condition, spans, generator())
    assert found.alignment.item() == 0.0


def test_known_boundaries_are_taken_where_the_data_has_them(tmp_path: Path) -> None:
    split = read_corpus([write_store(tmp_path)], DataRecipe()).train
    table = segment_table(split, uniform_cuts, 4, known=True)
    even = segment_table(split, uniform_cuts, 4, known=False)
    rows = [(part, sentence) for part in split.parts for sentence in part.sentences]
    assert len(rows) == len(table)
    for (part, sentence), counts, evenly in zip(rows, table, even, strict=True):
        assert int(counts.sum()) == int(evenly.sum()) == part.frames // 4
        assert int((evenly > 0).sum()) == len(sentence.phrases)
        if part.cuts and len(sentence.phrases) == 2:
            assert counts[:2].tolist() == [10, 12]
        else:
            assert torch.equal(counts, evenly)
    assert any(part.cuts for part in split.parts)


def test_a_crop_keeps_the_tokens_of_each_segment_that_it_holds() -> None:
    segments = Spans.of_counts(torch.tensor([[4, 3, 5, 0, 0]]))
    owner = torch.arange(3).repeat_interleave(torch.tensor([4, 3, 5]))
    for first in range(12):
        for length in range(1, 13 - first):
            found = segments.cropped(torch.tensor([first]), torch.tensor([length]))
            for segment, members in enumerate(found.members(length)[0]):
                assert torch.equal(members, owner[first : first + length] == segment)


@pytest.mark.parametrize("segments", ["uniform", "cluster"])
def test_an_aligned_model_is_trained_saved_and_loaded(tmp_path: Path, segments: str) -> None:
    store = write_store(tmp_path)
    recipe = load_recipe("segmo-cpu-debug", [f"masked.alignment.segments={segments}"])
    assert train(recipe, [store], tmp_path / "run", device="cpu").finished
    model = load_parts(recipe, [store], tmp_path / "run")
    assert model.alignment is not None
    save_model(model, tmp_path / "model", ModelCard("aligned", "MIT", "# aligned"), dtype=torch.float32)
    loaded = load_model(tmp_path / "model")
    assert loaded.alignment is not None
    assert loaded.alignment.config == recipe.masked.alignment
    for name, value in model.alignment.state_dict().items():
        torch.testing.assert_close(loaded.alignment.state_dict()[name], value)

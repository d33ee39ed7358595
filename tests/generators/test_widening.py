"""Inputs that bring the first layer's queries, keys and values along: the same sums, looked up."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

import pytest
import torch
from torch import Tensor

from kinelex.alignment.spans import uniform_spans
from kinelex.generators.base import TextCondition
from kinelex.generators.masked import MaskTransformer, MaskTransformerConfig, distinct_rows
from kinelex.generators.residual import ResidualTransformer, ResidualTransformerConfig
from kinelex.generators.sampling import SampleNoise, SamplingOptions
from kinelex.generators.transformer import TransformerConfig
from kinelex.generators.widening import Widening
from kinelex.inference.copies import inference_copy

WIDTH, CODES, LAYERS = 16, 32, 4
Network = TypeVar("Network", MaskTransformer, ResidualTransformer)
LENGTHS = torch.tensor([5, 12, 9])


def sizes(layers: int) -> TransformerConfig:
    return TransformerConfig(latent=32, layers=layers, heads=4, feedforward=48)


@pytest.fixture
def condition() -> TextCondition:
    torch.manual_seed(1)
    present = torch.arange(3) < torch.tensor([1, 3, 2])[:, None]
    told = TextCondition(torch.randn(3, WIDTH), torch.randn(3, 3, WIDTH), present)
    return told.at(uniform_spans(LENGTHS, present))


def grown(network: Network) -> Network:
    """With weights of a trained network's size: an untrained one hardly hears its text, and has no biases."""
    torch.manual_seed(2)
    for name, weight in network.named_parameters():
        if "norm" not in name:
            torch.nn.init.normal_(weight, std=0.3)
    return network.eval().requires_grad_(False)


def test_the_sum_of_widened_vectors_is_the_widened_sum() -> None:
    torch.manual_seed(0)
    widening = Widening(torch.randn(24, 8), torch.randn(24))
    one, two = torch.randn(3, 5, 8), torch.randn(5, 8)
    together = widening.base(one) + widening.summand(two)
    torch.testing.assert_close(together, widening.base(one + two))
    torch.testing.assert_close(together[..., :8], one + two)
    torch.testing.assert_close(together[..., 8:], (one + two) @ widening.weight.T + widening.bias)


@pytest.mark.parametrize("layers", [1, 2, 3])
@pytest.mark.parametrize("guide", [False, True])
@pytest.mark.parametrize("segments", [False, True])
def test_a_widened_mask_transformer_computes_the_same(
    condition: TextCondition, layers: int, guide: bool, segments: bool
) -> None:
    config = MaskTransformerConfig(WIDTH, CODES, 24, sizes(layers), phrase_guide=guide, segments=segments)
    plain = grown(MaskTransformer(config))
    wide = inference_copy(plain, torch.float32)
    assert wide.widening is not None
    assert plain.widening is None
    ids = torch.randint(CODES + 1, (3, 12))
    for positions in (None, torch.tensor([[0, 3], [11, 2], [1, 8]])):
        expected = plain(ids, condition, LENGTHS, positions)
        torch.testing.assert_close(wide(ids, condition, LENGTHS, positions), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("guide", [False, True])
@pytest.mark.parametrize("shared", [False, True])
def test_a_widened_residual_transformer_draws_the_same(
    condition: TextCondition, layers: int, guide: bool, shared: bool
) -> None:
    config = ResidualTransformerConfig(
        WIDTH, CODES, 24, LAYERS, sizes(layers), share_weights=shared, phrase_guide=guide
    )
    plain = grown(ResidualTransformer(config))
    wide = inference_copy(plain, torch.float32)
    base = torch.randint(CODES, (3, 12))

    def drawn(by: ResidualTransformer, text: TextCondition) -> Tensor:
        noise = SampleNoise.of_seeds([0, 1, 2], torch.device("cpu"))
        return by.generate(base, text, LENGTHS, noise, SamplingOptions())

    ids, layers = torch.randint(-1, CODES, (3, 12, LAYERS)), torch.tensor([1, 3, 2])
    torch.testing.assert_close(
        wide(ids, layers, condition, LENGTHS), plain(ids, layers, condition, LENGTHS), rtol=1e-4, atol=1e-4
    )
    other = replace(condition, sentence=condition.sentence.flip(0))
    assert torch.equal(drawn(wide, condition), drawn(plain, condition))
    assert torch.equal(drawn(wide, other), drawn(plain, other))
    assert not torch.equal(drawn(wide, condition), drawn(wide, other))


def test_networks_in_training_are_not_widened() -> None:
    network = MaskTransformer(MaskTransformerConfig(WIDTH, CODES, 24, sizes(2))).train()
    assert inference_copy(network, torch.float32).widening is None


@pytest.mark.parametrize(
    "rows", [[[1, 2]], [[1, 2], [1, 2], [0, 5], [1, 2], [0, 5]], [[3, 1], [1, 3], [2, 2]]]
)
def test_equal_rows_are_found(rows: list[list[int]]) -> None:
    first, twin = distinct_rows(torch.tensor(rows))
    assert sorted(first.tolist()) == [place for place, row in enumerate(rows) if rows.index(row) == place]
    assert [rows[first[which]] for which in twin] == rows

"""Networks made ready to generate with: what they compute is what the plain ones compute."""

from __future__ import annotations

import copy
import pickle
import platform
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kinelex.errors import KinelexError
from kinelex.generators.base import TextCondition
from kinelex.generators.masked import MaskTransformer, MaskTransformerConfig
from kinelex.generators.momask import MoMask
from kinelex.generators.residual import ResidualTransformer, ResidualTransformerConfig
from kinelex.generators.sampling import SampleNoise, SamplingOptions
from kinelex.generators.transformer import TransformerConfig, plain_attention
from kinelex.inference.copies import PRECISIONS, InferenceCopies, inference_copy
from kinelex.inference.packed_linear import PackedLinear

SIZES = TransformerConfig(latent=64, layers=2, heads=4, feedforward=96)
WIDTH, CODES = 16, 32


@pytest.fixture
def masked() -> MaskTransformer:
    torch.manual_seed(0)
    config = MaskTransformerConfig(WIDTH, CODES, 24, SIZES, phrase_guide=True)
    return MaskTransformer(config).eval().requires_grad_(False)


@pytest.fixture
def condition() -> TextCondition:
    torch.manual_seed(1)
    present = torch.arange(3) < torch.tensor([0, 3, 2])[:, None]
    return TextCondition(torch.randn(3, WIDTH), torch.randn(3, 3, WIDTH), present)


LENGTHS = torch.tensor([5, 12, 9])


def logits(network: MaskTransformer, condition: TextCondition) -> Tensor:
    ids = torch.randint(CODES, (3, 12), generator=torch.Generator().manual_seed(2))
    return network(ids, condition, LENGTHS, torch.tensor([[0, 3], [11, 2], [1, 8]])).float()


@pytest.mark.parametrize("masking", [False, True])
def test_plain_products_are_attention(masking: bool) -> None:
    torch.manual_seed(0)
    query, key, value = torch.randn(3, 4, 5, 8), torch.randn(3, 4, 9, 8), torch.randn(3, 4, 9, 8)
    keys = torch.arange(9) < torch.tensor([9, 1, 4])[:, None, None, None] if masking else None
    wanted = F.scaled_dot_product_attention(query, key, value, attn_mask=keys)
    torch.testing.assert_close(plain_attention(query, key, value, keys), wanted)


@pytest.mark.parametrize(("precision", "close"), [("fp32", 1e-5), ("bf16", 2e-2)])
def test_a_copy_computes_what_the_network_does(
    masked: MaskTransformer, condition: TextCondition, precision: str, close: float
) -> None:
    copied = logits(InferenceCopies(masked).at(precision), condition)
    torch.testing.assert_close(copied, logits(masked, condition), rtol=close, atol=close)


def test_elsewhere_copies_stay_plain(
    masked: MaskTransformer, condition: TextCondition, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "arm64")
    copied = inference_copy(masked, torch.float32)
    assert not any(isinstance(part, PackedLinear) for part in copied.modules())
    torch.testing.assert_close(logits(copied, condition), logits(masked, condition), rtol=1e-5, atol=1e-5)


def test_weights_that_are_not_packed_are_not_kept_twice(masked: MaskTransformer) -> None:
    copied = InferenceCopies(masked).at("fp32")
    assert copied.token_embedding.weight is masked.token_embedding.weight


def test_a_copy_is_made_anew_when_the_weights_change(
    masked: MaskTransformer, condition: TextCondition
) -> None:
    copies = InferenceCopies(masked)
    first = copies.at("fp32"), copies.at("bf16")
    assert (copies.at("fp32"), copies.at("bf16")) == first
    changes = [
        lambda: masked.encoder.layers[0].linear1.weight.mul_(3),
        lambda: masked.load_state_dict({name: value + 0.5 for name, value in masked.state_dict().items()}),
        lambda: setattr(
            masked.head.final, "weight", nn.Parameter(torch.ones(CODES, 64), requires_grad=False)
        ),
    ]
    for change in changes:
        before = copies.at("fp32")
        change()
        after = copies.at("fp32")
        assert after is not before
        torch.testing.assert_close(logits(after, condition), logits(masked, condition), rtol=1e-4, atol=1e-4)


def test_weights_made_for_inference_may_change_unseen() -> None:
    with torch.inference_mode():
        network = nn.Linear(4, 4)
        copies = InferenceCopies(network)
        copies.at("fp32")
        network.weight.mul_(2)
        torch.testing.assert_close(copies.at("fp32")(torch.ones(1, 4)), network(torch.ones(1, 4)))
        assert copies.at("fp32") is network  # a copy would have to be made in every call
        torch.testing.assert_close(copies.at("bf16").weight, network.weight.bfloat16())


def test_copies_follow_the_mode(masked: MaskTransformer, condition: TextCondition) -> None:
    copies = InferenceCopies(masked.train())
    copies.at("fp32")
    masked.eval()
    torch.testing.assert_close(
        logits(copies.at("fp32"), condition), logits(masked, condition), rtol=1e-5, atol=1e-5
    )


def test_a_generator_that_has_drawn_is_copied_and_stored(
    masked: MaskTransformer, condition: TextCondition
) -> None:
    residual = ResidualTransformer(ResidualTransformerConfig(WIDTH, CODES, 24, 4, SIZES)).eval()
    generator = MoMask(masked, residual)

    def drawn(by: MoMask, precision: str) -> Tensor:
        return by.generate(condition, LENGTHS, [0, 1, 2], SamplingOptions(precision=precision)).ids

    first = {precision: drawn(generator, precision) for precision in PRECISIONS}
    for twin in (copy.deepcopy(generator), pickle.loads(pickle.dumps(generator))):
        assert all(torch.equal(drawn(twin, precision), ids) for precision, ids in first.items())


def test_a_copy_made_in_autocast_is_the_same(masked: MaskTransformer, condition: TextCondition) -> None:
    with torch.autocast("cpu", dtype=torch.bfloat16):
        copied = InferenceCopies(masked).at("fp32")
    assert torch.equal(logits(copied, condition), logits(InferenceCopies(masked).at("fp32"), condition))


def test_autocast_does_not_hinder(masked: MaskTransformer, condition: TextCondition) -> None:
    noise = SampleNoise.of_seeds([0, 1, 2], torch.device("cpu"))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        ids = InferenceCopies(masked).at("fp32").generate(condition, LENGTHS, noise, SamplingOptions())
    assert [int((row >= 0).sum()) for row in ids] == LENGTHS.tolist()


def test_an_unknown_precision_is_refused(masked: MaskTransformer) -> None:
    with pytest.raises(KinelexError, match="unknown precision 'fp8'; choose fp32 or bf16"):
        InferenceCopies(masked).at("fp8")


class Counted(MaskTransformer):
    """Notes how many samples are in each pass."""

    def logits(self, ids: Tensor, *rest: Tensor) -> Tensor:  # type: ignore[override]
        self.passes.append(len(ids))
        return super().logits(ids, *rest)


def test_steps_that_are_not_guided_are_passes_of_the_text_alone(condition: TextCondition) -> None:
    torch.manual_seed(0)
    network = Counted(MaskTransformerConfig(WIDTH, CODES, 24, SIZES)).eval()

    def drawn(options: SamplingOptions) -> list[int]:
        network.passes = []
        noise = SampleNoise.of_seeds([0, 1, 2], torch.device("cpu"))
        network.generate(condition, LENGTHS, noise, options)
        return network.passes

    assert drawn(SamplingOptions(guided_share=0.5)) == [6] * 5 + [3] * 5
    assert drawn(SamplingOptions(guided_share=0.0)) == [3] * 10
    assert drawn(SamplingOptions(guidance=1.0)) == [3] * 10
    assert drawn(SamplingOptions()) == [6] * 10


def test_residual_layers_without_guidance_are_passes_of_the_text_alone(condition: TextCondition) -> None:
    torch.manual_seed(0)
    network = ResidualTransformer(ResidualTransformerConfig(WIDTH, CODES, 24, 4, SIZES)).eval()
    base = torch.randint(CODES, (3, 12))

    def drawn(scale: float) -> Tensor:
        noise = SampleNoise.of_seeds([0, 1, 2], torch.device("cpu"))
        options = replace(SamplingOptions(), residual_guidance=scale)
        return network.generate(base, condition, LENGTHS, noise, options)

    # In both passes at a scale that rounding alone tells from 1.
    assert torch.equal(drawn(1.0), drawn(1.0 + 1e-9))
    assert not torch.equal(drawn(1.0), drawn(4.0))


def test_a_share_beyond_all_steps_is_refused() -> None:
    for share in (-0.1, 1.1, float("nan")):
        with pytest.raises(KinelexError, match="guided_share"):
            SamplingOptions(guided_share=share)

"""Laws of the training corruption and losses, and of the whitening."""

from __future__ import annotations

import pytest
import torch

from kinelex.generators.base import ConditionWhitening, TextCondition
from kinelex.generators.durations import LengthEstimator, LengthEstimatorConfig, length_training_loss
from kinelex.generators.masked import (
    IGNORED,
    MaskTransformer,
    MaskTransformerConfig,
    corrupt,
    masked_training_loss,
)
from kinelex.generators.residual import ResidualTransformer, ResidualTransformerConfig, residual_training_loss
from kinelex.generators.transformer import TransformerConfig

SIZES = TransformerConfig(latent=32, layers=2, heads=4, feedforward=64, dropout=0.0)
MASKED = MaskTransformerConfig(8, 16, 12, SIZES)


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_corruption_has_the_published_proportions() -> None:
    ids, lengths = torch.randint(16, (4000, 40), generator=seeded(0)), torch.full((4000,), 40)
    targets = corrupt(ids, lengths, MASKED, seeded(1))
    chosen = targets.labels != IGNORED
    assert torch.equal(targets.labels[chosen], ids[chosen])
    assert torch.equal(targets.inputs[~chosen], ids[~chosen])
    share = (targets.inputs[chosen] == MASKED.mask_id).float().mean()
    changed = ((targets.inputs != ids) & (targets.inputs != MASKED.mask_id))[chosen].float().mean()
    assert share == pytest.approx(0.9 * 0.88, abs=0.005)
    assert changed == pytest.approx(0.1 * 15 / 16, abs=0.005)
    assert chosen.float().mean() == pytest.approx(2 / torch.pi, abs=0.01)  # mean of cos(pi u / 2)


def test_corruption_leaves_padding_alone_and_masks_at_least_one_token() -> None:
    ids, lengths = (
        torch.randint(16, (500, 20), generator=seeded(0)),
        torch.randint(1, 21, (500,), generator=seeded(1)),
    )
    targets = corrupt(ids, lengths, MASKED, seeded(2))
    chosen = targets.labels != IGNORED
    padding = torch.arange(20) >= lengths[:, None]
    assert not chosen[padding].any()
    assert chosen.any(1).all()


def example() -> tuple[torch.Tensor, torch.Tensor, TextCondition]:
    """(ids (B, L, Q), lengths, condition) of eight sentences with a motion each."""
    ids = torch.randint(16, (8, 10, 4), generator=seeded(3))
    present = torch.arange(3) < torch.arange(8)[:, None] % 4
    condition = TextCondition(
        torch.randn(8, 8, generator=seeded(4)), torch.randn(8, 3, 8, generator=seeded(5)), present
    )
    return ids, torch.randint(4, 11, (8,), generator=seeded(6)), condition


@pytest.mark.parametrize("kind", ["masked", "residual", "length"])
def test_a_few_steps_lower_the_loss_and_equal_seeds_give_equal_losses(kind: str) -> None:
    torch.manual_seed(0)
    ids, lengths, condition = example()
    masked = MaskTransformer(MASKED)
    residual = ResidualTransformer(ResidualTransformerConfig(8, 16, 12, 4, SIZES))
    length = LengthEstimator(LengthEstimatorConfig(8, 12))
    losses = {
        "masked": (masked, lambda g: masked_training_loss(masked, ids[..., 0], lengths, condition, g)),
        "residual": (residual, lambda g: residual_training_loss(residual, ids, lengths, condition, g)),
        "length": (length, lambda g: length_training_loss(length, condition.sentence, lengths)),
    }
    model, loss = losses[kind]
    model.eval()  # the estimator's dropout would hide that equal seeds agree
    assert torch.equal(loss(seeded(7)).loss, loss(seeded(7)).loss)
    optimizer, start = torch.optim.AdamW(model.parameters(), lr=3e-3), loss(seeded(7)).loss.item()
    generator = seeded(8)
    for _ in range(60):
        optimizer.zero_grad()
        loss(generator).loss.backward()
        optimizer.step()
    assert loss(seeded(7)).loss.item() < 0.85 * start


def test_dropping_every_condition_makes_text_irrelevant() -> None:
    torch.manual_seed(0)
    ids, lengths, condition = example()
    model = MaskTransformer(MaskTransformerConfig(8, 16, 12, SIZES, condition_dropout=1.0)).eval()
    other = TextCondition(condition.sentence + 1, condition.segments + 1, condition.segment_mask)
    losses = [
        masked_training_loss(model, ids[..., 0], lengths, text, seeded(0)).loss for text in (condition, other)
    ]
    assert torch.equal(*losses)


def test_whitening_starts_as_identity_and_whitens_once_fitted() -> None:
    whitening = ConditionWhitening(6)
    mixing = torch.randn(6, 6, generator=seeded(0))
    vectors = torch.randn(4000, 6, generator=seeded(1)) @ mixing + 3
    assert torch.equal(whitening(vectors), vectors)
    whitening.fit(vectors, floor=1e-9)
    torch.testing.assert_close(torch.cov(whitening(vectors).T), torch.eye(6), atol=2e-2, rtol=0)
    assert whitening(vectors).dtype == torch.float32


def test_the_whitening_floor_bounds_what_is_blown_up() -> None:
    whitening, vectors = ConditionWhitening(3), torch.randn(500, 3, generator=seeded(2))
    vectors[:, 2] = 0.0  # a direction without variance
    whitening.fit(vectors, floor=0.1)
    assert torch.isfinite(whitening.matrix).all()
    assert torch.linalg.matrix_norm(whitening.matrix, 2) < 5

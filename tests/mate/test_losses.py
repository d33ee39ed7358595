"""MATE's attention and losses against loops and against torch's own."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from kinelex.mate.disentanglement import WordAttention, all_pairs
from kinelex.mate.losses import contrastive_loss, cross_loss, reconstruction_loss, self_loss

WIDTH, HEADS = 12, 3


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(scope="module")
def attention() -> WordAttention:
    torch.manual_seed(0)
    return WordAttention(WIDTH, HEADS, strength=2.5)


@torch.no_grad()
def test_attention_is_torchs_with_keys_raised_by_the_prior(attention: WordAttention) -> None:
    """Eq. 2: keys (1 + lambda prior) * F^m, values F^m, one motion and one word at a time, without padding."""
    words, frames, lengths = noise(3, 2, WIDTH), noise(3, 7, WIDTH, seed=1), [7, 5, 2]
    prior = torch.rand(3, 2, 7, generator=torch.Generator().manual_seed(2))
    mask = torch.arange(7) < torch.tensor(lengths)[:, None]
    found = attention(words, frames, mask, prior)
    weight = torch.cat([attention.query.weight, attention.key.weight, attention.value.weight])
    bias = torch.cat([attention.query.bias, torch.zeros(WIDTH), attention.value.bias])
    for motion, length in enumerate(lengths):
        for word in range(2):
            values = frames[motion, :length, None]
            keys = (1 + 2.5 * prior[motion, word, :length, None, None]) * values
            expected, _ = F.multi_head_attention_forward(
                words[motion, word][None, None], keys, values, WIDTH, HEADS, weight, bias, None, None, False, 0.0,
                attention.output.weight, attention.output.bias, training=False,
            )  # fmt: skip
            torch.testing.assert_close(found[motion, word], expected[0, 0], rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_all_pairs_are_each_word_on_each_motion(attention: WordAttention) -> None:
    words, frames = noise(4, WIDTH), noise(4, 6, WIDTH, seed=1)
    mask = torch.arange(6) < torch.tensor([6, 3, 5, 1])[:, None]
    pairs = all_pairs(attention, words, frames, mask)
    for motion in range(4):
        for word in range(4):
            alone = attention(words[None, word : word + 1], frames[motion][None], mask[motion][None])
            torch.testing.assert_close(pairs[motion, word], alone[0, 0], rtol=1e-4, atol=1e-6)


def test_the_cross_loss_is_that_of_a_loop_over_pairs() -> None:
    own, pairs = noise(5, WIDTH), noise(5, 5, WIDTH, seed=1)
    contains = torch.rand(5, 5, generator=torch.Generator().manual_seed(3)) < 0.3
    contains |= torch.eye(5, dtype=torch.bool)
    terms = []
    for i in range(5):
        for j in range(5):
            if not contains[i, j] and not contains[j, i]:
                both = [
                    F.cosine_similarity(own[i], other, dim=0).abs() for other in (pairs[i, j], pairs[j, i])
                ]
                terms.append(sum(both))
    assert 0 < len(terms) < 20
    torch.testing.assert_close(cross_loss(own, pairs, contains), torch.stack(terms).mean())
    assert cross_loss(own, pairs, torch.ones_like(contains)) == 0


def test_the_self_loss_picks_the_lemmas_prototype() -> None:
    prototypes, lemmas = noise(7, WIDTH), torch.tensor([3, 0, 3])
    exact = self_loss(prototypes[lemmas] * 5, prototypes, lemmas, 0.01, torch.ones(3))
    assert exact < 1e-3
    other = self_loss(prototypes[lemmas + 1], prototypes, lemmas, 0.01, torch.ones(3))
    assert other > 1
    weights = torch.tensor([2.0, 0.0, 0.0])
    only_first = self_loss(prototypes[lemmas[:1] + 1], prototypes, lemmas[:1], 0.01, torch.ones(1))
    weighted = self_loss(prototypes[lemmas + 1], prototypes, lemmas, 0.01, weights)
    torch.testing.assert_close(weighted, only_first * 2 / 3)


def test_contrast_is_symmetric_cross_entropy_without_false_negatives() -> None:
    text, motion, none = noise(4, WIDTH), noise(4, WIDTH, seed=1), torch.eye(4, dtype=torch.bool)
    logits = F.normalize(text, dim=-1) @ F.normalize(motion, dim=-1).T / 0.2
    expected = (F.cross_entropy(logits, torch.arange(4)) + F.cross_entropy(logits.T, torch.arange(4))) / 2
    torch.testing.assert_close(contrastive_loss(text, motion, none, 0.2), expected)
    torch.testing.assert_close(
        contrastive_loss(text, motion, none, 0.2), contrastive_loss(motion, text, none, 0.2)
    )
    twins = none.clone()
    twins[0, 1] = twins[1, 0] = True
    kept = logits.clone()
    kept[0, 1] = kept[1, 0] = -1e9
    expected = (F.cross_entropy(kept, torch.arange(4)) + F.cross_entropy(kept.T, torch.arange(4))) / 2
    torch.testing.assert_close(contrastive_loss(text, motion, twins, 0.2), expected)


def test_reconstruction_does_not_see_padding() -> None:
    motions, decoded = noise(2, 6, 4), noise(2, 6, 4, seed=1)
    mask = torch.arange(6) < torch.tensor([6, 2])[:, None]
    changed = decoded.masked_fill(~mask[..., None], 99.0)
    loss = reconstruction_loss(decoded, motions, mask)
    assert torch.equal(loss, reconstruction_loss(changed, motions, mask))
    torch.testing.assert_close(loss, F.smooth_l1_loss(decoded[mask], motions[mask]))

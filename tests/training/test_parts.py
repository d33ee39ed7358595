"""Laws of the loop's parts: learning rate, weight average, sampler, gradients, caches."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from kinelex.errors import KinelexError
from kinelex.hashing import weights_hash
from kinelex.training.cache import text_table
from kinelex.training.ema import WeightAverage
from kinelex.training.optim import clip_gradients, learning_rate
from kinelex.training.recipes import TrainConfig
from kinelex.training.sampler import BatchSampler


def test_the_learning_rate_rises_linearly_and_falls_at_the_milestones() -> None:
    config = TrainConfig(steps=100, lr=1.0, warmup=9, milestones=(50, 80), gamma=0.1)
    rates = [learning_rate(step, config) for step in range(100)]
    assert rates[:10] == pytest.approx([(step + 1) / 10 for step in range(10)])
    assert set(rates[9:50]) == {1.0}
    assert rates[50] == pytest.approx(0.1)
    assert rates[79] == pytest.approx(0.1)
    assert rates[80] == pytest.approx(0.01)


def test_the_average_follows_its_recursion_and_leaves_the_weights_alone() -> None:
    model = nn.Linear(3, 2)
    average = WeightAverage(model, 0.9)
    expected = model.weight.detach().clone()
    for update in range(1, 30):
        with torch.no_grad():
            model.weight += 1.0
        average.update()
        decay = min(0.9, update / (9 + update))
        expected = decay * expected + (1 - decay) * model.weight.detach()
    own = model.weight.detach().clone()
    with average.applied():
        torch.testing.assert_close(model.weight.detach(), expected)
    assert torch.equal(model.weight.detach(), own)


@settings(max_examples=40, deadline=None)
@given(count=st.integers(1, 90), size=st.integers(1, 20), seed=st.integers(0, 5), processes=st.integers(1, 3))
def test_an_epoch_gives_every_sample_at_most_once(count: int, size: int, seed: int, processes: int) -> None:
    lengths = torch.randint(1, 50, (count,), generator=torch.Generator().manual_seed(seed))
    samplers = [BatchSampler(lengths, size, seed, rank=r, processes=processes) for r in range(processes)]
    drawn = []
    for _ in range(len(samplers[0])):
        shares = [sampler.next() for sampler in samplers]
        together = torch.cat([share.index for share in shares])
        assert {share.length for share in shares} == {int(lengths[together].max())}
        drawn += together.tolist()
    assert len(drawn) == len(set(drawn))
    assert len(drawn) > count - max(size, processes)


def test_a_sampler_goes_on_where_it_was() -> None:
    lengths = torch.arange(37)
    first, second = (BatchSampler(lengths, 5, 1) for _ in range(2))
    for _ in range(17):
        first.next()
    second.load_state_dict(first.state_dict())
    for _ in range(10):
        assert torch.equal(first.next().index, second.next().index)


def test_batches_hold_samples_of_similar_length() -> None:
    lengths = torch.randint(10, 50, (4000,), generator=torch.Generator().manual_seed(0))
    sampler = BatchSampler(lengths, 64, 0)
    batches = [sampler.next() for _ in range(len(sampler))]
    padding = sum(int((batch.length - lengths[batch.index]).sum()) for batch in batches)
    assert padding < 0.05 * int(lengths.sum())
    assert len({batch.length for batch in batches[:10]}) > 3


def test_clipping_bounds_the_norm() -> None:
    weight = nn.Parameter(torch.ones(4))
    (weight.sum() * 10).backward()
    clip_gradients([weight], 1.0)
    assert weight.grad is not None
    assert float(weight.grad.norm()) == pytest.approx(1.0, rel=1e-4)
    assert clip_gradients([weight], 0.0) is None


def test_text_vectors_are_those_of_the_encoder_and_only_new_texts_are_computed(
    tmp_path, model, monkeypatch
) -> None:
    calls: list[str] = []

    class Counting:
        def to(self, device):
            return self

        def embed(self, texts):
            calls.extend(texts)
            return model.encoder.embed(texts)

    monkeypatch.setattr("kinelex.training.cache.TextEncoder.load", lambda name: Counting())
    text_table(["a person walks", "runs", "runs"], "tiny", tmp_path, "cpu")
    table = text_table(["jumps", "runs"], "tiny", tmp_path, "cpu")
    assert sorted(calls) == ["a person walks", "jumps", "runs"]
    for text in calls:
        torch.testing.assert_close(table.vectors[table.rows[text]], model.encoder.embed([text])[0])
    (file,) = tmp_path.iterdir()
    file.write_bytes(file.read_bytes()[:40])
    with pytest.raises(KinelexError, match="delete it"):
        text_table(["runs"], "tiny", tmp_path, "cpu")


def test_the_weights_hash_sees_every_value() -> None:
    model = nn.Linear(2, 2)
    before = weights_hash(model)
    assert weights_hash(model) == before
    with torch.no_grad():
        model.bias[1] += 1e-7 + model.bias[1].abs() * 1e-6
    assert weights_hash(model) != before

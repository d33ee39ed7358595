"""Laws of the tokenizer: no dependence on padding, exact resume, codebooks equal over processes."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torch.distributed as distributed
import torch.multiprocessing as multiprocessing

from kinelex.errors import KinelexError
from kinelex.tokenizer.quantize import Codebook, ResidualQuantizer
from kinelex.tokenizer.rvqvae import RVQVAE, RVQVAEConfig, TokenizedMotion

CONFIG = RVQVAEConfig(features=11, width=16, code_width=8, codes=16, quantizers=3)


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def trained(steps: int, model: RVQVAE, generator: torch.Generator) -> RVQVAE:
    model.train()
    for _ in range(steps):
        model(torch.randn(4, 32, 11, generator=generator), generator)
    return model


def fresh() -> RVQVAE:
    torch.manual_seed(0)
    return RVQVAE(CONFIG)


def test_a_motion_has_the_same_tokens_and_frames_alone_and_in_a_padded_batch() -> None:
    model = trained(2, fresh(), seeded(0)).eval()
    lengths = torch.tensor([64, 37, 3, 20])
    features = torch.randn(4, 64, 11, generator=seeded(1))
    together = model.encode(features, lengths)
    decoded = model.decode(together)
    assert together.lengths.tolist() == [16, 9, 0, 5]
    for row, length in enumerate(lengths.tolist()):
        size = length // 4
        assert (together.ids[row, size:] == -1).all()
        assert (decoded[row, size * 4 :] == 0).all()
        if size:
            alone = model.encode(features[row : row + 1, :length])
            assert torch.equal(alone.ids[0], together.ids[row, :size])
            torch.testing.assert_close(model.decode(alone)[0], decoded[row, : size * 4])


def test_bf16_decodes_nearly_the_same() -> None:
    model = trained(2, fresh(), seeded(0)).eval()
    tokens = model.encode(torch.randn(2, 64, 11, generator=seeded(1)))
    exact, rounded = model.decode(tokens), model.decode(tokens, "bf16")
    assert rounded.dtype == exact.dtype == torch.float32
    assert not torch.equal(rounded, exact)
    torch.testing.assert_close(rounded, exact, rtol=0.05, atol=0.05)
    with pytest.raises(KinelexError, match="unknown precision 'int8'; choose fp32 or bf16"):
        model.decode(tokens, "int8")


def test_decoding_follows_the_weights() -> None:
    model = trained(2, fresh(), seeded(0)).eval()
    tokens = model.encode(torch.randn(2, 64, 11, generator=seeded(1)))
    before = model.decode(tokens)
    latent = model.quantizer.lookup(tokens.ids).sum(0)
    optimizer = torch.optim.AdamW(
        model.decoder.parameters(), lr=0.1, fused=True
    )  # leaves no trace at the weights
    for _ in range(2):
        model.decode_latent(latent).sum().backward()
        optimizer.step()
        torch.testing.assert_close(model.decode(tokens), model.decode_latent(latent), rtol=1e-4, atol=1e-4)
    assert (model.decode(tokens) - before).abs().max() > 0.01
    model.decoder = fresh().eval().decoder
    torch.testing.assert_close(model.decode(tokens), model.decode_latent(latent), rtol=1e-4, atol=1e-4)


def test_a_missing_code_adds_nothing() -> None:
    model = trained(1, fresh(), seeded(0)).eval()
    ids = torch.randint(16, (1, 6, 3), generator=seeded(2))
    dropped = ids.clone()
    dropped[..., 2] = -1
    lengths = torch.tensor([6])
    fewer = model.decode(TokenizedMotion(ids[..., :2], lengths))
    torch.testing.assert_close(model.decode(TokenizedMotion(dropped, lengths)), fewer)


def test_training_resumes_exactly_from_its_state() -> None:
    """Weights, codebook buffers, the explicit generator, and torch's own (which the dropout draws from)."""
    generator = seeded(3)
    model = trained(3, fresh(), generator)
    state = {key: value.clone() for key, value in model.state_dict().items()}
    noise, dropout_noise = generator.get_state(), torch.get_rng_state()
    straight = trained(3, model, generator).state_dict()
    resumed_generator, resumed = seeded(0), RVQVAE(CONFIG)
    resumed.load_state_dict(state)
    resumed_generator.set_state(noise)
    torch.set_rng_state(dropout_noise)
    again = trained(3, resumed, resumed_generator).state_dict()
    assert not torch.equal(straight["quantizer.layers.0.codebook"], state["quantizer.layers.0.codebook"])
    assert all(torch.equal(straight[key], again[key]) for key in straight)


def test_every_code_comes_into_use() -> None:
    layer = Codebook(16, 4, 0.9).train()
    rows, generator = torch.randn(1, 200, 4, generator=seeded(4)), seeded(5)
    used = [layer(rows, generator).ids.unique().numel() for _ in range(40)]
    assert used[-1] == 16


def test_more_layers_reconstruct_better() -> None:
    stack, generator = ResidualQuantizer(4, 32, 6, 0.9, 0.0, shared=False).train(), seeded(6)
    latent = torch.randn(8, 40, 6, generator=generator)
    for _ in range(20):
        stack(latent, generator)
    stack.eval()
    errors = [(stack.quantize(latent, active).latent - latent).square().mean() for active in (1, 2, 3, 4)]
    assert errors == sorted(errors, reverse=True)


def test_dropout_keeps_the_first_layer_and_reports_the_rest_as_missing() -> None:
    stack, generator = ResidualQuantizer(4, 8, 6, 0.99, 1.0, shared=False).train(), seeded(7)
    latent = torch.randn(2, 20, 6, generator=generator)
    actives = set()
    for _ in range(40):
        missing = (stack(latent, generator).ids == -1)[0, 0]
        assert not missing[0]
        assert missing.sort().values.equal(missing)
        actives.add(int((~missing).sum()))
    assert actives == {1, 2, 3, 4}


def learn_in_a_process(rank: int, folder: str) -> None:
    """Two processes with a half of the batch each."""
    store = f"file://{folder}/store"
    distributed.init_process_group("gloo", init_method=store, rank=rank, world_size=2)
    torch.save(learned(torch.randn(2, 2, 40, 6, generator=seeded(8))[rank]), f"{folder}/{rank}.pt")
    distributed.destroy_process_group()


def learned(latent: torch.Tensor) -> dict[str, torch.Tensor]:
    layer = Codebook(4, 6, 0.5).train()
    layer(latent, seeded(9), sample=False)
    # Codes now have neighbours on both halves, so none is replaced in the step that is compared.
    layer(latent, seeded(9), sample=False)
    return layer.state_dict()


def test_two_processes_learn_the_codebook_of_one_with_both_halves(tmp_path: Path) -> None:
    multiprocessing.spawn(learn_in_a_process, args=(str(tmp_path),), nprocs=2)
    first, second = (torch.load(tmp_path / f"{rank}.pt", weights_only=True) for rank in (0, 1))
    assert all(torch.equal(first[key], second[key]) for key in first)
    one = learned(torch.randn(2, 2, 40, 6, generator=seeded(8)).flatten(0, 1))
    for key in first:
        torch.testing.assert_close(first[key], one[key])


@pytest.mark.parametrize("least", [1.0, 0.125])
def test_codes_below_the_least_use_become_latents_and_no_others(least: float) -> None:
    draws, seldom = seeded(0), 0
    codebook = Codebook(16, 4, 0.5, least).train()
    codebook(torch.randn(1, 16, 4, generator=draws), draws)
    for _ in range(6):
        counts = codebook.code_count.clone()
        latent = torch.randn(1, 16, 4, generator=draws)
        ids = codebook(latent, draws).ids
        counts = (counts + ids.flatten().bincount(minlength=16)) / 2
        replaced = (codebook.codebook[:, None] == latent).all(-1).any(-1)
        assert torch.equal(replaced, counts < least)
        seldom += int(replaced.sum())
    assert seldom, "the smallest share was reached"

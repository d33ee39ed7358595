"""The tokenizer agrees with the official implementation: ids exactly, floats within its tolerances."""

from __future__ import annotations

from functools import partial

import pytest
import torch

from kinelex.tokenizer.quantize import (
    TRAINING_TEMPERATURE,
    Codebook,
    Quantized,
    ResidualQuantizer,
    gumbel_noise,
)
from kinelex.tokenizer.rvqvae import RVQVAE, RVQVAEConfig, TokenizedMotion
from published import Case, load_weights

NOT_STORED = ("code_sum", "code_count", "initialized")


def tokens(ids: torch.Tensor) -> TokenizedMotion:
    return TokenizedMotion(ids, torch.full((len(ids),), ids.shape[1]))


@pytest.mark.parametrize("name", ["rvqvae", "rvqvae_shared_codebook"])
def test_encodes_and_decodes_as_published(name: str) -> None:
    case = Case.load(name)
    config = RVQVAEConfig(
        width=64, code_width=64, codes=32, shared_codebook=case.facts["constructor"]["shared_codebook"]
    )
    model = load_weights(RVQVAE(config), case.weights, NOT_STORED)
    assert isinstance(model, RVQVAE)
    with torch.no_grad():
        motion, odd = case.inputs["motion"], case.inputs["motion_odd_length"]
        encoded = model.encode(motion)
        case.check("indices", encoded.ids)
        case.check("all_codes", model.quantizer.lookup(encoded.ids).transpose(2, 3))
        case.check("encoder_output", model.latent(motion).transpose(1, 2))
        case.check("decoded", model.decode(encoded))
        case.check("decoded_partial", model.decode(tokens(case.inputs["indices_partial"])))
        case.check("decoded_padded", model.decode(tokens(case.inputs["indices_padded"])))
        case.check("indices_odd_length", model.encode(odd).ids)
        case.check("reconstruction_odd_length", model(odd).features)
        result = model(motion)
        case.check("reconstruction", result.features)
        case.check("commit_loss", result.quantized.commitment)
        case.check("perplexity", result.quantized.perplexity)


@pytest.fixture(scope="module")
def step() -> Case:
    return Case.load("rvq_training_step")


def set_state(layer: Codebook, step: Case, name: str, row: int | None = None) -> None:
    for part in ("codebook", "code_sum", "code_count"):
        value = step.inputs[f"{name}.{part}"]
        getattr(layer, part).copy_(value if row is None else value[row])
    layer.initialized.fill_(True)


def check_result(step: Case, name: str, result: Quantized) -> None:
    step.check(f"{name}.quantized", result.latent.detach().transpose(1, 2))
    step.check(f"{name}.indices", result.ids)
    step.check(f"{name}.commit_loss", result.commitment.detach())
    step.check(f"{name}.perplexity", result.perplexity)


@pytest.mark.parametrize("name", ["update", "tiled", "init"])
def test_one_codebook_learns_as_published(step: Case, name: str) -> None:
    layer = Codebook(16, 8, 0.99).train()
    if name != "init":
        set_state(layer, step, name)
    if name == "tiled":
        layer.replacement_rows = partial(layer.replacement_rows, noise=step.inputs["tiled.noise"])
    result = layer(step.inputs[f"{name}.x"].transpose(1, 2), sample=False)
    check_result(step, name, result)
    for part in ("codebook", "code_sum", "code_count"):
        step.check(f"{name}.{part}", getattr(layer, part))


def quantizer(step: Case, name: str, shared: bool) -> ResidualQuantizer:
    stack = ResidualQuantizer(4, 16, 8, 0.99, 0.0, shared=shared).train()
    for row, layer in enumerate(stack.codebooks[:1] if shared else stack.codebooks):
        set_state(layer, step, name, row)
    return stack


@pytest.mark.parametrize(("name", "shared"), [("residual", False), ("residual_shared", True)])
def test_residual_codebooks_learn_as_published(step: Case, name: str, shared: bool) -> None:
    stack = quantizer(step, name, shared)
    latent = step.inputs[f"{name}.x"].transpose(1, 2).clone().requires_grad_()
    result = stack(latent, sample=False)
    upstream = step.inputs[f"{name}.upstream_gradient"].transpose(1, 2)
    (from_output,) = torch.autograd.grad(result.latent, latent, upstream, retain_graph=True)
    (from_commitment,) = torch.autograd.grad(result.commitment, latent)
    check_result(step, name, result)
    step.check(f"{name}.gradient_from_output", from_output.transpose(1, 2))
    step.check(f"{name}.gradient_from_commit_loss", from_commitment.transpose(1, 2))
    layers = stack.codebooks[:1] if shared else stack.codebooks
    for part in ("codebook", "code_sum", "code_count"):
        step.check(f"{name}.{part}", torch.stack([getattr(layer, part) for layer in layers]))


def test_dropped_layers_report_no_code_and_do_not_learn(step: Case) -> None:
    stack = quantizer(step, "residual", shared=False)
    result = stack.quantize(step.inputs["residual.x"].transpose(1, 2), active=2, sample=False)
    check_result(step, "residual_dropped", result)
    step.check("residual_dropped.codebook", torch.stack([layer.codebook for layer in stack.codebooks]))


def test_codes_are_drawn_as_published(step: Case) -> None:
    scores = step.inputs["gumbel.negative_squared_distance"] / TRAINING_TEMPERATURE
    step.check("gumbel.indices", (scores + gumbel_noise(step.inputs["gumbel.uniform"])).argmax(1))

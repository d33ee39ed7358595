"""Networks, losses and metrics of retrieval agree with the official implementation within its tolerances."""

from __future__ import annotations

from dataclasses import asdict, fields

import pytest
import torch

from kinelex.generators.official import rename
from kinelex.generators.transformer import TransformerConfig
from kinelex.retrieval.losses import (
    LossWeights,
    Noise,
    RetrievalBatch,
    contrastive_loss,
    divergence,
    near_identical,
    retrieval_loss,
)
from kinelex.retrieval.metrics import (
    RetrievalScores,
    all_scores,
    cosines,
    dissimilar_scores,
    pooled_scores,
    pools,
    ranks,
    threshold_scores,
)
from kinelex.retrieval.networks import Latents, RetrievalConfig, RetrievalNetworks
from kinelex.retrieval.official import TMR
from published import Case, agree, load_weights

SIZES = RetrievalConfig(transformer=TransformerConfig(48, 6, 4, 96, 0.1))


@pytest.fixture(scope="module")
def case() -> Case:
    return Case.load("tmr")


@pytest.fixture(scope="module")
def networks(case: Case) -> RetrievalNetworks:
    model = load_weights(RetrievalNetworks(SIZES), rename(case.weights, TMR))
    assert isinstance(model, RetrievalNetworks)
    return model


def test_defaults_are_the_published_sizes() -> None:
    assert asdict(RetrievalConfig()) == {
        "features": 263,
        "text_width": 768,
        "transformer": {"latent": 256, "layers": 6, "heads": 4, "feedforward": 1024, "dropout": 0.1},
        "decoder_layers": 6,
    }
    assert asdict(LossWeights()) == {
        "reconstruction": 1.0, "kl": 1e-5, "latent": 1e-5, "contrastive": 0.1, "temperature": 0.1, "threshold": 0.8,
        "sampled": True,
    }  # fmt: skip


@torch.no_grad()
def test_text_and_motion_are_embedded_as_published(case: Case, networks: RetrievalNetworks) -> None:
    text = networks.text(case.inputs["text_tokens"], case.inputs["text_lengths"])
    motion = networks.motion(case.inputs["motion"], case.inputs["motion_lengths"])
    for name, latents in (("text", text), ("motion", motion)):
        agree(case, f"{name}_mu", latents.mu)
        agree(case, f"{name}_logvar", latents.logvar)
    similarity = cosines(text.mu, motion.mu)
    agree(case, "sim_matrix", similarity)
    agree(case, "score_matrix", similarity / 2 + 0.5)


@torch.no_grad()
def test_latents_are_decoded_as_published(case: Case, networks: RetrievalNetworks) -> None:
    lengths = case.inputs["motion_lengths"]
    agree(case, "decoded_given_latent", networks.decoder(case.inputs["latent"], lengths))
    for name in ("text_mu", "motion_mu"):
        agree(case, f"decoded_from_{name}", networks.decoder(case.expected[name], lengths))


@torch.no_grad()
@pytest.mark.parametrize("kind", ["mean", "sampled"])
def test_losses_are_the_published_ones(case: Case, networks: RetrievalNetworks, kind: str) -> None:
    given = case.inputs
    batch = RetrievalBatch(
        given["motion"], given["motion_lengths"], given["text_tokens"], given["text_lengths"],
        near_identical(given["sent_emb"], 0.8),
    )  # fmt: skip
    noise = Noise(given["eps_text"], given["eps_motion"])
    if kind == "mean":
        noise = Noise(torch.zeros_like(noise.text), torch.zeros_like(noise.motion))
    found = retrieval_loss(networks, batch, noise, LossWeights())
    for field in fields(found):
        theirs = {"reconstruction": "recons"}.get(field.name, field.name)
        agree(case, f"loss_{kind}.{theirs}", getattr(found, field.name), "loss")


def test_the_four_divergences_are_the_published_ones(case: Case) -> None:
    text, motion = (
        Latents(case.expected[f"{name}_mu"], case.expected[f"{name}_logvar"]) for name in ("text", "motion")
    )
    standard = Latents(torch.zeros_like(text.mu), torch.zeros_like(text.mu))
    for name, pair in (
        ("text_to_motion", (text, motion)),
        ("motion_to_text", (motion, text)),
        ("motion_prior", (motion, standard)),
        ("text_prior", (text, standard)),
    ):
        agree(case, f"kl_{name}", divergence(*pair), "loss")


@pytest.mark.parametrize("variant", ["plain", "filtered", "filtered_class_default"])
def test_infonce_and_its_gradients_are_as_published(variant: str) -> None:
    case = Case.load("tmr_infonce")
    settings = case.facts["config"]["variants"][variant]
    texts, motions = (case.inputs[name].clone().requires_grad_() for name in ("x", "y"))
    ignored = near_identical(case.inputs["sent_emb"], settings["threshold_selfsim"])
    assert torch.equal(ignored, case.expected["filtered_pairs"])
    if not settings["filter"]:
        ignored = torch.zeros_like(ignored)
    loss = contrastive_loss(texts, motions, ignored, settings["temperature"])
    loss.backward()
    agree(case, f"{variant}.loss", loss.detach())
    assert texts.grad is not None
    assert motions.grad is not None
    agree(case, f"{variant}.grad_x", texts.grad)
    agree(case, f"{variant}.grad_y", motions.grad)


def printed(scores: RetrievalScores) -> dict[str, float]:
    """In the names and the two decimals of the published tables."""
    table: dict[str, float] = {}
    for short, side in (("t2m", scores.text_to_motion), ("m2t", scores.motion_to_text)):
        table |= {f"{short}/R{k:02d}": round(value, 2) for k, value in side.at.items()}
        table |= {f"{short}/MedR": round(side.median_rank, 2), f"{short}/len": float(side.candidates)}
    return table


def test_protocols_give_the_published_figures() -> None:
    case = Case.load("tmr_retrieval")
    similarity, sentences = case.inputs["sim_given"], case.inputs["sent_emb"]
    torch.testing.assert_close(
        cosines(case.inputs["text_latents"], case.inputs["motion_latents"]), similarity, atol=1e-5, rtol=0
    )
    scores = {
        "normal": all_scores(similarity),
        "threshold": threshold_scores(similarity, sentences),
        "ties": all_scores(case.inputs["sim_ties"]),
        "nsim": dissimilar_scores(similarity, torch.tensor(case.facts["config"]["nsim_index"])),
        "guo": pooled_scores(similarity),
    }
    for name, found in scores.items():
        assert printed(found) == case.facts["metric_values"][name], name
    assert torch.equal(pools(len(similarity)), case.expected["guo.batches"])


def test_ranks_are_the_published_ones() -> None:
    case = Case.load("tmr_retrieval")
    given, sentences = case.inputs, case.inputs["sent_emb"]
    same = sentences @ sentences.T > 0.9
    for name, matrix, right in (
        ("normal", given["sim_given"], None),
        ("ties", given["sim_ties"], None),
        ("threshold", given["sim_given"], same),
    ):
        assert torch.equal(ranks(matrix, right), case.expected[f"{name}.t2m_rank0"]), name
        assert torch.equal(ranks(matrix.T, right), case.expected[f"{name}.m2t_rank0"]), name

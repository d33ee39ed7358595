"""The generators agree with the official implementations: ids exactly, logits within their tolerances."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from kinelex.generators import official
from kinelex.generators.base import TextCondition
from kinelex.generators.durations import LengthEstimator, LengthEstimatorConfig
from kinelex.generators.masked import IGNORED, MaskTransformer, MaskTransformerConfig, token_loss
from kinelex.generators.residual import ResidualTransformer, ResidualTransformerConfig, draw_layers
from kinelex.generators.sampling import (
    SampleNoise,
    SamplingOptions,
    guided,
    kept_classes,
    lowest_ranked,
    mask_fraction,
    masked_counts,
    sample_ids,
)
from kinelex.generators.transformer import TransformerConfig
from kinelex.tokenizer.rvqvae import length_mask
from published import Case, load_weights

GREEDY = SamplingOptions(top_k=0.99)  # keeps one of 32 or 33 classes


def condition_of(case: Case) -> TextCondition:
    if "cond_vector" in case.inputs:
        return TextCondition.of_sentences(case.inputs["cond_vector"])
    vectors = case.inputs["cond"]
    return TextCondition(vectors[:, 0], vectors[:, 1:], case.inputs["action_mask"])


def sizes(case: Case) -> TransformerConfig:
    facts = case.facts["constructor"]
    return TransformerConfig(facts["latent_dim"], facts["num_layers"], facts["num_heads"], facts["ff_size"])


def noise(batch: int) -> SampleNoise:
    return SampleNoise.of_seeds(range(batch), torch.device("cpu"))


def masked_model(case: Case) -> MaskTransformer:
    weights = official.rename(case.weights, official.MASK_TRANSFORMER)
    # The projection of motion segments belongs to the alignment loss, not to the network.
    weights = {key: value for key, value in weights.items() if not key.startswith("segment_align_block.")}
    model = load_weights(MaskTransformer(MaskTransformerConfig(96, 32, 40, sizes(case))), weights)
    assert isinstance(model, MaskTransformer)
    return model


@pytest.mark.parametrize("name", ["mask_transformer", "segmo_mask_transformer"])
@torch.no_grad()
def test_mask_transformer_predicts_as_published(name: str) -> None:
    case = Case.load(name)
    model, condition, lengths = masked_model(case), condition_of(case), case.inputs["token_lengths"]
    ids = case.inputs["motion_ids"]
    valid = length_mask(lengths, ids.shape[1])[:, None].expand_as(case.expected["logits"])
    both = model(torch.cat([ids, ids]), condition.with_unconditional(), torch.cat([lengths, lengths]))
    case.check("logits", model(ids, condition, lengths).transpose(1, 2), valid)
    case.check("logits_unconditional", both[len(ids) :].transpose(1, 2), valid)
    case.check("logits_guided", guided(both, case.facts["generation"]["cond_scale"]).transpose(1, 2), valid)
    labels = case.inputs["train_labels"]
    labels = labels.masked_fill(labels == model.config.mask_id, IGNORED)
    logits = model(case.inputs["train_input_ids"], condition, lengths)
    loss = token_loss(logits, labels)
    case.check("train_loss" if "train_loss" in case.expected else "train_ce_loss", loss.loss)
    case.check("train_accuracy", loss.accuracy)
    if "train_predicted_ids" in case.expected:
        case.check("train_predicted_ids", logits.argmax(-1), labels != IGNORED)


@pytest.mark.parametrize("name", ["mask_transformer", "segmo_mask_transformer"])
def test_mask_transformer_unmasks_as_published(name: str) -> None:
    case = Case.load(name)
    model, condition, lengths = masked_model(case), condition_of(case), case.inputs["token_lengths"]
    inputs: list[Tensor] = []
    model.token_embedding.register_forward_pre_hook(
        lambda _, arguments: inputs.append(arguments[0][: len(lengths)])
    )
    case.check("greedy_ids", model.generate(condition, lengths, noise(len(lengths)), GREEDY))
    valid = length_mask(lengths, inputs[0].shape[1])
    case.check("greedy_step_input_ids", torch.stack(inputs), valid.expand(len(inputs), -1, -1))


@torch.no_grad()
def test_phrase_and_motion_outputs_are_the_published_embeddings() -> None:
    case = Case.load("segmo_mask_transformer")
    lengths, ids = case.inputs["token_lengths"], case.inputs["motion_ids"]
    network = masked_model(case)
    hidden = network.hidden(ids, network.read(condition_of(case), ids.shape[1]), lengths)
    case.check("text_segment_embedding", hidden[:, 1:6])
    case.check("motion_embedding", hidden[:, 6:], length_mask(lengths, ids.shape[1]))


def residual_model(case: Case) -> ResidualTransformer:
    facts = case.facts["constructor"]
    config = ResidualTransformerConfig(
        96, 32, 40, facts["num_quantizers"], sizes(case), share_weights=facts["share_weight"]
    )
    model = load_weights(
        ResidualTransformer(config), official.rename(case.weights, official.RESIDUAL_TRANSFORMER)
    )
    assert isinstance(model, ResidualTransformer)
    return model


RESIDUAL = ["residual_transformer", "residual_transformer_not_shared", "segmo_residual_transformer"]


def all_layers(model: ResidualTransformer, ids: Tensor, condition: TextCondition, lengths: Tensor) -> Tensor:
    """(Q - 1, B, codes + 1, L) logits of every layer from the true layers below."""
    layers = [torch.full((len(ids),), q) for q in range(1, model.config.quantizers)]
    return torch.stack([model(ids, layer, condition, lengths).transpose(1, 2) for layer in layers])


@pytest.mark.parametrize("name", RESIDUAL)
@torch.no_grad()
def test_residual_transformer_predicts_as_published(name: str) -> None:
    case = Case.load(name)
    model, condition, lengths = residual_model(case), condition_of(case), case.inputs["token_lengths"]
    ids, scale = case.inputs["all_ids"], case.facts["generation"]["cond_scale"]
    without = condition.dropped(torch.ones(len(ids), dtype=torch.bool))
    valid = length_mask(lengths, ids.shape[1])[:, None].expand_as(case.expected["logits_teacher"])
    case.check("history_sum", model.history(ids[..., :-1], lengths))
    conditional = all_layers(model, ids, condition, lengths)
    unconditional = all_layers(model, ids, without, lengths)
    case.check("logits_teacher", conditional, valid)
    case.check("logits_teacher_guided", unconditional + (conditional - unconditional) * scale, valid)
    layers = case.inputs["train_layers"]
    labels = ids[torch.arange(len(ids)), :, layers].where(length_mask(lengths, ids.shape[1]), IGNORED)
    case.check("train_loss", token_loss(model(ids, layers, condition, lengths), labels).loss)


@pytest.mark.parametrize("name", RESIDUAL)
@torch.no_grad()
def test_residual_transformer_generates_as_published(name: str) -> None:
    case = Case.load(name)
    model, condition, lengths = residual_model(case), condition_of(case), case.inputs["token_lengths"]
    scale = case.facts["generation"]["cond_scale"]
    base = case.inputs["all_ids"][..., 0].masked_fill(
        ~length_mask(lengths, case.inputs["all_ids"].shape[1]), -1
    )
    options = replace(GREEDY, residual_guidance=scale)
    ids = model.generate(base, condition, lengths, noise(len(base)), options)
    case.check("greedy_ids", ids)
    conditional = all_layers(model, ids, condition, lengths)
    unconditional = all_layers(model, ids, condition.dropped(torch.ones(len(ids), dtype=torch.bool)), lengths)
    valid = length_mask(lengths, base.shape[1])[:, None].expand_as(conditional)
    case.check("greedy_logits", unconditional + (conditional - unconditional) * scale, valid)


@torch.no_grad()
def test_length_estimator_agrees() -> None:
    case = Case.load("length_estimator")
    model = load_weights(LengthEstimator(LengthEstimatorConfig(text_width=512)), case.weights)
    logits = model(case.inputs["text_embedding"])
    case.check("logits", logits)
    case.check("probabilities", logits.softmax(-1))
    case.check("cross_entropy", torch.nn.functional.cross_entropy(logits, case.inputs["labels"]))


@pytest.fixture(scope="module")
def schedule() -> Case:
    return Case.load("masking_schedule")


def test_schedule_masks_as_many_as_published(schedule: Case) -> None:
    times = torch.linspace(0, 1, 10)
    schedule.check("time", times)
    schedule.check("mask_fraction", mask_fraction(times))
    counts = torch.stack([masked_counts(time, schedule.inputs["token_lengths"]) for time in times])
    schedule.check("num_masked", counts)
    schedule.check("train_num_masked", masked_counts(schedule.inputs["train_uniform"], torch.full((16,), 49)))
    ranked = lowest_ranked(schedule.inputs["rank.scores"], schedule.inputs["rank.count"])
    schedule.check("rank.is_mask", ranked)


def test_filter_and_draw_as_published(schedule: Case) -> None:
    for classes, kept in schedule.facts["classes_kept_by_filter_threshold"].items():
        assert kept_classes(int(classes), 0.9) == kept
    options = SamplingOptions(temperature=schedule.facts["parameters"]["temperature"])
    drawn = sample_ids(schedule.inputs["filter.logits"], schedule.inputs["gumbel.uniform"], options)
    schedule.check("gumbel.ids", drawn)


def test_draws_follow_the_published_probabilities(schedule: Case) -> None:
    options = SamplingOptions(temperature=schedule.facts["parameters"]["temperature"])
    logits, draws = schedule.inputs["filter.logits"][0, 0], 20000
    uniform = torch.rand(draws, len(logits), generator=torch.Generator().manual_seed(0))
    drawn = sample_ids(logits.expand(draws, -1), uniform, options)
    frequencies = torch.bincount(drawn, minlength=len(logits)) / draws
    assert (frequencies - schedule.expected["categorical.probabilities"][0, 0]).abs().max() < 0.012


def test_layers_and_losses_as_published(schedule: Case) -> None:
    schedule.check("layer_choice.layers", draw_layers(schedule.inputs["layer_choice.uniform"], 6))
    labels = schedule.inputs["loss.labels"]
    classes = schedule.inputs["loss.logits"].shape[1]
    ignored = labels.where((labels >= 0) & (labels < classes), torch.tensor(IGNORED))
    assert (ignored == IGNORED).any()
    loss = token_loss(schedule.inputs["loss.logits"].transpose(1, 2), ignored)
    schedule.check("loss.cross_entropy", loss.loss)
    schedule.check("loss.accuracy", loss.accuracy)

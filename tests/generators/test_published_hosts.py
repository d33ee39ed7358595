"""MDM, MotionDiffuse and MMM agree with the official implementations within the tolerances of their json."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from kinelex.generators import official
from kinelex.generators.base import TextCondition, WordStates
from kinelex.generators.diffusion.denoiser import EncodedText
from kinelex.generators.diffusion.process import as_motion, diffusion_loss, noised
from kinelex.generators.diffusion.samplers import (
    DiffusionSampling,
    ddim_step,
    ddpm_step,
    posterior_mean,
    sample,
)
from kinelex.generators.diffusion.schedule import DiffusionConfig, NoiseSchedule
from kinelex.generators.mdm import MDM, MDMConfig
from kinelex.generators.mmm import Corruption, MMMConfig, MMMSampling, MMMTransformer, mmm_loss
from kinelex.generators.motiondiffuse import MotionDiffuse, MotionDiffuseConfig, waves
from kinelex.generators.sampling import SampleNoise, guided
from kinelex.generators.transformer import TransformerConfig
from kinelex.motion.skeleton import HUMANML3D
from kinelex.tokenizer.losses import tokenizer_loss
from kinelex.tokenizer.rvqvae import RVQVAEConfig, TokenizedMotion, length_mask
from kinelex.tokenizer.vqvae import VQVAE, PatientCodebook
from published import Case, agree, load_weights


def frames(values: Tensor) -> Tensor:
    """(..., J, 1, T) as published to (..., T, J)."""
    return values[..., 0, :].transpose(-1, -2)


def as_published(values: Tensor) -> Tensor:
    """(B, T, J) to (B, J, 1, T)."""
    return values.transpose(1, 2)[:, :, None]


def mdm(case: Case, reads: str, text_width: int, *, mask_frames: bool) -> MDM:
    facts = case.facts["config"]
    sizes = TransformerConfig(
        facts["latent_dim"], facts["num_layers"], facts["num_heads"], facts["ff_size"], 0.1
    )
    config = MDMConfig(263, text_width, sizes, reads, mask_frames)  # type: ignore[arg-type]
    model = load_weights(MDM(config), official.rename(case.weights, official.MDM))
    assert isinstance(model, MDM)
    return model


def both(model: MDM, case: Case, condition: TextCondition) -> tuple[Tensor, Tensor]:
    """The prediction with the text and without it, from one pass."""
    twice = [
        torch.cat([x, x])
        for x in (frames(case.inputs["x"]), case.inputs["timesteps"], case.inputs["lengths"])
    ]
    text = model.read(condition.with_unconditional())
    conditional, unconditional = model(twice[0], twice[1], text, twice[2]).chunk(2)
    return conditional, unconditional


@pytest.fixture(scope="module")
def sentence() -> Case:
    return Case.load("mdm_denoiser")


@pytest.fixture(scope="module")
def words() -> Case:
    return Case.load("mdm_trans_dec_bert")


@pytest.mark.parametrize(("masked", "suffix"), [(False, "nomask"), (True, "maskframes")])
@torch.no_grad()
def test_mdm_with_a_sentence_predicts_as_published(sentence: Case, masked: bool, suffix: str) -> None:
    model = mdm(sentence, "sentence", 512, mask_frames=masked)
    condition = TextCondition.of_sentences(sentence.inputs["text_embed"][0])
    agree(sentence, "time_emb", model.time_vector(sentence.inputs["timesteps"])[None])
    vector = model.read(condition).vector
    assert vector is not None
    agree(sentence, "text_emb", vector[None])
    conditional, unconditional = both(model, sentence, condition)
    agree(sentence, f"x0_cond_{suffix}", as_published(conditional))
    agree(sentence, f"x0_uncond_{suffix}", as_published(unconditional))
    scale = sentence.inputs["scale"][:, None, None]
    agree(sentence, f"x0_cfg_{suffix}", as_published(unconditional + scale * (conditional - unconditional)))


@torch.no_grad()
def test_mdm_samples_as_published(sentence: Case) -> None:
    model = mdm(sentence, "sentence", 512, mask_frames=True)
    condition = TextCondition.of_sentences(sentence.inputs["text_embed"][0])
    text, lengths = model.read(condition.with_unconditional()), sentence.inputs["lengths"]
    draws: Iterator[Tensor] = iter(frames(sentence.inputs["loop_noise"]))

    def predict(mixed: Tensor, times: Tensor) -> Tensor:
        twice = [torch.cat([x, x]) for x in (mixed, times, lengths)]
        return guided(model(twice[0], twice[1], text, twice[2]), float(sentence.inputs["scale"][0]))

    steps = len(sentence.inputs["loop_noise"]) - 1
    schedule = NoiseSchedule.of(DiffusionConfig(steps))
    drawn = sample(schedule, predict, lambda: next(draws), DiffusionSampling("ddpm", steps))
    agree(sentence, "loop_sample", as_published(drawn))


@pytest.mark.parametrize(("masked", "suffix"), [(False, "nomask"), (True, "maskframes")])
@torch.no_grad()
def test_mdm_with_words_predicts_as_published(words: Case, masked: bool, suffix: str) -> None:
    model = mdm(words, "words", 768, mask_frames=masked)
    mask = ~words.inputs["text_key_padding_mask"]
    states = WordStates(words.inputs["text_tokens"], mask, mask.sum(1) - 1)
    condition = replace(TextCondition.of_sentences(states.states[:, 0]), words=states)
    conditional, unconditional = both(model, words, condition)
    agree(words, f"x0_cond_{suffix}", as_published(conditional))
    agree(words, f"x0_uncond_{suffix}", as_published(unconditional))
    scale = words.inputs["scale"][:, None, None]
    agree(words, f"x0_cfg_{suffix}", as_published(unconditional + scale * (conditional - unconditional)))


@pytest.fixture(scope="module")
def stylised() -> Case:
    return Case.load("motiondiffuse_denoiser")


@pytest.fixture(scope="module")
def motiondiffuse(stylised: Case) -> MotionDiffuse:
    facts = stylised.facts["config"]
    config = MotionDiffuseConfig(
        transformer=TransformerConfig(
            facts["latent_dim"], facts["num_layers"], facts["num_heads"], facts["ff_size"], 0.0
        ),
        text=TransformerConfig(
            facts["text_latent_dim"], facts["num_text_layers"], facts["text_num_heads"],
            facts["text_ff_size"], 0.0,
        ),
    )  # fmt: skip
    model = load_weights(MotionDiffuse(config), official.rename(stylised.weights, official.MOTIONDIFFUSE))
    assert isinstance(model, MotionDiffuse)
    return model


def given_text(case: Case) -> EncodedText:
    """The published inputs in place of an encoded text."""
    words = case.inputs["xf_out"]
    return EncodedText(case.inputs["xf_proj"], words, torch.ones(words.shape[:2], dtype=torch.bool))


@torch.no_grad()
def test_motiondiffuse_reads_text_as_published(stylised: Case, motiondiffuse: MotionDiffuse) -> None:
    hidden = stylised.inputs["clip_hidden"]
    states = WordStates(hidden, torch.ones(hidden.shape[:2], dtype=torch.bool), stylised.inputs["eot_index"])
    condition = replace(TextCondition.of_sentences(hidden[:, 0]), words=states)
    text = motiondiffuse.read(condition)
    assert text.vector is not None
    assert text.words is not None
    agree_plain(stylised, "xf_proj", text.vector)
    agree_plain(stylised, "xf_out", text.words)


def agree_plain(case: Case, name: str, value: Tensor, **tolerance: float) -> None:
    """Within the tolerance at the top of the json, which lies beside those of other kinds, or another."""
    facts = {"atol": case.facts["tolerance"]["atol"], "rtol": case.facts["tolerance"]["rtol"], **tolerance}
    torch.testing.assert_close(value, case.expected[name], **facts, msg=lambda text: f"{name}: {text}")


@torch.no_grad()
def test_motiondiffuse_predicts_as_published(stylised: Case, motiondiffuse: MotionDiffuse) -> None:
    inputs = stylised.inputs
    times, latent = inputs["timesteps"], motiondiffuse.config.transformer.latent
    agree_plain(stylised, "timestep_embedding", waves(times, latent))
    agree_plain(stylised, "emb", motiondiffuse.time(waves(times, latent)) + inputs["xf_proj"])
    noise = motiondiffuse(inputs["x"], times, given_text(stylised), inputs["lengths"])
    agree_plain(stylised, "eps", noise)
    config = DiffusionConfig(1000, "linear", "noise", "frame")
    schedule = NoiseSchedule.of(config)
    motion = as_motion(config, schedule, inputs["x"], times, noise)
    agree(stylised, "p_pred_xstart", motion, "p_pred_xstart")
    step = "p_mean_p_sample_ddim"
    agree(stylised, "p_mean", posterior_mean(schedule, inputs["x"], times, motion), step)
    agree(stylised, "p_sample", ddpm_step(schedule, inputs["x"], times, motion, inputs["noise"]), step)
    still = torch.zeros_like(inputs["x"])
    agree(stylised, "ddim_eta0", ddim_step(schedule, inputs["x"], times, motion, still, 0.0), step)


@torch.no_grad()
def test_motiondiffuse_learns_as_published(stylised: Case, motiondiffuse: MotionDiffuse) -> None:
    inputs, times = stylised.inputs, stylised.inputs["timesteps"]
    config = DiffusionConfig(1000, "linear", "noise", "frame")
    mixed = noised(NoiseSchedule.of(config), inputs["x_start"], times, inputs["noise"])
    agree_plain(stylised, "x_t", mixed)
    inside = length_mask(inputs["lengths"], mixed.shape[1])
    assert torch.equal(inside.float(), stylised.expected["src_mask"])
    output = motiondiffuse(mixed, times, given_text(stylised), inputs["lengths"])
    agree_plain(stylised, "loss", diffusion_loss(config, output, inputs["x_start"], inputs["noise"], inside))


@pytest.fixture(scope="module")
def single() -> Case:
    return Case.load("mmm_vq")


@pytest.fixture(scope="module")
def vqvae(single: Case) -> VQVAE:
    config = RVQVAEConfig(
        width=32, code_width=32, codes=512, quantizers=1, quantizer_dropout=0.0, dropout=0.0
    )
    weights = official.rename(single.weights, official.MMM_TOKENIZER)
    model = load_weights(
        VQVAE(config), weights, ("code_sum", "code_count", "initialized", "batches", "ever_used")
    )
    assert isinstance(model, VQVAE)
    return model


@torch.no_grad()
def test_mmm_tokenizes_as_published(single: Case, vqvae: VQVAE) -> None:
    motion = single.inputs["motion"]
    agree(single, "encoder_output", vqvae.latent(motion))
    odd = motion[:, : int(single.inputs["odd_length"])]
    agree(single, "encoder_output_odd_length", vqvae.latent(odd))
    tokens = vqvae.encode(motion)
    assert torch.equal(tokens.ids[..., 0], single.expected["codes"])
    result = vqvae(motion)
    agree(single, "reconstruction", result.features)
    agree(single, "commit_loss", result.quantized.commitment)
    agree(single, "perplexity", result.quantized.perplexity)
    codes = single.inputs["given_codes"]
    lengths = torch.full((len(codes),), codes.shape[1])
    agree(single, "decoded_from_codes", vqvae.decode(TokenizedMotion(codes[..., None], lengths)))
    loss = tokenizer_loss(vqvae, motion, HUMANML3D, torch.Generator())
    agree(single, "loss_recons", loss.reconstruction)
    agree(single, "loss_vel", loss.positions)
    agree(single, "loss_total", loss.loss)


@torch.no_grad()
def test_mmm_learns_codes_as_published(single: Case) -> None:
    expected = single.expected
    codebook = PatientCodebook(*expected["ema_codebook_after_1"].shape, decay=0.99).train()
    codebook(single.inputs["ema_x0"])
    agree(single, "ema_codebook_after_1", codebook.codebook)
    agree(single, "ema_count_after_1", codebook.code_count)
    second = codebook(single.inputs["ema_x1"])
    agree(single, "ema_codebook_after_2", codebook.codebook)
    agree(single, "ema_count_after_2", codebook.code_count)
    agree(single, "ema_perplexity_2", second.perplexity)
    agree(single, "ema_commit_2", second.commitment)


@pytest.fixture(scope="module")
def masked() -> Case:
    return Case.load("mmm_transformer")


@pytest.fixture(scope="module")
def mmm(masked: Case) -> MMMTransformer:
    facts = masked.facts["config"]
    width = facts["embed_dim_gpt"]
    sizes = TransformerConfig(width, 16, facts["n_head_gpt"], facts["ff_rate"] * width, 0.1)
    config = MMMConfig(512, 512, facts["nb_code"], facts["code_dim"], sizes, facts["num_local_layer"])
    model = load_weights(MMMTransformer(config), official.rename_mmm(masked.weights))
    assert isinstance(model, MMMTransformer)
    return model


def text_of(case: Case, rows: slice | list[int] = slice(None)) -> TextCondition:
    states = case.inputs["word_emb"]
    words = WordStates(
        states, torch.ones(states.shape[:2], dtype=torch.bool), torch.zeros(len(states)).long()
    )
    condition = TextCondition.of_sentences(case.inputs["clip_feature"])
    return replace(condition, words=words)[torch.arange(len(states))[rows]]


def uniform_noise(uniform: Tensor) -> SampleNoise:
    """Noise that hands out the published draws (steps, 1, N, V), as many positions of them as are asked for."""
    draws = iter(uniform)
    noise = SampleNoise.of_seeds([0], torch.device("cpu"))
    noise.draw = lambda counts, classes: next(draws)[:, : int(counts.max())]  # type: ignore[method-assign]
    return noise


@torch.no_grad()
def test_mmm_predicts_as_published(masked: Case, mmm: MMMTransformer) -> None:
    lengths = masked.inputs["token_lengths"]
    logits = mmm(masked.inputs["ids"][:, :-1], text_of(masked), lengths)
    # The published logits have a row for the sentence in front and one for the end token behind.
    full = torch.cat([masked.expected["logits"][:, :1], logits, masked.expected["logits"][:, -1:]], dim=1)
    agree(masked, "logits", full)


@torch.no_grad()
def test_mmm_learns_as_published(masked: Case, mmm: MMMTransformer) -> None:
    lengths, tokens = masked.inputs["token_lengths"], masked.inputs["tokens"][:, :-1]
    valid = length_mask(lengths, 49)
    corruption = Corruption(
        masked.inputs["draw_keep_mask"][:, :-1].bool(),
        masked.inputs["draw_random_ids"][:, :-1],
        masked.expected["train_mask_token"][:, :-1],
    )
    seen = corruption.applied(tokens, mmm.config.mask_id)
    assert torch.equal(seen[valid], masked.expected["train_masked_input_indices"][:, :-1][valid])
    loss = mmm_loss(mmm(seen, text_of(masked), lengths), tokens, lengths)
    agree(masked, "train_loss_cls", loss.loss, "train_loss_cls")


@pytest.mark.parametrize("name", ["sample_batch", "sample_inbetween"])
def test_mmm_unmasks_as_published(masked: Case, mmm: MMMTransformer, name: str) -> None:
    lengths = masked.inputs["token_lengths"]
    valid = length_mask(lengths, 49)
    known = masked.inputs["token_cond"][:, :-1] if name == "sample_inbetween" else None
    if known is not None:
        known = known.masked_fill(~valid | (known == mmm.config.mask_id), -1)
    seen: list[Tensor] = []
    hook = mmm.register_forward_pre_hook(lambda _, arguments: seen.append(arguments[0]))
    noise = SampleNoise.of_seeds(range(3), torch.device("cpu"))
    drawn = mmm.generate(text_of(masked), lengths, noise, MMMSampling(10, 0.0), known)
    hook.remove()
    steps = masked.expected[f"{name}.masked_ids_per_step"][..., :-1]
    assert torch.equal(torch.stack(seen)[:, valid], steps[:, valid])
    assert torch.equal(drawn[valid], masked.expected[f"{name}.ids"][:, :-1][valid])


def test_mmm_draws_with_noise_as_published(masked: Case, mmm: MMMTransformer) -> None:
    row = int(masked.inputs["random_index"])
    lengths = masked.inputs["token_lengths"][row : row + 1]
    steps = int(masked.inputs["sample_steps"])
    noise = uniform_noise(masked.inputs["sample_uniform"])
    drawn = mmm.generate(text_of(masked, [row]), lengths, noise, MMMSampling(steps, 1.0))
    assert torch.equal(drawn, masked.expected["sample_single_random.ids"][:, :49])


@pytest.mark.parametrize("name", ["single", "short"])
def test_mmm_alone_takes_the_published_steps(masked: Case, mmm: MMMTransformer, name: str) -> None:
    """The published code stops a batch of one early; what it has then is where a batch is at that step."""
    row = int(masked.inputs[f"{name}_index"])
    lengths = masked.inputs["token_lengths"][row : row + 1]
    case = f"sample_{'single' if name == 'single' else 'single_short'}"
    seen: list[Tensor] = []
    hook = mmm.register_forward_pre_hook(lambda _, arguments: seen.append(arguments[0]))
    noise = SampleNoise.of_seeds([0], torch.device("cpu"))
    mmm.generate(text_of(masked, [row]), lengths, noise, MMMSampling(10, 0.0))
    hook.remove()
    steps = masked.expected[f"{case}.masked_ids_per_step"][:, :, : int(lengths)]
    assert torch.equal(torch.stack(seen[: len(steps)]), steps)
    settled = seen[len(steps)] != mmm.config.mask_id
    assert torch.equal(seen[len(steps)][settled], masked.expected[f"{case}.ids"][:, : int(lengths)][settled])

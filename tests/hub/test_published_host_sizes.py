"""The published MDM, MotionDiffuse and MMM at their full sizes, with random weights: they import and generate."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import CLIPTextConfig, CLIPTextModelWithProjection, DistilBertConfig, DistilBertModel

from kinelex.cli import main
from kinelex.hub.folder import load_model
from kinelex.motion.motion import Motion
from tiny_encoders import SIZE, word_tokenizer

Layout = dict[str, tuple[int, ...]]
FEATURES = 263


def linear(name: str, outputs: int, inputs: int) -> Layout:
    return {f"{name}.weight": (outputs, inputs), f"{name}.bias": (outputs,)}


def norms(width: int, *names: str) -> Layout:
    return {f"{name}.{part}": (width,) for name in names for part in ("weight", "bias")}


def convolution(name: str, outputs: int, inputs: int, size: int) -> Layout:
    return {f"{name}.weight": (outputs, inputs, size), f"{name}.bias": (outputs,)}


def torch_layer(prefix: str, width: int, inner: int, attentions: tuple[str, ...] = ("self_attn",)) -> Layout:
    """A layer of torch's transformers: one attention in an encoder, two in a decoder."""
    layout = linear(f"{prefix}linear1", inner, width) | linear(f"{prefix}linear2", width, inner)
    for number, name in enumerate(attentions):
        layout |= {
            f"{prefix}{name}.in_proj_weight": (3 * width, width),
            f"{prefix}{name}.in_proj_bias": (3 * width,),
        }
        layout |= linear(f"{prefix}{name}.out_proj", width, width) | norms(width, f"{prefix}norm{number + 1}")
    return layout | norms(width, f"{prefix}norm{len(attentions) + 1}")


def mdm(words: bool) -> Layout:
    side = "seqTransDecoder" if words else "seqTransEncoder"
    attentions = ("self_attn", "multihead_attn") if words else ("self_attn",)
    layout = {
        "sequence_pos_encoder.pe": (5000, 1, 512),
        "embed_timestep.sequence_pos_encoder.pe": (5000, 1, 512),
    }
    layout |= linear("input_process.poseEmbedding", 512, FEATURES)
    layout |= linear("output_process.poseFinal", FEATURES, 512)
    layout |= linear("embed_timestep.time_embed.0", 512, 512) | linear(
        "embed_timestep.time_embed.2", 512, 512
    )
    layout |= linear("embed_text", 512, 768 if words else 512)
    for layer in range(8):
        layout |= torch_layer(f"{side}.layers.{layer}.", 512, 1024, attentions)
    return layout


def motiondiffuse() -> Layout:
    layout: Layout = {"sequence_embedding": (196, 512)} | norms(256, "text_ln")
    layout |= linear("joint_embed", 512, FEATURES) | linear("out", FEATURES, 512)
    layout |= linear("time_embed.0", 2048, 512) | linear("time_embed.2", 2048, 2048)
    layout |= linear("text_pre_proj", 256, 512) | linear("text_proj.0", 2048, 256)
    for layer in range(4):
        layout |= torch_layer(f"textTransEncoder.layers.{layer}.", 256, 2048)
    for block in range(8):
        prefix = f"temporal_decoder_blocks.{block}."
        for part, text in (("sa_block", 512), ("ca_block", 256)):
            layout |= norms(512, f"{prefix}{part}.norm") | linear(f"{prefix}{part}.query", 512, 512)
            layout |= linear(f"{prefix}{part}.key", 512, text) | linear(f"{prefix}{part}.value", 512, text)
        layout |= norms(256, f"{prefix}ca_block.text_norm")
        layout |= linear(f"{prefix}ffn.linear1", 1024, 512) | linear(f"{prefix}ffn.linear2", 512, 1024)
        for part in ("sa_block", "ca_block", "ffn"):
            output = f"{prefix}{part}.proj_out."
            layout |= linear(f"{output}emb_layers.1", 1024, 2048) | norms(512, f"{output}norm")
            layout |= linear(f"{output}out_layers.2", 512, 512)
    return layout


def mmm_tokenizer(prefix: str) -> Layout:
    encoder, decoder = f"{prefix}encoder.model.", f"{prefix}decoder.model."
    layout: Layout = {f"{prefix}quantizer.codebook": (8192, 32)}
    layout |= convolution(f"{encoder}0", 512, FEATURES, 3) | convolution(f"{encoder}4", 32, 512, 3)
    layout |= convolution(f"{decoder}0", 512, 32, 3) | convolution(f"{decoder}4", 512, 512, 3)
    layout |= convolution(f"{decoder}6", FEATURES, 512, 3)
    for level in (2, 3):
        layout |= convolution(f"{encoder}{level}.0", 512, 512, 4) | convolution(
            f"{decoder}{level}.2", 512, 512, 3
        )
        for block in range(3):
            for place in (f"{encoder}{level}.1.model.{block}", f"{decoder}{level}.0.model.{block}"):
                layout |= convolution(f"{place}.conv1", 512, 512, 3) | convolution(
                    f"{place}.conv2", 512, 512, 1
                )
    return layout


def mmm() -> Layout:
    layout: Layout = {
        "trans_base.learn_tok_emb.weight": (3, 32),
        "trans_base.pos_embed.embed": (51, 1, 1024),
        "trans_base.pos_embedding.weight": (51, 1024),
        "trans_head.head.weight": (8192, 1024),
    }
    layout |= mmm_tokenizer("trans_base.vqvae.vqvae.") | norms(1024, "trans_head.ln_f")
    layout |= linear("trans_base.to_emb", 1024, 32)
    for part in ("cond_emb", "word_emb"):
        layout |= linear(f"trans_base.{part}", 1024, 512)
    crossing = [f"trans_base.cross_att.{number}." for number in range(2)]
    plain = [f"trans_base.blocks.{number}." for number in range(7)]
    head = [f"trans_head.blocks.{number}." for number in range(9)]
    for prefix in (*crossing, *plain, *head):
        layout |= norms(1024, f"{prefix}ln1", f"{prefix}ln2")
        for part in ("key", "query", "value", "proj"):
            layout |= linear(f"{prefix}attn.{part}", 1024, 1024)
        layout |= linear(f"{prefix}mlp.0", 4096, 1024) | linear(f"{prefix}mlp.2", 1024, 4096)
    for prefix in crossing:
        layout |= norms(1024, f"{prefix}ln3") | {f"{prefix}attn.mask": (1, 1, 51, 77)}
    return layout


def random_weights(layout: Layout) -> dict[str, torch.Tensor]:
    """Half precision keeps the files small."""
    generator = torch.Generator().manual_seed(0)
    return {name: (0.02 * torch.randn(shape, generator=generator)).half() for name, shape in layout.items()}


def write_statistics(folder: Path, mean: str, deviation: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    np.save(folder / mean, np.zeros(FEATURES))
    np.save(folder / deviation, np.full(FEATURES, 0.1))


def write_mdm(folder: Path, words: bool) -> None:
    folder.mkdir()
    weights = random_weights(mdm(words))
    more = {"mask_frames": True, "use_ema": True} if words else {}
    torch.save({"model": weights, "model_avg": weights} if words else weights, folder / "model000475000.pt")
    args = {"arch": "trans_dec" if words else "trans_enc", "diffusion_steps": 50 if words else 1000, **more}
    (folder / "args.json").write_text(json.dumps(args))
    write_statistics(folder, "Mean.npy", "Std.npy")


def write_motiondiffuse(folder: Path) -> None:
    (folder / "model").mkdir(parents=True)
    saved = {"encoder": random_weights(motiondiffuse()), "opt_encoder": {}, "ep": 50, "total_it": 9}
    torch.save(saved, folder / "model" / "latest.tar")
    (folder / "opt.txt").write_text("--- Options ---\ndiffusion_steps: 1000\n--- End ---")
    write_statistics(folder / "meta", "mean.npy", "std.npy")


def write_mmm(folder: Path) -> None:
    folder.mkdir()
    torch.save({"trans": random_weights(mmm())}, folder / "net_last.pth")
    write_statistics(folder, "t2m-mean.npy", "t2m-std.npy")


def text_encoder(words_only: bool, folder: Path) -> Path:
    """A random text model of one layer with the published widths."""
    torch.manual_seed(0)
    if words_only:
        DistilBertModel(
            DistilBertConfig(
                vocab_size=SIZE, dim=768, n_layers=1, n_heads=2, hidden_dim=32, max_position_embeddings=12
            )
        ).save_pretrained(folder)
    else:
        CLIPTextModelWithProjection(
            CLIPTextConfig(
                vocab_size=SIZE, hidden_size=512, intermediate_size=32, projection_dim=512, pad_token_id=0,
                bos_token_id=2, eos_token_id=3, num_hidden_layers=1, num_attention_heads=2, max_position_embeddings=77,
            )
        ).save_pretrained(folder)  # fmt: skip
    word_tokenizer(12).save_pretrained(folder)
    return folder


# Parameters as the table of the published code counts them; MMM's tokenizer is counted in.
RELEASES: dict[str, tuple[str, Callable[[Path], None], float]] = {
    "mdm": ("mdm", lambda folder: write_mdm(folder, words=False), 17.9e6),
    "mdm on words": ("mdm", lambda folder: write_mdm(folder, words=True), 26.4e6),
    "motiondiffuse": ("motiondiffuse", write_motiondiffuse, 87.2e6),
    "mmm": ("mmm", write_mmm, 254e6),
}


@pytest.mark.parametrize("name", RELEASES)
def test_a_release_of_full_size_imports_and_generates(name: str, tmp_path: Path) -> None:
    kind, write, parameters = RELEASES[name]
    write(tmp_path / "release")
    encoder, model = text_encoder("words" in name, tmp_path / "encoder"), tmp_path / "model"
    command = ["import", kind, str(tmp_path / "release"), "--text-encoder", str(encoder)]
    assert main([*command, "--output", str(model)]) == 0
    clip, quick = tmp_path / "clip.npz", [] if kind == "mmm" else ["--sampler", "dpm++"]
    options = ["--model", str(model), "--duration", "2", "--steps", "2", "--output", str(clip), *quick]
    assert main(["generate", "a person walks forward", *options]) == 0
    assert len(Motion.load(clip)) == 40
    counted = sum(
        each.numel() for part in load_model(model).networks.values() if part for each in part.parameters()
    )
    assert counted == pytest.approx(parameters, rel=0.01)

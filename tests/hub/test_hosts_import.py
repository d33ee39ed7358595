"""Published files of MDM, MotionDiffuse and MMM, made on the spot, import with every number in its place."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from torch import Tensor
from transformers import (
    CLIPTextConfig,
    CLIPTextModelWithProjection,
    DistilBertConfig,
    DistilBertModel,
    PreTrainedTokenizerFast,
)

from kinelex.cli import main
from kinelex.errors import KinelexError
from kinelex.generators import official
from kinelex.generators.base import TextReading, read_words, word_states
from kinelex.generators.diffusion.samplers import DiffusionSampling
from kinelex.generators.durations import LengthEstimator, LengthEstimatorConfig
from kinelex.hub import Companions, import_mdm, import_mmm, import_motiondiffuse, load_model
from kinelex.hub.folder import read_config
from kinelex.text.encoders import TextEncoder
from published import Case
from tiny_model import WORDS, recorded_features

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]


def write_text_encoder(kind: str, folder: Path) -> Path:
    """A random CLIP or DistilBERT of the published widths and one layer."""
    torch.manual_seed(0)
    size = len(SPECIAL) + len(WORDS)
    if kind == "clip":
        config = CLIPTextConfig(
            vocab_size=size, hidden_size=512, intermediate_size=64, projection_dim=512, num_hidden_layers=1,
            num_attention_heads=8, max_position_embeddings=77, pad_token_id=0, bos_token_id=2, eos_token_id=3,
        )  # fmt: skip
        model = CLIPTextModelWithProjection(config)
    else:
        model = DistilBertModel(
            DistilBertConfig(
                vocab_size=size, dim=768, n_layers=1, n_heads=8, hidden_dim=64, max_position_embeddings=64
            )
        )
    words = Tokenizer(models.WordLevel({word: row for row, word in enumerate([*SPECIAL, *WORDS])}, "[UNK]"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    words.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=words, model_max_length=64, unk_token="[UNK]", pad_token="[PAD]", cls_token="[CLS]",
        sep_token="[SEP]",
    )  # fmt: skip
    model.eval().save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def encoders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("encoders")
    return {kind: write_text_encoder(kind, folder / kind) for kind in ("clip", "bert")}


def write_statistics(folder: Path, names: tuple[str, str]) -> None:
    features = recorded_features()
    folder.mkdir(parents=True, exist_ok=True)
    np.save(folder / names[0], features.mean(0).numpy())
    np.save(folder / names[1], features.std(0).clamp(min=1e-3).numpy())


POSITIONS = {
    "sequence_pos_encoder.pe": torch.zeros(5000, 1, 64),
    "embed_timestep.sequence_pos_encoder.pe": torch.zeros(5000, 1, 64),
}


def write_mdm(folder: Path, case: str, **args: object) -> Path:
    """A release of MDM made of reference weights: averaged weights are the real ones."""
    folder.mkdir()
    weights = {**Case.load(case).weights, **POSITIONS}
    raw = {key: torch.zeros_like(value) for key, value in weights.items()}
    saved = {"model": raw, "model_avg": weights} if args.get("use_ema") else weights
    torch.save(saved, folder / "model000475000.pt")
    (folder / "args.json").write_text(json.dumps({"diffusion_steps": 8, "cond_mask_prob": 0.1, **args}))
    write_statistics(folder, ("Mean.npy", "Std.npy"))
    return folder


def write_motiondiffuse(folder: Path) -> Path:
    (folder / "model").mkdir(parents=True)
    weights = {**Case.load("motiondiffuse_denoiser").weights, "clip.visual.proj": torch.zeros(4, 4)}
    torch.save({"encoder": weights, "ep": 3, "total_it": 9}, folder / "model" / "latest.tar")
    (folder / "opt.txt").write_text("--- Options ---\ndiffusion_steps: 8\n--- End ---")
    write_statistics(folder / "meta", ("mean.npy", "std.npy"))
    return folder


def write_mmm(folder: Path) -> Path:
    (folder / "t2m").mkdir(parents=True)
    (folder / "vq").mkdir()
    torch.save({"trans": Case.load("mmm_transformer").weights}, folder / "t2m" / "net_last.pth")
    torch.save({"net": Case.load("mmm_vq").weights}, folder / "vq" / "net_last.pth")
    write_statistics(folder, ("t2m-mean.npy", "t2m-std.npy"))
    return folder


RELEASES = {
    "mdm": lambda folder: write_mdm(folder, "mdm_denoiser", arch="trans_enc"),
    "mdm-bert": lambda folder: write_mdm(
        folder, "mdm_trans_dec_bert", arch="trans_dec", mask_frames=True, use_ema=True
    ),
    "motiondiffuse": write_motiondiffuse,
    "mmm": write_mmm,
}
READINGS = {
    "mdm": TextReading(limit=22),
    "mdm-bert": TextReading(words=True),
    "motiondiffuse": TextReading(words=True, padded=77),
    "mmm": TextReading(words=True, padded=77),
}


@pytest.mark.parametrize("name", RELEASES)
def test_a_release_imports_and_generates_from_the_command_line(
    name: str, encoders: dict[str, Path], tmp_path: Path
) -> None:
    source, folder = RELEASES[name](tmp_path / "release"), tmp_path / "model"
    encoder = encoders["bert" if name == "mdm-bert" else "clip"]
    kind = name.removesuffix("-bert")
    command = ["import", kind, str(source), "--output", str(folder), "--text-encoder", str(encoder)]
    assert main(command) == 0
    config = read_config(folder)
    assert config.reading == READINGS[name]
    mean = load_model(folder).normalizer.mean
    torch.testing.assert_close(mean, recorded_features().mean(0))
    clip = tmp_path / "clip.npz"
    faster = ["--sampler", "dpm++", "--steps", "3"] if kind != "mmm" else ["--steps", "3"]
    generate = ["generate", "a person walks", "--model", str(folder), "--output", str(clip), *faster]
    assert main(generate) == 2  # nobody knows how long it takes
    assert main([*generate, "--duration", "2", "--precision", "bf16"]) == 2  # these draw in fp32 alone
    assert main([*generate, "--duration", "2"]) == 0
    # Not as a Motion: weights that nobody has trained put joints where no person gets.
    assert np.load(clip)["positions"].shape == (40, 22, 3)
    if name != "mdm-bert":
        estimator = tmp_path / "length_estimator" / "model" / "finest.tar"
        estimator.parent.mkdir(parents=True)
        torch.save({"estimator": LengthEstimator(LengthEstimatorConfig(512)).state_dict()}, estimator)
        assert main(["import", "length", str(tmp_path / "length_estimator"), "--output", str(folder)]) == 0
        assert main(generate) == 0


@pytest.mark.parametrize("name", RELEASES)
def test_weights_arrive_under_our_names(name: str, encoders: dict[str, Path], tmp_path: Path) -> None:
    source = RELEASES[name](tmp_path / "release")
    encoder = encoders["bert" if name == "mdm-bert" else "clip"]
    importers = {"mdm": import_mdm, "motiondiffuse": import_motiondiffuse, "mmm": import_mmm}
    importers[name.removesuffix("-bert")](source, tmp_path / "model", Companions(text_encoder=str(encoder)))
    model = load_model(tmp_path / "model")
    if name == "mmm":
        expected = official.rename_mmm(Case.load("mmm_transformer").weights)
        codes = Case.load("mmm_vq").weights["vqvae.quantizer.codebook"]
        assert torch.equal(model.networks["tokenizer"].codebook, codes)  # type: ignore[union-attr]
        check_equal(model.networks["transformer"], expected)
        return
    case = {
        "mdm": "mdm_denoiser",
        "mdm-bert": "mdm_trans_dec_bert",
        "motiondiffuse": "motiondiffuse_denoiser",
    }
    renames = official.MOTIONDIFFUSE if name == "motiondiffuse" else official.MDM
    check_equal(model.networks["denoiser"], official.rename(Case.load(case[name]).weights, renames))
    steps = 1.0 if name == "motiondiffuse" else 2.5
    assert model.sampling == DiffusionSampling("ddpm", 8, steps)


def check_equal(network: torch.nn.Module | None, expected: dict[str, Tensor]) -> None:
    assert network is not None
    state = network.state_dict()
    assert set(state) == set(expected)
    for name, value in expected.items():
        assert torch.equal(state[name], value), name


def test_a_lacking_and_an_unknown_weight_are_listed(tmp_path: Path) -> None:
    release = write_motiondiffuse(tmp_path / "release")
    path = release / "model" / "latest.tar"
    saved = torch.load(path, weights_only=True)
    del saved["encoder"]["text_ln.bias"]
    saved["encoder"]["surprise"] = torch.zeros(1)
    torch.save(saved, path)
    with pytest.raises(KinelexError, match=r"missing: text_norm\.bias; unknown: surprise"):
        import_motiondiffuse(release, tmp_path / "model")


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(KinelexError, match=r"no file model\*\.pt"):
        import_mdm(tmp_path, tmp_path / "model")
    with pytest.raises(KinelexError, match="no file latest"):
        import_motiondiffuse(tmp_path, tmp_path / "model")
    release = write_mdm(tmp_path / "release", "mdm_denoiser")
    (release / "Mean.npy").unlink()
    with pytest.raises(KinelexError, match="--statistics DIR"):
        import_mdm(release, tmp_path / "model")
    np.save(release / "Mean.npy", np.zeros(251))
    with pytest.raises(KinelexError, match="needs 263 numbers"):
        import_mdm(release, tmp_path / "model")
    (release / "args.json").unlink()
    with pytest.raises(KinelexError, match=r"keep args\.json beside"):
        import_mdm(release, tmp_path / "model")
    write_mdm(tmp_path / "dip", "mdm_trans_dec_bert", arch="trans_dec", context_len=20)
    with pytest.raises(KinelexError, match="context_len=20, which is not supported"):
        import_mdm(tmp_path / "dip", tmp_path / "model")
    arguments = ["import", "momask", str(release), "--output", str(tmp_path / "x"), "--statistics", "y"]
    assert main(arguments) == 2


def test_padding_of_clip_is_read_as_published(encoders: dict[str, Path]) -> None:
    """Token 0 behind the text, no mask: what the causal model sees is the whole row of 77."""
    encoder = TextEncoder.load(encoders["clip"])
    reading = TextReading(words=True, padded=77)
    texts = ["a person walks", "someone jumps then turns left"]
    read = read_words(encoder, reading, texts)
    words = word_states(read, reading)
    assert words.states.shape == (2, 77, 512)
    assert words.mask.all()
    plain = encoder.encode(texts)
    torch.testing.assert_close(read.pooled, plain.pooled, atol=1e-5, rtol=1e-5)
    for row, last in enumerate(words.last.tolist()):
        torch.testing.assert_close(
            words.states[row, : last + 1], plain.tokens[row, : last + 1], atol=1e-5, rtol=1e-5
        )
        ids = encoder.tokenize([texts[row]]).ids[0]
        assert int(ids[last]) == encoder.model.config.eos_token_id
        padded = torch.cat([ids, torch.zeros(77 - len(ids), dtype=torch.long)])[None]
        whole = encoder.model(input_ids=padded).last_hidden_state[0]
        torch.testing.assert_close(words.states[row], whole, atol=1e-5, rtol=1e-5)


def test_only_clip_is_read_with_its_padding(encoders: dict[str, Path]) -> None:
    with pytest.raises(KinelexError, match="only CLIP"):
        TextEncoder.load(encoders["bert"]).encode_padded(["a person walks"], 77)

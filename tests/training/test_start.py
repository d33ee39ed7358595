"""Trainings that begin with parts of a trained model."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from synthetic import write_store
from test_loop import assert_equal

from kinelex.cli import main
from kinelex.errors import KinelexError
from kinelex.generators.base import TextReading
from kinelex.generators.model import MoMaskModel
from kinelex.hashing import weights_hash
from kinelex.hub import ModelCard, load_model, save_model
from kinelex.motion.skeleton import KIT
from kinelex.training.aligned import AlignedMaskTransformer
from kinelex.training.loop import Training, make_fabric
from kinelex.training.recipe_files import RECIPES
from kinelex.training.recipes import Recipe, load_recipe
from kinelex.training.run import load_parts, train
from kinelex.training.start import Start, StartRecipe
from kinelex.training.workshop import Workshop, build_model
from tiny_model import TEXT_WIDTH, tiny_encoder, tiny_model

SIZES = """
base: cpu-debug
start: {model: tiny, keep: [tokenizer, length, durations], tune: [masked, residual]}
text: {encoder: ENCODER}
tokenizer: {model: {width: 16, code_width: 12, codes: 24, quantizers: 3, quantizer_dropout: 0.0, depth: 3}}
masked: {transformer: &tiny {latent: 16, layers: 2, heads: 2, feedforward: 32, dropout: 0.2}, phrase_guide: true}
residual: {transformer: *tiny}
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("start")
    (folder / "store").mkdir()
    write_store(folder / "store")
    (folder / "tiny.yaml").write_text(
        SIZES.replace("ENCODER", str(folder / "encoder")).replace(
            "cpu-debug", str(RECIPES / "cpu-debug.yaml")
        )
    )
    return folder


@pytest.fixture(scope="module")
def model(place: Path) -> MoMaskModel:
    """As it comes out of a folder."""
    save_model(tiny_model(place / "encoder"), place / "model", ModelCard("tiny", "MIT", "A random model."))
    return loaded(place / "model")


def loaded(folder: Path) -> MoMaskModel:
    made = load_model(folder)
    assert isinstance(made, MoMaskModel)
    return made


@pytest.fixture(scope="module")
def recipe(place: Path, model: MoMaskModel) -> Recipe:
    return load_recipe(place / "tiny.yaml")


@pytest.fixture(scope="module")
def trained(place: Path, recipe: Recipe, model: MoMaskModel) -> MoMaskModel:
    report = train(recipe, [place / "store"], place / "output", device="cpu", start=model)
    assert report.finished
    assert tuple(report.results) == ("masked", "residual")
    after = load_parts(recipe, [place / "store"], place / "output")
    assert isinstance(after, MoMaskModel)
    return after


def test_kept_parts_stay_and_tuned_parts_learn(place: Path, model: MoMaskModel, trained: MoMaskModel) -> None:
    for name, part in model.weights.items():
        same = weights_hash(part) == weights_hash(trained.weights[name])
        assert same == (name not in ("masked", "residual")), name
    untouched = loaded(place / "model")
    for name, part in untouched.weights.items():
        assert weights_hash(part) == weights_hash(model.weights[name])


def test_a_tuned_part_begins_with_the_weights_of_the_model(
    place: Path, recipe: Recipe, model: MoMaskModel
) -> None:
    workshop = Workshop(recipe, [place / "store"], place / "first", make_fabric("cpu", "fp32"), start=model)
    assert weights_hash(workshop.stage("masked").model) == weights_hash(model.masked)
    plain = Workshop(
        replace(recipe, start=replace(recipe.start, tune=("residual",))),
        [place / "store"], place / "second", make_fabric("cpu", "fp32"), start=model,
    )  # fmt: skip
    assert weights_hash(plain.stage("masked").model) != weights_hash(model.masked)


def test_motion_and_text_are_read_as_the_model_learnt_to(
    place: Path, recipe: Recipe, model: MoMaskModel, trained: MoMaskModel
) -> None:
    workshop = Workshop(recipe, [place / "store"], place / "output", make_fabric("cpu", "fp32"), start=model)
    features = workshop.corpus.train.bank.features[None, :64]
    expected = model.tokenizer.encode(model.normalizer(features)).ids
    assert torch.equal(workshop.tokenizer.encode(workshop.corpus.normalizer(features)).ids, expected)
    vectors = model.encoder.embed(["a person walks forward"])
    torch.testing.assert_close(workshop.whitening(vectors), model.whitening(vectors))
    # With durations alone, features are normalised by the statistics of the stores.
    timing = replace(recipe, start=StartRecipe("tiny", keep=("length", "durations")))
    own = Workshop(timing, [place / "store"], place / "timing", make_fabric("cpu", "fp32"), start=model)
    assert not torch.equal(own.corpus.normalizer.mean, model.normalizer.mean)


def test_another_start_is_another_training(place: Path, recipe: Recipe, model: MoMaskModel) -> None:
    def fingerprint(start: MoMaskModel) -> str:
        fabric = make_fabric("cpu", "fp32")
        workshop = Workshop(recipe, [place / "store"], place / "print", fabric, start=start)
        return Training(workshop.stage("masked"), recipe.masked.train, fabric).fingerprint

    other = replace(model, masked=build_model(recipe, "masked", TEXT_WIDTH))
    assert fingerprint(model) == fingerprint(model)
    assert fingerprint(model) != fingerprint(other)


def test_a_stopped_training_goes_on_as_if_it_had_not(
    place: Path, recipe: Recipe, model: MoMaskModel, trained: MoMaskModel
) -> None:
    first = train(recipe, [place / "store"], place / "stopped", device="cpu", start=model, max_minutes=0)
    assert not first.finished
    assert train(recipe, [place / "store"], place / "stopped", device="cpu", start=model).finished
    files = [place / folder / "residual" / "checkpoint.pt" for folder in ("output", "stopped")]
    assert_equal(*(torch.load(file, weights_only=True) for file in files))


def test_the_decoder_of_a_kept_tokenizer_may_be_refined(place: Path, model: MoMaskModel) -> None:
    refined = load_recipe(
        place / "tiny.yaml", ["decoder.train={steps: 5, batch_size: 8, validate_every: 5, warmup: 1}"]
    )
    assert refined.stages == ("decoder", "masked", "residual")
    output = place / "refined"
    assert train(refined, [place / "store"], output, stages=["decoder"], device="cpu", start=model).finished
    before, after = model.tokenizer.state_dict(), load_file(output / "decoder" / "weights.safetensors")
    changed = {name for name, value in after.items() if not torch.equal(value, before[name])}
    assert changed
    assert all(name.startswith("decoder.") for name in changed)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("start={keep: [], tune: []}", "name what to keep or to tune"),
        ("start.keep=[tokenizer, lenth]", "there is no part 'lenth'; choose from tokenizer, length"),
        ("start.keep=[tokenizer, masked]", "masked is named twice"),
        ("start.keep=[length]", "masked reads the tokens of the model's tokenizer; put tokenizer into"),
        ("start.keep=[decoder]", "there is no part 'decoder'"),
        ("start.tune=[tokenizer]", "tokenizer is named twice"),
        ("start={keep: [], tune: [tokenizer]}", "a tokenizer cannot be tuned"),
        (
            "start={keep: [tokenizer, length, durations, masked, residual], tune: []}",
            "nothing is left to train",
        ),
    ],
)
def test_recipes_that_cannot_begin_so_are_refused(place: Path, change: str, message: str) -> None:
    with pytest.raises(KinelexError, match=message):
        load_recipe(place / "tiny.yaml", [change])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            "masked.transformer.layers=3",
            r"masked is not .* tiny: transformer\.layers is 3, the model's 2\. Set",
        ),
        ("masked.transformer.heads=4", r"transformer\.heads is 4, the model's 2"),
        ("tokenizer.model.codes=32", r"the recipe's tokenizer is not .*: codes is 32, the model's 24"),
        ("tokenizer.model.halvings=3", r"a token of the model tiny is 4 frames, of the recipe 8"),
        ("masked.alignment={}", r"trained without alignment; set masked\.alignment=null"),
    ],
)
def test_parts_that_do_not_fit_are_named_before_anything_is_written(
    place: Path, model: MoMaskModel, change: str, message: str
) -> None:
    with pytest.raises(KinelexError, match=message):
        train(
            load_recipe(place / "tiny.yaml", [change]), [place / "store"], place / "wrong", device="cpu",
            start=model,
        )  # fmt: skip
    assert not (place / "wrong" / "recipe.yaml").exists()


def test_models_that_do_not_fit_are_refused(place: Path, recipe: Recipe, model: MoMaskModel) -> None:
    other = replace(model, skeleton=KIT)
    with pytest.raises(KinelexError, match="prepare the recordings for that skeleton"):
        train(recipe, [place / "store"], place / "wrong", device="cpu", start=other)
    with pytest.raises(KinelexError, match="the model tiny has no length; take it out of start"):
        train(recipe, [place / "store"], place / "wrong", device="cpu", start=replace(model, length=None))
    with pytest.raises(KinelexError, match="starts from tiny; load that model"):
        train(recipe, [place / "store"], place / "wrong", device="cpu")
    sided = replace(model, reading=TextReading(left_first=True))
    with pytest.raises(KinelexError, match=r"mirror image of the left; set text\.left_first=true"):
        train(recipe, [place / "store"], place / "wrong", device="cpu", start=sided)
    encoder = tiny_encoder(place / "other")
    with torch.no_grad():
        encoder.model.get_input_embeddings().weight.normal_()
    with pytest.raises(KinelexError, match=r"text\.encoder is not the encoder of the model tiny"):
        train(recipe, [place / "store"], place / "wrong", device="cpu", start=replace(model, encoder=encoder))


def test_a_training_that_is_there_is_not_replaced_by_what_is_kept(
    place: Path, recipe: Recipe, model: MoMaskModel
) -> None:
    output = place / "taken"
    (output / "length").mkdir(parents=True)
    (output / "length" / "checkpoint.pt").write_bytes(b"hours of work")
    with pytest.raises(KinelexError, match="holds a training of its own"):
        train(recipe, [place / "store"], output, device="cpu", start=model)
    assert not (output / "recipe.yaml").exists()
    assert not list(output.rglob("weights.safetensors"))


def test_alignment_goes_on_too(place: Path, model: MoMaskModel) -> None:
    scratch = "start={keep: [tokenizer, length, durations], tune: []}"
    aligned = load_recipe(place / "tiny.yaml", ["masked.alignment={}", scratch])
    assert train(aligned, [place / "store"], place / "aligned", device="cpu", start=model).finished
    first = load_parts(aligned, [place / "store"], place / "aligned")
    assert isinstance(first, MoMaskModel)
    assert first.alignment is not None
    again = load_recipe(place / "tiny.yaml", ["masked.alignment={}"])
    fabric = make_fabric("cpu", "fp32")
    stage = Workshop(again, [place / "store"], place / "more", fabric, start=first).stage("masked")
    assert isinstance(stage.model, AlignedMaskTransformer)
    assert weights_hash(stage.model.alignment) == weights_hash(first.alignment)
    assert weights_hash(stage.model.transformer) == weights_hash(first.masked)
    assert again.start is not None
    before = Start(again.start, first, first.skeleton, 4).identity
    with torch.no_grad():
        next(first.alignment.parameters()).add_(1)
    assert Start(again.start, first, first.skeleton, 4).identity != before


def test_hosts_go_on_through_the_command_line(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Durations are kept, the denoiser learns on; the card says what the model comes from."""
    common = [
        "--store",
        str(place / "store"),
        "--device",
        "cpu",
        "--set",
        f"text.encoder={place / 'encoder'}",
    ]
    folder = place / "mdm"
    assert main(["train", "mdm-cpu-debug", "--output", str(folder), *common]) == 0
    start = f"start={{model: {folder / 'model'}, keep: [length, durations], tune: [denoiser]}}"
    again = ["train", "mdm-cpu-debug", *common, "--set", start]
    assert main([*again, "--output", str(folder)]) == 2
    assert "would be replaced by the training that starts from it" in capsys.readouterr().err
    assert (
        main([*again, "--output", str(place / "more_mdm"), "--set", "denoiser.diffusion.predicts=noise"]) == 2
    )
    assert "predicts is noise, the model's motion" in capsys.readouterr().err
    assert main([*again, "--output", str(place / "more_mdm")]) == 0
    before, after = load_model(folder / "model"), load_model(place / "more_mdm" / "model")
    for name, part in before.weights.items():
        assert (weights_hash(part) == weights_hash(after.weights[name])) == (name != "denoiser"), name
    card = (place / "more_mdm" / "model" / "README.md").read_text("utf-8")
    assert f"It began with parts (length, durations, denoiser) of the model `{folder / 'model'}`" in card


def test_only_what_the_parts_read_is_the_models(model: MoMaskModel) -> None:
    start = Start(StartRecipe("tiny", keep=("length",)), model, model.skeleton, 4)
    assert start.normalizer is None
    assert start.whitening is not None
    tokens = Start(StartRecipe("tiny", keep=("tokenizer",)), model, model.skeleton, 4)
    assert tokens.normalizer is not None
    assert tokens.whitening is None
    assert start.identity != tokens.identity
    both = [StartRecipe("tiny", keep=names) for names in (("length", "durations"), ("durations", "length"))]
    assert len({Start(each, model, model.skeleton, 4).identity for each in both}) == 1

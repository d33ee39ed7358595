"""MDM, MotionDiffuse and MMM from a small store to a model folder that generates and edits, through the CLI."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from synthetic import write_store

from kinelex.cli import main
from kinelex.errors import KinelexError
from kinelex.evaluation.candidate import ModelCandidate
from kinelex.generators.base import TextCondition
from kinelex.generators.diffusion.denoiser import Denoiser
from kinelex.generators.diffusion.generator import MotionDiffusion
from kinelex.generators.diffusion.samplers import DiffusionSampling
from kinelex.generators.diffusion.schedule import DiffusionConfig
from kinelex.generators.hosts import DiffusionModel, MMMModel
from kinelex.generators.mdm import MDM
from kinelex.generators.mmm import MMMSampling, MMMTransformer
from kinelex.generators.model import MotionModel
from kinelex.generators.sampling import SampleNoise
from kinelex.hub import load_model
from kinelex.motion.motion import Motion
from kinelex.pipeline import Pipeline, Prompt
from kinelex.training.host_stages import DenoiserStage
from kinelex.training.host_workshop import workshop_of
from kinelex.training.hosts import HostRecipe, Widths, load_generator_recipe
from kinelex.training.loop import make_fabric
from kinelex.training.recipe_files import RECIPES, recipe_names
from kinelex.training.sampler import Rows
from rig_clips import recorded_motion
from tiny_model import tiny_encoder

HOSTS = ("mdm", "motiondiffuse", "mmm")
KINDS = {"mdm": DiffusionModel, "motiondiffuse": DiffusionModel, "mmm": MMMModel}
EXTRA = {"mdm": ("denoiser.reads=words",), "motiondiffuse": (), "mmm": ("transformer.segments=true",)}
RECIPE_NAMES = [name for name in recipe_names() if name.startswith(HOSTS)]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a store and a tiny text encoder."""
    folder = tmp_path_factory.mktemp("hosts")
    (folder / "store").mkdir()
    write_store(folder / "store")
    tiny_encoder(folder / "encoder")
    return folder


@pytest.fixture(scope="module", params=HOSTS)
def trained(request: pytest.FixtureRequest, place: Path) -> Path:
    """The model folder of a debug recipe; each host is trained once."""
    output = place / request.param
    changes = [f"text.encoder={place / 'encoder'}", *EXTRA[request.param]]
    arguments = [argument for change in changes for argument in ("--set", change)]
    command = [
        "train",
        f"{request.param}-cpu-debug",
        "--store",
        str(place / "store"),
        "--output",
        str(output),
    ]
    assert main([*command, "--device", "cpu", *arguments]) == 0
    return output / "model"


@pytest.fixture(scope="module")
def model(trained: Path) -> MotionModel:
    return load_model(trained)


def test_a_trained_host_generates_from_the_command_line(trained: Path, tmp_path: Path) -> None:
    clip = tmp_path / "clip.npz"
    command = ["generate", "a person walks then sits down", "--model", str(trained), "--output", str(clip)]
    assert main(command) == 0
    motion = Motion.load(clip)
    assert len(motion.segments) == 2
    assert torch.isfinite(torch.from_numpy(motion.positions)).all()


def test_a_saved_host_is_what_was_trained(trained: Path, model: MotionModel) -> None:
    host = trained.parent.name
    assert isinstance(model, KINDS[host])
    recipe = load_generator_recipe(trained.parent / "recipe.yaml")
    assert isinstance(recipe, HostRecipe)
    assert recipe.reading == model.reading
    assert model.sampling == recipe.sampling  # type: ignore[attr-defined]


def test_a_clip_is_the_same_alone_and_in_a_batch(model: MotionModel) -> None:
    texts, seeds = ["a person walks", "someone jumps then turns left", "waves"], [4, 5, 6]
    phrases = [[text] for text in texts]
    lengths = torch.tensor([12, 5, 60])  # the last is longer than a window
    together = model.generate(model.read(texts, phrases).condition(texts, phrases), lengths, seeds)
    for row in range(3):
        one = texts[row : row + 1], phrases[row : row + 1]
        alone = model.generate(model.read(*one).condition(*one), lengths[row : row + 1], seeds[row : row + 1])
        frames = int(lengths[row]) * model.frames_per_token
        torch.testing.assert_close(alone[0], together[row, :frames], atol=2e-3, rtol=1e-3)
    other = model.generate(model.read(texts, phrases).condition(texts, phrases), lengths, [7, 8, 9])
    assert (other - together).abs().max() > 1e-2


def test_what_is_kept_stays(model: MotionModel) -> None:
    text, phrases = ["a person walks"], [["a person walks"]]
    condition = model.read(text, phrases).condition(text, phrases)
    first = model.generate(condition, torch.tensor([20]), [0])
    known = model.keep(first, 6, 5, 4)
    again = model.generate(condition, torch.tensor([15]), [1], known=known)
    assert torch.isfinite(again).all()
    if isinstance(model, DiffusionModel):
        assert torch.equal(again[:, :24], first[:, :24])
        assert torch.equal(again[:, -20:], first[:, -20:])
        assert not torch.equal(again[:, 24:40], first[:, 24:40])
    else:
        assert torch.equal(model.keep(again, 6, 5, 4)[:, :5], known[:, :5])


def test_editing_keeps_the_rest_of_a_clip(model: MotionModel) -> None:
    pipeline = Pipeline(model)
    clip = pipeline("a person walks then sits down", duration=5.0, seed=1)
    edited = pipeline.inbetween(clip, 2.0, 3.0, "jumps")
    assert len(edited) == len(clip)
    assert (edited.positions[:40] == clip.positions[:40]).all()
    longer = pipeline.extend(clip, "a person waves", 2.0)
    assert len(longer) == len(clip) + 40


def test_the_protocol_evaluates_any_host(model: MotionModel) -> None:
    candidate = ModelCandidate(model)
    texts = ["a person walks", "someone jumps"]
    candidate.prepare(texts)
    assert candidate.estimate(texts).shape == (2,)
    features = candidate.generate(texts[:1], torch.tensor([10]), [3])
    assert features.shape == (1, 40, 263)
    assert torch.isfinite(features).all()


def test_options_of_another_host_are_refused(model: MotionModel) -> None:
    with pytest.raises(KinelexError, match="no option residual_guidance; it has"):
        Pipeline(model).with_options(residual_guidance=3.0)
    with pytest.raises(KinelexError, match="is not how this model draws"):
        Pipeline(model, object())  # type: ignore[arg-type]


def test_ground_says_that_these_hosts_cannot(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clip = tmp_path / "clip.npz"
    recorded_motion().save(clip)
    assert main(["ground", str(clip), "walks", "--model", str(trained)]) == 2
    assert "without segment alignment" in capsys.readouterr().err


def test_denoisers_learn_from_the_frames_of_a_part(place: Path) -> None:
    recipe = load_generator_recipe("mdm-cpu-debug", [f"text.encoder={place / 'encoder'}"])
    assert isinstance(recipe, HostRecipe)
    shop = workshop_of(recipe)(recipe, [place / "store"], place / "shop", make_fabric("cpu", "fp32"))
    stage = shop.stage("denoiser")
    assert isinstance(stage, DenoiserStage)
    part = shop.corpus.train.parts[3]
    frames = torch.tensor([part.frames // 4 * 4])
    motion = stage.motion("train", torch.tensor([3]), frames, torch.tensor([0.0]), 200)
    features = shop.corpus.train.bank.features[part.start : part.start + int(frames)]
    torch.testing.assert_close(motion[0, : int(frames)], shop.corpus.normalizer(features))
    assert not motion[0, int(frames) :].any()
    losses = stage.losses(Rows(torch.arange(4), 25), torch.Generator().manual_seed(0))
    assert losses["loss"] > 0


@pytest.mark.parametrize("name", RECIPE_NAMES)
def test_every_host_recipe_loads_and_survives_saving(name: str, tmp_path: Path) -> None:
    recipe = load_generator_recipe(name)
    assert isinstance(recipe, HostRecipe)
    recipe.save(tmp_path / "saved.yaml")
    assert load_generator_recipe(tmp_path / "saved.yaml") == recipe
    if not name.endswith("debug"):
        assert (RECIPES / f"{name}-debug.yaml").is_file()


@pytest.mark.parametrize("name", [name for name in RECIPE_NAMES if name.endswith("+mate")])
def test_mate_changes_nothing_but_the_text_encoder(name: str) -> None:
    enhanced, plain = load_generator_recipe(name), load_generator_recipe(name.removesuffix("+mate"))
    assert enhanced.text.encoder != plain.text.encoder
    assert replace(enhanced, name=plain.name, text=plain.text) == plain  # type: ignore[type-var]


@pytest.mark.parametrize("features", [251, 263])
@pytest.mark.parametrize("name", [name for name in RECIPE_NAMES if not name.startswith("mmm")])
def test_the_denoisers_of_all_recipes_are_wide_enough_for_what_they_predict(name: str, features: int) -> None:
    with torch.device("meta"):
        network = load_generator_recipe(name).build("denoiser", Widths(features, 8, 8))
    assert isinstance(network, Denoiser)
    assert network.config.features == features


def test_the_left_is_not_read_first_by_hosts() -> None:
    with pytest.raises(KinelexError, match="leave it out"):
        load_generator_recipe("mdm-cpu", ["text.left_first=true"])


def test_noise_that_does_not_fit_through_the_latent_is_refused() -> None:
    recipe = load_generator_recipe("motiondiffuse-base", ["denoiser.transformer.latent=256"])
    with pytest.raises(KinelexError, match=r"latent is 256.* at least the 263 values"):
        recipe.build("denoiser", Widths(263, 8, 8))


def draw_guided(network: torch.nn.Module, condition: TextCondition) -> None:
    if isinstance(network, MMMTransformer):
        noise = SampleNoise.of_seeds([0], torch.device("cpu"))
        network.generate(condition, torch.tensor([4]), noise, MMMSampling(guidance=2.0))
    else:
        assert isinstance(network, MDM)
        generator = MotionDiffusion(network, DiffusionConfig(8))
        generator.generate(condition, torch.tensor([4]), [0], DiffusionSampling(guidance=2.0))


@pytest.mark.parametrize("kind", ["mdm", "mmm"])
def test_guidance_needs_a_model_that_lost_its_text_at_times(kind: str) -> None:
    condition = TextCondition.of_sentences(torch.zeros(1, 16))
    network_of = {"mdm": "denoiser", "mmm": "transformer"}[kind]
    always_told = load_generator_recipe(f"{kind}-cpu-debug", [f"{network_of}.condition_dropout=0"])
    assert isinstance(always_told, HostRecipe)
    network = always_told.build(network_of, Widths(263, 16, 16)).eval()
    with pytest.raises(KinelexError, match="leave guidance at 1"):
        draw_guided(network, condition)


def test_a_batch_of_prompts_goes_through_the_pipeline(model: MotionModel) -> None:
    prompts = [Prompt("a person walks", duration=2.0), Prompt("someone jumps", seed=1, duration=3.0)]
    clips = Pipeline(model).generate_batch(prompts)
    assert [len(clip) for clip in clips] == [40, 60]

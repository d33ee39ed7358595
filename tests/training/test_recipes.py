"""Recipes say exactly what they mean, and nothing else is accepted."""

from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from kinelex.errors import KinelexError
from kinelex.training.recipes import Recipe, TrainConfig, load_recipe
from kinelex.training.workshop import build_model

RECIPES = Path(__file__).parents[2] / "src" / "kinelex" / "recipes"
NAMES = ("cpu", "base", "compact", "segmo-cpu", "segmo-base", "guided-cpu")


def parameters(recipe: Recipe) -> dict[str, int]:
    """Values that each network needs to be used; the codebooks' running sums only matter in training."""
    models = {name: build_model(recipe, name, 384) for name in ("tokenizer", "masked", "residual", "length")}
    return {
        name: sum(value.numel() for key, value in model.state_dict().items() if "code_sum" not in key)
        for name, model in models.items()
    }


@pytest.mark.parametrize("name", NAMES)
def test_every_recipe_loads_survives_saving_and_has_a_debug_twin(name: str, tmp_path: Path) -> None:
    recipe = load_recipe(RECIPES / f"{name}.yaml")
    assert recipe.name == name
    recipe.save(tmp_path / "saved.yaml")
    assert load_recipe(tmp_path / "saved.yaml") == recipe
    twin = load_recipe(RECIPES / f"{name}-debug.yaml")
    assert sum(parameters(twin).values()) < 600_000
    assert twin.tokenizer.train.steps <= 50
    assert twin.masked.train.lr == recipe.masked.train.lr


@pytest.mark.parametrize("path", sorted(RECIPES.glob("segmo-base-*.yaml")), ids=lambda path: path.stem)
def test_ablations_differ_from_segmo_in_their_alignment_alone(path: Path) -> None:
    if path.stem == "segmo-base-debug":
        return
    base, other = load_recipe(RECIPES / "segmo-base.yaml"), load_recipe(path)
    assert other.masked.alignment != base.masked.alignment
    same = replace(other, name=base.name, masked=replace(other.masked, alignment=base.masked.alignment))
    assert same == base


def test_a_recipe_of_ones_own_changes_one_of_the_package(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("base: cpu\nmasked: {train: {steps: 7}}\n")
    mine, cpu = load_recipe(tmp_path / "mine.yaml"), load_recipe("cpu")
    train = replace(cpu.masked.train, steps=7)
    assert mine == replace(cpu, name="mine", masked=replace(cpu.masked, train=train))
    (tmp_path / "small.yaml").write_text("base: small\n")
    assert load_recipe(tmp_path / "small.yaml") == load_recipe("small"), "also one of the same name"
    (tmp_path / "cpu.yaml").write_text("base: guided-cpu\n")
    assert load_recipe(tmp_path / "mine.yaml").masked.phrase_guide, "one beside it goes first"


def test_base_has_the_published_sizes() -> None:
    recipe = load_recipe(RECIPES / "base.yaml")
    tokenizer, transformer = recipe.tokenizer.model, recipe.masked.transformer
    assert (tokenizer.width, tokenizer.code_width, tokenizer.codes, tokenizer.quantizers) == (
        512,
        512,
        512,
        6,
    )
    assert (transformer.latent, transformer.layers, transformer.heads, transformer.feedforward) == (
        384,
        8,
        6,
        1024,
    )
    assert recipe.residual.transformer == transformer


def test_the_bundled_model_fits_into_35_megabytes_of_half_floats() -> None:
    sizes = parameters(load_recipe(RECIPES / "compact.yaml"))
    assert 2 * sum(sizes.values()) < 35e6, sizes


def test_overrides_reach_every_depth() -> None:
    changes = [
        "tokenizer.train.steps=7",
        "masked.transformer.dropout=0.3",
        "data.mirror=false",
        "length.train.lr=3e-5",
    ]
    recipe = load_recipe(RECIPES / "cpu.yaml", changes)
    assert recipe.tokenizer.train.steps == 7
    assert recipe.masked.transformer.dropout == 0.3
    assert recipe.data.mirror is False
    assert recipe.length.train.lr == 3e-5
    plain = load_recipe(RECIPES / "cpu.yaml")
    assert replace(recipe.residual, train=plain.residual.train) == plain.residual


def test_a_name_means_a_recipe_of_the_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    assert load_recipe("cpu") == load_recipe(RECIPES / "cpu.yaml")
    with pytest.raises(KinelexError, match=r"no recipe 'gpu'.*compact"):
        load_recipe("gpu")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            "tokenizer: {train: {stps: 3}}",
            r"bad\.yaml: unknown key tokenizer\.train\.stps; did you mean steps",
        ),
        ("tokeniser: {}", r"unknown key tokeniser; did you mean tokenizer"),
        ("zzz: 1", r"unknown key zzz; known keys: name, start, data"),
        ("masked: {train: {batch_size: 3}}", r"masked\.train\.steps is missing"),
        ("masked: {train: {steps: 3.5}}", r"masked\.train\.steps is 3\.5; it must be a whole number"),
        ("masked: {train: {steps: true}}", r"must be a whole number"),
        ("masked: {train: {steps: 0}}", r"masked\.train: steps is 0; give at least 1"),
        ("masked: {train: {steps: 9, lr: .nan}}", r"lr is nan; give more than 0"),
        ("masked: {train: {steps: 9, lr: quick}}", r"lr is 'quick'; it must be a number"),
        ("masked: {train: {steps: 9, betas: [0.9]}}", r"betas has 1 values; it needs 2"),
        ("masked: {train: {steps: 9, milestones: 5}}", r"milestones is 5; it must be a list"),
        (
            "masked: {train: {steps: 9, precision: fp8}}",
            r"precision is 'fp8'; choose one of auto, bf16, fp32",
        ),
        ("masked: {train: {steps: 9, ema: 1}}", r"ema is 1\.0; give 0 to less than 1"),
        ("data: {mirror: 1}", r"data\.mirror is 1; it must be true or false"),
        ("data: {window: 30}", r"data\.window is 30; it must be a multiple of 4"),
        ("data: {min_frames: 300}", r"min_frames is 300; give 4 to max_frames"),
        ("residual: {transformer: {heads: 5}}", r"residual\.transformer\.latent is 384"),
        ("text: minilm", r"text must be a mapping"),
        ("base: nowhere", r"no base 'nowhere' beside it or among .*guided-cpu"),
        ("base: bad", r"is its own base"),
        ("[1, 2]", r"must hold keys and values, not list"),
        ("a: [", r"is no valid YAML"),
        ("masked: {segments: false, phrase_guide: true}", r"masked\.segments is false"),
        ("residual: {segments: false, phrase_guide: true}", r"residual\.segments is false"),
    ],
)
def test_mistakes_name_the_key_the_file_and_the_remedy(content: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text(content)
    with pytest.raises(KinelexError, match=message) as caught:
        load_recipe(tmp_path / "bad.yaml")
    assert "bad.yaml" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("override", ["steps", "=3", "a..b=3", "a=[", "tokenizer.train=3"])
def test_broken_overrides_are_refused(override: str) -> None:
    with pytest.raises(KinelexError):
        load_recipe(RECIPES / "cpu.yaml", [override])


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["train", "steps", "lr", "x"]), inner)
    ),
    max_leaves=6,
)


@settings(max_examples=60, deadline=None)
@given(section=st.sampled_from(["data", "text", "tokenizer", "masked", "length"]), junk=JUNK)
def test_any_content_is_a_recipe_or_a_sentence(
    section: str, junk: object, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("junk") / "junk.yaml"
    path.write_text(yaml.safe_dump({section: junk}))
    try:
        message = repr(load_recipe(path))
    except KinelexError as error:
        message = str(error)
    assert message.startswith("Recipe(name='junk'") or "junk.yaml" in message


def test_train_config_defaults_are_valid() -> None:
    assert TrainConfig(steps=1).precision == "auto"

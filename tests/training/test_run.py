"""All stages from a small store to a model that generates."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from synthetic import LENGTHS, write_store
from test_loop import assert_equal

from kinelex.alignment.spans import uniform_spans
from kinelex.errors import KinelexError
from kinelex.generators.base import TextCondition
from kinelex.generators.durations import PhraseDurations, PhraseDurationsConfig
from kinelex.generators.momask import MoMask
from kinelex.motion.features import mirror_features
from kinelex.motion.skeleton import HUMANML3D
from kinelex.text.mirroring import leads_right
from kinelex.training.cache import Sequences
from kinelex.training.durations import located
from kinelex.training.loop import make_fabric
from kinelex.training.recipes import DecoderRecipe, Recipe, load_recipe
from kinelex.training.run import load_parts, train
from kinelex.training.sampler import Rows
from kinelex.training.stages import TokenizerStage, TokenStage, condition_of, sentence_of
from kinelex.training.workshop import Workshop
from tiny_model import tiny_encoder

RECIPES = Path(__file__).parents[2] / "src" / "kinelex" / "recipes"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a store and a tiny text encoder."""
    folder = tmp_path_factory.mktemp("run")
    (folder / "store").mkdir()
    write_store(folder / "store")
    tiny_encoder(folder / "encoder")
    return folder


@pytest.fixture(scope="module")
def recipe(place: Path) -> Recipe:
    return load_recipe(RECIPES / "cpu-debug.yaml", [f"text.encoder={place / 'encoder'}"])


@pytest.fixture(scope="module")
def trained(place: Path, recipe: Recipe) -> Path:
    report = train(recipe, [place / "store"], place / "output", device="cpu")
    assert report.finished
    assert tuple(report.results) == recipe.stages
    return place / "output"


@pytest.fixture(scope="module")
def workshop(place: Path, recipe: Recipe, trained: Path) -> Workshop:
    return Workshop(recipe, [place / "store"], trained, make_fabric("cpu", "fp32"))


def test_every_stage_reports_its_measures(trained: Path, place: Path, recipe: Recipe) -> None:
    report = train(recipe, [place / "store"], trained, device="cpu")
    assert report.finished
    assert 0 < report.results["tokenizer"].metrics["kept_error_cm"] < 100
    for name in recipe.stages:
        assert {path.name for path in (trained / name).iterdir()} >= {
            "weights.safetensors",
            "checkpoint.pt",
            "log.jsonl",
        }


def test_the_trained_parts_generate_motion(trained: Path, place: Path, recipe: Recipe) -> None:
    model = load_parts(recipe, [place / "store"], trained)
    vectors = model.whitening(model.encoder.embed(["a person walks forward"]))
    tokens = MoMask(model.masked, model.residual).generate(
        TextCondition.of_sentences(vectors), torch.tensor([9]), [0]
    )
    assert model.tokenizer.decode(tokens).shape == (1, 36, 263)
    assert load_recipe(trained / "recipe.yaml") == recipe


def test_a_model_that_reads_the_left_first_learns_no_sentence_that_leads_right(
    place: Path, recipe: Recipe, workshop: Workshop, trained: Path
) -> None:
    sided = replace(recipe, text=replace(recipe.text, left_first=True))
    output = place / "sided"
    shutil.copytree(trained / "tokenizer", output / "tokenizer")
    own = Workshop(sided, [place / "store"], output, make_fabric("cpu", "fp32"))
    assert own.token_hash != workshop.token_hash
    texts = {row: text for text, row in own.texts.rows.items()}
    for split in ("train", "val"):
        both = said_by_motion(workshop.sequences[split], {r: t for t, r in workshop.texts.rows.items()})
        learnt = said_by_motion(own.sequences[split], texts)
        # What is learnt is what mirrored training knows too; its validation has no mirror images.
        assert not any(leads_right(*said) for _, said in learnt)
        if split == "train":
            assert learnt == {(motion, said) for motion, said in both if not leads_right(*said)}
        names = {said[0] for _, said in learnt}
        assert "a person walks forward then turns left" in names
        assert names & {"a person waves with the left hand", "someone runs"}
    assert set(own.draws.tolist()) == set(range(len(own.sequences["train"].lengths)))
    assert train(sided, [place / "store"], output, device="cpu").finished
    assert load_parts(sided, [place / "store"], output).reading.left_first


def said_by_motion(data: Sequences, texts: dict[int, str]) -> set[tuple[bytes, tuple[str, ...]]]:
    """Every motion's tokens with every sentence about it and its phrases."""
    found = set()
    for row in range(len(data.lengths)):
        first, length = int(data.starts[row, 0]), int(data.lengths[row, 0])
        tokens = data.ids[first : first + length].numpy().tobytes()
        said = range(int(data.first_sentence[row]), int(data.first_sentence[row] + data.sentence_count[row]))
        rows = [data.sentences[one].tolist() for one in said]
        found |= {(tokens, tuple(texts[text] for text in own if text >= 0)) for own in rows}
    return found


def test_the_left_is_read_first_only_of_mirrored_data(recipe: Recipe) -> None:
    with pytest.raises(KinelexError, match=r"set data\.mirror=true"):
        replace(recipe, text=replace(recipe.text, left_first=True), data=replace(recipe.data, mirror=False))


def test_a_time_limit_stops_between_and_inside_stages(trained: Path, place: Path, recipe: Recipe) -> None:
    output = place / "limited"
    report = train(recipe, [place / "store"], output, device="cpu", max_minutes=0)
    assert not report.finished
    assert {name: result.steps for name, result in report.results.items()} == {"tokenizer": 1}
    with pytest.raises(KinelexError, match="train the stage tokenizer first"):
        train(recipe, [place / "store"], output, stages=["masked"], device="cpu")
    assert train(recipe, [place / "store"], output, device="cpu").finished
    for name in recipe.stages:
        files = [folder / name / "checkpoint.pt" for folder in (trained, output)]
        assert_equal(*(torch.load(file, weights_only=True) for file in files))


def test_with_full_caches_no_text_encoder_is_needed(
    trained: Path, place: Path, recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    again = place / "again"
    shutil.copytree(trained, again)
    shutil.rmtree(again / "masked")
    monkeypatch.setattr("kinelex.text.encoders.TextEncoder.load", None)
    train(recipe, [place / "store"], again, stages=["masked"], device="cpu")
    states = [
        torch.load(folder / "masked" / "checkpoint.pt", weights_only=True) for folder in (trained, again)
    ]
    assert_equal(*states)


def test_windows_are_frames_of_the_clip_or_their_mirror_image(workshop: Workshop) -> None:
    stage = workshop.stage("tokenizer")
    assert isinstance(stage, TokenizerStage)
    bank = workshop.corpus.train.bank
    clips = torch.arange(len(bank.lengths))
    windows = stage.windows(clips, torch.Generator().manual_seed(0))
    sides = set()
    for clip, window in zip(clips.tolist(), windows, strict=True):
        start, length = int(bank.starts[clip]), int(bank.lengths[clip])
        whole = bank.features[start : start + length]
        candidates = {False: whole.unfold(0, 64, 1), True: mirror_features(whole, HUMANML3D).unfold(0, 64, 1)}
        found = [side for side, c in candidates.items() if (c.mT == window).flatten(1).all(1).any()]
        assert found, clip
        sides.update(found)
    assert sides == {False, True}


def test_cached_tokens_are_what_the_tokenizer_says(workshop: Workshop) -> None:
    sequences, parts = workshop.sequences["train"], workshop.corpus.train.parts
    assert len(sequences.lengths) == 2 * len(parts)
    for row in (0, 3, len(parts) + 1):
        part = parts[row % len(parts)]
        motion = workshop.corpus.train.bank.features[part.start : part.start + part.frames]
        motion = mirror_features(motion, HUMANML3D) if row >= len(parts) else motion
        for offset in range(4):
            expected = workshop.tokenizer.encode(workshop.corpus.normalizer(motion[None, offset:])).ids[0]
            start, length = int(sequences.starts[row, offset]), int(sequences.lengths[row, offset])
            assert length == (part.frames - offset) // 4
            assert torch.equal(sequences.ids[start : start + length].long(), expected)


def test_sentences_go_with_their_motion(workshop: Workshop) -> None:
    """Time-tagged captions have their own part; phrases are as many as the exact segments; mirrors swap sides."""
    parts = workshop.corpus.train.parts
    tagged = [part for part in parts if any("waves" in s.text for s in part.sentences)]
    assert {part.frames for part in tagged} == {60}
    assert len(tagged) == 3
    composed = [part for part in parts if part.frames == 90]
    assert all(part.cuts == (40,) for part in composed)
    said_of_part = {sentence.text: sentence.phrases for part in composed for sentence in part.sentences}
    assert said_of_part == {
        "a person walks forward then turns left": ("a person walks forward", "a person turns left"),
        "someone runs": ("walks forward", "turns left"),
    }
    said = workshop.said["train"]
    row = len(parts) + parts.index(composed[0])
    assert said[row][0].text == "a person walks forward then turns right"
    assert said[row][0].phrases == ("a person walks forward", "a person turns right")


def test_conditions_are_the_whitened_vectors_of_sentence_and_phrases(workshop: Workshop) -> None:
    sequences, said = workshop.sequences["train"], workshop.said["train"]
    index = torch.arange(len(said))
    first = sentence_of(sequences, index, torch.zeros(len(said)))
    condition = condition_of(sequences, first, None)
    for row in range(len(said)):
        sentence = said[row][0]
        rows = [workshop.texts.rows[text] for text in (sentence.text, *sentence.phrases)]
        expected = workshop.whitening(workshop.texts.vectors[rows])
        torch.testing.assert_close(condition.vectors[row][condition.mask[row]], expected)
    dropped = condition_of(sequences, first, torch.ones(len(said), dtype=torch.bool))
    assert not dropped.segment_mask.any()


def test_batches_of_tokens_are_cached_sequences_without_needless_padding(workshop: Workshop) -> None:
    stage, sequences = workshop.stage("masked"), workshop.sequences["train"]
    index = torch.arange(len(sequences.lengths))
    rows = Rows(index, int(sequences.lengths[:, 0].max()))
    crop = stage.tokens(
        sequences, rows, torch.rand(3, len(index), generator=torch.Generator().manual_seed(0))
    )
    ids, lengths = crop.ids, crop.lengths
    assert ids.shape[1] == rows.length
    for row in index.tolist():
        found = False
        for variant in range(4):
            start, length = int(sequences.starts[row, variant]), int(sequences.lengths[row, variant])
            stored = sequences.ids[start : start + length].long()
            short = int(lengths[row])
            found = found or any(
                torch.equal(stored[i : i + short], ids[row, :short]) for i in range(length - short + 1)
            )
        assert found
        assert (ids[row, int(lengths[row]) :] == -1).all()


def test_short_clips_stand_still_before_and_after(workshop: Workshop) -> None:
    bank = workshop.corpus.train.bank
    assert bank.lengths.min() == 64
    assert len(bank.lengths) == 3 * sum(i not in (2, 7) for i in range(len(LENGTHS)))


def test_a_refined_decoder_decodes_the_same_tokens(place: Path, recipe: Recipe, trained: Path) -> None:
    """Only the decoder changes, it gets better on what it is trained on, and the model folder has it."""
    refined = replace(recipe, decoder=DecoderRecipe(train=replace(recipe.tokenizer.train, steps=40, lr=1e-3)))
    assert refined.stages == ("tokenizer", "decoder", "length", "durations", "masked", "residual")
    report = train(refined, [place / "store"], trained, stages=["decoder"], device="cpu")
    assert report.finished
    before = load_parts(recipe, [place / "store"], trained).tokenizer
    after = load_parts(refined, [place / "store"], trained).tokenizer
    old = before.state_dict()
    changed = {name for name, value in after.state_dict().items() if not torch.equal(value, old[name])}
    assert changed
    assert all(name.startswith("decoder.") for name in changed)
    workshop = Workshop(refined, [place / "store"], trained, make_fabric("cpu", "fp32"))
    features = workshop.corpus.normalizer(workshop.corpus.train.bank.features[None, :640])
    error = [(model.decode(model.encode(features)) - features).square().mean() for model in (before, after)]
    assert error[1] < error[0]


def test_unknown_segments_are_shared_out_by_the_durations_of_the_phrases(workshop: Workshop) -> None:
    data = workshop.sequences["train"]
    count = data.sentence_count
    owner = torch.arange(len(count)).repeat_interleave(count)
    unknown = data.known.sum(1) == 0
    assert unknown.any()
    assert not unknown.all()
    model = PhraseDurations(PhraseDurationsConfig(text_width=data.vectors.shape[1])).eval()
    found = located(data, model).known
    assert torch.equal(found[~unknown], data.known[~unknown])
    assert torch.equal(found.sum(1), data.lengths[owner, 0])
    assert torch.equal((found > 0).sum(1), (data.sentences[:, 1:] >= 0).sum(1))
    assert torch.equal(located(replace(data, known=found), model).known, found)
    # A model to which each phrase takes as long as any other cuts evenly.
    with torch.no_grad():
        model.output[-1].weight.zero_()  # type: ignore[union-attr, operator]
    spans = uniform_spans(data.lengths[owner, 0], data.sentences[:, 1:] >= 0)
    even = located(data, model).known
    assert int((even - (spans.end - spans.start))[unknown].abs().max()) <= 1


def test_a_guided_stage_needs_the_durations_first(place: Path, recipe: Recipe, trained: Path) -> None:
    guided = replace(recipe, masked=replace(recipe.masked, phrase_guide=True))
    (trained / "durations").rename(trained / "later")
    try:
        with pytest.raises(KinelexError, match="train the stage durations first"):
            train(guided, [place / "store"], trained, stages=["masked"], device="cpu")
        told = replace(guided, text=replace(recipe.text, share_unknown=False))
        stage = Workshop(told, [place / "store"], trained, make_fabric("cpu", "fp32")).stage("masked")
        assert isinstance(stage, TokenStage)
        assert (stage.train.known.sum(1) == 0).any()
    finally:
        (trained / "later").rename(trained / "durations")


def test_mistakes_are_named(place: Path, recipe: Recipe, tmp_path: Path) -> None:
    with pytest.raises(KinelexError, match="unknown stage 'tokeniser'"):
        train(recipe, [place / "store"], tmp_path, stages=["tokeniser"], device="cpu")
    with pytest.raises(KinelexError, match="is not a store"):
        train(recipe, [tmp_path], tmp_path / "output", device="cpu")
    small = replace(
        recipe, tokenizer=replace(recipe.tokenizer, model=replace(recipe.tokenizer.model, features=251))
    )
    with pytest.raises(KinelexError, match="needs 263"):
        train(small, [place / "store"], tmp_path / "output", device="cpu")

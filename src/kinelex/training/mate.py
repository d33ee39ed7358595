"""Training of MATE: `train_mate(recipe, stores, output)` gives a text encoder whose words know what they do."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from kinelex.alignment.motion_segments import MotionSegmenter
from kinelex.errors import KinelexError
from kinelex.mate.model import Mate, MateBatch, MateConfig
from kinelex.mate.trainable import TrainableEncoder, TrainedPart
from kinelex.mate.words import Lexicon, frequency_weights, kinematic_scores
from kinelex.retrieval.localisation import PriorKind, frame_prior
from kinelex.text.encoders import TextEncoder, Tokens
from kinelex.training.corpus import Corpus, Mirroring, read_corpus
from kinelex.training.cuts import segment_table, segmenter_of
from kinelex.training.loop import FitResult, fit, make_fabric
from kinelex.training.recipe_files import read_recipe, save_recipe
from kinelex.training.recipes import DataRecipe, TrainConfig, check_retrieval
from kinelex.training.sampler import BatchSampler, Rows
from kinelex.training.schema import from_mapping
from kinelex.training.word_samples import (
    WordSamples,
    motion_descriptions,
    spoken_words,
    tagged_phrases,
    word_samples,
)

RECIPE, STAGE = "recipe.yaml", "mate"
VALIDATION_SEED, VALIDATION_BATCH = 12345, 64


@dataclass(frozen=True)
class MateWords:
    """Which words are drawn, and how much each counts: section 5 of the paper names both as its limits.

    Attributes:
        selection: all words, or those whose lemma explains the most of the variety of motion.
        share: of the lemmas that `kinematic` keeps.
        frequency_power: a word that is n times as frequent counts n^-power as much each time it is drawn.
    """

    selection: Literal["all", "kinematic"] = "all"
    share: float = 0.5
    frequency_power: float = 0.0

    def __post_init__(self) -> None:
        if not 0 < self.share <= 1:
            raise KinelexError(f"words.share is {self.share}; give more than 0 and at most 1")
        if not 0 <= self.frequency_power <= 1:
            raise KinelexError(f"words.frequency_power is {self.frequency_power}; give 0 to 1")


@dataclass(frozen=True)
class MateRecipe:
    """One enhanced encoder.

    Attributes:
        encoder: what is enhanced: "minilm", a Hugging Face folder or a hub id.
        trained: which part of it.
        data: as of a generator; a motion longer than `max_frames` is cut around the word's phrase.
        segments: how motions are cut into the phrases of their sentences; "known" takes exact boundaries where the
            data has them, and even ones elsewhere; "retrieval" is the paper's localisation.
        retrieval: folder of the retrieval model for the latter.
        prior: how likely a word happens at a frame (Table 6).
        words: see there.
        model: architecture and losses.
        train: how.
    """

    name: str
    kind: Literal["mate"]
    encoder: str = "minilm"
    trained: TrainedPart = field(default_factory=TrainedPart)
    data: DataRecipe = field(default_factory=DataRecipe)
    segments: Literal["uniform", "cpd", "cluster", "retrieval", "known"] = "known"
    retrieval: str | None = None
    prior: PriorKind = "gaussian"
    words: MateWords = field(default_factory=MateWords)
    model: MateConfig = field(default_factory=MateConfig)
    train: TrainConfig = field(default_factory=lambda: TrainConfig(steps=20_000, batch_size=64, lr=1e-4))

    def __post_init__(self) -> None:
        check_retrieval(self.segments == "retrieval", self.retrieval)


def load_mate_recipe(name: str | Path, overrides: Sequence[str] = ()) -> MateRecipe:
    """Read a recipe of MATE, as `load_recipe` reads that of a generator.

    Raises:
        KinelexError: no such file, broken YAML, unknown keys, or values that do not fit.
    """
    return from_mapping(MateRecipe, *read_recipe(name, overrides))


@dataclass(frozen=True)
class MateTraining:
    """How a call of `train_mate` ended, and the encoder as it is now (on the CPU)."""

    result: FitResult
    encoder: TextEncoder


def train_mate(
    recipe: MateRecipe,
    stores: Sequence[str | Path],
    output: str | Path,
    *,
    device: str = "auto",
    max_minutes: float | None = None,
    segmenter: MotionSegmenter | None = None,
) -> MateTraining:
    """Train MATE on prepared stores, from where an earlier call stopped.

    Args:
        recipe: what to train.
        stores: folders made by `kinelex prepare`.
        output: folder of the training.
        device: "cpu", "cuda" or "auto".
        max_minutes: stop after this time with a checkpoint.
        segmenter: cuts motions where the recipe says `segments: retrieval`; `kinelex train` makes it of the model that
            `retrieval` names.

    Raises:
        KinelexError: a store or the encoder cannot be used, a checkpoint is of another recipe, or the output
            folder cannot be written.
    """
    deadline = None if max_minutes is None else time.monotonic() + 60 * max_minutes
    fabric, output = make_fabric(device, recipe.train.precision), Path(output)
    corpus = read_corpus(stores, recipe.data)
    encoder = TextEncoder.load(recipe.encoder)
    # The networks draw their first weights, and dropout its noise, from the global generator.
    torch.manual_seed(recipe.train.seed)
    stage = MateStage(recipe, corpus, encoder, output, fabric.device, segmenter)
    if fabric.is_global_zero:
        save_recipe(recipe, output / RECIPE)
    result = fit(stage, recipe.train, output / STAGE, fabric, deadline)
    return MateTraining(result, stage.model.encoder.plain().to("cpu"))


class MateStage:
    """Triplets of sentence, motion and word.

    Each time a motion is drawn it comes with one of its sentences and one word of that sentence.
    """

    name = STAGE
    criterion = "loss"

    def __init__(
        self,
        recipe: MateRecipe,
        corpus: Corpus,
        encoder: TextEncoder,
        output: Path,
        device: torch.device,
        segmenter: MotionSegmenter | None = None,
    ) -> None:
        self.recipe, self.device = recipe, device
        mirror = recipe.data.mirror
        tagged = tagged_phrases((corpus.train, corpus.val), mirror=mirror)
        spoken = spoken_words(corpus.train, tagged, mirror=mirror)
        self.lexicon = Lexicon.of_words(spoken, encoder)
        every = torch.ones(len(self.lexicon.words), dtype=torch.bool)
        cutter = segmenter_of(recipe.segments, corpus, output, segmenter)
        known = recipe.segments == "known"
        cuts = {
            name: segment_table(split, cutter, 1, known=known)
            for name, split in (("train", corpus.train), ("val", corpus.val))
        }
        samples = word_samples(corpus.train, cuts["train"], tagged, self.lexicon, every, mirror=mirror)
        if recipe.words.selection == "kinematic":
            wanted = self._kinematic(samples, corpus, mirror)
            samples = word_samples(corpus.train, cuts["train"], tagged, self.lexicon, wanted, mirror=mirror)
        self.train = samples.to(device)
        self.val = word_samples(corpus.val, cuts["val"], tagged, self.lexicon, every, mirror=False).to(device)
        self.banks = {"train": corpus.train.bank.to(device), "val": corpus.val.bank.to(device)}
        self.tokens = {
            name: encoder.tokenize(getattr(self, name).texts).to(device) for name in ("train", "val")
        }
        self.normalizer = corpus.normalizer.to(device)
        self.mirroring = Mirroring.of(corpus.skeleton, recipe.model.motion.features, device)
        self.weights = frequency_weights(self.lexicon.counts, recipe.words.frequency_power).to(device)
        trained = TrainableEncoder(encoder, recipe.trained, self.lexicon.token_ids, seed=recipe.train.seed)
        self.model = Mate(recipe.model, trained, self.lexicon).to(device)
        self.lengths = self.train.frames.cpu().clamp(max=recipe.data.max_frames)
        described = {key: value for key, value in asdict(recipe).items() if key not in ("train", "name")}
        self.data_hash = sha256(f"{corpus.data_hash} {described!r}".encode()).hexdigest()

    def _kinematic(self, samples: WordSamples, corpus: Corpus, mirror: bool) -> Tensor:
        """(W,) True for the words whose lemma is among the share that explains motion best."""
        motion = motion_descriptions(corpus.train, corpus.skeleton, mirror=mirror)
        scores = kinematic_scores(samples.presence, motion)
        least = scores.quantile(1 - self.recipe.words.share)
        return (scores >= least)[self.lexicon.lemma]

    def losses(self, rows: Rows, generator: torch.Generator) -> dict[str, Tensor]:
        """Every loss that the recipe has, and their weighted sum."""
        return self.model.losses(self._batch("train", rows.index, generator))

    def validate(self) -> dict[str, float]:
        """The means of `losses` over the validation split, with the same draws every time.

        "align" is the InfoNCE of held-out words.
        """
        generator = torch.Generator(self.device).manual_seed(VALIDATION_SEED)
        lengths = self.val.frames.cpu().clamp(max=self.recipe.data.max_frames)
        sampler = BatchSampler(lengths, VALIDATION_BATCH, VALIDATION_SEED, device=self.device)
        found = [
            self.model.losses(self._batch("val", sampler.next().index, generator))
            for _ in range(len(sampler))
        ]
        return {name: float(torch.stack([losses[name] for losses in found]).mean()) for name in found[0]}

    def compile(self) -> None:
        """The motion side."""
        self.model.motion_encoder.encoder.compile()
        self.model.motion_decoder.encoder.compile()

    def _batch(self, name: str, index: Tensor, generator: torch.Generator) -> MateBatch:
        data: WordSamples = getattr(self, name)
        drawn = torch.rand(2, len(index), generator=generator, device=self.device)
        sentence = data.first_sentence[index] + (drawn[0] * data.sentence_count[index]).long()
        entry = data.first_word[sentence] + (drawn[1] * data.word_count[sentence]).long()
        motions, lengths, prior = self._motion(name, index, sentence, entry)
        words = data.word[entry]
        tokens, text = self.tokens[name], data.text[sentence]
        longest = int(tokens.mask[text].sum(1).max())
        return MateBatch(
            sentences=Tokens(tokens.ids[text, :longest], tokens.mask[text, :longest]),
            sentence=text,
            motions=motions,
            lengths=lengths,
            words=words,
            prior=prior,
            contains=data.presence[index][:, self.model.lemma[words]],
            weights=self.weights[words],
        )

    def _motion(
        self, name: str, index: Tensor, sentence: Tensor, entry: Tensor
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        """Normalised features (B, T, F), frames (B,), and the prior (B, L) at the stride of the motion side."""
        data, bank = getattr(self, name), self.banks[name]
        start, end = data.span(sentence, entry)
        lengths = data.frames[index].clamp(max=self.recipe.data.max_frames)
        first = ((start + end - lengths) // 2).clamp(min=0).minimum(data.frames[index] - lengths)
        steps = torch.arange(int(lengths.max()), device=self.device)
        inside = steps < lengths[:, None]
        places = (data.starts[index] + first)[:, None] + steps.minimum(lengths[:, None] - 1)
        features = self.normalizer(self.mirroring(bank.features[places], data.mirrored[index]))
        stride = self.recipe.model.motion.stride
        prior = frame_prior(
            (start - first) / stride, (end - first) / stride, len(steps) // stride, self.recipe.prior
        )
        return features * inside[..., None], lengths, prior

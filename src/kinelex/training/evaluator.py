"""Training of the evaluator: `train_evaluator(recipe, stores, output)`.

The three networks are trained together, from fresh weights, by the matching loss of Guo et al. 2022. They first
trained the movement encoder in an autoencoder and froze it; that pays with many hours of motion without captions,
which the stores of Kinelex do not hold, and end to end the snippets keep what tells captions apart.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from kinelex.data.store import MANIFEST, Store
from kinelex.errors import KinelexError
from kinelex.evaluation.evaluator import UNIT_FRAMES, Evaluator, EvaluatorConfig
from kinelex.evaluation.glove import VECTORS, read_glove
from kinelex.evaluation.judges import MAX_FRAMES, EvaluatorJudge
from kinelex.evaluation.metrics import POOL, TOP, matching
from kinelex.evaluation.words import (
    END,
    START,
    UNKNOWN,
    CaptionWords,
    WordVectorizer,
    vectors_of_encoder,
)
from kinelex.hashing import weights_hash
from kinelex.motion.layout import FeatureLayout
from kinelex.text.encoders import TextEncoder
from kinelex.tokenizer.normalization import FeatureNormalizer
from kinelex.training.corpus import Mirroring
from kinelex.training.loop import FitResult, fit, make_fabric
from kinelex.training.pairs import CaptionTable, mirrored_captions, read_pieces
from kinelex.training.recipe_files import read_recipe, save_recipe
from kinelex.training.recipes import TrainConfig
from kinelex.training.sampler import Rows
from kinelex.training.schema import from_mapping

RECIPE, STAGE = "recipe.yaml", "evaluator"
VALIDATION_SEED, VALIDATION_REPEATS = 12345, 5
# Published: one unit less with probability 1/3, so that lengths are no fixed label of a clip.
SHORTER = 1 / 3


@dataclass(frozen=True)
class EvaluatorData:
    """What is taken from the stores.

    Attributes:
        mirror: also learn from left-right mirrored motion, captions mirrored along.
        min_frames, max_frames: shorter and longer pieces are left out.
        feat_bias: weight of root and contact features in the normalisation; the published statistics have 25.
    """

    mirror: bool = True
    min_frames: int = 24
    max_frames: int = MAX_FRAMES
    feat_bias: float = 25.0

    def __post_init__(self) -> None:
        if not 2 * UNIT_FRAMES <= self.min_frames <= self.max_frames:
            raise KinelexError(
                f"min_frames is {self.min_frames}; give {2 * UNIT_FRAMES} to max_frames ({self.max_frames})"
            )
        if not self.feat_bias > 0:
            raise KinelexError(f"feat_bias is {self.feat_bias}; give more than 0")


@dataclass(frozen=True)
class EvaluatorText:
    """What the evaluator reads.

    Attributes:
        vectors: source of the word vectors: a folder with the published GloVe files, or a text encoder
            ("minilm", a Hugging Face folder or a hub id) whose embedding table is read.
        word_dropout: share of words that a training caption loses to `unk`.
    """

    vectors: str = "minilm"
    word_dropout: float = 0.1

    def __post_init__(self) -> None:
        if not 0 <= self.word_dropout < 1:
            raise KinelexError(f"word_dropout is {self.word_dropout}; give 0 to less than 1")


@dataclass(frozen=True)
class EvaluatorRecipe:
    """One evaluator: data, word vectors, sizes, margin of the matching loss, training."""

    name: str
    kind: Literal["evaluator"]
    data: EvaluatorData = field(default_factory=EvaluatorData)
    text: EvaluatorText = field(default_factory=EvaluatorText)
    model: EvaluatorConfig = field(default_factory=EvaluatorConfig)
    margin: float = 10.0
    train: TrainConfig = field(default_factory=lambda: TrainConfig(steps=100_000, lr=1e-4, batch_size=64))

    def __post_init__(self) -> None:
        if not self.margin > 0:
            raise KinelexError(f"margin is {self.margin}; give more than 0")


def load_evaluator_recipe(name: str | Path, overrides: Sequence[str] = ()) -> EvaluatorRecipe:
    """Read a recipe of an evaluator, as `load_recipe` reads that of a generator.

    Raises:
        KinelexError: no such file, broken YAML, unknown keys, or values that do not fit.
    """
    return from_mapping(EvaluatorRecipe, *read_recipe(name, overrides))


@dataclass(frozen=True)
class EvaluatorTraining:
    """How a call of `train_evaluator` ended, and the judge as it is now (on the CPU)."""

    result: FitResult
    judge: EvaluatorJudge


def train_evaluator(
    recipe: EvaluatorRecipe,
    stores: Sequence[str | Path],
    output: str | Path,
    *,
    device: str = "auto",
    max_minutes: float | None = None,
) -> EvaluatorTraining:
    """Train an evaluator on prepared stores, from where an earlier call stopped.

    Raises:
        KinelexError: a store cannot be used, word vectors or features are not of the recipe's width, a
            checkpoint is of another recipe, or the output folder cannot be written.
    """
    deadline = None if max_minutes is None else time.monotonic() + 60 * max_minutes
    fabric, output = make_fabric(device, recipe.train.precision), Path(output)
    store = Store.open([Path(folder) for folder in stores])
    vectorizer = read_vectors(recipe.text.vectors, store)
    widths = (FeatureLayout.of(store.skeleton).size, vectorizer.dim)
    if (recipe.model.features, recipe.model.word) != widths:
        raise KinelexError(
            f"model.features and model.word are {recipe.model.features} and {recipe.model.word}; "
            f"this motion and these word vectors need {widths[0]} and {widths[1]}"
        )
    # The networks draw their first weights, and dropout its noise, from the global generator.
    torch.manual_seed(recipe.train.seed)
    stage = EvaluatorStage(recipe, store, vectorizer, fabric.device)
    if fabric.is_global_zero:
        save_recipe(recipe, output / RECIPE)
    result = fit(stage, recipe.train, output / STAGE, fabric, deadline)
    return EvaluatorTraining(result, stage.judge().to("cpu"))


def read_vectors(source: str, store: Store) -> WordVectorizer:
    """Word vectors by the name in the recipe; an encoder gives one for every word of the store's captions.

    The captions of all splits count: the vectors are not trained, and a test word that was never seen in
    training still has its own.

    Raises:
        KinelexError: the encoder cannot be loaded, or the GloVe files are broken.
    """
    if (Path(source) / VECTORS).is_file():
        return read_glove(source)
    words = (
        word for captions in store.column("captions") for caption in captions for word in caption["lemmas"]
    )
    return vectors_of_encoder(TextEncoder.load(source), words, source)


class EvaluatorStage:
    """The evaluator on pairs of caption and motion.

    Each time a piece of motion is drawn it comes with one of its captions, mirrored or not, at times one unit
    shorter. Batches are random, not of similar length, because the pools of R-precision are.
    """

    name = STAGE
    criterion = "missed"

    def __init__(
        self, recipe: EvaluatorRecipe, store: Store, vectorizer: WordVectorizer, device: torch.device
    ) -> None:
        data = recipe.data
        mean, deviation = (torch.from_numpy(array) for array in store.normalization)
        normalizer = FeatureNormalizer.from_statistics(mean, deviation, store.skeleton, data.feat_bias)
        self.recipe, self.device = recipe, device
        self.model = Evaluator(recipe.model).to(device)
        self.normalizer, self.vectorizer = normalizer.to(device), vectorizer.to(device)
        self.mirroring = Mirroring.of(store.skeleton, recipe.model.features, device)
        train, self.val = (
            read_pieces(store, split, data.min_frames, data.max_frames) for split in ("train", "val")
        )
        captions = [*train.captions, *(mirrored_captions(train.captions) if data.mirror else ())]
        self.train, self.captions = train.to(device), CaptionTable.of(captions, vectorizer).to(device)
        self.val_captions = CaptionTable.of(self.val.captions, vectorizer)
        self.lengths = torch.full((len(captions),), data.max_frames)
        digest = sha256(repr((asdict(data), recipe.text.word_dropout, recipe.margin)).encode())
        for folder in store.folders:
            digest.update((folder / MANIFEST).read_bytes())
        self.data_hash = digest.hexdigest() + weights_hash(vectorizer)

    def losses(self, rows: Rows, generator: torch.Generator) -> dict[str, Tensor]:
        """Matching loss of the batch, and how many of its texts are nearest to their own motion."""
        caption, place, shorter = torch.rand(3, len(rows.index), generator=generator, device=self.device)
        chosen = self.captions.draw(rows.index, caption)
        features, lengths = self.motion(rows.index, place, shorter < SHORTER)
        words = self.drop_words(self.captions.words.rows(chosen), generator)
        vectors, parts = self.vectorizer(words)
        text = self.model.embed_text(vectors, parts, words.lengths)
        distances = torch.cdist(text.float(), self.model.embed_motion(features, lengths).float())
        sentence = self.captions.sentence[chosen]
        pull, push = matching_loss(distances, sentence[:, None] != sentence, self.recipe.margin)
        nearest = (distances.argmin(1) == torch.arange(len(text), device=self.device)).float().mean()
        return {"loss": pull + push, "pull": pull, "push": push, "nearest": nearest}

    def motion(self, index: Tensor, place: Tensor, shorter: Tensor) -> tuple[Tensor, Tensor]:
        """(B, T, D) normalised features with zeros beyond their whole units, and these lengths (B,)."""
        piece = index % len(self.train.lengths)
        frames = self.train.lengths[piece]
        lengths = (frames // UNIT_FRAMES - shorter.long()) * UNIT_FRAMES
        starts = (place * (frames - lengths + 1)).long().clamp(max=frames - lengths)
        features = self.mirroring(self.train.padded(piece, starts, lengths), index != piece)
        inside = torch.arange(features.shape[1], device=self.device) < lengths[:, None]
        return self.normalizer(features) * inside[..., None], lengths

    def drop_words(self, words: CaptionWords, generator: torch.Generator) -> CaptionWords:
        """Some words replaced by `unk`; `sos` and `eos` stay."""
        unknown, _ = self.vectorizer.look_up(UNKNOWN, "")
        noise = torch.rand(words.words.shape, generator=generator, device=self.device)
        fixed = torch.tensor(
            [self.vectorizer.look_up(word, "")[0] for word in (START, END)], device=self.device
        )
        dropped = (noise < self.recipe.text.word_dropout) & ~torch.isin(words.words, fixed)
        return CaptionWords(words.words.masked_fill(dropped, unknown), words.parts, words.lengths)

    def judge(self) -> EvaluatorJudge:
        """A judge with copies of the weights as they are now."""
        return EvaluatorJudge(self.recipe.name, deepcopy(self.model), self.normalizer, self.vectorizer)

    def validate(self) -> dict[str, float]:
        """R-precision and matching distance on the validation split, means of a few draws of captions and pools.

        The pools have 32 motions, or all of them where there are fewer.
        """
        judge, val, generator = self.judge(), self.val, torch.Generator().manual_seed(VALIDATION_SEED)
        count = len(val.lengths)
        everything, none = torch.arange(count), torch.zeros(count, dtype=torch.long)
        motions = judge.embed_motion(val.padded(everything, none, val.lengths), val.lengths).cpu()
        results = []
        for _ in range(VALIDATION_REPEATS):
            chosen = self.val_captions.draw(everything, torch.rand(count, generator=generator))
            own = [
                val.captions[row][caption]
                for row, caption in enumerate((chosen - self.val_captions.first).tolist())
            ]
            results.append(matching(judge.embed_text(own).cpu(), motions, generator, min(POOL, count)))
        precision = torch.tensor([result.r_precision for result in results]).mean(0).tolist()
        return {
            "missed": 1 - sum(precision) / len(precision),
            **{f"top{k}": value for k, value in zip(TOP, precision, strict=True)},
            "distance": sum(result.distance for result in results) / len(results),
        }

    def compile(self) -> None:
        """The convolutions; the recurrent networks have their own kernels."""
        self.model.movement.compile()


def matching_loss(distances: Tensor, mismatched: Tensor, margin: float) -> tuple[Tensor, Tensor]:
    """Mean square distance of the pairs, and mean square by which mismatched pairs come within the margin.

    Args:
        distances: (B, B) of texts and motions; the diagonal belongs together.
        mismatched: (B, B) True where text and motion do not belong together. Others than the diagonal may do
            so as well: two motions with the same caption.
        margin: 10 in Guo et al. 2022, which compare with one mismatched motion; here with all of the batch.
    """
    pull = distances.diagonal().square().mean()
    within = (margin - distances).clamp(min=0).square() * mismatched
    return pull, within.sum() / mismatched.sum().clamp(min=1)

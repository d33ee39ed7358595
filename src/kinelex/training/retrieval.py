"""Training of the retrieval model: `train_retrieval(recipe, stores, output)` (TMR, section 3)."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from kinelex.data.captions import Caption
from kinelex.data.store import MANIFEST, Store
from kinelex.errors import KinelexError
from kinelex.hashing import weights_hash
from kinelex.motion.layout import FeatureLayout
from kinelex.retrieval.losses import LossWeights, Noise, RetrievalBatch, near_identical, retrieval_loss
from kinelex.retrieval.metrics import POOL, all_scores, pooled_scores
from kinelex.retrieval.model import SHORTEST, RetrievalModel
from kinelex.retrieval.networks import RetrievalConfig, RetrievalNetworks
from kinelex.text.encoders import TextEncoder
from kinelex.text.mirroring import mirror_text
from kinelex.tokenizer.normalization import FeatureNormalizer
from kinelex.training.corpus import Mirroring
from kinelex.training.loop import FitResult, fit, make_fabric
from kinelex.training.pairs import DescribedMotion, read_pieces
from kinelex.training.recipe_files import read_recipe, save_recipe
from kinelex.training.recipes import TrainConfig
from kinelex.training.sampler import Rows
from kinelex.training.schema import from_mapping
from kinelex.training.text_features import text_features

RECIPE, STAGE, CACHE = "recipe.yaml", "retrieval", "cache"
CRITERION_RANK = 3


@dataclass(frozen=True)
class RetrievalData:
    """What is taken from the stores.

    Attributes:
        mirror: also learn from left-right mirrored motion, captions mirrored along.
        min_frames, max_frames: shorter and longer pieces are left out; published are 2 to 10 seconds.
        feat_bias: weight of root and contact features in the normalisation; published without.
    """

    mirror: bool = True
    min_frames: int = 40
    max_frames: int = 200
    feat_bias: float = 1.0

    def __post_init__(self) -> None:
        if not SHORTEST <= self.min_frames <= self.max_frames:
            raise KinelexError(
                f"min_frames is {self.min_frames}; give {SHORTEST} to max_frames ({self.max_frames})"
            )
        if not self.feat_bias > 0:
            raise KinelexError(f"feat_bias is {self.feat_bias}; give more than 0")


@dataclass(frozen=True)
class RetrievalRecipe:
    """One retrieval model: data, language model, sizes, loss, training.

    Attributes:
        encoder: "minilm", a Hugging Face folder or a hub id; its token features are read, and it stays as it is.
    """

    name: str
    kind: Literal["retrieval"]
    data: RetrievalData = field(default_factory=RetrievalData)
    encoder: str = "minilm"
    model: RetrievalConfig = field(default_factory=RetrievalConfig)
    loss: LossWeights = field(default_factory=LossWeights)
    train: TrainConfig = field(default_factory=lambda: TrainConfig(steps=100_000, lr=1e-4, batch_size=32))


def load_retrieval_recipe(name: str | Path, overrides: Sequence[str] = ()) -> RetrievalRecipe:
    """Read a recipe of a retrieval model, as `load_recipe` reads that of a generator.

    Raises:
        KinelexError: no such file, broken YAML, unknown keys, or values that do not fit.
    """
    return from_mapping(RetrievalRecipe, *read_recipe(name, overrides))


@dataclass(frozen=True)
class RetrievalTraining:
    """How a call of `train_retrieval` ended, and the model as it is now (on the CPU, frozen)."""

    result: FitResult
    model: RetrievalModel


def train_retrieval(
    recipe: RetrievalRecipe,
    stores: Sequence[str | Path],
    output: str | Path,
    *,
    device: str = "auto",
    max_minutes: float | None = None,
) -> RetrievalTraining:
    """Train a retrieval model on prepared stores, from where an earlier call stopped.

    Raises:
        KinelexError: a store cannot be used, features or token features are not of the recipe's width, a
            checkpoint is of another recipe, or the output folder cannot be written.
    """
    deadline = None if max_minutes is None else time.monotonic() + 60 * max_minutes
    fabric, output = make_fabric(device, recipe.train.precision), Path(output)
    store, encoder = Store.open([Path(folder) for folder in stores]), TextEncoder.load(recipe.encoder)
    widths = (FeatureLayout.of(store.skeleton).size, encoder.model.config.hidden_size)
    if (recipe.model.features, recipe.model.text_width) != widths:
        raise KinelexError(
            f"model.features and model.text_width are {recipe.model.features} and {recipe.model.text_width}; "
            f"this motion and this text encoder need {widths[0]} and {widths[1]}"
        )
    # The networks draw their first weights, and dropout its noise, from the global generator.
    torch.manual_seed(recipe.train.seed)
    with fabric.rank_zero_first():
        stage = RetrievalStage(recipe, store, encoder, output / CACHE, fabric.device)
    if fabric.is_global_zero:
        save_recipe(recipe, output / RECIPE)
    result = fit(stage, recipe.train, output / STAGE, fabric, deadline)
    return RetrievalTraining(result, stage.retrieval.to("cpu").eval().requires_grad_(False))


@dataclass(frozen=True)
class CaptionRows:
    """The captions of N pieces, as rows of a table of C different texts.

    Attributes:
        rows: (K,) the captions of a piece one after the other.
        first: (N,) place in `rows` of a piece's first caption.
        count: (N,) how many it has.
        sides: (C,) numbers texts by the sides and turns that they name, in order; 0 names none.
    """

    rows: Tensor
    first: Tensor
    count: Tensor
    sides: Tensor

    @classmethod
    def of(cls, captions: Sequence[Sequence[str]], texts: Sequence[str]) -> CaptionRows:
        """Of the captions of each piece, all of them among the texts."""
        numbers = {text: row for row, text in enumerate(texts)}
        rows = torch.tensor([numbers[text] for own in captions for text in own])
        count = torch.tensor([len(own) for own in captions])
        named: dict[str, int] = {"": 0}
        sides = torch.tensor([named.setdefault(named_sides(text), len(named)) for text in texts])
        return cls(rows, count.cumsum(0) - count, count, sides)

    def draw(self, pieces: Tensor, place: Tensor) -> Tensor:
        """Rows (B,) of the table, one caption of each of the pieces (B,), chosen by `place` (B,) in [0, 1)."""
        count = self.count[pieces]
        return self.rows[self.first[pieces] + (place * count).long().clamp(max=count - 1)]

    def opposed(self, chosen: Tensor) -> Tensor:
        """(B, B) True where two texts both name sides or turns, and not the same."""
        sides = self.sides[chosen]
        return (sides[:, None] != sides) & (sides[:, None] != 0) & (sides != 0)

    def to(self, device: torch.device | str) -> CaptionRows:
        """The same on another device."""
        return CaptionRows(*(value.to(device) for value in vars(self).values()))


def named_sides(text: str) -> str:
    """The sides and turns that a caption names, a letter each: left, right, clockwise or against it ("a").

    They are what mirroring changes.
    """
    changed = zip(text.lower().split(), mirror_text(text.lower()).split(), strict=False)
    return "".join(_letter(word) for word, other in changed if word != other)


def _letter(word: str) -> str:
    for part, letter in (("left", "l"), ("right", "r"), ("counter", "a"), ("anti", "a")):
        if part in word:
            return letter
    return "c"


class RetrievalStage:
    """The retrieval networks on pairs of caption and motion.

    Each time a piece of motion is drawn it comes with one of its captions, mirrored or not. Batches hold motion of
    similar length, so that the length of a clip does not tell its caption. Captions that name opposite sides are
    never near-identical, however close their sentence vectors: language models put them together (cosine .98).
    """

    name = STAGE
    criterion = "missed"

    def __init__(
        self, recipe: RetrievalRecipe, store: Store, encoder: TextEncoder, cache: Path, device: torch.device
    ) -> None:
        data = recipe.data
        mean, deviation = (torch.from_numpy(array) for array in store.normalization)
        normalizer = FeatureNormalizer.from_statistics(mean, deviation, store.skeleton, data.feat_bias)
        encoder = encoder.to(device).eval().requires_grad_(False)
        self.recipe, self.device = recipe, device
        self.retrieval = RetrievalModel(recipe.name, RetrievalNetworks(recipe.model), normalizer, encoder)
        self.retrieval.to(device)
        self.mirroring = Mirroring.of(store.skeleton, recipe.model.features, device)
        train, val = (
            read_pieces(store, split, data.min_frames, data.max_frames) for split in ("train", "val")
        )
        captions, first = training_captions(train, data.mirror), [[own[0].text] for own in val.captions]
        texts = sorted({text for own in (*captions, *first) for text in own})
        table = text_features(texts, encoder, cache)
        self.train, self.val, self.texts = train.to(device), val, table.to(device)
        self.captions = CaptionRows.of(captions, texts).to(device)
        self.val_captions = CaptionRows.of(first, texts).rows.to(device)
        self.lengths = train.lengths.repeat(1 + data.mirror)
        self.data_hash = _hash(recipe, store) + weights_hash(encoder)

    @property
    def model(self) -> RetrievalNetworks:
        """What is trained."""
        return self.retrieval.networks

    def losses(self, rows: Rows, generator: torch.Generator) -> dict[str, Tensor]:
        """The terms of the loss, each unweighted, and their weighted sum."""
        place = torch.rand(len(rows.index), generator=generator, device=self.device)
        size = (2, len(place), self.recipe.model.transformer.latent)
        noise = torch.randn(size, generator=generator, device=self.device) * self.recipe.loss.sampled
        batch = self.batch(rows.index, self.captions.draw(rows.index, place))
        return dict(vars(retrieval_loss(self.model, batch, Noise(*noise), self.recipe.loss)))

    def batch(self, index: Tensor, chosen: Tensor) -> RetrievalBatch:
        """Samples (B,), those beyond the pieces being mirror images, with texts `chosen` (B,)."""
        tokens, words = self.texts.padded(chosen)
        piece = index % len(self.train.lengths)
        frames = self.train.lengths[piece]
        features = self.mirroring(
            self.train.padded(piece, torch.zeros_like(piece), frames), index >= len(self.train.lengths)
        )
        inside = torch.arange(features.shape[1], device=self.device) < frames[:, None]
        motions = self.retrieval.normalizer(features).masked_fill(~inside[..., None], 0.0)
        alike = near_identical(self.texts.sentences[chosen], self.recipe.loss.threshold)
        return RetrievalBatch(motions, frames, tokens, words, alike & ~self.captions.opposed(chosen))

    def validate(self) -> dict[str, float]:
        """Recall on the validation split: of the first captions, in small batches of 32 and among all.

        Where there are fewer than 32 pieces, all are one batch.
        """
        rows = torch.arange(len(self.val.lengths))
        motions = self.retrieval.embed_motions(
            self.val.padded(rows, torch.zeros_like(rows), self.val.lengths), self.val.lengths
        )
        texts = torch.cat([self._embed_texts(part) for part in self.val_captions.split(POOL)])
        # In double, which mixed precision leaves alone: rounded cosines would be ties.
        similarity = (texts.double() @ motions.double().T).cpu()
        small = pooled_scores(similarity, min(POOL, len(rows)))
        found = {
            "t2m": small.text_to_motion.at[CRITERION_RANK],
            "m2t": small.motion_to_text.at[CRITERION_RANK],
        }
        return {
            "missed": 1 - sum(found.values()) / 200,
            **{f"{name}_r{CRITERION_RANK}_small": value for name, value in found.items()},
            "t2m_median_all": all_scores(similarity).text_to_motion.median_rank,
        }

    def _embed_texts(self, rows: Tensor) -> Tensor:
        return self.retrieval.embed_tokens(*self.texts.padded(rows))

    def compile(self) -> None:
        """The three networks."""
        for network in (self.model.motion, self.model.text, self.model.decoder):
            network.compile()


def training_captions(pieces: DescribedMotion, mirror: bool) -> list[list[str]]:
    """The captions of every piece, then, if wanted, of every mirrored piece."""
    plain = [_texts(own) for own in pieces.captions]
    return plain + [[mirror_text(text) for text in own] for own in plain] if mirror else plain


def _texts(captions: Sequence[Caption]) -> list[str]:
    return [caption.text for caption in captions]


def _hash(recipe: RetrievalRecipe, store: Store) -> str:
    """Of the data and of what is made of it."""
    digest = sha256(repr((asdict(recipe.data), asdict(recipe.loss))).encode())
    for folder in store.folders:
        digest.update((folder / MANIFEST).read_bytes())
    return digest.hexdigest()

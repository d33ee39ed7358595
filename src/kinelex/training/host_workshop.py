"""Puts the stages of the other hosts together, as `Workshop` does for MoMask."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from kinelex.generators.base import ConditionWhitening
from kinelex.generators.diffusion.denoiser import Denoiser
from kinelex.generators.diffusion.generator import UNIT
from kinelex.generators.hosts import DiffusionModel, MMMModel
from kinelex.generators.mmm import MMMTransformer
from kinelex.generators.model import MotionModel
from kinelex.hashing import weights_hash
from kinelex.motion.layout import FeatureLayout
from kinelex.motion.skeleton import Skeleton
from kinelex.text.encoders import TextEncoder
from kinelex.tokenizer.normalization import FeatureNormalizer
from kinelex.tokenizer.vqvae import VQVAE
from kinelex.training.cache import Sequences, encoder_key, sentence_rows
from kinelex.training.corpus import Mirroring
from kinelex.training.host_stages import Clips, DenoiserStage, MMMStage, Words
from kinelex.training.hosts import DiffusionRecipe, HostRecipe, MMMRecipe, Widths
from kinelex.training.loop import WEIGHTS, Stage, load_weights
from kinelex.training.start import Start
from kinelex.training.text_features import text_features
from kinelex.training.workshop import NORMALIZER, WHITENING, Workshop


class HostWorkshop(Workshop):
    """What the stages of one training of any of these hosts share."""

    recipe: Any

    @cached_property
    def words(self) -> Words | None:
        """What the text encoder reads in every sentence, word by word; None for hosts that do not want it."""
        if not self.recipe.reading.words:
            return None
        sentences = sorted({said.text for split in self.said.values() for own in split for said in own})
        encoder = TextEncoder.load(self.recipe.text.encoder).to(self.fabric.device)
        with self.fabric.rank_zero_first():
            table = text_features(sentences, encoder, self.cache)
        rows = torch.full((len(self.texts.vectors),), -1)
        rows[[self.texts.rows[text] for text in sentences]] = torch.arange(len(sentences))
        return Words(table, rows)

    @property
    def widths(self) -> Widths:
        """What the networks must fit."""
        sentence = self.texts.vectors.shape[1]
        words = sentence if self.words is None else self.words.table.tokens.shape[1]
        return Widths(FeatureLayout.of(self.corpus.skeleton).size, sentence, words)

    def _build(self, name: str, text_width: int) -> Any:
        # Tokenizers are built before any text is read.
        widths = Widths(FeatureLayout.of(self.corpus.skeleton).size, 0, 0) if text_width == 0 else self.widths
        return self.recipe.build(name, widths)

    def _segment_counts(self, name: str, mirror: bool) -> Tensor | None:
        return None

    def _sequences_of(self, name: str) -> tuple[dict[str, Sequences], str]:
        return self.sequences, self.token_hash

    @property
    def host_hash(self) -> str:
        """Of all that the host's last stage is trained on, the words of the text encoder among it."""
        return f"{self.token_hash} {encoder_key(self.recipe.text.encoder)}"


class MMMWorkshop(HostWorkshop):
    """Of MMM."""

    def stage(self, name: str) -> Stage:
        if name != "transformer":
            return super().stage(name)
        model, words = self._untrained(name, self.texts.vectors.shape[1]), self.words
        assert isinstance(model, MMMTransformer)
        assert isinstance(self.tokenizer, VQVAE)
        assert words is not None
        model.codebook.copy_(self.tokenizer.codebook)
        return MMMStage(
            model, words, self.sequences["train"], self.sequences["val"],
            data_hash=self.host_hash, max_tokens=self.max_tokens,
            segment_dropout=self.recipe.text.segment_dropout, span_dropout=1.0, device=self.fabric.device,
            draws=self.draws,
        )  # fmt: skip


class DiffusionWorkshop(HostWorkshop):
    """Of the hosts that diffuse: no tokens, but lengths are counted as if there were."""

    def _check_features(self, features: int) -> None:
        """The network is built for whatever the motion has."""

    @property
    def unit(self) -> int:
        return UNIT

    def _begin(self, model: MotionModel | None) -> Start | None:
        start = super()._begin(model)
        if start is not None and "denoiser" in start.recipe.taken:
            assert isinstance(start.model, DiffusionModel)
            start.compare("diffusion", self.recipe.denoiser.diffusion, start.model.diffusion)
        return start

    @property
    def token_hash(self) -> str:
        return f"{self.corpus.data_hash} {weights_hash(self.whitening)}"

    def _sequences(self, name: str, vectors: Any) -> Sequences:
        split = self.corpus.train if name == "train" else self.corpus.val
        mirror = self.recipe.data.mirror and name == "train"
        sentences, first, count = sentence_rows(self.said[name], self.texts.rows)
        known = self._known_segments(split)
        lengths = torch.tensor([part.frames for part in split.parts])[:, None] // UNIT
        lengths, known = ((torch.cat((x, x)) if mirror else x) for x in (lengths, known))
        nothing = torch.zeros(0, 1, dtype=torch.int16)
        return Sequences(nothing, torch.zeros_like(lengths), lengths, first, count, sentences, vectors, known)

    def stage(self, name: str) -> Stage:
        if name != "denoiser":
            return super().stage(name)
        model, device = self._untrained(name, self.texts.vectors.shape[1]), self.fabric.device
        assert isinstance(model, Denoiser)
        clips = {"train": Clips.of(self.corpus.train, device), "val": Clips.of(self.corpus.val, device)}
        return DenoiserStage(
            model, self.recipe.denoiser.diffusion, clips, self.sequences, self.words, self.corpus.normalizer,
            Mirroring.of(self.corpus.skeleton, self.widths.features, device),
            f"{self.host_hash} {self.recipe.denoiser.diffusion}", draws=self.draws, device=device,
        )  # fmt: skip


def workshop_of(recipe: HostRecipe) -> type[HostWorkshop]:
    """The workshop for a recipe."""
    return MMMWorkshop if isinstance(recipe, MMMRecipe) else DiffusionWorkshop


def load_host(recipe: HostRecipe, skeleton: Skeleton, output: Path) -> MotionModel:
    """The trained model of an output folder, on the CPU.

    Raises:
        KinelexError: a stage is not trained, or its weights are of another recipe.
    """
    encoder = TextEncoder.load(recipe.text.encoder)
    features = FeatureLayout.of(skeleton).size
    widths = Widths(features, encoder.dim, encoder.model.config.hidden_size)
    parts: dict[str, Any] = {name: recipe.build(name, widths) for name in recipe.parts}
    for name, model in parts.items():
        load_weights(model, output / name / WEIGHTS)
    parts |= {"normalizer": FeatureNormalizer(features), "whitening": ConditionWhitening(encoder.dim)}
    load_weights(parts["normalizer"], output / NORMALIZER)
    load_weights(parts["whitening"], output / WHITENING)
    common = {"skeleton": skeleton, "encoder": encoder, "reading": recipe.reading, **parts}
    if isinstance(recipe, MMMRecipe):
        return MMMModel(sampling=recipe.sampling, **common).to("cpu")
    assert isinstance(recipe, DiffusionRecipe)
    return DiffusionModel(diffusion=recipe.denoiser.diffusion, sampling=recipe.sampling, **common).to("cpu")

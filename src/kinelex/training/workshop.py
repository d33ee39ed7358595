"""Puts the stages together: reads the data when a stage needs it, makes the caches, builds the networks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from kinelex.alignment.motion_segments import MotionSegmenter
from kinelex.errors import KinelexError
from kinelex.generators.base import ConditionWhitening
from kinelex.generators.durations import (
    LengthEstimator,
    LengthEstimatorConfig,
    PhraseDurations,
    PhraseDurationsConfig,
)
from kinelex.generators.masked import MaskTransformer
from kinelex.generators.model import MotionModel
from kinelex.generators.residual import ResidualTransformer
from kinelex.hashing import weights_hash
from kinelex.motion.layout import FeatureLayout
from kinelex.tokenizer.rvqvae import RVQVAE
from kinelex.training.aligned import AlignedMaskTransformer
from kinelex.training.cache import (
    Sequences,
    TextTable,
    all_texts,
    fit_whitening,
    said_sentences,
    sentence_rows,
    text_table,
    token_table,
)
from kinelex.training.checkpoint import save_weights
from kinelex.training.corpus import Corpus, Sentence, Split, draws_of_clips, draws_of_parts, read_corpus
from kinelex.training.cuts import known_segments, segment_table, segmenter_of
from kinelex.training.durations import DurationsStage, LengthStage, located
from kinelex.training.loop import CHECKPOINT, WEIGHTS, Stage, load_weights
from kinelex.training.recipes import Recipe
from kinelex.training.stages import DecoderStage, TokenizerStage, TokenStage
from kinelex.training.start import Start

if TYPE_CHECKING:
    from lightning.fabric import Fabric

RECIPE, NORMALIZER, WHITENING, CACHE = (
    "recipe.yaml",
    "normalizer.safetensors",
    "whitening.safetensors",
    "cache",
)


class Workshop:
    """Everything that the stages of one training share.

    Args:
        recipe: what is trained.
        stores: folders made by `kinelex prepare`.
        output: folder of the training; gets the recipe, the normaliser and, with the texts, the whitening.
        fabric: processes and device.
        segmenter: cuts motions where the recipe wants a retrieval model to.
        start: the model that the recipe's `start` names.

    Raises:
        KinelexError: a store or the model to start from cannot be used or does not fit the recipe, or the output
            folder cannot be written.
    """

    def __init__(
        self,
        recipe: Recipe,
        stores: Sequence[str | Path],
        output: Path,
        fabric: Fabric,
        segmenter: MotionSegmenter | None = None,
        start: MotionModel | None = None,
    ) -> None:
        self.recipe, self.output, self.fabric, self.segmenter = recipe, output, fabric, segmenter
        self.cache = output / CACHE
        self.corpus: Corpus = read_corpus(stores, recipe.data)
        self._check_features(FeatureLayout.of(self.corpus.skeleton).size)
        self.start = self._begin(start)
        taken = self._taken()
        if fabric.is_global_zero:
            recipe.save(output / RECIPE)
            save_weights(self.corpus.normalizer, output / NORMALIZER)
            for name, network in taken.items():
                if recipe.start is not None and name in recipe.start.keep:
                    save_weights(network, output / name / WEIGHTS)
        self.corpus.normalizer.to(fabric.device)
        if self.start is not None and self.start.whitening is not None:
            # Written now, as a training of the decoder alone reads no text and the model folder needs it.
            _ = self.whitening
        fabric.barrier()

    def _begin(self, model: MotionModel | None) -> Start | None:
        """What the recipe takes from the model; the motion is then normalised as the model knows it."""
        recipe = self.recipe.start
        if recipe is None:
            return None
        if model is None:
            raise KinelexError(
                f"the recipe starts from {recipe.model}; load that model and give it as `start`"
            )
        start = Start(recipe, model, self.corpus.skeleton, self.unit)
        self.corpus = replace(
            self.corpus,
            data_hash=f"{self.corpus.data_hash} {start.identity}",
            normalizer=start.normalizer or self.corpus.normalizer,
        )
        return start

    def _taken(self) -> dict[str, nn.Module]:
        """The networks that the training begins with; all is checked here, before anything is written."""
        start, networks = self.start, {}
        if start is None:
            return networks
        if start.whitening is not None:
            start.check_reading(self.recipe.text.left_first)
            start.check_encoder(self.texts)
        for name in start.recipe.taken:
            if name in start.recipe.keep and (self.output / name / CHECKPOINT).is_file():
                raise KinelexError(
                    f"{self.output / name} holds a training of its own, which the {name} that the recipe keeps would "
                    "replace; choose another output folder"
                )
            networks[name] = self._build(name, 0 if name == "tokenizer" else self.texts.vectors.shape[1])
            start.copy_into(name, networks[name])
        return networks

    def _check_features(self, features: int) -> None:
        """Refuse a tokenizer of another width than the motion's features."""
        own = self.recipe.tokenizer.model.features
        if own != features:
            raise KinelexError(
                f"tokenizer.model.features is {own}; "
                f"motion of skeleton {self.corpus.skeleton.name} needs {features}"
            )

    @property
    def unit(self) -> int:
        """Frames of a token."""
        return self.recipe.tokenizer.model.downsampling

    @property
    def max_tokens(self) -> int:
        """Tokens of the longest sequence."""
        return self.recipe.data.max_frames // self.unit

    @cached_property
    def said(self) -> dict[str, list[tuple[Sentence, ...]]]:
        """Sentences of every sequence, by split."""
        return {
            "train": said_sentences(self.corpus.train, self._mirrored("train")),
            "val": said_sentences(self.corpus.val, self._mirrored("val")),
        }

    def _mirrored(self, split: str) -> bool:
        """Whether the mirror images are there too; in validation only where they are read instead."""
        return self.recipe.data.mirror and (split == "train" or self.recipe.text.left_first)

    @cached_property
    def texts(self) -> TextTable:
        """Vectors of all sentences and phrases."""
        texts = all_texts(self.said["train"]) | all_texts(self.said["val"])
        with self.fabric.rank_zero_first():
            return text_table(texts, self.recipe.text.encoder, self.cache, self.fabric.device)

    @cached_property
    def whitening(self) -> ConditionWhitening:
        """Fitted to the training texts, or as a part that is taken over knows it; written to the output folder."""
        text = self.recipe.text
        known = None if self.start is None else self.start.whitening
        said = all_texts(self.said["train"])
        whitening = known or fit_whitening(self.texts, said, text.floor, text.whiten)
        if self.fabric.is_global_zero:
            save_weights(whitening, self.output / WHITENING)
        return whitening

    @cached_property
    def tokenizer(self) -> RVQVAE:
        """The trained tokenizer, frozen, on the device; as for tokens, its decoder may be refined later."""
        return self._trained_tokenizer().to(self.fabric.device).eval().requires_grad_(False)

    def _trained_tokenizer(self) -> RVQVAE:
        model = self._build("tokenizer", 0)
        self._load_stage("tokenizer", model)
        return model

    @cached_property
    def durations(self) -> PhraseDurations:
        """The trained durations of phrases, frozen, on the device."""
        model = self._build("durations", self.texts.vectors.shape[1])
        self._load_stage("durations", model)
        return model.to(self.fabric.device).eval().requires_grad_(False)

    def _load_stage(self, name: str, model: nn.Module) -> None:
        path = self.output / name / WEIGHTS
        if not path.is_file():
            raise KinelexError(f"there is no {path}; train the stage {name} first")
        load_weights(model, path)

    @cached_property
    def sequences(self) -> dict[str, Sequences]:
        """Tokens and text of both splits."""
        vectors = self.whitening(self.texts.vectors)
        made = {name: self._sequences(name, vectors) for name in ("train", "val")}
        if not self.recipe.text.left_first:
            return made
        return {name: data.saying(~self._lead_right(name)) for name, data in made.items()}

    def _lead_right(self, name: str) -> Tensor:
        """(C,) which sentences of a split name the right first."""
        return torch.tensor([s.leads_right for sentences in self.said[name] for s in sentences])

    def _sequences(self, name: str, vectors: Any) -> Sequences:
        split = self.corpus.train if name == "train" else self.corpus.val
        mirror = self._mirrored(name)
        key = f"{name} {self.corpus.data_hash}" + (" mirrored" if mirror and name == "val" else "")
        with self.fabric.rank_zero_first():
            tokens = token_table(
                split, self.tokenizer, self.corpus.normalizer, self.corpus.skeleton, mirror,
                self.recipe.data.offsets, key, self.cache, self.fabric.device,
            )  # fmt: skip
        sentences, first, count = sentence_rows(self.said[name], self.texts.rows)
        known = self._known_segments(split)
        return Sequences(
            tokens.ids, tokens.starts, tokens.lengths, first, count, sentences, vectors,
            torch.cat((known, known)) if mirror else known, self._segment_counts(name, mirror),
        )  # fmt: skip

    def _known_segments(self, split: Split) -> Tensor:
        """Tokens of each phrase's segment where the data knows it, and where a retrieval model is to find it."""
        step, durations = self.unit, self.recipe.durations
        known = known_segments(split, step)
        if durations is None or not durations.localised:
            return known
        segmenter = segmenter_of("retrieval", self.corpus, self.output, self.segmenter)
        with self.fabric.rank_zero_first():
            found = segment_table(split, segmenter, step, known=True)
        return torch.where(known.sum(1, keepdim=True) > 0, known, found)

    def _segment_counts(self, name: str, mirror: bool) -> Tensor | None:
        """Tokens of each phrase's motion segment; a mirror image is cut like the motion it is of."""
        alignment = self.recipe.masked.alignment
        if alignment is None or alignment.segments == "uniform":
            return None
        with self.fabric.rank_zero_first():
            segmenter = segmenter_of(alignment.segments, self.corpus, self.output, self.segmenter)
        split = self.corpus.train if name == "train" else self.corpus.val
        known, step = alignment.segments == "known", self.unit
        counts = segment_table(split, segmenter, step, known=known)
        return torch.cat((counts, counts)) if mirror else counts

    @cached_property
    def draws(self) -> Tensor:
        """(M,) numbers of the training sequences in an epoch: rare actions are drawn more often."""
        often = draws_of_parts(self.corpus.train.parts, self.recipe.data.most_draws)
        often = torch.cat((often, often)) if self.recipe.data.mirror else often
        if self.recipe.text.left_first:
            often = often[[not all(s.leads_right for s in sentences) for sentences in self.said["train"]]]
        return torch.arange(len(often)).repeat_interleave(often)

    @property
    def token_hash(self) -> str:
        """Of all that the token stages are trained on."""
        sides = " left first" if self.recipe.text.left_first else ""
        return f"{self.corpus.data_hash} {weights_hash(self.tokenizer)} {weights_hash(self.whitening)}{sides}"

    def stage(self, name: str) -> Stage:
        """A stage ready for the loop, its network freshly initialised.

        Raises:
            KinelexError: an earlier stage is not trained.
        """
        device, data = self.fabric.device, self.recipe.data
        if name == "tokenizer":
            model = self._untrained(name, 0)
            return TokenizerStage(model, self.corpus, data.window, mirror=data.mirror, device=device)
        if name == "decoder":
            most = 1 if self.recipe.decoder is None else self.recipe.decoder.most_draws
            often = draws_of_clips(self.corpus.train, most)
            torch.manual_seed(self.recipe.training(name).seed)
            return DecoderStage(
                self._trained_tokenizer(), self.corpus, data.window, often, mirror=data.mirror, device=device
            )
        sequences, data_hash = self._sequences_of(name)
        train, val = sequences["train"], sequences["val"]
        model = self._untrained(name, self.texts.vectors.shape[1])
        if isinstance(model, LengthEstimator):
            return LengthStage(model, train, val, data_hash, max_tokens=self.max_tokens, device=device)
        if isinstance(model, PhraseDurations):
            return DurationsStage(model, train, val, data_hash, device=device)
        return TokenStage(
            name, model, train, val, data_hash, max_tokens=self.max_tokens,
            segment_dropout=self.recipe.text.segment_dropout, span_dropout=self.recipe.text.span_dropout,
            device=device, draws=self.draws,
        )  # fmt: skip

    def _sequences_of(self, name: str) -> tuple[dict[str, Sequences], str]:
        """What a token stage learns from and its hash; where tokens are told their phrases, all may be located."""
        guided = {"masked": self.recipe.masked.phrase_guide, "residual": self.recipe.residual.phrase_guide}
        shared = self.recipe.text.share_unknown and self.recipe.durations is not None
        if not (guided.get(name, False) and shared):
            return self.sequences, self.token_hash
        sequences = {split: located(data, self.durations) for split, data in self.sequences.items()}
        return sequences, f"{self.token_hash} {weights_hash(self.durations)}"

    def _untrained(self, name: str, text_width: int) -> Any:
        """The network of a stage with its first weights, which do not depend on the stages before it."""
        torch.manual_seed(self.recipe.training(name).seed)
        network = self._build(name, text_width)
        if self.start is not None and name in self.start.recipe.tune:
            self.start.copy_into(name, network)
        return network

    def _build(self, name: str, text_width: int) -> Any:
        """The untrained network of a stage."""
        return build_model(self.recipe, name, text_width)


def build_model(recipe: Recipe, name: str, text_width: int) -> Any:
    """The untrained network of a stage."""
    tokenizer = recipe.tokenizer.model
    if name == "tokenizer":
        return RVQVAE(tokenizer)
    if name == "masked":
        transformer = MaskTransformer(recipe.masked.config(tokenizer, text_width))
        alignment = recipe.masked.alignment
        return transformer if alignment is None else AlignedMaskTransformer(transformer, alignment)
    if name == "residual":
        return ResidualTransformer(recipe.residual.config(tokenizer, text_width))
    if name == "length":
        return LengthEstimator(LengthEstimatorConfig(text_width=text_width))
    return PhraseDurations(PhraseDurationsConfig(text_width=text_width))

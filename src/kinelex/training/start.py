"""Trainings that begin with parts of a trained model: to teach it more, or not to train twice what does not change."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import asdict, dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch.nn.functional as F
from torch import nn

from kinelex.errors import KinelexError
from kinelex.generators.base import ConditionWhitening
from kinelex.generators.model import MotionModel
from kinelex.hashing import weights_hash
from kinelex.motion.skeleton import Skeleton
from kinelex.tokenizer.normalization import FeatureNormalizer
from kinelex.training.aligned import AlignedMaskTransformer

if TYPE_CHECKING:
    from kinelex.training.cache import TextTable

# These know no motion, only how long things take.
_TIMING = ("length", "durations")
# What only the training of a tokenizer reads.
_OF_CODEBOOKS = ("decay", "least_use")
# Two copies of one encoder, of which one was stored in half precision, agree better than this; whitening enlarges what
# is left, and "left" and "right" are only .02 apart.
_SAME_ENCODER, _SENTENCES = 0.9999, 8


@dataclass(frozen=True)
class StartRecipe:
    """What a training begins with.

    Motion is then normalised and text whitened as the model's parts know them, whatever `data.feat_bias`,
    `text.whiten` and `text.floor` say. How the trained model draws (`sampling`) is still the recipe's.

    Attributes:
        model: name or folder of a trained model.
        keep: parts that are taken from it and not trained. To keep the tokenizer does not exclude the decoder's
            refinement, if the recipe has one.
        tune: parts whose training begins with its weights.
    """

    model: str
    keep: tuple[str, ...] = ()
    tune: tuple[str, ...] = ()

    @property
    def taken(self) -> tuple[str, ...]:
        """All parts that the training begins with."""
        return (*self.keep, *self.tune)

    def check(self, parts: Sequence[str], stages: Sequence[str]) -> None:
        """Refuse what a recipe with these parts and stages cannot begin with.

        Raises:
            KinelexError: a part is unknown or named twice, reads tokens that will mean something else, or cannot be
                trained on; or nothing is left to train.
        """
        for name in self.taken:
            if name not in parts:
                raise KinelexError(f"start: there is no part {name!r}; choose from {', '.join(parts)}")
            if self.taken.count(name) > 1:
                raise KinelexError(f"start: {name} is named twice; either keep it or tune it")
        if not self.taken:
            raise KinelexError("start: name what to keep or to tune; leave start out to begin with nothing")
        if "tokenizer" in self.tune:
            raise KinelexError(
                "start: a tokenizer cannot be tuned, as models are stored without the running sums of its codebooks; "
                "keep it, and refine its decoder by the recipe's decoder section"
            )
        reading = [name for name in self.taken if name not in (*_TIMING, "tokenizer")]
        if reading and "tokenizer" in parts and "tokenizer" not in self.keep:
            raise KinelexError(
                f"start: {reading[0]} reads the tokens of the model's tokenizer; put tokenizer into start.keep"
            )
        if not stages:
            raise KinelexError("start: all parts are kept and nothing is left to train; tune one of them")

    def card(self) -> str:
        """What a model card must say of it."""
        parts = ", ".join(self.taken)
        return f"\nIt began with parts ({parts}) of the model `{self.model}`, whose licence binds it too.\n"

    def waits_for(self, name: str) -> bool:
        """Whether a part is left to training."""
        return name not in self.keep


class Start:
    """The model that a training begins with, and what of it; the model itself is not changed.

    Args:
        recipe: which parts.
        model: the trained model, on any device.
        skeleton: of the motion to train on.
        unit: frames of a token in the training.

    Raises:
        KinelexError: the model is of another skeleton, counts in other tokens, or lacks a part.
    """

    def __init__(self, recipe: StartRecipe, model: MotionModel, skeleton: Skeleton, unit: int) -> None:
        self.recipe, self.model = recipe, model
        if model.skeleton.name != skeleton.name:
            raise KinelexError(
                f"the model {recipe.model} moves the skeleton {model.skeleton.name}, the stores' is {skeleton.name}; "
                "start from another model, or prepare the recordings for that skeleton"
            )
        if model.frames_per_token != unit:
            raise KinelexError(
                f"a token of the model {recipe.model} is {model.frames_per_token} frames, of the recipe {unit}; "
                "start from another model"
            )
        for name in recipe.taken:
            if name not in model.weights:
                raise KinelexError(
                    f"the model {recipe.model} has no {name}; take it out of start, to train it from nothing"
                )

    @cached_property
    def identity(self) -> str:
        """Changes with what is kept and with the weights that are taken over."""
        names = {*self.recipe.taken, *(("alignment",) if "masked" in self.recipe.taken else ())}
        weights = self.model.weights
        taken = [(name, weights_hash(weights[name])) for name in sorted(names & weights.keys())]
        shared = weights_hash(self.model.normalizer), weights_hash(self.model.whitening)
        return sha256(repr((sorted(self.recipe.keep), taken, shared)).encode()).hexdigest()

    @cached_property
    def normalizer(self) -> FeatureNormalizer | None:
        """That of the model where a part is taken over that reads features, or tokens of them; on the CPU."""
        reads = any(name not in _TIMING for name in self.recipe.taken)
        return deepcopy(self.model.normalizer).cpu() if reads else None

    @cached_property
    def whitening(self) -> ConditionWhitening | None:
        """That of the model where a part is taken over that reads text; on the CPU."""
        reads = any(name != "tokenizer" for name in self.recipe.taken)
        return deepcopy(self.model.whitening).cpu() if reads else None

    def copy_into(self, name: str, network: nn.Module) -> None:
        """Give a network of the recipe the weights of the model's part.

        Raises:
            KinelexError: it is built otherwise, or is aligned and the model is not.
        """
        if isinstance(network, AlignedMaskTransformer):
            self._copy(name, network.transformer)
            self._copy("alignment", network.alignment)
        else:
            self._copy(name, network)

    def _copy(self, name: str, network: Any) -> None:
        part: Any = self.model.weights.get(name)
        if part is None:
            raise KinelexError(
                f"the model {self.recipe.model} was trained without alignment; set masked.alignment=null"
            )
        self.compare(name, network.config, part.config)
        network.load_state_dict(part.state_dict())

    def compare(self, name: str, ours: Any, theirs: Any) -> None:
        """Refuse a configuration of the recipe that is not the model's, but for what only its training read.

        Raises:
            KinelexError: so it is; every difference is named.
        """
        mine, other = dict(_flat(asdict(ours))), dict(_flat(asdict(theirs)))
        differences = [
            f"{key} is {mine.get(key)}, the model's {other.get(key)}"
            for key in {**mine, **other}
            if mine.get(key) != other.get(key)
        ]
        if differences:
            raise KinelexError(
                f"the recipe's {name} is not that of the model {self.recipe.model}: {'; '.join(differences)}. "
                f"Set the recipe's keys to the model's, or take {name} out of start"
            )

    def check_reading(self, left_first: bool) -> None:
        """Refuse to teach both sides to parts that have only learnt sentences that name the left first.

        Raises:
            KinelexError: so it is.
        """
        sided = [name for name in self.recipe.taken if name not in (*_TIMING, "tokenizer")]
        if sided and self.model.reading.left_first and not left_first:
            raise KinelexError(
                f"the model {self.recipe.model} reads the right as the mirror image of the left; "
                f"set text.left_first=true, or take {sided[0]} out of start"
            )

    def check_encoder(self, texts: TextTable) -> None:
        """Refuse another text encoder than the one that the model's parts learnt to read.

        Raises:
            KinelexError: its sentence vectors are others.
        """
        some = list(texts.rows)[:_SENTENCES]
        ours = texts.vectors[[texts.rows[text] for text in some]]
        theirs = self.model.encoder.embed(some).to(ours)
        if ours.shape == theirs.shape and F.cosine_similarity(ours, theirs).min() > _SAME_ENCODER:
            return
        raise KinelexError(
            f"text.encoder is not the encoder of the model {self.recipe.model}; set text.encoder to the one that it "
            "was trained with, or to the folder text_encoder in the model's, or keep the tokenizer alone"
        )


def refuse_own_output(model: str, output: Path) -> None:
    """Refuse to start from the model that the training will replace.

    Raises:
        KinelexError: so it is.
    """
    if Path(model).resolve().is_relative_to(output.resolve()):
        raise KinelexError(
            f"{model} would be replaced by the training that starts from it; choose another --output"
        )


def _flat(values: dict[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted keys and values of what matters after training: all but the dropouts and how codebooks are learnt."""
    for key, value in values.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{path}{key}.")
        elif not key.endswith("dropout") and key not in _OF_CODEBOOKS:
            yield f"{path}{key}", value

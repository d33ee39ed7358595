"""Trainings that begin with parts of a trained model: to teach it more, or not to train twice what does not change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import torch.nn.functional as F
from torch import nn

from kinelex.errors import KinelexError
from kinelex.generators.model import MotionModel
from kinelex.motion.skeleton import Skeleton
from kinelex.training.aligned import AlignedMaskTransformer
from kinelex.weights_hash import weights_hash

if TYPE_CHECKING:
    from kinelex.training.cache import TextTable

# These know no motion, only how long things take.
_TIMING = ("length", "durations")
# Two copies of one encoder, of which one was stored in half precision, agree far better than this.
_SAME_ENCODER, _SENTENCES = 0.99, 8


@dataclass(frozen=True)
class StartRecipe:
    """What a training begins with.

    Attributes:
        model: name or folder of a trained model.
        keep: parts that are taken from it and not trained. To keep the tokenizer does not exclude the decoder's
            refinement, if the recipe has one.
        tune: parts whose training begins with its weights.
    """

    model: str
    keep: tuple[str, ...] = ()
    tune: tuple[str, ...] = ()

    def check(self, parts: Sequence[str]) -> None:
        """Refuse what a recipe with these parts cannot begin with.

        Raises:
            KinelexError: a part is unknown or named twice, or reads tokens or features that will mean something else.
        """
        named = (*self.keep, *self.tune)
        for name in named:
            if name not in parts:
                raise KinelexError(f"start: there is no part {name!r}; choose from {', '.join(parts)}")
            if named.count(name) > 1:
                raise KinelexError(f"start: {name} is named twice; either keep it or tune it")
        if not named:
            raise KinelexError("start: name what to keep or to tune; leave start out to begin with nothing")
        reading = [name for name in named if name not in (*_TIMING, "tokenizer")]
        if reading and "tokenizer" in parts and "tokenizer" not in self.keep:
            raise KinelexError(
                f"start: {reading[0]} reads the tokens of the model's tokenizer; put tokenizer into start.keep"
            )

    def card(self) -> str:
        """What a model card must say of it."""
        parts = ", ".join((*self.keep, *self.tune))
        return f"\nIt began with parts ({parts}) of the model `{self.model}`, whose licence binds it too.\n"

    def waits_for(self, name: str) -> bool:
        """Whether a part is left to training."""
        return name not in self.keep


class Start:
    """The model that a training begins with, and what of it.

    Args:
        recipe: which parts.
        model: the trained model, on the CPU.
        skeleton: of the motion to train on.

    Raises:
        KinelexError: the model is of another skeleton or lacks a part.
    """

    def __init__(self, recipe: StartRecipe, model: MotionModel, skeleton: Skeleton) -> None:
        self.recipe, self.model = recipe, model
        if model.skeleton.name != skeleton.name:
            raise KinelexError(
                f"the model {recipe.model} moves the skeleton {model.skeleton.name}, the stores' is {skeleton.name}; "
                "start from another model, or prepare the recordings for that skeleton"
            )
        for name in (*recipe.keep, *recipe.tune):
            if name not in model.weights:
                raise KinelexError(
                    f"the model {recipe.model} has no {name}; take it out of start, to train it from nothing"
                )

    @cached_property
    def identity(self) -> str:
        """Changes with the weights that are taken over."""
        taken = {
            name: weights_hash(self.model.weights[name]) for name in (*self.recipe.keep, *self.recipe.tune)
        }
        shared = weights_hash(self.model.normalizer), weights_hash(self.model.whitening)
        return sha256(repr((self.recipe.keep, taken, shared)).encode()).hexdigest()

    @property
    def knows_motion(self) -> bool:
        """Whether a part is taken over that reads normalised features, or tokens of them."""
        return any(name not in _TIMING for name in (*self.recipe.keep, *self.recipe.tune))

    @property
    def knows_text(self) -> bool:
        """Whether a part is taken over that reads whitened text."""
        return any(name != "tokenizer" for name in (*self.recipe.keep, *self.recipe.tune))

    def copy_into(self, name: str, network: nn.Module) -> None:
        """Give a network of the recipe the weights of the model's part.

        Raises:
            KinelexError: it has other sizes, or is aligned and the model is not.
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
        if name in self.recipe.keep and _structure(part.config) != _structure(network.config):
            raise KinelexError(
                f"the recipe's {name} is not that of the model {self.recipe.model}, which it keeps: "
                f"{network.config} instead of {part.config}"
            )
        try:
            network.load_state_dict(part.state_dict())
        except RuntimeError as error:
            raise KinelexError(
                f"the recipe's {name} has other sizes than that of the model {self.recipe.model}: "
                f"{network.config} instead of {part.config}"
            ) from error

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
            f"text.encoder is not the encoder of the model {self.recipe.model}; set text.encoder to that, or take "
            "all parts but the tokenizer out of start"
        )


def _structure(config: Any) -> Any:
    """What of a configuration matters after training: all but the dropouts."""
    values = config if isinstance(config, dict) else asdict(config)
    return {
        key: _structure(value) if isinstance(value, dict) else value
        for key, value in values.items()
        if not key.endswith("dropout")
    }

"""Train the stages of a recipe one after the other: `train(recipe, stores, output)`."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kinelex.alignment.motion_segments import MotionSegmenter
from kinelex.data.store import Store
from kinelex.errors import KinelexError
from kinelex.generators.base import ConditionWhitening, TextReading
from kinelex.generators.model import MoMaskModel, MotionModel
from kinelex.text.encoders import TextEncoder
from kinelex.tokenizer.normalization import FeatureNormalizer
from kinelex.training.aligned import AlignedMaskTransformer
from kinelex.training.host_workshop import load_host, workshop_of
from kinelex.training.hosts import HostRecipe
from kinelex.training.loop import WEIGHTS, FitResult, fit, load_weights, make_fabric
from kinelex.training.recipes import Recipe
from kinelex.training.workshop import NORMALIZER, WHITENING, Workshop, build_model

RECIPE = "recipe.yaml"


@dataclass(frozen=True)
class TrainingReport:
    """How a call of `train` ended.

    Attributes:
        results: of the stages that were trained or found trained, by name.
        finished: every stage asked for has all its steps.
    """

    results: dict[str, FitResult]
    finished: bool


def train(
    recipe: Recipe | HostRecipe,
    stores: Sequence[str | Path],
    output: str | Path,
    *,
    stages: Sequence[str] | None = None,
    device: str = "auto",
    max_minutes: float | None = None,
    segmenter: MotionSegmenter | None = None,
    start: MotionModel | None = None,
) -> TrainingReport:
    """Train the stages of a recipe; what an earlier call did is not done again, and what it began goes on.

    The output folder gets recipe.yaml, normalizer and whitening weights, a folder for each stage (weights,
    checkpoint, log) and the cache of text vectors and tokens. `load_parts` reads the trained model from it.

    Args:
        recipe: what to train.
        stores: folders made by `kinelex prepare`.
        output: folder of the training.
        stages: which stages; the ones before them must be trained. All that the recipe has when not given.
        device: "cpu", "cuda" or "auto".
        max_minutes: stop after this time with a checkpoint.
        segmenter: cuts motions where the recipe wants a retrieval model to; `kinelex train` makes it of the model
            that `retrieval` names.
        start: the model that the recipe's `start` names, unchanged by the training; `kinelex train` loads it.

    Raises:
        KinelexError: unknown stage, unusable store, a checkpoint of another recipe, an untrained earlier
            stage, or an output folder that cannot be written.
    """
    stages = recipe.stages if stages is None else stages
    for stage in stages:
        if stage not in recipe.stages:
            raise KinelexError(f"unknown stage {stage!r}; this recipe trains {', '.join(recipe.stages)}")
    deadline = None if max_minutes is None else time.monotonic() + 60 * max_minutes
    output, results = Path(output), {}
    fabrics = {p: make_fabric(device, p) for p in sorted({recipe.training(s).precision for s in stages})}
    make = workshop_of(recipe) if isinstance(recipe, HostRecipe) else Workshop
    workshop = make(recipe, stores, output, next(iter(fabrics.values())), segmenter, start)  # type: ignore[arg-type]
    for name in (name for name in recipe.stages if name in stages):
        config = recipe.training(name)
        stage = workshop.stage(name)
        results[name] = fit(stage, config, output / name, fabrics[config.precision], deadline)
        if not results[name].finished:
            return TrainingReport(results, False)
    return TrainingReport(results, True)


def load_parts(recipe: Recipe | HostRecipe, stores: Sequence[str | Path], output: str | Path) -> MotionModel:
    """The trained model of an output folder, on the CPU, ready for `hub.save_model`.

    Raises:
        KinelexError: a stage is not trained, or its weights are of another recipe.
    """
    output, skeleton = Path(output), Store.open([Path(folder) for folder in stores]).skeleton
    if isinstance(recipe, HostRecipe):
        return load_host(recipe, skeleton, output)
    encoder = TextEncoder.load(recipe.text.encoder)
    models = {name: build_model(recipe, name, encoder.dim) for name in recipe.parts}
    for name, model in models.items():
        load_weights(model, output / name / WEIGHTS)
    if recipe.decoder is not None:
        load_weights(models["tokenizer"], output / "decoder" / WEIGHTS)
    normalizer = FeatureNormalizer(recipe.tokenizer.model.features)
    load_weights(normalizer, output / NORMALIZER)
    whitening = ConditionWhitening(encoder.dim)
    load_weights(whitening, output / WHITENING)
    masked, alignment = models.pop("masked"), None
    if isinstance(masked, AlignedMaskTransformer):
        masked, alignment = masked.transformer, masked.alignment
    model = MoMaskModel(
        skeleton=skeleton, normalizer=normalizer, whitening=whitening, encoder=encoder, masked=masked,
        alignment=alignment, sampling=recipe.sampling, reading=TextReading(left_first=recipe.text.left_first), **models,
    )  # fmt: skip
    return model.to("cpu")

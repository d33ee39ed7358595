"""`kinelex train RECIPE`: a model of your own."""

from __future__ import annotations

import argparse
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kinelex.errors import KinelexError

if TYPE_CHECKING:
    from kinelex.generators.model import MotionModel
    from kinelex.hub import ModelCard
    from kinelex.retrieval.remembered import RememberedCuts
    from kinelex.training.loop import FitResult
    from kinelex.training.start import StartRecipe

DESCRIPTION = """Train a generator (tokenizer, transformers, length estimator), an evaluator, a retrieval model or
an enhanced text encoder.

  kinelex train finetune --store stores/mine --output runs/tuned     the bundled model learns your motion, an hour
  kinelex train cpu --store stores/mine --output runs/mine           from nothing, hours on two cores
  kinelex train compact --store stores/a --store stores/b --output runs/compact --device cuda
  kinelex train cpu-debug --store stores/mine --output runs/try      seconds, to see that everything works
  kinelex train cpu --store stores/mine --output runs/mine --set masked.train.steps=2000
  kinelex train mdm-cpu --store stores/mine --output runs/mdm        another generator: mdm, motiondiffuse or mmm
  kinelex train evaluator --store stores/mine --output runs/judge    a judge of text and motion, fifteen minutes
  kinelex train mate-minilm-cpu --store stores/mine --output runs/words  a text encoder that knows what words do
  kinelex train retrieval-cpu --store stores/mine --output runs/find text and motion in one space, twenty minutes

A recipe of your own is a YAML file with the changes to another: `base: small`, then the values that differ.
A recipe's `start` names a trained model, the parts of it that are kept and the parts that are trained on; `finetune`
starts from the bundled model, with `--set start.model=runs/other/model` from another of its sizes.

A stopped or killed training goes on where it was when the same command is given again. The finished model lies in
OUTPUT/model, ready for `kinelex generate --model OUTPUT/model`; so does every other finished model.

The recipes; those that others build on have a twin NAME-debug that takes a minute at most:
"""
RECIPES = Path(__file__).parents[1] / "recipes"


def add_parser(commands: Any) -> None:
    """Register the command."""
    parser = commands.add_parser(
        "train",
        help="train a model",
        description=DESCRIPTION + _recipes(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("recipe", help="name of a recipe, or a YAML file")
    parser.add_argument(
        "--store", action="append", required=True, metavar="DIR", help="prepared data (repeatable)"
    )
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="folder of the run")
    parser.add_argument(
        "--stage",
        action="append",
        metavar="NAME",
        help="tokenizer, decoder, length, durations, masked or residual; denoiser of MDM and MotionDiffuse, "
        "transformer of MMM (default: all that the recipe has)",
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        dest="overrides",
        help="change a recipe key",
    )
    parser.add_argument("--device", default="auto", help="cpu, cuda or auto (default: auto)")
    parser.add_argument("--max-minutes", type=float, help="stop with a checkpoint after this time")
    parser.set_defaults(run=run)


def _recipes() -> str:
    """The names of the recipes, and where they explain themselves."""
    names = sorted(path.stem for path in RECIPES.glob("*.yaml") if "debug" not in path.stem)
    return "\n".join(
        (
            textwrap.fill(
                ", ".join(names), 110, break_on_hyphens=False, initial_indent="  ", subsequent_indent="  "
            ),
            f"They lie in {RECIPES}, each with a word on what it is for.",
        )
    )


def run(options: argparse.Namespace) -> None:
    """Train what the recipe is of."""
    # Imported here: torch and Lightning take seconds, which --help need not wait for.
    from kinelex.training.recipe_files import read_recipe

    values, _ = read_recipe(options.recipe, options.overrides)
    kinds = {"evaluator": _train_evaluator, "retrieval": _train_retrieval, "mate": _train_mate}
    kinds.get(str(values.get("kind")), _train_generator)(options)


def _train_evaluator(options: argparse.Namespace) -> None:
    """Train; write the evaluator folder when all steps are done."""
    from kinelex.hub import save_evaluator
    from kinelex.training.evaluator import load_evaluator_recipe, train_evaluator

    _refuse_stages(options, "an evaluator")
    recipe = load_evaluator_recipe(options.recipe, options.overrides)
    trained = train_evaluator(recipe, options.store, options.output, **_limits(options))
    if _finished("evaluator", trained.result, options):
        save_evaluator(trained.judge, options.output / "model", _model_card(recipe.name, options))
        print(f"{options.output / 'model'}: ready to judge")


def _train_retrieval(options: argparse.Namespace) -> None:
    """Train; write the folder of the retrieval model when all steps are done."""
    from kinelex.hub import save_retrieval
    from kinelex.training.retrieval import load_retrieval_recipe, train_retrieval

    _refuse_stages(options, "a retrieval model")
    recipe = load_retrieval_recipe(options.recipe, options.overrides)
    trained = train_retrieval(recipe, options.store, options.output, **_limits(options))
    if _finished("retrieval", trained.result, options):
        save_retrieval(trained.model, options.output / "model", _model_card(recipe.name, options))
        print(f"{options.output / 'model'}: ready for --retrieval and --judge")


def _train_mate(options: argparse.Namespace) -> None:
    """Train; write the enhanced encoder's folder when all steps are done."""
    from kinelex.mate.card import EncoderCard
    from kinelex.training.mate import load_mate_recipe, train_mate

    _refuse_stages(options, "an enhanced encoder")
    recipe = load_mate_recipe(options.recipe, options.overrides)
    segmenter = _segmenter(recipe.retrieval, options)
    trained = train_mate(recipe, options.store, options.output, **_limits(options), segmenter=segmenter)
    if _finished("mate", trained.result, options):
        said = EncoderCard(
            recipe.name, recipe.encoder, "other", card(recipe.name, options), recipe.trained
        ).text(trained.encoder)
        trained.encoder.save(options.output / "model", card=said)
        print(f"{options.output / 'model'}: ready for --text-encoder and for text.encoder of a recipe")


def _limits(options: argparse.Namespace) -> dict[str, Any]:
    """Where and for how long any training computes."""
    return {"device": options.device, "max_minutes": options.max_minutes}


def _refuse_stages(options: argparse.Namespace, kind: str) -> None:
    if options.stage:
        raise KinelexError(f"{kind} has no stages to choose from; leave --stage out")


def _finished(name: str, result: FitResult, options: argparse.Namespace) -> bool:
    """Say how it went."""
    _print_result(name, result)
    if not result.finished:
        print(f"not finished: give the same command again to go on ({options.output})")
    return result.finished


def _model_card(name: str, options: argparse.Namespace, more: str = "") -> ModelCard:
    from kinelex.hub import ModelCard

    return ModelCard(name, "that of the data", card(name, options) + more)


def _print_result(name: str, result: FitResult) -> None:
    figures = ", ".join(f"{key} {value:.4g}" for key, value in result.metrics.items())
    print(f"{name}: {result.steps} steps{', ' + figures if figures else ', stopped before the end'}")


def _train_generator(options: argparse.Namespace) -> None:
    """Train the stages; write the model folder when all are done."""
    from kinelex.hub import save_model
    from kinelex.training.hosts import load_generator_recipe
    from kinelex.training.run import load_parts, train

    recipe = load_generator_recipe(options.recipe, options.overrides)
    report = train(
        recipe,
        options.store,
        options.output,
        stages=options.stage,
        **_limits(options),
        segmenter=_segmenter(recipe.retrieval, options),
        start=_start(recipe.start, options),
    )
    for name, result in report.results.items():
        _print_result(name, result)
    if not report.finished:
        print(f"not finished: give the same command again to go on ({options.output})")
        return
    missing = [
        name for name in recipe.stages if not (options.output / name / "weights.safetensors").is_file()
    ]
    if missing:
        print(f"stages still to train: {', '.join(missing)}")
        return
    model = load_parts(recipe, options.store, options.output)
    start = "" if recipe.start is None else recipe.start.card()
    save_model(model, options.output / "model", _model_card(recipe.name, options, start))
    print(f"{options.output / 'model'}: ready for --model")


def _start(recipe: StartRecipe | None, options: argparse.Namespace) -> MotionModel | None:
    """The model that the recipe starts from."""
    from kinelex.hub import load_model
    from kinelex.training.start import refuse_own_output

    if recipe is None:
        return None
    refuse_own_output(recipe.model, options.output)
    return load_model(recipe.model)


def _segmenter(retrieval: str | None, options: argparse.Namespace) -> RememberedCuts | None:
    """What motions are cut with where the recipe names a retrieval model; its cuts are kept in the run's folder."""
    import torch

    from kinelex.hub import load_retrieval
    from kinelex.retrieval.localisation import RetrievalSegmenter
    from kinelex.retrieval.remembered import RememberedCuts

    if retrieval is None:
        return None
    fast = options.device in ("cuda", "auto") and torch.cuda.is_available()
    segmenter = RetrievalSegmenter(load_retrieval(retrieval, "cuda" if fast else "cpu"))
    return RememberedCuts(segmenter, options.output / "cache" / "cuts.jsonl")


def card(name: str, options: argparse.Namespace) -> str:
    """A first model card: what the run itself knows; its author adds the rest."""
    stores = "\n".join(f"- `{store}`" for store in options.store)
    return (
        f"# {name}\n\nTrained by `kinelex train {options.recipe}` on\n\n{stores}\n\n"
        "The weights may be used as the licences of these data sets allow; `manifest.json` of each store names them.\n"
    )

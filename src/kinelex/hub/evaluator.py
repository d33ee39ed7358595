"""Evaluator folders: config.yaml with hashes, networks, statistics, words; and the import of the published one.

FOLDER/config.yaml            sizes, source of the word vectors, SHA-256 of every file
FOLDER/evaluator.safetensors  the three networks
FOLDER/normalizer.safetensors the evaluator's own statistics, float32
FOLDER/vectors.safetensors    word vectors
FOLDER/words.txt              the vocabulary, one word a line, in the order of the vectors
FOLDER/README.md              the card
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import torch
import yaml
from safetensors import SafetensorError
from safetensors.torch import load_file

from kinelex.atomic import atomic_path
from kinelex.errors import KinelexError
from kinelex.evaluation.evaluator import CONTACTS, Evaluator, EvaluatorConfig
from kinelex.evaluation.glove import read_glove
from kinelex.evaluation.judges import EvaluatorJudge
from kinelex.evaluation.official import EVALUATOR, NETWORKS
from kinelex.evaluation.words import WordVectorizer
from kinelex.generators.official import rename
from kinelex.hashing import file_hash
from kinelex.hub.checkpoints import load_exactly, read_state_dict, read_statistics
from kinelex.hub.folder import (
    CARD,
    CONFIG,
    FORMAT,
    ModelCard,
    load_weights,
    read_config_as,
    save_weights,
    verify_files,
)
from kinelex.tokenizer.normalization import FeatureNormalizer

NETWORK, STATISTICS, VECTORS, WORDS = (
    "evaluator.safetensors",
    "normalizer.safetensors",
    "vectors.safetensors",
    "words.txt",
)

OFFICIAL_CARD = """# Evaluator, imported

Weights of the published evaluator of Guo et al., "Generating Diverse and Natural 3D Human Motions from Text", CVPR
2022, converted by `kinelex import evaluator`. They keep the licence under which you obtained them.
"""


@dataclass(frozen=True)
class EvaluatorFolderConfig:
    """config.yaml of an evaluator folder.

    Attributes:
        format: version of the folder's layout.
        kind: tells it from a folder of a generator.
        name, licence: of the evaluator.
        evaluator: sizes of the networks.
        word_vectors: where the word vectors are from.
        files: SHA-256 of every file that is read.
    """

    format: int
    kind: Literal["evaluator"]
    name: str
    licence: str
    evaluator: EvaluatorConfig
    word_vectors: str
    files: dict[str, str]


def save_evaluator(
    judge: EvaluatorJudge, folder: str | Path, card: ModelCard, *, dtype: torch.dtype = torch.float16
) -> None:
    """Write an evaluator folder; each file appears whole, config.yaml last.

    Args:
        judge: what is written.
        folder: where to.
        card: its name, its licence and the text of README.md.
        dtype: precision of networks and word vectors; the statistics stay float32.

    Raises:
        KinelexError: the folder cannot be written.
    """
    folder = Path(folder)
    save_weights(judge.evaluator, folder / NETWORK, dtype)
    save_weights(judge.normalizer, folder / STATISTICS, torch.float32)
    save_weights(judge.vectorizer, folder / VECTORS, dtype)
    for name, text in ((WORDS, "\n".join(judge.vectorizer.vocabulary)), (CARD, card.text)):
        with atomic_path(folder / name) as path:
            path.write_text(text, encoding="utf-8")
    config = EvaluatorFolderConfig(
        format=FORMAT,
        kind="evaluator",
        name=card.name,
        licence=card.licence,
        evaluator=judge.evaluator.config,
        word_vectors=judge.vectorizer.source,
        files={name: file_hash(folder / name) for name in (NETWORK, STATISTICS, VECTORS, WORDS)},
    )
    with atomic_path(folder / CONFIG) as path:
        path.write_text(yaml.safe_dump(asdict(config), sort_keys=False), encoding="utf-8")


def load_evaluator(folder: str | Path, device: str | torch.device = "cpu") -> EvaluatorJudge:
    """Read an evaluator folder.

    Raises:
        KinelexError: the folder or a file of it is missing, a file's hash differs from config.yaml, or the
            folder holds something else than an evaluator.
    """
    folder = Path(folder)
    config = read_config_as(EvaluatorFolderConfig, folder)
    verify_files(folder, config.files)
    evaluator, normalizer = Evaluator(config.evaluator), FeatureNormalizer(config.evaluator.features)
    load_weights(evaluator, folder / NETWORK)
    load_weights(normalizer, folder / STATISTICS)
    words = (folder / WORDS).read_text(encoding="utf-8").split("\n")
    try:
        vectors = load_file(folder / VECTORS)["vectors"]
    except (OSError, SafetensorError, KeyError) as error:
        raise KinelexError(f"cannot read {folder / VECTORS}: {error}; fetch the evaluator again") from error
    vectorizer = WordVectorizer(words, vectors, config.word_vectors)
    return EvaluatorJudge(config.name, evaluator, normalizer, vectorizer).to(device)


def import_evaluator(source: str | Path, output: str | Path, glove: str | Path | None = None) -> None:
    """Convert the published evaluator of one data set.

    Args:
        source: `.../checkpoints/t2m` or `kit` with text_mot_match/model/finest.tar and
            Comp_v6_KLD005/meta/{mean,std}.npy.
        output: evaluator folder to write, in float32.
        glove: folder of our_vab_{data.npy,words.pkl,idx.pkl}; None looks for `glove` beside the data set's
            folder, and one and two folders above it.

    Raises:
        KinelexError: names what is missing, damaged, unsafe or does not fit.
    """
    source = Path(source)
    weights_file = source / "text_mot_match" / "model" / "finest.tar"
    statistics = source / "Comp_v6_KLD005" / "meta"
    needed = (weights_file, statistics / "mean.npy", statistics / "std.npy")
    missing = [str(path.relative_to(source)) for path in needed if not path.is_file()]
    if missing:
        raise KinelexError(
            f"{source} lacks {', '.join(missing)}; give the folder of one data set, as checkpoints/t2m, "
            "with everything that the release has in it"
        )
    vectorizer = read_glove(glove if glove is not None else _find_glove(source))
    mean, deviation = read_statistics(statistics)
    official = {
        f"{network}.{name}": weight
        for network in NETWORKS
        for name, weight in read_state_dict(weights_file, (network,)).items()
    }
    weights = rename(official, EVALUATOR)
    try:
        evaluator = Evaluator(_sizes(weights))
    except (KeyError, IndexError) as error:
        raise KinelexError(f"{weights_file} lacks {error}; it is no evaluator of Guo et al. 2022") from error
    load_exactly(evaluator, weights, weights_file)
    normalizer = FeatureNormalizer(len(mean))
    normalizer.mean.copy_(mean)
    normalizer.deviation.copy_(deviation)
    judge = EvaluatorJudge(f"evaluator-{source.name}", evaluator, normalizer, vectorizer)
    save_evaluator(judge, output, ModelCard(judge.name, "as obtained", OFFICIAL_CARD), dtype=torch.float32)


def _find_glove(source: Path) -> Path:
    places = [folder / "glove" for folder in (source, *source.absolute().parents[:2])]
    found = next((place for place in places if place.is_dir()), None)
    if found is None:
        raise KinelexError(
            "there is no folder glove with the word vectors (our_vab_data.npy, our_vab_words.pkl, our_vab_idx.pkl) "
            f"in {source} or the two folders above it; name it with --glove"
        )
    return found


def _sizes(weights: dict[str, torch.Tensor]) -> EvaluatorConfig:
    """The sizes are not in the release's option files; the shapes of the weights tell them."""
    movement_hidden, features, _ = weights["movement.convolutions.0.weight"].shape
    return EvaluatorConfig(
        features=features + CONTACTS,
        movement_hidden=movement_hidden,
        movement=len(weights["movement.convolutions.3.weight"]),
        word=len(weights["parts.weight"]),
        text_hidden=len(weights["text.input.weight"]),
        motion_hidden=len(weights["motion.input.weight"]),
        embedding=len(weights["motion.head.3.weight"]),
    )

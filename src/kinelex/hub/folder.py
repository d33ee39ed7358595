"""Model folders: config.yaml with the hash of every file, safetensors weights, the text encoder, a model card."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar

import torch
import yaml
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from kinelex.atomic import atomic_path
from kinelex.errors import KinelexError
from kinelex.generators.model import MotionModel
from kinelex.hashing import file_hash
from kinelex.hub.kinds import KINDS, FolderConfig, config_of
from kinelex.motion.skeleton import skeleton_named
from kinelex.text.encoders import TextEncoder
from kinelex.training.recipe_files import plain
from kinelex.training.schema import from_mapping

T = TypeVar("T")

FORMAT = 1
BUNDLED = ("default", "permissive")
CONFIG, CARD, TEXT_ENCODER = "config.yaml", "README.md", "text_encoder"
FULL_PRECISION = ("normalizer", "whitening")
# Running sums of the codebooks: only training needs them, and it starts them anew from its first batch.
TRAINING_STATE = ("code_sum", "code_count", "initialized", "batches", "ever_used")


@dataclass(frozen=True)
class ModelCard:
    """What a reader must know of a model: its name, licence, and the text of its README.md."""

    name: str
    licence: str
    text: str


def model_folder(model: str | Path) -> Path:
    """Where a model lies: one that comes with Kinelex by its name, any other by its folder."""
    if str(model) in BUNDLED:
        return Path(str(resources.files("kinelex"))) / "models" / str(model)
    return Path(model)


def save_model(
    model: MotionModel,
    folder: str | Path,
    card: ModelCard,
    *,
    text_encoder: str = TEXT_ENCODER,
    dtype: torch.dtype = torch.float16,
) -> None:
    """Write a model folder that holds everything, the text encoder included unless it lies elsewhere.

    Args:
        model: every part.
        folder: where to.
        card: goes into README.md and config.yaml.
        text_encoder: where the model's text encoder lies already, seen from the folder, if not in it: then it is not
            written, and its files are hashed too, unless the path is absolute.
        dtype: precision of the stored weights; normaliser and whitening stay float32.

    Raises:
        KinelexError: the folder cannot be written, or the other text encoder is not there.
    """
    encoder = Path(folder).resolve() / text_encoder
    if text_encoder == TEXT_ENCODER:
        model.encoder.save(encoder, dtype=dtype)
    elif not encoder.resolve().is_dir():
        raise KinelexError(f"there is no text encoder in {encoder.resolve()}; give the folder of one")
    config = config_of(
        model, format=FORMAT, name=card.name, licence=card.licence, skeleton=model.skeleton.name,
        text_encoder=text_encoder,
    )  # fmt: skip
    write_folder(Path(folder), config, model.weights, card, dtype)


def write_folder(
    folder: Path, config: FolderConfig, parts: Mapping[str, nn.Module], card: ModelCard, dtype: torch.dtype
) -> None:
    """Write everything of a model folder but the text encoder; each file appears whole, config.yaml last.

    Args:
        folder: where to.
        config: all but the hashes of the files.
        parts: by the names of their files.
        card: goes into README.md.
        dtype: precision of the stored weights.
    """
    for name, part in parts.items():
        save_weights(part, folder / f"{name}.safetensors", torch.float32 if name in FULL_PRECISION else dtype)
    with atomic_path(folder / CARD) as path:
        path.write_text(card.text, encoding="utf-8")
    tree = plain(asdict(replace(config, files=file_hashes(folder, config.text_encoder))))
    with atomic_path(folder / CONFIG) as path:
        path.write_text(yaml.safe_dump(tree, sort_keys=False), encoding="utf-8")


def load_model(folder: str | Path = "default", device: str | torch.device = "cpu") -> MotionModel:
    """Read a model folder, or a bundled model by its name, in evaluation mode.

    Raises:
        KinelexError: the folder or a file of it is missing, a file's hash differs from config.yaml, the layout is
            of another version, a key is unknown, or weights do not fit the architecture.
    """
    folder = model_folder(folder)
    config = read_config(folder)
    verify_files(folder, config.files)
    encoder = TextEncoder.load(encoder_source(folder, config.text_encoder))
    parts = config.parts()
    for name, part in parts.items():
        load_weights(part, folder / f"{name}.safetensors")
    skeleton = skeleton_named(config.skeleton)
    return config.model(skeleton=skeleton, encoder=encoder, reading=config.reading, **parts).to(device)


def with_text_encoder(model: MotionModel, name: str | Path) -> MotionModel:
    """The model with another text encoder in place of its own; the model must have been trained with it.

    Args:
        model: whose other parts are shared with the result.
        name: what TextEncoder.load takes.

    Raises:
        KinelexError: no such encoder, or its sentence vectors are not as wide as those that the model reads.
    """
    encoder = TextEncoder.load(name)
    width = len(model.whitening.mean)
    if model.reading.words and word_width(encoder) != word_width(model.encoder):
        raise KinelexError(
            f"the words of the text encoder {name} are {word_width(encoder)} wide, but the model reads "
            f"{word_width(model.encoder)}; use the encoder that the model was trained with"
        )
    if encoder.dim != width:
        raise KinelexError(
            f"the text encoder {name} gives {encoder.dim} numbers a sentence, but the model reads {width}; "
            "use the encoder that the model was trained with"
        )
    return replace(model, encoder=encoder).to(model.device)


def encoder_source(folder: Path, text_encoder: str) -> str | Path:
    """What TextEncoder.load takes for the encoder named in config.yaml: a folder in or beside this one, or the name."""
    beside = folder / text_encoder
    return beside if text_encoder == TEXT_ENCODER or beside.is_dir() else text_encoder


def word_width(encoder: TextEncoder) -> int:
    """Width of an encoder's token states."""
    return encoder.model.config.hidden_size


def read_config(folder: Path) -> FolderConfig:
    """The parsed config.yaml of a model folder of any kind.

    Raises:
        KinelexError: missing, broken, of another version, of something else than a model, or with unknown keys.
    """
    kind = str(config_values(folder).get("kind", "momask"))
    if kind not in KINDS:
        raise KinelexError(
            f"{folder} holds no motion model but something of the kind {kind!r}; give another folder"
        )
    return read_config_as(KINDS[kind], folder)


def read_config_as(kind: type[T], folder: Path) -> T:
    """The config.yaml of a folder as the dataclass `kind`; raises as `read_config`."""
    return from_mapping(kind, config_values(folder), str(folder / CONFIG))


def config_values(folder: Path) -> dict[str, Any]:
    """The config.yaml of a folder of any kind, unchecked but for its format.

    Raises:
        KinelexError: missing, broken or of another version.
    """
    path = folder / CONFIG
    try:
        tree = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise KinelexError(
            f"{folder} is no model folder: {CONFIG} is missing; give a folder that kinelex saved"
        ) from error
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise KinelexError(
            f"cannot read {path}: {' '.join(str(error).split())}; fetch the model again"
        ) from error
    if not isinstance(tree, dict) or tree.get("format") != FORMAT:
        raise KinelexError(
            f"{path} is not of format {FORMAT}; use the kinelex version that wrote it, or train again"
        )
    return tree


def save_weights(module: nn.Module, path: Path, dtype: torch.dtype) -> None:
    """Write a module's state dict without the codebooks' running sums, floating-point tensors in `dtype`."""
    state = {
        name: (tensor.to(dtype) if tensor.is_floating_point() else tensor).detach().cpu().contiguous().clone()
        for name, tensor in module.state_dict().items()
        if not name.endswith(TRAINING_STATE)
    }
    with atomic_path(path) as temporary:
        save_file(state, temporary)


def load_weights(module: nn.Module, path: Path) -> None:
    """Read a module's state dict; values keep the module's precision.

    Raises:
        KinelexError: the file is damaged or does not fit the module.
    """
    try:
        weights = load_file(path)
        state = {name: value for name, value in module.state_dict().items() if name.endswith(TRAINING_STATE)}
        module.load_state_dict({**state, **weights})
    except (OSError, SafetensorError) as error:
        raise KinelexError(f"cannot read weights {path}: {error}; fetch the model again") from error
    except RuntimeError as error:
        raise KinelexError(
            f"weights {path} do not fit config.yaml beside them; fetch the model again"
        ) from error


def file_hashes(folder: Path, text_encoder: str = TEXT_ENCODER) -> dict[str, str]:
    """SHA-256 of the files that decide what a model does: its weights, and all of a text encoder in or beside it."""
    files = set(folder.glob("*.safetensors"))
    if not Path(text_encoder).is_absolute():
        files |= {path for path in (folder / text_encoder).rglob("*") if path.is_file()}
    return {path.relative_to(folder).as_posix(): file_hash(path) for path in sorted(files)}


@dataclass(frozen=True)
class ModelIdentity:
    """Which model a result is of.

    Attributes:
        name: of the model.
        sha256: of config.yaml, which holds the hash of every other file of the folder.
    """

    name: str
    sha256: str


def model_identity(folder: str | Path) -> ModelIdentity:
    """Name and hash of a model folder, or of a bundled model by its name.

    Raises:
        KinelexError: there is no such model.
    """
    folder = model_folder(folder)
    return ModelIdentity(read_config(folder).name, file_hash(folder / CONFIG))


def verify_files(folder: Path, files: dict[str, str]) -> None:
    """Compare the files of a folder with the hashes of its config.yaml.

    Raises:
        KinelexError: a file is missing or differs.
    """
    for name, expected in files.items():
        path = folder / name
        if not path.is_file():
            raise KinelexError(f"{path} is missing; fetch the model again")
        if file_hash(path) != expected:
            raise KinelexError(
                f"{path} differs from the hash in {CONFIG}; it is damaged or was changed: fetch it again"
            )

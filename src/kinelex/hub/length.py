"""Import of the published length estimator, alone or into a model folder that is there."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import torch
import yaml

from kinelex.atomic import atomic_path
from kinelex.errors import KinelexError
from kinelex.generators.durations import LengthEstimator, LengthEstimatorConfig
from kinelex.hashing import file_hash
from kinelex.hub.checkpoints import load_exactly, read_state_dict
from kinelex.hub.folder import CONFIG, config_values, read_config, save_weights

CLIP_WIDTH = 512
_FILE = Path("model") / "finest.tar"
_WEIGHTS = "length.safetensors"


def read_length_estimator(folder: Path) -> LengthEstimator:
    """The estimator of a folder `length_estimator` of the release, which reads CLIP's sentence vectors.

    Raises:
        KinelexError: its file is missing or damaged, or weights do not fit.
    """
    model = LengthEstimator(LengthEstimatorConfig(CLIP_WIDTH))
    load_exactly(model, read_state_dict(folder / _FILE, ("estimator",)), folder / _FILE)
    return model


def import_length(source: str | Path, folder: str | Path) -> None:
    """Give a model folder the published length estimator in place of its own.

    Args:
        source: the folder `length_estimator`, or the one of the data set that it lies in.
        folder: a model whose text encoder is CLIP ViT-B/32.

    Raises:
        KinelexError: no estimator there, weights that do not fit, or a model that reads sentences otherwise.
    """
    source, folder = Path(source), Path(folder)
    values = config_values(folder)
    width = read_config(folder).text_width
    if width != CLIP_WIDTH:
        raise KinelexError(
            f"{folder} describes a sentence by {width} numbers, the published length estimator reads CLIP's "
            f"{CLIP_WIDTH}; give a model with CLIP ViT-B/32"
        )
    places = [source, *sorted(source.glob("length_est*"))]
    estimator = read_length_estimator(next((own for own in places if (own / _FILE).is_file()), source))
    save_weights(estimator, folder / _WEIGHTS, torch.float32)
    values["length"] = asdict(estimator.config)
    values["files"] = {**values["files"], _WEIGHTS: file_hash(folder / _WEIGHTS)}
    with atomic_path(folder / CONFIG) as path:
        path.write_text(yaml.safe_dump(values, sort_keys=False), encoding="utf-8")

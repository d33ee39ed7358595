"""GloVe word vectors in the layout of the published evaluator: our_vab_{data.npy,words.pkl,idx.pkl}."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import torch

from kinelex.errors import KinelexError
from kinelex.evaluation.words import WordVectorizer

VECTORS, WORDS, ROWS = "our_vab_data.npy", "our_vab_words.pkl", "our_vab_idx.pkl"


def read_glove(folder: str | Path) -> WordVectorizer:
    """Read the three files; the pickles may hold nothing but lists, dictionaries, texts and numbers.

    Raises:
        KinelexError: a file is missing, damaged, unsafe, or does not fit the others.
    """
    folder = Path(folder)
    missing = [name for name in (VECTORS, WORDS, ROWS) if not (folder / name).is_file()]
    if missing:
        raise KinelexError(
            f"{folder} lacks {', '.join(missing)}; unpack the published glove.zip there or name its folder"
        )
    try:
        vectors = torch.from_numpy(np.load(folder / VECTORS, allow_pickle=False)).float()
    except (OSError, ValueError, TypeError) as error:
        raise KinelexError(f"cannot read {folder / VECTORS}: {error}; download it again") from error
    words, rows = _read_plain_pickle(folder / WORDS), _read_plain_pickle(folder / ROWS)
    fits = (
        isinstance(words, list)
        and isinstance(rows, dict)
        and all(isinstance(word, str) for word in words)
        and all(type(row) is int and 0 <= row < len(vectors) for row in rows.values())
        and all(word in rows for word in words)
    )
    if not fits:
        raise KinelexError(
            f"{folder / WORDS} and {folder / ROWS} do not name rows of {VECTORS}; download them again"
        )
    words = list(dict.fromkeys(words))
    ordered = vectors[[rows[word] for word in words]]
    return WordVectorizer(words, ordered, f"GloVe, {len(words)} words of {vectors.shape[1]} numbers")


class _PlainUnpickler(pickle.Unpickler):
    """Refuses every class and function, which is how a pickle would run code."""

    def find_class(self, module_name: str, global_name: str, /) -> Any:
        raise pickle.UnpicklingError(f"it holds {module_name}.{global_name}")


def _read_plain_pickle(path: Path) -> Any:
    try:
        with path.open("rb") as stream:
            return _PlainUnpickler(stream).load()
    # Damaged bytes make the unpickler raise nearly anything.
    except Exception as error:
        raise KinelexError(
            f"cannot read {path} as plain words and numbers: {error}; download it again"
        ) from error

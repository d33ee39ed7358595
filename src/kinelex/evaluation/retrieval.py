"""How well texts find their motions and motions their texts, in the four protocols of TMR (section 4.1)."""

from __future__ import annotations

import torch

from kinelex.data.store import Store
from kinelex.errors import KinelexError
from kinelex.progress import track
from kinelex.retrieval.metrics import (
    POOL,
    RECALLS,
    Recall,
    RetrievalScores,
    all_scores,
    dissimilar_captions,
    dissimilar_scores,
    pooled_scores,
    threshold_scores,
)
from kinelex.retrieval.model import SHORTEST, RetrievalModel

DISSIMILAR = 100


def measure_retrieval(
    model: RetrievalModel, store: Store, split: str = "test", min_frames: int = SHORTEST
) -> dict[str, RetrievalScores]:
    """Scores by protocol: "all", "threshold", "dissimilar" and, given 32 clips, "small batches".

    Every clip of at least `min_frames` frames stands for itself with its first caption about all of it. Sentences are
    compared by the model's language model.

    Raises:
        KinelexError: no such split, or no captioned clip in it.
    """
    texts, vectors = [], []
    for index in track(store.indices(split), "embedding motion"):
        clip = store[index]
        caption = next((own for own in clip.captions if own.whole), None)
        if caption is None or len(clip.features) < min_frames:
            continue
        features = torch.from_numpy(clip.features.copy())[None]
        texts.append(caption.text)
        vectors.append(model.embed_motions(features, torch.tensor([features.shape[1]])))
    if not texts:
        raise KinelexError(f"the {split} split has no captioned clip of {min_frames} frames; add captions")
    similarity = (model.embed_texts(texts) @ torch.cat(vectors).T).cpu()
    sentences = torch.nn.functional.normalize(model.encoder.embed(texts), dim=-1).cpu()
    scores = {
        "all": all_scores(similarity),
        "threshold": threshold_scores(similarity, sentences),
        "dissimilar": dissimilar_scores(similarity, dissimilar_captions(sentences, DISSIMILAR)),
    }
    if len(texts) >= POOL:
        scores["small batches"] = pooled_scores(similarity)
    return scores


def retrieval_table(scores: dict[str, RetrievalScores]) -> str:
    """Markdown: two rows for each protocol."""
    columns = ("protocol", "direction", *(f"R@{k}" for k in RECALLS), "median rank", "candidates")
    rows = [f"| {' | '.join(columns)} |", "|" + "---|" * len(columns)]
    for name, both in scores.items():
        for direction, found in (
            ("text to motion", both.text_to_motion),
            ("motion to text", both.motion_to_text),
        ):
            rows.append(f"| {name} | {direction} | {_cells(found)} |")
    return "\n".join(rows)


def _cells(found: Recall) -> str:
    return " | ".join(
        [*(f"{found.at[k]:.2f}" for k in RECALLS), f"{found.median_rank:.2f}", str(found.candidates)]
    )

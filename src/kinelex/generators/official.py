"""Names of the published MoMask and SegMo state dicts, and what they are called here."""

from __future__ import annotations

from kinelex.errors import KinelexError

Renames = tuple[tuple[str, str], ...]

_TRANSFORMER: Renames = (
    ("input_process.poseEmbedding.", "token_projection."),
    ("seqTransEncoder.", "encoder."),
    ("cond_emb.", "condition_projection."),
    ("output_process.dense.", "head.dense."),
    ("output_process.LayerNorm.", "head.norm."),
    ("output_process.poseFinal.", "head.final."),
)
MASK_TRANSFORMER: Renames = (*_TRANSFORMER, ("token_emb.", "token_embedding."))
RESIDUAL_TRANSFORMER: Renames = (
    *_TRANSFORMER,
    ("quant_emb.", "layer_projection."),
    ("embed_proj_shared_weight", "shared_tables"),
    ("token_embed_weight_", "first_table"),
    ("output_proj_weight_", "last_table"),
    ("token_embed_weight", "input_tables_"),
    ("output_proj_weight", "output_tables_"),
    ("output_proj_bias", "output_bias"),
)
UNCHANGED: Renames = ()

# The position table is computed, the frozen CLIP is loaded on its own.
NOT_LOADED = ("position_enc.", "clip_model.")


def rename(official: dict, renames: Renames) -> dict:
    """State dict under our names; the first matching prefix decides.

    Raises:
        KinelexError: two official keys would become one.
    """
    ours = {}
    for key, value in official.items():
        if key.startswith(NOT_LOADED):
            continue
        new = next((ours_ + key[len(theirs) :] for theirs, ours_ in renames if key.startswith(theirs)), key)
        if new in ours:
            raise KinelexError(
                f"two weights of the checkpoint are both {new!r}; it is not of the published layout"
            )
        ours[new] = value
    return ours

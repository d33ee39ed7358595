"""Names of the published state dicts (MoMask, SegMo, MDM, MotionDiffuse, MMM), and what they are called here."""

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
MDM: Renames = (
    ("input_process.poseEmbedding.", "frame_projection."),
    ("embed_text.", "text_projection."),
    ("embed_timestep.time_embed.", "time."),
    ("seqTransEncoder.", "encoder."),
    ("seqTransDecoder.layers.", "decoder."),
    ("output_process.poseFinal.", "output."),
)
MOTIONDIFFUSE: Renames = (
    ("sequence_embedding", "frame_positions"),
    ("joint_embed.", "frame_projection."),
    ("time_embed.", "time."),
    ("text_pre_proj.", "text_projection."),
    ("textTransEncoder.", "text_encoder."),
    ("text_ln.", "text_norm."),
    ("text_proj.0.", "sentence_projection."),
    ("temporal_decoder_blocks.", "blocks."),
    ("out.", "output."),
)
MMM_TOKENIZER: Renames = (
    ("vqvae.encoder.", "encoder."),
    ("vqvae.decoder.", "decoder."),
    ("vqvae.quantizer.codebook", "quantizer.layers.0.codebook"),
)
MMM_TRANSFORMER: Renames = (
    ("trans_base.vqvae.vqvae.quantizer.codebook", "codebook"),
    ("trans_base.learn_tok_emb.", "special_embedding."),
    ("trans_base.to_emb.", "token_projection."),
    ("trans_base.cond_emb.", "sentence_projection."),
    ("trans_base.word_emb.", "word_projection."),
    ("trans_base.cross_att.", "word_blocks."),
    ("trans_base.blocks.", "blocks."),
    ("trans_head.ln_f.", "norm."),
    ("trans_head.head.", "head."),
)
UNCHANGED: Renames = ()

# Position tables are computed; the frozen text encoder is loaded on its own.
NOT_LOADED = (
    "position_enc.",
    "sequence_pos_encoder.",
    "embed_timestep.sequence_pos_encoder.",
    "clip_model.",
    "clip.",
    "trans_base.pos_embed",
    "trans_base.vqvae.vqvae.encoder.",
    "trans_base.vqvae.vqvae.decoder.",
)


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


def rename_mmm(official: dict) -> dict:
    """State dict of MMM's transformer under our names: the blocks of its two halves become one list."""
    base = {int(key.split(".")[2]) for key in official if key.startswith("trans_base.blocks.")}
    joined = {}
    for key, value in official.items():
        if key.startswith("trans_head.blocks."):
            number, rest = key.removeprefix("trans_head.blocks.").split(".", 1)
            key = f"trans_base.blocks.{len(base) + int(number)}.{rest}"
        if not key.endswith(".attn.mask"):  # stored, but unused
            joined[key] = value
    return rename(joined, MMM_TRANSFORMER)

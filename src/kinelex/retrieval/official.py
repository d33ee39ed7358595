"""Names of the published TMR state dicts, prefixed by the file that each is in, and ours."""

from __future__ import annotations

from kinelex.generators.official import Renames

_ENCODER = (("tokens", "tokens"), ("projection.", "projection."), ("seqTransEncoder.", "encoder."))
TMR: Renames = (
    *((f"motion_encoder.{theirs}", f"motion.{ours}") for theirs, ours in _ENCODER),
    *((f"text_encoder.{theirs}", f"text.{ours}") for theirs, ours in _ENCODER),
    ("motion_decoder.seqTransDecoder.", "decoder."),
    ("motion_decoder.final_layer.", "decoder.output."),
)

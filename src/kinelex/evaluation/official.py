"""Names of the published evaluator's state dicts, prefixed by their key in finest.tar, and ours."""

from __future__ import annotations

from kinelex.generators.official import Renames

NETWORKS = ("movement_encoder", "motion_encoder", "text_encoder")
_SEQUENCE = (("hidden", "start"), ("input_emb.", "input."), ("gru.", "gru."), ("output_net.", "head."))
EVALUATOR: Renames = (
    ("movement_encoder.main.", "movement.convolutions."),
    ("movement_encoder.out_net.", "movement.output."),
    ("text_encoder.pos_emb.", "parts."),
    *((f"motion_encoder.{theirs}", f"motion.{ours}") for theirs, ours in _SEQUENCE),
    *((f"text_encoder.{theirs}", f"text.{ours}") for theirs, ours in _SEQUENCE),
)

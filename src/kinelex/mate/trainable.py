"""Which part of a language model is trained: the rows of chosen words, and what that is compared with.

Section 3.3 and Table 4 of "MATE": the word embeddings alone, the upper layers, everything, or LoRA (Hu et al. 2022).
"""

from __future__ import annotations

import copy
import os
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Literal, cast

import torch
from torch import Tensor, nn

from kinelex.errors import KinelexError
from kinelex.text.encoders import TextEncoder

# Queries and values of BERT, DistilBERT and CLIP, the two matrices that LoRA adapts in its paper.
_ATTENTION = ("query", "value", "q_lin", "v_lin", "q_proj", "v_proj")


@dataclass(frozen=True)
class TrainedPart:
    """What is trained.

    Attributes:
        kind: nothing, the embeddings of chosen words, the upper layers, every parameter, or LoRA's matrices.
        layers: how many layers, counted from the top, are `upper`.
        rank: of LoRA's matrices; their product is added twice as strongly as it is.
    """

    kind: Literal["none", "words", "upper", "all", "lora"] = "words"
    layers: int = 2
    rank: int = 8

    def __post_init__(self) -> None:
        for name in ("layers", "rank"):
            if getattr(self, name) < 1:
                raise KinelexError(f"{name} is {getattr(self, name)}; give at least 1")


class TrainedRows(nn.Module):
    """In place of an embedding table: the table plus trained differences at chosen rows.

    Every other row is the table's own, bit by bit. The differences start at 0, so weight decay draws words to what
    they meant before, and a word that no batch held keeps its embedding. Only the rows that are read are added, and
    gradients are as large as the differences, not as the table.
    """

    rows: Tensor
    place: Tensor

    def __init__(self, table: nn.Embedding, rows: Tensor) -> None:
        """
        Args:
            table: (V, H), frozen.
            rows: (N,) row numbers, each once.
        """
        super().__init__()
        self.table = table
        self.embedding_dim, self.padding_idx = table.embedding_dim, table.padding_idx
        place = torch.full((table.num_embeddings,), len(rows), device=rows.device)
        place[rows] = torch.arange(len(rows), device=rows.device)
        self.register_buffer("rows", rows)
        self.register_buffer("place", place)
        self.difference = nn.Parameter(torch.zeros(len(rows), table.embedding_dim, device=rows.device))

    @property
    def weight(self) -> Tensor:
        """The table (V, H) with the differences."""
        return self.table.weight.index_add(0, self.rows, self.difference)

    def forward(self, ids: Tensor) -> Tensor:
        """Embeddings (..., H) of token ids (...)."""
        changes = nn.functional.pad(self.difference, (0, 0, 0, 1))
        return self.table(ids) + nn.functional.embedding(self.place[ids], changes)


class TrainableEncoder(TextEncoder):
    """A copy of a text encoder whose chosen part alone takes gradients.

    Give an optimiser the parameters with `requires_grad`. Frozen networks stay without dropout while this trains.
    """

    def __init__(
        self, encoder: TextEncoder, part: TrainedPart, token_ids: Collection[int] = (), *, seed: int = 0
    ) -> None:
        """
        Args:
            encoder: left as it is.
            part: what is trained.
            token_ids: rows of the embedding table that `words` trains; the other kinds do not read them.
            seed: of LoRA's first matrices.

        Raises:
            KinelexError: `words` without ids or with ids outside the table, more upper layers than there are, an
                architecture whose layers are not known, or LoRA without the package peft.
        """
        model = copy.deepcopy(encoder.model).requires_grad_(False)
        if part.kind == "lora":
            model = _with_lora(model, part.rank, seed)
        super().__init__(model, encoder.tokenizer, normalize=encoder.normalize)
        self.part = part
        if part.kind == "words":
            model.set_input_embeddings(_trained_rows(self.word_embeddings, token_ids))
        elif part.kind == "upper":
            _layers(self.model, part.layers).requires_grad_(True)
        elif part.kind == "all":
            self.model.requires_grad_(True)

    def train(self, mode: bool = True) -> TrainableEncoder:
        """As of any module, but layers that are not trained stay in evaluation mode."""
        super().train(mode)
        if self.part.kind in ("none", "words"):
            self.model.eval()
        return self

    def plain(self) -> TextEncoder:
        """A copy with ordinary weights: differences added to their rows, LoRA's products to their matrices."""
        model: Any = copy.deepcopy(self.model)
        if self.part.kind == "words":
            model.set_input_embeddings(_ordinary(cast(TrainedRows, self.word_embeddings)))
        elif self.part.kind == "lora":
            model = model.merge_and_unload()
        return TextEncoder(model.requires_grad_(True), self.tokenizer, normalize=self.normalize)

    def save(
        self, folder: str | os.PathLike[str], dtype: torch.dtype = torch.float32, card: str | None = None
    ) -> None:
        """Write `plain()`; see TextEncoder.save."""
        self.plain().save(folder, dtype, card)


def _trained_rows(table: nn.Embedding, token_ids: Collection[int]) -> TrainedRows:
    """The table with differences at the rows."""
    if not token_ids:
        raise KinelexError("no token ids to train; give those of the words of the corpus")
    rows = sorted(set(token_ids))
    if rows[0] < 0 or rows[-1] >= table.num_embeddings:
        raise KinelexError(
            f"token ids {rows[0]} to {rows[-1]} leave the table of {table.num_embeddings} rows; "
            "take them from this encoder's own tokenizer"
        )
    return TrainedRows(table, torch.tensor(rows, device=table.weight.device))


def _ordinary(embedding: TrainedRows) -> nn.Embedding:
    """The table with its differences added."""
    return nn.Embedding.from_pretrained(
        embedding.weight.detach(), freeze=False, padding_idx=embedding.padding_idx
    )


def _layers(model: nn.Module, count: int) -> nn.ModuleList:
    """The last `count` layers of a transformer."""
    depth = cast(Any, model.config).num_hidden_layers
    stacks = [
        module for module in model.modules() if isinstance(module, nn.ModuleList) and len(module) == depth
    ]
    if len(stacks) != 1:
        raise KinelexError(
            f"cannot tell which of {type(model).__name__}'s modules are its {depth} layers; train words or all"
        )
    if count > depth:
        raise KinelexError(f"{count} upper layers are asked for, but the encoder has {depth}; give fewer")
    return stacks[0][depth - count :]


def _with_lora(model: nn.Module, rank: int, seed: int) -> Any:
    """The model with LoRA's matrices beside the queries' and values'."""
    try:
        from peft import LoraConfig, get_peft_model
    except ImportError as error:
        raise KinelexError('LoRA needs peft; install it with pip install "kinelex[train]"') from error
    names = sorted({name.rsplit(".", 1)[-1] for name, _ in model.named_modules()} & set(_ATTENTION))
    if not names:
        raise KinelexError(
            f"LoRA does not know the attention of {type(model).__name__}; "
            "use a CLIP, BERT or DistilBERT model, or train words"
        )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return get_peft_model(cast(Any, model), LoraConfig(r=rank, lora_alpha=2 * rank, target_modules=names))

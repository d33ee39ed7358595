"""Random text encoders of every family, of a few kilobytes."""

from __future__ import annotations

from pathlib import Path

import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import (
    BertConfig,
    BertModel,
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTextModelWithProjection,
    DistilBertConfig,
    DistilBertModel,
    PreTrainedTokenizerFast,
)

from kinelex.text.encoders import TextEncoder

WORDS = ["a", "person", "walks", "runs", "jumps", "forward", "and", "then", "sits", "down", "the", "man"]
VOCABULARY = {word: i for i, word in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", *WORDS])}
SIZE = len(VOCABULARY)
FAMILIES = ("bert", "distilbert", "clip", "clip-bare")


def word_tokenizer(limit: int) -> PreTrainedTokenizerFast:
    words = Tokenizer(models.WordLevel(VOCABULARY, unk_token="[UNK]"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    words.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=words,
        model_max_length=limit,
        unk_token="[UNK]",
        pad_token="[PAD]",
        cls_token="[CLS]",
        sep_token="[SEP]",
    )


def random_model(family: str) -> torch.nn.Module:
    torch.manual_seed(0)
    if family == "bert":
        return BertModel(
            BertConfig(
                vocab_size=SIZE,
                hidden_size=16,
                num_hidden_layers=2,
                num_attention_heads=2,
                intermediate_size=32,
                max_position_embeddings=12,
            )
        )
    if family == "distilbert":
        return DistilBertModel(
            DistilBertConfig(
                vocab_size=SIZE,
                max_position_embeddings=12,
                n_layers=2,
                n_heads=2,
                dim=16,
                hidden_dim=32,
                pad_token_id=0,
            )
        )
    config = CLIPTextConfig(
        vocab_size=SIZE,
        hidden_size=16,
        intermediate_size=32,
        projection_dim=8,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=12,
        pad_token_id=0,
        bos_token_id=2,
        eos_token_id=3,
    )
    return CLIPTextModelWithProjection(config) if family == "clip" else CLIPTextModel(config)


def write_encoder(family: str, folder: Path) -> Path:
    """A Hugging Face folder with a random model of the family and a tokenizer of whole words."""
    random_model(family).eval().save_pretrained(folder)  # type: ignore[operator]
    word_tokenizer(12).save_pretrained(folder)
    return folder


def random_encoder(family: str, folder: Path) -> TextEncoder:
    """`write_encoder`, loaded."""
    return TextEncoder.load(write_encoder(family, folder))

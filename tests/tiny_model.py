"""A random MotionModel of a few kilobytes with the structure of the real one."""

from __future__ import annotations

from pathlib import Path

import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

from kinelex.generators.base import ConditionWhitening
from kinelex.generators.durations import (
    LengthEstimator,
    LengthEstimatorConfig,
    PhraseDurations,
    PhraseDurationsConfig,
)
from kinelex.generators.masked import MaskTransformer, MaskTransformerConfig
from kinelex.generators.model import MoMaskModel, MotionModel
from kinelex.generators.residual import ResidualTransformer, ResidualTransformerConfig
from kinelex.generators.transformer import TransformerConfig
from kinelex.motion.features import process_joints
from kinelex.motion.skeleton import HUMANML3D
from kinelex.text.encoders import TextEncoder
from kinelex.tokenizer.normalization import FeatureNormalizer
from kinelex.tokenizer.rvqvae import RVQVAE, RVQVAEConfig

TEXT = "a person someone walks runs forward left right turns then and sits down waves hand with the jumps"
WORDS = TEXT.split()
TEXT_WIDTH, CODES, CODE_WIDTH, QUANTIZERS = 16, 24, 12, 3
TRANSFORMER = TransformerConfig(latent=16, layers=2, heads=2, feedforward=32)


def tiny_encoder(folder: Path) -> TextEncoder:
    """A random BERT over a few words, saved and loaded like a real one."""
    vocabulary = {word: row for row, word in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", *WORDS])}
    words = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    words.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=words,
        model_max_length=64,
        unk_token="[UNK]",
        pad_token="[PAD]",
        cls_token="[CLS]",
        sep_token="[SEP]",
    )
    torch.manual_seed(0)
    model = BertModel(
        BertConfig(
            vocab_size=len(vocabulary),
            hidden_size=TEXT_WIDTH,
            num_hidden_layers=1,
            num_attention_heads=2,
            intermediate_size=32,
            max_position_embeddings=64,
        )
    )
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return TextEncoder.load(folder)


def recorded_features() -> torch.Tensor:
    """(T, 263) features of the recorded clip in tests/data."""
    import numpy as np

    joints = torch.from_numpy(np.load(Path(__file__).parent / "data" / "012314_joints.npy"))
    return process_joints(joints[None], HUMANML3D)[0]


def tiny_model(folder: Path) -> MotionModel:
    """The model; its normaliser and codebooks come from the recorded clip, so that what it makes stays human-sized."""
    torch.manual_seed(1)
    tokenizer = RVQVAE(
        RVQVAEConfig(
            width=16, code_width=CODE_WIDTH, codes=CODES, quantizers=QUANTIZERS, quantizer_dropout=0.0
        )
    )
    features = recorded_features()
    normalizer = FeatureNormalizer.from_statistics(features.mean(0), features.std(0), HUMANML3D)
    generator = torch.Generator().manual_seed(0)
    tokenizer.train()
    tokenizer(normalizer(features)[None, :160], generator)
    return MoMaskModel(
        skeleton=HUMANML3D,
        normalizer=normalizer,
        tokenizer=tokenizer,
        masked=MaskTransformer(
            MaskTransformerConfig(TEXT_WIDTH, CODES, CODE_WIDTH, TRANSFORMER, phrase_guide=True)
        ),
        residual=ResidualTransformer(
            ResidualTransformerConfig(TEXT_WIDTH, CODES, CODE_WIDTH, QUANTIZERS, TRANSFORMER)
        ),
        length=LengthEstimator(LengthEstimatorConfig(TEXT_WIDTH)),
        durations=PhraseDurations(PhraseDurationsConfig(TEXT_WIDTH)),
        whitening=ConditionWhitening(TEXT_WIDTH),
        encoder=tiny_encoder(folder),
    ).to("cpu")

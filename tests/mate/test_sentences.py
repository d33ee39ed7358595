"""Reading a batch without padding and repetition gives what reading it as it is gives."""

from pathlib import Path

import pytest
import torch

from kinelex.mate.sentences import pooled_sentences
from kinelex.mate.trainable import TrainableEncoder, TrainedPart
from tiny_encoders import FAMILIES, VOCABULARY, random_encoder

TEXTS = [
    "a person walks forward",
    "the man jumps and then sits down",
    "a person runs",
    "a person walks forward",
    "a person walks and runs and jumps and then sits down",
    "a person runs",
    "the man jumps",
    "a man",
    "a person walks and then runs and then sits down",
    "the person sits down and the man walks",
    "jumps",
]
SENTENCE = torch.tensor([7, 2, 5, 7, 9, 5, 11, 1, 4, 8, 6])


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("count", [1, 2, 6, 11])
def test_vectors_and_gradients_are_those_of_the_padded_batch(family: str, count: int, tmp_path: Path) -> None:
    encoder = TrainableEncoder(random_encoder(family, tmp_path), TrainedPart("words"), VOCABULARY.values())
    tokens = encoder.tokenize(TEXTS[:count])
    plain = encoder(tokens).pooled
    found = pooled_sentences(encoder, tokens, SENTENCE[:count])
    torch.testing.assert_close(found, plain, atol=1e-5, rtol=1e-5)
    weights = torch.randn(plain.shape, generator=torch.Generator().manual_seed(0))
    trained = [weight for weight in encoder.parameters() if weight.requires_grad]
    expected = torch.autograd.grad((plain * weights).sum(), trained)
    gradients = torch.autograd.grad((found * weights).sum(), trained)
    torch.testing.assert_close(gradients, expected, atol=1e-5, rtol=1e-4)

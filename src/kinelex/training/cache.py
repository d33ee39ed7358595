"""What frozen models make of the data, computed once: text vectors and motion tokens."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from kinelex.atomic import atomic_path
from kinelex.errors import KinelexError
from kinelex.generators.base import ConditionWhitening
from kinelex.hashing import weights_hash
from kinelex.motion.skeleton import Skeleton
from kinelex.progress import track
from kinelex.text.encoders import TextEncoder
from kinelex.tokenizer.normalization import FeatureNormalizer
from kinelex.tokenizer.rvqvae import RVQVAE
from kinelex.training.corpus import MAX_SEGMENTS, Mirroring, Sentence, Split

ENCODE_BATCH = 256
TOKENIZE_FRAMES = 32768


@dataclass(frozen=True)
class TextTable:
    """Vectors (N, D) of N different texts, and each text's row."""

    vectors: Tensor
    rows: dict[str, int]


def text_table(texts: Iterable[str], encoder: str, folder: Path, device: torch.device | str) -> TextTable:
    """Sentence vectors of the texts; those that the cache folder has are not computed again.

    With all of them in the cache the encoder is not even loaded: a machine that has none can train.

    Args:
        texts: any texts, repeated or not.
        encoder: name or folder of a text encoder.
        folder: of the cache.
        device: where to compute.

    Raises:
        KinelexError: the encoder cannot be loaded, the cache file is broken, or the folder cannot be written.
    """
    wanted = sorted(set(texts))
    path = folder / f"text-{encoder_key(encoder)[:16]}.safetensors"
    known, vectors = _read_texts(path)
    missing = [text for text in wanted if text not in known]
    if missing:
        model = TextEncoder.load(encoder).to(device)
        batches = [missing[start : start + ENCODE_BATCH] for start in range(0, len(missing), ENCODE_BATCH)]
        new = torch.cat([model.embed(batch).float().cpu() for batch in track(batches, "encoding texts")])
        vectors = torch.cat([vectors, new]) if len(vectors) else new
        known.update({text: len(known) + i for i, text in enumerate(missing)})
        joined = torch.frombuffer(bytearray("\0".join(known).encode()), dtype=torch.uint8)
        with atomic_path(path) as temporary:
            save_file({"vectors": vectors, "texts": joined}, temporary)
    return TextTable(vectors, known)


def encoder_key(name: str) -> str:
    """Hash that tells encoders apart: of a folder's files, or of the name of a published model."""
    digest = sha256()
    if Path(name).is_dir():
        for path in sorted(path for path in Path(name).rglob("*") if path.is_file()):
            digest.update(str(path.relative_to(name)).encode() + path.read_bytes())
    else:
        digest.update(name.encode())
    return digest.hexdigest()


def _read_texts(path: Path) -> tuple[dict[str, int], Tensor]:
    if not path.is_file():
        return {}, torch.empty(0, 0)
    try:
        stored = load_file(path)
        texts = stored["texts"].numpy().tobytes().decode().split("\0")
    except (OSError, SafetensorError, KeyError, UnicodeDecodeError) as error:
        raise KinelexError(f"cannot read the cache {path}; delete it and it is made again") from error
    return {text: row for row, text in enumerate(texts)}, stored["vectors"]


@dataclass(frozen=True)
class Sequences:
    """Token sequences and the sentences about them.

    A sequence is one part of the data, mirrored or not; it has a variant for each first frame.

    Attributes:
        ids: (K, Q) int16, all variants of all sequences one after the other.
        starts: (N, V) first row in `ids` of each variant.
        lengths: (N, V) tokens of each variant, longest first.
        first_sentence: (N,) row in `sentences` of a sequence's first sentence.
        sentence_count: (N,) how many it has.
        sentences: (C, 1 + 5) rows in `vectors`: the sentence, then its phrases; -1 where there is none.
        vectors: (R, D) whitened text vectors.
        known: (C, 5) tokens of the motion segment of each phrase, in the whole sequence, where the data knows
            it or an estimate was made; 0 elsewhere.
        counts: (C, 5) the same, wherever it may be from; None to cut what is read evenly.
    """

    ids: Tensor
    starts: Tensor
    lengths: Tensor
    first_sentence: Tensor
    sentence_count: Tensor
    sentences: Tensor
    vectors: Tensor
    known: Tensor
    counts: Tensor | None = None

    def to(self, device: torch.device | str) -> Sequences:
        """The same on another device."""
        tensors = {name: value.to(device) for name, value in vars(self).items() if value is not None}
        return Sequences(**tensors)

    def saying(self, wanted: Tensor) -> Sequences:
        """Of the sentences only those where wanted (C,) is True; sequences that are left without any are left out."""
        owner = torch.arange(len(self.sentence_count)).repeat_interleave(self.sentence_count)
        counts = torch.bincount(owner[wanted], minlength=len(self.sentence_count))
        some = counts > 0
        return replace(
            self,
            starts=self.starts[some],
            lengths=self.lengths[some],
            first_sentence=(counts.cumsum(0) - counts)[some],
            sentence_count=counts[some],
            sentences=self.sentences[wanted],
            known=self.known[wanted],
            counts=None if self.counts is None else self.counts[wanted],
        )


def said_sentences(split: Split, mirror: bool) -> list[tuple[Sentence, ...]]:
    """The sentences of every part, then, if wanted, of every mirrored part."""
    plain = [part.sentences for part in split.parts]
    return plain + [tuple(s.mirrored() for s in sentences) for sentences in plain] if mirror else plain


def all_texts(said: Sequence[tuple[Sentence, ...]]) -> set[str]:
    """Every sentence and phrase."""
    return {text for sentences in said for s in sentences for text in (s.text, *s.phrases)}


def sentence_rows(
    said: Sequence[tuple[Sentence, ...]], rows: dict[str, int]
) -> tuple[Tensor, Tensor, Tensor]:
    """`sentences`, `first_sentence` and `sentence_count` of `Sequences`."""
    table = [
        [rows[s.text], *(rows[phrase] for phrase in s.phrases)] + [-1] * (MAX_SEGMENTS - len(s.phrases))
        for sentences in said
        for s in sentences
    ]
    counts = torch.tensor([len(sentences) for sentences in said])
    return torch.tensor(table), counts.cumsum(0) - counts, counts


def fit_whitening(table: TextTable, texts: Iterable[str], floor: float, enabled: bool) -> ConditionWhitening:
    """Whitening of the text vectors, fitted to the training texts; the identity when not enabled."""
    whitening = ConditionWhitening(table.vectors.shape[1])
    if enabled:
        rows = sorted(table.rows[text] for text in set(texts))
        whitening.fit(table.vectors[rows], floor)
    return whitening


@dataclass(frozen=True)
class TokenTable:
    """`ids`, `starts` and `lengths` of `Sequences`."""

    ids: Tensor
    starts: Tensor
    lengths: Tensor


def token_table(
    split: Split,
    tokenizer: RVQVAE,
    normalizer: FeatureNormalizer,
    skeleton: Skeleton,
    mirror: bool,
    offsets: int,
    data_hash: str,
    folder: Path,
    device: torch.device,
) -> TokenTable:
    """Tokens of every part, and of its mirror image, from a few first frames each.

    Args:
        split: the motion.
        tokenizer: frozen, on `device`; the cache is kept by the hash of its weights and `data_hash`.
        normalizer: on `device`.
        skeleton: whose features these are.
        mirror: also the mirror images, after all others.
        offsets: variants of a sequence, starting at frames 0, 1, ...
        data_hash: names the data, the split and the options above.
        folder: of the cache.
        device: where to compute.

    Raises:
        KinelexError: the cache file is broken, or the folder cannot be written.
    """
    key = sha256(f"{weights_hash(tokenizer)} {weights_hash(normalizer)} {data_hash}".encode()).hexdigest()
    path = folder / f"tokens-{key[:16]}.safetensors"
    if path.is_file():
        try:
            stored = load_file(path)
            return TokenTable(stored["ids"], stored["starts"], stored["lengths"])
        except (OSError, SafetensorError, KeyError) as error:
            raise KinelexError(f"cannot read the cache {path}; delete it and it is made again") from error
    table = _tokenize(split, tokenizer, normalizer, skeleton, mirror, offsets, device)
    with atomic_path(path) as temporary:
        save_file({"ids": table.ids, "starts": table.starts, "lengths": table.lengths}, temporary)
    return table


@torch.no_grad()
def _tokenize(
    split: Split,
    tokenizer: RVQVAE,
    normalizer: FeatureNormalizer,
    skeleton: Skeleton,
    mirror: bool,
    offsets: int,
    device: torch.device,
) -> TokenTable:
    """Parts of equal length go through the tokenizer together, without padding."""
    size, unit = split.bank.features.shape[1], tokenizer.config.downsampling
    mirroring = Mirroring.of(skeleton, size, device)
    variants = [(mirrored, offset) for mirrored in range(1 + mirror) for offset in range(offsets)]
    begins = torch.tensor([part.start for part in split.parts])
    frames = torch.tensor([part.frames for part in split.parts])
    skipped = torch.tensor([offset for _, offset in variants])
    counts = ((frames[:, None] - skipped) // unit).flatten()
    starts = (counts.cumsum(0) - counts).view(len(frames), len(variants))
    ids = torch.empty(int(counts.sum()), tokenizer.config.quantizers, dtype=torch.int16)
    groups = _equal_lengths(frames)
    for rows in track(groups, "tokenizing motion"):
        length = int(frames[rows[0]])
        clips = torch.stack([split.bank.features[begins[r] : begins[r] + length] for r in rows]).to(device)
        for column, (mirrored, offset) in enumerate(variants):
            if offset == 0:
                which = torch.full((len(rows),), bool(mirrored), device=device)
                normalized = normalizer(mirroring(clips, which))
            tokens = tokenizer.encode(normalized[:, offset:]).ids.to("cpu", torch.int16)
            places = starts[rows, column][:, None] + torch.arange(tokens.shape[1])
            ids[places.flatten()] = tokens.flatten(0, 1)
    lengths = counts.view(len(frames), len(variants))
    # Sequences: all parts as they are, then all mirrored.
    split_columns = [torch.cat(t.split(offsets, dim=1)) for t in (starts, lengths)]
    return TokenTable(ids, *(columns.contiguous() for columns in split_columns))


def _equal_lengths(frames: Tensor) -> list[list[int]]:
    """Part numbers in groups of equal length, of a bounded number of frames."""
    groups: dict[int, list[list[int]]] = {}
    for row, length in enumerate(frames.tolist()):
        own = groups.setdefault(length, [[]])
        if own[-1] and (len(own[-1]) + 1) * length > TOKENIZE_FRAMES:
            own.append([])
        own[-1].append(row)
    return [rows for own in groups.values() for rows in own]

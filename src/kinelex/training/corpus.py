"""A store as tensors: what the stages draw their batches from, without a data loader.

A corpus of ten hours is 0.7 GB; on the device, a batch is one gather.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import torch
from torch import Tensor

from kinelex.data.caption_lines import Caption
from kinelex.data.store import MANIFEST, Store, StoredClip
from kinelex.errors import KinelexError
from kinelex.motion.holding import hold_still
from kinelex.motion.layout import FeatureLayout
from kinelex.motion.mirror import mirror_features
from kinelex.motion.skeleton import Skeleton
from kinelex.progress import track
from kinelex.text.mirroring import leads_right, mirror_text
from kinelex.text.phrasing import phrases_of
from kinelex.tokenizer.normalization import FeatureNormalizer
from kinelex.training.recipes import DataRecipe

MAX_SEGMENTS = 5


@dataclass(frozen=True)
class FrameBank:
    """The motions of a split, one after the other; those shorter than a window stand still before and after.

    Attributes:
        features: (F, D) un-normalised.
        starts: (N,) first frame of each clip.
        lengths: (N,) frames of each clip, stillness included.
    """

    features: Tensor
    starts: Tensor
    lengths: Tensor

    def to(self, device: torch.device | str) -> FrameBank:
        """The same bank on another device."""
        return FrameBank(self.features.to(device), self.starts.to(device), self.lengths.to(device))


@dataclass(frozen=True)
class Sentence:
    """A caption as the generators read it: the whole and its ordered phrases."""

    text: str
    phrases: tuple[str, ...]

    @property
    def leads_right(self) -> bool:
        """Whether it names the right before the left."""
        return leads_right(self.text, *self.phrases)

    def mirrored(self) -> Sentence:
        """Left and right exchanged."""
        return Sentence(mirror_text(self.text), tuple(mirror_text(phrase) for phrase in self.phrases))


@dataclass(frozen=True)
class Part:
    """Frames of the bank that captions describe: a whole clip or a time-tagged piece of it.

    Attributes:
        start: first frame in the bank.
        frames: their count.
        sentences: at least one.
        action: main verb of the first sentence; empty when there are several phrases or no verb.
        cuts: frames, counted from `start`, at which phrases after the first begin, where the data knows them.
    """

    start: int
    frames: int
    sentences: tuple[Sentence, ...]
    action: str = ""
    cuts: tuple[int, ...] = ()


@dataclass(frozen=True)
class Split:
    """One split of the corpus: motion, and what is said about it."""

    bank: FrameBank
    parts: tuple[Part, ...]


@dataclass(frozen=True)
class Corpus:
    """What a model is trained on and validated with.

    Attributes:
        skeleton: whose features these are.
        normalizer: by the statistics of the training split.
        train, val: the two splits.
        data_hash: of the stores' manifests and the options that were used.
    """

    skeleton: Skeleton
    normalizer: FeatureNormalizer
    train: Split
    val: Split
    data_hash: str


def read_corpus(stores: Sequence[str | Path], recipe: DataRecipe) -> Corpus:
    """Read stores into memory.

    Raises:
        KinelexError: a folder is no store or was damaged, or the training or validation split is empty or has no
            captions.
    """
    store = Store.open([Path(folder) for folder in stores])
    store.verify()
    mean, deviation = store.normalization
    normalizer = FeatureNormalizer.from_statistics(
        torch.from_numpy(mean), torch.from_numpy(deviation), store.skeleton, recipe.feat_bias
    )
    phrases: dict[str, tuple[str, ...]] = {}
    splits = {name: _read_split(store, name, recipe, phrases) for name in ("train", "val")}
    digest = sha256(repr(recipe).encode())
    for folder in store.folders:
        digest.update((folder / MANIFEST).read_bytes())
    # How captions are taken apart is decided here, and another version may do it otherwise.
    for split in splits.values():
        digest.update(repr(split.parts).encode())
    return Corpus(store.skeleton, normalizer, splits["train"], splits["val"], digest.hexdigest())


def _read_split(store: Store, name: str, recipe: DataRecipe, phrases: dict[str, tuple[str, ...]]) -> Split:
    indices = store.indices(name)
    if not indices:
        raise KinelexError(f"{_names(store)} has no clip in the {name} split; add motion that falls into it")
    bare = [len(store.features(index)) for index in indices]
    lengths = torch.tensor([max(length, recipe.window) for length in bare])
    starts = lengths.cumsum(0) - lengths
    features = torch.empty(int(lengths.sum()), FeatureLayout.of(store.skeleton).size)
    parts: list[Part] = []
    for index, start in zip(track(indices, f"reading the {name} split"), starts.tolist(), strict=True):
        clip = store[index]
        motion = torch.from_numpy(clip.features.copy())
        before = max(0, recipe.window - len(motion)) // 2
        if len(motion) < recipe.window:
            motion = hold_still(motion, before, recipe.window - len(motion) - before, store.skeleton)
        features[start : start + len(motion)] = motion
        parts += _parts(clip, start + before, store.skeleton.fps, recipe, phrases)
    if not parts:
        raise KinelexError(
            f"the {name} split of {_names(store)} has no captioned part of {recipe.min_frames} frames; "
            "add captions, or lower data.min_frames"
        )
    return Split(FrameBank(features, starts, lengths), tuple(parts))


def _names(store: Store) -> str:
    return ", ".join(map(str, store.folders))


def _parts(
    clip: StoredClip, start: int, fps: float, recipe: DataRecipe, phrases: dict[str, tuple[str, ...]]
) -> list[Part]:
    """A part for every different stretch of time that captions of the clip describe."""
    said: dict[tuple[int, int], list[Sentence]] = {}
    actions: dict[str, str] = {}
    total = len(clip.features)
    for caption in clip.captions:
        first, last = (
            (0, total)
            if caption.whole
            else (round(caption.start * fps), min(round(caption.end * fps), total))
        )
        if last - first < recipe.min_frames:
            if not (recipe.hold_short and caption.whole):
                continue
            missing = recipe.min_frames - total
            first, last = -(missing // 2), total + missing - missing // 2
        if caption.text not in phrases:
            phrases[caption.text] = phrases_of(caption.text, MAX_SEGMENTS)
        own, exact = phrases[caption.text], tuple(piece.text for piece in clip.segments)
        # The clip's own names of its segments are the plainest there are; a prompt has other words for them.
        if caption.whole and 0 < len(exact) <= MAX_SEGMENTS and len(own) != len(exact):
            own = exact
        said.setdefault((first, last), []).append(Sentence(caption.text, own))
        actions.setdefault(caption.text, _action(caption, own))
    return [
        Part(
            start + first,
            last - first,
            tuple(texts),
            actions.get(texts[0].text, ""),
            _cuts(clip, first, last - first, fps),
        )
        for (first, last), texts in said.items()
    ]


def _cuts(clip: StoredClip, first: int, frames: int, fps: float) -> tuple[int, ...]:
    """Frames of a whole clip at which its exact segments after the first begin."""
    whole = first <= 0 and frames >= len(clip.features)
    if not whole or not 1 < len(clip.segments) <= MAX_SEGMENTS:
        return ()
    return tuple(round(piece.start * fps) - first for piece in clip.segments[1:])


def _action(caption: Caption, phrases: tuple[str, ...]) -> str:
    """The main verb of a caption of one phrase."""
    verbs = (lemma for lemma, pos in zip(caption.lemmas, caption.pos, strict=True) if pos == "VERB")
    return next(verbs, "") if len(set(phrases)) == 1 else ""


def draws_of_parts(parts: Sequence[Part], most: int) -> Tensor:
    """(N,) how often an epoch draws each part.

    A part of the commonest action is drawn once, one of an action that is r times rarer sqrt(r) times, rounded,
    up to `most` times; a part of several actions, or of none, once.
    """
    counts = Counter(part.action for part in parts if part.action)
    commonest = max(counts.values(), default=1)
    return torch.tensor(
        [min(most, round((commonest / counts[part.action]) ** 0.5)) if part.action else 1 for part in parts]
    )


def draws_of_clips(split: Split, most: int) -> Tensor:
    """(N,) how often an epoch draws each clip of the bank: as often as the rarest action in it."""
    starts = torch.tensor([part.start for part in split.parts])
    owner = torch.searchsorted(split.bank.starts, starts, right=True) - 1
    once = torch.ones(len(split.bank.starts), dtype=torch.long)
    return once.scatter_reduce(0, owner, draws_of_parts(split.parts, most), "amax")


@dataclass(frozen=True)
class Mirroring:
    """`mirror_features` as a gather and a product, made once for the device: (D,) source index and sign."""

    order: Tensor
    signs: Tensor

    @classmethod
    def of(cls, skeleton: Skeleton, size: int, device: torch.device | str) -> Mirroring:
        """Read off from how the numbers 1, 2, ... D are mirrored."""
        image = mirror_features(torch.arange(1, size + 1, dtype=torch.float32), skeleton)
        return cls((image.abs().long() - 1).to(device), image.sign().to(device))

    def __call__(self, features: Tensor, which: Tensor) -> Tensor:
        """(B, T, D) features, those mirrored where which (B,) is True."""
        return torch.where(which[:, None, None], features[..., self.order] * self.signs, features)

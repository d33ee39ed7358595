"""The standard protocol of text-to-motion (Guo et al. 2022), one repeat at a time.

A repeat draws a caption for every clip, generates a motion of the clip's true length from it, and measures how the
judges' embeddings of captions, recorded and generated motion lie to each other. What is drawn depends on the seed,
the repeat and the clip's name alone, so that repeats may run in any order, batch and process.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from kinelex.data.captions import Caption
from kinelex.data.store import Store
from kinelex.errors import KinelexError
from kinelex.evaluation.candidate import Candidate
from kinelex.evaluation.judges import Judge
from kinelex.evaluation.metrics import POOL
from kinelex.evaluation.quality import mean_quality, qualities_of
from kinelex.evaluation.samples import read_samples, real_motion, seed_of
from kinelex.evaluation.scores import JudgeScores, judge_scores
from kinelex.motion.quality import MotionQuality

GENERATIONS = 30  # of a caption, for MultiModality
BATCH = 64
Batches = Sequence[Sequence[int]]


@dataclass(frozen=True)
class ProtocolOptions:
    """What decides the numbers.

    Attributes:
        seed: of every draw.
        split: of the store.
        limit: at most so many clips; None for all.
        multimodality: captions a repeat that are generated 30 times; 0 leaves MultiModality out.
    """

    seed: int = 0
    split: str = "test"
    limit: int | None = None
    multimodality: int = 96

    def __post_init__(self) -> None:
        if self.multimodality < 0:
            raise KinelexError(f"multimodality is {self.multimodality} captions; give 0 or more")


@dataclass(frozen=True)
class RepeatResult:
    """What one repeat found.

    Attributes:
        repeat: its number, from 0.
        clips: how many.
        left_out: stretches of the split that do not count, by reason.
        judges: scores by the name of the judge, in the order given.
        quality: of the generated motion, mean over clips.
        real_quality: of the recorded motion.
        duration_errors: estimated minus true duration of every clip in seconds.
        generation_seconds: spent in the model.
        seconds: spent in all.
    """

    repeat: int
    clips: int
    left_out: dict[str, int]
    judges: dict[str, JudgeScores]
    quality: MotionQuality
    real_quality: MotionQuality
    duration_errors: list[float]
    generation_seconds: float
    seconds: float


@dataclass(frozen=True)
class _Request:
    """A motion to generate: `copy` 0 of a sample is what all metrics see, the others are for MultiModality."""

    row: int
    copy: int


@dataclass(frozen=True)
class _Made:
    """Embeddings (R, D) by each judge of R requests, quality of the copies 0, and seconds spent generating."""

    embeddings: list[Tensor]
    quality: MotionQuality
    seconds: float


class Evaluation:
    """A model, judges and clips, with everything encoded that all repeats share.

    Args:
        candidate: the model.
        judges: at least one, of different names.
        store: prepared data of the model's skeleton.
        options: what decides the numbers.
        batch_size: motions that are generated and judged at once; decides nothing but time and memory.

    Raises:
        KinelexError: nothing to evaluate, fewer clips than a pool of R-precision, or another skeleton.
    """

    def __init__(
        self,
        candidate: Candidate,
        judges: Sequence[Judge],
        store: Store,
        options: ProtocolOptions,
        batch_size: int = BATCH,
    ) -> None:
        if store.skeleton.name != candidate.skeleton.name:
            raise KinelexError(
                f"the model moves the skeleton {candidate.skeleton.name} and the store holds "
                f"{store.skeleton.name}; evaluate on a store of the model's skeleton"
            )
        self.candidate, self.judges, self.options = candidate, judges, options
        self.batch_size = batch_size
        chosen = read_samples(store, options.split, options.limit)
        self.samples, self.left_out = chosen.samples, dict(chosen.left_out)
        if len(self.samples) < POOL:
            left_out = "".join(f"; {count} {reason}" for reason, count in self.left_out.items())
            raise KinelexError(
                f"R-precision looks in pools of {POOL} and there are {len(self.samples)} clips{left_out}; "
                f"give a store with at least {POOL} captioned clips in its {options.split} split, or take all splits "
                "(--split all), with what the model was trained on among them"
            )
        captions = list(dict.fromkeys(caption for sample in self.samples for caption in sample.captions))
        self._caption_rows = {caption: row for row, caption in enumerate(captions)}
        candidate.prepare(list(dict.fromkeys(caption.text for caption in captions)))
        self._texts = [judge.embed_text(captions).cpu() for judge in judges]
        self._real, self._real_quality = self._measure_real(store)

    @property
    def lengths(self) -> Tensor:
        """(N,) frames of the samples."""
        return torch.tensor([sample.frames for sample in self.samples])

    def _measure_real(self, store: Store) -> tuple[list[Tensor], MotionQuality]:
        """Embeddings (N, D) of the recorded motion by each judge, and its quality."""
        embedded: list[list[Tensor]] = [[] for _ in self.judges]
        qualities: list[MotionQuality] = []
        batches, back = self._batches(self.lengths)
        for rows in batches:
            features, frames = real_motion([self.samples[row] for row in rows], store)
            qualities += qualities_of(features, frames, store.skeleton)
            for judge, own in zip(self.judges, embedded, strict=True):
                own.append(judge.embed_motion(features, frames).cpu())
        return [torch.cat(own)[back] for own in embedded], mean_quality(qualities)

    def _batches(self, lengths: Tensor) -> tuple[Batches, Tensor]:
        """Row numbers in batches of similar length, and the order that undoes the sorting."""
        order = lengths.argsort(stable=True)
        return [rows.tolist() for rows in order.split(self.batch_size)], order.argsort()

    @torch.inference_mode()
    def repeat(
        self, number: int, progress: Callable[[Batches], Iterable[Sequence[int]]] = iter
    ) -> RepeatResult:
        """Run one repeat.

        Args:
            number: of the repeat, from 0.
            progress: wraps the batches, to show how far it is.
        """
        began = time.perf_counter()
        clips, seed = len(self.samples), self.options.seed
        captions = [sample.caption(seed, number) for sample in self.samples]
        several = self._several(number)
        made = self._generate(number, captions, several, progress)
        rows = [self._caption_rows[caption] for caption in captions]
        judges: dict[str, JudgeScores] = {}
        for judge, texts, real, own in zip(
            self.judges, self._texts, self._real, made.embeddings, strict=True
        ):
            further = own[clips:].unflatten(0, (len(several), GENERATIONS - 1)) if several else None
            copies = torch.cat([own[several][:, None], further], 1) if further is not None else None
            generator = partial(_generator, seed, number)
            judges[judge.name] = judge_scores(texts[rows], real, own[:clips], copies, generator)
        return RepeatResult(
            number, clips, self.left_out, judges, made.quality, self._real_quality,
            self._duration_errors(captions), made.seconds, time.perf_counter() - began,
        )  # fmt: skip

    def _several(self, number: int) -> list[int]:
        """The samples whose captions are generated several times."""
        seeds = [seed_of(self.options.seed, number, sample.key, "several") for sample in self.samples]
        return sorted(range(len(seeds)), key=seeds.__getitem__)[: self.options.multimodality]

    def _generate(
        self,
        number: int,
        captions: Sequence[Caption],
        several: Sequence[int],
        progress: Callable[[Batches], Iterable[Sequence[int]]],
    ) -> _Made:
        """One motion of every sample in order, then the further copies of `several`."""
        requests = [_Request(row, 0) for row in range(len(captions))]
        requests += [_Request(row, copy) for row in several for copy in range(1, GENERATIONS)]
        tokens = self.lengths[[request.row for request in requests]] // self.candidate.frames_per_token
        embedded: list[list[Tensor]] = [[] for _ in self.judges]
        qualities: list[MotionQuality] = []
        seconds = 0.0
        batches, back = self._batches(tokens)
        for places in progress(batches):
            batch = [requests[place] for place in places]
            start = time.perf_counter()
            features = self.candidate.generate(
                [captions[request.row].text for request in batch],
                tokens[places],
                [self._seed(number, request) for request in batch],
            )
            if features.is_cuda:
                torch.cuda.synchronize(features.device)  # so that its work is not timed as the judges'
            seconds += time.perf_counter() - start
            frames = tokens[places] * self.candidate.frames_per_token
            for judge, own in zip(self.judges, embedded, strict=True):
                own.append(judge.embed_motion(features, frames).cpu())
            shown = [place for place, request in enumerate(batch) if request.copy == 0]
            if shown:
                qualities += qualities_of(features[shown], frames[shown], self.candidate.skeleton)
        return _Made([torch.cat(own)[back] for own in embedded], mean_quality(qualities), seconds)

    def _seed(self, number: int, request: _Request) -> int:
        return seed_of(self.options.seed, number, self.samples[request.row].key, request.copy)

    def _duration_errors(self, captions: Sequence[Caption]) -> list[float]:
        tokens = self.candidate.estimate([caption.text for caption in captions])
        frames = tokens * self.candidate.frames_per_token - self.lengths
        return (frames / self.candidate.skeleton.fps).tolist()


def _generator(seed: int, number: int, purpose: str) -> torch.Generator:
    return torch.Generator().manual_seed(seed_of(seed, number, purpose))

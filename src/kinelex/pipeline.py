"""From a sentence to a motion clip: phrases -> durations -> motion tokens -> joints."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from kinelex.editing import (
    Gap,
    at_model_rate,
    known_tokens,
    overwrite,
    phrases_in_view,
    spans_in_view,
    stretched,
)
from kinelex.errors import KinelexError
from kinelex.generators.base import MAX_SEGMENTS
from kinelex.generators.drawing import Sampling, changed
from kinelex.generators.model import MotionModel
from kinelex.hub import load_model
from kinelex.motion.features import joints_from_features
from kinelex.motion.foot_lock import lock_feet
from kinelex.motion.heading import facing, to_heading
from kinelex.motion.landing import landed
from kinelex.motion.motion import Motion, Segment
from kinelex.motion.rigid import rigid_joints
from kinelex.motion.splicing import resized, splice
from kinelex.planning import Plan, make_plan
from kinelex.prompts import MAX_SECONDS, MIN_SECONDS, Prompt
from kinelex.search.grounding import Grounding, ground
from kinelex.text.leaping import leaves_ground

_AROUND_LEAP = 0.5  # seconds by which a flight may begin before its phrase and end after it
BATCH_SIZE = 32


class Pipeline:
    """A loaded model that turns sentences into motions: `pipeline("a person walks", seed=0) -> Motion`."""

    def __init__(self, model: MotionModel, options: Sampling | None = None) -> None:
        self.model = model
        self.options = model.options(options)

    @property
    def seconds_per_token(self) -> float:
        """Duration of one motion token."""
        return self.model.seconds_per_token

    def with_options(self, **changes: float | int | str) -> Pipeline:
        """The same model with other sampling options, such as guidance=6.0 or steps=18.

        Raises:
            KinelexError: this kind of model has no such option, or not with this value.
        """
        return Pipeline(self.model, changed(self.options, **changes))

    def __call__(
        self,
        text: str | None = None,
        *,
        seed: int = 0,
        duration: float | None = None,
        segments: Sequence[str] | None = None,
        durations: Sequence[float] | None = None,
        foot_lock: bool = True,
    ) -> Motion:
        """Generate one clip.

        Args:
            text: what the person does.
            seed: same text, seed and model: same motion.
            duration: seconds; None to estimate it from the text.
            segments: the phrases in their order; None to split the text.
            durations: seconds of each phrase; None to predict them.
            foot_lock: remove the skating of planted feet, and let jumps that hang in the air come down.

        Raises:
            KinelexError: the prompt is empty or too long, or a duration out of range.
        """
        if isinstance(segments, str):
            raise KinelexError("segments are a list of phrases; one sentence is the text")
        prompt = Prompt(
            text, seed, duration,
            None if segments is None else tuple(segments), None if durations is None else tuple(durations),
        )  # fmt: skip
        return self.generate_batch([prompt], foot_lock=foot_lock)[0]

    @torch.inference_mode()
    def generate_batch(self, prompts: Sequence[Prompt], *, foot_lock: bool = True) -> list[Motion]:
        """Generate a clip for each prompt in one pass; each depends on its own prompt and seed alone.

        A clip of more phrases than a generator reads at once goes on, scene by scene, from the first of them.
        """
        scenes = [self._timed_scenes(prompt) for prompt in prompts]
        plan = self.plan([first for first, *_ in scenes])
        seeds = [prompt.seed for prompt in prompts]
        features = self.model.generate(plan.condition, plan.lengths, seeds, self.options)
        motions = self.motions(features, plan.lengths, plan.segments, foot_lock=foot_lock)
        for place, (_, *others) in enumerate(scenes):
            for scene in others:
                motions[place] = self._extend(motions[place], scene, scene.seed, foot_lock)
        return motions

    def _timed_scenes(self, prompt: Prompt) -> tuple[Prompt, ...]:
        """The scenes of a prompt, which together take as long as it says or may."""
        scenes = prompt.scenes
        if len(scenes) == 1 or prompt.durations is not None:
            return scenes
        seconds = [float(tokens) * self.seconds_per_token for tokens in self.plan(scenes).lengths]
        total = prompt.duration or min(sum(seconds), prompt.longest)
        return tuple(
            replace(scene, duration=max(MIN_SECONDS, own * total / sum(seconds)))
            for scene, own in zip(scenes, seconds, strict=True)
        )

    def regenerate(
        self,
        motion: Motion,
        segment: int = 1,
        text: str | None = None,
        *,
        duration: float | None = None,
        seed: int = 0,
        foot_lock: bool = True,
    ) -> Motion:
        """Draw one phrase of a clip again; see `inbetween`.

        Args:
            motion: a clip with phrases (`motion.segments`).
            segment: which phrase, counted from 1.
            text: what happens instead; None to draw the same phrase differently.
            duration: seconds that it is to take; None for as long as before.

        Raises:
            KinelexError: there is no such phrase, or what `inbetween` raises.
        """
        if not 1 <= segment <= len(motion.segments):
            raise KinelexError(
                f"there is no phrase {segment}: the clip has {len(motion.segments)}; "
                "give one of them, or a span of time"
            )
        chosen = motion.segments[segment - 1]
        return self.inbetween(
            motion, chosen.start, chosen.end, text, duration=duration, seed=seed, foot_lock=foot_lock
        )

    @torch.inference_mode()
    def inbetween(
        self, motion: Motion, start: float, end: float, text: str | None = None,
        *, duration: float | None = None, seed: int = 0, foot_lock: bool = True,
    ) -> Motion:  # fmt: skip
        """Draw the part from `start` to `end` of a clip again; 0 or the clip's end leave nothing on that side.

        The frames outside the part are kept: those before it as they are, those after it moved over the floor as
        a whole to where the new part leads. The end of the part moves to a whole motion token (by at most 0.1 s),
        and a clip of another frame rate is taken at the model's.

        Args:
            motion: any clip on the model's skeleton, of any length.
            start, end: seconds.
            text: what happens there; None to draw what the clip's phrases say again.
            duration: seconds that the new part takes, in whole tokens; None for as long as the old one.
            seed: same clip, part, text and seed: same result.
            foot_lock: remove the skating of planted feet in the new part.

        Raises:
            KinelexError: the part is not inside the clip or all of it, nothing says what happens there, or the
                duration is out of range.
        """
        clip = at_model_rate(motion, self.model)
        duration = duration if text is None or duration is not None else Prompt(text).named_duration
        last = max(motion.seconds, clip.seconds) + self.seconds_per_token
        if not 0 <= start < min(end, clip.seconds) or end > last:
            raise KinelexError(
                f"{start:g} to {end:g} s is no part of a clip of {clip.seconds:.2f} s; "
                "give a part that lies in it, the start before the end"
            )
        if duration is not None and not MIN_SECONDS <= duration <= MAX_SECONDS:
            raise KinelexError(f"duration is {duration:g} s; give {MIN_SECONDS:g} to {MAX_SECONDS:g} s")
        gap = Gap.between(
            len(clip),
            round(start * clip.fps),
            round(end * clip.fps),
            self.model.frames_per_token,
            None if duration is None else round(duration * clip.fps),
        )
        segments, end = clip.segments, min(end, clip.seconds)
        if duration is not None:
            longer = (gap.size - (gap.end - gap.start)) / clip.fps
            segments, end = stretched(segments, start, end, end + longer - start), end + longer
        if text is not None:
            asked = Prompt(text, duration=max(end - start, MIN_SECONDS), most=MAX_SEGMENTS)
            new = self.plan([asked]).segments[0]
            segments = overwrite(segments, start, end, _placed(new, start, end), shortest=1 / clip.fps)
        return self._fill(clip, gap, segments, seed, foot_lock)

    @torch.inference_mode()
    def extend(
        self,
        motion: Motion,
        text: str,
        duration: float | None = None,
        *,
        seed: int = 0,
        foot_lock: bool = True,
    ) -> Motion:
        """Go on after the end of a clip, whose frames stay as they are.

        Args:
            motion: any clip on the model's skeleton, of any length.
            text: what happens next.
            duration: seconds to add; None to estimate them from the text.
            seed: same clip, text and seed: same result.
            foot_lock: remove the skating of planted feet in the new part.

        Raises:
            KinelexError: the text is empty or too long, or the duration out of range.
        """
        for scene in self._timed_scenes(Prompt(text, duration=duration)):
            motion = self._extend(motion, scene, seed, foot_lock)
        return motion

    def _extend(self, motion: Motion, prompt: Prompt, seed: int, foot_lock: bool) -> Motion:
        clip = at_model_rate(motion, self.model)
        plan = self.plan([prompt])
        gap = Gap.after(len(clip), int(plan.lengths), self.model.frames_per_token)
        end = clip.seconds + gap.size / clip.fps
        segments = (*clip.segments, *_placed(plan.segments[0], clip.seconds, end))
        return self._fill(clip, gap, segments, seed, foot_lock)

    def ground(self, motion: Motion, query: str, top: int = 3) -> Grounding:
        """Find when a motion does what a sentence says; see `kinelex.search.grounding.ground`.

        Raises:
            KinelexError: the model was trained without alignment, the clip does not fit it, or the query is empty.
        """
        return ground(self.model, motion, query, top)

    def _fill(
        self, clip: Motion, gap: Gap, segments: tuple[Segment, ...], seed: int, foot_lock: bool
    ) -> Motion:
        """Draw the gap's frames and put them into the clip."""
        step = self.model.frames_per_token
        phrases = phrases_in_view(segments, clip, gap, step)
        texts = tuple(part.text for part in phrases)
        sentences, parts = [", then ".join(texts)], [texts]
        condition = self.model.read(sentences, parts).condition(sentences, parts)
        condition = condition.at(spans_in_view(phrases, self.model.device))
        mirrored = condition.mirrored is not None and bool(condition.mirrored)
        known = known_tokens(clip, gap, self.model, mirrored)
        lengths = torch.tensor([known.shape[1]], device=self.model.device)
        features = self.model.generate(condition, lengths, [seed], self.options, known)
        recorded, skeleton = torch.from_numpy(clip.positions), clip.skeleton
        made = self.motions(features, lengths, [()], foot_lock=False)[0]
        drawn = resized(torch.from_numpy(made.positions), recorded, skeleton)
        if foot_lock:
            first = gap.lead * step
            where = _leaping(segments, len(drawn), clip.fps, (gap.start - first) / clip.fps)
            where[:first] = where[first + gap.size :] = False
            drawn = lock_feet(landed(drawn, clip.fps, skeleton, where), clip.fps, skeleton)
        positions = splice(recorded, drawn, gap.start, gap.end, gap.lead * step, gap.size, skeleton)
        return Motion(positions.numpy(), clip.fps, clip.skeleton, segments)

    @torch.inference_mode()
    def plan(self, prompts: Sequence[Prompt]) -> Plan:
        """Split the sentences, encode every distinct text once, and settle how long clips and phrases take.

        Raises:
            KinelexError: a clip is too short for its phrases, or has more than a generator reads at once.
        """
        return make_plan(self.model, prompts)

    @torch.inference_mode()
    def motions(
        self,
        features: Tensor,
        lengths: Tensor,
        segments: Sequence[tuple[Segment, ...]],
        *,
        foot_lock: bool = True,
    ) -> list[Motion]:
        """Normalised features (B, T, D) to clips of lengths (B,) tokens that face +Z at frame 0.

        Those of equal length go together.
        """
        model = self.model
        motions: dict[int, Motion] = {}
        for length in lengths.unique().tolist():
            rows = (lengths == length).nonzero()[:, 0]
            part = model.normalizer.restore(features[rows, : length * model.frames_per_token])
            joints = rigid_joints(joints_from_features(part, model.skeleton), model.skeleton)
            joints = to_heading(joints, facing(joints[:, :1], model.skeleton))
            if foot_lock:
                fps = model.skeleton.fps
                where = [
                    _leaping(segments[row], joints.shape[1], fps).to(joints.device) for row in rows.tolist()
                ]
                down = [
                    landed(clip, fps, model.skeleton, own) for clip, own in zip(joints, where, strict=True)
                ]
                joints = lock_feet(torch.stack(down), fps, model.skeleton)
            for row, positions in zip(rows.tolist(), joints.cpu().numpy(), strict=True):
                motions[row] = Motion(positions, model.skeleton.fps, model.skeleton, segments[row])
        return [motions[row] for row in range(len(segments))]


def _leaping(phrases: Sequence[Segment], frames: int, fps: float, start: float = 0.0) -> Tensor:
    """(T,) bool: the frames from `start` seconds on in which, or close to which, phrases leave the ground."""
    time = start + (torch.arange(frames) + 0.5) / fps
    where = torch.zeros(frames, dtype=torch.bool)
    for part in phrases:
        if leaves_ground(part.text):
            where |= (time >= part.start - _AROUND_LEAP) & (time < part.end + _AROUND_LEAP)
    return where


def _placed(segments: Sequence[Segment], start: float, end: float) -> tuple[Segment, ...]:
    """Segments that begin at 0 moved to `start`, and stretched to `end`."""
    scale = (end - start) / segments[-1].end
    return tuple(
        Segment(part.text, start + scale * part.start, start + scale * part.end) for part in segments
    )


def load(
    model: str | Path = "default", device: str | torch.device = "cpu", options: Sampling | None = None
) -> Pipeline:
    """Load a model folder, or a bundled model: "default", or "permissive", smaller and without non-commercial data.

    Raises:
        KinelexError: no such model, a damaged file, or a device that is not there.
    """
    try:
        device = torch.device(device)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise KinelexError(
            f"device {device} cannot be used here; choose cpu, or cuda or mps where there is one"
        ) from error
    return Pipeline(load_model(model, device), options)

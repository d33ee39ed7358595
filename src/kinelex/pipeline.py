"""From a sentence to a motion clip: phrases -> durations -> motion tokens -> joints."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from kinelex.editing import Gap, at_model_rate, known_tokens, overwrite, phrases_in_view
from kinelex.errors import KinelexError
from kinelex.generators.base import MAX_SEGMENTS, TextCondition
from kinelex.generators.model import MotionModel
from kinelex.generators.momask import MoMask
from kinelex.generators.sampling import SamplingOptions
from kinelex.hub import load_model
from kinelex.motion.features import joints_from_features
from kinelex.motion.foot_lock import lock_feet
from kinelex.motion.motion import Motion, Segment
from kinelex.motion.rigid import rigid_joints
from kinelex.motion.splicing import resized, splice
from kinelex.text.segmenter import segment
from kinelex.tokenizer.rvqvae import TokenizedMotion

BATCH_SIZE = 32
MAX_PROMPT_CHARACTERS = 1000
MIN_SECONDS, MAX_SECONDS = 0.5, 60.0


@dataclass(frozen=True)
class Prompt:
    """What to generate.

    Attributes:
        text: the sentence; None when `segments` say it all.
        seed: same text, seed and model: same motion.
        duration: seconds; None to estimate it from the text.
        segments: the phrases in their order; None to split the text.

    Raises:
        KinelexError: empty or overlong text, more than five phrases, or a duration out of range.
    """

    text: str | None
    seed: int = 0
    duration: float | None = None
    segments: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        if self.text is None and self.segments is not None:
            object.__setattr__(self, "text", ", then ".join(self.segments))
        _check_text(self.text or "")
        for phrase in self.segments or ():
            _check_text(phrase)
        if self.segments is not None and not 1 <= len(self.segments) <= MAX_SEGMENTS:
            raise KinelexError(f"{len(self.segments)} phrases given; give 1 to {MAX_SEGMENTS}")
        if self.duration is not None and not MIN_SECONDS <= self.duration <= MAX_SECONDS:
            raise KinelexError(f"duration is {self.duration:g} s; give {MIN_SECONDS:g} to {MAX_SECONDS:g} s")
        if not -(2**63) <= self.seed < 2**63:
            raise KinelexError(f"seed {self.seed} does not fit 64 bits; give a smaller number")

    @property
    def phrases(self) -> tuple[str, ...]:
        """The phrases in their order: the given ones, or the sentence split."""
        return (
            self.segments
            if self.segments is not None
            else tuple(segment(self.text or "", limit=MAX_SEGMENTS))
        )


def _check_text(text: str) -> None:
    if not any(character.isalnum() for character in text):
        raise KinelexError("the prompt is empty; say what the person does, as in 'a person walks forward'")
    if len(text) > MAX_PROMPT_CHARACTERS:
        raise KinelexError(
            f"the prompt has {len(text)} characters; shorten it to {MAX_PROMPT_CHARACTERS}, "
            "or generate several clips from shorter prompts"
        )


@dataclass(frozen=True)
class Plan:
    """Prompts made ready for the generator.

    Attributes:
        condition: whitened text vectors of the B prompts.
        lengths: (B,) motion tokens.
        segments: each prompt's phrases with their spans in seconds.
    """

    condition: TextCondition
    lengths: Tensor
    segments: tuple[tuple[Segment, ...], ...]


class Pipeline:
    """A loaded model that turns sentences into motions: `pipeline("a person walks", seed=0) -> Motion`."""

    def __init__(self, model: MotionModel, options: SamplingOptions | None = None) -> None:
        self.model = model
        self.options = options or model.sampling
        self.generator = MoMask(model.masked, model.residual)

    @property
    def seconds_per_token(self) -> float:
        """Duration of one motion token."""
        return self.model.tokenizer.config.downsampling / self.model.skeleton.fps

    def with_options(self, **changes: float | int | str) -> Pipeline:
        """The same model with other sampling options, such as guidance=6.0 or steps=18."""
        return Pipeline(self.model, replace(self.options, **changes))

    def __call__(
        self,
        text: str | None = None,
        *,
        seed: int = 0,
        duration: float | None = None,
        segments: Sequence[str] | None = None,
        foot_lock: bool = True,
    ) -> Motion:
        """Generate one clip.

        Args:
            text: what the person does.
            seed: same text, seed and model: same motion.
            duration: seconds; None to estimate it from the text.
            segments: the phrases in their order; None to split the text.
            foot_lock: remove the skating of planted feet.

        Raises:
            KinelexError: the prompt is empty or too long, or the duration out of range.
        """
        phrases = tuple(segments) if segments is not None else None
        return self.generate_batch([Prompt(text, seed, duration, phrases)], foot_lock=foot_lock)[0]

    @torch.inference_mode()
    def generate_batch(self, prompts: Sequence[Prompt], *, foot_lock: bool = True) -> list[Motion]:
        """Generate a clip for each prompt in one pass; each depends on its own prompt and seed alone."""
        plan = self.plan(prompts)
        seeds = [prompt.seed for prompt in prompts]
        tokens = self.generator.generate(plan.condition, plan.lengths, seeds, self.options)
        return self.motions(tokens, plan.segments, foot_lock=foot_lock)

    def regenerate(
        self,
        motion: Motion,
        segment: int = 1,
        text: str | None = None,
        *,
        seed: int = 0,
        foot_lock: bool = True,
    ) -> Motion:
        """Draw one phrase of a clip again, at its own length; see `inbetween`.

        Args:
            motion: a clip with phrases (`motion.segments`).
            segment: which phrase, counted from 1.
            text: what happens instead; None to draw the same phrase differently.

        Raises:
            KinelexError: there is no such phrase, or what `inbetween` raises.
        """
        if not 1 <= segment <= len(motion.segments):
            raise KinelexError(
                f"there is no phrase {segment}: the clip has {len(motion.segments)}; "
                "give one of them, or a span of time"
            )
        chosen = motion.segments[segment - 1]
        return self.inbetween(motion, chosen.start, chosen.end, text, seed=seed, foot_lock=foot_lock)

    @torch.inference_mode()
    def inbetween(
        self, motion: Motion, start: float, end: float, text: str | None = None,
        *, seed: int = 0, foot_lock: bool = True,
    ) -> Motion:  # fmt: skip
        """Draw the part from `start` to `end` of a clip again; 0 or the clip's end leave nothing on that side.

        The clip's length is kept, and so are the frames outside the part: those before it as they are, those
        after it moved over the floor as a whole to where the new part leads. The end of the part moves to a whole
        motion token (by at most 0.1 s), and a clip of another frame rate is taken at the model's.

        Args:
            motion: any clip on the model's skeleton, of any length.
            start, end: seconds.
            text: what happens there; None to draw what the clip's phrases say again.
            seed: same clip, part, text and seed: same result.
            foot_lock: remove the skating of planted feet in the new part.

        Raises:
            KinelexError: the part is not inside the clip or all of it, or nothing says what happens there.
        """
        clip = at_model_rate(motion, self.model)
        if not 0 <= start < end <= clip.seconds + self.seconds_per_token:
            raise KinelexError(
                f"{start:g} to {end:g} s is no part of a clip of {clip.seconds:.2f} s; give a start before the end"
            )
        gap = Gap.between(
            len(clip),
            round(start * clip.fps),
            round(end * clip.fps),
            self.model.tokenizer.config.downsampling,
        )
        segments = clip.segments
        if text is not None:
            end = min(end, clip.seconds)
            new = self.plan([Prompt(text, duration=end - start)]).segments[0]
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
        clip = at_model_rate(motion, self.model)
        plan = self.plan([Prompt(text, duration=duration)])
        gap = Gap.after(len(clip), int(plan.lengths), self.model.tokenizer.config.downsampling)
        end = clip.seconds + gap.size / clip.fps
        segments = (*clip.segments, *_placed(plan.segments[0], clip.seconds, end))
        return self._fill(clip, gap, segments, seed, foot_lock)

    def _fill(
        self, clip: Motion, gap: Gap, segments: tuple[Segment, ...], seed: int, foot_lock: bool
    ) -> Motion:
        """Draw the gap's frames and put them into the clip."""
        step = self.model.tokenizer.config.downsampling
        known = known_tokens(clip, gap, self.model)
        phrases = phrases_in_view(segments, clip, gap, step)
        condition = self.plan([Prompt(None, segments=phrases)]).condition
        tokens = self.generator.generate(condition, known.lengths, [seed], self.options, known.ids)
        recorded, skeleton = torch.from_numpy(clip.positions), clip.skeleton
        made = self.motions(tokens, [()], foot_lock=False)[0]
        drawn = resized(torch.from_numpy(made.positions), recorded, skeleton)
        if foot_lock:
            drawn = lock_feet(drawn, clip.fps, skeleton)
        positions = splice(recorded, drawn, gap.start, gap.end, gap.lead * step, gap.size, skeleton)
        return Motion(positions.numpy(), clip.fps, clip.skeleton, segments)

    @torch.inference_mode()
    def plan(self, prompts: Sequence[Prompt]) -> Plan:
        """Split the sentences, encode every distinct text once, and settle the lengths."""
        phrases = [prompt.phrases for prompt in prompts]
        texts = list(
            dict.fromkeys([text for prompt in prompts for text in (prompt.text or "", *prompt.phrases)])
        )
        vectors = self.model.whitening(self.model.encoder.embed(texts))
        rows = {text: row for row, text in enumerate(texts)}
        condition = TextCondition.of_texts(vectors, rows, [prompt.text or "" for prompt in prompts], phrases)
        estimated = self.model.length.median_tokens(vectors).tolist()
        lengths = [self._tokens(prompt, estimated[rows[prompt.text or ""]]) for prompt in prompts]
        shares = [[estimated[rows[phrase]] for phrase in parts] for parts in phrases]
        spans = tuple(
            spread(parts, share, tokens * self.seconds_per_token)
            for parts, share, tokens in zip(phrases, shares, lengths, strict=True)
        )
        return Plan(condition, torch.tensor(lengths, device=self.model.device), spans)

    def _tokens(self, prompt: Prompt, estimated: int) -> int:
        if prompt.duration is None:
            return max(estimated, round(MIN_SECONDS / self.seconds_per_token))
        return max(1, round(prompt.duration / self.seconds_per_token))

    @torch.inference_mode()
    def motions(
        self, tokens: TokenizedMotion, segments: Sequence[tuple[Segment, ...]], *, foot_lock: bool = True
    ) -> list[Motion]:
        """Decode tokens to clips; samples of equal length are decoded together, so that no padding is decoded."""
        model = self.model
        motions: dict[int, Motion] = {}
        for length in tokens.lengths.unique().tolist():
            rows = (tokens.lengths == length).nonzero()[:, 0]
            part = TokenizedMotion(tokens.ids[rows, :length], tokens.lengths[rows])
            features = model.normalizer.restore(model.tokenizer.decode(part))
            decoded = joints_from_features(features, model.skeleton)
            joints = torch.stack([rigid_joints(clip, model.skeleton) for clip in decoded])
            if foot_lock:
                joints = lock_feet(joints, model.skeleton.fps, model.skeleton)
            for row, positions in zip(rows.tolist(), joints.cpu().numpy(), strict=True):
                motions[row] = Motion(positions, model.skeleton.fps, model.skeleton, segments[row])
        return [motions[row] for row in range(len(segments))]


def spread(phrases: Sequence[str], shares: Sequence[float], seconds: float) -> tuple[Segment, ...]:
    """Give each phrase a part of `seconds` in proportion to its share, in order and without gaps."""
    total, start, segments = sum(shares), 0.0, []
    for position, (phrase, share) in enumerate(zip(phrases, shares, strict=True)):
        end = seconds if position == len(phrases) - 1 else start + seconds * share / total
        segments.append(Segment(phrase, start, end))
        start = end
    return tuple(segments)


def _placed(segments: Sequence[Segment], start: float, end: float) -> tuple[Segment, ...]:
    """Segments that begin at 0 moved to `start`, the last one up to `end`."""
    moved = [Segment(part.text, part.start + start, part.end + start) for part in segments]
    return (*moved[:-1], replace(moved[-1], end=end))


def load(
    model: str | Path = "default", device: str | torch.device = "cpu", options: SamplingOptions | None = None
) -> Pipeline:
    """Load a model folder, or the bundled model for "default".

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

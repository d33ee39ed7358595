"""One visitor: the plan, the takes, and what can be done with them. Nothing here knows the page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import PurePath

from kinelex.best_of import Chosen
from kinelex.errors import KinelexError
from kinelex.motion.motion import Motion, Segment
from kinelex.pipeline import Pipeline
from kinelex.search.grounding import Grounding
from kinelex.service.limits import MEBIBYTE
from kinelex.service.uploads import UPLOADS
from kinelex.studio.puppet import Puppet
from kinelex.studio.takes import Take, Takes
from kinelex.studio.timeline import Timeline
from kinelex.studio.view import View
from kinelex.studio.worker import Worker

MOST_SIDE_BY_SIDE = 4
_SAME_SECONDS = 0.05  # durations that differ by less are the same


class Session:
    """What a visitor has made, and asks for. When something fails, all stays as it was.

    While something is made, another take may be chosen and the plan changed: what comes of it belongs to the take and
    the plan that it was asked of.

    Attributes:
        sentence: the prompt that the plan comes from.
        timeline: the plan of the next clip.
        takes: what was made.
        view: how the shown takes are looked at.
        found: where the last query happens in the chosen take.
    """

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self.sentence = ""
        self.timeline = Timeline()
        self.takes = Takes()
        self.view = View()
        self.found: Grounding | None = None

    @property
    def segments(self) -> tuple[Segment, ...]:
        """The phrases to show: of the plan, or of a clip that has no plan."""
        if self.timeline.phrases or self.takes.chosen is None:
            return self.timeline.segments
        return self.takes.current.motion.segments

    async def split(self, sentence: str) -> None:
        """Plan a sentence anew: phrases and how long they take.

        Raises:
            KinelexError: it says nothing, or is too long.
        """
        sentence = sentence.strip()
        self.timeline = await self._worker.plan(sentence)
        self.sentence = sentence

    async def generate(self, sentence: str, seed: int, count: int) -> None:
        """Takes of the plan with seeds that follow one another; a new sentence is planned first.

        Raises:
            KinelexError: what the sentence, the phrases, or their durations are at fault for.
        """
        if not 1 <= count <= MOST_SIDE_BY_SIDE:
            raise KinelexError(f"{count} takes side by side; ask for 1 to {MOST_SIDE_BY_SIDE}")
        if sentence.strip() != self.sentence or not self.timeline.phrases:
            await self.split(sentence)
        seeds, timeline = range(seed, seed + count), self.timeline
        motions = await self._worker.generate([timeline.prompt(one) for one in seeds])
        origins = [f"seed {one}" for one in seeds]
        self._take(self.takes.batch(motions, origins, timeline.sentence))

    async def redraw(self, place: int, seed: int) -> None:
        """The chosen take with one phrase drawn again, as the plan words and times it; the rest is kept.

        Raises:
            KinelexError: there is no take, or its phrases are not those of the plan any more.
        """
        take, timeline = self.takes.current, self.timeline
        old = take.motion.segments
        if len(old) != len(timeline) or not 0 <= place < len(old):
            raise KinelexError(
                "phrases were added or taken away since this take was made; generate, or choose the take again"
            )
        phrase, part = timeline.phrases[place], old[place]
        text = None if phrase.text == part.text else phrase.text
        same = abs(phrase.seconds - (part.end - part.start)) < _SAME_SECONDS
        seconds = None if same else phrase.seconds
        await self._edit(
            take,
            f"phrase {place + 1}, seed {seed}",
            lambda pipeline: pipeline.regenerate(
                take.motion, place + 1, text, duration=seconds, seed=seed, foot_lock=take.recorded
            ),
        )
        if len(self.timeline) == len(timeline):
            self.timeline = self.timeline.worded(timeline, place)  # what was planned for the others is kept

    async def replace_part(
        self, start: float, end: float, text: str, seconds: float | None, seed: int
    ) -> None:
        """The chosen take with a part of it drawn again.

        Raises:
            KinelexError: see `Pipeline.inbetween`.
        """
        take = self.takes.current
        await self._edit(
            take,
            f"{start:.1f} to {end:.1f} s, seed {seed}",
            lambda pipeline: pipeline.inbetween(
                take.motion, start, end, text.strip() or None,
                duration=seconds, seed=seed, foot_lock=take.recorded,
            ),
        )  # fmt: skip

    async def extend(self, text: str, seconds: float | None, seed: int) -> None:
        """The chosen take, going on after its end.

        Raises:
            KinelexError: see `Pipeline.extend`.
        """
        take = self.takes.current
        await self._edit(
            take,
            f"goes on, seed {seed}",
            lambda pipeline: pipeline.extend(take.motion, text, seconds, seed=seed, foot_lock=take.recorded),
        )

    async def load(self, name: str, content: bytes) -> None:
        """A take from a file that the visitor sent.

        Args:
            name: what the file is called; only its suffix means something.
            content: of the file.

        Raises:
            KinelexError: unknown suffix, too large or too long, or broken.
        """
        limits, kind = self._worker.limits, PurePath(name).suffix.lower().removeprefix(".")
        if kind not in UPLOADS:
            raise KinelexError(f"{name} is no .{' or .'.join(UPLOADS)} file; convert it with kinelex convert")
        if len(content) > limits.upload:
            raise KinelexError(
                f"{name} has {len(content) / MEBIBYTE:.1f} MiB; send at most {limits.upload / MEBIBYTE:g}"
            )
        self._take(self.takes.load(await self._worker.read(content, kind), PurePath(name).name))

    async def ground(self, query: str) -> None:
        """Find when the chosen take does what a phrase says.

        Raises:
            KinelexError: the query says nothing, or the model cannot compare.
        """
        take = self.takes.current
        found = await self._worker.ground(take.motion, query)
        if self.takes.chosen == take.number:
            self.found = found

    async def look_at(self, take: Take) -> Chosen:
        """What a take shows of its phrases, and whether it floats."""
        return await self._worker.look_at(take.motion)

    async def export(self, kind: str, names: str) -> tuple[str, bytes]:
        """Name and content of a file of the chosen take, as it is looked at.

        Raises:
            KinelexError: unknown kind or joint names, or it cannot be written.
        """
        take = self.takes.current
        content = await self._worker.encode(self.view.of(take.motion), kind, names)
        return f"kinelex_take_{take.number}.{kind}", content

    async def puppets(self) -> list[tuple[Take, Puppet]]:
        """The shown takes, ready for drawing."""
        return [(take, await self._worker.puppet(take.motion, self.view)) for take in self.takes.shown]

    def choose(self, number: int) -> None:
        """Go to another take, and take its phrases as the plan.

        Raises:
            KinelexError: there is no such take.
        """
        self._take(self.takes.choose(number))

    def look(self, *, foot_lock: bool | None = None, in_place: bool | None = None) -> None:
        """Turn a switch."""
        changes = {"foot_lock": foot_lock, "in_place": in_place}
        self.view = replace(self.view, **{name: on for name, on in changes.items() if on is not None})

    async def _edit(self, old: Take, origin: str, change: Callable[[Pipeline], Motion]) -> None:
        motion = await self._worker.edit(change)
        self._take(self.takes.edit(old, motion, origin))  # the visitor may look at another take by now

    def _take(self, takes: Takes) -> None:
        """Look at these takes: their chosen one is the plan. Files come with feet as they were recorded."""
        recorded = self.takes.chosen is not None and self.takes.current.recorded
        self.takes, self.found = takes, None
        take = takes.current
        if take.recorded != recorded:
            self.look(foot_lock=not take.recorded)
        self.timeline = Timeline.of(take.motion.segments, take.motion.seconds, take.sentence)
        self.sentence = take.sentence or self.sentence

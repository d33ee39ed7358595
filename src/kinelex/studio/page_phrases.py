"""One phrase of the timeline: its words, its time, its place, and the button that draws it again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kinelex.errors import KinelexError
from kinelex.prompts import MAX_SECONDS, MIN_PHRASE_SECONDS
from kinelex.studio.desk import Desk
from kinelex.studio.timeline import Timeline

_NONE: str = "no phrases yet"


class _Phrase:
    """The controls of the phrase that is worked on."""

    def __init__(self, desk: Desk) -> None:
        gui, self.desk = desk.gui, desk
        self.which = gui.add_dropdown("Phrase", (_NONE,))
        self.words = gui.add_text("Words", "", multiline=True)
        self.seconds = gui.add_number("Seconds", 2.0, min=MIN_PHRASE_SECONDS, max=MAX_SECONDS, step=0.1)
        self.order = gui.add_button_group("Move", ("Earlier", "Later"))
        self.shape = gui.add_button_group(
            "Change", ("Add", "Split", "Merge", "Delete"), hint="Merge joins it with the next."
        )
        self.seed = gui.add_number(
            "Seed", 1, min=0, step=1, hint="Another seed draws the phrase differently."
        )
        self.again = gui.add_button(
            "Draw this phrase again", hint="Its words and its time as they stand; the rest is kept."
        )

    def connect(self) -> None:
        """Listen to the visitor."""

        @self.which.on_update
        async def _(event: Any) -> None:
            if event.client_id is not None and self.which.value != _NONE:
                self.desk.place = self.which.options.index(self.which.value)
                self.desk.refresh()

        @self.words.on_update
        async def _(event: Any) -> None:
            # While the box is empty for a moment, the phrase keeps its last words.
            if event.client_id is not None and any(letter.isalnum() for letter in self.words.value):
                self.change(lambda plan: plan.edited(self.desk.place, text=self.words.value.strip()))

        @self.seconds.on_update
        async def _(event: Any) -> None:
            if event.client_id is not None and self.desk.session.timeline.phrases:
                self.change(lambda plan: plan.edited(self.desk.place, seconds=float(self.seconds.value)))

        @self.order.on_click
        async def _(event: Any) -> None:
            place, by = self.desk.place, -1 if self.order.value == "Earlier" else 1
            self.change(lambda plan: plan.moved(place, by), place + by)

        @self.shape.on_click
        async def _(event: Any) -> None:
            self.reshape(self.shape.value)

        @self.again.on_click
        async def _(event: Any) -> None:
            place = self.desk.place
            await self.desk.make(
                f"Drawing phrase {place + 1} again",
                lambda: self.desk.session.redraw(place, int(self.seed.value)),
            )

    def change(self, new: Callable[[Timeline], Timeline], place: int | None = None) -> None:
        """Put another plan in the place of the plan, and go to a phrase of it; what cannot be is said."""
        try:
            self.desk.session.timeline = new(self.desk.session.timeline)
        except KinelexError as error:
            self.desk.status.complain(str(error))
            return
        self.desk.place = self.desk.place if place is None else place
        self.desk.refresh()

    def reshape(self, how: str) -> None:
        """Add, split, merge or delete."""
        place = self.desk.place
        if how == "Add":
            after = min(place + 1, len(self.desk.session.timeline))
            self.change(lambda plan: plan.added(after), after)
        elif how == "Split":
            self.change(lambda plan: plan.split(place))
        elif how == "Merge":
            self.change(lambda plan: plan.merged(place))
        else:
            self.change(lambda plan: plan.deleted(place))

    def refresh(self) -> None:
        """Bring it up to date with the session."""
        phrases = self.desk.session.timeline.phrases
        names = tuple(f"{place + 1} · {phrase.text}" for place, phrase in enumerate(phrases)) or (_NONE,)
        if self.which.options != names:
            self.which.options = names
        self.which.value = names[self.desk.place]
        for control in (self.words, self.seconds, self.again):
            control.disabled = not phrases
        self.order.visible = bool(phrases)
        if phrases:
            phrase = phrases[self.desk.place]
            if self.words.value.strip() != phrase.text:
                self.words.value = phrase.text
            self.seconds.value = round(phrase.seconds, 2)


def add_phrases(desk: Desk) -> None:
    """Add the controls."""
    phrase = _Phrase(desk)
    phrase.connect()
    desk.refreshers.append(phrase.refresh)

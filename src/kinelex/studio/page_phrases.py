"""One phrase of the timeline: its words, its time, its place, and the button that draws it again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kinelex.errors import KinelexError
from kinelex.prompts import MAX_SECONDS, MIN_PHRASE_SECONDS
from kinelex.studio.desk import Desk
from kinelex.studio.timeline import Timeline

_NONE: str = "no phrases yet"


def add_phrases(desk: Desk) -> None:
    """Add the controls."""
    gui = desk.gui
    which = gui.add_dropdown("Phrase", (_NONE,))
    words = gui.add_text("Words", "", multiline=True)
    seconds = gui.add_number("Seconds", 2.0, min=MIN_PHRASE_SECONDS, max=MAX_SECONDS, step=0.1)
    order = gui.add_button_group("Move", ("Earlier", "Later"))
    shape = gui.add_button_group(
        "Change", ("Add", "Split", "Merge", "Delete"), hint="Merge joins it with the next."
    )
    seed = gui.add_number("Seed", 1, min=0, step=1, hint="Another seed draws the phrase differently.")
    again = gui.add_button(
        "Draw this phrase again", hint="Its words and its time as they stand; the rest is kept."
    )

    def change(new: Callable[[Timeline], Timeline], place: int | None = None) -> None:
        try:
            desk.session.timeline = new(desk.session.timeline)
        except KinelexError as error:
            desk.status.complain(str(error))
            return
        desk.place = desk.place if place is None else place
        desk.refresh()

    @which.on_update
    async def _(event: Any) -> None:
        if event.client_id is not None and which.value != _NONE:
            desk.place = which.options.index(which.value)
            desk.refresh()

    @words.on_update
    async def _(event: Any) -> None:
        # While the box is empty for a moment, the phrase keeps its last words.
        if event.client_id is not None and any(letter.isalnum() for letter in words.value):
            change(lambda timeline: timeline.edited(desk.place, text=words.value.strip()))

    @seconds.on_update
    async def _(event: Any) -> None:
        if event.client_id is not None and desk.session.timeline.phrases:
            change(lambda timeline: timeline.edited(desk.place, seconds=float(seconds.value)))

    @order.on_click
    async def _(event: Any) -> None:
        by = -1 if order.value == "Earlier" else 1
        change(lambda timeline: timeline.moved(desk.place, by), desk.place + by)

    @shape.on_click
    async def _(event: Any) -> None:
        place = desk.place
        if shape.value == "Add":
            after = min(place + 1, len(desk.session.timeline))
            change(lambda timeline: timeline.added(after), after)
        elif shape.value == "Split":
            change(lambda timeline: timeline.split(place))
        elif shape.value == "Merge":
            change(lambda timeline: timeline.merged(place))
        else:
            change(lambda timeline: timeline.deleted(place))

    @again.on_click
    async def _(event: Any) -> None:
        place = desk.place
        await desk.make(
            f"Drawing phrase {place + 1} again", lambda: desk.session.redraw(place, int(seed.value))
        )

    def refresh() -> None:
        phrases = desk.session.timeline.phrases
        names = tuple(f"{place + 1} · {phrase.text}" for place, phrase in enumerate(phrases)) or (_NONE,)
        if which.options != names:
            which.options = names
        which.value = names[desk.place]
        for control in (words, seconds, again):
            control.disabled = not phrases
        order.visible = bool(phrases)
        if phrases:
            phrase = phrases[desk.place]
            if words.value.strip() != phrase.text:
                words.value = phrase.text
            seconds.value = round(phrase.seconds, 2)

    desk.refreshers.append(refresh)

"""Draw a part of the chosen take again, or let it go on."""

from __future__ import annotations

from typing import Any

from kinelex.prompts import MAX_SECONDS, MIN_SECONDS
from kinelex.studio.desk import Desk

_SHORTEST = 0.4  # seconds between the two ends of a part


def add_part(desk: Desk) -> None:
    """Add the controls."""
    gui = desk.gui
    part = gui.add_multi_slider("From, to", 0.0, 4.0, 0.1, (1.0, 2.0), min_range=_SHORTEST)
    text = gui.add_text(
        "What", "", multiline=True, hint="What happens there. Empty: what the clip's phrases say."
    )
    own = gui.add_checkbox("Other length", False, hint="Else the part takes as long as it did.")
    seconds = gui.add_number("Seconds", 2.0, min=MIN_SECONDS, max=MAX_SECONDS, step=0.1)
    seed = gui.add_number("Seed", 1, min=0, step=1)
    again = gui.add_button("Draw this part again", hint="The rest of the take is kept.")
    onward = gui.add_button("Go on after the end", color="gray")

    def length() -> float | None:
        return float(seconds.value) if own.value else None

    @again.on_click
    async def _(event: Any) -> None:
        start, end = part.value
        await desk.make(
            "Drawing the part again",
            lambda: desk.session.replace_part(start, end, text.value, length(), int(seed.value)),
        )

    @onward.on_click
    async def _(event: Any) -> None:
        await desk.make("Going on", lambda: desk.session.extend(text.value, length(), int(seed.value)))

    @own.on_update
    async def _(event: Any) -> None:
        seconds.disabled = not own.value

    def refresh() -> None:
        takes = desk.session.takes
        for control in (part, again, onward):
            control.disabled = takes.chosen is None
        seconds.disabled = not own.value
        if takes.chosen is not None:
            longest = round(takes.current.motion.seconds, 1)
            part.max = longest
            part.value = (max(0.0, min(part.value[0], longest - _SHORTEST)), min(part.value[1], longest))

    desk.refreshers.append(refresh)

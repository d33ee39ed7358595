"""Ask when the chosen take does something."""

from __future__ import annotations

from typing import Any

from kinelex.studio.desk import Desk
from kinelex.studio.strips import note

_HINT = "The strip above the timeline is orange where the motion fits the words best."


def add_find(desk: Desk) -> None:
    """Add the controls; the strip stands in the timeline."""
    gui = desk.gui
    query = gui.add_text("Find", "a person waves", hint="A phrase of one action.")
    button = gui.add_button("Find it in the take")
    answer = gui.add_html(note(_HINT))

    @button.on_click
    async def _(event: Any) -> None:
        if (
            await desk.act("Finding", lambda: desk.session.ground(query.value))
            and desk.session.found is not None
        ):
            desk.player.seek(desk.session.found.findings[0].start)

    def refresh() -> None:
        found = desk.session.found
        answer.content = note(_HINT) if found is None else "".join(
            note(f"{part.start:.2f} to {part.end:.2f} s, cosine {part.score:+.3f}") for part in found.findings
        )  # fmt: skip

    desk.refreshers.append(refresh)

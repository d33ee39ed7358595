"""What the chosen take shows of its phrases, and what not."""

from __future__ import annotations

import asyncio

from kinelex.best_of import Chosen
from kinelex.studio.desk import Desk
from kinelex.studio.strips import note
from kinelex.studio.takes import Take

_WRONG = "#c0392b"


def add_shown(desk: Desk) -> None:
    """Add the lines; a take is looked at once, while the page goes on."""
    lines = desk.gui.add_html("")
    # Numbers of takes that could not be put on the stage are given again.
    told: dict[tuple[int, int], str] = {}
    looking: set[asyncio.Task[None]] = set()

    async def look(take: Take) -> None:
        told[take.number, id(take.motion)] = shown(await desk.session.look_at(take))
        refresh()

    def refresh() -> None:
        takes = desk.session.takes
        if takes.chosen is None:
            return
        take = takes.current
        key = take.number, id(take.motion)
        if key not in told:
            told[key] = ""
            task = asyncio.get_running_loop().create_task(look(take))
            looking.add(task)
            task.add_done_callback(looking.discard)
        lines.content = told[key]

    desk.refreshers.append(refresh)


def shown(looked: Chosen) -> str:
    """The findings as lines of the page; nothing where nothing is claimed that geometry can see."""
    right = [str(finding) for finding in looked.findings if finding.right]
    text = note(f"Shows {'; '.join(right)}") if right else ""
    if looked.wrong:
        text += note(f"Does not show {'; '.join(map(str, looked.wrong))}", _WRONG)
    if looked.floats:
        text += note(f"Floats in {looked.floating:.0%} of its frames", _WRONG)
    return text

"""The prompt box, the seed, how many takes, and the button that makes them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import viser

from kinelex.studio.desk import Desk
from kinelex.studio.session import MOST_SIDE_BY_SIDE

_EXAMPLE = "a person walks forward, then waves with the right hand"


def add_prompt(gui: viser.GuiApi) -> Callable[[Desk], None]:
    """Add the box and its buttons; what comes back connects them with the desk, which needs the line below them."""
    sentence = gui.add_text(
        "Prompt", _EXAMPLE, multiline=True, hint="What the person does, one thing after another."
    )
    seed = gui.add_number("Seed", 0, min=0, step=1, hint="Same prompt, same seed: same motion.")
    count = gui.add_slider(
        "Side by side",
        1,
        MOST_SIDE_BY_SIDE,
        1,
        1,
        hint="Takes made together, with seeds that follow one another.",
    )
    generate = gui.add_button("Generate", icon=viser.Icon.PLAYER_PLAY)
    split = gui.add_button(
        "Split only", color="gray", hint="Split the prompt into phrases, without making motion."
    )

    def connect(desk: Desk) -> None:
        asked = known = ""

        def ask() -> str:
            nonlocal asked
            asked = sentence.value.strip()
            return asked

        @generate.on_click
        async def _(event: Any) -> None:
            await desk.make(
                "Generating", lambda: desk.session.generate(ask(), int(seed.value), int(count.value))
            )

        @split.on_click
        async def _(event: Any) -> None:
            await desk.act("Splitting", lambda: desk.session.split(ask()))

        def refresh() -> None:
            nonlocal asked, known
            # Only another sentence than the one asked for comes into the box: what is being written stays.
            if desk.session.sentence not in (asked, known):
                asked = sentence.value = desk.session.sentence
            known = desk.session.sentence

        desk.refreshers.append(refresh)

    return connect

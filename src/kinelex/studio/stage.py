"""The scene of one visitor: a floor, and the shown takes side by side."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import numpy as np
import viser

from kinelex.studio.figure import Figure
from kinelex.studio.puppet import Puppet, in_a_row
from kinelex.studio.takes import Take

_STAGE = "/stage"


class Stage:
    """The figures of the shown takes.

    Args:
        scene: of the visitor.
        choose: called with the number of a take whose body is clicked.

    Attributes:
        figures: by the number of their take.
        chosen: number of the take that is worked on.
        follow: the figures stay in the picture, and the floor passes below.
    """

    def __init__(self, scene: viser.SceneApi, choose: Callable[[int], Coroutine[Any, Any, None]]) -> None:
        self._scene, self._choose = scene, choose
        self._wardrobe: dict[tuple[int, int], Figure] = {}
        self.figures: dict[int, Figure] = {}
        self.chosen: int | None = None
        self.follow = True
        self._floor = scene.add_frame(_STAGE, show_axes=False)
        scene.add_grid(
            f"{_STAGE}/floor", 40.0, 40.0, plane="xz", cell_size=0.5, cell_color=(226, 229, 235),
            section_size=1.0, section_color=(205, 210, 219), fade_distance=18.0, shadow_opacity=0.25,
        )  # fmt: skip

    @property
    def seconds(self) -> float:
        """Of the longest take."""
        return max((len(one.puppet) / one.puppet.fps for one in self.figures.values()), default=0.0)

    @property
    def fps(self) -> float:
        """Of the take with the most frames a second."""
        return max((one.puppet.fps for one in self.figures.values()), default=20.0)

    @property
    def current(self) -> Figure | None:
        """The figure of the chosen take."""
        return None if self.chosen is None else self.figures.get(self.chosen)

    def show(self, puppets: Sequence[tuple[Take, Puppet]], chosen: int | None) -> None:
        """Put other takes on the stage, or the same ones seen otherwise."""
        self.figures = {}
        aside = in_a_row(len(puppets))
        for slot, ((take, puppet), offset) in enumerate(zip(puppets, aside, strict=True)):
            figure = self._figure(slot, puppet)
            figure.wear(puppet, f"{take.number} · {take.origin}", offset)
            self.figures[take.number] = figure
        for figure in self._wardrobe.values():
            if figure not in self.figures.values():
                figure.hide()
        self.choose(chosen)

    def choose(self, number: int | None) -> None:
        """Paint another take as the chosen one."""
        self.chosen = number
        for own, figure in self.figures.items():
            figure.paint(own == number)

    def pose(self, seconds: float) -> None:
        """Show a moment of all takes."""
        for figure in self.figures.values():
            figure.pose(seconds)
        places = [figure.place for figure in self.figures.values()] if self.follow else []
        x, z = np.mean(places, axis=0).tolist() if places else (0.0, 0.0)
        self._floor.position = (-x, 0.0, -z)

    def joints(self, number: int) -> np.ndarray:
        """(J, 3) where the joints of a take are drawn at this moment, in metres."""
        figure = self.figures[number]
        return figure.joints + self._floor.position

    def _figure(self, slot: int, puppet: Puppet) -> Figure:
        """The body for a slot and a skeleton, made when it is first needed."""
        key = (slot, len(puppet.rest))
        if key not in self._wardrobe:
            name = f"{_STAGE}/figure_{slot}_{key[1]}"
            figure = self._wardrobe[key] = Figure(self._scene, name, puppet)

            @figure.mesh.on_click
            async def _(event: Any) -> None:
                for number, shown in self.figures.items():
                    if shown is figure:
                        await self._choose(number)
                        return

        return self._wardrobe[key]

"""One finished picture of a clip at a moment: floor, path, trails of hands and feet, figure."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from kinelex.motion.drawing import Floats, floats
from kinelex.motion.drawing.body import LEFT, RIGHT, Body, body_of
from kinelex.motion.drawing.camera import Camera, camera_for, focus
from kinelex.motion.drawing.figure import PAINTS, draw_figure
from kinelex.motion.drawing.ground import Ground
from kinelex.motion.drawing.page import draw_curve
from kinelex.motion.motion import Motion

_PATH = (96, 104, 120)
_TRAILS = (LEFT, RIGHT, LEFT, RIGHT)  # of Body.hands_and_feet


@dataclass(frozen=True)
class Stage:
    """A clip with a camera that has it in view."""

    body: Body
    camera: Camera
    ground: Ground = field(repr=False)

    @classmethod
    def of(
        cls, motion: Motion, frames: list[int], width: int, height: int, margins: tuple[int, int, int]
    ) -> Stage:
        """Set up for pictures of `width` x `height` pixels at `frames`; margins as in `camera_for`."""
        body = body_of(motion.positions, motion.skeleton)
        camera = camera_for(body, frames, width, height, margins).moved(focus(body, frames[0]))
        return cls(body, camera, Ground.under(camera, body.floor))

    def draw(
        self,
        frame: int,
        target: tuple[float, float, float] | None = None,
        trail: tuple[int, int] | None = None,
    ) -> Floats:
        """(h, w, 3) colours, 0 to 1.

        Args:
            target: where to look; at the figure when not given.
            trail: frames (first, last) over which hands and feet leave a line.
        """
        target = focus(self.body, frame) if target is None else target
        camera = self.camera.moved(target)
        picture = self.ground.draw(self.body, frame, target)
        self._draw_path(picture, frame, camera)
        if trail is not None:
            for point, paint in enumerate(_TRAILS):
                line = self.body.hands_and_feet[trail[0] : trail[1] + 1, point]
                draw_curve(picture, camera.project(line)[0], PAINTS[paint], 1.6, 0.6)
        _lay(picture, draw_figure(self.body, frame, camera))
        return picture

    def _draw_path(self, picture: Floats, frame: int, camera: Camera) -> None:
        """The root's way over the floor: what is past is strong, what is to come is faint."""
        path = self.body.roots * floats((1, 0, 1)) + floats((0, self.body.floor, 0))
        near = np.hypot(path[:, 0] - camera.target[0], path[:, 2] - camera.target[2]) < camera.distance / 2
        pixels, _ = camera.project(path)
        for part, opacity in ((slice(0, frame + 1), 0.85), (slice(frame, None), 0.30)):
            for run in np.split(pixels[part], np.flatnonzero(~near[part])):
                draw_curve(picture, run[1:] if not near[part].all() else run, _PATH, 2.4, opacity)


def _lay(picture: Floats, figure) -> None:
    height, width = figure.opacity.shape
    window = picture[figure.top : figure.top + height, figure.left : figure.left + width]
    window *= 1.0 - figure.opacity[..., None]
    window += figure.colour

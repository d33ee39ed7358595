"""A body in the scene of one visitor, which one take after the other is put on."""

from __future__ import annotations

import numpy as np
import viser

from kinelex.studio.puppet import Puppet

CHOSEN, OTHER = (122, 148, 190), (190, 194, 202)
_PLANTED = (38, 170, 110)
_LABEL_HEIGHT = 0.4  # metres above the head joint
_SOLE_RADIUS, _SOLE_HEIGHT = 0.11, 0.006


class Figure:
    """A mannequin, a spot under each joint of a foot that is planted, and a label.

    It is hidden rather than removed: pages of viser 1.1 break down when a skinned mesh is taken out of the scene.

    Args:
        scene: of the visitor.
        name: of its node; what it consists of lies below.
        puppet: what it does first; those that it wears later have as many joints.
    """

    def __init__(self, scene: viser.SceneApi, name: str, puppet: Puppet) -> None:
        self.puppet = puppet
        self._root = scene.add_frame(name, show_axes=False)
        self.mesh = scene.add_mesh_skinned(
            f"{name}/body",
            puppet.body.vertices,
            puppet.body.triangles,
            bone_wxyzs=_unturned(puppet),
            bone_positions=puppet.rest,
            skin_weights=puppet.skin_weights,
            color=CHOSEN,
        )
        vertices, triangles = _disc()
        self._soles = [
            scene.add_mesh_simple(
                f"{name}/sole_{foot}", vertices, triangles, color=_PLANTED, cast_shadow=False, visible=False
            )
            for foot in range(puppet.planted.shape[1])
        ]
        self._label = scene.add_label(f"{name}/label", "", anchor="bottom-center")

    @property
    def joints(self) -> np.ndarray:
        """(J, 3) where they are on the stage."""
        return np.array([bone.position for bone in self.mesh.bones]) + self._root.position

    @property
    def place(self) -> tuple[float, float]:
        """x and z of its root on the stage."""
        x, _, z = self.mesh.bones[0].position + self._root.position
        return float(x), float(z)

    def wear(self, puppet: Puppet, label: str, offset: float) -> None:
        """Show another clip, `offset` metres to the side."""
        self.puppet, body = puppet, puppet.body
        self.mesh.vertices = body.vertices.astype(np.float32)
        self.mesh.faces = body.triangles.astype(np.uint32)
        self.mesh.skin_indices = body.joints.astype(np.uint16)
        self.mesh.skin_weights = body.weights.astype(np.float32)
        self.mesh.bone_positions, self.mesh.bone_wxyzs = puppet.rest, _unturned(puppet)
        self._label.text = label
        self._root.position = (offset, 0.0, 0.0)
        self._root.visible = True

    def hide(self) -> None:
        """Take it off the stage."""
        self._root.visible = False

    def paint(self, chosen: bool) -> None:
        """In the colour of the take that is worked on, or of the others."""
        self.mesh.color = CHOSEN if chosen else OTHER

    def pose(self, seconds: float) -> None:
        """Show a moment of its clip; the last one when it has ended."""
        puppet, frame = self.puppet, self._frame(seconds)
        for bone, position, turn in zip(
            self.mesh.bones, puppet.bones[frame], puppet.turns[frame], strict=True
        ):
            bone.position, bone.wxyz = position, turn
        for sole, place, planted in zip(self._soles, puppet.soles[frame], puppet.planted[frame], strict=True):
            sole.position, sole.visible = place, bool(planted)
        self._label.position = puppet.bones[frame, puppet.head] + np.array((0.0, _LABEL_HEIGHT, 0.0))

    def planted(self, seconds: float) -> tuple[bool, ...]:
        """Left ankle, left toe, right ankle, right toe at a moment."""
        return tuple(self.puppet.planted[self._frame(seconds)].tolist())

    def _frame(self, seconds: float) -> int:
        return min(int(seconds * self.puppet.fps + 1e-6), len(self.puppet) - 1)


def _unturned(puppet: Puppet) -> np.ndarray:
    return np.tile(np.array((1.0, 0.0, 0.0, 0.0), np.float32), (len(puppet.rest), 1))


def _disc(corners: int = 24) -> tuple[np.ndarray, np.ndarray]:
    """A flat disc seen from above: vertices (V, 3) around its middle, triangles (F, 3)."""
    angles = np.linspace(0.0, 2 * np.pi, corners, endpoint=False)
    rim = np.stack((np.cos(angles), np.zeros(corners), np.sin(angles)), axis=1) * _SOLE_RADIUS
    vertices = np.concatenate((np.zeros((1, 3)), rim)) + np.array((0.0, _SOLE_HEIGHT, 0.0))
    around = np.arange(corners)
    triangles = np.stack((np.zeros(corners, int), 1 + (around + 1) % corners, 1 + around), axis=1)
    return vertices, triangles

"""Which piece can follow which: the poses of an end and a beginning are alike, and so is how they move."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from kinelex.data.composing.actions import Piece
from kinelex.data.store import Store
from kinelex.motion.layout import FeatureLayout

# Mean distance (m) of the joints of two poses beyond which half a second is too short to get across.
_TOO_FAR = 0.22
_VELOCITY_WEIGHT = 1.5


def best_fit(store: Store, last: Piece | None, pieces: Sequence[Piece], overlap: int) -> Piece | None:
    """The piece whose beginning is most like the end of `last`; None if all are too far from it.

    Args:
        store: of the clips.
        last: what is to be followed; without it the first piece fits best.
        pieces: to choose from.
        overlap: frames in which the two go into each other.
    """
    if last is None or not pieces:
        return pieces[0] if pieces else None
    middle = overlap // 2
    end = store.features(last.clip)[last.stop - overlap + middle]
    begin = np.stack([store.features(piece.clip)[piece.start + middle] for piece in pieces])
    layout = FeatureLayout.of(store.skeleton)
    pose = _distances(end, begin, layout.positions)
    place = int(np.argmin(pose + _VELOCITY_WEIGHT * _distances(end, begin, layout.velocities)))
    return pieces[place] if pose[place] < _TOO_FAR else None


def _distances(end: NDArray[np.float32], begin: NDArray[np.float32], field: slice) -> NDArray[np.float32]:
    """(N,) mean distance of the joints of one frame from those of N others."""
    apart = (end[field] - begin[:, field]).reshape(len(begin), -1, 3)
    return np.linalg.norm(apart, axis=-1).mean(-1)

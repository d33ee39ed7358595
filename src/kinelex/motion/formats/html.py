"""A page that plays a clip: one file, no network, any browser; drag to look from elsewhere."""

from __future__ import annotations

import base64
import html
import json
import os
import re
from importlib.resources import files
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from kinelex.atomic import atomic_path
from kinelex.motion.contacts import foot_contacts
from kinelex.motion.drawing import Floats
from kinelex.motion.drawing.body import HEAD, LEFT, RIGHT, TRUNK, Body, body_of
from kinelex.motion.drawing.figure import PAINTS, VISOR
from kinelex.motion.drawing.page import PHRASES, title_of
from kinelex.motion.motion import Motion

_SPAN = 2.25  # metres of picture height, unless the clip reaches higher
_INK_STEP = 0.06  # metres by which a limb must pass before another to be outlined


def write_html(motion: Motion, path: str | os.PathLike[str], title: str | None = None) -> None:
    """Write a player page. `#t=2.5` behind its address shows that moment.

    Args:
        title: what to write above; the phrases when not given.

    Raises:
        KinelexError: the file cannot be written.
    """
    heading = html.escape((title_of(motion) if title is None else title) or "Kinelex motion")
    parts = {
        "TITLE": heading,
        "LEFT": ", ".join(map(str, PAINTS[LEFT])),
        "RIGHT": ", ".join(map(str, PAINTS[RIGHT])),
        "SECONDS": f"{motion.seconds:.2f}",
        "CLIP": _embeddable(_clip(motion)),
        "SCRIPT": _asset("player_scene.js") + _asset("player.js").removeprefix('"use strict";\n'),
    }
    # One pass over the template, so that what a prompt says is never taken for a placeholder.
    page = re.sub(r"@([A-Z]+)@", lambda match: parts[match.group(1)], _asset("player.html"))
    with atomic_path(path) as temporary:
        temporary.write_text(page, encoding="utf-8", newline="\n", errors="replace")


def _asset(name: str) -> str:
    return files("kinelex.motion.formats").joinpath(name).read_text(encoding="utf-8")


def _embeddable(value: dict[str, Any]) -> str:
    """JSON that can stand inside a script element: nothing in it closes the element or opens a comment."""
    return json.dumps(value, separators=(",", ":")).replace("<", "\\u003c")


def _clip(motion: Motion) -> dict[str, Any]:
    """What the scripts need: points as int16 steps, limbs as point indices, phrases, contacts."""
    body = body_of(motion.positions, motion.skeleton)
    points, limbs, named = _points(motion, body)
    low, high = points.min(axis=(0, 1)), points.max(axis=(0, 1))
    origin = (low + high) / 2
    step = max(float((high - low).max()), 1e-3) / 65000
    planted = foot_contacts(torch.from_numpy(motion.positions), motion.fps, motion.skeleton).numpy()
    roots = body.roots[:, [0, 2]]
    return {
        "frames": len(motion),
        "fps": motion.fps,
        "stride": points.shape[1],
        "points": _base64(np.rint((points - origin) / step).astype("<i2")),
        "origin": _rounded(origin, 6),
        "step": step,
        "limbs": limbs,
        **named,
        "contacts": _base64((planted << np.arange(4)).sum(axis=1).astype(np.uint8)),
        "floor": round(body.floor, 4),
        "middle": _rounded((roots.min(axis=0) + roots.max(axis=0)) / 2, 4),
        "span": round(max(_SPAN, float(high[1]) * 1.15 + 0.3), 3),
        "ink": _INK_STEP,
        "paints": [PAINTS[paint] for paint in (TRUNK, LEFT, RIGHT, HEAD)],
        "visor": VISOR,
        "colours": PHRASES,
        "segments": [{"text": part.text, "start": part.start, "end": part.end} for part in motion.segments],
    }


def _points(motion: Motion, body: Body) -> tuple[Floats, list[list[float]], dict[str, Any]]:
    """Each point once (T, N, 3), limbs as [start, end, radius, radius, paint], and what other points mean."""
    skeleton = motion.skeleton
    feet = motion.positions[:, [*skeleton.left_foot, *skeleton.right_foot]]
    head = body.ends[:, body.paints.index(HEAD)][:, None]
    extra = (body.roots[:, None], head, head + body.faces[:, None], body.hands_and_feet, feet)
    stacked = np.concatenate((body.starts, body.ends, *extra), axis=1)
    _, first, index = np.unique(
        stacked.transpose(1, 0, 2).reshape(stacked.shape[1], -1),
        axis=0,
        return_index=True,
        return_inverse=True,
    )
    index = index.reshape(-1).tolist()
    count = len(body.paints)
    radii = zip(body.start_radii.tolist(), body.end_radii.tolist(), strict=True)
    limbs = [
        [index[limb], index[count + limb], round(start, 4), round(end, 4), body.paints[limb]]
        for limb, (start, end) in enumerate(radii)
    ]
    root, head_point, face, *others = index[2 * count :]
    named = {"root": root, "head": head_point, "face": face, "ends": others[:4], "feet": others[4:]}
    return stacked[:, first], limbs, named


def _rounded(values: Floats, digits: int) -> list[float]:
    return [round(float(value), digits) for value in values]


def _base64(values: NDArray[Any]) -> str:
    return base64.b64encode(values.tobytes()).decode("ascii")

"""The drawing against brute force and against what a spectator must be able to see."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kinelex.errors import KinelexError
from kinelex.motion.drawing.body import LEFT, RIGHT, body_of
from kinelex.motion.drawing.camera import Camera, camera_for, focus
from kinelex.motion.drawing.figure import PAINTS, _Surface, draw_figure
from kinelex.motion.drawing.ground import Ground
from kinelex.motion.drawing.page import font, wrapped
from kinelex.motion.skeleton import HUMANML3D, KIT

CLIP = Path(__file__).parents[2] / "data" / "012314_joints.npy"
CAMERA = Camera(width=200, height=300, scale=120.0, centre=(100.0, 160.0), target=(0.0, 0.9, 0.0))


@pytest.fixture(scope="module")
def body():
    return body_of(np.load(CLIP), HUMANML3D)


def standing(skeleton=HUMANML3D) -> np.ndarray:
    """(1, J, 3) the rest pose, feet on the floor, facing +Z."""
    joints = np.zeros((len(skeleton), 3), np.float32)
    for joint, parent in enumerate(skeleton.parents):
        if parent >= 0:
            joints[joint] = joints[parent] + skeleton.offsets[joint]
    return (joints - [0, joints[:, 1].min(), 0])[None].astype(np.float32)


# ------------------------------------------------------------------ camera


def test_axes_are_a_right_handed_frame() -> None:
    axes = replace(CAMERA, yaw=0.7, pitch=0.3).axes
    np.testing.assert_allclose(axes @ axes.T, np.eye(3), atol=1e-6)
    np.testing.assert_allclose(np.cross(axes[0], axes[1]), axes[2], atol=1e-6)


def test_the_target_falls_on_the_centre_and_nearer_is_larger() -> None:
    pixels, size = CAMERA.project(np.float32([CAMERA.target, CAMERA.axes[2] + CAMERA.target]))
    np.testing.assert_allclose(pixels[0], CAMERA.centre, atol=1e-4)
    assert size[0] == pytest.approx(1.0)
    assert size[1] == pytest.approx(6.5 / 5.5)


def test_walking_forward_goes_right_and_towards_the_viewer() -> None:
    (before, after), size = CAMERA.project(np.float32([[0, 0, 0], [0, 0, 1]]))
    assert after[0] > before[0]
    assert size[1] > size[0]


def test_every_frame_is_whole_in_view(body) -> None:
    frames = list(range(0, len(body), 10))
    camera = camera_for(body, frames, 216, 340, (26, 22, 8))
    for frame in frames:
        picture = draw_figure(body, frame, camera.moved(focus(body, frame)))
        rows, columns = np.nonzero(picture.opacity > 0.5)
        assert columns.min() + picture.left >= 4
        assert columns.max() + picture.left <= 212
        assert rows.min() + picture.top >= 22
        assert rows.max() + picture.top <= 322


# ------------------------------------------------------------------ figure

radius = st.floats(2.0, 12.0)
place = st.floats(12.0, 48.0)


@settings(max_examples=40, deadline=None)
@given(place, place, st.floats(-30, 30), radius, place, place, st.floats(-30, 30), radius)
def test_a_limb_is_the_union_of_the_balls_along_it(x0, y0, z0, r0, x1, y1, z1, r1) -> None:
    """Nearest surface and normal in closed form agree with 800 balls drawn one by one."""
    surface = _Surface.empty(0, 0, 60, 60)
    surface.add(0, x0, y0, z0, r0, x1, y1, z1, r1)
    share = np.linspace(0, 1, 801)[:, None, None]
    x, y, z, r = (a + share * (b - a) for a, b in ((x0, x1), (y0, y1), (z0, z1), (r0, r1)))
    u, v = np.arange(60) + 0.5, (np.arange(60) + 0.5)[:, None]
    square = r**2 - (u - x) ** 2 - (v - y) ** 2
    near = np.where(square > 0, z + np.sqrt(np.maximum(square, 0)), -np.inf).max(axis=0)
    contained = (x1 - x0) ** 2 + (y1 - y0) ** 2 <= (r1 - r0) ** 2 + 1e-3
    seen = (surface.limb == 0) & np.isfinite(near)
    disagree = (surface.limb == 0) != np.isfinite(near)
    if contained:  # drawn as its two end balls: the sides between them may show a little more
        assert (surface.near[seen] <= near[seen] + 1e-3).all()
        return
    assert disagree.mean() < 0.01  # rims of pixels' width
    inner = seen & (np.abs(surface.normal[..., 2]) > 0.2)
    np.testing.assert_allclose(surface.near[inner], near[inner], atol=0.05)
    np.testing.assert_allclose(np.linalg.norm(surface.normal[seen], axis=-1), 1.0, atol=1e-3)


def test_nearer_limbs_hide_farther_ones_in_any_order() -> None:
    for order in ((0, 1), (1, 0)):
        surface = _Surface.empty(0, 0, 40, 40)
        for limb in order:
            surface.add(limb, 5, 20, 10.0 * limb, 4, 35, 20, 10.0 * limb, 4)
        assert set(np.unique(surface.limb)) == {-1, 1}


@pytest.mark.parametrize("skeleton", [HUMANML3D, KIT], ids=lambda skeleton: skeleton.name)
def test_left_is_orange_and_on_the_right_of_a_picture_from_the_front(skeleton) -> None:
    joints = standing(skeleton)
    if skeleton is KIT:  # its rest directions have the sides exchanged; see there
        joints = joints * np.float32((-1, 1, 1))
    body = body_of(joints, skeleton)
    camera = replace(camera_for(body, [0], 200, 300, (10, 10, 10)), target=focus(body, 0), yaw=0.0)
    picture = draw_figure(body, 0, camera)
    solid = picture.opacity > 0.99
    columns = np.broadcast_to(np.arange(solid.shape[1]) + picture.left, solid.shape)
    orange = solid & (picture.colour[..., 0] > picture.colour[..., 2] + 0.2)
    blue = solid & (picture.colour[..., 2] > picture.colour[..., 0] + 0.2)
    assert PAINTS[LEFT][0] > PAINTS[LEFT][2]
    assert PAINTS[RIGHT][2] > PAINTS[RIGHT][0]
    assert min(orange.sum(), blue.sum()) > 500
    assert columns[blue].mean() < 90 < 110 < columns[orange].mean()


def test_the_dark_face_shows_from_the_front_only() -> None:
    body = body_of(standing(), HUMANML3D)
    camera = replace(camera_for(body, [0], 200, 300, (10, 10, 10)), target=focus(body, 0))

    def dark(yaw: float) -> int:
        picture = draw_figure(body, 0, replace(camera, yaw=yaw))
        head = slice(0, round(0.13 * picture.opacity.shape[0]))
        return int(((picture.opacity > 0.99) & (picture.colour.max(axis=-1) < 0.3))[head].sum())

    assert dark(0.0) > 30 > 5 >= dark(np.pi)


def test_a_figure_outside_the_picture_draws_nothing(body) -> None:
    picture = draw_figure(body, 0, CAMERA.moved((100.0, 0.9, 0.0)))
    assert picture.opacity.size == 0 or picture.opacity.max() == 0


def test_joints_that_are_no_metres_are_refused() -> None:
    with pytest.raises(KinelexError, match="give metres"):
        body_of(standing() * np.float32(1e6), HUMANML3D)


# ------------------------------------------------------------------ ground


def test_the_floor_is_where_the_camera_sees_it() -> None:
    ground = Ground.under(CAMERA, floor=-0.02)
    row, column = 60, 80
    point = np.float32([ground.x[row, column], -0.02, ground.z[row, column]])
    (x, y), _ = CAMERA.project(point)
    assert (x, y) == pytest.approx((column + 0.5, row + ground.top + 0.5), abs=0.05)


def test_the_shadow_lies_under_the_figure() -> None:
    body = body_of(standing(), HUMANML3D)
    target = focus(body, 0)
    camera = CAMERA.moved(target)
    picture = Ground.under(camera, body.floor).draw(body, 0, target).mean(axis=-1)
    (foot, aside), _ = camera.project(np.float32([body.hands_and_feet[0, 2], [1.0, 0.0, -0.6]]))
    foot, aside = foot.astype(int), aside.astype(int)
    lit = picture[aside[1] - 2 : aside[1] + 3, aside[0] - 2 : aside[0] + 3].max()
    assert picture[foot[1], foot[0]] < lit - 0.2


# ------------------------------------------------------------------ words


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=200), st.integers(1, 3), st.floats(0, 300))
def test_wrapped_text_fits(text: str, lines: int, width: float) -> None:
    rows = wrapped(text, font(12), width, lines)
    assert len(rows) <= lines
    assert all(font(12).getlength(row) <= width or row == "" for row in rows)


@settings(max_examples=60, deadline=None)
@given(st.text("aAfijlTVwW .", max_size=80), st.floats(20, 300))
def test_no_more_is_cut_off_than_needed(text: str, width: float) -> None:
    """One letter more would not fit."""
    face, whole = font(12), " ".join(text.split())
    (row,) = wrapped(text, face, width, 1)
    if face.getlength(whole) <= width:
        assert row == whole
        return
    kept = row.removesuffix("…")
    assert whole.startswith(kept)
    longer = whole[: len(kept) + 1 + whole[len(kept)].isspace()]
    assert face.getlength(f"{longer}…") > width


def test_text_that_pillow_refuses_to_measure_is_cut() -> None:
    for text in ("walks and " * 120_000, "i" * 1_200_000, " " * 1_200_000 + "i" * 1_200_000):
        row = wrapped(text, font(13, bold=True), 7000, 1)[0]
        assert row.endswith("…")
        assert 6900 < font(13, bold=True).getlength(row) <= 7000


def test_very_long_text_is_measured_few_times() -> None:
    class Counting:
        calls = 0

        def getlength(self, text: str) -> float:
            self.calls += 1
            return 7.0 * len(text)

    for text in ("a" * 10_000, "walks and " * 1000):
        face = Counting()
        rows = wrapped(text, face, 700, 2)
        assert rows[-1].endswith("…")
        assert face.calls < 60


def test_short_text_is_kept() -> None:
    assert wrapped("a person  waves\n", font(12), 500, 1) == ["a person waves"]
    assert wrapped("a person waves and then walks", font(12), 80, 2)[-1].endswith("…")

"""SMPL-H joints agree with the long way through vertices and matrices; foreign model files are refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from kinelex.errors import KinelexError
from kinelex.motion.smplh import read_smplh
from smplh_model import brute_force_joints, write_body_model


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("body") / "male" / "model.npz"
    write_body_model(path)
    return path


def test_joints_equal_those_of_the_whole_body(model: Path) -> None:
    random = np.random.default_rng(1)
    poses, betas = random.standard_normal((7, 156)), random.standard_normal(10)
    translations = 5 * random.standard_normal((7, 3))
    expected = brute_force_joints(model, poses, betas, translations)[:, :22]
    arrays = (torch.from_numpy(array).float() for array in (poses, betas, translations))
    np.testing.assert_allclose(read_smplh(model).joints(*arrays), expected, atol=5e-6)


def test_ten_shape_parameters_count(model: Path) -> None:
    body = read_smplh(model)
    pose, place = torch.zeros(1, 156), torch.zeros(1, 3)
    sixteen = torch.arange(16.0)
    assert torch.equal(body.joints(pose, sixteen, place), body.joints(pose, sixteen[:10], place))
    assert not torch.equal(body.joints(pose, sixteen, place), body.joints(pose, sixteen[:9], place))
    torch.testing.assert_close(body.joints(pose, torch.zeros(10), place)[0], body.rest)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kintree_table": np.zeros((2, 52), np.uint32)}, "no SMPL-H model of 52 joints"),
        ({"J_regressor": np.zeros((24, 104))}, "no SMPL-H model of 52 joints"),
        ({"v_template": np.full((104, 3), np.nan)}, "NaN"),
        ({"J_regressor": np.array({"sparse": 1}, dtype=object)}, "pickle"),
        ({"shapedirs": None}, "has no shapedirs"),
    ],
)
def test_other_models_are_refused(model: Path, change: dict, message: str, tmp_path: Path) -> None:
    with np.load(model, allow_pickle=True) as file:
        arrays = {**file, **change}
    np.savez(tmp_path / "model.npz", **{name: array for name, array in arrays.items() if array is not None})
    with pytest.raises(KinelexError, match=message):
        read_smplh(tmp_path / "model.npz")

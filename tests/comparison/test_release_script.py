"""runs/release.sh debug: from recordings to a model like the bundled one, measured."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from debug_runs import debug_run
from kinelex.data.store import Store
from kinelex.hub import load_model
from kinelex.text.mirroring import leads_right


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_a_model_like_the_bundled_one_is_made(tmp_path: Path) -> None:
    debug_run("release.sh", tmp_path)
    stores, made = tmp_path / "release-stores", tmp_path / "release"
    described = Store.open(stores / "described")
    assert any(leads_right(caption.text) for clip in described for caption in clip.captions)
    assert load_model(made / "model").reading.left_first
    assert json.loads((made / "report" / "report.json").read_text("utf-8"))
    assert json.loads((made / "probes.json").read_text("utf-8"))["trials"]
    assert debug_run("release.sh", tmp_path).count("there already") == 4

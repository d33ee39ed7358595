"""`kinelex prepare`: options that are for some corpora only, and what its help says of them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from kinelex.cli import main
from kinelex.data.store import Store

CLIPS = Path(__file__).parents[1] / "data" / "clips"


def test_amc_files_of_a_folder_are_read_at_the_rate_that_is_given(tmp_path: Path) -> None:
    source = tmp_path / "mocap"
    source.mkdir()
    shutil.copy(CLIPS / "cmu_08_01.amc", source)
    shutil.copy(CLIPS / "cmu_08.asf", source)
    frames = {}
    for rate in ("20", "10"):
        store = tmp_path / rate
        arguments = ["prepare", "folder", "--source", str(source), "--output", str(store), "--workers", "1"]
        assert main([*arguments, "--recorded-at", rate]) == 0
        frames[rate] = sum(Store.open(store).column("frames"))
    assert frames["10"] == pytest.approx(2 * frames["20"], abs=3)


@pytest.mark.parametrize("corpus", ["humanml3d", "cmu", "compose", "describe"])
def test_other_corpora_have_no_use_for_a_rate(
    corpus: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "store"
    arguments = ["prepare", corpus, "--source", str(tmp_path), "--output", str(output), "--recorded-at", "60"]
    assert main(arguments) == 2
    assert "--recorded-at is for the AMC files of kinelex prepare folder" in capsys.readouterr().err
    assert not output.exists()


def test_an_impossible_rate_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["prepare", "folder", "--source", str(CLIPS), "--output", str(tmp_path / "store")]
    assert main([*arguments, "--recorded-at", "0"]) == 2
    told = capsys.readouterr().err
    assert told.startswith("kinelex: AMC files are not recorded at 0 frames a second")
    assert not (tmp_path / "store").exists()


def test_help_says_what_is_counted_and_assumed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["prepare", "--help"])
    told = " ".join(capsys.readouterr().out.split())
    assert "training sequences that compose makes" in told
    assert "val and test get as many in proportion" in told
    assert "120 frames a second are assumed, unless --recorded-at says otherwise" in told

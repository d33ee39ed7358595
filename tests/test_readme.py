"""What the README says to type works: its Python runs, and so do its `kinelex` commands, in the order of the page."""

from __future__ import annotations

import re
import shlex
import shutil
from itertools import islice
from pathlib import Path

import pytest

from amass_files import AmassWorld, recording
from kinelex.cli import main
from kinelex.evaluation.probes.recordings import load_recordings
from kinelex.motion.motion import Motion, Segment
from rig_clips import recorded_motion

PAGE = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
FBX = Path(__file__).parent / "data" / "clips" / "cmu_08_01_mixamo.fbx"
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", PAGE, flags=re.DOTALL | re.MULTILINE)
MENU = re.findall(r"^\|.*\| `(kinelex .*)` \|$", PAGE, flags=re.MULTILINE)
SHELL = "\n".join(text for language, text in BLOCKS if language == "sh")
COMMANDS = [
    line.replace(r"\|", "|") for line in (*MENU, *re.findall(r"\b(kinelex .*)$", SHELL, flags=re.MULTILINE))
]
# The recipe of the page takes hours, its twin seconds; nobody can ship the published checkpoints.
SHORTER = {
    "train finetune ": "train finetune-debug ",
    "train guided-cpu ": "train guided-cpu-debug ",
    "--count 1000": "--count 20",
}
NEEDS_DOWNLOAD = "kinelex import "


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files that the page takes for granted."""
    folder = tmp_path_factory.mktemp("readme")
    phrases = (Segment("a person runs", 0.0, 3.0), Segment("a person turns right", 3.0, 6.0))
    take = recorded_motion().with_segments(phrases)
    for name in ("take.bvh", "take.npz", "walk.npz"):
        take.save(folder / name)
    shutil.copy(FBX, folder / "mocap.fbx")
    amass = AmassWorld(folder)
    amass.recorded("CMU/01/01_01_poses", recording(400))
    amass.indexed("CMU/01/01_01_poses", 0, 60)
    amass.finish()
    (folder / "prompts.txt").write_text("a person walks\na person jumps\n")
    (folder / "my_mocap").mkdir()
    for label, caption in (("walk", "walks"), ("wave-both-hands", "waves"), ("run", "jogs")):
        clips = (each.motion for each in load_recordings() if each.label == label)
        for number, motion in enumerate(islice(clips, 8)):
            motion.save(folder / f"my_mocap/{label}{number}.npy")
            (folder / f"my_mocap/{label}{number}.txt").write_text(f"a person {caption}\n")
    return folder


def test_the_page_was_read() -> None:
    assert len(MENU) > 10
    assert len(COMMANDS) > len(MENU)
    assert [language for language, _ in BLOCKS].count("python") >= 1


@pytest.mark.parametrize("command", [line for line in COMMANDS if not line.startswith(NEEDS_DOWNLOAD)])
def test_command_works(command: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    for long, short in SHORTER.items():
        command = command.replace(long, short)
    assert main(shlex.split(command, comments=True)[1:]) == 0


@pytest.mark.parametrize("program", [text for language, text in BLOCKS if language == "python"])
def test_python_runs(program: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    names: dict[str, object] = {}
    exec(compile(program, "README.md", "exec"), names)
    assert isinstance(names["motion"], Motion)
    assert (folder / "walk.glb").stat().st_size > 1000

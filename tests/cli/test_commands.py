"""The command line: what it writes, what it says, and that bad input ends with 2 and loses nothing."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

from kinelex.cli import main
from kinelex.motion.motion import Motion, Segment
from tiny_encoders import write_encoder

CLIP = Path(__file__).parents[1] / "data" / "012314_joints.npy"


def test_generate_writes_every_format(
    model_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    outputs = [tmp_path / f"clip.{suffix}" for suffix in ("npz", "npy", "bvh", "glb", "html")]
    arguments = [part for output in outputs for part in ("--output", str(output))]
    text = "a person walks forward, then sits down"
    assert main(["generate", text, "--duration", "2", "--model", str(model_folder), *arguments]) == 0
    assert all(output.stat().st_size > 1000 for output in outputs)
    motion = Motion.load(outputs[0])
    assert len(motion) == 40
    assert [segment.text for segment in motion.segments] == ["a person walks forward", "a person sits down"]
    assert "a person sits down" in capsys.readouterr().out


def test_generate_is_reproducible(model_folder: Path, tmp_path: Path) -> None:
    for name in ("first.npz", "second.npz"):
        assert (
            main(
                [
                    "generate",
                    "a person runs",
                    "--seed",
                    "7",
                    "--model",
                    str(model_folder),
                    "--output",
                    str(tmp_path / name),
                ]
            )
            == 0
        )
    first, second = (Motion.load(tmp_path / name).positions for name in ("first.npz", "second.npz"))
    assert np.array_equal(first, second)


def test_generate_with_another_text_encoder(
    model_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["generate", "a person walks", "--duration", "2", "--model", str(model_folder), "--output"]
    clips = [str(tmp_path / name) for name in ("own.npz", "same.npz", "other.npz", "narrow.npz")]
    encoders = [model_folder / "text_encoder"]
    encoders += [write_encoder(family, tmp_path / family) for family in ("bert", "clip")]
    assert main([*arguments, clips[0]]) == 0
    codes = [
        main([*arguments, clip, "--text-encoder", str(encoder)])
        for clip, encoder in zip(clips[1:], encoders, strict=True)
    ]
    assert codes == [0, 0, 2]
    own, same, other = (Motion.load(clip).positions for clip in clips[:3])
    assert np.array_equal(own, same)
    assert not np.array_equal(own, other)
    assert "gives 8 numbers a sentence, but the model reads 16" in capsys.readouterr().err


def test_generate_tells_what_a_clip_shows_and_check_asks_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clip, arguments = str(tmp_path / "wave.npz"), ["--best-of", "8", "--duration", "3"]
    assert main(["generate", "a person waves with the left hand", "--output", clip, *arguments]) == 0
    assert "  shows: wave: yes; hand: left\n" in capsys.readouterr().out
    assert main(["check", clip]) == 0
    assert capsys.readouterr().out == "  shows: wave: yes; hand: left\n"
    assert main(["check", clip, "a person waves with the right hand"]) == 1
    assert main(["check", clip, "wave with your right hand"]) == 1
    assert "  DOES NOT SHOW: hand: right (shows left)\n" in capsys.readouterr().out
    assert main(["check", clip, "--json"]) == 0
    wave, hand = json.loads(capsys.readouterr().out)
    assert (wave["phrase"], wave["found"]) == ("a person waves with the left hand", "yes")
    assert hand["claim"] == {"question": "hand", "expected": "left"}
    assert hand["right"] is True
    assert main(["check", clip, "a person waves, then jumps"]) == 2
    assert "nothing says when each happens" in capsys.readouterr().err
    assert main(["check", str(CLIP)]) == 2
    assert "say what it should show" in capsys.readouterr().err
    assert main(["check", clip, "a person is happy"]) == 0
    assert "nothing that the probes can see" in capsys.readouterr().out


def test_convert_does_not_write_over_other_takes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = tmp_path / "first.npy", tmp_path / "second.npy"
    first.write_bytes(CLIP.read_bytes())
    second.write_bytes(b"another take")
    assert main(["convert", str(first), str(tmp_path / "first.npz"), str(second)]) == 2
    assert "second.npy is there already; add --force" in capsys.readouterr().err
    assert second.read_bytes() == b"another take"
    assert not (tmp_path / "first.npz").exists()
    assert main(["convert", str(first), str(second), "--force"]) == 0
    assert np.load(second).shape == np.load(first).shape


def test_convert_keeps_every_frame_but_in_files_that_hold_no_rate(tmp_path: Path) -> None:
    take = CLIP.parent / "clips" / "bandai_walk_normal.bvh"
    outputs = [tmp_path / name for name in ("take.npz", "take.bvh", "take.npy")]
    assert main(["convert", str(take), *map(str, outputs)]) == 0
    whole = Motion.load(take, fps="file")
    for output in outputs[:2]:
        again = Motion.load(output, fps="file")
        assert again.fps == pytest.approx(whole.fps, rel=1e-4)
        assert np.abs(again.positions - whole.positions).max() < 0.01
    assert Motion.load(outputs[2]).seconds == pytest.approx(whole.seconds, abs=0.15)
    assert main(["convert", str(take), str(tmp_path / "film.npz"), "--fps", "30", "--keep-placement"]) == 0
    film = Motion.load(tmp_path / "film.npz")
    assert film.fps == 30
    assert np.abs(film.positions[0, 0] - whole.positions[0, 0]).max() > 0.01
    assert main(["convert", str(take), str(tmp_path / "quick.npz"), "--recorded-at", "15"]) == 0
    assert Motion.load(tmp_path / "quick.npz").fps == 15


def test_the_help_of_train_names_the_recipes(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["train", "--help"])
    told = capsys.readouterr().out
    assert "guided-cpu, " in told
    assert "guided-cpu-debug" not in told


def test_a_number_of_candidates_is_refused_before_a_model_is_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--best-of", "0", "--model", str(tmp_path / "no_such_model")]
    assert main(["generate", "a person walks", "--output", str(tmp_path / "walk.npz"), *arguments]) == 2
    assert "best of 0 clips" in capsys.readouterr().err


def test_a_clip_that_shows_too_little_says_what_helps(
    model_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A random model kicks with neither leg."""
    arguments = ["--model", str(model_folder), "--output", str(tmp_path / "kick.npz"), "--duration", "2"]
    text = "a person kicks with the left leg"
    assert main(["generate", text, *arguments]) == 0
    assert "--best-of 8" in capsys.readouterr().out
    assert main(["generate", text, "--best-of", "2", *arguments]) == 0
    told = capsys.readouterr().out
    assert "DOES NOT SHOW: kick: yes" in told
    assert "--best-of" not in told


def test_generate_a_file_of_prompts(model_folder: Path, tmp_path: Path) -> None:
    prompts = tmp_path / "prompts.txt"
    prompts.write_bytes(b"\xef\xbb\xbf# moves\r\na person walks\r\n\r\na person runs\r\na person jumps\r\n")
    pattern = str(tmp_path / "clips" / "{index:02d}.npz")
    assert (
        main(["generate", "--prompts", str(prompts), "--model", str(model_folder), "--output", pattern]) == 0
    )
    assert sorted(path.name for path in (tmp_path / "clips").iterdir()) == ["00.npz", "01.npz", "02.npz"]


@pytest.mark.parametrize(
    ("prompts", "options", "told"),
    [
        ("walks\n!!!\n", [], r"prompts.txt, prompt 1: the prompt is empty"),
        (
            "walks\nwalks, then sits, then jumps, then waves\n",
            ["--duration", "0.5"],
            "4 phrases of 'walks, then sits, then",
        ),
    ],
)
def test_a_prompt_of_a_file_that_cannot_be_drawn_is_named(
    prompts: str,
    options: list[str],
    told: str,
    model_folder: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = tmp_path / "prompts.txt"
    file.write_text(prompts)
    arguments = ["--model", str(model_folder), "--output", str(tmp_path / "{index}.npz"), *options]
    assert main(["generate", "--prompts", str(file), *arguments]) == 2
    assert re.search(told, capsys.readouterr().err)


def test_generate_given_segments(model_folder: Path, tmp_path: Path) -> None:
    output = tmp_path / "plan.npz"
    phrases = "a person walks | a person turns left | a person sits down"
    assert (
        main(
            [
                "generate",
                "--segments",
                phrases,
                "--duration",
                "6",
                "--model",
                str(model_folder),
                "--output",
                str(output),
            ]
        )
        == 0
    )
    assert [segment.text for segment in Motion.load(output).segments] == phrases.split(" | ")


@pytest.mark.parametrize(
    ("part", "frames"),
    [
        (["--phrase", "2", "--seed", "3"], 80),
        (["a person runs", "--phrase", "1"], 80),
        (["a person runs", "--between", "1.5:3"], 80),
        (["a person runs", "--between", "3:"], 80),
        (["a person runs", "--between", ":1"], 80),
        (["a person runs", "--extend", "--duration", "2"], 120),
    ],
)
def test_edit_keeps_the_clip_but_for_a_part(
    part: list[str], frames: int, model_folder: Path, tmp_path: Path
) -> None:
    plan, edited = tmp_path / "plan.npz", tmp_path / "edited.npz"
    model = ["--model", str(model_folder)]
    text = "a person walks forward, then sits down"
    assert main(["generate", text, "--duration", "4", "--output", str(plan), *model]) == 0
    assert main(["edit", str(plan), *part, "--output", str(edited), *model]) == 0
    before, after = Motion.load(plan), Motion.load(edited)
    assert len(after) == frames
    assert not np.array_equal(before.positions, after.positions[:80]) or frames > 80
    assert ("a person runs" in [segment.text for segment in after.segments]) == (part[0] != "--phrase")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["generate", "", "--output", "x.npz"], "prompt is empty"),
        (["generate", "walk " * 2000, "--output", "x.npz"], "10000 characters"),
        (["generate", "a person walks", "--duration", "-1", "--output", "x.npz"], "duration is -1"),
        (["generate", "a person walks", "--duration", "3600", "--output", "x.npz"], "duration is 3600"),
        (["generate", "a person walks", "--guidance", "nan", "--output", "x.npz"], "guidance"),
        (["generate", "a person walks", "--steps", "0", "--output", "x.npz"], "1 to 1000 steps, not in 0"),
        (["generate", "a person walks", "--output", "x.mov"], ".mov"),
        (["generate", "a person walks", "--output", "x.glb", "--names", "maya"], "maya"),
        (["generate", "--output", "x.npz"], "give a text"),
        (["generate", "a person walks", "--output", "x.npz", "--output", "x.npz"], "x.npz is given twice"),
        (["generate", "--prompts", "missing.txt", "--output", "{index}.npz"], "missing.txt"),
        (["generate", "a person walks", "--model", "missing", "--output", "x.npz"], "missing is no model folder"),
        (["generate", "a person walks", "--device", "abacus", "--output", "x.npz"], "abacus"),
        (["edit", str(CLIP), "--phrase", "1", "--output", "x.npz"], "no phrase 1"),
        (["edit", str(CLIP), "--between", "1:2", "--output", "x.npz"], "give a text"),
        (["edit", str(CLIP), "a person walks", "--between", "7:99", "--output", "x.npz"], "8.50 s"),
        (["edit", str(CLIP), "a person walks", "--between", "soon", "--output", "x.npz"], "1.5:3"),
        (["edit", str(CLIP), "a person walks", "--between", "8.5:8.6", "--output", "x.npz"], "8.50 s"),
        (["generate", "a person walks \udce9", "--output", "x.npz"], "type it in UTF-8"),
        (["generate", "a person walks", "--output", "x{index.y}.npz"], "only {index} may stand in braces"),
        (["generate", "a person walks", "--output", "x{index[0]}.npz"], "only {index} may stand in braces"),
        (["prepare", "folder", "--source", ".", "--output", "o", "--max-seconds", "inf"], "min <= max"),
        (["edit", str(CLIP), "--extend", "--output", "x.npz"], "what happens next"),
        (["edit", str(CLIP), "a person walks", "--between", "1:2", "--duration", "-3", "--output", "x.npz"],
         "duration is -3"),
        (["generate", "a person walks", "--durations", "2,x", "--output", "x.npz"], "no list of seconds"),
        (["generate", "a person walks", "--durations", "2,3", "--output", "x.npz"], "2 durations given for 1"),
        (["edit", "missing.npz", "--phrase", "1", "--output", "x.npz"], "missing.npz"),
        (["convert", "missing.bvh", "x.npz"], "missing.bvh"),
        (["convert", str(CLIP), "x" * 300 + ".npz"], "choose another file name"),
        (["convert", str(CLIP), "x\0.npz"], "choose a writable output path"),
        (["convert", str(CLIP), "x.bvh", "--recorded-in", "0.01"], "unit can be given for"),
        (["convert", str(CLIP), "x.bvh", "--asf", "x.asf"], "asf can be given for"),
        (["inspect", "missing.npz"], "missing.npz"),
        (["inspect", "clip.glb"], ".glb is only written"),
        (["train", "nonsense", "--store", "s", "--output", "o"], "nonsense"),
        (["train", "cpu", "--store", "s", "--output", "o", "--set", "tokenizer.train.stepz=3"], "stepz"),
        (["prepare", "nonsense", "--source", ".", "--output", "o"], "kit, compose, describe"),
        (["prepare", "folder", "--source", str(CLIP.parent), "--output", "o", "--workers", "-2"], "-2 worker"),
        (["import", "momask", ".", "--output", "o"], "rvq_"),
    ],
)  # fmt: skip
def test_bad_input_is_one_sentence_and_exit_code_2(
    arguments: list[str],
    told: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith("kinelex: ")
    assert told in error
    assert "Traceback" not in error
    assert not list(tmp_path.rglob("x.*"))


def test_an_existing_file_survives_a_failure(tmp_path: Path) -> None:
    kept = tmp_path / "kept.npz"
    kept.write_bytes(b"precious")
    broken = tmp_path / "broken.bvh"
    broken.write_text("HIERARCHY\nROOT Hips\n{\n")
    assert main(["convert", str(broken), str(kept)]) == 2
    assert kept.read_bytes() == b"precious"
    in_the_way = broken / "clip.glb"
    assert main(["convert", str(CLIP), str(kept), str(in_the_way)]) == 2
    assert (
        main(
            [
                "generate",
                "a person walks",
                "--output",
                str(kept),
                "--output",
                str(in_the_way),
                "--model",
                "missing",
            ]
        )
        == 2
    )
    assert kept.read_bytes() == b"precious"


def test_convert_takes_the_unit_and_the_skeleton_that_it_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clips, made, feet = CLIP.parent / "clips", tmp_path / "clip.npz", tmp_path / "feet.bvh"
    Motion.load(CLIP).save(feet)
    whole = Motion.load(feet).positions
    feet.write_text(in_feet(feet.read_text()))
    assert main(["convert", str(feet), str(made)]) == 2
    assert "--recorded-in" in capsys.readouterr().err
    for length in ("0", "-1", "1e-30", "nan", "inf"):
        assert main(["convert", str(feet), str(made), "--recorded-in", length]) == 2
        assert "metres long; give 1e-06 to 1000" in capsys.readouterr().err
    assert main(["convert", str(feet), str(made), "--recorded-in", "0.3048"]) == 0
    assert np.abs(Motion.load(made).positions - whole).max() < 0.01
    (tmp_path / "take.amc").write_bytes((clips / "cmu_08_01.amc").read_bytes())
    assert main(["convert", str(tmp_path / "take.amc"), str(made)]) == 2
    assert "--asf" in capsys.readouterr().err
    assert main(["convert", str(tmp_path / "take.amc"), str(made), "--asf", str(clips / "cmu_08.asf")]) == 0
    amc = Motion.load(clips / "cmu_08_01.amc", fps="file").positions
    assert np.allclose(Motion.load(made).positions, amc, atol=1e-5)


def in_feet(bvh: str) -> str:
    """A BVH file in metres whose root alone moves, in feet."""
    hierarchy, motion = bvh.split("MOTION")
    number = r"-?[\d.]+(?:e-?\d+)?"
    hierarchy = re.sub(rf"(?<=OFFSET ){number} {number} {number}", lambda found: longer(found[0]), hierarchy)
    head, *rows = re.split(r"(?<=Frame Time: )(.*)\n", motion)
    rate, frames = rows
    rows = [
        longer(" ".join(row.split()[:3])) + " " + " ".join(row.split()[3:]) for row in frames.splitlines()
    ]
    return f"{hierarchy}MOTION{head}{rate}\n" + "\n".join(rows) + "\n"


def longer(numbers: str) -> str:
    """Metres in feet."""
    return " ".join(f"{float(number) / 0.3048:.6f}" for number in numbers.split())


def test_convert_between_formats_keeps_the_joints(tmp_path: Path) -> None:
    bvh, back = tmp_path / "clip.bvh", tmp_path / "back.npz"
    assert main(["convert", str(CLIP), str(bvh), "--names", "mixamo", "--unit", "cm"]) == 0
    assert main(["convert", str(bvh), str(back)]) == 0
    original, returned = np.load(CLIP), Motion.load(back).positions
    distance = np.linalg.norm(returned - original, axis=-1)
    assert distance.mean() < 0.005


def test_inspect_shows_the_facts(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", str(CLIP)]) == 0
    shown = capsys.readouterr().out
    assert "170" in shown
    assert "8.50 s" in shown
    assert "skating" in shown


def test_inspect_shows_what_phrases_and_names_have_in_brackets(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clip = Motion.load(CLIP)
    clip.with_segments([Segment("a [/bold] b", 0.0, 8.5)]).save(tmp_path / "clip.npz")
    assert main(["inspect", str(tmp_path / "clip.npz")]) == 0
    assert "a [/bold] b" in capsys.readouterr().out


@pytest.mark.parametrize("command", [["edit", "--extend"], ["describe"]])
def test_a_clip_is_not_written_over_by_what_is_made_of_it(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    take = tmp_path / "take.npz"
    Motion.load(CLIP).save(take)
    before = take.read_bytes()
    text = ["a person waves"] if command[0] == "edit" else []
    other = tmp_path / "elsewhere" / ".." / "take.npz"
    assert main([command[0], str(take), *text, *command[1:], "--output", str(other)]) == 2
    assert "would be lost" in capsys.readouterr().err
    assert take.read_bytes() == before


@pytest.mark.parametrize("command", ["generate", "edit", "convert", "inspect", "prepare", "train", "import"])
def test_help_teaches(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main([command, "--help"])
    assert stop.value.code == 0
    assert len(capsys.readouterr().out) > 300


def test_prepare_and_train_and_generate(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A studio's folder becomes a store, a debug model and a clip."""
    source, joints = tmp_path / "mocap", np.load(CLIP)
    source.mkdir()
    for take in range(20):
        np.save(source / f"take{take}.npy", joints[take : take + 120])
        (source / f"take{take}.txt").write_text("a person walks in a circle\n")
    store, run = tmp_path / "store", tmp_path / "run"
    assert main(["prepare", "folder", "--source", str(source), "--output", str(store), "--workers", "1"]) == 0
    assert main(["prepare", "folder", "--source", str(source), "--output", str(store), "--workers", "1"]) == 0
    assert "nothing changed" in capsys.readouterr().out
    assert json.loads((store / "manifest.json").read_text())["splits"]["val"]["clips"] > 0
    assert main(["train", "cpu-debug", "--store", str(store), "--output", str(run), "--device", "cpu"]) == 0
    clip = tmp_path / "clip.npz"
    assert (
        main(
            [
                "generate",
                "a person walks",
                "--model",
                str(run / "model"),
                "--duration",
                "2",
                "--output",
                str(clip),
            ]
        )
        == 0
    )
    assert len(Motion.load(clip)) == 40

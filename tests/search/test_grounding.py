"""Windows cover the clip, findings are the best of all windows, and bad input is named."""

from __future__ import annotations

import json
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from kinelex.alignment.segmo import AlignmentConfig, Outputs, SegmentAlignment
from kinelex.alignment.spans import Spans
from kinelex.cli.main import main
from kinelex.errors import KinelexError
from kinelex.generators.base import TextCondition
from kinelex.generators.model import MotionModel
from kinelex.hub.folder import ModelCard, save_model
from kinelex.motion.features import process_joints
from kinelex.motion.motion import Motion
from kinelex.pipeline import Pipeline
from kinelex.search.embedding import SeenMotion, compared, motion_tokens
from kinelex.search.grounding import ModelGrounder, describe, ground, sliding_spans
from rig_clips import recorded_motion


@pytest.fixture(scope="module")
def aligned(model: MotionModel) -> MotionModel:
    torch.manual_seed(3)
    sizes = model.masked.config.transformer
    return replace(model, alignment=SegmentAlignment(AlignmentConfig(), sizes.latent, sizes.heads).eval())


@pytest.mark.parametrize(("length", "shortest"), [(1, 1), (3, 4), (10, 3), (49, 3), (120, 5)])
def test_windows_are_inside_the_clip_and_cover_it_at_every_size(length: int, shortest: int) -> None:
    spans = sliding_spans(length, shortest)
    sizes = (spans.end - spans.start)[0]
    assert int(spans.start.min()) == 0
    assert int(spans.end.max()) == length
    assert len(set(zip(spans.start[0].tolist(), spans.end[0].tolist(), strict=True))) == len(sizes)
    for size in sizes.unique():
        assert spans.members(length)[0][sizes == size].any(0).all()
    assert int(sizes.min()) >= min(shortest, length)


def test_scores_are_cosines_of_the_models_own_outputs(aligned: MotionModel) -> None:
    tokens = motion_tokens(aligned, recorded_motion()).tokens
    short = replace(tokens, ids=tokens.ids[:, :20], lengths=torch.tensor([20]))
    spans = Spans(torch.tensor([[0, 4]]), torch.tensor([[20, 9]]))
    phrases = ["a person walks", "a person waves"]
    found = compared(aligned, SeenMotion(short), phrases, spans)
    assert aligned.alignment is not None
    for row, phrase in enumerate(phrases):
        vector = aligned.whitening(aligned.encoder.embed([phrase]))
        condition = TextCondition(vector, vector[:, None], torch.ones(1, 1, dtype=torch.bool))
        with torch.no_grad():
            ids = short.ids[..., 0].long()
            read = aligned.masked.read(condition, ids.shape[1])
            hidden = aligned.masked.hidden(ids, read, short.lengths)
            outputs = Outputs.of_hidden(hidden, 1)
            for place in range(2):
                part = Spans(spans.start[:, place : place + 1], spans.end[:, place : place + 1])
                vector = aligned.alignment.embed(outputs, part)[0, 0]
                cosine = torch.nn.functional.cosine_similarity(outputs.phrases[0, 0], vector, dim=0)
                torch.testing.assert_close(found[row, place], cosine, atol=1e-5, rtol=1e-4)


def test_what_is_measured_is_what_ground_finds(aligned: MotionModel) -> None:
    motion, phrases = recorded_motion(), ["a person walks", "a person waves"]
    features = process_joints(torch.from_numpy(motion.positions), motion.skeleton)
    spans = ModelGrounder(aligned)(features, phrases)
    for (start, end), phrase in zip(spans, phrases, strict=True):
        best = ground(aligned, motion, phrase).findings[0]
        assert (start / 20, end / 20) == pytest.approx((best.start, best.end))


def test_findings_are_ranked_distinct_and_the_best_comes_first(aligned: MotionModel) -> None:
    motion = recorded_motion()
    grounding = ground(aligned, motion, "a person bends down", top=4)
    scores = [part.score for part in grounding.findings]
    assert scores == sorted(scores, reverse=True)
    assert scores[0] == pytest.approx(float(grounding.similarity.max()), abs=1e-6)
    assert len(grounding.times) == len(motion) // 4
    for part in grounding.findings:
        assert 0 <= part.start < part.end <= motion.seconds
    for one, other in zip(grounding.findings, grounding.findings[1:], strict=False):
        shared = min(one.end, other.end) - max(one.start, other.start)
        assert shared <= 0.51 * (max(one.end, other.end) - min(one.start, other.start))


def test_a_motion_longer_than_the_model_reads_is_seen_through_windows(aligned: MotionModel) -> None:
    once = recorded_motion()
    long = Motion(torch.from_numpy(once.positions).repeat(3, 1, 1).numpy(), once.fps)
    grounding = ground(aligned, long, "a person walks", top=2)
    assert len(grounding.similarity) == len(long) // 4
    assert (grounding.similarity > -1).all()


def test_sentences_are_ranked_by_their_cosine(aligned: MotionModel) -> None:
    candidates = ["a person walks", "a person sits", "a person waves"]
    ranked = describe(aligned, recorded_motion(), candidates, 1.0, 3.0)
    assert sorted(text for text, _ in ranked) == sorted(candidates)
    assert [score for _, score in ranked] == sorted((score for _, score in ranked), reverse=True)


def test_mistakes_are_named(model: MotionModel, aligned: MotionModel) -> None:
    motion = recorded_motion()
    with pytest.raises(KinelexError, match="segmo-cpu"):
        ground(model, motion, "a person walks")
    with pytest.raises(KinelexError, match="empty"):
        ground(aligned, motion, " ... ")
    with pytest.raises(KinelexError, match="holds no motion"):
        describe(aligned, motion, ["a person walks"], 50.0, 60.0)
    with pytest.raises(KinelexError, match="at least one"):
        describe(aligned, motion, [])
    with pytest.raises(KinelexError, match="frames"):
        ground(aligned, Motion(motion.positions[:3]), "a person walks")


def test_the_command_prints_windows_json_and_a_picture(
    aligned: MotionModel, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save_model(aligned, tmp_path / "model", ModelCard("aligned", "MIT", "# aligned"), dtype=torch.float32)
    recorded_motion().save(tmp_path / "clip.npz")
    clip, folder = str(tmp_path / "clip.npz"), str(tmp_path / "model")
    command = ["ground", clip, "a person $bends_{$", "--model", folder]
    assert main([*command, "--json", "--picture", str(tmp_path / "similarity.png")]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [set(row) for row in rows] == [{"start", "end", "score"}] * 3
    assert rows[0]["score"] >= rows[1]["score"]
    assert (tmp_path / "similarity.png").read_bytes().startswith(b"\x89PNG")
    (tmp_path / "phrases.txt").write_text("\ufeff# moves\na person walks\n\na person bends\n", "utf-8")
    assert main(["ground", clip, "--choose", str(tmp_path / "phrases.txt"), "--model", folder]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2
    assert main(["ground", clip, "--model", folder]) == 2
    assert main(["ground", clip, "--choose", str(tmp_path / "absent.txt"), "--model", folder]) == 2
    assert (
        main(
            ["ground", clip, "--choose", str(tmp_path / "phrases.txt"), "--between", "1-2", "--model", folder]
        )
        == 2
    )


def test_a_pipeline_grounds_with_its_model_and_a_notebook_shows_a_curve(aligned: MotionModel) -> None:
    found = Pipeline(aligned).ground(recorded_motion(), "a person walks", top=2)
    alone = ground(aligned, recorded_motion(), "a person walks", top=2)
    assert found.findings == alone.findings
    assert torch.equal(found.similarity, alone.similarity)
    with Image.open(BytesIO(found._repr_png_())) as picture:
        assert np.asarray(picture.convert("L")).std() > 10
    assert "tensor" not in repr(found)

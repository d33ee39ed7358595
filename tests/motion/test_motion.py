"""What a clip may hold: whatever makes one is told in a sentence what it may not."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from kinelex.errors import KinelexError
from kinelex.motion.formats import WRITERS, write_motion
from kinelex.motion.limits import FARTHEST, FASTEST, SLOWEST
from kinelex.motion.motion import Motion, Segment
from rig_clips import recorded_motion

STILL = np.zeros((3, 22, 3), np.float32)


@pytest.mark.parametrize("fps", [0.0, -20.0, 1e-300, 0.0999, 1000.1, 1e9, 1e300, np.inf, np.nan])
def test_rates_that_no_clip_has_are_refused(fps: float) -> None:
    with pytest.raises(KinelexError, match=r"frames a second; give 0\.1 to 1000"):
        Motion(STILL, fps=fps)
    with pytest.raises(KinelexError, match=r"give rates of 0\.1 to 1000"):
        Motion(STILL).resampled(fps)


@pytest.mark.parametrize("fps", [1.0, 3.0, 12.5, 20.0, 29.97, 120.0])
def test_phrases_end_with_a_clip_of_another_rate(fps: float) -> None:
    phrases = (Segment("walks", 0.0, 1.5), Segment("stands", 1.5, 2.9), Segment("jumps", 2.9, 3.0))
    positions = np.resize(recorded_motion().positions, (round(3 * fps), 22, 3))
    clip = Motion(positions, fps=fps, segments=phrases).resampled(20.0)
    assert [part.text for part in clip.segments][:2] == ["walks", "stands"][: len(clip.segments)]
    assert all(0 <= part.start < part.end <= clip.seconds for part in clip.segments)
    assert 3 - 1 / fps - 1 / 20 < clip.seconds <= 3 + 1e-9
    assert clip.segments[0] == phrases[0]


@pytest.mark.parametrize("suffix", WRITERS)
@pytest.mark.parametrize("fps", [SLOWEST, FASTEST])
def test_the_slowest_and_the_fastest_clip_are_measured_and_written(
    fps: float, suffix: str, tmp_path: Path
) -> None:
    motion = Motion(recorded_motion().positions[:6], fps=fps, segments=(Segment("lunges", 0.0, 6 / fps),))
    assert all(np.isfinite(value) for value in asdict(motion.quality()).values())
    write_motion(motion, tmp_path / f"clip{suffix}")
    assert (tmp_path / f"clip{suffix}").stat().st_size > 500


@pytest.mark.parametrize("place", [-1.01 * FARTHEST, 1.01 * FARTHEST, 4e27])
def test_places_where_nobody_goes_are_refused(place: float) -> None:
    positions = STILL.copy()
    positions[1, 5, 2] = place
    with pytest.raises(KinelexError, match="more than 1000 km from the origin; repair or cut"):
        Motion(positions).within_reach()
    assert Motion(STILL).within_reach() is not None


@pytest.mark.parametrize(
    ("start", "end", "told"),
    [
        (np.nan, 1.0, "not finite"),
        (0.0, np.nan, "not finite"),
        (0.0, np.inf, "not finite"),
        (-np.inf, 1.0, "not finite"),
        (1.0, 0.9, "ends before it starts"),
    ],
)
def test_phrases_need_a_time(start: float, end: float, told: str) -> None:
    good, bad = Segment("stands", 0.0, 1.0), Segment("waves " * 1000, start, end)
    for make in (lambda: Motion(STILL, segments=(good, bad)), lambda: Motion(STILL).with_segments((bad,))):
        with pytest.raises(KinelexError, match=told) as error:
            make()
        assert "waves" in str(error.value)
        assert len(str(error.value)) < 200


def test_a_phrase_may_take_no_time_and_outlast_the_clip() -> None:
    segments = (Segment("stands", 0.0, 0.0), Segment("waves", 0.0, 99.0))
    assert Motion(STILL, segments=segments).segments == segments

"""Playback shows the frame that it is time for, however late it is asked."""

from __future__ import annotations

import asyncio
import time

from hypothesis import given, settings
from hypothesis import strategies as some

from kinelex.studio.clock import Clock
from kinelex.studio.player import Player

FRAMES, FPS = 40, 20.0


@settings(deadline=None)
@given(some.floats(0.0, 100.0), some.floats(0.0, 10.0), some.sampled_from((0.5, 1.0, 2.0)))
def test_frames_follow_the_wall_clock_and_wrap(start: float, later: float, speed: float) -> None:
    clock = Clock(FRAMES, FPS, speed=speed)
    clock.play(start)
    expected = (later * FPS * speed) % FRAMES
    shown = clock.frame(start + later)
    assert 0 <= shown < FRAMES
    assert min(abs(shown + 0.5 - expected), FRAMES - abs(shown + 0.5 - expected)) < 0.51
    assert 0 < clock.wait(start + later) <= 1 / (FPS * speed) + 1e-9


def test_without_looping_it_stops_at_the_end_and_plays_again_from_the_beginning() -> None:
    clock = Clock(FRAMES, FPS, loop=False)
    clock.play(0.0)
    assert clock.frame(1.0) == 20
    assert clock.frame(5.0) == FRAMES - 1
    assert not clock.playing
    clock.play(10.0)
    assert clock.frame(10.5) == 10


def test_pausing_seeking_and_another_speed_go_on_from_where_it_is() -> None:
    clock = Clock(FRAMES, FPS)
    clock.play(0.0)
    clock.pause(0.5)
    assert clock.frame(9.0) == 10
    clock.seek(30, 9.0)
    assert clock.frame(9.5) == 30
    clock.play(10.0)
    clock.pace(2.0, 10.1)
    assert clock.frame(10.2) == 36
    clock.seek(1000, 11.0)
    assert clock.frame(11.0) == FRAMES - 1


def test_the_player_shows_no_more_frames_than_the_clip_has_and_none_while_it_stands() -> None:
    shown: list[int] = []

    async def watched() -> float:
        player = Player(shown.append)
        player.start()
        player.put_in(1000, 50.0)
        started = time.monotonic()
        player.play()
        while len(shown) < 8:
            await asyncio.sleep(0.01)
        player.pause()
        await asyncio.sleep(0.05)
        seconds, count = time.monotonic() - started, len(shown)
        await asyncio.sleep(0.1)
        assert len(shown) == count
        player.seek(4.0)
        await asyncio.sleep(0.05)
        player.stop()
        player.seek(5.0)
        await asyncio.sleep(0.05)
        return seconds

    seconds = asyncio.run(watched())
    assert shown[-1] == 200
    assert len(shown) <= seconds * 50 + 4
    assert shown[:-1] == sorted(shown[:-1])

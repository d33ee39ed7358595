"""Which frame it is time for."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Clock:
    """The time line of a clip while it plays, is scrubbed, or stands.

    Frames are told from the wall clock, so that a slow page skips frames instead of playing slower.

    Attributes:
        frames: of the clip.
        fps: frames a second.
        loop: begin anew at the end; else stop there.
        speed: of playing, 1 as the clip was made.
        playing: it moves.
    """

    frames: int = 1
    fps: float = 20.0
    loop: bool = True
    speed: float = 1.0
    playing: bool = False
    _since: float = 0.0  # when frame `_from` was shown, on the caller's clock
    _from: float = 0.0

    def frame(self, now: float) -> int:
        """The frame to show at `now` (seconds of any steady clock)."""
        place = self._place(now)
        if place >= self.frames:
            if not self.loop:
                self.playing, self._from = False, self.frames - 1
                return self.frames - 1
            place %= self.frames
        return int(place)

    def wait(self, now: float) -> float:
        """Seconds until the next frame."""
        return (1.0 - self._place(now) % 1.0) / (self.fps * self.speed)

    def play(self, now: float) -> None:
        """Go on; from the beginning when it stands at the end."""
        at_end = not self.playing and self._from >= self.frames - 1
        self._from = 0.0 if at_end else self._place(now)
        self._since, self.playing = now, True

    def pause(self, now: float) -> None:
        """Stand at the frame of this moment."""
        self._from, self.playing = float(self.frame(now)), False

    def seek(self, frame: int, now: float) -> None:
        """Go on, or stand, from another frame."""
        self._from, self._since = float(min(max(frame, 0), self.frames - 1)), now

    def pace(self, speed: float, now: float) -> None:
        """Play at another speed from here."""
        self._from, self._since = float(self.frame(now)), now
        self.speed = speed

    def _place(self, now: float) -> float:
        if not self.playing:
            return self._from
        # A hair ahead, so that a wait that ends on the frame's moment counts as having reached it.
        return self._from + max(now - self._since, 0.0) * self.fps * self.speed + 1e-6

"""Coloured strips over time as HTML: the phrases of a timeline, and how well something fits at each moment."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from kinelex.motion.drawing.page import PHRASES
from kinelex.motion.motion import Segment
from kinelex.search.grounding import Finding, Grounding

# As wide as the track of a slider with a label above which a strip stands.
_ALONG_SLIDERS = "margin:0 11px 0 calc(7.25em + 12px)"
_TWO_LINES = (
    "color:#fff;font-size:12px;line-height:1.25;overflow:hidden;display:-webkit-box;-webkit-line-clamp:2;"
    "-webkit-box-orient:vertical"
)
_GREY = (118, 126, 140)
_COLD, _WARM = (238, 241, 246), (222, 84, 20)


def phrase_strip(
    segments: Sequence[Segment], scale: float, now: float | None, chosen: int | None = None
) -> str:
    """Blocks of phrases, as wide as they are long, and a line at the present moment.

    Args:
        segments: the phrases with their spans.
        scale: seconds from the left to the right edge.
        now: seconds; None to draw no line.
        chosen: place of the phrase that is drawn with a frame.
    """
    blocks = "".join(
        _block(part, scale, PHRASES[place % len(PHRASES)], place == chosen)
        for place, part in enumerate(segments)
    )
    return _frame(blocks + _line(now, scale), "34px")


def heat_strip(grounding: Grounding, scale: float) -> str:
    """How well a query fits every moment, from pale to orange, and the best part framed.

    Args:
        grounding: what was found.
        scale: seconds from the left to the right edge.
    """
    values = grounding.similarity.tolist()
    unit = 2 * float(grounding.times[0])
    low, high = min(values), max(values)
    cells = "".join(
        f'<div style="width:{100 * unit / scale:.4f}%;background:rgb{_heat(value, low, high)}"></div>'
        for value in values
    )
    return _frame(cells + _found(grounding.findings[:1], scale), "20px")


def moment(segments: Sequence[Segment], now: float, seconds: float, planted: Sequence[bool]) -> str:
    """The time, the phrase of the moment, and which feet stand.

    Args:
        segments: the clip's phrases.
        now, seconds: of the clip.
        planted: left ankle, left toe, right ankle, right toe.
    """
    place = next((place for place, part in enumerate(segments) if part.start <= now < part.end), None)
    colour = _GREY if place is None else PHRASES[place % len(PHRASES)]
    text = "" if place is None else segments[place].text
    feet = "".join(_foot(name, any(down)) for name, down in (("L", planted[:2]), ("R", planted[2:])))
    return (
        '<div style="display:flex;gap:12px;align-items:center;padding:6px 11px 4px;font-size:14px">'
        f'<span style="font-variant-numeric:tabular-nums;color:#767e8c">{now:5.2f} / {seconds:.2f} s</span>'
        f'<b class="kinelex-phrase" style="color:rgb{colour};flex:1">{escape(text)}</b>{feet}</div>'
    )


def note(text: str, colour: str = "#767e8c") -> str:
    """A line of small words."""
    return f'<div style="padding:2px 11px 6px;font-size:13px;color:{colour}">{escape(text)}</div>'


def _frame(inside: str, height: str) -> str:
    return (
        f'<div style="{_ALONG_SLIDERS}"><div style="position:relative;display:flex;height:{height};'
        f'background:#f3f4f7;border-radius:4px;overflow:hidden;margin-bottom:4px">{inside}</div></div>'
    )


def _block(part: Segment, scale: float, colour: tuple[int, int, int], chosen: bool) -> str:
    border, text = "box-shadow:inset 0 0 0 2px #1d2330;" if chosen else "", escape(part.text)
    left, width = 100 * part.start / scale, 100 * (part.end - part.start) / scale
    return (
        f'<div class="kinelex-block" title="{text}" style="position:absolute;top:0;bottom:0;left:{left:.3f}%;'
        f"width:{width:.3f}%;background:rgb{colour};{border}border-right:1px solid #fff;box-sizing:border-box;"
        f'padding:2px 6px"><div style="{_TWO_LINES}">{text}</div></div>'
    )


def _line(now: float | None, scale: float) -> str:
    if now is None:
        return ""
    return (
        f'<div style="position:absolute;left:{100 * now / scale:.3f}%;top:0;bottom:0;width:2px;'
        'background:#1d2330"></div>'
    )


def _found(findings: Sequence[Finding], scale: float) -> str:
    return "".join(
        f'<div style="position:absolute;left:{100 * part.start / scale:.3f}%;top:0;bottom:0;'
        f'width:{100 * (part.end - part.start) / scale:.3f}%;box-shadow:inset 0 0 0 2px #1d2330"></div>'
        for part in findings
    )


def _heat(value: float, low: float, high: float) -> tuple[int, ...]:
    share = (value - low) / (high - low) if high > low else 0.0
    return tuple(round(cold + share * (warm - cold)) for cold, warm in zip(_COLD, _WARM, strict=True))


def _foot(name: str, down: bool) -> str:
    colour = "background:#26986c;color:#fff" if down else "background:#e7e9ee;color:#9aa1ad"
    return f'<span style="{colour};border-radius:9px;padding:0 8px;font-size:12px">{name}</span>'

"""A caption with its tags, and the lines of HumanML3D's caption files."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path

from kinelex.errors import KinelexError
from kinelex.text.lemmas import tag

_TIME = re.compile(r"nan|\d+\.\d*")


@dataclass(frozen=True)
class Caption:
    """A sentence about a clip, or about a part of it.

    Attributes:
        text: the sentence.
        lemmas: one a word; nouns and verbs reduced to their lemma.
        pos: universal part of speech of each word.
        start: seconds where the described part starts.
        end: seconds where it ends; start = end = 0 means the whole clip.
    """

    text: str
    lemmas: tuple[str, ...]
    pos: tuple[str, ...]
    start: float = 0.0
    end: float = 0.0

    @classmethod
    def of(cls, text: str, start: float = 0.0, end: float = 0.0) -> Caption:
        """Tag a plain sentence.

        Raises:
            KinelexError: the sentence has no word.
        """
        words = tag(text)
        return cls(text, tuple(word.lemma for word in words), tuple(word.pos for word in words), start, end)

    @property
    def whole(self) -> bool:
        """Whether the caption is about the whole clip."""
        return self.start == 0 and self.end == 0

    @property
    def empty(self) -> bool:
        """Whether the caption is about a part without duration, as four published captions are."""
        return not self.whole and self.end <= self.start


def is_humanml3d_line(line: str) -> bool:
    """Whether a line means to have HumanML3D's fields: tagged words, or two times at its end, between number signs.

    In "walks to mark #2" the sign is a word like others.
    """
    _, *fields = line.strip().split("#")
    tagged = any(field.strip() and all("/" in word for word in field.split()) for field in fields[:-1])
    return tagged or (len(fields) > 2 and all(map(_TIME.fullmatch, fields[-2:])))


def parse_humanml3d_line(line: str, source: str = "caption line", number: int = 1) -> Caption:
    """Read `caption#word/POS word/POS ...#from#to`; NaN times mean the whole clip, as in the official loader.

    A word may itself hold a slash or be empty; its tag is what follows the last slash.

    Args:
        line: one line of a HumanML3D text file.
        source: file name for error messages.
        number: line number for error messages.

    Raises:
        KinelexError: fields are missing, a time is no number of seconds, or no word is tagged.
    """
    place = f"{source}, line {number}"
    fields = line.strip().rsplit("#", 3)
    if len(fields) != 4:
        raise KinelexError(f"{place}: has {len(fields)} fields of 4; write caption#word/POS ...#from#to")
    text, tagged, *times = fields
    try:
        start, end = (0.0 if math.isnan(float(time)) else float(time) for time in times)
    except ValueError:
        raise KinelexError(f"{place}: the times {times[0]!r} and {times[1]!r} must be seconds") from None
    if not text.strip():
        raise KinelexError(f"{place}: the caption is empty; write what the person does")
    if not (0 <= start < math.inf and 0 <= end < math.inf):
        raise KinelexError(f"{place}: the times {start:g} and {end:g} must be seconds from 0 on")
    pairs = [word.rpartition("/") for word in tagged.split()]
    if not pairs or any(not slash for _, slash, _ in pairs):
        raise KinelexError(f"{place}: the tagged words are not word/POS; tag the caption again")
    return Caption(
        text.strip(), tuple(word for word, _, _ in pairs), tuple(pos for _, _, pos in pairs), start, end
    )


def read_humanml3d_captions(path: str | Path) -> list[Caption]:
    """Every caption of a HumanML3D text file, in order; blank lines are skipped.

    Raises:
        KinelexError: the file is missing, no text, holds no caption, or has a broken line.
    """
    path = Path(path)
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except OSError as error:
        raise KinelexError(f"cannot read {path}: {error.strerror}; check the path") from error
    except UnicodeDecodeError as error:
        raise KinelexError(f"{path} is not UTF-8 text; save it as UTF-8") from error
    captions = [parse_humanml3d_line(line, str(path), i) for i, line in enumerate(lines, 1) if line.strip()]
    if not captions:
        raise KinelexError(f"{path} holds no caption; add a line caption#word/POS ...#0.0#0.0")
    return captions

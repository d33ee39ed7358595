"""What a language model is asked, and what counts as an answer: SegMo's three principles, and JSON."""

from __future__ import annotations

import json
from typing import Any

# Answers are cached under this number: raise it whenever the words below change.
PROMPT_VERSION = 1
LONGEST_PHRASE = 200

INSTRUCTIONS = """You split descriptions of a person's movement into the movements they consist of.

Answer with a JSON object {{"segments": [...]}} that holds 1 to {limit} phrases, and with nothing else.

1. Order of time. List the movements as they happen, even where the sentence mentions them in another order
   ("B after A", "before B, A").
2. Keep every detail. Speed, number, direction, body part, manner and comparison ("slowly", "three times",
   "with the left hand", "as if drunk") stay with their movement. Add nothing that the sentence does not say.
3. At the same time means one phrase. Movements that overlap ("walks while waving", "is sitting and clapping")
   are never parted.

Each phrase is a complete sentence without a full stop: it names who moves, as the description does, and says what
"it" or "them" is. If there are more than {limit} movements, join the last ones into one phrase."""

EXAMPLES = (
    (
        "The man bows after spinning twice.",
        ("the man spins twice", "the man bows"),
    ),
    (
        "a person slowly lifts a box, carries it to the left and then sets it down as if it were made of glass",
        (
            "a person slowly lifts a box",
            "a person carries the box to the left",
            "a person sets the box down as if it were made of glass",
        ),
    ),
    (
        "someone is sitting and clapping their hands.",
        ("someone is sitting and clapping their hands",),
    ),
    (
        "before hopping on one leg, she stretches to one side, then to the other side while humming",
        (
            "she stretches to one side",
            "she stretches to the other side while humming",
            "she hops on one leg",
        ),
    ),
)


def messages(caption: str, limit: int) -> list[dict[str, str]]:
    """The conversation that ends with the caption."""
    conversation = [{"role": "system", "content": INSTRUCTIONS.format(limit=limit)}]
    for example, segments in EXAMPLES:
        if len(segments) <= limit:
            answer = json.dumps({"segments": segments})
            conversation += [
                {"role": "user", "content": example},
                {"role": "assistant", "content": answer},
            ]
    return [*conversation, {"role": "user", "content": caption}]


def answer_format(limit: int) -> dict[str, Any]:
    """The `response_format` of a chat completion that allows nothing but an answer."""
    phrase = {"type": "string", "minLength": 1, "maxLength": LONGEST_PHRASE}
    schema = {
        "type": "object",
        "properties": {"segments": {"type": "array", "items": phrase, "minItems": 1, "maxItems": limit}},
        "required": ["segments"],
        "additionalProperties": False,
    }
    return {"type": "json_schema", "json_schema": {"name": "segments", "schema": schema}}


def parsed(answer: str, limit: int) -> list[str]:
    """The phrases of an answer. Servers may ignore the schema, so everything is checked.

    Raises:
        ValueError: the answer is no such JSON, or holds no phrase, an empty one, or more than `limit`.
    """
    content = json.loads(answer.rpartition("</think>")[2])  # thinking models may think aloud first
    segments = content.get("segments") if isinstance(content, dict) else None
    if not isinstance(segments, list) or not all(isinstance(phrase, str) for phrase in segments):
        raise ValueError('no list of strings under "segments"')
    phrases = [" ".join(phrase.split()) for phrase in segments]
    if not 1 <= len(phrases) <= limit or not all(phrases):
        raise ValueError(f"{len(phrases)} phrases, or an empty one, instead of 1 to {limit}")
    return phrases

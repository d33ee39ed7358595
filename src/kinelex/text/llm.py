"""Segments from a language model behind any OpenAI-compatible endpoint: Ollama, vLLM, llama.cpp, OpenAI."""

from __future__ import annotations

import os
import threading
import time
from dataclasses import dataclass
from typing import Any

from kinelex.errors import KinelexError
from kinelex.text import segmenter
from kinelex.text.lemmas import WORD
from kinelex.text.prompt import PROMPT_VERSION, answer_format, messages, parsed
from kinelex.text.segment_cache import SegmentCache

DEFAULT_MODEL = "qwen3:8b"
DEFAULT_ENDPOINT = "http://localhost:11434/v1"  # Ollama's
ENDPOINT_VARIABLE, KEY_VARIABLE = "KINELEX_LLM_ENDPOINT", "OPENAI_API_KEY"
LONGEST_CAPTION = 4000
MOST_TOKENS = 1024  # of an answer: five phrases take about a hundred
LONGEST_WAIT = 30.0


@dataclass
class Usage:
    """What segmenting has cost so far: requests, tokens, answers from the cache, captions left to the rules."""

    requests: int = 0
    prompt_tokens: int = 0
    answer_tokens: int = 0
    cached: int = 0
    by_rules: int = 0

    def __str__(self) -> str:
        return (
            f"{self.requests} requests, {self.prompt_tokens} prompt and {self.answer_tokens} answer tokens, "
            f"{self.cached} from the cache, {self.by_rules} by rules"
        )


class LlmSegmenter:
    """A `TextSegmenter` that asks a language model; safe to call from several threads."""

    def __init__(
        self,
        model: str = DEFAULT_MODEL,
        endpoint: str | None = None,
        *,
        cache: SegmentCache | None = None,
        retries: int = 4,
        first_wait: float = 1.0,
        timeout: float = 120.0,
        fallback: bool = False,
    ) -> None:
        """Name a model and where it is served; nothing is sent yet.

        Args:
            model: name that the endpoint knows it by.
            endpoint: base URL ending in /v1; default: $KINELEX_LLM_ENDPOINT, else Ollama on this machine.
            cache: answers of earlier runs, and where to keep new ones.
            retries: how often to ask again after a time-out, a busy server or a useless answer.
            first_wait: seconds before the first retry; each later one waits twice as long, up to 30 s.
            timeout: seconds to wait for an answer.
            fallback: leave a caption to the rules when the model cannot answer; such phrases are not cached.

        Raises:
            KinelexError: the openai package is missing, or the endpoint is no URL.
        """
        try:
            from openai import OpenAI
        except ModuleNotFoundError as error:
            raise KinelexError(
                'language models need the openai package: pip install "kinelex[llm]"'
            ) from error
        self.model = model
        self.endpoint = endpoint or os.environ.get(ENDPOINT_VARIABLE) or DEFAULT_ENDPOINT
        if not self.endpoint.startswith(("http://", "https://")):
            raise KinelexError(f"the endpoint {self.endpoint!r} is no URL; give one like {DEFAULT_ENDPOINT}")
        self.cache, self.fallback = cache, fallback
        self.retries, self.first_wait = retries, first_wait
        self.usage = Usage()
        self._lock = threading.Lock()
        key = os.environ.get(KEY_VARIABLE) or "none"  # local servers want no key, the client does
        self._client = OpenAI(base_url=self.endpoint, api_key=key, timeout=timeout, max_retries=0)

    def __call__(self, caption: str, limit: int = 5) -> list[str]:
        """At most `limit` phrases of the caption, in the order of time.

        Raises:
            KinelexError: the caption has no word, is too long or is no valid text, the limit is below 1, or the
                model cannot answer and the rules may not.
        """
        _check(caption, limit)
        key = (self.model, PROMPT_VERSION, limit, caption)
        known = self.cache.get(key) if self.cache is not None else None
        if known is not None:
            self._count(cached=1)
            return known
        try:
            phrases = self._persistently(caption, limit)
        except KinelexError:
            if not self.fallback:
                raise
            self._count(by_rules=1)
            return segmenter.segment(caption, limit)
        if self.cache is not None:
            self.cache.put(key, phrases)
        return phrases

    def _persistently(self, caption: str, limit: int) -> list[str]:
        """Ask until there is a valid answer or the retries are used up."""
        from openai import APIConnectionError, APIStatusError

        problem = ""
        for attempt in range(self.retries + 1):
            if attempt:
                time.sleep(min(self.first_wait * 2 ** (attempt - 1), LONGEST_WAIT))
            try:
                return parsed(self._ask(caption, limit, attempt), limit)
            except APIStatusError as error:
                problem = f"status {error.status_code}: {_one_line(error.message)}"
                if error.status_code not in (408, 409, 429) and error.status_code < 500:
                    break
            except APIConnectionError as error:  # time-outs too
                problem = _one_line(str(error))
            except ValueError as error:
                problem = f"an answer that is no list of phrases ({_one_line(str(error))})"
        raise KinelexError(
            f"{self.model} at {self.endpoint} could not segment {caption[:60]!r}: {problem}; "
            "check the endpoint and the model, or let the rules do it"
        )

    def _ask(self, caption: str, limit: int, attempt: int) -> str:
        completion: Any = self._client.chat.completions.create(
            model=self.model,
            messages=messages(caption, limit),  # type: ignore[arg-type]
            response_format=answer_format(limit),  # type: ignore[arg-type]
            temperature=0.7 if attempt else 0.0,  # the likeliest answer, asked for again, stays the same
            max_tokens=MOST_TOKENS,
        )
        usage = getattr(completion, "usage", None)
        self._count(
            requests=1,
            prompt_tokens=getattr(usage, "prompt_tokens", None) or 0,
            answer_tokens=getattr(usage, "completion_tokens", None) or 0,
        )
        choices = getattr(completion, "choices", None)
        if not choices or not getattr(choices[0], "message", None):
            raise ValueError("an answer without a message")
        return choices[0].message.content or ""

    def _count(self, **added: int) -> None:
        with self._lock:
            for name, number in added.items():
                setattr(self.usage, name, getattr(self.usage, name) + number)


def _check(caption: str, limit: int) -> None:
    """Refuse what no model should be asked."""
    if limit < 1:
        raise KinelexError(f"a caption cannot have {limit} segments; give a limit of at least 1")
    if not WORD.search(caption):
        raise KinelexError(f"the caption {caption[:60]!r} has no word; write what the person does")
    if len(caption) > LONGEST_CAPTION:
        raise KinelexError(
            f"a caption of {len(caption)} characters is too long for a language model; "
            f"give at most {LONGEST_CAPTION}"
        )
    try:
        caption.encode("utf-8")
    except UnicodeEncodeError as error:
        raise KinelexError(f"the caption {caption[:60]!r} is no valid Unicode text; type it again") from error


def _one_line(text: str) -> str:
    return " ".join(text.split())[:200]

"""`kinelex segment "TEXT"`: a sentence, or every caption of a store, as phrases in the order of time."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable
from contextlib import closing, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kinelex.cli.options import add_command
from kinelex.errors import KinelexError

if TYPE_CHECKING:
    from kinelex.text.llm import LlmSegmenter
    from kinelex.text.segment_cache import SegmentCache

DESCRIPTION = """Split a sentence into phrases in the order in which things happen. Each phrase stands alone, keeps its
details ("slowly"), and holds what happens at the same time. A sentence is read as `kinelex generate` reads it: commands
are descriptions, "squats twice" is two phrases, and seconds that a phrase names stand behind it.

  kinelex segment "a person sits down after walking slowly"
      1  a person walks slowly
      2  a person sits down
  kinelex segment "a person walks, then waves" --json       ["a person walks", "a person waves"]
  kinelex segment --corpus stores/mine --output phrases.jsonl
      every caption of a prepared store, one {"caption": ..., "segments": [...]} a line

The rules need no network and segment thousands of captions a second. A language model may read better; any
OpenAI-compatible server will do (Ollama, vLLM, llama.cpp, OpenAI):

  kinelex segment "he bows after a spin" --provider llm --model qwen3:8b --endpoint http://localhost:11434/v1
  kinelex segment --corpus stores/mine --provider llm --workers 8 --cache answers.jsonl --output phrases.jsonl

The endpoint is otherwise $KINELEX_LLM_ENDPOINT, the key $OPENAI_API_KEY. Answers go to the cache as they come, so
the same command goes on where it was stopped and nothing is paid for twice. Needs pip install "kinelex[llm]"."""


def add_parser(commands: Any) -> None:
    """Register the command."""
    parser = add_command(
        commands, "segment", "split sentences into phrases in the order of time", DESCRIPTION
    )
    parser.add_argument("text", nargs="?", help="sentence to split")
    parser.add_argument("--corpus", metavar="STORE", help="split every caption of a prepared store instead")
    parser.add_argument("--output", metavar="FILE", help="JSONL file for --corpus (default: standard output)")
    parser.add_argument("--json", action="store_true", help="print a list of strings")
    parser.add_argument(
        "--limit", type=int, help="most phrases of a sentence (default: 30; --corpus: 5, as SegMo)"
    )
    parser.add_argument("--provider", default="rules", choices=("rules", "llm"), help="default: rules")
    parser.add_argument("--model", default="qwen3:8b", help="language model (default: qwen3:8b)")
    parser.add_argument(
        "--endpoint", metavar="URL", help="where it is served (default: Ollama on this machine)"
    )
    parser.add_argument("--cache", metavar="FILE", help="JSONL file that keeps the model's answers")
    parser.add_argument("--workers", type=int, default=4, help="requests at a time (default: 4)")
    parser.add_argument(
        "--fallback", action="store_true", help="let the rules do what the model cannot; else it is an error"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Segment the sentence or the corpus."""
    if (options.text is None) == (options.corpus is None):
        raise KinelexError("give either a sentence in quotes or --corpus STORE")
    if options.text is not None and options.output is not None:
        raise KinelexError("--output goes with --corpus; a sentence is printed")
    with closing(_cache(options.cache)) if options.cache else nullcontext() as cache:
        model = _model(options, cache) if options.provider == "llm" else None
        if options.corpus is None:
            _segment_text(options, model)
        else:
            _segment_corpus(options, model)
        if model is not None:
            _report(model)


def _cache(path: str) -> SegmentCache:
    from kinelex.text.segment_cache import SegmentCache

    return SegmentCache(path)


def _model(options: argparse.Namespace, cache: SegmentCache | None) -> LlmSegmenter:
    from kinelex.text.llm import LlmSegmenter

    return LlmSegmenter(options.model, options.endpoint, cache=cache, fallback=options.fallback)


def _segment_text(options: argparse.Namespace, model: LlmSegmenter | None) -> None:
    from kinelex.prompts import MOST_PHRASES
    from kinelex.text.imperative import described
    from kinelex.text.repetition import spelled_out
    from kinelex.text.seconds import timed
    from kinelex.text.segmenter import segment

    limit = MOST_PHRASES if options.limit is None else options.limit
    said = timed(described(options.text), lambda text: (model or segment)(text, limit))
    actions = spelled_out([phrase.text for phrase in said], limit)
    phrases = [
        (action.text, None if one.seconds is None else one.seconds / action.count)
        for action, one in zip(actions, said, strict=True)
        for _ in range(action.count)
    ]
    if options.json:
        print(json.dumps([text for text, _ in phrases], ensure_ascii=False))
        return
    for number, (text, seconds) in enumerate(phrases, start=1):
        print(f"{number}  {text}" + ("" if seconds is None else f"  ({seconds:g} s)"))


def _segment_corpus(options: argparse.Namespace, model: LlmSegmenter | None) -> None:
    from kinelex.atomic import atomic_path
    from kinelex.data.store import Store
    from kinelex.progress import track
    from kinelex.text.providers import segment_captions
    from kinelex.text.segmenter import segment

    store = Store.open(options.corpus)
    limit = 5 if options.limit is None else options.limit
    # A caption that several clips share is segmented once.
    captions = list(dict.fromkeys(item["text"] for clip in store.column("captions") for item in clip))
    workers = options.workers if model is not None else 1
    results = zip(captions, segment_captions(model or segment, captions, limit, workers), strict=True)
    lines = (
        json.dumps({"caption": caption, "segments": phrases}, ensure_ascii=False)
        for caption, phrases in track(results, "segmenting", len(captions))
    )
    if options.output is None:
        for line in lines:
            print(line)
        return
    with atomic_path(options.output) as path:
        _write(path, lines)
    print(f"{options.output}: {len(captions)} captions")


def _write(path: Path, lines: Iterable[str]) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.writelines(f"{line}\n" for line in lines)


def _report(model: LlmSegmenter) -> None:
    """Say on stderr what it cost, apart from the phrases."""
    print(f"kinelex: {model.model}: {model.usage}", file=sys.stderr)

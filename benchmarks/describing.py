"""Do descriptions agree with captions that people wrote: `python benchmarks/describing.py STORE... [--split test]`.

Captions of one phrase, and what `kinelex describe` says of the same clip, are both read for claims about the body
(kinelex.checking): which way it turns and goes, walk or run, which hand, kicks, jumps. Counted are claims of captions
with which the description agrees, which it contradicts, and of which it says nothing.
"""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path

from kinelex.checking.claims import Claim, claims_of
from kinelex.data.store import Store, StoredClip
from kinelex.describing.describe import describe
from kinelex.evaluation.probes.validation import wilson_interval
from kinelex.motion.skeleton import Skeleton
from kinelex.progress import track
from kinelex.text.repetition import Repeated
from kinelex.text.segmenter import segment


def said(clip: StoredClip) -> set[Claim]:
    """What the captions of the whole clip claim, as far as they have one phrase and agree with each other."""
    texts = [caption.text.lower() for caption in clip.captions if caption.whole]
    found = {claim for text in texts if len(segment(text)) == 1 for claim in claims_of(Repeated(text))}
    answers = Counter(claim.question for claim in found)
    return {claim for claim in found if answers[claim.question] == 1}


def described(clip: StoredClip, skeleton: Skeleton) -> dict[str, set[str]]:
    """What the description claims: answers by question."""
    answers: dict[str, set[str]] = {}
    for part in describe(clip.motion(skeleton)):
        for claim in claims_of(Repeated(part.text)):
            answers.setdefault(claim.question, set()).add(claim.expected)
    return answers


def main() -> None:
    """Count and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("stores", nargs="+", type=Path, metavar="STORE")
    parser.add_argument("--split", default="test", choices=("train", "val", "test"))
    options = parser.parse_args()
    store = Store.open(options.stores)
    counts: dict[str, Counter[str]] = {}
    for index in track(store.indices(options.split), "describing"):
        clip = store[index]
        claims = said(clip)
        answers = described(clip, store.skeleton) if claims else {}
        for claim in claims:
            found = answers.get(claim.question, set())
            outcome = "agrees" if claim.expected in found else "contradicts" if found else "silent"
            counts.setdefault(claim.question, Counter())[outcome] += 1
    print("| claim | captions | agrees | contradicts | silent | agreement where it speaks |")
    print("| --- | ---: | ---: | ---: | ---: | --- |")
    for question, outcome in sorted(counts.items()):
        print(row(question, outcome))
    print(row("all", sum(counts.values(), Counter())))


def row(question: str, outcome: Counter[str]) -> str:
    """A line of the table."""
    spoken = outcome["agrees"] + outcome["contradicts"]
    low, high = wilson_interval(outcome["agrees"], spoken) if spoken else (0.0, 1.0)
    share = f"{outcome['agrees'] / spoken:.0%} [{low:.0%}, {high:.0%}]" if spoken else "–"
    cells = (question, outcome.total(), outcome["agrees"], outcome["contradicts"], outcome["silent"], share)
    return "| " + " | ".join(map(str, cells)) + " |"


if __name__ == "__main__":
    main()

"""Throughput and latency of the service under load: `python benchmarks/service.py`.

A service with the bundled model runs in a process of its own on this machine. Callers who ask again as soon as they are
answered ask it for clips of a fixed length: one after the other, then several at the same time with batches of one and
with batches as they are by default. At last many more come than the queue holds: everyone must get a motion or a 503
with Retry-After, and nobody waits longer than the queue is long. Run it on a quiet machine.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx
import numpy as np

SENTENCES = ("a person walks forward", "a person turns left and waves", "someone jumps, then sits down")


@dataclass
class Load:
    """What callers saw.

    Attributes:
        seconds: of wall time for all.
        latencies: of the answers with a motion, in seconds.
        statuses: how often which.
        told: refusals that came with Retry-After.
    """

    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    told: int = 0

    def row(self, name: str) -> str:
        """A line of the table."""
        middle, tail = np.quantile(self.latencies, (0.5, 0.95))
        return f"| {name} | {len(self.latencies) / self.seconds:.2f} | {middle:.2f} | {tail:.2f} |"


@contextmanager
def service(*options: str) -> Iterator[str]:
    """The URL of a service that was started with these options."""
    command = [sys.executable, "-m", "kinelex", "serve", "--port", "0", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        found = re.search(r"http://\S+", process.stdout.readline())
        if found is None:
            raise SystemExit("the service did not start")
        try:
            httpx.post(f"{found[0]}/v1/motions", json={"prompt": "a person walks"}, timeout=300)
            yield found[0]
        finally:
            process.terminate()


def load(url: str, callers: int, requests: int, asked: dict[str, object]) -> Load:
    """`requests` clips of duration and format `asked`, by so many callers at a time."""
    seen, lock, left = Load(), threading.Lock(), iter(range(requests))

    def caller() -> None:
        with httpx.Client(base_url=url, timeout=600) as client:
            while True:
                with lock:
                    number = next(left, None)
                if number is None:
                    return
                body = {"prompt": SENTENCES[number % len(SENTENCES)], "seed": number, **asked}
                start = time.perf_counter()
                answer = client.post("/v1/motions", json=body)
                with lock:
                    seen.statuses[answer.status_code] += 1
                    if answer.status_code == 200:
                        seen.latencies.append(time.perf_counter() - start)
                    seen.told += answer.status_code == 503 and int(answer.headers["retry-after"]) >= 1

    threads = [threading.Thread(target=caller) for _ in range(callers)]
    start = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seen.seconds = time.perf_counter() - start
    return seen


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="default", help="model folder")
    parser.add_argument("--callers", type=int, default=8, help="at the same time")
    parser.add_argument("--requests", type=int, default=48, help="of each row")
    parser.add_argument("--duration", type=float, default=4.0, help="seconds of a clip")
    parser.add_argument("--format", default="npz", help="of the answers")
    parser.add_argument("--crowd", type=int, default=60, help="callers of the overload, for a queue of 8")
    options = parser.parse_args()
    asked = {"duration": options.duration, "format": options.format}
    print(f"clips of {options.duration:g} s as {options.format}, load average {os.getloadavg()[0]:.1f}\n")
    print("| callers | clips a second | p50 s | p95 s |")
    print("| --- | ---: | ---: | ---: |")
    with service("--model", options.model, "--batch", "1") as url:
        print(load(url, 1, options.requests, asked).row("1, one at a time"), flush=True)
        print(
            load(url, options.callers, options.requests, asked).row(f"{options.callers}, batches of 1"),
            flush=True,
        )
    with service("--model", options.model) as url:
        print(
            load(url, options.callers, options.requests, asked).row(f"{options.callers}, batches of up to 8"),
            flush=True,
        )
    with service("--model", options.model, "--queue", "8") as url:
        crowd = load(url, options.crowd, options.crowd, asked)
        print(crowd.row(f"{options.crowd} at once, queue of 8"), flush=True)
        after = httpx.post(f"{url}/v1/motions", json={"prompt": "a person walks"}, timeout=600).status_code
    print(f"\noverload: {json.dumps(dict(crowd.statuses))} by status, {crowd.told} refusals with Retry-After; "
          f"afterwards a request gets {after}")  # fmt: skip


if __name__ == "__main__":
    main()

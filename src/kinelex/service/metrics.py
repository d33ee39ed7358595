"""What the service counts, for Prometheus."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_SIZES = (1, 2, 4, 8, 16, 32)


class Metrics:
    """Counters of one service.

    Attributes:
        requests: by route, method and status.
        latency: seconds by route.
        batch_size: prompts that were generated together.
        seconds: of motion made.
        shed: requests refused because the queue was full.
    """

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.requests = Counter(
            "kinelex_requests", "Requests answered.", ("route", "method", "status"), registry=self._registry
        )
        self.latency = Histogram(
            "kinelex_request_seconds", "Time to the end of the answer.", ("route",),
            buckets=_SECONDS, registry=self._registry,
        )  # fmt: skip
        self.batch_size = Histogram(
            "kinelex_batch_size", "Prompts generated together.", buckets=_SIZES, registry=self._registry
        )
        self.seconds = Counter(
            "kinelex_motion_seconds", "Seconds of motion generated.", registry=self._registry
        )
        self.shed = Counter("kinelex_shed", "Requests refused by a full queue.", registry=self._registry)
        self._pending = Gauge(
            "kinelex_pending", "Accepted and not yet answered.", ("queue",), registry=self._registry
        )

    def watch(self, queue: str, pending: Callable[[], int]) -> None:
        """Show how many wait in a queue."""
        self._pending.labels(queue).set_function(pending)

    def text(self) -> bytes:
        """The page that Prometheus reads."""
        return generate_latest(self._registry)

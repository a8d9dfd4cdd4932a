"""What a server counts, in Prometheus' text format."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Metrics:
    """Counters of one server."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.requests = Counter(
            "humotion_requests", "Answered requests.", ["endpoint", "status"], registry=self._registry
        )
        self.seconds = Histogram(
            "humotion_answer_seconds",
            "From a request to its answer.",
            ["endpoint"],
            buckets=(0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300),
            registry=self._registry,
        )
        self.frames = Counter("humotion_frames", "Frames of answered videos.", registry=self._registry)
        self.bytes = Counter("humotion_received_bytes", "Bytes of received videos.", registry=self._registry)
        self.clips = Histogram(
            "humotion_batch_clips",
            "Clips in one forward pass of a model.",
            buckets=(1, 2, 4, 8, 16, 32),
            registry=self._registry,
        )
        self.waiting = Gauge("humotion_waiting", "Videos that wait or are looked at.", registry=self._registry)

    def text(self) -> bytes:
        """All of them, as text."""
        return generate_latest(self._registry)

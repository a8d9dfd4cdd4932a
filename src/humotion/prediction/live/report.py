"""What a user is told of live answers: a line when one changes, a JSON line for each, and a summary at the end."""

from __future__ import annotations

import json
import time
from array import array
from collections import Counter
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from humotion.prediction.live.now import Now
from humotion.prediction.live.source import Newest
from humotion.prediction.predictor import Verdict

KEPT = 100_000
"""The latencies of so many answers are kept, the latest: two per second for 14 hours."""
PERCENTILES = (50, 95, 99)


class Said(NamedTuple):
    """A verdict of a model.

    Attributes:
        model: name of its experiment.
        time: of the window's last frame, in seconds since the first frame.
        latency: seconds from the capture of that frame to the answer.
        verdict: what the model says.
    """

    model: str
    time: float
    latency: float
    verdict: Verdict


class Report:
    """Prints answers as they come, and counts.

    Args:
        num_models: if there are several, each line names its model.
        as_json: print every answer as a JSON object on a line, and the summary as the last one.
        say: prints a line.
    """

    def __init__(self, num_models: int, as_json: bool, say: Callable[[str], None]) -> None:
        self._names_models, self._as_json, self._say = num_models > 1, as_json, say
        self._start = time.monotonic()
        self._last: dict[str, tuple[str | None, str]] = {}
        self._latencies = array("d")
        self._nones: Counter[str] = Counter()
        self._captions: dict[str, str] = {}
        self.num_answers = 0

    def note(self, text: str) -> None:
        """Print a line for people."""
        if not self._as_json:
            self._say(text)

    def answer(self, said: Said) -> None:
        """Print an answer, and count it."""
        verdict = said.verdict
        self.num_answers += 1
        self._keep(said.latency)
        self._captions[said.model] = _text(verdict)
        if verdict.label is None:
            self._nones[verdict.why] += 1
        is_new = self._last.get(said.model) != (verdict.label, verdict.why)
        self._last[said.model] = verdict.label, verdict.why
        if self._as_json:
            self._say(json.dumps(_as_dict(said), ensure_ascii=False))
        elif is_new:
            self._say(f"{said.time:8.1f} s  {self._prefix(said.model)}{_text(verdict)}")

    def now(self, model: str, time_shown: float, latency: float, now: Now) -> None:
        """Count what a model says of a frame, and print it if it is new; as JSON, print it of each frame."""
        self.num_answers += 1
        self._keep(latency)
        is_new = self._last.get(model) != (now.text, "")
        self._last[model] = now.text, ""
        if self._as_json:
            said = {"model": model, "time": round(time_shown, 3), "latency_ms": round(latency * 1000, 1), **now.values}
            self._say(json.dumps(said, ensure_ascii=False))
        elif is_new:
            self._say(f"{time_shown:8.1f} s  {self._prefix(model)}{now.text}")

    def captions(self) -> list[str]:
        """What each model that is asked about windows said last."""
        return [f"{self._prefix(model)}{text}" for model, text in self._captions.items()]

    def _keep(self, latency: float) -> None:
        self._latencies.append(latency)
        if len(self._latencies) > 2 * KEPT:
            del self._latencies[:-KEPT]

    def _prefix(self, model: str) -> str:
        return f"{model}: " if self._names_models else ""

    def summary(self, newest: Newest) -> dict[str, Any]:
        """Counts, and percentiles of the latency in milliseconds."""
        latencies = np.array(self._latencies[-KEPT:]) * 1000
        return {
            "seconds": round(time.monotonic() - self._start, 3),
            "frames": newest.num_frames,
            "dropped": newest.num_dropped,
            "drop_rate": round(newest.num_dropped / newest.num_frames, 4) if newest.num_frames else 0.0,
            "answers": self.num_answers,
            "none": dict(self._nones),
            "latency_ms": {
                f"p{percent}": round(float(np.percentile(latencies, percent)), 1) if len(latencies) else None
                for percent in PERCENTILES
            },
        }

    def end(self, newest: Newest) -> None:
        """Print the summary."""
        found = self.summary(newest)
        if self._as_json:
            self._say(json.dumps({"summary": found}, ensure_ascii=False))
            return
        self._say(
            f"{found['frames']} frames in {found['seconds']:.1f} s, {found['dropped']} dropped "
            f"({found['drop_rate']:.1%}), because newer ones came before anybody looked."
        )
        nones = ", ".join(f"{count} {why}" for why, count in found["none"].items())
        latency = ", ".join(f"{name} {value} ms" for name, value in found["latency_ms"].items() if value is not None)
        self._say(f"{found['answers']} answers" + (f", of which none: {nones}." if nones else "."))
        if latency:
            self._say(f"Latency from the capture of a frame to the answer: {latency}.")


def _text(verdict: Verdict) -> str:
    if verdict.label is not None:
        return f"{verdict.label}  {verdict.confidence:.0%}"
    guess = "" if verdict.guess is None else f": {verdict.guess} {verdict.confidence:.0%}"
    return f"none ({verdict.why}{guess})"


def _as_dict(said: Said) -> dict[str, Any]:
    verdict = said.verdict
    return {
        "model": said.model,
        "time": round(said.time, 3),
        "label": verdict.label,
        "why_none": verdict.why or None,
        "guess": verdict.guess,
        "confidence": None if verdict.confidence is None else round(verdict.confidence, 4),
        "latency_ms": round(said.latency * 1000, 1),
    }

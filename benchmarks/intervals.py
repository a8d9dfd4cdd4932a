"""How benchmarks write a number with its interval."""

from __future__ import annotations

from humotion.evaluation.bootstrap import BootstrapResult


def interval(found: BootstrapResult, sign: str = "+") -> str:
    """A difference as ``+0.040 (+0.010 to +0.070)``; without a ``sign``, one system's own score."""
    number, low, high = (format(value, f"{sign}.3f") for value in found)
    return f"{number} ({low} to {high})"


def with_doubt(found: BootstrapResult) -> str:
    """A difference with its interval, and a word about it if the interval holds 0."""
    return interval(found) + ("" if found.distinguishable else ", not distinguishable")

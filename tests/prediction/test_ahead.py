"""Items that a thread makes before they are asked for."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest

from humotion.prediction.ahead import ahead
from humotion.system import signals


def no_thread_is_left() -> bool:
    return not any(thread.name == "humotion-ahead" for thread in threading.enumerate())


def test_all_items_come_in_order_and_few_wait() -> None:
    made: list[int] = []

    def numbers() -> Iterator[int]:
        for number in range(20):
            made.append(number)
            yield number

    for number in (items := ahead(numbers, 3)):
        time.sleep(0.01)
        assert len(made) <= number + 6, "three wait, one is given, one has no place yet"
    assert made == list(range(20)) and list(items) == [] and no_thread_is_left()


def test_the_two_work_at_the_same_time() -> None:
    def slow() -> Iterator[int]:
        for number in range(10):
            time.sleep(0.05)
            yield number

    start = time.monotonic()
    for _ in ahead(slow, 2):
        time.sleep(0.05)
    assert time.monotonic() - start < 0.9, "in turns, it would be a second"


def test_an_error_comes_after_the_items_before_it() -> None:
    def broken() -> Iterator[int]:
        yield 1
        raise ValueError("the file is damaged")

    items = ahead(broken, 3)
    assert next(items) == 1
    with pytest.raises(ValueError, match="the file is damaged"):
        next(items)
    assert no_thread_is_left()


def test_who_stops_early_ends_the_thread_and_closes_the_source() -> None:
    closed = threading.Event()

    def endless() -> Iterator[int]:
        try:
            while True:
                yield 1
        finally:
            closed.set()

    items = ahead(endless, 2)
    next(items)
    items.close()  # type: ignore[attr-defined]
    assert closed.wait(5) and no_thread_is_left()


def test_a_signal_passes_through() -> None:
    def waiting() -> Iterator[int]:
        yield 1
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(0.3)
        yield 2

    with signals.interrupting(), pytest.raises(KeyboardInterrupt):
        list(ahead(waiting, 1))
    assert no_thread_is_left()


def test_a_forgotten_reading_does_not_hold_up_the_end_of_the_program() -> None:
    code = "import itertools; from humotion.prediction.ahead import ahead; x = ahead(itertools.count, 2); next(x)"
    subprocess.run([sys.executable, "-c", f"{code}; y = [x]; y.append(y)"], check=True, timeout=120)

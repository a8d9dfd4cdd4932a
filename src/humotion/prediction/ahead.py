"""Do two things at once: a thread makes the next items while the caller works on the last one.

Decoders, networks and encoders release Python's lock while they work, so a thread is enough.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple, TypeVar

Item = TypeVar("Item")
_POLL = 0.1  # seconds after which a thread notices that nobody wants more


class _End(NamedTuple):
    """Nothing follows; ``error`` says why, unless this is the regular end."""

    error: BaseException | None = None


def ahead(items: Callable[[], Iterable[Item]], count: int) -> Iterator[Item]:
    """Yield the items of an iterable that a thread reads, at most ``count`` items ahead.

    An error of the iterable is raised after the items before it. If the caller stops early, also by a signal, the
    thread ends after its item, and the iterable is closed there.

    Args:
        items: returns the iterable; it is called in the thread.
        count: of items that wait.
    """
    waiting: queue.Queue[Any] = queue.Queue(count)
    stopping = threading.Event()
    thread = threading.Thread(target=_read, args=(items, waiting, stopping), name="humotion-ahead")
    try:
        thread.start()
        while not isinstance(item := waiting.get(), _End):
            yield item
        if item.error is not None:
            raise item.error
    finally:
        stopping.set()
        if thread.is_alive() and threading.current_thread() is not thread:  # it may collect this as garbage
            thread.join()


def _read(items: Callable[[], Iterable[Item]], waiting: queue.Queue[Any], stopping: threading.Event) -> None:
    end = _End()
    try:
        for item in items():
            if not _put(waiting, item, stopping):
                return
    except Exception as error:
        end = _End(error)
    _put(waiting, end, stopping)


def _put(waiting: queue.Queue[Any], item: Any, stopping: threading.Event) -> bool:
    """Wait for a free place; return whether it was found before nobody wanted more.

    The end of the main thread counts, too. A daemon that the interpreter ends inside of a decoder can crash it.
    """
    while not stopping.is_set() and threading.main_thread().is_alive():
        try:
            waiting.put(item, timeout=_POLL)
            return True
        except queue.Full:
            continue
    return False

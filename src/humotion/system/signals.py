"""What SIGINT (Ctrl-C), SIGTERM and SIGHUP do: one rule for all commands and their worker processes.

* A command stops at the first of these signals, with KeyboardInterrupt, as Ctrl-C always did in Python. So every
  ``finally`` runs, and temporary files go. Inside `held_back`, the exception waits for the end of the block.
* Further signals change nothing while a command stops: systemd and closing terminals send several at once.
* Worker processes leave these signals to their parent. They end when the parent tells them to, or when it has died.
  Otherwise a signal to all processes of a job kills the workers first, and the parent reports dead workers.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import stat
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType

STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
AGAIN = 2.0  # seconds after which Ctrl-C interrupts a second time, if stopping takes too long


class _State:
    """The signal that stops this process, and when it came; how many `held_back` blocks are open."""

    first: signal.Signals | None = None
    since = 0.0
    holds = 0
    is_waiting = False


def received() -> signal.Signals | None:
    """The signal that stops this process; None if there was none."""
    return _State.first


def note(number: int) -> None:
    """Record that a signal stops this process; the first one counts."""
    if _State.first is None:
        _State.first, _State.since = signal.Signals(number), time.monotonic()
        _leave_closed_streams(number == signal.SIGHUP)


def interrupt() -> None:
    """From now on, the first signal of `STOPPING` raises KeyboardInterrupt.

    A signal that the process was started to ignore stays ignored (``nohup``).
    """
    _State.first, _State.is_waiting = None, False
    for number in heeded():
        signal.signal(number, _interrupt)


@contextmanager
def interrupting() -> Iterator[None]:
    """As `interrupt`, but only inside the block."""
    with restored():
        interrupt()
        yield


@contextmanager
def restored() -> Iterator[None]:
    """Restore the handlers of `STOPPING` after the block."""
    before = {number: signal.getsignal(number) for number in STOPPING}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def heeded() -> list[signal.Signals]:
    """The signals of `STOPPING` that this process was not started to ignore."""
    return [number for number in STOPPING if signal.getsignal(number) is not signal.SIG_IGN]


@contextmanager
def held_back() -> Iterator[None]:
    """Let a write finish that must not be torn, for example a transaction; a signal interrupts at the end of it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    _State.holds += 1
    try:
        yield
    finally:
        _State.holds -= 1
    if _State.is_waiting and not _State.holds:
        _State.is_waiting = False
        raise KeyboardInterrupt


@contextmanager
def starting_workers() -> Iterator[None]:
    """Processes that start in this block are born with the signals blocked, until they call `obey_only_the_parent`."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, STOPPING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def obey_only_the_parent(parent: int | None = None) -> None:
    """Set up a worker process: it ends by SIGTERM from its parent, or with its parent, and by no other signal.

    Args:
        parent: the id of the process that started it, if that may have died by now.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, STOPPING)
    sys.excepthook = _report
    watch = threading.Thread(target=_watch, args=(parent or os.getppid(),), daemon=True, name="humotion-parent")
    watch.start()


def _report(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Print an exception of a worker, except that the parent has hung up.

    A worker hands its tensors to the parent in a thread of `multiprocessing.resource_sharer`. A parent that stops in
    the middle of that leaves the worker with a broken connection, and a traceback would follow the parent's last words.
    """
    if not isinstance(error, ConnectionError | EOFError):
        sys.__excepthook__(kind, error, trace)


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        told = signal.sigtimedwait(STOPPING, 1.0)
        if told is not None and told.si_signo == signal.SIGTERM and told.si_pid == parent:
            break
    os._exit(0)


def _interrupt(number: int, frame: FrameType | None) -> None:
    is_first = _State.first is None
    note(number)
    if not is_first and (number != signal.SIGINT or time.monotonic() - _State.since < AGAIN):
        return
    if _State.holds:
        _State.is_waiting = True
    else:
        raise KeyboardInterrupt


def _leave_closed_streams(is_hangup: bool) -> None:
    """Write to nowhere instead of a terminal or a pipe that has been closed: every write to it would be an error.

    With `humotion ... | tee log`, a signal to all processes also ends `tee`.
    """
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        with contextlib.suppress(OSError):
            kind = os.fstat(stream).st_mode
            if (stat.S_ISCHR(kind) and is_hangup) or (stat.S_ISFIFO(kind) and stream and _has_no_reader(stream)):
                os.dup2(nowhere, stream)
    os.close(nowhere)


def _has_no_reader(pipe: int) -> bool:
    poll = select.poll()
    poll.register(pipe, 0)  # without a wish, only errors are reported
    return bool(poll.poll(50))  # milliseconds: the reader may be dying now

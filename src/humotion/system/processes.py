"""Which process made something, and whether that process is still alive.

A process is named by its place (host and process namespace, because containers count their processes from 1), its
number, and its start time, because numbers are used again. The life of a process can only be judged in its own place.
"""

from __future__ import annotations

import hashlib
import os
import socket
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_NAMESPACE = Path("/proc/self/ns/pid")


@dataclass(frozen=True)
class Process:
    """A process that may have ended.

    Attributes:
        host: the name of its machine, or of its container.
        place: digest of host and process namespace, 6 hexadecimal digits.
        number: its process id there.
        start: when it started, in clock ticks since the boot of its machine; 0 if unknown.
    """

    host: str
    place: str
    number: int
    start: int

    @property
    def is_here(self) -> bool:
        """Whether it belongs to this machine and namespace, so that `is_gone` can know."""
        return self.place == _place()

    @property
    def is_gone(self) -> bool:
        """Whether it has certainly ended: it belongs to this place, and no such process is alive here."""
        return self.is_here and start_of(self.number) != self.start

    def __str__(self) -> str:
        return f"process {self.number} on {self.host}"

    def as_text(self) -> str:
        """One line that `from_text` reads."""
        return f"{self.host} {self.place} {self.number} {self.start}"

    @classmethod
    def from_text(cls, text: str) -> Process | None:
        """Read what `as_text` wrote; None for any other text."""
        parts = text.split()
        if len(parts) != 4 or not (parts[2].isdecimal() and parts[3].isdecimal()):
            return None
        return cls(parts[0], parts[1], int(parts[2]), int(parts[3]))


def this_process() -> Process:
    """The process that calls; a forked child is another one."""
    return Process(socket.gethostname(), _place(), os.getpid(), start_of(os.getpid()) or 0)


def start_of(number: int) -> int | None:
    """When the process with this number started, in clock ticks since boot; None if there is none, or it is a zombie.

    Without /proc (macOS) every living process has the start 0.
    """
    try:
        # The name of the program stands in parentheses, and may contain spaces and parentheses.
        fields = Path(f"/proc/{number}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return 0 if not Path("/proc/self").exists() and _answers(number) else None
    return None if fields[0] in "ZX" else int(fields[19])


def token() -> str:
    """A name for a temporary file of this process, from which `owner_of_token` finds the process."""
    me = this_process()
    return f"{me.place}-{me.number:x}-{me.start:x}-{time.monotonic_ns() & 0xFFFFFF:06x}{os.urandom(2).hex()}"


def owner_of_token(text: str) -> Process | None:
    """The process that made this `token`; None if the text is no token."""
    parts = text.split("-")
    try:
        place, number, start, _ = parts[0], int(parts[1], 16), int(parts[2], 16), int(parts[3], 16)
    except (IndexError, ValueError):
        return None
    return Process("another host", place, number, start) if len(parts) == 4 and len(place) == 6 else None


def _answers(number: int) -> bool:
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


@cache
def _place() -> str:
    namespace = str(_NAMESPACE.readlink()) if _NAMESPACE.is_symlink() else ""
    return hashlib.sha256(f"{socket.gethostname()} {namespace}".encode()).hexdigest()[:6]

"""Run `humotion` only as long as whoever started it: also if that program is killed, and can clean up nothing.

Standard input is a pipe. The other end closes when the other program ends, in whatever way; then this one ends, too.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

_SECONDS_TO_FINISH = 10


@contextmanager
def leashed(arguments: Sequence[str]) -> Iterator[subprocess.Popen[str]]:
    """Run `humotion` with some arguments while the block does, and no longer than this process lives."""
    command = [sys.executable, "-m", "benchmarks.leash", *arguments]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.terminate()
            process.wait()


def _watch() -> None:
    """Wait for the end of the pipe, then end this process: kindly first, for its temporary files."""
    while os.read(0, 1):  # not sys.stdin, whose lock the end of the interpreter wants
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_SECONDS_TO_FINISH)
    os._exit(1)


def main() -> None:
    """Run `humotion` with the arguments of this command."""
    threading.Thread(target=_watch, daemon=True).start()
    from humotion.cli.main import main as humotion

    humotion()


if __name__ == "__main__":
    main()

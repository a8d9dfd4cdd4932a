"""Read MATLAB files in a separate process.

scipy's reader is native code that trusts what it reads: one wrong byte in the tag of a value can crash
the process. So every process starts one helper process that reads for it, with a memory limit. If the
helper crashes, the file is bad, and the next file gets a new helper.
This file is also the helper's program, so it imports nothing from the package.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

MEMORY = 4 * 2**30
"""Bytes of address space for the helper: a damaged file must not use up the machine's memory."""

_READY = b"ready"


class MatError(ValueError):
    """A MATLAB file that cannot be read."""


class _Helper:
    """A process that reads one file after another; used by one thread at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def load(self, path: Path, fields: Sequence[str]) -> dict[str, Any]:
        with self._lock:
            process = self._process or self._start()
            assert process.stdin is not None and process.stdout is not None
            try:
                _send(process.stdin, (str(path), list(fields)))
                answer = pickle.load(process.stdout)  # safe: our own helper wrote it
            except (EOFError, OSError, pickle.UnpicklingError) as error:
                self._process = None
                process.kill()
                raise MatError(f"it crashes the reader (exit code {process.wait()})") from error
        if isinstance(answer, str):
            raise MatError(answer)
        return dict(answer)

    def _start(self) -> subprocess.Popen[bytes]:
        from humotion.system import signals  # the helper itself, which runs this file, does without

        # It ends with its pipe. A signal to all processes must not end it first: that would count as a damaged file.
        with signals.starting_workers():
            self._process = subprocess.Popen(
                [sys.executable, "-P", __file__],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
            )
        assert self._process.stdout is not None
        if self._process.stdout.read(len(_READY)) != _READY:  # an error of the helper, not of the file
            code, self._process = self._process.wait(), None
            raise RuntimeError(f"the reader of MATLAB files does not start (exit code {code}): {sys.executable}")
        return self._process


_helper = _Helper()


def _forget_helper() -> None:
    """A forked process must not share its parent's pipes."""
    global _helper
    _helper = _Helper()


os.register_at_fork(after_in_child=_forget_helper)


def load_mat(path: Path, fields: Sequence[str]) -> dict[str, Any]:
    """Read the named fields that a MATLAB file has; raises MatError if the file cannot be read."""
    try:
        with path.open("rb") as stream:
            start = stream.read(64)
    except OSError as error:
        raise MatError(error.strerror or type(error).__name__) from error
    _refuse_other_formats(start, path)
    return _helper.load(path.absolute(), fields)


def _refuse_other_formats(start: bytes, path: Path) -> None:
    """Say what a file is, if it is one of the formats that are taken for MATLAB files, and how to convert it."""
    if not start:
        raise MatError("it is empty")
    if start.startswith((b"MATLAB 7.3", b"\x89HDF")):
        raise MatError(
            "it is of MATLAB's format 7.3 (HDF5). Save it in format 7, in MATLAB: "
            f"s = load('{path.name}'); save('{path.name}', '-struct', 's', '-v7')"
        )
    if start.startswith(b"# Created by Octave"):
        raise MatError(
            f"it is Octave's text format. Save it in format 7, in Octave: s = load('{path.name}'); "
            f"save('-v7', '{path.name}', '-struct', 's')"
        )
    if start.startswith(b"version https://git-lfs"):
        raise MatError("it is a pointer of Git LFS, not the file: run `git lfs pull`")


def _send(stream: IO[bytes], value: Any) -> None:
    pickle.dump(value, stream, protocol=pickle.HIGHEST_PROTOCOL)
    stream.flush()


def _serve() -> None:
    """Run the helper: read one file after another, until the pipe closes (also because the other process ended)."""
    import resource

    import scipy.io

    allowed = resource.getrlimit(resource.RLIMIT_AS)[1]
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY if allowed < 0 else min(MEMORY, allowed), allowed))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    sys.stdout.buffer.write(_READY)
    sys.stdout.buffer.flush()
    while True:
        try:
            path, fields = pickle.load(sys.stdin.buffer)
        except EOFError:
            return
        answer: dict[str, Any] | str
        try:
            content = scipy.io.loadmat(path, variable_names=fields)
            answer = {field: content[field] for field in fields if field in content}
        except Exception as error:  # scipy raises almost anything on a damaged file
            answer = f"{error}" or type(error).__name__
        _send(sys.stdout.buffer, answer)


if __name__ == "__main__":
    _serve()

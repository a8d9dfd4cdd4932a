"""Where unfinished work is kept, and how a stage recognises its own.

A long stage keeps its partial results in ``.humotion/work/<stage>/<digest>/`` under the
main checkout. ``digest`` covers the stage's parameters, its inputs and the code that it runs. After a crash
the same attempt finds its folder again. A changed attempt gets a new folder and never mixes in old results.

Two processes may make the same attempt (``dvc queue start -j 2``, two terminals). So a process that works in a folder
holds a lock next to it (``<digest>.lock``), and ``<digest>.owner`` tells which process that is, with its last sign of
life as the time of the file. The lock of a dead process is free.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
import shlex
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from ruamel.yaml import YAML

from humotion.errors import HumotionError
from humotion.system.processes import Process, this_process

SIGN_OF_LIFE = 20.0  # seconds between two
SILENT = 600.0  # seconds without one, after which a process on another machine counts as dead, if its lock is free
_POLL = 0.5
_DVC_EXPERIMENT_DIR = (".dvc", "tmp", "exps")
_CODE = "src/humotion/"


def main_checkout(folder: Path | None = None) -> Path:
    """The user's own checkout, also from inside a ``dvc exp run --temp/--queue`` working copy.

    DVC runs those in ``<checkout>/.dvc/tmp/exps/...`` and deletes the copy afterwards. So
    nothing that should outlive the run may be kept there.
    """
    folder = (folder or Path.cwd()).resolve()
    parts = folder.parts
    for start in range(len(parts) - len(_DVC_EXPERIMENT_DIR)):
        if parts[start : start + len(_DVC_EXPERIMENT_DIR)] == _DVC_EXPERIMENT_DIR:
            return Path(*parts[:start])
    for parent in (folder, *folder.parents):
        if (parent / "dvc.yaml").exists() and (parent / "params.yaml").exists():
            return parent
    return folder


def digest_of(value: Any) -> str:
    """A short digest of a JSON-like value; equal values give equal digests on every machine."""
    text = json.dumps(value, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def digest_of_file(path: Path) -> str:
    """MD5 of a file's content, as DVC records it."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "md5").hexdigest()


def published_file(path: Path, sha256: str, of: str, name: str) -> Path:
    """Return the path of a file of weights if it is the one that was published.

    Args:
        path: where the file is looked for.
        sha256: of the published file.
        of: whose weights they are, for the user.
        name: the argument of `humotion fetch`.

    Raises:
        HumotionError: it is missing, or it is another file. The message says how to get it.
    """
    command = f"`humotion fetch {name} --into {shlex.quote(str(path.parent))}`"
    if not path.is_file():
        raise HumotionError(
            f"{path} is missing: the published weights of {of}. Run {command}, or set `weights` of the layer to where "
            "they are."
        )
    state = path.stat()
    if _sha256(path, state.st_size, state.st_mtime_ns) != sha256:
        raise HumotionError(f"{path} is not the published file of that name. Delete it and run {command}.")
    return path


@lru_cache(maxsize=8)
def _sha256(path: Path, size: int, changed: int) -> str:
    """The SHA-256 of a file's content; read again only if its size or time have changed."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def digest_of_folder(folder: Path) -> str:
    """Digest of a folder's files as DVC records it: ``<md5>.dir``."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    entries = [{"md5": digest_of_file(path), "relpath": path.relative_to(folder).as_posix()} for path in files]
    entries.sort(key=lambda entry: entry["relpath"])
    return hashlib.md5(json.dumps(entries, sort_keys=True).encode()).hexdigest() + ".dir"


def digest_of_code(*stages: str, chosen: Mapping[str, Any]) -> str:
    """Digest of the code that stages run. Work that other code started is not resumed.

    The code of a stage is its dependencies below ``src/humotion`` in dvc.yaml. So work is resumed if DVC considers the
    stage's code unchanged, and a change elsewhere in the package discards nothing. If dvc.yaml names no such
    dependency, the digest covers the complete package.

    Args:
        stages: names of stages in dvc.yaml.
        chosen: the section of params.yaml that the stage unrolls, for ``${item...}`` in its dependencies.
    """
    package = Path(__file__).parent
    listed = {place for stage in stages for place in _code_of_stage(stage, chosen)} or {"."}
    files = {file for place in listed for file in _sources(package / place)}
    return digest_of([(path.relative_to(package).as_posix(), digest_of_file(path)) for path in sorted(files)])


def _code_of_stage(stage: str, chosen: Mapping[str, Any]) -> list[str]:
    """The dependencies of a stage below ``src/humotion``, relative to it; none if no dvc.yaml has the stage."""
    pipeline = Path("dvc.yaml")
    content = YAML(typ="safe").load(pipeline.read_text(encoding="utf-8")) if pipeline.exists() else None
    deps = ((content or {}).get("stages") or {}).get(stage, {}).get("do", {}).get("deps", [])
    code = (dep.removeprefix(_CODE) for dep in deps if dep.startswith(_CODE))
    return [re.sub(r"\$\{item\.([\w.]+)\}", lambda found: _value_at(chosen, found[1]), dep) for dep in code]


def _value_at(section: Mapping[str, Any], path: str) -> str:
    value: Any = section
    for key in path.split("."):
        value = value[key]
    return str(value)


def _sources(place: Path) -> Iterator[Path]:
    yield from place.rglob("*.py") if place.is_dir() else [place]


def work_folder(stage: str, digest: str) -> Path:
    """The folder for this attempt's unfinished work; it is created if absent."""
    folder = main_checkout() / ".humotion" / "work" / stage / digest
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextmanager
def owned_work(stage: str, digest: str, *, waits: bool = True) -> Iterator[Path]:
    """The `work_folder` of an attempt, which no other process uses inside the block.

    Args:
        stage: the name of the stage.
        digest: of the attempt.
        waits: whether to wait for another process that uses the folder, after a line that names it.

    Raises:
        HumotionError: another process uses the folder, and this one does not wait.
    """
    folder = work_folder(stage, digest)
    lock, owner = FileLock(f"{folder}.lock"), Path(f"{folder}.owner")
    try:
        lock.acquire(timeout=_POLL)
    except Timeout:
        text = f"`{stage}` with the same settings, inputs and code runs already: {_holder(owner)} ({folder})."
        if not waits:
            raise HumotionError(f"{text} Wait until it has ended, or stop it.") from None
        print(f"humotion: {text} This one waits until it has ended; Ctrl-C stops waiting.", file=sys.stderr, flush=True)
        lock.acquire(poll_interval=_POLL)
    over = threading.Event()
    try:
        owner.write_text(f"{this_process().as_text()}\n", encoding="utf-8")
        threading.Thread(target=_live, args=(owner, over), daemon=True, name="humotion-alive").start()
        folder.mkdir(parents=True, exist_ok=True)  # the process before may have finished, and removed it
        yield folder
    finally:
        over.set()
        owner.unlink(missing_ok=True)
        if not folder.exists():
            Path(lock.lock_file).unlink(missing_ok=True)  # the next one to lock it notices
        lock.release()


def nobody_works_in(folder: Path) -> bool:
    """Whether a `work_folder` certainly has no owner: its lock is free, and its owner gave no sign of life for long."""
    owner = Path(f"{folder}.owner")
    process = _read_owner(owner)
    if process is None or (not process.is_gone and _age(owner) < SILENT):
        return False
    lock = FileLock(f"{folder}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return False
    lock.release()
    return True


def _holder(owner: Path) -> str:
    process = _read_owner(owner)
    if process is None:
        return "another process"
    with suppress(OSError):
        return f"{process}, last sign of life {_age(owner):.0f} s ago"
    return str(process)


def _read_owner(owner: Path) -> Process | None:
    try:
        return Process.from_text(owner.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        return None


def _age(path: Path) -> float:
    """Seconds since the last change of a file, by the clock of its file system, which may be a server's."""
    probe = path.with_name(f".{path.name}.now")
    try:
        probe.touch()
        return max(0.0, probe.stat().st_mtime - path.stat().st_mtime)
    except FileNotFoundError:  # it has just been removed
        return math.inf
    finally:
        probe.unlink(missing_ok=True)


def _live(owner: Path, over: threading.Event) -> None:
    while not over.wait(SIGN_OF_LIFE):
        with suppress(OSError):
            owner.touch(exist_ok=True)

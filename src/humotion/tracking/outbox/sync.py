"""`humotion track status` and `humotion track sync`: what waits for a remote store, and bringing it there."""

from __future__ import annotations

from collections.abc import Iterator

from humotion.errors import HumotionError
from humotion.tracking.outbox.delivery import deliver
from humotion.tracking.outbox.waiting import WaitingRun, claimed, clear_litter, is_held, shown, waiting_runs
from humotion.tracking.store import tracking_uri


def status() -> Iterator[str]:
    """A line a run that waits."""
    for run in waiting_runs():
        yield f"{run.folder.name}  {_state(run)}  for {run.server}"


def sync(configured: str | None = None, to: str | None = None) -> Iterator[str]:
    """Bring every run that waits to its server, or to the server ``to``; a line each.

    A run that is being written, or sent by another process, is left alone.

    Raises:
        HumotionError: not all could be brought; nothing of them is lost.
    """
    clear_litter()
    if to is not None:
        _readdress(to)
    left = []
    for run in waiting_runs():
        line, arrived = _sent(run, to or tracking_uri(configured))
        yield line
        left += [] if arrived else [run]
    if left:
        raise HumotionError(f"{len(left)} run(s) still wait on disk, whole. Call the same command again later.")


def _sent(run: WaitingRun, in_use: str) -> tuple[str, bool]:
    """What became of one run, and whether it need not wait any more."""
    name = run.folder.name
    if is_held(run):
        return f"{name}: in work at present; its own process sends it", True
    with claimed(run, 10) as mine:
        if mine is None:
            return f"{name}: sent by another process", True
        if not mine.local_id:  # its process died before it had a run
            mine.remove()
            return f"{name}: empty, removed", True
        try:
            problem = deliver(mine, _address(mine, in_use))
        except HumotionError as refusal:
            problem = str(refusal)
        if problem is not None:
            return f"{name}: waits, {problem}", False
        return f"{name}: sent to {mine.server} as run {mine.run_id}", True


def _readdress(to: str) -> None:
    """From now on all that is not in work is for another server."""
    for run in waiting_runs():
        if run.server == shown(to) or is_held(run):
            continue
        with claimed(run, 10) as mine:
            if mine is not None:
                mine.server, mine.run_id, mine.created = shown(to), None, False
                mine.save()


def _address(run: WaitingRun, in_use: str) -> str:
    """Where a run is to go. The kept address has no password; the one in use may."""
    if shown(in_use) == run.server:
        return in_use
    if "://***@" in run.server:
        raise HumotionError(f"its server {run.server} needs a password: give the address with --uri")
    return run.server


def _state(run: WaitingRun) -> str:
    if is_held(run):
        return "in work"
    return "waits" if run.ended else "waits (its process died)"

"""`humotion track status` and `humotion track sync`: list and send the runs that wait for a remote store."""

from __future__ import annotations

from collections.abc import Iterator

from humotion.errors import HumotionError
from humotion.tracking.address import shown
from humotion.tracking.outbox.delivery import deliver
from humotion.tracking.outbox.waiting import WaitingRun, claimed, clear_litter, is_held, waiting_runs
from humotion.tracking.store import tracking_uri


def status() -> Iterator[str]:
    """One line per run that waits."""
    for run in waiting_runs():
        yield f"{run.folder.name}  {_state(run)}  for {run.server}"


def sync(configured: str | None = None, to: str | None = None) -> Iterator[str]:
    """Send every run that waits to its server, or to the server ``to``; yield one line per run.

    Runs that another process writes or sends are left out.

    Raises:
        HumotionError: some runs could not be sent; nothing of them is lost.
    """
    yield from (f"{name}: without a run, removed" for name in clear_litter())
    if to is not None:
        _readdress(to)
    left = []
    for run in waiting_runs():
        line, arrived = _sent(run, to or tracking_uri(configured))
        yield line
        left += [] if arrived else [run]
    if left:
        raise HumotionError(
            f"{len(left)} run(s) still wait on disk, and are complete. Run the same command again later."
        )


def _sent(run: WaitingRun, in_use: str) -> tuple[str, bool]:
    """The line for one run, and whether it no longer has to wait."""
    name = run.folder.name
    if is_held(run):
        return f"{name}: being written now; its own process sends it", True
    with claimed(run, 10) as mine:
        if mine is None:
            return f"{name}: sent by another process", True
        if not mine.local_id:  # its process died before the run started
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
    """Change the server of every run that no process writes now."""
    for run in waiting_runs():
        if run.server == shown(to) or is_held(run):
            continue
        with claimed(run, 10) as mine:
            if mine is not None:
                mine.server, mine.run_id, mine.created = shown(to), None, False
                mine.save()


def _address(run: WaitingRun, in_use: str) -> str:
    """The address for a run. The address on disk has no password; the address in use may have one."""
    if shown(in_use) == run.server:
        return in_use
    if "://***@" in run.server:
        raise HumotionError(f"its server {run.server} needs a password: use --uri with the complete address")
    return run.server


def _state(run: WaitingRun) -> str:
    if is_held(run):
        return "being written"
    return "waits" if run.ended else "waits (its process died)"

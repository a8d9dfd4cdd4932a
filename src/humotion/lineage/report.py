"""A trace as text, and as data for programs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from humotion.figures.tables import text_table
from humotion.lineage.rebuild import Rebuild, rebuild
from humotion.lineage.trace import SAME, Compared, Trace
from humotion.tracking import registry, sources

SHOWN_SETTINGS, SHOWN_LENGTH = 12, 80


def as_dict(found: Trace) -> dict[str, Any]:
    """The trace as data for JSON, with the commands that rebuild the model under ``rebuild``."""
    code = dict(found.origin) | {"commit_is_here": _is_here(found)}
    return {
        **asdict(found),
        "root": str(found.root) if found.root else None,
        "code": code,
        "rebuild": asdict(rebuild(found)),
    }


def describe(found: Trace) -> str:
    """The trace as text: one block per subject, and the commands at the end."""
    blocks = {
        "version": _version(found),
        "run": _run(found),
        "code": _code(found),
        "data": _compared(found.data, "this checkout's file"),
        "dvc.lock": _lock(found),
        "weights": _compared([found.weights] if found.weights else [], f"models/{found.experiment}"),
        "settings": _settings(found),
        "validation": _scores(found.validation),
        "test": _scores(found.test),
        "baseline": _scores(found.baseline),
    }
    rows = [(title if line == block[0] else "", line) for title, block in blocks.items() for line in block]
    asked = f"{found.asked}: {found.experiment} on {found.dataset}"
    return "\n".join([asked, "", text_table(None, rows), "", *_rebuild(rebuild(found))])


def _version(found: Trace) -> list[str]:
    if (version := found.version) is None:
        return []
    tags = version.tags
    lines = [f"{version.name} version {version.version}, {', '.join(version.aliases) or 'no alias'}"]
    if why := tags.get("why"):
        lines.append(f"when registered: {why}")
    if at := tags.get(registry.PROMOTED_AT):
        lines.append(f"promoted {at}: {tags.get(registry.PROMOTED_WHY)}")
    if at := tags.get(registry.DEMOTED_AT):
        lines.append(f"demoted {at}: {tags.get(registry.DEMOTED_WHY)}")
    return lines


def _run(found: Trace) -> list[str]:
    if (run := found.run) is None:
        return [
            f"{found.run_id}: the store at {found.store} {found.absent or 'does not have it'}",
            f"`humotion join {found.experiment}` makes a run there from the files of models/{found.experiment}",
        ]
    lines = [
        f"{run.run_id} ({run.name}), {run.status}",
        f"{run.started} to {run.ended or 'now'} UTC, in {run.experiment} at {run.address or found.store}",
    ]
    if original := run.tags.get("restored_from"):
        lines.append(f"restored from the model folder: this store never had the original run {original}")
    if command := run.tags.get("humotion.command"):
        lines.append(f"command: {command}")
    return lines


def _code(found: Trace) -> list[str]:
    origin = found.origin
    if (commit := origin.get(sources.COMMIT)) is None:
        return ["unknown: not trained in a git checkout, or trained by an older version that did not record it"]
    lines = [f"commit {commit}, {'in this repository' if _is_here(found) else 'NOT in this repository'}"]
    if origin.get(sources.DIRTY) == "true":
        lines.append(f"dirty, changed: {origin.get(sources.CHANGED) or 'nothing that git tracks'}")
    if untracked := origin.get(sources.UNTRACKED):
        lines.append(f"untracked code: {untracked}")
    if name := origin.get(sources.EXPERIMENT_NAME):
        lines.append(f"DVC experiment {name}")
    return lines


def _lock(found: Trace) -> list[str]:
    if not found.locked and found.run and sources.LOCKED in found.run.tags:
        return ["the store does not return the dvc.lock of the training, which the run has"]
    if not found.locked:
        return ["the run has no dvc.lock of its training (trained without DVC, or not evaluated since)"]
    data = [entry for entry in found.locked if not entry.name.startswith("src/")]
    code = [entry for entry in found.locked if entry.name.startswith("src/")]
    differing = [entry for entry in code if entry.here != SAME]
    told = f"{len(code)} files of code, {len(code) - len(differing)} the same as in this checkout's dvc.lock"
    return [*_compared(data, "this checkout's dvc.lock"), told, *_compared(differing, "this checkout's dvc.lock")]


def _compared(entries: Iterable[Compared], where: str) -> list[str]:
    return [
        f"{entry.md5}  {entry.name}: {entry.here} in {where}"
        if entry.here != "absent"
        else f"{entry.md5}  {entry.name}: absent here"
        for entry in entries
    ]


def _settings(found: Trace) -> list[str]:
    if not found.settings:
        return []
    told = (
        f"{len(found.settings)} settings of the training, {len(found.changed) or 'none'} different in params.yaml now"
    )
    lines = [
        f"{key}: {_brief(then) or 'unset'} then, {_brief(now) or 'unset'} now"
        for key, (then, now) in found.changed.items()
    ]
    lines += [
        f"{key}: not compared, because an older version of humotion cut it; the run's params.yaml has all of it"
        for key in found.uncompared
    ]
    more = [f"and {len(lines) - SHOWN_SETTINGS} more (--json shows all)"] if len(lines) > SHOWN_SETTINGS else []
    return [told, *lines[:SHOWN_SETTINGS], *more]


def _brief(value: str | None) -> str | None:
    """The start and the end of a long value: a shortened one ends with its md5."""
    return value if value is None or len(value) <= 2 * SHOWN_LENGTH else f"{value[:SHOWN_LENGTH]}...{value[-60:]}"


def _scores(scores: Mapping[str, float]) -> list[str]:
    return [", ".join(f"{key} {value:.4f}" for key, value in scores.items())] if scores else []


def _rebuild(how: Rebuild) -> list[str]:
    commands = ["To rebuild it:", *(f"    {command}" for command in how.commands)] if how.commands else []
    return [*commands, *(f"  - {note}" for note in how.notes)]


def _is_here(found: Trace) -> bool:
    commit = found.origin.get(sources.COMMIT)
    return commit is not None and sources.has_commit(commit)

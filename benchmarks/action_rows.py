"""What tables of action models share: rows that become experiments, their stages, and differences between rows."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from ruamel.yaml import YAML

from humotion.evaluation.bootstrap import BootstrapResult, paired_bootstrap
from humotion.files import atomic_path, read_json, write_json

RESAMPLES = 2000
ONE_PROCESS = """
import sys
from humotion.cli.stages import _run_stage
name, *stages = sys.argv[1:]
for stage in stages:
    _run_stage(stage, name)
"""


def with_changes(
    experiment: Mapping[str, Any], changes: Mapping[str, Any], without: Iterable[str] = ()
) -> dict[str, Any]:
    """The experiment with other values at some paths (``model.name``), and without some settings.

    It has no comments: ruamel.yaml would write one into the line of the next key where a value became an empty list.
    """
    found: dict[str, Any] = json.loads(json.dumps(experiment))
    for path, value in changes.items():
        section, key = _section(found, path)
        section[key] = copy.deepcopy(value)  # the same list in two copies would become an anchor
    for path in without:
        section, key = _section(found, path)
        del section[key]
    return found


def _section(experiment: dict[str, Any], path: str) -> tuple[dict[str, Any], str]:
    *sections, key = path.split(".")
    section = experiment
    for part in sections:
        section = section[part]
    return section, key


def read_yaml(params: Path) -> Any:
    """The content of params.yaml, with its comments."""
    return YAML().load(params.read_text(encoding="utf-8"))


def write_yaml(params: Path, content: Any) -> None:
    """Write params.yaml in one atomic step."""
    with atomic_path(params) as temporary:
        YAML().dump(content, temporary)


def finished(name: str, folder: Path = Path()) -> float | None:
    """The seconds that an experiment took; None if it is not finished.

    Its scores are no proof: a checkout already has those of its last commit.
    """
    done = folder / f"{name}.done"
    if not done.exists():
        return None
    text = done.read_text(encoding="utf-8")
    return float(read_json(done)["seconds"]) if text else 0.0


def run_stages(name: str, stages: Sequence[str], folder: Path = Path()) -> None:
    """Run stages of one experiment in a process of their own, with a log in ``folder``; nothing if it is finished.

    The stages share the process, because importing what they need takes as long as a small training.

    Raises:
        SystemExit: a stage failed.
    """
    if finished(name, folder) is not None:
        return
    log, started = folder / f"{name}.log", time.monotonic()
    command = [sys.executable, "-c", ONE_PROCESS, name, *stages]
    with log.open("a", encoding="utf-8") as file:
        if subprocess.run(command, stdout=file, stderr=subprocess.STDOUT, check=False).returncode:
            raise SystemExit(f"{name} failed: see {log.resolve()}")
    write_json(folder / f"{name}.done", {"seconds": round(time.monotonic() - started, 1)})


def gain_over(mine: pd.DataFrame, other: pd.DataFrame) -> BootstrapResult:
    """Mean paired difference between the clips of two rows, with an interval over films.

    The bootstrap draws the groups of all splits together. All splits have the same weight.

    Args:
        mine: columns ``split``, ``group`` and ``score``, with the index (split, clip).
        other: the same clips in any order.
    """
    weights = 1 / mine.groupby("split")["score"].transform("size")
    scores = other["score"].loc[mine.index]
    return paired_bootstrap(mine["score"], scores, mine["group"].tolist(), 0, RESAMPLES, weights=weights)

"""Runs of predictions: what models said of videos that are in no dataset. They have an MLflow experiment of their own.

A run is written in one go after the last prediction, as a training is: through the outbox if the store is remote, and
with the tag of its process, so that a later command closes it if the process is killed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from humotion.errors import HumotionError
from humotion.system.names import file_stem
from humotion.system.signals import held_back
from humotion.tracking import local
from humotion.tracking.dead_runs import process_tag
from humotion.tracking.outbox.place import OutboxPlace, WantedRun, open_place
from humotion.tracking.runs import close_dead_runs, ended
from humotion.tracking.sources import NOTE, command_line, origin_tags, shortened
from humotion.tracking.store import mlflow

EXPERIMENT = "predictions"
_LONGEST = 250  # letters of the name of a run in a store of MLflow


@dataclass(frozen=True)
class OpenRun:
    """A run that is being written: its id, and the folder of its files if that is on this machine to stay."""

    run_id: str
    folder: Path | None


def check(name: str, uri: str | None = None) -> None:
    """Refuse a name or a store that cannot be written, before any work.

    Raises:
        HumotionError: the name of the run is empty, too long or of several lines; MLflow would refuse the store.
    """
    if not name.strip() or len(name) > _LONGEST or not name.isprintable():
        raise HumotionError(f"--log-to {name!r}: name the run with 1 to {_LONGEST} letters in one line.")
    local.check(uri, EXPERIMENT)


@contextmanager
def prediction_run(name: str, tags: Mapping[str, str], note: str, uri: str | None = None) -> Iterator[OpenRun]:
    """Open a new run and yield it; an exception ends it as FAILED, Ctrl-C as KILLED.

    Args:
        name: of the run. Runs may share a name: each command makes a run of its own.
        tags: what the run is found by.
        note: its description, in Markdown.
        uri: the configured tracking URI, if any.

    Raises:
        HumotionError: the store refuses the run.
    """
    close_dead_runs(uri)
    described = {"kind": "prediction", "humotion.command": command_line(), NOTE: note, **origin_tags(), **tags}
    described = {key: shortened(text) for key, text in described.items()} | process_tag()
    with open_place(uri, WantedRun(EXPERIMENT, file_stem(name))) as place, ended():
        with held_back():
            run = mlflow.start_run(experiment_id=place.experiment_id, run_name=name, tags=described)
        files = urlsplit(run.info.artifact_uri)
        stays = files.scheme == "file" and not isinstance(place, OutboxPlace)
        yield OpenRun(place.started(run.info.run_id), Path(unquote(files.path)) if stays else None)

"""`humotion join`: enter the models of this checkout in an MLflow store that does not have them.

DVC carries the files of a pipeline to a colleague, but not the MLflow store in which it was run. So after `dvc pull`,
the files name runs and registered models that the colleague's store lacks. The same is true after the store was lost or
changed. Everything that the files have is entered: the runs with settings, scores, reports and models, and the versions
with their aliases. No file that DVC tracks changes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pandas as pd

from humotion.errors import HumotionError
from humotion.files import read_json
from humotion.params.document import Params
from humotion.params.fusion import first_experiment
from humotion.registration.enter import enter_as_recorded
from humotion.tracking import models, registry, runs
from humotion.tracking.sources import log_lock
from humotion.training.description import DESCRIPTION, WEIGHTS, ModelDescription, read_description
from humotion.training.run import recorded_source, run_of_files
from humotion.work import digest_of_file


def join(params: Params, names: Sequence[str] = ()) -> Iterator[str]:
    """Enter experiments in the store in use, champions first; yield one line per step.

    Args:
        params: all of params.yaml.
        names: experiments and fusions; none for all that have a model folder.

    Raises:
        HumotionError: there is no such experiment, no model folder at all, or a file is missing.
    """
    chosen = list(names) or [name for name in params.makers if (Path("models") / name / DESCRIPTION).exists()]
    if not chosen:
        raise HumotionError("There is no model in models/. Get those of a colleague by `dvc pull`, or run `dvc repro`.")
    recorded = {name: _recorded(name) for name in chosen}
    chosen.sort(key=lambda name: (recorded[name] or {}).get("alias") != registry.CHAMPION)
    for name in chosen:
        params.maker(name)
        yield _join_run(name, params)
        yield _join_registry(name, params, recorded[name])


def _recorded(name: str) -> dict[str, Any] | None:
    path = Path("registered") / f"{name}.json"
    return read_json(path) if path.exists() else None


def _join_run(name: str, params: Params) -> str:
    """Make the store have the run of an experiment, and its model."""
    folder, uri = Path("models") / name, params.machine.tracking_uri
    description = read_description(folder)
    weights = digest_of_file(_needed(folder / WEIGHTS))
    with suppress(runs.NotInStore):
        found = runs.logged_model(description.run_id, weights, uri)
        return f"{name}: the store has its run {found.run_id}."
    example = _example(name, params)
    with run_of_files(params, description, example):
        _log_evaluation(name, params, description)
    try:
        found = runs.logged_model(description.run_id, weights, uri)
    except runs.NotInStore:  # the store had the run, but not its model
        with run_of_files(params, description, example):
            models.log_model_folder(folder, example)
        found = runs.logged_model(description.run_id, weights, uri)
    return f"{name}: entered as run {found.run_id}, from models/{name} (trained as {description.run_id})."


def _log_evaluation(name: str, params: Params, description: ModelDescription) -> None:
    """Log what the stage evaluate left in files to the open run: scores, report, description, dvc.lock, settings."""
    scores = Path("metrics") / name / "test.json"
    if scores.exists():
        test = read_json(scores)
        runs.log_metrics(_flat(test))
        runs.describe(recorded_source(params.maker(name), description).note, description.validation, test)
        evaluated = params.maker(name).evaluate.model_dump()
        runs.set_tags({f"evaluate.{key}": str(value) for key, value in evaluated.items()})
    if (report := Path("reports") / name).is_dir():
        runs.log_folder(report, "evaluate")
    log_lock(f"{'fuse' if name in params.fusions else 'train'}@{name}", Path("models") / name)


def _flat(test: Mapping[str, Any]) -> dict[str, float]:
    """The metrics of test.json by their names in MLflow, as in `Evaluation.flat_metrics`."""
    flat = {f"test/{key}": value for key, value in test["test"].items()}
    for baseline, scores in test["baseline"].items():
        flat |= {f"test_baseline/{baseline}/{key}": value for key, value in scores.items()}
    flat |= {f"test/gain/{key}": gain["difference"] for key, gain in test.get("more_gains", {}).items()}
    flat[f"test/gain/{test['gain']['metric']}"] = test["gain"]["difference"]
    return {key: value for key, value in flat.items() if value is not None}  # JSON has null if nothing was scored


def _join_registry(name: str, params: Params, recorded: dict[str, Any] | None) -> str:
    """Make the registry have the version of an experiment, with the alias that the file records."""
    if recorded is None:
        return f"{name}: was never registered. `dvc repro register@{name}` does that."
    uri = params.machine.tracking_uri
    weights = digest_of_file(Path("models") / name / WEIGHTS)
    known = registry.with_weights(recorded["model"], weights, uri)
    if known is not None and ("why" in known.tags or known.aliases):
        aliases = ", ".join(known.aliases) or "neither champion nor challenger"
        return f"{name}: the registry has it as {recorded['model']} version {known.version} ({aliases})."
    _needed(Path("metrics") / name / "test.json")
    _needed(Path("prepared") / params.maker(name).dataset / "index.json")
    return f"{name}: {enter_as_recorded(name, params, recorded)}"


def _example(name: str, params: Params) -> Path:
    """The video of the first validation clip, for the input example of the logged model; it may be absent."""
    name = first_experiment(name, params.fusions)
    experiment = params.experiment(name)
    clips = pd.read_parquet(_needed(Path("clips") / name / "val.parquet"), columns=["video_id"])
    table = _needed(Path("prepared") / experiment.dataset / "videos.parquet")
    videos = pd.read_parquet(table, columns=["video_id", "path"]).set_index("video_id")
    return params.dataset(experiment.dataset).root / str(videos.loc[clips["video_id"].iloc[0], "path"])


def _needed(path: Path) -> Path:
    if not path.exists():
        raise HumotionError(f"{path} is missing. `dvc pull` gets the outputs of the pipeline; then call this again.")
    return path

"""Collect the facts about a model from the store and the model folder, and compare them with this checkout."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from humotion.errors import HumotionError
from humotion.models.common.hub import cached_file
from humotion.params.document import PARAMS_FILE, Params, load_params
from humotion.params.layer import LABELS
from humotion.tracking import git, sources
from humotion.tracking.dvc_lock import entry_here, entry_of
from humotion.tracking.lineage import (
    RunFacts,
    VersionFacts,
    find_run,
    find_version,
    read_source,
    read_source_bytes,
    why_absent,
)
from humotion.tracking.registry import download_model
from humotion.tracking.store import shown_uri
from humotion.training.description import (
    DESCRIPTION,
    WEIGHTS,
    ModelDescription,
    input_files,
    read_description,
    training_settings,
)
from humotion.work import digest_of_file

SAME, DIFFERS, ABSENT = "same", "differs", "absent"


@dataclass(frozen=True)
class Compared:
    """An md5 of the training, and whether this checkout has the same: ``same``, ``differs`` or ``absent``."""

    name: str
    md5: str
    here: str


@dataclass(frozen=True)
class Trace:
    """All known facts about one model.

    Attributes:
        asked: what the user asked for.
        store: the MLflow store.
        run_id: of the training; the store may not have it.
        experiment, dataset: what was trained.
        version: the registered version, if the user asked for one.
        run: the run, or the run that was restored instead of it; None if the store has neither.
        patch_fails: why the patch of a dirty checkout does not apply to its commit; None if it does, there is none, or
            this repository does not have the commit, so that it cannot be tried.
        uncompared: settings that an older version of humotion cut, so that they cannot be compared.
        absent: what became of the run if ``run`` is None, as the rest of a sentence.
        origin: tags of `sources.ORIGIN`.
        data: the inputs of the training.
        locked: dependencies and outputs of the training in dvc.lock; empty if the run has no dvc.lock of it.
        settings: of the training, flattened.
        changed: settings that are different in params.yaml now: key -> (then, now).
        validation, test, baseline: scores by metric.
        weights: md5 of the weights, and whether ``models/<experiment>`` has the same.
        root: the folder of the dataset's raw data in params.yaml now, if that has the dataset.
    """

    asked: str
    store: str
    run_id: str
    experiment: str
    dataset: str
    version: VersionFacts | None
    run: RunFacts | None
    origin: Mapping[str, str]
    data: tuple[Compared, ...]
    locked: tuple[Compared, ...]
    settings: Mapping[str, str]
    changed: Mapping[str, tuple[str | None, str | None]]
    validation: Mapping[str, float]
    test: Mapping[str, float]
    baseline: Mapping[str, float]
    weights: Compared | None
    root: Path | None
    absent: str | None = None
    patch_fails: str | None = None
    uncompared: tuple[str, ...] = ()


def trace(asked: str) -> Trace:
    """Trace ``models:/NAME@ALIAS``, ``models:/NAME/VERSION``, a run's id, or a model folder.

    Raises:
        HumotionError: it does not exist; the message lists what exists.
    """
    params = load_params() if PARAMS_FILE.exists() else None
    uri = params.machine.tracking_uri if params else None
    version, folder = None, None
    if asked.startswith("models:/"):
        version = find_version(asked, uri)
        run_id = version.run_id
    elif (Path(asked) / DESCRIPTION).is_file() or "/" in asked:
        folder = Path(asked)
        run_id = read_description(folder).run_id
    else:
        run_id = asked
    run = find_run(run_id, uri)
    if run is None and folder is None:
        if version is None:
            raise HumotionError(
                f"{asked} is no model folder, and as a run: the store at {shown_uri(uri)} {why_absent(run_id, uri)}."
            )
        folder = _folder_in_store(asked, run_id, uri)
    return _compare(asked, version, run, folder, params)


def _folder_in_store(asked: str, run_id: str, uri: str | None) -> Path:
    """The model folder of a version whose run is gone; it names its commit and its data itself."""
    try:
        return next(found.parent for found in download_model(asked, uri).rglob(DESCRIPTION))
    except (HumotionError, StopIteration):
        raise HumotionError(
            f"{asked} is known, but its files are not there, and of its run {run_id}: the store at {shown_uri(uri)} "
            f"{why_absent(run_id, uri)}."
        ) from None


def _compare(
    asked: str, version: VersionFacts | None, run: RunFacts | None, folder: Path | None, params: Params | None
) -> Trace:
    uri = params.machine.tracking_uri if params else None
    described = read_description(folder) if folder else None
    tags, metrics, settings = (run.tags, run.metrics, run.params) if run else ({}, {}, {})
    experiment = tags.get("humotion.experiment") or (described.experiment if described else "unknown")
    dataset = settings.get("dataset") or (described.dataset if described else "unknown")
    data = {key[5:-4]: md5 for key, md5 in tags.items() if key.startswith("data.") and key.endswith(".md5")}
    now = _settings_now(params, experiment)
    return Trace(
        asked=asked,
        store=shown_uri(uri),
        run_id=tags.get("restored_from") or (run.run_id if run else "") or (described.run_id if described else ""),
        experiment=experiment,
        dataset=dataset,
        version=version,
        run=run,
        origin=_origin(tags, described),
        data=_compare_data(data or (described.data_md5 if described else {}), experiment, dataset, settings),
        locked=_compare_lock(run, experiment, uri),
        settings=settings,
        changed=_changed(settings, now) if settings and now else {},
        validation=_below(metrics, "best_val/") or (described.validation if described else {}),
        test={key: value for key, value in _below(metrics, "test/").items() if not key.startswith("gain/")},
        baseline=_below(metrics, "test_baseline/"),
        weights=_compare_weights(version, folder, experiment),
        root=params.datasets[dataset].root if params and dataset in params.datasets else None,
        absent=None if run or described is None else why_absent(described.run_id, uri),
        patch_fails=None if run is None else _patch_fails(run, tags.get(sources.COMMIT), uri),
        uncompared=tuple(key for key, value in settings.items() if sources.was_cut(value)),
    )


def _patch_fails(run: RunFacts, commit: str | None, uri: str | None) -> str | None:
    """Try the patch of a run on its commit, before it is called the way to rebuild the model."""
    if sources.PATCH not in run.sources or commit is None or not sources.has_commit(commit):
        return run.tags.get(sources.PATCH_FAILS)
    patch = read_source_bytes(run.run_id, sources.PATCH, uri)
    return "the store does not return it" if patch is None else git.why_patch_fails(patch, commit)


def _origin(tags: Mapping[str, str], described: ModelDescription | None) -> dict[str, str]:
    found = {key: tags[key] for key in sources.ORIGIN if key in tags}
    return found or (dict(described.source) if described else {})


def _settings_now(params: Params | None, experiment: str) -> dict[str, str]:
    if params is None or experiment not in params.makers:
        return {}
    return sources.flatten(training_settings(params.makers[experiment]))


def _changed(then: Mapping[str, str], now: Mapping[str, str]) -> dict[str, tuple[str | None, str | None]]:
    keys = sorted({*then, *now})
    return {
        key: (then.get(key), now.get(key))
        for key in keys
        if then.get(key) != now.get(key) and not sources.was_cut(then.get(key, ""))
    }


def _compare_data(
    data: Mapping[str, str], experiment: str, dataset: str, settings: Mapping[str, str]
) -> tuple[Compared, ...]:
    paths = input_files(experiment, dataset, settings.get("layer", LABELS))
    if weights := settings.get("model.weights"):
        paths["weights"] = cached_file(weights)
    # The trials of a sweep read files in clips/, and make their own plan.
    if sources.stage_of(settings) == "fuse":
        paths = {name: Path("models", name, WEIGHTS) for name in data}
    return tuple(
        _compare_file(name, paths.get(name, Path("clips", experiment, name)), md5) for name, md5 in data.items()
    )


def _compare_file(name: str, path: Path, md5: str) -> Compared:
    here = ABSENT if not path.is_file() else SAME if digest_of_file(path) == md5 else DIFFERS
    return Compared(f"{name} ({path})", md5, here)


def _compare_weights(version: VersionFacts | None, folder: Path | None, experiment: str) -> Compared | None:
    md5 = version.tags.get("weights_md5") if version else None
    if md5 is None and folder is not None and (folder / WEIGHTS).is_file():
        md5 = digest_of_file(folder / WEIGHTS)
    return _compare_file("weights", Path("models", experiment, WEIGHTS), md5) if md5 else None


def _compare_lock(run: RunFacts | None, experiment: str, uri: str | None) -> tuple[Compared, ...]:
    """Compare the dvc.lock of this training, if the run has it; the one logged at its start is of an older training."""
    if run is None or sources.LOCKED not in run.tags or (text := read_source(run.run_id, "dvc.lock", uri)) is None:
        return ()
    stages = f"train@{experiment}", f"fuse@{experiment}"
    then, now = _md5s(entry_of(text, *stages)), _md5s(entry_here(*stages))
    return tuple(
        Compared(path, md5, ABSENT if path not in now else SAME if now[path] == md5 else DIFFERS)
        for path, md5 in then.items()
    )


def _md5s(entry: Mapping[str, Any]) -> dict[str, str]:
    return {each["path"]: each.get("md5", "") for kind in ("deps", "outs") for each in entry.get(kind, [])}


def _below(metrics: Mapping[str, float], prefix: str) -> dict[str, float]:
    return {key.removeprefix(prefix): value for key, value in sorted(metrics.items()) if key.startswith(prefix)}

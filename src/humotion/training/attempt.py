"""An attempt at a training: its inputs, the folder of its unfinished work, and its metrics."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from humotion.files import read_json
from humotion.models.common.hub import checkpoint_file
from humotion.params.document import AnyExperiment
from humotion.store.layers import LABELS, Layer, folder_of_layer
from humotion.training.description import input_files, training_settings
from humotion.training.fit import FitResult
from humotion.work import digest_of, digest_of_code, digest_of_file, main_checkout, nobody_works_in

RUN = "run.json"  # in the folder of unfinished work: the MLflow run that it belongs to

_logger = logging.getLogger(__name__)


def attempt_digest(experiment: AnyExperiment, data_md5: dict[str, str]) -> str:
    """Return the digest of an attempt with these settings, these inputs and this code."""
    settings = training_settings(experiment)
    code = digest_of_code("train", chosen=settings)
    return digest_of({"settings": settings, "inputs": data_md5, "code": code})


def run_of(work: Path) -> str | None:
    """Return the id of the MLflow run that unfinished work belongs to; None for new work, or if the file is damaged."""
    try:
        return str(read_json(work / RUN)["run_id"])
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError):
        _logger.warning("%s is damaged (by a power cut or a full disk?). Looking for its run in the store.", work / RUN)
        return None


def abandoned_runs() -> set[str]:
    """Return the ids of the MLflow runs to which unfinished work belongs that no process works on."""
    works = [path.parent for path in (main_checkout() / ".humotion" / "work" / "train").glob(f"*/{RUN}")]
    return {run for work in works if nobody_works_in(work) and (run := run_of(work)) is not None}


def input_md5(name: str, experiment: AnyExperiment) -> dict[str, str]:
    """Return the md5 of everything that a training reads; ``frames.parquet`` has a digest of every video's frames."""
    inputs = input_files(name, experiment.dataset, experiment.layer)
    if (weights := experiment.model.weights) is not None:
        inputs["weights"] = checkpoint_file(weights)
    return {key: digest_of_file(path) for key, path in inputs.items()}


def preprocessing(experiment: AnyExperiment) -> dict[str, Any]:
    """Return the steps between a decoded frame and the model's input at prediction time.

    ``layer`` is how the layer was made, if the experiment has one, so that the same tool can look at another video.
    """
    augment = experiment.augment.model_dump(exclude={"balance", "replicas", "policy", "geometry"})
    clips = {"sampling": experiment.clips.sampling, "num_frames": experiment.clips.num_frames}
    return {"input": experiment.input, **augment, **clips, **_layer_of(experiment)}


def _layer_of(experiment: AnyExperiment) -> dict[str, Any]:
    if experiment.layer == LABELS:
        return {}
    return {"layer": how_made(experiment.dataset, experiment.layer)}


def how_made(dataset: str, layer: str) -> dict[str, Any]:
    """Return what makes a layer again for another video; ``reads`` has the same of the layer that its tool reads."""
    facts = Layer(folder_of_layer(dataset, layer)).facts
    read = facts.settings["of"]
    return {
        **{"tool": facts.tool, "version": facts.version, "settings": facts.settings, "weights": facts.weights},
        **({} if read == LABELS else {"reads": how_made(dataset, read)}),
    }


def chosen_metrics(result: FitResult) -> dict[str, Any]:
    """Return the chosen epoch's metrics by split: ``{"best_epoch": 7, "train": {...}, "val": {...}}``.

    ``stopped_epoch`` is included if early stopping ended the training.
    """
    stopped = {} if result.stopped_epoch is None else {"stopped_epoch": result.stopped_epoch}
    chosen: dict[str, Any] = {"best_epoch": result.best_epoch, **stopped, "train": {}, "val": {}}
    for metric, value in result.best.items():
        split, _, name = metric.partition("/")
        if split in ("train", "val"):
            chosen[split][name] = value
    return chosen

"""Stage fuse: two trained models whose log-probabilities are added: weights, test scores, and a registered model.

Nothing is trained. Weights are equal, or chosen on validation clips; test data decides nothing. The result is a model
like others: one MLflow run, a model folder, a report, and a version in the registry.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from humotion import choices
from humotion.errors import HumotionError
from humotion.files import atomic_folder, write_json
from humotion.params.document import Params
from humotion.stages import register
from humotion.tracking import models, runs
from humotion.training.attempt import abandoned_runs
from humotion.training.description import WEIGHTS, ModelDescription
from humotion.training.fusion import architecture_of, save_fusion, weights_of_members
from humotion.training.run import run_source


def run(name: str, params: Params) -> None:
    """Write ``models/<name>/``, ``reports/<name>/``, ``metrics/<name>/`` and ``registered/<name>.json``.

    Raises:
        HumotionError: there is no such fusion, a member is not trained, or its members have other clips.
    """
    settings = params.fusion(name)
    for member in settings.of:
        if not (Path("models") / member / WEIGHTS).exists():
            made = "fuse" if member in params.fusions else "evaluate"
            raise HumotionError(f"models/{member} has no trained model yet. Run `dvc repro {made}@{member}`.")
    protocol = choices.load("tasks", settings.task, "fusion.protocol")
    report, metrics = Path("reports") / name, Path("metrics") / name
    with atomic_folder(report) as folder:
        found: Any = protocol.fuse(name, params, folder)
        found.result.write_clips(folder)
    found.result.write_scores(metrics)
    write_json(metrics / "train.json", {"weights": dict(found.weights), "val": dict(found.metrics)})
    log(name, params, found)
    register.run(name, params)
    print(", ".join(f"{member} {weight:.3f}" for member, weight in found.weights.items()))


def log(name: str, params: Params, found: Any) -> None:
    """Write the model folder, and make the MLflow run with scores, report and model."""
    settings, uri = params.fusion(name), params.machine.tracking_uri
    members = weights_of_members(settings.of)
    runs.close_dead_runs(uri, abandoned_runs())
    source = run_source(settings, name, members, found.meta)
    with runs.training_run(source, uri=uri) as run_id:
        description = ModelDescription(
            experiment=name,
            dataset=settings.dataset,
            task=settings.task,
            architecture=architecture_of(found.weights),
            meta=found.meta,
            preprocessing={},  # each member has its own
            run_id=run_id,
            data_md5=members,
            validation=dict(found.metrics),
            source=runs.origin(),
            outputs=list(found.outputs),
        )
        save_fusion(Path("models") / name, description, found.validation)
        runs.log_metrics({f"best_val/{key}": value for key, value in found.metrics.items()})
        runs.log_metrics({f"weight/{member}": weight for member, weight in found.weights.items()})
        runs.log_metrics(found.result.flat_metrics())
        runs.log_folder(Path("reports") / name, "evaluate")
        runs.describe(source.note, description.validation, found.result.as_dict())
        runs.set_tags({f"evaluate.{key}": str(value) for key, value in settings.evaluate.model_dump().items()})
        models.log_model_folder(Path("models") / name, found.example)

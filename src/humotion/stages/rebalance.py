"""Stage rebalance: train new heads on the embeddings of a trained model, with classes balanced in several ways.

The task compares the heads. The MLflow run of the training gets all results.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from humotion import choices
from humotion.clips.datamodule import ClipDataModule
from humotion.clips.splits import SPLITS
from humotion.errors import HumotionError
from humotion.files import atomic_folder, write_json
from humotion.params.document import Params
from humotion.tracking import runs
from humotion.training.description import WEIGHTS
from humotion.training.model_folder import load_task
from humotion.training.run import reopened_run
from humotion.work import digest_of, digest_of_code, digest_of_file, work_folder


def run(name: str, params: Params) -> None:
    """Write ``rebalanced/<name>/`` and ``metrics/<name>/rebalance.json``, and log them.

    Raises:
        HumotionError: params.yaml has no ``rebalance`` for the experiment, or there is no trained model.
    """
    if name not in params.rebalance:
        raise HumotionError(
            f"params.yaml has no rebalance.{name}. Add `{name}: {{}}` under rebalance to use the defaults."
        )
    settings = params.rebalance[name]
    task, description = load_task(Path("models") / name)
    data = ClipDataModule(name, params, task.model.num_neighbours)  # type: ignore[arg-type]
    protocol = choices.load("tasks", data.experiment.task, "rebalancing.protocol")
    cache = work_folder("rebalance", name) / "embeddings.safetensors"
    folder = Path("rebalanced") / name
    with atomic_folder(folder) as out:
        found: dict[str, Any] = protocol.rebalance(
            task, data, settings, params.machine, cache, input_digest(name, data), out
        )
    write_json(Path("metrics") / name / "rebalance.json", found)
    scores = {
        f"rebalance/{head}/{metric}": score
        for head, of_head in found.items()
        for metric, score in of_head.items()
        if isinstance(score, float)
    }
    with reopened_run(data, params, description):
        runs.log_metrics(scores)
        runs.log_folder(folder, "rebalance")
        runs.set_tags({f"rebalance.{key}": str(value) for key, value in settings.model_dump().items()})


def input_digest(name: str, data: ClipDataModule) -> str:
    """A digest of everything that the embeddings depend on: weights, clips, frames, size and code."""
    files = [Path("models") / name / WEIGHTS, data.prepared / "frames.parquet"]
    files += [data.clips_folder / f"{split}.parquet" for split in SPLITS]
    code = digest_of_code("rebalance", "evaluate", chosen=data.experiment.model_dump(mode="json"))
    size = data.experiment.augment.size
    return digest_of({"files": [digest_of_file(file) for file in files], "size": size, "code": code})

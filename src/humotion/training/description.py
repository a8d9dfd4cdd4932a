"""The description of a model folder: its file names and ``model.json``. Reading it does not need torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from humotion import choices
from humotion.errors import DivergedError, HumotionError
from humotion.files import read_json
from humotion.params.document import AnyMaker, family_of, usual_input
from humotion.params.layer import LABELS

DESCRIPTION, WEIGHTS, CHECKPOINT, VALIDATION = (
    "model.json",
    "model.safetensors",
    "model.ckpt",
    "validation.parquet",
)
FUSION = "fusion"
"""The family of a model that consists of other models (`humotion.training.fusion`)."""


@dataclass(frozen=True)
class ModelDescription:
    """The content of ``model.json``.

    Attributes:
        experiment: name of the humotion experiment.
        dataset: the dataset of the training.
        task: name of the task, a folder of ``tasks/``.
        architecture: family, name and keyword arguments of the model.
        meta: facts about the clips: classes, joint set, split.
        preprocessing: everything between a decoded frame and the model's input; ``input`` is the name of the input.
        run_id: the MLflow run of the training.
        data_md5: md5 of every input of the training, by name.
        validation: metrics of the chosen epoch on the validation clips.
        source: state of the checkout at the start of the training (``git.commit`` ...); empty in older folders.
        outputs: columns of the served model's answers (`Task.output_columns`); empty in older folders.
        abstention: when the model says "none" (`Task.abstention_of`); empty in older folders, or if it always answers.
        footage: rate, size and length of the training clips (`humotion.training.footage`); empty in older folders.
    """

    experiment: str
    dataset: str
    task: str
    architecture: dict[str, Any]
    meta: dict[str, Any]
    preprocessing: dict[str, Any]
    run_id: str
    data_md5: dict[str, str]
    validation: dict[str, float]
    source: dict[str, str] = field(default_factory=dict)
    outputs: list[str] = field(default_factory=list)
    abstention: dict[str, Any] = field(default_factory=dict)
    footage: dict[str, Any] = field(default_factory=dict)


def training_settings(experiment: AnyMaker) -> dict[str, Any]:
    """Return the settings of an experiment or a fusion that its training depends on, nested as in params.yaml."""
    return experiment.model_dump(mode="json", by_alias=True, exclude={"evaluate", "register_"})


def layer_files(dataset: str, layer: str) -> dict[str, Path]:
    """Return the table of a layer, which has a digest of every video's arrays; none for labels in the frame store."""
    table = Path("layers") / dataset / layer / "videos.parquet"
    return {} if layer == LABELS and not table.exists() else {"layer": table}


def input_files(name: str, dataset: str, layer: str = LABELS) -> dict[str, Path]:
    """Return the files that a training reads, except pretrained weights, by the names of their md5s."""
    return {
        **layer_files(dataset, layer),
        "frames": Path("prepared") / dataset / "frames.parquet",
        "plan": Path("plans") / name / "train.parquet",
        "policy": Path("plans") / name / "policy.json",
        "validation": Path("clips") / name / "val.parquet",
    }


def clip_files(name: str) -> dict[str, Path]:
    """Return the tables of an experiment's clips, by what they are used for."""
    uses = {"training": "train", "validation": "val", "test": "test"}
    return {use: Path("clips") / name / f"{split}.parquet" for use, split in uses.items()}


def read_description(folder: Path) -> ModelDescription:
    """Read ``model.json`` of a model folder.

    Raises:
        HumotionError: the folder is not a model folder.
    """
    path = folder / DESCRIPTION
    if not path.exists():
        raise HumotionError(
            f"{folder} is not a model folder: it has no {DESCRIPTION}. Train a model with `dvc repro`, "
            "or fetch a trained one with `dvc pull`."
        )
    return ModelDescription(**_as_of_today(read_json(path)))


def refuse_diverged(folder: Path, broken: Sequence[str]) -> None:
    """Raise a DivergedError if tensors of a model folder are ``broken``: they contain NaN or infinity."""
    if broken:
        raise DivergedError(
            f"{folder} has NaN or infinite weights in {len(broken)} tensors (first: {broken[0]}): its training "
            "diverged. It cannot be used, compared or registered. Train it again with a lower optimizer.lr, with "
            "trainer.gradient_clip, or with trainer.precision: 32-true."
        )


def check_weights(folder: Path) -> None:
    """Refuse a model folder whose weights are NaN or infinite. This reads the file without torch, in a second per GB.

    Raises:
        DivergedError: a weight is not finite.
    """
    import numpy as np
    from safetensors import safe_open

    with safe_open(folder / WEIGHTS, framework="numpy") as stored:
        tensors = ((name, stored.get_tensor(name)) for name in list(stored.keys()))
        ends = {name: (values.min(), values.max()) for name, values in tensors if values.size}
    refuse_diverged(folder, [name for name, found in ends.items() if not np.isfinite(found).all()])


def _as_of_today(written: dict[str, Any]) -> dict[str, Any]:
    """Convert the content of a model.json of any version to the current form, without a change on disk.

    Earlier versions stored the model without its family, no name of the input, and only the name of the joint set.
    """
    meta, architecture, preprocessing = written["meta"], written["architecture"], written["preprocessing"]
    if "family" not in architecture:
        architecture = {"family": family_of(architecture["name"]), **architecture}
        preprocessing = {"input": usual_input(written["task"]), **preprocessing}
    if isinstance(skeleton := meta.get("skeleton"), str):
        joint_set = choices.load("datasets", skeleton).SKELETON
        meta = {**meta, "skeleton": joint_set.as_dict()}
        if "skeleton" in architecture:  # a pose machine, which is made for a joint set
            architecture = {**architecture, "joint_names": list(joint_set.joints)}
    return {**written, "meta": meta, "architecture": architecture, "preprocessing": preprocessing}

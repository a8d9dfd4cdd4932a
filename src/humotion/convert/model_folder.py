"""`humotion convert`: published weights as a model folder, to predict with it or to train further."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from humotion.convert.caffemodel import read_caffemodel
from humotion.convert.lstm_pm import convert
from humotion.datasets.shared.open import layout_class
from humotion.errors import HumotionError
from humotion.models.pose_machine.layers import OFFICIAL_INPUT_SIZE
from humotion.models.pose_machine.official_joints import TRANSLATED
from humotion.params.document import task_of
from humotion.store.skeleton import Skeleton
from humotion.training.description import WEIGHTS, ModelDescription
from humotion.training.model_folder import save_foreign_model
from humotion.training.task import task_class
from humotion.work import digest_of_file

# In 368 pixels, the published models see a person at 0.8 to 1.4 (Penn Action) or 1.2 to 1.8 (JHMDB) times the size in
# the video. At the middle of these ranges, take the side of the crop, divided by the largest box side of a clip. Its
# median is 1.40 over every tenth Penn Action label file (233 files), and 1.36 over 44 JHMDB clips.
PERSON_SCALE = 1.4
MODEL = "lstm_pm"
TASK = task_of(MODEL)


def convert_lstm_pm(
    path: Path, skeleton: str, out: Path | None = None, size: int = OFFICIAL_INPUT_SIZE, width: float = 1.0
) -> str:
    """Read a published LSTM Pose Machine, write it as a model folder, and return a text that says what was done.

    Args:
        path: the authors' ``.caffemodel``.
        skeleton: the dataset whose joints the model predicts.
        out: the folder, which must not exist (default: ``models/official_<skeleton>``).
        size: side of the crops in pixels; 368 is published, a smaller size is faster but less accurate.
        width: of the network; the published width is 1.

    Raises:
        HumotionError: the folder exists, there is no such skeleton, or a layer of the file does not fit the model.
    """
    out = out or Path("models") / f"official_{skeleton}"
    if skeleton not in TRANSLATED:
        raise HumotionError(f"There is no skeleton {skeleton!r}. --skeleton must be one of {', '.join(TRANSLATED)}.")
    if out.exists():
        raise HumotionError(f"{out} exists already. Remove it, or name another folder with --out.")
    layers = read_caffemodel(path)
    task = task_class(TASK)(architecture(skeleton, size, width))
    task.model.load_state_dict(convert(path, layers, task.model.state_dict()))
    md5 = digest_of_file(path)
    save_foreign_model(out, task, describe(out.name, skeleton, task.architecture, md5))
    num_parameters = sum(parameter.numel() for parameter in task.model.parameters())
    return "\n".join(
        [
            f"{path}: {len(layers)} layers with weights, md5 {md5}",
            f"LSTM Pose Machine: {num_parameters:,} parameters, joints of {skeleton}",
            f"model folder: {out}",
            f"Predict with it:   humotion predict VIDEO --model {out}",
            f"Train further:     model.weights: {out / WEIGHTS}, model.joints: official (width 1.0)",
        ]
    )


def joints_of(skeleton: str) -> Skeleton:
    """The joint set of the dataset of that name."""
    joint_set = layout_class(skeleton).skeleton
    assert joint_set is not None  # the layouts of `TRANSLATED` have one
    return joint_set


def architecture(skeleton: str, size: int, width: float) -> dict[str, Any]:
    """The published network, for the joints of a skeleton."""
    return {
        "family": "pose_machine",
        "name": MODEL,
        "width": width,
        "dropout": 0.5,
        "init": "official",
        "joints": "official",
        "num_joints": len(joints_of(skeleton).joints),
        "skeleton": skeleton,
        "joint_names": list(joints_of(skeleton).joints),
        "input_size": size,
    }


def describe(name: str, skeleton: str, architecture: dict[str, Any], md5: str) -> ModelDescription:
    """The description of a converted model. No run trained it, so the md5 of its file is used as the run id."""
    return ModelDescription(
        experiment=name,
        dataset=skeleton,
        task=TASK,
        architecture=architecture,
        meta={"classes": [], "skeleton": joints_of(skeleton).as_dict(), "split": None},
        preprocessing={
            "input": "person_crops",
            "size": architecture["input_size"],
            "person_scale": PERSON_SCALE,
            "num_frames": 5,
        },
        run_id=md5,
        data_md5={"caffemodel": md5},
        validation={},
        outputs=list(task_class(TASK).output_columns),
    )

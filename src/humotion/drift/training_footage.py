"""What the footage of a model's training was like, if this checkout knows it for certain.

A model folder has the md5 of its training's frames and of its training clips. dvc.lock says from which frames the
report of `explore` was made, and how large they are stored. Only if all of these agree, new footage is compared.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from humotion.drift.measured import USUAL, Held, with_shape
from humotion.errors import HumotionError
from humotion.extraction.pack import stored_size
from humotion.params.dataset import FrameParams
from humotion.tracking.dvc_lock import entry_here, md5_in
from humotion.training.description import FUSION, ModelDescription, read_description
from humotion.training.fusion import MEMBERS, members_of
from humotion.work import digest_of_file, digest_of_folder


class NotKnown(HumotionError):
    """The footage of a training is not known here; the message says why, and what would help."""


@dataclass(frozen=True)
class TrainingFootage:
    """The measures of the videos that a model was trained on.

    Attributes:
        dataset: its name.
        table: one row per video, with the columns of `humotion.drift.compared.LABELS`.
        held: how new videos must be held to be measured like these.
        smallest: the smallest short side of a stored video: sharpness of smaller frames is not comparable.
    """

    dataset: str
    table: pd.DataFrame
    held: Held
    smallest: int


def training_footage(folder: Path) -> TrainingFootage:
    """Return what the training videos of a model folder were like.

    Raises:
        NotKnown: this checkout does not have the footage, or has other footage than that of the training.
    """
    description = of_training(folder)
    dataset, frames = description.dataset, description.data_md5.get("frames")
    if frames is None or "plan" not in description.data_md5:
        raise NotKnown("The model folder does not say what it was trained on.")
    params = _params_of_frames(dataset, frames)
    report = _report(dataset, frames)
    plan = Path("plans") / description.experiment / "train.parquet"
    if not plan.exists() or digest_of_file(plan) != description.data_md5["plan"]:
        raise NotKnown(
            f"{plan} is not the one of its training, so it is not known which videos of {dataset} it saw. "
            f"`dvc checkout` or `dvc pull` brings it back."
        )
    seen = pd.read_parquet(plan, columns=["video_id"])["video_id"].unique()
    statistics = pd.read_parquet(report / "statistics.parquet")
    return _footage(dataset, statistics[statistics["video_id"].isin(seen)], params)


def of_training(folder: Path) -> ModelDescription:
    """Return the description of the model in a folder; of a fusion, that of its first member, which was trained."""
    description = read_description(folder)
    while description.architecture["family"] == FUSION:
        folder = folder / MEMBERS / next(iter(members_of(description)))
        description = read_description(folder)
    return description


def _footage(dataset: str, statistics: pd.DataFrame, params: FrameParams) -> TrainingFootage:
    sizes = statistics[["width", "height"]].dropna().astype(int).itertuples(index=False)
    sides = [min(stored_size(width, height, params.short_side)) for width, height in sizes] or [params.short_side]
    held = Held(max(sides), params.jpeg_quality)
    return TrainingFootage(dataset, with_shape(statistics).reset_index(drop=True), held, min(sides))


def _params_of_frames(dataset: str, frames: str) -> FrameParams:
    """How the frames of the training are stored, by the entry of dvc.lock that says that they were extracted so."""
    entry = entry_here(f"extract@{dataset}")
    if md5_in(entry, "outs", _table(dataset)) != frames:
        raise NotKnown(
            f"This folder has no dataset {dataset} with the frames of its training: the model is from elsewhere, or "
            f"{dataset} was extracted again with other videos or settings."
        )
    section = entry.get("params", {}).get("params.yaml", {}).get(f"datasets.{dataset}", {})
    return FrameParams.model_validate(section.get("frames") or USUAL.model_dump())


def _report(dataset: str, frames: str) -> Path:
    """The folder of the report that was made of these frames."""
    entry, folder = entry_here(f"explore@{dataset}"), Path("reports") / dataset
    is_there = (folder / "statistics.parquet").exists()
    if (
        not is_there
        or md5_in(entry, "deps", _table(dataset)) != frames
        or md5_in(entry, "outs", folder) != digest_of_folder(folder)
    ):
        raise NotKnown(
            f"There is no report of explore about the frames of its training. `dvc repro explore@{dataset}` makes it."
        )
    return folder


def _table(dataset: str) -> Path:
    return Path("prepared") / dataset / "frames.parquet"

"""What a trained task says about every clip of a split, beside what the labels say."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch

from humotion.clips.datamodule import ClipDataModule
from humotion.clips.variants import AS_SAMPLED, Variant
from humotion.datasets.skeletons import SKELETONS, Skeleton
from humotion.evaluation.pose.hits import THRESHOLDS
from humotion.evaluation.pose.scores import score_clip
from humotion.params import MachineParams
from humotion.tasks.base import Task
from humotion.training.predict import predict
from humotion.video.store import StoredVideo

if TYPE_CHECKING:
    from humotion.tasks.multi_scale import MultiScale

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class PoseOutcome:
    """Joints of one whole video, in pixels of the stored frame.

    Attributes:
        clip_id, group, label: of the clip.
        skeleton: whose joints they are.
        video: frames and labels as stored.
        frame_indices: (T,) the frames that were looked at.
        joints: (T, J, 2) predicted.
        score: (T, J) peak of each joint's map.
    """

    clip_id: str
    group: str
    label: str
    skeleton: Skeleton
    video: StoredVideo
    frame_indices: npt.NDArray[np.int32]
    joints: Floats
    score: Floats

    def labels(self) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Labelled joints (T, J, 2), visibility (T, J) and boxes (T, 4)."""
        video, rows = self.video, self.frame_indices
        assert video.joints is not None and video.visibility is not None and video.boxes is not None
        return (
            torch.from_numpy(video.joints[rows]),
            torch.from_numpy(video.visibility[rows]),
            torch.from_numpy(video.boxes[rows]),
        )

    def scores(self) -> dict[str, tuple[float, int]]:
        """Scores of the prediction and their weights (see `score_clip`)."""
        return score_clip(self.skeleton, torch.from_numpy(self.joints), *self.labels())


@dataclass(frozen=True)
class ActionOutcome:
    """All clips of one split.

    Attributes:
        clips: (N rows) their table.
        probabilities: (N, classes) of the model.
        embeddings: (N, C) before the model's head.
    """

    clips: pd.DataFrame
    probabilities: npt.NDArray[np.float64]
    embeddings: Floats


def action_outcome(
    task: Task, data: ClipDataModule, split: str, machine: MachineParams, variant: Variant = AS_SAMPLED
) -> ActionOutcome:
    """What an action model says about the clips of a split, each once and not augmented."""
    outputs = predict(task, data.evaluation_dataloader(split, variant), machine)
    index, probabilities, embeddings = (
        torch.cat([output[key] for output in outputs]) for key in ("clip_index", "probabilities", "embeddings")
    )
    clips = data.clips(split).iloc[index.numpy()].reset_index(drop=True)
    return ActionOutcome(clips, probabilities.double().numpy(), embeddings.numpy())


def action_probabilities(
    task: Task, data: ClipDataModule, split: str, machine: MachineParams, variant: Variant = AS_SAMPLED
) -> tuple[pd.DataFrame, npt.NDArray[np.float64]]:
    """The clips of a split, and the class probabilities (N, classes) of each."""
    outcome = action_outcome(task, data, split, machine, variant)
    return outcome.clips, outcome.probabilities


def pose_outcomes(
    task: Task, data: ClipDataModule, split: str, machine: MachineParams, scales: tuple[float, ...] = (1.0,)
) -> Iterator[PoseOutcome]:
    """One outcome a video of a split, seen at several ``scales`` together if there is more than the plain one."""
    table, skeleton = data.clips(split), SKELETONS[data.meta["skeleton"]]
    if scales == (1.0,):
        outputs = predict(task, data.evaluation_dataloader(split), machine)
    else:
        module: MultiScale = task.at_scales(scales)  # type: ignore[operator]
        loader = data.scaled_dataloader(split, scales, module.num_frames)
        outputs = join_pieces(predict(module, loader, machine))
    for output in outputs:
        row = table.iloc[int(output["clip_index"][0])]
        yield PoseOutcome(
            row["clip_id"],
            row["group"],
            row["label"],
            skeleton,
            data.store[row["video_id"]],
            row["frame_indices"],
            output["joints"][0].numpy(),
            output["score"][0].numpy(),
        )


def join_pieces(pieces: list[dict[str, torch.Tensor]]) -> list[dict[str, torch.Tensor]]:
    """One output a video, ``joints`` (1, T, J, 2) and ``score`` (1, T, J), of outputs for its pieces in order."""
    videos = [list(group) for _, group in groupby(pieces, key=lambda piece: int(piece["clip_index"][0]))]
    return [
        {"clip_index": parts[0]["clip_index"]}
        | {key: torch.cat([part[key] for part in parts], dim=1) for key in ("joints", "score")}
        for parts in videos
    ]


def clip_scores(task: Task, data: ClipDataModule, split: str, machine: MachineParams) -> pd.DataFrame:
    """What versions are compared on: a row a clip with ``clip_id``, ``group``, ``score``, ``weight``, and more.

    The weighted mean of ``score`` is the task's main metric: top-1 (weight 1 a clip), or PCK@0.2
    pooled over joints (weight: the number of joints that count). Of actions ``label_id`` and
    ``predicted`` follow, for scores that are no means over clips; of poses the other PCKs.
    """
    if data.experiment.task == "action_recognition":
        table, probabilities = action_probabilities(task, data, split, machine)
        predicted = probabilities.argmax(axis=1)
        right = predicted == table["label_id"]
        scored = table[["clip_id", "group"]].assign(score=right.astype(float), weight=1.0)
        return scored.assign(label_id=table["label_id"], predicted=predicted)
    rows = []
    for outcome in pose_outcomes(task, data, split, machine):
        scores = outcome.scores()
        pck = {name: scores[name][0] for name in (f"pck_{threshold:g}" for threshold in THRESHOLDS)}
        row = {"clip_id": outcome.clip_id, "group": outcome.group, "score": pck["pck_0.2"]}
        rows.append(row | {"weight": float(scores["pck_0.2"][1])} | pck)
    return pd.DataFrame(rows)

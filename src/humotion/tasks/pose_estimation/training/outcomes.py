"""The predictions of a trained task for every clip of a split, together with the labels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch

from humotion.clips.datamodule import ClipDataModule
from humotion.params.machine import MachineParams
from humotion.poses.hits import THRESHOLDS, box_sides, counted_joints, joint_hits
from humotion.poses.scores import score_clip
from humotion.store.frames import StoredVideo
from humotion.store.skeleton import Skeleton
from humotion.training.predict import predict
from humotion.training.task import Task

if TYPE_CHECKING:
    from humotion.tasks.pose_estimation.training.multi_scale import MultiScale

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class PoseOutcome:
    """Joints of one complete video, in pixels of the stored frame.

    Attributes:
        clip_id, group, label: identity and label of the clip.
        skeleton: the joint set.
        video: frames and labels as stored.
        person: index of the person in the video.
        frame_indices: (T,) the frames of the prediction.
        joints: (T, J, 2) predicted joints.
        score: (T, J) peak of each joint's map.
    """

    clip_id: str
    group: str
    label: str
    skeleton: Skeleton
    video: StoredVideo
    person: int
    frame_indices: npt.NDArray[np.int32]
    joints: Floats
    score: Floats

    def labels(self) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return labelled joints (T, J, 2), visibility (T, J) and boxes (T, 4)."""
        video, person, rows = self.video, self.person, self.frame_indices
        assert video.joints is not None and video.visibility is not None and video.boxes is not None
        return (
            torch.from_numpy(video.joints[person, rows, :, :2]),
            torch.from_numpy(video.visibility[person, rows]),
            torch.from_numpy(video.boxes[person, rows]),
        )

    def judged(self) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
        """Return score (N,) of every joint that counts, and whether it is right (N,), as PCK@0.2 by box has it."""
        target, visibility, box = self.labels()
        counted = counted_joints(visibility, self.skeleton.scored)
        right = joint_hits(torch.from_numpy(self.joints), target, box_sides(box), THRESHOLDS[0])
        return self.score[counted.numpy()], right[counted].numpy()

    def scores(self) -> dict[str, tuple[float, int]]:
        """Return scores of the prediction and their weights (see `score_clip`)."""
        return score_clip(self.skeleton, torch.from_numpy(self.joints), *self.labels())


def pose_outcomes(
    task: Task, data: ClipDataModule, split: str, machine: MachineParams, scales: tuple[float, ...] = (1.0,)
) -> Iterator[PoseOutcome]:
    """Yield one outcome per video of a split, from several ``scales`` together if they are not just the plain one."""
    table, skeleton = data.clips(split), data.skeleton
    assert skeleton is not None  # the input needs it
    if scales == (1.0,):
        outputs = predict(task, data.evaluation_dataloader(split), machine)
    else:
        module: MultiScale = task.at_scales(scales)  # type: ignore[operator]
        pieces = data.input.ScaledPieces(  # type: ignore[attr-defined]
            table, data.store, data.experiment.augment, scales, module.num_frames
        )
        outputs = join_pieces(predict(module, data.loader(pieces, None), machine))
    for output in outputs:
        row = table.iloc[int(output["clip_index"][0])]
        yield PoseOutcome(
            row["clip_id"],
            row["group"],
            row["label"],
            skeleton,
            data.store[row["video_id"]],
            int(row["person"]),
            row["frame_indices"],
            output["joints"][0].numpy(),
            output["score"][0].numpy(),
        )


def join_pieces(pieces: list[dict[str, torch.Tensor]]) -> list[dict[str, torch.Tensor]]:
    """Join the outputs of pieces to one per video: ``joints`` (1, T, J, 2) and ``score`` (1, T, J)."""
    videos = [list(group) for _, group in groupby(pieces, key=lambda piece: int(piece["clip_index"][0]))]
    return [
        {"clip_index": parts[0]["clip_index"]}
        | {key: torch.cat([part[key] for part in parts], dim=1) for key in ("joints", "score")}
        for parts in videos
    ]

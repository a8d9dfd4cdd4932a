"""Pose estimation: every joint in every frame of a person-centred clip."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from humotion.clips.datamodule import ClipDataModule, skeleton_of_clips
from humotion.errors import HumotionError
from humotion.params.experiment import OptimizerParams
from humotion.params.machine import MachineParams
from humotion.params.tasks.pose_estimation import PoseEvaluateParams, PoseExperiment, TargetParams
from humotion.poses.decoding import DEFAULT_DECODING, Decoding, decode_heatmaps
from humotion.poses.heatmaps import enlarged_boxes, gaussian_targets, sum_of_squares
from humotion.poses.hits import THRESHOLDS
from humotion.poses.jitter import Jitter
from humotion.poses.pck import PCK
from humotion.tasks.pose_estimation.training.abstention import joint_abstention
from humotion.tasks.pose_estimation.training.multi_scale import MultiScale
from humotion.tasks.pose_estimation.training.outcomes import pose_outcomes
from humotion.training.task import Batch, Task

FRAMES_AT_ONCE = 16  # complete videos are processed in pieces of this many frames, to limit the memory


class PoseEstimation(Task):
    """Squared error of heatmaps in training; PCK over complete videos, with continuous memory, in validation.

    ``decoding`` is the method that reads joints from maps, in validation and prediction.
    """

    main_metric: ClassVar[str] = "val/pck_0.2"
    output_columns: ClassVar[tuple[str, ...]] = ("video", "joints")
    decoding: Decoding = DEFAULT_DECODING

    def __init__(
        self,
        architecture: dict[str, Any],
        optimizer: OptimizerParams | None = None,
        targets: TargetParams = TargetParams(),  # noqa: B008 (immutable)
        torso: tuple[int, int] | None = None,
    ) -> None:
        super().__init__(architecture, optimizer)
        self.target_params, self.torso = targets, torso
        # Large kernels on few channels: 15 to 25 % faster on a CPU than the default layout.
        self.model = self.model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.pck = PCK(num_joints=architecture["num_joints"])
        self.jitter = Jitter()

    @classmethod
    def from_experiment(cls, experiment: PoseExperiment, meta: dict[str, Any]) -> PoseEstimation:
        """Build the task of a pose experiment, and load its initial weights if it has some."""
        skeleton = skeleton_of_clips(meta)
        if skeleton is None:
            raise HumotionError(f"Dataset {experiment.dataset!r} has no joints to estimate.")
        architecture = cls.architecture_of(
            experiment.model,
            num_joints=len(skeleton.joints),
            skeleton=skeleton.name,
            joint_names=list(skeleton.joints),
            input_size=experiment.augment.size,
        )
        task = cls(architecture, experiment.optimizer, experiment.trainer.targets, skeleton.torso)
        task.pck = PCK(len(skeleton.joints), skeleton.scored)
        if experiment.model.weights is not None:
            task.model.load_pretrained(experiment.model.weights)  # type: ignore[operator]
        return task

    def training_step(self, batch: Batch, batch_idx: int = 0) -> Tensor:
        """Return the sum of squares over all maps, as published (see `humotion.poses.heatmaps`)."""
        frames = self.model.normalise(batch["frames"][:, :, 0])  # type: ignore[operator]  # (B, T, 3, S, S)
        maps = self.model(frames)
        target = self.targets(batch, maps.shape[-1])
        held_to = self.model.supervised_frames(frames.shape[1])  # type: ignore[operator]
        loss = sum_of_squares(maps.float(), target[:, held_to.to(target.device, non_blocking=True)])
        size, share = self.share_of_batch(len(maps), batch_idx)
        self.log_training("loss", loss * share, size, prog_bar=True)
        return loss * share

    def targets(self, batch: Batch, map_size: int) -> Tensor:
        """Make target maps (B, T, J+1, map_size, map_size) from labels, on their device and without a wait for it."""
        model: Any = self.model
        joints, visibility, box = batch["joints"], batch["visibility"], None
        share = self.target_params.mask_beyond_box
        if share is not None:
            assert self.torso is not None
            box = enlarged_boxes(batch["box"], joints, visibility, self.torso, share)
        joints, visibility = model.joints_of_maps(joints, visibility)
        return gaussian_targets(joints, visibility, map_size, model.stride, self.target_params.sigma_px, box)

    def joints(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        """Return joints (B, T, J, 2) in pixels of the crop and scores (B, T, J) for uint8 frames (B, T, K, C, H, W)."""
        state, decoded = None, []
        for piece in frames[:, :, 0].split(FRAMES_AT_ONCE, dim=1):
            maps, state = self.advance(piece, state)
            decoded.append(self.decode(maps))
        joints, scores = zip(*decoded, strict=True)
        return torch.cat(joints, dim=1), torch.cat(scores, dim=1)

    def advance(self, frames: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        """Return maps (B, T, J+1, h, w) of uint8 frames (B, T, 3, S, S) and the state after them; None to start."""
        model: Any = self.model
        frames = model.normalise(frames)
        return model.advance(frames, model.start(frames[:, 0]) if state is None else state)

    def read_by(self, evaluate: PoseEvaluateParams) -> None:
        """Read joints from maps by ``evaluate.decoding``."""
        self.decoding = evaluate.decoding

    def at_scales(self, scales: tuple[float, ...]) -> MultiScale:
        """Return this task for videos at several scales together (see ``multi_scale.py``)."""
        return MultiScale(self, scales, max(1, FRAMES_AT_ONCE // len(scales)))

    def decode(self, maps: Tensor, stride: int | None = None) -> tuple[Tensor, Tensor]:
        """Return joints (..., J, 2) in pixels and scores (..., J) of maps; ``stride`` (pixels per cell) is optional."""
        model: Any = self.model
        return model.joints_of_skeleton(*decode_heatmaps(maps, stride or model.stride, self.decoding))

    def validation_step(self, batch: Batch, batch_idx: int = 0) -> Tensor:
        """Update PCK and jitter with a complete video, and return its joints (1, T, J, 2)."""
        joints, _ = self.joints(batch["frames"])
        for metric in (self.pck, self.jitter):
            metric.update(joints, batch["joints"], batch["visibility"], batch["box"])
        return joints

    def on_validation_epoch_end(self) -> None:
        """Log PCK and jitter over all validation videos; jitter is the error, so motion of the crop has no effect."""
        scores = {f"val/{name}": value for name, value in self.pck.compute().items() if value.ndim == 0}
        self.log_dict(scores | {"val/jitter": self.jitter.compute()["jitter"]}, prog_bar=True)
        self.pck.reset()
        self.jitter.reset()

    def clip_scores(self, data: ClipDataModule, split: str, machine: MachineParams) -> pd.DataFrame:
        """Return PCK@0.2 pooled over joints (weight: the number of joints that count), and the other PCKs.

        ``joint_scores`` and ``joint_right`` have a value for every joint that counts (see `PoseOutcome.judged`).
        """
        rows = []
        for outcome in pose_outcomes(self, data, split, machine):
            scores = outcome.scores()
            pck = {name: scores[name][0] for name in (f"pck_{threshold:g}" for threshold in THRESHOLDS)}
            row = {"clip_id": outcome.clip_id, "group": outcome.group, "score": pck["pck_0.2"]}
            joints = dict(zip(("joint_scores", "joint_right"), outcome.judged(), strict=True))
            rows.append(row | {"weight": float(scores["pck_0.2"][1])} | pck | joints)
        return pd.DataFrame(rows)

    def abstention_of(self, scores: pd.DataFrame) -> dict[str, Any]:
        """See `humotion.tasks.pose_estimation.training.abstention`."""
        peaks, right = (np.concatenate(scores[column].to_list()) for column in ("joint_scores", "joint_right"))
        return joint_abstention(peaks, right, scores["group"].nunique()).as_dict()

    def predict_step(self, batch: Batch, batch_idx: int = 0) -> dict[str, Tensor]:
        """Return ``joints`` (B, T, J, 2) in pixels of the stored frame, ``score`` (B, T, J), ``clip_index`` (B,)."""
        joints, score = self.joints(batch["frames"])
        joints = to_stored_frame(joints, batch["crop"])
        return {"clip_index": batch["clip_index"].cpu(), "joints": joints.cpu(), "score": score.cpu()}


def to_stored_frame(joints: Tensor, crop: Tensor) -> Tensor:
    """Convert joints (B, T, J, 2) from crop pixels to stored-frame pixels; crop (B, T, 3) is x0, y0, scale."""
    return joints * crop[..., None, 2:] + crop[..., None, :2]

"""Pose estimation: every joint in every frame of a person-centred clip."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor

from humotion.datasets.skeletons import SKELETONS
from humotion.evaluation.pose import PCK
from humotion.models.heatmaps import decode_heatmaps, enlarged_boxes, gaussian_targets, sum_of_squares
from humotion.models.weights import load_pose_weights
from humotion.params import PoseExperiment
from humotion.tasks.base import Batch, Task
from humotion.training_params import OptimizerParams, TargetParams

TORSO = ("l_shoulder", "r_hip")  # whose distance the published label rule measures with
FRAMES_AT_ONCE = 16  # whole videos go through in pieces of this many frames: memory stays bounded


class PoseEstimation(Task):
    """Squared error of heatmaps in training; PCK over whole videos, memory carried through, in validation."""

    main_metric: ClassVar[str] = "val/pck_0.2"

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

    @classmethod
    def from_experiment(cls, experiment: PoseExperiment, meta: dict[str, Any]) -> PoseEstimation:
        """The task of a pose experiment; it starts from the weights that it names, if it names some."""
        architecture = {
            **experiment.model.model_dump(exclude={"weights"}),
            "num_joints": len(SKELETONS[meta["skeleton"]].joints),
            "skeleton": meta["skeleton"],
            "input_size": experiment.augment.size,
        }
        torso = tuple(SKELETONS[meta["skeleton"]].joints.index(name) for name in TORSO)
        task = cls(architecture, experiment.optimizer, experiment.trainer.targets, torso)  # type: ignore[arg-type]
        if experiment.model.weights is not None:
            load_pose_weights(task.model, experiment.model.weights)
        return task

    def training_step(self, batch: Batch, batch_idx: int = 0) -> Tensor:
        """Sum of squares over all maps, as published (see `humotion.models.heatmaps`)."""
        frames = self.model.normalise(batch["frames"][:, :, 0])  # type: ignore[operator]  # (B, T, 3, S, S)
        maps = self.model(frames)
        target = self.targets(batch, maps.shape[-1])
        held_to = self.model.supervised_frames(frames.shape[1])  # type: ignore[operator]
        loss = sum_of_squares(maps.float(), target[:, held_to.to(target.device, non_blocking=True)])
        self.log("train/loss", loss, on_step=False, on_epoch=True, batch_size=len(maps), prog_bar=True, sync_dist=True)
        return loss

    def targets(self, batch: Batch, map_size: int) -> Tensor:
        """Target maps (B, T, J+1, map_size, map_size), made of labels on their device without waiting for it."""
        model: Any = self.model
        joints, visibility, box = batch["joints"], batch["visibility"], None
        share = self.target_params.mask_beyond_box
        if share is not None:
            assert self.torso is not None
            box = enlarged_boxes(batch["box"], joints, visibility, self.torso, share)
        joints, visibility = model.joints_of_maps(joints, visibility)
        return gaussian_targets(joints, visibility, map_size, model.stride, self.target_params.sigma_px, box)

    def joints(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        """Joints (B, T, J, 2) in pixels of the crop and scores (B, T, J) of uint8 frames (B, T, K, C, H, W)."""
        model: Any = self.model
        state, joints, scores = None, [], []
        for piece in frames[:, :, 0].split(FRAMES_AT_ONCE, dim=1):
            piece = model.normalise(piece)
            if state is None:
                state = model.begin(piece[:, 0])
            maps, state = model.advance(piece, state)
            xy, score = model.joints_of_skeleton(*decode_heatmaps(maps, model.stride))
            joints.append(xy)
            scores.append(score)
        return torch.cat(joints, dim=1), torch.cat(scores, dim=1)

    def validation_step(self, batch: Batch, batch_idx: int = 0) -> None:
        """PCK over the whole video."""
        joints, _ = self.joints(batch["frames"])
        self.pck.update(joints, batch["joints"], batch["visibility"], batch["box"])

    def on_validation_epoch_end(self) -> None:
        """Log PCK over all validation videos."""
        scores = {f"val/{name}": value for name, value in self.pck.compute().items() if value.ndim == 0}
        self.log_dict(scores, prog_bar=True)
        self.pck.reset()

    def predict_step(self, batch: Batch, batch_idx: int = 0) -> dict[str, Tensor]:
        """``joints`` (B, T, J, 2) in pixels of the stored frame, ``score`` (B, T, J), ``clip_index`` (B,)."""
        joints, score = self.joints(batch["frames"])
        joints = to_stored_frame(joints, batch["crop"])
        return {"clip_index": batch["clip_index"].cpu(), "joints": joints.cpu(), "score": score.cpu()}


def to_stored_frame(joints: Tensor, crop: Tensor) -> Tensor:
    """Joints (B, T, J, 2) from pixels of the crop to pixels of the stored frame; crop (B, T, 3) is x0, y0, scale."""
    return joints * crop[..., None, 2:] + crop[..., None, :2]

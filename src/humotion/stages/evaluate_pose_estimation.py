"""The protocol of pose estimation: whole test videos, memory carried through, beside the mean pose."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from tqdm import tqdm

from humotion.clips.datamodule import ClipDataModule
from humotion.datasets.skeletons import SKELETONS, Skeleton
from humotion.evaluation.bootstrap import paired_bootstrap
from humotion.evaluation.mean_pose import fit_mean_pose, place_mean_pose
from humotion.evaluation.pose import PCK
from humotion.evaluation.result import Evaluation
from humotion.figures.bars import plot_joint_pck
from humotion.figures.contact_sheet import Tile, write_contact_sheet
from humotion.figures.overlay import draw_comparison, write_video
from humotion.params import Params
from humotion.stages.evaluate_memory import analyse_memory
from humotion.tasks.base import Task
from humotion.training.outcomes import PoseOutcome, pose_outcomes

Floats = npt.NDArray[np.float32]
FRAMES_SHOWN = 6


def evaluate(task: Task, data: ClipDataModule, params: Params, folder: Path) -> Evaluation:
    """Score the test videos and write figures, tables and overlays into ``folder``."""
    skeleton = SKELETONS[data.meta["skeleton"]]
    mean_pose = training_mean_pose(data)
    outcomes = list(pose_outcomes(task, data, "test", params.machine))
    model = score(outcomes, [outcome.joints for outcome in outcomes], skeleton)
    placed = [place_mean_pose(mean_pose, outcome.labels()[2].numpy()) for outcome in outcomes]
    baseline = score(outcomes, placed, skeleton)
    gain = paired_bootstrap(
        model.clips["pck_0.2"],
        baseline.clips["pck_0.2"],
        model.clips["group"].tolist(),
        data.experiment.seed,
        data.experiment.evaluate.bootstrap,
        weights=model.clips["num_joints"],
    )
    model.clips.to_csv(folder / "per_clip.csv", index=False)
    curves = {data.experiment.model.name: model.by_joint, "mean pose": baseline.by_joint}
    plot_joint_pck(folder / "pck_by_joint.png", curves, skeleton.joints, "PCK@0.2 by joint, test split")
    draw_overlays(folder, outcomes, skeleton, data.experiment.evaluate.overlays)
    analyse_memory(task, data, skeleton, folder / "memory")
    return Evaluation(
        scores=model.scores,
        baselines={"mean_pose": baseline.scores},
        main="pck_0.2",
        against="mean_pose",
        gain=gain,
        num_clips=len(outcomes),
        num_groups=model.clips["group"].nunique(),
        breakdown=pd.DataFrame({"name": skeleton.joints, "score": model.by_joint}),
    )


class Scored:
    """Scores of one set of joints over all test videos.

    Attributes:
        scores: PCK pooled over joints and frames, its mean over joints, and jitter.
        by_joint: PCK@0.2 of each joint.
        clips: a row a video, for the bootstrap.
    """

    def __init__(self, scores: dict[str, float], by_joint: list[float], clips: pd.DataFrame) -> None:
        self.scores, self.by_joint, self.clips = scores, by_joint, clips


def score(outcomes: list[PoseOutcome], joints: list[Floats], skeleton: Skeleton) -> Scored:
    """Score ``joints`` (one (T, J, 2) a video) against the labels of ``outcomes``."""
    pck = PCK(num_joints=len(skeleton.joints))
    rows = []
    for outcome, predicted in zip(outcomes, joints, strict=True):
        pck.update(torch.from_numpy(predicted), *outcome.labels())
        rows.append({"clip_id": outcome.clip_id, "group": outcome.group, **outcome.scores(predicted)})
    clips = pd.DataFrame(rows)
    pooled = pck.compute()
    scores = {name: float(value) for name, value in pooled.items() if value.ndim == 0}
    weights = clips["num_accelerations"]
    scores["jitter"] = float((clips["jitter"].fillna(0) * weights).sum() / weights.sum()) if weights.any() else np.nan
    return Scored(scores, pooled["pck_0.2_by_joint"].tolist(), clips)


def training_mean_pose(data: ClipDataModule) -> Floats:
    """Mean joints (J, 2) in the box over every frame of the training videos."""
    videos = [data.store[video_id] for video_id in data.clips("train")["video_id"].unique()]
    joints, visibility, boxes = (
        np.concatenate([getattr(video, name) for video in videos]) for name in ("joints", "visibility", "boxes")
    )
    return fit_mean_pose(joints, visibility, boxes)


def draw_overlays(folder: Path, outcomes: list[PoseOutcome], skeleton: Skeleton, count: int) -> None:
    """Write videos from the worst to the best, and a sheet of all of them: prediction over label."""
    ranked = sorted(outcomes, key=lambda outcome: outcome.scores()["pck_0.2"])
    chosen = [ranked[index] for index in np.unique(np.linspace(0, len(ranked) - 1, count).astype(int))] if count else []
    rows = []
    for outcome in tqdm(chosen, desc="overlays", unit="video"):
        labels, visibility, _ = (tensor.numpy() for tensor in outcome.labels())
        frames = outcome.video.decode(outcome.frame_indices)
        name = outcome.clip_id.replace("/", "_")
        drawn = draw_comparison(frames, outcome.joints, labels, visibility, skeleton)
        write_video(folder / "overlays" / f"{name}.mp4", drawn, outcome.video.fps or 30.0)
        title = f"{outcome.clip_id} ({outcome.label}): PCK@0.2 {outcome.scores()['pck_0.2']:.0%}"
        shown = np.linspace(0, len(drawn) - 1, FRAMES_SHOWN).astype(int)
        rows.append((title, [Tile(drawn[index], [f"frame {index}"]) for index in shown]))
    if rows:
        write_contact_sheet(folder / "overlays.jpg", rows)

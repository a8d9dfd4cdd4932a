"""The protocol of pose estimation: complete test videos with continuous memory, compared with the mean pose."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from tqdm import tqdm

from humotion.clips.datamodule import ClipDataModule
from humotion.evaluation.bootstrap import paired_bootstrap
from humotion.evaluation.result import Evaluation
from humotion.figures.bars import plot_joint_pck
from humotion.figures.contact_sheet import Tile, write_contact_sheet
from humotion.figures.overlay import draw_comparison, write_video
from humotion.params.document import Params
from humotion.params.tasks.pose_estimation import PoseExperiment
from humotion.poses.scores import PoseScores
from humotion.store.skeleton import Skeleton
from humotion.system.names import file_stems
from humotion.tasks.pose_estimation.evaluation.mean_pose import fit_mean_pose, mean_pose_notes, place_mean_pose
from humotion.tasks.pose_estimation.evaluation.memory import analyse_memory
from humotion.tasks.pose_estimation.evaluation.report import pose_report, unscored_notes
from humotion.tasks.pose_estimation.training.abstention import read_joint_abstention
from humotion.tasks.pose_estimation.training.module import PoseEstimation
from humotion.tasks.pose_estimation.training.outcomes import PoseOutcome, pose_outcomes
from humotion.training.task import Task

Floats = npt.NDArray[np.float32]
FRAMES_SHOWN = 6
MAIN = "pck_0.2"
DIRECTIONS = {"jitter": "lower", "acceleration": "neither", "acceleration_labels": "neither"}


def evaluate(task: Task, data: ClipDataModule, params: Params, folder: Path) -> Evaluation:
    """Score the test videos and write figures, tables and overlays into ``folder``."""
    assert isinstance(task, PoseEstimation) and isinstance(data.experiment, PoseExperiment)
    skeleton, settings = data.skeleton, data.experiment.evaluate
    assert skeleton is not None  # the input needs it
    mean_pose, notes = training_mean_pose(data, skeleton)
    task.read_by(settings)
    outcomes = list(pose_outcomes(task, data, "test", params.machine, settings.scales))
    model, model_clips = score(outcomes, skeleton)
    placed = [place_mean_pose(mean_pose, outcome.labels()[2].numpy()) for outcome in outcomes]
    baseline, baseline_clips = score(
        [replace(outcome, joints=joints) for outcome, joints in zip(outcomes, placed, strict=True)], skeleton
    )
    by_clip = model_clips[model_clips["metric"] == MAIN]
    gain = paired_bootstrap(
        by_clip["score"],
        baseline_clips.loc[baseline_clips["metric"] == MAIN, "score"],
        by_clip["group"].tolist(),
        data.experiment.seed,
        settings.bootstrap,
        weights=by_clip["weight"],
    )
    by_joint = {data.experiment.model.name: share_by_joint(model), "mean pose": share_by_joint(baseline)}
    plot_joint_pck(folder / "pck_by_joint.png", by_joint, skeleton.joints, "PCK@0.2 by joint, test split")
    how = f"{len(outcomes)} test videos; joints decoded by {settings.decoding}, at scales {settings.scales}."
    boxes = [outcome.labels()[2] for outcome in outcomes]
    how = " ".join([how, *unscored_notes(boxes, by_clip["weight"].tolist()), *notes])
    title = f"{data.experiment.model.name} on {data.experiment.dataset}: poses"
    abstention = worth_of_threshold(task, outcomes, settings.scales)
    report = pose_report(title, how, model, {"mean pose": baseline}, skeleton, abstention)
    (folder / "scores.md").write_text(report, encoding="utf-8")
    draw_overlays(folder, outcomes, by_clip.set_index("clip_id")["score"], skeleton, settings.overlays)
    analyse_memory(task, data, skeleton, folder / "memory")
    return Evaluation(
        scores=model.compute(),
        baselines={"mean_pose": baseline.compute()},
        main=MAIN,
        against="mean_pose",
        gain=gain,
        num_clips=len(outcomes),
        num_groups=by_clip["group"].nunique(),
        breakdown=pd.DataFrame({"name": skeleton.joints, "score": share_by_joint(model)}),
        clips=model_clips,
        abstention=abstention,
    )


def worth_of_threshold(task: Task, outcomes: list[PoseOutcome], scales: tuple[float, ...]) -> dict[str, Any]:
    """Return what the model's threshold of scores is worth on the joints of test videos.

    Empty for a model without one, and at several ``scales``: their scores are not those that predictions have.
    """
    rule = read_joint_abstention(task.abstention)
    if rule is None or scales != (1.0,):
        return {}
    scores, right = (np.concatenate(parts) for parts in zip(*(one.judged() for one in outcomes), strict=True))
    return rule.on(scores, right, len({outcome.group for outcome in outcomes})).as_dict()


def score(outcomes: list[PoseOutcome], skeleton: Skeleton) -> tuple[PoseScores, pd.DataFrame]:
    """Scores over all test videos, and scores of each video (the table `Evaluation.clips`)."""
    scores, rows = PoseScores(skeleton), []
    for outcome in outcomes:
        scores.update(torch.from_numpy(outcome.joints), *outcome.labels())
        rows += [
            (outcome.clip_id, outcome.group, metric, value, float(weight), DIRECTIONS.get(metric, "higher"))
            for metric, (value, weight) in outcome.scores().items()
        ]
    return scores, pd.DataFrame(rows, columns=["clip_id", "group", "metric", "score", "weight", "direction"])


def share_by_joint(scores: PoseScores) -> list[float]:
    """PCK@0.2 by box of each joint."""
    return scores.box.compute()[f"{MAIN}_by_joint"].tolist()


def training_mean_pose(data: ClipDataModule, skeleton: Skeleton) -> tuple[Floats, list[str]]:
    """Mean joints (J, 2) in box coordinates, over every frame of the training videos, and notes for the report."""
    people = data.clips("train")[["video_id", "person"]].drop_duplicates().itertuples(index=False)
    shown = [(data.store[video_id], person) for video_id, person in people]
    joints, visibility, boxes = (
        np.concatenate([getattr(video, name)[person] for video, person in shown])
        for name in ("joints", "visibility", "boxes")
    )
    return fit_mean_pose(joints[..., :2], visibility, boxes), mean_pose_notes(visibility, boxes, skeleton.joints)


def draw_overlays(folder: Path, outcomes: list[PoseOutcome], found: pd.Series, skeleton: Skeleton, count: int) -> None:
    """Write ``count`` videos from the worst to the best, and a sheet of all of them: prediction over label.

    ``found`` is the main score of each clip by its id.
    """
    scored = [outcome for outcome in outcomes if np.isfinite(found[outcome.clip_id])]  # NaN has no place in an order
    ranked = sorted(scored, key=lambda outcome: found[outcome.clip_id])
    places = np.unique(np.linspace(0, len(ranked) - 1, count).astype(int)) if ranked else ()
    chosen = [ranked[index] for index in places]
    names = file_stems(outcome.clip_id for outcome in chosen)
    rows = []
    for outcome in tqdm(chosen, desc="overlays", unit="video"):
        labels, visibility, _ = (tensor.numpy() for tensor in outcome.labels())
        frames = outcome.video.decode(outcome.frame_indices)
        drawn = draw_comparison(frames, outcome.joints, labels, visibility, skeleton)
        write_video(folder / "overlays" / f"{names[outcome.clip_id]}.mp4", drawn, outcome.video.fps or 30.0)
        title = f"{outcome.clip_id} ({outcome.label}): PCK@0.2 {found[outcome.clip_id]:.0%}"
        shown = np.linspace(0, len(drawn) - 1, FRAMES_SHOWN).astype(int)
        rows.append((title, [Tile(drawn[index], [f"frame {index}"]) for index in shown]))
    if rows:
        write_contact_sheet(folder / "overlays.jpg", rows)

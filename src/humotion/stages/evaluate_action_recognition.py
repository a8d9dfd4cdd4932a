"""The protocol of action recognition: one view of every test clip, beside chance and the majority class."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pandas as pd
from tqdm import tqdm

from humotion.clips.datamodule import ClipDataModule
from humotion.evaluation import action
from humotion.evaluation.bootstrap import paired_bootstrap
from humotion.evaluation.result import Evaluation
from humotion.figures.bars import plot_recall
from humotion.figures.confusion import plot_confusion
from humotion.figures.contact_sheet import Tile, write_contact_sheet
from humotion.figures.overlay import write_video
from humotion.params import Params
from humotion.tasks.base import Task
from humotion.training.outcomes import action_probabilities

FRAMES_SHOWN = 6
OVERLAY_HEIGHT = 288


def evaluate(task: Task, data: ClipDataModule, params: Params, folder: Path) -> Evaluation:
    """Score the test clips and write figures, tables and overlays into ``folder``."""
    classes: list[str] = data.meta["classes"]
    clips, probabilities = action_probabilities(task, data, "test", params.machine)
    labels = clips["label_id"].to_numpy(copy=True)  # a view would be read-only, of which torch warns
    train_labels = data.clips("train")["label_id"].to_numpy()
    baselines = action.baseline_scores(train_labels, labels, len(classes))
    majority = int(np.bincount(train_labels, minlength=len(classes)).argmax())
    gain = paired_bootstrap(
        probabilities.argmax(axis=1) == labels,
        labels == majority,
        clips["group"].tolist(),
        data.experiment.seed,
        data.experiment.evaluate.bootstrap,
    )
    table = action.per_class_table(probabilities, labels, classes)
    plot_recall(folder / "recall.png", table, "Recall by class, test split")
    confusion = action.confusion(probabilities, labels)
    plot_confusion(folder / "confusion.png", confusion, classes, "Confusion, test split")
    table.to_csv(folder / "per_class.csv", index=False)
    write_predictions(folder / "predictions.csv", clips, probabilities, classes)
    draw_overlays(folder, data, clips, probabilities, data.experiment.evaluate.overlays)
    return Evaluation(
        scores=action.action_scores(probabilities, labels),
        baselines=baselines,
        main="top1",
        against="majority",
        gain=gain,
        num_clips=len(clips),
        num_groups=clips["group"].nunique(),
        breakdown=table[["label", "recall"]].rename(columns={"label": "name", "recall": "score"}),
        clips=clip_table(clips, probabilities, labels),
    )


def clip_table(
    clips: pd.DataFrame, probabilities: npt.NDArray[np.float64], labels: npt.NDArray[np.int64]
) -> pd.DataFrame:
    """The table `Evaluation.clips`: is the class the likeliest one or, of more than five, among the likeliest five?"""
    order = np.argsort(-probabilities, axis=1, kind="stable")
    hits = {
        f"top{k}": (order[:, :k] == labels[:, None]).any(axis=1) for k in (1, 5) if k == 1 or probabilities.shape[1] > k
    }
    identity = clips[["clip_id", "group"]]
    return pd.concat(
        [identity.assign(metric=metric, score=hit.astype(float), weight=1.0) for metric, hit in hits.items()],
        ignore_index=True,
    )


def write_predictions(
    path: Path, clips: pd.DataFrame, probabilities: npt.NDArray[np.float64], classes: list[str]
) -> None:
    """One row a test clip: what it is, what it was taken for, and every probability as JSON."""
    pd.DataFrame(
        {
            "clip_id": clips["clip_id"],
            "label": clips["label"],
            "predicted": [classes[index] for index in probabilities.argmax(axis=1)],
            "confidence": probabilities.max(axis=1).round(6),
            "probabilities": [json.dumps(np.round(row, 6).tolist()) for row in probabilities],
        }
    ).to_csv(path, index=False)


def draw_overlays(
    folder: Path,
    data: ClipDataModule,
    clips: pd.DataFrame,
    probabilities: npt.NDArray[np.float64],
    count: int,
) -> None:
    """Write the most confident errors and successes as one contact sheet, and as short videos."""
    classes: list[str] = data.meta["classes"]
    predicted = probabilities.argmax(axis=1)
    is_right = predicted == clips["label_id"].to_numpy()
    by_confidence = np.argsort(-probabilities.max(axis=1), kind="stable")
    wrong, right = ([index for index in by_confidence if is_right[index] == kind] for kind in (False, True))
    num_wrong = min(len(wrong), max((count + 1) // 2, count - len(right)))
    chosen = [*wrong[:num_wrong], *right[: count - num_wrong]]
    rows = []
    for index in tqdm(chosen, desc="overlays", unit="clip"):
        clip = clips.iloc[index]
        video = data.store[clip["video_id"]]
        verdict = "right" if is_right[index] else "wrong"
        text = f"{classes[predicted[index]]} {probabilities[index].max():.0%} ({verdict}: {clip['label']})"
        sampled = clip["frame_indices"]
        shown = sampled[np.linspace(0, len(sampled) - 1, FRAMES_SHOWN).astype(int)]
        tiles = [Tile(frame, [f"frame {number}"]) for frame, number in zip(video.decode(shown), shown, strict=True)]
        rows.append((f"{text}   {clip['clip_id']}", tiles))
        name = clip["clip_id"].replace("/", "_")
        frames = (caption(frame, text) for frame in video.decode(range(video.num_frames)))
        write_video(folder / "overlays" / f"{verdict}_{name}.mp4", frames, video.fps or 30.0)
    if rows:
        write_contact_sheet(folder / "overlays.jpg", rows)


def caption(frame: npt.NDArray[np.uint8], text: str) -> npt.NDArray[np.uint8]:
    """The frame enlarged, with a line of text on a dark band below it."""
    factor = max(1, round(OVERLAY_HEIGHT / frame.shape[0]))
    size = frame.shape[1] * factor, frame.shape[0] * factor
    image = cv2.resize(frame, size, interpolation=cv2.INTER_CUBIC)
    band = np.full((26, image.shape[1], 3), 24, np.uint8)
    cv2.putText(band, text, (6, 18), cv2.FONT_HERSHEY_SIMPLEX, 0.42, (255, 255, 255), 1, cv2.LINE_AA)
    return np.concatenate([image, band]).astype(np.uint8)

"""Part of the evaluation: the content of a pose machine's memory, over the test videos."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from tqdm import tqdm

from humotion.clips.datamodule import ClipDataModule
from humotion.figures.overlay import write_video
from humotion.files import write_json
from humotion.poses.heatmaps import gaussian_targets
from humotion.store.skeleton import Skeleton
from humotion.system.names import file_stems
from humotion.tasks.pose_estimation.evaluation.lstm_memory import has_memory, memory_of
from humotion.tasks.pose_estimation.evaluation.memory_figures import draw_memory, plot_channels, plot_reliance
from humotion.tasks.pose_estimation.evaluation.reliance import (
    OCCLUDED,
    channel_correlation,
    occlusion_effect,
    occlusion_pairs,
    reliance,
)
from humotion.training.task import Task

Floats = npt.NDArray[np.float32]
MOST_FRAMES = 300  # maximum per video: the channels of a longer one would need too much RAM
BEST_CHANNELS = 3


@dataclass(frozen=True)
class ClipMemory:
    """Memory and labels of one video, in crop coordinates: kept, written, cell (T, H, h, w), maps (T, J, h, w)."""

    kept: Floats
    written: Floats
    cell: Floats
    maps: Floats
    targets: Floats
    labels: Floats
    visibility: npt.NDArray[np.uint8]
    crops: npt.NDArray[np.uint8]
    stride: int

    def reliance(self) -> npt.NDArray[np.float64]:
        """Return reliance (T, J) around the labels; NaN for a joint without a label."""
        labels = np.where((self.visibility > 0)[..., None], self.labels, np.nan)
        return reliance(self.kept, self.written, labels, self.stride)


def analyse_memory(task: Task, data: ClipDataModule, skeleton: Skeleton, folder: Path) -> None:
    """Write tables, figures and videos of the memory over the test videos, if the model has a memory.

    ``memory/summary.json`` has the rise of reliance when a joint is occluded, over pairs of the same joint in the same
    video. The videos with the most occluded joints are drawn.
    """
    if not has_memory(task.model) or not data.experiment.evaluate.overlays:
        return
    folder.mkdir(parents=True, exist_ok=True)
    table, dataset = data.clips("test"), data.clip_dataset("test")
    pairs, channels, reliances = [], [], []
    for index in tqdm(range(len(table)), desc="memory", unit="video"):
        memory = read_memory(task, dataset[index])
        values = memory.reliance()
        clip = {name: table[name].iloc[index] for name in ("clip_id", "group")}
        pairs.append(occlusion_pairs(values, memory.visibility).assign(**clip))
        channels.append(ranked_channels(memory, skeleton).assign(**clip))
        hidden = int((memory.visibility[1:] == OCCLUDED).sum())
        reliances.append({**clip, "num_occluded": hidden, "mean": _mean(values[1:])})
        reliances[-1] |= {"num_frames": len(table["frame_indices"].iloc[index]), "num_analysed": len(values)}
    every = pd.concat(pairs, ignore_index=True)
    every.assign(joint=[skeleton.joints[joint] for joint in every["joint"]]).to_csv(folder / "pairs.csv", index=False)
    pd.concat(channels, ignore_index=True).to_csv(folder / "channels.csv", index=False)
    clips = pd.DataFrame(reliances)
    clips.to_csv(folder / "clips.csv", index=False)
    write_json(folder / "summary.json", summary(every, clips, data))
    shown = clips["num_occluded"].nlargest(data.experiment.evaluate.overlays).index
    names = file_stems(table["clip_id"].iloc[shown])
    for index in shown:
        row = table.iloc[index]
        fps = data.store[row["video_id"]].fps or 30.0
        sample = dataset[int(index)]
        memory = read_memory(task, sample)
        draw(
            memory,
            predicted(task, sample, len(memory.crops)),
            row["clip_id"],
            skeleton,
            fps,
            folder / names[row["clip_id"]],
        )


def _mean(reliances: npt.NDArray[np.float64]) -> float:
    """The mean without NaN; NaN if nothing is known, for a clip of one frame or without a labelled joint."""
    known = reliances[np.isfinite(reliances)]
    return float(known.mean()) if known.size else float("nan")


def read_memory(task: Task, sample: dict[str, torch.Tensor]) -> ClipMemory:
    """Run the model on a test video, and record its memory."""
    model: Any = task.model
    frames = sample["frames"][:MOST_FRAMES]  # (T, K, C, H, W)
    labels, visibility = (sample[name][:MOST_FRAMES] for name in ("joints", "visibility"))
    device = next(model.parameters()).device
    parts, maps = [], []
    with torch.inference_mode():
        for frame in memory_of(model, model.normalise(frames[None, :, 0].to(device))):
            parts.append(torch.cat([frame.kept, frame.written, frame.cell]).cpu().numpy())
            maps.append(frame.heatmaps[0, :-1].cpu().numpy())
        size = maps[0].shape[-1]
        targets = gaussian_targets(labels[None], visibility[None], size, model.stride)[0, :, :-1]
    kept, written, cell = np.stack(parts, axis=1)
    return ClipMemory(
        kept=kept,
        written=written,
        cell=cell,
        maps=np.stack(maps),
        targets=targets.numpy(),
        labels=labels.numpy(),
        visibility=visibility.numpy(),
        crops=frames[:, 0].permute(0, 2, 3, 1).numpy(),
        stride=model.stride,
    )


def predicted(task: Task, sample: dict[str, torch.Tensor], num_frames: int) -> Floats:
    """Predict joints (T, J, 2) of the first frames of a test video, in pixels of the crop."""
    frames = sample["frames"][None, :num_frames].to(next(task.model.parameters()).device)
    with torch.inference_mode():
        joints, _ = task.joints(frames)  # type: ignore[operator]
    found: Floats = joints[0].cpu().numpy()
    return found


def ranked_channels(memory: ClipMemory, skeleton: Skeleton) -> pd.DataFrame:
    """The channels of the cell that follow each joint best: correlation with its label's map and the model's."""
    with_labels = channel_correlation(memory.cell, memory.targets)
    with_maps = np.full_like(with_labels, np.nan)
    if memory.maps.shape[1] == memory.targets.shape[1]:  # otherwise the maps have other joints than the dataset
        with_maps = channel_correlation(memory.cell, memory.maps)
    rows = []
    for joint, name in enumerate(skeleton.joints):
        for rank, channel in enumerate(np.argsort(-with_labels[:, joint], kind="stable")[:BEST_CHANNELS], start=1):
            rows.append((name, rank, channel, with_labels[channel, joint], with_maps[channel, joint]))
    return pd.DataFrame(rows, columns=["joint", "rank", "channel", "with_labels", "with_maps"])


def summary(pairs: pd.DataFrame, clips: pd.DataFrame, data: ClipDataModule) -> dict[str, Any]:
    """The content of ``summary.json``; a rise is null if no joint was both occluded and visible.

    ``num_shortened`` clips were analysed up to `MOST_FRAMES` frames; ``num_without_reliance`` have no known value.
    """
    rises = {
        "rise_when_occluded": pairs["occluded"] - pairs["visible"],
        "rise_when_occluded_beside_others": pairs["beside_others"],
    }
    seed, resamples = data.experiment.seed, data.experiment.evaluate.bootstrap
    groups = pairs["group"].tolist()
    return {
        "num_clips": len(clips),
        "num_shortened": int((clips["num_analysed"] < clips["num_frames"]).sum()),
        "most_frames": MOST_FRAMES,
        "num_without_reliance": int(clips["mean"].isna().sum()),
        "num_pairs": len(pairs),
        "mean_reliance": float(clips["mean"].mean()),
        **{name: occlusion_effect(rise.to_numpy(float), groups, seed, resamples) for name, rise in rises.items()},
    }


def draw(memory: ClipMemory, joints: Floats, clip_id: str, skeleton: Skeleton, fps: float, stem: Path) -> None:
    """Write the images and the video of one clip, ``stem`` and an ending each; the video shows predicted joints."""
    values = memory.reliance()
    title = f"Share of the memory from earlier frames (grey: occluded)\n{clip_id}"
    plot_reliance(stem.with_name(f"{stem.name}_reliance.png"), values, memory.visibility, skeleton.joints, title)
    correlation = channel_correlation(memory.cell, memory.targets)
    title = f"The channel of the cell that follows each joint best\n{clip_id}"
    plot_channels(
        stem.with_name(f"{stem.name}_channels.png"), memory.crops, memory.cell, correlation, skeleton.joints, title
    )
    drawn = draw_memory(memory.crops, memory.kept, memory.written, joints, values, skeleton)
    write_video(stem.with_name(f"{stem.name}.mp4"), drawn, fps)

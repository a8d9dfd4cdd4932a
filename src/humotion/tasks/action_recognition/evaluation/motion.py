"""Part of the evaluation: draw motion, attention and gates over test clips, for models that have them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from torch.utils.data import default_collate
from tqdm import tqdm

from humotion.clips.datamodule import ClipDataModule
from humotion.figures.overlay import write_video
from humotion.system.names import file_stems
from humotion.tasks.action_recognition.evaluation.clip_maps import ClipMaps, clip_maps, has_clip_maps
from humotion.tasks.action_recognition.evaluation.motion_figures import HeatMaps, draw_maps, plot_maps
from humotion.tasks.action_recognition.training.model import shown_to
from humotion.training.task import Batch, Task

MOST_CLIPS = 2  # because a figure takes as long as several overlays


def draw_motion(task: Task, data: ClipDataModule, said: Mapping[str, str], folder: Path) -> None:
    """Draw what a ViT looks at in some of the clips in ``said``, which maps clip_id to a line of text.

    ``<clip>.png`` and ``<clip>.mp4`` show the frames as the model sees them, with the size of SMIF's motion, the
    attention rollout and the size of LMI's gates over them. For a plain ViT, they show only the rollout.
    """
    if not has_clip_maps(task.model) or not said:
        return
    chosen = list(said)[:: -(-len(said) // MOST_CLIPS)]  # the first error and the first success
    table, dataset = data.clips("test"), data.clip_dataset("test")
    rows = pd.Index(table["clip_id"]).get_indexer(pd.Index(chosen)).tolist()
    batch = default_collate([dataset[row] for row in rows])
    seen = see(task, batch)
    folder.mkdir(parents=True, exist_ok=True)
    names = file_stems(chosen)
    for index, row in enumerate(tqdm(rows, desc="motion", unit="clip")):
        clip, real = table.iloc[row], ~batch["is_padding"][index]
        frames = batch["frames"][index][real]  # (T, K, 3, S, S)
        pictures = frames[:, frames.shape[1] // 2].permute(0, 2, 3, 1).numpy()
        numbers = clip["frame_indices"][real.numpy()]
        maps = heat_maps(seen.select(index, real))
        caption = said[clip["clip_id"]], clip["clip_id"]
        name = names[clip["clip_id"]]
        plot_maps(folder / f"{name}.png", pictures, numbers, maps, "\n".join(caption))
        fps = data.store[clip["video_id"]].fps or 30.0
        write_video(folder / f"{name}.mp4", draw_maps(pictures, maps, caption), fps / pace(numbers))


def see(task: Task, batch: Batch) -> ClipMaps:
    """Return the maps of a batch of clips, on the CPU."""
    model: Any = task.model
    device = next(model.parameters()).device
    with torch.inference_mode():
        shown = shown_to(model, {name: batch[name].to(device) for name in ("frames", "is_padding")})
        return clip_maps(model, *shown).apply(lambda part: part.float().cpu())


def pace(numbers: npt.NDArray[np.integer]) -> float:
    """Mean number of video frames from one sampled frame to the next; 1 for a single frame."""
    return max(1.0, float(np.diff(numbers).mean())) if len(numbers) > 1 else 1.0


def heat_maps(seen: ClipMaps) -> list[HeatMaps]:
    """Return the maps of one clip in the form for drawing."""
    attention = seen.attention.numpy()  # (T, g, g)
    maps = [HeatMaps("attention (rollout)", "times an even share", attention * attention[0].size, 2.0)]
    if seen.motion is not None:
        maps.insert(0, HeatMaps("motion (SMIF)", "of the full range", seen.motion.numpy(), 0.05))
    if seen.gates is not None:
        maps.append(HeatMaps("gates (LMI)", "mean |gate|", seen.gates.numpy(), 0.01))
    return maps

"""What the training clips were like in time and size, so that frames of a camera can be shown to the model alike."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from humotion.clips.datamodule import ClipDataModule


def footage_of(data: ClipDataModule, short_side: int) -> dict[str, Any]:
    """Return what a model folder has under ``footage``.

    Args:
        data: the clips of the training.
        short_side: that of the stored frames in pixels, above which frames are shrunk.

    Returns:
        ``num_frames``: median over the training clips of the video's frames from the first to the last of a clip.
        ``fps``: median over their videos of frames per second; None if no video says it. ``short_side``: as given.
    """
    clips = data.clips("train")
    spans = [int(frames.max()) - int(frames.min()) + 1 for frames in clips["frame_indices"]]
    videos = pd.read_parquet(data.prepared / "videos.parquet", columns=["video_id", "fps"]).set_index("video_id")["fps"]
    rates = videos.loc[clips["video_id"].unique()].dropna()
    return {
        "num_frames": round(float(np.median(spans))),
        "fps": float(rates.median()) if len(rates) else None,
        "short_side": short_side,
    }

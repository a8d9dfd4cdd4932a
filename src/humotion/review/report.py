"""The report of a layer: a table, shares by class, frames with what was found, and videos in which nobody was."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from humotion.figures.bars import plot_stacked_shares
from humotion.figures.contact_sheet import Tile, write_contact_sheet
from humotion.figures.overlay import draw_skeleton
from humotion.figures.tables import markdown_table
from humotion.files import atomic_path
from humotion.review.measures import Floats, main_landmarks
from humotion.store.frames import FrameStore
from humotion.store.skeleton import Skeleton

TILES = 6  # frames of a video on a sheet, evenly spread
MOST_CLASSES = 51
MOST_NEVER = 12  # videos on the sheet of those in which nobody was found

_ROWS = {
    "found": ("frames with somebody", "{:.1%}"),
    "videos": ("videos", "{:,}"),
    "videos_without_anybody": ("videos in which nobody is found", "{:,}"),
    "acceleration": ("mean acceleration of landmarks, in body lengths per frame squared: lower is steadier", "{:.4f}"),
    "pck_0.2_where_found": ("PCK@0.2 of labelled joints, where somebody is found", "{:.3f}"),
    "pck_0.2": ("PCK@0.2, frames without anybody counted as misses", "{:.3f}"),
    "pck_0.1_where_found": ("PCK@0.1, where somebody is found", "{:.3f}"),
    "pck_0.1": ("PCK@0.1, frames without anybody counted as misses", "{:.3f}"),
}


def write_report(
    folder: Path, name: str, table: pd.DataFrame, summary: dict[str, Any], store: FrameStore, skeleton: Skeleton | None
) -> None:
    """Write report.md, videos.csv, found.png, found.jpg and, if there are such videos, nobody.jpg.

    Args:
        folder: the output.
        name: the layer.
        table: a row per video with frames: ``video_id``, ``label``, ``num_frames``, ``num_found`` ...
        summary: of `humotion.review.measures.summarise`.
        store: with the layer.
        skeleton: the layer's joint set.
    """
    table.to_csv(folder / "videos.csv", index=False)
    by_class = table.groupby("label")[["num_found", "num_frames"]].sum()
    counts = pd.DataFrame({"somebody": by_class["num_found"], "nobody": by_class["num_frames"] - by_class["num_found"]})
    plot_stacked_shares(folder / "found.png", counts, f"{name}: frames with somebody, by class")
    write_contact_sheet(folder / "found.jpg", [_row(store, skeleton, video) for video in _shown(table)])
    never = table[table["num_found"] == 0].head(MOST_NEVER)
    if len(never):
        write_contact_sheet(folder / "nobody.jpg", [_row(store, skeleton, video) for video in never.itertuples()])
    rows = [(text, form.format(summary[key])) for key, (text, form) in _ROWS.items() if summary.get(key) is not None]
    sections = [
        f"# Layer {name}",
        markdown_table(("what", "value"), rows),
        "Somebody counts as found, whoever it is. Only labels tell whether it is the right person.",
        "## By class",
        "![Frames with somebody, by class](found.png)",
        "## What was found",
        "Of each class, the video with the median share of frames with somebody.",
        "![Frames with what was found](found.jpg)",
        *(["## Nobody was found here", "![Frames of these videos](nobody.jpg)"] if len(never) else []),
    ]
    with atomic_path(folder / "report.md") as temporary:
        temporary.write_text("\n\n".join(sections) + "\n", encoding="utf-8")


def _shown(table: pd.DataFrame) -> list[Any]:
    """Of each class, the video with the median share of frames with somebody."""
    shares = (table["num_found"] / table["num_frames"]).rename("share")
    ordered = table.assign(share=shares).sort_values(["share", "video_id"])
    middles = [group.iloc[[len(group) // 2]] for _, group in ordered.groupby("label")]
    return list(pd.concat(middles[:MOST_CLASSES]).itertuples())


def _row(store: FrameStore, skeleton: Skeleton | None, video: Any) -> tuple[str, Sequence[Tile]]:
    stored = store[video.video_id]
    chosen = np.unique(np.linspace(0, stored.num_frames - 1, TILES).round().astype(int))
    frames = stored.decode(chosen)
    points = None if skeleton is None else main_landmarks(stored)
    tiles = [
        Tile(_drawn(points, number, frame, skeleton), [f"frame {number}"])
        for number, frame in zip(chosen.tolist(), frames, strict=True)
    ]
    return f"{video.label}: {video.video_id}, somebody in {video.num_found} of {video.num_frames} frames", tiles


def _drawn(points: Floats | None, number: int, frame: Any, skeleton: Skeleton | None) -> Any:
    if points is None or skeleton is None or not np.isfinite(points[number]).any():
        return frame
    return draw_skeleton(frame, points[number], None, skeleton)

"""Figures of a pose machine's memory: channels over frames, reliance over time, and a video of the memory."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import matplotlib as mpl
import numpy as np
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from humotion.figures.heat import GAP, enlarge_to, framed, heat_over, resized
from humotion.figures.overlay import Image, draw_skeleton, enlarge
from humotion.figures.style import BLUE, GREY, figure_file, readable, title_left
from humotion.store.skeleton import Skeleton

Floats = NDArray[np.floating]
COLUMNS, ROW, WIDTH = 3, 1.15, 9.0  # panels across; height of a row and width of the figure in inches
PANEL = 256  # height in pixels of an image in a video
CELL = 128  # pixels of an image in a grid


def plot_reliance(
    path: Path, reliance: Floats, visibility: NDArray[np.integer] | None, joints: Sequence[str], title: str
) -> None:
    """Plot reliance (T, J) over the frames, one panel per joint; frames in which it is occluded are shaded."""
    rows = -(-len(joints) // COLUMNS)
    with figure_file(path, WIDTH, 0.6 + ROW * rows, rows, COLUMNS, sharex=True, sharey=True) as (figure, axes):
        for panel in axes.flat[len(joints) :]:
            panel.set_axis_off()
        for index, (panel, name) in enumerate(zip(axes.flat, joints, strict=False)):
            frames = np.arange(len(reliance))
            panel.plot(frames[1:], reliance[1:, index], color=BLUE, linewidth=1.2)
            if visibility is not None:
                panel.fill_between(
                    frames - 0.5, 0, 1, where=visibility[:, index] == 1, step="post", color=GREY, alpha=0.35, lw=0
                )
            panel.set_title(readable(name), fontweight="normal", fontsize=8)
            panel.set_ylim(0, 1)
            panel.margins(x=0)
            panel.xaxis.set_major_locator(MaxNLocator(integer=True))
        for panel in axes[:, 0]:
            panel.set_ylabel("from the past", fontsize=7)
        for panel in axes[-1]:
            panel.set_xlabel("frame", fontsize=8)
        title_left(figure, title)


def plot_channels(
    path: Path,
    crops: Image,
    cells: Floats,
    correlation: Floats,
    joints: Sequence[str],
    title: str,
    num_frames: int = 6,
) -> None:
    """Draw the channel of the cell that follows each joint best, for some frames, with the crops above.

    Args:
        path: path of the image.
        crops: (T, S, S, 3) uint8 RGB.
        cells: (T, H, h, w).
        correlation: (H, J) of channels with joints.
        joints: J names.
        title: title of the figure.
        num_frames: number of columns, spread over the clip.
    """
    shown = np.linspace(0, len(crops) - 1, min(num_frames, len(crops))).astype(int)
    best = correlation.argmax(axis=0)
    side = crops.shape[1]
    rows = [[enlarge_to(crops[frame], CELL) for frame in shown]]
    for channel in best:
        limit = max(float(np.abs(cells[:, channel]).max()), 1e-6)
        rows.append([enlarge_to(in_colours(resized(cells[frame, channel], side), limit), CELL) for frame in shown])
    # One image for all cells: a panel per cell would need seconds for the layout.
    mosaic = np.concatenate([np.concatenate([framed(cell) for cell in row], axis=1) for row in rows])
    middles = (np.arange(1 + len(joints)) + 0.5) * (CELL + 2 * GAP) - 0.5
    labels = [
        f"{readable(name)}\nchannel {channel}, r = {correlation[channel, index]:.2f}"
        for index, (name, channel) in enumerate(zip(joints, best, strict=True))
    ]
    size = 0.95
    with figure_file(path, 1.5 + size * len(shown), 0.6 + size * len(rows)) as (figure, axes):
        panel = axes[0, 0]
        panel.imshow(mosaic)
        panel.set_xticks(middles[: len(shown)], [f"frame {frame}" for frame in shown], fontsize=8)
        panel.set_yticks(middles[1:], labels, fontsize=7)
        panel.tick_params(length=0, labeltop=True, labelbottom=False)
        panel.spines[:].set_visible(False)
        title_left(figure, title)


def in_colours(values: Floats, limit: float) -> Image:
    """Colour a map (h, w) as an image (h, w, 3): blue below zero, white at zero, red above zero."""
    shades = mpl.colormaps["RdBu_r"]((values + limit) / (2 * limit))
    return np.asarray(shades[..., :3] * 255, np.uint8)


def draw_memory(
    crops: Image, kept: Floats, written: Floats, joints: Floats, reliance: Floats, skeleton: Skeleton
) -> list[Image]:
    """Frames of a video: the crop with its skeleton, next to the kept and the written part of the memory.

    Args:
        crops: (T, S, S, 3) uint8 RGB.
        kept: (T, H, h, w) part that was kept from the previous cell.
        written: (T, H, h, w) part that was written in this frame.
        joints: (T, J, 2) predicted joints, in pixels of the crop.
        reliance: (T, J); the video shows the mean over joints.
        skeleton: names and bones.
    """
    old, new = (np.abs(part).sum(axis=1) for part in (kept, written))
    most = max(float(old.max()), float(new.max()), 1e-6)
    pictures = []
    for index, crop in enumerate(crops):
        large, points = enlarge(crop, joints[index], PANEL)
        person = draw_skeleton(large, points, None, skeleton)
        panels = [person, *(heat_over(large, part[index] / most) for part in (old, new))]
        share = np.nanmean(reliance[index]) if np.isfinite(reliance[index]).any() else np.nan
        for panel, text in zip(panels, (f"from the past {share:.0%}", "kept", "written"), strict=True):
            panel[:22] //= 3  # dark background for the text
            cv2.putText(panel, text, (6, 15), cv2.FONT_HERSHEY_SIMPLEX, 0.45, (255, 255, 255), 1, cv2.LINE_AA)
        pictures.append(np.concatenate(panels, axis=1))
    return pictures

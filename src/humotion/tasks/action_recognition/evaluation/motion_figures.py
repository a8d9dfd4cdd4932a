"""Draw maps over the frames of a clip, such as motion and attention: a figure of some frames, a video of all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from numpy.typing import NDArray

from humotion.figures.heat import enlarge_to, framed, heat_colours, heat_over
from humotion.figures.overlay import Image
from humotion.figures.style import figure_file, title_left
from humotion.figures.text_band import BAND, WHITE, text_band

Floats = NDArray[np.floating]
Ints = NDArray[np.integer]
COLUMNS, SIZE = 8, 1.05  # maximum number of frames in a figure; inches per frame
CELL, PANEL = 128, 224  # pixels of an image in a figure and in a video
BRIGHTEST = 99.5  # percentile of a clip's values that has the brightest colour; higher values have it too


@dataclass(frozen=True)
class HeatMaps:
    """One map per frame of a clip, on one colour scale from 0.

    Attributes:
        name: what the maps show, in two or three words.
        unit: unit of the values, for the colour bar.
        values: (T, h, w), not negative.
        least: minimum end of the colour scale, so that noise stays dark if the clip's own values are small.
    """

    name: str
    unit: str
    values: Floats
    least: float

    def limit(self) -> float:
        """Return the value with the brightest colour."""
        return max(float(np.percentile(self.values, BRIGHTEST)), self.least)

    def over(self, frames: Image, side: int, shown: Ints | slice = slice(None)) -> list[Image]:
        """Draw the maps over the frames (T, S, S, 3) in ``shown``, as images ``side`` pixels wide."""
        limit, pairs = self.limit(), zip(frames[shown], self.values[shown], strict=True)
        return [heat_over(enlarge_to(frame, side), values / limit) for frame, values in pairs]


def plot_maps(path: Path, frames: Image, numbers: Sequence[int], maps: Sequence[HeatMaps], title: str) -> None:
    """Draw some frames of a clip in a row, and one row with a colour bar per kind of map.

    Args:
        path: path of the image.
        frames: (T, S, S, 3) uint8 RGB.
        numbers: (T,) frame numbers in the video.
        maps: maps of these frames.
        title: title of the figure.
    """
    shown = np.linspace(0, len(frames) - 1, min(COLUMNS, len(frames))).astype(int)
    rows = [[enlarge_to(frame, CELL) for frame in frames[shown]], *(heat.over(frames, CELL, shown) for heat in maps)]
    # One image for all cells: a panel per cell would need seconds for the layout.
    mosaic = np.concatenate([np.concatenate([framed(picture) for picture in row], axis=1) for row in rows])
    side = len(mosaic) / len(rows)
    with figure_file(path, 1.7 + SIZE * len(shown), 0.8 + SIZE * len(rows)) as (figure, axes):
        panel = axes[0, 0]
        panel.imshow(mosaic)
        panel.set_xticks((np.arange(len(shown)) + 0.5) * side - 0.5, [f"{numbers[index]}" for index in shown])
        names = ["frame", *(heat.name.replace(" ", "\n") for heat in maps)]
        panel.set_yticks((np.arange(len(rows)) + 0.5) * side - 0.5, names)
        panel.tick_params(length=0, labelsize=8, labeltop=True, labelbottom=False)
        panel.spines[:].set_visible(False)
        for number, heat in enumerate(reversed(maps)):
            bar = panel.inset_axes((1.01, (number + 0.08) / len(rows), 0.1 / len(shown), 0.84 / len(rows)))
            scale = ScalarMappable(Normalize(0, heat.limit()), heat_colours())
            figure.colorbar(scale, cax=bar, extend="max").set_label(heat.unit, fontsize=7)
        title_left(figure, title)


def draw_maps(frames: Image, maps: Sequence[HeatMaps], caption: Sequence[str]) -> list[Image]:
    """Frames of a video: each frame next to its maps, with their scales and the lines of a caption below.

    Args:
        frames: (T, S, S, 3) uint8 RGB.
        maps: maps of these frames.
        caption: lines of text for the complete clip.
    """
    plain = [enlarge_to(frame, PANEL) for frame in frames]
    panels = [plain, *(heat.over(frames, PANEL) for heat in maps)]  # (kinds, T) images
    width = len(panels) * PANEL
    names = np.concatenate([text_band(text, PANEL) for text in ("frame", *(heat.name for heat in maps))], axis=1)
    scales = np.concatenate([text_band("", PANEL), *(scale_band(heat) for heat in maps)], axis=1)
    below = [scales, *(text_band(line, width) for line in caption)]
    return [np.concatenate([names, np.concatenate(row, axis=1), *below]) for row in zip(*panels, strict=True)]


def scale_band(heat: HeatMaps) -> Image:
    """Draw the colour scale of maps from 0 to their limit, with the unit."""
    band = text_band("0", PANEL)
    left, right = 20, 92
    colours = 255 * heat_colours()(np.linspace(0, 1, right - left))[:, :3]
    band[6 : BAND - 6, left:right] = colours.astype(np.uint8)
    text = f"{heat.limit():.2g} {heat.unit}"
    cv2.putText(band, text, (right + 6, 17), cv2.FONT_HERSHEY_SIMPLEX, 0.38, WHITE, 1, cv2.LINE_AA)
    return band

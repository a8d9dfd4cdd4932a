"""Contact sheets: a grid of thumbnails with captions, in one JPEG of bounded size."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from humotion.figures.fonts import draw_text, fit
from humotion.files import atomic_path

TILE_WIDTH, TILE_HEIGHT = 190, 143  # pixels of a thumbnail
MARGIN, LINE_HEIGHT, FONT_SIZE = 8, 15, 12
MOST_ROWS, MOST_COLUMNS = 60, 12


class Tile(NamedTuple):
    """One picture, (H, W, 3) uint8 RGB, and the lines below it."""

    image: NDArray[np.uint8]
    caption: Sequence[str] = ()


def write_contact_sheet(path: Path, rows: Sequence[tuple[str, Sequence[Tile]]], quality: int = 85) -> None:
    """Write rows of tiles, each under its heading, as a JPEG.

    Captions are cut to the width of a tile, headings to that of the sheet. Rows after the 60th and tiles after the
    12th of a row are left out, and the last line says so. So a sheet is never larger than about 2,400 x 13,000 pixels.
    """
    shown = [(heading, tiles[:MOST_COLUMNS]) for heading, tiles in rows[:MOST_ROWS]]
    num_columns = max([len(tiles) for _, tiles in shown], default=1)
    num_left_out = sum(len(tiles) for _, tiles in rows) - sum(len(tiles) for _, tiles in shown)
    heights = [_row_height(heading, tiles) for heading, tiles in shown]
    width = MARGIN + max(num_columns, 1) * (TILE_WIDTH + MARGIN)
    height = MARGIN + sum(heights) + (LINE_HEIGHT + MARGIN if num_left_out else 0)
    sheet = Image.new("RGB", (width, height), "white")
    draw = ImageDraw.Draw(sheet)
    top = MARGIN
    for (heading, tiles), row_height in zip(shown, heights, strict=True):
        _draw_row(sheet, draw, top, heading, tiles)
        top += row_height
    if num_left_out:
        draw_text(draw, (MARGIN, top), f"{num_left_out} more are not shown", FONT_SIZE, "black")
    with atomic_path(path) as temporary:
        sheet.save(temporary, quality=quality)


def _draw_row(
    sheet: Image.Image,
    draw: ImageDraw.ImageDraw,
    top: int,
    heading: str,
    tiles: Sequence[Tile],
) -> None:
    if heading:
        shown = fit(heading, sheet.width - 2 * MARGIN, FONT_SIZE, bold=True)
        draw_text(draw, (MARGIN, top), shown, FONT_SIZE, "black", bold=True)
        top += LINE_HEIGHT + 4
    for column, tile in enumerate(tiles):
        left = MARGIN + column * (TILE_WIDTH + MARGIN)
        _paste(sheet, tile.image, left, top)
        for line, text in enumerate(tile.caption):
            position = left, top + TILE_HEIGHT + 2 + line * LINE_HEIGHT
            draw_text(draw, position, fit(text, TILE_WIDTH, FONT_SIZE), FONT_SIZE, "#333333")


def _paste(sheet: Image.Image, image: NDArray[np.uint8], left: int, top: int) -> None:
    """Paste the complete picture, as large as the tile allows, on light grey."""
    picture = Image.fromarray(image)
    scale = min(TILE_WIDTH / picture.width, TILE_HEIGHT / picture.height)
    size = max(1, round(picture.width * scale)), max(1, round(picture.height * scale))
    sheet.paste("#EEEEEE", (left, top, left + TILE_WIDTH, top + TILE_HEIGHT))
    corner = left + (TILE_WIDTH - size[0]) // 2, top + (TILE_HEIGHT - size[1]) // 2
    sheet.paste(picture.resize(size, Image.Resampling.LANCZOS), corner)


def _row_height(heading: str, tiles: Sequence[Tile]) -> int:
    lines = max([len(tile.caption) for tile in tiles], default=0)
    return (LINE_HEIGHT + 4 if heading else 0) + TILE_HEIGHT + 2 + lines * LINE_HEIGHT + MARGIN

"""Draw the picture of README.md from what `make repro` wrote: two test clips with joints, and the confusion matrix.

.venv/bin/python scripts/readme_picture.py docs/sample.jpg
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from PIL import Image

from humotion.files import atomic_path
from humotion.video.decode import decode_video

POSES = ("reports/lstm_pm/overlays/frames_0110.mp4", "reports/lstm_pm/overlays/frames_0050.mp4")
CONFUSION = "reports/ls_vit/confusion.png"
TILE, COLUMNS, GAP = (260, 195), 4, 6  # pixels of a frame, frames per clip, pixels between pictures
QUALITY = 88


def clip_row(path: Path) -> list[Image.Image]:
    """Frames of a drawn clip, evenly spaced from its first to its last one."""
    frames = decode_video(path).read_all()
    chosen = np.linspace(0, len(frames) - 1, COLUMNS).round().astype(int)
    return [Image.fromarray(frames[index]).resize(TILE, Image.Resampling.LANCZOS) for index in chosen]


def picture(root: Path) -> Image.Image:
    """Rows of clips on the left, the confusion matrix on the right."""
    rows = [clip_row(root / path) for path in POSES]
    height = len(rows) * (TILE[1] + GAP) - GAP
    matrix = Image.open(root / CONFUSION).convert("RGB")
    matrix = matrix.resize((round(matrix.width * height / matrix.height), height), Image.Resampling.LANCZOS)
    left = COLUMNS * (TILE[0] + GAP)
    sheet = Image.new("RGB", (left + matrix.width, height), "white")
    for number, row in enumerate(rows):
        for column, tile in enumerate(row):
            sheet.paste(tile, (column * (TILE[0] + GAP), number * (TILE[1] + GAP)))
    sheet.paste(matrix, (left, 0))
    return sheet


if __name__ == "__main__":
    with atomic_path(Path(sys.argv[1])) as temporary:
        picture(Path()).save(temporary, format="JPEG", quality=QUALITY, optimize=True)

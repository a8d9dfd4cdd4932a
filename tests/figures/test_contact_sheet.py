from __future__ import annotations

import numpy as np
from PIL import Image

from humotion.figures.contact_sheet import MARGIN, TILE_HEIGHT, TILE_WIDTH, Tile, write_contact_sheet


def tile(shade: int, caption: str = "", shape: tuple[int, int] = (120, 160)) -> Tile:
    return Tile(np.full((*shape, 3), shade, np.uint8), (caption,) if caption else ())


def test_tiles_stand_in_rows_in_the_order_given(tmp_path):
    write_contact_sheet(tmp_path / "sheet.jpg", [("", [tile(10), tile(200)]), ("", [tile(90)])])
    with Image.open(tmp_path / "sheet.jpg") as image:
        sheet = np.asarray(image.convert("L")).astype(int)
    centre = MARGIN + TILE_HEIGHT // 2, MARGIN + TILE_WIDTH // 2
    below = centre[0] + TILE_HEIGHT + 2 + MARGIN
    assert abs(sheet[centre] - 10) < 8
    assert abs(sheet[centre[0], centre[1] + TILE_WIDTH + MARGIN] - 200) < 8
    assert abs(sheet[below, centre[1]] - 90) < 8


def test_captions_and_portrait_pictures_keep_to_their_tile(tmp_path):
    long = tile(0, "a caption that is far too long for the width of one single tile " * 3, shape=(300, 50))
    write_contact_sheet(tmp_path / "sheet.jpg", [("", [long, Tile(np.full((9, 9, 3), 255, np.uint8))])])
    with Image.open(tmp_path / "sheet.jpg") as image:
        sheet = np.asarray(image.convert("L")).astype(int)
    caption = sheet[MARGIN + TILE_HEIGHT + 2 :]
    assert caption[:, : MARGIN + TILE_WIDTH].min() < 100
    assert caption[:, 2 * MARGIN + TILE_WIDTH :].min() > 230  # nothing runs into the next tile
    assert sheet[MARGIN + 70, MARGIN + 5] > 200  # beside a portrait picture: the ground


def test_sheet_never_grows_huge(tmp_path):
    write_contact_sheet(tmp_path / "sheet.jpg", [(f"row {i}", [tile(50)] * 30) for i in range(100)], quality=30)
    with Image.open(tmp_path / "sheet.jpg") as image:
        assert image.width < 2500
        assert image.height < 14000

"""Pictures with the people that were found: each in a colour of their own, over the labels in thin white lines."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from humotion.figures.contact_sheet import Tile, write_contact_sheet
from humotion.figures.overlay import LABEL_COLOUR, PEOPLE, draw_skeleton, enlarge
from humotion.files import atomic_path
from humotion.store.skeleton import Skeleton
from humotion.system.names import file_stems

Image = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.floating]
HEIGHT = 384
COLUMNS = 4


class Shown(NamedTuple):
    """One picture with what was found in it and what is labelled, in its pixels.

    Attributes:
        name: of the picture.
        picture: (H, W, 3) RGB.
        joints: (N, J, 2), NaN where a joint was not found.
        names: what stands next to each person: a score, or the number of a track.
        numbers: (N,) which colour each person has.
        labels: (P, J, 2).
        flags: (P, J) COCO flags of the labels.
        score: what the picture is sorted by.
    """

    name: str
    picture: Image
    joints: Floats
    names: Sequence[str]
    numbers: Sequence[int]
    labels: Floats
    flags: npt.NDArray[np.uint8]
    score: float


def draw_people(shown: Shown, skeleton: Skeleton) -> Image:
    """Return the enlarged picture with labels and people."""
    image, _ = enlarge(shown.picture, np.zeros((0, 2)), HEIGHT)
    for labels, flags in zip(shown.labels, shown.flags, strict=True):
        image = draw_skeleton(image, enlarge(shown.picture, labels, HEIGHT)[1], flags, skeleton, LABEL_COLOUR, 1)
    for joints, name, number in zip(shown.joints, shown.names, shown.numbers, strict=True):
        larger = enlarge(shown.picture, joints, HEIGHT)[1]
        colour = PEOPLE[number % len(PEOPLE)]
        image = draw_skeleton(image, larger, None, skeleton, colour)
        top = larger[np.nanargmin(larger[:, 1])]
        place = int(np.clip(top[0], 0, image.shape[1] - 30)), int(np.clip(top[1] - 6, 12, image.shape[0] - 4))
        cv2.putText(image, name, place, cv2.FONT_HERSHEY_SIMPLEX, 0.45, (0, 0, 0), 3, cv2.LINE_AA)
        cv2.putText(image, name, place, cv2.FONT_HERSHEY_SIMPLEX, 0.45, colour, 1, cv2.LINE_AA)
    return image


def write_overlays(folder: Path, shown: Sequence[Shown], skeleton: Skeleton) -> None:
    """Write every picture into ``overlays/``, and a sheet of all of them."""
    if not shown:
        return
    stems = file_stems(one.name for one in shown)
    (folder / "overlays").mkdir()
    tiles = []
    for one in shown:
        image = draw_people(one, skeleton)
        with atomic_path(folder / "overlays" / f"{stems[one.name]}.jpg") as temporary:
            temporary.write_bytes(cv2.imencode(".jpg", image[..., ::-1])[1].tobytes())
        tiles.append(Tile(image, [one.name, f"{len(one.names)} found, {one.score:.0%} of labelled"]))
    rows = [
        ("" if start else "Test images, from worst to best", tiles[start : start + COLUMNS])
        for start in range(0, len(tiles), COLUMNS)
    ]
    write_contact_sheet(folder / "overlays.jpg", rows)

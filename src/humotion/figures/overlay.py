"""Skeletons on frames: single images, comparisons with labels, and videos that play in a browser.

The person's right side is orange, the left blue, the middle light grey. A dark rim keeps a line visible
on any background. Frames are often 144 pixels high, so they are enlarged before anything is drawn.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from itertools import chain
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray
from PIL.ImageColor import getrgb

from humotion.figures.style import BLUE, CYCLE, ORANGE, YELLOW
from humotion.files import atomic_path
from humotion.store.skeleton import Skeleton

Image = NDArray[np.uint8]
Colour = tuple[int, int, int]

RIM: Colour = (20, 20, 20)
LABEL_COLOUR: Colour = (255, 255, 255)
MIDDLE: Colour = (215, 215, 215)
SIDES: dict[str, Colour] = {"r_": getrgb(ORANGE)[:3], "l_": getrgb(BLUE)[:3]}
PEOPLE: tuple[Colour, ...] = tuple(getrgb(name)[:3] for name in (*CYCLE, YELLOW))
"""Colours of several people in one picture."""
_SUBPIXEL_BITS = 4


def draw_skeleton(
    image: Image,
    joints: NDArray[np.floating],
    visibility: NDArray[np.integer] | None,
    skeleton: Skeleton,
    colour: Colour | None = None,
    thickness: int = 2,
) -> Image:
    """A copy of an image with a skeleton on it.

    Args:
        image: (H, W, 3) uint8 RGB.
        joints: (J, 2) x, y in pixels, pixel centres at integers.
        visibility: (J,) COCO flags; None draws all joints. Joints with flag 0 and joints that are not
            finite are left out with their bones; occluded ones (flag 1) are drawn as rings.
        skeleton: names and bones of the joints.
        colour: RGB of the complete skeleton; None colours the body's sides.
        thickness: thickness of a bone in pixels; 1 draws thin lines without a rim.
    """
    canvas = np.ascontiguousarray(image).copy()
    flags = np.full(len(joints), 2) if visibility is None else visibility
    drawn = (flags > 0) & np.isfinite(joints).all(axis=1)
    if thickness > 1:
        _draw(canvas, joints, drawn, flags, skeleton, RIM, thickness + 2)
    _draw(canvas, joints, drawn, flags, skeleton, colour, thickness)
    return canvas


def _draw(
    canvas: Image,
    joints: NDArray[np.floating],
    drawn: NDArray[np.bool_],
    flags: NDArray[np.integer],
    skeleton: Skeleton,
    colour: Colour | None,
    thickness: int,
) -> None:
    """Draw bones and then joints in place, with sub-pixel positions."""
    limit = 4 * max(canvas.shape[:2])  # far outside: keeps the fixed-point coordinates of OpenCV in range
    scale = 2**_SUBPIXEL_BITS
    points = np.clip(np.where(drawn[:, None], joints, 0), -limit, limit)
    points = np.rint(points * scale).astype(int)
    for first, second in skeleton.edges:
        if drawn[first] and drawn[second]:
            bone = colour or _side(skeleton.joints[first], skeleton.joints[second])
            ends = points[first].tolist(), points[second].tolist()
            cv2.line(canvas, *ends, bone, thickness, cv2.LINE_AA, _SUBPIXEL_BITS)
    radius = max(1, round(0.8 * thickness + 0.6)) * scale
    for joint in np.flatnonzero(drawn):
        dot = colour or _side(skeleton.joints[joint])
        fill = cv2.FILLED if flags[joint] == 2 else 1
        cv2.circle(canvas, points[joint].tolist(), radius, dot, fill, cv2.LINE_AA, _SUBPIXEL_BITS)


def _side(*names: str) -> Colour:
    sides = {name[:2] for name in names if name[:2] in SIDES}
    return SIDES[sides.pop()] if len(sides) == 1 else MIDDLE


def enlarge(image: Image, joints: NDArray[np.floating], height: int) -> tuple[Image, NDArray[np.floating]]:
    """An image enlarged by an integer factor to about ``height`` rows, and joints (..., 2) at the same places in it."""
    factor = max(1, round(height / image.shape[0]))
    size = image.shape[1] * factor, image.shape[0] * factor
    larger = cv2.resize(image, size, interpolation=cv2.INTER_CUBIC).astype(np.uint8)
    return larger, (np.asarray(joints) + 0.5) * factor - 0.5


def draw_comparison(
    frames: Image,
    predicted: NDArray[np.floating],
    labelled: NDArray[np.floating] | None,
    visibility: NDArray[np.integer] | None,
    skeleton: Skeleton,
    height: int = 288,
) -> list[Image]:
    """Enlarged frames with the prediction (solid, coloured) over the label (thin, white).

    Args:
        frames: (T, H, W, 3) uint8 RGB.
        predicted: (T, J, 2) in pixels of ``frames``.
        labelled: (T, J, 2), or None if there are no labels.
        visibility: (T, J) COCO flags of the labels.
        skeleton: names and bones of the joints.
        height: approximate number of rows.
    """
    images = []
    for index, frame in enumerate(frames):
        image, joints = enlarge(frame, predicted[index], height)
        image = draw_skeleton(image, joints, None, skeleton)
        if labelled is not None:
            _, target = enlarge(frame, labelled[index], height)
            flags = None if visibility is None else visibility[index]
            image = draw_skeleton(image, target, flags, skeleton, LABEL_COLOUR, thickness=1)
        images.append(image)
    return images


def even_picture(frame: Image) -> Image:
    """A frame (H, W, 3) with even sizes, as 4:2:0 colour needs: an odd last row or column is repeated."""
    height, width = frame.shape[:2]
    return np.pad(frame, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge") if height % 2 or width % 2 else frame


def write_video(path: Path, frames: Iterable[Image], fps: float) -> None:
    """Write (H, W, 3) uint8 RGB frames as MP4 with H.264 and 4:2:0 colour, which every browser plays.

    Raises:
        ValueError: there is no frame.
    """
    frames = iter(frames)
    first = next(frames, None)
    if first is None:
        raise ValueError(f"no frames to write into {path}")
    height, width = (size + size % 2 for size in first.shape[:2])
    with (
        atomic_path(path) as temporary,
        av.open(str(temporary), "w", format="mp4", options={"movflags": "faststart"}) as container,
    ):
        stream = container.add_stream("libx264", rate=Fraction(fps).limit_denominator(1001))
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.options = {"crf": "20"}
        for frame in chain([first], frames):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(even_picture(frame), format="rgb24")))
        container.mux(stream.encode())

"""The COCO-like part of the sample: pictures of several people in one depth buffer, with exact labels.

``annotations/person_keypoints_{train,val}.json`` have the fields of the official files. Segmentations are run lengths,
and area and bbox are those of the mask. A person of whom hardly anything is seen, and a far group of people, are
regions with ``iscrowd`` 1. People wear balls of bright colours at all joints, so that a small network learns in minutes
to find them and to distinguish left from right.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from humotion.datasets.coco import SKELETONS
from humotion.render.camera import Camera
from humotion.render.crowd_buffer import Buffer, cast_crowd, paint
from humotion.render.crowd_people import STATURE, Actor, act, random_performer
from humotion.render.crowd_scene import View, gather, stage_of
from humotion.render.crowd_truth import FEWEST_PIXELS, category_of, joints_of, numbers, region
from humotion.render.motion import load_motion
from humotion.render.scene import Scene, random_scene
from humotion.render.spec import SIZE

Floats = NDArray[np.float64]

JOINTS = SKELETONS[0].joints
NUM_PICTURES = {"train": 600, "val": 150}
_PEOPLE = (0.07, 0.25, 0.26, 0.2, 0.12, 0.05, 0.03, 0.02)  # shares of pictures with 1 to 8 people
_WITH_GROUP = 0.06
_SMALLEST, _TALLEST = 54.0, 132.0  # pixels of a standing person
_MOTIONS = {
    "walk": 0.24, "run": 0.14, "dance_a": 0.1, "dance_b": 0.1, "kick": 0.08, "punch": 0.08, "jump": 0.06, "spin": 0.06,
    "spinkick": 0.05, "getup_faceup": 0.02, "getup_facedown": 0.02, "cartwheel": 0.02, "backflip": 0.01, "crawl": 0.01,
    "roll": 0.01,
}  # fmt: skip
_NOISE = 1.0
_JPEG = (cv2.IMWRITE_JPEG_QUALITY, 54, cv2.IMWRITE_JPEG_OPTIMIZE, 1)


@dataclass(frozen=True)
class Job:
    """One picture to render, with its number in the dataset; it depends on ``seed`` and ``num_people`` alone.

    ``num_people`` is how many there are near the camera, without a far group; None draws both at random. There are
    fewer if there is no room.
    """

    number: int
    split: str
    seed: tuple[int, ...]
    num_people: int | None = None


@dataclass(frozen=True)
class Picture:
    """A rendered picture: ``pixels`` (H, W, 3) uint8 RGB; from ``first_far`` on, the actors are the far group."""

    pixels: NDArray[np.uint8]
    actors: list[Actor]
    first_far: int
    buffer: Buffer
    camera: Camera


def plan(seed: int, num_pictures: dict[str, int] | None = None) -> list[Job]:
    """All pictures of the sample; ``num_pictures`` overrides the number per split."""
    counts = NUM_PICTURES if num_pictures is None else num_pictures
    splits = [split for split, count in counts.items() for _ in range(count)]
    return [Job(number, split, (seed, 17, number)) for number, split in enumerate(splits, start=1)]


def render_picture(job: Job) -> Picture:
    """Draw the people of a picture at random, and render them."""
    rng = np.random.default_rng(job.seed)
    scene, view = random_scene(rng), View.random(rng, high=2.6)
    actors: list[Actor] = []
    has_group = job.num_people is None and rng.random() < _WITH_GROUP
    drawn = int(rng.integers(1, 4)) if has_group else 1 + int(rng.choice(len(_PEOPLE), p=_PEOPLE))
    count = drawn if job.num_people is None else job.num_people
    gather(actors, count, lambda cast: _person(rng, scene, view.ground(*_spot(rng, view, cast))))
    first_far = len(actors)
    if has_group:
        column, depth = rng.uniform(0.15, 0.85) * SIZE[0], rng.uniform(9, 13)
        gather(actors, int(rng.integers(5, 9)), lambda _: _person(rng, scene, _in_group(rng, view, column, depth)))
    stage, camera = stage_of(scene, actors), view.camera()
    buffer = cast_crowd(actors, 0, camera)
    return Picture(develop(paint(actors, buffer, stage, 0, camera), rng), actors, first_far, buffer, camera)


def _person(rng: np.random.Generator, scene: Scene, place: Floats) -> Actor:
    """A random person in a random moment of a motion, who looks in any direction."""
    name = str(rng.choice(list(_MOTIONS), p=list(_MOTIONS.values())))
    moment = rng.uniform(0, load_motion(name).duration, 1)
    actor = act(random_performer(rng, scene), name, moment, bool(rng.random() < 0.5))
    return actor.placed(rng.uniform(-np.pi, np.pi), 0, place)


def _spot(rng: np.random.Generator, view: View, cast: list[Actor]) -> tuple[float, float]:
    """A column of the image and a distance: often in front of or behind somebody, sometimes at the image's edge."""
    drawn = rng.random()
    if cast and drawn < 0.6:
        column, depth = view.spot(cast[rng.integers(len(cast))])
        width = 0.3 * view.focal * STATURE / depth
        depth *= np.exp(rng.choice([-1, 1]) * rng.uniform(0.12, 0.5))
        nearest, farthest = view.depth_of(_TALLEST), view.depth_of(_SMALLEST)
        return float(column + rng.normal(0, width)), float(np.clip(depth, nearest, farthest))
    size = float(np.exp(rng.uniform(np.log(_SMALLEST), np.log(_TALLEST))))
    if drawn > 0.9:
        return float(rng.choice([0, SIZE[0]]) + rng.uniform(-12, 12)), view.depth_of(size)
    return float(rng.uniform(0.08, 0.92) * SIZE[0]), view.depth_of(size)


def _in_group(rng: np.random.Generator, view: View, column: float, depth: float) -> Floats:
    """A place on the ground in a group of people around the column at ``depth``."""
    return view.ground(column, depth) + rng.normal(0, 1, 2) * [0.5, 1.1]


def annotate(picture: Picture, number: int) -> list[dict[str, Any]]:
    """The annotations of a picture: whole people first, then the regions of crowds."""
    masks, found, crowds = picture.buffer.masks, [], []
    for index, mask in enumerate(masks[: picture.first_far]):
        if mask.sum() >= FEWEST_PIXELS:
            joints = joints_of(picture.actors, index, JOINTS, picture.buffer, 0, picture.camera)
            found.append(
                {"iscrowd": 0, "num_keypoints": int((joints[:, 2] > 0).sum()), "keypoints": numbers(joints)}
                | region(mask)
            )
        else:
            crowds.append(mask)
    crowds.append(masks[picture.first_far :].any(axis=0))
    empty = {"iscrowd": 1, "num_keypoints": 0, "keypoints": [0] * 3 * len(JOINTS)}
    found += [empty | region(mask) for mask in crowds if mask.any()]
    return [{"id": 100 * number + place, "image_id": number, "category_id": 1} | one for place, one in enumerate(found)]


def write_picture(job: Job, root: Path) -> tuple[str, dict[str, Any], list[dict[str, Any]]]:
    """Render one picture into ``<split>/NNNNNN.jpg``; its split, and its records for the file of labels."""
    picture = render_picture(job)
    path = root / job.split / f"{job.number:06d}.jpg"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encode_jpeg(picture.pixels))
    image = {"id": job.number, "file_name": path.name, "width": SIZE[0], "height": SIZE[1]}
    return job.split, image, annotate(picture, job.number)


def develop(picture: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.uint8]:
    """The pixels of a painted picture, with the noise of a good camera."""
    noisy = picture + rng.normal(0, _NOISE, picture.shape[:2])[..., None]
    return np.clip(np.rint(noisy), 0, 255).astype(np.uint8)


def encode_jpeg(pixels: NDArray[np.uint8]) -> bytes:
    """The bytes of a small JPEG."""
    return cv2.imencode(".jpg", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), _JPEG)[1].tobytes()


def write_labels(written: Iterable[tuple[str, dict[str, Any], list[dict[str, Any]]]], root: Path) -> None:
    """Write one file of labels per split from what `write_picture` returned."""
    files: dict[str, dict[str, Any]] = {}
    for split, image, people in written:
        info = {"description": "Rendered by humotion from motion-capture clips; not real footage"}
        content = files.setdefault(
            split,
            {"info": info, "licenses": [], "images": [], "annotations": [], "categories": [category_of(SKELETONS[0])]},
        )
        content["images"].append(image)
        content["annotations"] += people
    folder = root / "annotations"
    folder.mkdir(parents=True)
    for split, content in files.items():
        text = json.dumps(content, separators=(",", ":"))
        (folder / f"person_keypoints_{split}.json").write_text(text, encoding="ascii")

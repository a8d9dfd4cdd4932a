"""The PoseTrack-like part of the sample: sequences of people who cross, hide each other, come in and leave.

``annotations/{train,val}/<sequence>.json`` and ``images/{train,val}/<sequence>/000000.jpg``. As in the official files a
person keeps one ``track_id``, and ears are not labelled. A joint is labelled if it is in the image and nobody else
hides it. A person who is hidden has no annotation; a small part of a person is a region to ignore.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from humotion.datasets.posetrack18 import SKELETON
from humotion.render.camera import Camera
from humotion.render.crowd import develop, encode_jpeg
from humotion.render.crowd_buffer import Buffer, cast_crowd, paint
from humotion.render.crowd_people import Actor, act, random_performer
from humotion.render.crowd_scene import View, gather, stage_of
from humotion.render.crowd_truth import FEWEST_PIXELS, box_of, category_of, head_box, numbers, seen_joints
from humotion.render.motion import load_motion
from humotion.render.scene import Scene, Stage, random_scene
from humotion.render.spec import SIZE

Floats = NDArray[np.float64]

NUM_SEQUENCES = {"train": 4, "val": 2}
NUM_FRAMES = 40
_FPS = 8
_EARS = {"l_ear", "r_ear"}
_PEOPLE = (4, 7)  # the least, and one more than the most
_NEAR, _FAR = 125.0, 50.0  # pixels of a standing person
_ON_THE_SPOT = ("dance_a", "dance_b", "spin", "punch", "kick")


@dataclass(frozen=True)
class Job:
    """One sequence to render, with its number in the dataset; it depends on the other fields alone."""

    number: int
    split: str
    seed: tuple[int, ...]
    num_frames: int

    @property
    def name(self) -> str:
        """The name of the sequence's folder and file of labels."""
        return f"{self.number:06d}_rendered"


@dataclass(frozen=True)
class Film:
    """The people of a sequence and the cameras of its frames."""

    actors: list[Actor]
    cameras: list[Camera]
    stage: Stage


def plan(seed: int, num_sequences: dict[str, int] | None = None) -> list[Job]:
    """All sequences of the sample; ``num_sequences`` overrides the number per split."""
    counts = NUM_SEQUENCES if num_sequences is None else num_sequences
    splits = [split for split, count in counts.items() for _ in range(count)]
    return [Job(number, split, (seed, 18, number), NUM_FRAMES) for number, split in enumerate(splits, start=1)]


def set_up(job: Job, rng: np.random.Generator) -> Film:
    """Draw the people of a sequence, their paths and the camera's movement at random."""
    scene, view = random_scene(rng), View.random(rng, high=1.5)
    actors: list[Actor] = []
    gather(actors, int(rng.integers(*_PEOPLE)), lambda cast: _person(rng, scene, view, job.num_frames, len(cast)))
    pan = rng.uniform(0.2, 0.8) * rng.choice([-1, 1]) if rng.random() < 0.5 else 0.0
    cameras = [view.camera(float(shift)) for shift in np.linspace(-pan, pan, job.num_frames)]
    return Film(actors, cameras, stage_of(scene, actors))


def _person(rng: np.random.Generator, scene: Scene, view: View, num_frames: int, place: int) -> Actor:
    """Somebody who crosses the picture's middle half way through the sequence, or stays there."""
    middle = int(np.clip(rng.normal(0.5, 0.12), 0.2, 0.8) * (num_frames - 1))
    depth = view.depth_of(np.exp(rng.uniform(*np.log([_FAR, _NEAR]))))
    times = np.arange(num_frames) / _FPS
    if place and rng.random() < 0.2:
        motion = load_motion(str(rng.choice(_ON_THE_SPOT)))
        yaw, times = rng.uniform(-np.pi, np.pi), times * motion.duration / max(times[-1], motion.duration)
    else:
        name, slower = ("run", 0.6) if rng.random() < 0.15 else ("walk", 1.0)
        motion = load_motion(name)
        # Neighbours in the order of the cast walk in opposite directions, so that they meet.
        yaw = (-1) ** place * np.pi / 2 + rng.uniform(-0.4, 0.4)
        times = rng.uniform(0, motion.duration) + times * rng.uniform(0.75, 1.1) * slower
    actor = act(random_performer(rng, scene), motion.name, times, bool(rng.random() < 0.5))
    return actor.placed(yaw, middle, view.ground(rng.uniform(0.35, 0.65) * SIZE[0], depth))


def write_sequence(job: Job, root: Path) -> None:
    """Render one sequence into ``images/<split>/<name>`` and ``annotations/<split>/<name>.json``."""
    rng = np.random.default_rng(job.seed)
    film = set_up(job, rng)
    frames, labels = root / "images" / job.split / job.name, root / "annotations" / job.split
    frames.mkdir(parents=True)
    labels.mkdir(parents=True, exist_ok=True)
    images, people = [], []
    for tick, camera in enumerate(film.cameras):
        buffer = cast_crowd(film.actors, tick, camera)
        path = frames / f"{tick:06d}.jpg"
        path.write_bytes(encode_jpeg(develop(paint(film.actors, buffer, film.stage, tick, camera), rng)))
        image_id = 10**10 + job.number * 10**4 + tick
        image = {"file_name": path.relative_to(root).as_posix(), "id": image_id, "frame_id": image_id}
        images.append({**image, **_facts(job), **ignored(buffer)})
        people += annotate(film, tick, buffer, image_id)
    content = {"images": images, "annotations": people, "categories": [category_of(SKELETON)]}
    text = json.dumps(content, separators=(",", ":"))
    (labels / f"{job.name}.json").write_text(text, encoding="ascii")


def _facts(job: Job) -> dict[str, Any]:
    return {
        "vid_id": f"{job.number:06d}", "nframes": job.num_frames, "is_labeled": True, "has_no_densepose": True,
        "width": SIZE[0], "height": SIZE[1],
    }  # fmt: skip


def ignored(buffer: Buffer) -> dict[str, list[list[int]]]:
    """The boxes, as polygons, of people of whom too little is seen."""
    boxes = [box_of(mask) for mask in buffer.masks if 0 < mask.sum() < FEWEST_PIXELS]
    return {
        "ignore_regions_x": [[x, x + width, x + width, x] for x, _, width, _ in boxes],
        "ignore_regions_y": [[y, y, y + height, y + height] for _, y, _, height in boxes],
    }


def annotate(film: Film, tick: int, buffer: Buffer, image_id: int) -> list[dict[str, Any]]:
    """The annotations of a frame, one per person who is seen."""
    found = []
    for track, mask in enumerate(buffer.masks):
        if mask.sum() < FEWEST_PIXELS:
            continue
        joints = seen_joints(film.actors, track, SKELETON.joints, buffer, tick, film.cameras[tick])
        joints[[name in _EARS for name in SKELETON.joints]] = 0
        one = {"id": 100 * image_id + track, "image_id": image_id, "track_id": track, "category_id": 1}
        head = head_box(film.actors[track], tick, film.cameras[tick])
        facts = {"bbox": box_of(mask), "bbox_head": head, "iscrowd": False, "scores": []}
        found.append({**one, **facts, "num_keypoints": int(joints[:, 2].sum()), "keypoints": numbers(joints)})
    return found

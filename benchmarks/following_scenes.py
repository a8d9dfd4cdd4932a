"""People to follow, with the truth about them: made-up ones, and those of rendered sequences with labels."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from humotion.annotation.posenet.tool import SKELETON
from humotion.datasets.posetrack18 import SKELETON as LABELLED
from humotion.datasets.posetrack18 import read_sequence
from humotion.prediction.predictor import load_predictor, read_video
from humotion.store.skeleton import Skeleton

WIDTH, HEIGHT, FRAMES = 640, 360, 150
FEWEST = 4
"""Joints that must be seen of a person whom a rough detector finds."""
MISSED, NOISE = 0.1, 0.03
"""Of a rough detector: the share of people whom it misses, and the error of a joint as a share of a person's height."""

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


class Scene(NamedTuple):
    """P true people, and N found ones whose order in a frame says nothing, in T frames.

    Attributes:
        names: of the J joints.
        joints: (P, T, J, 2) in pixels.
        seen: (P, T, J) which joints have a label.
        boxes: (P, T, 4).
        there: (P, T) who is in the frame.
        found_joints: (N, T, J, 2).
        scores: (N, T, J); 0 for a joint that was not found.
        found_boxes: (N, T, 4).
        found: (N, T).
    """

    names: tuple[str, ...]
    joints: Floats
    seen: Bools
    boxes: Floats
    there: Bools
    found_joints: Floats
    scores: Floats
    found_boxes: Floats
    found: Bools


def made_up(num_people: int, seed: int) -> Scene:
    """People of fixed shape who walk to and fro; who is covered by a nearer one is found badly, or not at all."""
    random = np.random.default_rng(seed)
    num_joints = len(SKELETON.joints)
    t = np.arange(FRAMES)
    size = random.uniform(50, 110, num_people)  # pixels from head to foot: nearer people are larger
    pace = random.uniform(0.02, 0.06, num_people)
    phase = random.uniform(0, 2 * np.pi, num_people)
    x = WIDTH / 2 + (WIDTH / 2 - 30) * np.sin(pace[:, None] * t + phase[:, None])
    y = 120 + size[:, None] + 4 * np.sin(0.5 * t + phase[:, None])
    shape = random.uniform(-1, 1, (num_people, num_joints, 2)) * [0.2, 0.5]
    swing = 0.05 * np.sin(0.4 * t[None, :, None] + random.uniform(0, 6, (num_people, 1, num_joints)))
    joints = np.stack([x, y], -1)[:, :, None] + size[:, None, None, None] * shape[:, None]
    joints[..., 0] += size[:, None, None] * swing
    seen = np.ones(joints.shape[:3], bool)
    boxes = extents(joints, seen)
    found_joints = joints + random.normal(0, 0.02, joints.shape) * size[:, None, None, None]
    scores = np.clip(random.normal(0.8, 0.1, joints.shape[:3]), 0, 1)
    found = random.uniform(size=boxes.shape[:2]) > 0.03
    for one in range(num_people):
        nearer = np.flatnonzero(size > size[one])
        cover = np.max([np.zeros(FRAMES), *(_covered(boxes[one], boxes[other]) for other in nearer)], axis=0)
        scores[one] *= np.where(cover > 0.4, 0.3, 1)[:, None]
        found[one] &= cover < 0.75
    there = np.ones(found.shape, bool)
    return Scene(SKELETON.joints, joints, seen, boxes, there, *_mixed(random, found_joints, scores, found))


def labelled(path: Path, names: Sequence[str] = (), detector: str = "perfect", seed: int = 0) -> Scene:
    """A sequence with PoseTrack's labels, in which everybody is found by the labels themselves.

    Args:
        path: the file of labels.
        names: the joints; all that are labelled at all if there are none.
        detector: "perfect": who is labelled is found where they are; "rough": with errors (`NOISE`), and some people
            are missed, among them all who show fewer than `FEWEST` joints.
        seed: of the order of the found people, and of the errors.
    """
    random = np.random.default_rng(seed)
    arrays = read_sequence(path)
    known = arrays["keypoints"][..., 2] > 0
    names = tuple(names) or tuple(np.array(LABELLED.joints)[known.any(axis=(0, 1))].tolist())
    chosen = [LABELLED.joints.index(name) for name in names]
    joints, seen = arrays["keypoints"][..., chosen, :2], known[..., chosen]
    there = arrays["found"] & seen.any(axis=-1)
    corner, size = np.split(np.nan_to_num(arrays["bbox"]), 2, axis=-1)
    boxes = np.concatenate([corner, corner + size], axis=-1)
    scores, found, found_joints = seen.astype(float), there, joints
    if detector == "rough":
        found = there & (random.uniform(size=there.shape) > MISSED) & (seen.sum(axis=-1) >= FEWEST)
        found_joints = joints + random.normal(0, NOISE, joints.shape) * size[..., None, 1:]
        scores = np.clip(random.normal(0.8, 0.1, seen.shape), 0, 1) * seen
    return Scene(names, joints, seen, boxes, there, *_mixed(random, found_joints, scores, found))


def by_model(path: Path, model: Path) -> Scene:
    """A sequence with PoseTrack's labels, in which a trained model finds the people.

    Args:
        path: the file of labels, ``<root>/annotations/<part>/<sequence>.json``.
        model: its folder. Joints that it has by the same name as the labels count.
    """
    predictor: Any = load_predictor(model)
    skeleton: Skeleton = predictor.skeleton
    truth = labelled(path)
    names = [name for name in truth.names if name in skeleton.joints]
    truth = labelled(path, names)
    people, _ = predictor.people(read_video(path.parents[2] / "images" / path.parent.name / path.stem))
    chosen = [skeleton.joints.index(name) for name in names]
    most, frames = max(map(len, people), default=0), len(people)
    joints, scores = np.full((most, frames, len(names), 2), np.nan), np.zeros((most, frames, len(names)))
    for t, one in enumerate(people):
        joints[: len(one), t], scores[: len(one), t] = one.joints[:, chosen], one.joint_scores[:, chosen]
    scores *= np.isfinite(joints).all(axis=-1)
    found = (scores > 0).any(axis=-1)
    joints = np.nan_to_num(joints)
    return truth._replace(found_joints=joints, scores=scores, found_boxes=extents(joints, scores > 0), found=found)


def extents(joints: Floats, known: Bools) -> Floats:
    """The boxes (..., 4) around the known ones of joints (..., J, 2); zeros without any."""
    low = np.where(known[..., None], joints, np.inf).min(axis=-2)
    high = np.where(known[..., None], joints, -np.inf).max(axis=-2)
    boxes = np.concatenate([low, high], axis=-1)
    return np.where(np.isfinite(boxes), boxes, 0.0)


def _mixed(random: np.random.Generator, joints: Floats, scores: Floats, found: Bools) -> tuple[Any, ...]:
    """What was found, with boxes, and with the people of each frame in another order."""
    order = np.stack([random.permutation(len(found)) for _ in found.T], axis=1)  # (P, T)
    values = joints, scores, extents(joints, scores > 0), found
    return tuple(np.take_along_axis(one, order.reshape(*order.shape, *(1,) * (one.ndim - 2)), 0) for one in values)


def _covered(box: Floats, other: Floats) -> Floats:
    """The share of boxes (T, 4) that others cover."""
    sides = np.clip(np.minimum(box[:, 2:], other[:, 2:]) - np.maximum(box[:, :2], other[:, :2]), 0, None)
    return sides.prod(-1) / (box[:, 2:] - box[:, :2]).prod(-1)

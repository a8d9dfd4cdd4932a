"""Made-up and real people as labels, and the maps of a network that has learned them by heart."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import torch

from humotion.models.common.people_maps import Fields, Labels, Maps
from humotion.models.person_lab.person_lab import PersonLab
from humotion.models.person_lab.tree import JOINTS
from humotion.store.owners import SEVERAL, UNKNOWN

Floats = npt.NDArray[np.float32]
Bools = npt.NDArray[np.bool_]
Owners = npt.NDArray[np.uint8]

STANDING = {
    **{"nose": (0, -60), "l_eye": (4, -64), "r_eye": (-4, -64), "l_ear": (9, -62), "r_ear": (-9, -62)},
    **{"l_shoulder": (16, -40), "r_shoulder": (-16, -40), "l_elbow": (22, -15), "r_elbow": (-22, -15)},
    **{"l_wrist": (24, 8), "r_wrist": (-24, 8), "l_hip": (10, 10), "r_hip": (-10, 10)},
    **{"l_knee": (11, 45), "r_knee": (-11, 45), "l_ankle": (11, 80), "r_ankle": (-11, 80)},
    **{"head": (0, -62), "neck": (0, -42), "head_bottom": (0, -42), "head_top": (0, -75), "upper_neck": (0, -46)},
    **{"thorax": (0, -38), "pelvis": (0, 10)},
}
"""x, y of a person of about 150 pixels."""


def people_at(*places: tuple[float, float], names: Sequence[str] = JOINTS, size: float = 1.0) -> Floats:
    """Standing people (N, J, 2) with their middles at these places."""
    person = np.array([STANDING[name] for name in names], np.float32) * size
    return (person + np.array(places, np.float32).reshape(-1, 1, 2)).astype(np.float32)


def in_order(found: Floats, truth: Floats) -> npt.NDArray[np.int64]:
    """Of each true person, the found one who is nearest."""
    return np.abs(found[:, None] - truth[None]).mean((2, 3)).argmin(axis=0)


def drawn(joints: Floats, side: tuple[int, int]) -> Owners:
    """The owners (H, W) of upright ellipses around people."""
    owners = np.zeros(side, np.uint8)
    for number, one in enumerate(joints, start=1):
        low, high = one.min(axis=0) - 6, one.max(axis=0) + 6
        middle, half = (low + high) / 2, (high - low) / 2
        centre, axes = (tuple(round(float(v)) for v in pair) for pair in (middle, half))
        shape = cv2.ellipse(np.zeros(side, np.uint8), centre, axes, 0, 0, 360, 1, -1).astype(bool)
        put(owners, shape, number)
    return owners


def put(owners: Owners, shape: Bools, number: int) -> None:
    """Give a shape to a person; what somebody has already is of several."""
    owners[shape] = np.where(owners[shape] == 0, number, SEVERAL)


def labels_of(joints: Floats, owners: Owners, known: Bools | None = None) -> Labels:
    """One picture with these people."""
    known = np.ones(joints.shape[:2], bool) if known is None else known
    if not len(joints):  # a batch has places for people, in which there is nobody
        joints, known = np.zeros((1, *joints.shape[1:]), "f4"), np.zeros((1, *known.shape[1:]), bool)
    return Labels(*(torch.from_numpy(np.ascontiguousarray(one))[None] for one in (joints, known, owners)))


def learned(model: PersonLab, targets: Maps) -> Maps:
    """The maps that a network without errors gives."""
    sure = {name: 30 * (2 * targets[name] - 1) for name in ("heat", "mask")}
    return sure | {
        name: (targets[name] / model.radius).flatten(1, 2) for name in ("short", "forward", "backward", "long")
    }


def fields_of(model: PersonLab, labels: Labels) -> Fields:
    """What the decoder reads of one picture that was learned without errors."""
    height, width = (side // model.stride for side in labels.owners.shape[1:])
    fields = model.fields(learned(model, model.targets(labels, height, width)))
    return {name: one[0].numpy() for name, one in fields.items()}


def real_labels(path: Path, side: int, most: int = 30) -> dict[int, tuple[Labels, float]]:
    """The labels of each image of a COCO file, in squares of ``side`` pixels, and pixels per pixel of the image."""
    content = json.loads(path.read_text())
    sizes = {one["id"]: max(one["width"], one["height"]) for one in content["images"]}
    by_image: dict[int, list[dict[str, Any]]] = {image: [] for image in sizes}
    for one in content["annotations"]:
        by_image[one["image_id"]].append(one)
    return {
        image: (_square(ones, side, side / sizes[image], most), side / sizes[image]) for image, ones in by_image.items()
    }


def _square(ones: Sequence[dict[str, Any]], side: int, scale: float, most: int) -> Labels:
    owners = np.zeros((side, side), np.uint8)
    unknown = np.zeros((side, side), bool)
    named = sorted((one for one in ones if one["num_keypoints"] and not one["iscrowd"]), key=lambda one: -one["area"])
    joints, known = np.zeros((len(named[:most]), 17, 2), "f4"), np.zeros((len(named[:most]), 17), bool)
    for number, one in enumerate(named[:most], start=1):
        keypoints = np.array(one["keypoints"], "f4").reshape(17, 3)
        joints[number - 1], known[number - 1] = (keypoints[:, :2] + 0.5) * scale - 0.5, keypoints[:, 2] > 0
        put(owners, _shape(one["segmentation"], side, scale), number)
    for one in ones:
        if not one["num_keypoints"] and not one["iscrowd"]:
            unknown |= _shape(one["segmentation"], side, scale)
    owners[unknown] = UNKNOWN
    return labels_of(joints, owners, known)


def _shape(polygons: Sequence[Sequence[float]], side: int, scale: float) -> Bools:
    canvas = np.zeros((side, side), np.uint8)
    corners = [np.rint(np.array(one).reshape(-1, 1, 2) * scale).astype(np.int32) for one in polygons]
    return cv2.fillPoly(canvas, corners, 1).astype(bool)

"""The labels of images as evaluation reads them: COCO's format, from a file or from the layer ``labels``."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from humotion.errors import HumotionError
from humotion.files import read_json
from humotion.store.layers import Layer
from humotion.tasks.multi_person_pose.training.joint_sets import sigmas_of
from humotion.tasks.multi_person_pose.training.oks import BOX_SHARE
from humotion.tasks.multi_person_pose.training.people import PERSON
from humotion.tasks.multi_person_pose.training.sequences import annotations_of, images_of, is_sequence

Picture = tuple[str, int]
"""A video, and one of its frames: what a clip of one frame shows."""


class Truth(NamedTuple):
    """Labelled images. ``images`` and ``annotations`` are as in COCO's files, and complete: see `as_truth`."""

    images: list[dict[str, Any]]
    annotations: list[dict[str, Any]]
    joint_set: str  # a name in `humotion.tasks.multi_person_pose.training.joint_sets`

    @property
    def image_ids(self) -> list[int]:
        """The ids of the images, sorted."""
        return sorted(image["id"] for image in self.images)


def as_truth(images: Sequence[Mapping[str, Any]], annotations: Sequence[Mapping[str, Any]], joint_set: str) -> Truth:
    """Labels in which nothing is missing that evaluation needs.

    ``iscrowd`` is 0 if it is not stated, ``num_keypoints`` the number of labelled joints, and ``area`` 0.53 of the box.

    Raises:
        HumotionError: an annotation has no box, another number of joints, a number that is not finite, or an id that
            is given twice.
    """
    num_joints = len(sigmas_of(joint_set))
    ids = {image["id"] for image in images}
    complete: dict[Any, dict[str, Any]] = {}
    for one in annotations:
        name = f"Annotation {one.get('id')}"
        if one.get("image_id") not in ids:
            raise HumotionError(f"{name} is of image {one.get('image_id')}, which the labels do not name.")
        if one.get("id") in complete:
            raise HumotionError(f"{name} is there twice: give each annotation its own id.")
        complete[one.get("id")] = _completed(one, num_joints, name)
    return Truth([dict(image) for image in images], list(complete.values()), joint_set)


def _completed(one: Mapping[str, Any], num_joints: int, name: str) -> dict[str, Any]:
    try:
        keypoints = np.array(one.get("keypoints", [0] * 3 * num_joints), float)
        box = np.array(one["bbox"], float)
        area = float(one.get("area", BOX_SHARE * box[2] * box[3]))
    except (TypeError, ValueError, LookupError) as error:
        raise HumotionError(f"{name} has no 'bbox' of four numbers, or something else that is no number.") from error
    if keypoints.shape != (3 * num_joints,):
        raise HumotionError(
            f"{name} has {keypoints.size} numbers of keypoints, but {num_joints} joints have three each."
        )
    if not np.isfinite([*keypoints, *box, area]).all():
        raise HumotionError(f"{name} has a number that is not finite.")
    filled = {"keypoints": keypoints.tolist(), "area": area, "category_id": PERSON}
    defaults = {"iscrowd": 0, "num_keypoints": int((keypoints[2::3] > 0).sum())}
    return {**defaults, **one, **filled}


def truth_of_file(path: Path, joint_set: str) -> Truth:
    """The labels in a file of COCO's format. Annotations of categories without joints are left out.

    Raises:
        HumotionError: it is no such file; see `as_truth`.
    """
    try:
        content = read_json(path)
        with_joints = {one["id"] for one in content["categories"] if one.get("keypoints")}
        images, annotations = content["images"], content["annotations"]
        of_people = [one for one in annotations if one["category_id"] in with_joints]
    except (OSError, ValueError, TypeError, LookupError, AttributeError) as error:
        raise HumotionError(f"{path} is no file of people in COCO's format: {error!r}.") from error
    return as_truth(images, of_people, joint_set)


def truth_of_layer(layer: Layer, pictures: Iterable[Picture] | None = None) -> Truth:
    """The labels in the layer ``labels`` of a dataset with several people, in pixels of the original images.

    An image of a sequence is named by its video and its frame, any other one by its video. Frames of a sequence whose
    people are not labelled are left out.

    Args:
        layer: ``Layer(Path("layers/<dataset>/labels"))``.
        pictures: videos and frames; all if None. Those of ``split_1`` "test" are the ones that are scored.

    Raises:
        HumotionError: the layer is of another kind of dataset.
    """
    images, annotations = [], []
    if layer.skeleton is None:
        raise HumotionError(f"The layer {layer.folder} has no joints.")
    frames_of: dict[str, list[int]] = {}
    for video_id, frame in pictures or ():
        frames_of.setdefault(video_id, []).append(frame)
    for video_id in layer if pictures is None else frames_of:
        arrays = layer[video_id]
        if is_sequence(arrays):
            chosen = frames_of.get(video_id) or range(arrays["found"].shape[1])
            images += images_of(arrays, video_id, chosen)
            annotations += annotations_of(arrays, chosen)
        elif {"annotation_id", "segments"} <= arrays.keys():
            images.append({**_image(video_id, arrays), "video": video_id, "frame": 0})
            annotations += _annotations(arrays)
        else:
            raise HumotionError(
                f"The layer {layer.folder} has no labels of images, as the layout coco writes them, or of sequences, "
                "as posetrack18 does."
            )
    return as_truth(images, annotations, layer.skeleton.name)


def picture_of(image: Mapping[str, Any]) -> Picture:
    """The video and the frame of an image; one that a file of labels names is a video of its own."""
    return image.get("video", image["file_name"]), image.get("frame", 0)


def _image(video_id: str, arrays: Mapping[str, npt.NDArray[Any]]) -> dict[str, Any]:
    stated = {
        "width": arrays["size"][0, 0, 0],
        "height": arrays["size"][0, 0, 1],
        "crowdIndex": arrays["crowd_index"][0, 0],
    }
    known = {name: float(value) for name, value in stated.items() if not np.isnan(value)}
    return {"id": int(arrays["image_id"][0, 0]), "file_name": video_id, **known}


def _annotations(arrays: Mapping[str, npt.NDArray[Any]]) -> list[dict[str, Any]]:
    ends = arrays["segment_end"][:, 0].tolist()
    segments = arrays["segments"][0, 0].tobytes()
    found = []
    for place, (start, end) in enumerate(zip([0, *ends], ends, strict=False)):
        area = float(arrays["area"][place, 0])
        found.append(
            {
                "id": int(arrays["annotation_id"][place, 0]),
                "image_id": int(arrays["image_id"][0, 0]),
                "keypoints": arrays["keypoints"][place, 0].reshape(-1).tolist(),
                "bbox": arrays["bbox"][place, 0].tolist(),
                "iscrowd": int(arrays["is_crowd"][place, 0]),
                "num_keypoints": int(arrays["num_keypoints"][place, 0]),
                "segmentation": json.loads(segments[start:end]),
                **({} if np.isnan(area) else {"area": area}),
            }
        )
    return found

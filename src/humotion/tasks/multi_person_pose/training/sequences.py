"""The labels of frames of a sequence as COCO's format has those of images, from the layer of the layout posetrack18."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

Arrays = Mapping[str, npt.NDArray[Any]]


def is_sequence(arrays: Arrays) -> bool:
    """Whether these are the arrays of a sequence, as ``datasets/posetrack18.py`` writes them."""
    return {"is_labelled", "track_id", "size"} <= arrays.keys()


def images_of(arrays: Arrays, video_id: str, frames: Iterable[int]) -> list[dict[str, Any]]:
    """Return the images of some frames; those whose people are not labelled are left out."""
    width, height = arrays["size"][0, 0].tolist()
    facts = {"video": video_id, "width": width, "height": height}
    return [
        {"id": int(arrays["image_id"][0, frame]), "file_name": f"{video_id}#{frame:04d}", "frame": frame, **facts}
        for frame in frames
        if arrays["is_labelled"][0, frame]
    ]


def annotations_of(arrays: Arrays, frames: Iterable[int]) -> list[dict[str, Any]]:
    """Return the people of these images, and a crowd per region to ignore: who is found there does not count.

    The ids of such crowds are negative: the files give them none.
    """
    found = []
    for frame in frames:
        if not arrays["is_labelled"][0, frame]:
            continue
        image_id = int(arrays["image_id"][0, frame])
        for place in np.flatnonzero(arrays["found"][:, frame]).tolist():
            found.append(
                {
                    "id": int(arrays["annotation_id"][place, frame]),
                    "image_id": image_id,
                    "keypoints": arrays["keypoints"][place, frame].reshape(-1).tolist(),
                    "bbox": arrays["bbox"][place, frame].tolist(),
                }
            )
        for number, (x, y) in enumerate(json.loads(arrays["ignored"][0, frame].tobytes())):
            box = [min(x), min(y), max(x) - min(x), max(y) - min(y)]
            crowd = {"id": -(100 * image_id + number + 1), "image_id": image_id, "bbox": box, "iscrowd": 1}
            found.append({**crowd, "num_keypoints": 0})
    return found

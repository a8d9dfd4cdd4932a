"""Several people by a model of one: a crop around each box, and the joints of the person in it.

    boxes --cut--> crops --model--> joints of each crop --> pixels of the frame --OKS-NMS--> people

Crops are cut as ``inputs/person_crops.py`` cuts them for training. The score of a person is that of the box times the
model's, the mean of the joints' scores. Several boxes around one person give one pose several times: all but the surest
are left out.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from humotion.clips.crop import clip_windows, crop_geometry, cut, to_stored
from humotion.models.common.people_maps import FindsPeople
from humotion.tasks.multi_person_pose.training.oks_nms import suppressed
from humotion.tasks.multi_person_pose.training.people import People
from humotion.tasks.multi_person_pose.training.person_boxes import Boxes, within

Floats = npt.NDArray[np.float64]
AT_ONCE = 32
"""Crops that go through the model together."""


class Cutting(NamedTuple):
    """How crops are cut around boxes: settings of the section ``augment`` with ``input: person_crops``.

    Attributes:
        size: side of a crop in pixels.
        person_scale: see `humotion.clips.crop.clip_windows`.
        pixel_scale: see there.
    """

    size: int
    person_scale: float = 1.25
    pixel_scale: float | None = None


def crops_around(picture: npt.NDArray[np.uint8], corners: Floats, cutting: Cutting) -> dict[str, Tensor]:
    """Cut a crop around each of N boxes (N, 4) out of a picture (H, W, 3), as a batch of samples of one frame.

    Returns:
        ``frames`` (N, 1, 1, 3, size, size) uint8, and ``crop`` (N, 1, 3) = x0, y0, scale, so that stored_xy = crop_xy *
        scale + (x0, y0).
    """
    boxes = corners.astype(np.float32)
    # One at a time: all boxes together would get windows of one size, as the frames of a clip do.
    windows = [clip_windows(box[None], *cutting)[0] for box in boxes]
    crops = np.stack([cut(picture, window, cutting.size) for window in windows])  # (N, S, S, 3)
    geometry = crop_geometry(np.stack(windows), cutting.size)  # (N, 3)
    frames = torch.from_numpy(np.ascontiguousarray(crops.transpose(0, 3, 1, 2)))
    return {"frames": frames[:, None, None], "crop": torch.from_numpy(geometry)[:, None]}


def find_top_down(
    model: FindsPeople,
    picture: npt.NDArray[np.uint8],
    boxes: Boxes,
    cutting: Cutting,
    decoding: Any,
    sigmas: Floats,
    device: torch.device | str = "cpu",
) -> People:
    """Return the people of a picture (H, W, 3), in its pixels, the surest first.

    Boxes without an area, and those outside the picture, are left out. A joint may be outside: the crop shows grey
    there.

    Args:
        model: of one person per crop, in evaluation mode and on ``device``.
        picture: RGB, uint8.
        boxes: in pixels of the picture; each gives at most one person, who keeps it.
        cutting: as in the model's training.
        decoding: the model's section ``evaluate.decoding``.
        sigmas: (J,) see `humotion.tasks.multi_person_pose.training.joint_sets`.
        device: where the model is.
    """
    boxes = boxes.only(within(boxes, *picture.shape[1::-1]))
    if not len(boxes.scores):
        return People.nobody(len(sigmas))
    joints, joint_scores, scores = [], [], []
    for start in range(0, len(boxes.scores), AT_ONCE):
        batch = crops_around(picture, boxes.corners[start : start + AT_ONCE], cutting)
        with torch.inference_mode():
            found = model.find({**batch, "frames": batch["frames"].to(device)}, decoding)
        in_crops = np.concatenate([one.joints for one in found])  # (n, J, 2)
        joints.append(to_stored(in_crops, batch["crop"][:, 0].numpy()))
        joint_scores += [one.joint_scores for one in found]
        scores += [one.scores for one in found]
    people = People(
        np.concatenate(joints).astype(float),
        np.concatenate(joint_scores).astype(float),
        np.concatenate(scores).astype(float) * boxes.scores,
        boxes.corners,
    )
    return suppressed(people, sigmas)

"""The people that a trained model finds in each image of a split, and the labels of these images."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from torch import Tensor

from humotion.clips.datamodule import ClipDataModule
from humotion.clips.owners import scale_of
from humotion.models.common.people_maps import Found
from humotion.params.layer import LABELS
from humotion.store.frames import FrameStore
from humotion.store.layers import Layer, folder_of_layer
from humotion.tasks.multi_person_pose.training.people import People
from humotion.tasks.multi_person_pose.training.truth import Picture, Truth, picture_of, truth_of_layer

Floats = npt.NDArray[np.float64]


def packed(found: Sequence[Found]) -> dict[str, Tensor]:
    """Return the people of a batch as tensors, which workers and devices can exchange; `unpacked` is the way back."""
    joints = np.concatenate([one.joints for one in found])
    return {
        "count": torch.tensor([len(one.scores) for one in found]),
        "joints": torch.from_numpy(np.nan_to_num(joints)),
        "is_found": torch.from_numpy(np.isfinite(joints).all(axis=-1)),
        "joint_scores": torch.from_numpy(np.concatenate([one.joint_scores for one in found])),
        "scores": torch.from_numpy(np.concatenate([one.scores for one in found])),
    }


def unpacked(batch: Mapping[str, Tensor]) -> list[Found]:
    """Return the people of each sample of a batch that `packed` made, without masks."""
    ends = batch["count"].cumsum(0).tolist()
    joints = np.where(batch["is_found"].numpy()[..., None], batch["joints"].numpy(), np.nan).astype(np.float32)
    joint_scores, scores = batch["joint_scores"].numpy(), batch["scores"].numpy()
    return [
        Found(joints[start:end], joint_scores[start:end], scores[start:end])
        for start, end in zip([0, *ends], ends, strict=False)
    ]


def to_stored(found: Found, crop: npt.NDArray[np.float32]) -> Found:
    """Return people in pixels of the stored frame; ``crop`` (3,) is x0, y0, scale of what the model was shown."""
    return found._replace(joints=found.joints * crop[2] + crop[:2])


def people_by_image(found: Iterable[tuple[Picture, Found]], store: FrameStore, truth: Truth) -> dict[int, People]:
    """Return the people of every image by its id, in pixels of the labels.

    Args:
        found: picture and people in stored pixels; an image may be there several times, once per crop. Those of a
            picture whose people are not labelled are left out.
        store: the frames.
        truth: the labels.
    """
    images = {picture_of(image): image for image in truth.images}
    parts: dict[Picture, list[Found]] = {}
    for picture, one in found:
        if picture in images:
            parts.setdefault(picture, []).append(one)
    return {
        images[picture]["id"]: _people(several, label_scale(store, images[picture]))
        for picture, several in parts.items()
    }


def label_scale(store: FrameStore, image: Mapping[str, Any]) -> Floats:
    """Return the stored pixels per pixel of the labels, x and y, of an image of a `Truth`."""
    size = np.array([image.get("width", np.nan), image.get("height", np.nan)], float)
    video = store[picture_of(image)[0]]
    return scale_of({"size": size[None, None]}, video.width, video.height)


def _people(several: Sequence[Found], scale: Floats) -> People:
    joints = np.concatenate([one.joints.astype(np.float64) for one in several])
    joint_scores = np.concatenate([one.joint_scores for one in several])
    return people_around((joints + 0.5) / scale - 0.5, joint_scores, np.concatenate([one.scores for one in several]))


def as_people(found: Found) -> People:
    """Return what a model found as evaluation reads it."""
    return people_around(found.joints, found.joint_scores, found.scores)


def people_around(
    joints: npt.NDArray[np.floating], joint_scores: npt.NDArray[np.floating], scores: npt.NDArray[np.floating]
) -> People:
    """Return people, each in the box around the joints (N, J, 2) that are not NaN; everybody has at least one."""
    places = joints.astype(np.float64)
    if not len(places):
        return People.nobody(places.shape[1])
    boxes = np.concatenate([np.nanmin(places, axis=1), np.nanmax(places, axis=1)], axis=1)
    return People(places, joint_scores.astype(np.float64), scores.astype(np.float64), boxes)


def pictures_of(clips: pd.DataFrame) -> list[Picture]:
    """Return what each clip of one frame shows."""
    return [
        (video_id, int(frames[0])) for video_id, frames in zip(clips["video_id"], clips["frame_indices"], strict=True)
    ]


def labels_of_split(data: ClipDataModule, split: str) -> Truth:
    """Return the labels of the images of a split, as evaluation reads them.

    Raises:
        HumotionError: the dataset has no labels of several people in images or sequences.
    """
    pictures = list(dict.fromkeys(pictures_of(data.clips(split))))
    root = data.prepared.parent.parent
    return truth_of_layer(Layer(Path(root) / folder_of_layer(data.experiment.dataset, LABELS)), pictures)

"""Test images by a model of crops that is told where people are: by a tool's layer, as in use, or by its caller."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from tqdm import tqdm

from humotion.clips.datamodule import ClipDataModule
from humotion.params.inputs import PersonCropParams
from humotion.store.frames import StoredVideo
from humotion.tasks.multi_person_pose.training.joint_sets import sigmas_of
from humotion.tasks.multi_person_pose.training.module import MultiPersonPose
from humotion.tasks.multi_person_pose.training.outcomes import label_scale
from humotion.tasks.multi_person_pose.training.people import People
from humotion.tasks.multi_person_pose.training.person_boxes import Boxes, boxes_of_layer
from humotion.tasks.multi_person_pose.training.top_down import Cutting, find_top_down
from humotion.tasks.multi_person_pose.training.truth import Truth, picture_of


def people_in_layer_boxes(task: MultiPersonPose, data: ClipDataModule, truth: Truth) -> dict[int, People]:
    """Return the people whom the model finds in the boxes of the experiment's layer, in pixels of the labels.

    Raises:
        HumotionError: the layer has no boxes of people.
    """
    return people_in_boxes(task, data, truth, lambda image, video: boxes_of_layer(video.annotation, _frame(image)))


def people_in_boxes(
    task: MultiPersonPose,
    data: ClipDataModule,
    truth: Truth,
    boxes_of: Callable[[Mapping[str, Any], StoredVideo], Boxes],
) -> dict[int, People]:
    """Return the people whom the model finds in boxes, in pixels of the labels.

    Args:
        task: a model of crops.
        data: of its experiment.
        truth: the images.
        boxes_of: the boxes of an image, in pixels of its stored video.
    """
    augment = data.experiment.augment
    assert isinstance(augment, PersonCropParams)
    cutting = Cutting(augment.size, augment.person_scale, augment.pixel_scale)
    sigmas, model = sigmas_of(truth.joint_set), task.people_model
    task.eval()
    found = {}
    for image in tqdm(truth.images, desc="people in boxes", unit="image"):
        video, frame = data.store[picture_of(image)[0]], _frame(image)
        boxes = boxes_of(image, video)
        people = find_top_down(model, video.decode([frame])[0], boxes, cutting, task.decoding, sigmas, task.device)
        scale = label_scale(data.store, image)
        found[image["id"]] = People(
            (people.joints + 0.5) / scale - 0.5,
            people.joint_scores,
            people.scores,
            (people.boxes + 0.5) / np.tile(scale, 2) - 0.5,
        )
    return found


def _frame(image: Mapping[str, Any]) -> int:
    return picture_of(image)[1]

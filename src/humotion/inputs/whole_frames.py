"""Complete frames of a clip: the scene and all people in it; or a square in each frame that follows the main person.

The square has the same side in all frames of a clip (`clip_windows`), so that the person does not change size. It is
for scenes in which people are small. Where nobody was found, the clip shows complete frames.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from humotion.clips.augment import Policy
from humotion.clips.crop import cut, cut_distinct, evaluation_window, person_windows
from humotion.clips.input import SCENE, Footage, Ints, Sample, as_tensor
from humotion.clips.people import main_person_boxes
from humotion.errors import HumotionError
from humotion.params.experiment import AugmentParams
from humotion.params.inputs import WholeFrameParams
from humotion.store.frames import FrameStore
from humotion.store.skeleton import Skeleton

HAS_JOINTS = False
NOBODY = "nobody"


def people_in(store: FrameStore, video_id: str) -> list[int]:
    """Return the scene: one clip shows all people, or the main one."""
    return [SCENE]


def skeleton_of_samples(store: FrameStore) -> Skeleton | None:
    """Return the joint set of the layer, or else that of the dataset: without either, nobody's place is known."""
    of_layer = None if store.layer is None else store.layer.skeleton
    return of_layer or store.skeleton


def facts(augment: AugmentParams, skeleton: Skeleton | None) -> dict[str, Any]:
    """Return the side of the frames in pixels."""
    return {"image_size": augment.size}


def make(
    augment: AugmentParams, skeleton: Skeleton | None, policy: Policy | None = None, place: float = 0.5
) -> WholeFrames:
    """See `humotion.clips.input.Input`."""
    assert isinstance(augment, WholeFrameParams)
    if augment.around == "frame":
        return WholeFrames(augment.size, policy, place)
    if skeleton is None:
        raise HumotionError(
            "augment.around is person, but neither the dataset nor the experiment's layer says where people are. Make "
            "a layer of landmarks (`layers:` in params.yaml), and name it in the experiment's `layer`."
        )
    return WholeFrames(augment.size, policy, place, augment.person_scale)


def for_prediction(preprocessing: Mapping[str, Any]) -> WholeFrames:
    """See `humotion.clips.input.Input`."""
    follows = preprocessing.get("around", "frame") == "person"  # models of earlier versions know whole frames alone
    return WholeFrames(preprocessing["size"], person_scale=preprocessing["person_scale"] if follows else None)


@dataclass(frozen=True)
class WholeFrames:
    """Complete frames, or squares around a person: with a policy (training) augmented, without one a crop.

    Attributes:
        size: side of the samples in pixels.
        policy: augments samples of the training.
        place: position of an evaluation crop of complete frames along their long side.
        person_scale: side of the square around the person, divided by the clip's largest box side; None for complete
            frames.
    """

    size: int
    policy: Policy | None = None
    place: float = 0.5
    person_scale: float | None = None

    def __call__(self, video: Footage, person: int, indices: Ints, seed: int) -> Sample:
        """Return ``frames`` (T, K, 3, size, size) uint8."""
        boxes = None if self.person_scale is None else main_person_boxes(video)
        crops_later = self.policy is not None and self.policy.crops_itself
        if boxes is None or self.person_scale is None:
            frames, inverse = self._complete(video, indices, crops_later)
        else:
            windows = person_windows(boxes[indices[:, indices.shape[1] // 2]], self.person_scale)  # (T, 3)
            size = int(windows[0, 2]) if crops_later else self.size
            frames, inverse = cut_distinct(video, indices, windows, partial(cut, size=size))
        if self.policy is not None:
            frames = self.policy.augment(frames, seed)
        return {"frames": as_tensor(frames, inverse)}

    def _complete(self, video: Footage, indices: Ints, crops_later: bool) -> tuple[npt.NDArray[np.uint8], Ints]:
        """The distinct frames (U, H, W, 3), cropped unless the policy does it, and the index (T, K) of each."""
        distinct, inverse = np.unique(indices, return_inverse=True)
        frames = video.decode(distinct)
        if not crops_later:
            window = evaluation_window(video.width, video.height, self.place)
            frames = np.stack([cut(frame, window, self.size) for frame in frames])
        return frames, inverse.reshape(indices.shape)

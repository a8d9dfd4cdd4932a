"""Features of a frozen network at the joints of one person over time, with the landmarks themselves.

The experiment's layer is one of the tool ``joint_features``. Features and landmarks are of the same times: in training,
times move (``time_jitter``), and what lies between two frames is interpolated. So are gaps: frames in which nobody was
found, and those that the tool did not read (``every``).

There is no mirroring. The features were read once, from pictures as they are; those of a mirrored picture are others,
and exchanging left and right joints would not give them. `JointFeatureParams` refuses it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from humotion.clips.augment import Policy
from humotion.clips.input import SCENE, Footage, Ints, Sample
from humotion.clips.landmarks import VALUES, Landmarks, joint_set, make_landmarks, people_with_joints
from humotion.errors import HumotionError
from humotion.params.experiment import AugmentParams
from humotion.params.inputs import JointFeatureParams
from humotion.store.people import found_frames, main_person
from humotion.store.skeleton import Skeleton

Halves = npt.NDArray[np.float16]
_EXPONENT = np.uint16(0x7C00)
"""The exponent of a float16 that is infinite or NaN. numpy's isfinite takes ten times as long for them."""

HAS_JOINTS = False  # no policy moves them: see `augment.geometry`
NOBODY = "no joints"

people_in, skeleton_of_samples = people_with_joints, joint_set


def facts(augment: AugmentParams, skeleton: Skeleton | None) -> dict[str, Any]:
    """Return what a model must know: the joints, their bones and parents, and the numbers of values and of channels."""
    shown = make(augment, skeleton).landmarks.skeleton
    assert isinstance(augment, JointFeatureParams)
    return {
        "num_joints": len(shown.joints),
        "dimensions": VALUES[augment.values],
        "edges": [list(edge) for edge in shown.edges],
        "channels": augment.channels,
        "parents": parents_of(shown),
    }


def make(
    augment: AugmentParams, skeleton: Skeleton | None, policy: Policy | None = None, place: float = 0.5
) -> JointFeatures:
    """See `humotion.clips.input.Input`; there is no crop, so ``place`` has no effect."""
    assert isinstance(augment, JointFeatureParams)
    landmarks = make_landmarks(augment, skeleton, training=policy is not None, needed_by="joint_features")
    return JointFeatures(landmarks, augment.channels)


def for_prediction(preprocessing: Mapping[str, Any]) -> JointFeatures:
    """See `humotion.clips.input.Input`; ``skeleton`` is the joint set of the training, as a dict."""
    known = JointFeatureParams.model_fields
    settings = JointFeatureParams(**{key: value for key, value in preprocessing.items() if key in known})
    return make(settings, Skeleton.from_dict(preprocessing["skeleton"]))


def parents_of(skeleton: Skeleton) -> list[int]:
    """The parent of every joint: the neighbour on the shortest way to the root, along the bones.

    The root is the first joint of the first bone, and its own parent. It is also the parent of joints that no bone
    connects with it, so that every other joint has a bone.
    """
    root = skeleton.edges[0][0] if skeleton.edges else 0
    parents = {root: root}
    layer = [root]
    while layer:
        reached = {}
        for joint in layer:  # in the order of the bones, so that the result is the same everywhere
            for one, other in (pair for edge in skeleton.edges for pair in (edge, edge[::-1])):
                if one == joint and other not in parents and other not in reached:
                    reached[other] = joint
        parents |= reached
        layer = list(reached)
    return [parents.get(joint, root) for joint in range(len(skeleton.joints))]


@dataclass(frozen=True)
class JointFeatures:
    """What a model sees of a clip; see the module docstring.

    Attributes:
        landmarks: makes the landmarks, and has the settings.
        channels: C, which the layer must have.
    """

    landmarks: Landmarks
    channels: int

    @property
    def skeleton(self) -> Skeleton:
        """The joint set of the samples."""
        return self.landmarks.skeleton

    def __call__(self, video: Footage, person: int, indices: Ints, seed: int) -> Sample:
        """Return the tensors of a clip of T times.

        Returns:
            ``features`` (T, J, C) float32, ``frame`` (T, C) float32, ``landmarks`` (T, J, D) float32, and ``known``
            (T, J) bool. A joint counts as known where both its landmark and its features are: a landmark may lie
            outside the picture. Where it is not known, its features and its landmark are 0. So is ``frame`` where no
            frame nearby was read.

        Raises:
            HumotionError: the layer has no features, or another number of channels.
        """
        sample = self.landmarks(video, person, indices, seed)
        frames = indices[:, indices.shape[1] // 2]
        span = slice(int(frames.min()), int(frames.max()) + 1)  # what is before and after may be of a test clip
        times = self.landmarks.times(frames, seed) - span.start  # with the same seed, those of the landmarks
        longest = self.landmarks.settings.longest_gap
        of_joints = read_at(self._features(video, person, span), times, longest)
        of_frame = read_at(self._frame(video, span), times, longest)
        known = torch.from_numpy(of_joints.known) & sample["known"]
        of_joints.values[~known] = 0
        return {
            "features": of_joints.values,
            "frame": of_frame.values[:, 0],
            "landmarks": sample["landmarks"] * known[..., None],
            "known": known,
        }

    def _features(self, video: Footage, person: int, span: slice) -> Halves:
        """The features (T, J, C) of a person in some frames, of the chosen joints."""
        values = self._array(video, "features")
        found = found_frames(video.annotation)
        order = list(self.landmarks.order)
        if len(found) == 0:
            return np.full((span.stop - span.start, len(order), self.channels), np.nan, np.float16)
        of_person = values[main_person(found) if person == SCENE else person, span]
        return of_person if order == list(range(of_person.shape[1])) else of_person[:, order]

    def _frame(self, video: Footage, span: slice) -> Halves:
        """The features of some complete frames, as those of one joint (T, 1, C)."""
        values = self._array(video, "frame")
        if values.shape[-1] == 0:  # a damaged video, which no network saw
            return np.full((span.stop - span.start, 1, self.channels), np.nan, np.float16)
        return values[span][:, None]

    def _array(self, video: Footage, name: str) -> npt.NDArray[Any]:
        if name not in video.annotation:
            raise HumotionError(
                f"input: joint_features needs the array {name!r} of the experiment's layer, which has "
                f"{', '.join(sorted(video.annotation)) or 'none'}. Name a layer of the tool joint_features in `layer`."
            )
        values = video.annotation[name]
        if values.shape[-1] not in (0, self.channels):
            raise HumotionError(
                f"augment.channels is {self.channels}, but the experiment's layer has {values.shape[-1]} channels. Set "
                f"augment.channels: {values.shape[-1]}"
            )
        return values


class Read(NamedTuple):
    """Features at N times.

    Attributes:
        values: (N, J, C) float32, zero where they are not known.
        known: (N, J) bool.
    """

    values: torch.Tensor
    known: npt.NDArray[np.bool_]


def read_at(values: Halves, times: npt.NDArray[np.float64], longest: int | None = None) -> Read:
    """Read features (T, J, C) at times (N,), with gaps filled: the result of `bridged` and then `at_times` of a track.

    Both follow straight lines between the same two frames that have the joint, so one step is enough. Features are
    large, and the two steps took three quarters of the time that a sample needs.

    Args:
        values: float16, NaN where they are not known.
        times: in frames, from 0 to T - 1.
        longest: the largest number of frames in a gap that is filled; None for any number.
    """
    exponents = np.ascontiguousarray(values).view(np.uint16) & _EXPONENT
    known = np.asarray((exponents != _EXPONENT).all(-1))  # (T, J)
    before, after, is_bridged = _neighbours(known, longest)
    columns = np.arange(known.shape[1])
    first = np.floor(times).astype(np.int64)[:, None]  # (N, 1)
    second = np.minimum(first + 1, len(known) - 1)
    at = np.repeat(times[:, None], known.shape[1], axis=1)  # (N, J)
    # Where only one of the two frames has the joint, that frame counts if it is the nearest.
    both = is_bridged[first, columns] & is_bridged[second, columns]
    nearest = np.where(np.round(at - first) < 0.5, first, second)
    at = np.where(both, at, nearest)
    start, end = np.where(both, before[first, columns], before[nearest, columns]), after[second, columns]
    end = np.where(both, end, after[nearest, columns])
    is_known = both | is_bridged[nearest, columns]
    start, end = (np.where(is_known, one, 0) for one in (start, end))
    share = np.where(is_known, (at - start) / np.maximum(end - start, 1), 0)
    found = _floats(values[start, columns])
    moves = share > 0
    weight = torch.from_numpy(share[moves].astype(np.float32))[:, None]
    found[moves] = torch.lerp(found[moves], _floats(values[end, columns][moves]), weight)
    found[~is_known] = 0
    return Read(found, is_known)


def _floats(values: Halves) -> torch.Tensor:
    """The values as float32; numpy takes thirty times as long."""
    return torch.from_numpy(values).float()


def _neighbours(known: npt.NDArray[np.bool_], longest: int | None) -> tuple[Ints, Ints, npt.NDArray[np.bool_]]:
    """The known frames before and after each frame (T, J), itself if it is known, and whether a gap there is filled."""
    frames = np.arange(len(known))[:, None]  # (T, 1)
    before = np.maximum.accumulate(np.where(known, frames, -1), axis=0)
    after = np.minimum.accumulate(np.where(known, frames, len(known))[::-1], axis=0)[::-1]
    filled = (before >= 0) & (after < len(known))
    return before, after, filled if longest is None else filled & (after - before - 1 <= longest)

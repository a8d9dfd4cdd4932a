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
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from humotion.clips.augment import Policy
from humotion.clips.input import SCENE, Floats, Footage, Ints, Sample
from humotion.clips.landmarks import VALUES, Landmarks, joint_set, make_landmarks, nobody, people_with_joints
from humotion.clips.tracks import Track, at_times, bridged
from humotion.errors import HumotionError
from humotion.params.experiment import AugmentParams
from humotion.params.inputs import JointFeatureParams
from humotion.store.people import found_frames, main_person
from humotion.store.skeleton import Skeleton

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
        first, last = int(frames.min()), int(frames.max())
        times = self.landmarks.times(frames, seed) - first  # with the same seed, those of the landmarks
        order = list(self.landmarks.order)
        of_joints = self._at(self._features(video, person, slice(first, last + 1)), times)
        of_frame = self._at(self._frame(video, slice(first, last + 1)), times)
        known = of_joints.known[:, order] & sample["known"].numpy()
        features = np.where(known[..., None], of_joints.points[:, order], 0).astype(np.float32)
        is_known = torch.from_numpy(known)
        return {
            "features": torch.from_numpy(features),
            "frame": torch.from_numpy(of_frame.points[:, 0]),
            "landmarks": sample["landmarks"] * is_known[..., None],
            "known": is_known,
        }

    def _at(self, track: Track, times: npt.NDArray[np.float64]) -> Track:
        """The values at some times; gaps are filled as those of landmarks."""
        return at_times(bridged(track, self.landmarks.settings.longest_gap), times)

    def _features(self, video: Footage, person: int, span: slice) -> Track:
        """The features (T, J, C) of a person in some frames."""
        values = self._array(video, "features")
        found = found_frames(video.annotation)
        if len(found) == 0:
            return nobody(span.stop - span.start, len(self.landmarks.source.joints), self.channels)
        return _track(values[main_person(found) if person == SCENE else person, span])

    def _frame(self, video: Footage, span: slice) -> Track:
        """The features of some complete frames, as those of one joint (T, 1, C)."""
        values = self._array(video, "frame")
        if values.shape[-1] == 0:  # a damaged video, which no network saw
            return nobody(span.stop - span.start, 1, self.channels)
        return _track(values[span][:, None])

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


def _track(values: npt.NDArray[np.float16]) -> Track:
    """Features (T, J, C) with NaN where they are not known, as a track."""
    points: Floats = values.astype(np.float32)
    return Track(points, np.zeros(points.shape[:2], np.float32), np.asarray(np.isfinite(points).all(-1)))

from __future__ import annotations

import pickle
from typing import Any

import albumentations as A
import numpy as np
import pytest

from humotion.clips import whole_clip
from humotion.clips.augment import Policy
from humotion.params.experiment import TransformParams

FRAMES = np.random.default_rng(0).integers(0, 255, (5, 24, 32, 3), np.uint8)


def augmented(transform: A.BasicTransform, frames: np.ndarray, seed: int, **targets: Any) -> dict[str, Any]:
    policy = A.Compose([transform], keypoint_params=A.KeypointParams("xy") if "keypoints" in targets else None)
    policy.set_random_seed(seed)
    return policy(images=frames, **targets)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("ChannelShuffle", {}),
        ("ColorJitter", {"contrast": (0.5, 1.5)}),
        ("HorizontalFlip", {}),
        ("HueSaturationValue", {}),
        ("RandomBrightnessContrast", {}),
        ("ToGray", {}),
    ],
)
def test_frames_are_those_of_albumentations(name: str, arguments: dict[str, Any]) -> None:
    whole, stock = (getattr(module, name)(**arguments, p=1.0) for module in (whole_clip, A))
    for seed in range(8):
        expected = [augmented(stock, frame[None], seed)["images"][0] for frame in FRAMES]
        np.testing.assert_array_equal(augmented(whole, FRAMES, seed)["images"], np.stack(expected))


def test_points_are_flipped_with_the_frames() -> None:
    points = np.array([[3, 4]], np.float32)
    flipped = augmented(whole_clip.HorizontalFlip(p=1.0), FRAMES, 0, keypoints=points)
    np.testing.assert_array_equal(flipped["images"], FRAMES[:, :, ::-1])
    np.testing.assert_allclose(flipped["keypoints"], [[28, 4]])


def test_policies_use_them_and_can_be_sent_to_workers() -> None:
    steps = [TransformParams(name="HorizontalFlip"), TransformParams(name="ColorJitter"), TransformParams(name="Blur")]
    policy = Policy.compile(steps, 24, has_joints=False)
    kinds = [type(step) for step in policy.transform.transforms]
    assert kinds == [whole_clip.HorizontalFlip, whole_clip.ColorJitter, A.Blur]
    sent = pickle.loads(pickle.dumps(policy))
    np.testing.assert_array_equal(sent.augment(FRAMES[:, :, :24], 3), policy.augment(FRAMES[:, :, :24], 3))

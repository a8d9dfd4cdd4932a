from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import albumentations as A
import numpy as np
import pytest

from humotion.clips.augment import Policy
from humotion.errors import HumotionError
from humotion.params.experiment import TransformParams

SIZE = 32


def compile_policy(*steps: dict[str, Any], has_joints: bool = True) -> Policy:
    return Policy.compile([TransformParams(**step) for step in steps], SIZE, has_joints)


def noise(num_frames: int = 3, height: int = SIZE, width: int = SIZE) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 255, (num_frames, height, width, 3), np.uint8)


RICH = (
    {"name": "Affine", "scale": [0.8, 1.2], "rotate": [-30, 30], "fill": 128, "p": 1.0},
    {"name": "HorizontalFlip", "p": 0.5},
    {"name": "RandomBrightnessContrast", "p": 0.8},
    {"name": "HueSaturationValue", "p": 0.8},
    {"name": "GaussianBlur", "blur_limit": [3, 5], "p": 0.5},
)


def test_all_frames_get_the_same_parameters() -> None:
    still = np.repeat(noise(1), 4, axis=0)
    policy = compile_policy(*RICH)
    for seed in range(5):
        frames = policy.augment(still, seed)
        assert (frames == frames[0]).all()
        assert (frames[0] != still[0]).any()


PIXELS = (
    {"name": "RandomBrightnessContrast", "brightness_limit": 0.3, "contrast_limit": 0.3},
    {"name": "RandomGamma"},
    {"name": "CLAHE"},
    {"name": "GaussianBlur", "blur_limit": [3, 5]},
    {"name": "MotionBlur"},
    {"name": "Defocus"},
    {"name": "ColorJitter"},
    {"name": "HueSaturationValue"},
    {"name": "RGBShift"},
    {"name": "PlanckianJitter"},
    {"name": "ToGray"},
    {"name": "ChannelShuffle"},
    {"name": "GaussNoise"},
    {"name": "ImageCompression", "quality_range": [20, 40]},
)
PLACES = (
    {"name": "Affine", "scale": [0.8, 1.2], "rotate": [-30, 30], "shear": [-10, 10]},
    {"name": "Rotate", "limit": [-30, 30]},
    {"name": "SafeRotate", "limit": [-30, 30]},
    {"name": "Perspective", "scale": [0.05, 0.1]},
    {"name": "RandomResizedCrop", "scale": [0.6, 1.0]},
    {"name": "CropAndPad", "percent": [-0.1, 0.1]},
    {"name": "HorizontalFlip"},
    {"name": "VerticalFlip"},
    {"name": "Transpose"},
    {"name": "D4"},
)


def names(step: dict[str, Any]) -> str:
    return step["name"]


@pytest.mark.parametrize("step", [*PIXELS, *PLACES], ids=names)
def test_a_frame_does_not_depend_on_its_clip(step: dict[str, Any]) -> None:
    """The draw belongs to the clip: each frame comes out as it would alone, and as the library itself gives it."""
    policy = compile_policy({**step, "p": 1.0})
    given = {key: tuple(value) if isinstance(value, list) else value for key, value in step.items() if key != "name"}
    sizes = {"size": (SIZE, SIZE)} if step["name"] == "RandomResizedCrop" else {}
    plain = A.Compose([getattr(A, step["name"])(**given, **sizes, p=1.0)])
    clip, changed = noise(4), False
    for seed in range(4):
        frames = policy.augment(clip, seed)
        for frame, original in zip(frames, clip, strict=True):
            np.testing.assert_array_equal(frame, policy.augment(original[None], seed)[0])
        plain.set_random_seed(seed)
        np.testing.assert_array_equal(frames, plain(images=clip)["images"])
        changed |= not np.array_equal(frames, clip)
    assert changed


@pytest.mark.parametrize("step", PIXELS, ids=names)
def test_light_blur_and_colour_leave_joints_alone(step: dict[str, Any]) -> None:
    points = np.array([[0, 0], [20, 9], [-5, 40]], np.float32)
    _, moved, mirrored = compile_policy({**step, "p": 1.0}).augment_pose(noise(), points, 3)
    np.testing.assert_array_equal(moved, points)
    assert not mirrored


def test_the_seed_decides_and_history_does_not() -> None:
    policy, points = compile_policy(*RICH), np.array([[3, 4], [20, 9]], np.float32)
    first = [policy.augment_pose(noise(), points, seed) for seed in range(6)]
    again = [policy.augment_pose(noise(), points, seed) for seed in reversed(range(6))][::-1]
    for one, other in zip(first, again, strict=True):
        np.testing.assert_array_equal(one[0], other[0])
        np.testing.assert_array_equal(one[1], other[1])
    assert len({frames.tobytes() for frames, _, _ in first}) == 6


def test_flip_moves_points_by_hand_and_says_mirrored() -> None:
    points = np.array([[0, 5], [10, 7], [-4, 40]], np.float32)  # the last lies outside
    _, moved, mirrored = compile_policy({"name": "HorizontalFlip", "p": 1.0}).augment_pose(noise(), points, 0)
    np.testing.assert_allclose(moved, [[31, 5], [21, 7], [35, 40]])
    assert mirrored


@pytest.mark.parametrize(
    ("names", "mirrored"),
    [
        (["VerticalFlip"], True),
        (["HorizontalFlip", "VerticalFlip"], False),  # a half turn
        (["Transpose"], True),
        ([], False),
    ],
)
def test_mirroring_is_seen_in_any_transform(names: list[str], mirrored: bool) -> None:
    policy = compile_policy(*({"name": name, "p": 1.0} for name in names))
    assert policy.augment_pose(noise(), np.zeros((1, 2), np.float32), 0)[2] is mirrored


@pytest.mark.parametrize("step", PLACES, ids=names)
def test_points_follow_the_pixels(step: dict[str, Any]) -> None:
    """A white dot is found where its point went; points beyond the frame move by the same map."""
    frames = np.zeros((1, SIZE, SIZE, 3), np.uint8)
    frames[0, 13:16, 17:20] = 255  # centre (18, 14)
    policy = compile_policy({**step, "p": 1.0})
    ys, xs = np.mgrid[:SIZE, :SIZE]
    places = np.array([[18, 14], [-40, 14], [76, 14]], np.float32)  # the first is half way between the others
    for seed in range(10):
        moved, points, _ = policy.augment_pose(frames, places, seed)
        weight = moved[0, ..., 0].astype(float)
        centre = [(xs * weight).sum() / weight.sum(), (ys * weight).sum() / weight.sum()]
        np.testing.assert_allclose(points[0], centre, atol=0.3)
        if step["name"] != "Perspective":  # the only one that keeps no midpoints
            np.testing.assert_allclose(points[0], points[1:].mean(axis=0), atol=1e-2)


def test_crop_policy_takes_frames_of_any_size() -> None:
    policy = compile_policy({"name": "RandomResizedCrop", "scale": [0.6, 1.0]}, has_joints=False)
    assert policy.crops_itself
    assert policy.augment(noise(2, 50, 70), 0).shape == (2, SIZE, SIZE, 3)
    assert not compile_policy(*RICH).crops_itself


def test_json_round_trip_gives_identical_output(tmp_path: Path) -> None:
    policy = compile_policy({"name": "RandomResizedCrop", "scale": [0.5, 1.0]}, *RICH)
    policy.save(tmp_path / "policy.json")
    loaded = Policy.load(tmp_path / "policy.json")
    assert loaded.digest == policy.digest == json.loads((tmp_path / "policy.json").read_text())["digest"]
    points = np.array([[3, 4], [20, 9]], np.float32)
    for seed in range(10):
        one, other = (p.augment_pose(noise(3, 40, 50), points, seed) for p in (policy, loaded))
        np.testing.assert_array_equal(one[0], other[0])
        np.testing.assert_array_equal(one[1], other[1])
        assert one[2] == other[2]


def test_digest_tells_policies_apart() -> None:
    one, other = (compile_policy({"name": "HorizontalFlip", "p": p}).digest for p in (0.5, 0.4))
    assert one != other


def test_edited_policy_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "policy.json"
    compile_policy({"name": "HorizontalFlip", "p": 0.5}).save(path)
    path.write_text(path.read_text().replace("0.5", "0.9"))
    with pytest.raises(HumotionError, match="edited"):
        Policy.load(path)


@pytest.mark.parametrize(
    ("step", "message"),
    [
        ({"name": "HorizontalFlop"}, "HorizontalFlop"),
        ({"name": "HorizontalFlip", "probability": 0.3}, "probability"),
        ({"name": "Affine", "scale": "large"}, "scale"),
        ({"name": "Resize", "height": 20, "width": 20}, "32x32"),
        ({"name": "ElasticTransform", "p": 1.0}, "drops joints"),
        ({"name": "Normalize"}, "bytes"),
        ({"name": "ToFloat"}, "bytes"),
        ({"name": "BBoxSafeRandomCrop"}, "more than frames.*bboxes"),
        ({"name": "FDA", "reference_images": []}, "FDA"),
    ],
)
def test_bad_policies_are_refused(step: dict[str, Any], message: str) -> None:
    with pytest.raises(HumotionError, match=message):
        compile_policy(step)


def test_a_transform_that_drops_points_serves_actions() -> None:
    policy = compile_policy({"name": "ElasticTransform", "p": 1.0}, has_joints=False)
    assert policy.augment(noise(), 0).shape == (3, SIZE, SIZE, 3)

"""The augmentation policy: albumentations transforms, compiled once, and applied to a complete clip.

All frames of a clip get the same parameters. The caller seeds each call, because otherwise albumentations repeats the
same sequence in every loader worker and every epoch. The compiled policy is stored as JSON with the library's version,
so that a plan describes exactly what it does.
"""

from __future__ import annotations

import inspect
import os
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")  # albumentations checks for updates on the network when imported

import albumentations as A
import numpy as np
import numpy.typing as npt

from humotion.clips import whole_clip
from humotion.errors import HumotionError
from humotion.files import read_json, write_json
from humotion.params.experiment import TransformParams
from humotion.work import digest_of

Floats = npt.NDArray[np.float32]
Frames = npt.NDArray[np.uint8]


class Policy:
    """A compiled policy for clips of one frame size.

    Attributes:
        size: side of the square output frames.
        crops_itself: True if the policy accepts frames of any size (it contains a crop to ``size``);
            False if it needs (size, size) frames.
    """

    def __init__(self, transform: A.Compose, size: int) -> None:
        self.transform = transform
        self.size = size
        self.crops_itself = _gives_squares(transform, size, (2 * size + 3, 3 * size + 5))
        if not self.crops_itself and not _gives_squares(transform, size, (size, size)):
            raise HumotionError(
                f"augment.policy does not return frames of {size}x{size} (augment.size). A transform that "
                f"changes the frame's size must return {size}."
            )

    @classmethod
    def compile(cls, steps: Sequence[TransformParams], size: int, has_joints: bool) -> Policy:
        """Build the policy; a transform that needs an output size but has none gets ``size``.

        Raises:
            HumotionError: a transform or argument is unknown. Or the policy returns frames of another size or type,
                or needs more than frames. Or, with ``has_joints``, it drops points outside the frame.
        """
        transforms = [_build(step.name, step.arguments(), size) for step in steps]
        # Points outside the frame are kept: the caller needs one for every joint.
        points = A.KeypointParams(format="xy", remove_invisible=False) if has_joints else None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # about keypoints in a policy that moves none
            compiled = A.Compose(transforms, keypoint_params=points)
        try:
            # Convert to JSON and back, because 0 and 0.0 differ there: a saved policy is then identical to this one.
            policy = cls(_from_dict(_plain(A.to_dict(compiled))), size)
        except (KeyError, RuntimeError) as error:  # boxes, masks, other images: albumentations names what is absent
            raise HumotionError(
                f"augment.policy contains a transform that needs more than frames and joints: {error}"
            ) from None
        if has_joints:
            _check_keeps_points(policy.transform, size)
        return policy

    def augment(self, frames: Frames, seed: int) -> Frames:
        """Augment all frames (N, H, W, 3) in the same way, to (N, size, size, 3)."""
        self.transform.set_random_seed(seed)
        return np.asarray(self.transform(images=frames)["images"])

    def augment_pose(self, frames: Frames, points: Floats, seed: int) -> tuple[Frames, Floats, bool]:
        """Augment all frames (N, H, W, 3) and points (M, 2) in their pixels in the same way.

        Return the frames (N, size, size, 3), the points, and whether the image was mirrored. If it was, left and
        right must be swapped. Points outside the frame keep their position outside it.
        """
        self.transform.set_random_seed(seed)
        # Three additional points show the orientation: it is reversed exactly if the image is mirrored, for any
        # combination of transforms (two mirrorings make a rotation).
        height, width = frames.shape[1:3]
        axes = np.array([[0, 0], [width - 1, 0], [0, height - 1]], np.float32)
        result = self.transform(images=frames, keypoints=np.concatenate([points, axes]))
        moved = np.asarray(result["keypoints"], np.float32)
        (ax, ay), (bx, by) = moved[-2] - moved[-3], moved[-1] - moved[-3]
        return np.asarray(result["images"]), moved[:-3], bool(ax * by - ay * bx < 0)

    @property
    def digest(self) -> str:
        """Digest of the policy: its transforms, their arguments and the library's version."""
        return digest_of(self._as_dict())

    def save(self, path: Path) -> None:
        """Write the policy as JSON."""
        write_json(path, {**self._as_dict(), "digest": self.digest})

    @classmethod
    def load(cls, path: Path) -> Policy:
        """Read a saved policy.

        Raises:
            HumotionError: the file is absent, edited by hand, or made with another version of albumentations.
        """
        if not path.exists():
            raise HumotionError(f"{path} does not exist. Run `dvc repro`, so that the augment stage creates it.")
        saved = read_json(path)
        digest = saved.pop("digest", None)
        if digest != digest_of(saved) or saved["albumentations"] != A.__version__:
            raise HumotionError(
                f"{path} was edited, or made with an albumentations version other than {A.__version__}. "
                "Run the augment stage again."
            )
        return cls(_from_dict(saved["transform"]), saved["size"])

    def _as_dict(self) -> dict[str, Any]:
        transform = _plain(A.to_dict(self.transform))
        return {"albumentations": A.__version__, "size": self.size, "transform": transform}


def _from_dict(saved: dict[str, Any]) -> A.Compose:
    with warnings.catch_warnings():
        # About keypoints in a policy that moves none, and about arguments that a transform writes but does not read.
        warnings.simplefilter("ignore", UserWarning)
        transform = A.from_dict(saved)
    assert isinstance(transform, A.Compose)
    return transform


def _build(name: str, arguments: dict[str, Any], size: int) -> A.BasicTransform:
    kind = getattr(whole_clip, name, None) or getattr(A, name, None)
    if not (inspect.isclass(kind) and issubclass(kind, A.BasicTransform)):
        raise HumotionError(f"augment.policy contains {name!r}, which albumentations {A.__version__} does not have.")
    defaults = {"size": (size, size), "height": size, "width": size}
    for key, parameter in inspect.signature(kind).parameters.items():
        if key in defaults and parameter.default in (inspect.Parameter.empty, None):
            arguments = {key: defaults[key], **arguments}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # albumentations only warns about an unknown argument
            return kind(**_tuples(arguments))
    except (UserWarning, ValueError, TypeError) as error:
        raise HumotionError(f"augment.policy: {name} cannot be built from {arguments}: {error}") from None


def _gives_squares(transform: A.Compose, size: int, shape: tuple[int, int]) -> bool:
    """Return whether the result of frames of ``shape`` is (size, size), for several random draws.

    Raises:
        HumotionError: the result is not bytes, which the models need because they normalise frames themselves.
    """
    frames = np.zeros((1, *shape, 3), np.uint8)
    for seed in range(8):
        transform.set_random_seed(seed)
        try:
            result = transform(images=frames)
        except ValueError:  # a crop larger than the frame
            return False
        if np.asarray(result["images"]).dtype != np.uint8:
            raise HumotionError("augment.policy must keep frames as bytes (0-255): models normalise them themselves.")
        if result["images"].shape[1:3] != (size, size):
            return False
    return True


def _check_keeps_points(transform: A.Compose, size: int) -> None:
    """Refuse transforms that drop points outside the frame, because joints would lose their order."""
    inside = np.linspace(0, size - 1, 7, dtype=np.float32)
    points = np.column_stack([np.concatenate([inside, inside - size]), np.concatenate([inside, inside])])
    for seed in range(8):
        transform.set_random_seed(seed)
        result = transform(images=np.zeros((1, size, size, 3), np.uint8), keypoints=points)
        if len(result["keypoints"]) != len(points):
            raise HumotionError("augment.policy contains a transform that drops joints outside the frame.")


def _tuples(value: Any) -> Any:
    """Convert lists, as read from YAML and JSON, to the tuples that albumentations needs."""
    if isinstance(value, list | tuple):
        return tuple(_tuples(item) for item in value)
    return {key: _tuples(item) for key, item in value.items()} if isinstance(value, dict) else value


def _plain(value: Any) -> Any:
    """Convert tuples to lists, so that a policy read back from JSON is equal to the written one."""
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return {key: _plain(item) for key, item in value.items()} if isinstance(value, dict) else value

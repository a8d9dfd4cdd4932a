"""The augmentation policy: albumentations transforms, compiled once, applied to a whole clip.

All frames of a clip get the same parameters. A call is seeded by the caller, because albumentations
left to itself repeats the same sequence in every loader worker and every epoch. The compiled policy
is kept as JSON with the library's version, so that a plan says exactly what it does.
"""

from __future__ import annotations

import inspect
import os
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")  # it asks the network for updates when imported

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
        size: side of the square frames that come out.
        crops_itself: True where the policy takes frames of any size (it holds a crop to ``size``);
            False where it must be given (size, size) frames.
    """

    def __init__(self, transform: A.Compose, size: int) -> None:
        self.transform = transform
        self.size = size
        self.crops_itself = _gives_squares(transform, size, (2 * size + 3, 3 * size + 5))
        if not self.crops_itself and not _gives_squares(transform, size, (size, size)):
            raise HumotionError(
                f"augment.policy does not give frames of {size}x{size} (augment.size). A transform that "
                f"changes the frame's size must end at {size}."
            )

    @classmethod
    def compile(cls, steps: Sequence[TransformParams], size: int, has_joints: bool) -> Policy:
        """Build the policy; transforms that need an output size and are given none get ``size``.

        Raises:
            HumotionError: an unknown transform or argument, a policy that gives frames of another
                size or type or needs more than frames, or, with ``has_joints``, one that drops points
                beyond the frame.
        """
        transforms = [_build(step.name, step.arguments(), size) for step in steps]
        # Points outside the frame stay: the caller needs one for every joint.
        points = A.KeypointParams(format="xy", remove_invisible=False) if has_joints else None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of keypoints in a policy that moves none
            compiled = A.Compose(transforms, keypoint_params=points)
        try:
            # Through its own JSON form once, where 0 and 0.0 differ, so that a saved policy is this very one.
            policy = cls(_from_dict(_plain(A.to_dict(compiled))), size)
        except (KeyError, RuntimeError) as error:  # boxes, masks, other images: albumentations names what is absent
            raise HumotionError(
                f"augment.policy holds a transform that needs more than frames and joints: {error}"
            ) from None
        if has_joints:
            _check_keeps_points(policy.transform, size)
        return policy

    def augment(self, frames: Frames, seed: int) -> Frames:
        """Augment frames (N, H, W, 3), the same way for all, to (N, size, size, 3)."""
        self.transform.set_random_seed(seed)
        return np.asarray(self.transform(images=frames)["images"])

    def augment_pose(self, frames: Frames, points: Floats, seed: int) -> tuple[Frames, Floats, bool]:
        """Augment frames (N, H, W, 3) and points (M, 2) in their pixels, the same way for all frames.

        Returns the frames (N, size, size, 3), the points, and whether the image was mirrored, so that
        left and right must be swapped. Points that leave the frame keep their place outside it.
        """
        self.transform.set_random_seed(seed)
        # Three extra points tell the orientation: it turns over exactly when the image is mirrored,
        # whichever transforms did it (two mirrorings make a rotation).
        height, width = frames.shape[1:3]
        axes = np.array([[0, 0], [width - 1, 0], [0, height - 1]], np.float32)
        result = self.transform(images=frames, keypoints=np.concatenate([points, axes]))
        moved = np.asarray(result["keypoints"], np.float32)
        (ax, ay), (bx, by) = moved[-2] - moved[-3], moved[-1] - moved[-3]
        return np.asarray(result["images"]), moved[:-3], bool(ax * by - ay * bx < 0)

    @property
    def digest(self) -> str:
        """Identifies what the policy does: its transforms, arguments and the library's version."""
        return digest_of(self._as_dict())

    def save(self, path: Path) -> None:
        """Write the policy as JSON."""
        write_json(path, {**self._as_dict(), "digest": self.digest})

    @classmethod
    def load(cls, path: Path) -> Policy:
        """Read a saved policy.

        Raises:
            HumotionError: absent, edited by hand, or made with another version of albumentations.
        """
        if not path.exists():
            raise HumotionError(f"{path} is not here; run `dvc repro` so that the augment stage makes it.")
        saved = read_json(path)
        digest = saved.pop("digest", None)
        if digest != digest_of(saved) or saved["albumentations"] != A.__version__:
            raise HumotionError(
                f"{path} was edited, or made with another albumentations than {A.__version__}; "
                "run the augment stage again."
            )
        return cls(_from_dict(saved["transform"]), saved["size"])

    def _as_dict(self) -> dict[str, Any]:
        transform = _plain(A.to_dict(self.transform))
        return {"albumentations": A.__version__, "size": self.size, "transform": transform}


def _from_dict(saved: dict[str, Any]) -> A.Compose:
    with warnings.catch_warnings():
        # Of keypoints in a policy that moves none, and of arguments that a transform writes but does not read.
        warnings.simplefilter("ignore", UserWarning)
        transform = A.from_dict(saved)
    assert isinstance(transform, A.Compose)
    return transform


def _build(name: str, arguments: dict[str, Any], size: int) -> A.BasicTransform:
    kind = getattr(whole_clip, name, None) or getattr(A, name, None)
    if not (inspect.isclass(kind) and issubclass(kind, A.BasicTransform)):
        raise HumotionError(f"augment.policy names {name!r}, which albumentations {A.__version__} lacks.")
    defaults = {"size": (size, size), "height": size, "width": size}
    for key, parameter in inspect.signature(kind).parameters.items():
        if key in defaults and parameter.default in (inspect.Parameter.empty, None):
            arguments = {key: defaults[key], **arguments}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # albumentations only warns of an unknown argument
            return kind(**_tuples(arguments))
    except (UserWarning, ValueError, TypeError) as error:
        raise HumotionError(f"augment.policy: {name} cannot be built from {arguments}: {error}") from None


def _gives_squares(transform: A.Compose, size: int, shape: tuple[int, int]) -> bool:
    """Whether frames of ``shape`` come out as (size, size), tried with several draws.

    Raises:
        HumotionError: they come out as something else than bytes, which models scale themselves.
    """
    frames = np.zeros((1, *shape, 3), np.uint8)
    for seed in range(8):
        transform.set_random_seed(seed)
        try:
            result = transform(images=frames)
        except ValueError:  # a crop larger than the frame
            return False
        if np.asarray(result["images"]).dtype != np.uint8:
            raise HumotionError("augment.policy must leave frames as bytes (0-255): models normalise them themselves.")
        if result["images"].shape[1:3] != (size, size):
            return False
    return True


def _check_keeps_points(transform: A.Compose, size: int) -> None:
    """Refuse transforms that drop points beyond the frame: joints would lose their order."""
    inside = np.linspace(0, size - 1, 7, dtype=np.float32)
    points = np.column_stack([np.concatenate([inside, inside - size]), np.concatenate([inside, inside])])
    for seed in range(8):
        transform.set_random_seed(seed)
        result = transform(images=np.zeros((1, size, size, 3), np.uint8), keypoints=points)
        if len(result["keypoints"]) != len(points):
            raise HumotionError("augment.policy holds a transform that drops joints outside the frame.")


def _tuples(value: Any) -> Any:
    """Lists, as YAML and JSON give them, to the tuples that albumentations asks for."""
    if isinstance(value, list | tuple):
        return tuple(_tuples(item) for item in value)
    return {key: _tuples(item) for key, item in value.items()} if isinstance(value, dict) else value


def _plain(value: Any) -> Any:
    """Tuples to lists, so that a policy reads back from JSON equal to what was written."""
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return {key: _plain(item) for key, item in value.items()} if isinstance(value, dict) else value

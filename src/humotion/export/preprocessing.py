"""Everything between a video and the inputs of an exported graph, in numbers, for programs without this package."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch

from humotion.clips.crop import CENTRE_FRACTION, FIT_MARGIN, MIN_SIDE, PAD_VALUE
from humotion.training.description import ModelDescription

RESIZE = {
    "library": "OpenCV",
    "interpolation": "INTER_AREA if the side of the window is larger than size, else INTER_LINEAR",
}
UNIFORM = (
    "N frames were decoded and T = num_frames are wanted. If N <= T: frames 0 to N - 1, then N - 1 again until there "
    "are T; is_padding is true for these repeats. If N > T: frame i is floor((2 (N - 1) i + T - 1) / (2 (T - 1))), for "
    "i from 0 to T - 1; is_padding is false. If T is 1 and N > 1: frame (N - 1) // 2."
)
WINDOWS = (
    "Windows of T = num_frames frames in a row start at 0, T, 2 T ...; a last one ends at the last frame. A video "
    "shorter than T is one window that repeats the last frame; is_padding is true for these repeats. The answer is the "
    "mean of the probabilities over the windows."
)
EACH = "Every frame of the video in order: init for the first one and step for each later one, if there are these two."
_TO_FRAME = (
    "a joint at (x, y) of the crop is at (x * scale + left + (scale - 1) / 2, y * scale + top + (scale - 1) / 2) of "
    "the frame, with scale = side / size"
)
PICTURES = "Each picture by itself; of a video, each frame."
NEIGHBOURS = (
    "Of the K = num_neighbours frames for sampled frame i, number k is frame i + k - K // 2, limited to 0 ... N - 1."
)


def preprocessing_of(description: ModelDescription, model: Any) -> dict[str, Any]:
    """What a program must do before it runs a graph.

    ``settings`` are those of the model folder. The rest says in words and numbers what they mean.
    """
    settings = description.preprocessing
    described = _INPUTS.get(settings["input"], lambda settings, model: {})
    sampling = settings.get("sampling", "uniform")
    if getattr(model, "reads", None) in (("pictures",), ("crops",)):  # it knows no time
        sampling = "each"
    text = {"each": PICTURES, "uniform": UNIFORM, "windows": WINDOWS, "consecutive": EACH}.get(sampling, sampling)
    return {
        "input": settings["input"],
        "sampling": {"name": sampling, "num_frames": settings["num_frames"], "rule": text},
        **described(settings, model),
        "settings": settings,
    }


def _pixels(model: Any) -> dict[str, Any]:
    """How bytes become numbers, which the graph does itself."""
    levels = {"type": "uint8", "colours": "RGB", "range": [0, 255]}
    within = getattr(model, "backbone", None)
    if hasattr(within, "mean"):
        mean, std = (getattr(within, name).flatten().tolist() for name in ("mean", "std"))
    else:
        black, white = (float(model.normalise(torch.full((1, 3, 1, 1), value))[0, 0]) for value in (0, 255))
        std = [1 / (white - black)] * 3
        mean = [-black / (white - black)] * 3
    rule = "(x / 255 - mean) / std, inside the graph: give it bytes"
    return {"pixels": levels | {"normalisation": rule, "mean": mean, "std": std}}


def _whole_frames(settings: Mapping[str, Any], model: Any) -> dict[str, Any]:
    crop: dict[str, Any] = {
        "window": "a square in the middle of the frame, of side max(1, round(share * min(width, height))), where round "
        "takes halves to the even number; left = (width - side) // 2, top = (height - side) // 2",
        "share": CENTRE_FRACTION,
    }
    if settings.get("around", "frame") == "person":
        crop["of_a_person"] = _person_window(settings, 'if nobody was found, the "window" in the middle')
    neighbours = {"num_neighbours": model.num_neighbours, "rule": NEIGHBOURS}
    return {**_pixels(model), "neighbours": neighbours, "crop": crop, "size": settings["size"], "resize": RESIZE}


def _person_crops(settings: Mapping[str, Any], model: Any) -> dict[str, Any]:
    crop = _person_window(settings, "a box of the person is needed for each frame")
    if settings.get("pixel_scale") is not None:
        crop["side"] = (
            "round(size / pixel_scale); if largest * pixel_scale > size, round(fit * largest); at least smallest"
        )
        crop |= {"pixel_scale": settings["pixel_scale"], "fit": FIT_MARGIN}
    return {**_pixels(model), "crop": crop, "size": settings["size"], "resize": RESIZE, "to_frame": _TO_FRAME}


def _whole_pictures(settings: Mapping[str, Any], model: Any) -> dict[str, Any]:
    crop = {
        "window": "the smallest square around the complete picture: side = max(width, height), left = (width - side) "
        "// 2, top = (height - side) // 2; what lies outside of the picture has the value fill",
        "fill": PAD_VALUE,
    }
    return {**_pixels(model), "crop": crop, "size": settings["size"], "resize": RESIZE, "to_frame": _TO_FRAME}


def _person_window(settings: Mapping[str, Any], without: str) -> dict[str, Any]:
    """The window around a person: one side for all frames of a clip, and one place per frame."""
    return {
        "boxes": f"x1, y1, x2, y2 of the person in pixels of each frame; {without}",
        "side": "the same in all frames of a clip: ceil(largest * person_scale), at least smallest; largest is the "
        "largest of x2 - x1 and y2 - y1 over the frames of the clip",
        "person_scale": settings["person_scale"],
        "smallest": MIN_SIDE,
        "window": "left = floor((x1 + x2) / 2 - (side - 1) / 2 + 0.5), top the same with y; what lies outside of the "
        "frame has the value fill",
        "fill": PAD_VALUE,
    }


def _landmarks(settings: Mapping[str, Any], model: Any) -> dict[str, Any]:
    return {
        "landmarks": {
            "known": "false where a landmark was not found; its values are then 0",
            "values": settings["values"],
            "coordinates": settings.get("coordinates", "image"),
            "placement": _PLACEMENT[settings.get("placement", "frame")],
            "gaps": "frames between two with the landmark are filled on a straight line, up to settings.longest_gap "
            "frames (null: any number)",
        }
    }


_BY_HEIGHT = "x and y in pixels divided by the height of the frame; then "
_UNIT = "is the origin, and the median length of the torso is 1 (shoulders, if the hips are mostly not visible)"
_PLACEMENT = {
    "raw": "as the tool gives them: x in units of the width and y in units of the height of the frame",
    "frame": f"{_BY_HEIGHT}the middle of the hips of each frame {_UNIT}",
    "clip": f"{_BY_HEIGHT}the median middle of the hips of the clip {_UNIT}",
}


def _joint_features(settings: Mapping[str, Any], model: Any) -> dict[str, Any]:
    features = (
        "of the frozen network of settings.layer: features at each joint, frame of the complete frame; 0 if unknown"
    )
    return {**_landmarks(settings, model), "features": features}


_INPUTS: dict[str, Callable[[Mapping[str, Any], Any], dict[str, Any]]] = {
    "whole_frames": _whole_frames,
    "whole_pictures": _whole_pictures,
    "person_crops": _person_crops,
    "landmarks": _landmarks,
    "joint_features": _joint_features,
}

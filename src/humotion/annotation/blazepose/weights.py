"""The published files of weights: their names, their checksums, and where they are kept."""

from __future__ import annotations

from pathlib import Path

from humotion.params.annotation.blazepose import BlazePoseParams
from humotion.work import main_checkout, published_file

FOLDER = Path("weights") / "blazepose"
DETECTOR = "pose_detection.tflite"
SHA256 = {
    DETECTOR: "a63c614bef30d35947f13be361820b1e4e3bec9cfeebf4d11216a18373108e85",
    "pose_landmark_lite.tflite": "f17bfbecadb61c3be1baa8b8d851cc6619c870a87167b32848ad20db306b9d61",
    "pose_landmark_full.tflite": "e9a5c5cb17f736fafd4c2ec1da3b3d331d6edbe8a0d32395855aeb2cdfd64b9f",
    "pose_landmark_heavy.tflite": "59e42d71bcd44cbdbabc419f0ff76686595fd265419566bd4009ef703ea8e1fe",
}

_IN_PACKAGE = {name: f"package/{name}" for name in SHA256} | {DETECTOR: "package/pose_solution_packed_assets.data"}
PACKAGE = (
    "@mediapipe/pose",
    "0.5.1675469404",
    "8bb349a7b3a3ba699df23be804ddd3b3eab810b50b15406894be257859388a84",
    _IN_PACKAGE,
    "Apache-2.0",
)
"""The package of npm that has the files: name, version, SHA-256, paths inside, licence. See `humotion fetch`."""


def landmark_file(model: str) -> str:
    """The name of a landmark network's file."""
    return f"pose_landmark_{model}.tflite"


def find_weights(settings: BlazePoseParams) -> dict[str, Path]:
    """The files that these settings need, by name.

    Raises:
        HumotionError: one is missing, or it is not the published file. The message says how to get it.
    """
    folder = settings.weights or main_checkout() / FOLDER
    needed = [landmark_file(settings.model)]
    if settings.runtime == "litert":
        needed.insert(0, DETECTOR)
    return {name: published_file(folder / name, SHA256[name], "BlazePose", "blazepose") for name in needed}

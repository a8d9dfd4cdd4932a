"""`humotion predict`: the label and the joints of one video, and an annotated copy of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from humotion.errors import HumotionError
from humotion.figures.overlay import draw_skeleton, write_video
from humotion.params.document import PARAMS_FILE, load_params
from humotion.prediction.predictor import (
    ActionPredictor,
    DecodedVideo,
    PosePredictor,
    Predictor,
    load_predictor,
    read_video,
)
from humotion.store.skeleton import SKELETONS

SHOWN_CLASSES = 5


def predict_video(path: Path, models: list[str], out: Path | None) -> None:
    """Print what the models say of a video; with ``out``, write it with the joints drawn as MP4.

    ``models`` are model folders or MLflow model URIs; none means every folder below ``models/``.
    """
    folders = [_model_folder(model) for model in models] or sorted(
        found.parent for found in Path("models").glob("*/model.json")
    )
    if not folders:
        raise HumotionError("There is no trained model here: run `dvc repro`, or name one with --model.")
    video = read_video(path)
    print(f"{path}: {video.num_frames} frames of {video.width}x{video.height}")
    frames = video.frames
    for folder in folders:
        frames = _report(load_predictor(folder), video, frames)
    if out is not None:
        write_video(out, list(frames), video.fps)
        print(f"annotated video: {out}")


def _report(predictor: Predictor, video: DecodedVideo, frames: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Print one model's answer and return the frames with it drawn, where it can be drawn."""
    name = f"{predictor.description.experiment} on {predictor.description.dataset}"
    if isinstance(predictor, ActionPredictor):
        best = list(predictor.probabilities(video).items())[:SHOWN_CLASSES]
        print(f"{name}: " + ", ".join(f"{label} {probability:.0%}" for label, probability in best))
        return frames
    assert isinstance(predictor, PosePredictor)
    joints, score = predictor.joints(video)
    skeleton = SKELETONS[predictor.description.meta["skeleton"]]
    print(f"{name}: {len(skeleton.joints)} joints, mean peak {score.mean():.2f}")
    return np.stack([draw_skeleton(frame, xy, None, skeleton) for frame, xy in zip(frames, joints, strict=True)])


def _model_folder(model: str) -> Path:
    if "://" not in model and not model.startswith("models:/"):
        return Path(model)
    from humotion.tracking.registry import download_model

    configured = load_params().machine.tracking_uri if PARAMS_FILE.exists() else None  # works outside a checkout, too
    folder = download_model(model, configured)
    return next(found.parent for found in folder.rglob("model.json"))

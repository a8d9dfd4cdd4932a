"""`humotion predict`: the predictions of trained models for one video, and an annotated copy of it."""

from __future__ import annotations

from pathlib import Path

from humotion.errors import HumotionError
from humotion.figures.overlay import write_video
from humotion.params.document import PARAMS_FILE, load_params
from humotion.prediction.predictor import load_predictor, read_video


def predict_video(path: Path, models: list[str], out: Path | None) -> None:
    """Print the predictions of models for a video; with ``out``, also draw them and write the video as MP4.

    ``models`` are model folders or MLflow model URIs. If it is empty, every folder below ``models/`` is used.
    """
    folders = [_model_folder(model) for model in models] or sorted(
        found.parent for found in Path("models").glob("*/model.json")
    )
    if not folders:
        raise HumotionError("There is no trained model here. Run `dvc repro`, or name a model with --model.")
    video = read_video(path)
    print(f"{path}: {video.num_frames} frames of {video.width}x{video.height}")
    frames = video.frames
    for folder in folders:
        predictor = load_predictor(folder)
        text, frames = predictor.answer(video, frames)
        print(f"{predictor.description.experiment} on {predictor.description.dataset}: {text}")
    if out is not None:
        write_video(out, list(frames), video.fps)
        print(f"annotated video: {out}")


def _model_folder(model: str) -> Path:
    if "://" not in model and not model.startswith("models:/"):
        return Path(model)
    from humotion.tracking.registry import download_model

    configured = (
        load_params().machine.tracking_uri if PARAMS_FILE.exists() else None
    )  # this also works outside a checkout
    folder = download_model(model, configured)
    return next(found.parent for found in folder.rglob("model.json"))

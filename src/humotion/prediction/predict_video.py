"""`humotion predict`: the predictions of trained models for one video, and an annotated copy of it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from humotion.errors import HumotionError
from humotion.params.document import PARAMS_FILE, load_params
from humotion.prediction.caution import with_caution
from humotion.prediction.drawn_copy import check_out, write_copy
from humotion.prediction.predictor import Answer, Predictor, load_predictor
from humotion.prediction.video_file import Frames, VideoFile, read_video


def predict_video(path: Path, models: list[str], out: Path | None, as_json: bool = False) -> None:
    """Print the predictions of models for a video; with ``out``, also draw them into a copy of the video.

    ``models`` are model folders or MLflow model URIs. If it is empty, every folder below ``models/`` is used.
    ``as_json`` prints one JSON document at the end instead of lines on the way.

    Raises:
        HumotionError: there is no model, no frame can be read, or ``out`` cannot be written.
    """
    if out is not None:
        check_out(out, path)
    folders = model_folders(models)

    def say(text: str) -> None:
        if not as_json:
            print(text)

    video = read_video(path)
    say(_about(video))
    answers = []
    for folder in folders:
        predictor = load_predictor(folder)
        if predictor.caution:
            say(f"{predictor.description.experiment} on {predictor.description.dataset} was {predictor.caution}.")
        answers.append((predictor, predictor.answer(video)))
        say(f"{predictor.description.experiment} on {predictor.description.dataset}: {answers[-1][1].text}")
    notes = [] if out is None else write_copy(out, _drawn(video, answers), video)
    if out is not None:
        say("\n".join([f"annotated video: {out}", *notes]))
    if as_json:
        print(json.dumps({"videos": [_facts(video, answers, out, notes)]}, indent=2, ensure_ascii=False))


def model_folders(models: Sequence[str]) -> list[Path]:
    """Return the folders of models (paths or MLflow model URIs); without any, every folder below ``models/``.

    Raises:
        HumotionError: there is no model.
    """
    folders = [_model_folder(model) for model in models] or sorted(
        found.parent for found in Path("models").glob("*/model.json")
    )
    if not folders:
        raise HumotionError("There is no trained model here. Run `dvc repro`, or name a model with --model.")
    return folders


def _about(video: VideoFile) -> str:
    """One line about the frames and, if there is more to say, one with what `humotion probe` says of it."""
    line = f"{video.path}: {video.num_frames} frames of {video.width}x{video.height}"
    if video.status == "ok":
        return line if video.error is None else f"{line}\n{video.path}: {video.error}."
    return f"{line}\n{video.path} is {video.status}: {video.error}. The predictions are for these frames alone."


def _drawn(video: VideoFile, answers: Sequence[tuple[Predictor, Answer]]) -> Iterator[Frames]:
    """The frames with the drawings of all models, one at a time, and with what must be known of the models."""
    draws = [answer.draw for _, answer in answers if answer.draw is not None]
    caution = "; ".join(dict.fromkeys(predictor.caution for predictor, _ in answers if predictor.caution))
    for number, frame in enumerate(video):
        for draw in draws:
            frame = draw(number, frame)
        yield with_caution(frame, caution)


def _facts(
    video: VideoFile, answers: Sequence[tuple[Predictor, Answer]], out: Path | None, notes: Sequence[str]
) -> dict[str, Any]:
    """What is known of a video, for programs; the names are those of ``humotion probe --json``."""
    return {
        "path": str(video.path),
        "status": video.status,
        "error": video.error,
        "num_frames": video.num_frames,
        "width": video.width,
        "height": video.height,
        "fps": video.fps,
        "predictions": [
            {
                "experiment": predictor.description.experiment,
                "dataset": predictor.description.dataset,
                "task": predictor.description.task,
                "caution": predictor.caution,
                "text": answer.text,
                **answer.values,
            }
            for predictor, answer in answers
        ],
        "out": None if out is None else str(out),
        "notes": list(notes),
    }


def _model_folder(model: str) -> Path:
    if "://" not in model and not model.startswith("models:/"):
        return Path(model)
    from humotion.tracking.registry import download_model

    configured = (
        load_params().machine.tracking_uri if PARAMS_FILE.exists() else None
    )  # this also works outside a checkout
    folder = download_model(model, configured)
    found = sorted(path.parent for path in folder.rglob("model.json"))
    if len(found) != 1:
        what = "no model of humotion (there is no model.json)" if not found else f"{len(found)} models, not one"
        raise HumotionError(f"{model} holds {what}. Name the folder of a model with --model.")
    return found[0]

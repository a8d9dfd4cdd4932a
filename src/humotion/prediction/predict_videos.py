"""`humotion predict`: what trained models say of videos, as text, JSON, tables, and annotated copies."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, Protocol

from humotion.errors import HumotionError
from humotion.prediction.answers import answers_of, facts_of, read_for
from humotion.prediction.bars import read_with_bar
from humotion.prediction.drawn_copy import FORMATS, PICTURES, check_out, drawn_frames, ending_of, endings_of, write_copy
from humotion.prediction.models import model_folders
from humotion.prediction.predictor import Predictor, load_predictor
from humotion.prediction.results import write_results
from humotion.prediction.rows import json_pieces
from humotion.prediction.sources import Source, sources_of
from humotion.prediction.timeline.watch import WindowSettings
from humotion.prediction.video_file import VideoFile


class Log(Protocol):
    """What keeps the predictions of a command (`humotion.drift.logged`)."""

    def start(self, folders: Sequence[Path]) -> None:
        """Called with the folders of the models."""

    def add(self, facts: Mapping[str, Any], video: VideoFile | None) -> None:
        """Called for each video with what `humotion predict --json` prints of it; ``video`` is None if it failed."""

    def end(self) -> Mapping[str, Any]:
        """Called after the last video; returns what was logged, a JSON value with ``run``, ``store`` and ``said``."""


def predict_videos(
    arguments: Sequence[str],
    models: Sequence[str],
    out: Path | None,
    as_json: bool = False,
    settings: WindowSettings | None = None,
    log: Log | None = None,
) -> None:
    """Print what models say of videos; with ``out``, write it, too.

    A video that cannot be read does not stop the others.

    Args:
        arguments: see `humotion.prediction.sources.sources_of`.
        models: model folders or MLflow model URIs; empty: every folder below ``models/``.
        out: a video file for the annotated copy of one video, or a folder for everything about each video.
        as_json: print one JSON document at the end instead of lines on the way.
        settings: of the windows of long videos.
        log: keeps the predictions, also that a video could not be read.

    Raises:
        HumotionError: there is no model or no video, a video cannot be read, or ``out`` cannot be written.
    """
    sources = sources_of(arguments)
    if out is not None:
        _check(out, sources)
    settings = settings or WindowSettings()
    folders = model_folders(models)
    predictors = [load_predictor(folder, settings.weights) for folder in folders]
    if log is not None:
        log.start(folders)
    documents, failed = [], []
    for source in sources:
        try:
            documents.append(_predict(source, predictors, out, as_json, settings, log))
        except HumotionError as error:
            if len(sources) == 1 and log is None:
                raise
            failed.append(str(source.path))
            documents.append({"path": str(source.path), "status": "failed", "error": str(error), "predictions": []})
            if log is not None:
                log.add(documents[-1], None)
            print(f"{source.path}: {error}", file=sys.stderr)
    logged = {} if log is None else {"log": log.end()}
    if as_json:
        sys.stdout.writelines(chain(json_pieces({"videos": documents, **logged}), ["\n"]))
        sys.stdout.flush()
    elif logged:
        print(_about_log(logged["log"]))
    if failed:
        named = ", ".join(failed[:3]) + (", ..." if len(failed) > 3 else "")
        raise HumotionError(f"{len(failed)} of {len(sources)} videos have no prediction: {named}.")


def _check(out: Path, sources: Sequence[Source]) -> None:
    """Refuse what cannot be written, or would replace a source, before any work."""
    if not _is_folder(out):
        if len(sources) > 1:
            raise HumotionError(f"--out {out}: there are {len(sources)} videos. Name a folder.")
        check_out(out, sources[0].path)
        return
    if out.exists() and not out.is_dir():
        raise HumotionError(
            f"--out {out} is a file. Name a folder, or a video that ends with one of {' '.join(FORMATS)}."
        )
    for source in sources:
        for ending in endings_of(source.path):
            check_out(out / source.name.with_name(source.name.name + ending), source.path)


def _is_folder(out: Path) -> bool:
    return out.is_dir() or not out.suffix


def _predict(
    source: Source,
    predictors: Sequence[Predictor],
    out: Path | None,
    as_json: bool,
    settings: WindowSettings,
    log: Log | None,
) -> dict[str, Any]:
    """Predict one video, print what is said of it, write what is asked for, and return what is known of it."""

    def say(text: str) -> None:
        if not as_json:
            print(text, flush=True)

    video = read_for(source.path, predictors, read=read_with_bar)
    say(_about(video))
    for predictor in predictors:
        if predictor.caution:
            say(f"{predictor.description.experiment} on {predictor.description.dataset} was {predictor.caution}.")
    answers = answers_of(video, predictors, settings)
    for predictor, answer in zip(predictors, answers, strict=True):
        say(f"{predictor.description.experiment} on {predictor.description.dataset}: {answer.text}")
    notes: list[str] = []
    facts = {**facts_of(video, predictors, answers), "out": None, "notes": notes}
    if out is not None:
        stem = out / source.name
        copy = stem.with_name(stem.name + ending_of(video)) if _is_folder(out) else out
        copy.parent.mkdir(parents=True, exist_ok=True)
        notes += write_copy(copy, drawn_frames(video, predictors, answers), video)
        facts["out"] = str(copy)
        what = "picture" if copy.suffix in PICTURES else "video"
        say("\n".join([f"annotated {what}: {copy}", *notes]))
        if _is_folder(out):
            written = write_results(stem, facts, video.shown_at)
            say(f"results: {' '.join(map(str, written))}")
    if log is not None:
        log.add(facts, video)
    return facts


def _about_log(logged: Mapping[str, Any]) -> str:
    """What was logged and where, and what is said of the footage."""
    where = f"run {logged['run']} ({logged['run_id']}) in {logged['store']}"
    report = "report.md among its files" if logged["report"] is None else logged["report"]
    return "\n".join([*(line.replace("**", "") for line in logged["said"]), f"logged: {where}", f"report: {report}"])


def _about(video: VideoFile) -> str:
    """One line about the frames and, if there is more to say, one with what `humotion probe` says of it."""
    line = f"{video.path}: {video.num_frames} frames of {video.width}x{video.height}"
    if video.status == "ok":
        return line if video.error is None else f"{line}\n{video.path}: {video.error}."
    return f"{line}\n{video.path} is {video.status}: {video.error}. The predictions are for these frames alone."

"""Footage in the report of an action evaluation: confident errors and successes, and pairs of confused classes."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pandas as pd
from tqdm import tqdm

from humotion.clips.datamodule import ClipDataModule
from humotion.figures.contact_sheet import Tile, write_contact_sheet
from humotion.figures.overlay import write_video
from humotion.figures.text_band import text_band
from humotion.system.names import file_stems

Floats = npt.NDArray[np.float64]
FRAMES_SHOWN = 6
OVERLAY_HEIGHT = 288
PAIRS_SHOWN = 6


def draw_overlays(
    folder: Path,
    data: ClipDataModule,
    clips: pd.DataFrame,
    probabilities: Floats,
    count: int,
) -> dict[str, str]:
    """Write the most confident errors and successes as one contact sheet, and as short videos.

    Return the text on each clip, by clip_id, errors first.
    """
    classes: list[str] = data.meta["classes"]
    predicted = probabilities.argmax(axis=1)
    is_right = predicted == clips["label_id"].to_numpy()
    by_confidence = np.argsort(-probabilities.max(axis=1), kind="stable")
    wrong, right = ([index for index in by_confidence if is_right[index] == kind] for kind in (False, True))
    num_wrong = min(len(wrong), max((count + 1) // 2, count - len(right)))
    chosen = [*wrong[:num_wrong], *right[: count - num_wrong]]
    names = file_stems(clips["clip_id"].iloc[chosen])
    rows, said = [], {}
    for index in tqdm(chosen, desc="overlays", unit="clip"):
        clip = clips.iloc[index]
        video = data.store[clip["video_id"]]
        verdict = "right" if is_right[index] else "wrong"
        text = f"{classes[predicted[index]]} {probabilities[index].max():.0%} ({verdict}: {clip['label']})"
        said[clip["clip_id"]] = text
        rows.append((f"{text}   {clip['clip_id']}", tiles_of(data, clip, FRAMES_SHOWN)))
        frames = (caption(video.decode([number])[0], text) for number in range(video.num_frames))
        write_video(folder / "overlays" / f"{verdict}_{names[clip['clip_id']]}.mp4", frames, video.fps or 30.0)
    if rows:
        write_contact_sheet(folder / "overlays.jpg", rows)
    return said


def caption(frame: npt.NDArray[np.uint8], text: str) -> npt.NDArray[np.uint8]:
    """Return the enlarged frame, with a line of text on a dark band below it."""
    factor = max(1, round(OVERLAY_HEIGHT / frame.shape[0]))
    size = frame.shape[1] * factor, frame.shape[0] * factor
    image = cv2.resize(frame, size, interpolation=cv2.INTER_CUBIC)
    return np.concatenate([image, text_band(text, image.shape[1])]).astype(np.uint8)


def tiles_of(data: ClipDataModule, clip: pd.Series, count: int, what: str = "") -> list[Tile]:
    """Sampled frames of a clip, evenly spread, with ``what`` they are and their numbers below."""
    sampled = clip["frame_indices"]
    shown = sampled[np.linspace(0, len(sampled) - 1, count).astype(int)]
    frames = data.store[clip["video_id"]].decode(shown)
    lines = [what] if what else []
    return [Tile(frame, [*lines, f"frame {number}"]) for frame, number in zip(frames, shown, strict=True)]


def draw_pairs(
    path: Path, data: ClipDataModule, clips: pd.DataFrame, probabilities: Floats, pairs: pd.DataFrame
) -> None:
    """Write a sheet of the most confused pairs: the most confident such clip, next to a clip of the predicted class.

    The second clip is the one of that class for which the model is most confident. ``pairs`` is the result of
    `humotion.tasks.action_recognition.evaluation.details.confused_pairs`. If there are no pairs, no file is written.
    """
    classes: list[str] = data.meta["classes"]
    labels, by_id = clips["label"].to_numpy(), clips.set_index("clip_id", drop=False)
    rows = []
    for pair in pairs.head(PAIRS_SHOWN).to_dict("records"):
        wrong = by_id.loc[json.loads(pair["examples"])[0]]
        tiles = tiles_of(data, wrong, FRAMES_SHOWN // 2, f"is {pair['label']}")
        belief = np.where(labels == pair["predicted"], probabilities[:, classes.index(pair["predicted"])], -1)
        if belief.max() >= 0:
            tiles += tiles_of(data, clips.iloc[int(belief.argmax())], FRAMES_SHOWN // 2, f"is {pair['predicted']}")
        of = f"{pair['count']} of {round(pair['count'] / pair['share'])}"
        rows.append((f"{pair['label']} predicted as {pair['predicted']}: {of}   {wrong['clip_id']}", tiles))
    if rows:
        write_contact_sheet(path, rows)

"""The results of a video as files: everything as JSON, actions and joints as tables, and joints in COCO's format."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from humotion.files import atomic_path, write_json

_PERSON = 1  # COCO's number of the category


def write_results(stem: Path, facts: Mapping[str, Any], times: Sequence[float]) -> list[Path]:
    """Write ``STEM.json``, ``STEM.actions.csv``, ``STEM.joints.csv`` and ``STEM.coco.json``; return what was written.

    Files about actions or joints are written if a model says something about them.

    Args:
        stem: path without an ending; its folder is made.
        facts: what `humotion predict --json` prints of the video.
        times: when each frame is shown, in seconds.
    """
    stem.parent.mkdir(parents=True, exist_ok=True)
    whole = _beside(stem, ".json")
    write_json(whole, dict(facts))
    written = [whole]
    for ending, rows in ((".actions.csv", _actions(facts)), (".joints.csv", _joints(facts, times))):
        if table := list(rows):
            written.append(_beside(stem, ending))
            with atomic_path(written[-1]) as temporary:
                pd.DataFrame(table).to_csv(temporary, index=False)
    for prediction in facts["predictions"]:
        if "joints" in prediction:
            written.append(_beside(stem, f".{prediction['experiment']}.coco.json"))
            write_json(written[-1], coco_of(facts, prediction, times))
    return written


def coco_of(facts: Mapping[str, Any], prediction: Mapping[str, Any], times: Sequence[float]) -> dict[str, Any]:
    """The joints of a video as a COCO keypoint file: each frame is an image, numbered from 0.

    A joint that the model does not believe has x, y and v of 0, as COCO has it for joints without a label; a believed
    one has v of 2. ``scores`` has the score of every joint, ``score`` their mean over the believed ones.
    """
    joints = prediction["joints"]
    annotations: list[dict[str, Any]] = []
    for number, (points, is_believed) in enumerate(zip(joints["frames"], joints["believed"], strict=True)):
        believed = [point for point, sure in zip(points, is_believed, strict=True) if sure]
        if not believed:
            continue
        xs, ys = [point[0] for point in believed], [point[1] for point in believed]
        box = [min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys)]
        flat = [
            (point[0], point[1], 2) if is_sure else (0, 0, 0)
            for point, is_sure in zip(points, is_believed, strict=True)
        ]
        annotations.append(
            {
                "id": len(annotations) + 1,
                "image_id": number,
                "category_id": _PERSON,
                "keypoints": [value for triple in flat for value in triple],
                "num_keypoints": len(believed),
                "scores": [point[2] for point in points],
                "score": round(sum(point[2] for point in believed) / len(believed), 4),
                "bbox": [round(value, 3) for value in box],
                "area": round(box[2] * box[3], 3),
                "iscrowd": 0,
            }
        )
    images = [
        {
            "id": number,
            "file_name": f"{facts['path']}#{number}",
            "width": facts["width"],
            "height": facts["height"],
            "seconds": round(time, 4),
        }
        for number, time in enumerate(times)
    ]
    edges = [[first + 1, second + 1] for first, second in joints["edges"]]  # COCO counts from 1
    category = {"id": _PERSON, "name": "person", "keypoints": list(joints["names"]), "skeleton": edges}
    return {"images": images, "annotations": annotations, "categories": [category]}


def _actions(facts: Mapping[str, Any]) -> Iterable[dict[str, Any]]:
    """One row per action of a timeline; of a short video, one for all of it."""
    for prediction in facts["predictions"]:
        name = {"experiment": prediction["experiment"]}
        if "timeline" in prediction:
            yield from ({**name, **segment} for segment in prediction["timeline"]["segments"])
        elif "label" in prediction:
            label = prediction["label"]
            confidence = prediction["probabilities"][label]
            yield {**name, "start": 0.0, "end": facts["seconds"], "label": label, "confidence": round(confidence, 4)}


def _joints(facts: Mapping[str, Any], times: Sequence[float]) -> Iterable[dict[str, Any]]:
    """One row per joint and frame."""
    for prediction in facts["predictions"]:
        joints = prediction.get("joints", {"frames": ()})
        for number, points in enumerate(joints["frames"]):
            believed = joints["believed"][number]
            for name, (x, y, score), is_sure in zip(joints["names"], points, believed, strict=True):
                yield {
                    "experiment": prediction["experiment"],
                    **{"frame": number, "seconds": round(times[number], 4), "joint": name},
                    **{"x": x, "y": y, "score": score, "believed": is_sure},
                }


def _beside(stem: Path, ending: str) -> Path:
    return stem.with_name(stem.name + ending)

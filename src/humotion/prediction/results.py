"""The results of a video as files: everything as JSON, actions and joints as tables, and joints in COCO's format."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from humotion.files import atomic_path
from humotion.prediction.rows import Rows, write_rows

_PERSON = 1  # COCO's number of the category


def write_results(stem: Path, facts: Mapping[str, Any], times: Sequence[float]) -> list[Path]:
    """Write ``STEM.json``, ``STEM.actions.csv``, ``STEM.joints.csv``, ``STEM.people.csv`` and ``STEM.NAME.coco.json``.

    Return what was written. Files about actions, joints or people are written if a model says something about them.

    Args:
        stem: path without an ending; its folder is made.
        facts: what `humotion predict --json` prints of the video.
        times: when each frame is shown, in seconds.
    """
    stem.parent.mkdir(parents=True, exist_ok=True)
    whole = _beside(stem, ".json")
    write_rows(whole, facts)
    written = [whole]
    tables = {
        ".actions.csv": _actions(facts),
        ".joints.csv": _joints(facts, times),
        ".people.csv": _people(facts, times),
    }
    for ending, rows in tables.items():
        written += _write_table(_beside(stem, ending), iter(rows))
    for prediction in facts["predictions"]:
        if prediction.keys() & {"joints", "people"}:
            written.append(_beside(stem, f".{prediction['experiment']}.coco.json"))
            write_rows(written[-1], coco_of(facts, prediction, times))
    return written


def _write_table(path: Path, rows: Iterator[Mapping[str, Any]]) -> list[Path]:
    """Write rows as CSV, one after the other, and return the path; nothing if there is no row."""
    first = next(rows, None)
    if first is None:
        return []
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, list(first), lineterminator="\n")
        table.writeheader()
        table.writerows(chain([first], rows))
    return [path]


def coco_of(facts: Mapping[str, Any], prediction: Mapping[str, Any], times: Sequence[float]) -> dict[str, Any]:
    """The joints of a video as a COCO keypoint file: each frame is an image, numbered from 0.

    A joint that the model does not believe has x, y and v of 0, as COCO has it for joints without a label; a believed
    one has v of 2. ``scores`` has the score of every joint, ``score`` their mean over the believed ones. Of several
    people, each has the ``score`` that the model gives the person, and a ``track_id`` if it was followed.
    """
    found = prediction.get("joints") or prediction["people"]
    shown = _shown(prediction)

    def annotation(row: int) -> dict[str, Any]:
        number, place = shown[row]
        if "joints" in prediction:
            person = _person(found["frames"][number], found["believed"][number])
        else:
            one = found["frames"][number][place]
            track = {} if one["track"] is None else {"track_id": one["track"]}
            person = {**_person(one["joints"], one["believed"]), "score": one["score"], **track}
        return {"id": row + 1, "image_id": number, **person}

    def image(number: int) -> dict[str, Any]:
        return {
            "id": number,
            "file_name": f"{facts['path']}#{number}",
            "width": facts["width"],
            "height": facts["height"],
            "seconds": round(times[number], 4),
        }

    edges = [[first + 1, second + 1] for first, second in found["edges"]]  # COCO counts from 1
    category = {"id": _PERSON, "name": "person", "keypoints": list(found["names"]), "skeleton": edges}
    return {
        "images": Rows(len(times), image),
        "annotations": Rows(len(shown), annotation),
        "categories": [category],
    }


def _shown(prediction: Mapping[str, Any]) -> list[tuple[int, int]]:
    """The frame of each person with a believed joint, and its place in the frame."""
    if "joints" in prediction:
        return [(number, 0) for number, sure in enumerate(prediction["joints"]["believed"]) if any(sure)]
    return [
        (number, place)
        for number, people in enumerate(prediction["people"]["frames"])
        for place, one in enumerate(people)
        if any(one["believed"])
    ]


def _person(points: Sequence[Sequence[float]], is_believed: Sequence[bool]) -> dict[str, Any]:
    """The person of a frame, from x, y and score of each joint, of which at least one is believed."""
    believed = [point for point, sure in zip(points, is_believed, strict=True) if sure]
    xs, ys = [point[0] for point in believed], [point[1] for point in believed]
    box = [min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys)]
    flat = [(point[0], point[1], 2) if sure else (0, 0, 0) for point, sure in zip(points, is_believed, strict=True)]
    return {
        "category_id": _PERSON,
        "keypoints": [value for triple in flat for value in triple],
        "num_keypoints": len(believed),
        "scores": [point[2] for point in points],
        "score": round(sum(point[2] for point in believed) / len(believed), 4),
        "bbox": [round(value, 3) for value in box],
        "area": round(box[2] * box[3], 3),
        "iscrowd": 0,
    }


def _actions(facts: Mapping[str, Any]) -> Iterable[dict[str, Any]]:
    """One row per action of a timeline; of a short video, one for all of it."""
    for prediction in facts["predictions"]:
        name = {"experiment": prediction["experiment"]}
        if "timeline" in prediction:
            yield from ({**name, **segment} for segment in prediction["timeline"]["segments"])
        elif prediction.get("label") is not None:
            label = prediction["label"]
            confidence = prediction["probabilities"][label]
            yield {**name, "start": 0.0, "end": facts["seconds"], "label": label, "confidence": round(confidence, 4)}


def _joints(facts: Mapping[str, Any], times: Sequence[float]) -> Iterable[dict[str, Any]]:
    """One row per joint and frame."""
    for prediction in facts["predictions"]:
        joints = prediction.get("joints", {"frames": ()})
        for number, points in enumerate(joints["frames"]):
            believed, seconds = joints["believed"][number], round(times[number], 4)
            for name, (x, y, score), is_sure in zip(joints["names"], points, believed, strict=True):
                yield {
                    "experiment": prediction["experiment"],
                    **{"frame": number, "seconds": seconds, "joint": name},
                    **{"x": x, "y": y, "score": score, "believed": is_sure},
                }


def _people(facts: Mapping[str, Any], times: Sequence[float]) -> Iterable[dict[str, Any]]:
    """One row per joint that was found, of each person in each frame."""
    for prediction in facts["predictions"]:
        found = prediction.get("people", {"frames": ()})
        for number, people in enumerate(found["frames"]):
            for place, one in enumerate(people):
                for name, (x, y, score), is_sure in zip(found["names"], one["joints"], one["believed"], strict=True):
                    if (x, y, score) != (0, 0, 0):
                        yield {
                            "experiment": prediction["experiment"],
                            **{"frame": number, "seconds": round(times[number], 4), "person": place},
                            **{"track": one["track"], "person_score": one["score"], "joint": name},
                            **{"x": x, "y": y, "score": score, "believed": is_sure},
                        }


def _beside(stem: Path, ending: str) -> Path:
    return stem.with_name(stem.name + ending)

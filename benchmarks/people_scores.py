"""Scoring many images of people: AP of this project, compared with pycocotools, and the paired bootstrap."""

from __future__ import annotations

import argparse
import contextlib
import io
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from benchmarks.measure import Target, Work, as_json, compare, hardware, table, write_report
from humotion.evaluation.average_precision import ap_of
from humotion.evaluation.paired_ap import paired_ap
from humotion.tasks.multi_person_pose.evaluation.coco_ap import average_precision
from humotion.tasks.multi_person_pose.training.matching import match
from humotion.tasks.multi_person_pose.training.people import People, to_results
from humotion.tasks.multi_person_pose.training.truth import Truth, as_truth

OURS, MATCHES, THEIRS = "average_precision", "match and ap_of", "pycocotools"
NUM_JOINTS = 17

DESCRIPTION = """\
AP of made-up people by three ways, from arrays of joints to the scores, in turns:

  average_precision   what this project reports: faster-coco-eval, all ten scores
  match and ap_of     what its bootstrap runs: AP alone
  pycocotools         COCO's own code, all ten scores

All must give the same AP. Then the paired bootstrap: the time of one draw of all images, for two methods.

  python -m benchmarks.people_scores --images 5000 --people 10 --detections 20 --repeats 1
"""


def made_up(num_images: int, num_people: int, num_found: int) -> tuple[Truth, dict[int, People]]:
    """Labelled images, and detections near the labelled people, in turns, with random scores."""
    random = np.random.default_rng(0)
    annotations: list[dict[str, Any]] = []
    found: dict[int, People] = {}
    for image in range(1, num_images + 1):
        places = random.uniform(0, 480, (num_people, 1, 2)) + random.uniform(0, 150, (num_people, NUM_JOINTS, 2))
        flags = random.integers(0, 3, (num_people, NUM_JOINTS, 1))
        for place, flag in zip(places, flags, strict=True):
            low, size = place.min(axis=0), np.ptp(place, axis=0)
            annotations.append(
                {
                    **{"id": len(annotations) + 1, "image_id": image, "area": float(0.6 * size.prod())},
                    "bbox": [*low.tolist(), *size.tolist()],
                    "keypoints": np.concatenate([place * (flag > 0), flag], axis=1).reshape(-1).tolist(),
                }
            )
        noise = random.normal(0, random.uniform(1, 15, (num_found, 1, 1)), (num_found, NUM_JOINTS, 2))
        joints = np.resize(places, noise.shape) + noise
        boxes = np.concatenate([joints.min(axis=1), joints.max(axis=1)], axis=1)
        found[image] = People(joints, np.ones(joints.shape[:2]), random.uniform(size=num_found), boxes)
    return as_truth([{"id": image} for image in found], annotations, "coco"), found


def by_pycocotools(truth: Truth, people: dict[int, People]) -> COCOeval:
    """The evaluation of COCO's code: ``stats`` are the ten scores, AP first, and ``ious`` the OKS of each image."""
    labels = {
        "images": truth.images,
        "categories": [{"id": 1}],
        "annotations": [dict(one) for one in truth.annotations],
    }
    with contextlib.redirect_stdout(io.StringIO()):
        known = COCO()
        known.dataset = labels
        known.createIndex()
        results = [one for image, found in people.items() for one in to_results(image, found)]
        evaluation = COCOeval(known, known.loadRes(results), "keypoints")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return evaluation


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=500, help="number of images (%(default)s)")
    parser.add_argument("--people", type=int, default=10, help="labelled people per image (%(default)s)")
    parser.add_argument("--detections", type=int, default=20, help="detections per image (%(default)s)")
    parser.add_argument("--repeats", type=int, default=3, help="repetitions after the first, which warms up")
    parser.add_argument("--draws", type=int, default=50, help="draws of the bootstrap to time")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    options = parser.parse_args(arguments)
    print(machine := hardware())
    truth, people = made_up(options.images, options.people, options.detections)
    scores: dict[str, float] = {}

    def ours() -> Work:
        scores[OURS] = average_precision(truth, people)["AP"]
        return Work(options.images)

    def matches() -> Work:
        scores[MATCHES] = ap_of(match(truth, people))
        return Work(options.images)

    def theirs() -> Work:
        scores[THEIRS] = float(by_pycocotools(truth, people).stats[0])
        return Work(options.images)

    timings = compare({OURS: ours, MATCHES: matches, THEIRS: theirs}, options.repeats, "people")
    targets = [Target(THEIRS, 2.0)]
    print(table(timings, targets, OURS, "image"))
    print("AP: " + ", ".join(f"{name} {score:.12f}" for name, score in scores.items()))
    if not np.allclose(list(scores.values()), scores[THEIRS], rtol=0, atol=1e-12):
        raise SystemExit("The three do not give the same AP.")
    one = match(truth, people)
    other = match(truth, {image: found.only(np.argsort(-found.scores)[::2]) for image, found in people.items()})
    start = time.perf_counter()
    paired_ap(one, other, seed=0, num_resamples=options.draws)
    seconds = (time.perf_counter() - start) / options.draws
    print(f"paired bootstrap: {1000 * seconds:.1f} ms per draw of {options.images} images, for both methods")
    write_report(options.json, {"hardware": machine, "draw": seconds, **as_json(timings, targets, OURS)})


if __name__ == "__main__":
    main()

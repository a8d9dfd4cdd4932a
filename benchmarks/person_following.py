"""Do people keep their numbers? `person_tracks` compared with simpler ways, on people who cross and hide each other."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from benchmarks.following_scenes import Floats, Scene, by_model, labelled, made_up
from benchmarks.measure import hardware
from humotion.annotation.person_tracks.similarity import areas_of, deviations, similarities
from humotion.annotation.person_tracks.tracker import Tracker
from humotion.figures.tables import markdown_table
from humotion.params.annotation.person_tracks import PersonTracksParams
from humotion.tasks.multi_person_pose.evaluation.tracks import Frame, TrackScores, track_scores

DESCRIPTION = """\
The ways to say who is who:

  person_tracks   as the tool works, with its usual settings: expected places, OKS, sure people first
  OKS, greedy     the most similar pose of the frame before, best pairs first
  IoU, greedy     the same by boxes

Without --sequences, made-up people walk to and fro through a picture of 640 x 360 pixels, at different distances from
the camera. Joints are found with noise. Who is covered by a nearer person is found with a low score, or not at all.

With --sequences, the people are those of a dataset with PoseTrack's labels, such as the rendered data/crowd_tracks.
They are found by the labels themselves (perfect), by the labels with errors and misses (rough), and, with --model, by a
trained model. A found person can be a labelled one if the OKS of the labelled joints is at least 0.5.

  python -m benchmarks.person_following --sequences data/crowd_tracks --model models/crowd_person_lab

None of it says anything about real videos: there the detector decides.
"""
LEAST = 0.3  # similarity of a pair of the greedy ways
Ints = npt.NDArray[np.int64]


def iou(one: Floats, other: Floats) -> Floats:
    """Of boxes (N, 4) with others (M, 4)."""
    ends = np.minimum(one[:, None, 2:], other[None, :, 2:])
    both = np.clip(ends - np.maximum(one[:, None, :2], other[None, :, :2]), 0, None).prod(-1)
    areas = [(boxes[:, 2:] - boxes[:, :2]).prod(-1) for boxes in (one, other)]
    return both / np.maximum(areas[0][:, None] + areas[1][None] - both, 1e-9)


def by_tracker(scene: Scene) -> Ints:
    """Numbers of the found people (N, T), -1 for those without one, by the tool's tracker with its usual settings."""
    usual = PersonTracksParams(dataset="any", tool="person_tracks", of="any")
    tracker = Tracker(deviations(scene.names), usual.surely, usual.alike, usual.hits, usual.lost)
    numbers = np.full(scene.found.shape, -1)
    for number, seen in enumerate(tracker(scene.found_joints, scene.scores, scene.found_boxes, scene.found)):
        numbers[list(seen.values()), list(seen)] = number
    return numbers


def greedy(alike: Callable[[Scene, int, Any, Any], Floats]) -> Callable[[Scene], Ints]:
    """Each person has the number of the most similar one of the frame before, or a new one."""

    def follow(scene: Scene) -> Ints:
        numbers, new = np.full(scene.found.shape, -1), 0
        for t in range(scene.found.shape[1]):
            now = np.flatnonzero(scene.found[:, t])
            before = np.flatnonzero(scene.found[:, t - 1]) if t else now[:0]
            similarity = alike(scene, t, before, now) if len(before) and len(now) else np.zeros((len(before), len(now)))
            for place in np.argsort(-similarity, axis=None):
                row, column = np.unravel_index(place, similarity.shape)
                if similarity[row, column] < LEAST:
                    break
                numbers[now[column], t] = numbers[before[row], t - 1]
                similarity[row], similarity[:, column] = -1, -1
            for one in now[numbers[now, t] < 0]:
                numbers[one, t], new = new, new + 1
        return numbers

    return follow


def oks_alike(scene: Scene, t: int, before: Any, now: Any) -> Floats:
    """OKS of the people of two successive frames."""
    weights = scene.scores[before, t - 1][:, None] * scene.scores[now, t][None]
    areas = (areas_of(scene.found_boxes[before, t - 1])[:, None] + areas_of(scene.found_boxes[now, t])[None]) / 2
    joints = scene.found_joints[before, t - 1], scene.found_joints[now, t]
    return similarities(*joints, weights, areas, deviations(scene.names))


def iou_alike(scene: Scene, t: int, before: Any, now: Any) -> Floats:
    """IoU of the boxes of two successive frames."""
    return iou(scene.found_boxes[before, t - 1], scene.found_boxes[now, t])


def judged(scene: Scene, numbers: Ints) -> list[Frame]:
    """Found people next to the true ones, by the OKS of the labelled joints; a joint that was not found is far away."""
    sigmas = deviations(scene.names)
    frames = []
    for t in range(scene.found.shape[1]):
        people, found = np.flatnonzero(scene.there[:, t]), np.flatnonzero(numbers[:, t] >= 0)
        weights = np.repeat(scene.seen[people, t][:, None].astype(float), len(found), axis=1)
        areas = np.repeat(areas_of(scene.boxes[people, t])[:, None], len(found), axis=1)
        joints = np.where(scene.scores[found, t][..., None] > 0, scene.found_joints[found, t], 1e6)
        alike = similarities(scene.joints[people, t], joints, weights, areas, sigmas)
        frames.append(Frame(people, numbers[found, t], alike))
    return frames


WAYS = {"person_tracks": by_tracker, "OKS, greedy": greedy(oks_alike), "IoU, greedy": greedy(iou_alike)}


def compared(what: str, scenes: Sequence[Scene]) -> list[list[str]]:
    """The rows of the table for some videos."""
    rows = []
    for name, follow in WAYS.items():
        found: TrackScores = track_scores([judged(scene, follow(scene)) for scene in scenes])
        values = (f"{value:.3f}" for value in (found.idf1, found.hota, found.assa, found.mota))
        rows.append([what, name, *values, str(found.clear.switches)])
    return rows


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, nargs="+", default=[2, 5, 10], help="made-up people (%(default)s)")
    parser.add_argument("--videos", type=int, default=20, help="made-up videos per number of people (%(default)s)")
    parser.add_argument("--first", type=int, default=0, help="seed of the first made-up video (%(default)s)")
    parser.add_argument("--sequences", type=Path, help="a dataset with PoseTrack's labels, instead of made-up people")
    parser.add_argument("--model", type=Path, help="the folder of a model that finds the people of --sequences, too")
    args = parser.parse_args(arguments)
    print(hardware())
    rows = []
    if args.sequences is None:
        for count in args.people:
            seeds = range(args.first, args.first + args.videos)
            rows += compared(f"{count} made-up people", [made_up(count, seed) for seed in seeds])
    else:
        torch.set_num_threads(1)
        files = sorted(args.sequences.glob("annotations/*/*.json"))
        print(f"{len(files)} sequences in {args.sequences}")
        for detector in ("perfect", "rough"):
            rows += compared(detector, [labelled(file, detector=detector) for file in files])
        if args.model is not None:
            rows += compared(args.model.name, list(map(partial(by_model, model=args.model), files)))
    print(markdown_table(("people", "way", "IDF1", "HOTA", "AssA", "MOTA", "switches"), rows))


if __name__ == "__main__":
    main()

"""Do people keep their numbers? `person_tracks` compared with simpler ways, on made-up people who cross and hide."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from benchmarks.measure import hardware
from humotion.annotation.person_tracks.similarity import areas_of, deviations, similarities
from humotion.annotation.person_tracks.tracker import Tracker
from humotion.annotation.posenet.tool import SKELETON
from humotion.figures.tables import markdown_table
from humotion.params.annotation.person_tracks import PersonTracksParams
from humotion.tasks.multi_person_pose.evaluation.tracks import Frame, TrackScores, track_scores

DESCRIPTION = """\
People walk to and fro through a picture of 640 x 360 pixels, at different distances from the camera. Joints are found
with noise. Who is covered by a nearer person is found with a low score, or not at all. The ways to say who is who:

  person_tracks   as the tool works: expected places, OKS, sure people first
  OKS, greedy     the most similar pose of the frame before, best pairs first
  IoU, greedy     the same by boxes

It says nothing about real videos: there the detector decides.
"""
WIDTH, HEIGHT, FRAMES = 640, 360, 150
JOINTS = len(SKELETON.joints)
Floats = npt.NDArray[np.float64]


class Scene(NamedTuple):
    """Truth and detections: ``joints`` (P, T, J, 2), ``boxes`` (P, T, 4); found ones with ``scores`` (P, T, J)."""

    joints: Floats
    boxes: Floats
    found_joints: Floats
    found_boxes: Floats
    scores: Floats
    found: npt.NDArray[np.bool_]


def scene(num_people: int, seed: int) -> Scene:
    """A made-up video."""
    random = np.random.default_rng(seed)
    t = np.arange(FRAMES)
    size = random.uniform(50, 110, num_people)  # pixels from head to foot: nearer people are larger
    pace = random.uniform(0.02, 0.06, num_people)
    phase = random.uniform(0, 2 * np.pi, num_people)
    x = WIDTH / 2 + (WIDTH / 2 - 30) * np.sin(pace[:, None] * t + phase[:, None])
    y = 120 + size[:, None] + 4 * np.sin(0.5 * t + phase[:, None])
    shape = random.uniform(-1, 1, (num_people, JOINTS, 2)) * [0.2, 0.5]
    swing = 0.05 * np.sin(0.4 * t[None, :, None] + random.uniform(0, 6, (num_people, 1, JOINTS)))
    joints = np.stack([x, y], -1)[:, :, None] + size[:, None, None, None] * shape[:, None]
    joints[..., 0] += size[:, None, None] * swing
    boxes = _extent(joints)
    found_joints = joints + random.normal(0, 0.02, joints.shape) * size[:, None, None, None]
    scores = np.clip(random.normal(0.8, 0.1, joints.shape[:3]), 0, 1)
    found = random.uniform(size=boxes.shape[:2]) > 0.03
    for one in range(num_people):
        nearer = np.flatnonzero(size > size[one])
        cover = np.max([np.zeros(FRAMES), *(_overlap(boxes[one], boxes[other]) for other in nearer)], axis=0)
        scores[one] *= np.where(cover > 0.4, 0.3, 1)[:, None]
        found[one] &= cover < 0.75
    order = np.stack([random.permutation(num_people) for _ in t], axis=1)  # (P, T): slots are no numbers of people
    mixed = [np.take_along_axis(values, order.reshape(*order.shape, *(1,) * (values.ndim - 2)), 0)
             for values in (found_joints, _extent(found_joints), scores, found)]  # fmt: skip
    return Scene(joints, boxes, *mixed)


def _extent(joints: Floats) -> Floats:
    return np.concatenate([joints.min(-2), joints.max(-2)], axis=-1)


def _overlap(box: Floats, other: Floats) -> Floats:
    """The share of boxes (T, 4) that others cover."""
    sides = np.clip(np.minimum(box[:, 2:], other[:, 2:]) - np.maximum(box[:, :2], other[:, :2]), 0, None)
    return sides.prod(-1) / (box[:, 2:] - box[:, :2]).prod(-1)


def iou(one: Floats, other: Floats) -> Floats:
    """Of boxes (N, 4) with others (M, 4)."""
    ends = np.minimum(one[:, None, 2:], other[None, :, 2:])
    both = np.clip(ends - np.maximum(one[:, None, :2], other[None, :, :2]), 0, None).prod(-1)
    areas = [(boxes[:, 2:] - boxes[:, :2]).prod(-1) for boxes in (one, other)]
    return both / (areas[0][:, None] + areas[1][None] - both)


def by_tracker(made: Scene) -> npt.NDArray[np.int64]:
    """Numbers of the found people (P, T), -1 for those without one, by the tool's tracker with its usual settings."""
    usual = PersonTracksParams(dataset="any", tool="person_tracks", of="any")
    tracker = Tracker(deviations(SKELETON.joints), usual.surely, usual.alike, usual.hits, usual.lost)
    numbers = np.full(made.found.shape, -1)
    for number, seen in enumerate(tracker(made.found_joints, made.scores, made.found_boxes, made.found)):
        numbers[list(seen.values()), list(seen)] = number
    return numbers


def greedy(alike: Callable[[Scene, int, Any, Any], Floats]) -> Callable[[Scene], npt.NDArray[np.int64]]:
    """Each person has the number of the most similar one of the frame before, or a new one."""

    def follow(made: Scene) -> npt.NDArray[np.int64]:
        numbers, new = np.full(made.found.shape, -1), 0
        for t in range(made.found.shape[1]):
            now = np.flatnonzero(made.found[:, t])
            before = np.flatnonzero(made.found[:, t - 1]) if t else now[:0]
            similarity = alike(made, t, before, now) if len(before) and len(now) else np.zeros((len(before), len(now)))
            for place in np.argsort(-similarity, axis=None):
                row, column = np.unravel_index(place, similarity.shape)
                if similarity[row, column] < 0.3:
                    break
                numbers[now[column], t] = numbers[before[row], t - 1]
                similarity[row], similarity[:, column] = -1, -1
            for one in now[numbers[now, t] < 0]:
                numbers[one, t], new = new, new + 1
        return numbers

    return follow


def oks_alike(made: Scene, t: int, before: Any, now: Any) -> Floats:
    """OKS of the people of two successive frames."""
    weights = made.scores[before, t - 1][:, None] * made.scores[now, t][None]
    areas = (areas_of(made.found_boxes[before, t - 1])[:, None] + areas_of(made.found_boxes[now, t])[None]) / 2
    sigmas = deviations(SKELETON.joints)
    return similarities(made.found_joints[before, t - 1], made.found_joints[now, t], weights, areas, sigmas)


def iou_alike(made: Scene, t: int, before: Any, now: Any) -> Floats:
    """IoU of the boxes of two successive frames."""
    return iou(made.found_boxes[before, t - 1], made.found_boxes[now, t])


def judged(made: Scene, numbers: npt.NDArray[np.int64]) -> list[Frame]:
    """Found people beside the true ones, by the IoU of boxes."""
    people = np.arange(len(made.joints))
    frames = []
    for t in range(made.found.shape[1]):
        there = np.flatnonzero(numbers[:, t] >= 0)
        frames.append(Frame(people, numbers[there, t], iou(made.boxes[:, t], made.found_boxes[there, t])))
    return frames


WAYS = {"person_tracks": by_tracker, "OKS, greedy": greedy(oks_alike), "IoU, greedy": greedy(iou_alike)}


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, nargs="+", default=[2, 5, 10], help="people per video (%(default)s)")
    parser.add_argument("--videos", type=int, default=20, help="videos per number of people (%(default)s)")
    args = parser.parse_args(arguments)
    print(hardware())
    rows = []
    for count in args.people:
        scenes = [scene(count, seed) for seed in range(args.videos)]
        for name, follow in WAYS.items():
            found: TrackScores = track_scores([judged(made, follow(made)) for made in scenes])
            values = (f"{value:.3f}" for value in (found.idf1, found.hota, found.mota))
            rows.append([str(count), name, *values, str(found.clear.switches)])
    print(markdown_table(("people", "way", "IDF1", "HOTA", "MOTA", "switches"), rows))


if __name__ == "__main__":
    main()

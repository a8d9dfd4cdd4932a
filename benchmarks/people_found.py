"""What the published PoseNet finds on labelled images of COCO's format: AP with an interval, and the time per image."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from tqdm import tqdm

from benchmarks.measure import hardware
from humotion.annotation.posenet.weights import GRAPH, NUMBERS
from humotion.evaluation.paired_ap import paired_ap
from humotion.models.common.people_maps import Found, Labels
from humotion.models.person_lab.cells import CORNERS
from humotion.models.person_lab.decoding import USUAL, Fields, decode
from humotion.models.person_lab.published import PeopleReader
from humotion.models.person_lab.targets import encode
from humotion.models.person_lab.tree import EDGES, JOINTS
from humotion.tasks.multi_person_pose.evaluation.coco_ap import average_precision
from humotion.tasks.multi_person_pose.training.matching import match
from humotion.tasks.multi_person_pose.training.people import People
from humotion.tasks.multi_person_pose.training.truth import truth_of_file

DESCRIPTION = """\
AP by OKS of PoseNet on some images, with a 95 % interval of the bootstrap over images, and its speed on one core.
Then the time that decoding takes by the number of people, on made-up maps.

  python -m benchmarks.people_found --weights weights/posenet --labels person_keypoints_val2017.json --images val2017
"""
CROWDS = (1, 5, 15)
DISC = 32.0  # pixels, as published
FRAME_15 = 10.0  # ms for 15 people: the target


def as_people(found: Found) -> People:
    """In the form that evaluation reads."""
    joints = found.joints.astype(np.float64)
    boxes = np.concatenate([joints.min(axis=1, initial=np.inf), joints.max(axis=1, initial=-np.inf)], axis=1)
    return People(joints, found.joint_scores.astype(np.float64), found.scores.astype(np.float64), boxes)


def crowd(count: int) -> Fields:
    """Maps of 513 x 385 pixels with so many people in rows; heat falls off from each joint as that of a network."""
    random = np.random.default_rng(count)
    shape = random.uniform(-1, 1, (len(JOINTS), 2)) * [22, 40]
    places = [(40 + 90 * (one % 5), 60 + 110 * (one // 5)) for one in range(count)]
    joints = np.stack([shape + place for place in places]).astype(np.float32)
    owners = torch.zeros(1, 25 * 16, 33 * 16, dtype=torch.uint8)
    labels = Labels(torch.from_numpy(joints)[None], torch.ones(1, *joints.shape[:2], dtype=torch.bool), owners)
    maps = encode(labels, 25, 33, CORNERS, DISC, EDGES)
    made = Fields(*(maps[name][0].numpy() for name in ("heat", "short", "forward", "backward")))
    return made._replace(heat=(made.heat * np.exp(-np.hypot(*made.short) / 16)).astype(np.float32))


def milliseconds(count: int, repeats: int = 30) -> float:
    """The median CPU time of decoding a crowd."""
    fields, took = crowd(count), []
    assert len(decode(fields).joints) == count
    for _ in range(repeats):
        start = time.process_time()
        decode(fields)
        took.append(1000 * (time.process_time() - start))
    return float(np.median(took))


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights", type=Path, required=True, help="folder of PoseNet's two files")
    parser.add_argument("--labels", type=Path, required=True, help="labels in COCO's format")
    parser.add_argument("--images", type=Path, required=True, help="folder of the images")
    parser.add_argument("--side", type=int, default=513, help="pixels of the long side (%(default)s)")
    args = parser.parse_args(arguments)
    print(hardware())
    torch.set_num_threads(1)
    truth = truth_of_file(args.labels, "coco")
    reader = PeopleReader(args.weights / GRAPH, args.weights / NUMBERS, args.side, USUAL)
    found, took = {}, []
    for image in tqdm(truth.images, unit="image", leave=False):
        picture = cv2.cvtColor(cv2.imread(str(args.images / image["file_name"])), cv2.COLOR_BGR2RGB)
        start = time.process_time()
        (people,) = reader(picture[None])
        took.append(time.process_time() - start)
        found[image["id"]] = as_people(people)
    scores = average_precision(truth, found)
    nobody = {image_id: People.nobody(len(JOINTS)) for image_id in found}
    interval = paired_ap(match(truth, found), match(truth, nobody), seed=0)
    print(f"{len(found)} images: " + ", ".join(f"{name} {score:.3f}" for name, score in scores.items()))
    print(f"AP {interval.difference:.3f}, 95 % interval {interval.low:.3f} to {interval.high:.3f}")
    print(f"{1 / np.median(took):.1f} images per second of CPU time, on one core, from decoded pixels to people")
    for count in CROWDS:
        print(f"decoding {count} people: {milliseconds(count):.1f} ms")
    print(f"target: below {FRAME_15:g} ms with {CROWDS[-1]} people")


if __name__ == "__main__":
    main()

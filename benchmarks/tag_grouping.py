"""How well people are read from heatmaps and tags: AP of the decoder alone, on ideal maps that are made worse."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import torch
from tqdm import tqdm

from benchmarks.measure import hardware
from humotion.evaluation.average_precision import ap_of
from humotion.figures.tables import text_table
from humotion.models.associative_embedding.decoding import decode
from humotion.models.associative_embedding.ideal_maps import ideal_maps
from humotion.models.associative_embedding.joint_order import COCO, joint_order
from humotion.models.common.people_maps import Labels
from humotion.params.models.associative_embedding import TagDecodingParams
from humotion.tasks.multi_person_pose.training.matching import match
from humotion.tasks.multi_person_pose.training.outcomes import as_people
from humotion.tasks.multi_person_pose.training.truth import Truth, as_truth

DESCRIPTION = """\
AP by OKS of made-up people who are read from ideal heatmaps and tags: with noise, with joints that are hardly seen, and
with people who stand nearer to each other. Tags of two people are 2 apart. Then the time that decoding takes on one
core, by the number of people.

  python -m benchmarks.tag_grouping
"""
SIDE, STRIDE, SIGMA = 512, 4, 8.0  # as published
CROWDS = (1, 5, 15, 30)
TARGET = 10.0  # ms for 15 people
USUAL = TagDecodingParams()
WAYS = {"usual": {}, "no refine": {"refine": False}, "duplicates left out": {"duplicate_radius": 0.05}}
Floats = npt.NDArray[np.float32]
Random = np.random.Generator
Spoil = Callable[[Floats, Floats, Floats, Random], tuple[Floats, Floats]]

_HALF = {"eye": (0.02, -0.44), "ear": (0.045, -0.43), "shoulder": (0.1, -0.3), "elbow": (0.14, -0.14)}
_HALF |= {"wrist": (0.15, 0.0), "hip": (0.06, 0.02), "knee": (0.065, 0.26), "ankle": (0.065, 0.48)}
BODY = np.array(
    [(0, -0.42) if n == "nose" else (_HALF[n[2:]][0] * (1 if n[0] == "l" else -1), _HALF[n[2:]][1]) for n in COCO]
)
"""A standing person (17, 2), of height 1."""


def scene(count: int, random: Random, apart: float = 80.0) -> Floats:
    """People (count, 17, 2) in rows of six, with ``apart`` pixels between neighbours, and limbs that differ."""
    rows = -(-count // 6)
    place = np.arange(count)
    middle = np.stack([SIDE / 2 + (place % 6 - 2.5) * apart, (place // 6 + 0.5) * SIDE / rows], axis=-1)
    height = random.uniform(0.6, 0.9, (count, 1, 1)) * min(240.0, SIDE / rows)
    limbs = random.normal(0, 0.02, (count, len(COCO), 2)) * (BODY[:, 1:] > -0.4)
    joints = middle[:, None] + height * (BODY + limbs)
    return joints.clip(0, SIDE - 1).astype(np.float32)


def maps_of(joints: Floats, sigma: float = SIGMA) -> tuple[Floats, Floats]:
    """Heat and tags (17, h, w) of people."""
    labels = Labels(torch.from_numpy(joints)[None], torch.ones(1, *joints.shape[:2], dtype=torch.bool), torch.zeros(0))
    maps = ideal_maps(labels, SIDE // STRIDE, SIDE // STRIDE, STRIDE, sigma)
    return maps["heat"][0].numpy(), maps["tags"][0].numpy()


def heat_noise(level: float) -> Spoil:
    """Noise of this deviation on the heat of each cell; the height of a joint is 1."""
    return lambda heat, tags, joints, random: (heat + _noise(level, heat, random), tags)


def tag_noise(level: float) -> Spoil:
    """Noise of this deviation on the tag of each cell."""
    return lambda heat, tags, joints, random: (heat, tags + _noise(level, tags, random))


def tag_drift(level: float) -> Spoil:
    """An error of this deviation of the tag of each joint of each person, the same in all cells around it."""

    def spoil(heat: Floats, tags: Floats, joints: Floats, random: Random) -> tuple[Floats, Floats]:
        drift = random.normal(0, level, (len(tags), 1 + len(joints)))
        return heat, tags + drift[np.arange(len(tags))[:, None, None], np.rint(tags / 2).astype(int)]

    return spoil


def hardly_seen(share: float) -> Spoil:
    """This share of joints has a heat of 0.08 only, below what a joint needs, and above what refine needs."""

    def spoil(heat: Floats, tags: Floats, joints: Floats, random: Random) -> tuple[Floats, Floats]:
        weak = random.uniform(size=(len(tags), 1 + len(joints))) < share
        weak[:, 0] = False  # the background
        of_cell = weak[np.arange(len(tags))[:, None, None], np.rint(tags / 2).astype(int)]
        return np.where(of_cell, 0.08 * heat, heat), tags

    return spoil


def _noise(level: float, maps: Floats, random: Random) -> Floats:
    return (level * random.standard_normal(maps.shape, dtype=np.float32)).astype(np.float32)


def truth_of(pictures: Sequence[Floats]) -> Truth:
    """The labels of pictures of people (N, 17, 2), all joints of whom are seen; their ids are 0, 1, ..."""
    people: list[dict[str, Any]] = []
    for image, joints in enumerate(pictures):
        for one in joints:
            low, size = one.min(axis=0), np.ptp(one, axis=0)
            seen = np.concatenate([one, np.full((len(one), 1), 2)], axis=1)
            people.append({"image_id": image, "keypoints": seen.reshape(-1).tolist(), "bbox": [*low, *size]})
    numbered = [{"id": number + 1, **one} for number, one in enumerate(people)]
    return as_truth([{"id": image} for image in range(len(pictures))], numbered, "coco")


def ap_under(spoil: Spoil, pictures: Sequence[Floats], settings: TagDecodingParams, seed: int) -> float:
    """AP of people who are read from spoilt ideal maps of pictures."""
    order, found = joint_order(COCO), {}
    for image, joints in enumerate(pictures):
        heat, tags = spoil(*maps_of(joints), joints, np.random.default_rng([seed, image]))
        found[image] = as_people(decode(heat, tags, order, STRIDE, settings))
    return ap_of(match(truth_of(pictures), found))


def milliseconds(count: int, spoil: Spoil, repeats: int = 30) -> float:
    """The median CPU time of decoding a crowd."""
    random, order = np.random.default_rng(count), joint_order(COCO)
    joints = scene(count, random)
    heat, tags = spoil(*maps_of(joints), joints, random)
    took = []
    for _ in range(repeats):
        start = time.process_time()
        decode(heat, tags, order, STRIDE, USUAL)
        took.append(1000 * (time.process_time() - start))
    return float(np.median(took))


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=20, help="of 6 people each (%(default)s)")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args(arguments)
    print(hardware())
    cv2.setNumThreads(1)

    def pictures(apart: float = 80.0) -> list[Floats]:
        return [scene(6, np.random.default_rng([args.seed, image]), apart) for image in range(args.pictures)]

    cases = {f"heat noise {level}": (heat_noise(level), 80.0) for level in (0.0, 0.02, 0.05, 0.1, 0.2, 0.3)}
    cases |= {f"tag noise {level}": (tag_noise(level), 80.0) for level in (0.1, 0.2, 0.3, 0.5)}
    cases |= {f"tag drift per joint {level}": (tag_drift(level), 80.0) for level in (0.1, 0.2, 0.3, 0.5)}
    cases |= {f"{share:.0%} of joints hardly seen": (hardly_seen(share), 80.0) for share in (0.1, 0.3, 0.5)}
    cases |= {f"neighbours {apart} pixels apart": (heat_noise(0.0), apart) for apart in (40.0, 20.0, 10.0, 5.0)}
    rows = []
    for name, (spoil, apart) in tqdm(cases.items(), leave=False):
        shown = pictures(apart)
        found = (ap_under(spoil, shown, USUAL.model_copy(update=changes), args.seed) for changes in WAYS.values())
        rows.append((name, *(f"{ap:.3f}" for ap in found)))
    print(text_table((f"AP, {args.pictures} pictures", *WAYS), rows))
    spoilt = {"ideal": heat_noise(0.0), "half hardly seen": hardly_seen(0.5), "heat noise 0.03": heat_noise(0.03)}
    times = [(str(count), *(f"{milliseconds(count, spoil):.1f}" for spoil in spoilt.values())) for count in CROWDS]
    print(text_table(("ms per picture of so many people", *spoilt), times))
    print(f"Asked for 15 people: {TARGET:g} ms at most.")


if __name__ == "__main__":
    main()

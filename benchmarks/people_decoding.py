"""How long the bottom-up models take to read people from maps, by the number of people, on one core."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt
import torch

from benchmarks.limbs_by_loops import decode_by_loops
from benchmarks.measure import hardware
from humotion.figures.tables import text_table
from humotion.models.associative_embedding.ideal_maps import ideal_maps
from humotion.models.associative_embedding.joint_order import COCO
from humotion.models.common.build import build_model
from humotion.models.common.people_maps import Fields, Found, Labels, Maps
from humotion.params.tasks.multi_person_pose import decoding_of

DESCRIPTION = """\
Milliseconds of CPU time per picture from maps to people: the median of many runs, on one core. The maps are those that
each model would give if it were perfect, and noise, for a picture of 512 x 512 pixels with made-up people.

  python -m benchmarks.people_decoding --people 1 5 15
  python -m benchmarks.people_decoding --people 15 --noise 0.1
"""
SIDE = 512  # pixels
TARGET, CROWD = 10.0, 15  # ms, people
FASTER = 10.0  # all pairs at once, compared with one pair after the other
Floats = npt.NDArray[np.float32]

_HALF = {"eye": (0.02, -0.44), "ear": (0.045, -0.43), "shoulder": (0.1, -0.3), "elbow": (0.14, -0.14)}
_HALF |= {"wrist": (0.15, 0.0), "hip": (0.06, 0.02), "knee": (0.065, 0.26), "ankle": (0.065, 0.48)}
BODY = np.array(
    [(0, -0.42) if n == "nose" else (_HALF[n[2:]][0] * (1 if n[0] == "l" else -1), _HALF[n[2:]][1]) for n in COCO]
)
"""A standing person (17, 2), of height 1."""


def scene(count: int, random: np.random.Generator) -> Floats:
    """People (count, 17, 2) in rows of six, with 80 pixels between neighbours, and limbs that differ."""
    rows = -(-count // 6)
    place = np.arange(count)
    middle = np.stack([SIDE / 2 + (place % 6 - 2.5) * 80, (place // 6 + 0.5) * SIDE / rows], axis=-1)
    height = random.uniform(0.6, 0.9, (count, 1, 1)) * min(240.0, SIDE / rows)
    limbs = random.normal(0, 0.02, (count, len(COCO), 2)) * (BODY[:, 1:] > -0.4)
    joints = middle[:, None] + height * (BODY + limbs)
    return joints.clip(0, SIDE - 1).astype(np.float32)


class Family(NamedTuple):
    """A model to measure.

    Attributes:
        family: of the model.
        sizes: arguments of its class; the network is never run.
        maps: what a perfect network gives for labelled people and a number of cells. The model makes fields of it.
    """

    family: str
    sizes: dict[str, Any]
    maps: Callable[[Any, Labels, int], Maps]


def _targets(model: Any, labels: Labels, cells: int) -> Maps:
    """The maps of a model whose targets are maps."""
    maps: Maps = model.targets(labels, cells, cells)
    return maps


def _tags(model: Any, labels: Labels, cells: int) -> Maps:
    return dict(ideal_maps(labels, cells, cells, model.stride, model.sigma))


def _offsets(model: Any, labels: Labels, cells: int) -> Maps:
    targets = model.targets(labels, cells, cells)
    names = ("short", "forward", "backward", "long")
    maps = {name: (targets[name] / model.radius).flatten(1, 2) for name in names}
    away = targets["short"].norm(dim=1) / model.radius  # a network is surest at the joint
    heat = (targets["heat"] * torch.exp(-away)).clamp(0.001, 0.999)
    return {**maps, "heat": heat.logit(), "mask": targets["mask"].clamp(0.001, 0.999).logit()}


FAMILIES = {
    "open_pose": Family("open_pose", {"width": 8}, _targets),
    "open_pose, vgg19": Family("open_pose", {"features": "vgg19", "width": 8}, _targets),
    "associative_embedding": Family("associative_embedding", {"width": 8}, _tags),
    "person_lab": Family("person_lab", {"width": 8, "radius": 16.0}, _offsets),
}
LOOPS = "open_pose, one pair after the other"


def labels_of(count: int) -> Labels:
    """So many made-up people, whose masks are the boxes around their joints."""
    joints = scene(count, np.random.default_rng(count))
    owners = torch.zeros(1, SIDE, SIDE, dtype=torch.uint8)
    for number, one in enumerate(joints.astype(int), start=1):
        (left, top), (right, bottom) = one.min(axis=0), one.max(axis=0)
        owners[0, top : bottom + 1, left : right + 1] = number
    return Labels(torch.from_numpy(joints)[None], torch.ones(1, *joints.shape[:2], dtype=torch.bool), owners)


def made(family: Family, count: int, noise: float) -> tuple[Any, Fields]:
    """A model and its fields for so many people, with noise of this deviation; a joint's height is 1."""
    name = family.family
    model: Any = build_model(name, name, **family.sizes)
    maps = family.maps(model, labels_of(count), SIDE // model.stride)
    random = torch.Generator().manual_seed(count)
    noisy = {kind: one + noise * torch.randn(one.shape, generator=random) for kind, one in maps.items()}
    return model, {kind: one[0].numpy() for kind, one in model.fields(noisy).items()}


def milliseconds(decode: Callable[[], Found], repeats: int) -> float:
    """The median CPU time of a call."""
    took = []
    for _ in range(repeats):
        start = time.process_time()
        decode()
        took.append(1000 * (time.process_time() - start))
    return float(np.median(took))


def measure(counts: Sequence[int], repeats: int, noise: float) -> dict[str, list[float]]:
    """The milliseconds of each model, by the number of people.

    Raises:
        AssertionError: a decoder has not found everybody, so its time says nothing.
    """
    found: dict[str, list[float]] = {name: [] for name in (*FAMILIES, LOOPS)}
    for count in counts:
        for name, family in FAMILIES.items():
            model, fields = made(family, count, noise)
            decode = partial(model.decode, fields, decoding_of(family.family))
            assert len(decode().joints) >= count, f"{name} finds {len(decode().joints)} of {count} people"
            found[name].append(milliseconds(decode, repeats))
            if name == "open_pose":
                settings: Any = decoding_of(name)
                loops = partial(decode_by_loops, fields["heat"], fields["limbs"], model.body, model.stride, settings)
                found[LOOPS].append(milliseconds(loops, max(repeats // 10, 2)))
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, nargs="+", default=[1, 5, 15], help="numbers of people (%(default)s)")
    parser.add_argument("--noise", type=float, default=0.02, help="on the maps, whose height is 1 (%(default)s)")
    parser.add_argument("--repeats", type=int, default=30, help="runs of each decoder (%(default)s)")
    args = parser.parse_args(arguments)
    print(hardware())
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    found = measure(args.people, args.repeats, args.noise)
    rows = [(name, *(f"{value:.1f}" for value in times)) for name, times in found.items()]
    print(text_table(("ms per picture", *(f"{count} people" for count in args.people)), rows))
    ratios = [loops / all_at_once for loops, all_at_once in zip(found[LOOPS], found["open_pose"], strict=True)]
    print("times as fast as one pair after the other: " + ", ".join(f"{ratio:.1f}" for ratio in ratios))
    print(f"targets with {CROWD} people: below {TARGET:g} ms, {FASTER:g} times as fast")


if __name__ == "__main__":
    main()

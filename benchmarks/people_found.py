"""What two networks with public weights find on labelled images: AP with intervals, and their speed."""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping, Sequence
from functools import partial
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple, Protocol

import cv2
import numpy as np
import numpy.typing as npt
import torch
from tqdm import tqdm

from benchmarks.intervals import interval
from benchmarks.measure import hardware
from benchmarks.people_decoding import milliseconds
from humotion.annotation.posenet.weights import GRAPH, NUMBERS
from humotion.convert.openpose_mobilenet import USUAL_SIZE, convert_openpose_mobilenet
from humotion.evaluation.bootstrap import draw_groups, percentile_interval
from humotion.figures.tables import markdown_table
from humotion.models.common.people_maps import Found, Labels
from humotion.models.person_lab.cells import CORNERS
from humotion.models.person_lab.decoding import USUAL, Fields, decode
from humotion.models.person_lab.published import PeopleReader
from humotion.models.person_lab.targets import encode
from humotion.models.person_lab.tree import EDGES, JOINTS
from humotion.params.tasks.multi_person_pose import decoding_of
from humotion.tasks.multi_person_pose.evaluation.coco_ap import average_precision
from humotion.tasks.multi_person_pose.training.outcomes import as_people
from humotion.tasks.multi_person_pose.training.people import People
from humotion.tasks.multi_person_pose.training.truth import Truth, truth_of_file
from humotion.training.model_folder import load_task

DESCRIPTION = """\
AP by OKS of PoseNet and of the small OpenPose on some images, with 95 % intervals of the bootstrap over images, the
difference of the two, and their speed on one core. OpenPose is read a second time without joining parts of a person.
Several label files are scored together, and the first one alone. Then the time that PoseNet's decoding takes by the
number of people, on made-up maps.

  python -m benchmarks.people_found --posenet weights/posenet --openpose graph_opt.pb \\
    --labels person_keypoints_val2017.json person_keypoints_train2017.json --images val2017 train2017
"""
CROWDS = (1, 5, 15)
REPEATS = 30  # of the decoding of each
DISC = 32.0  # pixels, as published
FRAME_15 = 10.0  # ms for 15 people: the target
FAST_ENOUGH = 15.0  # images per second by PoseNet: the target
SCORES = ("AP", "AP50", "AP_medium", "AP_large")
Picture = npt.NDArray[np.uint8]


class Network(Protocol):
    """A network with its decoder."""

    def maps(self, picture: Picture) -> Any:
        """Return the maps of an RGB picture (H, W, 3), as the decoder reads them."""
        ...

    def people(self, maps: Any, picture: Picture) -> Found:
        """Return the people in its maps, in pixels of the picture."""
        ...


class PoseNet:
    """The published PoseNet, with ``side`` pixels for the long side."""

    def __init__(self, folder: Path, side: int) -> None:
        self._reader = PeopleReader(folder / GRAPH, folder / NUMBERS, side, USUAL)

    def maps(self, picture: Picture) -> Fields:
        """See `Network`."""
        return next(iter(self._reader.maps(picture[None])))

    def people(self, maps: Fields, picture: Picture) -> Found:
        """See `Network`."""
        return self._reader.people(maps, *picture.shape[1::-1])


class SmallOpenPose:
    """The published OpenPose on a MobileNet, with ``side`` pixels for the long side."""

    def __init__(self, graph: Path, side: int, decoding: Mapping[str, Any] = {}) -> None:
        with TemporaryDirectory() as folder:
            convert_openpose_mobilenet(graph, Path(folder) / "model")
            task: Any = load_task(Path(folder) / "model")[0]
        self._model, self._side = task.model, side
        self._decoding = decoding_of("open_pose_mobilenet", dict(decoding))

    def maps(self, picture: Picture) -> Any:
        """See `Network`."""
        shown = cv2.resize(picture, self._size(picture).tolist(), interpolation=cv2.INTER_LINEAR)
        with torch.inference_mode():
            return self._model.fields_of(torch.from_numpy(shown).permute(2, 0, 1)[None])[0]

    def people(self, maps: Any, picture: Picture) -> Found:
        """See `Network`."""
        found: Found = self._model.decode(maps, self._decoding)
        scale = np.array(picture.shape[1::-1]) / self._size(picture)
        return found._replace(joints=((found.joints + 0.5) * scale - 0.5).astype(np.float32))

    def _size(self, picture: Picture) -> npt.NDArray[np.int64]:
        size = np.array(picture.shape[1::-1])
        return np.rint(size * self._side / size.max() / 16).astype(np.int64) * 16


class Result(NamedTuple):
    """What a network found, by the id of the image, and the CPU seconds of each image: network and decoder."""

    people: dict[int, People]
    seconds: npt.NDArray[np.float64]


def find(network: Network, pictures: Mapping[int, Path]) -> Result:
    """Look for people in the pictures with these ids. The first picture is shown twice, to warm up."""
    people, seconds = {}, []
    for number in tqdm([next(iter(pictures)), *pictures], unit="image", leave=False):
        picture = np.ascontiguousarray(cv2.imread(str(pictures[number]))[..., ::-1])
        times = [time.process_time()]
        maps = network.maps(picture)
        times.append(time.process_time())
        found = network.people(maps, picture)
        times.append(time.process_time())
        people[number] = as_people(found)
        seconds.append(np.diff(times))
    return Result(people, np.array(seconds[1:]))


def drawn(truth: Truth, people: Mapping[int, People], times: npt.NDArray[np.int64]) -> dict[str, float]:
    """The scores of images of which each is there so many times (I,)."""
    by_image: dict[int, list[dict[str, Any]]] = {image["id"]: [] for image in truth.images}
    for one in truth.annotations:
        by_image[one["image_id"]].append(one)
    images, annotations, found = [], [], {}
    for image, count in zip(truth.images, times.tolist(), strict=True):
        for _ in range(count):
            number = len(images)
            images.append({**image, "id": number})
            found[number] = people[image["id"]]
            start = len(annotations)
            ones = by_image[image["id"]]
            annotations += [{**one, "id": start + k + 1, "image_id": number} for k, one in enumerate(ones)]
    return average_precision(Truth(images, annotations, truth.joint_set), found)


def score_table(truth: Truth, results: Mapping[str, Result], draws: int) -> str:
    """Scores and their intervals, of each network and of each less the next one; all from the same draws."""
    times = draw_groups(len(truth.images), 0, draws)
    rows, values = [], {}
    for name, result in results.items():
        every = [np.ones(len(truth.images), np.int64), *times]
        found = [drawn(truth, result.people, one) for one in tqdm(every, desc=name, unit="draw", leave=False)]
        values[name] = np.array([[scores[score] for score in SCORES] for scores in found])
        rows.append([name, *_cells(values[name], len(truth.images), "")])
    for one, other in pairwise(values):
        rows.append([f"{one}, less {other}", *_cells(values[one] - values[other], len(truth.images), "+")])
    return markdown_table([f"{len(truth.images)} images", *SCORES], rows)


def _cells(values: npt.NDArray[np.float64], num_images: int, sign: str) -> list[str]:
    """Scores with intervals of values (1 + draws, scores), of which the first are of the images as they are."""
    return [interval(percentile_interval(float(column[0]), column[1:], num_images), sign) for column in values.T]


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


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--posenet", type=Path, help="folder of PoseNet's two files")
    parser.add_argument("--openpose", type=Path, help="graph_opt.pb of tf-pose-estimation")
    parser.add_argument("--labels", type=Path, nargs="+", required=True, help="labels in COCO's format")
    parser.add_argument("--images", type=Path, nargs="+", required=True, help="folder of the images of each file")
    parser.add_argument("--side", type=int, default=513, help="pixels of the long side for PoseNet (%(default)s)")
    parser.add_argument("--draws", type=int, default=500, help="of the bootstrap (%(default)s)")
    args = parser.parse_args(arguments)
    print(hardware())
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    truths = [truth_of_file(path, "coco") for path in args.labels]
    pictures = {
        image["id"]: folder / image["file_name"]
        for truth, folder in zip(truths, args.images, strict=True)
        for image in truth.images
    }
    networks: dict[str, Network] = {}
    if args.posenet is not None:
        networks["PoseNet"] = PoseNet(args.posenet, args.side)
    if args.openpose is not None:
        networks["OpenPose on MobileNet"] = SmallOpenPose(args.openpose, USUAL_SIZE)
        networks["the same, parts left apart"] = SmallOpenPose(args.openpose, USUAL_SIZE, {"merge": False})
    if not networks:
        parser.error("name at least one network: --posenet or --openpose")
    results = {name: find(network, pictures) for name, network in networks.items()}
    images, annotations = ([one for truth in truths for one in truth[part]] for part in (0, 1))
    every = Truth(images, annotations, "coco")
    for truth in (truths[0], every) if len(truths) > 1 else truths:
        print(f"\n{score_table(truth, results, args.draws)}")
    print("\nThat is a small sample: differences of a few hundredths say nothing.\n")
    rows = [_speed(name, result.seconds) for name, result in results.items()]
    print(markdown_table(["CPU time on one core", "images per second", "network, ms", "decoder, ms", "share"], rows))
    print(f"\nTarget for PoseNet: {FAST_ENOUGH:g} images per second.\n")
    for count in CROWDS:
        fields = crowd(count)
        assert len(decode(fields).joints) == count
        took = milliseconds(partial(decode, fields), REPEATS)
        print(f"PoseNet's decoding of {count} people: {took:.1f} ms")
    print(f"target: below {FRAME_15:g} ms with {CROWDS[-1]} people")


def _speed(name: str, seconds: npt.NDArray[np.float64]) -> list[str]:
    """The medians over images of seconds (I, 2) of network and decoder."""
    network, decoder = 1000 * np.median(seconds, axis=0)
    total = float(np.median(seconds.sum(axis=1)))
    return [name, *(f"{value:.1f}" for value in (1 / total, network, decoder)), f"{decoder / (10 * total):.0f} %"]


if __name__ == "__main__":
    main()

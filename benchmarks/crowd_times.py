"""The CPU time of each way to find people in a rendered picture, by how many there are: network and decoder."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from humotion.clips.crop import cut
from humotion.inputs.whole_pictures import window_of
from humotion.models.common.counting import gmacs
from humotion.models.hourglass.decoding import decode as decode_crops
from humotion.render.crowd import Job, annotate, render_picture
from humotion.tasks.multi_person_pose.training.module import MultiPersonPose
from humotion.tasks.multi_person_pose.training.top_down import Cutting, crops_around

Pixels = npt.NDArray[np.uint8]
SEED = 29  # of the pictures
MOST_TRIES = 200


class Times(NamedTuple):
    """Milliseconds of CPU time per picture."""

    network: float
    decoder: float

    @property
    def all(self) -> float:
        """Both together."""
        return self.network + self.decoder

    @property
    def decoder_share(self) -> float:
        """The share of the decoder, from 0 to 1."""
        return self.decoder / self.all


class Shown(NamedTuple):
    """A picture (H, W, 3), and the true boxes (N, 4) of its people, x1, y1, x2, y2."""

    pixels: Pixels
    boxes: npt.NDArray[np.float64]


def pictures(count: int, number: int) -> Iterator[Shown]:
    """Rendered pictures, each with ``count`` people of whom enough is seen to be labelled.

    Raises:
        AssertionError: so many people hardly ever fit.
    """
    made = 0
    for attempt in range(MOST_TRIES):
        picture = render_picture(Job(1, "val", (SEED, count, attempt), num_people=count + attempt % 8))
        labelled = [one for one in annotate(picture, 1) if not one["iscrowd"]]
        if len(labelled) == count:
            made += 1
            corners = np.array([one["bbox"] for one in labelled], float)
            corners[:, 2:] += corners[:, :2]
            yield Shown(picture.pixels, corners)
        if made == number:
            return
    raise AssertionError(f"only {made} pictures of {count} people in {MOST_TRIES}")


class Measured(NamedTuple):
    """A trained model, and the side of the pictures or crops that it is shown."""

    task: MultiPersonPose
    size: int


def measure(
    models: Mapping[str, Measured], cutting: Cutting, counts: Sequence[int], num_pictures: int, repeats: int
) -> tuple[dict[str, dict[int, Times]], dict[str, tuple[int, float]]]:
    """Times of each model by the number of people, and the parameters and GMACs of each (per picture or per crop)."""
    times: dict[str, dict[int, Times]] = {name: {} for name in models}
    for count in counts:
        shown = list(pictures(count, num_pictures))
        for name, model in models.items():
            _time_of(model, shown[0], cutting)  # the first run of a shape also plans
            runs = np.array([_time_of(model, one, cutting) for _ in range(repeats) for one in shown])
            times[name][count] = Times(*np.median(runs, axis=0).tolist())
    return times, {name: _size_of(model) for name, model in models.items()}


def _time_of(measured: Measured, shown: Shown, cutting: Cutting) -> Times:
    """Milliseconds from pixels to maps, and from maps to people."""
    model: Any = measured.task.people_model
    decoding: Any = measured.task.decoding
    start = time.process_time()
    with torch.inference_mode():
        if "crops" in model.reads:
            crops = crops_around(shown.pixels, shown.boxes, cutting)["frames"][:, 0, 0]
            maps = model.maps(crops, decoding.flip_test)
            middle = time.process_time()
            decode_crops(maps, decoding, model.stride, model.sigma)
        else:
            picture = cut(shown.pixels, window_of(*shown.pixels.shape[1::-1]), measured.size)
            (fields,) = model.fields_of(torch.from_numpy(picture).permute(2, 0, 1)[None])
            middle = time.process_time()
            model.decode(fields, decoding)
    end = time.process_time()
    return Times(1000 * (middle - start), 1000 * (end - middle))


def _size_of(measured: Measured) -> tuple[int, float]:
    """Parameters, and GMACs of one picture or crop."""
    model = measured.task.model
    cost, _ = gmacs(model, torch.zeros(1, 3, measured.size, measured.size))
    return sum(one.numel() for one in model.parameters()), cost


def cheaper_from(bottom_up: Mapping[int, Times], top_down: Mapping[int, Times]) -> int | None:
    """The smallest measured number of people from which on the bottom-up model costs less; None if there is none."""
    cheaper = [count for count in sorted(bottom_up) if bottom_up[count].all < top_down[count].all]
    dearer = [count for count in sorted(bottom_up) if count not in cheaper]
    after = [count for count in cheaper if not dearer or count > dearer[-1]]
    return after[0] if after else None

"""What the ways to find everybody are worth on rendered crowds, and what each costs by the number of people."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import torch

from benchmarks.crowd_times import Measured, Times, cheaper_from, measure
from benchmarks.intervals import interval, with_doubt
from benchmarks.measure import hardware
from humotion.clips.datamodule import ClipDataModule
from humotion.evaluation.average_precision import Matches, ap_of
from humotion.evaluation.paired_ap import paired_ap
from humotion.figures.tables import markdown_table
from humotion.params.document import Params, load_params
from humotion.params.inputs import PersonCropParams
from humotion.store.frames import StoredVideo
from humotion.tasks.multi_person_pose.evaluation.layer_boxes import people_in_boxes
from humotion.tasks.multi_person_pose.evaluation.mean_pose import mean_pose, placed
from humotion.tasks.multi_person_pose.evaluation.overlap import ap_by_overlap
from humotion.tasks.multi_person_pose.training.joint_sets import sigmas_of
from humotion.tasks.multi_person_pose.training.matching import match
from humotion.tasks.multi_person_pose.training.module import MultiPersonPose
from humotion.tasks.multi_person_pose.training.outcomes import label_scale, labels_of_split
from humotion.tasks.multi_person_pose.training.people import People
from humotion.tasks.multi_person_pose.training.person_boxes import Boxes
from humotion.tasks.multi_person_pose.training.scores import AP50
from humotion.tasks.multi_person_pose.training.top_down import Cutting
from humotion.tasks.multi_person_pose.training.truth import Truth
from humotion.training.model_folder import load_task

DESCRIPTION = """\
The four trained models of the recipe crowd_methods on the same test pictures: AP with the 95 % interval of a bootstrap
over pictures, by overlap, and less that of the first model, drawn together. The hourglass looks into the true boxes,
and into boxes around the people that each bottom-up model has found. The recipe never mirrors crops, and one row shows
what the flip test then does. Then the CPU time per picture on one core, by the
number of rendered people in it: network, decoder, and from how many people on the hourglass costs more.

  humotion recipe crowd_methods && dvc repro                                       # in P
  python -m benchmarks.crowd_methods --project P
"""
BOTTOM_UP = ("crowd_person_lab", "crowd_open_pose", "crowd_associative_embedding")
TOP_DOWN = "crowd_hourglass"
DRAWS = 2000
Found = Mapping[int, People]


class Row(NamedTuple):
    """A way to find people on the test pictures."""

    name: str
    people: Found
    matches: Matches


def task_of(name: str, params: Params) -> MultiPersonPose:
    """The trained model of an experiment, as its evaluation reads it."""
    task, _ = load_task(Path("models") / name)
    assert isinstance(task, MultiPersonPose)
    task.read_by(params.experiment(name).evaluate)
    return task


def found_bottom_up(name: str, params: Params) -> tuple[Truth, Found]:
    """The labels of the test pictures, and the people that a model finds with the thresholds of its experiment."""
    return task_of(name, params).people_of_split(ClipDataModule(name, params), "test", params.machine)


def found_in_boxes(task: MultiPersonPose, data: ClipDataModule, truth: Truth, people: Found) -> Found:
    """The people that the hourglass sees in the boxes of ``people``, which are in pixels of the labels."""

    def boxes_of(image: Mapping[str, Any], _: StoredVideo) -> Boxes:
        around = people.get(image["id"], People.nobody(len(sigmas_of(truth.joint_set))))
        return Boxes((around.boxes + 0.5) * np.tile(label_scale(data.store, image), 2) - 0.5, around.scores)

    return people_in_boxes(task, data, truth, boxes_of)


def cutting_of(params: Params) -> Cutting:
    """How the hourglass was shown people."""
    augment = params.experiment(TOP_DOWN).augment
    assert isinstance(augment, PersonCropParams)
    return Cutting(augment.size, augment.person_scale, augment.pixel_scale)


def rows_of(params: Params) -> tuple[Truth, list[Row]]:
    """All ways on the same test pictures."""
    found: dict[str, Found] = {}
    for name in BOTTOM_UP:
        truth, found[name] = found_bottom_up(name, params)
    task, data = task_of(TOP_DOWN, params), ClipDataModule(TOP_DOWN, params)
    baseline = placed(mean_pose(labels_of_split(data, "train")), truth)
    # Its scores are areas. Every true box is as sure as the others, so the hourglass alone says how sure a person is.
    true = {image: replace(people, scores=np.ones(len(people))) for image, people in baseline.items()}
    for name, people in [("true boxes", true), *((f"boxes of {short(name)}", found[name]) for name in BOTTOM_UP)]:
        found[f"{short(TOP_DOWN)}, {name}"] = found_in_boxes(task, data, truth, people)
    task.decoding = task.decoding.model_copy(update={"flip_test": True})
    found[f"{short(TOP_DOWN)}, true boxes, flip test"] = found_in_boxes(task, data, truth, true)
    found["mean pose, true boxes"] = baseline
    return truth, [Row(short(name), people, match(truth, people)) for name, people in found.items()]


def short(name: str) -> str:
    """An experiment of the recipe without what all have."""
    return name.removeprefix("crowd_")


def scores_table(truth: Truth, rows: Sequence[Row]) -> str:
    """AP, AP50, AP by overlap, and AP less that of the first row."""
    nobody = match(truth, {})
    lines = []
    for row in rows:
        own = paired_ap(row.matches, nobody, 0, DRAWS)
        gain = "" if row is rows[0] else with_doubt(paired_ap(row.matches, rows[0].matches, 0, DRAWS))
        levels = ", ".join(f"{value:.3f}" for value in ap_by_overlap(truth, row.people).values())
        lines.append([row.name, interval(own, sign=""), f"{ap_of(row.matches, thresholds=AP50):.3f}", levels, gain])
    header = ("", "AP (95 % interval)", "AP50", "little, some, much overlap", f"AP over {rows[0].name}")
    return markdown_table(header, lines)


def times_table(times: Mapping[str, Mapping[int, Times]], sizes: Mapping[str, tuple[int, float]]) -> str:
    """Milliseconds per picture and the decoder's share of them, by the number of people; parameters and GMACs."""
    counts = list(next(iter(times.values())))
    lines = []
    for name, by_count in times.items():
        cells = [f"{by_count[count].all:.1f} ({by_count[count].decoder_share:.0%})" for count in counts]
        parameters, gmacs = sizes[name]
        lines.append([short(name), *cells, f"{parameters:,}", f"{gmacs:.2f}"])
    people = (f"{count} {'person' if count == 1 else 'people'}" for count in counts)
    return markdown_table(("ms per picture (decoder's share)", *people, "parameters", "GMACs"), lines)


def main(arguments: Sequence[str] | None = None) -> None:
    """Score, measure and print."""
    parser = argparse.ArgumentParser(description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--project", type=Path, required=True, help="a checkout in which the recipe is trained")
    parser.add_argument("--people", type=int, nargs="+", default=[1, 2, 3, 5, 8, 15], help="counts (%(default)s)")
    parser.add_argument("--pictures", type=int, default=4, help="per count; 15 people take 10 s (%(default)s)")
    parser.add_argument("--repeats", type=int, default=10, help="runs of each model per picture (%(default)s)")
    parser.add_argument("--only", choices=("scores", "times"), help="only one of the two tables")
    args = parser.parse_args(arguments)
    os.chdir(args.project)
    print(hardware())
    params = load_params()
    if args.only != "times":
        truth, rows = rows_of(params)
        people = sum(one["num_keypoints"] > 0 and not one["iscrowd"] for one in truth.annotations)
        print(f"\n{len(truth.images)} test pictures, {people} labelled people\n\n{scores_table(truth, rows)}")
    if args.only != "scores":
        torch.set_num_threads(1)
        cv2.setNumThreads(1)
        names = (*BOTTOM_UP, TOP_DOWN)
        models = {name: Measured(task_of(name, params), params.experiment(name).augment.size) for name in names}
        times, sizes = measure(models, cutting_of(params), args.people, args.pictures, args.repeats)
        print(f"\n{times_table(times, sizes)}\n")
        for name in BOTTOM_UP:
            first = cheaper_from(times[name], times[TOP_DOWN])
            print(f"{short(name)} costs less than the hourglass from {first} people on" if first else f"{name}: never")


if __name__ == "__main__":
    main()

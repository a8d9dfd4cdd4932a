"""The protocol of multi-person pose: AP of all test images, compared with the mean pose in the true boxes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from humotion.clips.datamodule import ClipDataModule
from humotion.evaluation.paired_ap import paired_ap
from humotion.evaluation.result import Evaluation
from humotion.params.document import Params
from humotion.params.tasks.multi_person_pose import MultiPersonExperiment
from humotion.tasks.multi_person_pose.evaluation.coco_ap import average_precision
from humotion.tasks.multi_person_pose.evaluation.layer_boxes import people_in_layer_boxes
from humotion.tasks.multi_person_pose.evaluation.mean_pose import mean_pose, placed
from humotion.tasks.multi_person_pose.evaluation.overlap import ap_by_overlap
from humotion.tasks.multi_person_pose.evaluation.overlays import Shown, write_overlays
from humotion.tasks.multi_person_pose.evaluation.report import people_report
from humotion.tasks.multi_person_pose.training.abstention import read_people_abstention
from humotion.tasks.multi_person_pose.training.matching import match
from humotion.tasks.multi_person_pose.training.module import MultiPersonPose
from humotion.tasks.multi_person_pose.training.outcomes import label_scale, labels_of_split
from humotion.tasks.multi_person_pose.training.people import People
from humotion.tasks.multi_person_pose.training.scores import score_table
from humotion.tasks.multi_person_pose.training.truth import Truth, picture_of
from humotion.training.task import Task

MAIN, AGAINST = "ap", "mean_pose"
_NAMES = {"AP": "ap", "AP50": "ap_50", "AP75": "ap_75", "AR": "ar", "AR50": "ar_50", "AR75": "ar_75"}


def evaluate(task: Task, data: ClipDataModule, params: Params, folder: Path) -> Evaluation:
    """Score the test images and write report and overlays into ``folder``."""
    assert isinstance(task, MultiPersonPose) and isinstance(data.experiment, MultiPersonExperiment)
    experiment, settings = data.experiment, data.experiment.evaluate
    task.read_by(settings)
    if settings.boxes == "layer":
        truth = labels_of_split(data, "test")
        people = people_in_layer_boxes(task, data, truth)
    else:
        truth, people = task.people_of_split(data, "test", params.machine)
    baseline = placed(mean_pose(labels_of_split(data, "train")), truth)
    columns = {experiment.model.name: _scores(truth, people), "mean pose": _scores(truth, baseline)}
    groups = dict(data.clips("test")[["video_id", "group"]].itertuples(index=False, name=None))
    group_of = {image["id"]: groups[picture_of(image)[0]] for image in truth.images}
    gain = paired_ap(match(truth, people), match(truth, baseline), experiment.seed, settings.bootstrap, group_of)
    table = score_table(truth, people, groups)
    title = f"{experiment.model.name} on {experiment.dataset}: people"
    how = f"{len(truth.images):,} test images, {_num_people(truth):,} labelled people. Decoder: {task.decoding!r}."
    rule = None if settings.boxes == "layer" else read_people_abstention(task.abstention)
    abstention = {} if rule is None else rule.on(table).as_dict()
    report = people_report(title, how, columns, gain, len(truth.images), abstention)
    (folder / "scores.md").write_text(report, encoding="utf-8")
    draw(folder, data, truth, people, table, settings.overlays)
    scores = columns[experiment.model.name]
    overlap = {name: value for name, value in scores.items() if name.startswith("ap_overlap_")}
    return Evaluation(
        scores=scores,
        baselines={AGAINST: columns["mean pose"]},
        main=MAIN,
        against=AGAINST,
        gain=gain,
        num_clips=len(truth.images),
        num_groups=len(set(group_of.values())),
        breakdown=pd.DataFrame({"name": list(overlap), "score": list(overlap.values())}),
        clips=_by_image(table),
        over_all_clips=list(scores),
        abstention=abstention,
    )


def _scores(truth: Truth, people: Mapping[int, People]) -> dict[str, float]:
    """All scores by their names in MLflow; those that no labelled person has are left out."""
    found = {_NAMES.get(name, name.lower()): score for name, score in average_precision(truth, people).items()}
    found |= ap_by_overlap(truth, people)
    return {name: score for name, score in found.items() if np.isfinite(score)}


def _num_people(truth: Truth) -> int:
    return sum(one["num_keypoints"] > 0 and not one["iscrowd"] for one in truth.annotations)


def _by_image(table: pd.DataFrame) -> pd.DataFrame:
    """The table `Evaluation.clips`: the share of labelled people who are found, of every image that has some."""
    some = table[table["weight"] > 0]
    return some[["clip_id", "group", "score", "weight"]].assign(metric="recall_50", direction="higher")


def draw(
    folder: Path,
    data: ClipDataModule,
    truth: Truth,
    people: Mapping[int, People],
    table: pd.DataFrame,
    count: int,
) -> None:
    """Write ``count`` test images from the worst to the best, with the people that were found in them."""
    assert data.skeleton is not None
    ranked = table[table["weight"] > 0].sort_values("score", kind="stable")
    places = np.unique(np.linspace(0, len(ranked) - 1, count).astype(int)) if len(ranked) else ()
    images = {image["file_name"]: image for image in truth.images}
    shown = []
    for name, score in ranked.iloc[list(places)][["clip_id", "score"]].itertuples(index=False, name=None):
        image = images[name]
        video_id, frame = picture_of(image)
        video = data.store[video_id]
        assert video.joints is not None and video.visibility is not None
        found = people.get(image["id"], People.nobody(len(data.skeleton.joints)))
        joints = (found.joints + 0.5) * label_scale(data.store, image) - 0.5
        names = [f"{value:.2f}" for value in found.scores]
        labels = video.joints[:, frame, :, :2], video.visibility[:, frame]
        shown.append(Shown(name, video.decode([frame])[0], joints, names, range(len(found)), *labels, score))
    write_overlays(folder, shown, data.skeleton)

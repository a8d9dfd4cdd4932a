"""What it costs a pose model that a tool says where the person is, and not a label: PCK on the same test videos."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.intervals import interval
from benchmarks.measure import hardware
from humotion.clips.datamodule import ClipDataModule
from humotion.evaluation.bootstrap import paired_bootstrap
from humotion.figures.tables import markdown_table
from humotion.params.document import PARAMS_FILE, Params, load_params, validate_params
from humotion.prediction.layer import people_tool, with_person
from humotion.prediction.video_file import DecodedVideo
from humotion.store.frames import FrameStore, StoredVideo
from humotion.store.layers import Arrays
from humotion.tasks.pose_estimation.evaluation.protocol import score
from humotion.tasks.pose_estimation.training.module import PoseEstimation
from humotion.tasks.pose_estimation.training.outcomes import pose_outcomes
from humotion.training.model_folder import load_task

DESCRIPTION = """\
One trained model of the task pose_estimation on its test videos, with crops around labelled boxes, and around the boxes
of a layer. PCK counts the same labelled joints both times, and compares with the size of the labelled box. The interval
of the difference is of a paired bootstrap over groups. A video in which the layer finds nobody is shown whole.
With --every, the same around boxes as `humotion predict` finds them: BlazePose looks at every so many frames.

  humotion recipe jhmdb_pose_small --root /path/to/JHMDB       # in P; add a layer of the tool blazepose to params.yaml
  humotion train lstm_pm                                       # and the stages before it
  python -m benchmarks.found_boxes --project P --experiment lstm_pm --layer people
  python -m benchmarks.found_boxes --project P --experiment lstm_pm --layer people --every 1 4 8
"""
METRICS = ("pck_0.2", "pck_0.1")
DRAWS = 2000


def with_boxes(params: Params, experiment: str, boxes: str, layer: str) -> Params:
    """The same settings with crops around other boxes.

    Raises:
        HumotionError: the experiment has no crops around people, or there is no such layer.
    """
    raw = params.model_dump(mode="json", by_alias=True, exclude_unset=True)
    settings = raw["experiments"][experiment]
    settings["layer"] = layer
    settings["augment"]["boxes"] = boxes
    return validate_params(raw, f"{PARAMS_FILE} with augment.boxes {boxes}:")


def in_process(params: Params) -> Params:
    """The same settings without processes that load clips: a tool's networks cannot be sent to them."""
    return params.model_copy(update={"machine": params.machine.model_copy(update={"workers": 0})})


class NowAndThenStore(FrameStore):
    """Stored videos with the person's boxes of a tool that looks at every so many frames, in place of a layer's."""

    def __init__(self, store: FrameStore, every: int) -> None:
        self.__dict__.update(store.__dict__)
        self._tool, self._every, self._found = people_tool(), every, dict[str, Arrays]()

    def __getitem__(self, video_id: str) -> StoredVideo:
        """See `FrameStore`."""
        video = super().__getitem__(video_id)
        if video_id not in self._found:
            frames = DecodedVideo(video.decode(np.arange(video.num_frames)), video.fps)
            self._found[video_id] = with_person(frames, self._tool, self._every).annotation
        video.annotation = self._found[video_id]
        return video


def scores(params: Params, experiment: str, every: int | None = None) -> pd.DataFrame:
    """One row per test video and metric, as `score` makes them."""
    task, _ = load_task(Path("models") / experiment)
    assert isinstance(task, PoseEstimation)
    data = ClipDataModule(experiment, params, task.model.num_neighbours)
    if every is not None:
        data.store = NowAndThenStore(data.store, every)
    settings = params.experiment(experiment).evaluate
    task.read_by(settings)
    assert data.skeleton is not None
    outcomes = list(pose_outcomes(task, data, "test", params.machine, settings.scales))
    _, clips = score(outcomes, data.skeleton)
    return clips


def seen_whole(params: Params, experiment: str) -> int:
    """The number of test videos in which the layer finds nobody."""
    data = ClipDataModule(experiment, params)
    return sum(not data.store[name].annotation["found"].any() for name in data.clips("test")["video_id"].unique())


def rows_of(labelled: pd.DataFrame, found: pd.DataFrame, seed: int) -> list[tuple[str, ...]]:
    """Per metric: the score by labelled boxes, by the layer's, and the difference."""
    rows = []
    for metric in METRICS:
        one, other = (table[table["metric"] == metric] for table in (labelled, found))
        assert one["clip_id"].tolist() == other["clip_id"].tolist()
        one, other = (table[one["weight"].to_numpy() > 0] for table in (one, other))  # PCK of others is NaN
        weights = one["weight"].to_numpy()
        cost = paired_bootstrap(other["score"], one["score"], one["group"].tolist(), seed, DRAWS, weights)
        means = (f"{np.average(table['score'], weights=weights):.3f}" for table in (one, other))
        rows.append((metric, *means, interval(cost)))
    return rows


def main(arguments: Sequence[str] | None = None) -> None:
    """Score twice and print."""
    parser = argparse.ArgumentParser(description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--project", type=Path, required=True, help="a checkout in which the experiment is trained")
    parser.add_argument("--experiment", required=True, help="of the task pose_estimation, trained with labelled boxes")
    parser.add_argument("--layer", required=True, help="a layer with boxes of people")
    parser.add_argument(
        "--every", type=int, nargs="+", default=[], help="frames from one look of BlazePose to the next"
    )
    args = parser.parse_args(arguments)
    os.chdir(args.project)
    print(hardware())
    params = load_params()
    by_labels, by_layer = (with_boxes(params, args.experiment, boxes, args.layer) for boxes in ("labels", "layer"))
    labelled, found = (scores(one, args.experiment) for one in (by_labels, by_layer))
    nobody = seen_whole(by_layer, args.experiment)
    print(f"{labelled['clip_id'].nunique()} test videos of {labelled['group'].nunique()} groups")
    print(f"videos in which the layer finds nobody: {nobody}\n")
    header = ("", "labelled boxes", f"boxes of the layer {args.layer}", "difference")
    print(markdown_table(header, rows_of(labelled, found, params.experiment(args.experiment).seed)))
    for every in args.every:
        found = scores(in_process(by_layer), args.experiment, every)
        header = ("", "labelled boxes", f"BlazePose, every {every} frames", "difference")
        print(f"\n{markdown_table(header, rows_of(labelled, found, params.experiment(args.experiment).seed))}")


if __name__ == "__main__":
    main()

"""The review of a layer: known landmarks against known labels, and a report that shows them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from humotion.datasets.penn_action import SKELETON
from humotion.errors import HumotionError
from humotion.files import read_json
from humotion.params.document import Params
from humotion.stages import review
from humotion.store.frames import FrameStore, shard_name
from humotion.store.layers import AnnotatedVideo, LayerFacts, folder_of_layer, write_facts, write_layer_shard

LAYER = folder_of_layer("tiny", "people")


def params() -> Params:
    return Params.model_validate(
        {
            "datasets": {"tiny": {"layout": "folder", "root": "data/tiny"}},
            "layers": {"people": {"dataset": "tiny", "tool": "blazepose"}},
            "experiments": {},
        }
    )


def write_layer(project: Path, shift: float = 0.0) -> FrameStore:
    """The labels as landmarks, moved to the right by ``shift`` box sides; nobody in v01, and not in the first frame."""
    store = FrameStore(project / "prepared/tiny/frames", project / "prepared/tiny/frames.parquet")
    LAYER.mkdir(parents=True, exist_ok=True)
    write_facts(LAYER, LayerFacts("blazepose", 1, skeleton=SKELETON))
    videos = []
    for video_id in store:
        video = store[video_id]
        points = np.full((1, video.num_frames, 13, 3), np.nan, np.float32)
        if video.joints is not None:
            sides = (video.boxes[0, :, 2:] - video.boxes[0, :, :2]).max(-1)  # type: ignore[index]
            moved = video.joints[0, :, :, :2] + shift * sides[:, None, None] * np.array([1, 0])
            points[0, ..., :2], points[0, ..., 2] = moved / [video.width, video.height], 0
        points[0, 0] = np.nan
        arrays = {"landmarks": points, "found": np.isfinite(points).all((2, 3))}
        videos.append(AnnotatedVideo(video_id, arrays))
    write_layer_shard(LAYER / shard_name(0), videos, videos[0].arrays)
    rows = [{"video_id": video.video_id, "shard": 0, "row": row} for row, video in enumerate(videos)]
    pd.DataFrame(rows).to_parquet(LAYER / "videos.parquet")
    return store


@pytest.mark.parametrize(("shift", "near", "wide"), [(0.0, 1, 1), (0.15, 0, 1), (0.25, 0, 0)])
def test_landmarks_against_labels(project: Path, shift: float, near: float, wide: float) -> None:
    store = write_layer(project, shift)
    review.run("people", params())
    found = read_json(Path("metrics/people/layer.json"))
    labelled = [store[video_id] for video_id in store if store[video_id].joints is not None]
    frames = sum(store[video_id].num_frames for video_id in store)
    with_somebody = sum(video.num_frames - 1 for video in labelled)
    assert found["frames"] == frames and found["frames_with_somebody"] == with_somebody > 0
    assert found["found"] == pytest.approx(with_somebody / frames)
    assert found["videos_without_anybody"] == len(store) - len(labelled)
    assert (found["pck_0.1_where_found"], found["pck_0.2_where_found"]) == (near, wide)
    share = with_somebody / (with_somebody + len(labelled))  # the first frame of each is a miss
    assert found["pck_0.2"] == pytest.approx(wide * share)
    assert found["acceleration"] == pytest.approx(0, abs=1e-5), "the labels move evenly"


def test_the_report_shows_what_was_found_and_where_nobody_was(project: Path) -> None:
    write_layer(project)
    review.run("people", params())
    folder = Path("reviews/people")
    report = (folder / "report.md").read_text()
    for name in ("found.png", "found.jpg", "nobody.jpg"):
        assert f"]({name})" in report
        assert Image.open(folder / name).width > 200
    assert "| PCK@0.2 of labelled joints, where somebody is found | 1.000 |" in report
    table = pd.read_csv(folder / "videos.csv")
    assert set(table["label"]) == {"jump", "walk"} and (table["num_frames"] > table["num_found"]).all()


@pytest.mark.parametrize("unknown", [0, 5])
def test_jitter_is_in_body_lengths(project: Path, unknown: int) -> None:
    """A landmark set that jumps to and fro by a tenth of its extent has an acceleration of 0.2.

    So it is with landmarks that are not known.
    """
    store = write_layer(project)
    video_id = max(store, key=lambda one: store[one].num_frames)
    points = np.zeros((1, store[video_id].num_frames, 13, 3), np.float32)
    points[0, :, 0, 1] = 0.5  # the extent: half of the height, 24 pixels
    points[0, ::2, :, 1] += 0.05
    points[0, :, 13 - unknown :] = np.nan
    arrays = {"landmarks": points, "found": np.ones(points.shape[:2], bool)}
    write_layer_shard(LAYER / shard_name(0), [AnnotatedVideo(video_id, arrays)], arrays)
    pd.DataFrame([{"video_id": video_id, "shard": 0, "row": 0}]).to_parquet(LAYER / "videos.parquet")
    review.run("people", params())
    assert read_json(Path("metrics/people/layer.json"))["acceleration"] == pytest.approx(0.2, rel=1e-4)


def test_a_layer_that_is_not_there(project: Path) -> None:
    with pytest.raises(HumotionError, match="dvc repro annotate@people"):
        review.run("people", params())

"""Sequences with tracks: people keep their number through a crossing, come in, leave and are hidden."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from humotion.datasets.posetrack18 import SKELETON, PoseTrack18
from humotion.datasets.shared.omissions import find_omissions
from humotion.render import crowd_tracks
from humotion.render.crowd_buffer import Buffer, cast_crowd
from humotion.render.crowd_people import gap
from humotion.render.crowd_truth import FEWEST_PIXELS
from humotion.render.sample import render_crowd_tracks
from humotion.render.spec import SIZE

pytest.importorskip("pybullet_data")

JOB = crowd_tracks.plan(0)[0]
Annotations = list[list[dict[str, Any]]]


@pytest.fixture(scope="module")
def film() -> crowd_tracks.Film:
    return crowd_tracks.set_up(JOB, np.random.default_rng(JOB.seed))


@pytest.fixture(scope="module")
def buffers(film: crowd_tracks.Film) -> list[Buffer]:
    return [cast_crowd(film.actors, tick, camera) for tick, camera in enumerate(film.cameras)]


@pytest.fixture(scope="module")
def people(film: crowd_tracks.Film, buffers: list[Buffer]) -> Annotations:
    return [crowd_tracks.annotate(film, tick, buffer, 100 + tick) for tick, buffer in enumerate(buffers)]


def test_a_track_is_the_same_person_in_all_frames(film: crowd_tracks.Film, people: Annotations) -> None:
    for tick, found in enumerate(people):
        assert [one["track_id"] for one in found] == sorted({one["track_id"] for one in found})
        for one in found:
            actor, joints = film.actors[one["track_id"]], np.reshape(one["keypoints"], (17, 3))
            places, _ = film.cameras[tick].project(actor.skeleton.joints[tick])
            wrist = joints[SKELETON.joints.index("r_wrist")]
            assert wrist[2] == 0 or np.abs(wrist[:2] - places[5]).max() < 0.06


def test_people_cross_and_move_on_without_a_jump(film: crowd_tracks.Film, people: Annotations) -> None:
    columns = np.full((len(film.actors), len(people)), np.nan)
    for tick, found in enumerate(people):
        for one in found:
            columns[one["track_id"], tick] = film.cameras[tick].project(
                film.actors[one["track_id"]].skeleton.origins[tick, 0]
            )[0][0]
    assert np.nanmax(np.abs(np.diff(columns))) < 20
    crossings = sum(
        bool(np.nanmin(columns[a] - columns[b]) < 0 < np.nanmax(columns[a] - columns[b]))
        for a in range(len(columns))
        for b in range(a)
    )
    assert crossings >= 3
    steps = [np.abs(np.diff(actor.skeleton.joints, axis=0)).max() for actor in film.actors]
    assert max(steps) < 1.0  # metres per frame, of any joint, also the wrist of somebody who runs


def test_people_come_leave_and_are_hidden(people: Annotations, buffers: list[Buffer]) -> None:
    count = len(buffers[0].masks)
    seen = np.array([[track in {one["track_id"] for one in found} for found in people] for track in range(count)])
    np.testing.assert_array_equal(seen.T, [buffer.masks.sum(axis=(1, 2)) >= FEWEST_PIXELS for buffer in buffers])
    assert (~seen[:, 0] & seen.any(axis=1)).any()
    assert (~seen[:, -1] & seen.any(axis=1)).any()
    changes = np.abs(np.diff(seen.astype(int), axis=1)).sum(axis=1)
    assert ((changes >= 2) & seen[:, 0] & seen[:, -1]).any(), "nobody is hidden for some frames"


def test_joints_behind_somebody_else_are_not_labelled(people: Annotations, buffers: list[Buffer]) -> None:
    hidden = 0
    for found, buffer in zip(people, buffers, strict=True):
        for one in found:
            mask = buffer.masks[one["track_id"]]
            joints = np.reshape(one["keypoints"], (17, 3))
            assert not joints[[SKELETON.joints.index("l_ear"), SKELETON.joints.index("r_ear")]].any()
            assert one["num_keypoints"] == joints[:, 2].sum()
            assert not joints[joints[:, 2] == 0].any()
            x, y, width, height = one["bbox"]
            assert mask.sum() == mask[y : y + height, x : x + width].sum()
            for column, row, _ in joints[joints[:, 2] > 0]:
                pixel = int(np.floor(row + 0.5)), int(np.floor(column + 0.5))
                owner = np.flatnonzero(buffer.masks[:, pixel[0], pixel[1]])
                hidden += int(len(owner) > 0 and owner[0] != one["track_id"])
    labelled = sum(one["num_keypoints"] for found in people for one in found)
    # A few, at the outlines: the mask is of whole pixels, the flag of a quarter of one.
    assert hidden < 0.02 * labelled


def test_nobody_walks_through_somebody_else(film: crowd_tracks.Film) -> None:
    for index, actor in enumerate(film.actors):
        assert all(gap(actor, other, tick) > 0 for other in film.actors[:index] for tick in range(0, 40, 3))


def test_the_head_is_in_its_box(film: crowd_tracks.Film, people: Annotations) -> None:
    for found in people:
        for one in found:
            x, y, width, height = one["bbox_head"]
            joints = np.reshape(one["keypoints"], (17, 3))
            for name in ("nose", "head_top", "head_bottom"):
                joint = joints[SKELETON.joints.index(name)]
                assert joint[2] == 0 or (x - 0.11 <= joint[0] <= x + width + 0.11)
                assert joint[2] == 0 or (y - 0.11 <= joint[1] <= y + height + 0.11)


def test_the_layout_reads_without_a_note_what_one_worker_or_two_write(tmp_path: Path) -> None:
    jobs = [crowd_tracks.Job(1, "train", (3, 1), 3), crowd_tracks.Job(2, "val", (3, 2), 3)]
    roots = [tmp_path / "1", tmp_path / "2"]
    for workers, root in enumerate(roots, start=1):
        render_crowd_tracks(jobs, root, workers)
    one, two = ({path.relative_to(root): path.read_bytes() for path in root.rglob("*.*")} for root in roots)
    assert one == two
    layout = PoseTrack18(roots[0])
    videos = layout.list_videos()
    assert videos["split_1"].tolist() == ["train", "test"]
    assert not layout.notes
    assert not find_omissions(layout.tree, videos["path"], layout.used).in_words(layout.spare)
    for video_id in videos["video_id"]:
        labels, folder = layout.pose(video_id), layout.root / video_id
        assert not labels.changed
        assert labels.num_frames == 3
        assert layout.own_probe(folder).status == "ok"
        frames = layout.own_frames(folder)
        assert [frame.shape for frame in frames] == [(SIZE[1], SIZE[0], 3)] * 3
        assert frames.status == "ok"


def test_small_parts_of_people_are_regions_to_ignore(buffers: list[Buffer]) -> None:
    tick, small = next(
        (tick, np.flatnonzero((sizes > 0) & (sizes < FEWEST_PIXELS)))
        for tick, sizes in enumerate(buffer.masks.sum(axis=(1, 2)) for buffer in buffers)
        if ((sizes > 0) & (sizes < FEWEST_PIXELS)).any()
    )
    regions = crowd_tracks.ignored(buffers[tick])
    for xs, ys, index in zip(regions["ignore_regions_x"], regions["ignore_regions_y"], small, strict=True):
        rows, columns = np.nonzero(buffers[tick].masks[index])
        assert (min(xs), max(xs), min(ys), max(ys)) == (
            columns.min(), columns.max() + 1, rows.min(), rows.max() + 1,
        )  # fmt: skip
    assert json.loads(json.dumps(regions)) == regions  # no numbers of NumPy

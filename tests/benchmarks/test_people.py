"""The benchmarks of people run, and what they measure is what they say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from ruamel.yaml import YAML

from benchmarks import (
    crowd_methods,
    crowd_times,
    following_scenes,
    people_decoding,
    people_found,
    people_kept,
    person_following,
)
from benchmarks.intervals import interval, with_doubt
from humotion.datasets.penn_action import SKELETON
from humotion.evaluation.bootstrap import BootstrapResult
from humotion.models.person_lab.decoding import decode
from humotion.store.frames import shard_name
from humotion.store.layers import (
    TABLE,
    TABLE_TYPES,
    AnnotatedVideo,
    LayerFacts,
    folder_of_layer,
    write_facts,
    write_layer_shard,
)
from humotion.tasks.multi_person_pose.evaluation.coco_ap import average_precision
from humotion.tasks.multi_person_pose.evaluation.tracks import track_scores
from humotion.tasks.multi_person_pose.training.outcomes import people_around
from humotion.tasks.multi_person_pose.training.people import People
from humotion.tasks.multi_person_pose.training.truth import truth_of_file
from tests.support.prepared import HEIGHT, WIDTH, make_table, make_video, write_prepared
from tests.support.repository import REPOSITORY


def test_two_networks_on_the_real_images(real_data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = real_data / "multi"
    labels, images = folder / "coco_mini" / "person_keypoints_val2017.json", folder / "coco_mini" / "val2017"
    where = ["--labels", str(labels), "--images", str(images), "--draws", "3"]
    graph = folder / "openpose_mobilenet" / "graph_opt.pb"
    people_found.main(["--posenet", str(folder / "posenet"), "--openpose", str(graph), *where])
    said = capsys.readouterr().out
    rows = [[cell.strip() for cell in line.split("|")] for line in said.splitlines() if line.startswith("|")]
    ap = {row[1]: float(row[2].split()[0]) for row in rows if row[2].split()[-1].endswith(")")}
    assert ap["PoseNet"] == pytest.approx(0.284, abs=0.01)  # an independent implementation of network and decoder
    assert ap["OpenPose on MobileNet"] == pytest.approx(0.155, abs=0.02)
    difference = ap["PoseNet, less OpenPose on MobileNet"]
    assert difference == pytest.approx(ap["PoseNet"] - ap["OpenPose on MobileNet"], abs=0.002)


def test_drawn_images_count_as_often_as_they_are_drawn(real_data: Path) -> None:
    truth = truth_of_file(real_data / "multi" / "coco_mini" / "person_keypoints_val2017.json", "coco")
    keypoints = np.array([one["keypoints"] for one in truth.annotations], float).reshape(-1, 17, 3)
    is_known = keypoints[..., 2].max(axis=1) > 0
    owner = np.array([one["image_id"] for one in truth.annotations])
    first, *others = truth.image_ids
    people = {image: People.nobody(17) for image in others}
    mine = is_known & (owner == first)
    joints = np.where(keypoints[mine, :, 2:] > 0, keypoints[mine, :, :2], np.nan)
    people[first] = people_around(joints, np.ones(joints.shape[:2]), np.ones(len(joints)))
    times = np.array([int(image["id"] == first) for image in truth.images])
    assert people_found.drawn(truth, people, 2 * times)["AP"] == pytest.approx(1.0)
    assert people_found.drawn(truth, people, 1 - times)["AP"] == 0.0
    whole = people_found.drawn(truth, people, np.ones_like(times))
    assert whole == average_precision(truth, people)


@pytest.mark.parametrize("count", people_found.CROWDS)
def test_every_person_of_a_made_up_crowd_is_found(count: int) -> None:
    found = decode(people_found.crowd(count))
    assert len(found.joints) == count
    assert found.joint_scores.min() > 0.5


def test_expected_places_keep_the_numbers_of_people_who_cross() -> None:
    scenes = [following_scenes.made_up(4, seed) for seed in range(2)]
    scores = {
        name: track_scores([person_following.judged(made, follow(made)) for made in scenes])
        for name, follow in person_following.WAYS.items()
    }
    ours = scores.pop("person_tracks")
    assert all(ours.idf1 > other.idf1 and ours.clear.switches < other.clear.switches for other in scores.values())


@pytest.mark.parametrize("detector", ["perfect", "rough"])
def test_people_of_a_rendered_sequence_keep_their_numbers(detector: str) -> None:
    file = REPOSITORY / "data" / "crowd_tracks" / "annotations" / "train" / "000001_rendered.json"
    if not file.exists():
        pytest.skip("the sample is not here: dvc pull -r sample data.dvc")
    scene = following_scenes.labelled(file, detector=detector)
    assert "l_ear" not in scene.names
    assert scene.there.sum() == 175
    scores = {name: track_scores([person_following.judged(scene, follow(scene))])
              for name, follow in person_following.WAYS.items()}  # fmt: skip
    ours = scores.pop("person_tracks")
    assert all(ours.idf1 > other.idf1 and ours.clear.switches < other.clear.switches for other in scores.values())
    assert ours.idf1 > 0.7


def test_the_truth_itself_has_full_marks() -> None:
    scene = following_scenes.made_up(3, 0)
    perfect = scene._replace(
        found_joints=scene.joints, scores=np.ones(scene.seen.shape), found_boxes=scene.boxes, found=scene.there
    )
    numbers = np.tile(np.arange(3)[:, None], (1, scene.there.shape[1]))
    found = track_scores([person_following.judged(perfect, numbers)])
    assert (found.idf1, found.mota, found.clear.switches) == (1, 1, 0)
    swapped = numbers.copy()
    swapped[:2, 75:] = numbers[1::-1, 75:]
    assert track_scores([person_following.judged(perfect, swapped)]).clear.switches == 2


def test_what_is_kept_of_an_unsure_person(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Somebody who is unsure in the first half of a video, where 6 of 13 joints are wrong."""
    monkeypatch.chdir(tmp_path)
    video = make_video("a", 10, seed=1, joints=True)
    assert video.joints is not None and video.boxes is not None
    write_prepared(Path("prepared/tiny"), [video], make_table([("a", "walk", "test", "a")], ["walk"]), SKELETON)
    pixels = video.joints.copy()
    pixels[0, :5, :6, 0] += 0.3 * 32  # of the longer side of the box
    arrays = {
        "landmarks": np.concatenate([pixels / [WIDTH, HEIGHT], np.zeros((1, 10, 13, 1))], axis=-1).astype(np.float32),
        "visibility": np.repeat([0.3, 0.8], 5)[None, :, None].repeat(13, axis=2).astype(np.float32),
        "boxes": video.boxes,
        "found": np.ones((1, 10), bool),
    }
    folder = folder_of_layer("tiny", "everybody")
    folder.mkdir(parents=True)
    write_layer_shard(folder / shard_name(0), [AnnotatedVideo("a", arrays)], arrays)
    row = {"shard": 0, "row": 0, "num_frames": 10, "num_persons": 1, "num_found": 10, "status": "ok", "digest": "0"}
    table = pd.DataFrame([{"video_id": "a", **row, "error": None}], columns=list(TABLE_TYPES)).astype(TABLE_TYPES)
    table.to_parquet(folder / TABLE, index=False)
    write_facts(folder, LayerFacts("posenet", 1, {}, {}, SKELETON, {}))
    people_kept.main(["--dataset", "tiny", "--layer", "everybody", "--surely", "0.4", "0.2"])
    said = capsys.readouterr().out
    assert "| 0.4 | 0.2 | 50.0% | 1.000 | 0.500 | 1.000 | nan |" in said
    assert "| 0.2 | 0.2 | 100.0% | 0.769 | 0.769 | 1.000 | 0.538 |" in said


def test_iou_of_boxes() -> None:
    box = np.array([[0.0, 0, 2, 2]])
    others = np.array([[0.0, 0, 2, 2], [1, 1, 3, 3], [5, 5, 6, 6]])
    np.testing.assert_allclose(person_following.iou(box, others), [[1, 1 / 7, 0]])


def test_decoding_of_every_family_is_measured(capsys: pytest.CaptureFixture[str]) -> None:
    people_decoding.main(["--people", "2", "--repeats", "1"])
    said = capsys.readouterr().out
    assert all(name in said for name in (*people_decoding.FAMILIES, people_decoding.LOOPS))
    bottom_up = {"open_pose", "associative_embedding", "person_lab"}
    assert {family.family for family in people_decoding.FAMILIES.values()} == bottom_up


def test_pictures_of_so_many_people_have_their_boxes() -> None:
    (shown,) = crowd_times.pictures(3, 1)
    height, width = shown.pixels.shape[:2]
    assert shown.boxes.shape == (3, 4)
    assert (shown.boxes[:, 2:] > shown.boxes[:, :2]).all()
    assert (shown.boxes >= 0).all() and (shown.boxes[:, 2:] <= [width, height]).all()


def test_from_how_many_people_on_the_picture_as_a_whole_costs_less() -> None:
    whole = {count: crowd_times.Times(10, 1) for count in (1, 3, 8)}
    crops = {count: crowd_times.Times(4 * count, 0) for count in (1, 3, 8)}
    assert crowd_times.cheaper_from(whole, crops) == 3
    assert crowd_times.cheaper_from(whole, whole) is None
    assert crowd_times.cheaper_from({**whole, 3: crowd_times.Times(100, 1)}, crops) == 8
    assert crowd_times.Times(30, 10).decoder_share == 0.25


def test_a_difference_is_written_with_its_interval_and_its_doubt() -> None:
    assert interval(BootstrapResult(0.2, 0.1, 0.3), sign="") == "0.200 (0.100 to 0.300)"
    assert (
        interval(BootstrapResult(0.2, 0.1, 0.3))
        == with_doubt(BootstrapResult(0.2, 0.1, 0.3))
        == "+0.200 (+0.100 to +0.300)"
    )
    doubtful = with_doubt(BootstrapResult(0.2, -0.1, 0.3))
    assert doubtful == "+0.200 (-0.100 to +0.300), not distinguishable"


def test_the_ways_on_crowds_are_those_of_the_recipe() -> None:
    recipe = YAML(typ="safe").load((REPOSITORY / "recipes" / "crowd_methods.yaml").read_text())
    assert set(recipe["experiments"]) == {*crowd_methods.BOTTOM_UP, crowd_methods.TOP_DOWN}

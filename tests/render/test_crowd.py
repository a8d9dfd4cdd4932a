"""Pictures of crowds: the truth against the solids that were cast, COCO's own code, and the reader of the layout."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from pycocotools import mask as coco_masks

from humotion.datasets.coco import COCO
from humotion.datasets.shared.omissions import find_omissions
from humotion.render import crowd
from humotion.render.crowd_buffer import cast_crowd, paint
from humotion.render.crowd_people import Actor, act, gap, random_performer
from humotion.render.crowd_scene import View, gather, stage_of
from humotion.render.crowd_truth import FEWEST_PIXELS, encode, joints_of
from humotion.render.raster import SUPERSAMPLING
from humotion.render.sample import render_crowd
from humotion.render.scene import random_scene
from humotion.render.spec import SIZE

pytest.importorskip("pybullet_data")

NAMES = crowd.JOINTS
VIEW = View(focal=220.0, elevation=1.4, aim_distance=5.0, aim_height=0.9)
AWAY, TOWARDS = 0.0, np.pi  # in which direction a person looks: the camera looks along +x

#: Of all pictures of the sample: the one with most people, one with a far group, one of somebody hardly seen.
CROWDED, WITH_GROUP, WITH_REST = 10, 4, 18


@pytest.fixture(scope="module")
def pictures() -> dict[int, crowd.Picture]:
    jobs = {job.number: job for job in crowd.plan(0)}
    return {number: crowd.render_picture(jobs[number]) for number in (CROWDED, WITH_GROUP, WITH_REST)}


SCENE = random_scene(np.random.default_rng(0))


def standing(seed: int, yaw: float, column: float, depth: float) -> Actor:
    """Somebody who stands upright at the start of a jump."""
    actor = act(random_performer(np.random.default_rng(seed), SCENE), "jump", np.zeros(1), mirror=False)
    return actor.placed(yaw, 0, VIEW.ground(column, depth))


def joints(actors: list[Actor], index: int) -> dict[str, np.ndarray]:
    buffer = cast_crowd(actors, 0, VIEW.camera())
    return dict(zip(NAMES, joints_of(actors, index, NAMES, buffer, 0, VIEW.camera()), strict=True))


def decoded(segmentation: dict[str, list[int]]) -> np.ndarray:
    return np.asarray(coco_masks.decode(coco_masks.frPyObjects(segmentation, *segmentation["size"])), bool)


def test_masks_are_disjoint_and_cover_all_bodies(pictures: dict[int, crowd.Picture]) -> None:
    for picture in pictures.values():
        masks, covered = picture.buffer.masks, np.zeros(picture.buffer.owner.shape, bool)
        assert masks.sum(axis=0).max() == 1
        for surface in picture.buffer.surfaces:
            rows, columns = np.nonzero(surface.solid >= 0)
            covered[rows + surface.y0 * SUPERSAMPLING, columns + surface.x0 * SUPERSAMPLING] = True
        samples = covered.reshape(SIZE[1], SUPERSAMPLING, SIZE[0], SUPERSAMPLING).sum(axis=(1, 3))
        np.testing.assert_array_equal(masks.any(axis=0), samples >= SUPERSAMPLING**2 / 2)


def test_the_nearest_body_owns_a_sample(pictures: dict[int, crowd.Picture]) -> None:
    picture = pictures[CROWDED]
    rng, hits = np.random.default_rng(0), 0
    for x, y in rng.uniform((0, 0), np.array(SIZE) - 1, (400, 2)):
        depths = [surface.at(x, y)[0] for surface in picture.buffer.surfaces]
        owner = picture.buffer.owner[int((y + 0.5) * SUPERSAMPLING), int((x + 0.5) * SUPERSAMPLING)]
        assert owner == (np.argmin(depths) if np.isfinite(depths).any() else -1)
        hits += owner >= 0
    assert hits > 40


def test_no_two_bodies_are_inside_each_other(pictures: dict[int, crowd.Picture]) -> None:
    actors = pictures[CROWDED].actors
    assert len(actors) >= 5
    for index, actor in enumerate(actors):
        assert all(gap(actor, other, 0) > 0 for other in actors[:index])
        assert abs((actor.balls(0)[0][:, 1] - actor.balls(0)[1]).min()) < 0.5  # feet on the ground, or in a jump
        assert (actor.balls(0)[0][:, 1] - actor.balls(0)[1]).min() > -0.08


def test_a_visible_joint_is_on_its_persons_mask_and_on_a_limb_of_its_side(pictures: dict[int, crowd.Picture]) -> None:
    seen: Counter[str] = Counter()
    for picture in pictures.values():
        for index, actor in enumerate(picture.actors[: picture.first_far]):
            found = joints_of(picture.actors, index, NAMES, picture.buffer, 0, picture.camera)
            for name, (x, y, flag) in zip(NAMES, found, strict=True):
                if flag != 2:
                    continue
                assert picture.buffer.masks[index, int(np.floor(y + 0.5)), int(np.floor(x + 0.5))]
                depth, solid = picture.buffer.surfaces[index].at(x, y)
                part, own_depth = actor.solids[solid].part, picture.camera.project(actor.point(name, 0))[1]
                assert depth > own_depth - 0.3
                if part[:2] in ("l_", "r_") and name[:2] in ("l_", "r_") and depth < own_depth - 0.15:
                    assert part[:2] == name[:2]
                seen[name] += 1
    assert all(seen[name] for name in NAMES)


def test_the_pad_of_every_joint_is_where_the_joint_is() -> None:
    actor = standing(1, TOWARDS, 95.0, 4.0)
    surface = cast_crowd([actor], 0, VIEW.camera()).surfaces[0]
    parts = {name: actor.solids[surface.at(x, y)[1]].part for name, (x, y, flag) in joints([actor], 0).items()}
    for name in NAMES[5:]:
        assert parts[name] == f"{name}_pad"
    assert parts["nose"] == "nose"
    assert parts["l_eye"] == parts["r_eye"] == "head"


def test_left_and_right_are_the_persons_own() -> None:
    front, back = joints([standing(1, TOWARDS, 95.0, 4.0)], 0), joints([standing(1, AWAY, 95.0, 4.0)], 0)
    for part in ("eye", "ear", "shoulder", "hip", "knee", "ankle"):
        assert front[f"l_{part}"][0] > front[f"r_{part}"][0]
        assert back[f"l_{part}"][0] < back[f"r_{part}"][0]
    assert [front[name][2] for name in ("nose", "l_eye", "r_eye")] == [2, 2, 2]
    assert [back[name][2] for name in ("nose", "l_eye", "r_eye")] == [1, 1, 1]
    assert front["nose"][1] > front["l_eye"][1]  # y points downwards


def test_from_the_side_one_eye_and_ear_are_hidden() -> None:
    side = joints([standing(1, np.pi / 2, 95.0, 3.0)], 0)  # looks along +z, to the right of the image
    assert side["nose"][2] == 2
    assert side["nose"][0] > side["r_ear"][0]
    assert (side["r_ear"][2], side["l_ear"][2]) == (2, 1)


def test_whoever_is_nearer_hides_whoever_is_farther() -> None:
    near, far = standing(1, TOWARDS, 95.0, 3.0), standing(2, TOWARDS, 95.0, 4.5)
    alone, of_near = joints([far], 0), joints([near], 0)
    shadow = cast_crowd([near], 0, VIEW.camera()).masks[0]
    expected = {name: [x, y, 1 if shadow[int(y + 0.5), int(x + 0.5)] else flag] for name, (x, y, flag) in alone.items()}
    assert sum(flag == 2 for *_, flag in alone.values()) > 14
    assert sum(flag == 1 for *_, flag in expected.values()) > 12
    for actors in ([near, far], [far, near]):
        assert {name: list(one) for name, one in joints(actors, actors.index(far)).items()} == expected
        np.testing.assert_array_equal(list(joints(actors, actors.index(near)).values()), list(of_near.values()))


def test_a_joint_outside_the_image_is_all_zeros() -> None:
    half = joints([standing(1, TOWARDS, 0.0, 3.0)], 0)
    outside = {name for name, (x, y, flag) in half.items() if flag == 0}
    assert {"r_shoulder", "r_elbow", "r_wrist", "r_hip"} <= outside
    assert not outside & {"l_shoulder", "l_elbow", "l_hip"}
    assert all(not half[name].any() for name in outside)


def test_an_image_shows_every_bodys_colours_only_on_its_mask() -> None:
    actors = [standing(1, TOWARDS, 70.0, 3.0), standing(2, AWAY, 130.0, 4.5)]
    camera, stage = VIEW.camera(), stage_of(SCENE, actors)
    both = paint(actors, cast_crowd(actors, 0, camera), stage, 0, camera)
    for index, actor in enumerate(actors):
        mask = cast_crowd(actors, 0, camera).masks[index]
        alone = paint([actor], cast_crowd([actor], 0, camera), stage, 0, camera)
        inner = mask & np.roll(mask, 1, 0) & np.roll(mask, -1, 0) & np.roll(mask, 1, 1) & np.roll(mask, -1, 1)
        assert inner.sum() > 300
        np.testing.assert_allclose(both[inner], alone[inner], atol=0.1)


def test_annotations_have_the_area_and_the_box_of_their_masks(pictures: dict[int, crowd.Picture]) -> None:
    for number, picture in pictures.items():
        people = crowd.annotate(picture, number)
        whole = [mask for mask in picture.buffer.masks[: picture.first_far] if mask.sum() >= FEWEST_PIXELS]
        assert [one["iscrowd"] for one in people] == [0] * len(whole) + [1] * (len(people) - len(whole))
        for one, mask in zip(people, whole, strict=False):
            np.testing.assert_array_equal(decoded(one["segmentation"]), mask)
        together = np.sum([decoded(one["segmentation"]) for one in people], axis=0)
        np.testing.assert_array_equal(together, picture.buffer.masks.any(axis=0))
        for one in people:
            mask = decoded(one["segmentation"])
            assert one["area"] == mask.sum()
            assert one["bbox"] == coco_masks.toBbox(coco_masks.encode(np.asfortranarray(mask, np.uint8))).tolist()
            flags = one["keypoints"][2::3]
            assert one["num_keypoints"] == sum(flag > 0 for flag in flags)
            assert (one["num_keypoints"] == 0 and one["area"] > 0) if one["iscrowd"] else one["area"] >= FEWEST_PIXELS


def test_a_far_group_is_one_region_and_so_is_the_rest_of_a_person(pictures: dict[int, crowd.Picture]) -> None:
    group = pictures[WITH_GROUP]
    assert len(group.actors) - group.first_far >= 5
    regions = [one for one in crowd.annotate(group, 1) if one["iscrowd"]]
    np.testing.assert_array_equal(
        decoded(regions[-1]["segmentation"]), group.buffer.masks[group.first_far :].any(axis=0)
    )
    rest = [one for one in crowd.annotate(pictures[WITH_REST], 1) if one["iscrowd"]]
    assert len(rest) == 1
    assert 0 < rest[0]["area"] < FEWEST_PIXELS


@pytest.mark.parametrize("columns", [[], [0], [1], [0, 2], [0, 1, 2]])
def test_run_lengths_are_those_of_coco(columns: list[int]) -> None:
    mask = np.zeros((4, 3), bool)
    mask[1:, columns] = True
    mask[:, columns[:1]] = True
    np.testing.assert_array_equal(decoded(encode(mask)), mask)


def test_somebody_for_whom_there_is_no_room_is_left_out() -> None:
    cast: list[Actor] = []
    here, near_the_camera = standing(1, TOWARDS, 95.0, 3.0), standing(2, TOWARDS, 95.0, 0.5)
    gather(cast, 2, lambda _: here)
    gather(cast, 1, lambda _: near_the_camera)
    assert cast == [here]


def test_the_layout_reads_without_a_note_what_one_worker_or_two_write(tmp_path: Path) -> None:
    jobs = crowd.plan(3, {"train": 2, "val": 1})
    roots = [tmp_path / "1", tmp_path / "2"]
    for workers, root in enumerate(roots, start=1):
        render_crowd(jobs, root, workers)
    one, two = ({path.relative_to(root): path.read_bytes() for path in root.rglob("*.*")} for root in roots)
    assert one == two
    layout = COCO(roots[0])
    videos = layout.list_videos()
    assert videos["split_1"].tolist() == ["train", "train", "test"]
    assert videos["group"].is_unique
    assert not layout.notes
    assert not find_omissions(layout.tree, videos["path"], layout.used).in_words(layout.spare)
    for video_id, path in zip(videos["video_id"], videos["path"], strict=True):
        assert not layout.pose(video_id).changed
        assert layout.own_probe(layout.root / path).status == "ok"
        frames = layout.own_frames(layout.root / path)
        assert [frame.shape for frame in frames] == [(SIZE[1], SIZE[0], 3)]
        assert frames.status == "ok"


def test_the_plan_has_both_splits_and_no_seed_twice() -> None:
    jobs = crowd.plan(0)
    assert Counter(job.split for job in jobs) == crowd.NUM_PICTURES
    assert len({job.seed for job in jobs} | {job.seed for job in crowd.plan(1)}) == 2 * len(jobs)

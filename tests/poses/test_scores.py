from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torchmetrics.utilities import dim_zero_sum

from humotion.datasets.jhmdb import SKELETON as JHMDB
from humotion.datasets.penn_action import SKELETON as PENN_ACTION
from humotion.poses.jitter import Jitter
from humotion.poses.pck import PCK
from humotion.poses.scores import PoseScores, score_clip

BOX = torch.tensor([[10.0, 20.0, 110.0, 60.0]])  # longer side 100: a hit at 0.2 is within 20 px


def one_frame(offsets: list[float]) -> tuple[torch.Tensor, torch.Tensor]:
    target = torch.tensor([[[50.0, 40.0]] * len(offsets)])
    pred = target.clone()
    pred[0, :, 0] += torch.tensor(offsets)
    return pred, target


def scores(metric: PCK) -> dict[str, float | list[float]]:
    return {name: value.tolist() for name, value in metric.compute().items()}


def test_pck_by_hand_at_every_threshold():
    pred, target = one_frame([0.0, 4.0, 9.0, 20.0, 20.5])
    metric = PCK(num_joints=5)
    metric.update(pred, target, torch.full((1, 5), 2), BOX)
    result = scores(metric)
    assert result["pck_0.2"] == pytest.approx(4 / 5)  # exactly 20 px still hits
    assert result["pck_0.1"] == pytest.approx(3 / 5)
    assert result["pck_0.05"] == pytest.approx(2 / 5)
    assert result["pck_0.1_by_joint"] == [1, 1, 1, 0, 0]


def test_distance_is_measured_against_the_longer_side_of_either_orientation():
    pred, target = one_frame([19.0])
    for box in ([0.0, 0.0, 100.0, 10.0], [0.0, 0.0, 10.0, 100.0]):
        metric = PCK(num_joints=1)
        metric.update(pred, target, torch.full((1, 1), 2), torch.tensor([box]))
        assert scores(metric)["pck_0.2"] == 1
    metric = PCK(num_joints=1)
    metric.update(pred, target, torch.full((1, 1), 2), torch.tensor([[0.0, 0.0, 80.0, 80.0]]))
    assert scores(metric)["pck_0.2"] == 0


def test_joints_in_rotated_order_miss():
    target = torch.tensor([[[0.0, 0.0], [100.0, 0.0], [0.0, 100.0]]])
    box = torch.tensor([[0.0, 0.0, 100.0, 100.0]])
    metric = PCK(num_joints=3)
    metric.update(target.roll(1, dims=1), target, torch.full((1, 3), 2), box)
    assert scores(metric)["pck_0.2"] == 0


@pytest.mark.parametrize(("subset", "expected"), [("visible", 1.0), ("labelled", 0.5), ("occluded", 0.0)])
def test_visibility_flags_choose_what_counts(subset, expected):
    pred, target = one_frame([0.0, 90.0, 90.0])
    target[0, 2] = math.nan  # an absent joint has no position
    metric = PCK(num_joints=3, subset=subset)
    metric.update(pred, target, torch.tensor([[2, 1, 0]], dtype=torch.uint8), BOX)
    result = scores(metric)
    assert result["pck_0.2"] == pytest.approx(expected)
    assert math.isnan(result["pck_0.2_by_joint"][2])


def test_pooled_score_and_mean_over_joints_differ():
    pred, target = one_frame([0.0, 90.0])
    metric = PCK(num_joints=2)
    metric.update(pred, target, torch.tensor([[2, 2]]), BOX)
    metric.update(pred, target, torch.tensor([[2, 0]]), BOX)
    result = scores(metric)
    assert result["pck_0.2"] == pytest.approx(2 / 3)
    assert result["pck_0.2_joint_mean"] == pytest.approx(1 / 2)


@pytest.mark.parametrize("box", [[5.0, 5.0, 5.0, 5.0], [5.0, 5.0, 95.0, 5.0], [9.0, 9.0, 1.0, 1.0]])
def test_box_without_area_makes_every_joint_a_miss(box):
    pred, target = one_frame([0.0])
    metric = PCK(num_joints=1)
    metric.update(pred, target, torch.tensor([[2]]), torch.tensor([box]))
    assert scores(metric)["pck_0.2"] == 0


def test_prediction_that_is_not_finite_is_a_miss():
    pred, target = one_frame([math.nan, math.inf, 0.0])
    metric = PCK(num_joints=3)
    metric.update(pred, target, torch.full((1, 3), 2), BOX)
    assert scores(metric)["pck_0.2"] == pytest.approx(1 / 3)


def test_nothing_counted_is_nan_and_reset_forgets():
    pred, target = one_frame([0.0])
    metric = PCK(num_joints=1)
    metric.update(pred, target, torch.tensor([[2]]), BOX)
    metric.reset()
    metric.update(pred, target, torch.tensor([[0]]), BOX)
    assert math.isnan(scores(metric)["pck_0.2"])


def test_unknown_subset_is_refused():
    pred, target = one_frame([0.0])
    with pytest.raises(ValueError, match="joints to count"):
        PCK(num_joints=1, subset="all").update(pred, target, torch.tensor([[2]]), BOX)  # type: ignore[arg-type]


def test_pck_by_torso_by_hand():
    target = torch.tensor([[[0.0, 0.0], [30.0, 40.0], [7.0, 7.0]]])  # a torso of 50 px between joints 0 and 1
    pred = target + torch.tensor([[[10.0, 0.0], [10.5, 0.0], [0.0, 4.0]]])
    metric = PCK(num_joints=3, torso=(0, 1), name="pck_torso")
    metric.update(pred, target, torch.tensor([[2, 2, 2]]), torch.zeros(1, 4))  # the box plays no part
    result = scores(metric)
    assert result["pck_torso_0.2"] == pytest.approx(2 / 3)
    assert result["pck_torso_0.1_by_joint"] == [0, 0, 1]
    assert result["pck_torso_0.05"] == 0


@pytest.mark.parametrize(
    ("flags", "torso_end", "counted"),
    [
        ([2, 2, 2], 50.0, 3),
        ([2, 1, 2], 50.0, 2),  # occluded, but its position is known: the length stands, the joint itself is not scored
        ([2, 0, 2], 50.0, 0),  # no position: no length, and the predicted torso is no substitute
        ([2, 2, 2], 0.5, 0),
    ],
)
def test_frames_whose_torso_is_not_labelled_do_not_count(flags, torso_end, counted):
    target = torch.tensor([[[0.0, 0.0], [torso_end, 0.0], [7.0, 7.0]]])
    metric = PCK(num_joints=3, torso=(0, 1))
    metric.update(target, target, torch.tensor([flags]), BOX)
    assert metric.counts.sum() == counted


def test_mean_of_groups_by_hand():
    pred, target = one_frame([0.0, 90.0, 0.0, 0.0, 90.0])
    metric = PCK(num_joints=5, groups=[(0,), (1, 2), (3,)])  # joint 4 is in no column
    metric.update(pred, target, torch.full((1, 5), 2), BOX)
    result = scores(metric)
    assert result["pck_0.2"] == result["pck_0.2_joint_mean"] == pytest.approx(3 / 5)
    assert result["pck_0.2_group_mean"] == pytest.approx((1 + 0.5 + 1) / 3)


def test_published_jhmdb_mean_is_that_of_its_seven_columns():
    """The per-joint row of the official README (sub-JHMDB), left and right equal: 93.65 of groups, 94.1 of joints."""
    share = {"head": 98.27, "shoulder": 96.4, "elbow": 89.63, "wrist": 86.05, "hip": 98.73, "knee": 95.6, "ankle": 90.9}
    by_joint = {**share, "face": share["head"], "neck": 99.20, "belly": 98.97}
    metric = PCK(num_joints=15, thresholds=(0.2,), groups=[members for _, members in JHMDB.groups])
    metric._update_count = 1
    metric.counts += 10_000
    metric.hits += torch.tensor(
        [round(100 * by_joint[joint.removeprefix("r_").removeprefix("l_")]) for joint in JHMDB.joints]
    )
    result = scores(metric)
    assert result["pck_0.2_group_mean"] == pytest.approx(0.9365, abs=1e-4)
    assert result["pck_0.2_joint_mean"] == pytest.approx(0.941, abs=1e-3)


def random_clips(seed: int = 0):
    rng = np.random.default_rng(seed)
    joints = rng.uniform(0, 200, (4, 18, 13, 2)).astype(np.float32)
    pred = (joints + rng.normal(0, 8, joints.shape)).astype(np.float32)
    visibility = rng.integers(0, 3, (4, 18, 13)).astype(np.uint8)
    corner = rng.uniform(0, 100, (4, 18, 2))
    box = np.concatenate([corner, corner + rng.uniform(40, 120, (4, 18, 2))], axis=-1).astype(np.float32)
    return pred, joints, visibility, box


def naive_pck(pred, joints, visibility, box, threshold, flags, torso=None):
    """Hits and counts of every joint (J,), one joint at a time."""
    hits, total = np.zeros(pred.shape[2]), np.zeros(pred.shape[2])
    for clip in range(pred.shape[0]):
        for frame in range(pred.shape[1]):
            x1, y1, x2, y2 = box[clip, frame]
            length = max(x2 - x1, y2 - y1)
            if torso is not None:
                if 0 in [visibility[clip, frame, end] for end in torso]:
                    continue
                length = math.dist(*(joints[clip, frame, end] for end in torso))
            for joint in range(pred.shape[2]):
                if visibility[clip, frame, joint] in flags:
                    total[joint] += 1
                    distance = math.dist(pred[clip, frame, joint], joints[clip, frame, joint])
                    hits[joint] += distance <= threshold * length
    return hits, total


FLAGS = {"visible": (2,), "labelled": (1, 2), "occluded": (1,)}


@pytest.mark.parametrize("subset", list(FLAGS))
@pytest.mark.parametrize("torso", [None, PENN_ACTION.torso])
@pytest.mark.parametrize("seed", range(3))
def test_agrees_with_an_independent_implementation_over_batches_of_clips(subset, torso, seed):
    arrays = random_clips(seed)
    groups = [members for _, members in PENN_ACTION.groups]
    metric = PCK(num_joints=13, subset=subset, torso=torso, groups=groups)
    for part in (slice(0, 1), slice(1, 4)):
        metric.update(*(torch.from_numpy(array[part]) for array in arrays))
    for threshold in (0.2, 0.1, 0.05):
        hits, total = naive_pck(*arrays, threshold, FLAGS[subset], torso)
        result, name = scores(metric), f"pck_{threshold:g}"
        assert 0.02 < hits.sum() / total.sum() < 0.999  # else the comparison shows nothing
        assert result[name] == pytest.approx(hits.sum() / total.sum())
        assert result[f"{name}_by_joint"] == pytest.approx((hits / total).tolist())
        assert result[f"{name}_joint_mean"] == pytest.approx((hits / total).mean())
        means = [(hits / total)[list(group)].mean() for group in groups]
        assert result[f"{name}_group_mean"] == pytest.approx(np.mean(means))


def test_clip_scores_by_weight_are_the_scores_of_all_clips():
    arrays = [torch.from_numpy(array) for array in random_clips(1)]
    whole, rows = PoseScores(PENN_ACTION), []
    for clip in zip(*arrays, strict=True):
        whole.update(*clip)
        rows.append(score_clip(PENN_ACTION, *clip))
    pooled = whole.compute()
    assert len(rows[0]) == 12
    for name in rows[0]:
        values, weights = zip(*(row[name] for row in rows), strict=True)
        assert np.average(values, weights=weights) == pytest.approx(pooled[name], abs=1e-6)


def test_scores_of_occluded_joints_are_given_only_where_there_are_some():
    pred, joints, visibility, box = (torch.from_numpy(array[0]) for array in random_clips(2))
    visible = PoseScores(PENN_ACTION)
    visible.update(pred, joints, torch.full_like(visibility, 2), box)
    assert "pck_0.2" in visible.compute()
    assert not [name for name in visible.compute() if "occluded" in name]
    mixed = PoseScores(PENN_ACTION)
    mixed.update(pred, joints, visibility, box)
    assert 0 <= mixed.compute()["pck_occluded_0.2"] <= 1


def test_labelled_joints_count_where_the_dataset_scores_them_all():
    pred, target = one_frame([0.0] * 15)
    flags = torch.tensor([[2] * 10 + [1] * 5])
    pred[0, 10:] += 90
    for skeleton, joints, expected in ((PENN_ACTION, 13, 1.0), (JHMDB, 15, 10 / 15)):
        row = score_clip(skeleton, pred[:, :joints], target[:, :joints], flags[:, :joints], BOX)
        assert row["pck_0.2"][0] == pytest.approx(expected)


def add_up(states):
    """What several processes' states become when they are synchronised: every state here is a sum."""
    return {name: torch.stack([state[name] for state in states]).sum(0) for name in states[0]}


@pytest.mark.parametrize("make", [lambda: PCK(num_joints=13), Jitter])
def test_processes_that_share_clips_out_find_the_same_scores(make):
    arrays = [torch.from_numpy(array) for array in random_clips(3)]
    whole, *parts = make(), make(), make()
    whole.update(*arrays)
    for metric, part in zip(parts, (slice(0, 3), slice(3, 4)), strict=True):
        metric.update(*(array[part] for array in arrays))
    assert set(whole._reductions.values()) == {dim_zero_sum}  # else adding up is not what would be done
    merged = make()
    for name, value in add_up([part.metric_state for part in parts]).items():
        setattr(merged, name, value)
    merged._update_count = 1
    for name, value in whole.compute().items():
        torch.testing.assert_close(merged.compute()[name], value, equal_nan=True)


def moving_clip(num_frames: int = 6) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    target = torch.rand(num_frames, 2, 2) * 50
    visibility = torch.full((num_frames, 2), 2, dtype=torch.uint8)
    box = torch.tensor([[0.0, 0.0, 50.0, 100.0]]).repeat(num_frames, 1)
    return target, visibility, box


def jitter(pred, target, visibility, box):
    metric = Jitter()
    metric.update(pred, target, visibility, box)
    return {name: value.item() for name, value in metric.compute().items()}, int(metric.count)


def test_constant_offset_and_steady_drift_do_not_jitter():
    target, visibility, box = moving_clip()
    drift = torch.arange(6.0)[:, None, None] * torch.tensor([0.5, -1.0])
    for pred in (target + torch.tensor([7.0, -3.0]), target + drift):
        found, _ = jitter(pred, target, visibility, box)
        assert found["jitter"] == pytest.approx(0, abs=1e-6)
        assert found["acceleration"] == pytest.approx(found["acceleration_labels"], abs=1e-6)


def test_jitter_of_one_displaced_frame_by_hand():
    target, visibility, box = moving_clip()
    pred = target.clone()
    pred[2, 0] += torch.tensor([3.0, 4.0])  # 5 px of a 100 px box: accelerations 5, -10, 5
    found, count = jitter(pred, target, visibility, box)
    assert count == 8
    assert found["jitter"] == pytest.approx((0.05 + 0.10 + 0.05) / 8, abs=1e-6)


def test_a_pose_that_stands_still_errs_by_the_acceleration_of_the_labels():
    time = torch.arange(6.0)
    target = torch.stack([time**2, 0 * time], dim=-1)[:, None]  # second difference 2 px everywhere
    found, count = jitter(torch.zeros(6, 1, 2), target, torch.full((6, 1), 2), moving_clip()[2])
    assert count == 4
    assert found == pytest.approx({"jitter": 0.02, "acceleration": 0, "acceleration_labels": 0.02})


def test_jitter_counts_only_joints_visible_in_three_consecutive_frames():
    target, visibility, box = moving_clip(4)
    visibility[0, 0] = 1
    target[0, 0] = math.nan
    box[2] = 0.0
    found, count = jitter(target.nan_to_num() + 1, target, visibility, box)
    assert count == 1  # joint 0: frames 1-3 have a middle box without area; joint 1: frames 0-2
    assert math.isfinite(found["jitter"])
    nothing, count = jitter(target[:2], target[:2], visibility[:2], box[:2])
    assert math.isnan(nothing["jitter"])
    assert count == 0


def test_jitter_agrees_with_numpy_over_random_clips():
    pred, joints, visibility, box = random_clips(5)
    found, count = jitter(*(torch.from_numpy(array) for array in (pred, joints, visibility, box)))
    errors = []
    for clip in range(len(pred)):
        side = np.maximum(box[clip, :, 2] - box[clip, :, 0], box[clip, :, 3] - box[clip, :, 1])
        error = np.linalg.norm(np.diff(pred[clip] - joints[clip], n=2, axis=0), axis=-1)
        for t, j in np.ndindex(error.shape):
            if (visibility[clip, t : t + 3, j] == 2).all():
                errors.append(error[t, j] / side[t + 1])
    assert count == len(errors)
    assert found["jitter"] == pytest.approx(np.mean(errors), rel=1e-5)

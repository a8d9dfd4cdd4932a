from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from humotion.evaluation.pose import PCK, acceleration_errors, score_clip

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


@pytest.mark.parametrize(("scored", "expected"), [("visible", 1.0), ("labelled", 0.5)])
def test_visibility_flags_choose_what_counts(scored, expected):
    pred, target = one_frame([0.0, 90.0, 90.0])
    target[0, 2] = math.nan  # an absent joint has no position
    metric = PCK(num_joints=3, scored=scored)
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


def test_unknown_mode_is_refused():
    pred, target = one_frame([0.0])
    with pytest.raises(ValueError, match="scored"):
        PCK(num_joints=1, scored="all").update(pred, target, torch.tensor([[2]]), BOX)  # type: ignore[arg-type]


def random_clips(seed: int = 0):
    rng = np.random.default_rng(seed)
    joints = rng.uniform(0, 200, (4, 7, 13, 2)).astype(np.float32)
    pred = (joints + rng.normal(0, 8, joints.shape)).astype(np.float32)
    visibility = rng.integers(0, 3, (4, 7, 13)).astype(np.uint8)
    corner = rng.uniform(0, 100, (4, 7, 2))
    box = np.concatenate([corner, corner + rng.uniform(40, 120, (4, 7, 2))], axis=-1).astype(np.float32)
    return pred, joints, visibility, box


def naive_pck(pred, joints, visibility, box, threshold, smallest_flag):
    hits = total = 0
    for clip in range(pred.shape[0]):
        for frame in range(pred.shape[1]):
            x1, y1, x2, y2 = box[clip, frame]
            for joint in range(pred.shape[2]):
                if visibility[clip, frame, joint] >= smallest_flag:
                    dx, dy = pred[clip, frame, joint] - joints[clip, frame, joint]
                    total += 1
                    hits += math.hypot(dx, dy) <= threshold * max(x2 - x1, y2 - y1)
    return hits / total


@pytest.mark.parametrize(("scored", "smallest_flag"), [("visible", 2), ("labelled", 1)])
def test_agrees_with_an_independent_implementation_over_batches_of_clips(scored, smallest_flag):
    arrays = random_clips()
    metric = PCK(num_joints=13, scored=scored)
    for part in (slice(0, 1), slice(1, 4)):
        metric.update(*(torch.from_numpy(array[part]) for array in arrays))
    for threshold in (0.2, 0.1, 0.05):
        expected = naive_pck(*arrays, threshold, smallest_flag)
        assert 0.05 < expected < 0.999  # else the comparison shows nothing
        assert scores(metric)[f"pck_{threshold:g}"] == pytest.approx(expected)


def test_clip_scores_weighted_by_joints_are_the_pooled_score():
    arrays = [torch.from_numpy(array) for array in random_clips(1)]
    metric = PCK(num_joints=13, scored="labelled")
    metric.update(*arrays)
    rows = [score_clip(*clip, scored="labelled") for clip in zip(*arrays, strict=True)]
    weights = [row["num_joints"] for row in rows]
    for name in ("pck_0.2", "pck_0.1", "pck_0.05"):
        pooled = np.average([row[name] for row in rows], weights=weights)
        assert pooled == pytest.approx(scores(metric)[name], abs=1e-6)


def moving_clip(num_frames: int = 6) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    target = torch.rand(num_frames, 2, 2) * 50
    visibility = torch.full((num_frames, 2), 2, dtype=torch.uint8)
    box = torch.tensor([[0.0, 0.0, 50.0, 100.0]]).repeat(num_frames, 1)
    return target, visibility, box


def test_constant_offset_and_steady_drift_do_not_jitter():
    target, visibility, box = moving_clip()
    drift = torch.arange(6.0)[:, None, None] * torch.tensor([0.5, -1.0])
    for pred in (target + torch.tensor([7.0, -3.0]), target + drift):
        torch.testing.assert_close(
            acceleration_errors(pred, target, visibility, box), torch.zeros(8), atol=1e-6, rtol=0
        )


def test_jitter_of_one_displaced_frame_by_hand():
    target, visibility, box = moving_clip()
    pred = target.clone()
    pred[2, 0] += torch.tensor([3.0, 4.0])  # 5 px of a 100 px box: accelerations 5, -10, 5
    row = score_clip(pred, target, visibility, box)
    assert row["num_accelerations"] == 8
    assert row["jitter"] == pytest.approx((0.05 + 0.10 + 0.05) / 8, abs=1e-6)


def test_jitter_counts_only_joints_visible_in_three_consecutive_frames():
    target, visibility, box = moving_clip(4)
    visibility[0, 0] = 1
    target[0, 0] = math.nan
    box[2] = 0.0
    errors = acceleration_errors(target + 1, target, visibility, box)
    assert len(errors) == 1  # joint 0: frames 1-3 have a middle box without area; joint 1: frames 0-2
    assert errors.isfinite().all()
    assert math.isnan(score_clip(target[:2], target[:2], visibility[:2], box[:2])["jitter"])

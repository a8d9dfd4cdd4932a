"""The published joints beside those of the datasets, by hand."""

from __future__ import annotations

import pytest
import torch

from humotion.datasets.jhmdb import SKELETON as JHMDB
from humotion.datasets.penn_action import SKELETON as PENN_ACTION
from humotion.errors import HumotionError
from humotion.models.common.build import build_model
from humotion.models.pose_machine.official_joints import OFFICIAL_JOINTS, OfficialJoints

# The orders of the authors' benchmarks, 1-based; 15 is the belly.
TO_PENN = [1, 3, 6, 4, 7, 5, 8, 9, 12, 10, 13, 11, 14]
TO_JHMDB = [2, 15, 1, 3, 6, 9, 12, 4, 7, 10, 13, 5, 8, 11, 14]


def test_predictions_come_in_the_order_of_penn_action() -> None:
    joints = torch.randn(2, 14, 2)
    found, score = OfficialJoints("penn_action", PENN_ACTION.joints).decode(joints, joints[..., 0])
    torch.testing.assert_close(found, joints[:, torch.tensor(TO_PENN) - 1])
    torch.testing.assert_close(score, joints[..., 0][:, torch.tensor(TO_PENN) - 1])


def test_predictions_come_in_the_order_of_jhmdb_with_a_belly() -> None:
    joints, score = torch.randn(2, 3, 14, 2), torch.rand(2, 3, 14)
    x, y = joints.unbind(-1)
    r_shoulder, l_shoulder, r_hip, l_hip = 2, 5, 8, 11
    belly_x = (x[..., r_shoulder] + x[..., l_shoulder] + x[..., r_hip] + x[..., l_hip]) / 4
    shoulders, hips = (y[..., r_shoulder] + y[..., l_shoulder]) / 2, (y[..., r_hip] + y[..., l_hip]) / 2
    belly = torch.stack([belly_x, shoulders + 0.65 * (hips - shoulders)], dim=-1)
    expected = torch.cat([joints, belly[..., None, :]], dim=-2)[..., torch.tensor(TO_JHMDB) - 1, :]
    found, found_score = OfficialJoints("jhmdb", JHMDB.joints).decode(joints, score)
    torch.testing.assert_close(found, expected)
    least = score[..., [r_shoulder, l_shoulder, r_hip, l_hip]].amin(-1)
    torch.testing.assert_close(found_score[..., JHMDB.joints.index("belly")], least)
    torch.testing.assert_close(found_score[..., JHMDB.joints.index("face")], score[..., 0])


def test_labels_of_penn_action_get_a_neck() -> None:
    joints, flags = torch.randn(5, 13, 2), torch.full((5, 13), 2, dtype=torch.uint8)
    head, right, left = (PENN_ACTION.joints.index(name) for name in ("head", "r_shoulder", "l_shoulder"))
    flags[1, left], flags[2, head], flags[3, 12] = 1, 0, 0
    joints[2, head] = torch.nan
    official, visibility = OfficialJoints("penn_action", PENN_ACTION.joints).encode(joints, flags)
    neck = torch.stack(
        [
            0.5 * joints[:, head, 0] + 0.25 * (joints[:, right, 0] + joints[:, left, 0]),
            0.2 * joints[:, head, 1] + 0.4 * (joints[:, right, 1] + joints[:, left, 1]),
        ],
        dim=-1,
    )
    torch.testing.assert_close(official[[0, 1, 3, 4], 1], neck[[0, 1, 3, 4]])
    assert visibility[:, 1].tolist() == [2, 1, 0, 2, 2]
    assert visibility[:, OFFICIAL_JOINTS.index("l_ankle")].tolist() == [2, 2, 2, 0, 2]
    assert visibility.dtype == torch.uint8
    assert torch.isfinite(official).all()


@pytest.mark.parametrize(("name", "skeleton"), [("penn_action", PENN_ACTION), ("jhmdb", JHMDB)])
def test_labels_come_back_but_for_the_belly(name: str, skeleton: object) -> None:
    joints = torch.randn(4, len(skeleton.joints), 2)  # type: ignore[attr-defined]
    flags = torch.ones(joints.shape[:2], dtype=torch.uint8)
    translate = OfficialJoints(name, skeleton.joints)  # type: ignore[attr-defined]
    official, visibility = translate.encode(joints, flags)
    assert (visibility == 1).all()
    back, _ = translate.decode(official, visibility)
    kept = [index for index, joint in enumerate(skeleton.joints) if joint != "belly"]  # type: ignore[attr-defined]
    torch.testing.assert_close(back[:, kept], joints[:, kept])


def test_mixed_precision_rounds_no_pixels() -> None:
    joints, flags = 368 * torch.rand(2, 5, 13, 2), torch.ones(2, 5, 13, dtype=torch.uint8)
    translate = OfficialJoints("penn_action", PENN_ACTION.joints)
    expected, _ = translate.encode(joints, flags)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        official, _ = translate.encode(joints, flags)
        back, _ = translate.decode(official, flags[..., :1].expand(2, 5, 14))
    assert torch.equal(official, expected)
    assert torch.equal(back, joints)


@pytest.mark.parametrize("name", ["lstm_pm", "rpm", "cpm"])
def test_a_model_of_official_joints_has_the_published_size_on_every_dataset(name: str) -> None:
    with torch.device("meta"):
        sizes = [
            sum(p.numel() for p in build_model("pose_machine", name, joints="official", **other).parameters())
            for other in (
                {"num_joints": len(skeleton.joints), "skeleton": skeleton.name, "joint_names": skeleton.joints}
                for skeleton in (PENN_ACTION, JHMDB)
            )
        ]
        assert sizes == [sum(p.numel() for p in build_model("pose_machine", name).parameters())] * 2


def test_an_unknown_skeleton_is_refused() -> None:
    with pytest.raises(HumotionError, match=r"'coco'.*penn_action, jhmdb"):
        OfficialJoints("coco", ())

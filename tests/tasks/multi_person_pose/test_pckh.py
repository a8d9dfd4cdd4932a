from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import h5py
import numpy as np
import pytest
import scipy.io

from humotion.datasets.mpii import SKELETON
from humotion.tasks.multi_person_pose.evaluation.pckh import PCKh, head_sizes, pckh


class Validation(NamedTuple):
    """MPII's validation people: as the hourglass files have them, and as detections_our_format.mat."""

    parts: np.ndarray
    normalize: np.ndarray
    labels: np.ndarray
    labelled: np.ndarray
    heads: np.ndarray
    found: dict[str, np.ndarray]


@pytest.fixture(scope="module")
def validation(multi: Path) -> Validation:
    folder = multi / "mpii_hourglass"
    with h5py.File(folder / "valid.h5") as file:
        parts, normalize = file["part"][:], file["normalize"][:]
    found = {}
    for name in ("valid-ours", "valid-example"):
        with h5py.File(folder / f"{name}.h5") as file:
            found[name] = file["preds"][:]
    content = scipy.io.loadmat(folder / "detections_our_format.mat")
    found["pos_pred_src"] = content["pos_pred_src"].transpose(2, 0, 1)
    labels, labelled = content["pos_gt_src"].transpose(2, 0, 1), content["jnt_missing"].T == 0
    heads = head_sizes(content["headboxes_src"].transpose(2, 0, 1).reshape(-1, 4))
    return Validation(parts, normalize, labels, labelled, heads, found)


def by_hourglass(validation: Validation, name: str, threshold: float = 0.5) -> PCKh:
    """As the hourglass code has it: a joint with a coordinate that is not positive has no label."""
    labelled = (validation.parts > 0).all(axis=2)
    return pckh(validation.found[name], validation.parts, labelled, validation.normalize, SKELETON, threshold)


def test_published_predictions_for_mpii(validation: Validation) -> None:
    assert len(validation.parts) == 2958
    assert by_hourglass(validation, "valid-ours").weighted == pytest.approx(0.8802, abs=5e-5)
    assert by_hourglass(validation, "valid-ours", 0.1).weighted == pytest.approx(0.2869, abs=5e-5)
    assert by_hourglass(validation, "valid-example").weighted == pytest.approx(0.8393, abs=5e-5)


def test_published_predictions_with_head_boxes(validation: Validation) -> None:
    common = (validation.labels, validation.labelled, validation.heads, SKELETON)
    assert pckh(validation.found["valid-ours"], *common).weighted == pytest.approx(0.8804, abs=5e-5)
    assert pckh(validation.found["pos_pred_src"], *common).weighted == pytest.approx(0.8234, abs=5e-5)


def test_groups_and_both_means(validation: Validation) -> None:
    scores = by_hourglass(validation, "valid-ours")
    expected = {"shoulder": 94.7, "elbow": 88.5, "wrist": 83.4, "hip": 87.5, "knee": 83.1, "ankle": 79.1}
    assert {name: round(100 * scores.groups[name], 1) for name in expected} == expected
    scored = [share for share in scores.joints.values() if not np.isnan(share)]
    assert len(scored) == 14
    assert scores.plain == pytest.approx(np.mean(scored))
    assert scores.plain < scores.weighted - 0.004  # the two means are not the same thing
    labelled = (validation.parts > 0).all(axis=2)
    everything = pckh(
        validation.found["valid-ours"], validation.parts, labelled, validation.normalize, SKELETON, 0.5, ()
    )
    assert everything.weighted == pytest.approx(0.8895, abs=1e-4)


def test_by_hand() -> None:
    """Two people; the head sizes are 10 and 20. The second person has one labelled joint alone."""
    labels = np.zeros((2, 16, 2))
    labelled = np.zeros((2, 16), bool)
    labelled[0, [0, 1, 6]] = labelled[1, 1] = True  # 6 is the pelvis, which does not count
    found = np.zeros((2, 16, 2))
    found[0, 0], found[0, 1], found[0, 6], found[1, 1] = (3, 4), (3, 4.1), (99, 99), (10, 0)
    scores = pckh(found, labels, labelled, np.array([10.0, 20]), SKELETON)
    assert (scores.joints["r_ankle"], scores.joints["r_knee"]) == (1, 0.5)
    assert (scores.weighted, scores.plain, scores.num_joints) == (pytest.approx(2 / 3), 0.75, 3)
    assert scores.groups == {"knee": 0.5, "ankle": 1}
    found[0, 0] = np.nan  # not found
    assert pckh(found, labels, labelled, np.array([10.0, 20]), SKELETON).weighted == pytest.approx(1 / 3)


def test_nothing_labelled_and_bad_shapes() -> None:
    none = pckh(np.zeros((1, 16, 2)), np.zeros((1, 16, 2)), np.zeros((1, 16), bool), np.zeros(1), SKELETON)
    assert np.isnan(none.weighted) and np.isnan(none.plain) and none.num_joints == 0
    with pytest.raises(ValueError, match="shapes differ"):
        pckh(np.zeros((1, 16, 2)), np.zeros((2, 16, 2)), np.zeros((1, 16), bool), np.zeros(1), SKELETON)
    with pytest.raises(ValueError, match="head size of a person is not positive"):
        pckh(np.zeros((1, 16, 2)), np.zeros((1, 16, 2)), np.ones((1, 16), bool), np.zeros(1), SKELETON)


def test_head_sizes() -> None:
    assert head_sizes([[10, 10, 13, 14], [0, 0, 0, 10]]).tolist() == pytest.approx([3, 6])

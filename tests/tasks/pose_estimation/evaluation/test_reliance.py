"""Reliance on memory and the channels that follow a joint, on values worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from humotion.tasks.pose_estimation.evaluation.reliance import (
    channel_correlation,
    occlusion_effect,
    occlusion_pairs,
    reliance,
)


def test_reliance_is_the_kept_share_around_the_joint() -> None:
    """Two corners of a map: one keeps all it has, the other three quarters of it, with either sign."""
    kept, written = np.zeros((1, 2, 16, 16)), np.zeros((1, 2, 16, 16))
    kept[0, 0, :8, :8] = -2.0
    kept[0, :, 8:, 8:] = [[[1.5]], [[-1.5]]]
    written[0, 1, 8:, 8:] = 1.0
    joints = np.array([[[19.5, 19.5], [107.5, 107.5], [np.nan, 3.0]]])
    found = reliance(kept, written, joints, stride=8)
    np.testing.assert_allclose(found[0, :2], [1.0, 0.75], atol=1e-6)
    assert np.isnan(found[0, 2])


def test_correlation_finds_the_channel_that_is_the_map() -> None:
    rng = np.random.default_rng(0)
    maps = rng.normal(size=(5, 2, 6, 6))
    channels = np.stack([3 * maps[:, 1] + 7, -maps[:, 0], np.ones((5, 6, 6))], axis=1)
    found = channel_correlation(channels, maps)
    assert found.shape == (3, 2)
    assert found[0, 1] == pytest.approx(1) and found[1, 0] == pytest.approx(-1)
    assert found[2].tolist() == [0, 0]  # never changes
    expected = np.corrcoef(channels[:, 0].ravel(), maps[:, 0].ravel())[0, 1]
    assert found[0, 0] == pytest.approx(expected)


def test_pairs_compare_a_joint_with_itself_and_leave_out_the_first_frame() -> None:
    values = np.array([[0.0, 0.0, 0.0], [0.8, 0.5, 0.3], [0.4, 0.5, np.nan], [0.6, 0.5, 0.2]])
    flags = np.array([[1, 1, 1], [1, 2, 1], [2, 2, 2], [2, 2, 1]])
    pairs = occlusion_pairs(values, flags)
    assert pairs["joint"].tolist() == [0]  # joint 1 is occluded in the first frame alone, joint 2 never seen
    assert pairs.loc[0, ["occluded", "visible"]].tolist() == pytest.approx([0.8, 0.5])
    assert pairs.loc[0, ["num_occluded", "num_visible"]].tolist() == [1, 2]
    # Less the means of their frames (1.6 / 3, 0.9 / 2, 1.3 / 3): 0.8 - 0.533 against -0.05 and 0.167.
    assert pairs.loc[0, "beside_others"] == pytest.approx(0.8 - 1.6 / 3 - (-0.05 + 0.6 - 1.3 / 3) / 2)
    effect = occlusion_effect(np.array([0.1, 0.3]), ["a", "b"], seed=0, num_resamples=10)
    assert effect is not None and effect["difference"] == pytest.approx(0.2)
    assert occlusion_effect(np.array([]), [], seed=0, num_resamples=10) is None

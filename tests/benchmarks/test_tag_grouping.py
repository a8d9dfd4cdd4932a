"""The benchmark of tags runs, and its made-up pictures are what it says."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks import tag_grouping


def test_worse_maps_give_a_lower_ap(capsys: pytest.CaptureFixture[str]) -> None:
    tag_grouping.main(["--pictures", "1"])
    rows = [line.split("  ") for line in capsys.readouterr().out.splitlines()]
    found = {row[0]: [float(cell) for cell in row[1:] if cell.strip()] for row in rows if "noise" in row[0]}
    assert found["heat noise 0.0"] == [1.0, 1.0, 1.0]
    assert all(ap < 1 for ap in found["heat noise 0.3"])


def test_spoilt_maps_are_worse_where_they_say_so() -> None:
    random = np.random.default_rng(0)
    joints = tag_grouping.scene(6, random)
    heat, tags = tag_grouping.maps_of(joints)
    weak, same = tag_grouping.hardly_seen(0.5)(heat, tags, joints, random)
    assert same is tags
    peaks = [weak[tags == tag].max() for tag in np.unique(tags)[1:]]
    assert (weak.max(axis=(1, 2)) > 0.9).any() and min(peaks) > 0.07
    assert 0.3 < np.isclose(weak[(heat > 0.9)], 0.08 * heat[heat > 0.9]).mean() < 0.7
    same, drifted = tag_grouping.tag_drift(0.2)(heat, tags, joints, random)
    assert same is heat
    for joint in range(17):  # every cell of a person's disc has the same error
        assert all(np.ptp(drifted[joint][tags[joint] == tag]) < 1e-6 for tag in np.unique(tags[joint]))

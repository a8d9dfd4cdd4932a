"""The labels of real images, encoded and decoded: what is lost, and why."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from humotion.evaluation.average_precision import ap_of
from humotion.models.common.people_maps import of_cells
from humotion.params.models.person_lab import PersonLabDecodingParams
from humotion.store.owners import SEVERAL
from humotion.tasks.multi_person_pose.training.matching import match
from humotion.tasks.multi_person_pose.training.people import People
from humotion.tasks.multi_person_pose.training.truth import Truth, truth_of_file
from tests.models.person_lab.people import fields_of, real_labels
from tests.models.person_lab.test_person_lab import small


@pytest.fixture(scope="module")
def labels(real_data: Path) -> Path:
    path = real_data / "multi" / "coco_mini" / "person_keypoints_val2017.json"
    if not path.is_file():
        pytest.skip(f"no labels at {path}")
    return path


def scores(path: Path, side: int, decoding: PersonLabDecodingParams) -> tuple[float, list[float]]:
    """AP of what the decoder finds in the maps of the labels, and the IoU of each labelled person's mask in cells."""
    truth: Truth = truth_of_file(path, "coco")
    model, people, overlaps = small(radius=8.0), {}, []
    for image, (one, scale) in real_labels(path, side).items():
        found = model.decode(fields_of(model, one), decoding)
        joints = (found.joints.astype(np.float64) + 0.5) / scale - 0.5
        corners = np.concatenate([joints.min(axis=1, initial=np.inf), joints.max(axis=1, initial=-np.inf)], axis=1)
        people[image] = People(joints, found.joint_scores.astype(float), found.scores.astype(float), corners)
        cells = of_cells(one.owners, side // 4, side // 4)[0].numpy()
        for number, (place, known) in enumerate(zip(one.joints[0].numpy(), one.known[0].numpy(), strict=True), start=1):
            if not (cells == number).any():
                continue
            away = np.linalg.norm(found.joints[:, known] - place[known], axis=-1).mean(axis=1)
            assert found.masks is not None
            mask = found.masks[away.argmin()] & (cells != SEVERAL)
            overlaps.append(float((mask & (cells == number)).sum() / (mask | (cells == number)).sum()))
    return ap_of(match(truth, people)), overlaps


def test_almost_nothing_is_lost(labels: Path) -> None:
    """Joints of two people in one cell are lost; bodies whose joints are not all labelled come back whole."""
    ap, overlaps = scores(labels, 512, PersonLabDecodingParams())
    assert ap > 0.98
    assert len(overlaps) == 68
    assert min(overlaps) > 0.99


def test_what_the_published_way_loses(labels: Path) -> None:
    """Mid offsets alone cannot pass a joint without label: there is no disc from which to read the next offset.

    A network that was trained says something there too, so this is a matter of labels more than of pictures.
    """
    ap, overlaps = scores(labels, 512, PersonLabDecodingParams(bridges=False))
    assert 0.6 < ap < 0.75
    assert np.mean(np.array(overlaps) > 0.99) > 0.8

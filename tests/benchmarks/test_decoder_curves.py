"""The benchmark of decoders runs, and spoils maps in the way it says."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from benchmarks import decoder_curves, perfect_maps, spoilt_maps
from benchmarks.labelled_crowds import Crowd, crowds_of
from humotion.tasks.multi_person_pose.training.truth import Truth, truth_of_file
from tests.support.repository import REPOSITORY

SIZES = perfect_maps.Sizes(192, 7.0, 10.0)
READERS = [way.reader for way in decoder_curves.WAYS.values()]


@pytest.fixture(scope="module")
def truth() -> Truth:
    path = REPOSITORY / decoder_curves.CROWD
    if not path.exists():
        pytest.skip("the sample is not there: dvc pull")
    return truth_of_file(path, "coco")


@pytest.fixture(scope="module")
def crowds(truth: Truth) -> list[Crowd]:
    return crowds_of(truth, SIZES.side, 6)


def spoilt(reader: Any, crowd: Crowd, spoil: spoilt_maps.Spoil) -> tuple[perfect_maps.Arrays, perfect_maps.Arrays]:
    maps = reader.maps(crowd, crowd.known)
    return maps, spoil(reader, crowd, maps, np.random.default_rng(1))


def test_a_picture_fills_a_square_and_comes_back(crowds: list[Crowd], truth: Truth) -> None:
    labels = {one["image_id"]: one for one in truth.annotations}
    for crowd in crowds:
        assert crowd.owners.shape == (192, 192) and crowd.owners.max() >= 1
        last = np.array(labels[crowd.image_id]["keypoints"]).reshape(17, 3)
        back = crowd.in_image(crowd.joints[-1])
        np.testing.assert_allclose(back[last[:, 2] > 0], last[last[:, 2] > 0, :2], atol=1e-3)


@pytest.mark.parametrize("reader", READERS)
def test_perfect_maps_give_the_people(reader: Any, crowds: list[Crowd]) -> None:
    """In the picture with the least overlap, everybody."""
    crowd = min(crowds, key=lambda one: len(one.joints))
    family = reader(SIZES, {})
    people = family.people(family.maps(crowd, crowd.known), crowd)
    assert len(people) == len(crowd.joints)
    true = crowd.in_image(crowd.joints)
    away = np.linalg.norm(people.joints[:, None] - true, axis=-1)  # (N, P, J)
    nearest = np.nanmean(away, axis=-1).argmin(axis=0)
    for person, known in enumerate(crowd.known):
        assert np.nanmedian(away[nearest[person], person, known]) < 1


@pytest.mark.parametrize("smooth", [0.0, spoilt_maps.SMOOTH])
def test_noise_is_as_large_as_it_says(crowds: list[Crowd], smooth: float) -> None:
    family = perfect_maps.OpenPoseReader(SIZES, {})
    maps, noisy = spoilt(family, crowds[0], spoilt_maps.noise(0.2, smooth))
    assert (noisy["heat"] - maps["heat"]).std() == pytest.approx(0.2, rel=0.05)
    added = (noisy["limbs"] - maps["limbs"]).reshape(2, -1)
    assert np.sqrt((added**2).sum(axis=0).mean()) == pytest.approx(0.2, rel=0.05)
    heat = noisy["heat"] - maps["heat"]
    alike = np.corrcoef(heat[:, :, 1:].ravel(), heat[:, :, :-1].ravel())[0, 1]
    assert alike > 0.9 if smooth else abs(alike) < 0.05
    _, only = spoilt(family, crowds[0], spoilt_maps.noise(0.2, smooth, ["limbs"]))
    np.testing.assert_array_equal(only["heat"], maps["heat"])


def test_peaks_joints_and_limbs_go_where_they_should(crowds: list[Crowd]) -> None:
    family, crowd = perfect_maps.OpenPoseReader(SIZES, {}), crowds[0]
    maps, without = spoilt(family, crowd, spoilt_maps.without_peaks(1.0))
    assert without["heat"].max() == 0 and np.array_equal(without["limbs"], maps["limbs"])
    _, faint = spoilt(family, crowd, spoilt_maps.without_peaks(1.0, 0.08))
    np.testing.assert_allclose(faint["heat"], 0.08 * maps["heat"])
    _, nothing = spoilt(family, crowd, spoilt_maps.without_joints(1.0))
    assert nothing["heat"].max() == 0 and not nothing["limbs"].any()
    _, all_limbs = spoilt(family, crowd, spoilt_maps.without_limbs(0.0))
    np.testing.assert_allclose(all_limbs["limbs"], maps["limbs"], atol=1e-6)
    _, no_limbs = spoilt(family, crowd, spoilt_maps.without_limbs(1.0))
    assert not no_limbs["limbs"].any() and np.array_equal(no_limbs["heat"], maps["heat"])


def test_each_seed_is_a_picture_of_its_own_group(truth: Truth) -> None:
    three, pictures = decoder_curves.repeated(truth, 3)
    assert len(three.images) == 3 * len(truth.images) == len(set(three.image_ids))
    assert len({one["id"] for one in three.annotations}) == 3 * len(truth.annotations)
    first = truth.images[0]["id"]
    mine = [one["keypoints"] for one in truth.annotations if one["image_id"] == first]
    for image, picture in pictures.items():
        if picture == 0:
            assert [one["keypoints"] for one in three.annotations if one["image_id"] == image] == mine


def test_the_tables_say_that_worse_maps_give_a_lower_ap(truth: Truth, capsys: pytest.CaptureFixture[str]) -> None:
    few = ["--pictures", "4", "--seeds", "1", "--draws", "3", "--noise", "0.3", "--missing", "0.3"]
    decoder_curves.main(["--labels", str(REPOSITORY / decoder_curves.CROWD), *few])
    said = capsys.readouterr().out
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in said.splitlines() if line.startswith("|")]
    first, worst = (next(row for row in rows if row[0] == name) for name in ("perfect", "white noise 0.3"))
    perfect, noisy = ([float(cell.split()[0]) for cell in row[1:]] for row in (first, worst))
    assert perfect[0] == noisy[0] == 1.0  # the labels themselves
    assert all(worse < better for worse, better in zip(noisy[1:], perfect[1:], strict=True))
    assert {"open_pose", "person_lab", "associative_embedding", "hourglass, true boxes"} <= {row[0] for row in rows}
    assert any(row[0].startswith("high overlap") for row in rows)

"""The detector: its anchors, how boxes are merged, and where it looks; people in real frames."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from humotion.annotation.blazepose.detector import OUTPUTS, SIZE, Detection, Detector, anchors, merge, tiles_of
from humotion.annotation.blazepose.region import Floats
from humotion.annotation.blazepose.runtime import open_network
from tests.support.clips import CATCH, GOLF, real_clip


def test_anchors() -> None:
    found = anchors()
    assert found.shape == (28 * 28 * 2 + 14 * 14 * 2 + 7 * 7 * 6, 2)
    np.testing.assert_allclose(found[[0, 1, 2, 56]] * SIZE, [[4, 4], [4, 4], [12, 4], [4, 12]], atol=1e-4)
    np.testing.assert_allclose(found[1568] * SIZE, [8, 8], atol=1e-4)
    np.testing.assert_allclose(found[-6:] * SIZE, [[208, 208]] * 6, atol=1e-4)


def detection(score: float, box: tuple[float, float, float, float]) -> Detection:
    return Detection(score, np.array(box, np.float32), np.array([[box[0], box[1]]] * 4, np.float32))


def test_overlapping_boxes_become_their_weighted_mean() -> None:
    near, best, far = detection(0.6, (10, 10, 30, 30)), detection(0.9, (12, 10, 32, 30)), detection(0.7, (80, 0, 90, 9))
    one, two = merge([near, far, best])
    assert one.score == 0.9
    np.testing.assert_allclose(one.box, (0.6 * near.box + 0.9 * best.box) / 1.5)
    np.testing.assert_allclose(one.points[0], one.box[:2])
    assert (two.score, two.box.tolist()) == (0.7, far.box.tolist())
    assert merge([]) == []


def test_boxes_that_hardly_overlap_are_two_people() -> None:
    # 30 x 8 of 30 x 30 shared: 240 / 1560 = 0.15
    assert len(merge([detection(0.9, (0, 0, 30, 30)), detection(0.8, (0, 22, 30, 52))])) == 2
    assert len(merge([detection(0.9, (5, 5, 5, 5)), detection(0.8, (5, 5, 5, 5))])) == 2  # boxes without an area


@pytest.mark.parametrize(("width", "height"), [(320, 240), (240, 320), (640, 100), (100, 100)])
def test_tiles_cover_the_frame(width: int, height: int) -> None:
    covered = np.zeros((height, width), bool)
    for tile in tiles_of(width, height):
        assert tile.side == max(width, height) / 2
        low, high = tile.to_frame(np.array([[0, 0], [1, 1]], np.float32))
        covered[max(0, int(low[1])) : int(high[1]), max(0, int(low[0])) : int(high[0])] = True
    assert covered.all()


def fake(persons: list[tuple[int, float]]) -> Detector:
    """A detector whose network says which anchors have a person, with which logit."""

    def network(image: Floats) -> list[Floats]:
        raw, logits = np.zeros((1, 2254, 12), np.float32), np.full((1, 2254, 1), -200, np.float32)
        for anchor, logit in persons:
            raw[0, anchor] = [0, 0, 56, 56, 0, 28, 0, -28, 0, 0, 0, 0]
            logits[0, anchor] = logit
        return [raw, logits]

    return Detector(network)


def test_boxes_are_in_pixels_of_the_frame_and_the_letterbox_is_removed() -> None:
    frame = np.zeros((100, 200, 3), np.uint8)
    anchor = 2 * (14 * 28 + 13)  # of the finest grid: x = 13.5 / 28, y = 14.5 / 28
    (found,) = fake([(anchor, 2.0)]).detect(frame)
    x, y = 13.5 / 28 * 200, 14.5 / 28 * 200 - 50  # 50 rows of black are above
    np.testing.assert_allclose(found.box, [x - 25, y - 25, x + 25, y + 25], rtol=1e-4)
    np.testing.assert_allclose(found.points[:2], [[x, y + 25], [x, y - 25]], rtol=1e-4)
    assert found.score == pytest.approx(1 / (1 + np.exp(-2.0)))
    assert (found.region.x, found.region.side) == (pytest.approx(x), pytest.approx(125))


def test_faint_people_follow_and_change_nobody_else() -> None:
    frame = np.zeros((224, 224, 3), np.uint8)
    here, next_to_it, elsewhere = 2 * (14 * 28 + 13), 2 * (14 * 28 + 14), 2 * (3 * 28 + 3)
    people = fake([(here, 2.0), (next_to_it, -0.4), (elsewhere, -0.4)])
    (sure,) = people.detect(frame)
    first, faint = people.detect(frame, 0.5, 0.3)
    np.testing.assert_array_equal(first.box, sure.box)  # the weak detection next to it is not merged into it
    assert faint.score == pytest.approx(1 / (1 + np.exp(0.4)))
    assert faint.region.x == pytest.approx(3.5 * 8)


def test_a_low_score_is_nobody() -> None:
    frame = np.zeros((100, 200, 3), np.uint8)
    assert fake([(0, -0.01)]).detect(frame) == []
    assert fake([]).detect(frame) == []


def test_a_person_is_found_in_a_real_frame(real_data: Path, weights: Path) -> None:
    detector = Detector(open_network(weights / "pose_detection.tflite", OUTPUTS, "litert"))
    frame = real_clip(real_data, CATCH, 1).frames[0]
    (found,) = detector.detect(frame)
    assert found.score > 0.7
    assert detector.detect(np.full_like(frame, 127)) == detector.detect_small(np.full_like(frame, 127), 0.6) == []


def test_a_small_person_is_found_in_a_tile(real_data: Path, weights: Path) -> None:
    detector = Detector(open_network(weights / "pose_detection.tflite", OUTPUTS, "litert"))
    golf = real_clip(real_data, GOLF, 1).frames[0]
    (close,) = detector.detect(golf)
    small = np.full((3 * golf.shape[0], 3 * golf.shape[1], 3), 90, np.uint8)
    small[400:640, 600:920] = golf
    assert detector.detect(small) == []
    found = detector.detect_small(small, 0.6)
    assert found, "nobody is found in the tiles"
    np.testing.assert_allclose(found[0].region.x, close.region.x + 600, atol=15)
    np.testing.assert_allclose(found[0].region.y, close.region.y + 400, atol=15)

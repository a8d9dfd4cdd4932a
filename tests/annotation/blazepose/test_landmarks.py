"""The landmark network: heatmaps that move landmarks, coordinates back in the frame, and the two runtimes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from humotion.annotation.blazepose.landmarks import OUTPUTS, LandmarkNetwork, refined
from humotion.annotation.blazepose.pruning import without_other_outputs
from humotion.annotation.blazepose.region import Floats, Region
from humotion.annotation.blazepose.runtime import open_network
from humotion.errors import HumotionError
from humotion.store.blazepose import JOINTS, SKELETON
from tests.support.clips import CATCH, real_clip


def one_by_one(places: Floats, heatmaps: Floats) -> Floats:
    """`refined`, with loops."""
    height, width, _ = heatmaps.shape
    found = places.copy()
    for n, (x, y) in enumerate(places):
        column, row = int(x * width), int(y * height)
        if not (0 <= column < width and 0 <= row < height):
            continue
        total = peak = along = down = 0.0
        for r in range(max(0, row - 3), min(height, row + 4)):
            for c in range(max(0, column - 3), min(width, column + 4)):
                share = 1 / (1 + np.exp(-heatmaps[r, c, n]))
                total, along, down, peak = total + share, along + c * share, down + r * share, max(peak, share)
        if peak >= 0.5:
            found[n] = along / width / total, down / height / total
    return found


def test_heatmaps_move_landmarks_as_their_definition_says() -> None:
    random = np.random.default_rng(0)
    places = random.uniform(-0.1, 1.1, (200, 2)).astype(np.float32)
    heatmaps = random.normal(-3, 2, (64, 64, 200)).astype(np.float32)
    heatmaps[:, :, ::3] = -9  # flat and low: these stay
    np.testing.assert_allclose(refined(places, heatmaps), one_by_one(places, heatmaps), rtol=1e-5)
    np.testing.assert_array_equal(refined(places, heatmaps)[::3], places[::3])


def test_a_peak_draws_a_landmark() -> None:
    heatmaps = np.full((64, 64, 1), -20, np.float32)
    heatmaps[31, 34] = 20
    np.testing.assert_allclose(refined(np.array([[0.5, 0.5]], np.float32), heatmaps), [[34 / 64, 31 / 64]], rtol=1e-4)


def test_points_are_turned_and_scaled_back_into_the_frame() -> None:
    def network(image: Floats) -> list[Floats]:
        assert image.shape == (1, 256, 256, 3) and image.max() <= 1
        raw = np.zeros((39, 5), np.float32)
        raw[:, :2], raw[0] = 128, [256, 128, 64, 0, 2]  # the nose at the right edge, a quarter of the side deep
        world = np.zeros((39, 3), np.float32)
        world[0] = 0.5, 0.0, 0.1
        return [raw.reshape(1, 195), np.array([[0.75]], np.float32), np.full((1, 64, 64, 39), -9.0), world[None]]

    pose = LandmarkNetwork(network)(np.full((100, 100, 3), 255, np.uint8), Region(40.0, 50.0, 80.0, np.pi / 2))
    assert pose.presence_of_person == 0.75
    np.testing.assert_allclose(pose.points[0], [40, 90, 20], atol=1e-4)  # right of the region is down in the frame
    np.testing.assert_allclose(pose.points[1], [40, 50, 0], atol=1e-4)
    np.testing.assert_allclose(pose.world[0], [0, 0.5, 0.1], atol=1e-6)
    np.testing.assert_allclose([pose.visibility[0], pose.presence[0]], [0.5, 1 / (1 + np.exp(-2))], rtol=1e-6)


def test_the_joint_set() -> None:
    assert len(JOINTS) == 33 and len(SKELETON.edges) == 35 and SKELETON.dimensions == 3
    assert [JOINTS[n] for n in (0, 1, 4, 7, 9, 11, 16, 22, 27, 32)] == [
        *("nose", "l_eye_inner", "r_eye_inner", "l_ear", "l_mouth", "l_shoulder", "r_wrist", "r_thumb", "l_ankle"),
        "r_foot_index",
    ]
    assert {(n, SKELETON.flip[n]) for n in (0, 1, 3, 7, 9, 11, 31)} == {
        *((0, 0), (1, 4), (3, 6), (7, 8), (9, 10), (11, 12), (31, 32)),
    }
    assert SKELETON.torso == (11, 24)
    # 35 edges by the published numbers
    published = {(0, 1), (1, 2), (2, 3), (3, 7), (0, 4), (4, 5), (5, 6), (6, 8), (9, 10), (11, 12), (11, 13), (13, 15)}
    published |= {(15, 17), (15, 19), (15, 21), (17, 19), (12, 14), (14, 16), (16, 18), (16, 20), (16, 22), (18, 20)}
    published |= {(11, 23), (12, 24), (23, 24), (23, 25), (24, 26), (25, 27), (26, 28), (27, 29), (28, 30), (29, 31)}
    published |= {(30, 32), (27, 31), (28, 32)}
    assert {tuple(sorted(edge)) for edge in SKELETON.edges} == published


@pytest.fixture(scope="module")
def crop(real_data: Path) -> Floats:
    frame = real_clip(real_data, CATCH, 1).frames[0]
    pixels = Region(160.0, 120.0, 260.0).crop(frame, 256, 1)
    return (pixels.astype(np.float32) / 255)[None]


def test_a_pruned_network_computes_the_same_bits(weights: Path, crop: Floats) -> None:
    from ai_edge_litert.interpreter import Interpreter

    content = (weights / "pose_landmark_lite.tflite").read_bytes()
    pruned = without_other_outputs(content, OUTPUTS)
    found = []
    for each in (content, pruned):
        network = Interpreter(model_content=each, num_threads=1)
        network.allocate_tensors()
        network.set_tensor(network.get_input_details()[0]["index"], crop)
        network.invoke()
        found.append({one["name"]: network.get_tensor(one["index"]) for one in network.get_output_details()})
    whole, parts = found
    assert parts.keys() == set(OUTPUTS) < whole.keys()
    for name in OUTPUTS:
        np.testing.assert_array_equal(whole[name], parts[name])


def test_both_runtimes_agree(weights: Path, crop: Floats) -> None:
    path = weights / "pose_landmark_full.tflite"
    litert, opencv = (open_network(path, OUTPUTS, runtime) for runtime in ("litert", "opencv"))
    for one, other, tolerance in zip(litert(crop), opencv(crop), (0.2, 2e-3, 0.05, 2e-3), strict=True):
        assert one.shape == other.shape
        np.testing.assert_allclose(one, other, atol=tolerance)


def test_a_file_that_is_no_network_is_named(tmp_path: Path) -> None:
    path = tmp_path / "nothing.tflite"
    path.write_bytes(b"TFL3" * 30)
    with pytest.raises(HumotionError, match=r"nothing.tflite cannot be read|cannot read .*nothing.tflite"):
        open_network(path, OUTPUTS, "opencv")

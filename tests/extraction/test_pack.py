from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import simplejpeg

from humotion.extraction.pack import encode_frames, scale_points, stored_size
from humotion.video.decode import decode_video
from humotion.video.images import decode_frames_folder
from tests.support.trees import write_jpegs, write_video


def test_stored_size_never_enlarges() -> None:
    assert stored_size(320, 240, 240) == (320, 240)
    assert stored_size(320, 240, 300) == (320, 240)
    assert stored_size(1920, 1080, 240) == (427, 240)
    assert stored_size(1080, 1920, 240) == (240, 427)


def test_jpegs_that_fit_are_copied(tmp_path: Path) -> None:
    folder = write_jpegs(tmp_path, 3)
    encoded = encode_frames(decode_frames_folder(folder), 48, 50)
    assert encoded.method == "copy"
    assert encoded.jpegs == [path.read_bytes() for path in sorted(folder.iterdir())]
    assert encoded.scale == (1, 1)


def test_large_frames_are_shrunk(tmp_path: Path) -> None:
    encoded = encode_frames(decode_frames_folder(write_jpegs(tmp_path, 3)), 24, 95)
    assert (encoded.width, encoded.height, encoded.scale, encoded.method) == (32, 24, (0.5, 0.5), "images")
    stored = simplejpeg.decode_jpeg(encoded.jpegs[1])
    original = simplejpeg.decode_jpeg((tmp_path / "000002.jpg").read_bytes()).astype(float)
    mean = original.reshape(24, 2, 32, 2, 3).mean(axis=(1, 3))  # area averaging by hand
    assert np.abs(stored - mean).mean() < 3


def test_video_frames_are_encoded_with_the_quality_asked_for(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.avi", 5)
    sizes = []
    for quality in (30, 95):
        encoded = encode_frames(decode_video(path), 240, quality)
        assert (len(encoded.jpegs), encoded.method) == (5, "torchcodec")
        *_, subsampling = simplejpeg.decode_jpeg_header(encoded.jpegs[0])
        assert subsampling == "420"
        sizes.append(sum(map(len, encoded.jpegs)))
    assert sizes[0] < sizes[1]


def test_points_keep_their_place_in_the_picture() -> None:
    # Edges of the image lie at -0.5 and size - 0.5 in both sizes.
    edges = np.array([[-0.5, -0.5], [63.5, 47.5]], np.float32)
    np.testing.assert_allclose(scale_points(edges, (0.5, 0.25)), [[-0.5, -0.5], [31.5, 11.5]])
    boxes = np.array([[-0.5, -0.5, 63.5, 47.5]], np.float32)
    np.testing.assert_allclose(scale_points(boxes, (0.5, 0.25)), [[-0.5, -0.5, 31.5, 11.5]])


def test_points_follow_the_pixels_of_the_resize() -> None:
    image = np.zeros((80, 120), np.float32)
    image[32:40, 64:72] = 1  # a square whose centre is at x 67.5, y 35.5
    small = cv2.resize(image, (30, 20), interpolation=cv2.INTER_AREA)
    y, x = (small.nonzero()[axis].mean() for axis in (0, 1))
    np.testing.assert_allclose(scale_points(np.array([67.5, 35.5], np.float32), (0.25, 0.25)), [x, y])

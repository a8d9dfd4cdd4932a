from __future__ import annotations

import av
import numpy as np
import pytest

from humotion.datasets.jhmdb import SKELETON as JHMDB
from humotion.datasets.penn_action import SKELETON as PENN_ACTION
from humotion.figures.overlay import SIDES, draw_skeleton, enlarge, write_video


def standing_person() -> np.ndarray:
    """Penn Action joints of a person seen from behind: the right side is at the image's right."""
    return np.array(
        [
            *[(50, 10), (60, 25), (40, 25), (70, 40), (30, 40), (75, 55), (25, 55)],
            *[(56, 55), (44, 55), (57, 75), (43, 75), (57, 95), (43, 95)],
        ],
        dtype=np.float32,
    )


def blank() -> np.ndarray:
    return np.full((110, 100, 3), 128, np.uint8)


def test_sides_have_their_colours_and_the_input_is_untouched():
    image = blank()
    drawn = draw_skeleton(image, standing_person(), None, PENN_ACTION)
    assert (image == 128).all()
    np.testing.assert_array_equal(drawn[55, 75], SIDES["r_"])  # right wrist
    np.testing.assert_array_equal(drawn[55, 25], SIDES["l_"])  # left wrist
    np.testing.assert_array_equal(drawn[85, 57], SIDES["r_"])  # right shin
    assert (drawn[105] == 128).all()


def test_absent_joints_and_their_bones_are_left_out():
    visibility = np.full(13, 2, np.uint8)
    visibility[5] = 0
    joints = standing_person()
    joints[6] = np.nan
    drawn = draw_skeleton(blank(), joints, visibility, PENN_ACTION)
    assert (drawn[50:60, 70:80] == 128).all()
    assert (drawn[50:60, 20:30] == 128).all()
    assert (drawn[40, 70] != 128).any()  # the elbow is still there


def test_joints_far_outside_do_no_harm():
    joints = standing_person()
    joints[0] = [1e9, -1e9]
    assert draw_skeleton(blank(), joints, None, PENN_ACTION).shape == (110, 100, 3)


@pytest.mark.parametrize("skeleton", [PENN_ACTION, JHMDB])
def test_one_colour_for_all(skeleton):
    joints = np.random.default_rng(0).uniform(5, 95, (len(skeleton.joints), 2))
    drawn = draw_skeleton(blank(), joints, None, skeleton, colour=(255, 255, 255), thickness=1)
    assert (drawn[..., 0] == drawn[..., 2]).all()  # only greys
    assert drawn.max() == 255


def test_enlarged_joints_stay_on_their_pixel():
    image = np.zeros((10, 12, 3), np.uint8)
    image[4, 7] = 255
    larger, joints = enlarge(image, np.array([[7.0, 4.0]]), height=60)
    assert larger.shape == (60, 72, 3)
    np.testing.assert_allclose(joints, [[7.5 * 6 - 0.5, 4.5 * 6 - 0.5]])
    bright = np.argwhere(larger[..., 0] > 200).mean(axis=0)[::-1]
    np.testing.assert_allclose(bright, joints[0], atol=0.5)


@pytest.mark.parametrize(("size", "fps"), [((64, 96), 30.0), ((65, 97), 29.97)])
def test_video_plays_in_browsers_with_every_frame(tmp_path, size, fps):
    shades = np.linspace(20, 230, 25).astype(np.uint8)
    frames = [np.full((*size, 3), shade, np.uint8) for shade in shades]
    write_video(tmp_path / "clip.mp4", iter(frames), fps)
    with av.open(str(tmp_path / "clip.mp4")) as container:
        stream = container.streams.video[0]
        decoded = [frame.to_ndarray(format="rgb24") for frame in container.decode(stream)]
        assert stream.codec_context.name == "h264"
        assert stream.codec_context.pix_fmt == "yuv420p"
        assert float(stream.average_rate) == pytest.approx(fps, rel=1e-3)
    assert len(decoded) == 25
    assert decoded[0].shape == (64 + 2 * (size[0] % 2), 96 + 2 * (size[1] % 2), 3)
    means = [frame.mean() for frame in decoded]
    np.testing.assert_allclose(means, shades, atol=4)


def test_video_without_frames_is_refused(tmp_path):
    with pytest.raises(ValueError, match="no frames"):
        write_video(tmp_path / "clip.mp4", [], 30)
    assert not list(tmp_path.iterdir())

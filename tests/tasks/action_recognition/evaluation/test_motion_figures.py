"""Pictures of maps: written, readable, and bright where the values are."""

from __future__ import annotations

from pathlib import Path

import av
import cv2
import numpy as np

from humotion.figures.heat import heat_colours
from humotion.figures.overlay import write_video
from humotion.tasks.action_recognition.evaluation.motion_figures import BAND, PANEL, HeatMaps, draw_maps, plot_maps


def maps_of_a_square(num_frames: int = 6) -> tuple[np.ndarray, HeatMaps]:
    """Grey frames of 32 pixels and a map that is 0.4 on a square of 8, which moves right by 4 a frame."""
    values = np.zeros((num_frames, 32, 32))
    for number, frame in enumerate(values):
        frame[20:28, 4 * number : 4 * number + 8] = 0.4
    return np.full((num_frames, 32, 32, 3), 90, np.uint8), HeatMaps("motion", "of the full range", values, 0.05)


def test_the_scale_is_the_clip_s_and_does_not_end_below_noise() -> None:
    frames, heat = maps_of_a_square()
    assert heat.limit() == 0.4
    still = HeatMaps("motion", "", np.full((2, 8, 8), 0.001), 0.05)
    assert still.limit() == 0.05
    nothing = HeatMaps("motion", "", np.zeros((6, 32, 32)), 0.05).over(frames, 64)
    assert not np.ptp(nothing, axis=(0, 1, 2)).any(), "a static clip is its darkened frames"
    noise = still.over(frames[:2], 64)
    assert np.abs(np.subtract(noise, nothing[:2], dtype=int)).max() <= 6


def test_heat_of_the_video_lies_on_the_square(tmp_path: Path) -> None:
    frames, heat = maps_of_a_square()
    write_video(tmp_path / "maps.mp4", draw_maps(frames, [heat], ["jump 91%", "clip"]), 5.0)
    with av.open(str(tmp_path / "maps.mp4")) as container:
        decoded = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    assert len(decoded) == len(frames)
    assert decoded[0].shape == (PANEL + 4 * BAND, 2 * PANEL, 3)
    for number, picture in enumerate(decoded):
        plain, panel = np.split(picture[BAND : BAND + PANEL].astype(int), 2, axis=1)
        assert np.ptp(plain) < 30
        centre = PANEL // 32 * 24, PANEL // 32 * (4 * number + 4)
        heated = cv2.blur(panel.sum(axis=2).astype(np.float32), (55, 55), borderType=cv2.BORDER_CONSTANT)
        brightest = np.unravel_index(heated.argmax(), heated.shape)
        assert np.hypot(*np.subtract(brightest, centre)) < 16, f"frame {number}"


def test_the_scale_is_drawn_below_its_maps() -> None:
    frames, heat = maps_of_a_square()
    picture = draw_maps(frames, [heat], ["a line"])[0]
    legend = picture[BAND + PANEL + BAND // 2, PANEL + 20 : PANEL + 92]
    np.testing.assert_allclose(legend[[0, -1]], 255 * heat_colours()([0.0, 1.0])[:, :3], atol=1)


def test_figure(tmp_path: Path) -> None:
    frames, heat = maps_of_a_square(10)
    gates = HeatMaps("gates", "mean |gate|", np.random.default_rng(0).uniform(size=(10, 4, 4)), 0.01)
    plot_maps(tmp_path / "one.png", frames, range(0, 20, 2), [heat], "jump 91% (right: jump)\nclip")
    plot_maps(tmp_path / "two.png", frames, range(0, 20, 2), [heat, gates], "jump 91% (right: jump)\nclip")
    one, two = (cv2.imread(str(tmp_path / f"{name}.png")) for name in ("one", "two"))
    assert one.shape[1] == two.shape[1]
    assert two.shape[0] > one.shape[0] + 100
    warm = (one[..., 2].astype(int) - one[..., 1] > 60).any(axis=0)
    assert warm.sum() > 100


def test_one_frame_is_enough(tmp_path: Path) -> None:
    frames, heat = maps_of_a_square(1)
    plot_maps(tmp_path / "one.png", frames, [7], [heat], "title")
    assert cv2.imread(str(tmp_path / "one.png")) is not None
    assert len(draw_maps(frames, [heat], [])) == 1

"""Every frame that the ffmpeg command gives, in order, equal to within one level, for every codec."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from humotion.video.decode import decode_video
from humotion.video.probe import probe
from tests.support.footage import (
    VP9,
    X264,
    assert_equals_ffmpeg,
    ffmpeg,
    film,
    join,
    needs_ffmpeg,
    rotation,
    with_matrix,
    with_uncoded_frames,
)

pytestmark = needs_ffmpeg
X265 = "-pix_fmt yuv420p -x265-params log-level=0"
VFR = "-vf select='not(mod(n,3))+not(mod(n,7))' -fps_mode vfr"

CASES = {  # file: (encoder, its options, how it is read)
    "fmp4.avi": ("mpeg4", "", "torchcodec"),
    "dx50_b_frames.avi": ("mpeg4", "-bf 2 -vtag DX50", "pyav"),
    "xvid.avi": ("libxvid", "-bf 0", "torchcodec"),
    "xvid_packed_b_frames.avi": ("libxvid", "-bf 2", "pyav"),  # two pictures in a packet, then an empty one
    "div3.avi": ("msmpeg4", "", "torchcodec"),
    "interlaced.avi": ("mpeg4", "-flags +ildct+ilme", "torchcodec"),
    "anamorphic.avi": ("mpeg4", "-vf setsar=4/3", "torchcodec"),
    "vfr.avi": ("mpeg4", VFR, "torchcodec"),
    "vfr_b_frames.avi": ("mpeg4", f"{VFR} -bf 2", "pyav"),
    "mjpeg.avi": ("mjpeg", "-q:v 3", "torchcodec"),
    "mjpeg_422.mov": ("mjpeg", "-q:v 3 -pix_fmt yuvj422p", "torchcodec"),
    "h264.avi": ("libx264", X264, "pyav"),
    "h264.mp4": ("libx264", X264, "torchcodec"),
    "h264_anamorphic.mp4": ("libx264", f"{X264} -vf setsar=4/3", "torchcodec"),
    "h264_full_range.mp4": ("libx264", "-pix_fmt yuvj420p", "torchcodec"),
    "h264_bt709.mp4": ("libx264", f"{X264} -colorspace bt709 -color_trc bt709", "torchcodec"),
    "h264_10_bit.mkv": ("libx264", "-pix_fmt yuv420p10le", "torchcodec"),
    "h264_mbaff.mp4": ("libx264", f"{X264} -flags +ildct+ilme", "torchcodec"),
    "h264_vfr.mp4": ("libx264", f"{X264} {VFR}", "torchcodec"),
    "h264.ts": ("libx264", X264, "pyav"),
    "h265.mp4": ("libx265", X265, "torchcodec"),
    "h265_vfr.mov": ("libx265", f"{X265} {VFR}", "torchcodec"),
    "vp9.webm": ("libvpx-vp9", VP9, "torchcodec"),
    "vp9_vfr.webm": ("libvpx-vp9", f"{VP9} {VFR}", "torchcodec"),
    "mpeg2_interlaced.mpg": ("mpeg2video", "-bf 2 -flags +ildct+ilme", "pyav"),
}
ODD = {
    "mpeg4.avi": ("mpeg4", "", "torchcodec"),
    "mpeg4_b_frames.avi": ("mpeg4", "-bf 2", "pyav"),
    "mjpeg.avi": ("mjpeg", "-pix_fmt yuvj420p", "torchcodec"),
    "h264.mp4": ("libx264", "-pix_fmt yuv444p", "torchcodec"),
    "h265.mp4": ("libx265", "-pix_fmt yuv444p -x265-params log-level=0", "torchcodec"),
    "vp9.webm": ("libvpx-vp9", VP9, "torchcodec"),
}


@pytest.mark.parametrize("name", CASES)
def test_codecs(name: str, tmp_path: Path) -> None:
    encoder, options, method = CASES[name]
    assert assert_equals_ffmpeg(film(tmp_path / name, encoder, options), method) > 6


@pytest.mark.parametrize("name", ODD)
def test_odd_sizes(name: str, tmp_path: Path) -> None:
    encoder, options, method = ODD[name]
    path = film(tmp_path / name, encoder, options, size="97x65", num_frames=6)
    assert decode_video(path).read_all().shape == (6, 65, 97, 3)
    assert_equals_ffmpeg(path, method)


TURNED = {
    "90": (rotation(90), "torchcodec", (96, 64)),
    "180": (rotation(180), "torchcodec", (64, 96)),
    "270": (rotation(270), "torchcodec", (96, 64)),
    "mirrored": ((-1, 0, 0, 1), "pyav", (64, 96)),
    "upside down": ((1, 0, 0, -1), "pyav", (64, 96)),
    "transposed": ((0, 1, 1, 0), "pyav", (96, 64)),
    "anti-transposed": ((0, -1, -1, 0), "pyav", (96, 64)),
    "20 degrees": (rotation(20), "pyav", (64, 96)),
    "flat": ((0, 0, 0, 0), "torchcodec", (64, 96)),
}


@pytest.mark.parametrize("name", TURNED)
def test_turned_videos(name: str, tmp_path: Path) -> None:
    matrix, method, size = TURNED[name]
    path = with_matrix(tmp_path / "turned.mp4", film(tmp_path / "a.mp4", "libx264", X264, num_frames=4), matrix)
    assert_equals_ffmpeg(path, method)
    assert decode_video(path).read_all().shape == (4, *size, 3)
    facts = probe(path)
    assert (facts.height, facts.width) == size


@pytest.mark.parametrize("matrix", [rotation(90), (0, 1, 1, 0)])
def test_pyav_turns_as_ffmpeg_does(matrix: tuple, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("humotion.video.decode.torchcodec", lambda: None)
    path = with_matrix(tmp_path / "turned.mp4", film(tmp_path / "a.mp4", "libx264", X264, num_frames=4), matrix)
    assert_equals_ffmpeg(path, "pyav")


@pytest.mark.parametrize("suffix", [".avi", ".mp4"])
def test_pictures_that_are_not_coded(suffix: str, tmp_path: Path) -> None:
    source = film(tmp_path / "a.avi", "mpeg4", "-g 100")
    path = with_uncoded_frames(tmp_path / f"b{suffix}", source, {4: 1, 9: 3, 17: 1})
    assert assert_equals_ffmpeg(path, "torchcodec+pyav") == 20
    np.testing.assert_array_equal(decode_video(path).read_all(), decode_video(source).read_all())


def test_b_frames_that_the_header_denies(tmp_path: Path) -> None:
    """torchcodec loses a frame of such a file, and does not say so."""
    plain, crossed = film(tmp_path / "a.avi", "mpeg4", num_frames=40), film(tmp_path / "b.avi", "mpeg4", "-bf 2")
    path = join(tmp_path / "joined.avi", plain, crossed)
    assert probe(path).has_b_frames is False
    assert_equals_ffmpeg(path, "pyav")


@pytest.mark.parametrize(("suffix", "encoder", "options"), [(".webm", "libvpx-vp9", VP9), (".avi", "mjpeg", "")])
def test_a_size_that_changes_midway(suffix: str, encoder: str, options: str, tmp_path: Path) -> None:
    small = film(tmp_path / f"a{suffix}", encoder, options, num_frames=5)
    large = film(tmp_path / f"b{suffix}", encoder, options, size="128x96", num_frames=5)
    assert assert_equals_ffmpeg(join(tmp_path / f"joined{suffix}", small, large), "pyav") == 10


def test_a_cut_that_hides_its_first_frames(tmp_path: Path) -> None:
    film(tmp_path / "a.mp4", "libx264", f"{X264} -g 8", num_frames=40)
    ffmpeg("-ss", "0.5", "-i", tmp_path / "a.mp4", "-c", "copy", tmp_path / "cut.mp4")
    assert assert_equals_ffmpeg(tmp_path / "cut.mp4", "torchcodec") == 25


def test_two_video_streams(tmp_path: Path) -> None:
    small, large = (film(tmp_path / f"{size}.mp4", "libx264", X264, size) for size in ("64x48", "96x64"))
    both = tmp_path / "both.mkv"
    ffmpeg("-i", small, "-i", large, "-map", "0", "-map", "1", "-c", "copy", "-disposition", "0", both)
    assert decode_video(both).read_all().shape[1:] == (64, 96, 3)
    assert_equals_ffmpeg(both, "torchcodec")


def test_a_cover_picture_is_no_video(tmp_path: Path) -> None:
    picture, song = film(tmp_path / "cover.jpg", "mjpeg", num_frames=1), tmp_path / "song.m4a"
    sound = ("-f", "lavfi", "-i", "sine=duration=1")
    ffmpeg(*sound, "-i", picture, "-map", "0", "-map", "1", "-c:v", "copy", "-disposition:v", "attached_pic", song)
    video = decode_video(song)
    assert len(video.read_all()) == 0
    assert (video.status, video.error) == ("corrupt", "there is no video stream in it")

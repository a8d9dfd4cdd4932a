from __future__ import annotations

from itertools import islice
from pathlib import Path

import av
import numpy as np
import pytest

from humotion.video.decode import decode_video, has_cuda
from tests.support.footage import VP9, X264, assert_equals_ffmpeg, ffmpeg, film, needs_ffmpeg, reference
from tests.support.trees import picture, write_video


@pytest.mark.parametrize("name", ["a.avi", "b.mp4"])
def test_frames_come_in_order_and_none_is_lost(name: str, tmp_path: Path) -> None:
    video = decode_video(write_video(tmp_path / name, 23, b_frames=2))
    frames = video.read_all().astype(float)
    assert len(frames) == 23
    assert video.fps == 30
    expected = np.stack([picture(number) for number in range(23)]).astype(float)
    distance = np.abs(frames[:, None] - expected[None]).mean(axis=(2, 3, 4))  # (decoded, true)
    assert distance.argmin(axis=1).tolist() == list(range(23))


def cut(path: Path, share: float) -> Path:
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    return path


@pytest.mark.parametrize("b_frames", [0, 2])
def test_a_truncated_avi_keeps_its_first_frames(b_frames: int, tmp_path: Path) -> None:
    whole = decode_video(write_video(tmp_path / "a.avi", 40, b_frames=b_frames)).read_all()
    video = decode_video(cut(tmp_path / "a.avi", 0.6))
    frames = video.read_all()
    assert video.status == "truncated"
    assert "ends before" in (video.error or "")
    assert 5 < len(frames) < 40
    np.testing.assert_array_equal(frames[:-3], whole[: len(frames) - 3])


@needs_ffmpeg
def test_pyav_goes_on_where_torchcodec_gives_up(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mp4", "libx264", X264, num_frames=60)
    whole = decode_video(path).read_all()
    with av.open(str(path)) as container:
        packet = [packet for packet in container.demux(video=0) if packet.size][45]
    data = bytearray(path.read_bytes())
    data[packet.pos : packet.pos + packet.size] = bytes(packet.size)
    path.write_bytes(data)
    video = decode_video(path)
    frames = video.read_all()
    assert (video.status, video.method) == ("damaged", "torchcodec+pyav")
    assert 16 < len(frames) <= 45
    np.testing.assert_array_equal(frames, whole[: len(frames)])


def test_bad_files_have_a_status_and_a_reason(tmp_path: Path) -> None:
    (tmp_path / "zero.avi").touch()
    (tmp_path / "noise.mp4").write_bytes(np.random.default_rng(0).bytes(4000))
    (tmp_path / "text.avi").write_text("this is no video\n" * 50)
    write_video(tmp_path / "header.avi", 0)
    expected = {"zero.avi": "empty", "noise.mp4": "corrupt", "text.avi": "corrupt", "header.avi": "empty"}
    for name, status in {**expected, "gone.avi": "missing"}.items():
        video = decode_video(tmp_path / name)
        assert video.read_all().shape == (0, 0, 0, 3)
        assert (name, video.status) == (name, status)
        assert video.error


def test_frames_are_read_one_after_another(tmp_path: Path) -> None:
    video = decode_video(write_video(tmp_path / "a.avi", 40))
    assert len(list(islice(video, 3))) == 3
    assert video.num_frames == 3


@needs_ffmpeg
def test_real_videos_equal_the_ffmpeg_command(real_data: Path) -> None:
    untrimmed = sorted((real_data / "hmdb51" / "untrimmed").glob("*.avi"))
    assert [assert_equals_ffmpeg(path, "pyav") for path in untrimmed] == [172, 89]
    for path in sorted((real_data / "jhmdb" / "ReCompress_Videos").rglob("*.avi"))[::60]:
        assert_equals_ffmpeg(path, "torchcodec")


def test_without_torchcodec_pyav_reads_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_video(tmp_path / "a.mp4", 9)
    expected = decode_video(path).read_all()
    monkeypatch.setattr("humotion.video.decode.torchcodec", lambda: None)
    video = decode_video(path)
    np.testing.assert_array_equal(video.read_all(), expected)
    assert video.method == "pyav"


@needs_ffmpeg
@pytest.mark.parametrize("name", ["a.mkv", "a.webm", "a.mov", "fast.mp4"])
def test_what_is_whole_of_a_truncated_file_is_kept(name: str, tmp_path: Path) -> None:
    codec = {"a.webm": ("libvpx-vp9", VP9), "a.mov": ("mjpeg", "")}.get(name, ("libx264", X264))
    options = f"{codec[1]} -movflags +faststart" if name[-3:] in ("mov", "mp4") else codec[1]
    path = film(tmp_path / name, codec[0], options, num_frames=40)
    whole = decode_video(path).read_all()
    given = len(reference(cut(path, 0.7), whole.shape[1:]))
    video = decode_video(path)
    frames = video.read_all()
    assert video.status == "truncated"
    assert video.error
    assert given - 1 <= len(frames) <= given < 40
    np.testing.assert_array_equal(frames[:-1], whole[: len(frames) - 1])  # the last may be cut through


@needs_ffmpeg
@pytest.mark.parametrize("name", ["late.mp4", "late.mov"])
def test_a_file_cut_before_its_index(name: str, tmp_path: Path) -> None:
    video = decode_video(cut(film(tmp_path / name, "libx264", X264), 0.9))
    assert len(video.read_all()) == 0
    assert video.status == "corrupt"
    assert (video.error or "").startswith("the file ends too early, and its index is missing")


def test_without_a_gpu_the_cpu_decodes(tmp_path: Path) -> None:
    if has_cuda():
        pytest.skip("there is a GPU")
    path = write_video(tmp_path / "a.avi")
    video = decode_video(path, device="cuda")
    np.testing.assert_array_equal(video.read_all(), decode_video(path).read_all())
    assert (video.status, video.method) == ("ok", "torchcodec")


def test_a_gpu_that_refuses_a_video_leaves_it_to_the_cpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """torchcodec's CPU build refuses "cuda" as its GPU build refuses a codec: with a RuntimeError."""
    if has_cuda():
        pytest.skip("there is a GPU")
    monkeypatch.setattr("humotion.video.decode.has_cuda", lambda: True)
    video = decode_video(write_video(tmp_path / "a.avi"), device="cuda")
    assert len(video.read_all()) == 12
    assert (video.status, video.method) == ("ok", "torchcodec")


@pytest.mark.skipif(not has_cuda(), reason="there is no GPU")
@needs_ffmpeg
def test_a_gpu_decodes_every_frame(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mp4", "libx264", X264, size="320x240")
    video = decode_video(path, device="cuda")
    frames = video.read_all().astype(np.int16)
    assert (video.status, video.method) == ("ok", "torchcodec-cuda")
    assert np.abs(frames - decode_video(path).read_all()).mean() < 3  # its colours are its own


@needs_ffmpeg
def test_a_header_that_claims_too_much_is_damage(tmp_path: Path) -> None:
    path = film(tmp_path / "a.avi", "rawvideo", "-pix_fmt bgr24", num_frames=3)
    data = bytearray(path.read_bytes())
    start = data.index(b"strf") + 12  # width and height of BITMAPINFOHEADER
    data[start : start + 8] = (16000).to_bytes(4, "little") * 2
    path.write_bytes(data)
    video = decode_video(path)
    assert len(video.read_all()) == 0
    assert (video.status, video.error) == ("corrupt", "its header says that frames have 16000 x 16000 pixels")


@needs_ffmpeg
@pytest.mark.parametrize(("encoder", "ending"), [("libx264", "ts"), ("libx264", "h264")])
def test_frames_of_another_size_are_told(encoder: str, ending: str, tmp_path: Path) -> None:
    first = film(tmp_path / f"first.{ending}", encoder, "-pix_fmt yuv420p -bf 0", "128x96", 9)
    other = film(tmp_path / f"other.{ending}", encoder, "-pix_fmt yuv420p -bf 0", "64x48", 5)
    whole = tmp_path / f"whole.{ending}"
    whole.write_bytes(first.read_bytes() + other.read_bytes())
    video = decode_video(whole)
    assert {frame.shape for frame in video} == {(96, 128, 3)}
    assert (video.num_frames, video.status, video.error) == (14, "ok", None)
    assert (video.said or "").startswith("frame 9 is 64 x 48, not 128 x 96 as the first: it and others of another size")
    alone = decode_video(first)
    alone.read_all()
    assert alone.said is None


@needs_ffmpeg
def test_one_of_several_videos_in_a_file_is_told(tmp_path: Path) -> None:
    small = film(tmp_path / "small.mp4", "libx264", X264, "64x48", 5)
    large = film(tmp_path / "large.mp4", "libx264", X264, "128x96", 7)
    both = tmp_path / "both.mkv"
    ffmpeg("-i", small, "-i", large, "-map", "0:v", "-map", "1:v", "-disposition", "0", "-c", "copy", both)
    video = decode_video(both)
    assert len(video.read_all()) == 7
    assert (video.status, video.said) == ("ok", "2 videos are in it: stream 1 is read")


@needs_ffmpeg
def test_pixels_that_are_not_square_are_told(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mp4", "libx264", f"{X264} -vf setsar=16/15", "96x64", 5)
    video = decode_video(path)
    assert video.read_all().shape == (5, 64, 96, 3)
    assert (video.status, video.error) == ("ok", None)
    assert video.said == "its pixels are 16/15 as wide as high: frames are as stored, and look squeezed"

"""Damage that FFmpeg skips or conceals is found; whole files of every kind stay whole."""

from __future__ import annotations

import contextlib
import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from torchcodec.decoders import VideoDecoder

from humotion.video import transport, trust
from humotion.video.damage import PacketDamage, PacketFacts, packet_damage
from humotion.video.decode import decode_video
from humotion.video.decoded import Decoded
from humotion.video.ffmpeg_log import listening_to_torchcodec, torchcodec_errors
from humotion.video.outline import Outline
from humotion.video.torchcodec_reader import HeardDamage, torchcodec
from humotion.video.transport import first_break
from tests.support.footage import VP9, X264, assert_equals_ffmpeg, ffmpeg, film, join, needs_ffmpeg

pytestmark = needs_ffmpeg

HURT = {  # file: (encoder, its options)
    "a.mkv": ("libx264", f"{X264} -g 12"),
    "a.mp4": ("libx264", f"{X264} -g 12 -movflags +faststart"),
    "a.ts": ("libx264", f"{X264} -g 12"),
    "mpeg4.avi": ("mpeg4", "-bf 0 -g 12"),
    "mpeg4_b.avi": ("mpeg4", "-bf 2 -g 12"),
    "mjpeg.avi": ("mjpeg", "-q:v 31"),
    "a.mpg": ("mpeg2video", "-bf 2 -g 12"),
    "a.webm": ("libvpx-vp9", VP9),
}


@pytest.mark.parametrize("share", [0.5, 0.8])
@pytest.mark.parametrize("name", HURT)
def test_a_hole_is_found_and_never_closed_up(name: str, share: float, tmp_path: Path) -> None:
    path = film(tmp_path / name, *HURT[name], size="192x128", num_frames=60)
    whole = decode_video(path).read_all()
    data = bytearray(path.read_bytes())
    start = int(len(data) * share)
    data[start : start + 2500] = bytes(2500)
    path.write_bytes(data)
    video = decode_video(path)
    frames = video.read_all()
    assert video.status == "damaged"
    assert f"damage from frame {len(frames)} on" in (video.error or "")
    assert 10 < len(frames) < 60
    np.testing.assert_array_equal(frames, whole[: len(frames)])


@pytest.mark.parametrize(("name", "missing"), [("a.ts", 100), ("a.ts", 5003), ("a.mpg", 5003)])
def test_a_cut_of_a_file_without_a_size(name: str, missing: int, tmp_path: Path) -> None:
    path = film(tmp_path / name, *HURT[name], num_frames=60)
    whole = decode_video(path).read_all()
    path.write_bytes(path.read_bytes()[:-missing])
    video = decode_video(path)
    frames = video.read_all()
    assert video.status == "truncated" if name == "a.ts" else video.status in ("truncated", "damaged")
    assert 30 < len(frames) < 60
    np.testing.assert_array_equal(frames, whole[: len(frames)])


TAILS = {
    "text": b"GPS: 48.1 N 11.5 E 2019-04-04 12:00:01\n",
    "tag": b"TAG" + bytes(125),
    "zeros": bytes(999),
    "web": b"\r\n--boundary--\r\n" * 5,
    "noise": np.random.default_rng(0).bytes(3000),
}


@pytest.mark.parametrize("tail", TAILS)
@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".avi", ".ts"])
def test_bytes_behind_the_end_of_a_whole_file(suffix: str, tail: str, tmp_path: Path) -> None:
    encoder = ("mpeg4", "") if suffix == ".avi" else ("libx264", X264)
    path = film(tmp_path / f"a{suffix}", *encoder)
    path.write_bytes(path.read_bytes() + TAILS[tail])
    video = decode_video(path)
    assert (len(video.read_all()), video.status, video.error) == (20, "ok", None)


@pytest.mark.parametrize("field", [b"RIFF", b"movi"])
@pytest.mark.parametrize("size", ["+8", "+4096", "4294967295"])
def test_a_size_that_is_too_large_in_a_whole_avi(field: bytes, size: str, tmp_path: Path) -> None:
    path = film(tmp_path / "a.avi", "mpeg4")
    data = bytearray(path.read_bytes())
    place = data.index(field) + (4 if field == b"RIFF" else -4)
    (stated,) = struct.unpack_from("<I", data, place)
    struct.pack_into("<I", data, place, stated + int(size) if size[0] == "+" else int(size))
    path.write_bytes(data)
    video = decode_video(path)
    assert (len(video.read_all()), video.status, video.error) == (20, "ok", None)


WHOLE = {  # files without damage that look a little like damage
    "frames_left_out.ts": ("libx264", f"{X264} -vf select='lt(n,9)+gt(n,12)' -fps_mode vfr"),
    "frames_left_out.mpg": ("mpeg2video", "-bf 2 -vf select='lt(n,9)+gt(n,12)' -fps_mode vfr"),
    "open_groups.mkv": ("libx264", f"{X264} -x264-params open-gop=1:keyint=8:bframes=3"),
    "hidden_frames.webm": ("libvpx", "-auto-alt-ref 1 -lag-in-frames 16 -b:v 200k"),
    "no_key_frames.ts": ("libx264", f"{X264} -x264-params intra-refresh=1:keyint=10"),
    "mixed_lines.mpg": ("mpeg2video", "-bf 2 -flags +ildct+ilme"),
}


@pytest.mark.parametrize("name", WHOLE)
def test_whole_files_stay_whole(name: str, tmp_path: Path) -> None:
    path = film(tmp_path / name, *WHOLE[name], num_frames=40)
    video = decode_video(path)
    assert_equals_ffmpeg(path, video.method if video.read_all().size else "")


@pytest.mark.parametrize("start", [0, 1, 30])
def test_joined_recordings_and_starts_between_key_frames(start: int, tmp_path: Path) -> None:
    data = film(tmp_path / "a.ts", "libx264", f"{X264} -g 12", num_frames=40).read_bytes()
    (tmp_path / "b.ts").write_bytes(data[188 * start :] + data)
    assert assert_equals_ffmpeg(tmp_path / "b.ts", "pyav") > 60


@pytest.mark.parametrize("stride", [188, 192])
@pytest.mark.parametrize("size", [0, 50, 188, 1500])
@pytest.mark.parametrize("part", [transport._PART_BYTES, 700])
def test_a_break_in_a_transport_stream(
    part: int, size: int, stride: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "_PART_BYTES", part)
    packet = bytes(stride - 188) + b"\x47" + bytes(187)
    start, hole = b"front" * 9, bytes(size)
    path = tmp_path / "a.ts"
    path.write_bytes(start + packet * 20 + hole + packet * 20 + b"behind" * 50)
    found = first_break(path)
    assert found == (None if size == 0 else len(start) + 20 * stride + stride - 188)


def test_a_start_within_an_open_group(tmp_path: Path) -> None:
    film(tmp_path / "a.mkv", "libx264", f"{X264} -x264-params open-gop=1:keyint=8:bframes=3", num_frames=40)
    ffmpeg("-ss", "0.7", "-i", tmp_path / "a.mkv", "-c", "copy", "-copyinkf", tmp_path / "b.mkv")
    assert assert_equals_ffmpeg(tmp_path / "b.mkv", "pyav") > 10


PALETTE = "-filter_complex split[a][b];[a]palettegen[p];[b][p]paletteuse"


@pytest.mark.parametrize("name", ["raw.avi", "raw.mov", "grey.mov"])
@pytest.mark.parametrize("is_listed", [False, True])
def test_palettes(name: str, is_listed: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """torchcodec gives black frames. Even if this kind were in the list, the check of pixels would notice."""
    encoder, options = ("qtrle", "-pix_fmt gray") if name == "grey.mov" else ("rawvideo", f"{PALETTE} -pix_fmt pal8")
    path = film(tmp_path / name, encoder, options, num_frames=4)
    if is_listed:
        monkeypatch.setitem(trust.TRUSTED, encoder, "pal8")
    assert decode_video(path).read_all().mean() > 40
    assert_equals_ffmpeg(path, "pyav")


@pytest.mark.parametrize("levels", ["tv", "pc"])
def test_full_levels_without_a_name_for_them(levels: str, tmp_path: Path) -> None:
    """For 4:4:4 of H.265, torchcodec takes levels of 0 to 255 for those of 16 to 235."""
    options = f"-pix_fmt yuv444p -vf scale=out_range={levels} -color_range {levels} -x265-params log-level=0"
    path = film(tmp_path / "a.mp4", "libx265", options, num_frames=4)
    assert_equals_ffmpeg(path, "pyav" if levels == "pc" else "torchcodec")


@pytest.mark.parametrize(("small", "large", "marked"), [("64x48", "2560x1920", 64), ("64x48", "3840x2160", 3840)])
def test_the_stream_that_ffmpeg_chooses(small: str, large: str, marked: int, tmp_path: Path) -> None:
    """The mark "default" counts as much as five million pixels."""
    for size in (small, large):
        film(tmp_path / f"{size}.mkv", "libx264", f"{X264} -preset ultrafast", size, num_frames=2)
    both = tmp_path / "both.mkv"
    inputs = ("-i", tmp_path / f"{small}.mkv", "-i", tmp_path / f"{large}.mkv", "-map", "0", "-map", "1")
    ffmpeg(*inputs, "-c", "copy", "-disposition:v:0", "default", "-disposition:v:1", "0", both)
    assert decode_video(both).read_all().shape[2] == marked
    assert_equals_ffmpeg(both, "torchcodec")


def test_a_colon_in_a_relative_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    film(tmp_path / "a.mp4", "libx264", X264).rename(tmp_path / "2024-05-01T12:30:05.mp4")
    monkeypatch.chdir(tmp_path)
    video = decode_video(Path("2024-05-01T12:30:05.mp4"))
    assert (len(video.read_all()), video.status, video.method) == (20, "ok", "torchcodec")


def test_a_joined_file_whose_second_part_is_hurt(tmp_path: Path) -> None:
    parts = [film(tmp_path / name, "mpeg4", "-g 10", num_frames=20) for name in ("a.avi", "b.avi")]
    path = join(tmp_path / "joined.avi", *parts)
    data = bytearray(path.read_bytes())
    data[-6000:-4500] = bytes(1500)
    path.write_bytes(data)
    video = decode_video(path)
    assert 20 < len(video.read_all()) < 40
    assert video.status == "damaged"


def packets(*references: int) -> list[PacketFacts]:
    """Packets of MPEG-2: a key frame at each 0."""
    facts = [(n, n, n, 1, reference == 0, False, True, None, reference) for n, reference in enumerate(references)]
    return [PacketFacts(*fact) for fact in facts]


@pytest.mark.parametrize(
    ("references", "damage"),
    [
        ((0, 1, 2, 0, 1, 2), None),
        ((2, 3, 0, 3, 1, 2, 0), None),  # it starts within a group
        ((0, 3, 1, 0, 1), PacketDamage(1, "1 frames are missing there")),
        ((0, 1, 0, 1, 4), PacketDamage(4, "2 frames are missing there")),
    ],
)
def test_numbers_that_are_left_out(references: tuple[int, ...], damage: PacketDamage | None) -> None:
    assert packet_damage(packets(*references)) == damage


def test_an_index_that_lists_what_was_not_read() -> None:
    found = packets(0, 0, 0, 0, 0, 0)
    assert packet_damage(found, [0, 1, 2, 3, 4, 5]) is None
    del found[3]
    damage = packet_damage(found, [0, 1, 2, 3, 4, 5])
    assert damage == PacketDamage(2, "1 of 6 packets in the file's index cannot be read")
    assert packet_damage(found, [10, 11, 12, 13, 14]) is None  # such an index counts from elsewhere


def test_what_only_torchcodecs_ffmpeg_reports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two versions of FFmpeg may judge the same bytes differently; the stricter one counts."""
    path = film(tmp_path / "a.mov", "mjpeg", "-q:v 8", num_frames=40)
    whole = decode_video(path).read_all()
    heard = HeardDamage("error dc", 21)

    def fails(path: Path, outline: Outline, decoded: Decoded, device: str) -> Iterator[np.ndarray]:
        decoded.read_by("torchcodec")
        yield from whole[:16]
        raise heard

    monkeypatch.setattr("humotion.video.decode.torchcodec_frames", fails)
    video = decode_video(path)
    np.testing.assert_array_equal(video.read_all(), whole[:21])
    assert (video.status, video.error) == ("damaged", "damage from frame 21 on: error dc")


@pytest.mark.parametrize("name", ["a.mp4", "a.avi"])
def test_both_logs_are_heard(name: str, tmp_path: Path) -> None:
    path = film(tmp_path / name, *(HURT["a.mp4"] if name == "a.mp4" else HURT["mpeg4.avi"]), num_frames=40)
    data = bytearray(path.read_bytes())
    start = len(data) * 2 // 3
    data[start : start + 300] = b"\xaa\x55\xff" * 100
    path.write_bytes(data)
    video = decode_video(path)
    assert 0 < len(video.read_all()) < 40
    assert (video.status, video.method) == ("damaged", "torchcodec+pyav")
    assert torchcodec() is not None
    decoder = VideoDecoder(str(path), seek_mode="exact")
    with listening_to_torchcodec(), torchcodec_errors() as lines, contextlib.suppress(RuntimeError):
        decoder.get_frames_in_range(0, len(decoder))
    assert any(level <= 32 and text for level, _, text in lines)
    with listening_to_torchcodec(), torchcodec_errors() as quiet:
        VideoDecoder(str(film(tmp_path / "whole.mp4", "libx264", X264)), seek_mode="exact").get_frames_in_range(0, 9)
    assert quiet == []

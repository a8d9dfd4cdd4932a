from __future__ import annotations

import os
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image as Picture

from humotion.errors import HumotionError
from humotion.prediction import sound
from humotion.prediction.drawn_copy import FORMATS, check_out, ending_of, write_copy
from humotion.prediction.video_file import read_video
from humotion.video.decode import decode_video
from tests.support.footage import ffmpeg, needs_ffmpeg
from tests.support.trees import write_jpegs, write_video

PICTURE = ("-f", "lavfi", "-i", "testsrc2=size=64x48:rate=25:duration=1")
TONE = ("-f", "lavfi", "-i", "sine=frequency=440:duration=1")


def copied(source: Path, ending: str = ".mp4") -> tuple[Path, list[str]]:
    video = read_video(source)
    out = source.with_name(f"copy{ending}")
    return out, write_copy(out, iter(video), video)


def shown(path: Path) -> list[float]:
    """The time of each frame, and of the end of the last."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        packets = [packet for packet in container.demux(stream) if packet.size]
        packets.sort(key=lambda packet: packet.pts or 0)
        last = packets[-1]
        ends = [packet.pts for packet in packets] + [(last.pts or 0) + (last.duration or 0)]
        return [float(tick * stream.time_base) for tick in ends]  # type: ignore[operator]


def heard(path: Path) -> list[tuple[str, float, bytes]]:
    """Kind, start and content of every packet of sound, the start as it is against the first frame."""
    start = shown(path)[0]
    with av.open(str(path)) as container:
        return [
            (packet.stream.codec_context.name, float(packet.pts * packet.time_base) - start, bytes(packet))
            for packet in container.demux()
            if packet.size and packet.stream.type == "audio"
        ]


@pytest.mark.parametrize("ending", FORMATS)
def test_a_copy_has_the_frames_at_their_times_in_the_container_of_its_name(tmp_path: Path, ending: str) -> None:
    times = [0, 1, 2, 7, 8, 20, 21, 22, 50]
    source = write_video(tmp_path / "vfr.mkv", 9, times=times)
    out, notes = copied(source, ending)
    assert notes == []
    with av.open(str(out)) as container:
        names = set(container.format.name.split(","))
        assert names & {"mp4" if ending == ".m4v" else ending[1:], "matroska" if ending == ".mkv" else ""}
    np.testing.assert_allclose(shown(out)[:9], np.array(times) / 30, atol=1.1e-3)
    np.testing.assert_allclose(shown(out)[9], 50 / 30 + 50 / 30 / 8, atol=0.05)
    found, expected = decode_video(out).read_all(), decode_video(source).read_all()
    assert found.shape == expected.shape
    assert np.abs(found.astype(int) - expected).mean(axis=(1, 2, 3)).max() < 8, "every frame is the right one"


def test_frames_are_shown_as_long_as_in_the_original_and_odd_sizes_fit(tmp_path: Path) -> None:
    source = write_video(tmp_path / "a.avi", 6, codec="mpeg4")
    video = read_video(source)
    cropped = (frame[:47, :63] for frame in video)
    video.height, video.width = 47, 63
    out = tmp_path / "o.mp4"
    assert write_copy(out, cropped, video) == []
    np.testing.assert_allclose(shown(out), np.arange(7) / 30, atol=1e-4)
    assert decode_video(out).read_all().shape == (6, 48, 64, 3)


def test_what_has_no_times_says_so(tmp_path: Path) -> None:
    out, notes = copied(write_jpegs(tmp_path / "frames", 5))
    assert notes == ["The times of its frames are not known: the copy plays at 30 frames per second."]
    np.testing.assert_allclose(shown(out), np.arange(6) / 30, atol=1e-4)


def test_a_cut_video_keeps_the_times_of_what_is_left(tmp_path: Path) -> None:
    source = write_video(tmp_path / "cut.mkv", 40, times=[number * 2 + number // 10 for number in range(40)])
    source.write_bytes(source.read_bytes()[: int(source.stat().st_size * 0.6)])
    video = read_video(source)
    assert 5 < video.num_frames < 40
    out, notes = copied(source)
    assert notes == []
    expected = [(number * 2 + number // 10) / 30 for number in range(video.num_frames)]
    np.testing.assert_allclose(shown(out)[:-1], expected, atol=1.1e-3)


@needs_ffmpeg
@pytest.mark.parametrize(
    ("source", "codecs", "ending"),
    [
        ("a.mp4", "libx264 aac", ".mp4"),
        ("a.ts", "libx264 aac", ".mp4"),
        ("a.avi", "mpeg4 libmp3lame", ".mp4"),
        ("a.avi", "mpeg4 pcm_s16le", ".mov"),
        ("a.avi", "mpeg4 pcm_s16le", ".mkv"),
        ("a.mkv", "libx264 libopus", ".webm"),
    ],
)
def test_the_sound_is_copied_as_it_is_and_in_time(tmp_path: Path, source: str, codecs: str, ending: str) -> None:
    picture, tone = codecs.split()
    path = tmp_path / source
    ffmpeg(*PICTURE, *TONE, "-c:v", picture, "-pix_fmt", "yuv420p", "-c:a", tone, path)
    out, notes = copied(path, ending)
    assert notes == []
    before, after = heard(path), heard(out)
    assert len(before) > 10
    if source == "a.ts":  # each packet of AAC has a header there
        assert len(before) == len(after)
    else:
        assert b"".join(packet[2] for packet in before) == b"".join(packet[2] for packet in after)
    assert {packet[0] for packet in before} == {packet[0] for packet in after}
    assert abs(before[0][1] - after[0][1]) < 0.05
    assert abs(before[-1][1] - after[-1][1]) < 0.05


@needs_ffmpeg
def test_sound_that_starts_before_the_picture_is_not_cut(tmp_path: Path) -> None:
    path = tmp_path / "late.mkv"
    ffmpeg("-itsoffset", "0.5", *PICTURE, *TONE, "-c:v", "libx264", "-pix_fmt", "yuv420p", "-c:a", "aac", path)
    out, _ = copied(path)
    assert len(heard(out)) == len(heard(path))
    assert shown(out)[0] == pytest.approx(0.52, abs=0.06)
    assert heard(out)[0][1] == pytest.approx(heard(path)[0][1], abs=0.05)


@needs_ffmpeg
def test_sound_that_does_not_fit_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.avi"
    ffmpeg(*PICTURE, *TONE, *TONE, "-map", "0", "-map", "1", "-map", "2", "-c:v", "mpeg4", "-c:a", "pcm_s16le", path)
    lack = "The copy has no sound: mp4 does not take pcm_s16le. Write a file that ends in .mkv to keep it."
    out, notes = copied(path)
    assert notes == [lack]
    assert heard(out) == []
    assert len(shown(out)) == 26
    # A container that refuses only when its header is written.
    opus = tmp_path / "a.mkv"
    ffmpeg(*PICTURE, *TONE, "-c:v", "libx264", "-pix_fmt", "yuv420p", "-c:a", "libopus", opus)
    monkeypatch.setitem(sound.TAKEN, "mov", {"opus"})
    out, notes = copied(opus, ".mov")
    assert notes == ["The copy has no sound: mov does not take opus (Invalid argument). "
                     "Write a file that ends in .mkv to keep it."]  # fmt: skip
    assert len(shown(out)) == 26
    assert heard(out) == []


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("a.avi", "must be one of .mp4 .m4v .mov .mkv .webm"),
        ("a", "must be one of"),
        ("a.mp4.gif", "must be one of"),
        ("folder.mp4", "is a folder"),
        ("x" * 252 + ".mp4", "longer than 255 bytes"),
    ],
)
def test_a_name_that_cannot_be_written_is_refused(tmp_path: Path, name: str, message: str) -> None:
    (tmp_path / "folder.mp4").mkdir()
    with pytest.raises(HumotionError, match=message):
        check_out(tmp_path / name, tmp_path / "clip.mp4")


def test_a_copy_never_replaces_its_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = tmp_path / "clip.mp4"
    source.write_bytes(b"whole")
    (tmp_path / "link.mp4").symlink_to("clip.mp4")
    os.link(source, tmp_path / "hard.mp4")
    (tmp_path / "linked").symlink_to(tmp_path)
    monkeypatch.chdir(tmp_path)
    names = ("clip.mp4", "link.mp4", "hard.mp4", "linked/clip.mp4", f"../{tmp_path.name}/clip.mp4")
    for out in names:
        for read in names:
            with pytest.raises(HumotionError, match="is the video itself"):
                check_out(Path(out), Path(read))
    check_out(Path("other.mp4"), source)
    (tmp_path / "frames").mkdir()
    with pytest.raises(HumotionError, match="in the folder of frames"):
        check_out(tmp_path / "linked" / "frames" / "o.mp4", tmp_path / "frames")


def test_a_failed_copy_leaves_nothing(tmp_path: Path) -> None:
    video = read_video(write_video(tmp_path / "a.mp4", 4))
    (tmp_path / "file").touch()
    with pytest.raises(HumotionError, match=r"o\.mp4 cannot be written"):
        write_copy(tmp_path / "file" / "o.mp4", iter(video), video)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.mp4", "file"]


def test_a_copy_of_a_picture_is_a_picture_whatever_its_name_promises(tmp_path: Path) -> None:
    Picture.fromarray(np.full((33, 47, 3), 90, np.uint8)).save(tmp_path / "photo.JPG")
    film = write_video(tmp_path / "film.mp4", num_frames=3).rename(tmp_path / "film.png")
    photo = read_video(tmp_path / "photo.JPG")
    assert ending_of(photo) == ".png" and ending_of(read_video(film)) == ".mp4"
    drawn = np.random.default_rng(0).integers(0, 256, (33, 47, 3), np.uint8)
    check_out(tmp_path / "copy.png", photo.path)
    assert write_copy(tmp_path / "copy.png", [drawn], photo) == []
    assert (np.asarray(Picture.open(tmp_path / "copy.png")) == drawn).all(), "also of odd sizes, and without loss"
    with pytest.raises(HumotionError, match="has 3 frames"):
        write_copy(tmp_path / "film_copy.png", [drawn] * 3, read_video(film))
    with pytest.raises(HumotionError, match="its ending must be one of"):
        check_out(tmp_path / "copy.png", tmp_path / "clip.mp4")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["copy.png", "film.png", "photo.JPG"]

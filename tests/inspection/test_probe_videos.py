from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import simplejpeg
from typer.testing import CliRunner, Result

from humotion.cli.main import app
from humotion.errors import HumotionError
from humotion.inspection.examine import examine
from humotion.inspection.probe_videos import probe_videos
from humotion.inspection.reference import Comparison, compared
from humotion.inspection.sources import find_videos, folder_names
from humotion.params.document import Params
from humotion.stages import extract, index
from humotion.store.frames import FrameStore
from humotion.video.decode import decode_video
from tests.support.footage import needs_ffmpeg
from tests.support.trees import write_jpegs, write_video


def probe(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["probe", *map(str, arguments)])


@needs_ffmpeg
def test_a_table_for_people(tmp_path: Path) -> None:
    write_video(tmp_path / "walk" / "a.avi", 7, b_frames=2)
    write_video(tmp_path / "b.mp4", 5)
    write_jpegs(tmp_path / "0001", 3)
    done = probe(tmp_path, "--verify")
    assert done.exit_code == 0
    rows = {line.split()[0]: line.split()[1:] for line in done.stdout.splitlines() if str(tmp_path) in line}
    assert rows[str(tmp_path / "b.mp4")] == [
        "mpeg4",
        "mov",
        "64x48",
        "30",
        "5",
        "5",
        "torchcodec",
        "ok",
        "yes,",
        "max",
        "0",
    ]
    assert rows[str(tmp_path / "walk" / "a.avi")][-6:] == ["7", "pyav", "ok", "yes,", "max", "0"]
    assert rows[str(tmp_path / "0001")] == ["jpeg", "images", "64x48", "-", "3", "3", "images", "ok", "-"]
    assert "3 videos: 3 ok; 15 frames." in done.stdout
    assert "2 of 2 equal the ffmpeg command" in done.stdout


def test_one_json_document(tmp_path: Path) -> None:
    write_video(tmp_path / "a.avi", 6)
    (tmp_path / "b.avi").write_bytes(b"no video" * 99)
    done = probe("--json", tmp_path, tmp_path / "gone.avi", tmp_path / "a.avi")
    assert done.exit_code == 1
    document = json.loads(done.stdout)
    assert (document["num_videos"], document["num_good"]) == (3, 1)
    assert document["status"] == {"ok": 1, "corrupt": 1, "missing": 1}
    assert document["methods"] == {"torchcodec": 1}
    first, *bad = document["videos"]
    assert first == {
        **{"path": str(tmp_path / "a.avi"), "container": "avi", "codec": "mpeg4", "width": 64, "height": 48},
        **{"fps": 30.0, "has_b_frames": False, "num_frames_header": 6, "num_frames": 6, "method": "torchcodec"},
        **{"status": "ok", "error": None, "frames": None, "comparison": None},
    }
    assert all(video["error"] and video["num_frames"] == 0 and video["method"] is None for video in bad)


def test_a_truncated_video_is_told(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.avi", 40)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    done = probe(path)
    assert done.exit_code == 1
    assert " truncated" in done.stdout
    assert f"{path}: the file ends before its last frame" in done.stdout


@needs_ffmpeg
@pytest.mark.parametrize(
    ("change", "first", "largest"),
    [
        (lambda frames: frames, None, 0),
        (lambda frames: frames ^ 1, None, 1),
        (lambda frames: np.where(np.arange(8)[:, None, None, None] == 5, frames ^ 2, frames), 5, 2),
        (lambda frames: frames[:-1], 7, 0),
        (lambda frames: np.concatenate([frames, frames[-1:]]), 8, 0),
        (lambda frames: frames[:, 1:], 0, None),
        (lambda frames: frames[:0], 0, None),
    ],
)
def test_a_difference_is_found(
    change: Callable[[np.ndarray], np.ndarray], first: int | None, largest: int | None, tmp_path: Path
) -> None:
    path, comparison = write_video(tmp_path / "a.avi", 8), Comparison()
    frames = change(decode_video(path).read_all())
    assert len(list(compared(iter(frames), path, comparison))) == len(frames)
    assert comparison == Comparison(8, largest, first)
    assert comparison.is_equal is (first is None)


@needs_ffmpeg
def test_a_difference_ends_with_1(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_video(tmp_path / "a.avi", 8)
    assert probe(path, "--verify").exit_code == 0
    monkeypatch.setattr("humotion.inspection.reference.TOLERANCE", -1)
    done = probe(path, "--verify")
    assert done.exit_code == 1
    assert "NO, from frame 0 (ffmpeg has 8, max 0)" in done.stdout


@needs_ffmpeg
@pytest.mark.parametrize(
    ("ending", "code", "log"),
    [
        ("echo out of luck >&2; exit 3", 3, "out of luck"),
        ("kill -9 $$", -9, None),
        ("printf P5; exit 0", 0, None),
        ('printf "P6\\n64 48\\n255\\nabc"', 0, None),
    ],
)
def test_an_ffmpeg_that_fails_is_no_agreement(
    ending: str, code: int, log: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_video(tmp_path / "a.avi", 8)
    assert probe(path, "--verify").exit_code == 0
    ffmpeg = tmp_path / "ffmpeg"
    ffmpeg.write_text(f'#!/bin/sh\n{shutil.which("ffmpeg")} "$@"\n{ending}\n')
    ffmpeg.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    comparison = Comparison()
    assert len(list(compared(iter(decode_video(path)), path, comparison))) == 8
    why = f"ffmpeg ended with exit code {code}, so not all frames are compared"
    assert comparison == Comparison(8, 0, None, why, log)
    done = probe(path, "--verify")
    assert done.exit_code == 1
    assert f"{path}: {why}" in done.stdout
    assert (f"{path}: ffmpeg says: out of luck" in done.stdout) is (log is not None)


@needs_ffmpeg
def test_frames_are_read_although_the_reference_cannot_open_the_file(tmp_path: Path) -> None:
    frames = np.zeros((4, 8, 8, 3), np.uint8)
    (tmp_path / "a.avi").write_bytes(b"no video" * 99)
    comparison = Comparison()
    assert len(list(compared(iter(frames), tmp_path / "a.avi", comparison))) == 4
    assert not comparison.is_equal and "Invalid data" in str(comparison.error)


def test_files_that_are_no_videos_are_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_video(tmp_path / "walk" / "a.mp4", 3)
    write_jpegs(tmp_path / "0001", 3)
    for name in ("a.txt", "walk/b.TXT", "walk/README", "0001/notes.csv", ".DS_Store", "walk/cover.jpg"):
        (tmp_path / name).touch()
    assert len(find_videos([tmp_path])) == 2
    (said,) = [record.getMessage() for record in caplog.records]
    head, _, kinds = said.partition(" files are no videos: ")
    assert head == f"{tmp_path}: 5"
    assert sorted(kinds.split(", ")) == ["1 .csv", "1 .jpg", "1 without ending", "2 .txt"]


def test_frames_are_those_that_extraction_keeps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tmp_path / "root"
    source = write_video(root / "walk" / "a.avi", 40, b_frames=2)
    source.write_bytes(source.read_bytes()[: source.stat().st_size // 2])
    monkeypatch.chdir(tmp_path)
    frames = {"shards": 1, "jpeg_quality": 100}
    settings = {"datasets": {"data": {"layout": "folder", "root": str(root), "frames": frames}}, "experiments": {}}
    params = Params.model_validate(settings)
    index.run("data", params)
    extract.run("data", params)
    video = FrameStore(Path("prepared/data/frames"), Path("prepared/data/frames.parquet"))["walk/a"]
    report = examine(source, tmp_path / "out")
    files = sorted((tmp_path / "out").iterdir())
    assert len(files) == report.num_frames == video.num_frames > 5
    assert [path.name for path in files] == [f"{number:06d}.png" for number in range(len(files))]
    written = np.stack([cv2.imread(str(path))[..., ::-1] for path in files])
    np.testing.assert_array_equal(written, decode_video(source).read_all())
    encoded = [simplejpeg.encode_jpeg(frame.copy(), quality=100, colorsubsampling="420") for frame in written]
    assert encoded == [video.jpeg(number) for number in range(video.num_frames)]


def test_frames_of_an_unreadable_video_leave_nothing(tmp_path: Path) -> None:
    (tmp_path / "bad.avi").write_bytes(b"no video" * 99)
    assert probe(tmp_path / "bad.avi", "--frames", tmp_path / "out").exit_code == 1
    assert not list((tmp_path / "out").glob("**/*"))


def test_frames_replace_nothing(tmp_path: Path) -> None:
    path, out = write_video(tmp_path / "a.avi", 3), tmp_path / "out"
    (out / "a").mkdir(parents=True)
    (out / "a" / "precious.txt").write_text("mine")
    with pytest.raises(HumotionError, match="already exists"):
        probe_videos([path], frames=out)
    assert (out / "a" / "precious.txt").read_text() == "mine"
    shutil.rmtree(out / "a")
    (out / "a").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(HumotionError, match="already exists"):
        probe_videos([path], frames=out)


def test_a_failure_midway_leaves_no_half_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, calls, encode = write_video(tmp_path / "a.avi", 6), [], cv2.imencode

    def encode_some(*arguments: object) -> object:
        calls.append(1)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return encode(*arguments)

    monkeypatch.setattr(cv2, "imencode", encode_some)
    with pytest.raises(KeyboardInterrupt):
        probe_videos([path], frames=tmp_path / "out")
    assert not list((tmp_path / "out").iterdir())


def test_folder_names_stay_inside_and_never_collide() -> None:
    videos = ["x/a.mp4", "x/a.avi", "y/A.mp4", "a-2.mp4", "...mp4", "..avi", ".mp4", "-rf.mp4", "a\nb.mp4", "c\\d.mp4"]
    names = folder_names(map(Path, videos))
    assert names[:4] == ["a", "a-2", "A-3", "a-2-2"]
    assert len({name.casefold() for name in names}) == len(videos)
    for name in names:
        assert Path("out", name).resolve().parent == Path("out").resolve()
        assert name.isprintable()
        assert name[0] not in ".-"


def test_what_a_folder_holds(tmp_path: Path) -> None:
    for name in ("b.mp4", "a.AVI", "sub/c.webm", ".hidden.mp4", ".git/d.mp4", "notes.txt", "sub/cover.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    write_jpegs(tmp_path / "frames" / "0001", 1)
    found = [path.relative_to(tmp_path).as_posix() for path in find_videos([tmp_path, tmp_path / "b.mp4"])]
    assert found == ["a.AVI", "b.mp4", "frames/0001", "sub/c.webm"]
    assert find_videos([tmp_path / "notes.txt"]) == [tmp_path / "notes.txt"]  # a file is taken at its word
    (tmp_path / "empty").mkdir()
    with pytest.raises(HumotionError, match="There is no video in"):
        find_videos([tmp_path / "empty"])


@needs_ffmpeg
def test_real_videos_equal_the_ffmpeg_command(real_data: Path) -> None:
    """A sample; `humotion probe --verify ../shared/data/jhmdb ../shared/data/hmdb51` checks all 519."""
    videos = find_videos([real_data / "jhmdb" / "ReCompress_Videos", real_data / "hmdb51" / "untrimmed"])
    assert len(videos) == 519
    reports = [examine(path, verify=True) for path in [*videos[::50], *videos[-2:]]]
    assert all(report.is_good for report in reports)
    assert {report.method for report in reports} == {"torchcodec", "pyav"}


def test_frames_of_videos_with_the_longest_names_are_kept(tmp_path: Path) -> None:
    for ending in ("1.mp4", "2.mp4", "2.avi"):
        write_video(tmp_path / "in" / ("\u9577" * 83 + ending), 2)
    assert probe(tmp_path / "in", "--frames", tmp_path / "out").exit_code == 0
    folders = list((tmp_path / "out").iterdir())
    assert len(folders) == 3
    for folder in folders:
        assert [path.name for path in sorted(folder.iterdir())] == ["000000.png", "000001.png"]

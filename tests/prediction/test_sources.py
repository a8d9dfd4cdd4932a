from __future__ import annotations

from pathlib import Path

import pytest

from humotion.errors import HumotionError
from humotion.prediction.sources import sources_of
from tests.support.trees import write_jpegs

LANDMARKS = "," + ",".join(map(str, range(132))) + "\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    root = tmp_path / "holiday"
    for name in ("beach.mp4", "day 2/sea.MOV", "day 2/sea.avi", ".trash/old.mp4", "__MACOSX/._beach.mp4", "notes.pdf"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    write_jpegs(root / "frames" / "0001", 2)
    return root


def found(*arguments: str) -> list[tuple[str, str]]:
    return [(str(one.path), str(one.name)) for one in sources_of(arguments)]


def test_a_folder_stands_for_its_videos_and_folders_of_frames(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert found("holiday") == [
        ("holiday/beach.mp4", "beach"),
        ("holiday/day 2/sea.MOV", "day 2/sea"),
        ("holiday/day 2/sea.avi", "day 2/sea.avi"),
        ("holiday/frames/0001", "frames/0001"),
    ]
    assert "Left out of holiday, because they have no ending of a video: 1 (holiday/notes.pdf)" in caplog.text


def test_a_folder_of_frames_is_one_video(folder: Path) -> None:
    assert found("holiday/frames/0001") == [("holiday/frames/0001", "0001")]


def test_a_pattern_and_a_name_with_brackets(folder: Path) -> None:
    (folder / "[1].mp4").touch()
    assert [path for path, _ in found("holiday/**/*.avi")] == ["holiday/day 2/sea.avi"]
    assert [path for path, _ in found("holiday/[1].mp4")] == ["holiday/[1].mp4"]


def test_a_file_is_a_video_whatever_its_ending(folder: Path) -> None:
    assert found("holiday/notes.pdf") == [("holiday/notes.pdf", "notes")]


def test_what_is_named_twice_is_predicted_once(folder: Path) -> None:
    assert found("holiday/beach.mp4", "holiday/*.mp4") == [("holiday/beach.mp4", "beach")]


def test_two_videos_never_share_a_name(folder: Path) -> None:
    for name in ("x/a.mp4", "y/a.mp4", "z/a.mp4"):
        (folder / name).parent.mkdir()
        (folder / name).touch()
    names = [name for _, name in found("holiday/x/a.mp4", "holiday/y/a.mp4", "holiday/z/a.mp4")]
    assert names == ["a", "a.mp4", "a.mp4-2"]


def test_a_recording_of_landmarks_in_a_folder(tmp_path: Path) -> None:
    (tmp_path / "SWING.txt").write_text(LANDMARKS + "0" + ",0.5" * 132 + "\n")
    assert found(str(tmp_path)) == [(str(tmp_path / "SWING.txt"), "SWING")]


def test_links_out_of_a_folder_are_left_out_and_said(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    outside = folder.parent / "secret.mp4"
    outside.touch()
    (folder / "link.mp4").symlink_to(outside)
    (folder / "inside.mp4").symlink_to(folder / "beach.mp4")
    paths = [path for path, _ in found("holiday")]
    assert "holiday/inside.mp4" in paths and "holiday/link.mp4" not in paths
    assert "Left out of holiday, because they are links that lead out of it: 1 (holiday/link.mp4)" in caplog.text


@pytest.mark.parametrize(
    ("argument", "message"), [("none/*.mp4", "Nothing matches none"), ("empty", "empty holds no video")]
)
def test_nothing_is_an_error(folder: Path, argument: str, message: str) -> None:
    Path("empty").mkdir()
    with pytest.raises(HumotionError, match=message):
        sources_of([argument])

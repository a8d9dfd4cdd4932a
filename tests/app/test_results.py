from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from humotion.app.results import Asked, Result, results_of
from humotion.app.shelf import MOST_LOADED, Shelf
from humotion.errors import HumotionError
from humotion.files import read_json, write_json
from humotion.prediction.predictor import read_video
from humotion.serving.limits import Refused, ServeLimits
from tests.support.tiny_models import make_task, write_model_folder
from tests.support.trees import write_video

ALL, NO_LIMITS = Asked(), ServeLimits()


def ask(
    path: Path, models: list[str], folder: Path, asked: Asked = ALL, limits: ServeLimits = NO_LIMITS
) -> tuple[list[Result], list[float]]:
    shelf, shares = Shelf(models), [0.0]
    predictors = {name: shelf.predictor(name) for name in shelf.names}
    found = list(results_of(path, predictors, asked, folder, limits, lambda share, _: shares.append(share)))
    return found, shares


def test_two_versions_of_a_model_and_what_they_look_at(real_clip: Path, models: list[str], tmp_path: Path) -> None:
    found, shares = ask(real_clip, models[:2], tmp_path)
    assert [one.name for one in found] == ["first", "second", "first", "second"], "answers first, then their networks"
    for one in found[:2]:
        assert one.about == "action recognition, trained on sample" and one.look is None
        assert one.probabilities is not None and one.text.startswith(next(iter(one.probabilities)))
    assert found[0].probabilities != found[1].probabilities
    assert read_video(found[0].video).num_frames == read_video(real_clip).num_frames
    facts = json.loads(next(file for file in found[0].files if file.suffix == ".json").read_text())
    assert facts["path"] == real_clip.name and len(facts["predictions"]) == 1
    look = found[2].look
    assert look is not None and "Motion" in look.text and "Gates" in look.text
    assert read_video(look.film).num_frames == 4, "the frames that the model was shown"
    assert all(file.exists() for file in found[2].files) and {look.film, *look.pictures} <= set(found[2].files)
    assert shares == sorted(shares) and 0.8 < shares[-1] <= 1


def test_what_a_memory_holds(real_clip: Path, models: list[str], tmp_path: Path) -> None:
    answer, with_look = ask(real_clip, models[2:], tmp_path)[0]
    assert "joints" in answer.text and answer.probabilities is None
    assert any(file.name.endswith(".coco.json") for file in answer.files)
    assert with_look.look is not None and "memory" in with_look.look.title
    assert read_video(with_look.look.film).num_frames == min(64, read_video(real_clip).num_frames)
    assert all(picture.stat().st_size > 5000 for picture in with_look.look.pictures)


def test_nothing_is_drawn_of_the_network_unless_it_is_asked_for(clip: Path, models: list[str], tmp_path: Path) -> None:
    found, _ = ask(clip, models, tmp_path, Asked(looks=False))
    assert [one.name for one in found] == ["first", "second", "poses"]


def test_a_long_clip_has_a_timeline(models: list[str], tmp_path: Path) -> None:
    footage = {"num_frames": 8, "fps": 30.0, "short_side": 48}
    folder = write_model_folder(tmp_path / "model", make_task("action_recognition"), "action_recognition")
    write_json(folder / "model.json", {**read_json(folder / "model.json"), "footage": footage})
    clip = write_video(tmp_path / "long.mp4", num_frames=60)
    first, last = ask(clip, [str(folder)], tmp_path, Asked(min_confidence=0.0))[0]
    assert first.probabilities is None and "actions in 0:02.0" in first.text
    assert first.timeline is not None and first.timeline in first.files
    assert last.look is not None and read_video(last.look.film).num_frames == 4


def test_cautions_and_damages_are_notes(models: list[str], tmp_path: Path) -> None:
    from humotion.prediction.caution import NOT_REAL, RENDERED

    folder = write_model_folder(tmp_path / "model", make_task("action_recognition"), "action_recognition")
    rendered = {"data_md5": {"frames": next(iter(RENDERED))}}
    write_json(folder / "model.json", {**read_json(folder / "model.json"), **rendered})
    clip = write_video(tmp_path / "clip.avi", num_frames=40)
    content = clip.read_bytes()
    clip.write_bytes(content[: len(content) // 2])
    found = ask(clip, [str(folder)], tmp_path, Asked(looks=False))[0][0]
    assert found.notes[0] == f"This model was {NOT_REAL}." and "truncated" in found.notes[1]


@pytest.mark.parametrize(
    ("content", "limits", "said"),
    [
        (b"\x00\x01no video", {}, "clip.mp4 cannot be read"),
        (b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n", {}, "text and not a video"),
        (None, {"frames": 5}, "more than 5 frames"),
        (None, {"pixels": 100}, "64x48 pixels"),
        (None, {"bytes": 100}, "larger than 100 bytes"),
    ],
)
def test_what_is_refused_is_a_sentence(
    clip: Path, models: list[str], tmp_path: Path, content: bytes | None, limits: dict[str, int], said: str
) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(clip.read_bytes() if content is None else content)
    with pytest.raises(Refused, match=said) as refused:
        ask(path, models[:1], tmp_path, limits=ServeLimits(**limits))  # type: ignore[arg-type]
    assert str(tmp_path) not in str(refused.value)


def test_models_have_names_of_their_own_and_few_are_kept(tmp_path: Path) -> None:
    task = make_task("action_recognition")
    folders = [tmp_path / place / "model" for place in "abcdef"]
    for folder in folders:
        folder.parent.mkdir()
        write_model_folder(folder, task, "action_recognition")
    alone = write_model_folder(tmp_path / "alone", task, "action_recognition")
    shelf = Shelf([str(alone), *map(str, folders)])
    assert shelf.names == ["alone", *map(str, folders)]
    kept = shelf.predictor("alone")
    assert shelf.predictor("alone") is kept
    for name in shelf.names[1 : MOST_LOADED + 1]:
        shelf.predictor(name)
    assert shelf.predictor("alone") is not kept
    with pytest.raises(HumotionError, match="nowhere"):
        Shelf([str(tmp_path / "nowhere")])


def test_the_copy_is_the_clip_with_the_drawing(clip: Path, models: list[str], tmp_path: Path) -> None:
    found, _ = ask(clip, models[2:], tmp_path, Asked(looks=False))
    frames = [np.stack(list(read_video(path))).astype(int) for path in (clip, found[0].video)]
    assert frames[0].shape == frames[1].shape and np.abs(frames[0] - frames[1]).mean() > 3

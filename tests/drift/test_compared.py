"""New footage and that of a training: each change is named by its measure, and what is alike is called alike."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from humotion.drift.compared import LABELS, MANY, Difference, Verdict, compare, holm
from humotion.drift.measured import Held, measure
from humotion.drift.training_footage import training_footage
from humotion.prediction.video_file import read_video
from tests.drift.conftest import NUM_VIDEOS, SHORT_SIDE, SIZE, Frames, changed_copies, textured, write_film


def table_of(paths: Sequence[Path], held: Held | None = None) -> pd.DataFrame:
    held = training_footage(Path("models/frames")).held if held is None else held
    return pd.DataFrame([measure(read_video(path), held) for path in paths])


def differences(paths: Sequence[Path]) -> dict[str, Difference]:
    training = training_footage(Path("models/frames")).table
    return {one.measure: one for one in compare(training, table_of(paths))}


def named(paths: Sequence[Path]) -> set[str]:
    return {name for name, one in differences(paths).items() if one.verdict is Verdict.UNLIKE}


def clips_of(project: Path) -> list[Path]:
    return sorted((project / "data" / "films").rglob("*.mkv"))


def darkened(frames: Frames) -> Frames:
    return (frames * 0.45).astype(np.uint8)


def blurred(frames: Frames) -> Frames:
    return np.stack([cv2.GaussianBlur(frame, (0, 0), 4).astype(np.uint8) for frame in frames])


def larger(frames: Frames) -> Frames:
    size = (SIZE[0] * 4, SIZE[1] * 4)
    return np.stack([cv2.resize(frame, size, interpolation=cv2.INTER_CUBIC).astype(np.uint8) for frame in frames])


def turned(frames: Frames) -> Frames:
    return np.ascontiguousarray(np.rot90(frames, axes=(1, 2)))


def longer(frames: Frames) -> Frames:
    return np.concatenate([frames] * 4)


def redder(frames: Frames) -> Frames:
    return np.clip(frames.astype(int) + [45, 0, -45], 0, 255).astype(np.uint8)


# What is done to training videos: the measure that must name it, and those that really change with it.
CHANGES: dict[str, tuple[Callable[[Frames], Frames], str, set[str]]] = {
    "darkened": (darkened, "brightness", {"contrast", "sharpness", "warmth"}),
    "blurred": (blurred, "sharpness", {"contrast"}),
    "larger": (larger, "short_side", set()),
    "turned": (turned, "aspect", set()),
    "longer": (longer, "num_frames", set()),
    "redder": (redder, "warmth", {"saturation"}),
}


def test_training_clips_given_as_files_are_measured_as_the_store_holds_them(project: Path) -> None:
    footage = training_footage(Path("models/frames"))
    assert footage.held.short_side == SHORT_SIDE and len(footage.table) == NUM_VIDEOS - 2
    expected = footage.table.set_index("video_id")
    clips = {
        clip.relative_to(project / "data" / "films").with_suffix("").as_posix(): clip for clip in clips_of(project)
    }
    assert set(clips) > set(expected.index)
    again = table_of([clips[video_id] for video_id in expected.index]).set_index(expected.index)
    pd.testing.assert_frame_equal(again[list(LABELS)], expected[list(LABELS)], check_dtype=False, rtol=1e-12)


def test_training_clips_are_like_the_training_all_some_or_one(project: Path) -> None:
    clips = clips_of(project)
    assert {one.verdict for one in differences(clips).values()} == {Verdict.LIKE}
    assert named(clips[::3]) == set()
    for clip in clips[:-2:7]:
        assert named([clip]) == set()


def test_at_their_own_size_the_same_clips_would_look_unlike(project: Path) -> None:
    """The trap: without the size of the store, sharpness would be compared between sizes."""
    training = training_footage(Path("models/frames")).table
    found = compare(training, table_of(clips_of(project), Held(short_side=240)))
    assert {one.measure for one in found if one.verdict is Verdict.UNLIKE} == {"sharpness"}


@pytest.mark.parametrize("kind", CHANGES)
def test_a_change_of_many_videos_is_named_by_its_measure_and_nothing_else(
    kind: str, project: Path, tmp_path: Path
) -> None:
    change, measure_of_it, also = CHANGES[kind]
    found = named(changed_copies(tmp_path, change))
    assert measure_of_it in found
    assert found <= {measure_of_it} | also


@pytest.mark.parametrize("kind", CHANGES)
def test_a_change_of_one_video_is_named_where_it_leaves_the_training(kind: str, project: Path, tmp_path: Path) -> None:
    change, measure_of_it, also = CHANGES[kind]
    copy = write_film(tmp_path / "copy.mkv", change(textured(4)))
    found = named([copy])
    assert measure_of_it in found
    assert found <= {measure_of_it} | also


def test_another_rate_is_named_but_not_a_rounded_one(project: Path, tmp_path: Path) -> None:
    slow = [write_film(tmp_path / f"{number}.mkv", textured(number), rate=15) for number in range(8)]
    assert named(slow) == {"fps"}
    table = table_of(clips_of(project)[:8])
    found = compare(training_footage(Path("models/frames")).table, table.assign(fps=30_000 / 1001))
    assert {one.measure: one.verdict for one in found}["fps"] is Verdict.LIKE


def test_a_few_videos_are_not_tested_as_a_distribution(project: Path) -> None:
    clips = clips_of(project)
    assert all(one.p is None for one in differences(clips[: MANY - 1]).values())
    assert all(one.p is not None for one in differences(clips[:MANY]).values())


def test_what_is_not_known_is_not_compared(project: Path) -> None:
    training = training_footage(Path("models/frames")).table
    found = {one.measure: one for one in compare(training, table_of(clips_of(project)[:6]).assign(fps=np.nan))}
    assert found["fps"].verdict is Verdict.NOT_COMPARED and found["fps"].why
    assert found["brightness"].verdict is Verdict.LIKE


def test_holm_multiplies_the_smallest_most() -> None:
    """Holm (1979): 0.01 x 4, 0.02 x 3, 0.03 x 2, 0.5 x 1; never smaller than the one before, never above 1."""
    assert holm([0.02, 0.5, 0.01, 0.03]) == pytest.approx([0.06, 0.5, 0.04, 0.06])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


def test_independent_samples_of_one_source_are_rarely_called_unlike() -> None:
    random = np.random.default_rng(0)

    def sample(number: int) -> pd.DataFrame:
        return pd.DataFrame({name: np.exp(random.normal(4, 0.3, number)) for name in LABELS})

    alarms = [any(one.verdict is Verdict.UNLIKE for one in compare(sample(120), sample(20))) for _ in range(30)]
    assert sum(alarms) <= 1

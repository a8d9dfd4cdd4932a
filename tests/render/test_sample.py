"""The written sample on a tiny plan: official layouts, B-frames, the same bytes with any number of workers."""

from __future__ import annotations

import inspect
import re
from dataclasses import replace
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from scipy.io import loadmat
from typer.main import get_command
from typer.testing import CliRunner

from humotion.cli.data import app
from humotion.errors import HumotionError
from humotion.render import crowd, crowd_tracks, hmdb51, penn_action
from humotion.render.sample import render_hmdb51, render_penn_action, render_sample
from tests.support.repository import REPOSITORY

pytest.importorskip("pybullet_data")

NAME = re.compile(r"(?P<film>.+)_(?P<label>[a-z_]+)_[fu]_[cn]m_np1_(fr|le|ri|ba)_(goo|med|bad)_\d+\.avi")


def _tiny_hmdb51() -> list[hmdb51.Job]:
    jobs = hmdb51.plan(3, {"run": 3, "kick": 2})
    return [
        replace(job, b_frames=bool(place % 2), spec=replace(job.spec, num_frames=8 + place))
        for place, job in enumerate(jobs)
    ]


def _tiny_penn_action() -> list[penn_action.Job]:
    return [replace(job, spec=replace(job.spec, num_frames=3)) for job in penn_action.plan(3, 2)]


def _render(root: Path, workers: int) -> Path:
    render_hmdb51(_tiny_hmdb51(), root / "hmdb51", 3, workers)
    render_penn_action(_tiny_penn_action(), root / "penn_action", workers)
    return root


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _render(tmp_path_factory.mktemp("sample"), workers=1)


def _content(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def test_two_workers_write_the_same_bytes_as_one(sample: Path, tmp_path: Path) -> None:
    assert _content(_render(tmp_path, workers=2)) == _content(sample)


def test_videos_have_their_frames_and_b_frames_where_planned(sample: Path) -> None:
    for job in _tiny_hmdb51():
        (path,) = (sample / "hmdb51" / job.label).glob(f"*_{job.index}.avi")
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            assert stream.codec_context.has_b_frames == job.b_frames
            assert stream.codec_context.codec_tag == ("DX50" if job.b_frames else "XVID")
            frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(stream)]
        assert len(frames) == job.spec.num_frames
        assert frames[0].shape == (144, 192, 3)
        assert np.std(frames[0]) > 10


def test_names_and_split_lines_are_official(sample: Path) -> None:
    root = sample / "hmdb51"
    for path in root.glob("*/*.avi"):
        match = NAME.fullmatch(path.name)
        assert match and match["film"]
        assert f"_{path.parent.name}_" in path.name
    for number in (1, 2, 3):
        for label in ("run", "kick"):
            lines = (root / hmdb51.SPLITS / f"{label}_test_split{number}.txt").read_text().split("\n")
            assert lines.pop() == ""
            assert all(re.fullmatch(r"\S+ [012] ", line) for line in lines)
            assert {line.split(" ")[0] for line in lines} == {path.name for path in (root / label).iterdir()}


@pytest.mark.parametrize("number", [1, 2, 3])
def test_no_film_straddles_a_split_and_shares_are_70_30(number: int) -> None:
    by_class: dict[str, list[hmdb51.Written]] = {}
    for job in hmdb51.plan(0):
        name = f"{job.film}_{job.label}_f_nm_np1_fr_med_{job.index}.avi"
        by_class.setdefault(job.label, []).append(hmdb51.Written(job.label, job.film, name))
    for members in by_class.values():
        flags = hmdb51.split(members, np.random.default_rng(number))
        sides = {flag: {clip.film for clip in members if flags[clip.name] == flag} for flag in (1, 2)}
        assert not sides[1] & sides[2]
        used = [flag for flag in flags.values() if flag]
        assert 0.15 < used.count(2) / len(used) < 0.45
        assert (0 in flags.values()) == (len(members) >= 26)


def test_the_plan_has_unique_films_and_unequal_classes() -> None:
    jobs = hmdb51.plan(0)
    films = {(job.film, job.label) for job in jobs}
    assert len({film for film, _ in films}) == len(films)
    counts = [sum(job.label == label for job in jobs) for label in hmdb51.CLASSES]
    assert min(counts) >= 16
    assert max(counts) >= 2 * min(counts)
    lengths = [job.spec.num_frames for job in jobs]
    assert 8 <= min(lengths) <= 12
    assert max(lengths) == 90


def test_penn_labels_have_the_types_and_shapes_of_the_real_ones(sample: Path, real_data: Path) -> None:
    real = loadmat(real_data / "penn_action" / "labels" / "0001.mat")
    for job in _tiny_penn_action():
        ours = loadmat(sample / "penn_action" / "labels" / f"{job.number:04d}.mat")
        assert [key for key in ours if key[0] != "_"] == [key for key in real if key[0] != "_"]
        num_frames = job.spec.num_frames
        for key, value in real.items():
            if key[0] == "_":
                continue
            assert ours[key].dtype.kind == value.dtype.kind
            assert value.dtype.kind == "U" or ours[key].dtype == value.dtype
            assert ours[key].shape == tuple(num_frames if size == 151 else size for size in value.shape)
        assert ours["dimensions"].tolist() == [[144, 192, num_frames]]
        assert set(np.unique(ours["visibility"])) <= {0, 1}


def test_penn_frames_show_the_performer_in_the_box(sample: Path) -> None:
    for job in _tiny_penn_action():
        labels = loadmat(sample / "penn_action" / "labels" / f"{job.number:04d}.mat")
        folder = sample / "penn_action" / "frames" / f"{job.number:04d}"
        assert [path.name for path in sorted(folder.iterdir())] == ["000001.jpg", "000002.jpg", "000003.jpg"]
        assert cv2.imread(str(folder / "000001.jpg")).shape == (144, 192, 3)
        x, y, seen = labels["x"], labels["y"], labels["visibility"] == 1
        x1, y1, x2, y2 = (labels["bbox"][:, [side]] for side in range(4))
        inside = (x >= x1 - 1) & (x <= x2 + 1) & (y >= y1 - 1) & (y <= y2 + 1)
        assert inside[seen].all()


def test_a_folder_with_something_in_it_is_refused(tmp_path: Path) -> None:
    (tmp_path / "precious.txt").write_text("mine")
    with pytest.raises(HumotionError, match="not an empty folder"):
        render_sample(tmp_path)


def test_an_unknown_dataset_is_refused(tmp_path: Path) -> None:
    with pytest.raises(HumotionError, match=r"ucf101.*available: hmdb51, penn_action, crowd, crowd_tracks"):
        render_sample(tmp_path / "new", datasets=("ucf101",))


def test_datasets_of_crowds_are_rendered_only_if_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crowd, "NUM_PICTURES", {"train": 1, "val": 1})
    monkeypatch.setattr(crowd_tracks, "NUM_SEQUENCES", {"val": 1})
    monkeypatch.setattr(crowd_tracks, "NUM_FRAMES", 2)
    names = "crowd, crowd_tracks"
    result = CliRunner().invoke(
        app, ["render-sample", "--out", str(tmp_path / "new"), "--workers", "1", "--datasets", names]
    )
    assert result.exit_code == 0, result.output
    written = sorted(path.relative_to(tmp_path / "new").as_posix() for path in tmp_path.rglob("*.*") if path.is_file())
    assert written == [
        "crowd/annotations/person_keypoints_train.json",
        "crowd/annotations/person_keypoints_val.json",
        "crowd/train/000001.jpg",
        "crowd/val/000002.jpg",
        "crowd_tracks/annotations/val/000001_rendered.json",
        "crowd_tracks/images/val/000001_rendered/000000.jpg",
        "crowd_tracks/images/val/000001_rendered/000001.jpg",
    ]
    assert inspect.signature(render_sample).parameters["datasets"].default == ("hmdb51", "penn_action")
    (option,) = (one for one in get_command(app).commands["render-sample"].params if one.name == "datasets")
    assert option.default == "hmdb51,penn_action"


def test_the_versioned_sample_is_what_is_rendered(tmp_path: Path) -> None:
    """To a grey level of a pixel: processors round sums of float32 differently."""
    versioned = REPOSITORY / "data" / "penn_action"
    if not versioned.is_dir():
        pytest.skip("the sample is not here: run dvc pull -r sample")
    job = min(penn_action.plan(0), key=lambda job: job.spec.num_frames)
    penn_action.write_sequence(job, tmp_path)
    ours, theirs = (loadmat(root / "labels" / f"{job.number:04d}.mat") for root in (tmp_path, versioned))
    np.testing.assert_allclose(ours["x"], theirs["x"], atol=1e-6)
    np.testing.assert_array_equal(ours["visibility"], theirs["visibility"])
    frames = sorted((tmp_path / "frames" / f"{job.number:04d}").iterdir())
    assert len(frames) == job.spec.num_frames
    for path in frames:
        pixels, before = (cv2.imread(str(root / path.relative_to(tmp_path))) for root in (tmp_path, versioned))
        assert np.abs(pixels.astype(int) - before).mean() < 0.1

"""The stage annotate on real frames: values, bad videos, any number of workers, interruptions."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from humotion.annotation.shared import shards
from humotion.errors import HumotionError
from humotion.files import read_json
from humotion.params.document import Params
from humotion.stages import annotate
from humotion.store.frames import FrameStore
from humotion.store.layers import Layer
from humotion.work import main_checkout
from tests.support.clips import CATCH, GOLF, real_clip
from tests.support.prepared import NUM_SHARDS, write_footage

LAYER = Path("layers/tiny/people")


@pytest.fixture(scope="module")
def prepared(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Seven videos: two clips of people twice each, one of nobody, one with a damaged frame, and one without frames."""
    root = tmp_path_factory.mktemp("prepared")
    golf, catch = (real_clip(real_data, name, 4).frames for name in (GOLF, CATCH))
    content = {"a": golf, "b": catch, "c": golf[:2], "d": catch[:1], "nobody": np.full_like(golf, 128), "torn": golf}
    write_footage(root, content, damaged=("torn", 2), without_frames="gone")
    return root


@pytest.fixture
def project(prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(prepared, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def params(weights: Path, workers: int = 0, **changes: Any) -> Params:
    layer = {"dataset": "tiny", "tool": "blazepose", "model": "lite", "weights": str(weights), **changes}
    return Params.model_validate(
        {
            "datasets": {"tiny": {"layout": "folder", "root": "data/tiny"}},
            "layers": {"people": layer},
            "experiments": {},
            "machine": {"workers": workers},
        }
    )


def written() -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in LAYER.iterdir()}


def test_every_video_has_a_row_and_every_video_with_frames_has_arrays(
    project: Path, weights: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    annotate.run("people", params(weights))
    layer = Layer(LAYER)
    table = layer.table().set_index("video_id")
    assert list(table.index) == ["a", "b", "c", "d", "gone", "nobody", "torn"]
    assert table["num_found"].to_dict() == {"a": 4, "b": 4, "c": 2, "d": 1, "gone": 0, "nobody": 0, "torn": 0}
    assert table["num_persons"].to_dict() == {"a": 1, "b": 1, "c": 1, "d": 1, "gone": 0, "nobody": 0, "torn": 0}
    assert table["status"].to_dict() == dict.fromkeys("abcd", "ok") | {
        **{"gone": "corrupt", "nobody": "ok", "torn": "corrupt"},
    }
    assert "one of frames 0 to 3 cannot be decoded" in table.loc["torn", "error"]
    assert "torn: corrupt: one of frames" in caplog.text
    assert (table.loc["gone", "row"], table.loc["gone", "num_frames"]) == (-1, 0)
    assert (
        "somebody in 11 of 19 frames (57.9%), and in 4 of 6 videos. 1 videos have no frames." in capsys.readouterr().out
    )
    assert list(layer) == ["a", "b", "c", "d", "nobody", "torn"] or set(layer) == set("abcd") | {"nobody", "torn"}
    assert layer["nobody"]["landmarks"].shape == (0, 4, 33, 3)
    np.testing.assert_array_equal(layer["a"]["landmarks"][:, :2], layer["c"]["landmarks"])  # the same first frames
    assert table.loc["a", "digest"] != table.loc["c", "digest"]
    facts = read_json(LAYER / "layer.json")
    assert (facts["tool"], facts["settings"]["model"]) == ("blazepose", "lite")
    assert list(facts["weights"]) == ["pose_detection.tflite", "pose_landmark_lite.tflite"]
    assert facts["counts"]["frames_with_somebody"] == 11
    store = FrameStore(Path("prepared/tiny/frames"), Path("prepared/tiny/frames.parquet"), LAYER)
    assert store["b"].annotation["boxes"].shape == (1, 4, 4)
    assert not list((main_checkout() / ".humotion" / "work" / "annotate").glob("*/*")), "work is left"


def test_any_number_of_workers_gives_the_same_bytes(project: Path, weights: Path) -> None:
    found = []
    for workers in (0, 1, 2, 3):
        annotate.run("people", params(weights, workers))
        found.append(written())
        shutil.rmtree(LAYER)
    assert all(each == found[0] for each in found[1:])
    assert len(found[0]) == NUM_SHARDS + 2


def test_finished_shards_are_kept(project: Path, weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []
    make = shards._make_shard

    def stops_after_one(shard: int, *arguments: Any) -> Any:
        if made:
            raise KeyboardInterrupt
        made.append(shard)
        return make(shard, *arguments)

    monkeypatch.setattr(shards, "_make_shard", stops_after_one)
    with pytest.raises(KeyboardInterrupt):
        annotate.run("people", params(weights))
    assert not LAYER.exists()
    again: list[int] = []
    monkeypatch.setattr(shards, "_make_shard", lambda shard, *rest: (again.append(shard), make(shard, *rest))[1])
    annotate.run("people", params(weights))
    assert sorted(made + again) == list(range(NUM_SHARDS))
    resumed = written()
    monkeypatch.undo()
    os.chdir(project)
    annotate.run("people", params(weights))
    assert written() == resumed


def test_other_settings_do_not_use_old_work(project: Path, weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []
    make = shards._make_shard
    monkeypatch.setattr(shards, "_make_shard", lambda shard, *rest: (made.append(shard), make(shard, *rest))[1])
    annotate.run("people", params(weights))
    annotate.run("people", params(weights, refine=False))
    assert sorted(made) == sorted(2 * list(range(NUM_SHARDS)))


def test_a_killed_stage_resumes(project: Path, weights: Path) -> None:
    """kill -9 in the middle, then the same command again: the bytes are those of an undisturbed run."""
    annotate.run("people", params(weights))
    expected = written()
    shutil.rmtree(LAYER)
    code = (
        "import sys; from pathlib import Path; from tests.stages.test_annotate import params;"
        "from humotion.stages import annotate; annotate.run('people', params(Path(sys.argv[1])))"
    )
    root = Path(__file__).parents[2]
    environment = {**os.environ, "PYTHONPATH": f"{root / 'src'}{os.pathsep}{root}"}
    command = [sys.executable, "-c", code, str(weights)]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    tables = main_checkout() / ".humotion" / "work" / "annotate"
    while not list(tables.glob("*/tables/shard-*.json")) and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    annotate.run("people", params(weights))
    assert written() == expected


def test_what_is_missing_is_named(project: Path, weights: Path, tmp_path: Path) -> None:
    with pytest.raises(HumotionError, match=r"params\.yaml has no layer 'pepole'; it has people"):
        annotate.run("pepole", params(weights))
    with pytest.raises(HumotionError, match="humotion fetch blazepose"):
        annotate.run("people", params(tmp_path))
    (project / "prepared/tiny/frames.parquet").rename(project / "moved")
    with pytest.raises(HumotionError, match="run the extract stage"):
        annotate.run("people", params(weights))
    assert not LAYER.exists()


def test_a_dataset_without_a_frame_is_refused(project: Path, weights: Path) -> None:
    table = pd.read_parquet("prepared/tiny/frames.parquet")
    table.assign(row=-1, num_frames=0, status="corrupt").to_parquet("prepared/tiny/frames.parquet")
    with pytest.raises(HumotionError, match=r"No video of 'tiny' has a frame"):
        annotate.run("people", params(weights))

"""The stage annotate with a tool that reads another layer: what it is given, and when earlier work is not used."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from humotion.annotation.shared.contract import load_tool
from humotion.annotation.shared.given import stored
from humotion.annotation.shared.shards import Source
from humotion.datasets.penn_action import SKELETON
from humotion.errors import HumotionError
from humotion.params.document import Params
from humotion.stages import annotate
from humotion.store.body import body_joints
from humotion.store.frames import FrameStore
from humotion.store.layers import Layer
from tests.support.efficientnet import write_random_checkpoint
from tests.support.prepared import HEIGHT, WIDTH, write_small_dataset

LAYERS = Path("layers/tiny")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The tiny dataset: 14 videos with labelled joints, one without, and one without frames."""
    write_small_dataset(tmp_path)
    for name in ("dvc.yaml", "params.yaml"):
        (tmp_path / name).write_text("{}\n")
    write_random_checkpoint(tmp_path / "random.pth")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def params(workers: int = 0, **changes: Any) -> Params:
    common = {
        "dataset": "tiny",
        "tool": "joint_features",
        "backbone": "efficientnet",
        "weights": str(Path("random.pth").resolve()),
    }
    first = {**common, "side": 64, "depth": 5, "joints": "all", **changes}
    second = {**common, "side": 32, "depth": 3, "joints": "body", "of": "first"}
    return Params.model_validate(
        {
            "datasets": {"tiny": {"layout": "folder", "root": "data/tiny"}},
            "layers": {"first": first, "second": second},
            "experiments": {},
            "machine": {"workers": workers},
        }
    )


def written(name: str) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (LAYERS / name).iterdir()}


def test_a_layer_of_labels_and_a_layer_of_that_layer(project: Path) -> None:
    annotate.run("first", params())
    first = Layer(LAYERS / "first")
    assert first.skeleton == SKELETON
    assert list(first.facts.weights) == ["random.pth"]
    assert (first.facts.settings["of"], first.facts.settings["backbone"]) == ("labels", "efficientnet")
    store = FrameStore(Path("prepared/tiny/frames"), Path("prepared/tiny/frames.parquet"))
    joints = store["v03"].joints
    assert joints is not None
    np.testing.assert_allclose(first["v03"]["landmarks"][..., :2], joints / [WIDTH, HEIGHT], atol=1e-6)
    assert np.isfinite(first["v03"]["features"]).all()
    assert first["plain"]["features"].shape == (0, 9, 13, 40)
    assert np.isfinite(first["plain"]["frame"]).all()
    table = first.table().set_index("video_id")
    assert table.loc["plain", ["status", "num_found"]].tolist() == ["ok", 0]
    assert table.loc["broken", ["status", "row"]].tolist() == ["corrupt", -1]

    annotate.run("second", params())
    second, body = Layer(LAYERS / "second"), body_joints(SKELETON)
    assert second.skeleton == body
    order = [SKELETON.joints.index(name) for name in body.joints]
    for name in ("landmarks", "visibility"):
        np.testing.assert_array_equal(second["v03"][name], first["v03"][name][:, :, order])
    assert second["v03"]["features"].shape == (1, 6, 13, 24)


def test_a_worker_and_another_start_give_the_same_bytes(project: Path) -> None:
    annotate.run("first", params(every=4))
    expected = written("first")
    annotate.run("first", params(workers=2, every=4))
    assert written("first") == expected


def test_another_content_of_the_layer_that_is_read_is_another_work(project: Path) -> None:
    annotate.run("first", params())
    digests = [Source.of_layer(params().layer(name)).digest() for name in ("first", "second")]
    annotate.run("first", params(points="grid"))
    again = [Source.of_layer(params().layer(name)).digest() for name in ("first", "second")]
    assert again[0] == digests[0], "the labels are the same"
    assert again[1] != digests[1]


def test_joints_of_another_video_are_always_those_of_the_same_one(project: Path) -> None:
    annotate.run("first", params(points="other_clip"))
    found = Layer(LAYERS / "first")["v03"]["features"]
    store = FrameStore(Path("prepared/tiny/frames"), Path("prepared/tiny/frames.parquet"), LAYERS / "labels")
    ids = sorted(store)
    other = stored(store, ids[(ids.index("v03") + len(ids) // 2) % len(ids)])
    assert other.num_frames != 6 and other.joints is not None
    mine = stored(store, "v03")
    frames = np.arange(6) * other.num_frames // 6
    swapped = replace(mine, joints=other.joints[:, frames], visibility=np.full((1, 6, 13), 2, np.uint8))
    settings = params().layer("first")
    np.testing.assert_array_equal(found, load_tool(settings.tool).open_tool(settings)(swapped)["features"])


def test_what_is_missing_is_named(project: Path) -> None:
    with pytest.raises(HumotionError, match=r"No layer at .*layers/tiny/first: run `dvc repro`"):
        annotate.run("second", params())
    (project / "random.pth").unlink()
    with pytest.raises(HumotionError, match=r"There is no checkpoint .*random\.pth"):
        annotate.run("first", params())
    with pytest.raises(HumotionError, match="humotion fetch efficientnet-lite0"):
        annotate.run("first", params(weights=None))

"""Layers on disk: what was written is read, in every process, and what is not there is explained."""

from __future__ import annotations

import multiprocessing
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
import simplejpeg

from humotion.datasets.penn_action import SKELETON
from humotion.errors import HumotionError
from humotion.files import read_json, write_json
from humotion.store.frames import FrameStore, PackedVideo, shard_name, write_shard
from humotion.store.layers import (
    LABELS,
    TABLE_TYPES,
    AnnotatedVideo,
    Layer,
    LayerFacts,
    folder_of_layer,
    write_facts,
    write_layer_shard,
)
from tests.support.trees import picture

FACTS = LayerFacts("blazepose", 1, {"model": "lite"}, {"pose_landmark_lite.tflite": "a" * 32}, SKELETON, {"videos": 3})
LIKE = {
    "landmarks": np.empty(0, np.float32),
    "found": np.empty(0, np.bool_),
    "identity": np.empty(0, np.int64),
}


def arrays(persons: int, frames: int, seed: int = 0) -> dict[str, npt.NDArray[Any]]:
    random = np.random.default_rng(seed)
    landmarks = random.normal(size=(persons, frames, 5, 3)).astype(np.float32)
    landmarks[:, ::2] = np.nan
    identity = np.arange(persons)
    return {"landmarks": landmarks, "found": random.random((persons, frames)) < 0.5, "identity": identity}


CONTENT = {"a/one": arrays(1, 4, 1), "a/nobody": arrays(0, 3), "b/two": arrays(2, 5, 2)}


def write_layer(folder: Path) -> Path:
    """Two shards and a video that is not in the frame store."""
    folder.mkdir(parents=True)
    places = {"a/one": (0, 0), "a/nobody": (0, 1), "b/two": (1, 0)}
    for shard in (0, 1):
        videos = (AnnotatedVideo(video, CONTENT[video]) for video, place in places.items() if place[0] == shard)
        write_layer_shard(folder / shard_name(shard), videos, LIKE)
    write_facts(folder, FACTS)
    rows = [(video, *place, 4, 1, 2, "ok", "", "") for video, place in places.items()]
    rows.append(("c", 1, -1, 0, 0, 0, "corrupt", "no frames", ""))
    pd.DataFrame(rows, columns=list(TABLE_TYPES)).astype(TABLE_TYPES).to_parquet(folder / "videos.parquet")
    return folder


@pytest.fixture
def layer(tmp_path: Path) -> Layer:
    return Layer(write_layer(tmp_path / "layer"))


def test_arrays_come_back_as_they_were_written(layer: Layer) -> None:
    assert list(layer) == list(CONTENT)
    assert len(layer) == 3
    for video_id, expected in CONTENT.items():
        found = layer[video_id]
        assert found.keys() == expected.keys()
        for name, array in expected.items():
            np.testing.assert_array_equal(found[name], array)
            assert (found[name].dtype, found[name].shape) == (array.dtype, array.shape)
            assert not found[name].flags.writeable
    assert layer["b/two"]["landmarks"].base is not None  # a view of the map


def test_facts_come_back_as_they_were_written(layer: Layer) -> None:
    assert layer.facts == FACTS
    assert layer.skeleton == SKELETON
    assert not layer.is_labels
    assert read_json(layer.folder / "layer.json")["weights"] == {"pose_landmark_lite.tflite": "a" * 32}


def test_what_is_not_there_is_explained(layer: Layer, tmp_path: Path) -> None:
    assert "c" not in layer
    with pytest.raises(HumotionError, match=r"nothing of video 'c'.*videos.parquet has the status"):
        layer["c"]
    with pytest.raises(HumotionError, match=r"No layer at .*other.*dvc repro"):
        Layer(tmp_path / "other")
    (layer.folder / shard_name(1)).unlink()
    with pytest.raises(HumotionError, match=r"shard-001.arrow is missing"):
        layer["b/two"]
    path = layer.folder / "layer.json"
    write_json(path, read_json(path) | {"version_of_layer": 0})
    with pytest.raises(HumotionError, match="another version of humotion"):
        Layer(layer.folder)


def test_labels_have_no_arrays(tmp_path: Path) -> None:
    (tmp_path / LABELS).mkdir()
    write_facts(tmp_path / LABELS, LayerFacts(LABELS, 1, counts={"videos": 2}))
    layer = Layer(tmp_path / LABELS)
    assert (layer.is_labels, layer.skeleton, list(layer), layer["any"]) == (True, None, [], {})
    assert layer.facts.counts == {"videos": 2}


def test_a_video_with_other_arrays_is_refused(tmp_path: Path) -> None:
    for wrong in ({"found": np.zeros(3, np.bool_)}, arrays(1, 2) | {"landmarks": np.zeros(3)}):
        with pytest.raises(ValueError, match="the arrays of x are"):
            write_layer_shard(tmp_path / "shard", [AnnotatedVideo("x", wrong)], LIKE)


def test_the_same_arrays_give_the_same_bytes(tmp_path: Path) -> None:
    one, two = (write_layer(tmp_path / name) for name in ("one", "two"))
    assert (one / shard_name(0)).read_bytes() == (two / shard_name(0)).read_bytes()
    not_contiguous = {name: np.asfortranarray(array) for name, array in CONTENT["b/two"].items()}
    write_layer_shard(two / shard_name(1), [AnnotatedVideo("b/two", not_contiguous)], LIKE)
    assert (one / shard_name(1)).read_bytes() == (two / shard_name(1)).read_bytes()


def _mean(layer: Layer, video_id: str) -> float:
    return float(np.nanmean(layer[video_id]["landmarks"]))


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_an_open_layer_works_in_other_processes(method: str, layer: Layer) -> None:
    expected = [_mean(layer, video_id) for video_id in ("a/one", "b/two")]
    with multiprocessing.get_context(method).Pool(2) as pool:
        assert pool.starmap(_mean, [(layer, "a/one"), (layer, "b/two")]) == expected
    assert len(pickle.dumps(layer)) < 5000


def test_a_store_gives_each_video_its_annotation(tmp_path: Path) -> None:
    jpegs = [simplejpeg.encode_jpeg(picture(number)) for number in range(2)]
    write_shard(tmp_path / shard_name(0), (PackedVideo(name, 64, 48, None, jpegs) for name in ("a/one", "new")), None)
    table = tmp_path / "frames.parquet"
    rows = [("a/one", 0, 0, "ok"), ("new", 0, 1, "ok")]
    pd.DataFrame(rows, columns=["video_id", "shard", "row", "status"]).to_parquet(table)
    assert FrameStore(tmp_path, table)["a/one"].annotation == {}

    store = FrameStore(tmp_path, table, write_layer(tmp_path / "layer"))
    np.testing.assert_array_equal(store["a/one"].annotation["landmarks"], CONTENT["a/one"]["landmarks"])
    assert store.layer is not None
    assert store.layer.skeleton == SKELETON
    with pytest.raises(HumotionError, match="nothing of video 'new'"):
        store["new"]
    assert len(pickle.dumps(store)) < 5000


def test_the_folder_of_a_layer() -> None:
    assert folder_of_layer("jhmdb", "people") == Path("layers/jhmdb/people")

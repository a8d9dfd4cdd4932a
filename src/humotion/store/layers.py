"""Layers: facts of every frame of a dataset that one tool found, in a few memory-mapped Arrow files.

A layer is the folder ``layers/<dataset>/<name>/``::

    layer.json         LayerFacts: the tool, its version, its settings, the md5 of its weights, the joint set
    videos.parquet     one row per video of the frame store: where its arrays are, and how the tool got on
    shard-000.arrow    one record batch per video: named arrays of any shape

The layer ``labels`` stands for what a dataset itself shipped, which is in the frame store. It has layer.json alone.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from humotion.errors import HumotionError
from humotion.files import read_json, write_json
from humotion.params.layer import LABELS as LABELS
from humotion.store.skeleton import Skeleton

Arrays = Mapping[str, npt.NDArray[Any]]

LAYER_VERSION = 1
FACTS, TABLE = "layer.json", "videos.parquet"
TABLE_TYPES = {
    **{"video_id": "str", "shard": "int32", "row": "int32", "num_frames": "int32", "num_persons": "int32"},
    **{"num_found": "int32", "status": "str", "error": "str", "digest": "str"},
}
"""Columns of videos.parquet. ``num_found``: frames with at least one person. ``row`` is -1 without arrays."""
_VERSION = "humotion.layer"  # in the metadata of each shard
_SHAPE = ".shape"  # the column of an array's shape is the array's name with this


@dataclass(frozen=True)
class LayerFacts:
    """What made a layer: the content of layer.json.

    Attributes:
        tool: a file in ``annotation/``, or `LABELS`.
        version: of the tool: it changes when the tool's numbers change.
        settings: the section of params.yaml, less ``dataset`` and ``tool``.
        weights: md5 of every file of weights, by its name.
        skeleton: the joint set of the layer's joints, if it has any.
        counts: facts that the tool counted, for example videos with joints.
    """

    tool: str
    version: int
    settings: Mapping[str, Any] = field(default_factory=dict)
    weights: Mapping[str, str] = field(default_factory=dict)
    skeleton: Skeleton | None = None
    counts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class AnnotatedVideo:
    """The arrays of one video by name. Types may be bool, uint8, int32, int64, float16, float32 or float64.

    Every tool has ``found`` (P, T) bool: in which of T frames each of P persons was found.
    """

    video_id: str
    arrays: Arrays


def folder_of_layer(dataset: str, layer: str) -> Path:
    """The folder of a layer, below the root of a checkout."""
    return Path("layers") / dataset / layer


def write_facts(folder: Path, facts: LayerFacts) -> None:
    """Write layer.json."""
    write_json(folder / FACTS, {"version_of_layer": LAYER_VERSION, **asdict(facts)})


def write_layer_shard(path: Path, videos: Iterable[AnnotatedVideo], like: Arrays) -> int:
    """Write ``videos`` in the given order, one record batch per video, and return their number.

    Args:
        path: the file, named by `humotion.store.frames.shard_name`.
        videos: each with the same names and types of arrays.
        like: arrays of these names and types, of any shape: the schema of a shard without videos too.

    The same arrays give the same bytes.

    Raises:
        ValueError: a video has other names or types of arrays than ``like``.
    """
    schema = _schema(like)
    num_videos = 0
    with path.open("wb") as sink, pa.ipc.new_file(sink, schema) as writer:
        for video in videos:
            writer.write_batch(_record(video, schema))
            num_videos += 1
    return num_videos


def _schema(like: Arrays) -> pa.Schema:
    fields = [pa.field("video_id", pa.string())]
    for name, array in like.items():
        stored = np.dtype(np.uint8) if array.dtype == np.bool_ else array.dtype
        values = pa.large_list(pa.from_numpy_dtype(stored))
        fields.append(pa.field(name, values, metadata={"dtype": array.dtype.name}))
        fields.append(pa.field(name + _SHAPE, pa.list_(pa.int64())))
    return pa.schema(fields, metadata={_VERSION: str(LAYER_VERSION)})


def _record(video: AnnotatedVideo, schema: pa.Schema) -> pa.RecordBatch:
    expected = {one.name: one.metadata[b"dtype"].decode() for one in schema if one.metadata}
    found = {name: array.dtype.name for name, array in video.arrays.items()}
    if found != expected:
        raise ValueError(f"the arrays of {video.video_id} are {found}, but the layer has {expected}")

    columns = []
    for one in schema:
        if one.name == "video_id":
            columns.append(pa.array([video.video_id], one.type))
        elif one.name.endswith(_SHAPE):
            columns.append(pa.array([video.arrays[one.name.removesuffix(_SHAPE)].shape], one.type))
        else:
            array = np.ascontiguousarray(video.arrays[one.name])
            flat = array.reshape(-1).view(np.uint8) if array.dtype == np.bool_ else array.reshape(-1)
            columns.append(pa.LargeListArray.from_arrays(pa.array([0, flat.size], pa.int64()), pa.array(flat)))
    return pa.RecordBatch.from_arrays(columns, schema=schema)


class Layer:
    """The arrays of a layer by ``video_id``: ``layer["walk/clip_0"]["landmarks"]``.

    Files are mapped at first use in each process, so a layer can be pickled or forked into loader workers. The arrays
    are views of the map, and read-only.

    Args:
        folder: ``layers/<dataset>/<name>``.

    Attributes:
        facts: what made the layer.

    Raises:
        HumotionError: the folder is not there, or another version of humotion wrote it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder)
        path = self.folder / FACTS
        if not path.exists():
            raise HumotionError(f"No layer at {self.folder}: run `dvc repro`, which makes it, or `dvc checkout`.")
        self.facts = _facts(path, read_json(path))
        self._rows: dict[str, tuple[int, int]] = {}
        self._readers: dict[int, Any] = {}
        self._pid = os.getpid()
        if (self.folder / TABLE).exists():
            table = self.table()
            places = table.loc[table["row"] >= 0, ["video_id", "shard", "row"]].itertuples(index=False, name=None)
            self._rows = {video_id: (int(shard), int(row)) for video_id, shard, row in places}

    @property
    def skeleton(self) -> Skeleton | None:
        """The joint set of the layer's joints."""
        return self.facts.skeleton

    @property
    def is_labels(self) -> bool:
        """Whether this stands for what the dataset shipped; it has arrays only of datasets without pictures."""
        return self.facts.tool == LABELS

    def table(self) -> pd.DataFrame:
        """videos.parquet, with the columns of `TABLE_TYPES`."""
        return pd.read_parquet(self.folder / TABLE)

    def __getitem__(self, video_id: str) -> dict[str, npt.NDArray[Any]]:
        """The arrays of a video by name; none if this is the layer `LABELS` of a dataset whose labels are in its store.

        Raises:
            HumotionError: the layer has no arrays of this video.
        """
        if self.is_labels and not self._rows:
            return {}
        if video_id not in self._rows:
            raise HumotionError(
                f"The layer {self.folder} has nothing of video {video_id!r}. {self.folder / TABLE} has the status of "
                "each video. If the frames are newer than the layer, run `dvc repro`."
            )
        shard, row = self._rows[video_id]
        return _arrays(self._reader(shard).get_batch(row))

    def __contains__(self, video_id: object) -> bool:
        return video_id in self._rows

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[str]:
        """The ids of the videos that have arrays."""
        return iter(self._rows)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_readers": {}}

    def _reader(self, shard: int) -> Any:
        if self._pid != os.getpid():  # forked: do not share the parent's maps
            self._readers, self._pid = {}, os.getpid()
        if shard not in self._readers:
            path = self.folder / f"shard-{shard:03d}.arrow"
            if not path.exists():
                raise HumotionError(f"{path} is missing: run `dvc checkout`, or `dvc repro` to make the layer again.")
            self._readers[shard] = pa.ipc.open_file(pa.memory_map(str(path)))
        return self._readers[shard]


def _facts(path: Path, content: Mapping[str, Any]) -> LayerFacts:
    if content.get("version_of_layer") != LAYER_VERSION:
        raise HumotionError(f"{path} was written by another version of humotion: run `dvc repro` to make it again.")
    told = {key: value for key, value in content.items() if key not in ("version_of_layer", "skeleton")}
    skeleton = content["skeleton"]
    return LayerFacts(**told, skeleton=None if skeleton is None else Skeleton.from_dict(skeleton))


def _arrays(record: pa.RecordBatch) -> dict[str, npt.NDArray[Any]]:
    found = {}
    for one in record.schema:
        if not one.metadata:  # video_id, or the shape of an array
            continue
        shape = record.column(one.name + _SHAPE)[0].as_py()
        values = record.column(one.name)[0].values.to_numpy(zero_copy_only=True)
        dtype = np.dtype(one.metadata[b"dtype"].decode())
        found[one.name] = values.view(dtype).reshape(shape)
    return found

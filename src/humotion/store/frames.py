"""The frame store: every frame of a dataset as JPEG bytes in a few memory-mapped Arrow files.

There is one Arrow IPC file per shard and one record batch per video. So a video is written without the
others in memory, and read without touching them. JPEG instead of raw pixels keeps a dataset about as
large as its videos. One file per shard instead of one per frame keeps DVC fast.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import simplejpeg

from humotion.errors import HumotionError
from humotion.store.layers import Layer
from humotion.store.skeleton import Skeleton

STORE_VERSION = 2
_VERSION, _SKELETON = "humotion.store", "skeleton"  # in the metadata of each shard
_FIELDS = [
    pa.field("video_id", pa.string()),
    pa.field("width", pa.int32()),
    pa.field("height", pa.int32()),
    pa.field("fps", pa.float64()),
    pa.field("jpegs", pa.list_(pa.large_binary())),
    pa.field("joints", pa.list_(pa.float32())),
    pa.field("visibility", pa.list_(pa.uint8())),
    pa.field("boxes", pa.list_(pa.float32())),
]


@dataclass(frozen=True)
class PackedVideo:
    """One video as the store keeps it.

    ``jpegs`` has T encoded frames of ``width`` x ``height`` pixels. For P labelled persons, ``joints`` (P, T, J, D)
    float32 and ``boxes`` (P, T, 4) float32 are in pixels of those frames, and ``visibility`` (P, T, J) uint8 has COCO
    flags. The three are None for a video without pose labels. ``fps`` is None if unknown.
    """

    video_id: str
    width: int
    height: int
    fps: float | None
    jpegs: list[bytes]
    joints: npt.NDArray[np.float32] | None = None
    visibility: npt.NDArray[np.uint8] | None = None
    boxes: npt.NDArray[np.float32] | None = None

    def digest(self) -> str:
        """A hash of frames and labels, so that the frame table alone identifies what a training run read."""
        content = hashlib.sha256()  # processors have instructions for it
        for jpeg in self.jpegs:
            content.update(jpeg)
        for labels in (self.joints, self.visibility, self.boxes):
            if labels is not None:
                content.update(np.ascontiguousarray(labels).data)
        return content.hexdigest()[:32]


def shard_of(video_id: str, num_shards: int) -> int:
    """The shard of a video. It depends on the id alone, so a new video changes one shard."""
    digest = hashlib.sha256(video_id.encode()).digest()
    return int.from_bytes(digest[:8], "big") % num_shards


def shard_name(shard: int) -> str:
    """The file name of a shard."""
    return f"shard-{shard:03d}.arrow"


def write_shard(path: Path, videos: Iterable[PackedVideo], skeleton: Skeleton | None) -> int:
    """Write ``videos`` in the given order, one record batch per video, and return their number.

    ``skeleton`` is the joint set of their labels, or None. The same videos give the same bytes.
    """
    joint_set = "" if skeleton is None else json.dumps(skeleton.as_dict(), sort_keys=True)
    metadata = {_VERSION: str(STORE_VERSION), _SKELETON: joint_set}
    schema = pa.schema(_FIELDS, metadata=metadata)
    num_videos = 0
    with path.open("wb") as sink, pa.ipc.new_file(sink, schema) as writer:
        for video in videos:
            writer.write_batch(_record(video, schema))
            num_videos += 1
    return num_videos


def _record(video: PackedVideo, schema: pa.Schema) -> pa.RecordBatch:
    def column(field: pa.Field) -> pa.Array:
        value = getattr(video, field.name)
        if field.name == "jpegs":
            return _joined(value)
        flat = value.reshape(-1) if isinstance(value, np.ndarray) else value
        return pa.array([flat], type=field.type)

    return pa.RecordBatch.from_arrays([column(field) for field in schema], schema=schema)


def _joined(jpegs: Sequence[bytes]) -> pa.Array:
    """All frames as the one row of a column, built from its buffers so that the bytes are copied once."""
    ends = np.cumsum([0, *map(len, jpegs)], dtype=np.int64)
    buffers = [None, pa.py_buffer(ends), pa.py_buffer(b"".join(jpegs))]
    frames = pa.Array.from_buffers(pa.large_binary(), len(jpegs), buffers)
    return pa.ListArray.from_arrays(pa.array([0, len(jpegs)], pa.int32()), frames)


class StoredVideo:
    """One video of a `FrameStore`; its bytes stay in the memory map until a frame is decoded.

    For P labelled persons, ``joints`` (P, T, J, D) float32 and ``boxes`` (P, T, 4) float32 are in pixels of the stored
    frame, and ``visibility`` (P, T, J) is uint8. All are None for a video without pose labels, and read-only.

    Args:
        record: the video's record batch.
        skeleton: the joint set of the shard, which defines the number of joints J and of dimensions D.
        annotation: what the experiment's layer has of the video, by name (see the tool in ``annotation/``); nothing
            for the layer ``labels``.
    """

    def __init__(
        self,
        record: pa.RecordBatch,
        skeleton: Skeleton | None,
        annotation: Mapping[str, npt.NDArray[Any]] | None = None,
    ) -> None:
        self.annotation: Mapping[str, npt.NDArray[Any]] = annotation or {}
        jpegs = record.column("jpegs")[0].values
        _, ends, data = jpegs.buffers()
        self._ends = np.frombuffer(ends, np.int64)[jpegs.offset : jpegs.offset + len(jpegs) + 1]
        self._data = np.frombuffer(data, np.uint8)
        self.video_id: str = record.column("video_id")[0].as_py()
        self.width: int = record.column("width")[0].as_py()
        self.height: int = record.column("height")[0].as_py()
        self.fps: float | None = record.column("fps")[0].as_py()
        self.num_frames: int = len(jpegs)
        num_joints, dimensions = (0, 2) if skeleton is None else (len(skeleton.joints), skeleton.dimensions)
        self.joints = _array(record, "joints", (-1, self.num_frames, num_joints, dimensions))
        self.visibility = _array(record, "visibility", (-1, self.num_frames, num_joints))
        self.boxes = _array(record, "boxes", (-1, self.num_frames, 4))

    def jpeg(self, index: int) -> bytes:
        """The encoded bytes of one frame."""
        return bytes(self._buffer(index))

    def decode(self, indices: Sequence[int] | npt.NDArray[np.integer[Any]]) -> npt.NDArray[np.uint8]:
        """Decode frames to RGB, (len(indices), height, width, 3) uint8; each distinct frame is decoded once.

        Raises IndexError for an index outside [0, num_frames).
        """
        frames = np.empty((len(indices), self.height, self.width, 3), np.uint8)  # (T, H, W, 3)
        first_at: dict[int, int] = {}
        for position, index in enumerate(int(i) for i in indices):
            if index in first_at:
                frames[position] = frames[first_at[index]]
            else:
                simplejpeg.decode_jpeg(self._buffer(index), colorspace="RGB", buffer=frames[position])
                first_at[index] = position
        return frames

    def _buffer(self, index: int) -> npt.NDArray[np.uint8]:
        if not 0 <= index < self.num_frames:
            raise IndexError(f"frame {index} of {self.video_id}, which has {self.num_frames} frames")
        return self._data[self._ends[index] : self._ends[index + 1]]


def _array(record: pa.RecordBatch, name: str, shape: tuple[int, ...]) -> npt.NDArray[Any] | None:
    values = record.column(name)[0].values
    return None if values is None else values.to_numpy(zero_copy_only=True).reshape(shape)


class FrameStore:
    """All stored videos of a dataset by ``video_id``: ``store["walk/clip_0"].decode([0, 5, 5])``.

    ``folder`` contains the shards, and ``frames_table`` is the ``frames.parquet`` next to it. Files are
    mapped at first use in each process, so a store can be pickled or forked into loader workers.

    ``layer`` is the folder of a layer of the dataset (see `humotion.store.layers`), whose arrays each video then has as
    its ``annotation``.
    """

    def __init__(self, folder: Path, frames_table: Path, layer: Path | None = None) -> None:
        self.folder = Path(folder)
        self.layer = None if layer is None else Layer(layer)
        self.frames_table = Path(frames_table)
        if not self.frames_table.exists():
            raise HumotionError(f"No frame table at {self.frames_table}: run the extract stage of this dataset first.")
        table = pd.read_parquet(self.frames_table, columns=["video_id", "shard", "row", "status"])
        self._rows: dict[str, tuple[int, int]] = {}
        self._absent: dict[str, str] = {}
        for video_id, shard, row, status in table.itertuples(index=False, name=None):
            if row >= 0:
                self._rows[video_id] = (int(shard), int(row))
            else:
                self._absent[video_id] = status
        self._readers: dict[int, tuple[Any, Skeleton | None]] = {}
        self._pid = os.getpid()

    def __getitem__(self, video_id: str) -> StoredVideo:
        """The stored video; raises HumotionError if the store has no frames of it."""
        if video_id not in self._rows:
            reason = f"its status is {self._absent[video_id]!r}" if video_id in self._absent else "unknown id"
            raise HumotionError(f"No frames of video {video_id!r} in {self.folder}: {reason}.")
        shard, row = self._rows[video_id]
        reader, skeleton = self._reader(shard)
        annotation = None if self.layer is None else self.layer[video_id]
        return StoredVideo(reader.get_batch(row), skeleton, annotation)

    def __contains__(self, video_id: object) -> bool:
        return video_id in self._rows

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[str]:
        """The ids of the videos that have frames, in the order of the frame table."""
        return iter(self._rows)

    @property
    def skeleton(self) -> Skeleton | None:
        """The joint set, or None for a store without pose labels."""
        if not self._rows:
            return None
        shard, _ = next(iter(self._rows.values()))
        return self._reader(shard)[1]

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_readers": {}}

    def _reader(self, shard: int) -> tuple[Any, Skeleton | None]:
        """The mapped file of a shard, and its joint set."""
        if self._pid != os.getpid():  # forked: do not share the parent's maps
            self._readers, self._pid = {}, os.getpid()
        if shard not in self._readers:
            path = self.folder / shard_name(shard)
            if not path.exists():
                raise HumotionError(f"{path} is missing: run `dvc checkout` or the extract stage again.")
            reader = pa.ipc.open_file(pa.memory_map(str(path)))
            if reader.schema.metadata.get(_VERSION.encode()) != str(STORE_VERSION).encode():
                raise HumotionError(
                    f"{path} was written by another version of humotion: run `dvc repro` so that the extract stage "
                    "writes it again."
                )
            self._readers[shard] = reader, _skeleton(reader)
        return self._readers[shard]


def _skeleton(reader: Any) -> Skeleton | None:
    joint_set = reader.schema.metadata[_SKELETON.encode()]
    return Skeleton.from_dict(json.loads(joint_set)) if joint_set else None

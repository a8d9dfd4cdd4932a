"""The clip table: one row per clip, stored on disk between the stages.

Columns: clip_id, video_id, person (-1: the complete scene), group, label, label_id, frame_indices (T), is_padding (T).
The training plan adds replica and seed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import product
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from humotion.clips.sampling import Sampled
from humotion.errors import HumotionError
from humotion.files import atomic_path

CLIP_SCHEMA = pa.schema(
    [
        ("clip_id", pa.string()),
        ("video_id", pa.string()),
        ("person", pa.int32()),
        ("group", pa.string()),
        ("label", pa.string()),
        ("label_id", pa.int64()),
        ("frame_indices", pa.list_(pa.int32())),
        ("is_padding", pa.list_(pa.bool_())),
    ]
)
PLAN_SCHEMA = CLIP_SCHEMA.append(pa.field("replica", pa.int64())).append(pa.field("seed", pa.int64()))


def build_clips(
    videos: pd.DataFrame,
    people: Mapping[str, Sequence[int]],
    sample: Callable[[int], Iterable[Sampled]],
    by_start: bool = False,
) -> pd.DataFrame:
    """Make one row per clip, for videos with the columns video_id, group, label, label_id and num_frames.

    ``clip_id`` is the video's id. The person follows if a video has several (``@2``), and then the clip's number if a
    person has several clips (``#0003``): with ``by_start``, the clip's first frame.

    Args:
        videos: the videos of one split.
        people: the persons of each video who get clips (see `humotion.clips.input.Input.people_in`).
        sample: maps a number of frames to the clips of one person.
        by_start: other splits have clips of the same videos, so numbers must not start again in each.
    """
    rows = []
    for video in videos.itertuples(index=False):
        persons = people[str(video.video_id)]
        clips = list(sample(int(video.num_frames)))  # type: ignore[arg-type]
        for person, (number, clip) in product(persons, enumerate(clips)):
            who = f"@{person}" if len(persons) > 1 else ""
            number = int(clip.frame_indices[0]) if by_start else number
            which = f"#{number:04d}" if len(clips) > 1 or by_start else ""
            rows.append(
                {
                    "clip_id": f"{video.video_id}{who}{which}",
                    "video_id": video.video_id,
                    "person": person,
                    "group": video.group,
                    "label": video.label,
                    "label_id": video.label_id,
                    "frame_indices": clip.frame_indices,
                    "is_padding": clip.is_padding,
                }
            )
    return pd.DataFrame(rows, columns=CLIP_SCHEMA.names)


def write_table(path: Path, table: pd.DataFrame, schema: pa.Schema = CLIP_SCHEMA) -> None:
    """Write clips, or a plan with ``PLAN_SCHEMA``, as Parquet in one atomic step."""
    with atomic_path(path) as temporary:
        pq.write_table(pa.Table.from_pandas(table, schema=schema, preserve_index=False), temporary)


def read_table(path: Path) -> pd.DataFrame:
    """Read clips or a plan; list columns are arrays in the result.

    Raises:
        HumotionError: the file is absent.
    """
    if not path.exists():
        raise HumotionError(f"{path} does not exist. Run `dvc repro`, so that the previous stage creates it.")
    return pq.read_table(path).to_pandas()

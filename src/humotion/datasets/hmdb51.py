"""HMDB51 (Kuehne et al., ICCV 2011): 6,766 film and web clips of 51 actions, three official splits.

``<class>/*.avi`` and ``testTrainMulti_7030_splits/<class>_test_split{1,2,3}.txt``. A clip's name
contains the file that it is cut from. This file is its group: clips of one source must not be in both
training and validation. Each numbered reel of a film (``The_Matrix_1`` to ``_6``) is a separate group.

Clips are found by class and name. So they may lie deeper (``hmdb51_org/walk/``, ``walk/walk/``) or be re-encoded
(``.mp4``); a note says so.
"""

from __future__ import annotations

from typing import Any

import pandas as pd

from humotion.datasets.shared.base import Layout, require_videos, unique_ids, video_table
from humotion.datasets.shared.clip_names import COLUMNS, facts_of, notes_on_names
from humotion.datasets.shared.clips_on_disk import clips_by_class, status_of
from humotion.datasets.shared.splits import Key, SplitEntry, read_splits, split_columns

SPLITS_FOLDER = "testTrainMulti_7030_splits"


class HMDB51(Layout):
    """HMDB51 below ``root``; classes are those of the split files, or all folders if there are no split files."""

    origin = (
        f"one folder of .avi files per class, and {SPLITS_FOLDER} with the official split files, both "
        "from https://serre-lab.clps.brown.edu/resource/hmdb-a-large-human-motion-database/"
    )

    terms = "CC BY 4.0, according to its page"

    def list_videos(self) -> pd.DataFrame:
        """All clips on disk or in a split; columns ``split_1`` to ``split_3``, if the split files are there."""
        entries = read_splits(self, lambda path: "split")
        splits = split_columns(entries)
        found = clips_by_class(self, self.tree.files, {label for label, _ in entries}, ".avi")
        unnamed = [key for key in found if key not in entries]
        if entries and unnamed:
            self.notes.append(f"{len(unnamed)} clips are in no split file: {', '.join(map('/'.join, unnamed[:3]))}")
        entries.update({(label, stem): SplitEntry(label) for label, stem in unnamed})
        rows = [self._row(key, entry, found.get(key, [])) for key, entry in entries.items()]
        require_videos(rows, self)
        self.notes += notes_on_names(rows)
        return video_table(_with_ids(rows), splits, (row["label"] for row in rows), COLUMNS)

    def _row(self, key: Key, entry: SplitEntry, paths: list[str]) -> dict[str, Any]:
        label, stem = key
        path = paths[0] if paths else f"{label}/{stem}.avi"
        return {
            "path": path,
            "label": label,
            **facts_of(stem, label),
            **entry.roles,
            **status_of(self, entry, path, paths),
        }


def _with_ids(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    ids = unique_ids([row["path"] for row in rows])
    return [{"video_id": video_id, **row} for video_id, row in zip(ids, rows, strict=True)]

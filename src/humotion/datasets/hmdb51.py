"""HMDB51 (Kuehne et al., ICCV 2011): 6,766 film and web clips of 51 actions, three official splits.

``<class>/*.avi`` and ``testTrainMulti_7030_splits/<class>_test_split{1,2,3}.txt``. A clip's name
contains the file that it is cut from. This file is its group: clips of one source must not be in both
training and validation. Each numbered reel of a film (``The_Matrix_1`` to ``_6``) is a separate group.
"""

from __future__ import annotations

import logging
from typing import Any

import pandas as pd

from humotion.datasets.shared.base import Layout, id_of, require_videos, video_table, visible_entries
from humotion.datasets.shared.clip_names import COLUMNS, facts_of
from humotion.datasets.shared.splits import SplitEntry, read_splits, split_columns, status_of

SPLITS_FOLDER = "testTrainMulti_7030_splits"
_logger = logging.getLogger(__name__)


class HMDB51(Layout):
    """HMDB51 below ``root``; classes are those of the split files, or all folders if there are no split files."""

    origin = (
        f"one folder of .avi files per class, and {SPLITS_FOLDER} with the official split files, both "
        "from https://serre-lab.clps.brown.edu/resource/hmdb-a-large-human-motion-database/"
    )

    terms = "CC BY 4.0, according to its page"

    def list_videos(self) -> pd.DataFrame:
        """All clips on disk or in a split; columns ``split_1`` to ``split_3``."""
        entries = read_splits(self.root / SPLITS_FOLDER, "split")
        rows = [self._row(*key, entry) for key, entry in self._all_entries(entries).items()]
        require_videos(rows, self)
        splits = split_columns(entries) or ["split_1"]
        return video_table(rows, splits, (row["label"] for row in rows), COLUMNS)

    def _all_entries(self, entries: dict[tuple[str, str], SplitEntry]) -> dict[tuple[str, str], SplitEntry]:
        """The entries of the split files, and an empty one for every other clip on disk."""
        classes = {label for label, _ in entries}
        found = dict(entries)
        for folder in visible_entries(self.root):
            names = [path.name for path in visible_entries(folder) if path.suffix.lower() == ".avi"]
            if names and classes and folder.name not in classes:
                _logger.warning("%s is not a class of the split files: its videos are left out", folder)
                continue
            for name in names:
                found.setdefault((folder.name, name), SplitEntry(folder.name))
        return found

    def _row(self, label: str, name: str, entry: SplitEntry) -> dict[str, Any]:
        path = self.root / label / name
        row = {
            "video_id": id_of(path, self.root),
            "path": path.relative_to(self.root).as_posix(),
            "label": label,
            **facts_of(name, label),
            **entry.roles,
        }
        return {**row, **status_of(path, entry)}

"""Your own videos: one folder per class, with video files in it, and no official split.

Files in a subfolder of a class (``<class>/<recording>/*.mp4``) are one group. This is for cuts of one
recording, which must not be in both training and validation. Every other file is its own group.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pandas as pd

from humotion.datasets.shared.base import Layout, id_of, require_videos, video_table, visible_entries

VIDEO_SUFFIXES = frozenset(
    {".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".mpg", ".mpeg", ".wmv", ".flv", ".3gp", ".ts"}
)


class Folder(Layout):
    """A folder of class folders; ``split_1`` is null for all videos, so that sampling makes a split."""

    origin = "one folder per class with video files in it (" + " ".join(sorted(VIDEO_SUFFIXES)) + ")"

    def list_videos(self) -> pd.DataFrame:
        """All video files below the class folders, at any depth."""
        files = [
            (folder.name, path)
            for folder in visible_entries(self.root)
            for path in sorted(folder.rglob("*"))
            if path.suffix.lower() in VIDEO_SUFFIXES and not path.name.startswith(".")
        ]
        taken = Counter(id_of(path, self.root) for _, path in files)
        rows = [self._row(label, path, taken) for label, path in files]
        require_videos(rows, self)
        return video_table(rows, ["split_1"], (label for label, _ in files))

    def _row(self, label: str, path: Path, taken: Counter[str]) -> dict[str, Any]:
        relative = path.relative_to(self.root)
        video_id = id_of(path, self.root)
        if taken[video_id] > 1:  # clip.mp4 next to clip.avi
            video_id = relative.as_posix()
        recording = relative.parent.as_posix()
        group = video_id if relative.parent == Path(label) else recording
        return {"video_id": video_id, "path": relative.as_posix(), "label": label, "group": group}

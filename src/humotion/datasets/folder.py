"""Your own videos: one folder per class, with video files in it, and no official split.

Files in a subfolder of a class (``<class>/<recording>/*.mp4``) are one group. This is for cuts of one
recording, which must not be in both training and validation. Every other file is its own group.
"""

from __future__ import annotations

from typing import Any

import pandas as pd

from humotion.datasets.shared.base import Layout, require_videos, unique_ids, video_table
from humotion.video.listing import VIDEO_SUFFIXES, is_image, is_video, printable

_SPLIT_NAMES = frozenset({"train", "training", "test", "testing", "val", "valid", "validation", "dev", "eval"})


class Folder(Layout):
    """A folder of class folders; ``split_1`` is null for all videos, so that sampling makes a split."""

    origin = "one folder per class with video files in it (" + " ".join(sorted(VIDEO_SUFFIXES)) + ")"

    def list_videos(self) -> pd.DataFrame:
        """All video files below the class folders, at any depth, and the folders in them that cannot be listed."""
        paths = [path for path in self.tree.files if "/" in path and is_video(path)]
        rows = [self._row(path, video_id) for path, video_id in zip(paths, unique_ids(paths), strict=True)]
        rows += [
            {**self._row(path, path), "status": "corrupt", "error": f"the folder cannot be listed: {reason}"}
            for path, reason in self.tree.unlisted.items()
        ]
        require_videos(rows, self)
        self._note_what_is_odd({row["label"] for row in rows})
        return video_table(rows, ["split_1"], (row["label"] for row in rows))

    def _row(self, path: str, video_id: str) -> dict[str, Any]:
        label, _, below = path.partition("/")
        recording = path.rpartition("/")[0] if "/" in below else video_id
        return {"video_id": video_id, "path": path, "label": label, "group": recording}

    def _note_what_is_odd(self, classes: set[str]) -> None:
        for name in sorted(set(self.tree.children()) - classes):
            images = " (its images are no videos here; layout 'table' reads folders of frames)"
            has_images = any(map(is_image, self.tree.below(name)))
            self.notes.append(f"the folder {printable(name)} holds no video, so it is no class{images * has_images}")
        if loose := [path for path in self.tree.files if "/" not in path and is_video(path)]:
            self.notes.append(
                f"{len(loose)} videos lie directly in the root and have no class: {printable(', '.join(loose[:3]))}"
            )
        if len(classes) > 1 and {name.casefold() for name in classes} <= _SPLIT_NAMES:
            self.notes.append(
                f"the classes are {', '.join(sorted(classes))}: these are names of splits. If the classes are the "
                "folders below, use layout 'table' with the columns path, label and split_1"
            )

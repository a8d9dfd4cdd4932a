"""The folder of a page's files: which of them may be read, and when they go away."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path


class Uploads:
    """Files that were uploaded, and files that are shown.

    Gradio deletes old files of components, but it forgets those of components that an answer has changed.

    Args:
        folder: an existing folder.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self._kept: set[Path] = set()

    def keep(self) -> None:
        """Keep what is there now, for example examples, as long as the page is there."""
        self._kept = set(self._files())

    def holds(self, path: str) -> bool:
        """Whether a path leads to a file of the folder, also through links."""
        return "://" not in path and Path(path).resolve().is_relative_to(self.folder)

    def forget(self, seconds: float) -> None:
        """Delete all files that are older."""
        for path in self._files():
            with suppress(FileNotFoundError):  # Gradio deletes, too
                if path not in self._kept and time.time() - path.stat().st_mtime > seconds:
                    path.unlink()
                    with suppress(OSError):  # not empty
                        path.parent.rmdir()

    def _files(self) -> list[Path]:
        return [path for path in self.folder.rglob("*") if path.is_file()]

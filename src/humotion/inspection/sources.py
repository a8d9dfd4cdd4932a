"""Find the videos that the arguments of a command name, and a unique folder name per video."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import Path

from humotion.datasets.folder import VIDEO_SUFFIXES
from humotion.errors import HumotionError
from humotion.system.names import short_name
from humotion.video.images import list_frames


def find_videos(arguments: Iterable[Path]) -> list[Path]:
    """The given files, and all video files and frame folders in the given folders, at any depth.

    Hidden entries are left out. A video that is named twice is listed once.

    Raises:
        HumotionError: a folder contains no video.
    """
    found: dict[str, Path] = {}
    for argument in arguments:
        videos = list(_walk(argument)) if argument.is_dir() else [argument]
        if not videos:
            raise HumotionError(
                f"There is no video in {argument}: it has no file that ends in {' '.join(sorted(VIDEO_SUFFIXES))}, "
                "and no folder of frames. To read a file with another ending, name the file itself."
            )
        for video in videos:
            found.setdefault(os.path.abspath(video), video)  # noqa: PTH100 (a link is a separate video)
    return list(found.values())


def folder_names(videos: Iterable[Path]) -> list[str]:
    """One folder name per video: its own name without the ending, with a number from the second of that name on.

    No name leads out of its parent folder, is hidden, or differs from another name only in case.
    """
    taken: set[str] = set()
    names = []
    for video in videos:
        plain = _plain_name(video)
        candidates = (f"{plain}-{number}" if number > 1 else plain for number in range(1, len(taken) + 2))
        name = next(name for name in candidates if _folded(name) not in taken)
        taken.add(_folded(name))
        names.append(name)
    return names


def _walk(folder: Path) -> Iterator[Path]:
    for parent, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        visible = sorted(Path(parent, name) for name in files if not name.startswith("."))
        videos = [path for path in visible if path.suffix.lower() in VIDEO_SUFFIXES]
        yield from videos
        if not videos and list_frames(Path(parent)):
            yield Path(parent)


def _plain_name(video: Path) -> str:
    name = video.resolve().name if video.is_dir() else video.stem
    printable = "".join(letter if letter.isprintable() and letter not in '/\\:*?"<>|' else "_" for letter in name)
    visible = f"_{printable.lstrip('.')}" if printable.startswith((".", "-")) or not printable else printable
    return short_name(visible)


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()

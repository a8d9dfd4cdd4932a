"""Find the videos that the arguments of a command name, and a unique folder name per video."""

from __future__ import annotations

import logging
import os
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from humotion.errors import HumotionError
from humotion.system.names import short_name
from humotion.video.images import has_frames
from humotion.video.listing import VIDEO_SUFFIXES, failure, is_image, is_system_entry, is_video, suffix_of

_logger = logging.getLogger(__name__)


def find_videos(arguments: Iterable[Path]) -> list[Path]:
    """The given files, and all video files and frame folders in the given folders, at any depth.

    Hidden entries are left out, and a line counts the other files that are no videos. A video that is named
    twice is listed once.

    Raises:
        HumotionError: a folder contains no video.
    """
    found: dict[str, Path] = {}
    for argument in arguments:
        others: Counter[str] = Counter()
        videos = list(_walk(argument, others)) if argument.is_dir() else [argument]
        if not videos:
            raise HumotionError(
                f"There is no video in {argument}: it has no file that ends in {' '.join(sorted(VIDEO_SUFFIXES))}, "
                "and no folder of frames. To read a file with another ending, name the file itself."
            )
        if others:
            listed = ", ".join(f"{number} {suffix}" for suffix, number in others.most_common(5))
            more = ", ..." if len(others) > 5 else ""
            _logger.warning("%s: %d files are no videos: %s%s", argument, others.total(), listed, more)
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


def _walk(folder: Path, others: Counter[str]) -> Iterator[Path]:
    """The videos below a folder, as the index stage sees them: a link to a folder is named, but not followed.

    The endings of other files are counted in ``others``.
    """
    for parent, folders, files in os.walk(folder, onerror=_say_unlisted):
        visible = sorted(name for name in folders if not is_system_entry(name))
        linked = {name for name in visible if os.path.islink(os.path.join(parent, name))}  # noqa: PTH114, PTH118
        for name in sorted(linked):
            _logger.warning("%s is a link to a folder and is left out: name it itself to read it", Path(parent, name))
        folders[:] = [name for name in visible if name not in linked]
        own = [name for name in sorted(files) if not is_system_entry(name)]
        videos = [Path(parent, name) for name in own if is_video(name)]
        yield from videos
        is_frames = not videos and has_frames(Path(parent))
        if is_frames:
            yield Path(parent)
        left = (name for name in own if not is_video(name) and not (is_frames and is_image(name)))
        others.update(suffix_of(name) or "without ending" for name in left)


def _say_unlisted(error: OSError) -> None:
    _logger.warning("%s cannot be listed, so its videos are left out: %s", error.filename, failure(error))


def _plain_name(video: Path) -> str:
    name = video.resolve().name if video.is_dir() else video.stem
    printable = "".join(letter if letter.isprintable() and letter not in '/\\:*?"<>|' else "_" for letter in name)
    visible = f"_{printable.lstrip('.')}" if printable.startswith((".", "-")) or not printable else printable
    return short_name(visible)


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()

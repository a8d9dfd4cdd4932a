"""Which videos the arguments of `humotion predict` name: files, folders, and patterns such as ``'clips/*.mp4'``."""

from __future__ import annotations

import glob
import logging
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from humotion.datasets.landmarks import is_recording
from humotion.errors import HumotionError
from humotion.video.listing import is_image, is_system_entry, is_video, printable

_MOST_NAMED = 3
_logger = logging.getLogger(__name__)


class Source(NamedTuple):
    """A video, and the path of its results below the folder that gets them, without an ending."""

    path: Path
    name: Path


def sources_of(arguments: Sequence[str]) -> list[Source]:
    """Return the videos that arguments name, in their order, each once.

    A file is a video, whatever its ending. A folder with images and without videos is one, too: its frames. Any other
    folder stands for the videos, the recordings of landmarks, and the folders of frames in it, at every level. Links
    that lead out of a folder are left out. A pattern that the shell did not resolve is resolved here. What is left out
    is said.

    Raises:
        HumotionError: an argument names nothing, or no video.
    """
    found: dict[Path, Path] = {}
    for argument in arguments:
        for path in _resolved(argument):
            for video, name in _videos(path) if path.is_dir() else [(path, Path(path.name))]:
                found.setdefault(video, name)
    return _with_names_of_their_own(found)


def _resolved(argument: str) -> list[Path]:
    """The path that an argument is, or those that match it as a pattern."""
    if os.path.lexists(argument) or not glob.has_magic(argument):  # a name may hold a bracket
        return [Path(argument)]
    matches = sorted(glob.glob(argument, recursive=True))  # noqa: PTH207 (an absolute pattern, too)
    if not matches:
        raise HumotionError(f"Nothing matches {argument}.")
    return [Path(match) for match in matches]


def _videos(folder: Path) -> Iterator[tuple[Path, Path]]:
    """The videos of a folder, each with its name below it."""
    found: list[tuple[Path, Path]] = []
    outside: list[str] = []
    others: list[str] = []
    for place, folders, names in os.walk(folder):
        here = Path(place)
        folders[:] = sorted(name for name in folders if not is_system_entry(name))
        visible = sorted(name for name in names if not is_system_entry(name))
        kept = [name for name in visible if _is_inside(here / name, folder)]
        outside += [str(here / name) for name in [*visible, *folders] if not _is_inside(here / name, folder)]
        videos = [name for name in kept if is_video(name) or is_recording(here / name)]
        if not videos and any(is_image(name) for name in kept):
            found.append((here, Path(folder.resolve().name) if here == folder else here.relative_to(folder)))
            continue
        found += [(here / name, (here / name).relative_to(folder)) for name in videos]
        others += [str(here / name) for name in kept if name not in videos]
    for paths, why in ((outside, "are links that lead out of it"), (others, "have no ending of a video")):
        if paths:
            named = ", ".join(map(printable, paths[:_MOST_NAMED])) + (", ..." if len(paths) > _MOST_NAMED else "")
            _logger.warning("Left out of %s, because they %s: %d (%s).", folder, why, len(paths), named)
    if not found:
        raise HumotionError(f"{folder} holds no video and no frames. Name a video, or a folder with some.")
    return iter(found)


def _is_inside(path: Path, folder: Path) -> bool:
    return not path.is_symlink() or path.resolve().is_relative_to(folder.resolve())


def _with_names_of_their_own(found: dict[Path, Path]) -> list[Source]:
    """Names without endings; with them, or with a number, where two videos would have the same one."""
    taken: set[Path] = set()
    sources = []
    for path, name in found.items():
        short = name if path.is_dir() else name.with_suffix("")
        numbered = (name.with_name(f"{name.name}-{number}") for number in range(2, len(found) + 2))
        chosen = next(one for one in (short, name, *numbered) if one not in taken)
        taken.add(chosen)
        sources.append(Source(path, chosen))
    return sources

"""Which entries of a folder count: the endings of videos and images, and what systems leave behind.

Every reader of folders (layouts, folders of frames, `humotion probe`) asks here, so one rule holds at every level.
"""

from __future__ import annotations

import os
from pathlib import Path

VIDEO_SUFFIXES = frozenset(
    {
        *(".mp4", ".m4v", ".mov", ".qt", ".f4v", ".3gp", ".3g2", ".avi", ".divx", ".mkv", ".webm", ".wmv", ".asf"),
        *(".flv", ".mpg", ".mpeg", ".mpe", ".m1v", ".m2v", ".vob", ".ts", ".mts", ".m2ts", ".m2t", ".ogv", ".dv"),
        *(".mxf", ".nut", ".y4m", ".rm", ".rmvb", ".gif", ".h264", ".264", ".h265", ".265", ".hevc"),
    }
)
IMAGE_SUFFIXES = frozenset(
    {*(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".dib", ".webp", ".tif", ".tiff", ".ppm", ".pgm")}
)
_SYSTEM_NAMES = frozenset(
    {
        *("thumbs.db", "ehthumbs.db", "desktop.ini", "$recycle.bin", "recycler", "system volume information"),
        *("__macosx", "icon\r", "network trash folder", "temporary items", "thevolumesettingsfolder"),
        *("@eadir", "@tmp", "@recycle", "@recently-snapshot", "#recycle", "#snapshot", "lost+found", "__pycache__"),
    }
)


def is_system_entry(name: str) -> bool:
    """Whether a name is hidden (``._clip.mp4``, ``.trash``), or what Windows, macOS or a NAS leaves behind."""
    return name.startswith(".") or name.casefold() in _SYSTEM_NAMES


def is_video(name: str) -> bool:
    """Whether a file name has the ending of a video."""
    return suffix_of(name) in VIDEO_SUFFIXES


def is_image(name: str) -> bool:
    """Whether a file name has the ending of an image."""
    return suffix_of(name) in IMAGE_SUFFIXES


def suffix_of(name: str) -> str:
    """The ending of a file name in lower case, with its dot."""
    return os.path.splitext(name)[1].lower()  # noqa: PTH122 (names of many files: a Path costs ten times as much)


def visible_entries(folder: Path) -> list[Path]:
    """The entries of a folder, sorted by name, without those of the system; none if there is no such folder."""
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if not is_system_entry(path.name))


def printable(text: str) -> str:
    """The text with ``\\xe9`` for each byte of a file name that is not UTF-8: tables and JSON hold no such bytes."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raw = text.encode("utf-8", "surrogateescape") if _is_escaped(text) else text.encode("utf-8", "backslashreplace")
        return raw.decode("utf-8", "backslashreplace")
    return text


def _is_escaped(text: str) -> bool:
    return all(not 0xD800 <= ord(letter) <= 0xDFFF or 0xDC80 <= ord(letter) <= 0xDCFF for letter in text)


def failure(error: OSError) -> str:
    """Why the system refuses a file, without the path."""
    return error.strerror or type(error).__name__

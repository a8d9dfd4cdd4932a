"""The clips of HMDB51 and JHMDB on disk, by class and name, and the status of a clip before it is probed."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Container, Iterable, Sequence

from humotion.datasets.shared.base import Layout
from humotion.datasets.shared.splits import Key, SplitEntry, stem_of
from humotion.video.listing import is_video, suffix_of


def clips_by_class(
    layout: Layout, files: Iterable[str], classes: Container[str], suffix: str, start: str = ""
) -> dict[Key, list[str]]:
    """The video files of a dataset, given by their paths below the root, by class and name without ending.

    The class is the nearest folder that is one of ``classes``; without any, the folder that holds the file. Several
    paths of one clip are sorted so that the official one (``<start><class>/<name><suffix>``) is first, and alone.
    A note of the layout says if clips have another ending than ``suffix``. Files of no class are left out.
    """
    found: dict[Key, list[str]] = defaultdict(list)
    for path in files:
        name = path.rpartition("/")[2]
        label = _label_of(path[len(start) :], classes) if is_video(name) else None
        if label:
            found[label, stem_of(name)].append(path)
    for (label, stem), paths in found.items():
        official = f"{start}{label}/{stem}{suffix}"
        if official in paths:
            paths[:] = [official]
    other = Counter(suffix_of(paths[0]) for paths in found.values() if suffix_of(paths[0]) != suffix)
    if other:
        listed = ", ".join(f"{count} clips are {ending}" for ending, count in sorted(other.items()))
        layout.notes.append(f"{listed}, but the official clips are {suffix}: scores are those of re-encoded videos")
    return dict(found)


def status_of(layout: Layout, entry: SplitEntry, path: str, paths: Sequence[str]) -> dict[str, str]:
    """The status and error of a clip before it is probed; ``paths`` are the files found for it."""
    if entry.error:
        return {"status": "corrupt", "error": entry.error}
    if len(paths) > 1:
        return {"status": "corrupt", "error": f"several files may be this clip: {', '.join(paths)}. Keep one"}
    if not paths:
        return layout.hints.missing(path, "a split file")
    return {"status": "ok"}


def _label_of(path: str, classes: Container[str]) -> str | None:
    folders = path.split("/")[:-1]
    if classes:
        return next((folder for folder in reversed(folders) if folder in classes), None)
    return folders[-1] if folders else None

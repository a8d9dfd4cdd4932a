"""`humotion fetch`: get a public dataset from its official archives, in the layout that we read.

Archives, checksums and unfinished work are next to the dataset, in ``NAME.archives``. Each archive unpacks into
a tree there, and one rename turns the finished tree into the dataset: the folder at ``--into`` is always
complete. If the command is killed at any point, the same command resumes.
"""

from __future__ import annotations

import shutil
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from humotion.datasets.shared.open import layout_class, open_dataset
from humotion.errors import HumotionError
from humotion.fetch.archives import SUFFIXES, Archive, Source, find_source
from humotion.fetch.checksums import RECORD, check, parse_sha256, record
from humotion.fetch.download import DownloadError, Part, download, gigabytes, measure, require_room
from humotion.fetch.unpack import is_archive, move_content, unpack
from humotion.files import read_json, write_json
from humotion.work import main_checkout

DATASETS = Path("datasets")
"""The default folder of datasets, below the checkout: not ``data``, which DVC tracks."""
_PROGRESS = "unpacked.json"


@dataclass(frozen=True)
class Place:
    """The folders of one fetch: the dataset, and next to it everything that is needed to make it."""

    into: Path

    @property
    def archives(self) -> Path:
        """Archives, parts of archives, ``checksums.json``; users may put archives here by hand."""
        return self.into.with_name(f"{self.into.name}.archives")

    @property
    def tree(self) -> Path:
        """The part of the dataset that is unpacked so far."""
        return self.archives / "tree"

    @property
    def is_taken(self) -> bool:
        """Whether the folder ``into`` exists and is not empty."""
        return self.into.exists() and any(self.into.iterdir())

    def unpacked(self) -> list[str]:
        """Stems of the archives that are in the tree, or in the finished dataset."""
        path = self.archives / _PROGRESS
        return list(read_json(path)) if path.exists() and (self.tree.exists() or self.is_taken) else []

    def add_unpacked(self, archive: Archive) -> None:
        """Record that an archive is in the tree."""
        write_json(self.archives / _PROGRESS, [*self.unpacked(), archive.stem])


def fetch_dataset(
    name: str,
    into: Path | None = None,
    mirror: str | None = None,
    keep_archives: bool = False,
    sha256: list[str] | None = None,
) -> str:
    """Fetch a dataset; return a text that says what there is now and what to do next.

    Args:
        name: a dataset of the table in `archives`.
        into: its root folder, absent or empty (default ``datasets/NAME`` below the checkout).
        mirror: an address below which the archives are, under their official names or as .zip or .tar.gz.
        keep_archives: do not delete the archives in ``NAME.archives``.
        sha256: ``FILE=HEX``, the SHA-256 that an archive must have.

    Raises:
        HumotionError: a server, a tool or the disk fails; the text says how to continue.
    """
    source = find_source(name)
    wanted = parse_sha256(sha256 or [], {file for archive in source.archives for file in archive.names})
    place = Place((into or main_checkout() / DATASETS / name).expanduser().resolve())
    if place.into.is_mount():
        raise HumotionError(f"--into {place.into} is a mount point; name a folder below it.")
    place.archives.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(place.archives / ".lock", timeout=0):
            is_new = _make(source, place, mirror, wanted)
            removed = [] if keep_archives else _remove_archives(source, place)
    except Timeout as error:
        raise HumotionError(f"Another humotion fetch is working on {place.into}.") from error
    return report(source, place, is_new, removed)


def _make(source: Source, place: Place, mirror: str | None, wanted: dict[str, str]) -> bool:
    """Make the dataset; return False if it already exists."""
    done = place.unpacked()
    if place.is_taken:
        if {archive.stem for archive in source.archives} <= set(done) and not place.tree.exists():
            return False
        raise HumotionError(
            f"{place.into} is not empty and was not made by humotion fetch. Name another folder with --into, or "
            f"use it as it is, with these settings in params.yaml: {_settings(source, place.into)}"
        )
    todo = [archive for archive in source.archives if archive.stem not in done]
    print(f"{source.layout}: {source.page} (terms: {layout_class(source.layout).terms})")
    files = _download_all(source, todo, place, mirror)
    for archive, (file, url) in zip(todo, files, strict=True):
        digest, line = check(archive, file, wanted.get(file.name))
        print(line)
        add_to_tree(archive, file, place.tree)
        record(file, url, digest)
        place.add_unpacked(archive)
    _count(source, place.tree)
    place.tree.replace(place.into)
    return True


def _download_all(source: Source, todo: list[Archive], place: Place, mirror: str | None) -> list[tuple[Path, str]]:
    """The files of all archives and where they come from; asks every server before the first download."""
    try:
        plans = [_plan(archive, place.archives, mirror) for archive in todo]
        sizes = [size or 0 for _, _, size in plans]
        missing = [
            size - Part(file).length for (file, _, _), size in zip(plans, sizes, strict=True) if not file.exists()
        ]
        rest = sum(missing) + sum(archive.room * size for archive, size in zip(todo, sizes, strict=True))
        require_room(place.archives, rest, f"{source.layout} ({gigabytes(sum(sizes))} of archives)")
        for file, url, _ in plans:
            if not file.exists():
                download(url, file)
    except DownloadError as error:
        raise HumotionError(f"{error}\n{by_hand(source, todo, place)}") from error
    return [(file, url) for file, url, _ in plans]


def _plan(archive: Archive, folder: Path, mirror: str | None) -> tuple[Path, str, int | None]:
    """The file to get, its address and size: a file in the folder, or else what the server or mirror has."""
    for name in archive.names:
        if (folder / name).exists():
            return folder / name, "put there by hand", (folder / name).stat().st_size
    if mirror is None:
        return folder / archive.name, archive.url, measure(archive.url).size
    failures = []
    for name in archive.names:
        url = f"{mirror.rstrip('/')}/{name}"
        try:
            return folder / name, url, measure(url).size
        except DownloadError as error:
            failures.append(str(error))
    raise DownloadError("\n".join(failures))


def add_to_tree(archive: Archive, file: Path, tree: Path) -> None:
    """Unpack an archive to its place in the tree; repeating it gives the same result."""
    work = file.with_name("unpacking")
    shutil.rmtree(work, ignore_errors=True)
    whole = work / "whole"
    whole.mkdir(parents=True)
    unpack(file, whole)
    if not archive.nested:
        move_content(whole, tree / archive.folder, archive.wrapper)
    else:
        move_content(whole, work / "outer", archive.wrapper)
        for entry in sorted((work / "outer").iterdir()):
            if _is_inner(file, entry):
                inner = work / "inner" / entry.stem
                inner.mkdir(parents=True)
                unpack(entry, inner)
                move_content(inner, work / "outer" / entry.stem, entry.stem)
                entry.unlink()
        move_content(work / "outer", tree / archive.folder, "")
    shutil.rmtree(work)


def _is_inner(outer: Path, entry: Path) -> bool:
    """Whether an entry of an unpacked archive must be unpacked, too.

    Raises:
        HumotionError: its name says so, but it is no archive: a class would be missing.
    """
    if not entry.is_file():
        return False
    if is_archive(entry):
        return True
    if entry.name.lower().endswith(SUFFIXES):
        raise HumotionError(
            f"{outer} contains {entry.name} ({entry.stat().st_size:,} bytes), which is empty or damaged. "
            f"Delete {outer} and run the same command again."
        )
    return False


def _remove_archives(source: Source, place: Place) -> list[str]:
    """Remove the archives of a finished dataset; ``checksums.json`` stays, to check later downloads."""
    files = [place.archives / name for archive in source.archives for name in archive.names]
    removed = [file for file in files if file.exists()]
    for file in removed:
        file.unlink()
    return [file.name for file in removed]


def by_hand(source: Source, todo: list[Archive], place: Place) -> str:
    """How to continue without this server."""
    files = "\n".join(f"  {archive.name}  ({archive.url})" for archive in todo)
    return (
        f"By hand: download these files (described at {source.page})\n{files}\ninto {place.archives} and run the same "
        f"command again. The same content as .zip or .tar.gz works, too. With --mirror URL the command looks for the "
        f"files below another address.\nKnown about the server: {source.known}"
    )


def _count(source: Source, root: Path) -> Counter[str]:
    """Videos by status, as the reader of the layout finds them; raises HumotionError if it finds none."""
    counts: Counter[str] = Counter(open_dataset(source.layout, root).list_videos()["status"])
    if not counts["ok"]:
        raise HumotionError(
            f"{root} was unpacked, but none of its {counts.total():,} videos is where the layout {source.layout!r} "
            "expects them. The archives are kept; check what is in them."
        )
    return counts


def report(source: Source, place: Place, is_new: bool, removed: list[str]) -> str:
    """What the reader of the layout finds, which archives were removed, and what to do next."""
    counts = _count(source, place.into)
    parts = ", ".join(f"{number:,} {status}" for status, number in sorted(counts.items()))
    lines = [
        f"{place.into}: {counts.total():,} videos: {parts}." if is_new else f"{place.into} already exists: {parts}.",
        f"Checksums are in {place.archives / RECORD}; later downloads must match them.",
    ]
    if removed:
        lines.append(f"Removed, as they are unpacked: {', '.join(removed)}. --keep-archives keeps them.")
    if counts.total() != counts["ok"]:
        lines.append(f"Not all videos are complete: humotion index lists them. To fetch again, delete {place.into}.")
    checkout = main_checkout()
    root = place.into.relative_to(checkout) if place.into.is_relative_to(checkout) else place.into
    if (checkout / "recipes" / f"{source.layout}.yaml").exists():
        lines.append(f"Next: humotion recipe {source.layout} --root {root}")
        lines.append("This recipe needs a GPU; `humotion recipe --list` shows what a CPU can train.")
    else:
        lines.append(f"Next, in params.yaml: {_settings(source, root)}")
    return "\n".join(lines)


def _settings(source: Source, root: Path) -> str:
    return f"datasets.<name>.layout: {source.layout}, datasets.<name>.root: {root}"

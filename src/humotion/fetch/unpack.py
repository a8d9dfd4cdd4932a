"""Unpack untrusted archives into an empty folder, and nowhere else.

Every member's name and size is checked before it is written: it must stay in the folder and not fill the disk.
Links and devices are refused (after a move a link could point anywhere), and owners and modes are ignored.
The first bytes define the format, not the name.
"""

from __future__ import annotations

import lzma
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import IO, Self, cast

from tqdm import tqdm

from humotion.errors import HumotionError
from humotion.fetch.download import require_room
from humotion.fetch.rar import RAR_MAGIC, RarError, list_rar, unpack_rar

_ZIP_MAGIC = b"PK\x03\x04"
_DAMAGED = (zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, RarError, EOFError, NotImplementedError)


class UnpackError(HumotionError):
    """An archive that cannot be unpacked, or must not be; the text says why."""


def is_archive(path: Path) -> bool:
    """Whether a file is a ZIP, RAR or (compressed) tar archive."""
    with path.open("rb") as stream:
        head = stream.read(8)
    return head.startswith((_ZIP_MAGIC, RAR_MAGIC)) or tarfile.is_tarfile(path)


def unpack(path: Path, folder: Path) -> None:
    """Unpack an archive into ``folder``, which is empty.

    Raises:
        UnpackError: the archive has no known format, is damaged, has no file, or has a password, a link, a device, or
            a member that leaves the folder.
        HumotionError: the disk has no room for its content, or no installed tool unpacks RAR.
    """
    with path.open("rb") as stream:
        head = stream.read(8)
    try:
        if head.startswith(_ZIP_MAGIC):
            _unpack_zip(path, folder)
        elif head.startswith(RAR_MAGIC):
            members = list_rar(path)
            check_names(path, (name for name, _ in members))
            _tell_twins(path, (name for name, _ in members))
            require_room(folder, sum(size for _, size in members), f"Unpacking {path.name}")
            unpack_rar(path, folder, members)
        elif tarfile.is_tarfile(path):
            _unpack_tar(path, folder)
        else:
            raise UnpackError(f"{path} is not a ZIP, RAR or tar archive. Delete it and run the same command again.")
    except _DAMAGED as error:
        raise UnpackError(
            f"{path} cannot be unpacked: {error or type(error).__name__}\nIf it is damaged, delete it and run the "
            "same command again."
        ) from error
    if not any(entry.is_file() for entry in folder.rglob("*")):
        raise UnpackError(f"{path} contains no file. Delete it and run the same command again.")


def check_names(path: Path, names: Iterable[str]) -> None:
    """Raise UnpackError if a member of archive ``path`` would be written outside the target folder."""
    for name in names:
        parts = PurePosixPath(name.replace("\\", "/")).parts
        if name.startswith(("/", "\\")) or ".." in parts or "\0" in name or (parts and parts[0].endswith(":")):
            raise UnpackError(f"{path} contains {name!r}, which is outside the folder to unpack to.")


def _tell_twins(path: Path, names: Iterable[str]) -> None:
    """Print a line if an archive has several files of one name: only one of them can stay, in general the last."""
    twins = [name for name, count in Counter(names).items() if count > 1 and not name.endswith("/")]
    if twins:
        print(f"{path.name}: the last of several files of one name is kept ({len(twins)} names, first {twins[0]})")


def _unpack_zip(path: Path, folder: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        check_names(path, (member.filename for member in members))
        _tell_twins(path, (member.filename for member in members))
        for member in members:
            if stat.S_ISLNK(member.external_attr >> 16):
                raise UnpackError(f"{path} contains the link {member.filename!r}, and links are not unpacked.")
            if member.flag_bits & 1:
                raise UnpackError(f"{path} needs a password.")
        total = sum(member.file_size for member in members)
        require_room(folder, total, f"Unpacking {path.name}")
        with _bar(path, total) as bar:
            for member in members:
                archive.extract(member, folder)
                bar.update(member.file_size)


def _unpack_tar(path: Path, folder: Path) -> None:
    # Read in one pass: checking all members first would decompress gigabytes twice.
    with (
        path.open("rb") as raw,
        tqdm.wrapattr(raw, "read", total=path.stat().st_size, desc=f"unpack {path.name}") as stream,
        tarfile.open(str(path), "r|*", cast("IO[bytes]", stream), tarinfo=_CheckedHeader) as archive,
    ):
        names = []
        for member in archive:
            names.append(member.name if member.isreg() else f"{member.name}/")
            check_names(path, [member.name])
            if member.issym() or member.islnk():
                raise UnpackError(f"{path} contains the link {member.name!r}, and links are not unpacked.")
            if not (member.isdir() or member.isreg()):
                raise UnpackError(f"{path} contains {member.name!r}, which is neither a file nor a folder.")
            require_room(folder, member.size, f"Unpacking {path.name}")
            _write_member(archive, member, folder / member.name)
    _tell_twins(path, names)


class _CheckedHeader(tarfile.TarInfo):
    """A header that is damaged, or cut off, is an error: tarfile would take it as the end of the archive."""

    @classmethod
    def fromtarfile(cls, archive: tarfile.TarFile) -> Self:
        """See tarfile."""
        try:
            return super().fromtarfile(archive)
        except tarfile.EmptyHeaderError:  # type: ignore[attr-defined]
            if archive.offset:
                print(f"{Path(str(archive.name)).name}: has no end mark. If it is cut off, files at its end are lost.")
            raise
        except (tarfile.InvalidHeaderError, tarfile.TruncatedHeaderError) as error:  # type: ignore[attr-defined]
            raise tarfile.ReadError(f"a header is damaged ({error})") from error


def _write_member(archive: tarfile.TarFile, member: tarfile.TarInfo, target: Path) -> None:
    # Not `archive.extract(..., filter="data")`: the Python 3.11.2 of Debian 12 has no filters.
    if member.isdir():
        target.mkdir(parents=True, exist_ok=True)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    with cast("IO[bytes]", archive.extractfile(member)) as source, target.open("wb") as copy:
        shutil.copyfileobj(source, copy)


def _bar(path: Path, total: int) -> tqdm:
    return tqdm(total=total, unit="B", unit_scale=True, desc=f"unpack {path.name}")


def move_content(source: Path, target: Path, wrapper: str) -> None:
    """Move the content of ``source`` into ``target``, and replace what an earlier attempt left there.

    A single top folder named ``wrapper`` is left out, and so are the extra files that macOS puts into archives.
    """
    entries = _entries(source)
    if len(entries) == 1 and entries[0].name == wrapper and entries[0].is_dir():
        entries = _entries(entries[0])
    target.mkdir(parents=True, exist_ok=True)
    for entry in entries:
        place = target / entry.name
        if place.is_dir():
            shutil.rmtree(place)
        elif place.exists():
            place.unlink()
        entry.replace(place)


def _entries(folder: Path) -> list[Path]:
    return sorted(entry for entry in folder.iterdir() if entry.name not in ("__MACOSX", ".DS_Store"))

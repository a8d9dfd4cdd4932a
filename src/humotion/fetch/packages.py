"""Packages with published weights, of the registries npm and PyPI: where their archives are, and what is inside."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import ClassVar
from urllib.parse import urldefrag, urljoin

import requests

from humotion.fetch.download import TIMEOUT, DownloadError

PUBLIC_REGISTRY = "https://registry.npmjs.org"
"""Where packages of npm are published; asked if this machine is not set up for another registry."""
PUBLIC_INDEX = "https://pypi.org/simple"
"""The same for packages of Python."""


@dataclass(frozen=True)
class Package(ABC):
    """A package of a registry, as a file ``weights.py`` names it.

    Attributes:
        name: with its scope: ``@scope/name``.
        version: the published version.
        sha256: of its archive.
        members: file of weights -> its path in the archive.
        terms: the licence.
        kind: what packages of this registry are called.
    """

    kind: ClassVar[str]
    name: str
    version: str
    sha256: str
    members: Mapping[str, str]
    terms: str

    @property
    @abstractmethod
    def archive(self) -> str:
        """The name of the archive in a registry."""

    @property
    def packed(self) -> str:
        """The name that the registry's own program gives the same file."""
        return self.archive

    @property
    @abstractmethod
    def by_hand(self) -> str:
        """The command that gets the archive on another machine."""

    @abstractmethod
    def address(self) -> str:
        """The address of the archive in the registry of this machine; raise a DownloadError if it is not there."""

    @abstractmethod
    def open_member(self, archive: Path, member: str) -> io.BytesIO:
        """A file inside the archive, which is small; raise a KeyError if it has none of that name."""


class NpmPackage(Package):
    """A package of npm."""

    kind = "npm"

    @property
    def archive(self) -> str:
        """See `Package`."""
        return f"{self.name.rpartition('/')[2]}-{self.version}.tgz"

    @property
    def packed(self) -> str:
        """See `Package`."""
        return f"{self.name.lstrip('@').replace('/', '-')}-{self.version}.tgz"

    @property
    def by_hand(self) -> str:
        """See `Package`."""
        return f"`npm pack {self.name}@{self.version}` writes it, on any machine with npm."

    def address(self) -> str:
        """See `Package`."""
        return f"{registry().rstrip('/')}/{self.name}/-/{self.archive}"

    def open_member(self, archive: Path, member: str) -> io.BytesIO:
        """See `Package`."""
        with tarfile.open(archive) as packed:
            found = packed.extractfile(member)
            if found is None:
                raise KeyError(member)
            return io.BytesIO(found.read())


class Wheel(Package):
    """A package of Python for every machine."""

    kind = "pypi"

    @property
    def archive(self) -> str:
        """See `Package`."""
        return f"{self.name.replace('-', '_')}-{self.version}-py2.py3-none-any.whl"

    @property
    def by_hand(self) -> str:
        """See `Package`."""
        return f"`pip download --no-deps {self.name}=={self.version}` writes it, on any machine with pip."

    def address(self) -> str:
        """See `Package`; the page of a package in an index has a link for each of its files."""
        page = f"{package_index().rstrip('/')}/{self.name}/"
        try:
            answer = requests.get(page, timeout=TIMEOUT, headers={"Accept": "text/html"})
        except requests.RequestException as error:
            raise DownloadError(f"{page} cannot be read: {error}") from error
        if not answer.ok:
            raise DownloadError(f"{page} answers {answer.status_code}.")
        links = _Links(answer.text).found
        if self.archive not in links:
            raise DownloadError(f"{page} has no {self.archive}.")
        return urldefrag(urljoin(answer.url, links[self.archive])).url

    def open_member(self, archive: Path, member: str) -> io.BytesIO:
        """See `Package`."""
        with zipfile.ZipFile(archive) as packed:
            return io.BytesIO(packed.read(member))


class _Links(HTMLParser):
    """The links of a page by their texts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: dict[str, str] = {}
        self._target: str | None = None
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._target = dict(attrs).get("href") if tag == "a" else None

    def handle_data(self, data: str) -> None:
        if self._target is not None and data.strip():
            self.found[data.strip()] = self._target


def registry() -> str:
    """The registry that this machine uses, as npm is set up; the public one if there is no npm."""
    if named := [value for key, value in os.environ.items() if key.lower() == "npm_config_registry" and value]:
        return named[0]
    if (npm := shutil.which("npm")) is not None:
        done = subprocess.run([npm, "config", "get", "registry"], capture_output=True, text=True)
        if done.returncode == 0 and done.stdout.strip().startswith("http"):
            return done.stdout.strip()
    return PUBLIC_REGISTRY


def package_index() -> str:
    """The index of Python packages that this machine uses, as pip is set up; else the public one."""
    if named := os.environ.get("PIP_INDEX_URL"):
        return named
    # `pip config get` does not see a file that PIP_CONFIG_FILE names.
    done = subprocess.run([sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True)
    told = dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line)
    return told.get("global.index-url", "").strip("'") or PUBLIC_INDEX

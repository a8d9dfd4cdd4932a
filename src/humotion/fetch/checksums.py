"""Check the bytes of an archive against the best known checksum.

No dataset's authors publish checksums, so we trust on first use: the SHA-256 of the first archive that was
unpacked is kept in ``checksums.json``, and every later one must match it. You can give `--sha256 FILE=...`, or a
``checksums.json`` from a colleague, to check the first archive, too. Otherwise a third party's MD5, if known, does.
"""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tqdm import tqdm

from humotion.errors import HumotionError
from humotion.fetch.archives import Archive
from humotion.files import read_json, write_json

RECORD = "checksums.json"


def parse_sha256(options: list[str], names: set[str]) -> dict[str, str]:
    """``FILE=HEX`` options as a dict; raises HumotionError for an unknown file or a value that is not a SHA-256."""
    wanted = {}
    for option in options:
        name, _, value = option.partition("=")
        if name not in names:
            raise HumotionError(
                f"--sha256 {option}: there is no archive {name!r}; available: {', '.join(sorted(names))}."
            )
        if not re.fullmatch("[0-9a-fA-F]{64}", value):
            raise HumotionError(f"--sha256 {option}: {name}= must be followed by 64 hexadecimal digits.")
        wanted[name] = value.lower()
    return wanted


def digests(path: Path) -> dict[str, str]:
    """The SHA-256 and MD5 of a file, read once."""
    sha256, md5 = hashlib.sha256(), hashlib.md5(usedforsecurity=False)
    with path.open("rb") as raw, tqdm.wrapattr(raw, "read", total=path.stat().st_size, desc=f"check {path.name}") as f:
        while chunk := f.read(2**20):
            sha256.update(chunk)
            md5.update(chunk)
    return {"sha256": sha256.hexdigest(), "md5": md5.hexdigest()}


def check(archive: Archive, path: Path, wanted: str | None) -> tuple[str, str]:
    """Compare a downloaded file with the best known checksum; return its SHA-256 and a line about the comparison.

    Args:
        archive: its entry in the table.
        path: the file.
        wanted: the SHA-256 that the user gave, or None.

    Raises:
        HumotionError: the checksums differ.
    """
    found = digests(path)
    sha256 = found["sha256"]
    recorded = read_record(path.parent).get(path.name, {}).get("sha256")
    published = archive.published if path.name == archive.name else None
    if wanted:
        _compare(path, sha256, wanted, "SHA-256 given with --sha256", sha256)
        return sha256, f"{path.name}: SHA-256 matches the given one"
    if recorded:
        source = f"SHA-256 recorded at the first download, in {path.parent / RECORD}"
        _compare(path, sha256, recorded, source, sha256)
        return sha256, f"{path.name}: SHA-256 matches the first download"
    if published:
        _compare(path, found["md5"], published.md5, f"MD5 published by {published.by}", sha256)
        return sha256, f"{path.name}: MD5 matches the one published by {published.by}"
    return sha256, f"{path.name}: no checksum is known, so this first copy is trusted; SHA-256 {sha256}"


def _compare(path: Path, found: str, expected: str, source: str, sha256: str) -> None:
    if found != expected:
        raise HumotionError(
            f"{path} is not the expected file: its checksum is {found}, but the {source} is {expected}.\n"
            f"Delete it and run the same command again. If it differs again and you trust this copy, add: "
            f"--sha256 {path.name}={sha256}"
        )


def read_record(folder: Path) -> dict[str, dict[str, Any]]:
    """The content of ``checksums.json`` in a folder of archives, by file name."""
    path = folder / RECORD
    if not path.exists():
        return {}
    try:
        record = read_json(path)
    except ValueError as error:
        raise HumotionError(f"{path} is not valid JSON ({error}). Fix it, or delete it to trust new ones.") from error
    return dict(record)


def record(path: Path, url: str, sha256: str) -> None:
    """Record the checksum of an archive that has been unpacked."""
    content = read_record(path.parent)
    if content.get(path.name, {}).get("sha256") == sha256:
        return
    content[path.name] = {
        "sha256": sha256,
        "size": path.stat().st_size,
        "url": url,
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
    }
    write_json(path.parent / RECORD, content)

"""Names of files: within the limit of file systems whatever the id, and different for different ids."""

from __future__ import annotations

import hashlib
import os
import unicodedata
from collections.abc import Iterable

MOST_BYTES = 255
"""The longest name of a file or folder, in bytes, that file systems take."""
STEM_BYTES = 120
"""The longest stem that `file_stem` makes. There is room for what callers put before and after it."""
_DIGEST_LETTERS = 8


def file_stem(clip_id: str) -> str:
    """The file name, without its ending, for files about a clip: the clip's id with its slashes replaced.

    A long id is shortened (see `short_name`). Two ids may have the same stem; `file_stems` tells them apart.
    """
    return short_name(clip_id.replace("/", "_"), STEM_BYTES)


def file_stems(clip_ids: Iterable[str]) -> dict[str, str]:
    """One `file_stem` per id. Ids whose stems differ in nothing, or only in case, get a digest as well."""
    stems = {clip_id: file_stem(clip_id) for clip_id in clip_ids}
    folded = [_folded(stem) for stem in stems.values()]
    return {
        clip_id: f"{stem}~{_digest(clip_id)}" if folded.count(_folded(stem)) > 1 else stem
        for clip_id, stem in stems.items()
    }


def short_name(name: str, most_bytes: int = 200) -> str:
    """``name``, shortened to at most ``most_bytes`` bytes and with a digest of all of it, if it is longer.

    The digest keeps names apart that have the same start. It depends on the name alone.
    """
    if len(os.fsencode(name)) <= most_bytes:
        return name
    ending = f"~{_digest(name)}"
    return cut_to_bytes(name, most_bytes - len(ending)) + ending


def cut_to_bytes(name: str, most_bytes: int) -> str:
    """The longest start of ``name`` with at most ``most_bytes`` bytes; a letter of several bytes stays whole."""
    size = 0
    for position, letter in enumerate(name):
        size += len(os.fsencode(letter))
        if size > most_bytes:
            return name[:position]
    return name


def _digest(text: str) -> str:
    return hashlib.sha256(os.fsencode(text)).hexdigest()[:_DIGEST_LETTERS]


def _folded(name: str) -> str:
    """What a file system that ignores case and composition compares."""
    return unicodedata.normalize("NFC", name).casefold()

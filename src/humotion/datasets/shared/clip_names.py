"""The facts in the name of an HMDB51 clip. JHMDB's clips have such names, too.

``<source>_<class>_<visible>_<camera>_np<people>_<view>_<quality>_<index>``: AmericanGangster_walk_f_nm_np1_ba_med_72.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from humotion.datasets.shared.base import FIELD
from humotion.video.listing import printable

_NAME = re.compile(
    r"(?P<head>.+)_(?P<visible>[fuhl])_(?P<camera>cm|nm)_np(?P<people>\d+)"
    r"_(?P<view>fr|ba|le|ri)_(?P<quality>goo|med|bad)_(?P<index>\d+)"
)
FIELDS = {
    "visible": {"f": "full body", "u": "upper body", "h": "head", "l": "lower body"},
    "camera": {"nm": "still", "cm": "moving"},
    "people": {},
    "view": {"fr": "front", "ba": "back", "le": "left", "ri": "right"},
    "quality": {"goo": "good", "med": "medium", "bad": "bad"},
}
"""The fields that describe a clip, with the words for their codes; the number of people needs no words."""
COLUMNS = [f"{FIELD}{field}" for field in FIELDS]
"""The same fields as columns of the video table."""


@dataclass(frozen=True)
class ClipName:
    """The fields of a clip's name.

    Visible body part f, u, h, l (full, upper, head, lower), camera motion cm or nm (none), number of
    people, view fr, ba, le, ri, quality goo, med, bad.
    """

    source: str
    label: str
    visible: str
    camera: str
    people: int
    view: str
    quality: str
    index: int

    def in_words(self) -> dict[str, str]:
        """The value of each of `FIELDS`, in words."""
        values = {field: str(getattr(self, field)) for field in FIELDS}
        return {field: FIELDS[field].get(value, value) for field, value in values.items()}


def parse_name(name: str, label: str) -> ClipName | None:
    """Read a clip's name from the right: the source and the class may contain underscores.

    Returns None for a name that does not follow the scheme of class ``label``.
    """
    match = _NAME.fullmatch(name.removesuffix(".avi"))
    if match is None or not match["head"].endswith(f"_{label}"):
        return None
    fields = match.groupdict()
    source = fields.pop("head").removesuffix(f"_{label}")
    people, index = int(fields.pop("people")), int(fields.pop("index"))
    return ClipName(source=source, label=label, people=people, index=index, **fields)


def facts_of(name: str, label: str) -> dict[str, str]:
    """The facts in a clip's name: its group and, if the name follows the scheme, the dataset's own columns (`COLUMNS`).

    The group is the source, or the clip's own name if the source is unknown. Three sources have a file suffix, and
    one of them also occurs without it: a fencing scene of "Die Another Day", with four clips under each name. Split 1
    trains on three clips with one name and tests the four with the other.
    """
    parsed = parse_name(name, label)
    if parsed is None:
        return {"group": name.removesuffix(".avi")}
    told = {f"{FIELD}{field}": value for field, value in parsed.in_words().items()}
    return {"group": parsed.source.removesuffix("_avi"), **told}


def notes_on_names(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """A sentence about the rows of a video table whose names do not follow the scheme, if there are any."""
    others = [row["path"] for row in rows if COLUMNS[0] not in row]
    if not others:
        return []
    listed = ", ".join(map(printable, others[:3])) + (", ..." if others[3:] else "")
    return [
        f"{len(others)} clips have names outside the scheme, so each is a group of its own, and its view, camera and "
        f"quality are not known: {listed}"
    ]

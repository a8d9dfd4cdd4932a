"""What the name of an HMDB51 clip tells, which JHMDB's clips have too.

``<source>_<class>_<visible>_<camera>_np<people>_<view>_<quality>_<index>``: AmericanGangster_walk_f_nm_np1_ba_med_72.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from humotion.datasets.shared.base import FIELD

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
"""The fields that describe a clip, and their codes in words; the number of people is one already."""
COLUMNS = [f"{FIELD}{field}" for field in FIELDS]
"""The same as columns of the table of videos."""


@dataclass(frozen=True)
class ClipName:
    """The fields of a clip's name: visible body part f, u, h, l (full, upper, head, lower), camera
    motion cm or nm (none), number of people, view fr, ba, le, ri, quality goo, med, bad."""

    source: str
    label: str
    visible: str
    camera: str
    people: int
    view: str
    quality: str
    index: int

    def in_words(self) -> dict[str, str]:
        """The value of each of `FIELDS`."""
        values = {field: str(getattr(self, field)) for field in FIELDS}
        return {field: FIELDS[field].get(value, value) for field, value in values.items()}


def parse_name(name: str, label: str) -> ClipName | None:
    """Read a clip's name from the right: the source, and the class, may hold underscores.

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
    """What a clip's name tells of it: its group, and the dataset's own columns (`COLUMNS`) as far as it follows them.

    The group is the source, or the clip's own name if that cannot be told. Three sources carry their file's suffix, and
    one of them is there without it too: a fencing scene of "Die Another Day", four clips under either name. Split 1
    trains on three of the ones and tests the four others.
    """
    parsed = parse_name(name, label)
    if parsed is None:
        return {"group": name.removesuffix(".avi")}
    told = {f"{FIELD}{field}": value for field, value in parsed.in_words().items()}
    return {"group": parsed.source.removesuffix("_avi"), **told}

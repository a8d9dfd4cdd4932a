"""The code of docs/extending.md: which files each section adds, and which lines it changes."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.repository import REPOSITORY

GUIDE = REPOSITORY / "docs" / "extending.md"
_BLOCK = re.compile(r"^```(?P<kind>\w+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass
class Section:
    """A section of the guide.

    Attributes:
        files: new files by their path, with their content.
        changes: (path, old lines, new lines) in existing files.
        params: pieces of params.yaml.
    """

    files: dict[str, str] = field(default_factory=dict)
    changes: list[tuple[str, str, str]] = field(default_factory=list)
    params: list[str] = field(default_factory=list)

    def put_into(self, checkout: Path) -> None:
        """Add the files to a checkout, and change its lines; each must be there once."""
        for path, text in self.files.items():
            assert not (checkout / path).exists(), f"{path} exists"
            (checkout / path).parent.mkdir(parents=True, exist_ok=True)
            (checkout / path).write_text(text)
        for path, old, new in self.changes:
            before = (checkout / path).read_text()
            assert before.count(old) == 1, f"{path} has no line {old!r}"
            (checkout / path).write_text(before.replace(old, new))


def sections() -> dict[str, Section]:
    """The sections of the guide that add something, by the last word of their titles: "dataset", "input"."""
    found = {}
    for part in re.split(r"^## ", GUIDE.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
        section = Section()
        for block in _BLOCK.finditer(part):
            _read(block["kind"], block["text"], section)
        if section.files:
            found[part.splitlines()[0].split()[-1]] = section
    return found


def _read(kind: str, text: str, section: Section) -> None:
    first, _, rest = text.partition("\n")
    path = first.removeprefix("# ")
    if kind == "python":
        section.files[path] = rest
    elif kind == "diff":
        for old, new in _pairs(rest.splitlines()):
            section.changes.append((path, old, new))
    elif kind == "yaml":
        section.params.append(text)


def _pairs(lines: list[str]) -> list[tuple[str, str]]:
    """(old line, new lines) of lines that begin with - and +."""
    pairs: list[tuple[str, str]] = []
    for line in lines:
        text = line[1:] + "\n"
        if line.startswith("-"):
            pairs.append((text, ""))
        else:
            old, new = pairs.pop()
            pairs.append((old, new + text))
    return pairs

"""README and docs: short, linked, and in plain words. tests/test_commands.py checks the commands in them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.repository import REPOSITORY

README = REPOSITORY / "README.md"
DOCS = sorted((REPOSITORY / "docs").glob("*.md"))
PAGES = [README, *DOCS]
WRITTEN = [*PAGES, *sorted((REPOSITORY / "recipes").glob("*.yaml")), *sorted((REPOSITORY / "src").rglob("*.py"))]
WRITTEN += [REPOSITORY / name for name in ("params.yaml", "dvc.yaml", "sweeps/dvc.yaml", "Makefile", "pyproject.toml")]
# Words that readers whose first language is another stumble over, and what to write instead.
INSTEAD = {
    r"\b(go|goes|going|went|gone) on\b(?! (a|an|the|disk|to)\b)": "resume, continue",
    r"\bat hand\b": "available",
    r"\bbesides?\b": "compared with, next to, in addition to",
    r"\b(begins?|began|begun|beginning)\b": "start",
    r"\banew\b": "again",
    r"\b(one|a) row an? \w+\b": "one row per ...",
}


def words_of(path: Path) -> str:
    return path.name if path.parent in (REPOSITORY, REPOSITORY / "docs") else str(path.relative_to(REPOSITORY))


@pytest.mark.parametrize("page", PAGES, ids=words_of)
def test_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    local = [link for link in links if "://" not in link]
    assert [link for link in local if not (page.parent / link).exists()] == []


def test_readme_is_short_and_shows_a_picture_first() -> None:
    lines = README.read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 200
    picture = next(line for line in lines[1:] if line)
    assert picture.startswith("![")
    match = re.search(r"\((.+)\)", picture)
    assert match is not None
    assert (REPOSITORY / match[1]).stat().st_size <= 300_000


def test_every_page_is_in_the_index() -> None:
    index = (REPOSITORY / "docs" / "index.md").read_text(encoding="utf-8")
    assert [page.name for page in DOCS if page.name != "index.md" and f"({page.name})" not in index] == []


@pytest.mark.parametrize("path", WRITTEN, ids=words_of)
def test_words_are_plain(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    found = [
        f"{path.name}:{number}: {match[0]!r}: write {instead}"
        for number, line in enumerate(lines, start=1)
        for pattern, instead in INSTEAD.items()
        if (match := re.search(pattern, line, re.IGNORECASE))
    ]
    assert not found

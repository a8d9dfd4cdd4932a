"""The site of the documentation: built strictly, so that a link to nothing is an error, with its reference."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from html import unescape
from pathlib import Path

import pytest

from tests.support.repository import REPOSITORY


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "-f", "scripts/site/mkdocs.yml", "-d", str(folder)]
    done = subprocess.run(
        command,
        cwd=REPOSITORY,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return folder


def text_of(page: Path) -> str:
    return unescape(re.sub(r"<[^>]+>", "", page.read_text(encoding="utf-8")))


def test_every_page_is_there_and_in_the_menu(site: Path) -> None:
    menu = (site / "index.html").read_text(encoding="utf-8")
    for page in (REPOSITORY / "docs").glob("*.md"):
        name = "" if page.stem == "index" else f"{page.stem}/"
        assert (site / name / "index.html").exists()
        assert not name or f'href="{name}"' in menu


def test_commands_are_those_of_the_command_line(site: Path) -> None:
    text = text_of(site / "reference" / "commands" / "index.html")
    assert "humotion predict" in text and "--min-confidence" in text and "humotion lineage" in text


def test_every_setting_has_a_row(site: Path) -> None:
    text = text_of(site / "reference" / "params" / "index.html")
    assert "processes that train trials of a sweep at the same time" in text  # machine.sweep_workers
    for setting in ("label_smoothing", "validation_folds", "on_damage", "lmi_reach"):
        assert setting in text


def test_readers_ask_no_other_server(site: Path) -> None:
    page = (site / "index.html").read_text(encoding="utf-8")
    asked = re.findall(r"<(?:script|link|img)[^>]+(?:src|href)=\"(https?://[^\"]+)", page)
    assert asked == []

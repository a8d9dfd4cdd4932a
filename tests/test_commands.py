"""Every command of README and docs: its program knows it, and it runs here, or a mark says why it does not."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.commands import Block, blocks_of, fits, inline_commands, simple_commands
from tests.support.demo import Server, build_demo, shell
from tests.support.parsers import BEFORE, PARSERS, Refused, check
from tests.support.repository import REPOSITORY

PAGES = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").glob("*.md"))]
ELSEWHERE = re.compile(r"\b(?:tests/|docs/|README)[\w./]+\w")


def name_of(page: Path) -> str:
    return page.name


def lines_to_run(block: Block) -> list[str]:
    return [line for line in block.lines if block.reason(line) is None]


LONG = {"README.md", "exported.md"}
"""Pages that train, sweep or export."""
RUN = [
    pytest.param(page, marks=[pytest.mark.thorough] if page.name in LONG else [])
    for page in PAGES
    if any(map(lines_to_run, blocks_of(page)))
]


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_programs_know_the_commands(page: Path) -> None:
    asked = [(words, True) for block in blocks_of(page) for line in block.lines for words in simple_commands(line)]
    asked += [(words, False) for text in inline_commands(page) if (words := named_command(text))]
    complaints = []
    for words, is_complete in asked:
        try:
            check(words, is_complete)
        except Refused as error:
            complaints.append(f"{' '.join(words)}: {error}")
    assert complaints == []


def named_command(text: str) -> list[str] | None:
    """The words of a command in a sentence; None for other code, and for a program's name alone."""
    try:
        commands = simple_commands(text)
    except ValueError:  # an odd quote
        return None
    words = [word for word in commands[0] if not re.match(r"[A-Z_]+=", word)] if commands else []
    is_command = len(words) > 1 and (words[0] in {*PARSERS, *BEFORE} - {"python"} or words[:2] == ["python", "-m"])
    return words if is_command else None


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_no_command_hides_from_the_checks(page: Path) -> None:
    """It would, in a block of another kind, below a mark that is not read, or in lines that are only set in."""
    text = page.read_text(encoding="utf-8")
    blocks = blocks_of(page)
    assert len(re.findall(r"^ *```(?:sh|bash|shell|console)\b", text, re.MULTILINE)) == len(blocks)
    assert text.count("<!-- not run") == sum(bool(block.marks) for block in blocks)
    outside = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    assert re.findall(rf"^ {{4}}(?:{'|'.join(PARSERS)}) .*", outside, re.MULTILINE) == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_marks_are_true(page: Path) -> None:
    for block in blocks_of(page):
        for start, why in block.marks.items():
            marked = [line for line in block.lines if fits(start, line)]
            assert marked, f"{start}: the block has no such command"
            for place in ELSEWHERE.findall(why):
                text = (REPOSITORY / place).read_text(encoding="utf-8")
                assert any(is_in(line, text) for line in marked), f"{place} has none of {marked}"


def is_in(line: str, text: str) -> bool:
    """Whether a test or page has the subcommand of a line: `sweep` of `humotion sweep ls_vit`."""
    words = [word for word in simple_commands(line)[0] if not word.startswith("-")]
    start = words.index("humotion") if "humotion" in words else 0
    names = re.split(r"[.-]", words[min(start + 1, len(words) - 1)])
    return all(re.search(rf"(?<![a-z]){re.escape(name)}(?![a-z])", text) for name in names)


def test_a_mark_that_fits_nothing_is_seen() -> None:
    block = Block(("humotion doctor", "make repro"), {"make repro": "long"})
    assert (block.reason("humotion doctor"), block.reason("make repro")) == (None, "long")
    with pytest.raises(Refused, match="No such option: --nosuch"):
        check(["humotion", "doctor", "--nosuch"])
    with pytest.raises(Refused, match="nosuch"):
        check(["torchrun", "--nproc-per-node", "2", "-m", "humotion", "nosuch"])
    with pytest.raises(Refused, match="invalid"):
        check(["python", "-m", "benchmarks.pose_latency", "--threads", "many"])


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of the program `humotion`."""
    server = Server(tmp_path_factory.mktemp("programs") / "bin")
    yield server.folder
    server.close()


@pytest.fixture(scope="module")
def demo(programs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not (REPOSITORY / "data" / "hmdb51").exists():
        pytest.skip("no sample: make data")
    return build_demo(tmp_path_factory.mktemp("demo") / "checkout", programs)


@pytest.mark.parametrize("page", RUN, ids=name_of)
def test_commands_run(page: Path, demo: Path, programs: Path, tmp_path: Path) -> None:
    """The commands of a block follow each other; each block starts in a checkout of its own."""
    for number, block in enumerate(blocks_of(page)):
        if lines := lines_to_run(block):
            checkout = tmp_path / str(number) / "humotion"
            shutil.copytree(demo, checkout, symlinks=True)
            for line in lines:
                shell(line, checkout, programs)

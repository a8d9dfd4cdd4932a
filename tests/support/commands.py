"""The shell commands of README and docs, and the marks that say which of them no test of the pages runs.

A command in a block ```sh is run by tests/test_commands.py as it stands. A comment above the block names those that are
not run there, by how they start (`*`: all), and says why. It may name the test or page where the same command runs:

    <!-- not run
    humotion predict 0: needs a camera; tests/prediction/live/test_loop.py
    make repro: takes half an hour
    -->
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

BLOCK = re.compile(r"(?:^<!-- not run\n(?P<marks>.*?)^-->\n)?^```sh\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`([^`\n]+)`")
SEPARATORS = ("&&", "||", ";", "|", "&")


@dataclass(frozen=True)
class Block:
    """One block of shell commands.

    Attributes:
        lines: commands as the shell reads them, comments and line breaks removed.
        marks: how commands start that no test of the pages runs, and why.
    """

    lines: tuple[str, ...]
    marks: dict[str, str]

    def reason(self, line: str) -> str | None:
        """Why a line is not run; None if it is."""
        return next((why for start, why in self.marks.items() if fits(start, line)), None)


def fits(start: str, line: str) -> bool:
    """Whether a mark is about a line."""
    return start == "*" or line.startswith(start)


def blocks_of(page: Path) -> list[Block]:
    """The shell blocks of a page, in their order."""
    found = BLOCK.finditer(page.read_text(encoding="utf-8"))
    return [Block(tuple(_lines(match["text"])), _marks(match["marks"] or "")) for match in found]


def inline_commands(page: Path) -> list[str]:
    """What stands in backticks within the text."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    return INLINE.findall(text)


def simple_commands(line: str) -> list[list[str]]:
    """The words of each command of a line that may join several with `&&` or `;`."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=";&|")
    lexer.whitespace_split = True
    found: list[list[str]] = [[]]
    for word in lexer:
        if word in SEPARATORS:
            found.append([])
        else:
            found[-1].append(word)
    return [words for words in found if words]


def _lines(text: str) -> list[str]:
    joined = re.sub(r"\\\n\s*", "", text)
    return [line for raw in joined.splitlines() if (line := re.sub(r"(^|\s+)#.*", "", raw).strip())]


def _marks(text: str) -> dict[str, str]:
    pairs = (line.split(": ", 1) for line in text.splitlines())
    return {start: why for start, why in pairs}

"""RAR archives: the library rarfile reads them, and any installed tool unpacks them.

rarfile reads the headers (names, sizes, checksums) without any tool. The tool then unpacks in one pass. rarfile
itself makes one call per member: this is quadratic in a solid archive, and it treats the brackets in HMDB51's names
as patterns. Afterwards every file is compared with its header, because free tools cannot unpack every RAR. If
one tool fails, the next is tried.

A damaged header is an error: by default, rarfile would end the list of files there, and the rest would be lost without
a word.
"""

from __future__ import annotations

import ctypes
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import zlib
from pathlib import Path

import rarfile
from tqdm import tqdm

from humotion.errors import HumotionError

RAR_MAGIC = b"Rar!\x1a\x07"
_TOOLS: dict[str, tuple[str, ...]] = {
    # {archive} and {folder} are filled in; archives with passwords were rejected before.
    "unrar": ("x", "-y", "-o+", "{archive}", "{folder}/"),
    "unar": ("-quiet", "-force-overwrite", "-no-directory", "-output-directory", "{folder}", "{archive}"),
    "7zz": ("x", "-y", "-o{folder}", "{archive}"),
    "7z": ("x", "-y", "-o{folder}", "{archive}"),
    "bsdtar": ("-x", "-f", "{archive}", "-C", "{folder}"),
}
MISSING_TOOL = (
    f"No installed tool unpacks RAR. Install one of {', '.join(_TOOLS)} (on Debian: apt-get install unar) and run the "
    "same command again; downloaded files are kept."
)


class RarError(Exception):
    """A RAR archive that is damaged, locked or unsafe, or that no installed tool unpacks."""


def list_rar(path: Path) -> list[tuple[str, int]]:
    """Names and sizes of all files and folders (size 0) in an archive; raises RarError.

    An archive without its end mark gets a printed line: RAR 2 wrote none, but it may also be cut off between two files.
    """
    members, has_end = _members(path)
    if not has_end:
        print(f"{path.name}: has no end mark. If it is cut off, files at its end are lost.")
    return [(member.filename, member.file_size) for member in members]


def unpack_rar(path: Path, folder: Path, members: list[tuple[str, int]]) -> None:
    """Unpack an archive whose names have been checked into the empty ``folder``.

    Raises:
        RarError: no installed tool could do it; the text has the message of each tool.
        HumotionError: no tool is installed.
    """
    tools = [tool for tool in _TOOLS if shutil.which(tool)]
    if not tools:
        raise HumotionError(f"{path}: {MISSING_TOOL}")
    failures = []
    for tool in tools:
        try:
            _run(tool, path, folder, sum(size for _, size in members))
            _verify(path, folder)
            return
        except RarError as error:
            failures.append(f"{tool}: {error}")
            for entry in folder.iterdir():
                shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()
    raise RarError("\n".join(failures))


def _members(path: Path) -> tuple[list[rarfile.RarInfo], bool]:
    """All files and folders of an archive, and whether it has the mark of its end (rarfile wants it of RAR 5)."""
    kinds: list[int] = []
    try:
        with rarfile.RarFile(path, errors="strict", info_callback=lambda header: kinds.append(header.type)) as archive:
            members = archive.infolist()
            if archive.needs_password():
                raise RarError("it needs a password")
    except (rarfile.Error, OSError) as error:
        raise RarError(str(error) or type(error).__name__) from error
    for member in members:
        if member.is_symlink() or getattr(member, "file_redir", None):
            raise RarError(f"it contains the link {member.filename!r}, and links are not unpacked")
    return list(members), rarfile.RAR_BLOCK_ENDARC in kinds


def _run(tool: str, path: Path, folder: Path, total: int) -> None:
    """Run a tool and show its progress by the size of what it has written, which may not exceed ``total``."""
    arguments = [text.format(archive=path.resolve(), folder=folder.resolve()) for text in _TOOLS[tool]]
    with (
        tempfile.TemporaryFile("w+", errors="replace") as output,  # not a pipe: nothing reads it while the tool works
        subprocess.Popen(
            [tool, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            preexec_fn=_die_with_parent,
        ) as process,
        tqdm(total=total, unit="B", unit_scale=True, desc=f"unpack {path.name}") as bar,
    ):
        try:
            while process.poll() is None:
                time.sleep(0.1)
                written = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
                bar.update(written - bar.n)
                if written > total:
                    raise RarError(f"it contains more than the {total:,} bytes that its headers state")
        finally:
            process.kill()
        bar.update(total - bar.n)
        output.seek(0)
        said = " ".join(output.read().split())[-300:]
    if process.returncode:
        raise RarError(said or f"exit code {process.returncode}")


def _die_with_parent() -> None:
    """Let Linux kill the tool if we are killed: it would write into the folder of the next attempt."""
    if sys.platform == "linux":
        pr_set_pdeathsig = 1  # of prctl(2)
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)


def _verify(path: Path, folder: Path) -> None:
    """Compare the files that a tool wrote with the headers; of several with one name, the last counts."""
    for member in {member.filename: member for member in _members(path)[0]}.values():
        file = folder / member.filename
        if member.is_dir():
            continue
        if not file.is_file() or file.is_symlink() or file.stat().st_size != member.file_size:
            raise RarError(f"{member.filename} was not unpacked completely")
        if member.CRC is not None and zlib.crc32(file.read_bytes()) != member.CRC:
            raise RarError(f"{member.filename} does not have the checksum in its header")

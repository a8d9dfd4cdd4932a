"""Patches that apply whatever the user's git settings are, and a git that fails."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from humotion.tracking import git

SETTINGS = {
    "nothing": {},
    "an external tool": {"diff.external": "/bin/echo"},
    "other prefixes": {"diff.mnemonicPrefix": "true"},
    "no prefixes": {"diff.noprefix": "true"},
    "own prefixes": {"diff.srcPrefix": "x/", "diff.dstPrefix": "y/"},
    "colours": {"color.ui": "always", "color.diff": "always", "diff.colorMoved": "zebra"},
    "no context": {"diff.context": "0"},
    "words, order, renames": {"diff.wordRegex": ".", "diff.orderFile": "order", "diff.renames": "copies"},
    "text of binary files": {"diff.shout.textconv": "tr a-z A-Z <"},
    "a driver": {"diff.shout.command": "/bin/echo"},
    "relative": {"diff.relative": "true", "diff.algorithm": "patience", "diff.interHunkContext": "9"},
    "blank lines": {"diff.suppressBlankEmpty": "true"},
    "strict about blanks": {"apply.whitespace": "error"},
}


def run(*arguments: str) -> str:
    command = ["git", "-c", "user.name=a", "-c", "user.email=a@b", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with uncommitted changes of several kinds; ``*.shout`` has a diff driver of its own."""
    monkeypatch.chdir(tmp_path)
    run("init", "--quiet")
    lines = [f"line {number}\n" for number in range(30)]
    Path(".gitattributes").write_text("*.shout diff=shout\n")
    Path("order").write_text("*.shout\n")
    for name in ("code.py", "gone.py", "é 動画 'x'.txt", "a.shout"):
        Path(name).write_text("".join(lines))
    Path("bytes.bin").write_bytes(bytes(range(256)))
    run("add", "-A")
    run("commit", "--quiet", "-m", "first")
    for name in ("code.py", "é 動画 'x'.txt", "a.shout"):
        Path(name).write_text("".join([*lines[:5], "changed  \n", "\n", *lines[5:20], *lines[21:]]))
    Path("bytes.bin").write_bytes(bytes(reversed(range(256))))
    Path("gone.py").rename("moved.py")
    run("add", "-A", "--", "gone.py", "moved.py")
    return tmp_path


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and ".git/" not in path.as_posix()
    }


@pytest.mark.parametrize("which", SETTINGS)
def test_a_patch_applies_whatever_the_settings(
    repository: Path, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory, which: str
) -> None:
    for key, value in SETTINGS[which].items():
        run("config", key, value)
    monkeypatch.setenv("GIT_EXTERNAL_DIFF", "/bin/false")
    monkeypatch.setenv("GIT_DIFF_OPTS", "--unified=0")
    patch = git.changes(".")
    commit = git.commit()
    assert commit == run("rev-parse", "HEAD")
    assert git.why_patch_fails(patch, commit) is None
    clone = tmp_path_factory.mktemp("clone")
    run("clone", "--quiet", str(repository), str(clone))
    (clone / "changes.patch").write_bytes(patch)
    monkeypatch.chdir(clone)
    for key, value in SETTINGS[which].items():
        run("config", key, value)
    run("apply", "--whitespace=nowarn", "changes.patch")
    (clone / "changes.patch").unlink()
    assert contents(clone) == contents(repository)


def test_a_patch_that_does_not_apply_is_found(repository: Path) -> None:
    commit = str(git.commit())
    before = (repository / ".git" / "index").read_bytes()
    assert "No valid patches" in str(git.why_patch_fails(b"what difft prints\n", commit))
    assert "patch failed: a.shout" in str(
        git.why_patch_fails(git.changes(".").replace(b"line 7\n", b"line 8\n"), commit)
    )
    assert git.why_patch_fails(git.changes("."), "c" * 40) is not None
    assert (repository / ".git" / "index").read_bytes() == before


def test_names_are_as_they_are(repository: Path) -> None:
    assert "é 動画 'x'.txt" in git.names("diff", "HEAD", "--name-only", "-z")


def test_a_git_that_fails_is_not_no_git(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")  # what git itself tests this with
    with pytest.raises(git.GitFailed, match=r"dubious ownership.*safe\.directory"):
        git.commit()
    monkeypatch.delenv("GIT_TEST_ASSUME_DIFFERENT_OWNER")
    assert git.commit() is not None
    (repository / "sub").mkdir()
    (repository / "sub" / ".git").write_text("gitdir: /nowhere/.git/worktrees/x\n")
    monkeypatch.chdir(repository / "sub")
    with pytest.raises(git.GitFailed, match="not a git repository: /nowhere"):
        git.commit()


def test_no_git_and_no_commit_are_no_failures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    monkeypatch.chdir(tmp_path)
    assert git.commit() is None and not git.in_repository()
    run("init", "--quiet")
    assert git.commit() is None and git.in_repository()
    monkeypatch.setenv("PATH", str(tmp_path))
    assert git.commit() is None and not git.in_repository()

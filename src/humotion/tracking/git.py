"""Questions to git, and the uncommitted changes of a checkout as a patch that applies anywhere.

git's output depends on the user's settings: an external diff tool, colours, prefixes, the number of context lines.
Every setting that changes a patch is overruled here. And a git that fails, for example because another user owns the
checkout, is not the same as no git.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

from humotion.errors import HumotionError

_DIFF = (
    *("-c", "diff.suppressBlankEmpty=false", "-c", "core.quotePath=true", "-c", "diff.ignoreSubmodules=none"),
    *("diff", "--patch", "--no-ext-diff", "--no-textconv", "--no-color", "--binary", "--full-index", "--no-renames"),
    *("--src-prefix=a/", "--dst-prefix=b/", "--unified=3", "--inter-hunk-context=0", "--submodule=short"),
    *("--diff-algorithm=myers", "--output-indicator-new=+", "--output-indicator-old=-", "--output-indicator-context= "),
    *("-O/dev/null", "--ws-error-highlight=none", "--no-indent-heuristic", "--ita-invisible-in-index"),
)
_NO_REPOSITORY = "not a git repository (or any"  # git says something else if a repository is damaged


class GitFailed(HumotionError):
    """git is here and so is a repository, but git does not answer."""


def in_repository() -> bool:
    """Whether the working folder is in a git repository; False without git.

    Raises:
        GitFailed: there is a repository, which git refuses.
    """
    done = _run("rev-parse", "--git-dir")
    if done is None or (done.returncode and _NO_REPOSITORY in _said(done)):
        return False
    if done.returncode:
        raise GitFailed(_explained(done))
    return True


def commit() -> str | None:
    """The commit of the working folder; None without git, outside a repository, or before the first commit.

    Raises:
        GitFailed: there is a repository, which git refuses.
    """
    return ask("rev-parse", "--verify", "--quiet", "HEAD") if in_repository() else None


def ask(*arguments: str) -> str | None:
    """What git prints, or None if it says no (or there is no git): for questions that may have no answer."""
    done = _run(*arguments)
    return None if done is None or done.returncode else done.stdout.decode("utf-8", "replace").strip()


def demand(*arguments: str) -> bytes:
    """What git prints, for commands that only fail if something is wrong.

    Raises:
        GitFailed: git fails; the message has its words.
    """
    done = _run(*arguments)
    if done is None or done.returncode:
        raise GitFailed(_explained(done))
    return done.stdout


def names(*arguments: str) -> list[str]:
    """The paths that git lists for a command with ``-z``, unquoted whatever their letters are."""
    return [name for name in demand(*arguments).decode("utf-8", "surrogateescape").split("\0") if name]


def changes(*paths: str) -> bytes:
    """The differences from the commit as a patch for ``git apply``, whatever the user's settings are."""
    return demand(*_DIFF, "HEAD", "--relative", "--", *paths)


def why_patch_fails(patch: bytes, at: str) -> str | None:
    """Try a patch on a commit, in an index of its own; why it does not apply, or None if it does."""
    with tempfile.TemporaryDirectory() as folder:
        own = {"GIT_INDEX_FILE": str(Path(folder) / "index")}
        for step, data in ((("read-tree", at), None), (("apply", "--cached", "--whitespace=nowarn", "-"), patch)):
            done = _run(*step, data=data, environment=own)
            if done is None or done.returncode:
                return _said(done).splitlines()[0] if done is not None and _said(done) else "git does not answer"
    return None


def _run(
    *arguments: str, data: bytes | None = None, environment: dict[str, str] | None = None
) -> subprocess.CompletedProcess[bytes] | None:
    kept = {key: value for key, value in os.environ.items() if key not in ("GIT_EXTERNAL_DIFF", "GIT_DIFF_OPTS")}
    try:
        return subprocess.run(
            ["git", *arguments], capture_output=True, input=data, env={**kept, "LC_ALL": "C", **(environment or {})}
        )
    except OSError:
        return None


def _said(done: subprocess.CompletedProcess[bytes]) -> str:
    return done.stderr.decode("utf-8", "replace").strip()


def _explained(done: subprocess.CompletedProcess[bytes] | None) -> str:
    said = "git is not installed" if done is None else _said(done) or f"exit status {done.returncode}"
    first = said.splitlines()[0]
    text = f"git does not answer in {Path.cwd()}: {first}. Runs need the commit, and DVC needs git."
    if "dubious ownership" in said:
        return (
            f"{text} Another user owns this checkout (usual in a container). If you trust it: "
            f"git config --global --add safe.directory {Path.cwd()}"
        )
    return f"{text} `git status` shows the complete error."

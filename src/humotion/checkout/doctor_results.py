"""Checks of `humotion doctor`: results that nobody committed, and what removed experiments left behind."""

from __future__ import annotations

import subprocess

from humotion.checkout.findings import Finding
from humotion.errors import HumotionError
from humotion.params.document import load_params


def check_staged() -> Finding:
    """Look for results that DVC has staged in git (autostage), because `git checkout .` does not take them back."""
    done = subprocess.run(["git", "diff", "--cached", "--name-only"], capture_output=True, text=True)
    staged = [name for name in done.stdout.splitlines() if name == "dvc.lock" or name.startswith("metrics/")]
    if not staged:
        return Finding("staged results", "ok", "none")
    advice = (
        "To keep them: git commit -a. To discard the experiment, with its settings: git restore --source HEAD --staged "
        "--worktree params.yaml dvc.lock metrics && dvc checkout (git checkout . would leave what is staged)."
    )
    return Finding("staged results", "warn", f"{len(staged)} files that DVC has staged and nobody committed", advice)


def check_leftovers() -> Finding:
    """Look for outputs and lock entries of experiments and datasets that params.yaml does not have."""
    from humotion.checkout.leftovers import find_leftovers

    try:
        found = find_leftovers(load_params())
    except HumotionError:
        return Finding("leftovers", "ok", "not checked, because params.yaml is not valid")
    if not found:
        return Finding("leftovers", "ok", "none")
    entries = sum(len(names) for names in found.entries.values())
    what = (
        f"{len(found.paths)} outputs, {entries} lock entries, {len(found.plots)} plots that params.yaml does not have"
    )
    return Finding("leftovers", "warn", what, "`humotion tidy` lists them, and `humotion tidy --yes` removes them.")

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

import pytest
from dvc.repo import Repo

from humotion.errors import HumotionError
from humotion.tracking import runs
from humotion.tracking.sources import (
    MAX_LENGTH,
    RunSource,
    changed_params,
    flatten,
    log_lock,
    origin_tags,
    run_name,
    source_tags,
    was_cut,
)
from humotion.tracking.store import connect, mlflow
from humotion.work import digest_of_folder

COMMITTED = "experiments:\n  a: {seed: 1, optimizer: {lr: 0.1, name: adamw}, evaluate: {overlays: 1}}\n"
SOURCE = RunSource("action/tiny", "a", {"seed": 1}, {})


def git(*arguments: str) -> str:
    command = ["git", "-c", "user.name=a", "-c", "user.email=a@b", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture
def repository(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with code and results under git, everything committed."""
    monkeypatch.delenv("DVC_EXP_NAME", raising=False)
    for path in ("src/code.py", "metrics/a/test.json", "dvc.lock"):
        (checkout / path).parent.mkdir(parents=True, exist_ok=True)
        (checkout / path).write_text("one\n")
    (checkout / "params.yaml").write_text(COMMITTED)
    git("init", "--quiet")
    git("add", "src", "metrics", "dvc.lock", "params.yaml")
    git("commit", "--quiet", "-m", "first")
    return checkout


def test_what_the_pipeline_writes_makes_no_checkout_dirty(repository: Path) -> None:
    commit = git("rev-parse", "HEAD")
    assert origin_tags() == {"git.commit": commit, "git.dirty": "false"}
    for path in ("metrics/a/test.json", "dvc.lock"):
        (repository / path).write_text("two\n")
    (repository / "notes.txt").write_text("mine")
    assert origin_tags() == {"git.commit": commit, "git.dirty": "false"}
    (repository / "src" / "code.py").write_text("two\n")
    (repository / "src" / "new.py").write_text("new\n")
    assert origin_tags() == {
        "git.commit": commit,
        "git.dirty": "true",
        "git.changed": "src/code.py",
        "git.untracked": "src/new.py",
    }


def test_names_tell_runs_apart(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    short = git("rev-parse", "HEAD")[:7]
    assert run_name(SOURCE) == f"a {short}"
    (repository / "params.yaml").write_text(COMMITTED.replace("0.1", "0.2").replace("overlays: 1", "overlays: 2"))
    assert run_name(SOURCE) == f"a {short} optimizer.lr=0.2"
    assert source_tags(SOURCE)["params.changed"] == "optimizer.lr=0.2"
    policy = "experiments:\n  a: {seed: 2, trainer: {loss: 3}, augment: {policy: [a long list of transforms]}}\n"
    (repository / "params.yaml").write_text(policy)
    assert run_name(SOURCE) == f"a {short} seed=2 trainer.loss=3 +3"
    assert changed_params("a")["optimizer.lr"] == "default"
    monkeypatch.setenv("DVC_EXP_NAME", "bold-idea")
    (repository / "params.yaml").write_text(COMMITTED)
    assert run_name(SOURCE) == "a bold-idea"


@pytest.mark.parametrize("committed", ["experiments: [a: }", "experiments: 3\n"])
def test_a_commit_whose_settings_cannot_be_read_is_not_equal(repository: Path, committed: str) -> None:
    (repository / "params.yaml").write_text(committed)
    git("commit", "--quiet", "--all", "-m", "broken")
    (repository / "params.yaml").write_text(COMMITTED)
    assert source_tags(SOURCE)["params.changed"] == (
        "params.yaml=the committed one cannot be read, so nothing is compared"
    )
    assert run_name(SOURCE) == f"a {git('rev-parse', 'HEAD')[:7]} params.yaml"


def test_without_git_the_name_is_the_experiments(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(checkout.parent))
    monkeypatch.delenv("DVC_EXP_NAME", raising=False)
    assert run_name(SOURCE) == "a"
    assert origin_tags() == {}


def test_changes_are_kept_as_a_patch_that_brings_them_back(repository: Path) -> None:
    (repository / "src" / "code.py").write_bytes(b"caf\xe9 \x00 two\n")  # neither text nor UTF-8
    (repository / "dvc.lock").write_text("two\n")
    with runs.training_run(SOURCE) as run_id:
        pass
    git("stash", "--quiet")
    patch = mlflow.artifacts.download_artifacts(run_id=run_id, artifact_path="source/changes.patch")
    git("apply", patch)
    assert (repository / "src" / "code.py").read_bytes() == b"caf\xe9 \x00 two\n"
    assert (repository / "dvc.lock").read_text() == "one\n"


def test_a_lock_counts_only_if_it_is_of_the_model_that_lies_here(repository: Path) -> None:
    (repository / "dvc.lock").unlink()
    (repository / "dvc.yaml").write_text(
        "stages:\n  train:\n    foreach: [a]\n    do:\n"
        "      cmd: mkdir -p models/a && echo 1 > models/a/x && echo 2 > models/a/b\n      outs: [models/a]\n"
    )
    with Repo.init(".", no_scm=True) as repo:
        repo.reproduce()
    (repository / "models" / "a" / "x").touch()
    with runs.training_run(SOURCE) as run_id:
        log_lock("train@a", Path("models/a"))
    tags = connect().get_run(run_id).data.tags
    assert tags["dvc.lock.train"] == digest_of_folder(Path("models/a"))
    with runs.training_run(SOURCE) as run_id:
        log_lock("train@b", Path("models/a"))
        (repository / "models" / "a" / "x").unlink()
        log_lock("train@a", Path("models/a"))
    assert "dvc.lock.train" not in connect().get_run(run_id).data.tags


def test_a_long_value_is_compared_by_its_digest(repository: Path) -> None:
    long = [{"name": "Affine", "p": number / 1000} for number in range(400)]
    other = [*long[:-1], {"name": "Affine", "p": 0.9}]
    whole, changed = (flatten({"policy": value})["policy"] for value in (long, other))
    assert len(str(long)) > MAX_LENGTH >= len(whole)
    assert whole[:5000] == changed[:5000] and whole != changed, "they differ behind what MLflow keeps"
    assert whole.endswith(f"md5 {hashlib.md5(str(long).encode()).hexdigest()})")
    with runs.training_run(RunSource("action/tiny", "a", {"policy": long}, {})) as run_id:
        pass
    assert connect().get_run(run_id).data.params["policy"] == whole
    assert was_cut(str(long)[:MAX_LENGTH]) and not was_cut(whole) and not was_cut("short")


def test_a_run_needs_a_git_that_answers(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    with pytest.raises(HumotionError, match=r"safe\.directory"), runs.training_run(SOURCE):
        pass
    assert not [name for name in (each.name for each in connect().search_experiments()) if name == "action/tiny"]

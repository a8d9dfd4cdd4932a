"""A model's way back, walked: the printed commands are run, and the weights are the same to the byte."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from humotion.files import read_json
from humotion.lineage.report import as_dict, describe
from humotion.lineage.trace import trace
from humotion.params.document import load_params
from humotion.stages import evaluate, register, train
from humotion.work import digest_of_file
from tests.support.tiny_pipeline import build_pipeline, inside, shell

CHAMPION, CHALLENGER = "models:/ls_vit-tiny@champion", "models:/ls_vit-tiny@challenger"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project in which `dvc repro` has trained and registered, from a clean commit."""
    folder = build_pipeline(tmp_path_factory.mktemp("lineage") / "project")
    shell("dvc repro", folder)
    return folder


def lineage(folder: Path, asked: str, store: str | None = None) -> tuple[dict[str, Any], str]:
    with inside(folder, store):
        found = trace(asked)
        return as_dict(found), describe(found)


def test_the_printed_commands_rebuild_the_champion(project: Path) -> None:
    found, text = lineage(project, CHAMPION)
    folder = project / "models" / "action"
    commit = shell("git rev-parse HEAD", project).strip()
    assert found["version"]["aliases"] == ("champion",)
    assert found["run_id"] == read_json(folder / "model.json")["run_id"]
    assert found["code"] == {"git.commit": commit, "git.dirty": "false", "commit_is_here": True}
    assert found["changed"] == {}
    assert [entry["here"] for entry in found["data"]] == ["same"] * 4
    assert {entry["name"] for entry in found["locked"]} >= {"clips/action", "plans/action", "models/action"}
    assert {entry["here"] for entry in found["locked"]} == {"same"}
    assert found["weights"]["md5"] == digest_of_file(folder / "model.safetensors")
    assert found["weights"]["here"] == "same"
    assert {"top1", "macro_f1"} <= found["validation"].keys() & found["test"].keys()

    commands = found["rebuild"]["commands"]
    assert all(f"    {command}\n" in text for command in commands)
    assert f"git checkout --quiet {commit}" in commands
    assert commands[-1] == "dvc repro register@action"
    # A fresh clone has neither DVC's cache nor the store: it does train.
    shell("\n".join(commands), project)
    clone = project.parent / f"action-{commit[:7]}"
    rebuilt = clone / "models" / "action"
    assert (rebuilt / "model.safetensors").read_bytes() == (folder / "model.safetensors").read_bytes()
    assert read_json(rebuilt / "model.json")["run_id"] != found["run_id"]
    assert read_json(clone / "registered" / "action.json")["alias"] == "champion"


def test_outputs_from_the_run_cache_still_point_at_their_run(project: Path) -> None:
    before, _ = lineage(project, "models/action")
    for name in ("models", "reports", "registered", "metrics"):
        shutil.rmtree(project / name)
    (project / "dvc.lock").unlink()  # as if never run here
    told = shell("dvc repro", project)
    for stage in ("train", "evaluate", "register"):
        assert f"Stage '{stage}@action' is cached" in told
    after, _ = lineage(project, "models/action")
    assert after["run_id"] == before["run_id"]
    assert after["run"]["status"] == "FINISHED"
    assert after["run"]["metrics"] == before["run"]["metrics"]
    assert {entry["here"] for entry in after["locked"]} == {"same"}
    assert lineage(project, CHAMPION)[0]["weights"]["here"] == "same"


def test_a_file_that_the_store_does_not_return_is_not_called_absent(project: Path) -> None:
    locks = list(project.glob("mlruns/**/source/dvc.lock"))
    assert locks
    for lock in locks:
        lock.rename(lock.with_name("away"))
    _, text = lineage(project, CHAMPION)
    for lock in locks:
        lock.with_name("away").rename(lock)
    assert "the store does not return the dvc.lock of the training, which the run has" in text
    assert "the store does not return" not in lineage(project, CHAMPION)[1]


def test_a_model_folder_alone_leads_back(project: Path) -> None:
    _, text = lineage(project, "models/action", f"sqlite:///{project.parent}/empty/mlflow.db")
    assert "does not exist yet" in text
    assert "`humotion join action` makes a run there" in text
    assert not (project.parent / "empty").exists(), "a command that only reads makes no store"
    assert f"commit {shell('git rev-parse HEAD', project).strip()}, in this repository" in text
    assert "    dvc repro register@action\n" in text


def test_a_dirty_checkouts_changes_are_brought_back(project: Path) -> None:
    """A challenger with another learning rate that nobody committed."""
    params = project / "params.yaml"
    committed = params.read_text()
    with inside(project):
        params.write_text(committed.replace("lr: 0.003", "lr: 0.004"))
        for stage in (train, evaluate, register):
            stage.run("action", load_params())
        params.write_text(committed)
    weights = (project / "models" / "action" / "model.safetensors").read_bytes()
    found, text = lineage(project, CHALLENGER)
    assert found["code"]["git.dirty"] == "true"
    assert found["code"]["git.changed"] == "params.yaml"
    assert found["run"]["name"].endswith(" optimizer.lr=0.004")
    assert found["changed"] == {"optimizer.lr": ("0.004", "0.003")}
    assert found["locked"] == (), "trained without DVC: its dvc.lock is of another training"
    assert "dirty, changed: params.yaml" in text
    assert "optimizer.lr: 0.004 then, 0.003 now" in text
    assert "The checkout was dirty" in text

    *commands, last = found["rebuild"]["commands"]
    assert last == "dvc repro register@action"
    clone = project.parent / "again"
    shell("\n".join(commands).replace(f"../action-{found['code']['git.commit'][:7]}", str(clone)), project)
    assert "lr: 0.004" in (clone / "params.yaml").read_text()
    with inside(clone):
        train.run("action", load_params())
    assert (clone / "models" / "action" / "model.safetensors").read_bytes() == weights

"""A model's way back, walked: the printed commands are run, and the weights are the same to the byte."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from humotion.files import read_json
from humotion.work import digest_of_file
from tests.tiny_pipeline import build_pipeline, shell

CHAMPION = "models:/ls_vit-tiny@champion"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project in which `dvc repro` has trained and registered, from a clean commit."""
    folder = build_pipeline(tmp_path_factory.mktemp("lineage") / "project")
    shell("dvc repro", folder)
    return folder


def lineage(folder: Path, asked: str, **environment: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(shell(f"humotion lineage {asked} --json", folder, **environment))
    return found


def test_the_printed_commands_rebuild_the_champion(project: Path) -> None:
    text = shell(f"humotion lineage {CHAMPION}", project)
    found = lineage(project, CHAMPION)
    weights = project / "models" / "action" / "model.safetensors"
    commit = shell("git rev-parse HEAD", project).strip()
    assert found["version"]["aliases"] == ["champion"]
    assert found["run_id"] == read_json(project / "models" / "action" / "model.json")["run_id"]
    assert found["code"] == {"git.commit": commit, "git.dirty": "false", "commit_is_here": True}
    assert found["changed"] == {}
    assert {entry["here"] for entry in found["data"]} == {"same"}
    assert len(found["data"]) == 4
    assert {entry["name"] for entry in found["locked"]} >= {"clips/action", "plans/action", "models/action"}
    assert {entry["here"] for entry in found["locked"]} == {"same"}
    assert found["weights"] == {
        "name": f"weights ({weights.relative_to(project)})",
        "md5": digest_of_file(weights),
        "here": "same",
    }
    assert {"top1", "macro_f1"} <= found["validation"].keys() & found["test"].keys()

    commands = found["rebuild"]["commands"]
    assert all(f"    {command}\n" in text for command in commands)
    assert f"git checkout --quiet {commit}" in commands
    assert commands[-1] == "dvc repro register@action"
    # A fresh clone has neither DVC's cache nor the store: it does train.
    shell("\n".join(commands), project)
    clone = project.parent / f"action-{commit[:7]}"
    rebuilt = clone / "models" / "action" / "model.safetensors"
    assert rebuilt.read_bytes() == weights.read_bytes()
    assert read_json(rebuilt.with_name("model.json"))["run_id"] != found["run_id"]
    assert read_json(clone / "registered" / "action.json")["alias"] == "champion"


def test_outputs_from_the_run_cache_still_point_at_their_run(project: Path) -> None:
    before = lineage(project, "models/action")
    for name in ("models", "reports", "registered"):
        shutil.rmtree(project / name)
    shell("git stash --quiet --include-untracked && rm -f dvc.lock", project)  # as if never run here
    told = shell("dvc repro", project)
    for stage in ("train", "evaluate", "register"):
        assert f"Stage '{stage}@action' is cached" in told
    after = lineage(project, "models/action")
    assert after["run_id"] == before["run_id"]
    assert after["run"]["status"] == "FINISHED"
    assert after["run"]["metrics"] == before["run"]["metrics"]
    assert after["locked"] == before["locked"] != []
    assert lineage(project, CHAMPION)["weights"]["here"] == "same"


def test_a_model_folder_alone_leads_back(project: Path) -> None:
    elsewhere = f"sqlite:///{project.parent}/empty/mlflow.db"
    text = shell("humotion lineage models/action", project, MLFLOW_TRACKING_URI=elsewhere)
    assert "does not know" in text
    assert f"commit {shell('git rev-parse HEAD', project).strip()}, in this repository" in text
    assert "    dvc repro register@action\n" in text


def test_a_dirty_checkouts_changes_are_brought_back(project: Path) -> None:
    """A challenger with another learning rate that nobody committed; in a DVC experiment it would be the same."""
    params = project / "params.yaml"
    committed = params.read_text()
    params.write_text(committed.replace("lr: 0.003", "lr: 0.004"))
    try:
        shell("humotion train action && humotion evaluate action && humotion register action", project)
    finally:
        params.write_text(committed)
    weights = (project / "models" / "action" / "model.safetensors").read_bytes()
    found = lineage(project, "models:/ls_vit-tiny@challenger")
    assert found["code"]["git.dirty"] == "true"
    assert found["code"]["git.changed"] == "params.yaml"
    assert found["run"]["name"].endswith(" optimizer.lr=0.004")
    assert found["changed"] == {"optimizer.lr": ["0.004", "0.003"]}
    assert found["locked"] == [], "trained without DVC: its dvc.lock is of another training"
    text = shell("humotion lineage models:/ls_vit-tiny@challenger", project)
    assert "dirty, changed: params.yaml" in text
    assert "optimizer.lr: 0.004 then, 0.003 now" in text
    commands = found["rebuild"]["commands"]
    clone = project.parent / "again"
    fetched = [*commands[:-1], "dvc repro train@action"]
    shell("\n".join(fetched).replace(f"../action-{found['code']['git.commit'][:7]}", str(clone)), project)
    assert "lr: 0.004" in (clone / "params.yaml").read_text()
    assert (clone / "models" / "action" / "model.safetensors").read_bytes() == weights

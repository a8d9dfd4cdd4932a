"""What a removed experiment leaves behind, with the real DVC: it is found, listed and removed, and nothing else is."""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from pathlib import Path

import pytest
from dvc.repo import Repo
from ruamel.yaml import YAML
from typer.testing import CliRunner

from humotion.checkout import doctor
from humotion.checkout.leftovers import find_leftovers, remove, without_entries
from humotion.cli.main import app
from humotion.params.document import load_params
from tests.support.tiny_pipeline import git
from tests.support.tiny_project import tiny_settings

PIPELINE = """\
stages:
  train:
    foreach: ${experiments}
    do:
      cmd: >-
        mkdir -p models/${key} metrics/${key} && echo '{}' > models/${key}/model.ckpt
        && echo ${item.seed} > metrics/${key}/train.json
      params:
        - experiments.${key}.seed
      outs:
        - models/${key}
      metrics:
        - metrics/${key}/train.json:
            cache: false
  register:
    foreach: ${experiments}
    do:
      cmd: mkdir -p registered && cp metrics/${key}/train.json registered/${key}.json
      deps:
        - metrics/${key}/train.json
      outs:
        - registered/${key}.json
plots:
  - curves:
      x: epoch
      y:
        metrics/action/curves.csv: val/top1
        metrics/pose/curves.csv: val/pck
"""


def write_params(*names: str, seed: int = 3) -> None:
    settings = tiny_settings(seed=seed)
    experiments = {name: settings["experiments"][name] for name in names}
    with Path("params.yaml").open("w") as stream:
        YAML().dump(settings | {"experiments": experiments}, stream)


def reproduce() -> None:
    with Repo(".") as repo:
        repo.reproduce()


def dvc_checkout() -> None:
    with Repo(".") as repo:
        repo.checkout()


@pytest.fixture(scope="module")
def committed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two experiments that DVC has run and git has committed, with autostage as in this repository."""
    folder = tmp_path_factory.mktemp("committed")
    with contextlib.chdir(folder):
        write_params("action", "pose")
        Path("dvc.yaml").write_text(PIPELINE)
        Path(".gitignore").write_text("/models/\n/registered/\n/reports/\n/plans/\n")
        git("init", "--quiet")
        with Repo.init(".") as repo, repo.config.edit("repo") as config:
            config["core"]["autostage"] = True
        reproduce()
        git("add", "-A")
        git("commit", "--quiet", "-m", "both")
    return folder


@pytest.fixture
def checkout(committed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "checkout"
    shutil.copytree(committed, folder)
    monkeypatch.chdir(folder)
    return folder


def files() -> set[str]:
    hidden = (".git/", ".dvc/")
    found = (path.relative_to(Path.cwd()).as_posix() for path in Path.cwd().rglob("*") if path.is_file())
    return {path for path in found if not path.startswith(hidden)}


def test_a_checkout_in_order_has_none(checkout: Path) -> None:
    assert not find_leftovers(load_params())
    assert doctor.CHECKS["leftovers"]().status == "ok"
    assert doctor.CHECKS["staged results"]().status == "ok"


def test_a_removed_experiment_is_found_and_removed_and_nothing_else(checkout: Path, tmp_path: Path) -> None:
    mine = {"reports/mine/summary.txt", "models/official/model.json", "models/notes.txt", "plans/.kept"}
    for name in mine:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text("mine")
    outside = tmp_path.parent / f"{tmp_path.name}-outside"
    (outside / "summary").mkdir(parents=True)
    (outside / "summary.json").write_text("{}")
    Path("reports/linked").symlink_to(outside)
    before = files()
    write_params("action")
    found = find_leftovers(load_params())
    assert [str(path) for path in found.paths] == ["metrics/pose", "models/pose", "registered/pose.json"]
    assert found.entries[Path("dvc.lock")] == ("train@pose", "register@pose")
    assert found.plots == ("metrics/pose/curves.csv",)
    told = doctor.CHECKS["leftovers"]()
    assert (told.status, told.found) == ("warn", "3 outputs, 2 lock entries, 1 plots that params.yaml does not have")

    listed = CliRunner().invoke(app, ["tidy"]).output
    assert "models/pose" in listed and "train@pose, register@pose" in listed and "Nothing is deleted" in listed
    assert files() == before
    assert CliRunner().invoke(app, ["tidy", "--yes"]).exit_code == 0
    assert before - files() == {"models/pose/model.ckpt", "metrics/pose/train.json", "registered/pose.json"}
    assert (outside / "summary.json").exists()
    lock = YAML(typ="safe").load(Path("dvc.lock"))
    assert list(lock["stages"]) == ["train@action", "register@action"]
    with Repo(".") as repo:
        assert repo.status() == {}
    assert find_leftovers(load_params()).plots and not find_leftovers(load_params()).paths

    git("checkout", "--quiet", "HEAD", "--", ".")  # the older commit comes back whole
    dvc_checkout()
    assert before == files()


def test_the_last_experiment_of_a_lock_file(checkout: Path) -> None:
    text = Path("dvc.lock").read_text()
    kept = without_entries(text, {"train@pose", "register@pose"})
    assert [line for line in text.splitlines() if line not in kept.splitlines()]
    assert YAML(typ="safe").load(without_entries(text, set(YAML(typ="safe").load(text)["stages"])))["stages"] == {}
    assert without_entries(text, set()) == text


def test_a_folder_on_another_disk_is_left_alone(checkout: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path.parent / f"{tmp_path.name}-disk"
    Path("models").rename(elsewhere)
    Path("models").symlink_to(elsewhere)
    write_params("action")
    found = find_leftovers(load_params())
    assert [str(path) for path in found.paths] == ["metrics/pose", "registered/pose.json"]
    remove(found)
    assert (elsewhere / "pose" / "model.ckpt").exists()


def test_what_killed_stages_left_is_removed_after_a_day(checkout: Path) -> None:
    old, young = Path("reports/.action.b23b594b"), Path("reports/.action.0123abcd")
    for folder in (old, young):
        folder.mkdir(parents=True)
        (folder / "figure.png").write_text("half")
    yesterday = time.time() - 90_000
    os.utime(old, (yesterday, yesterday))
    found = find_leftovers(load_params())
    assert found.paths == (old,)
    remove(found)
    assert not old.exists() and young.exists()


def test_the_advice_discards_an_experiment(checkout: Path) -> None:
    """DVC stages dvc.lock and metrics (autostage), so `git checkout .` alone leaves them as they are."""
    write_params("action", "pose", seed=99)
    reproduce()
    told = doctor.CHECKS["staged results"]()
    assert told.status == "warn"
    git("checkout", "--quiet", ".")
    assert "dvc.lock" in git("diff", "HEAD", "--name-only")  # still the experiment's
    command = told.advice.partition("with its settings: ")[2].partition(" (git checkout")[0]
    assert command.endswith("&& dvc checkout")
    git(*command.split(" && ")[0].split()[1:])
    dvc_checkout()
    assert git("status", "--porcelain") == ""
    assert Path("metrics/pose/train.json").read_text() == "3\n"
    with Repo(".") as repo:
        assert repo.status() == {}
    assert doctor.CHECKS["staged results"]().status == "ok"

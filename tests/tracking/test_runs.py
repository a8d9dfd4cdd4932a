from __future__ import annotations

import hashlib
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from humotion.errors import HumotionError
from humotion.tracking import runs
from humotion.tracking.models import log_model_folder
from humotion.tracking.sources import RunSource, flatten
from humotion.tracking.store import connect, mlflow
from humotion.work import digest_of_file
from tests.support.tiny_models import make_task, write_model_folder

PARAMS = {"model": {"dim": 16, "mean": [0.5, 0.5]}, "seed": 7}
ORIGIN = {"git.commit": "c" * 40, "git.dirty": "false"}
SOURCE = RunSource("action/tiny", "ls_vit", PARAMS, {"plan": "abc"})


def fetch(run_id: str) -> mlflow.entities.Run:
    return connect().get_run(run_id)


def artifacts(run_id: str, under: str) -> list[str]:
    return sorted(entry.path for entry in connect().list_artifacts(run_id, under))


def test_a_run_is_traceable(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for command in (
        ["git", "init", "--quiet"],
        ["git", "add", "params.yaml"],
        ["git", "-c", "user.name=a", "-c", "user.email=a@b", "commit", "--quiet", "-m", "a"],
    ):
        subprocess.run(command, check=True)
    commit = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=True).stdout.strip()
    monkeypatch.setenv("DVC_EXP_NAME", "bold-idea")
    (checkout / "figure.txt").write_text("drawn")
    with runs.training_run(SOURCE) as run_id:
        runs.log_metrics({"val/pck_0.2": 0.25}, step=3)
        runs.log_file(checkout / "figure.txt", "train")
        runs.set_tags({"colour": "red"})
    run = fetch(run_id)
    assert run.data.params == {"model.dim": "16", "model.mean": "[0.5, 0.5]", "seed": "7"}
    assert run.data.metrics == {"val/pck_0.2": 0.25}
    tags = run.data.tags
    assert tags["git.commit"] == commit
    assert tags["git.dirty"] == "false"
    assert tags["dvc.exp_name"] == "bold-idea"
    assert (tags["humotion.experiment"], tags["data.plan.md5"], tags["colour"]) == ("ls_vit", "abc", "red")
    assert (run.info.run_name, run.info.status) == ("ls_vit bold-idea", "FINISHED")
    assert tags["kind"] == "training"
    assert connect().get_experiment(run.info.experiment_id).name == "action/tiny"
    assert artifacts(run_id, "source") == ["source/dvc.yaml", "source/params.yaml"]
    assert artifacts(run_id, "train") == ["train/figure.txt"]


def fail_after_an_epoch() -> None:
    runs.log_metrics({"loss": 2.0}, step=0)
    raise ZeroDivisionError("no luck")


def test_an_interrupted_run_is_resumed(checkout: Path) -> None:
    with pytest.raises(ZeroDivisionError), runs.training_run(SOURCE) as first:
        fail_after_an_epoch()
    run = fetch(first)
    assert run.info.status == "FAILED"
    assert run.data.tags["error"] == "ZeroDivisionError: no luck"
    with runs.training_run(SOURCE, resume=first) as second:
        runs.log_metrics({"loss": 1.0}, step=1)
    assert second == first
    run = fetch(second)
    assert run.info.status == "FINISHED"
    assert "error" not in run.data.tags
    assert [(point.step, point.value) for point in connect().get_metric_history(first, "loss")] == [(0, 2.0), (1, 1.0)]


def test_control_c_ends_a_run_as_killed(checkout: Path) -> None:
    with pytest.raises(KeyboardInterrupt), runs.training_run(SOURCE) as run_id:
        raise KeyboardInterrupt
    assert fetch(run_id).info.status == "KILLED"


def test_a_run_that_the_store_does_not_know_is_begun_anew(checkout: Path) -> None:
    with runs.training_run(SOURCE, resume="f" * 32) as run_id:
        pass
    assert run_id != "f" * 32
    with runs.training_run(SOURCE) as deleted:
        pass
    connect().delete_run(deleted)
    with runs.training_run(SOURCE, resume=deleted) as run_id:
        pass
    assert run_id != deleted


def test_adding_to_a_finished_run(checkout: Path, clip: Path) -> None:
    with runs.training_run(SOURCE) as run_id:
        pass
    restoration = runs.Restoration({}, checkout / "absent", clip)  # not needed: the store knows the run
    with runs.finished_run(run_id, SOURCE, restoration) as found:
        runs.log_metrics({"test/top1": 0.5})
    assert found == run_id
    run = fetch(run_id)
    assert run.info.status == "FINISHED"
    assert run.data.metrics == {"test/top1": 0.5}
    assert "restored_from" not in run.data.tags


def test_a_lost_run_is_restored_once(checkout: Path, clip: Path) -> None:
    lost = "f" * 32
    folder = write_model_folder(checkout / "model", make_task("action_recognition"), "action_recognition", lost)
    restoration = runs.Restoration({"best_val/top1": 0.75}, folder, clip)
    weights = digest_of_file(folder / "model.safetensors")
    with pytest.raises(HumotionError, match="has no model of run"):
        runs.logged_model(lost, weights)
    source = replace(SOURCE, origin=ORIGIN, note="what it is")
    for _ in range(2):
        with runs.finished_run(lost, source, restoration) as run_id:
            runs.log_metrics({"test/top1": 0.5})
            runs.describe(source.note, {"top1": 0.75}, {"test": {"top1": 0.5}, "baseline": {"chance": {"top1": 0.1}}})
    found = connect().search_runs([fetch(run_id).info.experiment_id])
    assert [run.info.run_id for run in found] == [run_id]
    run = fetch(run_id)
    assert run.data.tags["restored_from"] == lost
    note = run.data.tags["mlflow.note.content"]
    assert note.startswith("what it is\n\n### Figures\n")
    assert note.endswith("| top1 | 0.7500 | 0.5000 | 0.1000 |"), "once, though it was evaluated twice"
    assert note.count("Figures") == 1
    assert run.data.tags["git.commit"] == "c" * 40, "the training's, not that of the checkout it is restored in"
    assert run.info.run_name == "ls_vit ccccccc (restored)"
    assert run.data.metrics == {"best_val/top1": 0.75, "test/top1": 0.5}
    assert run.data.params["model.dim"] == "16"
    model = runs.logged_model(lost, weights)
    assert model.run_id == run_id
    assert runs.logged_model(run_id, weights) == model


def test_a_restoration_that_failed_is_done_again(checkout: Path, clip: Path) -> None:
    lost = "f" * 32
    with (
        pytest.raises(FileNotFoundError),
        runs.finished_run(lost, SOURCE, runs.Restoration({}, checkout / "absent", clip)),
    ):
        pass
    folder = write_model_folder(checkout / "model", make_task("action_recognition"), "action_recognition", lost)
    with runs.finished_run(lost, SOURCE, runs.Restoration({}, folder, clip)) as run_id:
        pass
    assert runs.logged_model(lost, digest_of_file(folder / "model.safetensors")).run_id == run_id


def test_a_model_is_found_by_its_weights(checkout: Path, clip: Path) -> None:
    folders = [
        write_model_folder(checkout / f"model{seed}", make_task("action_recognition", seed), "action_recognition")
        for seed in (0, 1)
    ]
    with runs.training_run(SOURCE) as run_id:
        ids = [log_model_folder(folder, clip) for folder in folders]
    for folder, model_id in zip(folders, ids, strict=True):
        found = runs.logged_model(run_id, digest_of_file(folder / "model.safetensors"))
        assert found == runs.LoggedModel(model_id, run_id)
    with pytest.raises(HumotionError):
        runs.logged_model(run_id, "0" * 32)


def test_flatten() -> None:
    nested = {"a": {"b": 1, "c": {}}, "d": [1, {"e": 2}], "f": "x" * 7000, "g": None}
    flat = flatten(nested)
    assert flat == {"a.b": "1", "a.c": "{}", "d": "[1, {'e': 2}]", "f": flat["f"], "g": "None"}
    digest = hashlib.md5(b"x" * 7000).hexdigest()
    assert flat["f"].endswith(f" ... (7,000 characters, md5 {digest})")  # two long values differ in it
    assert len(flat["f"]) <= 6000


def test_experiment_name() -> None:
    assert runs.experiment_name("pose_estimation", "penn_action") == "pose/penn_action"

"""The doctor on this machine, and on checkouts with something wrong."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from humotion.checkout import doctor, doctor_machine
from humotion.system.processes import this_process
from humotion.tracking.dead_runs import PROCESS
from humotion.tracking.store import connect, experiment_id
from tests.support.repository import REPOSITORY


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A git and DVC checkout with this project's params.yaml and no data."""
    for name in ("params.yaml", "dvc.yaml"):
        shutil.copy(REPOSITORY / name, tmp_path / name)
    for command in (["git", "init", "-q"], [sys.executable, "-m", "dvc", "init", "-q"]):
        subprocess.run(command, cwd=tmp_path, check=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return tmp_path


def finding(name: str) -> doctor.Finding:
    return doctor.CHECKS[name]()


def test_the_command_tells_people_and_programs_the_same(checkout: Path) -> None:
    command = [sys.executable, "-m", "humotion", "doctor", "--json"]
    before = set(checkout.rglob("*"))
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1, done.stderr  # there is no data
    findings = json.loads(done.stdout)
    assert [entry["check"] for entry in findings] == list(doctor.CHECKS)
    shown = doctor.describe([doctor.Finding(**entry) for entry in findings])
    for entry in findings:
        assert re.search(rf"^{entry['status']} +{entry['check']} ", shown, re.MULTILINE)
        assert entry["status"] == "ok" or entry["advice"] in shown
    status = {entry["check"]: entry["status"] for entry in findings}
    assert status["python"] == status["decoding"] == status["dvc"] == status["mlflow store"] == "ok"
    assert status["params.yaml"] == "fail"
    assert {path for path in set(checkout.rglob("*")) - before if ".dvc" not in path.parts} == set()


def test_data_that_is_there_is_well(checkout: Path) -> None:
    assert "hmdb51 (data/hmdb51)" in finding("params.yaml").found
    for name in ("hmdb51", "penn_action"):
        (checkout / "data" / name).mkdir(parents=True)
    assert finding("params.yaml").status == "ok"


def test_a_broken_params_file_is_named(checkout: Path) -> None:
    (checkout / "params.yaml").write_text("datasets: {}\nlayers: {}\nfusions: {}\nexperiments: {}\nmachin: {}\n")
    assert finding("params.yaml").status == "fail" and "machin" in finding("params.yaml").found
    assert finding("gpu").status == finding("mlflow store").status == "ok"


def test_git_is_clean_changed_or_absent(checkout: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert finding("git").status == "warn"
    subprocess.run(["git", "add", "-A"], check=True)
    identity = ["-c", "user.name=a", "-c", "user.email=a@b"]
    subprocess.run(["git", *identity, "commit", "-qm", "all"], check=True)
    assert finding("git") == doctor.Finding("git", "ok", "clean")
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    assert finding("git").status == "fail" and "safe.directory" in finding("git").found
    monkeypatch.setenv("PATH", str(checkout / "nothing"))
    assert finding("git").status == "fail"


def test_a_store_that_does_not_answer(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "10")
    assert finding("mlflow store").status == "fail" and "127.0.0.1:9" in finding("mlflow store").found
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{checkout}/params.yaml/mlflow.db")
    assert finding("mlflow store").status == "fail"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "./mlruns")
    assert finding("mlflow store").status == "fail" and "sqlite:///" in finding("mlflow store").found
    (checkout / "mlflow.db").write_bytes(b"not a database" * 100)
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    assert finding("mlflow store").status == "fail"


def test_a_broken_pipeline_file(checkout: Path) -> None:
    (checkout / "dvc.yaml").write_text("stages: [}")
    assert finding("dvc").status == "fail"


def test_no_rar_tool_is_a_warning(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(checkout))
    assert finding("rar tool").status == "warn"


def test_a_check_that_breaks_is_a_finding() -> None:
    def broken() -> doctor.Finding:
        raise OSError("gone")

    found = doctor._guarded("disk", broken)
    assert (found.status, found.found) == ("fail", "OSError: gone")


def test_batches_that_do_not_fit_into_shared_memory(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Docker gives a container 64 MB by default."""
    params = (checkout / "params.yaml").read_text()
    (checkout / "params.yaml").write_text(params.replace("workers: auto", "workers: 2"))
    assert finding("shared memory").status == "ok"
    monkeypatch.setattr(doctor_machine, "SHARED_MEMORY", checkout)
    free = shutil.disk_usage(checkout).free
    (checkout / "params.yaml").write_text(params.replace("workers: auto", f"workers: {free}"))
    found = finding("shared memory")
    assert found.status == "fail"
    assert "machine.workers: 0" in found.advice and "--shm-size" in found.advice
    (checkout / "params.yaml").write_text(params.replace("workers: auto", "workers: 0"))
    assert finding("shared memory").status == "ok"


def test_dvc_that_does_not_find_the_command(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`.venv/bin/dvc repro` in a shell that has not activated the environment."""
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    found = finding("commands")
    assert (found.status, found.found) == ("fail", "`humotion` is not on PATH")
    assert f"source {Path(sys.executable).parent / 'activate'}" in found.advice


def test_a_lock_file_of_dvc_that_a_full_disk_has_cut(checkout: Path) -> None:
    lock = checkout / ".dvc" / "tmp" / "rwlock"
    lock.parent.mkdir(parents=True, exist_ok=True)
    lock.write_text("{}")
    assert finding("dvc locks").status == "ok"
    lock.write_text('{"data": {"re')
    assert finding("dvc locks").status == "fail" and f"rm {lock}" in finding("dvc locks").advice


def test_a_run_whose_process_is_gone(checkout: Path) -> None:
    assert finding("dead runs").status == "ok"
    assert not (checkout / "mlflow.db").exists() and not (checkout / ".humotion").exists()
    client = connect()
    gone = replace(this_process(), start=1).as_text()
    client.create_run(experiment_id(client, "action/tiny"), run_name="left open", tags={PROCESS: gone})
    found = finding("dead runs")
    assert found.status == "warn" and "left open" in found.found


def test_the_doctor_finds_and_repairs_what_a_store_lacks(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from humotion.checkout.doctor_store import repair
    from humotion.tracking import runs
    from humotion.tracking.sources import RunSource
    from humotion.tracking.store import connect

    with runs.training_run(RunSource("action/hmdb51", "ls_vit", {}, {})) as run_id:
        runs.log_file(checkout / "params.yaml", "notes")
    assert finding("run files").status == finding("registry").status == finding("mlflow store").status == "ok"
    new = checkout / "new"
    new.mkdir()
    for name in ("params.yaml", "dvc.yaml", "mlflow.db"):
        shutil.copy(checkout / name, new / name)
    (new / "registered").mkdir()
    (new / "registered" / "ls_vit.json").write_text('{"model": "ls_vit-hmdb51", "alias": "champion"}')
    monkeypatch.chdir(new)
    found = finding("run files")
    assert found.status == "warn" and f"name {checkout}, 2 of which have files only there" in found.found
    assert "humotion join" in finding("registry").advice and "ls_vit" in finding("registry").found
    assert f"copied here: {new}/mlruns/action-hmdb51/{run_id}/artifacts" in list(repair())
    assert finding("run files").status == "ok"
    assert (new / "mlruns" / "action-hmdb51" / run_id / "artifacts" / "notes" / "params.yaml").exists()
    client = connect()
    client.delete_experiment(client.get_experiment_by_name("action/hmdb51").experiment_id)
    assert finding("mlflow store").status == "fail" and "action/hmdb51" in finding("mlflow store").found

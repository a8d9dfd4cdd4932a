"""Runs for a server that is away, stops, comes back or refuses; `humotion track`."""

from __future__ import annotations

import contextlib
import http.server
import json
import shutil
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from mlflow import MlflowClient
from mlflow.entities import Run
from typer.testing import CliRunner

from humotion.checkout import doctor
from humotion.cli.main import app
from humotion.errors import HumotionError
from humotion.stages import augment, evaluate, register, sample, train
from humotion.tracking import runs, sweeps
from humotion.tracking.models import log_model_folder
from humotion.tracking.outbox import live, place
from humotion.tracking.outbox.delivery import DIED, OTHER_PARAMS, Delivery, deliver
from humotion.tracking.outbox.waiting import claimed, waiting_runs
from humotion.tracking.store import LOCAL_ID, connect
from humotion.training.description import read_description
from humotion.work import digest_of_file
from tests.support.mlflow_server import Server
from tests.support.tiny_models import make_task, write_model_folder
from tests.support.tiny_project import build_project, tiny_params

SOURCE = runs.RunSource("action/tiny", "ls_vit", {"model": {"dim": 16}, "seed": 7}, {"plan": "abc"})
EPOCHS = 4
Points = dict[str, list[tuple[int, float]]]


@pytest.fixture(scope="module")
def running(empty_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("server")
    shutil.copy(empty_store, folder / "mlflow.db")
    server = Server(folder)
    server.start()
    yield server
    server.kill()


@pytest.fixture
def server(running: Server, monkeypatch: pytest.MonkeyPatch) -> Server:
    """The server, up, and the store in use; it is asked often and without patience."""
    if not running.answers():
        running.start()
    use_server(running.uri, monkeypatch)
    return running


@pytest.fixture
def no_server(checkout: Path, prepared_outbox: None, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout whose store in use is a server that was never there."""
    use_server("http://127.0.0.1:9", monkeypatch)
    return checkout


@pytest.fixture
def prepared_outbox(checkout: Path, empty_store: Path) -> None:
    give_empty_store(checkout, empty_store)


def give_empty_store(checkout: Path, empty_store: Path) -> None:
    """Spare the outbox of a new checkout the making of MLflow's tables."""
    (checkout / "params.yaml").write_text("datasets: {}\nlayers: {}\nfusions: {}\nexperiments: {}\n")
    folder = checkout / ".humotion" / "outbox"
    folder.mkdir(parents=True)
    shutil.copy(empty_store, folder / f"empty-{place.mlflow_version}.db")


def use_server(uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.setattr(live, "INTERVAL", 0.2)


def history(client: MlflowClient, run: Run) -> Points:
    """Every point of every metric that does not depend on the clock."""
    keys = [key for key in run.data.metrics if not key.startswith(("system/", "time/"))]
    points = {key: client.get_metric_history(run.info.run_id, key) for key in keys}
    return {key: sorted((point.step, point.value) for point in some) for key, some in points.items()}


def all_points(client: MlflowClient, run_id: str) -> dict[str, list[tuple[int, int, float]]]:
    keys = client.get_run(run_id).data.metrics
    return {key: sorted((p.step, p.timestamp, p.value) for p in client.get_metric_history(run_id, key)) for key in keys}


def files(listing: Any, resource: str, under: str | None = None) -> dict[str, int]:
    found = {}
    for entry in listing(resource, under):
        found |= files(listing, resource, entry.path) if entry.is_dir else {entry.path: entry.file_size}
    return found


def track(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["track", *arguments])
    return result.exit_code, result.output + str(result.exception or "")


@contextlib.contextmanager
def killed_once(server: Server, pattern: str) -> Iterator[None]:
    """Kill the server as soon as a file appears below the working folder."""
    folder, over = Path.cwd(), threading.Event()

    def watch() -> None:
        while not over.is_set() and not list(folder.glob(pattern)):
            time.sleep(0.005)
        server.kill()

    thread = threading.Thread(target=watch)
    thread.start()
    yield
    over.set()
    thread.join()


def test_a_server_killed_in_the_middle_of_a_training(
    server: Server, empty_store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    folder, params = build_project(tmp_path / "project"), tiny_params(epochs=EPOCHS)
    shutil.copy(empty_store, folder / "mlflow.db")
    give_empty_store(folder, empty_store)
    monkeypatch.chdir(folder)
    for stage in (sample, augment):
        stage.run("action", params)
    with monkeypatch.context() as patch:  # as it should be: without any server
        patch.delenv("MLFLOW_TRACKING_URI")
        train.run("action", params)
        evaluate.run("action", params)
        expected = connect()
    wanted = expected.get_run(read_description(Path("models/action")).run_id)
    (wanted_model,) = wanted.outputs.model_outputs
    shutil.rmtree("models")

    with killed_once(server, ".humotion/work/train/*/last.ckpt"):
        train.run("action", params)
    assert "It is complete." in capsys.readouterr().out
    (waiting,) = waiting_runs()
    assert waiting.run_id is not None, "it had begun at the server"
    evaluate.run("action", params)
    with pytest.raises(HumotionError, match="waits on disk"):
        register.run("action", params)
    assert not Path("registered").exists()
    assert len(waiting_runs()) == 1
    code, text = track("sync")
    assert code == 1 and "still wait" in text

    server.start()
    code, text = track("sync")
    assert code == 0, text
    assert waiting_runs() == []
    client = connect()
    run_id = read_description(Path("models/action")).run_id
    run = client.get_run(run_id)
    assert history(client, run) == history(expected, wanted)
    assert {len(points) for key, points in history(client, run).items() if key.startswith("val/")} == {EPOCHS}
    assert [key for key in run.data.metrics if key.startswith("time/")] == ["time/train_seconds"]
    assert run.data.params == wanted.data.params
    own = ("mlflow.source.git.commit", "mlflow.log-model.history", LOCAL_ID)
    tags, wanted_tags = (
        {key: value for key, value in some.data.tags.items() if key not in own} for some in (run, wanted)
    )
    assert tags == wanted_tags
    assert set(files(client.list_artifacts, run_id)) == set(files(expected.list_artifacts, wanted.info.run_id))
    assert (run.info.status, run.info.run_name) == ("FINISHED", wanted.info.run_name)
    (model,) = run.outputs.model_outputs
    models = expected.get_logged_model(wanted_model.model_id), client.get_logged_model(model.model_id)
    for key in ("name", "params", "tags", "model_type", "status"):
        first, second = (getattr(model, key) for model in models)
        assert (first or "") == (second or ""), key
    assert {(m.key, m.value, m.step) for m in models[0].metrics if not m.key.startswith(("system/", "time/"))} == {
        (m.key, m.value, m.step) for m in models[1].metrics if not m.key.startswith(("system/", "time/"))
    }
    assert set(files(client.list_logged_model_artifacts, model.model_id)) == set(
        files(expected.list_logged_model_artifacts, wanted_model.model_id)
    )

    evaluate.run("action", params)
    register.run("action", params)
    assert client.get_model_version_by_alias("ls_vit-tiny", "champion").run_id == run_id
    assert waiting_runs() == []


def begin_away(folder: Path, clip: Path) -> tuple[str, str]:
    """A run with everything, written while no server answers: its id and the md5 of its model."""
    model = write_model_folder(folder / "model", make_task("action_recognition"), "action_recognition")
    with runs.training_run(SOURCE) as run_id:
        for step in range(3):
            runs.log_metrics({"loss": 1 / (step + 1), "not/a_number": float("nan")}, step=step)
        runs.log_file(model / "model.json", "train")
        log_model_folder(model, clip)
    return run_id, digest_of_file(model / "model.safetensors")


def test_a_server_that_was_never_there(no_server: Path, clip: Path, server: Server) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
        run_id, md5 = begin_away(no_server, clip)
        _, listed = track("status")
        assert "ls_vit  waits  for http://127.0.0.1:9" in listed
        assert doctor.CHECKS["unsent runs"]().found.startswith("1 on disk")
        (waiting,) = waiting_runs()
        kept = all_points(MlflowClient(waiting.store), run_id)
        # Another process adds to it, as `evaluate` does.
        with runs.finished_run(run_id, SOURCE, runs.Restoration({}, no_server / "absent", clip)) as found:
            runs.log_metrics({"test/top1": 0.5})
        assert found == run_id
        assert len(waiting_runs()) == 1
    # Cut off after the run was made and before its id was noted; the next attempt finds it.
    Delivery(waiting, server.uri).records()
    assert waiting_runs()[0].run_id is not None
    (waiting,) = waiting_runs()
    waiting.run_id = None
    waiting.save()
    code, text = track("sync", "--uri", server.uri)
    assert code == 0, text
    assert track("status") == (0, "No run waits.\n")
    assert doctor.CHECKS["unsent runs"]().status == "ok"

    client = MlflowClient(server.uri)
    model = runs.logged_model(run_id, md5)
    experiment = client.get_run(model.run_id).info.experiment_id
    assert len(client.search_runs([experiment], f"tags.`{LOCAL_ID}` = '{run_id}'")) == 1
    there = all_points(client, model.run_id)
    assert there.pop("test/top1")[0][2] == 0.5
    assert repr(there) == repr(kept)
    assert client.get_run(model.run_id).info.status == "FINISHED"
    # From now on the run is known by its old id as by its new one.
    with runs.finished_run(run_id, SOURCE, runs.Restoration({}, no_server / "absent", clip)) as found:
        runs.log_metrics({"test/top5": 1.0})
    assert found == model.run_id
    assert client.get_run(found).data.metrics["test/top5"] == 1.0
    assert not waiting_runs()


def test_a_process_that_died_is_said_to_have_failed_and_goes_on(
    checkout: Path, prepared_outbox: None, server: Server
) -> None:
    with runs.training_run(SOURCE) as run_id:
        runs.log_metrics({"loss": 2.0}, step=0)
        (waiting,) = waiting_runs()
        assert "being written" in track("status")[1]
        assert track("sync")[0] == 0  # leaves it alone
        shutil.copytree(waiting.folder, waiting.folder.with_name("later"))
    client = MlflowClient(server.uri)
    assert client.get_run(run_id).info.status == "FINISHED"
    # What a killed process leaves behind: the folder as it was in the middle. That it lies elsewhere does no harm.
    assert "its process died" in track("status")[1]
    assert track("sync")[0] == 0
    run = client.get_run(run_id)
    assert (run.info.status, run.data.tags["error"]) == ("KILLED", DIED)
    assert not waiting_runs()
    with runs.training_run(SOURCE, resume=run_id) as again:
        assert client.get_run(run_id).info.status == "RUNNING"
        runs.log_metrics({"loss": 1.0}, step=1)
    assert again == run_id
    run = client.get_run(run_id)
    assert run.info.status == "FINISHED" and "error" not in run.data.tags
    assert [step for step, *_ in all_points(client, run_id)["loss"]] == [0, 1]


def test_a_known_run_is_added_to_while_the_server_is_away(
    checkout: Path, prepared_outbox: None, clip: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = write_model_folder(checkout / "model", make_task("action_recognition"), "action_recognition")
    with runs.training_run(SOURCE) as run_id:
        runs.log_metrics({"best_val/top1": 0.75})
        log_model_folder(model, clip)
    client = MlflowClient(server.uri)
    before = client.get_run(run_id)
    restoration = runs.Restoration({"best_val/top1": 0.75}, model, clip)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    with runs.finished_run(run_id, SOURCE, restoration) as found:
        runs.log_metrics({"test/top1": 0.5})
    assert found == run_id
    (waiting,) = waiting_runs()
    assert deliver(waiting, server.uri) is None
    after = client.get_run(run_id)
    assert after.data.metrics == {**before.data.metrics, "test/top1": 0.5}
    assert after.data.tags == before.data.tags
    assert len(all_points(client, run_id)["best_val/top1"]) == 1
    assert len(after.outputs.model_outputs) == 1


def test_a_sweep_begun_without_its_server(no_server: Path, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    (no_server / "tables").mkdir()
    (no_server / "tables" / "trials.csv").write_text("number\n0\n1\n")
    parent = sweeps.sweep_run(SOURCE, "study", {})
    assert sweeps.sweep_run(SOURCE, "study", {}) == parent
    with runs.training_run(SOURCE, parent=parent) as child:
        runs.log_metrics({"loss": 1.0}, step=0)
    with runs.training_run(SOURCE, parent=parent):
        sweeps.copy_curves(child)
    with sweeps.finishing_sweep(parent):
        sweeps.log_sweep(no_server / "tables", {"trials/complete": 2.0}, {})
    waiting = waiting_runs()
    assert len(waiting) == 3
    for run in waiting:
        run.server = server.uri
        run.save()
    with claimed(waiting[-1], 0) as trial:  # before its parent, which is brought along
        assert trial is not None and deliver(trial, server.uri) is None
    assert len(waiting_runs()) == 1
    code, text = track("sync", "--uri", server.uri)
    assert code == 0, text
    client = MlflowClient(server.uri)
    places = [place.experiment_id for place in client.search_experiments()]
    (sweep,) = client.search_runs(places, "tags.kind = 'sweep'")
    assert sweep.info.status == "FINISHED" and sweep.data.metrics == {"trials/complete": 2.0}
    trials = client.search_runs(places, f"tags.`mlflow.parentRunId` = '{sweep.info.run_id}'")
    assert [trial.data.metrics["loss"] for trial in trials] == [1.0, 1.0]


@pytest.mark.parametrize(("status", "refused"), [(401, "/"), (403, "/"), (404, "/"), (403, "/runs/create")])
def test_a_server_that_refuses_is_no_outage(
    checkout: Path, prepared_outbox: None, status: int, refused: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    experiment = {"experiment": {"experiment_id": "1", "name": "action/tiny", "lifecycle_stage": "active"}}

    class Refusing(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if refused in self.path:
                self.send_error(status)
            elif "runs/get" in self.path:
                self.answer(404, {"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "no such run"})
            else:
                self.answer(200, experiment if "get-by-name" in self.path else {})

        do_POST = do_GET  # noqa: N815

        def answer(self, code: int, body: dict[str, Any]) -> None:
            self.send_response(code)
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def log_message(self, *_: Any) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Refusing) as other:
        threading.Thread(target=other.serve_forever, daemon=True).start()
        use_server(f"http://me:secret@127.0.0.1:{other.server_port}", monkeypatch)
        with pytest.raises(HumotionError, match="answers, but refuses") as caught, runs.training_run(SOURCE):
            pytest.fail("it began")
        other.shutdown()
    assert "secret" not in str(caught.value)
    assert not waiting_runs()


def test_the_clips_of_a_run_arrive_as_datasets(checkout: Path, prepared_outbox: None, server: Server) -> None:
    pd.DataFrame({"clip_id": ["a", "b"], "frame_indices": [[1, 2], [3, 4]]}).to_parquet("clips.parquet")
    source = replace(SOURCE, params={"dataset": "tiny"}, clips={"training": Path("clips.parquet")})
    with runs.training_run(source) as run_id:
        runs.log_metrics({"loss": 1.0})
    (found,) = MlflowClient(server.uri).get_run(run_id).inputs.dataset_inputs
    assert (found.dataset.name, found.dataset.digest) == ("tiny/training", digest_of_file(Path("clips.parquet")))
    assert [(tag.key, tag.value) for tag in found.tags] == [("mlflow.data.context", "training")]
    assert not waiting_runs()


def test_a_parameter_that_the_server_has_with_another_value_is_told(
    checkout: Path,
    prepared_outbox: None,
    server: Server,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with runs.training_run(SOURCE) as run_id:
        pass
    client = MlflowClient(server.uri)
    other = replace(SOURCE, params={"model": {"dim": 32}, "seed": 7})
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    with runs.training_run(other, resume=run_id):
        runs.log_metrics({"loss": 1.0})
    (waiting,) = waiting_runs()
    assert deliver(waiting, server.uri) is None
    run = client.get_run(run_id)
    assert run.data.params["model.dim"] == "16"
    told = "model.dim is 32, but 16 at the server, where it stays"
    assert run.data.tags[OTHER_PARAMS] == told
    assert len([record for record in caplog.records if told in record.getMessage()]) == 1


def test_what_cannot_be_read_or_closed_at_a_server_is_told(
    checkout: Path,
    prepared_outbox: None,
    server: Server,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with runs.training_run(SOURCE) as before:
        runs.log_metrics({"loss": 2.0})
    litter = checkout / ".humotion" / "outbox" / "20260101-000000-litter"
    litter.mkdir()
    assert track("sync")[1].startswith("20260101-000000-litter: without a run, removed")
    assert not litter.exists()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    with runs.training_run(SOURCE):
        sweeps.copy_curves(before)
    (waiting,) = waiting_runs()
    tags = MlflowClient(waiting.store).get_run(waiting.local_id).data.tags
    assert tags[sweeps.STARTS_IN] == before
    sweeps.end_abandoned([before])
    sweeps.interrupt_sweep(before)
    told = [record.getMessage() for record in caplog.records if before in record.getMessage()]
    assert [text.split(before)[0] for text in told] == [
        "The curves of run ",
        *["The store does not give run "] * 2,
    ]
    waiting.remove()

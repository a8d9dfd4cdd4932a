"""A server with passwords (`mlflow server --app-name basic-auth`), whose user is not its admin."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from humotion.errors import HumotionError
from humotion.tracking import runs
from humotion.tracking.outbox.waiting import waiting_runs
from humotion.tracking.store import connect
from tests.support.mlflow_server import Server
from tests.tracking.outbox.test_outbox import SOURCE, give_empty_store, use_server

pytest.importorskip("flask_wtf", reason="MLflow's passwords need the package Flask-WTF")
pytestmark = pytest.mark.thorough  # each request to such a server takes seconds; tests of the outbox hold the rest
ADMIN = ("admin", "a-long-admin-password")
SETTINGS = """\
[mlflow]
default_permission = READ
database_uri = sqlite:///{folder}/auth.db
admin_username = {user}
admin_password = {password}
authorization_function = mlflow.server.auth:authenticate_request_basic_auth
"""


@pytest.fixture(scope="module")
def guarded(empty_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("server")
    shutil.copy(empty_store, folder / "mlflow.db")
    (folder / "auth.ini").write_text(SETTINGS.format(folder=folder, user=ADMIN[0], password=ADMIN[1]))
    server = Server(folder, folder / "auth.ini")
    server.start()
    for name in ("ada", "bob"):
        user = {"username": name, "password": f"a-long-password-of-{name}"}
        made = requests.post(f"{server.uri}/api/2.0/mlflow/users/create", json=user, auth=ADMIN, timeout=60)
        assert made.status_code == 200, made.text
    yield server
    server.kill()


@pytest.fixture
def as_user(guarded: Server, checkout: Path, empty_store: Path, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    give_empty_store(checkout, empty_store)
    use_server(guarded.uri, monkeypatch)
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "ada")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "a-long-password-of-ada")
    return monkeypatch


def a_run() -> None:
    with runs.training_run(SOURCE):
        runs.log_metrics({"val/top1": 0.5}, step=0)


def test_a_user_has_runs(as_user: pytest.MonkeyPatch) -> None:
    """The server answers 403, not 404, when it is asked whether it has the new run."""
    a_run()
    assert waiting_runs() == [], "everything was sent"
    (experiment,) = connect().search_experiments(filter_string="name = 'action/tiny'")
    (found,) = connect().search_runs([experiment.experiment_id])
    assert (found.info.status, found.data.metrics["val/top1"]) == ("FINISHED", 0.5)


def test_another_user_can_see_it_and_not_write_there(as_user: pytest.MonkeyPatch) -> None:
    a_run()
    as_user.setenv("MLFLOW_TRACKING_USERNAME", "bob")
    as_user.setenv("MLFLOW_TRACKING_PASSWORD", "a-long-password-of-bob")
    (experiment,) = connect().search_experiments(filter_string="name = 'action/tiny'")
    assert connect().search_runs([experiment.experiment_id])
    with pytest.raises(HumotionError, match="refuses the run"):
        a_run()


def test_a_wrong_password_is_an_error_before_any_work(as_user: pytest.MonkeyPatch) -> None:
    as_user.setenv("MLFLOW_TRACKING_PASSWORD", "guessed")
    with pytest.raises(HumotionError, match=r"answers, but refuses.*the user and the password"):
        a_run()

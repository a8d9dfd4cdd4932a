"""`humotion registry` and the errors of `humotion lineage`, on a real store with versions of no content."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from humotion.cli.main import app
from humotion.errors import HumotionError
from humotion.tracking import registry, runs
from humotion.tracking.sources import RunSource
from humotion.tracking.store import connect

NAME = "ls_vit-tiny"


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store with three versions: 1, then 2, then 3 became champion."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    monkeypatch.chdir(tmp_path)
    with runs.training_run(RunSource("action/tiny", "tiny", {}, {})) as run_id:
        pass
    client = connect()
    client.create_registered_model(NAME)
    for number in ("1", "2", "3"):
        client.create_model_version(NAME, f"{client.get_run(run_id).info.artifact_uri}/model", run_id)
        registry.tag_version(
            NAME, number, {"metric": "top1", "validation.top1": f"0.{number}000", "experiment": "tiny"}
        )
        registry.promote(NAME, number, f"better than {int(number) - 1}")
    return tmp_path


def call(*arguments: str) -> str:
    result = CliRunner().invoke(app, list(arguments))
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output


def champion() -> str | None:
    found = registry.champion(NAME)
    return str(found.version) if found else None


def test_demotion_goes_back_through_the_champions(store: Path) -> None:
    assert champion() == "3"
    said = call("registry", "demote", NAME, "--why", "fails at night")
    assert said == f"{NAME} version 3 is demoted; version 2 is the champion now.\n"
    tags = registry.get_version(NAME, "3").tags
    assert tags["demoted_why"] == "fails at night"
    assert "demoted_at" in tags
    assert registry.get_version(NAME, "2").tags["promoted_why"] == "version 3 was demoted: fails at night"
    again = call("registry", "demote", NAME, "--why", "x", "--version", "3")
    assert "is not the champion: nothing to do" in again
    assert champion() == "2"
    call("registry", "demote", NAME, "--why", "too")
    assert champion() == "1"
    with pytest.raises(HumotionError, match=r"No champion before version 1.*--to none"):
        call("registry", "demote", NAME, "--why", "last")
    for _ in range(2):
        assert "there is no champion now" in call("registry", "demote", NAME, "--why", "last", "--to", "none")
    assert champion() is None
    with pytest.raises(HumotionError, match="has no champion to demote"):
        call("registry", "demote", NAME, "--why", "last")


def test_demotion_to_a_version_of_choice(store: Path) -> None:
    for _ in range(2):
        assert "1 is" in call("registry", "demote", NAME, "--why", "x", "--to", "1")
        assert champion() == "1"
    call("registry", "demote", NAME, "--why", "y", "--to", "3")
    assert champion() == "3"
    assert "demoted_at" not in registry.get_version(NAME, "3").tags, "chosen by name, it is demoted no longer"
    assert registry.champion_before(NAME, "3") == "2", "1 was demoted"
    with pytest.raises(HumotionError, match=r"has no version '9'. It has 1, 2, 3"):
        call("registry", "demote", NAME, "--why", "x", "--to", "9")
    with pytest.raises(HumotionError, match=f"no model 'nosuch'. It has {NAME}"):
        call("registry", "demote", "nosuch", "--why", "x")


def test_show(store: Path) -> None:
    call("registry", "demote", NAME, "--why", "fails at night")
    lines = call("registry", "show").splitlines()
    assert lines[0] == NAME
    words = [line.split() for line in lines[1:]]
    assert [line[:2] for line in words] == [["1", "-"], ["2", "champion"], ["3", "-"]]
    assert "validation top1 0.3000" in lines[3]
    assert lines[3].endswith("demoted: fails at night")
    assert lines[2].endswith("version 3 was demoted: fails at night")


def test_lineage_of_what_is_not_there(store: Path) -> None:
    for asked, told in {
        "models:/ls_vit-tiny": "names no version",
        "models:/ls_vit-tiny@nosuch": r"'nosuch'. Its versions: 1, 2, 3 @champion",
        "models:/nosuch/1": f"no model 'nosuch'. It has {NAME}",
        "0" * 32: "is no model folder, and as a run: the store at .* does not have it",
        "models/nosuch": "not a model folder",
    }.items():
        with pytest.raises(HumotionError, match=told):
            call("lineage", asked)


def test_prediction_reads_the_store_that_params_yaml_names(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    named = tmp_path / "named" / "mlflow.db"
    (tmp_path / "params.yaml").write_text(
        f"datasets: {{}}\nlayers: {{}}\nexperiments: {{}}\nmachine: {{tracking_uri: 'sqlite:///{named}'}}\n"
    )
    from tests.support.trees import write_video

    write_video(tmp_path / "clip.mp4", num_frames=2)
    with pytest.raises(HumotionError, match=r"There is no MLflow store at .*named/mlflow\.db yet"):
        call("predict", "clip.mp4", "--model", "models:/nosuch@champion")
    assert not named.exists(), "a command that only reads makes no store"
    connect(f"sqlite:///{named}")
    with pytest.raises(HumotionError, match=r"named/mlflow\.db does not return models:/nosuch@champion"):
        call("predict", "clip.mp4", "--model", "models:/nosuch@champion")

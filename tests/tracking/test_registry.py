from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pandas as pd
import pytest

from humotion.tracking import registry, runs
from humotion.tracking.models import log_model_folder
from humotion.tracking.sources import RunSource
from humotion.tracking.store import connect, mlflow
from humotion.work import digest_of_file
from tests.support.tiny_models import make_task, write_model_folder

SOURCE = RunSource("action/tiny", "tiny", {}, {})
NAME = "ls_vit-tiny"
Log = tuple[registry.Candidate, str]


def candidate(folder: Path, clip: Path, description: str = "card") -> registry.Candidate:
    with runs.training_run(SOURCE) as run_id:
        model_id = log_model_folder(folder, clip)
    md5 = digest_of_file(folder / "model.safetensors")
    return registry.Candidate(NAME, run_id, model_id, md5, {"experiment": "tiny"}, description)


def test_versions_and_aliases(checkout: Path, clip: Path) -> None:
    task = make_task("action_recognition")
    first = candidate(write_model_folder(checkout / "one", task, "action_recognition"), clip)
    assert registry.champion(NAME) is None
    assert registry.register_version(first) == "1"
    assert registry.register_version(first) == "1"
    assert len(connect().search_model_versions(f"name = '{NAME}'")) == 1
    second = candidate(checkout / "one", clip, "of another run")
    assert registry.register_version(second) == "2"

    registry.set_alias(NAME, "1", registry.CHAMPION)
    registry.set_alias(NAME, "2", registry.CHALLENGER)
    champion = registry.champion(NAME)
    assert champion is not None
    assert (champion.version, champion.run_id) in ((1, first.run_id), ("1", first.run_id))
    assert champion.tags["experiment"] == "tiny"
    registry.set_alias(NAME, "2", registry.CHAMPION)
    registry.set_alias(NAME, "1", registry.CHALLENGER)
    registry.remove_alias(NAME, "2", registry.CHALLENGER)  # it has none: version 1 keeps its own
    assert full("1").aliases == ["challenger"]
    for _ in range(2):
        registry.remove_alias(NAME, "1", registry.CHALLENGER)
    aliases = {str(version.version): version.aliases for version in map(full, ("1", "2"))}
    assert aliases == {"1": [], "2": ["champion"]}


def full(version: str) -> mlflow.entities.model_registry.ModelVersion:
    return connect().get_model_version(NAME, version)


@pytest.mark.parametrize("kind", ["action_recognition", "pose_estimation"])
def test_a_registered_model_predicts_a_video(checkout: Path, clip: Path, kind: str) -> None:
    folder = write_model_folder(checkout / "model", make_task(kind), kind)
    registry.register_version(candidate(folder, clip))
    registry.set_alias(NAME, "1", registry.CHAMPION)
    uri = f"models:/{NAME}@champion"
    downloaded = registry.download_model(uri)
    files = {path.name for path in downloaded.rglob("*")}
    assert {"model.json", "model.safetensors", "MLmodel"} <= files
    assert not [name for name in files if name.endswith((".pkl", ".pickle", ".cloudpickle"))]

    model = mlflow.pyfunc.load_model(uri)
    table = pd.DataFrame({"video": [str(clip), str(clip)]})
    answer = model.predict(table)
    assert list(answer.columns) == model.metadata.signature.outputs.input_names()
    assert answer["video"].tolist() == [str(clip)] * 2
    assert answer.iloc[0].tolist() == answer.iloc[1].tolist()
    if kind == "action_recognition":
        probabilities = json.loads(answer["probabilities"][0])
        assert sum(probabilities.values()) == pytest.approx(1)
        assert answer["label"][0] == max(probabilities, key=probabilities.__getitem__)
    else:
        joints = json.loads(answer["joints"][0])
        assert len(joints["names"]) == 13
        assert [len(frame) for frame in joints["frames"]] == [13] * 6


SERVE = """
import sys, mlflow, pandas as pd
model = mlflow.pyfunc.load_model(sys.argv[1])
print(len(model.predict(pd.DataFrame({"video": [sys.argv[2]]}))))
import humotion
print(humotion.__file__)
"""


def test_a_served_model_brings_its_code_and_names_no_package_of_ours(checkout: Path, clip: Path) -> None:
    folder = write_model_folder(checkout / "model", make_task("action_recognition"), "action_recognition")
    path = list(sys.path)
    registry.register_version(candidate(folder, clip))
    assert sys.path == path
    downloaded = registry.download_model(f"models:/{NAME}/1")
    lines = (downloaded / "requirements.txt").read_text().splitlines()
    assert not [line for line in lines if "humotion" in line]
    assert all("==" in line and "+" not in line for line in lines), lines
    assert {f"torch=={version('torch').split('+')[0]}", f"mlflow=={version('mlflow')}"} <= set(lines)
    assert not [line for line in lines if line.startswith(("dvc", "optuna"))]
    # Another process: the code that answers is that of the model, not of the installed package.
    command = [sys.executable, "-W", "ignore", "-c", SERVE, str(downloaded), str(clip)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=checkout)
    assert done.stdout.split() == ["1", str(downloaded / "code" / "humotion" / "__init__.py")]


def test_the_registry_names_more_models_than_one_page_of_mlflow(checkout: Path) -> None:
    client = connect()
    wanted = [f"ls_vit-{number:03d}" for number in range(101)]
    for name in wanted:
        client.create_registered_model(name)
    assert len(client.search_registered_models()) == 100, "MLflow returns one page, and says nothing of the others"
    assert registry.names() == wanted

"""What it costs to add something: the real DVC is asked about, and runs, what docs/extending.md adds to a checkout."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from dvc.repo import Repo
from ruamel.yaml import YAML

from humotion.files import read_json
from humotion.store.layers import Layer
from tests.support.dvc_project import copy_pipeline, write_stand_ins
from tests.support.guide import Section, sections
from tests.support.repository import REPOSITORY
from tests.support.trees import write_video

GUIDE = sections()
LAYOUT = Section(files={"src/humotion/datasets/nothing_yet.py": '"""A layout."""\n'})
ADDITIONS = {**GUIDE, "file that nobody chose": LAYOUT}
IN_ONE_LINE = {"dataset": 0, "layer": 0, "input": 1, "model": 2, "task": 2}  # two: an import and the union


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the pipeline in which everything is up to date."""
    folder = copy_pipeline(tmp_path_factory.mktemp("finished") / "checkout")
    with contextlib.chdir(folder), Repo.init(".", no_scm=True) as repo:
        write_stand_ins(repo)
        repo.commit(force=True)
    return folder


@pytest.fixture
def finished(checkout: Path) -> Iterator[Path]:
    """The same, whose code a test may change."""
    shutil.copytree(checkout / "src", checkout / "kept", ignore=shutil.ignore_patterns("__pycache__"))
    with contextlib.chdir(checkout):
        assert status() == {}
        yield checkout
    shutil.rmtree(checkout / "src")
    (checkout / "kept").rename(checkout / "src")


def status() -> dict[str, Any]:
    """What `dvc status` says."""
    with Repo(".") as repo:
        return dict(repo.status())


def test_the_guide_adds_one_of_each() -> None:
    assert {name: len(section.changes) for name, section in GUIDE.items()} == IN_ONE_LINE


@pytest.mark.parametrize("addition", ADDITIONS)
def test_an_addition_makes_nothing_stale(finished: Path, addition: str) -> None:
    ADDITIONS[addition].put_into(finished)
    assert status() == {}


@pytest.mark.parametrize(
    ("file", "stale"),
    [
        ("models/vit/smif.py", {"train@ls_vit", "evaluate@ls_vit", "annotate@features"}),
        ("models/efficientnet/layers.py", set()),
        ("tasks/action_recognition/training/losses.py", {"train@ls_vit", "evaluate@ls_vit"}),
        ("tasks/action_recognition/evaluation/report.py", {"evaluate@ls_vit", "fuse@both"}),
        ("models/pose_machine/layers.py", {"train@lstm_pm", "evaluate@lstm_pm"}),
        ("inputs/person_crops.py", {f"{stage}@lstm_pm" for stage in ("sample", "augment", "train", "evaluate")}),
        ("datasets/hmdb51.py", {"index@hmdb51", "extract@hmdb51"}),
        ("annotation/blazepose/region.py", {"annotate@people"}),
        ("annotation/joint_features/reading.py", {"annotate@features"}),
        ("annotation/shared/shards.py", {"annotate@people", "annotate@features"}),
        ("cli/main.py", set()),
        ("convert/lstm_pm.py", set()),
    ],
)
def test_an_edit_makes_stale_what_runs_it(finished: Path, file: str, stale: set[str]) -> None:
    with (finished / "src" / "humotion" / file).open("a") as stream:
        stream.write("# An edit.\n")
    assert set(status()) == stale


def ucf101_tree(root: Path) -> Path:
    """Twelve clips of two classes, of six recordings each, and the official split files of one split."""
    roles: dict[str, list[str]] = {"train": [], "test": []}
    for number, label in enumerate(("Archery", "YoYo")):
        for group in range(1, 7):
            name = f"{label}/v_{label}_g{group:02d}_c01.avi"
            write_video(root / name, num_frames=6)
            role = "test" if group <= 2 else "train"
            roles[role].append(f"{name} {number + 1}" if role == "train" else name)
    roles["test"].append("YoYo/v_YoYo_g01_c02.avi")  # which is not on disk
    (root / "ucfTrainTestlist").mkdir()
    for role, lines in roles.items():
        (root / "ucfTrainTestlist" / f"{role}list01.txt").write_text("\n".join(lines) + "\n")
    return root


def small(params: dict[str, Any], root: Path) -> dict[str, Any]:
    """The guide's params.yaml at a size for a test."""
    params["datasets"]["ucf101"].update(root=str(root), frames={"short_side": 48, "jpeg_quality": 90, "shards": 2})
    for experiment in params["experiments"].values():
        experiment["clips"].update(num_frames=4, validation_folds=2)
        experiment["augment"]["size"] = 32
        experiment["trainer"].update(epochs=1, batch_size=4)
        experiment["evaluate"]["bootstrap"] = 100
    params["experiments"]["still"]["model"]["width"] = 4
    params["experiments"]["arrow"]["model"].update(dim=16, depth=1, heads=2)
    machine = {"workers": 0, "accelerator": "cpu", "devices": 1}
    return {**params, "rebalance": {}, "sweeps": {}, "machine": machine}


def together(sections: dict[str, Section]) -> dict[str, Any]:
    params: dict[str, Any] = {"datasets": {}, "layers": {}, "experiments": {}, "fusions": {}}
    for text in (text for section in sections.values() for text in section.params):
        for key, entries in YAML(typ="safe").load(text).items():
            params[key].update(entries)
    return params


@pytest.fixture(scope="module")
def extended(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout with everything that the guide adds, in which `dvc repro` has run."""
    folder = copy_pipeline(tmp_path_factory.mktemp("extended") / "checkout")
    shutil.rmtree(folder / "src" / "humotion" / "render")  # which nothing of this needs
    for section in GUIDE.values():
        section.put_into(folder)
    with (folder / "params.yaml").open("w") as stream:
        YAML().dump(small(together(GUIDE), ucf101_tree(folder / "data" / "ucf101")), stream)
    with (folder / "dvc.yaml").open() as stream:
        pipeline = YAML(typ="safe").load(stream)
    del pipeline["plots"]  # they name the experiments of the sample
    with (folder / "dvc.yaml").open("w") as stream:
        YAML().dump(pipeline, stream)
    for name in (".gitignore", ".dvcignore"):
        shutil.copy(REPOSITORY / name, folder)
    subprocess.run(["git", "init", "--quiet"], cwd=folder, check=True)  # what git ignores, DVC does not search
    Repo.init(str(folder)).close()
    run(folder, "dvc", "repro")
    return folder


def run(folder: Path, *command: str) -> str:
    """Run a command in a checkout, with the package of that checkout."""
    programs = Path(sys.executable).parent
    environment = {
        **{key: value for key, value in os.environ.items() if not key.startswith("MLFLOW_TRACKING")},
        "PYTHONPATH": str(folder / "src"),
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "OMP_NUM_THREADS": "1",
    }
    done = subprocess.run([programs / command[0], *command[1:]], cwd=folder, env=environment, capture_output=True)
    output = (done.stdout + done.stderr).decode()
    assert done.returncode == 0, output[-5000:]
    return output


def test_the_dataset_of_the_guide(extended: Path) -> None:
    videos = pd.read_parquet(extended / "prepared/ucf101/videos.parquet").set_index("video_id")
    assert len(videos) == 13
    assert videos["status"].value_counts().to_dict() == {"ok": 12, "missing": 1}
    assert videos["split_1"].value_counts().to_dict() == {"train": 8, "test": 5}
    assert videos["group"].nunique() == 12
    assert set(videos["label"]) == {"Archery", "YoYo"}


def test_the_layer_of_the_guide(extended: Path) -> None:
    layer = Layer(extended / "layers/ucf101/moving")
    assert (layer.facts.tool, layer.skeleton) == ("moving", None)
    assert layer.facts.settings == {"of": "labels", "backbone": "none", "threshold": 24}
    table = layer.table().set_index("video_id")
    assert table["status"].value_counts().to_dict() == {"ok": 12, "missing": 1}
    assert (table.loc[table["status"] == "ok", "num_found"] == 5).all(), "the first of six frames has none before it"
    boxes = layer[table.index[0]]["boxes"]
    assert boxes.shape == (1, 6, 4)
    assert (boxes[0, 1:, 2:] > boxes[0, 1:, :2]).all()
    labels = Layer(extended / "layers/ucf101/labels")
    assert labels.facts.counts == {"videos": 12, "videos_with_joints": 0, "videos_with_boxes": 0}


def test_the_input_and_the_model_of_the_guide(extended: Path) -> None:
    description = read_json(extended / "models/still/model.json")
    assert (description["architecture"]["family"], description["preprocessing"]["input"]) == (
        "conv_gru",
        "middle_frame",
    )
    assert read_json(extended / "metrics/still/test.json")["num_clips"] == 4
    assert read_json(extended / "registered/still.json")["uri"] == "models:/conv_gru-ucf101@champion"


def test_the_task_of_the_guide(extended: Path) -> None:
    test = read_json(extended / "metrics/arrow/test.json")
    assert test["test"] == {"accuracy": 0.5}, "a model that ignores time cannot tell"
    assert test["gain"]["over"] == "chance"
    assert read_json(extended / "registered/arrow.json")["uri"] == "models:/vit-ucf101@champion"


def test_what_was_added_predicts_and_is_listed(extended: Path) -> None:
    video = next((extended / "data/ucf101").rglob("*.avi"))
    said = run(extended, "humotion", "predict", str(video))
    assert "arrow on ucf101: played forwards: " in said
    assert "still on ucf101: " in said
    assert "conv_gru" in run(extended, "humotion", "models")
    assert "accuracy" in run(extended, "humotion", "summary")


def test_the_extended_checkout_is_up_to_date(extended: Path) -> None:
    assert "up to date" in run(extended, "dvc", "status")

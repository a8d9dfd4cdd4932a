"""The command line as a user meets it: a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from humotion.params.document import load_params
from tests.support.repository import REPOSITORY


def humotion(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "humotion", *arguments]
    return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)


def test_a_mistake_is_told_without_a_traceback() -> None:
    done = humotion("index", "nosuch")
    assert done.returncode == 1
    known = ", ".join(load_params(REPOSITORY / "params.yaml").datasets)
    assert done.stderr == f"humotion: params.yaml has no dataset 'nosuch'; it has {known}.\n"
    assert not done.stdout


def test_debug_shows_the_traceback() -> None:
    for arguments in (["--debug", "index", "nosuch"], ["index", "nosuch", "--debug"]):
        done = humotion(*arguments)
        assert done.returncode == 1
        assert "Traceback" in done.stderr
        assert "HumotionError" in done.stderr


def test_help_loads_no_deep_learning_stack() -> None:
    code = (
        "import sys; sys.argv = ['humotion', '--help']\n"
        "from humotion.cli.main import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "heavy = {'torch', 'mlflow', 'pytorch_lightning', 'pandas', 'matplotlib', 'cv2'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for command in (
        "index",
        "extract",
        "explore",
        "sample",
        "augment",
        "train",
        "evaluate",
        "compare",
        "register",
        "predict",
        "probe",
    ):
        assert f" {command} " in done.stdout


def test_an_unknown_command_exits_with_2() -> None:
    assert humotion("nosuch").returncode == 2


def test_params_lists_the_experiments() -> None:
    done = humotion("params")
    assert done.returncode == 0
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["experiment", "ls_vit", "lstm_pm"]


def test_params_of_an_earlier_version_are_told_what_to_add(tmp_path: Path) -> None:
    text = (REPOSITORY / "params.yaml").read_text()
    lines = [
        line
        for line in text.splitlines()
        if not line.lstrip().startswith(("input:", "layer:", "layers:", "fusions:", "family:"))
    ]
    (tmp_path / "params.yaml").write_text("\n".join(lines))
    done = subprocess.run([sys.executable, "-m", "humotion", "params"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 1
    assert [line.strip() for line in done.stderr.splitlines()[1:]] == [
        "layers: {}",
        "fusions: {}",
        "experiments.ls_vit.input: whole_frames",
        "experiments.ls_vit.layer: labels",
        "experiments.ls_vit.model.family: vit",
        "experiments.lstm_pm.input: person_crops",
        "experiments.lstm_pm.layer: labels",
        "experiments.lstm_pm.model.family: pose_machine",
    ]


def test_only_a_pipeline_needs_its_maps_written_out(tmp_path: Path) -> None:
    """Stages by hand in a folder of their own need no layers; DVC could not unroll an absent map."""
    (tmp_path / "params.yaml").write_text("datasets: {}\nexperiments: {}\n")

    def params() -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "humotion", "params"]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)

    assert params().returncode == 0
    (tmp_path / "dvc.yaml").write_text("{}\n")
    done = params()
    assert done.returncode == 1 and [line.strip() for line in done.stderr.splitlines()[-2:]] == [
        "layers: {}",
        "fusions: {}",
    ]

"""A tiny project as its user has it: raw videos, two trainings by `dvc repro`, registered, and a sweep."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import av
import simplejpeg
from dvc.repo import Repo
from ruamel.yaml import YAML

from tests.support.prepared import CLASSES
from tests.support.repository import REPOSITORY
from tests.support.tiny_project import make_video, tiny_params

EXPERIMENT = "action"
LEARNING_RATES = (0.003, 0.001)
TRIALS = 3
OBJECTIVE = {"metric": "val/loss", "direction": "minimize"}  # no two trials have the same
SPACE = {
    "optimizer.lr": {"type": "float", "low": 1e-4, "high": 1e-2, "log": True},
    "trainer.label_smoothing": {"type": "float", "low": 0.0, "high": 0.2},
}


def environment() -> dict[str, str]:
    """For commands in the project: this checkout's code, the project's own stores, a measurement a second."""
    inherited = {
        key: value for key, value in os.environ.items() if key not in ("MLFLOW_TRACKING_URI", "OPTUNA_STORAGE")
    }
    return {
        **inherited,
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        "PYTHONPATH": str(REPOSITORY / "src"),
        "OMP_NUM_THREADS": "1",
        "MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL": "1",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "NO_ALBUMENTATIONS_UPDATE": "1",
        "DVC_NO_ANALYTICS": "1",
    }


def call(project: Path, *command: str) -> None:
    """Run a command in the project; its output is told if it fails."""
    done = subprocess.run(command, cwd=project, env=environment(), capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"


def build(folder: Path) -> Path:
    """The checkout's pipeline on twelve short videos, before anything has run."""
    folder.mkdir(parents=True)
    for number in range(12):
        label = CLASSES[number % 2]
        write_square(folder / "data" / "tiny" / label / f"film{number:02d}.avi", label, number)
    shutil.copy(REPOSITORY / "dvc.yaml", folder)
    shutil.copytree(REPOSITORY / "src", folder / "src", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    set_learning_rate(folder, LEARNING_RATES[0])
    Repo.init(str(folder), no_scm=True).close()
    return folder


def set_learning_rate(project: Path, lr: float) -> None:
    """params.yaml: the experiment with this learning rate."""
    params = tiny_params().model_dump(mode="json", by_alias=True, exclude_unset=True)
    experiment = params["experiments"][EXPERIMENT]
    experiment["clips"]["split"] = "grouped"
    experiment["optimizer"]["lr"] = lr
    experiment["register"] = {"min_gain": 0.0, "bootstrap": 100}
    params["experiments"] = {EXPERIMENT: experiment}
    params["rebalance"] = {}
    params["sweeps"] = {EXPERIMENT: {"trials": TRIALS, "space": SPACE, "objectives": [OBJECTIVE]}}
    with (project / "params.yaml").open("w") as stream:
        YAML().dump(params, stream)


def write_square(path: Path, label: str, seed: int) -> None:
    """A video of a coloured square that moves: the colour is the class."""
    path.parent.mkdir(parents=True, exist_ok=True)
    packed = make_video(path.stem, label, 6, seed)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = packed.width, packed.height, "yuv420p"
        for jpeg in packed.jpegs:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(simplejpeg.decode_jpeg(jpeg), format="rgb24")))
        container.mux(stream.encode())


def make_project(folder: Path) -> Path:
    """Everything: two trainings that differ in the learning rate, both registered, and a sweep."""
    build(folder)
    for lr in LEARNING_RATES:
        set_learning_rate(folder, lr)
        call(folder, "dvc", "repro", f"register@{EXPERIMENT}")
    call(folder, "humotion", "sweep", EXPERIMENT)
    return folder

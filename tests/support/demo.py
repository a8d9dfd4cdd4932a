"""A small checkout in which commands of the documentation run as they stand, in a real shell.

Only how `humotion` starts is special: each command is forked from a process that has already imported everything. So it
takes a second in place of ten. `humotion` is a program on the PATH, so DVC and shells find it as they would.
"""

from __future__ import annotations

import multiprocessing
import os
import shutil
import subprocess
import sys
import threading
from multiprocessing.connection import Connection, Listener
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from tests.support.repository import REPOSITORY
from tests.support.trees import jhmdb_tree, write_video

IMPORTED = [f"humotion.stages.{name}" for name in ("extract", "explore", "augment", "train", "evaluate", "register")]
IMPORTED += ["humotion.prediction.predict_videos", "humotion.sweep.run_sweep", "humotion.export.export_model"]
PATIENCE = 180.0  # seconds for one command on a machine that does other things, too
CLIENT = """#!{python} -I
import os, sys
from multiprocessing.connection import Client
with Client({address!r}) as server:
    server.send((sys.argv[1:], os.getcwd(), dict(os.environ)))
    code, said = server.recv()
sys.stdout.buffer.write(said)
sys.exit(code)
"""
SMALL = {
    "datasets.hmdb51.frames": {"short_side": 32, "jpeg_quality": 90, "shards": 2},
    "datasets.penn_action.frames": {"short_side": 32, "jpeg_quality": 90, "shards": 2},
    "experiments.ls_vit.clips.num_frames": 4,
    "experiments.ls_vit.augment.size": 32,
    "experiments.ls_vit.model.patch_size": 16,
    "experiments.ls_vit.model.dim": 16,
    "experiments.lstm_pm.augment.size": 32,
    "experiments.lstm_pm.model.width": 0.05,
    "sweeps.ls_vit.trials": 2,
    "sweeps.ls_vit.fixed": {},
    "machine.workers": 0,
} | {
    f"experiments.{name}.{path}": value
    for name in ("ls_vit", "lstm_pm")
    for path, value in {
        "trainer.epochs": 1,
        "optimizer.warmup_epochs": 0,
        "clips.validation_folds": 2,
        "evaluate.overlays": 1,
        "evaluate.bootstrap": 100,
        "register.bootstrap": 100,
    }.items()
}
CLASSES = ("jump", "walk")
SEQUENCES = 12
VIDEOS = (
    "clip.mp4",
    "clip.avi",
    "new.mp4",
    "holiday/beach.mp4",
    "holiday/hill.mp4",
    "more/june/swim.mov",
    "videos/a.mp4",
    *(f"my_videos/{name}/{number}.mp4" for name in ("squat", "lunge", "other") for number in range(2)),
)


class Server:
    """Answers the program `humotion` in ``folder``, until it is closed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._processes = multiprocessing.get_context("forkserver")
        self._processes.set_forkserver_preload(IMPORTED)
        self._listener = Listener(family="AF_UNIX")
        folder.mkdir()
        client = folder / "humotion"
        client.write_text(CLIENT.format(python=sys.executable, address=self._listener.address))
        client.chmod(0o755)
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                caller = self._listener.accept()
            except OSError:  # closed
                return
            threading.Thread(target=self._answer, args=(caller,), daemon=True).start()

    def _answer(self, caller: Connection) -> None:
        output = self.folder / f"said-{threading.get_ident()}"
        process = self._processes.Process(target=_run, args=(*caller.recv(), output))
        process.start()
        process.join(PATIENCE)
        process.kill()
        caller.send((process.exitcode if process.exitcode is not None else 124, output.read_bytes()))
        caller.close()


def _run(words: list[str], folder: str, environment: dict[str, str], output: Path) -> None:
    """What a new process does that `humotion` starts."""
    from humotion.cli.main import main

    with output.open("wb") as stream:
        for descriptor in (1, 2):
            os.dup2(stream.fileno(), descriptor)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["humotion", *words]
    main()


def shell(command: str, folder: Path, programs: Path) -> str:
    """What bash says that runs ``command`` in a checkout, with ``programs`` before all others.

    Footage of the user is in ``footage`` of the checkout: what a page calls /path/to.
    """
    kept = {key: value for key, value in os.environ.items() if key not in ("MLFLOW_TRACKING_URI", "OPTUNA_STORAGE")}
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", command.replace("/path/to", f"{folder}/footage")],
        cwd=folder,
        env={
            **kept,
            "PATH": os.pathsep.join([str(programs), str(Path(sys.executable).parent), os.environ["PATH"]]),
            "PYTHONPATH": f"{REPOSITORY / 'src'}{os.pathsep}{REPOSITORY}",
            "DVC_NO_ANALYTICS": "1",
            "MLFLOW_DISABLE_TELEMETRY": "true",
        },
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout[-4000:]}"
    return done.stdout


def build_demo(folder: Path, programs: Path) -> Path:
    """A checkout with a part of the sample and tiny models, everything run, and videos under the names of the pages."""
    names = subprocess.run(["git", "ls-files"], cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout
    for name in names.splitlines():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(REPOSITORY / name, folder / name)
    _copy_sample(folder / "data")
    (folder / ".venv").symlink_to(sys.prefix)
    for name in ("data.dvc", "dvc.lock"):
        (folder / name).unlink()
    shutil.rmtree(folder / "metrics")
    _make_small(folder / "params.yaml")
    for name in VIDEOS:
        write_video(folder / name, num_frames=12)
    jhmdb_tree(folder / "footage" / "JHMDB")
    (folder / "footage" / "Penn_Action").symlink_to(folder / "data" / "penn_action")
    (folder / "clips.txt").write_text("clip.mp4 new.mp4\n")
    shell(
        "git init -q && git config user.name a && git config user.email a@b && git add . && git commit -qm all",
        folder,
        programs,
    )
    shell("dvc repro", folder, programs)
    return folder


def _copy_sample(target: Path) -> None:
    source = REPOSITORY / "data"
    for name in CLASSES:
        shutil.copytree(source / "hmdb51" / name, target / "hmdb51" / name)
    splits = "testTrainMulti_7030_splits"
    (target / "hmdb51" / splits).mkdir()
    for name in CLASSES:
        for file in (source / "hmdb51" / splits).glob(f"{name}_test_split*.txt"):
            shutil.copy(file, target / "hmdb51" / splits)
    (target / "penn_action" / "labels").mkdir(parents=True)
    for labels in sorted((source / "penn_action" / "labels").iterdir())[:SEQUENCES]:
        shutil.copy(labels, target / "penn_action" / "labels")
        shutil.copytree(
            source / "penn_action" / "frames" / labels.stem, target / "penn_action" / "frames" / labels.stem
        )


def _make_small(path: Path) -> None:
    yaml = YAML()
    params = yaml.load(path)
    for name, value in SMALL.items():
        section: Any = params
        *parents, last = name.split(".")
        for parent in parents:
            section = section[parent]
        section[last] = value
    with path.open("w") as stream:
        yaml.dump(params, stream)

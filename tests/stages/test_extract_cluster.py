"""Extraction over several processes of which one dies: this machine's own, and a Dask cluster's."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from joblib import delayed

from humotion.datasets.shared.open import open_dataset
from humotion.errors import HumotionError
from humotion.extraction import shards
from humotion.parallel import run_unordered
from humotion.params.dataset import FrameParams
from humotion.params.document import Params
from humotion.stages import extract, index
from tests.stages.test_extract import PREPARED, written
from tests.support.trees import write_video

NUM_SHARDS = 12
NO_DASK = "Dask is not installed (pip install 'humotion[dask]')"


def settings(root: Path, workers: int = 1, cluster: str | None = None) -> Params:
    datasets = {"data": {"layout": "folder", "root": str(root), "frames": {"shards": NUM_SHARDS}}}
    machine = {"workers": workers, "cluster": cluster}
    return Params.model_validate({"datasets": datasets, "experiments": {}, "machine": machine})


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    first = write_video(tmp_path / "root" / "walk" / "0.mp4", 40, size=(320, 240))
    for number in range(1, 2 * NUM_SHARDS):
        shutil.copy(first, first.with_stem(str(number)))
    index.run("data", settings(Path("root")))
    return Path("root")


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """The address of a scheduler and its two workers, each a process that started in another folder."""
    pytest.importorskip("distributed", reason=NO_DASK)
    from distributed import LocalCluster

    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    with LocalCluster(n_workers=0, host="127.0.0.1", dashboard_address=None) as scheduler:
        command = [sys.executable, "-m", "distributed.cli.dask_worker", scheduler.scheduler_address]
        command += ["--nthreads", "1", "--no-nanny", "--no-dashboard", "--local-directory", str(elsewhere)]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        workers = [subprocess.Popen(command, cwd=elsewhere, env=environment) for _ in range(2)]
        try:
            deadline = time.monotonic() + 60
            while len(scheduler.scheduler_info["workers"]) < 2:
                assert time.monotonic() < deadline, "the workers did not start"
                time.sleep(0.05)
            yield scheduler.scheduler_address, workers
        finally:
            for worker in workers:
                worker.kill()
                worker.wait()


def finished() -> list[Path]:
    return sorted(Path(".humotion/work/extract").glob("*/tables/shard-*.json"))


def after(num_shards: int, action: Callable[[], None]) -> threading.Thread:
    """Do something as soon as that many shards are finished."""

    def wait() -> None:
        deadline = time.monotonic() + 300
        while len(finished()) < num_shards and time.monotonic() < deadline:
            time.sleep(0.002)
        action()

    thread = threading.Thread(target=wait)
    thread.start()
    return thread


def test_a_cluster_goes_on_without_a_killed_worker(
    root: Path, cluster: tuple[str, list[subprocess.Popen[bytes]]]
) -> None:
    extract.run("data", settings(root, workers=1))
    expected = written()
    for path in PREPARED.glob("frames*"):
        path.rename(path.with_name(f"old-{path.name}"))
    address, workers = cluster
    left: list[int] = []

    def kill() -> None:
        workers[0].kill()
        left.append(NUM_SHARDS - len(finished()))

    killer = after(2, kill)
    extract.run("data", settings(root, cluster=address))
    killer.join()
    assert workers[0].wait() == -signal.SIGKILL
    assert workers[1].poll() is None
    assert left[0] > 0, "the work was done before the worker was killed"
    assert written() == expected


def test_a_killed_worker_process_is_said_and_the_next_run_goes_on(root: Path) -> None:
    def kill() -> None:
        workers = [child for child in psutil.Process().children() if "popen_loky" in " ".join(child.cmdline())]
        workers[0].kill()

    killer = after(2, kill)
    with pytest.raises(HumotionError, match=r"worker process died.*run the stage again"):
        extract.run("data", settings(root, workers=2))
    killer.join()
    kept = {path.name: path.stat().st_mtime_ns for path in Path(".humotion").rglob("shard-*.arrow")}
    assert 2 <= len(kept) < NUM_SHARDS
    assert not (PREPARED / "frames").exists()
    done = {f"{path.stem}.arrow" for path in finished()}
    extract.run("data", settings(root, workers=2))
    assert len(written()) == NUM_SHARDS + 1
    for name in done:  # moved into place, not written again
        assert (PREPARED / "frames" / name).stat().st_mtime_ns == kept[name]


def test_a_cluster_that_is_not_there(root: Path) -> None:
    pytest.importorskip("distributed", reason=NO_DASK)
    import dask

    with (
        dask.config.set({"distributed.comm.timeouts.connect": "1s"}),
        pytest.raises(HumotionError, match=r"no Dask scheduler answers at tcp://127\.0\.0\.1:1"),
    ):
        extract.run("data", settings(root, cluster="tcp://127.0.0.1:1"))


def test_workers_must_see_the_same_files(root: Path, cluster: tuple[str, list[subprocess.Popen[bytes]]]) -> None:
    layout = open_dataset("folder", root.resolve())
    call = delayed(shards._make_shard)(0, [], layout, FrameParams(), Path("not/on/this/machine"))
    with pytest.raises(HumotionError, match="does not see not/on/this/machine/frames"):
        list(run_unordered([call], settings(root, cluster=cluster[0]).machine))

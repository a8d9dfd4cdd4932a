"""The worker processes of one machine, and the output that the user sees.

Each worker has its share of cores and GPUs, and a log file. A worker that dies is replaced. Its trial is tried again
after its heartbeat has been missing for ``Storage.grace`` seconds.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from pathlib import Path

from humotion.errors import HumotionError
from humotion.sweep.progress import Progress
from humotion.sweep.stop import WorkerStop
from humotion.sweep.study import Sweep
from humotion.sweep.worker import Worker
from humotion.system import signals
from humotion.work import work_folder

MAX_DEATHS = 5  # of one worker, before the sweep stops with an error
POLL = 1.0
SPOKE = 3  # exit code of a worker that sent an error message
PATIENCE = 60  # seconds that an interrupted worker has to save its trial

_spawn = multiprocessing.get_context("spawn")


@dataclass
class Slot:
    """A place for a worker: its process, the pipe for its error message, and how often its process died."""

    number: int
    process: SpawnProcess
    words: Connection
    deaths: int = 0


def run_workers(sweep: Sweep, parent: str, deadline: float, count: int) -> None:
    """Work on the study with ``count`` processes until it has all trials, or the deadline has passed.

    Raises:
        HumotionError: a worker reported a mistake that the user must fix, or a worker died too often.
        KeyboardInterrupt: the user stopped the sweep, and the workers have saved their trials.
    """
    pool = _Pool(sweep, parent, deadline, count)
    with Progress(sweep) as progress, signals.interrupting():
        try:
            while pool.tend():
                progress.update()
                time.sleep(POLL)
            progress.update()
        finally:
            pool.stop()


class _Pool:
    def __init__(self, sweep: Sweep, parent: str, deadline: float, count: int) -> None:
        self.sweep, self.parent, self.deadline, self.count = sweep, parent, deadline, count
        self.logs = work_folder("sweep", sweep.study_name)
        self.slots = [Slot(number, *self._start(number)) for number in range(count)]

    def tend(self) -> bool:
        """Replace workers that died; False when all have ended."""
        for slot in list(self.slots):
            if slot.process.is_alive():
                continue
            slot.process.join()
            if slot.process.exitcode == SPOKE:
                raise HumotionError(slot.words.recv())
            if slot.process.exitcode == 0:
                self.slots.remove(slot)
            else:
                self._replace(slot)
        return bool(self.slots)

    def stop(self) -> None:
        """Interrupt the workers that still run, and wait for them."""
        running = [slot.process for slot in self.slots if slot.process.is_alive()]
        for process in running:
            # Not SIGINT: a background job of a shell ignores it, and so do the processes that the job starts.
            os.kill(process.pid or 0, signal.SIGTERM)
        until = time.monotonic() + PATIENCE
        for process in running:
            process.join(max(0.0, until - time.monotonic()))
            process.kill()

    def _replace(self, slot: Slot) -> None:
        code = slot.process.exitcode or 0
        how = f"was ended by signal {-code}" if code < 0 else f"ended with code {code}"
        log = self._log(slot.number)
        slot.deaths += 1
        if slot.deaths > MAX_DEATHS:
            raise HumotionError(f"Worker {slot.number} {how}, for the {slot.deaths}th time. See {log}.")
        Progress.write(f"worker {slot.number} {how} ({log}); the next free worker will try its trial again")
        slot.process, slot.words = self._start(slot.number)

    def _start(self, number: int) -> tuple[SpawnProcess, Connection]:
        words, mouth = _spawn.Pipe(duplex=False)
        arguments = (self._share(number), self.parent, self.deadline, os.getpid(), self._log(number), mouth)
        process = _spawn.Process(target=_work, args=arguments, name=f"sweep-worker-{number}")
        with _environment(self._settings(number)):
            process.start()
        mouth.close()
        return process, words

    def _log(self, number: int) -> Path:
        return self.logs / f"worker-{number}.log"

    def _share(self, number: int) -> Sweep:
        """The sweep for one of several workers: one device, and its share of the loading processes."""
        machine = self.sweep.params.machine
        change: dict[str, object] = {"workers": machine.num_workers // self.count}
        if machine.devices == "auto":
            change["devices"] = 1
        params = self.sweep.params.model_copy(update={"machine": machine.model_copy(update=change)})
        return Sweep(self.sweep.name, params, self.sweep.storage)

    def _settings(self, number: int) -> dict[str, str]:
        """Environment of one worker: its share of the cores as threads, and one GPU if there are any."""
        cores = len(os.sched_getaffinity(0))
        settings = {"OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", str(max(1, cores // self.count)))}
        gpus = _gpus()
        if gpus and self.sweep.params.machine.devices == "auto":
            settings["CUDA_VISIBLE_DEVICES"] = gpus[number % len(gpus)]
        return settings


def _work(sweep: Sweep, parent: str, deadline: float, starter: int, log: Path, mouth: Connection) -> None:
    """The function that a worker process runs."""
    os.setpgrp()  # Ctrl-C reaches only the starter, which sends it to each worker once
    stop = WorkerStop(starter)
    stop.listen()
    with log.open("a", buffering=1) as stream:
        os.dup2(stream.fileno(), sys.stdout.fileno())
        os.dup2(stream.fileno(), sys.stderr.fileno())
    try:
        Worker(sweep, parent, deadline, stop).run()
    except KeyboardInterrupt:
        sys.exit(0)
    except HumotionError as error:
        mouth.send(str(error))
        sys.exit(SPOKE)


def _gpus() -> list[str]:
    """The GPUs that this process may use, as CUDA_VISIBLE_DEVICES names them."""
    import torch

    if "CUDA_VISIBLE_DEVICES" in os.environ:
        return [name for name in os.environ["CUDA_VISIBLE_DEVICES"].split(",") if name]
    return [str(index) for index in range(torch.cuda.device_count())]


@contextmanager
def _environment(settings: dict[str, str]) -> Iterator[None]:
    """Set environment variables for processes that start in the block."""
    before = {name: os.environ.get(name) for name in settings}
    os.environ.update(settings)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value

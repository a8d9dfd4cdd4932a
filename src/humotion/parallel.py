"""Run calls in parallel with joblib: in processes of this machine, or on the workers of a Dask cluster.

Only ``machine.cluster`` decides which. A cluster's workers must see the same files under the same
absolute paths as the machine that runs the stage (NFS, Lustre, ...): paths are sent, files are not.
"""

from __future__ import annotations

import os
import pickle
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from joblib import Parallel, delayed, parallel_config
from joblib.externals.loky.process_executor import BrokenProcessPool

from humotion.errors import HumotionError
from humotion.params.machine import MachineParams
from humotion.system import signals

_WAIT_FOR_WORKERS = 60  # seconds
_is_worker = False
SAME_SIGNAL = 0.5  # seconds in which a signal to all processes of a job has reached every one of them


def run_unordered(calls: Iterable[Any], machine: MachineParams) -> Iterator[Any]:
    """Yield the results of ``joblib.delayed`` calls in the order in which they finish.

    If a worker of a Dask cluster dies, the cluster gives its work to another worker. Arguments should be
    plain lists and tuples: joblib puts large objects into the memory of one Dask worker, and they are
    lost if that worker dies.

    Raises:
        HumotionError: a worker process died, or the cluster cannot be used.
    """
    if machine.cluster is None:
        yield from _run_in_processes(calls, machine.num_workers, "generator_unordered")
    else:
        yield from _run_on_cluster(calls, machine.cluster)


def run_in_order(calls: Iterable[Any], num_workers: int) -> Iterator[Any]:
    """Yield the results of ``joblib.delayed`` calls in the order of the calls, made in processes of this machine.

    Raises:
        HumotionError: a worker process died.
    """
    yield from _run_in_processes(calls, num_workers, "generator")


def _run_in_processes(calls: Iterable[Any], num_workers: int, return_as: str) -> Iterator[Any]:
    if num_workers <= 1:
        for function, arguments, named in calls:
            yield function(*arguments, **named)
        return
    run = Parallel(n_jobs=num_workers, batch_size=1, return_as=return_as)
    with _explain_dead_workers(BrokenProcessPool):
        with signals.starting_workers():
            results = run(delayed(_in_worker)(os.getpid(), Path.cwd(), pickle.dumps(call)) for call in calls)
        yield from results


def _in_worker(starter: int, folder: Path, pickled: bytes) -> Any:
    """Make a call in a worker process, which works in the folder of its starter and ends with it.

    joblib uses its workers again, and the folder in which one started may be gone by then. A worker that imports torch
    there is ended by MKL ("Cannot load libtorch_cpu.so"), and unpickling a call may import it.
    """
    global _is_worker
    os.chdir(folder)
    if not _is_worker:
        signals.obey_only_the_parent(starter)
        _is_worker = True
    function, arguments, named = pickle.loads(pickled)
    return function(*arguments, **named)


def _run_on_cluster(calls: Iterable[Any], address: str) -> Iterator[Any]:
    try:
        from distributed import Client, KilledWorker
    except ImportError:
        raise HumotionError(
            f"machine.cluster is {address}, but Dask is not installed: pip install 'humotion[dask]'."
        ) from None
    try:
        client = Client(address, set_as_default=False)
    except (OSError, ValueError) as error:
        raise HumotionError(f"machine.cluster: no Dask scheduler answers at {address}: {error}") from error
    with client, _explain_dead_workers(KilledWorker):
        try:
            client.wait_for_workers(1, timeout=_WAIT_FOR_WORKERS)
        except TimeoutError:
            raise HumotionError(
                f"machine.cluster: the Dask scheduler at {address} had no worker for {_WAIT_FOR_WORKERS} s; "
                f"start some with `dask worker {address} --nthreads 1 --nworkers auto`."
            ) from None
        with parallel_config(backend="dask", client=client):
            # Submit all calls at once, so that workers that join later get work.
            run = Parallel(batch_size=1, pre_dispatch="all", return_as="generator_unordered")
        yield from run(calls)


@contextmanager
def _explain_dead_workers(error: type[Exception]) -> Iterator[None]:
    try:
        yield
    except error as death:
        time.sleep(SAME_SIGNAL)  # KeyboardInterrupt, if the same signal reaches this process
        raise HumotionError(
            "A worker process died: it was killed, ran out of memory, or crashed inside a decoder. Finished "
            "work is kept: run the stage again, and it resumes. If memory is short, reduce machine.workers."
        ) from death

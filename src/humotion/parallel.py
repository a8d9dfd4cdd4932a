"""Fan work out through joblib: over processes of this machine, or over the workers of a Dask cluster.

``machine.cluster`` alone decides which. A cluster's workers must see the same files under the same
absolute paths as the machine that runs the stage (NFS, Lustre, ...): paths travel, files do not.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from joblib import Parallel, parallel_config
from joblib.externals.loky.process_executor import BrokenProcessPool

from humotion.errors import HumotionError
from humotion.params.machine import MachineParams

_WAIT_FOR_WORKERS = 60  # seconds


def run_unordered(calls: Iterable[Any], machine: MachineParams) -> Iterator[Any]:
    """The results of ``joblib.delayed`` calls, as they are finished.

    A Dask cluster gives the work of a worker that died to another one. Arguments had better be plain
    lists and tuples: joblib places large objects into the memory of one Dask worker, and they are
    lost with it.

    Raises:
        HumotionError: a worker process died, or the cluster cannot be used.
    """
    if machine.cluster is None:
        run = Parallel(n_jobs=max(1, machine.num_workers), batch_size=1, return_as="generator_unordered")
        with _explain_dead_workers(BrokenProcessPool):
            yield from run(calls)
    else:
        yield from _run_on_cluster(calls, machine.cluster)


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
            # All at once, so that workers that join later find something to do.
            run = Parallel(batch_size=1, pre_dispatch="all", return_as="generator_unordered")
        yield from run(calls)


@contextmanager
def _explain_dead_workers(error: type[Exception]) -> Iterator[None]:
    try:
        yield
    except error as death:
        raise HumotionError(
            "A worker process died: it was killed, ran out of memory, or crashed inside a decoder. What was "
            "finished is kept: run the stage again, and it resumes. If memory is short, set machine.workers lower."
        ) from death

"""Run calls in parallel with joblib: in processes of this machine, or on the workers of a Dask cluster.

Only ``machine.cluster`` decides which. A cluster's workers must see the same files under the same
absolute paths as the machine that runs the stage (NFS, Lustre, ...): paths are sent, files are not.
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
    """Yield the results of ``joblib.delayed`` calls in the order in which they finish.

    If a worker of a Dask cluster dies, the cluster gives its work to another worker. Arguments should be
    plain lists and tuples: joblib puts large objects into the memory of one Dask worker, and they are
    lost if that worker dies.

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
            # Submit all calls at once, so that workers that join later get work.
            run = Parallel(batch_size=1, pre_dispatch="all", return_as="generator_unordered")
        yield from run(calls)


@contextmanager
def _explain_dead_workers(error: type[Exception]) -> Iterator[None]:
    try:
        yield
    except error as death:
        raise HumotionError(
            "A worker process died: it was killed, ran out of memory, or crashed inside a decoder. Finished "
            "work is kept: run the stage again, and it resumes. If memory is short, reduce machine.workers."
        ) from death

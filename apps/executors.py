"""Where independent tasks run: in this process, in several, or on a Dask cluster; results come in the tasks' order.

An executor is named ``local``, ``processes://N``, ``dask://local:N`` (N worker processes of a cluster made for the run)
or ``dask://host:port`` (a cluster's scheduler). What a task does must not depend on where it runs.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import active_children, get_context
from typing import Any, Protocol, TypeVar

from thermofab.hw.spec import SpecError, ToolMissingError

Task = TypeVar("Task")
Result = TypeVar("Result")
RETRIES = 3  # of a task whose worker died


def _nothing() -> None:
    pass


class Executor(Protocol):
    """Runs tasks."""

    def map(
        self, work: Callable[[Task], Result], tasks: Sequence[Task], done: Callable[[], None] = _nothing
    ) -> list[Result]:
        """``work`` of every task, in order; ``done`` is called once per task that has ended.

        Args:
            work: a function of a module; it and its task travel to the workers.
            tasks: independent of each other.
            done: of this process.
        """
        ...


class Here:
    """This process, one task after another."""

    def map(
        self, work: Callable[[Task], Result], tasks: Sequence[Task], done: Callable[[], None] = _nothing
    ) -> list[Result]:
        results = []
        for task in tasks:
            results.append(work(task))
            done()
        return results


@dataclass(frozen=True)
class Processes:
    """Processes of this machine, started afresh."""

    pool: ProcessPoolExecutor

    def map(
        self, work: Callable[[Task], Result], tasks: Sequence[Task], done: Callable[[], None] = _nothing
    ) -> list[Result]:
        futures = [self.pool.submit(work, task) for task in tasks]
        for _ in as_completed(futures):
            done()
        return [future.result() for future in futures]


@dataclass(frozen=True)
class Cluster:
    """A Dask cluster. A task whose worker dies is run again elsewhere."""

    client: Any

    def map(
        self, work: Callable[[Task], Result], tasks: Sequence[Task], done: Callable[[], None] = _nothing
    ) -> list[Result]:
        from distributed import as_completed as completed

        futures = self.client.map(work, tasks, pure=False, retries=RETRIES)
        for _ in completed(futures):
            done()
        return self.client.gather(futures)


@contextmanager
def open_executor(name: str) -> Iterator[Executor]:
    """The executor of a name; see the head of this file.

    Raises:
        SpecError: no such executor, or a cluster that does not answer.
        ToolMissingError: a cluster is asked for, and ``distributed`` is not installed.
    """
    processes = re.fullmatch(r"processes://([1-9]\d*)", name)
    if name == "local":
        yield Here()
    elif processes:
        with worker_processes(int(processes[1])) as pool:
            yield Processes(pool)
    elif name.startswith("dask://"):
        with dask_client(name) as client:
            yield Cluster(client)
    else:
        raise SpecError(
            f"an executor is local, processes://N, dask://local:N or dask://host:port, with N processes; got {name!r}."
        )


@contextmanager
def worker_processes(count: int) -> Iterator[ProcessPoolExecutor]:
    """Fresh processes, for JAX does not survive a fork. Where the body raises, Ctrl-C included, they are killed: what
    they run may take long to end."""
    before = set(active_children())
    pool = ProcessPoolExecutor(count, mp_context=get_context("spawn"))
    try:
        yield pool
    except BaseException:
        for child in set(active_children()) - before:
            child.kill()
        pool.shutdown(wait=False, cancel_futures=True)
        raise
    pool.shutdown()


@contextmanager
def dask_client(name: str) -> Iterator[Any]:
    """A ``distributed.Client`` of ``dask://local:N`` or ``dask://host:port``, closed with its own cluster on leaving.

    Raises:
        SpecError: another name, or no scheduler answers there.
        ToolMissingError: ``distributed`` is not installed.
    """
    local, remote = re.fullmatch(r"dask://local:([1-9]\d*)", name), re.fullmatch(r"dask://((?!local:)[^/:]+:\d+)", name)
    if not (local or remote):
        raise SpecError(f"an executor on a cluster is dask://local:N or dask://host:port, got {name!r}.")
    try:
        from distributed import Client, LocalCluster
    except ImportError:
        raise ToolMissingError(f"{name} needs distributed: pip install 'thermofab[explore]' brings it.") from None
    if local:
        plain: dict[str, Any] = {"n_workers": int(local[1]), "threads_per_worker": 1, "dashboard_address": None}
        with LocalCluster(**plain) as cluster:
            with Client(cluster) as client:
                yield client
        return
    assert remote
    try:
        client = Client(f"tcp://{remote[1]}", timeout=10)
    except OSError as error:
        raise SpecError(f"no Dask scheduler answers at {name}; start one with 'dask scheduler'.") from error
    with client:
        yield client

"""Executors: where candidates are judged. In this process, or on a Dask cluster that may lose workers."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, Protocol

from thermofab.apps.explore.evaluate import evaluate_json
from thermofab.apps.explore.storage import missing
from thermofab.hw.spec import SpecError

_RETRIES = 5  # of a task whose worker was lost


@dataclass(frozen=True)
class Task:
    """One candidate on one workload, as JSON; ``key`` is its record's."""

    key: str
    candidate: Mapping[str, Any]
    workload: str
    settings: Mapping[str, Any]


class Executor(Protocol):
    """Runs tasks; ``width`` is how many are worth claiming at once."""

    width: int

    def results(self, tasks: Sequence[Task]) -> Iterator[dict[str, Any]]:
        """Records as JSON, as they are made, in any order."""
        ...


class InProcess:
    """One after another, here."""

    width = 1

    def results(self, tasks: Sequence[Task]) -> Iterator[dict[str, Any]]:
        for task in tasks:
            yield evaluate_json(task.candidate, task.workload, task.settings)


class OnDask:
    """On a cluster, by a ``distributed.Client``; a task whose worker dies is run again by another."""

    def __init__(self, client: Any) -> None:
        self.client = client
        workers = client.scheduler_info(n_workers=-1)["workers"]
        self.width = 8 * max(1, sum(worker["nthreads"] for worker in workers.values()))

    def results(self, tasks: Sequence[Task]) -> Iterator[dict[str, Any]]:
        from distributed import as_completed

        futures = [
            self.client.submit(
                evaluate_json, dict(task.candidate), task.workload, dict(task.settings), key=task.key, retries=_RETRIES
            )
            for task in tasks
        ]
        for future in as_completed(futures):
            yield future.result()


def open_executor(text: str | None) -> AbstractContextManager[Executor]:
    """The executor called ``text``.

    Args:
        text: ``None`` or ``"here"``; ``"dask://local:N"``, N processes of this machine, started for the purpose;
            ``"dask://HOST:PORT"``, a scheduler. Its workers need thermofab, and the files of ``file:`` workloads.

    Raises:
        SpecError: other text, or no scheduler answers there.
        ToolMissingError: ``distributed`` is missing.
    """
    if text is None or text == "here":
        return nullcontext(InProcess())
    return _OnDaskFor(dask_client(text))


class _OnDaskFor(AbstractContextManager[Executor]):
    def __init__(self, opened: AbstractContextManager[Any]) -> None:
        self._opened = opened

    def __enter__(self) -> Executor:
        return OnDask(self._opened.__enter__())

    def __exit__(self, *error: Any) -> None:
        self._opened.__exit__(*error)


def dask_client(text: str) -> AbstractContextManager[Any]:
    """A ``distributed.Client`` by the same names; closed, with its own cluster if it has one, on leaving.

    Raises:
        SpecError, ToolMissingError: as for :func:`open_executor`.
    """
    kind, _, where = text.partition("://")
    host, _, number = where.partition(":")
    if kind != "dask" or not host or not number.isdecimal() or int(number) < 1:
        raise SpecError(f"an executor is here, dask://local:N or dask://HOST:PORT, got {text!r}.")
    try:
        import distributed
    except ImportError as error:
        raise missing("distributed") from error
    if host != "local":
        try:
            return distributed.Client(f"tcp://{where}", timeout=10)
        except OSError as error:
            raise SpecError(f"no Dask scheduler answers at {where}; start one with 'dask scheduler'.") from error
    cluster = distributed.LocalCluster(
        n_workers=int(number), threads_per_worker=1, processes=True, dashboard_address=":0"
    )
    return _Local(distributed.Client(cluster), cluster)


class _Local(AbstractContextManager[Any]):
    def __init__(self, client: Any, cluster: Any) -> None:
        self._client, self._cluster = client, cluster

    def __enter__(self) -> Any:
        return self._client

    def __exit__(self, *error: Any) -> None:
        self._client.close()
        self._cluster.close()

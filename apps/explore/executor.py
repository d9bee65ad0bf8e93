"""Executors: where candidates are judged. In this process, or on a Dask cluster that may lose workers."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from thermofab.apps.executors import dask_client
from thermofab.apps.explore.evaluate import evaluate_json
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


@contextmanager
def open_executor(text: str | None) -> Iterator[Executor]:
    """The executor called ``text``.

    Args:
        text: ``None`` or ``"local"``; ``"dask://local:N"``, N processes of this machine, started for the purpose;
            ``"dask://host:port"``, a scheduler. Its workers need thermofab, and the files of ``file:`` workloads.

    Raises:
        SpecError: other text, or no scheduler answers there.
        ToolMissingError: ``distributed`` is missing.
    """
    if text is None or text == "local":
        yield InProcess()
        return
    if not text.startswith("dask://"):
        raise SpecError(f"an executor is local, dask://local:N or dask://host:port, got {text!r}.")
    with dask_client(text) as client:
        yield OnDask(client)

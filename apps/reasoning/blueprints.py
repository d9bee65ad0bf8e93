"""The documents' four patterns around a model, built on :class:`~thermofab.models.trlinkos.Guarded`, with a demo.

* safety guardrails: ``Guarded`` refuses rows that are not finite or out of range, and outputs that are not finite;
* observability: :class:`EventLog` writes what happens as JSON lines;
* resilient workflow: :class:`Resilient` tries a model that fails again, and then gives up in good order;
* goal monitoring: :class:`Monitored` reports when the mean quality of a window falls below the goal, or is back.

``python -m thermofab.apps.reasoning.blueprints`` runs all four together.
"""

import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TextIO

import numpy as np
import torch
from torch import Tensor

from thermofab.hw.spec import SpecError
from thermofab.models.trlinkos import Guarded, TRLinkosTRM

Model = Callable[[Tensor], Tensor]


@dataclass
class EventLog:
    """Events as JSON lines: ``{"time": seconds, "event": name, …}``, one an event, flushed.

    Attributes:
        stream: written to.
        clock: seconds, for tests.
    """

    stream: TextIO
    clock: Callable[[], float] = time.time

    def write(self, event: str, **facts: Any) -> None:
        """Write an event; facts that JSON has no form for are written as text."""
        line = {"time": round(self.clock(), 3), "event": event, **facts}
        self.stream.write(json.dumps(line, default=str) + "\n")
        self.stream.flush()


@dataclass
class Resilient:
    """A model that is asked again when it fails with RuntimeError, OSError or ValueError.

    Attributes:
        model: rows ``[B, F]`` to outputs ``[B, K]``.
        attempts: at most.
        wait: seconds before the second, doubled from then on.
        log: told of every failure.
        sleep: for tests.

    Raises:
        SpecError: fewer than one attempt, or a negative wait.
        RuntimeError: from a call, when the last attempt failed; inside ``Guarded`` the fallback answers then.
    """

    model: Model
    attempts: int = 3
    wait: float = 0.05
    log: EventLog | None = None
    sleep: Callable[[float], None] = time.sleep

    def __post_init__(self) -> None:
        if self.attempts < 1 or self.wait < 0:
            raise SpecError(f"at least 1 attempt and no negative wait; got {self.attempts} and {self.wait}.")

    def __call__(self, features: Tensor) -> Tensor:
        for attempt in range(1, self.attempts + 1):
            try:
                return self.model(features)
            except (RuntimeError, OSError, ValueError) as error:
                if self.log is not None:
                    self.log.write("attempt failed", attempt=attempt, of=self.attempts, error=str(error))
                if attempt == self.attempts:
                    raise RuntimeError(f"{self.attempts} attempts failed; the last: {error}") from error
                self.sleep(self.wait * 2 ** (attempt - 1))
        raise AssertionError


@dataclass
class Monitored:
    """A guarded model whose calls and goal are logged.

    Attributes:
        guard: the model behind limits, with its fallback and goal.
        log: of calls, and of the goal lost and reached again.
    """

    guard: Guarded
    log: EventLog
    _on_goal: bool | None = field(default=None, repr=False)

    def __call__(self, features: Tensor) -> Tensor:
        before, start = dict(self.guard.counts), time.perf_counter()
        outputs = self.guard(features)
        changed = {name: count - before[name] for name, count in self.guard.counts.items() if name != "calls"}
        self.log.write("call", milliseconds=round(1e3 * (time.perf_counter() - start), 3), **changed)
        return outputs

    def outcome(self, quality: float) -> None:
        """Report how an answer turned out, 0…1."""
        self.guard.outcome(quality)
        now = self.guard.on_goal
        if now is not None and now is not self._on_goal:
            self.log.write("goal reached" if now else "goal missed", goal=self.guard.goal, window=self.guard.window)
        self._on_goal = now


def demo(stream: TextIO | None = None, seed: int = 0) -> dict[str, Any]:
    """Run the four patterns around a TRLinkos that fails now and then; events go to ``stream``.

    Returns:
        the guard's counts, and whether every answer was finite.
    """
    rng, model = np.random.default_rng(seed), TRLinkosTRM(input_dim=8, hidden_dim=16, output_dim=2, seed=seed)
    log, calls = EventLog(stream or sys.stdout), iter(range(1_000))

    def flaky(features: Tensor) -> Tensor:
        call = next(calls)
        if call % 4 == 1 or 8 <= call < 11:  # a hiccup now and then, and one outage of three attempts
            raise RuntimeError("the accelerator did not answer")
        with torch.no_grad():
            return model.forward(features, max_steps=4)

    service = Monitored(
        Guarded(
            Resilient(flaky, attempts=3, wait=0.001, log=log), lambda x: torch.zeros(len(x), 2), limit=10.0, goal=0.7,
            window=5,
        ),
        log,
    )  # fmt: skip
    finite = True
    for number in range(12):
        rows = torch.tensor(rng.normal(size=(4, 8)), dtype=torch.float32)
        if number == 3:
            rows[0, 0], rows[1, 1] = torch.nan, 1e6
        finite &= bool(torch.isfinite(service(rows)).all())
        service.outcome(0.3 if 4 <= number < 8 else 0.9)
    log.write("end", **service.guard.counts)
    return {**service.guard.counts, "all_finite": finite}


if __name__ == "__main__":
    demo()

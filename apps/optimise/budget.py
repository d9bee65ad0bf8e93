"""Budgets: how much a search may spend, and how it is cut into runs."""

import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from thermofab.hw.spec import SpecError

# Of the time that is left, what a last run is planned to take.
_CAREFUL = 0.95


@dataclass(frozen=True)
class Budget:
    """One of three: seconds, spin flips offered, or sweeps of every read, one number per run.

    Runs are independent and double in length: whatever length suits the problem, a run of about that length, or four
    times as long, gets a fair share. ``Budget(sweeps=…)`` names the runs, and so repeats a search bit for bit.

    Attributes:
        seconds: wall-clock time, compiling and descent included.
        flips: updates of a spin, over all reads; sweeps × spins × reads.
        sweeps: of every read, one number for every run.
    """

    seconds: float | None = None
    flips: float | None = None
    sweeps: tuple[int, ...] | int | None = None

    def __post_init__(self) -> None:
        given = [name for name in ("seconds", "flips", "sweeps") if getattr(self, name) is not None]
        if len(given) != 1:
            raise SpecError(
                "a budget is one of Budget(seconds=…), Budget(flips=…) and Budget(sweeps=…), got "
                f"{' and '.join(given) or 'none of them'}."
            )
        for name, value in (("seconds", self.seconds), ("flips", self.flips)):
            if value is not None and not (_is_number(value) and 0 < value < float("inf")):
                raise SpecError(f"{name} of a budget must be a positive finite number, got {value!r}.")
        if self.sweeps is not None:
            listed = self.sweeps if isinstance(self.sweeps, (tuple, list)) else (self.sweeps,)
            whole = [isinstance(each, (int, np.integer)) and not isinstance(each, bool) for each in listed]
            if not listed or not all(whole) or min(listed) < 1:
                raise SpecError(f"sweeps of a budget are an integer of at least 1, or one a run, got {self.sweeps!r}.")
            object.__setattr__(self, "sweeps", tuple(int(each) for each in listed))

    @staticmethod
    def of(value: "Budget | float") -> "Budget":
        """A budget; a plain number is seconds.

        Raises:
            SpecError: it is neither.
        """
        if isinstance(value, Budget):
            return value
        if not _is_number(value):
            raise SpecError(f"a budget is a number of seconds or a Budget, got {value!r}.")
        return Budget(seconds=float(value))

    def lengths(self, first: int, flips_per_sweep: int, started: float) -> Iterator[int]:
        """Sweeps of the next run, until the budget is spent; a run is over when the next length is asked for.

        Args:
            first: sweeps of the first run of a budget that does not name them.
            flips_per_sweep: what a sweep of all reads takes of ``flips``.
            started: of the search, by ``time.perf_counter()``.

        Raises:
            SpecError: ``flips`` do not suffice for one sweep.
        """
        if isinstance(self.sweeps, tuple):
            yield from self.sweeps
        elif self.flips is not None:
            total = int(self.flips // flips_per_sweep)
            if total < 1:
                raise SpecError(
                    f"a budget of {self.flips:g} flips does not reach for one sweep of all reads, which is "
                    f"{flips_per_sweep}; raise it, or take fewer reads."
                )
            yield from doubling(total, first)
        else:
            assert self.seconds is not None
            yield from _while_time(started + self.seconds, first)


def doubling(total: int, first: int) -> Iterator[int]:
    """``first``, twice, four times as many …, the last one stretched so that they sum to ``total``."""
    length, left = first, total
    while left >= 3 * length:
        yield length
        left, length = left - length, 2 * length
    yield left


def _while_time(deadline: float, first: int) -> Iterator[int]:
    """Doubling lengths by the pace of the run before, the last one stretched to the deadline."""
    length, begun = first, time.perf_counter()
    yield length
    while True:
        now = time.perf_counter()
        most = int(_CAREFUL * (deadline - now) * length / (now - begun))
        if most < max(1, length // 4):
            return
        # Two more at least double again; one that leaves less than its double takes all.
        length, begun = 2 * length if most >= 6 * length else most, now
        yield length


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)

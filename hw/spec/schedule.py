"""Schedule: how many sweeps to run, at which β level, and when to record."""

import operator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from thermofab.hw.spec.errors import SpecError

if TYPE_CHECKING:
    from thermofab.hw.spec.arguments import LikeValues
    from thermofab.hw.spec.auto import AutoSchedule
    from thermofab.hw.spec.device import Device
    from thermofab.hw.spec.program import Program


@runtime_checkable
class LikeSchedule(Protocol):
    """What ``thrml.SamplingSchedule`` has."""

    @property
    def n_warmup(self) -> int: ...

    @property
    def n_samples(self) -> int: ...

    @property
    def steps_per_sample(self) -> int: ...


@dataclass(frozen=True)
class Schedule:
    """A sampling schedule, with THRML's meaning of its first three fields.

    First the ``anneal`` phases run, each so many sweeps at a β level; then ``n_warmup`` sweeps at ``level``; the
    state then is sample 0, and every further sample comes ``steps_per_sample`` sweeps after the last.

    Attributes:
        n_warmup: sweeps before the first sample, ≥ 0.
        n_samples: samples recorded, ≥ 1.
        steps_per_sample: sweeps between samples, ≥ 1.
        anneal: ``((sweeps, level), …)`` run before the warm-up.
        level: the β level (index of an activation table) of warm-up and samples.
    """

    n_warmup: int
    n_samples: int
    steps_per_sample: int = 1
    anneal: tuple[tuple[int, int], ...] = ()
    level: int = 0

    def __post_init__(self) -> None:
        for name, low in (("n_warmup", 0), ("n_samples", 1), ("steps_per_sample", 1), ("level", 0)):
            value = getattr(self, name)
            object.__setattr__(self, name, _count(name, value, low))
        phases = tuple((int(sweeps), int(level)) for sweeps, level in self.anneal)
        if any(sweeps < 1 or level < 0 for sweeps, level in phases):
            raise SpecError(f"anneal phases are (sweeps ≥ 1, level ≥ 0), got {self.anneal!r}.")
        object.__setattr__(self, "anneal", phases)

    @property
    def phases(self) -> tuple[tuple[int, int], ...]:
        """``(sweeps, level)`` of everything before the first sample, empty phases left out."""
        return self.anneal + (((self.n_warmup, self.level),) if self.n_warmup else ())

    @property
    def n_sweeps(self) -> int:
        """All sweeps of a run."""
        return sum(s for s, _ in self.phases) + (self.n_samples - 1) * self.steps_per_sample

    @property
    def max_level(self) -> int:
        return max([self.level, *(level for _, level in self.anneal)])

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @staticmethod
    def from_json(data: dict[str, Any]) -> "Schedule":
        return Schedule(**{**data, "anneal": tuple(tuple(phase) for phase in data["anneal"])})

    @staticmethod
    def of(schedule: Any) -> "Schedule":
        """``schedule`` itself, or the equal of anything with THRML's three attributes.

        THRML writes 0 steps where there is one sample only; no step is taken then, whatever stands there.

        Raises:
            SpecError: it has no such attributes, or they are not the integers that a schedule takes.
        """
        if isinstance(schedule, Schedule):
            return schedule
        if not isinstance(schedule, LikeSchedule):
            raise SpecError(
                f"schedule must be a Schedule, or have n_warmup, n_samples and steps_per_sample, got {schedule!r}; for "
                "100 samples after 50 sweeps write Schedule(50, 100)."
            )
        warmup, samples, steps = schedule.n_warmup, schedule.n_samples, schedule.steps_per_sample
        return Schedule(warmup, samples, 1 if samples == 1 and steps == 0 else steps)

    @staticmethod
    def auto(
        program: "Program",
        target_ess: float,
        budget: int,
        *,
        replicas: int = 64,
        clamp: "LikeValues | None" = None,
        device: "Device | str" = "jax",
        seed: int = 0,
        level: int = 0,
        hottest: float | None = None,
    ) -> "AutoSchedule":
        """A schedule that should give ``target_ess`` effective samples, from pilot runs.

        Args:
            program: what is to be run.
            target_ess: effective samples of all replicas together, by the spread of their means.
            budget: sweeps, summed over replicas, that pilots and schedule may take together.
            replicas: of the pilots, at least 8, and the most that the schedule is for.
            clamp, device, seed: as in :meth:`Program.sample`.
            level: β level.
            hottest: factor on β, between 0 and 1, from which pilots and schedule anneal down into the warm-up, through
                levels that pilots placed (:func:`~thermofab.hw.spec.auto.beta_ladder`); run such a schedule on
                ``schedule.prepared(program)``, which has their tables.

        Returns:
            the schedule, with ``replicas`` to run it with and the ``evidence``.

        Raises:
            SpecError: a number is out of range.
            RefusedError: the budget does not suffice, or the pilots' chains have not met within it; the message says
                what would.
        """
        from thermofab.hw.spec.auto import auto_schedule

        return auto_schedule(
            program, target_ess, budget, replicas=replicas, clamp=clamp, device=device, seed=seed, level=level,
            hottest=hottest,
        )  # fmt: skip


def _count(name: str, value: Any, low: int) -> int:
    """``value`` as a Python integer; those of numpy are integers too."""
    try:
        count = None if isinstance(value, bool) else operator.index(value)
    except TypeError:
        count = None
    if count is None or count < low:
        raise SpecError(f"{name} must be an integer of at least {low}, got {value!r}.")
    return count

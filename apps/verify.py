"""``thermofab verify``: a campaign of random configurations over several processes, and its table."""

import time
from collections import defaultdict
from concurrent.futures import as_completed
from dataclasses import asdict, dataclass
from typing import Any

from thermofab.apps.console import bar
from thermofab.apps.executors import worker_processes
from thermofab.hw.spec import DeviceError, SpecError, UnsupportedError, device_names
from thermofab.sim.conformance import REFERENCE, Outcome, families, run_one

# Configurations a process takes before it is replaced.
PER_POOL = 20


@dataclass(frozen=True)
class Campaign:
    """All outcomes, by family."""

    configurations: int
    seconds: float
    outcomes: tuple[tuple[str, Outcome], ...]

    @property
    def differing(self) -> int:
        return sum(outcome.differing for _, outcome in self.outcomes)

    def to_json(self) -> dict[str, Any]:
        return {
            "configurations": self.configurations,
            "seconds": self.seconds,
            "differing": self.differing,
            "outcomes": [{"family": family, **asdict(outcome)} for family, outcome in self.outcomes],
        }

    def table(self) -> str:
        """Per device and family: configurations, site updates, states compared, states differing."""
        cells: dict[tuple[str, str], list[Outcome]] = defaultdict(list)
        refused: dict[tuple[str, str], list[str]] = defaultdict(list)
        for family, outcome in self.outcomes:
            if outcome.refused:
                refused[outcome.device, family].append(outcome.refused)
                continue
            cells[outcome.device, family].append(outcome)
            cells[outcome.device, "all"].append(outcome)
        order = [*families(), "all"]
        lines = [f"{'device':<12}{'family':<10}{'configs':>8}{'site updates':>16}{'compared':>16}{'differing':>10}"]
        for device, family in sorted(cells, key=lambda key: (key[0], order.index(key[1]))):
            group = cells[device, family]
            updates, compared = sum(o.site_updates for o in group), sum(o.compared for o in group)
            lines.append(
                f"{device:<12}{family:<10}{len(group):>8}{updates:>16,}{compared:>16,}"
                f"{sum(o.differing for o in group):>10}"
            )
        lines += [
            f"left out on {device}: {len(reasons)} of {family}: {reasons[0]}"
            for (device, family), reasons in sorted(refused.items())
        ]
        lines += [f"differs first at {o.device}: {o.first}" for _, o in self.outcomes if o.differing]
        return "\n".join([*lines, f"{self.configurations} configurations in {self.seconds:.0f} s"])


def run(
    devices: tuple[str, ...],
    configurations: int,
    updates: int,
    seed: int,
    workers: int,
    quiet: bool,
    *,
    only: tuple[str, ...] = (),
    against: str = REFERENCE,
) -> Campaign:
    """Run the campaign; a case does not depend on the number of processes.

    Args:
        devices: compared with ``against``.
        configurations, updates, seed: of the campaign; site updates in all.
        workers: processes.
        quiet: no progress bar.
        only: families to take in turn, by default all.
        against: the device whose states are taken to be right.

    Raises:
        DeviceError, SpecError: an unknown device or family.
        UnsupportedError: a device refuses every configuration.
    """
    unknown = [name for name in (*devices, against) if name.partition("://")[0] not in device_names()]
    if unknown:
        raise DeviceError(f"unknown device '{unknown[0]}'; known are {', '.join(device_names())}.")
    strange = [name for name in only if name not in families()]
    if strange:
        raise SpecError(f"unknown family '{strange[0]}'; known are {', '.join(families())}.")
    started = time.perf_counter()
    names = only or families()
    share = -(-updates // configurations)
    outcomes: dict[int, list[tuple[str, Outcome]]] = {}
    with bar("configurations", configurations, quiet) as done:
        for first in range(0, configurations, PER_POOL * workers):
            # Compiled fabrics stay loaded in a process, so every so often the processes are new ones.
            with worker_processes(workers) as pool:
                jobs = {
                    pool.submit(run_one, devices, names[k % len(names)], share, seed, k, against): k
                    for k in range(first, min(first + PER_POOL * workers, configurations))
                }
                for job in as_completed(jobs):
                    case, found = job.result()
                    outcomes[jobs[job]] = [(case.family, outcome) for outcome in found]
                    done()
    ordered = tuple(pair for k in sorted(outcomes) for pair in outcomes[k])
    for device in devices:
        mine = [outcome for _, outcome in ordered if outcome.device == device]
        if all(outcome.refused for outcome in mine):
            raise UnsupportedError(f"{device} refuses all of these configurations: {mine[0].refused}")
    return Campaign(configurations, time.perf_counter() - started, ordered)

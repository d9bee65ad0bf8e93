"""A program's mixing, measured by a run of it."""

from dataclasses import replace
from typing import TYPE_CHECKING

from thermofab.hw.spec.arguments import LikeValues
from thermofab.hw.spec.device import Device
from thermofab.hw.spec.errors import SpecError
from thermofab.hw.spec.mixing import Mixing, effective_of, observables
from thermofab.hw.spec.samples import Samples
from thermofab.hw.spec.schedule import Schedule

if TYPE_CHECKING:
    from thermofab.hw.spec.program import Program

_FEW_EFFECTIVE = 50  # effective samples of a chain below which its length says little


def measured_mixing(
    program: "Program",
    schedule: Schedule | None,
    clamp: LikeValues | None,
    replicas: int,
    seed: int,
    device: Device | str,
) -> Mixing:
    """See :meth:`thermofab.hw.spec.program.Program.with_mixing`."""
    if replicas < 8:
        raise SpecError(f"mixing is measured by the spread of chains, of at least 8; got replicas={replicas}.")

    def run(asked: Schedule) -> Samples:
        return program.sample(asked, clamp=clamp, replicas=replicas, seed=seed, device=device, discard=False)

    asked = Schedule.of(schedule or Schedule(2000, 2000, 1))
    samples = run(asked)
    effective = _effective(program, samples)
    if schedule is None and effective < _FEW_EFFECTIVE:
        asked = replace(asked, steps_per_sample=16)
        samples = run(asked)
        effective = _effective(program, samples)
    cycles = ((asked.n_samples - 1) * asked.steps_per_sample + 1) * program.report.cycles_per_sweep
    how = f"{replicas} chains of {asked.n_samples} samples on {device if isinstance(device, str) else 'a device'}"
    return Mixing(1e6 * effective / cycles, float(samples.kept.mean()), how)


def _effective(program: "Program", samples: Samples) -> float:
    """Effective samples of a chain: of the means and products of spins, and of the means of categories."""
    return effective_of(observables(program.model, samples.node_states), samples.kept)

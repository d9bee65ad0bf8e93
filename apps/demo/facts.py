"""What a demo run found: everything that the report says and shows."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from thermofab.apps.demo import measure
from thermofab.compiler.distributions.enumeration import total_variation
from thermofab.hw.spec import Program

# What the allowance would be exceeded with if the effective samples were independent; chains make it a guide only.
NOMINAL_FALSE_ALARM = 1e-7


@dataclass(frozen=True)
class Seconds:
    """Wall-clock seconds, set-up apart from sampling for everybody.

    Attributes:
        compile: of the program for the fabric, with its report.
        build: opening the device: generating, compiling and loading its RTL, unless that is cached.
        jax_first: first call of the simulator, XLA's compilation included.
        jax: the same call again.
        device: the run on the device.
        thrml_compile: XLA's compilation of THRML's sampler.
        thrml: the run of THRML's sampler, compiled.
    """

    compile: float
    build: float
    jax_first: float
    jax: float
    device: float
    thrml_compile: float
    thrml: float


@dataclass(frozen=True, eq=False)
class Facts:
    """Attributes:
    command: that repeats the run.
    program: with its report.
    device: compared with jax.
    compared, differing: site states.
    exact: probabilities of all states of the free nodes, float64 ``[2^n]``, by enumeration of the user's model.
    mean_energy: by enumeration.
    fabric, thrml: frequencies of the same states, float64 ``[2^n]``.
    means: E[s] of every node of the program, sampled, float64 ``[n]``.
    energies, thrml_energies: float64 ``[R, S]``, in the user's units.
    cycles, sweeps: of the device's run, all replicas together.
    seconds: what took how long.
    """

    command: str
    program: Program
    device: str
    compared: int
    differing: int
    exact: np.ndarray
    mean_energy: float
    fabric: np.ndarray
    thrml: np.ndarray
    means: np.ndarray
    energies: np.ndarray
    thrml_energies: np.ndarray
    cycles: int
    sweeps: int
    seconds: Seconds

    @cached_property
    def mixing(self) -> np.ndarray:
        """Autocorrelation of the energy on the fabric, float64 ``[lags + 1]``."""
        return measure.autocorrelation(self.energies, 30)

    @cached_property
    def thrml_mixing(self) -> np.ndarray:
        return measure.autocorrelation(self.thrml_energies, 30)

    @property
    def tau(self) -> float:
        """Samples per independent one, by the energy."""
        return measure.integrated_time(self.mixing)

    @property
    def effective(self) -> int:
        """Independent samples that all chains are worth."""
        return int(self.energies.size / self.tau)

    @property
    def tv(self) -> float:
        """Total variation distance of the fabric's samples from the exact distribution."""
        return total_variation(self.fabric, self.exact)

    @property
    def tv_thrml(self) -> float:
        return total_variation(self.thrml, self.exact)

    @property
    def floor(self) -> float:
        """The distance that so many independent draws of the exact distribution would have on average."""
        return measure.sampling_floor(self.exact, self.effective)

    @property
    def allowance(self) -> float:
        """The distance above which the run fails."""
        slack = measure.deviation_bound(self.effective, NOMINAL_FALSE_ALARM)
        return self.floor + slack + (self.program.report.end_to_end.tv or 0.0)

    @property
    def passed(self) -> bool:
        return self.differing == 0 and self.tv <= self.allowance

    @property
    def verdict(self) -> str:
        return (
            f"{self.compared:,} site states compared between jax and {self.device}: {self.differing} differ. "
            f"TV to the enumerated distribution {self.tv:.4f}, of which sampling error explains {self.floor:.4f}; "
            f"THRML's own sampler {self.tv_thrml:.4f}."
        )

    def numbers(self) -> Mapping[str, Any]:
        """What ``--json`` prints."""
        report, seconds = self.program.report, self.seconds
        return {
            "passed": self.passed,
            "fabric": self.program.fabric.topology.name,
            "nodes": report.nodes,
            "sites_used": report.sites,
            "certificate": str(report.certificate),
            "end_to_end_tv": report.end_to_end_tv,
            "states_compared": self.compared,
            "states_differing": self.differing,
            "tv": self.tv,
            "tv_thrml": self.tv_thrml,
            "tv_expected_from_sampling": self.floor,
            "tv_allowed": self.allowance,
            "false_alarm_if_independent": NOMINAL_FALSE_ALARM,
            "integrated_autocorrelation_time": self.tau,
            "samples": int(self.energies.size),
            "effective_samples": self.effective,
            "rtl_cycles": self.cycles,
            "seconds_compile": seconds.compile,
            f"seconds_{self.device}_build": seconds.build,
            f"seconds_{self.device}": seconds.device,
            "seconds_jax_first_call": seconds.jax_first,
            "seconds_jax": seconds.jax,
            "seconds_thrml_compile": seconds.thrml_compile,
            "seconds_thrml": seconds.thrml,
        }

"""A run's convergence as a picture: energy traces, autocorrelation, and what the run was worth as it went on."""

from pathlib import Path

import numpy as np

from thermofab.hw.spec import Samples, SpecError
from thermofab.hw.spec.convergence import autocorrelation, autocorrelation_time, energy_trace
from thermofab.hw.spec.mixing import effective_of, observables, split_r_hat

_SHOWN, _LOOKS = 6, 20


def growth(samples: Samples) -> list[tuple[int, float, float]]:
    """``(samples a chain, effective samples of all chains, R-hat)`` of a run's first parts, up to the whole.

    Raises:
        SpecError: samples of a bare image, fewer than 8 chains or fewer than 40 samples of each.
    """
    program, (chains, count, _) = samples.program, samples.sites.shape
    if program is None or chains < 8 or count < 40:
        raise SpecError(f"growth is of a program's 8 chains of 40 samples or more, got {chains} of {count}.")
    states, kept, found = samples.node_states, samples.kept, []
    for length in np.unique(np.linspace(20, count, _LOOKS).astype(int)).tolist():
        part, use = states[:, :length], kept[:, :length]
        effective = chains * effective_of(observables(program.model, part), use)
        r_hat = max(split_r_hat(values, use) for values in observables(program.model, part))
        found.append((length, effective, r_hat))
    return found


def draw_convergence(samples: Samples, out: Path) -> Path:
    """Three panels: energies of some chains, autocorrelation of all observables, effective samples and R-hat.

    Raises:
        SpecError: as :func:`growth`.
    """
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    grown, energies = growth(samples), energy_trace(samples)
    assert samples.program is not None
    rho, _ = autocorrelation(observables(samples.program.model, samples.node_states))
    tau, steps = autocorrelation_time(rho), samples.schedule.steps_per_sample
    figure, (trace, lags, worth) = plt.subplots(1, 3, figsize=(13, 3.4))
    sweeps = steps * np.arange(energies.shape[1])
    for row in energies[:_SHOWN]:
        trace.plot(sweeps, row, linewidth=0.6, alpha=0.7)
    trace.set(xlabel="sweep after the warm-up", ylabel="energy", title=f"{min(_SHOWN, len(energies))} chains")
    shown = min(len(rho), max(10, int(12 * tau)))
    lags.plot(steps * np.arange(shown), rho[:shown], marker=".")
    lags.axhline(0, color="grey", linewidth=0.6)
    lags.set(xlabel="lag in sweeps", ylabel="autocorrelation", title=f"time {tau * steps:.3g} sweeps, all observables")
    lengths, effective, r_hat = zip(*grown)
    worth.plot(lengths, effective, color="#4878a8")
    worth.set(xlabel="samples a chain", title=f"{len(energies)} chains")
    worth.set_ylabel("effective samples, all chains", color="#4878a8")
    right = worth.twinx()
    right.plot(lengths, r_hat, color="#c44e52")
    right.set_ylabel("largest split R-hat", color="#c44e52")
    figure.tight_layout()
    out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(out, dpi=130)
    plt.close(figure)
    return out

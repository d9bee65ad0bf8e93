"""A run's convergence as a picture: energy traces, autocorrelation, and what the run was worth as it went on."""

from pathlib import Path

import numpy as np

from thermofab.apps.pages.palette import LIGHT
from thermofab.hw.spec import Samples, SpecError
from thermofab.hw.spec.convergence import autocorrelation, autocorrelation_time, energy_trace
from thermofab.hw.spec.mixing import effective_of, observables, split_r_hat

_LOOKS, _BAND, _MET = 20, (0.05, 0.95), 1.01
_INK, _OTHER = LIGHT.accent, LIGHT.second


def growth(samples: Samples) -> list[tuple[int, float, float]]:
    """``(samples per chain, effective samples of all chains, R-hat)`` of a run's first parts, up to the whole.

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
    """Four panels: energies of one chain and of all, autocorrelation of all observables, effective samples, R-hat.

    Raises:
        SpecError: as :func:`growth`.
    """
    from thermofab.apps.pages.theme import picture, plain

    grown, energies = growth(samples), energy_trace(samples)
    assert samples.program is not None
    rho, _ = autocorrelation(observables(samples.program.model, samples.node_states))
    tau, steps = autocorrelation_time(rho), samples.schedule.steps_per_sample
    with picture(out, (11, 6.6)) as figure:
        (trace, lags), (worth, met) = figure.subplots(2, 2)
        chains, sweeps = len(energies), steps * np.arange(energies.shape[1])
        low, high = np.quantile(energies, _BAND, axis=0)
        trace.fill_between(sweeps, low, high, color=_INK, alpha=0.2, lw=0, label=f"middle 90% of {chains} chains")
        trace.plot(sweeps, energies[0], color=_OTHER, linewidth=0.7, label="first chain")
        trace.plot(sweeps, energies.mean(axis=0), color=_INK, linewidth=1.2, label="mean of the chains")
        trace.set(xlabel="sweeps after the warm-up", ylabel="energy, the program's units", title="Energy")
        # Above the panel, where no curve runs through it.
        trace.legend(
            fontsize=8, ncols=3, loc="lower right", bbox_to_anchor=(1.0, 0.995), frameon=False, handlelength=1.2
        )
        shown = min(len(rho), max(10, int(12 * tau)))
        lags.plot(steps * np.arange(shown), rho[:shown], marker=".", color=_INK)
        lags.axhline(0, color="grey", linewidth=0.6)
        said = f"Autocorrelation: integrated time {tau * steps:.3g} sweeps"
        lags.set(xlabel="lag, sweeps", ylabel="ρ of all observables", title=said)
        lengths, effective, r_hat = (np.array(column) for column in zip(*grown))
        worth.plot(steps * lengths, effective, marker=".", color=_INK)
        worth.set(xlabel="sweeps of a chain", ylabel="effective samples", title=f"Worth of all {chains} chains")
        worth.set_ylim(bottom=0)
        met.plot(steps * lengths, r_hat, marker=".", color=_INK)
        met.axhline(_MET, color=_OTHER, linewidth=0.9, linestyle="--", label=f"R-hat {_MET}")
        met.set(xlabel="sweeps of a chain", ylabel="largest split R-hat", title="Agreement of the chains")
        met.legend(fontsize=8, frameon=False)
        for axes in (trace, lags, worth, met):
            plain(axes, "both")
    return out

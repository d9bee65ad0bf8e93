r"""Check: a run of a program compared with trusted ones, where it is too large to enumerate.

Three runs: the program on the device; the same integers and layout on a twin fabric with 24-bit thresholds and a table
of 2^12 entries, which tells the table's part; and the model before placement and rounding, by replica exchange in
floating point, which tells everything.

Two runs are told apart along one direction. Half of the chains of each give the means and covariance Σ of features (the
spins, the products of coupled ones, the categories), Fisher's direction Σ^{-1}(m - m') and the threshold along it that
separates them best. The other halves give the share of states beyond the threshold, chain by chain: the difference of
the two shares is a total variation of a two-valued function of the state, so at most that of the distributions. Its
standard error is from the spread of chains, independent of each other whatever their autocorrelation; the verdict is a
two-sided t test (Welch's) of it and of the mean energy, each with half of the probability of a false alarm.
"""

import warnings
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from thermofab.compiler.distributions.gibbs import tempered_states
from thermofab.compiler.ir.stages import Paired
from thermofab.hw.spec.activation import sigmoid_table
from thermofab.hw.spec.device import Device
from thermofab.hw.spec.errors import MixingWarning, SpecError
from thermofab.hw.spec.image import Image
from thermofab.hw.spec.mixing import effective_samples, split_r_hat
from thermofab.hw.spec.model import IsingModel
from thermofab.hw.spec.program import Program
from thermofab.hw.spec.registry import generator
from thermofab.hw.spec.report import Check, Distance
from thermofab.hw.spec.schedule import LikeSchedule, Schedule

FALSE_ALARM = 1e-6
# Most features of a state, and entries of a matrix of features of one run.
_FEATURES = 400
_ENTRIES = 4_000_000
_POWER = 0.9
# Thresholds along the direction, quantiles of both runs together.
_QUANTILES = np.linspace(0.02, 0.98, 49)
# Schedules tried, one after another, until the chains have met.
_LONGER = tuple(Schedule(2000 * longer, 500, 10 * longer) for longer in (1, 4, 16))
# Split R-hat above which chains have not met.
MIXED = 1.05


@dataclass(frozen=True, eq=False)
class _Run:
    """Features float64 ``[chains, samples, k]``, energies ``[chains, samples]``, and the samples that count."""

    features: np.ndarray
    energies: np.ndarray
    kept: np.ndarray


def checked(
    program: Program,
    draft: Paired,
    *,
    schedule: LikeSchedule | None = None,
    clamp: Mapping[Hashable, ArrayLike] | None = None,
    replicas: int = 64,
    seed: int = 0,
    device: Device | str = "jax",
) -> Program:
    """The program with ``report.checked``, and ``report.end_to_end`` measured where it was not enumerated.

    Args:
        draft: the program before it was emitted.
        schedule: by default 2,000 sweeps to warm up and 500 samples, 10 sweeps apart, at β level 0; four and sixteen
            times as many sweeps where the chains have not met by then.
        clamp: nodes and their values, one value each; what is checked is the conditional distribution.
        replicas, seed, device: as in :meth:`thermofab.Program.sample`; at least 16 replicas.

    Raises:
        SpecError: fewer than 16 replicas, or a clamped node has no value.
    """
    from scipy import stats  # takes a second to import, and compiling needs none of it

    if replicas < 16:
        raise SpecError(f"a check compares halves of the chains, of at least 16; got replicas={replicas}.")
    held = 2 * program.site_states(clamp, None, 1)[0][0][program.roots].astype(np.int8) - 1
    held[held < -1] = 0  # free sites are -1
    choice = _Features(program, np.random.default_rng(seed))
    schedules = _LONGER if schedule is None else (Schedule.of(schedule),)
    for asked in schedules:
        here = _run(program, choice, asked, clamp, replicas, seed, device)
        r_hat = split_r_hat(np.concatenate([here.features, here.energies[..., None]], axis=-1), here.kept)
        if r_hat <= MIXED:
            break
    there = _run(_twin(program), choice, asked, clamp, replicas, seed, "jax")
    trusted = _trusted(program, draft, held, replicas, asked.n_samples, seed)
    model = _Run(choice(trusted), program.model.energies(trusted), np.ones(trusted.shape[:2], dtype=bool))
    tv, error, freedom = _apart(here, model)
    table_tv = _apart(here, there)[0]
    energy, energy_error = _mean(here)
    reference, reference_error = _mean(model)
    limit = float(stats.t.isf(FALSE_ALARM / 4, freedom))
    spread = max(float(np.hypot(energy_error, reference_error)), 1e-300)
    passed = abs(tv) <= limit * error and abs(energy - reference) <= limit * spread and r_hat <= MIXED
    how = (
        f"{replicas} chains of {asked.n_samples} samples, {asked.steps_per_sample} sweeps apart, beside {replicas} "
        "tempered ladders of the model and "
        f"{replicas} chains of the same integers with 24-bit thresholds"
    )
    result = Check(
        passed=bool(passed),
        tv=float(tv),
        error=float(error),
        detectable=float((limit + stats.norm.isf(1 - _POWER)) * error),
        table_tv=float(table_tv),
        energy=energy,
        energy_error=energy_error,
        reference_energy=reference,
        reference_error=reference_error,
        effective=effective_samples(here.features, here.kept) * replicas,
        r_hat=r_hat,
        false_alarm=FALSE_ALARM,
        how=how,
    )
    report = replace(program.report, checked=result)
    if report.end_to_end.standing != "enumerated":
        seen = min(max(float(tv), 0.0) + 2 * float(error), 1.0)
        note = f"two standard errors included; {result.detectable:.2g} would have been seen"
        if r_hat <= MIXED:
            report = replace(report, end_to_end=Distance(seen, "measured", note))
        else:
            why = f"the chains of the check have not met, R-hat {r_hat:.3g}"
            report = replace(report, end_to_end=Distance(None, "unknown", why))
    return replace(program, report=report)


def _twin(program: Program) -> Program:
    """The same integers and layout on a fabric with the widest thresholds and the longest table."""
    image, spec = program.image, program.fabric
    rng = spec.rng if generator(spec.rng).widest == 32 else "lfsr64"
    wide = replace(
        spec, word_bits=32, threshold_bits=24, dither_bits=8, table_bits=12, min_shift=0, rng=rng,
        architecture=spec.architecture if spec.programmed else "spatial", elements=0, moment_bits=0, levels=1,
    )  # fmt: skip
    field_max = (spec if image.order is None else image.merged.image.fabric).field_max
    step = program.report.quantisation.step
    needed = min(float(field_max), 24 * np.log(2.0) / (2 * step))
    shift = int(np.clip(np.ceil(np.log2(max(needed / 2 ** (wide.table_bits - 1), 1.0))), 0, wide.dither_bits))
    tables = sigmoid_table(wide, step, shift)[None]
    made = Image(
        wide, image.weights, image.biases, tables, shift, image.clamps, image.seed, image.factors, order=image.order
    )
    return replace(program, image=made)


def _trusted(program: Program, draft: Paired, held: np.ndarray, chains: int, samples: int, seed: int) -> np.ndarray:
    """States of the nodes ``[chains, samples, n]`` of the model before placement and rounding, as ``read`` gives."""
    spins = tempered_states(
        draft.edges,
        draft.couplings,
        draft.biases,
        tables=(draft.tables.rows, draft.tables.values),
        chains=chains,
        recorded=samples,
        warm=1000,
        held=held,
        seed=seed + 1,
    )
    # Every variable stands at its root, as on the fabric.
    sites = np.zeros((samples, chains, program.fabric.n_sites), dtype=bool)
    sites[:, :, program.roots] = (spins > 0).reshape(samples, chains, -1)
    return program.read(sites.transpose(1, 0, 2), range(program.model.n_nodes))


class _Features:
    """Features of node states ``[..., n]``: at most :data:`_FEATURES`, the same for every run."""

    def __init__(self, program: Program, draw: np.random.Generator) -> None:
        model = program.model
        spins = np.flatnonzero(np.asarray(model.categories) == 0)
        singles = [(int(k), -1) for k in spins]
        singles += [(int(k), s) for k in np.flatnonzero(model.categories) for s in range(int(model.categories[k]))]
        pairs = [tuple(edge) for edge in model.edges.tolist()] if isinstance(model, IsingModel) else []
        self._singles = _some(singles, _FEATURES // 2, draw)
        self._pairs = _some(pairs, _FEATURES - len(self._singles), draw)

    def __call__(self, states: np.ndarray) -> np.ndarray:
        columns = [
            np.where(states[..., k], 1.0, -1.0) if state < 0 else (states[..., k] == state).astype(np.float64)
            for k, state in self._singles
        ]
        columns += [np.where(states[..., i] == states[..., j], 1.0, -1.0) for i, j in self._pairs]
        return np.stack(columns, axis=-1)


def _some(values: list, most: int, draw: np.random.Generator) -> list:
    if len(values) <= most:
        return values
    return [values[k] for k in np.sort(draw.permutation(len(values))[:most])]


def _run(
    program: Program,
    choice: _Features,
    asked: Schedule,
    clamp: Mapping[Hashable, ArrayLike] | None,
    replicas: int,
    seed: int,
    device: Device | str,
) -> _Run:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", MixingWarning)  # the verdict says so
        samples = program.sample(asked, clamp=clamp, replicas=replicas, seed=seed, device=device, discard=False)
    return _Run(choice(samples.node_states), samples.energies(), samples.kept)


def _mean(run: _Run) -> tuple[float, float]:
    """Mean energy and its standard error, from the spread of chains."""
    counts = run.kept.sum(axis=1)
    use = counts > 0
    means = (run.energies * run.kept).sum(axis=1)[use] / counts[use]
    share = counts[use] / counts[use].sum()
    mean = float(share @ means)
    return mean, float(np.sqrt(np.sum(share**2 * (means - mean) ** 2) / max(1 - np.sum(share**2), 1e-12)))


def _apart(a: _Run, b: _Run) -> tuple[float, float, float]:
    """Total variation seen along the best direction, its standard error, and the t test's degrees of freedom."""
    first = [_flat(run, slice(None, None, 2)) for run in (a, b)]
    means = [part.mean(axis=0) for part in first]
    within = sum(np.cov(part, rowvar=False) for part in first) / 2
    within = np.atleast_2d(within)
    ridge = 1e-3 * float(np.trace(within)) / len(within) + 1e-12
    direction = np.linalg.solve(within + ridge * np.eye(len(within)), means[0] - means[1])
    along = [part @ direction for part in first]
    cuts = np.unique(np.quantile(np.concatenate(along), _QUANTILES))
    shares = [np.array([np.mean(part > cut) for cut in cuts]) for part in along]
    cut = float(cuts[np.argmax(np.abs(shares[0] - shares[1]))])
    sign = 1.0 if shares[0][cuts == cut][0] >= shares[1][cuts == cut][0] else -1.0
    seen, variances, freedoms = [], [], []
    for run in (a, b):
        beyond = (run.features[1::2] @ direction) > cut
        counts = run.kept[1::2].sum(axis=1)
        use = counts > 0
        per_chain = (beyond & run.kept[1::2]).sum(axis=1)[use] / counts[use]
        seen.append(float(per_chain.mean()))
        variances.append(max(float(per_chain.var(ddof=1)) / len(per_chain), 1e-12))
        freedoms.append(len(per_chain) - 1)
    total = sum(variances)
    freedom = total**2 / sum(variance**2 / freedom for variance, freedom in zip(variances, freedoms))
    return sign * (seen[0] - seen[1]), float(np.sqrt(total)), float(freedom)


def _flat(run: _Run, chains: slice) -> np.ndarray:
    """Features of the kept samples of some chains ``[M, k]``, thinned to what memory holds."""
    flat = run.features[chains][run.kept[chains]]
    most = max(_ENTRIES // flat.shape[1], 100)
    return flat[:: max(len(flat) // most, 1)]

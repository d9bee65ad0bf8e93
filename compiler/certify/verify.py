"""Verify: fill in the report's exact figures by enumerating the integer program's stationary distribution."""

import warnings
from collections.abc import Sequence
from dataclasses import replace
from itertools import product

import numpy as np

from thermofab.compiler.distributions.enumeration import kl, normalised, total_variation
from thermofab.compiler.distributions.exact import exact
from thermofab.compiler.distributions.kept import kept_distribution
from thermofab.compiler.distributions.stationary import LARGEST, slowest_mode
from thermofab.compiler.distributions.trunks import root_distribution
from thermofab.compiler.ir.stages import Wired
from thermofab.hw.spec.certificate import Exact
from thermofab.hw.spec.errors import DistributionWarning, SpecError
from thermofab.hw.spec.image import FREE
from thermofab.hw.spec.mixing import Mixing
from thermofab.hw.spec.program import Program
from thermofab.hw.spec.reading import spin_reading
from thermofab.hw.spec.report import Distance

# Sites and clamped nodes that compile enumerates unasked, in well under a second.
UNASKED = 12
# Those that it enumerates, in seconds, rather than refuse on a prediction.
BEFORE_REFUSING = 16


def verify(program: Program) -> Program:
    """The program with its distances from the user's distribution enumerated in the report: ``end_to_end`` and, where
    the certificate is exact, ``rounding``, ``table``, ``quantisation.tv`` and ``.kl``; with clamped nodes, the largest
    over all values of theirs. For a bounded certificate ``compile(..., verify=True)`` fills in the parts too, against
    the compiled real-valued distribution. Where the solution does not converge the report says so and keeps what was
    predicted.

    The program's distribution is taken at β level 0, which must be the factor 1.

    Raises:
        SpecError: sites in use and clamped nodes are more than 20.
    """
    too_many = _too_many(program)
    if too_many:
        raise SpecError(too_many)
    return _filled(program, None, 0)


def verified(program: Program, draft: Wired, levels: tuple[float, ...], wanted: bool | None) -> Program:
    """The program after compilation, verified if asked for (``True``) or small (``None``), at the level of factor 1."""
    if wanted is False:
        return program
    reason = _too_many(program)
    if not reason and 1.0 not in levels:
        reason = f"verification is of β factor 1, which no level of {levels} has"
    if reason:
        if wanted:
            warnings.warn(
                f"the program was compiled, and not verified: {reason} Its report holds predictions; check=True "
                "compares runs instead.",
                DistributionWarning,
                stacklevel=4,
            )
        return program
    if wanted is None and sum(map(len, program.drawing)) + draft.clamped.sum() > UNASKED:
        return program
    distribution = None if isinstance(draft.certificate, Exact) else _compiled_distribution(draft)
    return _filled(program, distribution, levels.index(1.0))


def _compiled_distribution(draft: Wired) -> np.ndarray | None:
    if len(draft.layout.copies) + draft.layout.n_trunks > LARGEST:
        return None
    return root_distribution(draft.layout, draft.edges, draft.couplings, draft.biases)


def _clamped(program: Program) -> tuple[list[int], list[int], int]:
    """Clamped nodes that have sites, the states of each, and the sites that are left to be updated."""
    clamped = [k for block in program.clamped_blocks for k in block if program.variables_of(k)]
    fixed = [variable for k in clamped for variable in program.variables_of(k)]
    used = sum(map(len, program.drawing)) - sum(len(program.drawing[variable]) for variable in fixed)
    return clamped, [int(program.model.categories[k]) or 2 for k in clamped], used


def _too_many(program: Program) -> str:
    """Why the program cannot be enumerated; empty if it can."""
    clamped, sizes, used = _clamped(program)
    total = used + float(np.log2(sizes).sum())
    if total <= LARGEST:
        return ""
    return (
        f"verification enumerates {used} sites and {len(clamped)} clamped nodes, 2^{total:.0f} states; at most "
        f"{LARGEST} together can be enumerated."
    )


def _filled(program: Program, compiled: np.ndarray | None, level: int) -> Program:
    clamped, sizes, used = _clamped(program)
    known = {k: r.table[0] for k, r in enumerate(program.readings or ()) if not r.variables}
    names = program.model.nodes
    n = len(program.copies)
    # Exact, or Rejecting: the kept samples have the program's distribution.
    is_exact = program.report.certificate.tv == 0.0
    step = program.report.quantisation.step
    worst = {
        "end to end": 0.0,
        "compile": 0.0,
        "rounding": 0.0,
        "table": 0.0,
        "quantised": 0.0,
        "kl": 0.0,
        "error": 0.0,
    }
    slowest = None
    for values in product(*(range(size) for size in sizes)):
        clamps = np.full(program.fabric.n_sites, FREE, dtype=np.int8)
        bits: dict[int, bool] = {}
        for k, value in zip(clamped, values):
            variables = program.variables_of(k)
            reading = spin_reading(k) if program.readings is None else program.readings[k]
            bits |= dict(zip(variables, reading.encode(np.int64(value)).tolist()))
        for variable, bit in bits.items():
            clamps[list(program.copies[variable])] = bit
        free = [variable for variable in range(n) if variable not in bits]
        roots = [int(program.roots[variable]) for variable in free]
        kept = kept_distribution(program.image, program.checks, clamps, roots, step, level)
        if not kept.converged:
            return _not_converged(program, used, kept.error)
        got, ideal = (distribution_of_nodes(program, one, free) for one in (kept.sampled, kept.ideal))
        if used <= UNASKED:
            mixing = enumerated_mixing(program, clamps, kept.share, level)
            slowest = min(slowest or mixing, mixing, key=lambda one: one.per_megacycle)
        user = exact(program, clamp={names[k]: v for k, v in [*zip(clamped, values), *known.items()]}).probabilities
        reference = user if is_exact else None
        if not is_exact and compiled is not None:
            reference = distribution_of_nodes(program, _given(compiled, n, bits), free)
        found = {"end to end": total_variation(user, got), "error": kept.error, "table": total_variation(ideal, got)}
        if reference is not None:
            found |= {
                "compile": total_variation(user, reference),
                "rounding": total_variation(reference, ideal),
                "quantised": total_variation(reference, got),
                "kl": kl(reference, got),
            }
        worst |= {name: max(worst[name], value) for name, value in found.items()}
    how = f"{used} sites" + (f", iterated, error below {worst['error']:.1g}" if worst["error"] else "")
    report = replace(
        program.report,
        end_to_end=Distance(worst["end to end"], "enumerated", how),
        table=Distance(worst["table"], "enumerated", how),
        mixing=slowest or program.report.mixing,
    )
    if is_exact or compiled is not None:
        quantisation = replace(report.quantisation, tv=worst["quantised"], kl=worst["kl"])
        rounding = Distance(worst["rounding"], "enumerated", how)
        report = replace(report, quantisation=quantisation, rounding=rounding)
    return program.replace(report=report)


def _not_converged(program: Program, used: int, error: float) -> Program:
    """The prediction stays, with a word on why it was not replaced."""
    before = program.report.end_to_end
    how = f"{before.how}; {used} sites enumerated, not converged: error {error:.2g}"
    return program.replace(report=replace(program.report, end_to_end=replace(before, how=how)))


def enumerated_mixing(program: Program, clamps: np.ndarray, share: float, level: int = 0) -> Mixing:
    """Of the slowest mode of a sweep, whose correlation falls by λ: (1-λ)/(1+λ) effective samples a sweep."""
    decay = slowest_mode(program.image, clamps, level)
    per_sweep = (1 - decay) / (1 + decay) * share
    return Mixing(1e6 * per_sweep / program.report.cycles_per_sweep, share, "slowest mode, enumerated")


def _given(distribution: np.ndarray, n: int, bits: dict[int, bool]) -> np.ndarray:
    """The conditional distribution of the other variables."""
    index = tuple(int(bits[k]) if k in bits else slice(None) for k in range(n))
    with np.errstate(divide="ignore"):
        return normalised(np.log(distribution.reshape((2,) * n)[index]).reshape(-1))[0]


def distribution_of_nodes(program: Program, distribution: np.ndarray, variables: Sequence[int]) -> np.ndarray:
    """The distribution of the nodes read from ``variables``, from the distribution of these: float64, in the order of
    :func:`thermofab.exact`'s.
    """
    if program.readings is None:
        return distribution
    place = {variable: k for k, variable in enumerate(variables)}
    codes = np.arange(len(distribution))
    number = np.zeros(len(distribution), dtype=np.int64)
    total = 1
    for node, reading in enumerate(program.readings):
        if not reading.variables or any(variable not in place for variable in reading.variables):
            continue
        bits = np.stack([codes >> (len(place) - 1 - place[v]) & 1 for v in reading.variables], axis=-1)
        size = int(program.model.categories[node]) or 2
        number, total = number * size + reading.decode(bits), total * size
    return np.bincount(number, weights=distribution, minlength=total)

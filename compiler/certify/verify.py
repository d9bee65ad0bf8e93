"""verify: fill in the report's exact figures by enumerating the integer program's stationary distribution."""

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
from thermofab.hw.spec.errors import SpecError
from thermofab.hw.spec.image import FREE
from thermofab.hw.spec.mixing import Mixing
from thermofab.hw.spec.program import Program
from thermofab.hw.spec.reading import spin_reading

# Sites and clamped nodes that compile enumerates unasked, in well under a second.
UNASKED = 12


def verify(program: Program) -> Program:
    """The program with ``report.end_to_end_tv`` and, where the certificate is exact, ``report.quantisation.tv`` and
    ``.kl`` filled in; with clamped nodes, the largest over all values of theirs. For a bounded certificate
    ``compile(..., verify=True)`` fills in ``tv`` and ``kl`` too, against the compiled real-valued distribution.

    The program's distribution is taken at β level 0, which must be the factor 1.

    Raises:
        SpecError: sites in use and clamped nodes are more than 20.
    """
    return _filled(program, None)


def verified(program: Program, draft: Wired, levels: tuple[float, ...], wanted: bool | None) -> Program:
    """The program after compilation, verified if asked for (``True``) or small (``None``)."""
    small = program.report.sites + draft.clamped.sum() <= UNASKED and levels[0] == 1.0
    if wanted is False or (wanted is None and not small):
        return program
    if levels[0] != 1.0:
        raise SpecError(
            f"verification compares β level 0 with the program's distribution; it must be 1, got {levels[0]}."
        )
    distribution = None if isinstance(draft.certificate, Exact) else _compiled_distribution(draft)
    return _filled(program, distribution)


def _compiled_distribution(draft: Wired) -> np.ndarray | None:
    if len(draft.layout.copies) + draft.layout.n_trunks > LARGEST:
        return None
    return root_distribution(draft.layout, draft.edges, draft.couplings, draft.biases)


def _filled(program: Program, compiled: np.ndarray | None) -> Program:
    clamped = [k for block in program.clamped_blocks for k in block if program.variables_of(k)]
    fixed = [variable for k in clamped for variable in program.variables_of(k)]
    used = sum(len(sites) for sites in program.copies) - sum(len(program.copies[variable]) for variable in fixed)
    sizes = [int(program.model.categories[k]) or 2 for k in clamped]
    total = used + float(np.log2(sizes).sum())
    if total > LARGEST:
        raise SpecError(
            f"verification enumerates {used} sites and {len(clamped)} clamped nodes, 2^{total:.0f} states; "
            f"at most {LARGEST} together can be enumerated."
        )
    known = {k: r.table[0] for k, r in enumerate(program.readings or ()) if not r.variables}
    names = program.model.nodes
    n = len(program.copies)
    # Exact, or Rejecting: the kept samples have the program's distribution.
    is_exact = program.report.certificate.tv == 0.0
    worst, slowest = [0.0, 0.0, 0.0], None
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
        kept, share = kept_distribution(program, clamps, roots)
        got = distribution_of_nodes(program, kept, free)
        if used <= UNASKED:
            mixing = enumerated_mixing(program, clamps, share)
            slowest = min(slowest or mixing, mixing, key=lambda one: one.per_megacycle)
        user = exact(program, clamp={names[k]: v for k, v in [*zip(clamped, values), *known.items()]}).probabilities
        reference = user if is_exact else None
        if not is_exact and compiled is not None:
            reference = distribution_of_nodes(program, _given(compiled, n, bits), free)
        worst[0] = max(worst[0], total_variation(user, got))
        if reference is not None:
            worst[1] = max(worst[1], total_variation(reference, got))
            worst[2] = max(worst[2], kl(reference, got))
    quantisation = program.report.quantisation
    if is_exact or compiled is not None:
        quantisation = replace(quantisation, tv=worst[1], kl=worst[2])
    report = replace(program.report, quantisation=quantisation, end_to_end_tv=worst[0])
    return program.replace(report=report if slowest is None else replace(report, mixing=slowest))


def enumerated_mixing(program: Program, clamps: np.ndarray, share: float) -> Mixing:
    """Of the slowest mode of a sweep, whose correlation falls by λ: (1-λ)/(1+λ) effective samples a sweep."""
    decay = slowest_mode(program.image, clamps)
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

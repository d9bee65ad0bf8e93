"""verify: fill in the report's exact figures by enumerating the integer program's stationary law."""

from dataclasses import replace
from itertools import product

import numpy as np

from thermofab.compiler.certify.enumeration import kl, normalised, total_variation
from thermofab.compiler.certify.law import exact
from thermofab.compiler.certify.stationary import LARGEST, stationary_law
from thermofab.compiler.passes.draft import Draft
from thermofab.compiler.passes.trunks import root_law
from thermofab.hw.spec.certificate import Exact
from thermofab.hw.spec.errors import SpecError
from thermofab.hw.spec.image import FREE
from thermofab.hw.spec.program import Program

# Sites and clamped nodes that compile enumerates unasked, in well under a second.
UNASKED = 12


def verify(program: Program) -> Program:
    """The program with ``report.end_to_end_tv`` and, where the certificate is exact, ``report.quantisation.tv`` and
    ``.kl`` filled in; with clamped nodes, the largest over all values of theirs. For a bounded certificate
    ``compile(..., verify=True)`` fills in ``tv`` and ``kl`` too, against the compiled real-valued law.

    The program's law is taken at β level 0, which must be the factor 1.

    Raises:
        SpecError: sites in use and clamped nodes are more than 20.
    """
    return _filled(program, None)


def verified(program: Program, draft: Draft, levels: tuple[float, ...], wanted: bool | None) -> Program:
    """The program after compilation, verified if asked for (``True``) or small (``None``)."""
    small = program.report.sites + draft.clamped.sum() <= UNASKED and levels[0] == 1.0
    if wanted is False or (wanted is None and not small):
        return program
    if levels[0] != 1.0:
        raise SpecError(f"verification compares β level 0 with the program's law; it must be 1, got {levels[0]}.")
    law = None if isinstance(draft.certificate, Exact) else _compiled_law(draft)
    return _filled(program, law)


def _compiled_law(draft: Draft) -> np.ndarray | None:
    if len(draft.layout.copies) + draft.layout.n_trunks > LARGEST:
        return None
    return root_law(draft.layout, draft.edges, draft.couplings, draft.biases)


def _filled(program: Program, compiled: np.ndarray | None) -> Program:
    n = program.model.n_nodes
    clamped = [k for block in program.clamped_blocks for k in block]
    free = [k for k in range(n) if k not in set(clamped)]
    used = sum(len(program.copies[k]) for k in free)
    if used + len(clamped) > LARGEST:
        raise SpecError(
            f"verification enumerates {used} sites and {len(clamped)} clamped nodes, 2^{used + len(clamped)} states; "
            f"at most {LARGEST} together can be enumerated."
        )
    is_exact = isinstance(program.report.certificate, Exact)
    worst = [0.0, 0.0, 0.0]
    for values in product((False, True), repeat=len(clamped)):
        clamps = np.full(program.fabric.n_sites, FREE, dtype=np.int8)
        for k, value in zip(clamped, values):
            clamps[list(program.copies[k])] = value
        got = stationary_law(program, clamps, accuracy=1e-10).probabilities
        user = exact(program, clamp={program.model.nodes[k]: v for k, v in zip(clamped, values)}).probabilities
        reference = user if is_exact else None if compiled is None else _given(compiled, n, clamped, values)
        worst[0] = max(worst[0], total_variation(user, got))
        if reference is not None:
            worst[1] = max(worst[1], total_variation(reference, got))
            worst[2] = max(worst[2], kl(reference, got))
    quantisation = program.report.quantisation
    if is_exact or compiled is not None:
        quantisation = replace(quantisation, tv=worst[1], kl=worst[2])
    return program.replace(report=replace(program.report, quantisation=quantisation, end_to_end_tv=worst[0]))


def _given(law: np.ndarray, n: int, clamped: list[int], values: tuple[bool, ...]) -> np.ndarray:
    """The conditional law of the other nodes."""
    index: list[int | slice] = [slice(None)] * n
    for k, value in zip(clamped, values):
        index[k] = int(value)
    with np.errstate(divide="ignore"):
        return normalised(np.log(law.reshape((2,) * n)[tuple(index)]).reshape(-1))[0]

"""minimise: the lowest state that a budget finds."""

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from thermofab.apps.optimise.bounds import bound_of
from thermofab.apps.optimise.budget import Budget
from thermofab.apps.optimise.fitted import fitted
from thermofab.apps.optimise.methods import LEVELS, MAKERS, RUNGS, beta_range_of, betas_of, checked_method
from thermofab.apps.optimise.minimum import Minimum, Run
from thermofab.apps.optimise.problem import problem_of
from thermofab.compiler.descent import SpinTerms, descend
from thermofab.hw.spec import Device, FabricSpec, SpecError, open_device
from thermofab.hw.spec import fabric as make_fabric
from thermofab.hw.spec.seeding import GOLDEN, MASK64, stream_word

# Sweeps of the first run; of a large problem, where that already takes its time, fewer.
_FIRST, _FIRST_LARGE, _LARGE = 256, 64, 50_000
_AGREED = 3  # runs all of whose reads end in one value, after which more are not expected to find another
_SAME = 1e-9  # relative difference of values that are one


def minimise(
    problem: Any,
    *,
    budget: Budget | float = 10.0,
    fabric: Any = None,
    device: str | Callable[[FabricSpec], Device] = "native",
    seed: int = 0,
    reads: int | None = None,
    method: str | None = None,
    beta_range: tuple[float, float] | None = None,
    target: float | None = None,
    bound: bool = False,
) -> Minimum:
    """The lowest energy, or the largest cut, that is found within a budget.

    Independent runs of doubling length, all reads at once; every read ends in a greedy descent on the host, so what is
    returned are local minima of the problem as it was written, however its couplings were rounded. Dense and random
    problems are annealed, in equal steps of β over :func:`~thermofab.compiler.annealing_range.annealing_range`;
    lattices without fields are tempered.

    Args:
        problem: a networkx graph, for MaxCut with edge attribute ``weight``, 1 where it is missing; or for its energy
            a dimod BQM or BinaryPolynomial, an :class:`IsingModel`, or whatever of spins :func:`thermofab.compile`
            takes.
        budget: a :class:`Budget`; a plain number is seconds. A budget of seconds or flips is left unspent where three
            runs in a row ended in one value with all their reads, or ``target`` was reached. One of seconds spends what
            the machine's pace allows: ``result.budget_used`` repeats the search.
        fabric: a fabric to compile onto, as for :func:`thermofab.compile`; by default one made of the problem's own
            graph, a site for every variable. One that is given anneals through as many levels as it holds, up to 64.
        device: a name for :func:`thermofab.open_device`, or a function from a fabric to a device.
        seed: 0…2^64-1; the same seed and ``Budget(sweeps=…)`` give the same result on every device.
        reads: independent searches in a run: by default 64 for annealing and 16 ladders for tempering. On the native
            device multiples of 64 cost least.
        method: ``"annealing"`` or ``"tempering"`` instead of the one chosen.
        beta_range: (hottest, coldest) β, in units of one over the problem's energy.
        target: a value that is good enough to stop at.
        bound: whether to prove a bound too, outside the budget (:mod:`thermofab.apps.optimise.bounds`).

    Raises:
        SpecError: an argument or the problem is malformed, or the budget does not reach for one sweep.
        CompileError: no front end knows the problem, or it does not fit the fabric.
        DeviceError: the device is unknown or cannot run it.
    """
    started = time.perf_counter()
    asked = Budget.of(budget)
    given = problem_of(problem)
    held = None if fabric is None else fabric if isinstance(fabric, FabricSpec) else make_fabric(fabric, levels=LEVELS)
    name, why = checked_method(method, given.model, held)
    reads = _checked_reads(reads, name)
    if not 0 <= seed < 2**64:
        raise SpecError(f"seed must lie in 0…2^64-1, got {seed}.")
    hottest, coldest = beta_range_of(name, given.model) if beta_range is None else _checked_range(beta_range)
    levels = RUNGS if name == "tempering" else LEVELS if held is None else min(LEVELS, held.levels)
    fit = fitted(given.model, betas_of(name, hottest, coldest, levels), held, seed)
    running = open_device(device, fit.fabric) if isinstance(device, str) else device(fit.fabric)
    searching = MAKERS[name](fit, running, reads)
    terms = SpinTerms.of(given.model)
    root = np.array([(seed + GOLDEN) & MASK64], dtype=np.uint64)
    runs: list[Run] = []
    found: list[np.ndarray] = []
    states, energies = np.zeros((0, terms.n), np.int8), np.zeros(0)
    first = _FIRST if terms.n <= _LARGE else _FIRST_LARGE
    for sweeps in asked.lengths(first, searching.spins_moved, started):
        begun = time.perf_counter()
        spins = descend(terms, fit.spins(searching.run(sweeps, int(stream_word(root, len(runs))[0]))))
        ended = given.energies(spins)
        found.append(ended)
        states, energies = np.concatenate([states, spins]), np.concatenate([energies, ended])
        best = np.argsort(energies, kind="stable")[:reads]
        states, energies = states[best], energies[best]
        values = given.sign * ended
        runs.append(Run(sweeps, float(given.sign * ended.min()), float(values.mean()), time.perf_counter() - begun))
        if asked.sweeps is None and _enough(energies[0], found, target, given.sign):
            break
    reached = np.concatenate(found)
    return Minimum(
        value=float(given.sign * energies[0]),
        state=dict(zip(given.nodes, given.written(states[0]).tolist())),
        values=given.sign * reached,
        successes=int(np.count_nonzero(reached <= energies[0] + _margin(energies[0]))),
        nodes=given.nodes,
        states=given.written(states),
        energies=energies,
        vartype=given.model.vartype,
        kind=given.kind,
        flips=sum(run.sweeps for run in runs) * searching.spins_moved,
        seconds=time.perf_counter() - started,
        method=name,
        why=why,
        betas=fit.betas,
        fabric=str(fit),
        runs=tuple(runs),
        bound=bound_of(given) if bound else None,
    )


def _enough(best: float, found: list[np.ndarray], target: float | None, sign: int) -> bool:
    """Whether the target is reached, or the last runs agree in every read."""
    if target is not None and best <= sign * target + _margin(best):
        return True
    return len(found) >= _AGREED and all(energies.max() <= best + _margin(best) for energies in found[-_AGREED:])


def _margin(energy: float) -> float:
    return _SAME * max(1.0, abs(float(energy)))


def _checked_reads(reads: int | None, method: str) -> int:
    if reads is None:
        return 64 if method == "annealing" else 4
    if isinstance(reads, bool) or not isinstance(reads, int) or reads < 1:
        raise SpecError(f"reads must be an integer of at least 1, got {reads!r}.")
    return reads


def _checked_range(beta_range: Any) -> tuple[float, float]:
    try:
        hottest, coldest = (float(value) for value in beta_range)
    except (TypeError, ValueError):
        raise SpecError(f"beta_range must be two numbers, hottest first, got {beta_range!r}.") from None
    if not 0 < hottest <= coldest < float("inf"):
        raise SpecError(f"beta_range must be two positive numbers, the smaller first, got {tuple(beta_range)}.")
    return hottest, coldest

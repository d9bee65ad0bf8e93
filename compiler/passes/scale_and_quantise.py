"""Scale and quantise: the step, the table shift and the integers, searched for the smallest predicted error."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from thermofab.compiler.ir.layout import Layout
from thermofab.compiler.ir.lowered import as_reals
from thermofab.compiler.ir.stages import Integers, Quantised, Wired
from thermofab.compiler.passes.discard import copies_of, floor_note, share_of
from thermofab.compiler.quantisation.model_error import ModelError, pair_kl
from thermofab.compiler.quantisation.portion import Portion, portion_of
from thermofab.compiler.quantisation.refit import refitted
from thermofab.compiler.quantisation.rounding import Rounded, round_layout
from thermofab.compiler.quantisation.table_ends import Ends
from thermofab.compiler.quantisation.table_error import CAUTION, Solved, TableError, best_shift, interpolation
from thermofab.hw.spec.certificate import Rejecting
from thermofab.hw.spec.errors import CompileError
from thermofab.hw.spec.fabric import FabricSpec
from thermofab.hw.spec.report import Distance, Quantisation

# Steps tried, as powers of two relative to the smallest step that saturates nothing: finely around it, and far
# below it, where a few strong couplings are cut so that the others keep their resolution.
_FINE = np.arange(-16, 9) / 16
_COARSE = -np.arange(5, 29) / 4
# Total variation expected from the table's ends beyond which other steps are asked about them.
_SPOILT = 0.005
# Couplings are then cut at these shares of the coldest field, at so many of the best steps.
_CUTS = (0.95, 0.85, 0.75, 0.65, 0.55, 0.45, 0.35)
_CUT_STEPS = 6
# Steps of a small program whose distribution is solved, the best by what is expected of them.
_SOLVED_STEPS = 40
# Couplings and biases beyond which fewer steps are tried, and steps whose integers are refitted.
_MANY = 4000
_REFITTED = 8


@dataclass(frozen=True, eq=False)
class _Step:
    """A step tried: its score, the shift that suits it, the table's part of the score, the integers, and the coupling
    at which they were cut.
    """

    score: float
    step: float
    shift: int
    table: float
    rounded: Rounded
    cut: float = np.inf


@dataclass(frozen=True)
class ScaleAndQuantise:
    """Integers w = round(J/step), b = round(h/step) and the table shift, minimising predicted KL over steps and shifts.

    The KL of the rounded from the given model over the nodes is enumerated up to ``enumerate_up_to`` nodes; above, it
    is ½ Var(ΔE) over states of a Gibbs run on the given model, or, with ``sampled=False``, the sum of the KL of every
    coupling and bias taken alone (:mod:`~thermofab.compiler.quantisation.model_error`). Added to it is what the
    activation table costs: linear interpolation between entries h = 2·step·2^shift apart errs by at most
    max|σ''| h²/8 = 0.012 h², and sites whose field can leave the table see σ cut off at its end. Large programs are
    judged by a portion of their spins (:mod:`~thermofab.compiler.quantisation.portion`), but with ``refit``.

    ``betas`` are the factors on β at which the distribution is to hold; the error is their mean. With ``refit`` the
    integers of the best steps are changed by units so that their errors cancel
    (:mod:`~thermofab.compiler.quantisation.refit`).

    ``beta_levels`` are the factors on β of the activation tables; the lowest says how far a table must reach.

    ``powers`` of two, relative to the smallest step that saturates nothing (:func:`least_step`), restrict the search.

    The certificate is unchanged but for a yield, that of the rounded trunks: rounding is reported apart, as
    ``Quantisation``.
    """

    enumerate_up_to: int = 14
    beta_levels: tuple[float, ...] = (1.0,)
    sampled: bool = True
    refit: bool = False
    betas: tuple[float, ...] = (1.0,)
    powers: tuple[float, ...] | None = None
    name: ClassVar[str] = "scale-and-quantise"

    def __post_init__(self) -> None:
        betas = tuple(as_reals("betas", list(self.betas)).tolist())
        if not betas or not all(0 < beta < float("inf") for beta in betas):
            raise CompileError(f"betas must be positive finite factors on β, one at least, got {betas}.")
        object.__setattr__(self, "betas", betas)

    def __call__(self, draft: Wired) -> Quantised:
        layout, spec = draft.layout, draft.fabric
        segments = layout.segment_couplings(draft.couplings)
        portion = Portion(draft) if self.refit else portion_of(draft)
        judged = portion.draft
        error = ModelError.of(judged, self.enumerate_up_to, self.sampled, self.betas, held_out=self.refit)
        tried = self._tried(portion, least_step(draft, segments), error)
        if self.refit:
            best = sorted(tried, key=lambda one: one.score)[:_REFITTED]
            fitted = [refitted(layout, one.rounded, ~draft.clamped, one.step, spec, error) for one in best]
            tried += [self._scored(portion, step, rounded, error) for step, rounded in fitted]
        ends = TableError(judged, error)
        chosen, found, solved = self._balanced(portion, tried, ends, error)
        predicted, exact = error.second_order(chosen.rounded.parameters), error.tv(chosen.rounded.parameters)
        how = error.how
        if judged is not draft:
            cut = portion.cut_outside(chosen.step, spec, chosen.cut)
            predicted = portion.terms * predicted + portion.factor * cut
            found = None if found is None else found.times(portion.factor)
            chosen, how = self._for_all(draft, chosen), f"{how} of {judged.n} of {draft.n} spins"
        step, shift, rounded = chosen.step, chosen.shift, chosen.rounded
        largest = max(
            np.max(np.abs(rounded.couplings - draft.couplings), initial=0.0),
            np.max(np.abs(rounded.fields - draft.biases), initial=0.0),
            np.max(np.abs(rounded.tables - draft.tables.values), initial=0.0),
        )
        leak, balance = (0.0, 0.0) if found is None else (found.leak, CAUTION * (found.tv or 0.0))
        quantisation = Quantisation(step, shift, rounded.saturated, float(largest), predicted, leak, min(balance, 1.0))
        did = f"step {step:.4g}, shift {shift}, predicted KL {predicted:.3g} ({how}), table {chosen.table:.2g}"
        rounding = Distance(min(float(np.sqrt(predicted / 2)), 1.0), "predicted", f"√(KL/2), {how}")
        if exact is not None and not layout.n_trunks:
            rounding = Distance(exact, "enumerated", f"{draft.n} spins")
        table = _table_distance(draft, chosen, found, solved)
        certificate = draft.certificate
        if isinstance(certificate, Rejecting):
            # The distribution of the kept samples does not depend on the trunks' strengths; how many are kept does.
            held = replace(layout, trunk_couplings=step * rounded.trunks)
            share, how = share_of(draft, held, copies_of(draft))
            certificate = Rejecting(share, how + floor_note(draft, held))
        integers = Integers(*_spread(draft, layout, rounded), quantisation, rounding, table)
        return draft.to(Quantised, self.name, did, integers=integers, certificate=certificate)

    def keeping(self, known: Quantised) -> "ScaleAndQuantise":
        """The search for a step, near where it ended before, with every coupling's error taken alone."""
        segments = known.layout.segment_couplings(known.couplings)
        power = float(np.log2(known.integers.quantisation.step / least_step(known, segments)))
        return replace(self, powers=tuple(power + k / 16 for k in (0, -1, 1)), sampled=False)

    def _balanced(
        self, portion: Portion, tried: list[_Step], table: TableError, error: ModelError
    ) -> tuple[_Step, Ends | None, Solved | None]:
        """The step of smallest score. Where the table's ends would spoil it: the one of smallest KL, solved for a small
        program, else of smallest score with the loss expected from them.
        """
        draft, ordered = portion.draft, sorted(tried, key=lambda one: one.score)
        if self.powers is not None:  # a search near a known step is for loops, where time counts
            return ordered[0], None, None

        def ends_of(one: _Step) -> Ends | None:
            return table.ends(_spread(draft, draft.layout, one.rounded), one.step, one.shift)

        def solved(one: _Step) -> Solved | None:
            return table.solved(_spread(draft, draft.layout, one.rounded), one.step, one.shift)

        best, found = ordered[0], ends_of(ordered[0])
        if found is None or found.tv is None or not found.reached:
            return best, found, None
        exactly = solved(best) if table.solvable else None
        if (found.tv if exactly is None else exactly.table) <= _SPOILT:
            return best, found, exactly
        ordered = sorted(tried + self._cut(portion, ordered[:_CUT_STEPS], error), key=lambda one: one.score)
        if exactly is not None:
            expected = [(one.score + (ends.kl if (ends := ends_of(one)) else 0.0), one) for one in ordered]
            for _, one in sorted(expected, key=lambda pair: pair[0])[:_SOLVED_STEPS]:
                if error.kl(one.rounded.parameters) < exactly.kl:
                    other = solved(one)
                    if other is not None and other.kl < exactly.kl:
                        best, exactly = one, other
            return best, ends_of(best), exactly
        least = best.score + found.kl
        for one in ordered:
            if one.score >= least:
                break
            ends = ends_of(one)
            if ends is not None and one.score + ends.kl < least:
                least, best, found = one.score + ends.kl, one, ends
        return best, found, None

    def _cut(self, portion: Portion, steps: list[_Step], error: ModelError) -> list[_Step]:
        """The same steps with couplings cut short of the coldest field that thresholds can hold."""
        draft, spec = portion.draft, portion.draft.fabric
        segments = draft.layout.segment_couplings(draft.couplings)
        coldest = 0.5 * spec.threshold_bits * np.log(2.0)
        made = []
        for one in steps:
            for share in _CUTS:
                rounded = round_layout(
                    draft.layout, segments, draft.biases, one.step, spec, draft.tables.values, share * coldest
                )
                if rounded.saturated > one.rounded.saturated:
                    made.append(self._scored(portion, one.step, rounded, error, share * coldest))
        return made

    def _tried(self, portion: Portion, least: float, error: ModelError) -> list[_Step]:
        """Every step, scored; of a large model a few of them, and those around the best of these. ``least`` is the
        smallest step of the whole program.
        """
        draft = portion.draft
        spec, layout = draft.fabric, draft.layout
        segments = layout.segment_couplings(draft.couplings)

        def at(powers: list[float]) -> list[_Step]:
            steps = [float(least * 2.0**power) for power in powers]
            return [
                self._scored(
                    portion, step, round_layout(layout, segments, draft.biases, step, spec, draft.tables.values), error
                )
                for step in steps
            ]

        if self.powers is not None:
            return at(list(self.powers))
        powers = [
            0.0,
            *_FINE[_FINE != 0].tolist(),
            *_COARSE.tolist(),
            *_finer(draft, least),
            *_wider(spec, least, lowest_of(self.beta_levels)),
        ]
        few = len(error.wanted) > _MANY
        found = at([power for power in powers if not few or (4 * power) % 2 == 0])
        middle = float(np.log2(min(found, key=lambda one: one.score).step / least))
        if not few and middle >= _COARSE[-1]:
            return found
        return found + at((middle + np.array([-3, -2, -1, 1, 2, 3]) / 8).tolist())

    def _scored(self, portion: Portion, step: float, rounded: Rounded, error: ModelError, cut: float = np.inf) -> _Step:
        draft = portion.draft
        shift, table = best_shift(
            draft.fabric, step, self._reach(draft, draft.layout, rounded), lowest_of(self.beta_levels)
        )
        score = error.kl(rounded.parameters) + _trunk_error(draft.layout, rounded, step) + table
        return _Step(score + portion.cut_outside(step, draft.fabric, cut), step, shift, table, rounded, cut)

    def _for_all(self, draft: Wired, chosen: _Step) -> _Step:
        """The step chosen on a portion of a draft, and the shift that suits it, for the whole of it."""
        layout, tables = draft.layout, draft.tables.values
        segments = layout.segment_couplings(draft.couplings)
        rounded = round_layout(layout, segments, draft.biases, chosen.step, draft.fabric, tables, chosen.cut)
        reach = self._reach(draft, layout, rounded)
        shift, table = best_shift(draft.fabric, chosen.step, reach, lowest_of(self.beta_levels))
        return replace(chosen, shift=shift, table=table, rounded=rounded)

    @staticmethod
    def _reach(draft: Wired, layout: Layout, rounded: Rounded) -> np.ndarray:
        """Largest |F| of every site in use: int64 ``[N]``."""
        weights, biases, _ = _spread(draft, layout, rounded)
        ends = draft.fabric.topology.edges
        reach = np.abs(biases).astype(np.float64)
        for side in (0, 1):
            reach += np.bincount(ends[:, side], weights=np.abs(weights), minlength=len(reach))
        if len(draft.tables):
            reach[layout.roots] += draft.tables.reach(rounded.entries, draft.n)
        return reach


def _table_distance(draft: Wired, chosen: _Step, ends: Ends | None, solved: Solved | None) -> Distance:
    """What the table costs, solved or predicted."""
    spec, sites = draft.fabric, draft.layout.n_sites
    if ends is None:
        smooth = float(np.sqrt(interpolation(spec, chosen.step, chosen.shift, sites) / 2))
        return Distance(min(smooth + chosen.table, 1.0), "predicted", "balance between wells not assessed")
    if solved is not None:
        return Distance(solved.table, "enumerated", f"{sites} sites, hidden ones included")
    if ends.tv is None and ends.reached:
        why = (
            f"{ends.reached} of {sites} sites reach the table's end, leak {ends.leak:.2g}, and states to judge the "
            "balance of wells by have not mixed"
        )
        return Distance(None, "unknown", why)
    smooth, lost = float(np.sqrt(ends.smooth / 2)), CAUTION * (ends.tv or 0.0)
    how = f"entries {smooth:.1g}, leak {ends.leak:.2g}, balance {lost:.2g}"
    if ends.reached:
        how += f"; {ends.reached} of {sites} sites reach the table's end"
    return Distance(min(smooth + ends.leak + lost, 1.0), "predicted", how)


def lowest_of(beta_levels: Sequence[float]) -> float:
    """The lowest factor on β above 0 that tables are made for, 1 at most."""
    return min([level for level in beta_levels if level > 0] + [1.0])


def least_step(draft: Wired, segments: np.ndarray) -> float:
    """The smallest step at which no weight or bias saturates; ``segments`` are the couplings of the layout's wires."""
    spec = draft.fabric
    weights = max(np.max(np.abs(segments), initial=0.0), np.max(draft.layout.trunk_couplings, initial=0.0))
    weights = max(weights, np.max(np.abs(draft.tables.values), initial=0.0) / 2)
    least = max(weights / spec.weight_max, np.max(np.abs(draft.biases), initial=0.0) / spec.bias_max)
    # A model without any coupling or bias: every step represents it.
    return float(least) or 1.0 / spec.weight_max


def _finer(draft: Wired, least: float) -> list[float]:
    """Powers of two below the coarse ones, down to where the median of what is not 0 is cut: a few enormous values are
    cut rather than take the resolution of all others.
    """
    sizes = np.abs(np.concatenate([draft.couplings, draft.biases, draft.tables.values]))
    sizes = sizes[sizes > np.finfo(float).tiny]
    if not len(sizes):
        return []
    lowest = float(np.log2(np.median(sizes) / draft.fabric.weight_max) - np.log2(least))
    return (_COARSE[-1] - np.arange(1, max(np.ceil(2 * (_COARSE[-1] - lowest)), 0) + 1) / 2).tolist()


def _wider(spec: FabricSpec, least: float, lowest_beta: float) -> list[float]:
    """Powers of two beyond the fine ones, up to where the longest table spans σ down to 2^-t. Wide weights over a
    short table need them: at the smallest step σ would be cut off at the table's end.
    """
    span = lowest_beta * spec.table_size * 2.0**spec.dither_bits
    power = np.log2(spec.threshold_bits * np.log(2.0) / (span * least))
    return (_FINE[-1] + np.arange(1, max(int(np.ceil(4 * power)), 0)) / 4).tolist()


def _spread(draft: Wired, layout: Layout, rounded: Rounded) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Integers on the fabric: weights int64 ``[E]``, biases int64 ``[N]``, the bias of a node at its root, and the
    tables of factors.
    """
    weights = np.zeros(draft.fabric.topology.n_edges, dtype=np.int64)
    weights[layout.wire_sites] = rounded.segments
    weights[layout.trunk_sites] = rounded.trunks
    biases = np.zeros(draft.fabric.n_sites, dtype=np.int64)
    free = ~draft.clamped
    biases[layout.roots[free]] = rounded.biases[free]
    return weights, biases, draft.tables.spread(rounded.entries, layout.roots, draft.fabric.topology)


def _trunk_error(layout: Layout, rounded: Rounded, step: float) -> float:
    return float(np.sum(pair_kl(layout.trunk_couplings, step * rounded.trunks)))

"""Scale and quantise: the step, the table shift and the integers, searched for the smallest predicted error."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from thermofab.compiler.ir.layout import Layout
from thermofab.compiler.ir.stages import Integers, Quantised, Wired
from thermofab.compiler.passes.discard import copies_of, floor_note, share_of
from thermofab.compiler.quantisation.model_error import ModelError, pair_kl
from thermofab.compiler.quantisation.refit import refitted
from thermofab.compiler.quantisation.rounding import Rounded, round_layout
from thermofab.hw.spec.certificate import Quantisation, Rejecting
from thermofab.hw.spec.errors import CompileError
from thermofab.hw.spec.fabric import FabricSpec

# Steps tried, as powers of two relative to the smallest step that saturates nothing: finely around it, and far
# below it, where a few strong couplings are cut so that the others keep their resolution.
_FINE = np.arange(-16, 9) / 16
_COARSE = -np.arange(5, 29) / 4
# Couplings and biases beyond which fewer steps are tried, and steps whose integers are refitted.
_MANY = 4000
_REFITTED = 8


@dataclass(frozen=True, eq=False)
class _Step:
    """A step tried: its score, the shift that suits it, the table's part of the score, and the integers."""

    score: float
    step: float
    shift: int
    table: float
    rounded: Rounded


@dataclass(frozen=True)
class ScaleAndQuantise:
    """Integers w = round(J/step), b = round(h/step) and the table shift, minimising predicted KL over steps and shifts.

    The KL of the rounded from the given model over the nodes is enumerated up to ``enumerate_up_to`` nodes; above, it
    is ½ Var(ΔE) over states of a Gibbs run on the given model, or, with ``sampled=False``, the sum of the KL of every
    coupling and bias taken alone (:mod:`~thermofab.compiler.quantisation.model_error`). Added to it is what the
    activation
    table costs: linear interpolation between entries h = 2·step·2^shift apart errs by at most max|σ''| h²/8 =
    0.012 h², and sites whose field can leave the table see σ cut off at its end.

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
        betas = tuple(float(beta) for beta in self.betas)
        if not betas or not all(0 < beta < float("inf") for beta in betas):
            raise CompileError(f"betas must be positive finite factors on β, one at least, got {betas}.")
        object.__setattr__(self, "betas", betas)

    def __call__(self, draft: Wired) -> Quantised:
        layout, spec = draft.layout, draft.fabric
        segments = layout.segment_couplings(draft.couplings)
        error = ModelError.of(draft, self.enumerate_up_to, self.sampled, self.betas)
        tried = self._tried(draft, segments, error)
        if self.refit:
            best = sorted(tried, key=lambda one: one.score)[:_REFITTED]
            fitted = [refitted(layout, one.rounded, ~draft.clamped, one.step, spec, error) for one in best]
            tried += [self._scored(draft, step, rounded, error) for step, rounded in fitted]
        chosen = min(tried, key=lambda one: one.score)
        step, shift, rounded = chosen.step, chosen.shift, chosen.rounded
        predicted = error.second_order(rounded.parameters)
        largest = max(
            np.max(np.abs(rounded.couplings - draft.couplings), initial=0.0),
            np.max(np.abs(rounded.fields - draft.biases), initial=0.0),
            np.max(np.abs(rounded.tables - draft.tables.values), initial=0.0),
        )
        quantisation = Quantisation(step, shift, rounded.saturated, float(largest), predicted)
        did = f"step {step:.4g}, shift {shift}, predicted KL {predicted:.3g} ({error.how}), table {chosen.table:.2g}"
        certificate = draft.certificate
        if isinstance(certificate, Rejecting):
            # The distribution of the kept samples does not depend on the trunks' strengths; how many are kept does.
            held = replace(layout, trunk_couplings=step * rounded.trunks)
            share, how = share_of(draft, held, copies_of(draft))
            certificate = Rejecting(share, how + floor_note(draft, held))
        integers = Integers(*_spread(draft, layout, rounded), quantisation)
        return draft.to(Quantised, self.name, did, integers=integers, certificate=certificate)

    def keeping(self, known: Quantised) -> "ScaleAndQuantise":
        """The search for a step, near where it ended before, with every coupling's error taken alone."""
        segments = known.layout.segment_couplings(known.couplings)
        power = float(np.log2(known.integers.quantisation.step / least_step(known, segments)))
        return replace(self, powers=tuple(power + k / 16 for k in (0, -1, 1)), sampled=False)

    def _tried(self, draft: Wired, segments: np.ndarray, error: ModelError) -> list[_Step]:
        """Every step, scored; of a large model a few of them, and those around the best of these."""
        spec, layout = draft.fabric, draft.layout
        least = least_step(draft, segments)

        def at(powers: list[float]) -> list[_Step]:
            steps = [float(least * 2.0**power) for power in powers]
            return [
                self._scored(
                    draft, step, round_layout(layout, segments, draft.biases, step, spec, draft.tables.values), error
                )
                for step in steps
            ]

        if self.powers is not None:
            return at(list(self.powers))
        powers = [
            0.0,
            *_FINE[_FINE != 0].tolist(),
            *_COARSE.tolist(),
            *_wider(spec, least, lowest_of(self.beta_levels)),
        ]
        if len(error.wanted) <= _MANY:
            return at(powers)
        found = at([power for power in powers if (4 * power) % 2 == 0])
        middle = np.log2(min(found, key=lambda one: one.score).step / least)
        return found + at((middle + np.array([-3, -2, -1, 1, 2, 3]) / 8).tolist())

    def _scored(self, draft: Wired, step: float, rounded: Rounded, error: ModelError) -> _Step:
        shift, table = best_shift(
            draft.fabric, step, self._reach(draft, draft.layout, rounded), lowest_of(self.beta_levels)
        )
        score = error.kl(rounded.parameters) + _trunk_error(draft.layout, rounded, step) + table
        return _Step(score, step, shift, table, rounded)

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


def _wider(spec: FabricSpec, least: float, lowest_beta: float) -> list[float]:
    """Powers of two beyond the fine ones, up to where the longest table spans σ down to 2^-t. Wide weights over a
    short table need them: at the smallest step σ would be cut off at the table's end.
    """
    span = lowest_beta * spec.table_size * 2.0**spec.dither_bits
    power = np.log2(spec.threshold_bits * np.log(2.0) / (span * least))
    return (_FINE[-1] + np.arange(1, max(int(np.ceil(4 * power)), 0)) / 4).tolist()


def best_shift(spec: FabricSpec, step: float, reach: np.ndarray, lowest_beta: float) -> tuple[int, float]:
    """The shift of smallest table error, and that error as a KL summed over the sites.

    An error ε of P(n=1) costs about ε²/2p(1-p) ≈ 2ε² nats a site. At the end of the table P is
    σ(-2β·step·A·2^shift), and nowhere below 2^-t; a site whose field can pass beyond errs there by as much, which
    counts whole.
    """
    costs = []
    for shift in range(spec.min_shift, spec.dither_bits + 1):
        spacing = 2 * step * 2.0**shift
        interpolation = min(0.0962 * spacing**2 / 8, 0.5)
        end = spec.table_size / 2 * 2.0**shift
        floor = 2.0**-spec.threshold_bits
        tail = max(float(1 / (1 + np.exp(np.minimum(2 * lowest_beta * step * end, 700.0)))), floor)
        beyond = reach > min(end, -np.log(floor) / (2 * lowest_beta * step))
        costs.append((2 * int(np.count_nonzero(reach)) * interpolation**2 + tail * int(np.sum(beyond)), shift))
    cost, shift = min(costs)
    return shift, cost


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

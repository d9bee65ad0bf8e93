"""Scale and quantise: the step, the table shift and the integers, searched for the smallest predicted error."""

from dataclasses import dataclass, replace

import numpy as np

from thermofab.compiler.certify.enumeration import log_weights, normalised, states
from thermofab.compiler.passes.discard import copies_of, share_of
from thermofab.compiler.passes.draft import Draft, Integers
from thermofab.compiler.passes.layout import Layout
from thermofab.compiler.passes.rounding import Rounded, round_layout
from thermofab.hw.spec.certificate import Quantisation, Rejecting
from thermofab.hw.spec.fabric import FabricSpec
from thermofab.hw.spec.model import to_spins

# Steps tried, as powers of two relative to the smallest step that saturates nothing: finely around it, and far
# below it, where a few strong couplings are cut so that the others keep their resolution.
_FINE = np.arange(-16, 9) / 16
_COARSE = -np.arange(5, 29) / 4


@dataclass(frozen=True)
class ScaleAndQuantise:
    """Integers w = round(J/step), b = round(h/step) and the table shift, minimising predicted KL over steps and shifts.

    Up to ``enumerate_up_to`` nodes the KL of the rounded from the given model over the nodes is enumerated for every
    step; above, it is the sum of the KL of every coupling and bias taken alone. Added to it is what the activation
    table costs: linear interpolation between entries h = 2·step·2^shift apart errs by at most max|σ''| h²/8 =
    0.012 h², and sites whose field can leave the table see σ cut off at its end.

    The certificate is unchanged: rounding is reported apart, as ``Quantisation``.
    """

    enumerate_up_to: int = 14
    lowest_beta: float = 1.0
    name: str = "scale and quantise"

    def __call__(self, draft: Draft) -> Draft:
        layout, spec = draft.layout, draft.fabric
        segments = layout.segment_couplings(draft.couplings)
        weights = max(np.max(np.abs(segments), initial=0.0), np.max(layout.trunk_couplings, initial=0.0))
        least = max(weights / spec.weight_max, np.max(np.abs(draft.biases), initial=0.0) / spec.bias_max)
        # A model without any coupling or bias: every step represents it.
        least = least or 1.0 / spec.weight_max
        model_error = _ModelError.of(draft, self.enumerate_up_to)
        best: tuple[float, float, int, float, Rounded] | None = None
        for power in [0.0, *_FINE[_FINE != 0].tolist(), *_COARSE.tolist(), *_wider(spec, least, self.lowest_beta)]:
            step = float(least * 2.0**power)
            rounded = round_layout(layout, segments, draft.biases, step, spec)
            shift, table = best_shift(spec, step, self._reach(draft, layout, rounded), self.lowest_beta)
            score = model_error.kl(rounded) + _trunk_error(layout, rounded, step) + table
            if best is None or score < best[0]:
                best = (score, step, shift, table, rounded)
        assert best is not None
        _, step, shift, table, rounded = best
        predicted = model_error.second_order(rounded)
        largest = max(
            np.max(np.abs(rounded.couplings - draft.couplings), initial=0.0),
            np.max(np.abs(rounded.fields - draft.biases), initial=0.0),
        )
        quantisation = Quantisation(step, shift, rounded.saturated, float(largest), predicted)
        did = f"step {step:.4g}, shift {shift}, predicted KL {predicted:.3g} ({model_error.how}), table {table:.2g}"
        certificate = draft.certificate
        if isinstance(certificate, Rejecting):
            # The law of the kept samples does not depend on the trunks' strengths; how many are kept does.
            held = replace(layout, trunk_couplings=step * rounded.trunks)
            certificate = Rejecting(*share_of(draft, held, copies_of(draft)))
        integers = Integers(*_spread(draft, layout, rounded), quantisation)
        return draft.after(self.name, did, integers=integers, certificate=certificate)

    @staticmethod
    def _reach(draft: Draft, layout: Layout, rounded: Rounded) -> np.ndarray:
        """Largest |F| of every site in use: int64 ``[N]``."""
        weights, biases = _spread(draft, layout, rounded)
        ends = draft.fabric.topology.edges
        reach = np.abs(biases).astype(np.float64)
        for side in (0, 1):
            reach += np.bincount(ends[:, side], weights=np.abs(weights), minlength=len(reach))
        return reach


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


def _spread(draft: Draft, layout: Layout, rounded: Rounded) -> tuple[np.ndarray, np.ndarray]:
    """Integers on the fabric: weights int64 ``[E]``, biases int64 ``[N]``, the bias of a node at its root."""
    weights = np.zeros(draft.fabric.topology.n_edges, dtype=np.int64)
    weights[layout.wire_sites] = rounded.segments
    weights[layout.trunk_sites] = rounded.trunks
    biases = np.zeros(draft.fabric.n_sites, dtype=np.int64)
    free = ~draft.clamped
    roots = np.array([sites[0] for sites in layout.copies], dtype=np.int64)
    biases[roots[free]] = rounded.biases[free]
    return weights, biases


def pair_kl(wanted: np.ndarray, got: np.ndarray) -> np.ndarray:
    """KL of one pair coupled by ``got`` (or one spin in the field ``got``) from one coupled by ``wanted``: elementwise
    (J-J') tanh J + ln cosh J' - ln cosh J.
    """
    return np.maximum((wanted - got) * np.tanh(wanted) + _log_cosh(got) - _log_cosh(wanted), 0.0)


def _log_cosh(x: np.ndarray) -> np.ndarray:
    return np.logaddexp(x, -x) - np.log(2.0)


def _trunk_error(layout: Layout, rounded: Rounded, step: float) -> float:
    return float(np.sum(pair_kl(layout.trunk_couplings, step * rounded.trunks)))


@dataclass(frozen=True, eq=False)
class _ModelError:
    """Error of rounded couplings and biases as a law over the nodes.

    ``terms`` float64 ``[2^n, m+n]`` are the products s_i s_j and the spins of every state, ``law`` ``[2^n]`` their
    probabilities; both ``None`` where the model is too large.
    """

    wanted: np.ndarray
    terms: np.ndarray | None
    law: np.ndarray | None
    how: str

    @staticmethod
    def of(draft: Draft, enumerate_up_to: int) -> "_ModelError":
        n = len(draft.biases)
        wanted = np.concatenate([draft.couplings, draft.biases])
        if n > enumerate_up_to:
            return _ModelError(wanted, None, None, "terms taken apart")
        spins = to_spins(states(n)).astype(np.float64)
        pairs = spins[:, draft.edges[:, 0]] * spins[:, draft.edges[:, 1]]
        law = normalised(log_weights(n, draft.biases, draft.edges, draft.couplings))[0]
        return _ModelError(wanted, np.concatenate([pairs, spins], axis=1), law, "enumerated")

    def kl(self, rounded: Rounded) -> float:
        got = np.concatenate([rounded.couplings, rounded.fields])
        if self.terms is None or self.law is None:
            return float(np.sum(pair_kl(self.wanted, got)))
        change = self.terms @ (got - self.wanted)
        top = float(change.max())
        return max(float(np.log(self.law @ np.exp(change - top)) + top - self.law @ change), 0.0)

    def second_order(self, rounded: Rounded) -> float:
        """½ Var_p(ΔE), or the sum of the terms' own KL."""
        if self.terms is None or self.law is None:
            return self.kl(rounded)
        change = self.terms @ (np.concatenate([rounded.couplings, rounded.fields]) - self.wanted)
        mean = self.law @ change
        return float(0.5 * (self.law @ (change - mean) ** 2))

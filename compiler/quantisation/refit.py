r"""Refit: integers changed one unit at a time after rounding, to lower the error of all of them together.

Rounding each value to its nearest integer minimises no error of the distribution: the errors of coupled terms add up or
cancel. With δ the changes of couplings and biases and C the covariance of their terms under the wanted distribution,
the error is ½ δᵀCδ, so this is moment matching to first order. The best change by a unit, or by two, is taken over and
over until there is none, then the step that suits the integers, in turns. Over sampled states C is drawn towards its
diagonal, by the share of parameters among parameters and states, and a refit is kept only if it lowers the error over
states that it has not seen.
"""

from dataclasses import replace

import numpy as np

from thermofab.compiler.ir.layout import Layout
from thermofab.compiler.ir.wires import composite
from thermofab.compiler.quantisation.model_error import ModelError
from thermofab.compiler.quantisation.rounding import Rounded
from thermofab.hw.spec.fabric import FabricSpec

# Terms whose covariance is kept, entries squared.
LARGEST = 2000
# Parameters of which two are changed at once, and a gain that is none.
_PAIRED = 300
_LEAST_GAIN = 1e-15
# Turns of integers and step.
_ROUNDS = 4


def refitted(
    layout: Layout, rounded: Rounded, free: np.ndarray, step: float, spec: FabricSpec, error: ModelError
) -> tuple[float, Rounded]:
    """A step and integers of no larger error than ``rounded`` at ``step``; biases of nodes not ``free`` stay.

    A model of more than :data:`LARGEST` couplings and biases, or without states, is returned as it is.
    """
    if not error.views or len(error.wanted) > LARGEST:
        return step, rounded
    covariance = _covariance(error)
    best, tried = (step, rounded), (step, rounded)
    for _ in range(_ROUNDS):
        fit = _Fit(layout, tried[1], free, tried[0], spec)
        fit.descend(covariance, tried[1].parameters - error.wanted)
        tried = _tuned(layout, fit.rounded(tried[1]), tried[0], error.wanted, covariance)
        if _unseen(error, tried[1]) >= _unseen(error, best[1]):
            break
        best = tried
    return best


def _tuned(
    layout: Layout, rounded: Rounded, step: float, wanted: np.ndarray, covariance: np.ndarray
) -> tuple[float, Rounded]:
    """The same integers at the step that suits them best: the table takes any."""
    starts = np.flatnonzero(layout.crossing)

    def at(size: float) -> Rounded:
        couplings, tables = composite(size * rounded.segments, starts), 2 * size * rounded.entries.astype(np.float64)
        return replace(rounded, couplings=couplings, fields=size * rounded.biases.astype(np.float64), tables=tables)

    def error_at(size: float) -> float:
        change = at(size).parameters - wanted
        return float(change @ covariance @ change)

    sizes = step * 2.0 ** (np.arange(-16, 17) / 128)
    size = float(min(sizes, key=error_at))
    return size, at(size)


def _covariance(error: ModelError) -> np.ndarray:
    total = np.zeros((len(error.wanted),) * 2)
    for view in error.views:
        seen = len(view.terms) if view.held_out is None else len(view.terms) // 2
        terms = np.asarray(view.terms[:seen], dtype=np.float64)
        distribution = view.distribution[:seen] / view.distribution[:seen].sum()
        c = (terms * distribution[:, None]).T @ terms
        if view.held_out is not None:
            pull = len(c) / (len(c) + seen)
            c = (1 - pull) * c + pull * np.diag(np.diag(c))
        total += c
    return total / len(error.views)


def _unseen(error: ModelError, rounded: Rounded) -> float:
    got = rounded.parameters
    if error.how == "enumerated":
        return error.kl(got)
    change = (got - error.wanted).astype(np.float32)
    return sum(float(np.var(view.held_out @ change)) for view in error.views if view.held_out is not None)


class _Fit:
    """Integers of wires, biases and tables, and what one unit up or down changes."""

    def __init__(self, layout: Layout, rounded: Rounded, free: np.ndarray, step: float, spec: FabricSpec) -> None:
        self.step, self.spec = step, spec
        starts = np.flatnonzero(layout.crossing)
        self.wires = [part.copy() for part in np.split(rounded.segments, starts[1:])] if len(starts) else []
        self.biases, self.entries = rounded.biases.copy(), rounded.entries.copy()
        self.free = free
        self.couplings = rounded.couplings.copy()
        m = len(self.wires)
        # Change of the parameter by one unit up, by one down; infinite where there is no such unit.
        self.units = np.full((2, m + len(self.biases) + len(self.entries)), np.inf)
        for k in range(self.units.shape[1]):
            self._measure(k)

    def descend(self, covariance: np.ndarray, change: np.ndarray) -> None:
        """Lowers ½ δᵀCδ from δ = ``change`` by the best unit, or where none helps the best two, until none do."""
        pull, own, count = covariance @ change, np.diag(covariance), len(change)
        for _ in range(20 * count):
            units = np.where(np.isfinite(self.units), self.units, 0.0).reshape(-1)
            gain = units * np.tile(pull, 2) + 0.5 * units**2 * np.tile(own, 2)
            taken = [int(np.argmin(gain))]
            if gain[taken[0]] >= -_LEAST_GAIN:
                if count > _PAIRED:
                    return
                both = gain[:, None] + gain + np.outer(units, units) * np.tile(covariance, (2, 2))
                # Not a unit with itself, nor with its own opposite.
                both[np.tile(np.eye(count, dtype=bool), (2, 2))] = 0.0
                taken = list(divmod(int(np.argmin(both)), 2 * count))
                if both[taken[0], taken[1]] >= -_LEAST_GAIN:
                    return
            for at in taken:
                way, k = divmod(at, count)
                pull = pull + units[at] * covariance[:, k]
                self._take(k, 1 if way == 0 else -1)

    def _measure(self, k: int) -> None:
        m, n = len(self.wires), len(self.biases)
        for way, sign in enumerate((1, -1)):
            if k >= m + n:
                able = abs(self.entries[k - m - n] + sign) <= self.spec.weight_max
                self.units[way, k] = 2 * sign * self.step if able else np.inf
                continue
            if k >= m:
                able = self.free[k - m] and abs(self.biases[k - m] + sign) <= self.spec.bias_max
                self.units[way, k] = sign * self.step if able else np.inf
                continue
            turned = self._turned(k, sign)
            if turned is None:
                self.units[way, k] = np.inf
            else:
                self.units[way, k] = float(composite(self.step * turned, np.array([0]))[0]) - self.couplings[k]

    def _turned(self, k: int, sign: int) -> np.ndarray | None:
        """The segments of wire k with one of them a unit further up, or down; the coupling's sign is one of theirs."""
        wire = self.wires[k].copy()
        if len(wire) == 1:
            wire[0] += sign
        else:
            size = np.abs(wire)
            outward = sign * (1 if np.prod(np.sign(wire)) >= 0 else -1)
            at = int(np.argmin(size)) if outward > 0 else int(np.argmax(size))
            if size[at] + outward < 1:
                return None
            wire[at] += outward * (1 if wire[at] >= 0 else -1)
        return wire if np.max(np.abs(wire)) <= self.spec.weight_max else None

    def _take(self, k: int, sign: int) -> None:
        m, n = len(self.wires), len(self.biases)
        if k >= m + n:
            self.entries[k - m - n] += sign
        elif k >= m:
            self.biases[k - m] += sign
        else:
            turned = self._turned(k, sign)
            assert turned is not None
            self.wires[k] = turned
            self.couplings[k] = float(composite(self.step * turned, np.array([0]))[0])
        self._measure(k)

    def rounded(self, before: Rounded) -> Rounded:
        return replace(
            before,
            segments=np.concatenate([*self.wires, np.zeros(0, dtype=np.int64)]).astype(np.int64),
            biases=self.biases,
            couplings=self.couplings,
            fields=self.step * self.biases.astype(np.float64),
            entries=self.entries,
            tables=2 * self.step * self.entries.astype(np.float64),
        )

r"""Higher order: terms of three spins and more become pairs, with hidden spins, exactly.

*Four spins.* Summing out a hidden spin coupled by w to each of s₁…s₄ leaves cosh w(s₁+s₂+s₃+s₄), whose logarithm is
c + ¼ atanh(s) Σ_pairs s_i s_j - |K| s₁s₂s₃s₄ for w = ½ atanh √s, s = √(1 - e^{-8|K|}): the three values that
(Σ s_i)² takes fix the three coefficients. So -|K| s₁s₂s₃s₄ is one hidden spin and -¼ atanh(s) on the six pairs; +|K|
is the same with s₁ turned over.

*Three spins* are four, of which one is +1: its coupling is a bias.

*Five and more* split in two through a hidden spin t: K₁ A t + K₂ B t, with A and B products of the spins, acts as
J A B with tanh J = tanh K₁ tanh K₂ (a wire between products), and both halves are of lower order.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from thermofab.compiler.ir.factor_tables import FactorTables
from thermofab.compiler.ir.stages import Coded, Paired, Polynomial
from thermofab.compiler.ir.wires import wire_coupling
from thermofab.compiler.placement.obstacles import obstacle
from thermofab.hw.spec.errors import CompileError


@dataclass(frozen=True)
class HigherOrder:
    """Every term of order 3 and 4 takes one hidden spin; one of order k ≥ 5 splits first. Exact.
    A program of pairs stays as it is.

    Raises ``CompileError`` if more spins come out than the fabric has sites.
    """

    name: ClassVar[str] = "higher-order"

    def __call__(self, stage: Coded | Paired) -> Paired:
        if isinstance(stage, Paired):
            return stage
        pairs: Polynomial = {}
        n, hidden = stage.n, 0
        waiting = sorted(stage.terms.items(), reverse=True)
        for term, weight in waiting:
            # What is left of a term among clamped spins is constant.
            if all(k < stage.n and stage.clamped[k] for k in term):
                continue
            for part, strength, new in _split(term, weight, n + hidden):
                hidden += new
                if len(part) <= 2:
                    pairs[part] = pairs.get(part, 0.0) + strength
                else:
                    _gadget(pairs, part, strength, n + hidden)
                    hidden += 1
        total = n + hidden
        biases = np.zeros(total)
        clamped = np.concatenate([stage.clamped, np.zeros(hidden, dtype=bool)])
        edges, couplings = [], []
        for term, weight in sorted(pairs.items()):
            if len(term) == 1:
                biases[term[0]] = weight
            elif weight and not (clamped[term[0]] and clamped[term[1]]):
                edges.append(term)
                couplings.append(weight)
        joined = np.array(edges, dtype=np.int64).reshape(-1, 2)
        if total > stage.fabric.n_sites:
            topology = stage.fabric.topology
            never = obstacle(joined, clamped, topology, stage.lowered, stage.readings)
            raise CompileError(
                f"the program needs {n} spins and {hidden} hidden ones for its terms of three spins and more, and "
                f"{topology.name} has only {topology.n_sites} sites; "
                + (never or f"take a fabric of at least {total} sites.")
            )
        did = f"{hidden} hidden spins" if hidden else "no hidden spins"
        return stage.to(
            Paired,
            self.name,
            f"{did}, {len(edges)} edges",
            edges=joined,
            couplings=np.array(couplings, dtype=np.float64),
            biases=biases,
            clamped=clamped,
            names=tuple(range(total)),
            tables=FactorTables(),
        )


def _split(term: tuple[int, ...], weight: float, hidden: int) -> list[tuple[tuple[int, ...], float, int]]:
    """``(term, weight, hidden spins taken before it)`` of order at most 4 that act as ``term``.

    The numbers of new spins are as if a gadget of the caller's took one after every part of order 3 or 4.
    """
    parts: list[tuple[tuple[int, ...], float, int]] = []
    while len(term) > 4:
        strength = float(wire_coupling(abs(weight), 2))
        parts.append((term[:3] + (hidden,), np.copysign(strength, weight), 1))
        term, weight = term[3:] + (hidden,), strength
        hidden += 2  # the spin between the halves, and the gadget's
    return [*parts, (term, weight, 0)]


def _gadget(pairs: Polynomial, spins: tuple[int, ...], weight: float, hidden: int) -> None:
    """Add ``weight`` Π spins for three or four spins, by one hidden spin."""
    if weight == 0:
        return
    to_each, between = gadget_couplings(abs(weight))
    # The gadget makes -|K|; the first spin turned over makes +|K|.
    signs = [-1.0 if weight > 0 and k == 0 else 1.0 for k in range(len(spins))]
    for k, (spin, sign) in enumerate(zip(spins, signs)):
        _add(pairs, (spin, hidden), sign * to_each)
        for other, its in zip(spins[k + 1 :], signs[k + 1 :]):
            _add(pairs, (spin, other), -sign * its * between)
    if len(spins) == 3:
        _add(pairs, (hidden,), to_each)
        for spin, sign in zip(spins, signs):
            _add(pairs, (spin,), -sign * between)


def gadget_couplings(magnitude: float) -> tuple[float, float]:
    """½ atanh √s and ¼ atanh s for s = √(1 - e^{-8|K|}).

    With x = e^{-8|K|} = 1 - s², atanh s = ln(1+s) + 4|K| and atanh √s = ln(1+√s) + ½ ln(1+s) + 4|K|, which keep
    their digits where s rounds to 1.
    """
    s = float(np.sqrt(-np.expm1(-8.0 * magnitude)))
    root = float(np.sqrt(s))
    return (
        0.5 * (np.log1p(root) + 0.5 * np.log1p(s) + 4.0 * magnitude),
        0.25 * (np.log1p(s) + 4.0 * magnitude),
    )


def _add(pairs: Polynomial, term: tuple[int, ...], weight: float) -> None:
    key = tuple(sorted(term))
    pairs[key] = pairs.get(key, 0.0) + weight

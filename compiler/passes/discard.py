"""Discard broken copies: trunks of moderate strength, and only the samples in which none of them is broken."""

from bisect import bisect_left
from dataclasses import dataclass, replace
from functools import cache
from typing import ClassVar

import numpy as np

from thermofab.compiler.distributions.broken import Copies, least_share
from thermofab.compiler.distributions.enumeration import log_weights, normalised, states
from thermofab.compiler.distributions.gibbs import gibbs_states
from thermofab.compiler.distributions.trunks import root_distribution, whole_distribution
from thermofab.compiler.ir.layout import Layout
from thermofab.compiler.ir.stages import Paired, Wired
from thermofab.hw.spec.certificate import Rejecting
from thermofab.hw.spec.errors import RefusedError
from thermofab.hw.spec.model import to_spins

# Couplings beyond the tensions that are tried, weakest first.
_MARGINS = tuple(k / 8 for k in range(-16, 49))
_WEAKEST = 0.25
_ENUMERATED_STATES = 12


@dataclass(frozen=True)
class DiscardBroken:
    """Strengths for the trunks of the layout, and the certificate that the samples with no trunk broken deserve.

    Those samples have the program's distribution at any strengths (:mod:`~thermofab.compiler.distributions.broken`):
    the program names the pairs of sites that must agree in its ``checks``, and ``Samples.accepted()`` gives the samples
    in which they do. Trunk f gets Jc = c_f + m, so that all break alike, with the smallest m for a yield of ``aim``:
    copies turn over about e^{-2m} times a sweep while ln(1/yield) grows as e^{-2m}, and yield·ln(1/yield) is largest at
    1/e.

    The yield is enumerated where nodes and trunks together are at most ``enumerate_up_to`` (the smallest over all
    values of clamped nodes), else estimated from enumerated or sampled states of the unembedded model.

    Raises:
        RefusedError: the yield stays below ``least_yield`` with trunks of at most ``strongest``, which turn over about
            once in e^{2·strongest} sweeps.
    """

    least_yield: float = 0.2
    aim: float = 0.37
    strongest: float = 6.0
    enumerate_up_to: int = 18
    seed: int = 0
    name: ClassVar[str] = "discard-broken-copies"

    def __call__(self, stage: Wired) -> Wired:
        if not stage.layout.n_trunks:
            return stage.after(self.name, "no trunks")
        copies = copies_of(stage, self.seed)
        tensions = copies.tensions()

        @cache
        def at(k: int) -> tuple[Layout, float]:
            strengths = np.clip(tensions + _MARGINS[k], _WEAKEST, self.strongest)
            layout = replace(stage.layout, trunk_couplings=strengths)
            return layout, self._share(stage, layout, copies)[0]

        k = bisect_left(range(len(_MARGINS) - 1), True, key=lambda k: at(k)[1] >= self.aim)
        layout, expected = at(k)
        if expected < self.least_yield:
            raise RefusedError(
                f"the program compiles onto {stage.fabric.topology.name} only with {layout.n_trunks} couplings between "
                f"copies that carry several edges, and even with couplings of {self.strongest:g} only a share of "
                f"{expected:.3g} of the samples would have copies that agree; at least {self.least_yield:g} is asked "
                "for. Pass a tolerance, or take a fabric that holds the program's graph directly, or with more sites "
                "and more neighbours a site than the program's nodes have edges."
            )
        certificate = Rejecting(expected, self._share(stage, layout, copies)[1] + floor_note(stage, layout))
        did = (
            f"{layout.n_trunks} trunks of coupling {layout.trunk_couplings.min():.3g} to "
            f"{layout.trunk_couplings.max():.3g}, yield {expected:.3g}"
        )
        return stage.after(self.name, did, layout=layout, certificate=certificate)

    def _share(self, stage: Paired, layout: Layout, copies: Copies) -> tuple[float, str]:
        return share_of(stage, layout, copies, self.enumerate_up_to)


def share_of(stage: Paired, layout: Layout, copies: Copies, enumerate_up_to: int = 18) -> tuple[float, str]:
    """Share of the samples in which no trunk of ``layout`` is broken, and how it was found."""
    n = stage.n
    if n + layout.n_trunks <= enumerate_up_to:
        rest = tuple(np.flatnonzero(~stage.clamped).tolist())
        whole, every = (
            distribution(layout, stage.edges, stage.couplings, stage.biases).reshape((2,) * n).sum(axis=rest)
            for distribution in (whole_distribution, root_distribution)
        )
        return float(np.min(whole / every)), "enumerated"
    least = least_share(layout.trunk_couplings, layout.trunk_loads)
    return max(copies.share(layout.trunk_couplings), least), f"estimated, at least {least:.2g}"


def floor_note(stage: Paired, layout: Layout) -> str:
    """A word on tables that cannot be as cold as the trunks: a copy between two that agree with it turns over with
    probability σ(-4 Jc), which is nowhere below 2^-t; each time it does, broken copies may wander on along the node.
    """
    bits = stage.fabric.threshold_bits
    if 4 * float(np.max(layout.trunk_couplings, initial=0.0)) <= bits * np.log(2.0):
        return ""
    return f", less with probabilities no smaller than 2^-{bits}: use profile='fine'" if bits < 16 else ""


def copies_of(stage: Wired, seed: int = 0) -> Copies:
    """The trunks of the layout over states of its model: all of a small one, else sampled ones."""
    n = stage.n
    if n <= _ENUMERATED_STATES:
        spins = to_spins(states(n))
        distribution = normalised(log_weights(n, stage.biases, stage.edges, stage.couplings))[0]
    else:
        spins, _ = gibbs_states(stage.edges, stage.couplings, stage.biases, seed=seed)
        distribution = np.full(len(spins), 1.0 / len(spins))
    return Copies.of(stage.layout, stage.edges, stage.couplings, spins, distribution)

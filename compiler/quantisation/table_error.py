"""Table error: what the activation table does to a quantised program, predicted, or solved where it is small.

Three things: interpolation between entries, the leak beyond the table's ends, and the balance lost between wells joined
by updates beyond them (:mod:`~thermofab.compiler.quantisation.table_ends`). The first two are cheap to score for every
step; the third is asked of the steps that the others like best.
"""

from dataclasses import dataclass, replace

import numpy as np

from thermofab.compiler.distributions.enumeration import kl, log_weights, normalised, states, total_variation
from thermofab.compiler.distributions.gibbs import CHAINS, tempered_states
from thermofab.compiler.distributions.kept import kept_distribution
from thermofab.compiler.distributions.stationary import coupled_sites
from thermofab.compiler.ir.stages import Wired
from thermofab.compiler.quantisation.images import image_of
from thermofab.compiler.quantisation.layout_states import LayoutStates
from thermofab.compiler.quantisation.model_error import ModelError
from thermofab.compiler.quantisation.table_ends import Ends, table_ends
from thermofab.hw.spec.certificate import Rejecting
from thermofab.hw.spec.fabric import FabricSpec
from thermofab.hw.spec.image import FREE
from thermofab.hw.spec.mixing import split_r_hat

# Sites up to which a step is solved, and states that a layout is filled from.
SOLVED = 12
_STATES = 1024
_MIXED = 1.2  # split R-hat of the energy
_TEMPERED = 256  # spins of a program whose states are drawn with replica exchange
# The fitted change is as often too small as too large, up to a factor of about three: it counts twice.
CAUTION = 2.0


@dataclass(frozen=True)
class Solved:
    """What the integers of one step sample, over the program's variables, enumerated.

    Attributes:
        kl: distance from the program's distribution, in nats.
        table: total variation from the same integers with an ideal activation.
    """

    kl: float
    table: float


def interpolation(spec: FabricSpec, step: float, shift: int, sites: int) -> float:
    """KL in nats: linear interpolation between entries h = 2·step·2^shift apart errs by at most max|σ''| h²/8, an error
    ε of P(n=1) costs about ε²/2p(1-p) ≈ 2ε² a site.
    """
    spacing = min(2 * step * 2.0**shift, 1e3)
    return 2 * sites * min(0.0962 * spacing**2 / 8, 0.5) ** 2


def best_shift(spec: FabricSpec, step: float, reach: np.ndarray, lowest_beta: float) -> tuple[int, float]:
    """The shift of smallest table error, and that error as a KL summed over the sites.

    The last entry above 0 is number A-1. Beyond it P is σ(-2β·step·(A-1)·2^shift), and nowhere below 2^-t; a site whose
    field can pass beyond errs there by as much, which counts whole.
    """
    costs = []
    floor = 2.0**-spec.threshold_bits
    for shift in range(spec.min_shift, spec.dither_bits + 1):
        end = (spec.table_size / 2 - 1) * 2.0**shift
        tail = max(float(1 / (1 + np.exp(np.minimum(2 * lowest_beta * step * end, 700.0)))), floor)
        beyond = reach > min(end, -np.log(floor) / (2 * lowest_beta * step))
        sites = int(np.count_nonzero(reach))
        costs.append((interpolation(spec, step, shift, sites) + tail * int(np.sum(beyond)), shift))
    cost, shift = min(costs)
    return shift, cost


class TableError:
    """The table's error of candidate integers of one draft."""

    def __init__(self, draft: Wired, error: ModelError) -> None:
        self._draft, self._error = draft, error
        self._states: LayoutStates | None = None
        self._tempered = False
        self._mixed = True
        self._free = np.ones(draft.fabric.n_sites, dtype=bool)
        for k in np.flatnonzero(draft.clamped).tolist():
            self._free[list(draft.layout.copies[k])] = False

    def ends(self, spread: tuple[np.ndarray, np.ndarray, np.ndarray], step: float, shift: int) -> Ends | None:
        """What the ends of the table cost; ``None`` where the error is known without states of the program."""
        if not self._error.views:
            return None
        if self._states is None:
            self._states = self._filled(*self._own_states())
        found = table_ends(self._states, self._draft.fabric, *spread, self._free, step, shift)
        if found.reached and not self._tempered and self._error.how != "enumerated" and self._draft.n <= _TEMPERED:
            # Chains that stay in one well give wells wrong weights: ask again with exchanges.
            self._tempered = True
            self._states = self._filled(*self._tempered_states())
            found = table_ends(self._states, self._draft.fabric, *spread, self._free, step, shift)
        return found if self._mixed else replace(found, tv=None, kl=0.0)

    def _own_states(self) -> tuple[np.ndarray, np.ndarray]:
        """States of the program's spins, and their weights."""
        view = self._error.views[0]
        if self._error.how != "enumerated":
            self._mixed = _one_energy(self._draft, view.spins, view.chains)
            return view.spins, view.distribution
        if self._draft.layout.n_sites == self._draft.n:
            return view.spins, view.distribution
        # Hidden sites are drawn, so states are drawn too: the probable ones many times.
        drawn = np.random.default_rng(0).choice(len(view.spins), size=_STATES, p=view.distribution)
        return view.spins[drawn], np.full(_STATES, 1 / _STATES)

    def _tempered_states(self) -> tuple[np.ndarray, np.ndarray]:
        draft = self._draft
        tables = (draft.tables.rows, draft.tables.values)
        spins = tempered_states(draft.edges, draft.couplings, draft.biases, tables=tables)
        self._mixed = _one_energy(draft, spins, CHAINS)
        return spins, np.full(len(spins), 1 / len(spins))

    @property
    def solvable(self) -> bool:
        """Whether :meth:`solved` can be asked: few sites, and none clamped in every run."""
        return self._draft.layout.n_sites <= SOLVED and not np.any(self._draft.clamped)

    def solved(self, spread: tuple[np.ndarray, np.ndarray, np.ndarray], step: float, shift: int) -> Solved | None:
        """What the integers sample; ``None`` where the solution did not converge."""
        draft = self._draft
        image = image_of(draft.fabric, *spread, step, shift)
        free = np.full(draft.fabric.n_sites, FREE, dtype=np.int8)
        checks = draft.layout.trunk_ends.tolist() if isinstance(draft.certificate, Rejecting) else []
        if len(coupled_sites(image, free)) > SOLVED:
            return None
        kept = kept_distribution(image, checks, free, draft.layout.roots.tolist(), step)
        if not kept.converged:
            return None
        weights = log_weights(draft.n, draft.biases, draft.edges, draft.couplings)
        wanted = normalised(weights + draft.tables.log_weights(states(draft.n)))[0]
        return Solved(kl(wanted, kept.sampled), total_variation(kept.ideal, kept.sampled))

    def _filled(self, spins: np.ndarray, weights: np.ndarray) -> LayoutStates:
        draft = self._draft
        segments = draft.layout.segment_couplings(draft.couplings)
        return LayoutStates.of(draft.layout, segments, draft.fabric.topology, spins, weights)


def _one_energy(draft: Wired, spins: np.ndarray, chains: int) -> bool:
    """Whether the chains agree on the energy: those of a cold program that stay in one well each say nothing of the
    weights of wells.
    """
    records = len(spins) // chains
    if records < 4:
        return True
    energy = np.empty(len(spins))
    for k, row in enumerate(spins):  # one at a time, for products of all states and edges would not fit
        products = row[draft.edges[:, 0]] * row[draft.edges[:, 1]]
        energy[k] = row.astype(np.float64) @ draft.biases + products.astype(np.float64) @ draft.couplings
    if len(draft.tables):
        energy = energy + draft.tables.log_weights(spins > 0)
    return split_r_hat(energy[: records * chains].reshape(records, chains).T[..., None]) <= _MIXED

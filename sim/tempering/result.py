"""What a tempering run returned, and whether it mixed."""

from dataclasses import dataclass

import numpy as np

from thermofab.hw.spec import RefusedError
from thermofab.hw.spec.mixing import split_r_hat

# A ladder counts as mixed from so many round trips of its walkers, all ladders together, and so many per ladder.
ROUND_TRIPS, ROUND_TRIPS_EACH = 20, 1.0
R_HAT = 1.05
LEAST_ACCEPTED = 0.02


@dataclass(frozen=True)
class LadderMixing:
    """Whether a ladder carried its walkers up and down, and what speaks against it.

    Attributes:
        round_trips: of all walkers.
        per_ladder: of the mean ladder.
        least_accepted: smallest share of offers taken between two neighbouring rungs.
        r_hat: largest split R-hat of a rung's energies over the ladders.
        complaints: why the run is not called mixed; empty where it is.
    """

    round_trips: int
    per_ladder: float
    least_accepted: float
    r_hat: float
    complaints: tuple[str, ...]

    @property
    def mixed(self) -> bool:
        return not self.complaints

    def __str__(self) -> str:
        verdict = "mixed" if self.mixed else "not mixed: " + "; ".join(self.complaints)
        return (
            f"{verdict} ({self.round_trips} round trips, {self.per_ladder:.3g} per ladder, least acceptance "
            f"{self.least_accepted:.3g}, R-hat {self.r_hat:.4g})"
        )


@dataclass(frozen=True, eq=False)
class Tempered:
    """What a tempering run returned.

    Attributes:
        states: bool ``[rungs kept, R, rounds, N]``, after each round's exchange.
        energies: int64 ``[L, R, rounds]``, likewise, in units of an integer weight.
        accepted: float64 ``[L - 1]``, share of offers taken between neighbouring rungs.
        walkers: int64 ``[L, R, rounds]``, which rung's initial state the state of a rung descends from.
        site_updates: of all rungs.
        best_energies: int64 ``[R]``, the lowest energy that a rung of a ladder had after a round's sweeps, warm-up
            included.
        best_states: bool ``[R, N]``, the first state of that energy, of the first rung that had one.
    """

    states: np.ndarray
    energies: np.ndarray
    accepted: np.ndarray
    walkers: np.ndarray
    site_updates: int
    best_energies: np.ndarray
    best_states: np.ndarray

    @property
    def round_trips(self) -> int:
        """Walkers that went from one end of the ladder to the other and back, over all ladders."""
        rungs, replicas, _ = self.walkers.shape
        trips = 0
        for r in range(replicas):
            place = np.argsort(self.walkers[:, r], axis=0)  # rung of every walker, [L, rounds]
            for walker in range(rungs):
                ends = place[walker][(place[walker] == 0) | (place[walker] == rungs - 1)]
                trips += int(np.count_nonzero(np.diff(ends))) // 2
        return trips

    def mixing(self) -> LadderMixing:
        """Round trips, acceptance and agreement of the ladders, held against what a mixed run has.

        At least 20 round trips and one per ladder, every pair of rungs exchanging in 2% of the offers, and where there
        are four ladders or more a split R-hat of at most 1.05 of every rung's energies.
        """
        replicas = self.walkers.shape[1]
        trips = self.round_trips
        accepted = float(self.accepted.min()) if self.accepted.size else 1.0
        r_hat = float("nan")
        complaints = []
        if trips < max(ROUND_TRIPS, ROUND_TRIPS_EACH * replicas):
            wanted = int(max(ROUND_TRIPS, np.ceil(ROUND_TRIPS_EACH * replicas)))
            complaints.append(f"{trips} round trips where {wanted} are asked; run more rounds or add rungs")
        if accepted < LEAST_ACCEPTED:
            pair = int(self.accepted.argmin())
            complaints.append(
                f"rungs {pair} and {pair + 1} take {accepted:.2g} of their offers; place rungs by adapted_ladder"
            )
        if replicas >= 4 and self.energies.shape[2] >= 8:
            values = np.moveaxis(self.energies, 0, -1).astype(np.float64)
            r_hat = float(split_r_hat(values))
            if r_hat > R_HAT:
                complaints.append(f"the energies of a rung differ between ladders, R-hat {r_hat:.4g}; run for longer")
        return LadderMixing(trips, trips / replicas, accepted, r_hat, tuple(complaints))

    def require_mixed(self) -> "Tempered":
        """The run itself.

        Raises:
            RefusedError: it is not mixed; the message says what is missing.
        """
        found = self.mixing()
        if not found.mixed:
            raise RefusedError(f"this tempering run is {found}.")
        return self

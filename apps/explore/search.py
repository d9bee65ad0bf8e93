"""Search: which candidates of a space are judged next. A grid, a random choice, or NSGA-II by Optuna.

All are functions of space, seed and what was judged, so a search that is begun again over kept records goes the same
way, in any number of processes. NSGA-II proposes a generation at a time and is told it in order; a candidate that it
proposes again costs nothing.
"""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from thermofab.apps.explore.candidate import Candidate
from thermofab.apps.explore.objectives import Point
from thermofab.apps.explore.space import Space
from thermofab.apps.explore.storage import missing
from thermofab.hw.spec import SpecError

SAMPLERS = ("grid", "random", "nsga2")
# Cost told of infeasible points; Optuna ranks these by their violation, whatever their costs.
_BAD = 1e6


class Search(Protocol):
    """Proposes candidates batch by batch; an empty batch is the end."""

    def ask(self) -> list[Candidate]: ...

    def tell(self, points: Sequence[Point]) -> None: ...


class Listed:
    """All of a list, at once."""

    def __init__(self, candidates: Sequence[Candidate]) -> None:
        self._left = list(candidates)

    def ask(self) -> list[Candidate]:
        asked, self._left = self._left, []
        return asked

    def tell(self, points: Sequence[Point]) -> None:
        return


def random_choice(space: Space, trials: int, seed: int) -> list[Candidate]:
    """So many different candidates of a space, or all there are."""
    every = space.candidates()
    order = np.random.default_rng(seed).permutation(len(every))
    return [every[k] for k in order[:trials]]


class Genetic:
    """NSGA-II with constraints: a point's violation is its constraint, above 0 where it is infeasible.

    Args:
        space: of the choices; those of one value are no parameters.
        objectives: how many.
        trials: proposals in all, repeated ones included.
        population: of a generation.
        seed: of everything.
    """

    def __init__(self, space: Space, objectives: int, trials: int, population: int, seed: int) -> None:
        try:
            import optuna
        except ImportError as error:
            raise missing("optuna") from error
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._space, self._left, self._population = space, trials, population
        sampler = optuna.samplers.NSGAIISampler(population_size=population, seed=seed)
        least = optuna.study.StudyDirection.MINIMIZE
        self._study = optuna.create_study(directions=[least] * objectives, sampler=sampler)
        self._asked: list[Any] = []

    def ask(self) -> list[Candidate]:
        count = min(self._population, self._left)
        self._left -= count
        self._asked = [self._study.ask() for _ in range(count)]
        proposed = []
        for trial in self._asked:
            chosen = {
                name: trial.suggest_categorical(name, list(values))
                for name, values in self._space.choices.items()
                if len(values) > 1
            }
            proposed.append(self._space.candidate(chosen))
        return proposed

    def tell(self, points: Sequence[Point]) -> None:
        for trial, point in zip(self._asked, points, strict=True):
            trial.set_constraint("violation", point.violation)
            self._study.tell(trial, list(point.costs) if point.costs else [_BAD] * len(self._study.directions))


def search_of(
    sampler: str, space: Space | None, listed: Sequence[Candidate], objectives: int, trials: int, population: int,
    seed: int,
) -> Search:  # fmt: skip
    """The search called ``sampler``; candidates that are listed come before those of the space, outside ``nsga2``.

    Raises:
        SpecError: an unknown one, or ``nsga2`` or ``random`` without a space.
    """
    if sampler not in SAMPLERS:
        raise SpecError(f"a sampler is one of {', '.join(SAMPLERS)}, got {sampler!r}.")
    if sampler == "grid":
        every = dict.fromkeys([*listed, *(space.candidates() if space else ())])
        return Listed(list(every)[: trials or None])
    if space is None:
        raise SpecError(f"the sampler {sampler!r} chooses from a space, and this study has none.")
    if trials < 1:
        raise SpecError(f"the sampler {sampler!r} takes a number of trials of at least 1, got {trials}.")
    if sampler == "random":
        return Listed(list(dict.fromkeys([*listed, *random_choice(space, trials, seed)])))
    return Genetic(space, objectives, trials, population, seed)

"""Logical predictions: implications that history has never contradicted.

"If A (and B) happened at this step, C happens (or does not) within the horizon" is kept if it held every time, at least
``SUPPORT`` times. With n such times the probability of an exception is below 1 - .05^(1/n) with 95 % confidence; that
bound is stated, since "never yet" is not "never".
"""

from dataclasses import dataclass
from itertools import combinations

import numpy as np

SUPPORT = 20


@dataclass(frozen=True)
class Rule:
    """An implication.

    Attributes:
        causes: events that happened, one or two.
        event: what follows.
        happens: whether it then happens, or does not.
        support: times that it held, without an exception.
        exceptions_below: 95 % upper bound of the probability of an exception.
    """

    causes: tuple[str, ...]
    event: str
    happens: bool
    support: int
    exceptions_below: float

    def __str__(self) -> str:
        return f"{' and '.join(self.causes)} → {'' if self.happens else 'no '}{self.event}"


def find_rules(events: tuple[str, ...], history: np.ndarray, targets: np.ndarray) -> tuple[Rule, ...]:
    """All rules of one cause, and those of two that one alone does not give.

    Args:
        events: names.
        history: bool ``[T, E]``.
        targets: bool ``[T - h, E]``.
    """
    given = history[: len(targets)]
    found: list[Rule] = []
    for size in (1, 2):
        for causes in combinations(range(len(events)), size):
            held = given[:, causes].all(axis=1)
            support = int(held.sum())
            if support < SUPPORT:
                continue
            share = targets[held].mean(axis=0)
            for event in np.flatnonzero((share == 0) | (share == 1)):
                names = tuple(events[c] for c in causes)
                happens = bool(share[event] == 1)
                if any(
                    rule.event == events[event] and rule.happens == happens and set(rule.causes) <= set(names)
                    for rule in found
                ):
                    continue
                found.append(Rule(names, events[event], happens, support, 1 - 0.05 ** (1 / support)))
    return tuple(found)

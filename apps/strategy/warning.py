"""Early warning, judged: how long before a crisis an alarm came, how often one came for nothing, and AUC.

An *alarm* is a day on which a warning begins; those within ``QUIET`` trading days of the one before are part of it. An
alarm up to ``REACH`` trading days before a crisis, or on its first day, warns of it; one later in the crisis is late;
one elsewhere is false. *AUC*: does the score of a day outside crises tell days with a crisis beginning in the next
``AHEAD`` trading days from the rest? Intervals are of a circular block bootstrap in blocks of 60 days; crises are few,
and no interval makes them more.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.metrics import roc_auc_score

from thermofab.apps.strategy.periods import Period
from thermofab.apps.strategy.scores import YEAR, blocks

QUIET, REACH, AHEAD = 20, 60, 20


@dataclass(frozen=True, eq=False)
class Spans:
    """Crises as trading days.

    Attributes:
        names: of those that begin among the days, with at least ``REACH`` days before.
        first, last: rows of their first and last day, int64 ``[C]``.
        days: how many days there are.
    """

    names: tuple[str, ...]
    first: np.ndarray
    last: np.ndarray
    days: int

    @staticmethod
    def of(dates: np.ndarray, periods: Sequence[Period]) -> "Spans":
        found = []
        for period in periods:
            first = int(np.searchsorted(dates, np.datetime64(period.start)))
            last = int(np.searchsorted(dates, np.datetime64(period.end), side="right")) - 1
            if first >= REACH and last >= first:
                found.append((period.name, first, last))
        names, first, last = zip(*found) if found else ((), (), ())
        return Spans(names, np.array(first, dtype=np.int64), np.array(last, dtype=np.int64), len(dates))

    def inside(self, before: int = 0) -> np.ndarray:
        """bool ``[T]``: days in a crisis, or up to ``before`` days ahead of one."""
        made = np.zeros(self.days, dtype=bool)
        for first, last in zip(self.first, self.last):
            made[max(0, first - before) : last + 1] = True
        return made


def onsets(warned: np.ndarray) -> np.ndarray:
    """Rows of alarms, from bool ``[T]``: days warned of with none in the ``QUIET`` days before."""
    days = np.flatnonzero(warned)
    if not len(days):
        return days
    return days[np.append(True, np.diff(days) > QUIET)]


def judged(warned: np.ndarray, score: np.ndarray, spans: Spans, replicates: int = 300) -> dict[str, Any]:
    """Lead times in trading days (negative: late; None: no alarm), false alarms a year, AUC with its 95% interval.

    ``by_chance``: crises that as many alarms, thrown anywhere, would be expected to warn of.

    Args:
        warned: bool ``[T]``.
        score: float ``[T]``, larger for more danger; NaN where there is none yet.
        spans: the crises.
    """
    alarms = onsets(warned)
    lead: dict[str, int | None] = {}
    for name, first, last in zip(spans.names, spans.first, spans.last):
        near = alarms[(alarms >= first - REACH) & (alarms <= last)]
        lead[name] = int(first - near[0]) if len(near) else None
    near_one = spans.inside(REACH)
    elsewhere = int((~near_one).sum())
    false = int((~near_one[alarms]).sum())
    soon = spans.inside(AHEAD) & ~spans.inside()
    rows = np.flatnonzero(~spans.inside() & np.isfinite(score))
    truth, values = soon[rows], score[rows]
    drawn = []
    for picked in blocks(len(rows), replicates=replicates, block=REACH):
        if 0 < truth[picked].mean() < 1:
            drawn.append(roc_auc_score(truth[picked], values[picked]))
    return {
        "warned_of": sum(value is not None and value >= 0 for value in lead.values()),
        "crises": len(spans.names),
        "lead_days": lead,
        "by_chance": round(float(len(spans.names) * (1 - (1 - false / elsewhere) ** (REACH + 1))), 2),
        "alarms": len(alarms),
        "false_alarms_a_year": round(false * YEAR / elsewhere, 3),
        "auc": round(float(roc_auc_score(truth, values)), 3),
        "auc_low": round(float(np.quantile(drawn, 0.025)), 3),
        "auc_high": round(float(np.quantile(drawn, 0.975)), 3),
    }


def recent(raised: np.ndarray, half_life: float = 10.0) -> np.ndarray:
    """A score from counts of alarms by day ``[T]``: their sum, halved every ``half_life`` days."""
    made, keep = np.zeros(len(raised)), 0.5 ** (1 / half_life)
    level = 0.0
    for day, count in enumerate(raised):
        level = keep * level + count
        made[day] = level
    return made

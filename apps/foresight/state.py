"""The 128 numbers that a forecast is made from, after every step of a history.

=======  ============================================================================================
slots    what
=======  ============================================================================================
0…47     event e at lag l (1 is the newest): slot 8(l - 1) + e, +1 happened, -1 not, 0 unknown or no event
48…71    share of the last 5, 20 and 60 steps in which event e happened: slot 48 + 8w + e
72…79    ln(1 + steps since event e last happened)/5
80…111   the features, in standard deviations of the history from its mean, held to ±4
112…119  time: sine and cosine of hour, weekday and day of the year, years since 2000 over 100, 1 if known
120…127  horizon/64, events/8, features/32, ln(1 + steps)/10, events in the newest step/8, changes in it/8,
         mean of |features| in deviations over 4, 1
=======  ============================================================================================

Row t uses nothing later than step t, but for the mean and deviation of the features, which are given.
"""

from dataclasses import dataclass

import numpy as np

from thermofab.apps.foresight.context import ForesightContext

STATE_SIZE = 128
LAGS, EVENTS, WINDOWS = 6, 8, (5, 20, 60)
_RATES, _SINCE, _FEATURES, _TIME, _REST = 48, 72, 80, 112, 120
_DAY, _YEAR, _2000 = 86_400.0, 365.2425 * 86_400.0, 946_684_800.0


@dataclass(frozen=True, eq=False)
class Scaling:
    """Mean and deviation of the features, float64 ``[F]``."""

    mean: np.ndarray
    deviation: np.ndarray

    @staticmethod
    def of(context: ForesightContext) -> "Scaling":
        features = context.observed
        deviation = features.std(axis=0)
        return Scaling(features.mean(axis=0), np.where(deviation > 0, deviation, 1.0))


def states(context: ForesightContext, scaling: Scaling) -> np.ndarray:
    """float32 ``[T, 128]``: row t is what is known at the end of step t."""
    history, count = context.history, len(context.history)
    state = np.zeros((count, STATE_SIZE))
    signs = np.where(history, 1.0, -1.0)
    for lag in range(min(LAGS, count)):
        state[lag:, 8 * lag : 8 * lag + len(context.events)] = signs[: count - lag]
    sums = np.concatenate([np.zeros((1, len(context.events))), history.cumsum(axis=0)])
    step = np.arange(1, count + 1)
    for number, window in enumerate(WINDOWS):
        first = np.maximum(0, step - window)
        start = _RATES + 8 * number
        state[:, start : start + len(context.events)] = (sums[step] - sums[first]) / (step - first)[:, None]
    last = np.where(history, np.arange(count)[:, None], -1)
    since = np.arange(count)[:, None] - np.maximum.accumulate(last, axis=0)
    state[:, _SINCE : _SINCE + len(context.events)] = np.log1p(since) / 5
    scaled = ((context.observed - scaling.mean) / scaling.deviation).clip(-4, 4)
    state[:, _FEATURES : _FEATURES + scaled.shape[1]] = scaled
    if context.time is not None:
        when = context.time - context.step_seconds * (count - step)
        for number, period in enumerate((_DAY, 7 * _DAY, _YEAR)):
            angle = 2 * np.pi * ((when - _2000) % period) / period
            state[:, _TIME + 2 * number], state[:, _TIME + 2 * number + 1] = np.sin(angle), np.cos(angle)
        state[:, _TIME + 6], state[:, _TIME + 7] = (when - _2000) / _YEAR / 100, 1.0
    changes = np.concatenate([np.zeros((1, len(context.events)), bool), history[1:] != history[:-1]])
    size = np.abs(scaled).mean(axis=1) if scaled.shape[1] else np.zeros(count)
    rest = (
        context.horizon / 64, len(context.events) / EVENTS, scaled.shape[1] / 32, np.log1p(step) / 10,
        history.sum(axis=1) / EVENTS, changes.sum(axis=1) / EVENTS, size / 4, 1.0,
    )  # fmt: skip
    for number, value in enumerate(rest):
        state[:, _REST + number] = value
    return state.astype(np.float32)


def with_last(state: np.ndarray, event: int, happened: bool) -> np.ndarray:
    """States ``[N, 128]`` in which an event did or did not happen at the newest step; its rates and the time since it
    last happened follow."""
    changed = state.copy()
    before = state[:, event] > 0
    changed[:, event] = 1.0 if happened else -1.0
    for number, window in enumerate(WINDOWS):
        slot = _RATES + 8 * number + event
        changed[:, slot] = (state[:, slot] + (float(happened) - before) / window).clip(0, 1)
    # How long ago it happened before is not kept; one step more than the lags is taken where it just happened.
    longer = np.where(before, np.log1p(LAGS + 1) / 5, state[:, _SINCE + event])
    changed[:, _SINCE + event] = 0.0 if happened else longer
    return changed


def with_feature(state: np.ndarray, feature: int, value: float) -> np.ndarray:
    """States with a feature at ``value`` deviations."""
    changed = state.copy()
    changed[:, _FEATURES + feature] = np.clip(value, -4, 4)
    return changed

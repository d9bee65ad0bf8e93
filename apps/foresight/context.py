"""What a forecast is about: events that happen or not at every step, what was observed, and how far ahead to look."""

from dataclasses import dataclass
from math import isfinite

import numpy as np

from thermofab.hw.spec import SpecError

MOST_EVENTS, MOST_FEATURES = 8, 32


@dataclass(frozen=True, eq=False)
class ForesightContext:
    """Observed history.

    Attributes:
        events: names of E ≤ 8 events.
        history: which happened at every step, bool ``[T, E]``, oldest first.
        features: other observations known at the end of every step, finite float ``[T, F]``, F ≤ 32.
        feature_names: of the features.
        horizon: an event is forecast to happen at one of the next ``horizon`` steps.
        time: POSIX seconds of the last step, UTC; ``None`` where time has no meaning.
        step_seconds: between steps, where ``time`` is given.

    Raises:
        SpecError: shapes that do not fit, names that repeat, or a number outside its range.
    """

    events: tuple[str, ...]
    history: np.ndarray
    features: np.ndarray | None = None
    feature_names: tuple[str, ...] = ()
    horizon: int = 1
    time: float | None = None
    step_seconds: float = 86_400.0

    def __post_init__(self) -> None:
        history = np.asarray(self.history)
        if not 1 <= len(self.events) <= MOST_EVENTS or len(set(self.events)) < len(self.events):
            raise SpecError(f"a forecast is about 1 to {MOST_EVENTS} events of different names; got {self.events}.")
        if history.ndim != 2 or history.shape[1] != len(self.events) or not len(history):
            raise SpecError(f"history has shape [steps, {len(self.events)}], got {list(history.shape)}.")
        if not np.isin(history, (0, 1)).all():
            raise SpecError("history holds 0 or 1 per event and step: happened or not.")
        features = np.zeros((len(history), 0)) if self.features is None else np.asarray(self.features, np.float64)
        if features.ndim != 2 or len(features) != len(history) or features.shape[1] > MOST_FEATURES:
            raise SpecError(
                f"features have shape [{len(history)}, F] with F at most {MOST_FEATURES}, got {list(features.shape)}."
            )
        if not np.isfinite(features).all():
            raise SpecError("features must be finite; leave out what was not observed.")
        names = self.feature_names or tuple(f"feature {k}" for k in range(features.shape[1]))
        if len(names) != features.shape[1]:
            raise SpecError(f"{len(names)} feature names for {features.shape[1]} features.")
        if not 1 <= self.horizon <= 64:
            raise SpecError(f"the horizon is 1 to 64 steps, got {self.horizon}.")
        if (self.time is not None and not isfinite(self.time)) or not self.step_seconds > 0:
            raise SpecError("time is POSIX seconds or None, and step_seconds above 0.")
        object.__setattr__(self, "history", history.astype(bool))
        object.__setattr__(self, "features", features)
        object.__setattr__(self, "feature_names", names)

    @property
    def observed(self) -> np.ndarray:
        """Features, float64 ``[T, F]``."""
        assert self.features is not None
        return self.features

    def targets(self) -> np.ndarray:
        """Whether each event happened within the horizon after every step but the last ones, bool ``[T - h, E]``."""
        steps = len(self.history) - self.horizon
        if steps < 1:
            raise SpecError(f"{len(self.history)} steps of history hold no whole horizon of {self.horizon}.")
        later = np.stack([self.history[k : k + steps] for k in range(1, self.horizon + 1)])
        return np.asarray(later.any(axis=0))

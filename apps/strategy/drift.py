"""Drift: are features, or the gap between confidence and being right, unlike what they were before?

Every feature, normalised, goes through a detector of ``river``, and so does confidence - hit of each prediction once
its outcome is known. Detectors look for a change of the mean and assume independent values. Daily features are not
independent, so their alarms are more frequent than ``delta`` says; ``benchmarks/strategy/drift.py`` counts them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from thermofab.apps.strategy.names import FEATURES
from thermofab.hw.spec import SpecError

DETECTORS = ("adwin", "kswin", "page-hinkley")


class Detector(Protocol):
    """A detector of river, as far as it is used."""

    @property
    def drift_detected(self) -> bool: ...

    def update(self, x: float) -> Any: ...


@dataclass(frozen=True)
class DriftConfig:
    """How drift is looked for.

    Attributes:
        detector: ``"adwin"`` (adaptive windows), ``"kswin"`` (Kolmogorov-Smirnov over a window) or ``"page-hinkley"``.
        delta: false-alarm parameter of ADWIN, level of KSWIN; Page-Hinkley has its threshold instead.
        hold_days: an alarm is shown for so many days.
        seed: of KSWIN, which draws from its window.

    Raises:
        SpecError: an unknown detector or a number outside its range.
    """

    detector: str = "adwin"
    delta: float = 1e-4
    hold_days: int = 20
    seed: int = 0

    def __post_init__(self) -> None:
        if self.detector not in DETECTORS:
            raise SpecError(f"the detector is one of {', '.join(DETECTORS)}; got {self.detector!r}.")
        if not 0 < self.delta < 1:
            raise SpecError(f"delta is in (0, 1), got {self.delta!r}.")
        if self.hold_days < 1:
            raise SpecError(f"hold_days is at least 1, got {self.hold_days}.")


def detector_of(config: DriftConfig) -> Detector:
    """A new detector; what it takes are z-scores or gaps in [-1, 1]."""
    from river import drift

    made: dict[str, Callable[[], Detector]] = {
        "adwin": lambda: drift.ADWIN(delta=config.delta, clock=1, grace_period=20),
        "kswin": lambda: drift.KSWIN(alpha=config.delta, window_size=100, stat_size=30, seed=config.seed),
        "page-hinkley": lambda: drift.PageHinkley(min_instances=60, delta=0.1, threshold=50.0),
    }
    return made[config.detector]()


class DriftMonitor:
    """Drift of one symbol's stream.

    Args:
        config: which detectors, how sensitive.
    """

    def __init__(self, config: DriftConfig | None = None) -> None:
        self.config = config or DriftConfig()
        self._features = [detector_of(self.config) for _ in FEATURES]
        self._calibration = detector_of(self.config)
        self._shown = np.zeros(len(FEATURES), dtype=np.int64)  # days left
        self._calibration_shown = 0

    def see(self, normalised: np.ndarray) -> tuple[str, ...]:
        """Take in a day.

        Args:
            normalised: features float ``[10]``, NaN where absent; those are left out.

        Returns:
            the features that raised an alarm on this day.
        """
        self._shown = np.maximum(0, self._shown - 1)
        self._calibration_shown = max(0, self._calibration_shown - 1)
        raised = []
        for k, (detector, value) in enumerate(zip(self._features, normalised)):
            if not np.isfinite(value):
                continue
            detector.update(float(value))
            if detector.drift_detected:
                raised.append(FEATURES[k])
                self._shown[k] = self.config.hold_days
        return tuple(raised)

    def judge(self, confidence: float, hit: bool) -> bool:
        """Take in how a prediction turned out; whether calibration raised an alarm."""
        self._calibration.update(float(confidence) - float(hit))
        raised = bool(self._calibration.drift_detected)
        if raised:
            self._calibration_shown = self.config.hold_days
        return raised

    def to_message(self) -> dict[str, Any]:
        """The ``drift`` of a prediction's message: what raised an alarm in the last ``hold_days`` days."""
        return {
            "features": [name for name, left in zip(FEATURES, self._shown) if left],
            "calibration": self._calibration_shown > 0,
        }

"""The data of a ``trm_prediction`` message: the documents' keys, and what the schema adds."""

import datetime
from typing import Any

import numpy as np

from thermofab.apps.serve.prediction import SCHEMA_VERSION
from thermofab.apps.strategy.checkpoint import StrategyModel
from thermofab.apps.strategy.names import FEATURES, STRATEGIES
from thermofab.hw.spec import SpecError


def checked_features(features: object) -> np.ndarray:
    """Raw features float64 ``[10]`` from anything of ten numbers; NaN and ``None`` mean absent.

    Raises:
        SpecError: another count, text, an infinite number, or no feature at all.
    """
    try:
        values = np.asarray(features, dtype=np.float64).reshape(-1)
    except (TypeError, ValueError):
        raise SpecError(f"features are {len(FEATURES)} numbers ({', '.join(FEATURES)}).") from None
    if len(values) != len(FEATURES):
        raise SpecError(f"features are {len(FEATURES)} numbers ({', '.join(FEATURES)}); got {len(values)}.")
    if np.any(np.isinf(values)):
        raise SpecError(f"{FEATURES[int(np.argmax(np.isinf(values)))]} is infinite; an absent feature is NaN.")
    if np.all(np.isnan(values)):
        raise SpecError("all ten features are absent; at least one must be known.")
    return values


def metadata(model: StrategyModel) -> dict[str, Any]:
    """``model_metadata`` of a message."""
    shape = model.model.config
    return {
        "recursion_cycles": shape.num_recursion_cycles,
        "latent_steps": shape.num_latent_steps,
        "effective_depth": shape.effective_depth,
        "model_hash": model.digest,
        "name": str(model.about.get("name", f"recursive model, hidden {shape.hidden_dim}")),
    }


def payload_of(
    model: StrategyModel,
    raw: np.ndarray,
    probabilities: np.ndarray,
    halting: float,
    normalised: np.ndarray,
) -> dict[str, Any]:
    """What every prediction says; times are UTC.

    Args:
        model: who predicts.
        raw, normalised: features float64 ``[10]``, raw ones NaN where absent.
        probabilities: float64 ``[8]``.
        halting: the halting head's probability.
    """
    best = int(np.argmax(probabilities))
    absent = np.isnan(raw)

    def known(values: np.ndarray) -> list[float | None]:
        return [None if gone else float(value) for gone, value in zip(absent, values)]

    return {
        "timestamp": datetime.datetime.now(datetime.UTC).isoformat(timespec="microseconds"),
        "strategy_id": best,
        "strategy_name": STRATEGIES[best],
        "confidence": float(probabilities[best]),
        "probabilities": dict(zip(STRATEGIES, probabilities.tolist())),
        "raw_features": known(raw),
        "normalized_features": known(normalised),
        "halt_probability": float(halting),
        "model_metadata": metadata(model),
        "feature_mask": absent.tolist(),
        "schema_version": SCHEMA_VERSION,
    }

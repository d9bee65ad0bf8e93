"""The message of a strategy prediction: its names, its version, and what its schema cannot say."""

from collections.abc import Mapping
from typing import Any

from thermofab.apps.serve.messages import Kind, MessageError, shipped_schema

SCHEMA_VERSION = "1.0"
STRATEGIES: tuple[str, ...] = tuple(shipped_schema("trm_prediction")["$defs"]["strategy"]["enum"])
"""The eight strategies, by class."""


def check_prediction(data: Mapping[str, Any]) -> None:
    """Refuse data that contradict themselves.

    Raises:
        MessageError: probabilities that do not sum to 1, a name that is not the class's, a confidence that is not the
            named strategy's probability, a feature that is masked and given, or rows of spins of another length than
            the marginals.
    """
    total = sum(data["probabilities"].values())
    if abs(total - 1) > 1e-3:
        raise MessageError("contradiction", f"the probabilities sum to {total:.6g}; they sum to 1.")
    name = STRATEGIES[data["strategy_id"]]
    if data["strategy_name"] != name:
        raise MessageError("contradiction", f"strategy {data['strategy_id']} is {name}, not {data['strategy_name']}.")
    if abs(data["confidence"] - data["probabilities"][name]) > 1e-3:
        raise MessageError(
            "contradiction",
            f"the confidence is {data['confidence']:.6g} and the probability of {name} "
            f"{data['probabilities'][name]:.6g}; they are the same number.",
        )
    for k, (absent, value) in enumerate(zip(data["feature_mask"], data["raw_features"])):
        if absent != (value is None):
            raise MessageError(
                "contradiction", f"raw_features[{k}] must be null where feature_mask is true, only there."
            )
    plan = data.get("plan")
    if plan is not None and any(len(row) != len(plan["marginals"]) for row in plan["spins"]):
        raise MessageError("contradiction", "a row of plan.spins must have a state for every marginal.")


PREDICTION = Kind("trm_prediction", shipped_schema("trm_prediction"), check=check_prediction)

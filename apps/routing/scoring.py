"""What a request permits, and what each permitted model is worth to it.

    u_i = w_q·q_i - w_c·cost_i/max cost - w_l·latency_i/max latency    (+ loyalty for the provider that answered before)

The largest cost and latency are those of the permitted models; so weights compare the same whatever the prices are.
"""

import numpy as np

from thermofab.apps.routing.providers import Catalogue
from thermofab.apps.routing.requests import ExecuteRequest
from thermofab.hw.spec import SpecError


def costs(catalogue: Catalogue, request: ExecuteRequest) -> np.ndarray:
    """USD of the request with every model, float64 ``[K]``: the prompt, and the answer's typical or largest length."""
    most = request.constraints.max_output_tokens
    return np.array([m.cost(request.prompt_tokens, min(m.output_tokens, most)) for m in catalogue.models])


def permitted(catalogue: Catalogue, request: ExecuteRequest, quality: np.ndarray | None = None) -> np.ndarray:
    """Models that violate no constraint, bool ``[K]``.

    Args:
        quality: predicted, float ``[K]``; without it ``min_quality`` is not looked at.

    Raises:
        SpecError: a provider or model that the catalogue does not have, or constraints that leave no model.
    """
    limits = request.constraints
    known = {*catalogue.providers, *catalogue.ids}
    unknown = sorted({*(limits.providers or ()), *limits.excluded} - known)
    if unknown:
        raise SpecError(
            f"unknown provider or model {', '.join(unknown)}; the catalogue has {', '.join(catalogue.ids)}."
        )
    price = costs(catalogue, request)
    needed = max(limits.min_context, request.prompt_tokens)
    reasons: dict[str, np.ndarray] = {
        "providers": np.array([
            (limits.providers is None or m.provider in limits.providers) and not {m.provider, m.id} & {*limits.excluded}
            for m in catalogue.models
        ]),
        "context": np.array([m.context_tokens >= needed for m in catalogue.models]),
        "max_cost": price <= (np.inf if limits.max_cost is None else limits.max_cost),
        "max_latency": np.array([limits.max_latency is None or m.latency <= limits.max_latency
                                 for m in catalogue.models]),
    }  # fmt: skip
    if quality is not None and limits.min_quality is not None:
        reasons["min_quality"] = np.asarray(quality) >= limits.min_quality
    left = np.logical_and.reduce(list(reasons.values()))
    if not left.any():
        counts = ", ".join(f"{name} permits {int(allowed.sum())}" for name, allowed in reasons.items())
        raise SpecError(f"the constraints leave none of the {len(left)} models: {counts}; loosen one of them.")
    return left


def utilities(catalogue: Catalogue, request: ExecuteRequest, quality: np.ndarray, allowed: np.ndarray) -> np.ndarray:
    """u, float64 ``[K]``; only those of ``allowed`` models mean anything."""
    wish = request.preferences
    price, latency = costs(catalogue, request), np.array([m.latency for m in catalogue.models])
    worth = wish.quality_weight * np.asarray(quality, dtype=np.float64)
    for weight, amount in ((wish.cost_weight, price), (wish.latency_weight, latency)):
        largest = amount[allowed].max()
        worth = worth - (weight * amount / largest if largest > 0 else 0.0)
    if request.previous is not None and wish.loyalty:
        before = request.previous.partition("/")[0]
        worth = worth + wish.loyalty * np.array([m.provider == before for m in catalogue.models])
    return worth

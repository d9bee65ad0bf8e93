"""Which models a request permits, and what each is worth to it."""

import numpy as np

from thermofab.apps.routing.providers import Catalogue
from thermofab.apps.routing.requests import ExecuteRequest
from thermofab.apps.routing.state import costs, output_tokens
from thermofab.hw.spec import SpecError


def refusals(request: ExecuteRequest, catalogue: Catalogue, quality: np.ndarray, latency: np.ndarray) -> list[str]:
    """Why each model may not answer; an empty string where it may.

    Args:
        quality: predicted, ``[K]``.
        latency: seconds, ``[K]``.

    Raises:
        SpecError: a provider or model named in the constraints that the catalogue does not have.
    """
    rules, found = request.constraints, []
    for name in (*(rules.providers or ()), *rules.excluded, *((request.previous,) if request.previous else ())):
        if name not in catalogue.providers and name not in catalogue.ids:
            raise SpecError(f"unknown provider or model {name!r}; the catalogue has {', '.join(catalogue.providers)}.")
    for k, (model, cost) in enumerate(zip(catalogue.models, costs(request, catalogue))):
        tokens = request.prompt_tokens + output_tokens(model, request)
        if rules.providers is not None and model.provider not in rules.providers:
            found.append("its provider is not permitted")
        elif model.provider in rules.excluded or model.id in rules.excluded:
            found.append("it is excluded")
        elif max(tokens, rules.min_context) > model.context_tokens:
            found.append(f"its context of {model.context_tokens} tokens is too short")
        elif rules.max_cost is not None and cost > rules.max_cost:
            found.append(f"it costs {cost:.3g} USD")
        elif rules.max_latency is not None and latency[k] > rules.max_latency:
            found.append(f"it takes {latency[k]:.3g} s")
        elif rules.min_quality is not None and quality[k] < rules.min_quality:
            found.append(f"its predicted quality is {quality[k]:.3f}")
        else:
            found.append("")
    return found


def permitted(request: ExecuteRequest, catalogue: Catalogue, quality: np.ndarray, latency: np.ndarray) -> np.ndarray:
    """bool ``[K]``, at least one true.

    Raises:
        SpecError: see :func:`refusals`, or no model is left: the constraints contradict each other or the catalogue.
    """
    reasons = refusals(request, catalogue, quality, latency)
    if all(reasons):
        said = "; ".join(f"{model.id}: {reason}" for model, reason in zip(catalogue.models, reasons))
        raise SpecError(f"contradictory constraints: no model satisfies all of them ({said}).")
    return np.array([not reason for reason in reasons])


def scores(
    request: ExecuteRequest, catalogue: Catalogue, quality: np.ndarray, latency: np.ndarray, allowed: np.ndarray
) -> np.ndarray:
    """quality_weight·quality - cost_weight·cost - latency_weight·latency + loyalty/10, float64 ``[K]``.

    Cost and latency are shares of the largest permitted; a model that is not permitted scores -inf.
    """
    wants, paid = request.preferences, costs(request, catalogue)
    before = (request.previous or "").split("/")[0]
    same = np.array([model.provider == before for model in catalogue.models])
    worth = (
        wants.quality_weight * quality
        - wants.cost_weight * paid / max(paid[allowed].max(), 1e-12)
        - wants.latency_weight * latency / latency[allowed].max()
        + wants.loyalty / 10 * same
    )
    return np.where(allowed, worth, -np.inf)

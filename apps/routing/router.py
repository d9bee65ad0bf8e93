"""What a router is; the recursive one is made by :func:`create_trm_router`."""

from collections.abc import Sequence
from typing import Any, Protocol

from thermofab.apps.routing.decision import RoutingDecision
from thermofab.apps.routing.providers import Catalogue
from thermofab.apps.routing.requests import ExecuteRequest


class Router(Protocol):
    """Chooses a model for a request, and learns from what came of it."""

    @property
    def catalogue(self) -> Catalogue: ...

    def route_request(self, request: ExecuteRequest) -> RoutingDecision: ...

    def route_batch(self, requests: Sequence[ExecuteRequest]) -> list[RoutingDecision]: ...

    def learn_from_outcome(
        self, request: ExecuteRequest, decision: RoutingDecision, actual_quality: float, actual_latency: float
    ) -> Any: ...

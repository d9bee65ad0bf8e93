"""What a router is; the recursive one is made by :func:`create_trm_router`."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from thermofab.apps.routing.decision import RoutingDecision
from thermofab.apps.routing.embedding import Embedding
from thermofab.apps.routing.providers import Catalogue, default_catalogue
from thermofab.apps.routing.recursion import RecursionConfig
from thermofab.apps.routing.requests import ExecuteRequest
from thermofab.apps.routing.trm_router import RouterConfig, TRMRouter


class Router(Protocol):
    """Chooses a model for a request, and learns from what came of it."""

    @property
    def catalogue(self) -> Catalogue: ...

    def route_request(self, request: ExecuteRequest) -> RoutingDecision: ...

    def route_batch(self, requests: Sequence[ExecuteRequest]) -> list[RoutingDecision]: ...

    def learn_from_outcome(
        self, request: ExecuteRequest, decision: RoutingDecision, actual_quality: float, actual_latency: float
    ) -> Any: ...


def create_trm_router(
    encoding_strategy: str = "comprehensive",
    max_inner_steps: int = 5,
    max_outer_steps: int = 3,
    halt_threshold: float = 0.8,
    enable_trm: bool = True,
    random_seed: int = 42,
    catalogue: Catalogue | None = None,
    embedding: Embedding | None = None,
    outcomes_path: str | Path | None = None,
    memory: int = 0,
    recursion: RecursionConfig | None = None,
    keep: float = 0.99,
    cache: int = 1024,
) -> TRMRouter:
    """A recursive router.

    Args:
        encoding_strategy: "comprehensive" sees prompt and state, "prompt" or "state" one of them.
        max_inner_steps, max_outer_steps, halt_threshold, random_seed: of the refinement.
        enable_trm: False is the single-step baseline.
        catalogue: models that may answer; the package's examples by default.
        embedding: of prompts; hashed words, or latent ones once fitted, by default.
        outcomes_path: JSON lines file to which outcomes are appended.
        memory: outcomes remembered as context; 0, the default, remembers none.
        recursion: further numbers of the refinement; those above take precedence.
        keep: share of past outcomes kept per outcome.
        cache: requests whose refinement is kept.

    Raises:
        SpecError: an argument outside its range.
    """
    refinement = replace(
        recursion or RecursionConfig(),
        max_inner_steps=max_inner_steps,
        max_outer_steps=max_outer_steps,
        halt_threshold=halt_threshold,
        random_seed=random_seed,
    )
    config = RouterConfig(encoding_strategy, refinement, enable_trm, keep, memory=memory, cache=cache)
    return TRMRouter(catalogue or default_catalogue(), config, embedding, outcomes_path)

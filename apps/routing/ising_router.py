"""IsingRouter: the choice of models as a draw of a set from an energy, on a fabric, with its exact propensity.

Scores are utilities over the temperature (:mod:`~thermofab.apps.routing.utility`), pair terms repel models that are
right and wrong together (:func:`~thermofab.apps.routing.ensembles.residual_pairs`). Models that a request does not
permit are clamped to 0. The draw's seed is a function of the router's seed and of the request, so the same router asked
twice chooses the same, on every device.
"""

import json
import time
from collections.abc import Sequence
from dataclasses import asdict
from hashlib import blake2b

import numpy as np

from thermofab.apps.routing.decision import Alternative, RoutingDecision
from thermofab.apps.routing.embedding import Embedding, HashedText
from thermofab.apps.routing.ensembles import residual_pairs
from thermofab.apps.routing.ising import SetDraws, SetSampler
from thermofab.apps.routing.providers import Catalogue, default_catalogue
from thermofab.apps.routing.quality import LogisticQuality, QualityModel
from thermofab.apps.routing.requests import ExecuteRequest
from thermofab.apps.routing.utility import permitted, scores
from thermofab.hw.spec import Device, FabricSpec, SpecError
from thermofab.models.seeds import derived

_FEWEST = 20  # outcomes of every model before a quality model is fitted to what was learnt


class IsingRouter:
    """Routes by draws of sets of ``k`` models.

    Args:
        catalogue: 2 to 16 models.
        quality: learner of calibrated qualities; before :meth:`fit`, the catalogue's own are used.
        embedding: of prompts.
        k: models per decision: 1, or an ensemble whose first member is the decision's model.
        temperature: T > 0 in units of utility: how much worse a model may be and still be tried at times.
        pair_strength: of the pair terms, in units of 1/T.
        device, spec: where sets are drawn.
        refit_every: outcomes between fits.
        random_seed: of the draws.

    Raises:
        SpecError: a number outside its range.
    """

    def __init__(
        self,
        catalogue: Catalogue | None = None,
        quality: QualityModel | None = None,
        *,
        embedding: Embedding | None = None,
        k: int = 1,
        temperature: float = 0.05,
        pair_strength: float = 1.0,
        device: str | Device = "native",
        spec: FabricSpec | None = None,
        refit_every: int = 50,
        random_seed: int = 0,
    ) -> None:
        self.catalogue = catalogue or default_catalogue()
        count = len(self.catalogue.models)
        if not 1 <= k < count or not temperature > 0 or pair_strength < 0 or refit_every < 1:
            raise SpecError(
                f"an Ising router of {count} models wants k in 1…{count - 1}, a temperature above 0, a pair strength "
                "of at least 0 and refits after at least one outcome."
            )
        self.quality = quality or LogisticQuality()
        self.embedding = embedding or HashedText()
        self.k, self.temperature, self.pair_strength = k, temperature, pair_strength
        self.refit_every, self.random_seed = refit_every, random_seed
        self._device, self._spec = device, spec
        self._prior = np.array([model.quality for model in self.catalogue.models])
        self._latency = np.array([model.latency for model in self.catalogue.models])
        self._fitted = False
        self._rows: list[np.ndarray] = []
        self._outcomes: list[np.ndarray] = []
        self.sampler = SetSampler(count, device=device, spec=spec)

    def fit(self, prompts: Sequence[str], quality: np.ndarray) -> "IsingRouter":
        """Learn qualities, and pair terms from residuals of a fifth of the rows that was held out.

        Args:
            prompts: N texts.
            quality: float ``[N, K]`` in 0…1, NaN where a model was not asked.
        """
        return self._fit(self.embedding.embed(prompts), np.asarray(quality, dtype=np.float64))

    def _fit(self, features: np.ndarray, quality: np.ndarray) -> "IsingRouter":
        whole = ~np.isnan(quality).any(axis=1)
        held = whole & (np.arange(len(quality)) % 5 == 0)
        if self.k > 1 and held.sum() >= _FEWEST:
            predicted = self.quality.fit(features[~held], quality[~held]).predict(features[held])
            pairs = residual_pairs(predicted, quality[held], self.pair_strength)
            self.sampler = SetSampler(len(pairs), pairs, device=self._device, spec=self._spec)
        self.quality.fit(features, quality)
        self._fitted = True
        return self

    def qualities(self, prompts: Sequence[str]) -> np.ndarray:
        """float64 ``[N, K]``."""
        if not self._fitted:
            return np.tile(self._prior, (len(prompts), 1))
        return self.quality.predict(self.embedding.embed(prompts))

    def route_request(self, request: ExecuteRequest) -> RoutingDecision:
        """The decision; ``metadata["members"]`` has all models of an ensemble.

        Raises:
            SpecError: constraints that leave fewer than k models, or an unknown provider.
        """
        return self.route_batch([request])[0]

    def route_batch(self, requests: Sequence[ExecuteRequest]) -> list[RoutingDecision]:
        """One decision per request; each is what the request alone would get."""
        if not requests:
            return []
        begun = time.perf_counter()
        quality = self.qualities([request.prompt for request in requests])
        decisions = [self._decision(request, row) for request, row in zip(requests, quality, strict=True)]
        seconds = (time.perf_counter() - begun) / len(requests)
        for decision in decisions:
            decision.metadata["latency"] = seconds
        return decisions

    def learn_from_outcome(
        self, request: ExecuteRequest, decision: RoutingDecision, actual_quality: float, actual_latency: float
    ) -> int:
        """Keep an outcome; after every ``refit_every`` of them qualities are fitted again.

        Returns:
            outcomes kept.

        Raises:
            SpecError: a quality outside 0…1, a latency below 0, or a model that is not in the catalogue.
        """
        if not 0 <= actual_quality <= 1 or not 0 <= actual_latency < np.inf:
            raise SpecError(
                f"an outcome has a quality in [0, 1] and seconds of at least 0, got {actual_quality} and "
                f"{actual_latency}."
            )
        outcome = np.full(len(self.catalogue.models), np.nan)
        outcome[self.catalogue.index(decision.id)] = actual_quality
        self._rows.append(self.embedding.embed([request.prompt])[0])
        self._outcomes.append(outcome)
        enough = (~np.isnan(self._outcomes)).sum(axis=0).min() >= _FEWEST
        if enough and len(self._outcomes) % self.refit_every == 0:
            self._fit(np.array(self._rows), np.array(self._outcomes))
        return len(self._outcomes)

    def _decision(self, request: ExecuteRequest, quality: np.ndarray) -> RoutingDecision:
        allowed = permitted(request, self.catalogue, quality, self._latency)
        worth = scores(request, self.catalogue, quality, self._latency, allowed)
        if allowed.sum() < self.k:
            raise SpecError(f"the constraints leave {int(allowed.sum())} models, and {self.k} are wanted.")
        draws = self._draw(request, worth, allowed)
        members = np.flatnonzero(draws.sets[0])
        first = int(members[worth[members].argmax()])
        order = sorted(np.flatnonzero(allowed), key=lambda i: (i != first, not draws.sets[0, i], -worth[i]))
        model = self.catalogue.models[first]
        return RoutingDecision(
            model.provider,
            model.name,
            float(quality[first].clip(0, 1)),
            tuple(Alternative(self.catalogue.ids[i], float(worth[i])) for i in order),
            float(draws.propensities[0]),
            {
                "members": tuple(self.catalogue.ids[i] for i in members),
                "qualities": dict(zip(self.catalogue.ids, map(float, quality), strict=True)),
                "yield": float(draws.yields[0]),
            },
        )

    def _draw(self, request: ExecuteRequest, worth: np.ndarray, allowed: np.ndarray) -> SetDraws:
        if allowed.sum() == self.k:
            return SetDraws(allowed[None], np.ones(1), np.ones(1), np.zeros(1, dtype=bool))
        finite = np.where(allowed, worth, 0.0)[None]
        return self.sampler.draw(
            finite / self.temperature, self.k, excluded=~allowed[None], seed=self._seed_of(request)
        )

    def _seed_of(self, request: ExecuteRequest) -> int:
        said = json.dumps(asdict(request), sort_keys=True, default=str).encode()
        return derived(self.random_seed, int.from_bytes(blake2b(said, digest_size=8).digest(), "little"))

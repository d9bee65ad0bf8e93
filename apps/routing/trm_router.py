"""The recursive router: prompt and state refined to qualities, outcomes learnt on top, the best model chosen."""

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from hashlib import blake2b
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple, Self

import numpy as np

from thermofab.apps.routing import journal
from thermofab.apps.routing.decision import Alternative, RoutingDecision
from thermofab.apps.routing.embedding import Embedding, HashedText, LatentText
from thermofab.apps.routing.journal import Outcome
from thermofab.apps.routing.providers import Catalogue
from thermofab.apps.routing.readout import Readout
from thermofab.apps.routing.recursion import RecursionConfig, RecursiveQuality, Refinement
from thermofab.apps.routing.requests import ExecuteRequest
from thermofab.apps.routing.state import STATE_SIZE, state
from thermofab.apps.routing.utility import permitted, scores
from thermofab.hw.spec import SpecError
from thermofab.models.checkpoints import load_checkpoint, save_checkpoint

KIND = "routing router"
ENCODINGS = ("comprehensive", "prompt", "state")


@dataclass(frozen=True)
class RouterConfig:
    """What a router is made of.

    Attributes:
        encoding_strategy: "comprehensive" sees embedding and state, "prompt" or "state" one of them.
        recursion: sizes and training of the refinement.
        enable_trm: False takes a single step, trained as such: the baseline.
        keep: share of past outcomes kept per outcome; below 1 the router follows drift.
        ridge: how many outcomes the trained qualities are worth against new ones.
        clip: largest importance weight 1/propensity of an outcome.
        memory: outcomes remembered as context for later decisions; 0 remembers none.
        cache: prompts whose refinement is kept.

    Raises:
        SpecError: an unknown encoding, or a number outside its range.
    """

    encoding_strategy: str = "comprehensive"
    recursion: RecursionConfig = RecursionConfig()
    enable_trm: bool = True
    keep: float = 0.99
    ridge: float = 10.0
    clip: float = 10.0
    memory: int = 0
    cache: int = 1024

    def __post_init__(self) -> None:
        if self.encoding_strategy not in ENCODINGS:
            raise SpecError(f"encoding_strategy is one of {', '.join(ENCODINGS)}, got {self.encoding_strategy!r}.")
        if not 0 < self.keep <= 1 or self.ridge <= 0 or self.clip < 1 or self.memory < 0 or self.cache < 0:
            raise SpecError("keep in (0, 1], ridge > 0, clip ≥ 1, memory ≥ 0 and cache ≥ 0 expected.")

    @property
    def effective(self) -> RecursionConfig:
        """The recursion that runs: a single step where ``enable_trm`` is False."""
        return self.recursion if self.enable_trm else replace(self.recursion, max_inner_steps=1, max_outer_steps=1)


class Learnt(NamedTuple):
    """What one outcome taught: the error before it, the importance weight used, outcomes so far."""

    error: float
    weight: float
    outcomes: int


class _Seen(NamedTuple):
    """A request's refinement: ``quality [K]`` before outcomes, ``features`` of the read-out, and the steps."""

    quality: np.ndarray
    features: np.ndarray
    unit: np.ndarray
    steps: int
    trace: tuple[dict[str, Any], ...]


class TRMRouter:
    """A router, made by :func:`~thermofab.apps.routing.router.create_trm_router`.

    Before :meth:`fit` it starts from the catalogue's qualities and learns from outcomes alone. The same weights and the
    same request give the same decision, also in another process: exploration is drawn from a digest of the request, the
    seed and the number of outcomes learnt.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        config: RouterConfig | None = None,
        embedding: Embedding | None = None,
        outcomes_path: str | Path | None = None,
    ):
        self.catalogue, self.config = catalogue, config or RouterConfig()
        self.embedding: Embedding = embedding or HashedText()
        self._chosen = embedding is not None
        self.outcomes_path = None if outcomes_path is None else Path(outcomes_path)
        prior = np.array([model.quality for model in catalogue.models])
        self.recursion = RecursiveQuality(self.config.effective).start(self._width(), prior)
        self._begin()

    def _width(self) -> int:
        sizes = {"prompt": self.embedding.size, "state": STATE_SIZE}
        return sizes.get(self.config.encoding_strategy, self.embedding.size + STATE_SIZE)

    def _begin(self) -> None:
        """Nothing learnt from outcomes."""
        self.readout = Readout(len(self.catalogue.models), self._phi(), self.config.keep, self.config.ridge)
        self.latency = np.array([model.latency for model in self.catalogue.models], float)
        self.outcomes = 0
        self._memory: list[tuple[np.ndarray, int, float]] = []
        self._cache: OrderedDict[ExecuteRequest, _Seen] = OrderedDict()

    def _phi(self) -> int:
        return 1 + self.config.recursion.width

    def route_request(self, request: ExecuteRequest) -> RoutingDecision:
        """The decision for one request.

        Raises:
            SpecError: an unknown provider, or constraints that no model satisfies.
        """
        return self.route_batch([request])[0]

    def route_batch(self, requests: Sequence[ExecuteRequest]) -> list[RoutingDecision]:
        """Decisions in order, refined together; each is what :meth:`route_request` gives.

        ``metadata`` has ``trm_steps``, ``trm_final_confidence`` (the halting head's at the last step), ``trace`` (one
        entry per step: number, halting probability, change of z, qualities), ``attention`` (over remembered outcomes,
        empty without memory), ``qualities`` by model, ``cached``, and ``latency`` in seconds, a share of the batch's.

        Raises:
            SpecError: see :meth:`route_request`.
        """
        begun = perf_counter()
        known = [request in self._cache for request in requests]
        seen = self._look(requests)
        chosen = [self._choose(request, one) for request, one in zip(requests, seen)]
        each = (perf_counter() - begun) / max(1, len(requests))
        for decision, cached in zip(chosen, known):
            decision.metadata.update(latency=each, cached=cached)
        return chosen

    def qualities(self, requests: Sequence[ExecuteRequest]) -> np.ndarray:
        """Calibrated probability that each model is right, float64 ``[N, K]``, outcomes included."""
        return np.array([self._estimate(one)[0] for one in self._look(requests)])

    def features(self, requests: Sequence[ExecuteRequest]) -> np.ndarray:
        """What the recursion sees, float32 ``[N, F]``."""
        parts = []
        if self.config.encoding_strategy != "state":
            parts.append(self.embedding.embed([request.prompt for request in requests]))
        if self.config.encoding_strategy != "prompt":
            parts.append(np.array([state(request, self.catalogue) for request in requests]))
        return np.concatenate(parts, axis=1)

    def fit(
        self,
        requests: Sequence[ExecuteRequest],
        quality: np.ndarray,
        weights: np.ndarray | None = None,
    ) -> Self:
        """Train on ``quality [N, K]`` in 0…1, NaN where a model was not asked; what outcomes taught is dropped.

        With 500 prompts or more a latent text embedding is fitted on them, unless another embedding was given.

        Raises:
            SpecError: see :meth:`RecursiveQuality.fit`.
        """
        if not self._chosen and len(requests) >= 500:
            self.embedding = LatentText().fit([request.prompt for request in requests])
        self.recursion = RecursiveQuality(self.config.effective).fit(self.features(requests), quality, weights)
        self._begin()
        return self

    def fit_logged(self, outcomes: Iterable[Outcome]) -> Self:
        """Train on logged choices, each weighted by its clipped inverse propensity.

        Raises:
            SpecError: see :meth:`fit`; a model that was never chosen.
        """
        kept = list(outcomes)
        quality = np.full((len(kept), len(self.catalogue.models)), np.nan)
        weights = np.ones_like(quality)
        for row, outcome in enumerate(kept):
            column = self.catalogue.index(outcome.model)
            quality[row, column] = outcome.quality
            weights[row, column] = min(self.config.clip, 1 / outcome.propensity)
        return self.fit([outcome.request for outcome in kept], quality, weights)

    def learn_from_outcome(
        self, request: ExecuteRequest, decision: RoutingDecision, actual_quality: float, actual_latency: float
    ) -> Learnt:
        """Learn how a decision turned out, and append it to the journal where there is one.

        The model's correction is fitted to the residual with weight min(clip, 1/propensity), and its latency moves a
        twentieth of the way.

        Raises:
            SpecError: a quality outside 0…1, a latency below 0, or a model that the catalogue does not have.
        """
        outcome = Outcome(request, decision.id, decision.propensity, float(actual_quality), float(actual_latency))
        learnt = self._learn(outcome)
        if self.outcomes_path is not None:
            journal.append(self.outcomes_path, outcome)
        return learnt

    def replay(self, path: str | Path) -> int:
        """Learn every outcome of a journal, in order, without writing any; the number learnt.

        Raises:
            SpecError: see :func:`thermofab.apps.routing.journal.read`.
        """
        count = 0
        for outcome in journal.read(Path(path)):
            self._learn(outcome)
            count += 1
        return count

    def _learn(self, outcome: Outcome) -> Learnt:
        column = self.catalogue.index(outcome.model)
        (seen,) = self._look([outcome.request])
        weight = min(self.config.clip, 1 / outcome.propensity)
        error = outcome.quality - float(self._estimate(seen)[0][column])
        self.readout.learn(column, seen.features, outcome.quality - float(seen.quality[column]), weight)
        self.latency[column] += (outcome.latency - self.latency[column]) / 20
        if self.config.memory:
            self._memory = [*self._memory, (seen.unit, column, error)][-self.config.memory :]
        self.outcomes += 1
        return Learnt(error, weight, self.outcomes)

    def _look(self, requests: Sequence[ExecuteRequest]) -> list[_Seen]:
        """Refinements, from the cache where they are known."""
        new = list(OrderedDict.fromkeys(request for request in requests if request not in self._cache))
        fresh: dict[ExecuteRequest, _Seen] = {}
        if new:
            features = self.features(new)
            refined = self.recursion.refine(features, traced=True)
            units = features / np.maximum(1e-9, np.linalg.norm(features, axis=1, keepdims=True))
            fresh = {request: _seen(refined, units, row) for row, request in enumerate(new)}
        found = [fresh[request] if request in fresh else self._cache[request] for request in requests]
        for request, one in zip(requests, found):
            self._cache[request] = one
            self._cache.move_to_end(request)
        while len(self._cache) > self.config.cache:
            self._cache.popitem(last=False)
        return found

    def _estimate(self, seen: _Seen) -> tuple[np.ndarray, np.ndarray]:
        """Qualities ``[K]`` with what outcomes taught, and attention over remembered ones."""
        quality = seen.quality + self.readout.correct(seen.features[None])[0]
        attention = np.empty(0)
        if self._memory:
            likeness = np.array([unit for unit, _, _ in self._memory]) @ seen.unit
            attention = np.exp(20 * (likeness - likeness.max()))
            attention /= attention.sum()
            asked = np.array([column for _, column, _ in self._memory])
            errors = np.array([error for _, _, error in self._memory])
            for k in set(asked.tolist()):
                # Half an outcome's attention stands for "no error", so that few or unlike outcomes say little.
                own = attention * (asked == k)
                quality[k] += own @ errors / (own.sum() + 0.5)
        return np.clip(quality, 0.001, 0.999), attention

    def _choose(self, request: ExecuteRequest, seen: _Seen) -> RoutingDecision:
        quality, attention = self._estimate(seen)
        allowed = permitted(request, self.catalogue, quality, self.latency)
        caution = request.preferences.caution
        judged = quality - caution * self.readout.doubt(seen.features) if caution else quality
        worth = scores(request, self.catalogue, judged, self.latency, allowed)
        best, free = int(worth.argmax()), np.flatnonzero(allowed)
        explore = request.preferences.exploration
        chances = np.where(allowed, explore / len(free), 0.0)
        chances[best] += 1 - explore
        draw = self._uniform(request)
        column = best
        if draw < explore:
            column = int(free[min(len(free) - 1, int(draw / explore * len(free)))])
        order = sorted(free.tolist(), key=lambda k: -worth[k])
        model = self.catalogue.models[column]
        return RoutingDecision(
            model.provider,
            model.name,
            float(quality[column]),
            tuple(Alternative(self.catalogue.ids[k], float(worth[k])) for k in order),
            min(1.0, float(chances[column])),
            {
                "trm_steps": seen.steps,
                "trm_final_confidence": seen.trace[-1]["halt_probability"],
                "trace": seen.trace,
                "attention": attention.tolist(),
                "qualities": dict(zip(self.catalogue.ids, quality.tolist())),
                "outcomes": self.outcomes,
            },
        )

    def _uniform(self, request: ExecuteRequest) -> float:
        """A number in [0, 1) that depends on the seed, the request and the outcomes learnt, and on nothing else."""
        text = f"{self.config.recursion.random_seed}|{self.outcomes}|{request!r}"
        return int.from_bytes(blake2b(text.encode(), digest_size=7).digest(), "big") / 2**56

    def save(self, path: str | Path) -> None:
        """Weights, what outcomes taught and the catalogue, as ``path.safetensors`` and ``path.json``.

        Raises:
            SpecError: an embedding other than this package's, which cannot be written.
        """
        if not isinstance(self.embedding, (HashedText, LatentText)):
            raise SpecError("only routers with HashedText or LatentText can be saved.")
        arrays, _ = self.recursion.to_arrays()
        arrays = {f"recursion/{name}": array for name, array in arrays.items()}
        arrays |= {
            "precision": self.readout.precision, "moment": self.readout.moment, "weights": self.readout.weights,
            "latency": self.latency,
        }  # fmt: skip
        if isinstance(self.embedding, LatentText) and self.embedding.weights is not None:
            arrays["embedding"] = self.embedding.weights
        for k, (unit, column, error) in enumerate(self._memory):
            arrays[f"memory/{k:06d}"] = np.concatenate([unit, [column, error]])
        about = {
            "config": asdict(self.config), "catalogue": self.catalogue.to_json(), "outcomes": self.outcomes,
            "embedding_size": self.embedding.size, "embedding_chosen": self._chosen,
        }  # fmt: skip
        save_checkpoint(path, KIND, arrays, about)

    @staticmethod
    def load(path: str | Path, outcomes_path: str | Path | None = None) -> "TRMRouter":
        """The router that :meth:`save` wrote.

        Raises:
            SpecError: see :func:`thermofab.models.checkpoints.load_checkpoint`.
        """
        arrays, about = load_checkpoint(path, KIND)
        kept: dict[str, Any] = dict(about["config"])
        kept["recursion"] = RecursionConfig(**kept["recursion"])
        config = RouterConfig(**kept)
        embedding: Embedding = HashedText(about["embedding_size"])
        if "embedding" in arrays:
            embedding = LatentText(about["embedding_size"], buckets=len(arrays["embedding"]))
            embedding.weights = arrays["embedding"]
        router = TRMRouter(Catalogue.from_json(about["catalogue"]), config, embedding, outcomes_path)
        weights = {name[10:]: array for name, array in arrays.items() if name.startswith("recursion/")}
        router._chosen = about["embedding_chosen"]
        router.recursion = RecursiveQuality.from_arrays(weights, asdict(config.effective))
        router.readout.precision, router.readout.moment = arrays["precision"], arrays["moment"]
        router.readout.weights, router.latency = arrays["weights"], arrays["latency"]
        router.outcomes = about["outcomes"]
        remembered = [arrays[name] for name in sorted(arrays) if name.startswith("memory/")]
        router._memory = [(row[:-2], int(row[-2]), float(row[-1])) for row in remembered]
        return router


def _seen(refined: Refinement, units: np.ndarray, row: int) -> _Seen:
    steps = int(refined.steps[row])
    trace = tuple(
        {
            "step": number,
            "halt_probability": float(step.halt[row]),
            "change": float(step.change[row]),
            "quality": step.quality[row].tolist(),
        }
        for number, step in enumerate(refined.trace[:steps], 1)
    )
    features = np.concatenate([[1.0], refined.state[row]])
    return _Seen(refined.quality[row], features, units[row], steps, trace)

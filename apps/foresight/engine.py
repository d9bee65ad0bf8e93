"""The foresight engine: what may happen next, in four kinds of prediction, and a probability tree of all events.

kind           what it says
-------------  -------------------------------------------------------------------------------------------------------
probabilistic  calibrated probability of every event, refined by the recursion of the router
               (:mod:`~thermofab.apps.routing.recursion`) from the 128-number state
logical        implications that history never contradicted and that apply now, beside the refined probability
imaginative    what each feature at its extremes would do to the forecast, and the joint outcomes that are unlikely but
               not impossible, from samples of the fabric
causal         how much more likely an event is after another one happened than after it did not: the difference of
               refined probabilities over observed states in which only that is changed. It is an effect if nothing
               unobserved moves both; otherwise it is a prediction

All four run the recursion; ``trm_metrics`` counts its steps. The tree is made of samples of the joint distribution
(:mod:`~thermofab.apps.foresight.joint`) on a device, each node beside its enumerated probability.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, Self, TypedDict

import numpy as np

from thermofab.apps.foresight.context import ForesightContext
from thermofab.apps.foresight.joint import Joint, JointSampler, fit_joint
from thermofab.apps.foresight.rules import Rule, find_rules
from thermofab.apps.foresight.state import STATE_SIZE, Scaling, states, with_feature, with_last
from thermofab.apps.foresight.tree import Node, probability_tree
from thermofab.apps.routing.quality import log_loss
from thermofab.apps.routing.readout import Readout
from thermofab.apps.routing.recursion import RecursionConfig, RecursiveQuality, Refinement
from thermofab.hw.spec import Device, SpecError
from thermofab.models.seeds import derived

FEWEST = 100  # steps of history that a fit takes
HELD_OUT = 0.2  # share of them, the last, that the joint distribution is fitted to
EXTREME = 2.0  # deviations, "at its extremes"
SHOWN = 5
COMPARED = 200  # states that causal effects are averaged over


class TRMMetrics(TypedDict):
    """What the recursion did for one forecast."""

    total_refinement_steps: int
    avg_final_confidence: float
    steps_by_kind: dict[str, int]


class Foresight(TypedDict):
    """A forecast."""

    trm_enabled: bool
    fitted: bool
    horizon: int
    probabilities: dict[str, float]
    predictions: dict[str, list[dict[str, Any]]]
    probability_tree: dict[str, Any]
    largest_tree_error: float
    samples: int
    device: str
    trm_metrics: TRMMetrics


class Learnt(NamedTuple):
    """Brier score of the forecast that was judged, and outcomes learnt so far."""

    brier: float
    outcomes: int


@dataclass(eq=False)
class _Steps:
    """Steps and last halting probabilities of the refinements of one forecast."""

    of_kind: dict[str, int]
    halting: list[float]

    def add(self, kind: str, refined: Refinement) -> None:
        self.of_kind[kind] = self.of_kind.get(kind, 0) + int(refined.steps.sum())
        rows = np.arange(len(refined.steps))
        every = np.array([step.halt for step in refined.trace])
        self.halting.extend(every[refined.steps - 1, rows].tolist())


class ForesightEngine:
    """Made by :func:`create_trm_foresight_engine`."""

    def __init__(self, recursion: RecursionConfig, enable_trm: bool, samples: int, depth: int, device: str | Device):
        if samples < 100 or depth < 1:
            raise SpecError(f"at least 100 samples and a depth of 1 expected, got {samples} and {depth}.")
        self.config, self.enable_trm = recursion, enable_trm
        self.candidates = (
            recursion,
            replace(recursion, dropout=0.5, epochs=max(1, recursion.epochs // 5), learning_rate=3e-3),
        )
        self.samples, self.depth, self.device = samples, depth, device
        self.outcomes = 0
        self._fitted_to: tuple[tuple[str, ...], tuple[str, ...], int] | None = None
        self._sampler: JointSampler | None = None

    @property
    def fitted(self) -> bool:
        return self._fitted_to is not None

    def fit(self, context: ForesightContext) -> Self:
        """Learn from a history: recursion, joint distribution and rules; what outcomes taught is dropped.

        Of two ways to train, lightly and heavily regularised, the one that forecasts the last fifth of the history
        better is taken; the joint distribution is fitted on that fifth.

        Raises:
            SpecError: fewer than 100 steps, or an event that always or never happened.
        """
        targets = context.targets()
        if len(targets) < FEWEST:
            raise SpecError(f"a fit takes at least {FEWEST} steps beyond the horizon, got {len(targets)}.")
        constant = [name for name, share in zip(context.events, targets.mean(axis=0)) if share in (0, 1)]
        if constant:
            raise SpecError(f"{', '.join(constant)} always or never happened in this history: nothing to forecast.")
        self.scaling = Scaling.of(context)
        state = states(context, self.scaling)[: len(targets)]
        cut = int(len(targets) * (1 - HELD_OUT))
        early = slice(cut - context.horizon)  # whose targets end before what is held out begins
        trials = [RecursiveQuality(config).fit(state[early], targets[early]) for config in self.candidates]
        forecasts = [trial.predict(state[cut:]) for trial in trials]
        best = int(np.argmin([log_loss(forecast, targets[cut:].astype(float)) for forecast in forecasts]))
        self.joint = fit_joint(_log_odds(forecasts[best]), targets[cut:])
        self.config = self.candidates[best]
        self.recursion = RecursiveQuality(self.config).fit(state, targets)
        self.rules = find_rules(context.events, context.history, targets)
        self._begin(context)
        return self

    def probabilities(self, context: ForesightContext) -> np.ndarray:
        """Calibrated probability of every event after every step of the context, float64 ``[T, E]``."""
        self._check(context)
        return self._corrected(self.recursion.refine(states(context, self.scaling)))

    async def generate_foresight(self, context: ForesightContext) -> Foresight:
        """A forecast after the last step of the context; it runs on a thread, so an event loop goes on.

        An engine that was never fitted starts from how often the events happened in the context (``fitted`` is False).

        Raises:
            SpecError: a context of other events, features or horizon than the engine was fitted to.
        """
        return await asyncio.to_thread(self.foresee, context)

    def foresee(self, context: ForesightContext) -> Foresight:
        """:meth:`generate_foresight`, waited for."""
        if not self.fitted and self.outcomes == 0:
            self._start(context)
        self._check(context)
        steps = _Steps({}, [])
        every = states(context, self.scaling)
        refined = self.recursion.refine(every[-1:], traced=True)
        steps.add("probabilistic", refined)
        now = self._corrected(refined)[0]
        log_odds = _log_odds(now[None])[0]
        exact = self.joint.exact(log_odds[None])[0]
        samples = self._sampled(log_odds, context)
        tree = probability_tree(context.events, samples, exact, self.depth)
        predictions = {
            "logical": self._logical(context, every[-1:], steps),
            "probabilistic": [
                {"event": name, "probability": round(float(p), 6)} for name, p in zip(context.events, now)
            ],
            "imaginative": self._imaginative(context, every[-1:], now, samples, exact, steps),
            "causal": self._causal(context, every, steps),
        }
        total = sum(steps.of_kind.values())
        return {
            "trm_enabled": self.enable_trm,
            "fitted": self.fitted,
            "horizon": context.horizon,
            "probabilities": {name: float(p) for name, p in zip(context.events, now)},
            "predictions": predictions,
            "probability_tree": tree.to_json(),
            "largest_tree_error": _largest_error(tree),
            "samples": self.samples,
            "device": self.device if isinstance(self.device, str) else self.device.info().name,
            "trm_metrics": {
                "total_refinement_steps": total,
                "avg_final_confidence": float(np.mean(steps.halting)),
                "steps_by_kind": steps.of_kind,
            },
        }

    def learn_from_outcome(self, context: ForesightContext, outcomes: Mapping[str, bool]) -> Learnt:
        """Learn what happened within the horizon after a context that was forecast.

        A correction of every event's probability is fitted to what the recursion left over, by discounted least squares
        on its last state; later forecasts have it.

        Raises:
            SpecError: outcomes that do not name exactly the context's events, or are not true or false.
        """
        if set(outcomes) != set(context.events):
            raise SpecError(f"outcomes name every event: {', '.join(context.events)}; got {', '.join(outcomes)}.")
        if not all(isinstance(value, (bool, np.bool_)) for value in outcomes.values()):
            raise SpecError("an outcome is True or False.")
        if not self.fitted and self.outcomes == 0:
            self._start(context)
        self._check(context)
        refined = self.recursion.refine(states(context, self.scaling)[-1:])
        before = self._corrected(refined)[0]
        happened = np.array([bool(outcomes[name]) for name in context.events], dtype=float)
        for event, value in enumerate(happened):
            self._readout.learn(event, _phi(refined)[0], value - float(refined.quality[0, event]), 1.0)
        self.outcomes += 1
        return Learnt(float(((before - happened) ** 2).mean()), self.outcomes)

    def _start(self, context: ForesightContext) -> None:
        """Unfitted: rates of the context, one event and one non-event added, and independent events."""
        self.scaling = Scaling.of(context)
        rates = (context.history.sum(axis=0) + 1) / (len(context.history) + 2)
        within = 1 - (1 - rates) ** context.horizon
        self.recursion = RecursiveQuality(self.config).start(STATE_SIZE, within)
        self.joint, self.rules = Joint.independent(len(context.events)), ()
        self._begin(context)
        self._fitted_to = None

    def _begin(self, context: ForesightContext) -> None:
        self._readout = Readout(len(context.events), 1 + self.config.width, keep=0.998, ridge=20.0)
        self._fitted_to = self._about = context.events, context.feature_names, context.horizon
        self.outcomes = 0
        if self._sampler is None or self._sampler.layout.n != len(context.events):
            self._sampler = JointSampler(len(context.events), self.device) if len(context.events) > 1 else None

    def _check(self, context: ForesightContext) -> None:
        about = context.events, context.feature_names, context.horizon
        if about != self._about:
            raise SpecError(
                f"this engine is about events {self._about[0]}, features {self._about[1]} and horizon "
                f"{self._about[2]}; the context has {about[0]}, {about[1]} and {about[2]}. Fit another engine."
            )

    def _corrected(self, refined: Refinement) -> np.ndarray:
        return np.clip(refined.quality + self._readout.correct(_phi(refined)), 0.001, 0.999)

    def _refined(self, kind: str, state: np.ndarray, steps: _Steps) -> np.ndarray:
        refined = self.recursion.refine(state, traced=True)
        steps.add(kind, refined)
        return self._corrected(refined)

    def _sampled(self, log_odds: np.ndarray, context: ForesightContext) -> np.ndarray:
        """Outcomes bool ``[S, E]``."""
        seed = derived(self.config.random_seed, len(context.history), self.outcomes)
        if self._sampler is None:  # one event: nothing joint to sample
            share = self.joint.exact(log_odds[None])[0, 1]
            return np.random.default_rng(seed).random((self.samples, 1)) < share
        return self._sampler.sample(self.joint, log_odds, self.samples, seed=seed)

    def _logical(self, context: ForesightContext, state: np.ndarray, steps: _Steps) -> list[dict[str, Any]]:
        happened = dict(zip(context.events, context.history[-1].tolist()))
        apply: list[Rule] = [rule for rule in self.rules if all(happened[cause] for cause in rule.causes)]
        refined = self._refined("logical", state, steps)[0]
        return [
            {
                "rule": str(rule),
                "event": rule.event,
                "happens": rule.happens,
                "support": rule.support,
                "exceptions_below": round(rule.exceptions_below, 4),
                "refined_probability": round(float(refined[context.events.index(rule.event)]), 6),
            }
            for rule in apply
        ]

    def _imaginative(
        self,
        context: ForesightContext,
        state: np.ndarray,
        now: np.ndarray,
        samples: np.ndarray,
        exact: np.ndarray,
        steps: _Steps,
    ) -> list[dict[str, Any]]:
        made: list[dict[str, Any]] = []
        names = context.feature_names
        if names:
            asked = [(k, value) for k in range(len(names)) for value in (-EXTREME, EXTREME)]
            moved = np.concatenate([with_feature(state, k, value) for k, value in asked])
            shift = self._refined("imaginative", moved, steps) - now
            for row in np.argsort(-np.abs(shift).max(axis=1), kind="stable")[:SHOWN]:
                event = int(np.abs(shift[row]).argmax())
                made.append(
                    {
                        "if": f"{names[asked[row][0]]} were {asked[row][1]:+g} deviations from its mean",
                        "event": context.events[event],
                        "probability": round(float(now[event] + shift[row, event]), 6),
                        "change": round(float(shift[row, event]), 6),
                    }
                )
        numbers, counts = np.unique(samples @ (1 << np.arange(samples.shape[1])), return_counts=True)
        for place in np.argsort(counts, kind="stable")[:SHOWN]:
            number = int(numbers[place])
            happening = [name for k, name in enumerate(context.events) if number >> k & 1]
            made.append(
                {
                    "outcome": happening,
                    "sampled": round(float(counts[place] / len(samples)), 6),
                    "probability": round(float(exact[number]), 6),
                }
            )
        return made

    def _causal(self, context: ForesightContext, every: np.ndarray, steps: _Steps) -> list[dict[str, Any]]:
        chosen = every[np.unique(np.linspace(0, len(every) - 1, min(COMPARED, len(every))).astype(int))]
        made = []
        for cause, name in enumerate(context.events):
            on, off = (
                self._refined("causal", with_last(chosen, cause, value), steps).mean(axis=0) for value in (True, False)
            )
            for effect, other in enumerate(context.events):
                made.append(
                    {
                        "cause": name,
                        "event": other,
                        "after_it": round(float(on[effect]), 6),
                        "otherwise": round(float(off[effect]), 6),
                        "difference": round(float(on[effect] - off[effect]), 6),
                    }
                )
        return sorted(made, key=lambda entry: -abs(entry["difference"]))


def create_trm_foresight_engine(
    max_inner_steps: int = 7,
    max_outer_steps: int = 4,
    halt_threshold: float = 0.75,
    enable_trm: bool = True,
    random_seed: int = 42,
    *,
    samples: int = 2048,
    depth: int = 4,
    device: str | Device = "native",
    width: int = 32,
    epochs: int = 60,
) -> ForesightEngine:
    """An engine.

    Args:
        max_inner_steps, max_outer_steps, halt_threshold: of the refinement.
        enable_trm: ``False`` takes a single step: the baseline.
        random_seed: of training and sampling.
        samples: of the probability tree.
        depth: events that the tree divides by.
        device: where it is sampled.
        width: of the recursion's state.
        epochs: of its training.

    Raises:
        SpecError: an argument outside its range.
    """
    inner, outer = (max_inner_steps, max_outer_steps) if enable_trm else (1, 1)
    recursion = RecursionConfig(
        width=width, max_inner_steps=inner, max_outer_steps=outer, halt_threshold=halt_threshold, epochs=epochs,
        dropout=0.2, weight_decay=1.0, learning_rate=1e-2, batch=128, random_seed=random_seed,
    )  # fmt: skip
    return ForesightEngine(recursion, enable_trm, samples, depth, device)


def _phi(refined: Refinement) -> np.ndarray:
    """What corrections are linear in, float64 ``[N, 1 + width]``."""
    return np.concatenate([np.ones((len(refined.state), 1)), refined.state], axis=1)


def _log_odds(probabilities: np.ndarray) -> np.ndarray:
    clipped = np.clip(probabilities, 1e-3, 1 - 1e-3)
    return np.log(clipped / (1 - clipped))


def _largest_error(tree: Node) -> float:
    """Largest distance of a leaf's sampled probability from the enumerated one."""
    return max(abs(leaf.joint - leaf.exact) for leaf in tree.leaves())

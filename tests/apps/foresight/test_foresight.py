"""The foresight engine on processes whose probabilities are known, and what it refuses.

Statistical bounds leave more than 5.5 standard errors, a false-alarm probability below 1e-7 each.
"""

import asyncio
import json

import numpy as np
import pytest

from thermofab.apps.foresight import ForesightContext, create_trm_foresight_engine
from thermofab.apps.foresight.joint import Joint, JointSampler, fit_joint
from thermofab.apps.foresight.rules import find_rules
from thermofab.apps.foresight.state import STATE_SIZE, Scaling, states, with_last
from thermofab.apps.foresight.tree import probability_tree
from thermofab.hw.spec import SpecError

EVENTS = ("rain", "wind", "storm", "calm")


def weather(steps: int, seed: int) -> ForesightContext:
    """Storm follows where exactly one of rain and wind was; calm always follows storm; wind is
    whatever rain is in half of the cases."""
    random = np.random.default_rng(seed)
    history = np.zeros((steps, 4), dtype=bool)
    for t in range(1, steps):
        rain, wind, storm, _ = history[t - 1]
        both = random.random() < 0.5
        history[t, 0] = both
        history[t, 1] = both if random.random() < 0.5 else random.random() < 0.5
        history[t, 2] = random.random() < (0.85 if rain != wind else 0.15)
        history[t, 3] = storm or random.random() < 0.3
    noise = random.normal(size=(steps, 2))
    return ForesightContext(EVENTS, history, noise, ("noise a", "noise b"))


def small(**changes):
    """An engine that fits in seconds."""
    return create_trm_foresight_engine(**{"max_inner_steps": 3, "max_outer_steps": 1, "epochs": 40, **changes})


@pytest.fixture(scope="module")
def context() -> ForesightContext:
    return weather(1600, seed=1)


@pytest.fixture(scope="module")
def engine(context):
    return small().fit(context)


def test_it_forecasts_what_no_linear_function_can(engine):
    later = weather(1200, seed=2)
    p, happened = engine.probabilities(later)[:-1], later.targets()
    rates = happened.mean(axis=0)
    brier, climatology = ((p - happened) ** 2).mean(axis=0), rates * (1 - rates)
    # Storm's best skill is .42; its Brier score's standard error over 1,200 steps is .006 of .22.
    assert 1 - brier[2] / climatology[2] > 0.2
    assert 1 - brier[3] / climatology[3] > 0.3


def test_a_foresight_has_the_documented_parts(engine, context):
    foresight = asyncio.run(engine.generate_foresight(context))
    assert foresight["trm_enabled"] and foresight["fitted"]
    assert set(foresight["predictions"]) == {"logical", "probabilistic", "imaginative", "causal"}
    metrics = foresight["trm_metrics"]
    assert metrics["total_refinement_steps"] == sum(metrics["steps_by_kind"].values()) > 0
    assert set(metrics["steps_by_kind"]) == set(foresight["predictions"])
    assert 0 < metrics["avg_final_confidence"] <= 1
    json.dumps(foresight)
    strongest = foresight["predictions"]["causal"][0]
    assert (strongest["cause"], strongest["event"]) == ("storm", "calm") and strongest["difference"] > 0.5


def test_the_same_context_gives_the_same_foresight_on_every_device(engine, context):
    again = small(device="jax").fit(context)
    first, second = (dict(asyncio.run(one.generate_foresight(context))) for one in (engine, again))
    assert first.pop("device") != second.pop("device")
    assert first == second


def test_the_tree_is_normalised_and_near_enumeration(engine, context):
    foresight = engine.foresee(context)

    def walk(node):
        if node["children"]:
            assert sum(child["probability"] for child in node["children"]) == pytest.approx(1, abs=2e-6)
            assert sum(child["joint"] for child in node["children"]) == pytest.approx(node["joint"], abs=2e-6)
            assert sum(child["exact"] for child in node["children"]) == pytest.approx(node["exact"], abs=2e-6)
            for child in node["children"]:
                walk(child)

    walk(foresight["probability_tree"])
    # 2,048 samples: a standard error of at most .011 per leaf; .005 is the fabric's own error.
    assert foresight["largest_tree_error"] < 0.07


def test_rules_are_what_history_never_contradicted(context):
    rules = find_rules(EVENTS, context.history, context.targets())
    assert [str(rule) for rule in rules if len(rule.causes) == 1] == ["storm → calm"]
    rule = rules[0]
    assert rule.support == context.history[:-1, 2].sum() and rule.exceptions_below < 0.01
    broken = context.history.copy()
    at = int(np.flatnonzero(broken[:-1, 2])[0])
    broken[at + 1, 3] = False
    with_exception = ForesightContext(EVENTS, broken)
    assert not [r for r in find_rules(EVENTS, broken, with_exception.targets()) if r.causes == ("storm",)]


def test_the_joint_distribution_finds_what_events_share():
    random = np.random.default_rng(3)
    first = random.random((6000, 1)) < 0.5
    outcomes = np.concatenate([first, first ^ (random.random((6000, 1)) < 0.2), random.random((6000, 1)) < 0.5], axis=1)
    joint = fit_joint(np.zeros((6000, 3)), outcomes)
    exact = joint.exact(np.zeros((1, 3)))[0]
    seen = np.bincount(outcomes @ (1 << np.arange(3)), minlength=8) / 6000
    assert np.abs(exact - seen).sum() / 2 < 0.03
    assert joint.pairs[0, 1] > 2 and abs(joint.pairs[0, 2]) < 0.4


def test_samples_have_the_joint_distribution():
    random = np.random.default_rng(4)
    pairs = np.triu(random.normal(size=(4, 4)), 1)
    joint = Joint(0.9, random.normal(size=4), pairs + pairs.T)
    log_odds = random.normal(size=4) * 2
    count = 20_000
    samples = JointSampler(4).sample(joint, log_odds, count, seed=2)
    seen = np.bincount(samples @ (1 << np.arange(4)), minlength=16) / count
    exact = joint.exact(log_odds[None])[0]
    # TV of 16 shares of 20,000 samples: .011 on average; .03 more for the fabric's rounding.
    assert np.abs(seen - exact).sum() / 2 < 0.04
    independent = Joint(0.9, joint.bias, np.zeros((4, 4))).exact(log_odds[None])[0]
    assert np.abs(seen - independent).sum() / 2 > 0.1, "pair terms had no effect"


def test_outcomes_are_learnt(context):
    """Never fitted: it starts from rates, and follows what it is told."""
    engine = small()
    first = engine.foresee(context)
    assert not first["fitted"] and abs(first["probabilities"]["rain"] - context.history[:, 0].mean()) < 0.02
    for _ in range(60):
        learnt = engine.learn_from_outcome(context, {"rain": True, "wind": False, "storm": False, "calm": False})
    last = engine.foresee(context)
    assert last["probabilities"]["rain"] > 0.8 > 0.3 > last["probabilities"]["wind"]
    assert learnt.outcomes == 60 and learnt.brier < 0.1


def test_a_single_step_engine_takes_one_step(context):
    foresight = small(enable_trm=False).fit(context).foresee(context)
    assert not foresight["trm_enabled"] and foresight["trm_metrics"]["steps_by_kind"]["probabilistic"] == 1


def test_states_use_nothing_of_the_future(context):
    scaling = Scaling.of(context)
    every = states(context, scaling)
    assert every.shape == (1600, STATE_SIZE) and np.isfinite(every).all()
    features = context.observed.copy()
    history = context.history.copy()
    history[801:], features[801:] = ~history[801:], 9.0
    other = states(ForesightContext(EVENTS, history, features, context.feature_names), scaling)
    assert np.array_equal(other[:801], every[:801]) and not np.array_equal(other[801], every[801])


def test_states_know_time_only_where_it_is_given():
    history = np.eye(4, dtype=bool)
    timed = ForesightContext(EVENTS, history, time=1_000_000_000.0)
    plain = ForesightContext(EVENTS, history)
    assert not states(plain, Scaling.of(plain))[:, 112:120].any()
    clock = states(timed, Scaling.of(timed))
    assert clock[-1, 119] == 1 and np.allclose(clock[:, 112] ** 2 + clock[:, 113] ** 2, 1, atol=1e-5)


def test_an_event_changed_in_a_state_is_the_state_of_that_history(context):
    """All slots but those of changes and counts; the event happened at the step before, so nothing older is needed."""
    scaling = Scaling.of(context)
    at = int(np.flatnonzero(context.history[:-1, 0] & context.history[1:, 0])[50]) + 1
    part = ForesightContext(EVENTS, context.history[: at + 1], context.observed[: at + 1], context.feature_names)
    changed = part.history.copy()
    changed[-1, 0] = False
    other = ForesightContext(EVENTS, changed, part.observed, part.feature_names)
    here, there = states(part, scaling)[-1:], states(other, scaling)[-1:]
    slots = [0, 48, 56, 64]
    assert np.allclose(with_last(here, 0, False)[:, slots], there[:, slots], atol=1e-6)
    assert np.allclose(with_last(there, 0, True)[:, [*slots, 72]], here[:, [*slots, 72]], atol=1e-6)


def test_a_horizon_counts_every_step_within_it():
    history = np.zeros((30, 1), dtype=bool)
    history[10] = True
    targets = ForesightContext(("x",), history, horizon=3).targets()
    assert np.flatnonzero(targets[:, 0]).tolist() == [7, 8, 9] and len(targets) == 27


def test_a_tree_of_one_event_has_two_leaves():
    tree = probability_tree(("x",), np.array([[True], [False], [True], [True]]), np.array([0.3, 0.7]), 4)
    assert [leaf.joint for leaf in tree.leaves()] == [0.75, 0.25]


HISTORY = np.random.default_rng(0).random((150, 2)) < 0.5


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: ForesightContext((), np.zeros((5, 0))), "1 to 8 events"),
        (lambda: ForesightContext(("a", "a"), HISTORY), "different names"),
        (lambda: ForesightContext(("a",), HISTORY), r"shape \[steps, 1\]"),
        (lambda: ForesightContext(("a", "b"), HISTORY * 2), "0 or 1"),
        (lambda: ForesightContext(("a", "b"), HISTORY, np.zeros((150, 33))), "at most 32"),
        (lambda: ForesightContext(("a", "b"), HISTORY, np.full((150, 1), np.nan)), "finite"),
        (lambda: ForesightContext(("a", "b"), HISTORY, np.zeros((150, 1)), ("x", "y")), "2 feature names"),
        (lambda: ForesightContext(("a", "b"), HISTORY, horizon=0), "1 to 64"),
        (lambda: ForesightContext(("a", "b"), HISTORY[:2], horizon=5).targets(), "no whole horizon"),
        (lambda: small().fit(ForesightContext(("a", "b"), HISTORY[:50])), "at least 100"),
        (lambda: small().fit(ForesightContext(("a", "b"), HISTORY * [1, 0])), "b always or never"),
        (lambda: small(samples=10), "100 samples"),
        (lambda: small(halt_threshold=2.0), "halt_threshold"),
        (lambda: small().learn_from_outcome(ForesightContext(("a", "b"), HISTORY), {"a": True}), "name every event"),
        (lambda: small().learn_from_outcome(
            ForesightContext(("a", "b"), HISTORY), {"a": 1, "b": 0}), "True or False"),  # pyright: ignore[reportArgumentType]
    ],
)  # fmt: skip
def test_what_cannot_be_forecast_is_refused(call, words):
    with pytest.raises(SpecError, match=words):
        call()


def test_another_context_than_fitted_is_refused(engine):
    with pytest.raises(SpecError, match="Fit another engine"):
        engine.foresee(ForesightContext(("a", "b"), HISTORY))

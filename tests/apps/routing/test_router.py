"""The recursive router: decisions, constraints, determinism, learning, persistence, and bad input."""

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from thermofab.apps.routing import (
    Catalogue,
    Constraints,
    ExecuteRequest,
    HashedText,
    Model,
    Preferences,
    RoutingDecision,
    TaskType,
    TRMRouter,
    create_trm_router,
    default_catalogue,
    journal,
)
from thermofab.apps.routing.made import made
from thermofab.apps.routing.recursion import RecursionConfig
from thermofab.hw.spec import SpecError

LONG = RecursionConfig(epochs=40, width=16, learning_rate=0.01, dropout=0.1)
SMALL = RecursionConfig(epochs=8, width=16, tolerance=0.08)


@pytest.fixture(scope="module")
def fitted(tmp_path_factory):
    torch = pytest.importorskip("torch")
    catalogue = default_catalogue()
    rows = made(catalogue, 400, 0)
    before = torch.random.get_rng_state()
    router = create_trm_router(recursion=SMALL, catalogue=catalogue).fit(rows.requests, rows.quality)
    assert torch.equal(before, torch.random.get_rng_state())
    path = tmp_path_factory.mktemp("router") / "r"
    router.save(path)
    return path


def test_a_decision_says_all_that_is_promised():
    decision = create_trm_router().route_request(ExecuteRequest("Hello world", TaskType.SIMPLE))
    assert decision.id in default_catalogue().ids and 0 < decision.confidence < 1 and decision.propensity == 1
    assert decision.alternatives[0].model == decision.id and len(decision.alternatives) == 6
    about = decision.metadata
    assert 1 <= about["trm_steps"] <= 15 and len(about["trace"]) == about["trm_steps"]
    assert 0 < about["trm_final_confidence"] < 1 and about["latency"] > 0 and about["attention"] == []
    json.dumps(about)


def test_training_learns_which_model_is_right(fitted):
    router = TRMRouter.load(fitted)
    test = made(router.catalogue, 300, 1)
    error = np.abs(router.qualities(test.requests) - test.chances).mean()
    plain = np.abs(test.quality.mean(axis=0) - test.chances).mean()
    assert error < 0.6 * plain


def test_steps_adapt_and_the_single_step_takes_one(fitted):
    router = TRMRouter.load(fitted)
    test = made(router.catalogue, 200, 2)
    taken = {decision.metadata["trm_steps"] for decision in router.route_batch(test.requests)}
    assert max(taken) <= 15 and len(taken) > 1
    single = create_trm_router(enable_trm=False)
    assert single.route_request(test.requests[0]).metadata["trm_steps"] == 1


def test_asked_twice_alone_or_in_a_batch_the_choice_is_the_same(fitted):
    router, other = TRMRouter.load(fitted), TRMRouter.load(fitted)
    requests = made(router.catalogue, 60, 3).requests
    explored = [replace(r, preferences=Preferences(exploration=0.5)) for r in requests]
    for asked in (requests, explored):
        batch = router.route_batch(asked)
        assert batch == router.route_batch(asked) == [other.route_request(request) for request in asked]


SCRIPT = """
import sys, json
from dataclasses import replace
from thermofab.apps.routing import Preferences, TRMRouter
from thermofab.apps.routing.made import made
router = TRMRouter.load(sys.argv[1])
found = []
for request in made(router.catalogue, 40, 4).requests:
    request = replace(request, preferences=Preferences(exploration=0.3))
    decision = router.route_request(request)
    router.learn_from_outcome(request, decision, 0.25, 1.0)
    found.append([decision.id, decision.confidence, decision.propensity])
print(json.dumps(found))
"""


def test_same_seed_same_decisions_in_two_processes(fitted):
    found = [
        subprocess.run([sys.executable, "-c", SCRIPT, str(fitted)], capture_output=True, text=True, check=True).stdout
        for _ in range(2)
    ]
    assert found[0] == found[1] and len({row[0] for row in json.loads(found[0])}) > 2


def test_the_same_seed_trains_the_same_weights(fitted):
    catalogue = default_catalogue()
    rows = made(catalogue, 400, 0)
    again = create_trm_router(recursion=SMALL, catalogue=catalogue).fit(rows.requests, rows.quality)
    for name, array in TRMRouter.load(fitted).recursion.arrays.items():
        np.testing.assert_array_equal(array, again.recursion.arrays[name])


def test_forbidden_models_are_never_chosen(fitted):
    router = TRMRouter.load(fitted)
    rules = Constraints(
        max_cost=0.002, max_latency=2.0, excluded=("south/code",), providers=("local", "south", "north")
    )
    for request in made(router.catalogue, 80, 5).requests:
        request = replace(request, constraints=rules, preferences=Preferences(exploration=1.0))
        decision = router.route_request(request)
        assert decision.id in ("local/small", "local/medium", "north/fast")
        assert {a.model for a in decision.alternatives} <= {"local/small", "local/medium", "north/fast"}
        assert decision.propensity == pytest.approx(1 / len(decision.alternatives))


def test_min_quality_is_honoured_and_long_prompts_need_long_contexts():
    router = create_trm_router()
    picky = ExecuteRequest("hi", constraints=Constraints(min_quality=0.85))
    assert router.route_request(picky).id == "south/reasoner"
    long = ExecuteRequest("word " * 8000, preferences=Preferences(quality_weight=0, cost_weight=1))
    assert router.route_request(long).id == "local/medium"


def test_weights_of_preferences_move_the_choice():
    router = create_trm_router()
    ids = [
        router.route_request(ExecuteRequest("hi", preferences=Preferences(*weights))).id
        for weights in ((1, 0, 0), (0, 1, 0), (0, 0, 1))
    ]
    assert ids == ["south/reasoner", "local/small", "local/small"]


def test_propensities_are_the_frequencies_of_exploration():
    # Six binomials of 1,500 draws, six standard deviations each: false alarm below 1e-6.
    router, rate = create_trm_router("state", cache=0), 0.25
    wants, n = Preferences(exploration=rate), 1500
    chosen = [d.id for d in router.route_batch([ExecuteRequest(f"p{k}", preferences=wants) for k in range(n)])]
    best = max(set(chosen), key=chosen.count)
    for name in router.catalogue.ids:
        p = rate / 6 + (1 - rate) * (name == best)
        assert abs(chosen.count(name) / n - p) < 6 * (p * (1 - p) / n) ** 0.5


def test_outcomes_are_learnt_and_replayed_to_the_same_weights(tmp_path):
    path = tmp_path / "outcomes.jsonl"
    router, again = create_trm_router(outcomes_path=path), create_trm_router()
    request = ExecuteRequest("Sort a list", TaskType.CODE_GENERATION, Preferences(exploration=0.2), time=1.7e9)
    first = router.route_request(request)
    for _ in range(25):
        decision = router.route_request(request)
        router.learn_from_outcome(request, decision, 0.0 if decision.id == first.id else 1.0, 2.0)
    assert router.route_request(replace(request, preferences=Preferences())).id != first.id
    assert again.replay(path) == 25 == router.outcomes
    np.testing.assert_array_equal(router.readout.weights, again.readout.weights)
    np.testing.assert_array_equal(router.latency, again.latency)
    assert again.route_request(request) == router.route_request(request)


def test_a_line_cut_off_while_written_is_left_out_and_a_bad_one_is_refused(tmp_path):
    path = tmp_path / "outcomes.jsonl"
    outcome = journal.Outcome(ExecuteRequest("hi"), "local/small", 0.5, 1.0, 0.3)
    journal.append(path, outcome)
    assert list(journal.read(path)) == [outcome]
    path.write_text(path.read_text() + '{"request": {"pro')
    assert list(journal.read(path)) == [outcome]
    path.write_text('{"request": \n')
    with pytest.raises(SpecError, match=r"^line 1 of .* is not JSON\.$"):
        list(journal.read(path))


def test_importance_weights_are_clipped_inverse_propensities():
    router, request = create_trm_router(), ExecuteRequest("hi")
    weights = [
        router.learn_from_outcome(request, RoutingDecision("north", "fast", 0.5, propensity=p), 1.0, 1.0).weight
        for p in (1.0, 0.5, 0.01)
    ]
    assert weights == [1.0, 2.0, 10.0]


def test_logged_choices_train_a_router_with_gaps():
    pytest.importorskip("torch")
    catalogue = Catalogue((Model("a", "x", 1, 1, 9999, 1.0), Model("b", "y", 9, 9, 9999, 1.0)))
    random, outcomes = np.random.default_rng(0), []
    for k in range(600):
        hard, asked = bool(random.integers(2)), int(random.random() < 0.3)
        text = f"prove theorem {k}" if hard else f"say hello {k}"
        right = 0.0 if hard and asked == 0 else 1.0
        outcomes.append(journal.Outcome(ExecuteRequest(text), catalogue.ids[asked], (0.7, 0.3)[asked], right, 1.0))
    router = create_trm_router(catalogue=catalogue, recursion=LONG, embedding=HashedText(32)).fit_logged(outcomes)
    hard, easy = router.qualities([ExecuteRequest("prove theorem 7"), ExecuteRequest("say hello 7")])
    assert hard[0] + 0.2 < hard[1] and hard[0] + 0.2 < easy[0]


def test_memory_is_used_only_when_asked_for():
    request, decision = ExecuteRequest("hi there"), RoutingDecision("north", "large", 0.8)
    with_memory, without = create_trm_router(memory=8), create_trm_router()
    for router in (with_memory, without):
        for _ in range(3):
            router.learn_from_outcome(request, decision, 0.0, 1.0)
    attention = with_memory.route_request(request).metadata["attention"]
    assert len(attention) == 3 and sum(attention) == pytest.approx(1)
    assert without.route_request(request).metadata["attention"] == []
    column = without.catalogue.index("north/large")
    assert with_memory.qualities([request])[0, column] < without.qualities([request])[0, column]


def test_repeated_prompts_come_from_a_cache_of_bounded_size():
    router = create_trm_router(cache=2)
    requests = [ExecuteRequest(text) for text in ("a", "b", "c")]
    assert [d.metadata["cached"] for d in router.route_batch(requests)] == [False] * 3
    assert [router.route_request(r).metadata["cached"] for r in (requests[2], requests[0])] == [True, False]
    assert len(router._cache) == 2


def test_saving_goes_on_exactly(fitted, tmp_path):
    router = TRMRouter.load(fitted)
    request = ExecuteRequest("Translate into French: Ada bought a loom on Monday.", TaskType.TRANSLATION)
    router.learn_from_outcome(request, router.route_request(request), 0.1, 3.0)
    router.save(tmp_path / "again")
    other = TRMRouter.load(tmp_path / "again")
    assert other.outcomes == 1 and other.route_request(request) == router.route_request(request)
    decision = router.route_request(request)
    for one in (router, other):
        one.learn_from_outcome(request, decision, 0.3, 3.0)
    np.testing.assert_array_equal(router.readout.weights, other.readout.weights)


@pytest.mark.parametrize(
    ("act", "sentence"),
    [
        (lambda: ExecuteRequest("  "), r"^the prompt is empty; a request needs text to route\.$"),
        (lambda: Preferences(caution=2), r"^the preference caution must be a number in \[0, 1\], got 2\.$"),
        (lambda: Preferences(0, 0, 0), r"^at least one of quality_weight, cost_weight and latency_weight"),
        (lambda: Constraints(max_cost=-1), r"^max_cost must be a positive number or None, got -1\.$"),
        (lambda: Constraints(providers=("a",), excluded=("a",)), r"^contradictory constraints: a both permitted and"),
        (lambda: Constraints(providers=()), r"^contradictory constraints: no provider is permitted"),
        (
            lambda: _route(Constraints(providers=("nowhere",))),
            r"^unknown provider or model 'nowhere'; the cata",
        ),
        (
            lambda: _route(Constraints(max_cost=1e-12)),
            r"^contradictory constraints: no model satisfies all of them",
        ),
        (lambda: _learn(1.5, 1.0), r"^the actual quality must be in \[0, 1\], got 1\.5\.$"),
        (lambda: _learn(float("nan"), 1.0), r"^the actual quality must be in \[0, 1\], got nan\.$"),
        (lambda: _learn(0.5, -1.0), r"^the actual latency must be at least 0 seconds, got -1\.0\.$"),
        (lambda: create_trm_router("all"), r"^encoding_strategy is one of comprehensive, prompt, state, got 'all'\.$"),
        (lambda: create_trm_router(halt_threshold=1), r"^halt_threshold must be in \(0, 1\), got 1\.$"),
        (lambda: RoutingDecision("a", "b", 0.5, propensity=0), r"^a propensity is in \(0, 1\], got 0\.$"),
        (lambda: Catalogue(()), r"^a catalogue needs at least one model\.$"),
        (lambda: Catalogue.from_json({"models": [{"provider": "a"}]}), r"^a model of the catalogue is incomplete"),
        (lambda: default_catalogue().index("x/y"), r"^no model 'x/y' in the catalogue; there are local/small"),
    ],
)
def test_bad_input_is_refused(act, sentence):
    with pytest.raises(SpecError, match=sentence):
        act()


def _route(rules: Constraints):
    return create_trm_router().route_request(ExecuteRequest("hi", constraints=rules))


def _learn(quality: float, latency: float):
    router, request = create_trm_router(), ExecuteRequest("hi")
    return router.learn_from_outcome(request, router.route_request(request), quality, latency)

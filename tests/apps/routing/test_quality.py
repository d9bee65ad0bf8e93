"""State, embeddings, quality models and evaluation."""

from dataclasses import replace

import numpy as np
import pytest

from thermofab.apps.routing import (
    ConstantQuality,
    Constraints,
    ExecuteRequest,
    HashedText,
    LatentText,
    LogisticQuality,
    NeighbourQuality,
    TaskType,
    default_catalogue,
)
from thermofab.apps.routing.evaluation import (
    bootstrap,
    calibration_error,
    curve,
    folds_of,
    hull,
    interval,
    shuffled,
)
from thermofab.apps.routing.factorisation import FactorisedQuality
from thermofab.apps.routing.made import made
from thermofab.apps.routing.recursion import RecursionConfig, RecursiveQuality
from thermofab.apps.routing.state import SLOTS, STATE_SIZE, state
from thermofab.hw.spec import SpecError

COSTS = np.array([0.0, 1.0])


def test_the_state_has_112_named_slots():
    sizes = {"task": 15, "provider": 60, "preference": 13, "constraint": 10, "time": 8, "context": 6}
    assert STATE_SIZE == 112 == len({(slot.group, slot.name) for slot in SLOTS})
    assert {group: sum(slot.group == group for slot in SLOTS) for group in sizes} == sizes
    assert all(slot.meaning for slot in SLOTS)


def test_the_state_is_finite_bounded_and_a_function_of_the_request():
    catalogue = default_catalogue()
    rules = Constraints(max_cost=1e9, min_context=10**9, max_output_tokens=10**9, excluded=("local",))
    extreme = ExecuteRequest("x" * 10**6, TaskType.DEBUGGING, constraints=rules, time=-1e12, turn=10**9, failures=10**9)
    for request in (ExecuteRequest("hi"), extreme):
        one = state(request, catalogue)
        assert one.dtype == np.float32 and one.shape == (112,) and np.isfinite(one).all() and np.abs(one).max() <= 1.5
        np.testing.assert_array_equal(one, state(request, catalogue))


@pytest.mark.parametrize(
    ("changed", "group"),
    [
        ({"task_type": TaskType.TESTING}, "task"),
        ({"constraints": Constraints(min_quality=0.3)}, "constraint"),
        ({"time": 1.7e9}, "time"),
        ({"turn": 3}, "context"),
    ],
)
def test_each_part_of_a_request_moves_its_own_slots(changed, group):
    catalogue, request = default_catalogue(), ExecuteRequest("hi")
    moved = np.flatnonzero(state(replace(request, **changed), catalogue) != state(request, catalogue))
    assert len(moved) and {SLOTS[k].group for k in moved} == {group}


def test_time_slots_know_weekday_and_hour():
    # 2024-01-06 was a Saturday; noon.
    one = state(ExecuteRequest("hi", time=1704542400.0), default_catalogue())
    named = {slot.name: one[k] for k, slot in enumerate(SLOTS) if slot.group == "time"}
    assert named["weekend"] == 1 and named["hour, cosine"] == pytest.approx(-1)


def test_embeddings_are_deterministic_and_near_for_like_prompts():
    prompts = [request.prompt for request in made(default_catalogue(), 300, 0).requests]
    for embedding in (HashedText(64), LatentText(32).fit(prompts)):
        rows = embedding.embed(prompts)
        assert rows.shape == (300, embedding.size) and rows.dtype == np.float32 and np.isfinite(rows).all()
        np.testing.assert_allclose(rows[3], embedding.embed([prompts[3]])[0], atol=1e-6)
        a, b, c = embedding.embed(
            ["Say hello to Ada in one line.", "Say hello to Alan in one line.", "Prove that n > 3."]
        )
        assert np.linalg.norm(a - b) < 0.7 * np.linalg.norm(a - c)


@pytest.mark.parametrize(
    "make",
    [
        LogisticQuality,
        NeighbourQuality,
        lambda: FactorisedQuality(2, 0.01),
        lambda: RecursiveQuality(RecursionConfig(epochs=10, dropout=0.1)),
    ],
)
def test_quality_models_learn_and_are_calibrated(make):
    random = np.random.default_rng(0)
    x = random.normal(size=(1500, 6))
    chance = 1 / (1 + np.exp(-2 * x[:, :2]))
    quality = (random.random(chance.shape) < chance).astype(float)
    quality[:200, 1] = np.nan
    predicted = make().fit(x[:1200], quality[:1200]).predict(x[1200:])
    constant = ConstantQuality().fit(x[:1200], quality[:1200]).predict(x[1200:])
    assert np.abs(predicted - chance[1200:]).mean() < 0.6 * np.abs(constant - chance[1200:]).mean()
    assert calibration_error(predicted[:, 0], chance[1200:, 0], 5) < 0.15


def test_neighbours_leave_themselves_out():
    x, quality = np.eye(5), np.array([[1.0], [0], [0], [0], [0]])
    model = NeighbourQuality(1).fit(x, quality)
    assert model.predict(x[:1])[0, 0] > 0.5 > model.leave_one_out()[0, 0]


def test_refinement_stops_where_halting_says_so():
    random = np.random.default_rng(0)
    x = random.normal(size=(400, 5))
    quality = (x[:, :2] * x[:, 1:3] > 0).astype(float)
    model = RecursiveQuality(RecursionConfig(epochs=5)).fit(x, quality)
    out, full = model.refine(x, traced=True), model.refine(x, halting=False, traced=True)
    assert (full.steps == 15).all() and out.steps.sum() < full.steps.sum()
    for row in range(0, 400, 37):
        # Up to where it stopped, a row took the steps of full depth; after that it stands.
        np.testing.assert_allclose(out.quality[row], full.trace[out.steps[row] - 1].quality[row], atol=1e-8)
        stopped = [step.halt[row] > 0.8 for step in out.trace[: out.steps[row]]]
        assert not any(stopped[:-1]) and (stopped[-1] or out.steps[row] == 15)


def test_areas_of_known_routers():
    random = np.random.default_rng(0)
    quality = (random.random((4000, 2)) < [0.6, 0.8]).astype(float)
    assert curve(np.full((4000, 2), 0.5), quality, COSTS).apgr == pytest.approx(0.5)
    oracle = curve(quality, quality, COSTS)
    gain = quality[:, 1] - quality[:, 0]
    up, down, flat = ((gain == k).mean() for k in (1, -1, 0))
    expected = (up * up / 2 + up * flat + up * down - down * down / 2) / (up - down)
    assert oracle.apgr == pytest.approx(expected) and oracle.aiq > oracle.quality[-1]
    assert oracle.at(0) == quality[:, 0].mean() and oracle.at(1) == pytest.approx(quality[:, 1].mean())


def test_two_models_and_many_agree():
    # A third model, never better and dearest but one, changes nothing that thresholds on two can reach.
    random = np.random.default_rng(1)
    quality = (random.random((3000, 2)) < [0.5, 0.8]).astype(float)
    predicted = quality * 0.6 + random.random((3000, 2)) * 0.4
    two = curve(predicted, quality, COSTS)
    worst = np.zeros((3000, 1))
    three = curve(np.hstack([predicted, worst - 1]), np.hstack([quality, worst]), np.array([0.0, 1.0, 0.9]))
    assert three.aiq == pytest.approx(two.aiq, abs=0.02)


def test_the_hull_is_concave_rising_and_above():
    random = np.random.default_rng(2)
    x, y = np.sort(random.random(50)), random.random(50)
    cost, quality = hull(x, y)
    slopes = np.diff(quality) / np.diff(cost)
    assert (np.diff(slopes) <= 1e-12).all() and (slopes >= -1e-12).all()
    assert (np.interp(x, cost, quality) >= y - 1e-12).all()


def test_shuffled_choices_earn_what_their_shares_earn():
    quality = np.array([[1.0, 0], [0, 1], [1, 1], [0, 0]])
    assert shuffled(np.array([0, 0, 1, 1]), quality) == 0.5


def test_intervals_cover_and_groups_stay_whole():
    random = np.random.default_rng(3)
    quality = (random.random((600, 2)) < [0.6, 0.8]).astype(float)
    predicted = quality + random.normal(size=(600, 2))
    low, high = interval(bootstrap(predicted, quality, COSTS, 100)[:, 0])
    assert low < curve(predicted, quality, COSTS).apgr < high
    groups = np.array(list("aabbccddee"))
    parts = folds_of(groups, 3)
    assert sorted(np.concatenate([held for _, held in parts])) == list(range(10))
    assert all(not set(groups[kept]) & set(groups[held]) for kept, held in parts)


def test_made_prompts_are_reproducible_and_harder_ones_fail_more():
    catalogue = default_catalogue()
    one, two = made(catalogue, 200, 0), made(catalogue, 200, 0)
    assert one.requests == two.requests and (one.quality == two.quality).all()
    easy = [request.task_type is TaskType.SIMPLE for request in one.requests]
    assert one.chances[easy].mean() > one.chances[~np.array(easy)].mean() + 0.2


@pytest.mark.parametrize(
    ("act", "sentence"),
    [
        (lambda: NeighbourQuality(0), r"^at least one neighbour, got 0\.$"),
        (lambda: HashedText(4), r"^an embedding needs at least 16 numbers, got 4\.$"),
        (lambda: LatentText().embed(["hi"]), r"^LatentText must be fitted on prompts before it embeds any"),
        (lambda: LatentText(40).fit(["hi"]), r"^fitting 40 directions needs as many prompts, got 1\.$"),
        (
            lambda: LogisticQuality().fit(np.ones((2, 3)), np.array([[2.0], [0]])),
            r"^a quality is in \[0, 1\], got one of 2",
        ),
        (lambda: LogisticQuality().fit(np.ones((2, 3)), np.full((2, 1), np.nan)), r"^model 0 was never observed\.$"),
        (lambda: RecursiveQuality().predict(np.ones((1, 3))), r"^the recursion must be fitted, or loaded,"),
        (lambda: curve(np.ones((3, 2)), np.ones((3, 2)), np.ones(2)), r"^one cost a model expected, not all the same"),
        (lambda: folds_of(np.array(["a", "b"]), 3), r"^3 parts need as many groups, got 2\.$"),
    ],
)
def test_bad_input_is_refused(act, sentence):
    with pytest.raises(SpecError, match=sentence):
        act()

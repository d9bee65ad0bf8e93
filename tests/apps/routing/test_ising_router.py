"""Routing by draws from an energy: constraints, repeatability, exploration, learning, and the same decision on RTL."""

import subprocess
import sys

import numpy as np
import pytest

from thermofab.apps.routing.cascades import Cascade, run_cascade
from thermofab.apps.routing.ensembles import VoteCalibration, residual_pairs, vote
from thermofab.apps.routing.ising import SetSampler
from thermofab.apps.routing.ising_router import IsingRouter
from thermofab.apps.routing.providers import Catalogue, Model, default_catalogue
from thermofab.apps.routing.quality import ConstantQuality
from thermofab.apps.routing.requests import Constraints, ExecuteRequest, Preferences
from thermofab.hw.link.device import SerialDevice
from thermofab.hw.spec import SpecError

THREE = Catalogue(
    (
        Model("near", "small", 0.1, 0.2, 8000, 0.5, 0.6, 64),
        Model("near", "middle", 0.3, 0.6, 8000, 0.8, 0.7, 64),
        Model("far", "large", 3.0, 9.0, 32000, 2.0, 0.9, 64),
    )
)
REQUESTS = [ExecuteRequest(f"question number {k}: what is {k} plus {k}?") for k in range(12)]


@pytest.fixture(scope="module")
def router():
    return IsingRouter(random_seed=5)


def test_asked_twice_it_chooses_the_same_alone_or_in_a_batch(router):
    alone = [router.route_request(request) for request in REQUESTS]
    assert alone == [router.route_request(request) for request in REQUESTS] == router.route_batch(REQUESTS)
    assert len({decision.id for decision in alone}) > 1, "the temperature should let several models be tried"


def test_another_process_and_another_device_decide_the_same(router):
    program = (
        "from thermofab.apps.routing.ising_router import IsingRouter\n"
        "from thermofab.apps.routing.requests import ExecuteRequest\n"
        "router = IsingRouter(random_seed=5, device='jax')\n"
        "for k in range(4):\n"
        "    decision = router.route_request(ExecuteRequest(f'question number {k}: what is {k} plus {k}?'))\n"
        "    print(decision.id, repr(decision.propensity))\n"
    )
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    here = [router.route_request(request) for request in REQUESTS[:4]]
    assert said.splitlines() == [f"{decision.id} {decision.propensity!r}" for decision in here]


def test_constraints_are_clamps(router):
    limits = Constraints(excluded=("north", "south/reasoner"), max_latency=1.5)
    decisions = router.route_batch([ExecuteRequest(r.prompt, constraints=limits) for r in REQUESTS])
    assert {decision.id for decision in decisions} <= {"local/small", "local/medium"}
    only = Constraints(providers=("south",), max_latency=5)
    decision = router.route_request(ExecuteRequest("one model is left", constraints=only))
    assert decision.id == "south/code" and decision.propensity == 1


def test_a_low_temperature_takes_the_best_and_a_high_one_explores():
    sure, open_minded = IsingRouter(temperature=0.001), IsingRouter(temperature=10.0)
    for request in REQUESTS[:4]:
        decision = sure.route_request(request)
        assert decision.id == max(decision.alternatives, key=lambda a: a.score).model and decision.propensity > 0.99
        assert 1 / 12 < open_minded.route_request(request).propensity < 1 / 4


def test_an_ensemble_has_k_members_and_its_best_decides():
    decision = IsingRouter(k=3).route_request(REQUESTS[0])
    members = decision.metadata["members"]
    assert len(members) == 3 and decision.id in members
    assert {a.model for a in decision.alternatives[:3]} == set(members)


def test_outcomes_change_what_is_chosen():
    """The cheap model turns out right and the dear one wrong: after 160 outcomes the cheap one is taken."""
    router = IsingRouter(THREE, temperature=0.3, refit_every=30, random_seed=1)
    wish = Preferences(quality_weight=1, cost_weight=0, latency_weight=0)
    right = {"near/small": 0.9, "near/middle": 0.5, "far/large": 0.1}
    for k in range(160):
        request = ExecuteRequest(f"task {k}", preferences=wish)
        decision = router.route_request(request)
        router.learn_from_outcome(request, decision, right[decision.id], 1.0)
    last = [router.route_request(ExecuteRequest(f"new {k}", preferences=wish)) for k in range(10)]
    qualities = last[0].metadata["qualities"]
    assert qualities["near/small"] > 0.75 and qualities["far/large"] < 0.25


def test_the_same_decision_over_a_serial_line_to_rtl():
    """The board is the fabric's RTL, compiled, behind a pseudo-terminal; the driver takes it for a serial port."""
    from thermofab.sim.rtl.board import simulated_board

    wish = Preferences(cost_weight=0.1)
    requests = [ExecuteRequest(request.prompt, preferences=wish) for request in REQUESTS[:2]]
    expected = IsingRouter(THREE, device="jax", random_seed=7)
    spec = expected.sampler.program.fabric
    with simulated_board(spec, divisor=2) as path:
        with SerialDevice(spec, url=f"serial://{path}") as device:
            found = IsingRouter(THREE, device=device, spec=spec, random_seed=7).route_batch(requests)
    assert found == expected.route_batch(requests)
    assert [d.propensity for d in found] == [d.propensity for d in expected.route_batch(requests)]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: IsingRouter(k=6), "k in 1…5"),
        (lambda: IsingRouter(temperature=0), "temperature above 0"),
        (lambda: IsingRouter(THREE, k=2).route_request(
            ExecuteRequest("x", constraints=Constraints(providers=("far",)))), "leave 1 models"),
        (lambda: IsingRouter(THREE).route_request(
            ExecuteRequest("x", constraints=Constraints(excluded=("mars",)))), "unknown provider or model 'mars'"),
        (lambda: IsingRouter(THREE).learn_from_outcome(
            REQUESTS[0], IsingRouter(THREE).route_request(REQUESTS[0]), 1.5, 1.0), "quality in \\[0, 1\\]"),
    ],
)  # fmt: skip
def test_what_cannot_be_routed_is_refused(call, words):
    with pytest.raises(SpecError, match=words):
        call()


def test_the_default_catalogue_fits_on_a_fabric():
    assert 2 <= len(default_catalogue().models) <= 16


def test_a_vote_is_the_sum_of_log_odds():
    answers = np.array([[1, 2, 2], [1, 2, 0]])
    quality = np.array([[0.95, 0.7, 0.7], [0.6, 0.7, 0.65]])
    votes = vote(answers, np.array([[True] * 3, [True, True, False]]), quality, 4)
    log_odds = np.log(quality * 3 / (1 - quality))
    first = np.exp([0, log_odds[0, 0], log_odds[0, 1:].sum(), 0])
    assert votes.answers.tolist() == [1 if log_odds[0, 0] > log_odds[0, 1:].sum() else 2, 2]
    assert votes.confidence[0] == pytest.approx(first.max() / first.sum())
    with pytest.raises(SpecError, match="one expert in every row"):
        vote(answers, np.zeros((2, 3), dtype=bool), quality, 4)
    with pytest.raises(SpecError, match="numbers 0…1"):
        vote(answers, np.ones((2, 3), dtype=bool), quality, 2)


def test_pair_terms_repel_experts_that_fail_together():
    random = np.random.default_rng(0)
    shared, own = random.random(2000) < 0.7, random.random(2000) < 0.7
    pairs = residual_pairs(np.full((2000, 3), 0.7), np.stack([shared, shared, own], axis=1), 2.0)
    assert pairs[0, 1] == pytest.approx(-2.0) and abs(pairs[0, 2]) < 0.25


def bank(rows: int, seed: int):
    """Experts 0 to 2 give one and the same answer, right in 70 %; 3 to 5 are right in 70 % each, independently."""
    random = np.random.default_rng(seed)
    truth = random.integers(0, 10, rows)
    right = random.random((rows, 6)) < 0.7
    right[:, 1:3] = right[:, :1]
    wrong = (truth[:, None] + random.integers(1, 10, (rows, 6))) % 10
    wrong[:, 1:3] = wrong[:, :1]
    return truth, np.where(right, truth[:, None], wrong), right


def test_a_cascade_asks_those_that_add_something_and_stops_when_sure():
    _, _, right = bank(3000, 1)
    quality = ConstantQuality().fit(np.zeros((3000, 1)), right)
    pairs = residual_pairs(quality.predict(np.zeros((3000, 1))), right, 6.0)
    sampler = SetSampler(6, pairs)
    truth, answers, _ = bank(800, 2)
    predicted = quality.predict(np.zeros((800, 1)))
    scores = predicted * 0
    asked_of = []

    def ask(rows, expert):
        asked_of.append(len(rows))
        return answers[rows, expert]

    class AsIs(VoteCalibration):
        def __init__(self) -> None:
            pass

        def __call__(self, confidence):
            return confidence

    rule = Cascade((1, 2, 3), sure=0.97, answers_possible=10)
    run = run_cascade(rule, sampler, scores, predicted, ask, (AsIs(),) * 3, seed=4)
    assert sum(asked_of) == run.asked.sum()
    assert set(np.unique(run.stages)) == {2, 3}, "one answer of .7 is never sure enough; two that agree are"
    twins = run.asked[:, :3].sum(axis=1)
    assert (twins <= 1).mean() > 0.95, "experts that say the same were asked together"
    whole = vote(answers, np.ones_like(answers, dtype=bool), predicted, 10)
    alone = (answers[:, 0] == truth).mean()
    # 800 rows: standard error .016, so the cascade's .1 above one expert is 4 to 6 of them.
    assert (run.answers == truth).mean() > alone + 0.05
    assert run.asked.sum(axis=1).mean() < 3 and (whole.answers == truth).mean() > alone


@pytest.mark.parametrize(
    ("sizes", "sure", "words"), [((), 0.9, "increase"), ((2, 1), 0.9, "increase"), ((1,), 0.0, "probability")]
)
def test_cascades_that_make_no_sense(sizes, sure, words):
    with pytest.raises(SpecError, match=words):
        Cascade(sizes, sure, 2)

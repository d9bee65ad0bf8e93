"""Joint plans: against enumeration, against the soft-max, and what costs and limits do to them."""

import json
from itertools import product

import numpy as np
import pytest
from jsonschema import Draft202012Validator

import thermofab as fab
from tests.present import present
from thermofab.apps.serve.messages import shipped_schema
from thermofab.apps.strategy.config import StrategyConfig
from thermofab.apps.strategy.plan import PlanSampler
from thermofab.apps.strategy.plan_exact import exact_plan
from thermofab.apps.strategy.plan_problem import PlanProblem, PlanTerms, cost_in_nats
from thermofab.apps.strategy.planner import Planner
from thermofab.hw.link.device import SerialDevice
from thermofab.hw.spec import Schedule, SpecError, fabric

COSTS = PlanTerms(cost=1.5, limit=1.0, penalty=4.0, temperature=1.3)
# Samples far enough apart to count as independent: the slowest mode of these programs decays in a few sweeps.
APART = Schedule(200, 8, 30)


def problem(symbols: int = 1, days: int = 3, terms: PlanTerms = COSTS, seed: int = 0, held: bool = True) -> PlanProblem:
    rng = np.random.default_rng(seed)
    names = tuple("ABCD"[:symbols])
    shares = np.tile([0.2, 0.5], (symbols, 1)) if held else None
    return PlanProblem(names, rng.dirichlet(np.full(8, 2.0), (symbols, days)), terms, shares)


def enumerated(asked: PlanProblem) -> tuple[np.ndarray, np.ndarray]:
    """All plans and their probabilities."""
    shape = (len(asked.symbols), asked.days)
    plans = np.array(list(product(range(8), repeat=int(np.prod(shape))))).reshape(-1, *shape)
    weights = np.exp(asked.log_weights(plans))
    return plans, weights / weights.sum()


def energy(asked: PlanProblem, plan: np.ndarray) -> float:
    """The docstring's E, term by term."""
    shares, terms, total = np.array(asked.allocations), asked.terms, 0.0
    for s in range(len(asked.symbols)):
        before = present(asked.held)[s]
        for d in range(asked.days):
            now = shares[plan[s, d]]
            total += -np.log(asked.probabilities[s, d, plan[s, d]]) + terms.cost * np.abs(now - before).sum()
            before = now
            for t in range(s):
                total += terms.penalty * max(0.0, now[0] + shares[plan[t, d], 0] - terms.limit)
    return total


@pytest.mark.parametrize("symbols, days", [(1, 3), (2, 2), (3, 1)])
def test_exact_passes_equal_enumeration(symbols, days):
    asked = problem(symbols, days)
    plans, p = enumerated(asked)
    exact = exact_plan(asked)
    marginals = np.stack([(p[:, None, None] * (plans == k)).sum(axis=0) for k in range(8)], axis=2)
    assert exact.marginals == pytest.approx(marginals, abs=1e-12)
    assert np.array_equal(exact.best, plans[p.argmax()])
    for k in (0, len(plans) // 3, len(plans) - 1):
        assert asked.log_weights(plans[k]) == pytest.approx(-energy(asked, plans[k]) / asked.terms.temperature)


def test_the_thrml_program_is_the_plan():
    """The library's own enumeration of the factors gives the same 512 probabilities."""
    asked, sampler = problem(), PlanSampler()
    found = fab.exact(asked.factors(sampler.nodes))
    plans, p = enumerated(asked)
    theirs = {tuple(int(v) for v in state): float(q) for state, q in zip(found.states, found.probabilities)}
    assert found.nodes == tuple(sampler.nodes)
    assert [theirs[tuple(plan.flat)] for plan in plans] == pytest.approx(p.tolist(), abs=1e-6)


def test_compiled_program_is_near_and_says_so():
    asked = problem()
    program = PlanSampler().program(asked)
    report = fab.compiler.verify(program).report
    assert "enumerated" in str(report.end_to_end) and report.end_to_end_tv < 0.01
    assert program.fabric.topology.name == "pdit8-1x3" and program.report.sites == 9


@pytest.mark.parametrize("symbols, days", [(1, 3), (2, 3), (3, 1)])
def test_sampled_marginals_agree(symbols, days):
    """Each of S·D·8 marginals by Hoeffding: N = 16,384 independent samples, a false alarm below 1e-9 each at ±0.0257;
    what rounding may add, 0.02, is beyond what the compiler's report says (0.013) for these programs."""
    asked = problem(symbols, days)
    plan = PlanSampler(symbols, days, replicas=2048, schedule=APART).sample(asked)
    bound = np.sqrt(np.log(2 / 1e-9) / (2 * len(plan.samples))) + 0.02
    assert np.abs(plan.marginals - present(plan.exact).marginals).max() < bound
    assert plan.marginal_tv < 8 * bound / 2 and present(plan.compiled.tv) < 0.02
    assert (
        asked.log_weights(plan.chosen) == pytest.approx(asked.log_weights(present(plan.exact).best), abs=1e-9)
        or symbols > 1
    )


def test_without_costs_it_is_the_soft_max():
    asked = problem(2, 2, PlanTerms())
    assert exact_plan(asked).marginals == pytest.approx(asked.probabilities, abs=1e-12)
    plan = PlanSampler(2, 2, replicas=2048, schedule=APART).sample(asked)
    bound = np.sqrt(np.log(2 / 1e-9) / (2 * len(plan.samples))) + 0.02
    assert np.abs(plan.marginals - asked.probabilities).max() < bound


def test_costs_lower_turnover_and_limits_lower_equity():
    """Means over 2,048 independent samples, 15 and more standard errors from what is asked."""
    sampler, sampler_two = PlanSampler(schedule=APART), PlanSampler(2, 2, schedule=APART)
    free, dear = (sampler.sample(problem(terms=PlanTerms(cost=c))) for c in (0.0, 3.0))
    assert dear.problem.turnover(dear.samples).mean() < 0.85 * free.problem.turnover(free.samples).mean()
    loose, tight = (sampler_two.sample(problem(2, 2, PlanTerms(limit=1.0, penalty=p))) for p in (0.0, 8.0))

    def over(plan):
        return np.maximum(0, plan.problem.equity(plan.samples).sum(axis=1) - 1.0).mean()

    assert over(tight) < 0.7 * over(loose)


def test_temperature_widens():
    sampler = PlanSampler()
    cold, hot = (sampler.sample(problem(terms=PlanTerms(cost=1.0, temperature=t))) for t in (0.4, 3.0))
    assert cold.chosen_share > 2 * hot.chosen_share


def test_the_same_bits_on_the_reference_and_the_same_message():
    """With weights changed on the way: the second problem's program is the compiled one with other weights."""
    few = Schedule(3, 2, 2)
    plans = []
    for device in ("jax", "reference"):
        sampler = PlanSampler(device=device, replicas=3, schedule=few)
        sampler.sample(problem(terms=PlanTerms()), seed=1)
        plans.append(sampler.sample(problem(seed=5), seed=2))
    assert np.array_equal(plans[0].samples, plans[1].samples) and np.array_equal(plans[0].spins, plans[1].spins)
    first, second = (plan.to_message() for plan in plans)
    assert first == second | {"device": "jax"}


@pytest.mark.rtl
def test_the_same_bits_over_a_serial_line_to_rtl():
    """The board is the fabric's RTL, compiled, behind a pseudo-terminal; the driver takes it for a serial port."""
    from thermofab.sim.rtl.board import simulated_board

    asked, few = problem(), Schedule(20, 4, 4)
    expected = PlanSampler(replicas=8, schedule=few).sample(asked, seed=3)
    with simulated_board(fabric("pdit8-1x3"), divisor=2) as path:
        with SerialDevice(fabric("pdit8-1x3"), url=f"serial://{path}") as device:
            found = PlanSampler(device=device, replicas=8, schedule=few).sample(asked, seed=3)
    assert np.array_equal(found.samples, expected.samples) and np.array_equal(found.spins, expected.spins)
    assert found.to_message()["spins"] == expected.to_message()["spins"]


def test_message_is_what_the_schema_says():
    plan = PlanSampler(2, 2, replicas=16).sample(problem(2, 2)).to_message()
    whole = shipped_schema("trm_prediction")
    schema = whole["properties"]["data"]["properties"]["plan"] | {"$defs": whole["$defs"]}
    Draft202012Validator(schema).validate(json.loads(json.dumps(plan)))
    assert [entry["label"].split(":")[0] for entry in plan["allocation"]] == [
        "A day +1", "A day +2", "B day +1", "B day +2",
    ]  # fmt: skip
    assert len(plan["marginals"]) == 12 and 0 <= plan["marginal_tv"] < 0.5


def test_a_planner_holds_what_it_chose_and_forgets_ahead():
    """The second plan starts from the first one's first day; far days fall back to nothing known."""
    sure = np.full(8, 0.002)
    sure[5] = 1 - 0.014
    planner = Planner(["A", "B"], days=3, terms=PlanTerms(cost=1.0), memory=0.5, replicas=64)
    first = planner.plan("A", sure, seed=1)
    assert first.problem.held is None
    assert first.problem.probabilities[0, :, 5] == pytest.approx([0.986, 0.493 + 0.0625, 0.2465 + 0.09375], abs=1e-3)
    assert first.problem.probabilities[1] == pytest.approx(np.full((3, 8), 1 / 8))
    second = planner.plan("B", sure, seed=2)
    assert second.problem.held == pytest.approx(np.array(first.problem.allocations)[first.chosen[:, 0]])
    assert second.problem.probabilities[:, 0, 5] == pytest.approx([0.986, 0.986], abs=1e-3)


def test_cost_in_nats():
    assert cost_in_nats(StrategyConfig(cost=0.001, soft_temperature=0.004)) == pytest.approx(0.25)


@pytest.mark.parametrize(
    "make, sentence",
    [
        (lambda: PlanTerms(cost=-1), "cost of a plan must be finite and at least 0"),
        (lambda: PlanTerms(temperature=0), "temperature of a plan must be finite and above 0"),
        (lambda: PlanProblem(("A",), np.ones((1, 2, 7)) / 7), r"have shape \[symbols, days, 8\] with 1 symbols"),
        (lambda: PlanProblem(("A",), np.ones((1, 2, 8))), "sum to 1 over the eight"),
        (lambda: PlanProblem(("A", "A"), np.full((2, 1, 8), 1 / 8)), "symbols of a plan are different names"),
        (lambda: PlanProblem(("A",), np.full((1, 1, 8), 1 / 8), held=np.zeros(2)), "held shares have shape"),
        (lambda: PlanSampler(0, 3), "at least one symbol and one day"),
        (lambda: PlanSampler(1, 2).sample(problem()), "is for 1 symbols and 2 days; the problem has 1 and 3"),
        (lambda: exact_plan(problem(4, 1)), "3 symbols are enumerated"),
        (lambda: Planner("ABCDE"), "at most 4 symbols"),
        (lambda: Planner([]), "different symbols, at least one"),
        (lambda: Planner("A", memory=2), "memory is in"),
        (lambda: Planner("A").plan("B", np.full(8, 1 / 8)), "this planner is for A; got 'B'"),
    ],
)  # fmt: skip
def test_refusals(make, sentence):
    with pytest.raises(SpecError, match=sentence):
        make()

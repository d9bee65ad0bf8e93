"""Calls that the background pages make and no other test makes in this form, by our names."""

import asyncio

import numpy as np
import pytest

from thermofab.apps.foresight import ForesightContext, create_trm_foresight_engine
from thermofab.apps.routing import ExecuteRequest, TaskType, create_trm_router
from thermofab.apps.strategy import HistoricalDataManager, MarketFeatureExtractor, StrategyLabeler, TRMConfig
from thermofab.apps.trading import SamplingSchedule
from thermofab.hw.spec import SpecError
from thermofab.models.trm import TinyRecursiveModel
from thermofab.models.trm.refinement import create_trm_module

HARD = ExecuteRequest("Prove that the sampler is ergodic.", task_type=TaskType.REASONING)


def test_a_single_step_router_is_the_recursive_one_switched_off():
    plain, recursive = create_trm_router(enable_trm=False), create_trm_router(max_inner_steps=5, halt_threshold=0.8)
    assert plain.route_request(HARD).metadata["trm_steps"] == 1
    assert set(plain.route_request(HARD).metadata) == set(recursive.route_request(HARD).metadata)


@pytest.mark.parametrize("inner, outer, threshold", [(3, 2, 0.6), (10, 5, 0.9)])
def test_steps_stay_within_what_was_set(inner, outer, threshold):
    router = create_trm_router(max_inner_steps=inner, max_outer_steps=outer, halt_threshold=threshold)
    assert 1 <= router.route_request(HARD).metadata["trm_steps"] <= inner * outer


def test_one_seed_gives_one_decision_and_one_refinement():
    routers = [create_trm_router(random_seed=7) for _ in range(2)]
    assert routers[0].route_request(HARD) == routers[1].route_request(HARD)
    state = np.random.default_rng(0).normal(size=112)
    first, second = (create_trm_module(random_seed=7).refine(state) for _ in range(2))
    assert np.array_equal(first[0], second[0]) and np.array_equal(first[1], second[1])
    assert [step.step_number for step in first.steps] == list(range(1, len(first.steps) + 1))


def test_a_single_step_forecast_takes_fewer_steps():
    history = np.random.default_rng(0).random((40, 2)) < 0.4
    context = ForesightContext(("up", "down"), history)
    steps = []
    for enabled in (False, True):
        engine = create_trm_foresight_engine(max_inner_steps=7, halt_threshold=0.999, enable_trm=enabled)
        forecast = asyncio.run(engine.generate_foresight(context))
        assert forecast["trm_enabled"] is enabled
        steps.append(forecast["trm_metrics"]["total_refinement_steps"])
    assert 0 < steps[0] < steps[1]


def test_the_classifier_takes_its_sizes_by_keyword():
    model = TinyRecursiveModel(input_dim=10, hidden_dim=24, output_dim=8)
    assert (model.input_proj.weight.shape, model.output_head.weight.shape) == ((24, 10), (8, 24))


def test_a_schedule_in_the_pages_terms_is_a_fabrics():
    run = SamplingSchedule(warmup=100, steps=1000, samples=100, block_size=1, beta=1.0).of_fabric()
    assert (run.n_warmup, run.n_samples, run.steps_per_sample) == (100, 100, 10)


def test_an_empty_store_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SpecError):
        MarketFeatureExtractor().extract_features(start_date="2025-11-01", end_date="2025-11-07")
    store = HistoricalDataManager(db_path="data/historical_market.db")
    with pytest.raises(SpecError):
        StrategyLabeler(
            historical_data_manager=store, strategies_config=TRMConfig().strategies.to_dict()
        ).generate_black_swan_labels()

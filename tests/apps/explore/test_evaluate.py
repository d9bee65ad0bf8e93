"""One candidate on one workload: records, their numbers and standings."""

import numpy as np
import pytest

import thermofab as fab
from tests.present import present
from thermofab.apps.explore import Candidate, Record, Settings, workload
from thermofab.apps.explore.evaluate import evaluate, key_of
from thermofab.apps.explore.metrics import autocorrelation_time, distance_from
from thermofab.apps.explore.workloads import WORKLOADS
from thermofab.hw.spec import SpecError
from thermofab.hw.spec.mixing import effective_of, observables

QUICK = Settings(samples=500, warmup=200, replicas=32)


def test_a_candidate_is_its_name_and_survives_json():
    made = Candidate.of("g8-6x5-torus", architecture="relay", weight_bits=6)
    assert made.name == "g8-6x5-torus relay weight_bits=6" and made.spec(None).weight_max == 31
    assert Candidate.from_json(made.to_json()) == made
    assert (
        Candidate.from_json({"name": "g8-6x5-torus", "architecture": "relay", "weight_bits": 6}).digest == made.digest
    )
    assert (
        Candidate.of("fully_connected-16").topology == "complete-16" and Candidate.of("grid-4x4").topology == "g4-4x4"
    )


@pytest.mark.parametrize("name, settings", [("g8", {}), ("g8-4x4x4x4", {}), ("g8-4x4", {"colour": 1}), ("own-3", {})])
def test_malformed_candidates_are_refused(name, settings):
    with pytest.raises(SpecError):
        Candidate.of(name, **settings)


def test_a_record_has_every_number_with_its_standing_and_survives_json():
    record = evaluate(Candidate.of("g8-8x8-torus", architecture="relay"), "spin-glass", QUICK)
    assert record.feasible and record.reason is None
    assert Record.from_json(record.to_json()) == record
    standings = {name: measure.standing for name, measure in record.measures.items()}
    assert standings["lut4"] == "measured"  # this very fabric was placed
    assert standings["ess_per_sweep"] == "measured" and standings["ess_per_joule_z1"] == "quoted"
    assert standings["ess_per_joule_dtca"] == "modelled" and standings["sites"] == "counted"
    assert record.measures["tv"].standing == "measured"
    assert record == evaluate(Candidate.of("g8-8x8-torus", architecture="relay"), "spin-glass", QUICK)


def test_records_are_those_of_the_plain_interface():
    """The numbers again, by compile and sample alone."""
    record = evaluate(Candidate.of("complete-16", architecture="dense"), "sk", QUICK)
    program = fab.compile(
        workload("sk").model, fab.fabric("complete-16", architecture="dense"), tolerance=1.0, seed=0, tries=1
    )
    run = program.sample(fab.Schedule(200, 500, 1), replicas=32, seed=0, device="native", discard=False)
    rate = effective_of(observables(program.model, run.node_states), run.kept) / 500
    assert record.value("ess_per_sweep") == pytest.approx(rate, rel=1e-12)
    assert record.value("sites") == program.report.sites
    assert record.value("reported_tv") == program.report.end_to_end.tv


def test_what_does_not_embed_is_a_record_with_the_reason():
    record = evaluate(Candidate.of("g4-3x3"), "sk", QUICK)
    assert not record.feasible and "16 nodes" in str(record.reason) and record.value("fabric_sites") == 9
    wrong = evaluate(Candidate.of("nowhere-16"), "sk", QUICK)
    assert not wrong.feasible and "unknown topology family" in str(wrong.reason)


def test_hopeless_candidates_are_stopped_by_the_pilot():
    stopped = evaluate(Candidate.of("g8-12x12"), "sk", Settings(hopeless=0.9))
    assert not stopped.feasible and str(stopped.reason).startswith("stopped early")
    assert stopped.value("sites") and stopped.value("ess_per_sweep") is None


def test_the_key_knows_everything_that_decides_a_record():
    one, on = Candidate.of("g8-8x8"), workload("spin-glass")
    keys = {
        key_of(one, on, QUICK), key_of(one.but(weight_bits=6), on, QUICK), key_of(one, workload("sk"), QUICK),
        key_of(one, on, Settings(seed=1)),
    }  # fmt: skip
    assert len(keys) == 4


@pytest.mark.parametrize("name", [name for name in WORKLOADS if name != "market"])
def test_every_workload_runs_on_a_fabric_of_its_own(name):
    record = evaluate(Candidate.of("own", weight_bits=12, bias_bits=18, profile="fine"), name, QUICK)
    assert record.feasible, record.reason
    tv, error = record.value("tv"), record.value("tv_error")
    assert tv is not None and (error is None or tv < 0.02 + 6 * error)


def test_a_program_file_is_a_workload(tmp_path):
    import json

    path = tmp_path / "model.json"
    path.write_text(json.dumps(workload("spin-glass").model.to_json()))
    assert workload(f"file:{path}").digest == workload("spin-glass").digest
    with pytest.raises(SpecError, match="unknown workload"):
        workload("nothing")


def test_autocorrelation_time_of_a_known_process():
    """An AR(1) process of coefficient a has ½ + a/(1-a); 64 chains of 4,000 leave an error below 2 in 100."""
    draw, a = np.random.default_rng(0), 0.8
    series = np.zeros((64, 4000))
    for t in range(1, 4000):
        series[:, t] = a * series[:, t - 1] + draw.normal(size=64)
    assert autocorrelation_time(series) == pytest.approx(0.5 + a / (1 - a), rel=0.1)


def test_the_measured_distance_is_without_bias_and_sees_a_wrong_distribution():
    draw = np.random.default_rng(0)
    states = draw.random((64, 500, 3)) < 0.5
    kept = np.ones((64, 500), dtype=bool)
    right, error = distance_from(states, kept, np.full(8, 1 / 8), (2, 2, 2))
    assert abs(right) < 5 * error  # 32 independent chains: t > 5 has a probability of 2e-5 at most, fixed seed
    wrong = np.array([0.5, *[0.5 / 7] * 7])
    seen, error = distance_from(states, kept, wrong, (2, 2, 2))
    assert seen == pytest.approx(0.375, abs=6 * error)


def test_copies_side_by_side_give_as_many_samples_more():
    one = evaluate(Candidate.of("complete-32", architecture="dense"), "expert-router", QUICK)
    four = evaluate(Candidate.of("complete-32", architecture="dense", copies=4), "expert-router", QUICK)
    assert four.feasible and four.value("sites") == 4 * present(one.value("sites"))
    assert four.value("ess_per_sweep") == pytest.approx(4 * present(one.value("ess_per_sweep")), rel=0.35)
    assert present(four.value("tv")) < 0.01 and "4 on the fabric" in four.measures["ess_per_sweep"].how
    assert len(four.copies) == 6
    with pytest.raises(SpecError, match="holds one copy"):
        Candidate.of("own", copies=2)


def test_a_ladder_of_levels_samples_the_distribution_and_pays_for_its_rungs():
    ladder = evaluate(Candidate.of("complete-16", architecture="dense", rungs=5), "sk", QUICK)
    alone = evaluate(Candidate.of("complete-16", architecture="dense"), "sk", QUICK)
    assert ladder.feasible and present(ladder.value("tv")) < 0.01
    # Five rungs of sweeps for one chain of samples.
    assert 0.03 < present(ladder.value("ess_per_sweep")) / present(alone.value("ess_per_sweep")) < 1
    assert Candidate.of("g8-8x8", rungs=5).spec(None).levels == 5 and Candidate.of("g8-8x8").spec(None).levels == 4
    with pytest.raises(SpecError, match="1 to 32 rungs"):
        Candidate.of("g8-8x8", rungs=0)


def test_a_record_has_its_curves_and_its_sites():
    record = evaluate(Candidate.of("g8-8x8"), "spin-glass", QUICK)
    lags, rho = np.array(record.curves["autocorrelation"]).T
    assert lags[0] == 0 and rho[0] == pytest.approx(1) and np.all(np.diff(lags) > 0) and abs(rho[-1]) < 0.1
    sweeps, excess = np.array(record.curves["r_hat"]).T
    assert sweeps[-1] == 500 and excess[-1] < 0.05 < excess[0]
    assert max(record.curves["tv"][-1][1], 0) == pytest.approx(record.value("tv"), abs=1e-12)
    used = [site for sites in record.copies for site in sites]
    assert len(record.copies) == 16 and len(set(used)) == len(used) == record.value("sites")

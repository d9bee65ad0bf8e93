"""The variation study: deviations in images are those of the noisy kernel, and tolerances say what was run."""

import numpy as np
import pytest

from thermofab.apps.profile.applications import boltzmann, potts_model, returns, trained
from thermofab.apps.profile.deviations import KINDS, dead, drift, offset
from thermofab.apps.profile.variation import base_loss, tolerance
from thermofab.compiler import exact
from thermofab.hw.spec import Schedule, SpecError, open_device
from thermofab.sim.functional.noise import NoiseModel


def test_offsets_as_biases_are_the_noisy_kernels_bits():
    build = potts_model().build
    changed, device = offset(build, 6.0, 3)
    plain = build(8)
    noisy = open_device("jax-xla", plain.fabric, noise=NoiseModel(offset=6.0, seed=3))
    schedule = Schedule(5, 30)
    expected = plain.sample(schedule, replicas=4, seed=1, device=noisy).sites
    assert np.array_equal(changed.sample(schedule, replicas=4, seed=1, device=device).sites, expected)
    assert not np.array_equal(changed.image.biases, plain.image.biases)


@pytest.mark.filterwarnings("ignore::thermofab.hw.spec.MixingWarning")
def test_dead_sites_stay_and_the_others_do_not():
    build = boltzmann().build
    program, device = dead(build, 3, 0)
    sites = program.sample(Schedule(5, 200), replicas=8, seed=1, device=device).sites
    still = np.all(sites == sites[:1, :1], axis=(0, 1))
    assert still.sum() == 3 and np.array_equal(sites[0, 0][still], program.image.clamps[still] == 1)
    with pytest.raises(SpecError, match="cannot have 99 dead"):
        dead(build, 99, 0)


def test_drift_is_another_temperature():
    """Tables whose logits are (1 + d) times as large are those of β(1 + d), but for the ends."""
    build = returns().build
    colder, _ = drift(build, 0.1, 1)
    hotter, _ = drift(build, 0.1, 0)
    plain = build(8).image.tables[0].astype(float)
    top = 2 ** build(8).fabric.threshold_bits

    def logit(tables):
        return np.log(tables / (top - tables))

    middle = (plain > 0.02 * top) & (plain < 0.98 * top) & (np.abs(plain / top - 0.5) > 0.05)
    assert np.allclose(logit(colder.image.tables[0].astype(float))[middle] / logit(plain)[middle], 1.1, atol=0.01)
    assert np.allclose(logit(hotter.image.tables[0].astype(float))[middle] / logit(plain)[middle], 0.9, atol=0.01)


def test_the_trained_machine_has_learnt_its_data():
    """By enumeration: the 14 patterns of 512 have nearly all the probability, far from 14/512."""
    p = exact(trained()).probabilities.reshape(512, 32).sum(axis=1)
    states = np.array([[k >> (8 - i) & 1 for i in range(9)] for k in range(512)]).reshape(-1, 3, 3)
    rows, columns = (np.all(states == states.max(axis=axis, keepdims=True), axis=(1, 2)) for axis in (2, 1))
    assert (rows | columns).sum() == 14 and p[rows | columns].sum() > 0.85


def test_a_tolerance_ends_where_more_is_lost_than_allowed():
    application = returns()
    base = base_loss(application, 4)
    assert base[0] < 0.02 and base[1] < 0.005
    kind = next(kind for kind in KINDS if kind.name == "drift")
    found = tolerance(application, kind, base, fabrications=4)
    assert found.refused is not None and found.points[-1].amount == found.refused
    worst = found.points[-1]
    assert worst.more + 2 * worst.error > application.allowed
    for point in found.points[:-1]:
        assert point.more + 2 * point.error <= application.allowed
    assert found.borne == (found.points[-2].amount if len(found.points) > 1 else None)
    assert found.to_json()["application"] == "market node"
    assert [kind.amounts[0] for kind in KINDS if kind.name == "weight bits"] == [7]

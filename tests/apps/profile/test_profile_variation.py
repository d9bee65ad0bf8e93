"""The variation study: deviations in images are those of the noisy kernel, and tolerances say what was run."""

import numpy as np
import pytest

from thermofab.apps.profile.applications import APPLICATIONS, boltzmann, potts_model, returns, trained
from thermofab.apps.profile.deviations import KINDS, Kind, dead, drift, offset
from thermofab.apps.profile.joint import together
from thermofab.apps.profile.learnt import digits_machine, made_returns, restricted_moments, router
from thermofab.apps.profile.variation import Application, base_loss, bisected, is_borne, tolerance
from thermofab.compiler import exact
from thermofab.hw.spec import IsingModel, Schedule, SpecError, open_device
from thermofab.models.boltzmann.likelihood import pseudo_likelihood
from thermofab.models.boltzmann.machine import from_binary_rbm
from thermofab.models.data.digits import digits as digit_images
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
    patterns = np.logical_or(rows, columns)
    assert patterns.sum() == 14 and p[patterns].sum() > 0.85


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


def test_restricted_moments_are_those_of_all_states():
    draw = np.random.default_rng(0)
    machine = from_binary_rbm(draw.normal(size=(5, 3)), draw.normal(size=5), draw.normal(size=3))
    first, second = restricted_moments(machine)
    p = exact(machine.ising()).probabilities
    spins = 2.0 * ((np.arange(256)[:, None] >> np.arange(7, -1, -1)) & 1) - 1
    assert np.allclose(first, p @ spins)
    assert np.allclose(second, np.einsum("k,ki,kj->ij", p, spins[:, :5], spins[:, 5:]))


def test_the_digits_machine_has_learnt_its_digits():
    """Held-out digits are far likelier, pixel by pixel, than under the pixels' own frequencies."""
    images = digit_images()
    share = images.train.mean(axis=0).clip(1e-3, 1 - 1e-3)
    apart = np.where(images.test, np.log(share), np.log(1 - share)).sum(axis=1).mean()
    assert pseudo_likelihood(digits_machine(), images.test) > apart + 5


def test_made_returns_have_the_tails_and_the_clusters_of_returns():
    returns = made_returns()
    assert np.array_equal(returns, made_returns()) and 0.006 < returns.std() < 0.016
    assert np.mean(((returns - returns.mean()) / returns.std()) ** 4) > 4
    squares = np.abs(returns) - np.abs(returns).mean()
    assert np.mean(squares[1:] * squares[:-1]) / np.mean(squares**2) > 4 / np.sqrt(len(returns))


@pytest.mark.parametrize("name", ["expert router", "digits", "trading node"])
def test_the_exact_fabric_loses_little_of_what_is_learnt(name):
    """The loss without deviations is sampling error and rounding: far below what is allowed more, and a fabric whose
    fields are offset by 40 units of a weight loses more than that."""
    application = APPLICATIONS[name]()
    plain = application.run(application.build(8), "jax", 0)
    assert 0 < plain < application.allowed
    changed, device = offset(application.build, 40.0, 1)
    assert application.run(changed, device, 0) > plain + application.allowed


def test_all_at_once_with_a_factor_of_none_is_the_exact_fabric():
    build = router().build
    plain = build(8)
    changed, device = together({"offset": 4.0, "gain": 0.1, "drift": 0.1, "dead": 1, "weight bits": 5}).deviate(
        build, 0.0, 0
    )
    schedule = Schedule(5, 30)
    expected = plain.sample(schedule, replicas=4, seed=1).sites
    assert np.array_equal(changed.sample(schedule, replicas=4, seed=1, device=device).sites, expected)


@pytest.mark.filterwarnings("ignore::thermofab.hw.spec.DistributionWarning")
def test_all_at_once_holds_every_deviation():
    build = router().build
    changed, _ = together({"drift": 0.2, "dead": 2, "weight bits": 5}).deviate(build, 0.5, 1)
    assert changed.fabric.weight_bits == 7  # 8 less half of 3, rounded up
    assert (changed.image.clamps != build(7).image.clamps).sum() == 1
    assert np.array_equal(changed.image.tables, drift(lambda bits: build(7), 0.1, 1)[0].image.tables)
    with pytest.raises(SpecError, match="no deviation 'noise'"):
        together({"noise": 1.0})


def test_bisection_finds_what_a_walk_finds():
    """On a loss that is the amount itself, whatever bound is allowed."""
    model = IsingModel((0,), np.zeros(1), np.zeros((0, 2), dtype=int), np.zeros(0))
    kind = Kind("made", "", "", (1.0, 2.0, 3.0, 4.0, 5.0), lambda build, amount, seed: (build(0), amount))

    class Made(Application):
        def run(self, program, device, seed):
            return float(device) + 1e-9 * (seed % 2)

    for allowed in (0.5, 1.5, 3.5, 9.0):
        made = Made("made", "", lambda bits: model, lambda samples: 0.0, allowed, "", Schedule(1, 1))  # pyright: ignore[reportArgumentType]
        walked, cut = (search(made, kind, (0.0, 0.0), fabrications=2) for search in (tolerance, bisected))
        assert (walked.borne, walked.refused) == (cut.borne, cut.refused)
        assert all(is_borne(point, made) == (point.amount < allowed) for point in cut.points)

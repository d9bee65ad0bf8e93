"""The machine: what its fabric samples against enumeration, on every device, and what decoding does within cells."""

import dataclasses

import jax
import numpy as np
import pytest
from scipy.stats import chi2, kstest

from tests.apps.trading.portfolio.made_panels import CORRELATION, made_panel
from tests.present import present
from thermofab.apps.trading.portfolio.cells import MOST_ASSETS, all_states, box, cell_numbers, encode, states_of
from thermofab.apps.trading.portfolio.clamped import ClampedModel
from thermofab.apps.trading.portfolio.copula import Copula
from thermofab.apps.trading.portfolio.daily import DailyModel
from thermofab.apps.trading.portfolio.decoding import decode, log_density_within
from thermofab.apps.trading.portfolio.machine import PortfolioMachine
from thermofab.apps.trading.portfolio.mixing import autocorrelations, sweeps_needed
from thermofab.apps.trading.portfolio.model import PortfolioModel
from thermofab.apps.trading.portfolio.projection import PairCells, project, projected_tables
from thermofab.apps.trading.portfolio.static import StaticModel
from thermofab.apps.trading.portfolio.tables import Tables, within_reach
from thermofab.apps.trading.portfolio.thrml_cells import thrml_sampler
from thermofab.hw.link.device import SerialDevice
from thermofab.hw.spec import Schedule, SpecError
from thermofab.sim.rtl.board import simulated_board

COPULA = Copula(CORRELATION[:3, :3], 6.0)
FALSE_ALARM = 1e-6


def fits(numbers: np.ndarray, log_probabilities: np.ndarray) -> None:
    """χ² of cells' counts, cells with fewer than ten expected put together; a false alarm in a million."""
    expected = np.exp(log_probabilities.reshape(-1)) * len(numbers)
    seen = np.bincount(numbers, minlength=len(expected))
    big = expected >= 10
    groups = [np.append(one[big], one[~big].sum()) for one in (seen, expected)]
    statistic = float(((groups[0] - groups[1]) ** 2 / np.maximum(groups[1], 1e-9)).sum())
    assert chi2.sf(statistic, big.sum()) > FALSE_ALARM, statistic


def shifted(seed: int = 0) -> Tables:
    """Tables with two market bits."""
    start, rng = projected_tables(COPULA), np.random.default_rng(seed)
    return Tables(
        start.single, start.pair,
        0.3 * rng.standard_normal((2, 3, 8)), within_reach(0.4 * rng.standard_normal((2, 3, 8, 8))),
    )  # fmt: skip


@pytest.fixture(scope="module")
def machine():
    return PortfolioMachine(projected_tables(COPULA), "native")


@pytest.fixture(scope="module")
def clamped_machine():
    return PortfolioMachine(shifted(), "native")


def test_cells_are_drawn_as_enumerated(machine):
    states, ledger = machine.draw(60_000, seed=3)
    fits(cell_numbers(states), machine.log_probabilities())
    assert ledger.sweeps == 60_000 * machine.sweeps_a_draw


def test_rounding_is_harmless(machine, clamped_machine):
    for one, market in ((machine, None), (clamped_machine, np.array([True, False]))):
        wanted = one.tables.log_probabilities(market)
        held = one.log_probabilities(market)
        assert 0 <= float((np.exp(wanted) * (wanted - held)).sum()) < 1e-5


def test_market_bits_are_clamped_per_chain(clamped_machine):
    settings = np.array([[False, False], [True, False], [False, True], [True, True]])
    market = np.tile(settings, (12_000, 1))
    states, _ = clamped_machine.draw(len(market), seed=4, market=market)
    for setting in settings:
        chains = (market == setting).all(axis=1)
        fits(cell_numbers(states[chains]), clamped_machine.log_probabilities(setting))


def test_reprogrammed_tables_are_what_is_drawn(machine):
    other = machine.holding(projected_tables(Copula(np.eye(3) * 0.6 + 0.4, 5.0)))
    states, _ = other.draw(40_000, seed=5)
    fits(cell_numbers(states), other.log_probabilities())
    assert np.abs(np.exp(other.log_probabilities()) - np.exp(machine.log_probabilities())).sum() > 0.1


def test_conditioning_by_clamps_is_the_enumerated_conditional(machine):
    held = np.full(40_000, 0)
    states, _ = machine.draw(len(held), seed=6, clamped={0: held})
    assert (states[:, 0] == 0).all()
    conditional = machine.log_probabilities()[0]
    fits(cell_numbers(states[:, 1:]), conditional - np.log(np.exp(conditional).sum()))


def test_thrml_draws_the_same_tables():
    whole = shifted()
    pair = Tables(whole.single[:2], whole.pair[:1], whole.single_shift[:, :2], whole.pair_shift[:, :1])
    market = np.array([True, False])
    rows = np.tile(market, (20_000, 1))
    states = np.asarray(thrml_sampler(pair, 25)(jax.random.key(3), jax.numpy.asarray(rows))).astype(int)
    fits(cell_numbers(states), pair.log_probabilities(market))


def test_a_draw_forgets_its_start_and_chains_mix(machine):
    law = np.exp(machine.log_probabilities())
    assert machine.sweeps_a_draw == sweeps_needed(machine.tables.probabilities, machine.order)
    first = np.broadcast_to(np.arange(8.0)[:, None, None], law.shape)
    time = float(autocorrelations(first[None], law, machine.order)[0])
    # The same from a run: the variance of a chain's mean is that of a draw times the time over its length.
    run = machine.program.sample(Schedule(40, 400, 1), replicas=400, seed=1, device=machine.opened)
    bits = run.sites[..., machine.sites[:3]]
    means = states_of(bits).mean(axis=1)
    share = means.var(ddof=1) * 400 / float((first**2 * law).sum() - (first * law).sum() ** 2)
    assert 1 < time < 25
    assert 0.65 * time < share < 1.5 * time  # five deviations of a variance from 400 chains


def test_projection_has_the_copulas_pairs_and_boxes_sum_to_one():
    targets = PairCells(6.0).of(COPULA.correlation)
    tables = project(targets)
    whole = tables.probabilities
    assert np.abs(whole.sum(axis=2) - targets[0]).max() < 2e-6
    cells = all_states(3)
    chance, error = COPULA.probabilities(*box(cells))
    assert abs(chance.sum() - 1) < 2e-3 and (error / chance).max() < 0.1
    # Kept to pairs, the machine is close to the copula's own cells, and no closer than rounding would be.
    kl = float((chance * (np.log(chance) - np.log(whole.reshape(-1)))).sum())
    assert 0 < kl < 0.02
    pair = chance.reshape(8, 8, 8).sum(axis=2)
    assert np.abs(pair - targets[0]).max() < 2e-4


def test_decoding_is_the_copulas_within_cells():
    drawn = COPULA.draws(30_000, np.random.default_rng(1))
    decoded, _ = decode(encode(drawn), COPULA.correlation, COPULA.degrees, seed=2)
    assert (encode(decoded) == encode(drawn)).all()
    for column in decoded.T:
        assert kstest(column, "uniform").pvalue > FALSE_ALARM
    # What is expected of log c within cells, and of two crashing deep together.
    gap = COPULA.log_density(decoded) - COPULA.log_density(drawn)
    assert abs(gap.mean()) < 5 * gap.std() / np.sqrt(len(gap))
    deep = [((u[:, :2] < 0.004).all(axis=1)).mean() for u in (drawn, decoded)]
    assert abs(deep[0] - deep[1]) < 5 * np.sqrt(2 * max(deep) / len(drawn))


def test_density_within_cells_integrates_to_one():
    states = np.tile([[0, 1, 6]], (20_000, 1))
    low, high = box(states)
    u = low + (high - low) * np.random.default_rng(0).random(low.shape)
    inside, error = log_density_within(u[:50], states[:50], COPULA.correlation, COPULA.degrees)
    assert error.max() < 0.05
    chance = COPULA.log_density(u[:1])[0] - inside[0]
    ratio = np.exp(COPULA.log_density(u) - chance) * np.prod((high - low)[0])
    assert abs(ratio.mean() - 1) < 5 * ratio.std() / np.sqrt(len(ratio)) + 3 * error.max()


@pytest.fixture(scope="module")
def pair_model():
    return PortfolioModel("native", "static").fit(made_panel(900, 2))


@pytest.mark.parametrize("kind", ["static", "state", "daily"])
def test_paths_are_the_same_on_jax_and_native(kind):
    panel = made_panel(700, 2)
    native = PortfolioModel("native", kind).fit(panel)
    jax = PortfolioModel("jax", kind)
    # The same fit, on another device.
    joint = native.needed().joint
    assert isinstance(joint, StaticModel | ClampedModel | DailyModel)
    swapped = dataclasses.replace(joint, machine=PortfolioMachine(joint.machine.tables, "jax"))
    jax.fitted = dataclasses.replace(native.needed(), joint=swapped)
    one, other = (model.simulate(300, 3, seed=7) for model in (native, jax))
    assert np.array_equal(one.returns, other.returns)
    assert one.ledger is not None and one.ledger.sweeps == present(other.ledger).sweeps
    assert np.abs(one.returns - native.simulate(300, 3, seed=8).returns).max() > 0


def on(model: PortfolioModel, device: str, paths: int = 6) -> np.ndarray:
    """Paths of a fitted model on another device, with fewer sweeps."""
    fitted = model.needed()
    joint = fitted.joint
    assert isinstance(joint, StaticModel)
    machine = PortfolioMachine(joint.machine.tables, device, sweeps=5)
    fitted = dataclasses.replace(fitted, joint=dataclasses.replace(joint, machine=machine))
    other = PortfolioModel("native", "static")
    other.fitted = fitted
    made = other.simulate(paths, 2, seed=9).returns
    if isinstance(machine.opened, SerialDevice):
        machine.opened.close()
    return made


def test_paths_are_the_same_by_the_reference(pair_model):
    assert np.array_equal(on(pair_model, "reference"), on(pair_model, "native"))


@pytest.mark.rtl
def test_paths_are_the_same_by_rtl_and_over_a_serial_line(pair_model):
    wanted = on(pair_model, "native")
    assert np.array_equal(on(pair_model, "rtl"), wanted)
    with simulated_board(pair_model.needed().joint.machine.fabric, divisor=2) as path:
        assert np.array_equal(on(pair_model, f"serial://{path}"), wanted)


def test_bad_input(machine, clamped_machine):
    with pytest.raises(SpecError, match=rf"holds at most {MOST_ASSETS} assets"):
        PortfolioMachine(Tables.flat(7))
    with pytest.raises(SpecError, match=r"these as shape \(10, 2\), got \(10, 3\)"):
        clamped_machine.draw(10, 0, np.zeros((10, 3), bool))
    with pytest.raises(SpecError, match="the tables are of 4 and 0"):
        machine.holding(Tables.flat(4))
    with pytest.raises(SpecError, match="has 2 market bits; give their values"):
        clamped_machine.log_probabilities()
    with pytest.raises(SpecError, match="kind static, state, daily, got 'weekly'"):
        PortfolioModel(kind="weekly")
    with pytest.raises(SpecError, match="has not learnt anything yet"):
        PortfolioModel().simulate(10, 1)
    with pytest.raises(SpecError, match="at least 2,048 points, got 100"):
        COPULA.probabilities(np.zeros((1, 3)), np.ones((1, 3)), 100)
    with pytest.raises(SpecError, match="not positive definite"):
        Copula(np.ones((2, 2)))

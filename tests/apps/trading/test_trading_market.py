"""The market model: encoding, the fabric's distribution, paths, hand-made graphs, energies of one's own."""

import numpy as np
import pytest

from tests.present import present
from thermofab.apps.trading.conditional import fit_conditional
from thermofab.apps.trading.encoding import CONDITIONS, STATES, Encoding
from thermofab.apps.trading.energy import energy_model, sample_on_host
from thermofab.apps.trading.market import ProbabilisticTradingModel
from thermofab.apps.trading.prices import load_prices
from thermofab.apps.trading.storage import load_model, save_model
from thermofab.apps.trading.volatility import Volatility, fit_volatility
from thermofab.hw.spec import SpecError


@pytest.fixture(scope="module")
def returns():
    return load_prices().returns[-1500:]


@pytest.fixture(scope="module")
def model(returns):
    return ProbabilisticTradingModel(device="native").fit(returns)


def test_encoding_is_inverted_by_decoding():
    rng = np.random.default_rng(0)
    code = Encoding.of(rng.standard_t(4, 900), rng.gamma(2, 0.01, 900))
    states = rng.integers(0, STATES, 5000)
    assert np.array_equal(code.encode(code.decode(states, rng.random(5000))), states)
    assert np.mean(code.encode(code.residuals) == 0) == pytest.approx(0.005, abs=0.002)
    week = np.array([0.2, 0.3, -2.0, 0.1, -1.5])
    assert code.conditions(np.array(1.0), week).tolist() == [True, True, True, True, True, False, True]
    with pytest.raises(SpecError, match="an encoding needs at least 250 days, got 10"):
        Encoding.of(np.zeros(10), np.ones(10))
    with pytest.raises(SpecError, match="too few distinct values to tell 32 states apart"):
        Encoding.of(np.repeat([0.0, 1.0], 200), np.ones(400))


def test_volatility_recursions():
    model = Volatility("gjr", 0.0, 1e-6, 0.05, 0.1, 0.88, 1e-4)
    path = np.array([0.01, -0.02, 0.005])
    one = model.variances(path)
    assert one[0] == 1e-4 and one[2] == pytest.approx(1e-6 + 0.15 * 4e-4 + 0.88 * one[1])
    assert model.step(one[:3], path) == pytest.approx(one[1:])
    assert model.long_run == pytest.approx(1e-6 / 0.02)
    for kind, sentence in (("gjr", "needs at least 250 returns, got 5"), ("arch", "must be one of gjr, garch, ewma")):
        with pytest.raises(SpecError, match=sentence):
            fit_volatility(np.zeros(5), kind)


def test_the_conditional_fit_finds_a_planted_dependence():
    rng = np.random.default_rng(1)
    conditions = rng.random((4000, len(CONDITIONS))) < 0.5
    shift = np.where(conditions[:, 3], -0.8, 0.8)
    code = Encoding.of(rng.normal(size=4000), np.ones(4000))
    found = fit_conditional(code.encode(rng.normal(size=4000) + shift), conditions)
    distribution = np.exp(found.log_probabilities(np.eye(len(CONDITIONS), dtype=bool)[[3, 4]]))
    assert distribution[0, :8].sum() > 3 * distribution[1, :8].sum() and np.allclose(distribution.sum(axis=1), 1)
    assert np.abs(found.phi[3]).sum() > 3 * np.abs(found.phi[[0, 1, 2, 4, 5, 6]]).sum(axis=1).max()


def test_the_fabric_samples_the_conditional_distribution(model):
    """χ² over 32 states at two conditions, 40,000 independent chains each; refused below 1e-10."""
    from scipy.stats import chi2

    conditions = np.array([[False] * 7, [True, True, True, True, True, False, True]])
    drawn, _ = model.draw(np.repeat(conditions, 40_000, axis=0), seed=3)
    for row, distribution in zip(
        drawn[:, 0].reshape(2, -1), np.exp(model.fitted.conditional.log_probabilities(conditions))
    ):
        seen = np.bincount(row, minlength=STATES)
        assert chi2.sf(float(np.sum((seen - 40_000 * distribution) ** 2 / (40_000 * distribution))), STATES - 1) > 1e-10
        assert 0.5 * np.abs(seen / 40_000 - distribution).sum() < 0.02


def test_paths_are_the_same_on_every_device(model):
    paths = {
        name: ProbabilisticTradingModel(device=name, fitted=model.fitted, sweeps=6)
        .simulate_market_trajectories(num_trajectories=6, horizon=3, seed=5)
        .returns
        for name in ("reference", "native", "jax-xla")
    }
    assert np.array_equal(paths["reference"], paths["native"]) and np.array_equal(paths["native"], paths["jax-xla"])


@pytest.mark.rtl
def test_paths_are_the_same_on_the_compiled_rtl(model):
    one, other = (
        ProbabilisticTradingModel(device=name, fitted=model.fitted, sweeps=6).simulate_market_trajectories(
            num_trajectories=4, horizon=3, seed=5
        )
        for name in ("native", "rtl")
    )
    assert np.array_equal(one.returns, other.returns) and one.ledger.site_updates == other.ledger.site_updates


def test_paths_cluster_and_have_fat_tails(model):
    from thermofab.apps.trading.facts import LAGS, bands, facts

    paths = model.simulate_market_trajectories(num_trajectories=60, horizon=250, seed=2)
    found = bands(paths.returns)
    assert found["kurtosis"][0] > 3.5 and found["acf |r| 1"][0] > 0.05 and found["leverage"][0] < -0.02
    normal = facts(np.random.default_rng(0).normal(size=20_000))
    assert normal.kurtosis == pytest.approx(3, abs=0.2) and len(normal.absolute) == len(LAGS)


def test_models_are_kept_in_files(model, tmp_path):
    save_model(tmp_path / "m.json", model, "^GSPC")
    again = load_model(tmp_path / "m.json", device="native")
    options = {"num_trajectories": 20, "horizon": 3, "seed": 1}
    assert np.array_equal(
        again.simulate_market_trajectories(**options).returns, model.simulate_market_trajectories(**options).returns
    )
    (tmp_path / "x.json").write_text("{}")
    for name, sentence in (("x.json", "is no market model of this version"), ("y.json", "there is no file")):
        with pytest.raises(SpecError, match=sentence):
            load_model(tmp_path / name)


def test_tail_risk_follows_volatility(model):
    calm, wild = (model.estimate_tail_risk(v, -0.05, 5, 2000) for v in (0.1, 0.6))
    assert wild["tail_probability"] > 5 * calm["tail_probability"] and wild["cvar_95"] > wild["var_95"] > calm["var_95"]


@pytest.mark.parametrize(
    "call, sentence",
    [
        (lambda m: m.simulate_market_trajectories(horizon=0), r"^horizon must be an integer of at least 1, got 0\.$"),
        (
            lambda m: m.simulate_market_trajectories(num_trajectories=0),
            r"^num_trajectories must be an integer of at lea",
        ),
        (
            lambda m: m.simulate_market_trajectories(-0.2),
            r"^a starting volatility is a positive number per year, got -0\.2",
        ),
        (
            lambda m: m.estimate_tail_risk(threshold=0.1),
            r"^threshold is a simple return between -1 and 0, such as -0\.1",
        ),
        (lambda m: ProbabilisticTradingModel().program, r"^this model has not learnt anything yet; call fit\(prices\)"),
        (
            lambda m: ProbabilisticTradingModel().fit(np.array([0.1, np.nan])),
            r"^returns must be finite; there is a NaN",
        ),
        (lambda m: ProbabilisticTradingModel().fit(np.zeros(600)), r"^all 600 returns are 0; there is no risk to lea"),
    ],
)
def test_bad_calls_are_refused(model, call, sentence):
    with pytest.raises(SpecError, match=sentence):
        call(model)


def test_hand_made_graphs():
    made = ProbabilisticTradingModel(num_nodes=5, device="native")
    graph = made.build_market_pgm(["price", "vol", "trend"], 0.8, couplings={("price", "vol"): -0.5})
    assert graph.n_nodes == 15 and len(graph.edges) == 12 + 5
    paths = made.simulate_market_trajectories([1.0, 0.0, 0.5], num_trajectories=400, seed=2)
    assert paths.shape == (400, 5, 3) and np.all(paths[:, 0, 0] == 1) and np.all(paths[:, 0, 1] == -1)
    assert paths[:, 1, 0].mean() > paths[:, 4, 0].mean() + 0.1 and paths[:, 1, 1].mean() < -0.4
    for call, sentence in (
        (lambda: made.build_market_pgm([]), "market_features are different names, one at least"),
        (lambda: made.build_market_pgm(["a"], couplings={("a", "b"): 1.0}), "couplings name 'b', which is not among a"),
        (lambda: made.build_market_pgm(["a"], float("inf")), "coupling_strength must be finite"),
        (
            lambda: made.simulate_market_trajectories([2.0, 0, 0]),
            "initial_state gives 3 features a probability 0…1 each",
        ),
    ):
        with pytest.raises(SpecError, match=sentence):
            call()


def test_energy_functions_of_pairs_compile():
    import thermofab as fab

    def energy(s):
        return 0.3 - 0.4 * s[0] + 0.7 * s[0] * s[2] - 0.2 * s[1] * s[2]

    model = energy_model(energy, 3)
    distribution = fab.exact(model)
    weights = np.exp([-energy(np.where(state, 1.0, -1.0)) for state in distribution.states])
    assert np.allclose(distribution.probabilities, weights / weights.sum())
    assert present(fab.compile(model, "king-3x3").report.end_to_end_tv) < 0.01
    with pytest.raises(SpecError, match="this energy function is not a sum of terms of one and two spins"):
        energy_model(lambda s: s[0] * s[1] * s[2], 3)
    with pytest.raises(SpecError, match="energies must be finite"):
        energy_model(lambda s: np.nan, 2)
    states = sample_on_host(lambda s: -0.8 * s[0] * s[1] * s[2], 3, 600, seed=1)
    assert np.prod(states, axis=1).mean() == pytest.approx(np.tanh(0.8), abs=0.2)


def test_a_schedule_of_one_sample_is_enough(model):
    """Draws a dozen sweeps apart are as good as independent: the correlation of successive ones is at its noise."""
    conditions = np.repeat(np.zeros((1, 7), dtype=bool), 4000, axis=0)
    drawn, _ = model.draw(conditions, seed=9, samples=2)
    assert abs(np.corrcoef(drawn[:, 0], drawn[:, 1])[0, 1]) < 5.5 / np.sqrt(4000)


def test_tail_risk_of_a_hand_made_graph():
    made = ProbabilisticTradingModel(num_nodes=5, device="native")
    made.build_market_pgm(["price", "vol", "trend"], 0.5)
    risks = [made.estimate_tail_risk([p, 0.5, 0.5], num_trajectories=3000, seed=1) for p in (1.0, 0.0)]
    assert risks[1]["tail_probability"] > risks[0]["tail_probability"] + 0.05
    assert risks[0]["mean_return"] > 0 > risks[1]["mean_return"]
    with pytest.raises(SpecError, match=r"^move is a simple return between 0 and 1 a slice, got 2\.$"):
        made.estimate_tail_risk([1.0, 0.5, 0.5], move=2)


def test_schedules_of_a_hand_made_graph():
    from thermofab.apps.trading import SamplingSchedule

    means = []
    for beta in (0.2, 2.0):
        schedule = SamplingSchedule(warmup=100, steps=1000, samples=100, block_size=1, beta=beta)
        assert schedule.of_fabric().n_sweeps == 100 + 99 * 10
        made = ProbabilisticTradingModel(num_nodes=3, device="native", schedule=schedule)
        made.build_market_pgm(["price"], 0.5)
        paths = made.simulate_market_trajectories([1.0], num_trajectories=4000)
        means.append(paths[:, 2, 0].mean())
    # tanh(βJ)², and 5.5 standard errors of 4,000 chains.
    assert means == pytest.approx([np.tanh(0.1) ** 2, np.tanh(1.0) ** 2], abs=5.5 / np.sqrt(4000))
    for options, sentence in (
        (
            {"block_size": 2},
            r"^block_size is 1, got 2: a fabric updates all sites of a colour at once, each by its own",
        ),
        ({"beta": 0.0}, r"^beta must be a positive number, got 0\.0\.$"),
        ({"samples": 2000}, r"^1000 steps are too few for 2000 samples; a sample is a step at least\.$"),
        ({"warmup": 0}, r"^warmup must be an integer of at least 1, got 0\.$"),
    ):
        with pytest.raises(SpecError, match=sentence):
            SamplingSchedule(**options)  # pyright: ignore[reportArgumentType]
    with pytest.raises(SpecError, match=r"^beta of a model learnt from prices is 1, got 2: at another temperature"):
        ProbabilisticTradingModel(schedule=SamplingSchedule(beta=2.0)).fit(np.zeros(300))


def test_the_sweeps_of_a_draw_are_measured(model):
    """The matrices keep the distribution, and a chain comes near it from the uniform states that a run starts from."""
    from thermofab.apps.trading.mixing import TOLERANCE, conditions_of_all, sweep_matrices, sweeps_needed

    distribution = np.exp(model.fitted.conditional.log_probabilities(conditions_of_all()))
    for order in (range(5), range(4, -1, -1)):
        sweep = sweep_matrices(distribution, order)
        assert np.allclose(sweep.sum(axis=2), 1) and np.allclose(
            np.einsum("ni,nij->nj", distribution, sweep), distribution
        )
        at_need = np.linalg.matrix_power(sweep, model.sweeps_a_draw)
        assert 0.5 * np.abs(at_need.mean(axis=1) - distribution).sum(axis=1).max() <= TOLERANCE
    assert 3 <= model.sweeps_a_draw == sweeps_needed(model.fitted.conditional) <= 10
    # One bit of an even and a 3:1 coin by hand: states 0 and 1 differ in bit 0 alone.
    plain = np.full((1, STATES), 1 / STATES)
    plain[0, 1] *= 3
    first = sweep_matrices(plain / plain.sum(), range(1))[0]
    assert first[0, :2] == pytest.approx([0.25, 0.75]) and first[1, :2] == pytest.approx([0.25, 0.75])

"""Agents and strategy energies: the keys their users rely on, and what they refuse."""

import dataclasses
import json
import subprocess
import sys

import numpy as np
import pandas
import pytest

from thermofab.apps.trading import DonnieAgent, OptimusAgent, RalphAgent
from thermofab.apps.trading.market import ProbabilisticTradingModel
from thermofab.apps.trading.prices import load_prices
from thermofab.apps.trading.records import (
    FEATURES,
    NAMES,
    Thermometer,
    example_records,
    features_of,
    shuffled,
)
from thermofab.apps.trading.risk import var_table
from thermofab.apps.trading.strategies import EnergyBasedStrategyModel
from thermofab.hw.spec import SpecError, ToolMissingError
from thermofab.models.boltzmann import Training

QUICK = Training(steps=250, batch=64, replicas=128, learning_rate=0.03, weight_decay=1e-3, clip=2.0)
STATISTICS = "mean_future_price std_future_price min_future_price max_future_price mean_return std_return prob_profit "


@pytest.fixture(scope="module")
def optimus():
    return OptimusAgent(device="native", prices=load_prices().between(3500, 5031))


@pytest.fixture(scope="module")
def trained():
    model = EnergyBasedStrategyModel(device="native", training=QUICK)
    model.train(example_records(600, seed=1))
    return model


def test_scenarios_have_the_documented_keys(optimus):
    found = optimus.simulate_trading_scenarios("AAPL", 150.0, 0.25, 1_000_000, num_trajectories=300, horizon=5)
    assert set(found) >= {"symbol", "current_price", "num_trajectories", "horizon", "trajectories", "statistics"}
    assert set(found["statistics"]) == {*STATISTICS.split(), "prob_loss"}
    paths = np.array(found["trajectories"])
    assert paths.shape == (300, 5) and found["statistics"]["mean_future_price"] == pytest.approx(paths[:, -1].mean())
    yearly = np.diff(np.log(paths), axis=1).std() * np.sqrt(252)
    assert 0.17 < yearly < 0.35


def test_tail_risk_and_sizes(optimus):
    calm = optimus.estimate_tail_risk("AAPL", 150.0, 0.15, 1e6, threshold=-0.1)
    wild = optimus.estimate_tail_risk("AAPL", 150.0, 1.0, 1e6, threshold=-0.1)
    assert set(calm["risk_metrics"]) == {"tail_probability", "var_95", "cvar_95", "mean_return", "std_return"}
    assert calm["recommendation"].startswith("LOW RISK") and wild["recommendation"].startswith("HIGH RISK")
    assert optimus.position_size(1e5, wild)["notional"] == 0
    size = optimus.position_size(1e5, calm, risk_budget=0.01)
    assert size["fraction"] == pytest.approx(0.01 / calm["risk_metrics"]["cvar_95"])


def test_the_chance_of_profit_follows_volatility_and_drift(optimus):
    """It was .5579 at every volatility: the index's own drift, scaled."""

    def asked(volatility, **options):
        found = optimus.simulate_trading_scenarios("A", 10.0, volatility, num_trajectories=20_000, **options)
        return found["statistics"] | {"drift": found["basis"]["drift"]}

    calm, wild = asked(0.1), asked(0.9)
    assert calm["drift"] == 0 and abs(calm["prob_profit"] - wild["prob_profit"]) > 0.01
    for found in (calm, wild):
        # 5.5 standard errors about no drift.
        assert abs(found["mean_return"]) < 5.5 * found["std_return"] / np.sqrt(20_000)
    up = asked(0.1, drift=0.5)
    expected = 1.5 ** (10 / 252) - 1
    assert abs(up["mean_return"] - expected) < 5.5 * up["std_return"] / np.sqrt(20_000)
    assert up["prob_profit"] > calm["prob_profit"] + 0.1
    with pytest.raises(SpecError, match=r"^drift is a simple return a year above -1, such as 0\.05, got -1\.0\.$"):
        asked(0.1, drift=-1.0)


def test_a_symbol_with_prices_has_its_own_days_and_starts_where_they_end():
    whole = load_prices()
    stormy = dataclasses.replace(whole.between(2000, 2470), symbol="STORM")  # to 2008-10-27
    calm = dataclasses.replace(whole.between(4200, 4700), symbol="CALM")  # to 2017-09-06
    agent = OptimusAgent(device="native", prices={"STORM": stormy, "CALM": calm})
    risks = {name: agent.estimate_tail_risk(name, 10.0, num_trajectories=4000) for name in ("storm", "CALM")}
    assert risks["storm"]["basis"]["state"] == f"days to {stormy.dates[-1]}"
    assert risks["storm"]["risk_metrics"]["var_95"] > 3 * risks["CALM"]["risk_metrics"]["var_95"]
    fitted = agent._models["STORM"].fitted
    own = ProbabilisticTradingModel(device="native", fitted=fitted).estimate_tail_risk(num_trajectories=4000, drift=0.0)
    assert own == risks["storm"]["risk_metrics"]
    with pytest.raises(SpecError, match=r"^the volatility of QQQ is not known: give it, or OptimusAgent\(prices={'QQQ"):
        agent.estimate_tail_risk("QQQ", 10.0)


def test_volume_bounds_the_position(optimus):
    free = optimus.estimate_tail_risk("A", 50.0, 0.15, num_trajectories=2000)
    thin = optimus.estimate_tail_risk("A", 50.0, 0.15, 200, num_trajectories=2000)
    assert free["liquidity"] is None and thin["liquidity"]["sellable_shares"] == pytest.approx(0.1 * 200 * 10)
    sizes = [optimus.position_size(1e5, risk)["notional"] for risk in (free, thin)]
    assert sizes[1] == pytest.approx(200 * 50.0) and sizes[0] > 1.5 * sizes[1]


def test_ralph_reads_the_figures_of_a_record():
    record = example_records(1)[0]
    assert RalphAgent()._extract_strategy_features(record) == {name: record[name] for name in NAMES}
    with pytest.raises(SpecError, match="has no 'sharpe'"):
        RalphAgent()._extract_strategy_features({"backtest_score": 1, "trust_score": 1})


def test_donnie_accepts_shrinks_and_rejects(optimus):
    donnie = DonnieAgent(optimus)
    decisions = [
        donnie.validate_trade("X", 10.0, volatility, fraction=fraction)["decision"]
        for volatility, fraction in ((0.15, 0.05), (0.15, 1.0), (1.0, 0.05))
    ]
    assert decisions == ["accept", "shrink", "reject"]
    with pytest.raises(SpecError, match="fraction is the share of equity to hold, above 0 and at most 1, got 2"):
        donnie.validate_trade("X", 10.0, 0.2, fraction=2)


def test_profile_names_every_method(optimus):
    found = optimus.profile_thrml_performance(("native", "thrml", "numpy"), samples=2000)
    assert (
        set(found["benchmark_results"]) == {"native", "thrml", "numpy"}
        and "was fastest here" in found["recommendation"]
    )
    assert all(row["samples_per_second"] > 0 for row in found["benchmark_results"].values())


@pytest.mark.parametrize(
    "change, sentence",
    [
        ({"symbol": ""}, r"^symbol must be a name such as 'AAPL', got ''\.$"),
        ({"current_price": 0}, r"^current_price must be a positive number, got 0\.$"),
        ({"volatility": -0.2}, r"^volatility must be a positive number, got -0\.2\.$"),
        ({"volatility": float("nan")}, r"^volatility must be a positive number, got nan\.$"),
        ({"volume": -1}, r"^volume cannot be negative, got -1\.$"),
        ({"horizon": 0}, r"^horizon must be an integer of at least 1, got 0\.$"),
        ({"num_trajectories": 0}, r"^num_trajectories must be an integer of at least 1, got 0\.$"),
    ],
)
def test_bad_questions_are_refused(optimus, change, sentence):
    with pytest.raises(SpecError, match=sentence):
        optimus.simulate_trading_scenarios(
            **{"symbol": "A", "current_price": 1.0, "volatility": 0.2, "volume": 0} | change
        )


def test_no_agent_trades():
    with pytest.raises(SpecError, match="only simulates and never sends an order; sandbox must be True"):
        OptimusAgent(sandbox=False)


def test_typical_and_rare_are_told_apart(trained):
    from sklearn.metrics import roc_auc_score

    fresh = example_records(250, seed=77)
    energies = [trained.evaluate(record)["energy"] for record in [*fresh, *shuffled(fresh, 1)]]
    assert roc_auc_score([0] * 250 + [1] * 250, energies) > 0.85
    found = trained.evaluate(fresh[0])
    assert set(found) == {"energy", "probability_score", "is_typical", "interpretation"}
    assert np.mean([trained.evaluate(record)["is_typical"] for record in fresh]) > 0.8


def test_generated_records_stay_in_range_and_say_that_they_are_drawn(trained):
    made = trained.sample_strategies(60, seed=2)
    assert {"name", "thrml_energy", "features", "backtested"} <= set(made[0]) and not made[0]["backtested"]
    for record in made:
        features_of(record)
    again = trained.sample_strategies(60, seed=2)
    assert made == again
    skilled = np.corrcoef([r["sharpe"] for r in made], [r["win_rate"] for r in made])[0, 1]
    assert skilled > 0.2


def test_ralph_learns_judges_and_draws():
    ralph = RalphAgent(example_records(80, seed=3), device="native")
    with pytest.raises(SpecError, match=r"has not been trained; call train_strategy_ebm\(\) first"):
        ralph.generate_strategy_samples(1)
    assert ralph.train_strategy_ebm()["num_strategies"] == 80
    assert ralph.evaluate_strategy_with_ebm(example_records(1)[0])["energy"] < 0
    assert len(ralph.generate_strategy_samples(3)) == 3


def test_malformed_records_are_refused(trained):
    record = example_records(1)[0]
    for change, sentence in (
        ({"sharpe": "high"}, "sharpe of a record is a number from -3 to 6, got 'high'"),
        ({"win_rate": 1.5}, "win_rate of a record is a number from 0 to 1, got 1.5"),
    ):
        with pytest.raises(SpecError, match=sentence):
            trained.evaluate(record | change)
    del record["volatility"]
    with pytest.raises(SpecError, match="the strategy record has no 'volatility'; a record has backtest_score"):
        trained.evaluate(record)
    with pytest.raises(SpecError, match="learns from 40 records at least, got 3"):
        EnergyBasedStrategyModel().train(example_records(3))
    with pytest.raises(SpecError, match=r"has not learnt anything yet; call train\(records\) first"):
        EnergyBasedStrategyModel().evaluate(record)
    with pytest.raises(SpecError, match="num_samples must be an integer of at least 1, got 0"):
        trained.sample_strategies(0)


def test_thermometers_close_their_gaps():
    table = np.stack([features_of(record) for record in example_records(300)])
    code = Thermometer.of(table)
    bits = code.encode(table)
    assert bits.shape == (300, 4 * len(FEATURES)) and len(NAMES) == 9
    assert np.all(np.diff(bits.reshape(300, 9, 4).astype(int), axis=2) <= 0)
    back = code.decode(bits, np.full((300, 9), 0.5))
    assert np.mean(code.encode(back) == bits) > 0.97


def test_missing_packages_are_named(monkeypatch):
    from thermofab.apps.trading import command

    monkeypatch.setattr(command, "find_spec", lambda name: None if name in ("arch", "optax") else object())
    with pytest.raises(
        ToolMissingError, match=r"^thermofab trade needs arch, optax: pip install 'thermofab\[trading,mo"
    ):
        command.check_packages()


def test_commands(tmp_path):
    def run(*arguments):
        command = [sys.executable, "-m", "thermofab.apps.cli", "trade", *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)

    prices = load_prices().between(4000, 5031)
    rows = "".join(f"{day},{close}\n" for day, close in zip(prices.dates, prices.closes))
    (tmp_path / "p.csv").write_text("Date,Close\n" + rows)
    done = run("fit", "--prices", "p.csv", "--out", "m.json", "--json")
    assert json.loads(done.stdout)["days"] == 1031, done.stderr
    assert "note: the sampled days drive the volatility filter with a persistence of 1." in done.stderr
    options = ("--device", "native", "--trajectories", 200, "--json", "--out", "d", "--paths", "d/paths.csv.gz")
    done = run("scenarios", "--prices", "p.csv", *options)
    assert len(json.loads(done.stdout)["pictures"]) == 2 and (tmp_path / "d" / "fan.png").stat().st_size > 5000
    paths = pandas.read_csv(tmp_path / "d" / "paths.csv.gz")
    assert len(paths) == 2000 and paths.columns.tolist() == ["path", "day", "price", "return", "volatility"]
    first = paths[paths.path == 7]
    assert np.allclose(first.price, 100 * np.exp(first["return"].cumsum()))
    done = run("risk", "--model", "m.json", "--device", "native", "--trajectories", 1000, "--json")
    found = json.loads(done.stdout)
    assert set(found) >= {"tail_probability", "var_95", "cvar_95"} and found["symbol"] == "p"
    assert found["as_of"] == str(prices.dates[-1]) and found["days"] == 1030
    covered = {(row["horizon"], row["level"]) for row in found["risk"]}
    assert covered == {(h, a) for h in (1, 10) for a in (0.01, 0.025, 0.05)}
    options = ("--as-of", "2017-06-30", "--position", 5000, "--symbol", "ABC", "--horizon", 5, "--level", 0.02)
    done = run("risk", "--prices", "p.csv", "--device", "native", "--trajectories", 1000, "--json", *options)
    (row,), found = json.loads(done.stdout)["risk"], json.loads(done.stdout)
    assert row["var_money"] == pytest.approx(5000 * row["var"]) and 0 < row["var"] < row["es"]
    assert found["as_of"] == "2017-06-30" and found["symbol"] == "ABC" and row["horizon"] == 5
    for arguments, said in (
        (("risk", "--prices", "AAPL"), "unknown symbol 'AAPL'"),
        (("risk", "--prices", "p.csv", "--as-of", "2030-01-01"), "as-of is a day that the prices of p cover, 2014-"),
        (
            ("risk", "--model", "m.json", "--as-of", "2017-01-01"),
            "m.json was learnt up to a day of its own; --as-of goes with --prices.",
        ),
        (("scenarios", "--paths", "x.txt"), "paths are written as .csv, .csv.gz or .parquet, got 'x.txt'."),
    ):
        assert run(*arguments).stderr.splitlines()[-1].startswith(f"thermofab: {said}")


def test_risk_by_horizon_and_level():
    """Of a normal year: VaR and ES by their formulas."""
    from scipy.stats import norm

    returns = np.log1p(np.random.default_rng(0).normal(0, 0.01, (200_000, 1)))
    for row in var_table(returns, (1,), (0.01, 0.05), position=1000.0):
        quantile = norm.ppf(row["level"])
        assert row["var"] == pytest.approx(-0.01 * quantile, rel=0.03)
        assert row["es_money"] == pytest.approx(10 * norm.pdf(quantile) / row["level"], rel=0.03)
    for options, sentence in (
        ({"horizons": (2,)}, r"^horizons are days from 1 to 1, one at least, got \(2,\)\.$"),
        ({"levels": (0.7,)}, r"^levels are between 0 and 0\.5, one at least, got \(0\.7,\)\.$"),
        ({"position": 0.0}, r"^position must be a positive amount of money, got 0\.0\.$"),
    ):
        with pytest.raises(SpecError, match=sentence):
            var_table(returns, **({"horizons": (1,)} | options))  # pyright: ignore[reportArgumentType]
    with pytest.raises(
        SpecError, match=r"^500 paths have fewer than ten below the 0\.01 quantile; take 1000 at least\.$"
    ):
        var_table(returns[:500], (1,))

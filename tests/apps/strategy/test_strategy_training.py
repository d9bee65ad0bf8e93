"""Configuration, splits, training, calibration, checkpoints, scores; on made-up markets with and without a rule."""

from dataclasses import replace

import numpy as np
import pytest

from thermofab.apps.strategy.baselines import BASELINES, MLP_WIDTH, majority
from thermofab.apps.strategy.calibration import calibration_error, fit_temperature, floored, tempered
from thermofab.apps.strategy.checkpoint import StrategyModel, fit_normaliser, load_strategy_model, save_strategy_model
from thermofab.apps.strategy.checks import eager, jitter, one_month, permuted_labels, random_split
from thermofab.apps.strategy.config import (
    MarketFeatureConfig,
    StrategyConfig,
    TRMConfig,
    TRMModelConfig,
    TRMTrainingConfig,
)
from thermofab.apps.strategy.dataset import Dataset, dataset_of, gap, last_fold, walk_forward
from thermofab.apps.strategy.evaluation import MODEL, ablations, evaluate
from thermofab.apps.strategy.labeler import StrategyLabeler
from thermofab.apps.strategy.outcomes import best
from thermofab.apps.strategy.scores import Decisions, blocks, compared, daily, scored, turnover
from thermofab.apps.strategy.tables import difference_table, period_table, score_table
from thermofab.apps.strategy.training import train, trainer_settings
from thermofab.hw.spec import SpecError
from thermofab.models.trm.classifier import TinyRecursiveModel

SMALL = TRMConfig(
    model=TRMModelConfig(hidden_dim=16, dropout=0.0, mask_inputs=True),
    training=TRMTrainingConfig(
        batch_size=64, max_batches=60, check_every=20, learning_rate=3e-3, use_grokfast=False, ema_decay=0.9
    ),
)


@pytest.fixture(scope="module")
def real(store) -> Dataset:
    """Days of the made-up market, in which nothing can be foreseen."""
    return dataset_of(StrategyLabeler(store))


def ruled(days: int, seed: int = 0) -> Dataset:
    """Days on which the sign of the second feature says whether SPY or TLT gains."""
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(days, 10))
    features[:, 6] = np.nan
    growth = 1 + 0.02 * np.stack([np.sign(features[:, 1]), -np.sign(features[:, 1])], axis=1)
    shares = np.array(StrategyConfig().allocations)
    profits = growth @ shares.T - shares.sum(axis=1)
    classes = best(profits)[0]
    dates = np.datetime64("2005-01-03") + np.arange(days)
    return Dataset(np.arange(days), dates, features, profits, profits, classes, classes, growth)


def test_configuration_round_trip_and_depth(tmp_path):
    config = TRMConfig(
        training=TRMTrainingConfig(learning_rate=1e-4, labels="profit"),
        strategies=StrategyConfig(cash_return=0.0001),
        features=MarketFeatureConfig(symbols=("SPY", "QQQ")),
    )
    config.save(tmp_path / "config" / "trm_config.json")
    assert TRMConfig.load(tmp_path / "config" / "trm_config.json") == config
    assert config.effective_depth == 42 and TRMConfig().model.input_dim == 10
    assert TRMConfig.from_json({}) == TRMConfig()
    # the documents' file
    kept = {"training": {"optimizer": "adamw", "batch_size": 768, "use_grokfast": True, "grokfast_alpha": 0.98}}
    assert TRMConfig.from_json(kept).training == TRMTrainingConfig()


@pytest.mark.parametrize(
    ("act", "sentence"),
    [
        (lambda: TRMTrainingConfig(batch_size=0), r"^batch_size must be at least 1, got 0\.$"),
        (lambda: TRMTrainingConfig(learning_rate=0.0), r"^learning_rate must be above 0, got 0\.0\.$"),
        (lambda: TRMTrainingConfig(labels="luck"), r"^labels are by profit or utility, got 'luck'\.$"),
        (lambda: TRMTrainingConfig(optimizer="sgd"), r"^optimizer is adamw, got 'sgd'\.$"),
        (lambda: MarketFeatureConfig(symbols=("TLT",)), r"^symbols are different names, SPY among them; got TLT\.$"),
        (lambda: StrategyConfig(horizon_days=0), r"^horizon_days must be at least 1, got 0\.$"),
        (lambda: TRMConfig(model=TRMModelConfig(output_dim=3)), r"^the model goes from 10 features to 8 strategies, "),
        (lambda: TRMConfig.from_json({"training": {"rate": 1}}), r"^TRMTrainingConfig has no 'rate'; it has "),
        (lambda: TRMConfig.from_json({"models": {}}), r"^this is no thermofab strategy configuration 1: it has a sec"),
        (lambda: TRMConfig.from_json([]), r"^a configuration is a JSON object, got list\.$"),
        (lambda: TRMConfig.load("none.json"), r"^there is no file none\.json\.$"),
        (lambda: TRMConfig.from_json({"training": {"batch_size": "many"}}), r"^a value of TRMTrainingConfig cannot be"),
    ],
)
def test_bad_configurations_are_refused(act, sentence):
    with pytest.raises(SpecError, match=sentence):
        act()


def test_folds_leave_no_label_across_a_border(real):
    between = gap(StrategyConfig(), embargo=3)
    folds = walk_forward(real, 4, 200, between=between)
    assert between == 8 and np.array_equal(np.concatenate([fold.test for fold in folds]), np.arange(200, len(real)))
    for fold in folds:
        # the last price that a label sees is five trading days after its day
        assert real.day[fold.train].max() + 5 + 3 < real.day[fold.validation].min()
        assert real.day[fold.validation].max() + 5 + 3 < real.day[fold.test].min()
    assert len(folds[1].train) > len(folds[0].train)
    final = last_fold(real, between=between)
    assert final.validation[-1] == len(real) - 1 and len(final.test) == 0


def test_gaps_count_trading_days_and_not_rows(real):
    holey = real.take(np.r_[0:180, 186 : len(real)])  # six days without a label, just before the test days
    fold = walk_forward(holey, 1, 180, between=8)[0]
    assert holey.day[fold.validation].max() + 8 < holey.day[fold.test].min()
    assert len(fold.validation) + len(fold.train) > 180 - 8 - 8


def test_a_normaliser_knows_the_training_days_only(real):
    fold = walk_forward(real, 1, 300, between=10)[0]
    other = replace(real, features=real.features.copy())
    other.features[fold.train[-1] + 1 :] *= 1000
    quick = replace(SMALL, training=replace(SMALL.training, max_batches=1, check_every=1))
    a, b = (train(data, fold, quick).model.normaliser for data in (real, other))
    assert a == b and a.mean[6] == 0.0 and a.deviation[6] == 0.0


def test_prediction_of_earlier_days_ignores_later_ones(real):
    """The answers on the first test block are the same bits when everything after it is replaced."""
    folds = walk_forward(real, 2, 250, between=10)
    later = replace(real, features=real.features.copy(), profits=real.profits.copy(), by_utility=real.by_utility.copy())
    after = folds[0].test[-1] + 1
    later.features[after:], later.profits[after:], later.by_utility[after:] = 0.5, 0.01, 3
    answers = [
        train(data, folds[0], SMALL).model.probabilities(real.features[folds[0].test])[0] for data in (real, later)
    ]
    assert np.array_equal(answers[0], answers[1])


def test_learns_a_rule_is_calibrated_and_stops_early():
    data = ruled(900)
    fold = walk_forward(data, 1, 600, between=10)[0]
    trained = train(data, fold, replace(SMALL, training=replace(SMALL.training, max_batches=200, patience=2)))
    p, halting, normalised = trained.model.probabilities(data.features[fold.test])
    assert p.shape == (300, 8) and halting.shape == (300,) and normalised.shape == (300, 10)
    assert p.sum(axis=1) == pytest.approx(1) and (normalised[:, 6] == 0).all()
    assert (p.argmax(axis=1) == data.by_utility[fold.test]).mean() > 0.9
    assert min(trained.history) == trained.history[trained.batch // 20 - 1]
    assert len(trained.history) < 10 or trained.batch > 140
    confidence = p.max(axis=1)
    assert calibration_error(confidence, p.argmax(axis=1) == data.by_utility[fold.test]) < 0.15


def test_the_mask_is_seen_and_absence_is_learnt():
    """Without the feature that decides, the model says that it does not know."""
    data = ruled(900)
    config = replace(
        SMALL, training=replace(SMALL.training, absent_rate=0.3, max_batches=120, patience=6, soft_labels=True)
    )
    model = train(data, walk_forward(data, 1, 800, between=10)[0], config).model
    known = data.features[-100:].copy()
    hidden = known.copy()
    hidden[:, 1] = np.nan
    zero = known.copy()
    zero[:, 1] = model.normaliser.mean[1]
    p, q, r = (model.probabilities(rows)[0] for rows in (known, hidden, zero))
    assert p.max(axis=1).mean() > 0.8 and q.max(axis=1).mean() < 0.75
    assert np.abs(q - r).max() > 0.01  # absent is not the mean


def test_resuming_ends_with_the_same_weights(tmp_path):
    data = ruled(300)
    fold = walk_forward(data, 1, 250, between=10)[0]
    config = replace(SMALL, model=replace(SMALL.model, dropout=0.2))
    whole = train(data, fold, config)

    class Stopped(Exception):
        pass

    calls = []

    def stop() -> None:
        calls.append(1)
        if len(calls) == 33:
            raise Stopped

    with pytest.raises(Stopped):
        train(data, fold, config, checkpoint=tmp_path / "run", progress=stop)
    resumed = train(data, fold, config, checkpoint=tmp_path / "run")
    assert resumed.history == whole.history and resumed.model.digest == whole.model.digest
    other = replace(config, training=replace(config.training, learning_rate=1e-4))
    with pytest.raises(SpecError, match=r"^the checkpoint run was made with another configuration or other days; "):
        train(data, fold, other, checkpoint=tmp_path / "run")


def test_switches_reach_the_trainer():
    plain = trainer_settings(replace(SMALL.training, use_ema=False, use_grokfast=False))
    assert plain.ema == 0.0 and not plain.grokfast and plain.losses.halting == 0.5
    made = ablations(TRMConfig())
    assert made["without EMA"].training.use_ema is False and made["without both"].training.use_grokfast is False
    assert made["without profit term"].training.profit_weight == 0


def test_default_model_has_1981449_parameters_with_its_mask():
    model = TinyRecursiveModel(TRMConfig().model)
    assert sum(p.numel() for p in model.parameters()) == 1_981_449 and model.config.columns == 20
    width, inputs = MLP_WIDTH, 20
    peer = inputs * width + width + width * width + width + 8 * width + 8
    assert abs(peer / 1_981_449 - 1) < 0.001


def test_checkpoints(tmp_path):
    data = ruled(100)
    net = TinyRecursiveModel(SMALL.model)
    model = StrategyModel(net, fit_normaliser(data.features), 1.7, SMALL, {"note": "made up"})
    save_strategy_model(tmp_path / "model", model)
    for name in ("model", "model.safetensors", "model.json"):
        kept = load_strategy_model(tmp_path / name)
        assert kept.digest == model.digest and kept.config == SMALL and kept.about == {"note": "made up"}
        assert np.array_equal(kept.probabilities(data.features)[0], model.probabilities(data.features)[0])
    sidecar = tmp_path / "model.json"
    sidecar.write_text(sidecar.read_text().replace('"temperature": 1.7', '"temperature": 2.7'))
    with pytest.raises(SpecError, match=r"does not match its digest\.$"):
        load_strategy_model(tmp_path / "model")
    with pytest.raises(SpecError, match=r"^trm_best_model\.pkl is a pickle, which can run code when it is read; "):
        load_strategy_model(tmp_path / "trm_best_model.pkl")


def test_bad_features_are_refused():
    model = StrategyModel(TinyRecursiveModel(SMALL.model), fit_normaliser(ruled(50).features), 1.0, SMALL)
    for rows, sentence in (
        (np.zeros((1, 9)), r"^features must have shape \[rows, 10\], got \[1, 9\]\.$"),
        (np.full((1, 10), np.inf), r"^features hold infinite values; an absent feature is NaN\.$"),
        (np.full((1, 10), np.nan), r"^a row has no feature at all; at least one of the ten must be known\.$"),
    ):
        with pytest.raises(SpecError, match=sentence):
            model.probabilities(rows)


def test_temperature_finds_the_scale_and_lowers_the_error():
    rng = np.random.default_rng(0)
    logits = 1.5 * rng.normal(size=(20_000, 8))
    truth = (np.exp(logits) / np.exp(logits).sum(1, keepdims=True)).cumsum(1)
    classes = (rng.random((20_000, 1)) < truth).argmax(1)
    sharp = tempered(np.exp(logits), 1 / 3)
    temperature = fit_temperature(sharp, classes)
    assert temperature == pytest.approx(3, rel=0.05)
    errors = [calibration_error(p.max(1), p.argmax(1) == classes) for p in (sharp, tempered(sharp, temperature))]
    assert errors[0] > 0.2 and errors[1] < 0.02


def test_calibration_error_by_hand():
    confidence, right = np.array([0.9, 0.9, 0.2, 0.2]), np.array([True, False, False, False])
    assert calibration_error(confidence, right) == pytest.approx(0.5 * 0.4 + 0.5 * 0.2)
    assert floored(np.array([[1.0, 0.0]])).min() > 0


def test_turnover_and_cost_by_hand():
    data = ruled(20)
    config = StrategyConfig(cost=0.01)
    choices = np.zeros(20, dtype=int)
    traded = turnover(data, choices, config)
    assert traded[:5] == pytest.approx(0.7)  # 20% SPY and 50% TLT bought with cash
    spy, tlt = data.growth[0]
    value = 0.2 * spy + 0.5 * tlt + 0.3
    assert traded[5] == pytest.approx(abs(0.2 - 0.2 * spy / value) + abs(0.5 - 0.5 * tlt / value))
    answers = Decisions(np.full((20, 8), 1 / 8), np.full((20, 8), 1 / 8), choices)
    by_day = daily(data, "profit", answers, config)
    assert by_day.net == pytest.approx(data.profits[:, 0] - 0.01 * traded)


def test_intervals_cover_the_value_and_pairs_are_compared():
    data = ruled(400)
    sure = np.full((400, 8), 0.01)
    sure[np.arange(400), data.by_utility] = 0.93
    right, wrong = Decisions.of(sure, sure), Decisions.of(np.roll(sure, 3, axis=1), sure)
    rows = blocks(400, replicates=200)
    scores = scored(data, "utility", right, StrategyConfig(), rows)
    assert scores["accuracy"] == {"value": 1.0, "low": 1.0, "high": 1.0}
    assert scores["profit"]["low"] <= scores["profit"]["value"] <= scores["profit"]["high"]
    less = compared(data, "utility", right, wrong, StrategyConfig(), rows, variants=10)
    assert less["accuracy"]["low_all"] > 0.9 and less["log_loss"]["high_all"] < 0
    same = compared(data, "utility", right, right, StrategyConfig(), rows, variants=10)
    assert same["accuracy"]["value"] == same["accuracy"]["high_all"] == 0


def test_blocks_are_runs_of_days():
    rows = blocks(100, replicates=3)
    assert rows.shape == (3, 100) and np.mean(np.diff(rows, axis=1) % 100 == 1) > 0.9


def test_walk_forward_table(tmp_path):
    data = ruled(700)
    quick = replace(SMALL, training=replace(SMALL.training, max_batches=80, patience=9))
    names = []

    def run():
        return evaluate(
            data, quick, folds=2, first_train=400, models=(MODEL, "without EMA"), cache=tmp_path, progress=names.append
        )

    result = run()
    assert names[0] == "recursive model, fold 1" and len(names) == 2 * 7
    kept = result.to_json(replicates=50)
    methods = kept["methods"]
    for name in (MODEL, "logistic", "boosting", "mlp"):
        assert methods[name]["accuracy"]["value"] > 0.9, name
    assert methods["majority"]["accuracy"]["value"] < 0.6 and methods["random"]["accuracy"]["value"] < 0.25
    assert kept["variants_tried"] == 2 + 10 and kept["model_less"]["majority"]["accuracy"]["low_all"] > 0
    assert kept["days"] == 300 and sum(kept["class_counts"].values()) == 300 and kept["halting"]["share_right"] > 0.9
    for text in (score_table(kept), period_table(kept), difference_table(kept)):
        assert "majority" in text
    again = run()
    assert np.array_equal(again.decisions[MODEL].probabilities, result.decisions[MODEL].probabilities)
    assert len(list(tmp_path.glob("*.npz"))) == 14


def test_majority_is_the_training_days_commonest(real):
    fold = walk_forward(real, 1, 300, between=10)[0]
    answers = majority(real, fold, TRMConfig())
    assert answers.test.argmax(axis=1)[0] == np.bincount(real.by_utility[fold.train]).argmax()
    assert set(BASELINES) == {"majority", "random", "logistic", "boosting", "mlp"}


def test_permuted_labels_teach_nothing_that_holds():
    data = ruled(500)
    fold = walk_forward(data, 1, 300, between=10)[0]
    config = eager(SMALL)
    config = replace(config, training=replace(config.training, learning_rate=3e-3, max_batches=100))
    shares = permuted_labels(data, fold, config)
    # 200 held-out days of two even classes: with nothing learnt 0.5, and 5 standard deviations are 0.18
    assert shares.train > 0.5 and shares.held_out < 0.5 + 0.18
    own = jitter(data, fold, config, keep=True)
    assert own["held_out_accuracy"] > 0.9 and own["consistency"] > 0.9 and not own["memorising"]


def test_a_month_is_learnt_by_heart(real):
    """Nothing can be foreseen in this market; the documents' criterion is met on the month trained on all the same."""
    config = eager(SMALL)
    config = replace(config, training=replace(config.training, learning_rate=3e-3, labels="profit"))
    found = one_month(real, config, months=3)
    assert found["train"] > found["claim"] > found["held_out"]


def test_a_random_split_leaks():
    """Labels that last for 20 days and have nothing to do with the slow features: neighbours give them away."""
    rng = np.random.default_rng(0)
    data = ruled(1000)
    classes = np.repeat(rng.choice([0, 5], 50), 20)
    walks = rng.normal(size=(1000, 10)).cumsum(axis=0)
    shares = random_split(replace(data, features=walks, by_utility=classes), TRMConfig())
    # 150 held-out days; for the purged split 50 blocks of 20 days make about 8 independent coin flips
    assert shares["random"].held_out > 0.8 and shares["purged"].held_out < shares["random"].held_out - 0.1


def test_predictions_do_not_depend_on_the_rows_beside(real):
    model = StrategyModel(TinyRecursiveModel(SMALL.model), fit_normaliser(real.features), 1.0, SMALL)
    whole, one = model.probabilities(real.features[:50])[0], model.probabilities(real.features[7:8])[0]
    assert whole[7] == pytest.approx(one[0], abs=1e-6)

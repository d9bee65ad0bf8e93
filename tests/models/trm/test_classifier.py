"""The classifier: shape, depth, updates, gradients, losses, training, resuming; faults of earlier ones."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from thermofab.hw.spec import SpecError
from thermofab.models.trm import (
    GrokFast,
    LossWeights,
    Normaliser,
    TinyRecursiveModel,
    TRMConfig,
    TRMModelConfig,
    TRMTrainer,
    TRMTraining,
    WeightAverage,
    check_memorisation,
    halting_loss,
    load_classifier,
    profit_loss,
    total_loss,
)

SMALL = TRMModelConfig(hidden_dim=32, dropout=0.0)
QUICK = {"learning_rate": 3e-3, "grokfast": False}  # the filter slows short runs down


def task(rows: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """A rule that can be learnt: the largest of eight features."""
    x = torch.randn(rows, 10, generator=torch.Generator().manual_seed(seed))
    return x, x[:, :8].argmax(dim=1)


def test_default_form_has_1981449_parameters_and_depth_42():
    model = TinyRecursiveModel()
    assert sum(p.numel() for p in model.parameters()) == 1_981_449
    assert model.config.effective_depth == 42


def test_shape_can_be_named_in_the_call():
    model = TinyRecursiveModel(input_dim=10, hidden_dim=512, output_dim=8)
    assert model.config == TRMModelConfig() and TRMConfig is TRMModelConfig
    assert TinyRecursiveModel(SMALL, output_dim=3).config == TRMModelConfig(hidden_dim=32, dropout=0.0, output_dim=3)


def test_mask_is_seen_and_costs_no_parameter():
    model = TinyRecursiveModel(mask_inputs=True)
    assert sum(p.numel() for p in model.parameters()) == 1_981_449
    there, absent = torch.zeros(1, 20), torch.zeros(1, 20)
    absent[0, 16] = 1  # the seventh feature
    a, b = (model.get_strategy_probabilities(x) for x in (there, absent))
    assert (a - b).abs().max() > 0.01
    torch.testing.assert_close(a, TinyRecursiveModel().get_strategy_probabilities(there[:, :10]))


def test_gradient_reaches_every_parameter_halting_head_included():
    model = TinyRecursiveModel(mask_inputs=True)
    x = torch.randn(8, 20, generator=torch.Generator().manual_seed(0))
    out = model(x)
    total_loss(out.logits, out.halt_logits, torch.arange(8), LossWeights())[0].backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None and float(parameter.grad.abs().max()) > 0, name


def test_layers_act_42_times():
    model, calls = TinyRecursiveModel(), []
    for perceptron in (model.reasoning, model.solution):
        for layer in perceptron:
            if isinstance(layer, torch.nn.Linear):
                layer.register_forward_hook(lambda *_: calls.append(1))
    out = model(torch.randn(2, 10))
    assert len(calls) == 42 and len(out.cycle_logits) == 3
    assert out.logits.shape == (2, 8) and out.halt_logits.shape == (2,) and out.y.shape == out.z.shape == (2, 512)


def test_updates_are_the_formulas():
    model = TinyRecursiveModel(SMALL).eval()
    h, y, z = torch.randn(3, 4, 32, generator=torch.Generator().manual_seed(0))
    z2 = z + model.norm_reasoning(model.reasoning(torch.cat([h, y, z], dim=1)))
    torch.testing.assert_close(model.reasoning_update(h, y, z), z2)
    y2 = y + model.norm_solution(model.solution(torch.cat([y, z], dim=1)))
    torch.testing.assert_close(model.solution_update(y, z), y2)
    last = z
    for _ in range(6):
        last = model.reasoning_update(h, y, last)
    got_y, got_z = model.latent_recursion(h, y, z)
    torch.testing.assert_close(got_z, last)
    torch.testing.assert_close(got_y, model.solution_update(y, last))


def test_only_the_last_cycle_carries_gradient():
    model = TinyRecursiveModel(SMALL)
    out = model(torch.randn(4, 10))
    assert [logits.requires_grad for logits in out.cycle_logits] == [False, False, True]
    out.logits.sum().backward()
    assert all(p.grad is not None for n, p in model.named_parameters() if not n.startswith("halt_head"))


def test_confidence_is_the_softmax_maximum_and_not_the_halting_probability():
    model = TinyRecursiveModel(SMALL)
    x = torch.randn(16, 10)
    out = model.predict_strategy(x)
    p = model.get_strategy_probabilities(x)
    torch.testing.assert_close(p.sum(1), torch.ones(16))
    torch.testing.assert_close(out.confidence, p.max(dim=1).values)
    torch.testing.assert_close(out.halt_probability, model.compute_halt_signal(model.eval()(x).y))
    assert (out.confidence - out.halt_probability).abs().max() > 0.05


def test_rows_stop_where_the_halting_head_says_so():
    model = TinyRecursiveModel(SMALL)
    x = torch.randn(64, 10)
    threshold = float(model.predict_strategy(x).halt_probability.median())
    out = model.predict_strategy(x, max_steps=4, halt_threshold=threshold)
    first = model.predict_strategy(x)
    stopped = first.halt_probability > threshold
    assert (out.steps[stopped] == 1).all() and (out.steps[~stopped] > 1).all()
    assert (out.strategy[stopped] == first.strategy[stopped]).all()


def test_halting_loss_takes_logits():
    logits, right = torch.tensor([9.0, -9.0]), torch.tensor([True, False])
    assert halting_loss(logits, right) < 1e-3
    # of probabilities it could not fall below ln(1 + e^-1)
    assert halting_loss(torch.sigmoid(logits), right) > 0.3


def test_halting_head_learns_whether_the_answer_is_right():
    # the label is the sign of a feature where another is positive, and noise elsewhere: the head must tell which
    x, _ = task(1000, seed=3)
    noise = torch.randint(0, 8, (1000,), generator=torch.Generator().manual_seed(0))
    y = torch.where(x[:, 8] > 0, (x[:, 0] > 0).long(), noise)
    trainer = TRMTrainer(TinyRecursiveModel(SMALL), x, y, TRMTraining(batch_size=250, ema=0.9, **QUICK))
    for _ in range(40):
        trainer.step()
    test, _ = task(1000, seed=4)
    p = trainer.averaged().predict_strategy(test).halt_probability
    assert p[test[:, 8] > 0.3].mean() - p[test[:, 8] < -0.3].mean() > 0.4


def test_profit_term_prefers_profitable_strategies():
    logits = torch.zeros(1, 8, requires_grad=True)
    profits = torch.zeros(1, 8)
    profits[0, 3] = 0.02
    profit_loss(logits, profits, 0.01).backward()
    assert logits.grad is not None and logits.grad[0].argmin() == 3 and logits.grad[0, 3] < 0


def test_total_is_the_weighted_sum():
    logits, halts, labels = torch.randn(5, 8), torch.randn(5), torch.arange(5)
    profits = torch.randn(5, 8) / 100
    weights = LossWeights(halting=0.3, profit=0.7, profit_scale=0.02)
    total, parts = total_loss(logits, halts, labels, weights, profits)
    by_hand = F.cross_entropy(logits, labels) + 0.3 * parts["halting"] + 0.7 * parts["profit"]
    torch.testing.assert_close(total, by_hand)
    soft = F.one_hot(labels, 8).float()
    torch.testing.assert_close(total_loss(logits, halts, soft, weights, profits)[0], total)


def test_grokfast_amplifies_the_slow_part():
    layer = torch.nn.Linear(1, 1, bias=False)
    keep = GrokFast(alpha=0.5, strength=2.0)
    gradients = []
    for g in (1.0, 3.0, 3.0):
        layer.weight.grad = torch.tensor([[g]])
        keep(layer)
        gradients.append(float(layer.weight.grad))
    # averages 1, 2, 2.5; the first gradient starts the average; the slow part is added, never subtracted
    assert gradients == [3.0, 7.0, 8.0]


def test_average_of_weights():
    layer = torch.nn.Linear(1, 1, bias=False)
    torch.nn.init.zeros_(layer.weight)
    average = WeightAverage(layer, decay=0.999)
    torch.nn.init.ones_(layer.weight)
    average.update(layer)
    assert average.averaged(layer).weight.item() == pytest.approx(1 - 2 / 11)


def test_learns_and_beats_the_commonest_class():
    x, y = task(2000)
    trainer = TRMTrainer(TinyRecursiveModel(SMALL), x, y, TRMTraining(batch_size=250, ema=0.95, **QUICK))
    for _ in range(60):
        trainer.step()
    report = check_memorisation(trainer.averaged(), (x, y), task(1000, seed=1))
    assert report.held_out_accuracy > 0.7 and report.beats_majority and not report.memorising


def test_memorisation_is_told():
    x, _ = task(64)
    y = torch.randint(0, 8, (64,), generator=torch.Generator().manual_seed(1))
    test = task(400, seed=2)[0], torch.randint(0, 8, (400,), generator=torch.Generator().manual_seed(2))
    trainer = TRMTrainer(TinyRecursiveModel(SMALL), x, y, TRMTraining(batch_size=64, ema=0.9, **QUICK))
    for _ in range(100):
        trainer.step()
    report = check_memorisation(trainer.averaged(), (x, y), test)
    assert report.train_accuracy > 0.8 and report.memorising and not report.beats_majority


@pytest.mark.parametrize("dropout", [0.0, 0.2])
def test_resuming_continues_exactly(tmp_path, dropout):
    x, y = task(100)
    config = TRMModelConfig(hidden_dim=16, dropout=dropout)
    normaliser = Normaliser.fit(x.numpy())

    def new() -> TRMTrainer:
        return TRMTrainer(TinyRecursiveModel(config), x, y, TRMTraining(batch_size=32, seed=7), normaliser=normaliser)

    whole, first = new(), new()
    for _ in range(6):
        whole.step()
    for _ in range(3):
        first.step()
    first.save(tmp_path / "half")
    second = TRMTrainer.load(tmp_path / "half", x, y)
    for _ in range(3):
        second.step()
    for name, value in whole.model.state_dict().items():
        assert torch.equal(value, second.model.state_dict()[name]), name
        assert torch.equal(whole.average.weights[name], second.average.weights[name]), name
    second.save(tmp_path / "end")
    model, kept = load_classifier(tmp_path / "end")
    assert kept == normaliser
    assert torch.equal(model.get_strategy_probabilities(x), whole.averaged().get_strategy_probabilities(x))


def test_global_generator_is_left_alone():
    torch.manual_seed(0)
    x, y = task(32)
    trainer = TRMTrainer(TinyRecursiveModel(SMALL), x, y, TRMTraining(batch_size=32))
    before = torch.get_rng_state()
    trainer.step()
    assert torch.equal(before, torch.get_rng_state())


def test_normaliser_sees_training_rows_only_and_survives_constants():
    rows = np.array([[1.0, 5.0], [3.0, 5.0]])
    normaliser = Normaliser.fit(rows)
    torch.testing.assert_close(normaliser(rows), torch.tensor([[-1.0, 0.0], [1.0, 0.0]]))
    assert float(normaliser(np.array([[1e9, 6.0]]))[0, 0]) == 10.0


@pytest.mark.parametrize(
    ("act", "sentence"),
    [
        (
            lambda: TRMModelConfig(hidden_dim=31),
            r"^hidden_dim must be even, for the halting head has half of it; got 31\.$",
        ),
        (lambda: TRMModelConfig(output_dim=1), r"^output_dim must be at least 2, got 1\.$"),
        (lambda: TRMModelConfig(dropout=1.0), r"^dropout must be in \[0, 1\), got 1\.0\.$"),
        (
            lambda: TinyRecursiveModel(SMALL)(torch.zeros(2, 9)),
            r"^features must have shape \[rows, 10\], got \[2, 9\]\.$",
        ),
        (
            lambda: TinyRecursiveModel(SMALL)(torch.full((1, 10), torch.nan)),
            r"^features hold NaN or infinite values; drop or impute those rows\.$",
        ),
        (
            lambda: total_loss(torch.zeros(1, 8), torch.zeros(1), torch.zeros(1).long(), LossWeights(profit=1.0)),
            r"^the profit-weighted term needs profits \[rows, strategies\]; give them or weight it by 0\.$",
        ),
        (
            lambda: total_loss(torch.zeros(1, 8), torch.zeros(1), torch.ones(1, 8), LossWeights()),
            r"^soft labels must have shape \[1, 8\], and rows of probabilities with sum 1\.$",
        ),
        (
            lambda: GrokFast(alpha=1.0),
            r"^GrokFast needs alpha in \[0, 1\) and a strength of at least 0, got 1\.0 and 2\.0\.$",
        ),
        (
            lambda: Normaliser.fit(np.zeros((0, 3))),
            r"^a normaliser is fitted to at least one row of finite features, .*",
        ),
    ],
)
def test_bad_input_is_refused(act, sentence):
    with pytest.raises(SpecError, match=sentence):
        act()

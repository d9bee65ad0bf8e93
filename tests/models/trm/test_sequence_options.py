"""Options of the sequence form: positions, norms, ignored answers, optimiser, averaging, stored configurations."""

import math

import numpy as np
import pytest
import torch

from thermofab.hw.spec import SpecError
from thermofab.models.puzzles import Box, make_puzzles
from thermofab.models.trm import (
    IGNORED,
    SequenceConfig,
    SequenceTrainer,
    SequenceTraining,
    SequenceTRM,
    WeightAverage,
    stablemax_cross_entropy,
)
from thermofab.models.trm.atan2 import AdamAtan2
from thermofab.models.trm.blocks import Layer, rms_norm, rotated
from thermofab.models.trm.sequence_training import right_answers, supervision_loss

PUZZLES = make_puzzles(Box(2, 2), 12, seed=0)


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_rotary_products_depend_on_how_far_apart_positions_are():
    q, k = noise(8, seed=1), noise(8, seed=2)
    products = rotated(q.expand(1, 1, 12, 8))[0, 0] @ rotated(k.expand(1, 1, 12, 8))[0, 0].T
    for apart in range(-11, 12):
        line = products.diagonal(apart)
        torch.testing.assert_close(line, line[:1].expand_as(line))
    assert products[0, 0] == pytest.approx(float(q @ k), rel=1e-5)
    assert (products[0] - products[0, 0]).abs().max() > 0.1


def test_attention_without_positions_cannot_tell_them_apart_and_with_rotary_can():
    tokens = torch.zeros(2, 16, dtype=torch.int64)
    tokens[0, 0] = tokens[1, 5] = 3
    for positions, apart in (("none", False), ("rotary", True)):
        model = SequenceTRM(SequenceConfig.sudoku(2, 2, width=32, mixing="attention", positions=positions))
        logits = model(tokens, model.start(2)).logits
        assert ((logits[0, 15] - logits[1, 15]).abs().max() > 1e-3) == apart


@pytest.mark.parametrize("normalised", ["width", "positions"])
def test_a_layer_is_its_formula(normalised):
    layer = Layer(8, 5, "mlp", 1, 4.0, torch.Generator().manual_seed(0), normalised=normalised)
    h = noise(3, 5, 8)
    mixed = h + layer.mix(h.transpose(1, 2)).transpose(1, 2)
    mean = mixed.square().mean(dim=-1 if normalised == "width" else 1, keepdim=True)
    mixed = mixed / (mean + 1e-5).sqrt()
    torch.testing.assert_close(layer(h), rms_norm(mixed + layer.mlp(mixed)))


def test_sudokus_with_attention_have_rotary_positions_unless_told():
    assert SequenceConfig.sudoku(2, 2, mixing="attention").positions == "rotary"
    assert SequenceConfig.sudoku(2, 2, mixing="attention", positions="learnt").positions == "learnt"
    assert SequenceConfig.sudoku(2, 2).positions == "learnt"


def test_without_learnt_positions_there_are_fewer_parameters():
    count = [
        sum(p.numel() for p in SequenceTRM(SequenceConfig.sudoku(2, 3, positions=positions)).parameters())
        for positions in ("learnt", "none")
    ]
    assert count == [89_601, 87_297]


def test_halting_head_starts_where_it_is_told_and_reads_what_it_is_told():
    model = SequenceTRM(SequenceConfig.sudoku(2, 2, width=32, halting_bias=-5.0, halt_reads="first"))
    y = noise(2, 16, 32)
    assert model.halt_logit(y).tolist() == [-5.0, -5.0]
    with torch.no_grad():
        model.halt.weight.fill_(1.0)
    torch.testing.assert_close(model.halt_logit(y), y[:, 0].sum(-1) - 5)


def test_ignored_positions_count_in_no_loss():
    logits = noise(2, 4, 3).requires_grad_()
    targets = torch.tensor([[0, 1, 2, 0], [IGNORED, 1, IGNORED, IGNORED]])
    loss, _, right = supervision_loss(logits, torch.zeros(2), targets)
    first = stablemax_cross_entropy(logits[0], targets[0]).mean()
    second = stablemax_cross_entropy(logits[1, 1], targets[1, 1])
    assert loss.item() == pytest.approx((first + second).item() / 2)
    loss.backward()
    assert logits.grad is not None and not logits.grad[1, 0].any() and logits.grad[1, 1].any()
    assert right_answers(torch.tensor([[0, 1, 2, 1], [2, 1, 0, 0]]), targets).tolist() == [False, True]
    assert right.shape == (2,)
    with pytest.raises(SpecError, match="ignored"):
        supervision_loss(logits, torch.zeros(2), torch.full((2, 4), IGNORED))


def test_adam_atan2_takes_its_step_and_does_not_see_the_losss_scale():
    moved = []
    for scale in (1.0, 1e6):
        weight = torch.tensor([1.0, -2.0, 3.0], requires_grad=True)
        optimiser = AdamAtan2([weight], lr=0.1, betas=(0.9, 0.95), weight_decay=0.5)
        for slope in ([1.0, -2.0, 0.0], [3.0, 2.0, 0.0]):
            weight.grad = scale * torch.tensor(slope)
            optimiser.step()
        moved.append(weight.detach().clone())
    torch.testing.assert_close(moved[0], moved[1])
    mean = (0.1 * 0.9 * 1 + 0.1 * 3) / (1 - 0.9**2)
    square = (0.05 * 0.95 * 1 + 0.05 * 9) / (1 - 0.95**2)
    after_one = 1.0 * 0.95 - 0.127 * math.atan2(1, 1)
    assert moved[0][0].item() == pytest.approx(after_one * 0.95 - 0.127 * math.atan2(mean, math.sqrt(square)), rel=1e-5)
    assert moved[0][2].item() == pytest.approx(3 * 0.95**2)


def test_average_without_warm_up_keeps_to_its_decay():
    module = torch.nn.Linear(1, 1, bias=False)
    with torch.no_grad():
        module.weight.fill_(0.0)
        plain, warm = WeightAverage(module, 0.9, warm_up=False), WeightAverage(module, 0.9)
        module.weight.fill_(1.0)
    plain.update(module)
    warm.update(module)
    assert plain.weights["weight"].item() == pytest.approx(0.1)
    assert warm.weights["weight"].item() == pytest.approx(1 - 2 / 11)


def test_configurations_stored_before_there_was_a_choice_mean_what_they_meant():
    old = {
        "length": 16, "vocabulary_in": 5, "vocabulary_out": 4, "width": 32, "layers": 2, "mixing": "mlp", "heads": 4,
        "expansion": 4.0, "cycles": 2, "latent_steps": 2, "recursive": True, "seed": 1,
    }  # fmt: skip
    config = SequenceConfig.from_json(old)
    assert (config.positions, config.normalised, config.halt_reads, config.halting_bias) == (
        "learnt", "width", "mean", -2.0,
    )  # fmt: skip
    assert SequenceConfig.from_json(config.to_json()) == config
    with pytest.raises(SpecError, match="not the configuration of a sequence model.*'colour'"):
        SequenceConfig.from_json({**old, "colour": 1})
    assert SequenceTraining.from_json({"batch": 3}).optimiser == "adamw"
    with pytest.raises(SpecError, match="not settings of a sequence model's training"):
        SequenceTraining.from_json({"speed": 3})


def test_resuming_adam_atan2_continues_exactly(tmp_path):
    def source(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
        rows = np.random.default_rng(seed).integers(len(PUZZLES), size=count)
        return PUZZLES.puzzles[rows], PUZZLES.solutions[rows] - 1

    training = SequenceTraining(batch=8, max_steps=3, optimiser="adam-atan2", clip=0.0, ema_warmup=False)
    config = SequenceConfig.sudoku(2, 2, width=32, normalised="positions", positions="none")
    whole = SequenceTrainer(SequenceTRM(config), source, training)
    for _ in range(3):
        whole.step()
    whole.save(tmp_path / "half")
    second = SequenceTrainer.load(tmp_path / "half", source)
    for trainer in (whole, second):
        for _ in range(3):
            trainer.step()
    for name, value in whole.average.weights.items():
        assert torch.equal(value, second.average.weights[name]), name


@pytest.mark.parametrize(
    ("act", "sentence"),
    [
        (lambda: SequenceConfig(16, 5, 4, positions="sine"), r"^positions is one of .*, got 'sine'\.$"),
        (lambda: SequenceConfig(16, 5, 4, halt_reads="last"), r"^halt_reads is one of .*, got 'last'\.$"),
        (lambda: SequenceConfig(16, 5, 4, halting_bias=math.nan), r"^halting_bias must be a finite number, got nan\.$"),
        (
            lambda: SequenceTRM(SequenceConfig(16, 5, 4, normalised="batch")),
            r"^normalised is one of .*, got 'batch'\.$",
        ),
        (
            lambda: SequenceTRM(SequenceConfig(16, 5, 4, mixing="attention", normalised="positions")),
            r"^attention is normalised over the width",
        ),
        (lambda: SequenceTRM(SequenceConfig(16, 5, 4, positions="rotary")), r"^rotary positions are for"),
        (
            lambda: SequenceTRM(SequenceConfig(16, 5, 4, width=12, mixing="attention", positions="rotary")),
            r"^rotary positions need heads of even width; 4 heads of 12 have 3\.$",
        ),
        (lambda: SequenceTraining(optimiser="sgd"), r"^optimiser is one of .*, got 'sgd'\.$"),
        (lambda: SequenceTraining(clip=-1.0), r"^clip must be at least 0 \(0: no clipping\), got -1\.0\.$"),
    ],
)
def test_bad_input_is_refused(act, sentence):
    with pytest.raises(SpecError, match=sentence):
        act()

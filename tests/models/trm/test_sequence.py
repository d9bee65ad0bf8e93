"""The sequence form: stable-max, layers, halting, deep supervision, resuming, and a 4×4 Sudoku learnt."""

import math
import subprocess
import sys

import numpy as np
import pytest
import torch

from thermofab.hw.spec import SpecError
from thermofab.models.puzzles import Augmenter, Box, make_puzzles
from thermofab.models.trm import (
    MIXING,
    Carry,
    SequenceConfig,
    SequenceTrainer,
    SequenceTraining,
    SequenceTRM,
    answer,
    averaged_model,
    log_stablemax,
    stablemax_cross_entropy,
)

TINY = SequenceConfig.sudoku(2, 2, width=32, seed=1)
PUZZLES = make_puzzles(Box(2, 2), 12, seed=0)


def source(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rows = np.random.default_rng(seed).integers(len(PUZZLES), size=count)
    given, solved = Augmenter(PUZZLES, places=False).draw(rows, seed + 1)
    return given, solved - 1


def test_stablemax_is_its_formula_in_float64():
    x = torch.tensor([[2.0, 0.0, -3.0]])
    s = torch.tensor([[3.0, 1.0, 0.25]], dtype=torch.float64)
    torch.testing.assert_close(log_stablemax(x), (s / s.sum()).log())
    assert stablemax_cross_entropy(x, torch.tensor([2])).item() == pytest.approx(math.log(4.25 / 0.25))
    assert log_stablemax(x).dtype == torch.float64


def test_stablemax_gradient_is_finite_far_out():
    x = torch.tensor([[1e30, -1e30, 1.0, 0.0]], requires_grad=True)
    stablemax_cross_entropy(x, torch.tensor([2])).sum().backward()
    assert x.grad is not None and torch.isfinite(x.grad).all()


@pytest.mark.parametrize("mixing", MIXING)
def test_positions_are_mixed_and_only_the_last_cycle_has_gradient(mixing):
    model = SequenceTRM(SequenceConfig.sudoku(2, 2, width=32, mixing=mixing))
    tokens = torch.zeros(2, 16, dtype=torch.int64)
    tokens[1, 0] = 3
    step = model(tokens, model.start(2))
    assert (step.logits[0, 15] - step.logits[1, 15]).abs().max() > 1e-4
    assert not step.carry.y.requires_grad and step.logits.requires_grad
    assert step.logits.shape == (2, 16, 4) and step.halt_logit.shape == (2,)


def test_published_sizes():
    config = SequenceConfig.published_sudoku()
    model = SequenceTRM(config)
    assert (config.length, config.width, config.cycles, config.latent_steps) == (81, 512, 3, 6)
    assert sum(p.numel() for p in model.parameters()) == 4_353_041


def test_net_without_recursion_is_one_pass():
    config = SequenceConfig.sudoku(2, 2, width=32, recursive=False)
    model, calls = SequenceTRM(config), []
    model.net.register_forward_hook(lambda *_: calls.append(1))
    model(torch.zeros(1, 16, dtype=torch.int64), model.start(1))
    assert len(calls) == 1
    recursive = SequenceTRM(TINY)
    recursive.net.register_forward_hook(lambda *_: calls.append(1))
    recursive(torch.zeros(1, 16, dtype=torch.int64), recursive.start(1))
    assert len(calls) == 1 + TINY.cycles * (TINY.latent_steps + 1)


def test_slots_halt_and_are_refilled():
    trainer = SequenceTrainer(SequenceTRM(TINY), source, SequenceTraining(batch=8, max_steps=3, exploration=0.0))
    with torch.no_grad():
        trainer.model.get_parameter("halt.bias").fill_(-50.0)
    for number in range(1, 4):
        trainer.step()
        assert trainer.steps_taken.tolist() == [number] * 8
    before = trainer.tokens.clone()
    assert trainer.done.all()
    trainer.step()
    assert trainer.steps_taken.tolist() == [1] * 8 and (trainer.tokens != before).any()
    with torch.no_grad():
        trainer.model.get_parameter("halt.bias").fill_(50.0)
    trainer.step()
    assert trainer.done.all()


def test_exploring_slots_may_not_halt_at_once():
    trainer = SequenceTrainer(SequenceTRM(TINY), source, SequenceTraining(batch=8, max_steps=4, exploration=1.0))
    with torch.no_grad():
        trainer.model.get_parameter("halt.bias").fill_(50.0)
    trainer.step()
    assert not trainer.done.any() and (trainer.least_steps >= 2).all()


def test_adaptive_answers_are_those_of_the_step_they_halted_at():
    model = SequenceTRM(TINY)
    tokens = torch.as_tensor(PUZZLES.puzzles)
    with torch.no_grad():
        model.halt.weight.copy_(torch.randn(1, 32, generator=torch.Generator().manual_seed(3)) * 3)
        model.halt.bias.zero_()
    got = answer(model, tokens, 4, adaptive=True)
    assert len(set(got.steps.tolist())) > 1
    for row in range(len(tokens)):
        alone = answer(model, tokens[row : row + 1], int(got.steps[row]))
        assert torch.equal(alone.tokens[0], got.tokens[row])


def test_learns_4x4_sudoku():
    training = SequenceTraining(batch=32, max_steps=4, learning_rate=4e-3, warmup=20, ema=0.95)
    trainer = SequenceTrainer(SequenceTRM(TINY), source, training)
    for _ in range(300):
        trainer.step()
    got = answer(trainer.averaged(), torch.as_tensor(PUZZLES.puzzles), 4).tokens.numpy() + 1
    assert (got == PUZZLES.solutions).all(axis=1).mean() >= 0.9


def test_resuming_continues_exactly(tmp_path):
    def new() -> SequenceTrainer:
        return SequenceTrainer(SequenceTRM(TINY), source, SequenceTraining(batch=8, max_steps=3, seed=4))

    whole, first = new(), new()
    for _ in range(8):
        whole.step()
    for _ in range(4):
        first.step()
    first.save(tmp_path / "half")
    second = SequenceTrainer.load(tmp_path / "half", source)
    for _ in range(4):
        second.step()
    for name, value in whole.model.state_dict().items():
        assert torch.equal(value, second.model.state_dict()[name]), name
    assert torch.equal(whole.carry.z, second.carry.z)
    second.save(tmp_path / "end")
    tokens = torch.as_tensor(PUZZLES.puzzles)
    assert torch.equal(
        answer(averaged_model(tmp_path / "end"), tokens).halt_logit, answer(whole.averaged(), tokens).halt_logit
    )


def test_damaged_checkpoint_is_refused(tmp_path):
    SequenceTrainer(SequenceTRM(TINY), source, SequenceTraining(batch=2)).save(tmp_path / "c")
    file = tmp_path / "c.safetensors"
    data = bytearray(file.read_bytes())
    data[-3] ^= 1
    file.write_bytes(data)
    with pytest.raises(SpecError, match="does not match the digest"):
        averaged_model(tmp_path / "c")


def test_same_seed_same_weights_across_processes():
    code = (
        "import torch; torch.set_num_threads(1)\n"
        "from thermofab.models.trm import SequenceConfig, SequenceTRM, answer\n"
        "model = SequenceTRM(SequenceConfig.sudoku(2, 2, width=32, seed=1))\n"
        "print(answer(model, torch.zeros(2, 16).long(), 2, noise=1.0, seed=5).halt_logit.double().tolist())"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    here = answer(SequenceTRM(TINY), torch.zeros(2, 16).long(), 2, noise=1.0, seed=5).halt_logit.double().tolist()
    assert out.strip() == str(here)


def test_models_do_not_import_torch():
    code = "import sys, thermofab.models; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_carry_without_noise_is_the_fixed_start():
    model = SequenceTRM(TINY)
    assert isinstance(model.start(3), Carry) and torch.equal(model.start(3).y[2, 5], model.y0)


@pytest.mark.parametrize(
    ("act", "sentence"),
    [
        (lambda: SequenceConfig(16, 5, 4, cycles=0), r"^cycles must be at least 1, got 0\.$"),
        (
            lambda: SequenceTRM(SequenceConfig(16, 5, 4, mixing="fft")),
            r"^mixing is one of \('mlp', 'attention'\), got 'fft'\.$",
        ),
        (
            lambda: SequenceTRM(SequenceConfig(16, 5, 4, width=30, mixing="attention")),
            r"^a width of 30 cannot be shared by 4 heads; take a divisor of it\.$",
        ),
        (lambda: SequenceTraining(exploration=2.0), r"^exploration is a share in \[0, 1\], got 2\.0\.$"),
        (lambda: SequenceTraining(batch=0), r"^batch and max_steps must be at least 1, got 0 and 8\.$"),
    ],
)
def test_bad_input_is_refused(act, sentence):
    with pytest.raises(SpecError, match=sentence):
        act()

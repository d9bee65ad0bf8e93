"""Adaptive answers: the threshold, its calibration, and devices."""

import pytest
import torch

from thermofab.hw.spec import SpecError
from thermofab.models.puzzles import Box, make_puzzles
from thermofab.models.trm import (
    IGNORED,
    Carry,
    RecursiveModel,
    SequenceConfig,
    SequenceTrainer,
    SequenceTraining,
    SequenceTRM,
    Step,
    answer,
    averaged_model,
    calibrate,
    halting_curve,
)

PUZZLES = make_puzzles(Box(2, 2), 12, seed=0)
TOKENS, TARGETS = torch.as_tensor(PUZZLES.puzzles), torch.as_tensor(PUZZLES.solutions - 1)


def source(count: int, seed: int):
    rows = torch.randint(len(PUZZLES), (count,), generator=torch.Generator().manual_seed(seed % 2**31)).numpy()
    return PUZZLES.puzzles[rows], PUZZLES.solutions[rows] - 1


@pytest.fixture(scope="module")
def half_trained() -> SequenceTRM:
    """Answers become right at different steps."""
    training = SequenceTraining(batch=16, max_steps=4, learning_rate=4e-3, warmup=20, ema=0.9)
    trainer = SequenceTrainer(SequenceTRM(SequenceConfig.sudoku(2, 2, width=32, seed=1)), source, training)
    for _ in range(120):
        trainer.step()
    model = trainer.averaged()
    assert isinstance(model, SequenceTRM)
    return model


def test_answers_halt_where_the_probability_passes_the_threshold(half_trained):
    for threshold in (0.2, 0.5, 0.9):
        got = answer(half_trained, TOKENS, 6, adaptive=True, halt_threshold=threshold)
        for row in range(len(TOKENS)):
            path = [
                float(torch.sigmoid(answer(half_trained, TOKENS[row : row + 1], k).halt_logit)) for k in range(1, 7)
            ]
            first = next((k for k, p in enumerate(path, 1) if p > threshold), 6)
            assert int(got.steps[row]) == first


def test_a_higher_threshold_takes_more_steps(half_trained):
    taken = [answer(half_trained, TOKENS, 6, adaptive=True, halt_threshold=p).steps.sum() for p in (0.1, 0.5, 0.99)]
    assert taken[0] <= taken[1] <= taken[2] and taken[0] < taken[2]


def test_the_models_own_threshold_is_the_default(half_trained):
    assert SequenceTRM.halt_threshold == 0.9
    low = answer(half_trained, TOKENS, 6, adaptive=True, halt_threshold=0.05).steps
    assert low.sum() < answer(half_trained, TOKENS, 6, adaptive=True).steps.sum()
    half_trained.halt_threshold = 0.05
    try:
        assert torch.equal(answer(half_trained, TOKENS, 6, adaptive=True).steps, low)
    finally:
        half_trained.halt_threshold = 0.9


def test_halting_curve_is_what_answer_gives(half_trained):
    exact, curve = halting_curve(half_trained, TOKENS, TARGETS, 6)
    whole = answer(half_trained, TOKENS, 6)
    assert exact == pytest.approx((whole.tokens == TARGETS).all(1).float().mean().item())
    for halting in curve:
        got = answer(half_trained, TOKENS, 6, adaptive=True, halt_threshold=halting.threshold)
        assert halting.exact == pytest.approx((got.tokens == TARGETS).all(1).float().mean().item())
        assert halting.mean_steps == pytest.approx(got.steps.float().mean().item())


def test_calibration_takes_the_smallest_threshold_within_the_margin(half_trained, tmp_path):
    thresholds = (0.01, 0.1, 0.3, 0.5, 0.9, 0.999)
    last = answer(half_trained, TOKENS, 6).tokens  # taken for right, so that halting early can only cost
    exact, curve = halting_curve(half_trained, TOKENS, last, 6, thresholds)
    assert exact == 1 and curve[0].exact < 1  # else the margin decides nothing
    found = calibrate(half_trained, TOKENS, last, 6, margin=0.0, thresholds=thresholds)
    assert found.chosen == next(halting for halting in curve if halting.exact == 1)
    assert half_trained.halt_threshold == found.chosen.threshold > 0.01
    # A margin that the first threshold meets whatever the training came to on this machine.
    wide = calibrate(half_trained, TOKENS, last, 6, margin=1 - curve[0].exact + 1e-9, thresholds=thresholds)
    assert wide.chosen == curve[0]
    assert wide.chosen.threshold < found.chosen.threshold and wide.exact_all_steps == exact
    trainer = SequenceTrainer(half_trained, source, SequenceTraining(batch=2))
    trainer.save(tmp_path / "c")
    assert averaged_model(tmp_path / "c").halt_threshold == wide.chosen.threshold
    assert SequenceTrainer.load(tmp_path / "c", source).averaged().halt_threshold == wide.chosen.threshold
    half_trained.halt_threshold = 0.9


class Forgetful(RecursiveModel):
    """Has two of four answers right in its first step, all in the second and one in the third; surer by the step."""

    def __init__(self):
        super().__init__()
        self.nothing = torch.nn.Parameter(torch.zeros(()))

    def start(self, batch: int) -> Carry:
        return Carry(torch.zeros(batch, 1, 1), torch.zeros(batch, 1, 1))

    def forward(self, tokens: torch.Tensor, carry: Carry) -> Step:
        number = int(carry.y[0, 0, 0])
        wrong = (tokens >= (2, 4, 1)[number]).long()
        logits = torch.nn.functional.one_hot(wrong, 2).float()
        return Step(Carry(carry.y + 1, carry.z), logits, torch.full((len(tokens),), 2.0 * number))


def test_calibration_is_against_the_best_where_more_steps_spoil_answers():
    model, tokens = Forgetful(), torch.arange(4)[:, None]
    found = calibrate(model, tokens, torch.zeros_like(tokens), 3, margin=0.0, thresholds=(0.3, 0.7))
    assert found.exact_all_steps == 0.25 and [halting.exact for halting in found.tried] == [0.5, 1.0]
    assert found.chosen.threshold == model.halt_threshold == 0.7


def test_ignored_answers_count_as_right(half_trained):
    exact, _ = halting_curve(half_trained, TOKENS, torch.full_like(TARGETS, IGNORED), 1)
    assert exact == 1.0


@pytest.mark.parametrize(
    ("act", "sentence"),
    [
        *(
            (
                lambda model, p=p: answer(model, TOKENS, adaptive=True, halt_threshold=p),
                rf"^halt_threshold is a probability strictly between 0 and 1, got {p}\.$",
            )
            for p in (0.0, 1.0, -0.5, 3.0)
        ),
        (lambda model: answer(model, TOKENS, 0), r"^steps must be at least 1, got 0\.$"),
        (lambda model: answer(model, TOKENS[:, :9]), r"^tokens must have shape \[puzzles, 16\], got \[12, 9\]\.$"),
        (lambda model: calibrate(model, TOKENS, TARGETS, margin=1.0), r"^margin is a share in \[0, 1\), got 1\.0\.$"),
        (lambda model: calibrate(model, TOKENS[:0], TARGETS[:0]), r"^a halting curve needs puzzles"),
        (
            lambda model: calibrate(model, TOKENS, answer(model, TOKENS).tokens, margin=0.0, thresholds=(0.001,)),
            r"^no threshold keeps within 0\.0 of the exact rate",
        ),
    ],
)
def test_bad_input_is_refused(half_trained, act, sentence):
    with pytest.raises(SpecError, match=sentence):
        act(half_trained)


def test_everything_made_inside_is_on_the_models_device():
    """The meta device refuses to be mixed with another, though it holds no numbers."""
    model = SequenceTRM(SequenceConfig.sudoku(2, 2, width=32, mixing="attention", positions="rotary")).to("meta")
    out = answer(model, TOKENS, 3, noise=1.0)
    assert {part.device.type for part in out} == {"meta"}
    assert SequenceTrainer(model, source, SequenceTraining(batch=4)).tokens.device.type == "meta"


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_trains_and_answers_on_a_gpu(tmp_path):
    model = SequenceTRM(SequenceConfig.sudoku(2, 2, width=32, seed=1)).to("cuda")
    trainer = SequenceTrainer(model, source, SequenceTraining(batch=8, max_steps=3))
    for _ in range(5):
        trainer.step()
    trainer.save(tmp_path / "c")
    there = answer(trainer.averaged(), TOKENS, 4, adaptive=True, noise=0.5, seed=2)
    here = answer(averaged_model(tmp_path / "c"), TOKENS, 4, adaptive=True, noise=0.5, seed=2)
    torch.testing.assert_close(there.halt_logit.cpu(), here.halt_logit, rtol=1e-3, atol=1e-3)

"""Back-tracking, the reasoning layer and the expert gate: what they compute, that they learn, and that they resume."""

from itertools import combinations

import numpy as np
import pytest
import torch

import thermofab as fab
from thermofab.hw.spec import Schedule, SpecError
from thermofab.models.hybrid import (
    Branching,
    DeviceChoice,
    DeviceFields,
    EnergyGate,
    ReasoningTRM,
    TopGate,
    back_track,
    choice_layout,
    exclusion_relations,
    expected_cost,
    expert_layout,
)
from thermofab.models.puzzles import Augmenter, Box, make_puzzles
from thermofab.models.trm import SequenceConfig, SequenceTrainer, SequenceTraining, SequenceTRM, answer

BOX = Box(2, 2)
PUZZLES = make_puzzles(BOX, 12, seed=0)
TINY = SequenceConfig.sudoku(2, 2, width=32, seed=1)
RELATIONS = exclusion_relations(BOX.units, BOX.cells, BOX.side)


def source(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rows = np.random.default_rng(seed).integers(len(PUZZLES), size=count)
    given, solved = Augmenter(PUZZLES, places=False).draw(rows, seed + 1)
    return given, solved - 1


def rules_broken(tokens: np.ndarray, answers: np.ndarray) -> np.ndarray:
    return BOX.violations(answers + 1) + ((tokens > 0) & (tokens != answers + 1)).sum(axis=1)


@pytest.fixture(scope="module")
def choice() -> DeviceChoice:
    layout = choice_layout(16)
    return DeviceChoice(DeviceFields(fab.compile(layout.ising(), fab.fabric(layout.graph())), layout, "native"))


@pytest.fixture(scope="module")
def grid_device() -> DeviceFields:
    layout = RELATIONS.layout
    program = fab.compile(layout.ising(), fab.fabric(layout.graph()), keep_zero=True)
    return DeviceFields(program, layout, "native")


@pytest.fixture(scope="module")
def half_trained() -> SequenceTRM:
    training = SequenceTraining(batch=32, max_steps=4, learning_rate=4e-3, warmup=20, ema=0.9)
    trainer = SequenceTrainer(SequenceTRM(TINY), source, training)
    for _ in range(170):
        trainer.step()
    model = trainer.averaged()
    assert isinstance(model, SequenceTRM)
    return model


def test_back_tracking_solves_more_and_traces_what_it_did(half_trained, choice):
    given = torch.as_tensor(PUZZLES.puzzles)
    once = answer(half_trained, given, 4).tokens.numpy() + 1
    out = back_track(half_trained, given, choice, Branching(rollouts=12, steps=4), energy=rules_broken, seed=1)
    before = (once == PUZZLES.solutions).all(axis=1).mean()
    after = (out.tokens + 1 == PUZZLES.solutions).all(axis=1).mean()
    assert before < 0.95 and after > before
    for row, trace in enumerate(out.trace):
        assert len(trace) == out.readings[row] and trace[0].parent == -1
        for node in trace[1:]:
            ((position, token),) = node.guesses
            assert node.parent < node.round and PUZZLES.puzzles[row, position] == 0 and 0 <= token < 4


def test_back_tracking_never_writes_over_clues_and_stops_when_solved(half_trained, choice):
    given = torch.as_tensor(PUZZLES.puzzles)
    out = back_track(
        half_trained, given, choice, Branching(rollouts=4, steps=4), energy=lambda t, a: np.zeros(len(t), int)
    )
    assert (out.readings == 1).all()


def test_back_tracking_is_a_function_of_the_seed(half_trained, choice):
    given = torch.as_tensor(PUZZLES.puzzles)
    one, two, three = (
        back_track(half_trained, given, choice, Branching(rollouts=4, steps=2), seed=s) for s in (1, 1, 2)
    )
    assert one.trace == two.trace and one.trace != three.trace


def test_restarts_read_the_puzzle_itself_by_turns(half_trained, choice):
    given = torch.as_tensor(PUZZLES.puzzles)
    out = back_track(half_trained, given, choice, Branching(rollouts=4, steps=2, noise=1.0, restarts=True))
    for trace in out.trace:
        assert [len(node.guesses) for node in trace] == [0, 0, 1, 0] and trace[1].halt_logit != trace[3].halt_logit


def test_greedy_back_tracking_takes_the_likeliest(half_trained):
    given = torch.as_tensor(PUZZLES.puzzles[:4])
    out = back_track(half_trained, given, None, Branching(rollouts=2, steps=4, greedy=True))
    carry = half_trained.start(4)
    with torch.no_grad():
        for _ in range(4):
            step = half_trained(given, carry)
            carry = step.carry
    p = torch.softmax(step.logits, -1).numpy()
    entropy = np.where(given.numpy() > 0, -1, -(p * np.log(p)).sum(-1))
    for row, trace in enumerate(out.trace):
        ((position, token),) = trace[1].guesses
        assert position == entropy[row].argmax() and token == p[row, position].argmax()


def test_reasoning_layer_off_is_the_plain_model(grid_device):
    base = SequenceTRM(TINY)
    layer = ReasoningTRM(base, RELATIONS, grid_device, enabled=False)
    given = torch.as_tensor(PUZZLES.puzzles)
    plain = base(given, base.start(12)).logits
    assert torch.equal(layer(given, layer.start(12)).logits, plain)
    on = ReasoningTRM(base, RELATIONS, grid_device)
    assert torch.equal(on(given, on.start(12)).logits, plain)  # its feed starts at zero
    with torch.no_grad():
        on.feed.weight.normal_(generator=torch.Generator().manual_seed(0))
    assert not torch.allclose(on(given, on.start(12)).logits, plain)


def test_sampled_means_know_the_clues_and_the_exclusions(grid_device):
    layer = ReasoningTRM(SequenceTRM(TINY), RELATIONS, grid_device, schedule=Schedule(50, 100))
    with torch.no_grad():
        layer.gain.zero_()
        layer.couplings.copy_(torch.tensor([-0.5, -0.5]))
        given = torch.zeros(4, 16, dtype=torch.int64)
        given[:, 0] = 2
        means = layer.sampled(given, layer.start(4).y).mean(dim=0)
    assert means[0, 1] > 0.95 and (means[0, [0, 2, 3]] < -0.95).all()
    assert (means[1:4, 1] < means[1:4, 2] - 0.2).all()  # token 2 stands in the row already


@pytest.mark.parametrize("estimator", ["score", "straight-through"])
def test_reasoning_layer_trains_end_to_end(grid_device, estimator):
    layer = ReasoningTRM(SequenceTRM(TINY), RELATIONS, grid_device, estimator=estimator)
    trainer = SequenceTrainer(layer, source, SequenceTraining(batch=8, max_steps=2, warmup=1))
    before = {k: v.clone() for k, v in layer.state_dict().items()}
    for _ in range(3):
        trainer.step()
    for name in ("gain", "offset", "couplings", "feed.weight", "base.head.weight"):
        assert not torch.equal(before[name], layer.state_dict()[name]), name


def test_hybrid_training_resumes_exactly(grid_device, tmp_path):
    def new() -> SequenceTrainer:
        layer = ReasoningTRM(SequenceTRM(TINY), RELATIONS, grid_device, seed=5)
        return SequenceTrainer(layer, source, SequenceTraining(batch=4, max_steps=2, warmup=1, seed=6))

    whole, first = new(), new()
    for _ in range(6):
        whole.step()
    for _ in range(3):
        first.step()
    first.save(tmp_path / "half")
    blank = ReasoningTRM(SequenceTRM(TINY), RELATIONS, grid_device, seed=5)
    second = SequenceTrainer.load(tmp_path / "half", source, blank)
    for _ in range(3):
        second.step()
    for name, value in whole.model.state_dict().items():
        assert torch.equal(value, second.model.state_dict()[name]), name


def expert_device(experts: int) -> DeviceFields:
    layout = expert_layout(experts)
    return DeviceFields(fab.compile(layout.ising(), fab.fabric(layout.graph()), keep_zero=True), layout, "native")


def test_expert_gate_is_its_energy():
    gate = EnergyGate(3, expert_device(4), k=2, cardinality=0.7, seed=1)
    with torch.no_grad():
        gate.pairs.normal_(generator=torch.Generator().manual_seed(0))
    x = torch.randn(1, 3, generator=torch.Generator().manual_seed(1))
    fields, couplings = (v.detach().numpy() for v in gate.ising(x))
    pairs, scores = gate.pairs.detach().numpy(), gate.scores(x).detach().numpy()[0]
    constants = []
    for code in range(16):
        n = code >> np.arange(4) & 1
        energy = -scores @ n - sum(p * n[i] * n[j] for p, (i, j) in zip(pairs, combinations(range(4), 2)))
        energy += 0.7 * (n.sum() - 2) ** 2
        s = 2 * n - 1
        ising = -fields[0] @ s - sum(c * s[i] * s[j] for c, (i, j) in zip(couplings, combinations(range(4), 2)))
        constants.append(energy - ising)
    assert np.ptp(constants) < 1e-4


def test_expert_gate_learns_a_pair_that_single_scores_cannot_tell():
    """Cost is 0 where experts 0 and 1 act together or not at all, else 1; x says nothing. Independent scores can only
    switch both on or both off; the pair term must become positive for the distribution to hold both states."""
    gate = EnergyGate(2, expert_device(2), k=1, cardinality=0.0, schedule=Schedule(8, 32), seed=0)
    gate.scores.requires_grad_(False)
    torch.nn.init.zeros_(gate.scores.weight)
    optimiser = torch.optim.Adam([gate.pairs], lr=0.2)
    x = torch.zeros(32, 2)
    for _ in range(25):
        fields, couplings, spins = gate(x)
        cost = (spins[..., 0] != spins[..., 1]).float()
        optimiser.zero_grad()
        expected_cost(fields, couplings, gate.edges, spins, cost).backward()
        optimiser.step()
    assert gate.pairs.item() > 2


def test_top_gate_is_a_softmax_over_k():
    gate = TopGate(3, 5, k=2)
    weights = gate(torch.randn(7, 3, generator=torch.Generator().manual_seed(0)))
    assert ((weights > 0).sum(1) == 2).all()
    torch.testing.assert_close(weights.sum(1), torch.ones(7))


def test_most_frequent_set_has_k_members():
    gate = EnergyGate(3, expert_device(4), k=2, seed=1)
    assert (gate.most_frequent(torch.randn(9, 3)).sum(axis=1) == 2).all()


@pytest.mark.parametrize(
    ("act", "sentence"),
    [
        (
            lambda m, d: back_track(m, torch.zeros(1, 16).long(), None),
            r"^back-tracking needs a choice program; compile choice_layout, or give Branching\(greedy=True\)\.$",
        ),
        (
            lambda m, d: Branching(greedy=True, temperature=0.0),
            r"^temperatures must be positive; for the limit of low ones pass greedy=True\.$",
        ),
        (
            lambda m, d: ReasoningTRM(SequenceTRM(SequenceConfig.sudoku(2, 3, width=32)), RELATIONS, d),
            r"^the layout has 64 spins, but 36 positions of 6 tokens need 216\.$",
        ),
        (
            lambda m, d: EnergyGate(2, d, k=0),
            r"^an expert gate wants k in 1…64 and a cardinality term of at least 0\.$",
        ),
        (lambda m, d: TopGate(2, 3, k=4), r"^an expert gate wants k in 1…3, got 4\.$"),
    ],
)
def test_bad_input_is_refused(half_trained, grid_device, act, sentence):
    with pytest.raises(SpecError, match=sentence):
        act(half_trained, grid_device)

"""The refinement module: trace, determinism, halting, attention, learning from outcomes, and past faults."""

import numpy as np
import pytest

from thermofab.hw.spec import SpecError
from thermofab.models.trm.refinement import RefinementConfig, TRMRefinementModule, create_trm_module

STATE = np.random.default_rng(0).normal(size=112)


def test_sizes_and_full_trace():
    state, answer, steps = create_trm_module().refine(STATE)
    assert state.shape == (112,) and answer.shape == (64,) and 1 <= len(steps) <= 15
    for number, step in enumerate(steps, 1):
        assert step.step_number == number and 0 < step.confidence <= 1 and 0 < step.halt_probability < 1


def test_same_seed_same_trace():
    one, two, other = (create_trm_module(random_seed=seed) for seed in (42, 42, 43))
    for _ in range(3):
        a, b = one.refine(STATE), two.refine(STATE)
        np.testing.assert_array_equal(a.answer, b.answer)
        assert [s[:4] for s in a.steps] == [s[:4] for s in b.steps]
    assert (other.refine(STATE).answer != a.answer).any()


def test_steps_vary_between_states():
    states = np.random.default_rng(1).normal(size=(40, 112))
    probabilities = [max(s.halt_probability for s in create_trm_module().refine(x).steps) for x in states]
    module = create_trm_module(halt_threshold=float(np.median(probabilities)))
    assert len({len(module.refine(x, remember=False).steps) for x in states}) > 2


def test_answer_is_refined_even_when_halting_at_once():
    module = create_trm_module(halt_threshold=1e-6)
    out = module.refine(STATE)
    assert len(out.steps) == 1 and np.abs(out.answer).max() > 0.1


def test_state_does_not_saturate():
    out = create_trm_module(max_inner_steps=20, max_outer_steps=5, halt_threshold=0.999).refine(STATE * 100)
    assert np.isfinite(out.state).all() and np.unique(np.abs(out.state)).size > 100 and out.state.std() > 0.5


def test_attention_over_past_decisions():
    module = create_trm_module()
    assert module.refine(STATE, remember=True).steps[0].attention.size == 0
    other = np.random.default_rng(5).normal(size=112)
    module.refine(other, remember=True)
    attention = module.refine(STATE).steps[0].attention
    assert attention.shape == (2,) and attention.sum() == pytest.approx(1, abs=1e-6)
    with_past = module.refine(STATE).answer
    module.forget()
    assert np.abs(with_past - module.refine(STATE).answer).max() > 1e-3
    assert len(create_trm_module(memory=2)._past) == 0


def test_nothing_is_remembered_unless_asked_for():
    module = create_trm_module()
    first = module.refine(STATE)
    module.refine(-STATE)
    np.testing.assert_array_equal(first.answer, module.refine(STATE).answer)
    assert module.refine(STATE).steps[0].attention.size == 0


def test_memory_is_bounded():
    module = create_trm_module(memory=3)
    for _ in range(5):
        module.refine(STATE, remember=True)
    assert module.refine(STATE).steps[0].attention.shape == (3,)


def test_separable_clusters_are_learnt_from_the_chosen_outcome_alone():
    random = np.random.default_rng(0)
    centres = random.normal(size=(4, 8)) * 2
    module = create_trm_module(latent_dim=8, answer_dim=4, hidden_dim=32, max_inner_steps=2, max_outer_steps=2)
    for choice, best in random.integers(0, 4, (120, 2)):
        state = centres[best] + random.normal(size=8) * 0.3
        module.learn_from_outcome(state, int(choice), float(choice == best), propensity=0.25)
    drawn = random.integers(0, 4, 100)
    states = centres[drawn] + random.normal(size=(100, 8)) * 0.3
    assert np.mean([module.refine(x).answer.argmax() == best for x, best in zip(states, drawn)]) > 0.95


def test_good_outcomes_make_a_choice_likelier_and_refinement_shorter():
    module = create_trm_module(learning_rate=3e-3)
    before = module.refine(STATE, remember=False)
    assert before.answer.argmax() != 7
    for _ in range(40):
        module.learn_from_outcome(STATE, 7, 1.0)
    after = module.refine(STATE, remember=False)
    assert after.answer.argmax() == 7 and len(after.steps) < len(before.steps)


def test_bad_outcomes_make_a_choice_less_likely():
    module = create_trm_module(learning_rate=1e-5, max_outer_steps=1)
    first = module.refine(STATE)
    choice = int(first.answer.argmax())
    for _ in range(3):
        module.learn_from_outcome(STATE, choice, 0.0)
    after = module.refine(STATE)
    assert after.answer.argmax() == choice and after.answer[choice] < first.answer[choice]


def test_where_every_choice_was_bad_it_halts_later():
    module = create_trm_module(max_outer_steps=1, replay_steps=1, replay_batch=1, halt_threshold=0.99)
    first = module.refine(STATE)
    for _ in range(30):
        module.learn_from_outcome(STATE, int(module.refine(STATE).answer.argmax()), 0.0)
    after = module.refine(STATE)
    assert after.steps[-1].halt_probability < 0.5 * first.steps[-1].halt_probability


def test_gradients_are_clipped():
    module = create_trm_module(gradient_clip=1e-3)
    norm = module.learn_from_outcome(STATE, 0, 1.0)["gradient"]
    clipped = sum(float(p.grad.square().sum()) for p in module.parameters() if p.grad is not None) ** 0.5
    assert norm > 1e-2 and clipped == pytest.approx(1e-3, rel=1e-2)


def test_resuming_continues_exactly(tmp_path):
    one = create_trm_module()
    for k in range(4):
        one.refine(STATE + k, remember=True)
        one.learn_from_outcome(STATE, k, 0.8)
    one.save(tmp_path / "m")
    two = TRMRefinementModule.load(tmp_path / "m")
    for module in (one, two):
        module.learn_from_outcome(STATE, 2, 0.9)
    np.testing.assert_array_equal(one.refine(STATE).answer, two.refine(STATE).answer)
    assert two.outcomes == 5


@pytest.mark.parametrize(
    ("act", "sentence"),
    [
        (lambda: RefinementConfig(halt_threshold=1.0), r"^halt_threshold must be in \(0, 1\), got 1\.0\.$"),
        (lambda: RefinementConfig(memory=0), r"^memory must be at least 1, got 0\.$"),
        (
            lambda: RefinementConfig(gradient_clip=0),
            r"^learning_rate and gradient_clip must be positive and step_penalty",
        ),
        (
            lambda: create_trm_module().refine(STATE[:-1]),
            r"^initial_state must be 112 finite numbers, got shape \[111\]\.$",
        ),
        (
            lambda: create_trm_module().learn_from_outcome(STATE, 64, 1.0),
            r"^choice must be a component 0…63 of the answer, got 64\.$",
        ),
        (
            lambda: create_trm_module().learn_from_outcome(STATE, 0, 1.0, propensity=0),
            r"^propensity must be in \(0, 1\], got 0\.$",
        ),
        (lambda: create_trm_module().learn_from_outcome(STATE, 0, 1.5), r"^quality must be in \[0, 1\], got 1\.5\.$"),
    ],
)
def test_bad_input_is_refused(act, sentence):
    with pytest.raises(SpecError, match=sentence):
        act()

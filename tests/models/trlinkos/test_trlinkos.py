"""TRLinkos: dendritic cells, torque clustering, routing, training, search, the trace, and the guard."""

import dataclasses

import numpy as np
import pytest
import torch

import thermofab as fab
from thermofab.hw.spec import SpecError
from thermofab.models.hybrid import DeviceChoice, DeviceFields, choice_layout
from thermofab.models.trlinkos import (
    Dag,
    DendriticCells,
    Guarded,
    Ranking,
    SearchConfig,
    TorqueRouter,
    TRLinkos,
    TRLinkosConfig,
    dcaap,
    search,
    supervision,
    torque_clusters,
)
from thermofab.models.trlinkos.search import better_than_plain


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def blobs(seed: int = 0) -> tuple[torch.Tensor, np.ndarray]:
    centres = np.array([[0, 0, 6, 0], [8, 0, 0, 0], [0, 8, 0, 0], [0, 0, 0, 8]])
    kind = np.arange(200) % 4
    rows = centres[kind] + np.random.default_rng(seed).normal(size=(200, 4))
    return torch.tensor(rows, dtype=torch.float32), kind


def trained(steps: int = 150) -> tuple[TRLinkos, torch.Tensor, torch.Tensor]:
    """On y = x₀ x₁ (a product that no linear model has)."""
    x = torch.randn(256, 3, generator=seeded(1))
    y = x[:, :1] * x[:, 1:2]
    model = TRLinkos(TRLinkosConfig(3, 16, 1, experts=3, steps=3, seed=2))
    model.fit_router(x)
    optimiser = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(steps):
        outputs, scores = model(x)
        loss = supervision(outputs, scores, ((outputs - y) ** 2).mean(-1))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return model, x, y


@pytest.fixture(scope="module")
def learnt():
    return trained()


def test_dcaap_rises_at_threshold_and_falls_beyond():
    u = torch.tensor([-10.0, 0.0, 0.5, 2.0, 20.0])
    g = dcaap(u, torch.tensor(0.2), torch.tensor(1.0))
    assert g[0] < 1e-6 and g[2] > g[1] > 0 and g[2] > g[3] > g[4] and g[4] < 1e-6 and (g <= 1).all()


def test_one_cell_computes_xor_and_its_thresholds_are_trained():
    cell = DendriticCells(2, 1, 2, generator=seeded(3))
    start = cell.threshold.detach().clone()
    x = torch.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    y = torch.tensor([0.0, 1.0, 1.0, 0.0])
    optimiser = torch.optim.Adam(cell.parameters(), lr=0.05)
    for _ in range(400):
        loss = ((cell(x).squeeze(1) - y) ** 2).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert ((cell(x).squeeze(1) > 0.5) == (y > 0.5)).all() and (cell.threshold - start).abs().min() > 0.01


def test_torque_clusters_find_blobs():
    rows, kind = blobs()
    label = torque_clusters(rows.numpy(), 4)
    assert len({(a, b) for a, b in zip(label.tolist(), kind.tolist())}) == 4
    assert torque_clusters(rows.numpy(), 1).max() == 0
    assert len(np.unique(torque_clusters(rows.numpy()[:9], 9))) == 9


def test_heaviest_cluster_comes_first():
    points = np.concatenate([np.zeros((3, 2)), np.ones((7, 2)) * 50]) + np.random.default_rng(0).normal(size=(10, 2))
    assert torque_clusters(points, 2).tolist() == [1] * 3 + [0] * 7


def test_fitted_router_is_decided_and_prefers_low_torque():
    rows, kind = blobs()
    router = TorqueRouter(4, 4, generator=seeded()).eval()
    router.fit(rows)
    weights = router(rows)
    torch.testing.assert_close(weights.sum(1), torch.ones(200))
    entropy = -(weights * (weights + 1e-12).log()).sum(1).mean()
    assert entropy.item() < 0.5  # even weights have ln 4 = 1.386
    assert torch.equal(weights.argmax(1), router.torque(rows).argmin(1))
    assert len({(a, b) for a, b in zip(weights.argmax(1).tolist(), kind.tolist())}) == 4


def test_heavier_experts_are_less_readily_joined():
    router = TorqueRouter(1, 2, generator=seeded()).eval()
    with torch.no_grad():
        router.centroids.copy_(torch.tensor([[-1.0], [1.0]]))
        router.mass.copy_(torch.tensor([0.9, 0.1]))
    assert router(torch.zeros(1, 1))[0, 1] > 0.9


def test_every_parameter_is_trained():
    model = TRLinkos(TRLinkosConfig(3, 8, 2))
    outputs, scores = model(torch.randn(16, 3, generator=seeded()))
    supervision(outputs, scores, outputs.square().mean(-1)).backward()
    assert all(p.grad is not None and bool(p.grad.abs().sum() > 0) for p in model.parameters())


def test_learns_a_product_and_later_steps_are_better(learnt):
    model, x, y = learnt
    with torch.no_grad():
        losses = ((model(x)[0] - y) ** 2).mean(dim=(1, 2))
    assert losses[-1] < 0.15 * y.var() and losses[-1] < losses[0]


def held_out_losses(seed: int = 5):
    x = torch.randn(240, 3, generator=seeded(seed))
    y = x[:, :1] * x[:, 1:2]
    return x, lambda outputs, rows: ((outputs - y[rows]) ** 2).mean(-1)


def test_without_a_ranking_the_answer_is_the_plain_pass(learnt):
    model, x, _ = learnt
    found = search(model, x[:20], SearchConfig(rounds=4, branches=3))
    torch.testing.assert_close(found.outputs, model(x[:20])[0][-1].detach())
    assert (found.chosen == model.config.steps).all()


def test_the_best_ranked_state_is_the_answer_and_the_trace_verifies(learnt):
    model, x, _ = learnt
    ranking = dataclasses.replace(Ranking.fit(model, *held_out_losses()), margin=0.0)
    config = SearchConfig(rounds=4, branches=3, inner=2)
    found = search(model, x[:5], config, ranking=ranking, trace=True)
    for row, graph in enumerate(found.traces):
        assert len(graph.nodes) == 1 + model.config.steps + 4 * 3 and graph.depth == 2 and graph.verify()
        best = list(graph.nodes.values())[found.chosen[row]]
        assert best.score == pytest.approx(float(found.scores[row]))
        assert best.score == max(node.score for node in graph.nodes.values() if node.parents)
        y = torch.tensor(best.state[: model.config.hidden_dim])
        torch.testing.assert_close(model.output(y), found.outputs[row])
        assert graph.path(best.name)[0].label == "start"


def test_a_ranking_by_held_out_rows_does_no_harm_on_others(learnt):
    """Squared errors of new rows; four standard errors of the paired difference."""
    model, _, _ = learnt
    config = SearchConfig(rounds=6, branches=3)
    ranking = Ranking.fit(model, *held_out_losses(), config)
    x, losses = held_out_losses(seed=9)
    rows = torch.arange(len(x))
    harm = losses(search(model, x, config, ranking=ranking).outputs, rows) - losses(model(x)[0][-1].detach(), rows)
    assert harm.mean() <= 4 * harm.std() / len(x) ** 0.5 + 1e-9


def test_margin_rules():
    scores = np.array([[9.0, 1.0, 2.0, 2.5], [9.0, 3.0, 2.0, 2.5]])
    assert better_than_plain(scores, 2, 0.0).tolist() == [3, 1]
    assert better_than_plain(scores, 2, 0.6).tolist() == [2, 1]
    assert better_than_plain(scores, 2, np.inf).tolist() == [2, 2]


def test_search_goes_back_to_earlier_states(learnt):
    model, x, _ = learnt
    greedy = search(model, x, SearchConfig(rounds=6, branches=2))
    assert greedy.back_tracks.max() > 0
    hot, again, other = (
        search(model, x, SearchConfig(rounds=6, branches=2, temperature=5.0, seed=s), trace=True) for s in (0, 0, 1)
    )
    assert hot.back_tracks.mean() > greedy.back_tracks.mean()
    digests = [[graph.digest() for graph in found.traces] for found in (hot, again, other)]
    assert digests[0] == digests[1] != digests[2]


def test_branches_are_continued(learnt):
    model, x, _ = learnt
    graphs = search(model, x[:50], SearchConfig(rounds=5, branches=3, temperature=3.0), trace=True).traces
    parents = {graph.nodes[n.parents[0]].label for graph in graphs for n in graph.nodes.values() if n.parents}
    assert any(label.endswith("branch 1") or label.endswith("branch 2") for label in parents)


def test_choices_may_be_drawn_on_a_device(learnt):
    model, x, _ = learnt
    layout = choice_layout(12)
    choice = DeviceChoice(DeviceFields(fab.compile(layout.ising(), fab.fabric(layout.graph())), layout, "native"))
    config = SearchConfig(rounds=4, branches=2, temperature=2.0)
    found = search(model, x, config, choose=lambda weights, seed: choice.draw(weights, seed=seed).options)
    assert torch.isfinite(found.outputs).all() and found.back_tracks.max() > 0


def test_search_leaves_the_router_alone(learnt):
    model, x, _ = learnt
    model.train()
    before = model.router.mass.clone()
    search(model, x)
    assert torch.equal(before, model.router.mass) and model.training


@pytest.mark.parametrize("change", ["score", "state", "parents", "label", "nested"])
def test_tampering_is_found(change):
    inner, graph = Dag(), Dag()
    inner.add(np.ones(2), 0.5)
    root = graph.add(np.zeros(2), 0.0)
    node = graph.add(np.ones(2), 1.0, [root.name], "x", [inner])
    assert graph.verify() and graph.best() is node
    other = Dag()
    other.add(np.ones(2), 0.6)
    new = {"score": 2.0, "state": np.zeros(2, np.float32), "parents": (), "label": "y", "nested": (other,)}[change]
    graph.nodes[node.name] = dataclasses.replace(node, **{change: new})
    assert not graph.verify()


def test_adding_twice_gives_the_same_node():
    graph = Dag()
    assert graph.add(np.ones(3), 0.1) is graph.add(np.ones(3), 0.1)
    assert len(graph.nodes) == 1


def test_guard_answers_every_row_and_counts():
    def model(x: torch.Tensor) -> torch.Tensor:
        if bool((x == 7).any()):
            raise RuntimeError("out of memory")
        return torch.where(x[:, :1] > 0, x[:, :1], torch.inf)

    guard = Guarded(model, lambda x: torch.zeros(len(x), 1), limit=10, goal=0.5, window=2)
    out = guard(torch.tensor([[1.0], [-1.0], [torch.nan], [100.0]]))
    assert out.squeeze(1).tolist() == [1.0, 0.0, 0.0, 0.0]
    assert guard(torch.tensor([[7.0]])).tolist() == [[0.0]]
    assert guard.counts == {"calls": 2, "rows": 5, "bad_input": 2, "bad_output": 1, "failures": 1}
    assert guard.on_goal is None
    for quality in (0.9, 0.9, 0.0, 0.2):
        guard.outcome(quality)
    assert guard.on_goal is False


@pytest.mark.parametrize(
    ("act", "sentence"),
    [
        (lambda: TRLinkosConfig(3, 0, 1), r"^hidden_dim must be at least 1, got 0\.$"),
        (
            lambda: DendriticCells(0, 1, generator=seeded()),
            r"^dendritic cells need at least one input, cell and branch\.$",
        ),
        (lambda: torque_clusters(np.zeros((2, 1)), 3), r"^torque clustering needs finite points .*, got 3 clusters\.$"),
        (
            lambda: TRLinkos(TRLinkosConfig(3, 4, 1))(torch.zeros(1, 2)),
            r"^features must have shape \[rows, 3\], got \[1, 2\]\.$",
        ),
        (
            lambda: search(TRLinkos(TRLinkosConfig(3, 4, 1, experts=2)), torch.zeros(1, 3), SearchConfig(branches=4)),
            r"^4 branches need 3 experts, there are 2\.$",
        ),
        (lambda: SearchConfig(temperature=-1), r"^a search needs at least 1 round, branch and inner step, and a temp"),
        (
            lambda: Ranking.fit(TRLinkos(TRLinkosConfig(3, 4, 1)), torch.zeros(9, 3), lambda out, rows: out[:, 0]),
            r"^a ranking needs at least 40 held-out rows, got 9\.$",
        ),
        (lambda: Dag().best(), r"^an empty graph has no best node\.$"),
        (
            lambda: Dag().add(np.zeros(1), 0.0, ["ab" * 32]),
            r"^parent abababababab is not in this graph; add parents first\.$",
        ),
        (lambda: Dag().add(np.zeros(1), float("nan")), r"^the score of a node must be a number, got NaN\.$"),
        (lambda: Guarded(abs, abs, limit=0), r"^a guard needs a positive limit and a window of at least 1\.$"),
        (
            lambda: supervision(torch.zeros(2, 3, 1), torch.zeros(2, 3), torch.zeros(3)),
            r"^losses must be given for every step and row, shape \[steps, rows\]\.$",
        ),
    ],
)
def test_bad_input_is_refused(act, sentence):
    with pytest.raises(SpecError, match=sentence):
        act()

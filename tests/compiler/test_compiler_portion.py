"""Large programs are judged by a portion of their spins: the step and the errors are those of the whole."""

import networkx
import numpy as np
import pytest

import thermofab as fab
from tests.present import present
from thermofab.compiler.passes import scale_and_quantise
from thermofab.compiler.quantisation import portion

SIDE, SPINS = 64, 1024


@pytest.fixture
def small_portions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Programs of more than 1,500 spins are judged by 1,024 of them."""
    monkeypatch.setattr(portion, "LARGE", 1500)
    monkeypatch.setattr(portion, "_PORTION", SPINS)


def square(seed: int, scale: float = 0.3) -> fab.IsingModel:
    rng, graph = np.random.default_rng(seed), networkx.grid_2d_graph(SIDE, SIDE)
    place = {node: k for k, node in enumerate(graph)}
    edges = np.array(sorted(tuple(sorted((place[u], place[v]))) for u, v in graph.edges))
    n = len(place)
    return fab.IsingModel(tuple(place), scale * rng.normal(size=n), edges, scale * rng.normal(size=len(edges)))


def compiled(model: fab.IsingModel) -> fab.Program:
    return fab.compile(model, f"g4-{SIDE}x{SIDE}", verify=False, tolerance=1.0)


def judged_whole(model: fab.IsingModel, monkeypatch: pytest.MonkeyPatch) -> fab.Program:
    with monkeypatch.context() as patch:
        patch.setattr(scale_and_quantise, "portion_of", portion.Portion)
        return compiled(model)


@pytest.mark.usefixtures("small_portions")
@pytest.mark.parametrize("scale", [0.05, 0.3])
def test_the_errors_of_a_portion_are_those_of_the_whole(scale: float, monkeypatch: pytest.MonkeyPatch) -> None:
    model = square(1, scale)
    part, whole = compiled(model).report, judged_whole(model, monkeypatch).report
    assert f"{SPINS} of {SIDE**2} spins" in part.rounding.how and "spins" not in whole.rounding.how
    assert part.quantisation.predicted_kl == pytest.approx(whole.quantisation.predicted_kl, rel=0.4)
    assert abs(np.log2(part.quantisation.step / whole.quantisation.step)) <= 0.25
    assert present(part.end_to_end.tv) == pytest.approx(whole.end_to_end.tv, rel=0.25)
    assert present(part.table.tv) == pytest.approx(whole.table.tv, rel=0.4)


@pytest.mark.usefixtures("small_portions")
def test_half_of_a_neighbourhood_may_be_rim(monkeypatch: pytest.MonkeyPatch) -> None:
    """Random regular graphs: most couplings of the last spins taken lead out of the portion."""
    graph = networkx.random_regular_graph(4, 4096, seed=1)
    edges, ratios = np.array(sorted(tuple(sorted(edge)) for edge in graph.edges)), []
    for seed in range(4):
        rng = np.random.default_rng(seed)
        couplings, biases = 0.2 * rng.normal(size=len(edges)), 0.2 * rng.normal(size=4096)
        model = fab.IsingModel(tuple(range(4096)), biases, edges, couplings)
        part = fab.compile(model, verify=False, tolerance=1.0).report.quantisation
        with monkeypatch.context() as patch:
            patch.setattr(scale_and_quantise, "portion_of", portion.Portion)
            whole = fab.compile(model, verify=False, tolerance=1.0).report.quantisation
        ratios.append(present(part.predicted_kl) / present(whole.predicted_kl))
    assert np.mean(ratios) == pytest.approx(1.0, abs=0.15)


@pytest.mark.usefixtures("small_portions")
def test_all_integers_are_rounded_at_the_step_and_cuts_of_the_whole_are_counted() -> None:
    model = square(2)
    couplings = model.couplings.copy()
    couplings[7] = 40.0  # its neighbourhood is in the portion
    program = compiled(fab.IsingModel(model.nodes, model.biases, model.edges, couplings))
    image, step, spec = program.image, program.report.quantisation.step, program.fabric
    rounded = np.round(couplings / step)
    most = spec.weight_max
    # The edges of g4 and of the model are the same pairs in the same order.
    np.testing.assert_array_equal(image.weights, np.clip(rounded, -most, most))
    np.testing.assert_array_equal(image.biases, np.clip(np.round(model.biases / step), -spec.bias_max, spec.bias_max))
    cut = np.sum(np.abs(rounded) > most) + np.sum(np.abs(np.round(model.biases / step)) > spec.bias_max)
    assert program.report.quantisation.saturated == cut >= 1


@pytest.mark.usefixtures("small_portions")
def test_a_strong_bias_outside_the_portion_is_neither_cut_nor_beyond_the_table() -> None:
    model = square(3, 0.02)
    biases = model.biases.copy()
    biases[0] = 30.0  # no neighbourhood starts at a bias
    program = compiled(fab.IsingModel(model.nodes, biases, model.edges, model.couplings))
    spec, report = program.fabric, program.report.quantisation
    # σ(-2 · 3) = 0.002: what is cut there still holds its spin.
    assert report.step * (spec.table_size / 2 - 1) * 2**report.shift >= 3.0
    assert report.step * spec.bias_max >= 3.0


@pytest.mark.parametrize("joined", ["nothing", "pairs", "rings", "star"])
def test_a_portion_has_the_asked_size_whatever_joins_the_spins(joined: str) -> None:
    n = 4000
    if joined == "nothing":
        edges = np.zeros((0, 2), dtype=np.int64)
    elif joined == "pairs":
        edges = np.arange(n).reshape(-1, 2)
    elif joined == "rings":
        starts = np.arange(0, n, 50)[:, None]
        around = np.arange(50)
        edges = np.sort(np.stack([starts + around, starts + (around + 1) % 50], axis=-1).reshape(-1, 2), axis=1)
    else:
        edges = np.stack([np.zeros(n - 1, dtype=np.int64), np.arange(1, n)], axis=1)
    chosen = portion._neighbourhoods(n, edges, np.array([5, 9, 2000, 3999]), 700)
    assert len(chosen) == 700 == len(np.unique(chosen))
    if joined in ("pairs", "rings"):
        kept = np.isin(edges, chosen)
        torn = np.sum(kept[:, 0] != kept[:, 1])
        # Spins drawn apart would leave nine edges torn for one that is not.
        assert torn <= 0.25 * np.sum(kept.all(axis=1))

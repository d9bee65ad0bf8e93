"""Factor sites: programs on the tables of a fabric's factors, against enumeration."""

import networkx
import numpy as np
import pytest

import thermofab as fab
from tests.present import present
from thermofab.compiler import fabric_of, stationary_distribution, verify
from thermofab.compiler.certify.exactness import KINDS, compiled_distribution, distance, random_program
from thermofab.compiler.certify.verify import distribution_of_nodes
from thermofab.compiler.frontend import lower
from thermofab.compiler.ir.stages import Paired, Source
from thermofab.compiler.passes.canonicalise import Canonicalise
from thermofab.compiler.passes.categorical import Categorical
from thermofab.compiler.passes.factor_sites import FactorSites
from thermofab.compiler.passes.place import Place
from thermofab.compiler.passes.root_and_wire import RootAndWire
from thermofab.hw.spec import CompileError, SpecError, UnsupportedError
from thermofab.hw.spec.discrete import DiscreteModel, factor_of


def grid_model(q, rows, columns, seed, scale=0.7):
    """Categorical nodes of q states on a grid, normal tables on its edges and nodes."""
    rng = np.random.default_rng(seed)
    number = np.arange(rows * columns).reshape(rows, columns)
    pairs = [*zip(number[:, :-1].flat, number[:, 1:].flat), *zip(number[:-1].flat, number[1:].flat)]
    factors = [factor_of([[]], [[int(i), int(j)]], scale * rng.normal(size=(1, q, q))) for i, j in pairs]
    factors += [factor_of([[]], [[k]], scale * rng.normal(size=(1, q))) for k in range(number.size)]
    return DiscreteModel(tuple(range(number.size)), np.full(number.size, q), tuple(factors))


def placed(source, fabric):
    draft = FactorSites()(Categorical()(Canonicalise()(Source(source, fabric))))
    assert isinstance(draft, Paired)
    return RootAndWire()(Place()(draft))


@pytest.mark.parametrize("q, name", [(3, "pdit4-2x3"), (4, "pdit4-2x3"), (5, "pdit8-2x2"), (8, "pdit8-1x3")])
def test_the_compiled_distribution_is_the_models(q, name):
    rows, columns = map(int, name.split("-")[1].split("x"))
    model = grid_model(q, rows, columns, seed=q)
    draft = placed(lower(model, 1.0), fab.fabric(name))
    assert draft.n == draft.fabric.n_sites and len(draft.tables) == draft.fabric.topology.n_factors
    wanted = fab.exact(model).probabilities
    assert np.max(np.abs(compiled_distribution(draft, {}) - wanted)) < 1e-12


@pytest.mark.parametrize("seed", range(12))
def test_random_programs_on_factors_of_their_own(seed):
    """A fabric of the program's own terms: three to five spins, categories, clamps."""
    rng = np.random.default_rng([3, seed])
    kind = KINDS[["three spins", "four spins", "five spins", "categorical and spins"][seed % 4]]
    source = random_program(rng, kind)
    spec = fabric_of(source)
    draft = placed(source, spec)
    assert len(draft.tables), draft.log
    assert distance(draft, rng, source.model)[1] < 1e-12


def test_rounding_is_predicted_and_verified():
    program = fab.compile(grid_model(4, 2, 3, seed=2), "pdit4-2x3", verify=True)
    q = program.report.quantisation
    assert program.report.sites == 12 and "factors" in program.report.placement
    assert q.kl == pytest.approx(q.predicted_kl, rel=0.1) and 0 < present(program.report.end_to_end_tv) < 0.02
    refitted = fab.compile(
        grid_model(4, 2, 3, seed=2), fab.fabric("pdit4-2x3", weight_bits=5), verify=True,
        pipeline="canonicalise | categorical | factor-sites | higher-order | place | root-and-wire | colour | "
        "scale-and-quantise(refit=True)",
    )  # fmt: skip
    plain = fab.compile(grid_model(4, 2, 3, seed=2), fab.fabric("pdit4-2x3", weight_bits=5), verify=True)
    assert present(refitted.report.quantisation.kl) < 0.9 * present(plain.report.quantisation.kl)


@pytest.mark.parametrize("device", ["native", "jax-xla"])
def test_samples_follow_the_distribution(device):
    """Independent chains against the integers' own distribution; Pearson's χ² refused below 1e-10."""
    from scipy.stats import chi2

    model = grid_model(3, 2, 2, seed=5)
    program = fab.compile(model, "pdit4-2x2")
    states = program.sample(fab.Schedule(60, 1, 1), replicas=20_000, seed=4, device=device).states[0][:, 0]
    seen = np.bincount(states @ 3 ** np.arange(3, -1, -1), minlength=81)
    distribution = stationary_distribution(program, sites=[int(s) for s in program.roots], sweeps=60).probabilities
    expected = 20_000 * distribution_of_nodes(program, distribution, range(8))
    statistic = float(np.sum((seen - expected) ** 2 / expected))
    assert chi2.sf(statistic, 80) > 1e-10


def test_new_weights_stay_on_the_tables():
    first, second = grid_model(4, 2, 2, seed=7), grid_model(4, 2, 2, seed=8)
    program = fab.compile(first, "pdit4-2x2")
    changed, afresh = program.with_weights(second), fab.compile(second, "pdit4-2x2")
    assert changed.copies == program.copies
    assert present(verify(changed).report.end_to_end_tv) < 1.5 * present(afresh.report.end_to_end_tv) + 1e-3
    other = DiscreteModel(
        tuple(range(4)), np.full(4, 4), (factor_of([[]], [[0, 3]], np.random.default_rng(0).normal(size=(1, 4, 4))),)
    )
    with pytest.raises(CompileError, match="the new weights couple spins that share no factor of the fabric at the si"):
        program.with_weights(other)


def test_clamped_nodes_are_conditioned_on():
    model = grid_model(4, 2, 2, seed=11)
    program = fab.compile(model, "pdit4-2x2", clamp={3: 2})
    assert present(verify(program).report.end_to_end_tv) < 0.02


def test_pairs_may_stand_on_factors():
    """An Ising model whose pairs the fabric joins by factors alone."""
    spec = fab.fabric(networkx.empty_graph(4), factors=[(0, 1, 2), (1, 2, 3)])
    model = networkx.cycle_graph(4)
    model.remove_edge(0, 3)
    networkx.set_edge_attributes(model, dict.fromkeys(model.edges, 0.8), "weight")
    program = fab.compile(model, spec)
    assert program.report.sites == 4 and present(program.report.end_to_end_tv) < 0.01
    changed = program.with_weights(couplings=[0.1, -0.5, 0.3])
    assert present(verify(changed).report.end_to_end_tv) < 0.01


def test_pairs_that_have_edges_take_no_table():
    graph = networkx.path_graph(3)
    networkx.set_edge_attributes(graph, dict.fromkeys(graph.edges, 0.4), "weight")
    program = fab.compile(graph, fab.fabric(networkx.path_graph(5), factors=[(2, 3, 4)]))
    assert present(program.report.end_to_end_tv) < 0.01 and not np.any(program.image.factors)


def test_without_room_on_factors_hidden_spins_serve():
    rng = np.random.default_rng(1)
    terms = [factor_of([[0, 1, 2, 3]], [[]], np.array([0.5])), factor_of([[2, 3, 4, 5]], [[]], np.array([-0.4]))]
    model = DiscreteModel(tuple(range(6)), np.zeros(6, dtype=np.int64), tuple(terms))
    graph = networkx.complete_graph(9)
    program = fab.compile(model, fab.fabric(graph, factors=[(0, 1, 2)]), seed=int(rng.integers(9)))
    log = dict(program.report.passes)
    assert log["factor-sites"] == "no place at which every term has a factor; hidden spins instead"
    assert "2 hidden spins" in log["higher-order"]


def test_fabric_of_a_program_refuses_wide_terms():
    model = DiscreteModel(tuple(range(7)), np.zeros(7, np.int64), (factor_of([list(range(7))], [[]], np.ones(1)),))
    with pytest.raises(SpecError, match="a factor has 3 to 6"):
        fabric_of(model)


@pytest.mark.rtl
@pytest.mark.parametrize("built_in", [False, True])
def test_the_rtl_has_the_bits_of_the_reference(built_in):
    program = fab.compile(grid_model(4, 2, 2, seed=3), fab.fabric("pdit4-2x2", levels=1))
    options = {"image": program.image} if built_in else {}
    runs = []
    for device in (fab.open_device("reference", program.fabric), fab.open_device("rtl", program.fabric, **options)):
        device.load(program.image)
        runs.append(device.run(fab.Schedule(2, 60, 1), replicas=2, seed=8).sites)
    assert np.array_equal(*runs)


def test_pure_functions_refuse_factors():
    from thermofab.sim.functional.pure import PureSampler

    with pytest.raises(UnsupportedError, match="pure functions sweep pairwise fabrics only, and this one has factors"):
        PureSampler(fab.fabric("pdit4-2x2"))

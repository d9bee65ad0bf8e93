"""sample_states: same arguments and results as thrml.sample_states."""

import warnings

import jax
import jax.numpy as jnp
import networkx
import numpy as np
import pytest
import thrml
from thrml import Block, CategoricalNode, SamplingSchedule, SpinNode
from thrml.block_sampling import BlockGibbsSpec
from thrml.factor import FactorSamplingProgram
from thrml.models import IsingEBM, IsingSamplingProgram
from thrml.models.discrete_ebm import (
    CategoricalEBMFactor,
    CategoricalGibbsConditional,
    SpinEBMFactor,
    SpinGibbsConditional,
)
from thrml.pgm import AbstractNode

import thermofab as fab
from thermofab.compiler.drop_in import programs, sampling
from thermofab.compiler.drop_in.keys import seed_of
from thermofab.compiler.frontend import lower
from thermofab.hw.spec import CompileError, DistributionWarning, SpecError, kept_devices


def ring(n=6, clamped=2, seed=0, scale=1.0):
    rng = np.random.default_rng(seed)
    nodes: list[AbstractNode] = [SpinNode() for _ in range(n)]
    edges = [(nodes[k], nodes[(k + 1) % n]) for k in range(n)]
    weights = jnp.array(scale * rng.normal(size=n) * 0.6)
    ebm = IsingEBM(nodes, edges, jnp.array(rng.normal(size=n) * 0.4), weights, jnp.array(1.0))
    free = nodes[: n - clamped]
    blocks = [Block(free[::2]), Block(free[1::2])]
    return ebm, IsingSamplingProgram(ebm, [*blocks], [Block(nodes[n - clamped :])] if clamped else [])


INIT = [jnp.array([True, False]), jnp.array([False, False])]
CLAMP = [jnp.array([True, False])]


def test_the_results_are_thrmls_but_for_the_random_bits():
    ebm, program = ring()
    schedule = SamplingSchedule(0, 5, 2)
    wanted = [Block(ebm.nodes[::2]), Block(ebm.nodes[1:3])]
    ours = fab.sample_states(jax.random.key(0), program, schedule, INIT, CLAMP, wanted, device="reference")
    theirs = thrml.sample_states(jax.random.key(0), program, schedule, INIT, CLAMP, wanted)
    assert [(a.shape, a.dtype) for a in ours] == [(a.shape, a.dtype) for a in theirs]
    assert all(isinstance(a, jax.Array) for a in ours)
    assert [a[0].tolist() for a in ours] == [a[0].tolist() for a in theirs], "sample 0 is the initial state"


@pytest.mark.parametrize("fabric", [None, "g4-3x4"])
def test_the_distribution_is_the_programs(fabric):
    """40 chains of 250 samples 4 sweeps apart; per-chain means are independent, Student t with 39 degrees of freedom
    beyond 8 has probability 1e-9, times 4 nodes 4e-9. Rounding moves a mean spin by at most 0.03.
    """
    ebm, program = ring()
    free = [node for block in program.gibbs_spec.free_blocks for node in block]
    means = []
    for key in jax.random.split(jax.random.key(1), 40):
        (states,) = fab.sample_states(
            key, program, SamplingSchedule(20, 250, 4), INIT, CLAMP, [Block(free)], fabric=fabric
        )
        means.append(2.0 * np.asarray(states).mean(axis=0) - 1)
    distribution = fab.exact(program, clamp=CLAMP)
    error = np.std(means, axis=0, ddof=1) / np.sqrt(40)
    assert np.all(np.abs(np.mean(means, axis=0) - distribution.moments().first) <= 8 * error + 0.03)


def test_keys_give_seeds():
    ebm, program = ring()
    run = [
        np.asarray(
            fab.sample_states(
                key, program, SamplingSchedule(3, 20, 1), INIT, CLAMP, [Block(ebm.nodes)], device="reference"
            )[0]
        )
        for key in (jax.random.key(5), jax.random.PRNGKey(5), jax.random.key(6))
    ]
    assert np.array_equal(run[0], run[1]) and not np.array_equal(run[0], run[2])
    assert seed_of(jax.random.wrap_key_data(jnp.array([1, 2], dtype=jnp.uint32))) == 2**32 + 2
    long = jax.random.key(0, impl="rbg")
    assert 0 <= seed_of(long) < 2**64 and seed_of(long) != seed_of(jax.random.key(1, impl="rbg"))


@pytest.fixture
def compiled(monkeypatch):
    """Counts compilations and placements, with empty caches."""
    monkeypatch.setattr(sampling, "KEPT", programs.KeptPrograms(2))
    kept_devices.KEPT.clear()
    calls = []
    real = programs.compile

    def spy(*args, **kwargs):
        calls.append(kwargs.get("copies"))
        return real(*args, **kwargs)

    monkeypatch.setattr(programs, "compile", spy)
    return calls


def go(program, **options):
    nodes = [node for block in program.gibbs_spec.free_blocks for node in block]
    init = [jnp.zeros(len(block), dtype=bool) for block in program.gibbs_spec.free_blocks]
    return fab.sample_states(
        jax.random.key(0),
        program,
        SamplingSchedule(1, 2, 1),
        init,
        CLAMP,
        [Block(nodes)],
        device="reference",
        **options,
    )


def test_equal_programs_compile_once_and_new_weights_keep_the_placement(compiled):
    go(ring()[1], fabric="g8-5x5")
    go(ring()[1], fabric="g8-5x5")
    assert compiled == [None]
    for seed in range(1, 4):
        go(ring(scale=1.0 + seed)[1], fabric="g8-5x5")
    assert len(compiled) == 4 and all(copies is not None for copies in compiled[1:])
    assert len(sampling.KEPT) == 2, "the cache is bounded"


def test_its_own_fabric_updates_in_the_programs_order():
    _, program = ring()
    spec = programs.KEPT.own_fabric(program, lower(program))
    assert spec.n_sites == 6
    assert spec.topology.colours.tolist() == [0, 0, 1, 1, 2, 2]


def test_many_blocks_are_coloured_anew():
    ebm, _ = ring(20, 0)
    program = IsingSamplingProgram(ebm, [Block([node]) for node in ebm.nodes], [])
    assert programs.KEPT.own_fabric(program, lower(program)).topology.n_colours == 2


def test_arrays_of_keys_are_refused():
    _, program = ring()
    with pytest.raises(
        CompileError,
        match=r"^key must be one JAX key, got uint32 of shape \(2, 2\); split it and loop, or use jax\.vmap\.$",
    ):
        fab.sample_states(
            jax.random.split(jax.random.key(0)), program, SamplingSchedule(1, 2, 1), INIT, CLAMP, [], device="reference"
        )


def test_unknown_nodes_are_refused():
    _, program = ring()
    with pytest.raises(
        SpecError,
        match=r"^nodes_to_sample asks for .*, which is not a node of this program; ask for nodes of its free and "
        r"clamped blocks\.$",
    ):
        fab.sample_states(
            jax.random.key(0),
            program,
            SamplingSchedule(1, 2, 1),
            INIT,
            CLAMP,
            [Block([SpinNode()])],
            device="reference",
        )


def grid_of_categories(side, q, tables=None):
    """A square grid of ``q`` states, equal neighbours preferred by 1 (or weights ``[pairs, q, q]``), and its pairs."""
    graph = networkx.grid_2d_graph(side, side)
    nodes = {at: CategoricalNode() for at in graph}
    pairs = [(nodes[u], nodes[v]) for u, v in graph.edges]
    weights = jnp.broadcast_to(jnp.eye(q), (len(pairs), q, q)) if tables is None else tables
    factor = CategoricalEBMFactor([Block([a for a, _ in pairs]), Block([b for _, b in pairs])], weights)
    blocks = [Block([nodes[at] for at in graph if sum(at) % 2 == parity]) for parity in (0, 1)]
    spec = BlockGibbsSpec(blocks, [])
    return FactorSamplingProgram(spec, [CategoricalGibbsConditional(q)] * 2, [factor], []), blocks, pairs


def categories(program, blocks, key=None, schedule=None, **options):
    init = [jnp.zeros(len(block.nodes), jnp.uint8) for block in blocks]
    wanted = [Block([node for block in blocks for node in block.nodes])]
    schedule = schedule or SamplingSchedule(1, 2, 1)
    return np.asarray(
        fab.sample_states(jax.random.key(0) if key is None else key, program, schedule, init, [], wanted, **options)[0]
    )


def test_categories_agree_with_their_neighbours_as_in_the_model():
    """The fault: a default fabric of hidden spins, on which a chain of 5-state nodes hardly moves (agreement 0.03 off,
    its error 0.013, eight times that on factors).

    40 chains; Student t with 39 degrees of freedom beyond 8 has probability 1e-9. Rounding moves it by 0.002 at most.
    """
    program, blocks, pairs = grid_of_categories(3, 5)
    model = lower(program).model
    weight = model.log_weight()
    probability = np.exp(weight - weight.max())
    probability /= probability.sum()
    axis = {node: k for k, node in enumerate(model.nodes)}
    place = {node: k for k, node in enumerate(node for block in blocks for node in block.nodes)}
    exact, seen = 0.0, []
    for a, b in pairs:
        other = tuple(k for k in range(9) if k not in (axis[a], axis[b]))
        exact += np.trace(probability.sum(axis=other)) / len(pairs)
    ends = np.array([(place[a], place[b]) for a, b in pairs])
    with warnings.catch_warnings():
        warnings.simplefilter("error", DistributionWarning)
        for key in jax.random.split(jax.random.key(3), 40):
            states = categories(program, blocks, key, SamplingSchedule(50, 1000, 2), device="native")
            seen.append(np.mean(states[:, ends[:, 0]] == states[:, ends[:, 1]]))
    error = np.std(seen, ddof=1) / np.sqrt(40)
    assert error < 0.003, "chains move"
    assert abs(np.mean(seen) - exact) < 8 * error + 0.002


def test_its_own_fabric_has_a_factor_for_every_pair_of_categories():
    program, _, pairs = grid_of_categories(3, 5)
    spec = programs.KEPT.own_fabric(program, lower(program))
    assert (spec.n_sites, spec.topology.n_factors, spec.topology.n_edges) == (27, len(pairs), 0)


def test_new_tables_keep_fabric_and_device(compiled):
    """The fault: a fabric for every set of weights, and so a kernel traced and compiled for each."""
    for seed in (1, 1, 2, 3):
        tables = jnp.asarray(np.random.default_rng(seed).normal(size=(4, 4, 4)))
        program, blocks, _ = grid_of_categories(2, 4, tables)
        categories(program, blocks, device="reference")
    assert compiled == [None] * 3, "an equal program is not compiled again; factors are no copies"
    assert len(kept_devices.KEPT) == 1


def seven_spins():
    nodes: list[AbstractNode] = [SpinNode() for _ in range(7)]
    spec = BlockGibbsSpec([Block([node]) for node in nodes], [])
    factor = SpinEBMFactor([Block([node]) for node in nodes], jnp.array([0.8]))
    return nodes, FactorSamplingProgram(spec, [SpinGibbsConditional()] * 7, [factor], [])


def test_terms_too_wide_for_factors_take_hidden_spins_and_say_so():
    """A product of seven spins: its mean is tanh 0.8, to 8 standard errors of 64 chains (1e-9) and 0.02 of rounding."""
    nodes, program = seven_spins()
    sentence = (
        r"^a term of this program has more than 6 bits, which no factor holds, so hidden spins stand for it; samples "
        r"are correlated over more sweeps than THRML's, and small weights round more coarsely\. Take longer warm-ups "
        r"and more steps per sample, or split the term\.$"
    )
    means = []
    for key in jax.random.split(jax.random.key(4), 64):
        with pytest.warns(DistributionWarning, match=sentence) as caught:
            init = [jnp.array([False])] * 7
            (states,) = fab.sample_states(
                key, program, SamplingSchedule(40, 200, 4), init, [], [Block(nodes)], device="native"
            )
        assert caught[0].filename == __file__, "the line that called it is named"
        means.append(np.prod(2.0 * np.asarray(states) - 1, axis=1).mean())
    error = np.std(means, ddof=1) / 8
    assert abs(np.mean(means) - np.tanh(0.8)) < 8 * error + 0.02


def frustrated():
    """A triangle of couplings -80, -80 and -80.4: which bond breaks is decided by 0.4, less than a step of 80/127."""
    nodes: list[AbstractNode] = [SpinNode() for _ in range(4)]
    edges = [(nodes[0], nodes[1]), (nodes[0], nodes[2]), (nodes[1], nodes[2]), (nodes[2], nodes[3])]
    weights, biases = jnp.array([-80.0, -80.0, -80.4, 0.3]), jnp.array([0.3, 0.3, 0.3, 0.1])
    ebm = IsingEBM(nodes, edges, biases, weights, jnp.array(1.0))
    return IsingSamplingProgram(ebm, [Block([node]) for node in nodes], [])


def one_run(program, **options):
    blocks = program.gibbs_spec.free_blocks
    init = [jnp.zeros(1, dtype=bool)] * len(blocks)
    return fab.sample_states(jax.random.key(0), program, SamplingSchedule(1, 2, 1), init, [], blocks, **options)


def test_rounding_that_moves_the_distribution_is_warned_about():
    """The fault: silence where the report is poor. Once a call, cached programs included."""
    program = frustrated()
    for _ in range(2):
        with pytest.warns(DistributionWarning, match=r"^the samples are at a total variation of .*, rounding ") as w:
            one_run(program, device="reference")
        assert len(w) == 1 and w[0].filename == __file__
    finer = fab.compiler.fabric_of(program, weight_bits=16, bias_bits=16, profile="fine")
    with warnings.catch_warnings():
        warnings.simplefilter("error", DistributionWarning)
        one_run(program, fabric=finer, device="reference")
        go(ring()[1])

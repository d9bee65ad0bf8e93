"""sample_states: same arguments and results as thrml.sample_states."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import thrml
from thrml import Block, SamplingSchedule, SpinNode
from thrml.models import IsingEBM, IsingSamplingProgram

import thermofab as fab
from thermofab.compiler import drop_in
from thermofab.compiler.drop_in import seed_of
from thermofab.hw.spec import CompileError, SpecError


def ring(n=6, clamped=2, seed=0, scale=1.0):
    rng = np.random.default_rng(seed)
    nodes = [SpinNode() for _ in range(n)]
    edges = [(nodes[k], nodes[(k + 1) % n]) for k in range(n)]
    weights = jnp.array(scale * rng.normal(size=n) * 0.6)
    ebm = IsingEBM(nodes, edges, jnp.array(rng.normal(size=n) * 0.4), weights, jnp.array(1.0))
    free = nodes[: n - clamped]
    blocks = [Block(free[::2]), Block(free[1::2])]
    return ebm, IsingSamplingProgram(ebm, blocks, [Block(nodes[n - clamped :])] if clamped else [])


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
    for name in ("_programs", "_placements", "_fabrics", "_devices"):
        monkeypatch.setattr(drop_in, name, drop_in._Cache(2))
    calls = []
    real = drop_in.compile

    def spy(*args, **kwargs):
        calls.append(kwargs.get("copies"))
        return real(*args, **kwargs)

    monkeypatch.setattr(drop_in, "compile", spy)
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
    assert len(drop_in._programs.items) == 2, "the cache is bounded"


def test_its_own_fabric_updates_in_the_programs_order():
    _, program = ring()
    spec = drop_in._own_fabric(program, drop_in.lower(program))
    assert spec.n_sites == 6
    assert spec.topology.colours.tolist() == [0, 0, 1, 1, 2, 2]


def test_many_blocks_are_coloured_anew():
    ebm, _ = ring(20, 0)
    program = IsingSamplingProgram(ebm, [Block([node]) for node in ebm.nodes], [])
    assert drop_in._own_fabric(program, drop_in.lower(program)).topology.n_colours == 2


def test_tracing_is_refused():
    _, program = ring()
    # JAX appends a note of its own, so the end is not anchored.
    sentence = r"^sample_states compiles and runs outside JAX and cannot be traced; call it outside jit, vmap"
    with pytest.raises(CompileError, match=sentence):
        jax.jit(lambda key: fab.sample_states(key, program, SamplingSchedule(1, 2, 1), INIT, CLAMP, []))(
            jax.random.key(0)
        )
    with pytest.raises(CompileError, match=sentence):
        jax.vmap(
            lambda c: fab.sample_states(jax.random.key(0), program, SamplingSchedule(1, 2, 1), INIT, [c], []),
        )(jnp.zeros((3, 2), dtype=bool))


def test_arrays_of_keys_are_refused():
    _, program = ring()
    with pytest.raises(
        CompileError, match=r"^key must be one JAX key, got uint32 of shape \(2, 2\); split it and loop\.$"
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

"""The calls themselves."""

from collections.abc import Callable, Hashable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from thermofab.compiler.drop_in.keys import seed_of, words_of
from thermofab.compiler.drop_in.sampling import Sampling
from thermofab.compiler.drop_in.traced import traced_states
from thermofab.compiler.frontend import lower
from thermofab.compiler.host_calls import is_traced
from thermofab.hw.spec.device import Device
from thermofab.hw.spec.errors import SpecError
from thermofab.hw.spec.schedule import LikeSchedule, Schedule


def sample_states(
    key: Any,
    program: Any,
    schedule: LikeSchedule,
    init_state_free: Sequence[Any] | None,
    state_clamp: Sequence[Any],
    nodes_to_sample: Sequence[Any],
    *,
    fabric: Any = None,
    device: Device | str = "jax",
    tolerance: float | None = None,
    seed: int = 0,
) -> list[jax.Array]:
    """Collect states of ``nodes_to_sample``; a drop-in for ``thrml.sample_states``.

    The distribution is THRML's up to the compilation's certificate and rounding, and a ``DistributionWarning`` says so
    where rounding may move it by a total variation distance of 0.05 or more; the random bits are the fabric's, not
    threefry's. Programs are compiled once for each content (weights included), and a graph is placed once whatever
    its weights, so a training loop only rounds anew.

    It runs under ``jit``, ``vmap`` and ``scan`` too, as a callback to the host. A batch is one run with a replica per
    chain, and every chain has the bits of a call with its key alone. Weights may be traced: the program is then
    compiled when it is run, once per set of weights. Samples are constants to ``grad``.

    Args:
        key: a JAX key, typed or raw uint32 ``[2]``; the run's seed is taken from its bits.
        program: as for THRML.
        schedule: as for THRML.
        init_state_free: arrays ``[nodes]``, one a free block, bool for spins and integers for categorical nodes;
            ``None`` draws them.
        state_clamp: arrays ``[nodes]``, one a clamped block, likewise.
        nodes_to_sample: blocks, free or clamped.
        fabric: what to compile for; ``None`` makes a fabric of the program's own graph, with a factor for every term
            of three to six bits, and of ``profile="fine"`` where compiling for the default widths is refused. Where a
            term has more, hidden spins stand for all terms of three and more, which a ``DistributionWarning`` says.
        device: a name for :func:`thermofab.open_device`, or an open device for ``fabric``.
        tolerance: as for :func:`thermofab.compile`.
        seed: as for :func:`thermofab.compile`.

    Returns:
        arrays ``[n_samples, nodes]``, one a requested block: bool for spins, uint8 for categorical nodes.

    Raises:
        CompileError: the program cannot be compiled, or an array of keys was given.
        SpecError: a node is not the program's, or the schedule's numbers are traced.
    """
    sampling = Sampling(program, _fixed(schedule), _blocks(program, nodes_to_sample), fabric, device, tolerance, seed)
    words = words_of(key)
    init = None if init_state_free is None else list(init_state_free)
    if is_traced(words, program, init, state_clamp):
        return traced_states(sampling, words, init, list(state_clamp))
    lowered = lower(program)
    states = sampling.run(
        lowered,
        sampling.numbers(lowered),
        lambda known: sampling.compiled(lowered, dict(known)),
        [seed_of(words)],
        None if init is None else [np.asarray(values)[None] for values in init],
        [np.asarray(values)[None] for values in state_clamp],
    )
    return [jnp.asarray(block[0]) for block in states]


def sample_with_observation(
    key: Any,
    program: Any,
    schedule: LikeSchedule,
    init_chain_state: Sequence[Any] | None,
    state_clamp: Sequence[Any],
    observation_carry_init: Any,
    f_observe: Callable[..., tuple[Any, Any]],
    *,
    fabric: Any = None,
    device: Device | str = "jax",
    tolerance: float | None = None,
    seed: int = 0,
) -> tuple[Any, Any]:
    """Call an observer after every sample; a drop-in for ``thrml.sample_with_observation``.

    The chain runs first, and all its states are held while the observer goes through them: bool or uint8
    ``[n_samples, free nodes]``. The samples are those of :func:`sample_states` for the same key.

    Args:
        key, program, schedule, state_clamp: as for :func:`sample_states`.
        init_chain_state: as its ``init_state_free``.
        observation_carry_init: the observer's first carry.
        f_observe: a THRML observer: ``(program, free states, clamped states, carry, iteration)`` to ``(carry, what to
            record)``. The states are lists of arrays ``[nodes]``, one per block.
        fabric, device, tolerance, seed: as for :func:`sample_states`.

    Returns:
        the last carry, and what was recorded, with a first axis of ``n_samples``.

    Raises:
        CompileError, SpecError: as for :func:`sample_states`.
    """
    states = sample_states(
        key, program, schedule, init_chain_state, state_clamp, program.gibbs_spec.free_blocks,
        fabric=fabric, device=device, tolerance=tolerance, seed=seed,
    )  # fmt: skip
    clamped = [jnp.asarray(values) for values in state_clamp]

    def observed(carry: Any, sample: tuple[list[jax.Array], jax.Array]) -> tuple[Any, Any]:
        free, iteration = sample
        return f_observe(program, list(free), clamped, carry, iteration)

    # The first call is made apart, as THRML does: an observer may return a carry of another dtype than it was given.
    carry, first = observed(observation_carry_init, ([block[0] for block in states], jnp.array(0)))
    rest = [block[1:] for block in states]
    carry, others = jax.lax.scan(observed, carry, (rest, jnp.arange(1, Schedule.of(schedule).n_samples)))
    return carry, jax.tree.map(lambda one, more: jnp.concatenate([one[None], more]), first, others)


def _fixed(schedule: LikeSchedule) -> Schedule:
    if is_traced([getattr(schedule, name, None) for name in ("n_warmup", "n_samples", "steps_per_sample")]):
        raise SpecError(
            "the schedule's numbers are traced, and the shape of the samples depends on them; make the schedule "
            "outside jit, or mark it static."
        )
    return Schedule.of(schedule)


def _blocks(program: Any, nodes_to_sample: Sequence[Any]) -> tuple[tuple[Hashable, ...], ...]:
    """The nodes of the requested blocks, all of them the program's."""
    known = program.gibbs_spec.node_global_location_map
    for block in nodes_to_sample:
        unknown = [node for node in block if node not in known]
        if unknown:
            raise SpecError(
                f"nodes_to_sample asks for {unknown[0]!r}, which is not a node of this program; "
                "ask for nodes of its free and clamped blocks."
            )
    return tuple(tuple(block) for block in nodes_to_sample)

"""estimate_moments and estimate_kl_grad: THRML's estimators for training Ising models, with chains on a fabric."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from thermofab.compiler.drop_in import sample_states
from thermofab.hw.spec.device import Device
from thermofab.hw.spec.errors import SpecError
from thermofab.hw.spec.schedule import LikeSchedule, Schedule

Moments = tuple[jax.Array, jax.Array]


def estimate_moments(
    key: Any,
    first_moment_nodes: Sequence[Any],
    second_moment_edges: Sequence[tuple[Any, Any]],
    program: Any,
    schedule: LikeSchedule,
    init_state: Sequence[Any] | None,
    clamped_data: Sequence[Any],
    *,
    fabric: Any = None,
    device: Device | str = "jax",
) -> Moments:
    """Mean spins and mean products of pairs of spins over the samples of one chain; a drop-in for THRML's.

    Args:
        key, program, schedule, init_state, clamped_data, fabric, device: as for
            :func:`~thermofab.compiler.drop_in.sample_states`.
        first_moment_nodes: nodes whose mean spin is wanted.
        second_moment_edges: pairs of nodes whose mean product is wanted.

    Returns:
        float32 ``[nodes]`` and ``[edges]``, in -1…1.

    Raises:
        CompileError, SpecError: as for ``sample_states``.
    """
    nodes = list(dict.fromkeys([*first_moment_nodes, *(node for edge in second_moment_edges for node in edge)]))
    place = {node: k for k, node in enumerate(nodes)}
    first = np.array([place[node] for node in first_moment_nodes], dtype=np.int32)
    ends = np.array([[place[a], place[b]] for a, b in second_moment_edges], dtype=np.int32).reshape(-1, 2)
    (states,) = sample_states(
        key, program, schedule, init_state, clamped_data, [nodes], fabric=fabric, device=device
    )  # fmt: skip

    def added(sums: Moments, state: jax.Array) -> tuple[Moments, None]:
        spins = 2 * state.astype(jnp.int32) - 1
        return (sums[0] + spins[first], sums[1] + spins[ends[:, 0]] * spins[ends[:, 1]]), None

    # Sample by sample, for a batch of chains times samples times edges would not fit.
    none = jnp.zeros(len(first), jnp.int32), jnp.zeros(len(ends), jnp.int32)
    sums, _ = jax.lax.scan(added, none, states)
    count = Schedule.of(schedule).n_samples
    return sums[0] / count, sums[1] / count


def estimate_kl_grad(
    key: Any,
    training_spec: Any,
    bias_nodes: Sequence[Any],
    weight_edges: Sequence[tuple[Any, Any]],
    data: Sequence[Any],
    conditioning_values: Sequence[Any],
    init_state_positive: Sequence[Any],
    init_state_negative: Sequence[Any],
    *,
    fabric: Any = None,
    device: Device | str = "jax",
) -> tuple[jax.Array, jax.Array, Moments, Moments]:
    """Gradient of KL(data ‖ model) with respect to an Ising model's weights and biases; a drop-in for THRML's.

    With ⟨·⟩₊ the mean with the data clamped and ⟨·⟩₋ that of the model, dKL/dW = -β(⟨s s'⟩₊ - ⟨s s'⟩₋) and
    dKL/db = -β(⟨s⟩₊ - ⟨s⟩₋). All chains of a phase are one run of the device.

    Args:
        key: a JAX key.
        training_spec: a ``thrml.models.IsingTrainingSpec``.
        bias_nodes, weight_edges: whose gradients are wanted.
        data: bool ``[batch, nodes]`` per data block.
        conditioning_values: bool ``[nodes]`` per block that is clamped in both phases.
        init_state_positive: bool ``[chains, batch, nodes]`` per free block of the positive phase; empty where the data
            are all nodes, and nothing is sampled then.
        init_state_negative: bool ``[chains, nodes]`` per free block of the negative phase.
        fabric, device: as for :func:`~thermofab.compiler.drop_in.sample_states`; a device by name.

    Returns:
        gradients of the weights ``[edges]`` and the biases ``[nodes]``; the positive phase's moments ``[chains, batch,
        nodes]`` and ``[chains, batch, edges]``; the negative phase's, ``[chains, nodes]`` and ``[chains, edges]``.

    Raises:
        CompileError, SpecError: as for ``sample_states``; or a node has no data where nothing is sampled.
    """
    key_positive, key_negative = jax.random.split(key)
    given = [jnp.asarray(block) for block in (*data, *conditioning_values)]
    axes = [0] * len(data) + [None] * len(conditioning_values)

    def moments(key: Any, init: list[Any], clamp: list[Any], program: Any, schedule: Any) -> Moments:
        return estimate_moments(
            key, bias_nodes, weight_edges, program, schedule, init, clamp, fabric=fabric, device=device
        )  # fmt: skip

    if len(init_state_positive) == 0:
        positive = _moments_of_data(training_spec.program_positive, bias_nodes, weight_edges, given, axes)
    else:

        def clamped_chain(key: Any, init: list[Any], clamp: list[Any]) -> Moments:
            return moments(key, init, clamp, training_spec.program_positive, training_spec.schedule_positive)

        over_data = jax.vmap(clamped_chain, in_axes=(0, 0, axes))
        keys = jax.random.split(key_positive, init_state_positive[0].shape[:2])
        positive = jax.vmap(over_data, in_axes=(0, 0, None))(keys, list(init_state_positive), given)

    def free_chain(key: Any, init: list[Any]) -> Moments:
        clamp = given[len(data) :]
        return moments(key, init, clamp, training_spec.program_negative, training_spec.schedule_negative)

    keys = jax.random.split(key_negative, init_state_negative[0].shape[0])
    negative = jax.vmap(free_chain)(keys, list(init_state_negative))
    beta = training_spec.ebm.beta
    bias_gradient, weight_gradient = (
        -beta * (up.mean(axis=(0, 1)) - down.mean(axis=0)).astype(beta.dtype) for up, down in zip(positive, negative)
    )
    return weight_gradient, bias_gradient, positive, negative


def _moments_of_data(
    program: Any, nodes: Sequence[Any], edges: Sequence[tuple[Any, Any]], given: list[jax.Array], axes: list[int | None]
) -> Moments:
    """The spins of the data themselves, ``[1, batch, nodes]``, and their products."""
    batch = given[0].shape[0]
    known = [node for block in program.gibbs_spec.clamped_blocks for node in block]
    place = {node: k for k, node in enumerate(known)}
    missing = [node for node in (*nodes, *(node for edge in edges for node in edge)) if node not in place]
    if missing:
        raise SpecError(
            f"{missing[0]!r} is in no data block, and init_state_positive is empty; give the states that the free "
            "nodes of the positive phase start from."
        )
    rows = [block if axis == 0 else jnp.broadcast_to(block, (batch, *block.shape)) for block, axis in zip(given, axes)]
    spins = 2.0 * jnp.concatenate(rows, axis=-1) - 1
    first = np.array([place[node] for node in nodes], dtype=np.int32)
    ends = np.array([[place[a], place[b]] for a, b in edges], dtype=np.int32).reshape(-1, 2)
    return spins[None, :, first], (spins[:, ends[:, 0]] * spins[:, ends[:, 1]])[None]

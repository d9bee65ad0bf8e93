"""The native kernel as an XLA custom call, through ``jax.ffi``."""

import ctypes
import os
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from thermofab.hw.spec import FabricSpec, Topology
from thermofab.sim.native.build import build_library


@cache
def _registered(path: Path) -> str:
    """The target name of a library's custom call."""
    name = f"thermofab_advance_{path.parent.name}"
    library = ctypes.CDLL(str(path))
    jax.ffi.register_ffi_target(name, jax.ffi.pycapsule(library.thermofab_advance), platform="cpu")
    return name


@cache
def _rows(topology: Topology) -> tuple[np.ndarray, ...]:
    """``(order, bounds, first, near, edge_of)``: sites by colour, and every site's neighbours in compressed rows."""
    order = np.concatenate(topology.colour_classes)
    near, edges = (table[order] for table in topology.neighbour_table)
    real = near >= 0
    bounds = np.cumsum([0, *(len(sites) for sites in topology.colour_classes)])
    first = np.concatenate([[0], np.cumsum(real.sum(axis=1))])
    return tuple(part.astype(np.int32) for part in (order, bounds, first, near[real], edges[real]))


def native_advance(
    spec: FabricSpec,
    states: jax.Array,
    rng: jax.Array,
    image: Sequence[jax.Array],
    schedule: jax.Array,
    counting: jax.Array | None,
) -> tuple[jax.Array, jax.Array, jax.Array, jax.Array]:
    """``(states, rng, ones, both)`` after the sweeps of ``schedule`` and those of ``counting``.

    Args:
        spec: the fabric.
        states: uint8 ``[R, N]``.
        rng: uint32 ``[R, N, words]``.
        image: int32 weights, biases, tables and shift, and uint8 ``clamped``.
        schedule: int32 ``[P, 2]``, sweeps and β level.
        counting: int32 ``[3]``, samples, sweeps before each, β level; ``None`` to count nothing, when ``ones`` and
            ``both`` are empty.
    """
    name = _registered(build_library(spec, source="ffi.cpp", includes=(jax.ffi.include_dir(),)))
    replicas, n = states.shape
    counted = (n, spec.topology.n_edges) if counting is not None else (0, 0)
    results = (
        jax.ShapeDtypeStruct(states.shape, jnp.uint8),
        jax.ShapeDtypeStruct(rng.shape, jnp.uint32),
        *(jax.ShapeDtypeStruct((replicas, size), jnp.int32) for size in counted),
    )
    call = jax.ffi.ffi_call(name, results, vmap_method="sequential")
    weights, biases, tables, shift, clamped = image
    states_out, rng_out, ones, both = call(
        states, rng, weights, biases, tables, shift, clamped, schedule,
        jnp.zeros(3, jnp.int32) if counting is None else counting,
        jnp.asarray(spec.topology.edges), *_rows(spec.topology),
        threads=np.int64(os.cpu_count() or 1), threshold_bits=np.int64(spec.threshold_bits),
    )  # fmt: skip
    return states_out, rng_out, ones, both

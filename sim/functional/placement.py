"""Where arrays live: one device, or several of a mesh that share replicas or the rows of a lattice.

Sharding is JAX's own: the kernel is the same program, arrays carry a sharding, and XLA exchanges the rows that bonds
reach across. Bits do not depend on it.
"""

from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from thermofab.hw.spec import DeviceError
from thermofab.sim.functional.kernel import Carry, Counters, Parameters
from thermofab.sim.functional.layout import ArrayLayout, Stencil

AXIS = "parts"
SHARDS = ("replicas", "rows")


@dataclass(frozen=True)
class ArrayPlacement:
    """No mesh: JAX's default device. Else ``over`` says which axis its devices share."""

    mesh: Mesh | None = None
    over: str = "replicas"

    @staticmethod
    def of(shard: str | None, layout: ArrayLayout, devices: Any = None) -> "ArrayPlacement":
        """The placement over ``devices``, by default all that JAX has, those of other processes included.

        Raises:
            DeviceError: an unknown way to share, or a lattice that cannot be shared so.
        """
        if shard is None:
            return ArrayPlacement()
        if shard not in SHARDS:
            raise DeviceError(f"shard must be 'replicas', 'rows' or None, got {shard!r}.")
        chosen = list(jax.devices() if devices is None else devices)
        mesh = Mesh(np.array(chosen), (AXIS,))
        if shard == "rows":
            if not isinstance(layout, Stencil):
                raise DeviceError("only a lattice has rows to share; use shard='replicas' for an explicit graph.")
            rows = layout.groups[0].sites.shape[0]
            if rows % len(chosen):
                raise DeviceError(
                    f"{rows} rows of a sublattice cannot be shared evenly by {len(chosen)} devices; use a number of "
                    "devices that divides it, or shard='replicas'."
                )
        return ArrayPlacement(mesh, shard)

    @property
    def count(self) -> int:
        """Devices that share."""
        return 1 if self.mesh is None else self.mesh.size

    def _put(self, array: Any, axis: int | None) -> jax.Array:
        if self.mesh is None:
            return array
        parts: list[str | None] = [None] * array.ndim
        if axis is not None:
            parts[axis] = AXIS
        whole = np.asarray(array)
        return jax.make_array_from_callback(
            whole.shape, NamedSharding(self.mesh, PartitionSpec(*parts)), lambda index: whole[index]
        )

    def carry(self, carry: Carry) -> Carry:
        """States and generators in their places."""
        if self.mesh is None:
            return carry
        axis = -1 if self.over == "replicas" else 0
        return jax.tree.map(lambda x: x if isinstance(x.sharding, NamedSharding) else self._put(x, axis), carry)

    def parameters(self, p: Parameters) -> Parameters:
        if self.mesh is None:
            return p
        rows = self.over == "rows"
        return Parameters(
            weights=[self._put(w, 1 if rows else None) for w in p.weights],
            offsets=[self._put(x, 0 if rows else None) for x in p.offsets],
            biases=[self._put(x, 0 if rows else None) for x in p.biases],
            clamped=[self._put(x, 0 if rows else None) for x in p.clamped],
            tables=self._put(p.tables, None),
            shift=self._put(p.shift, None),
            factors=[[self._put(table, None) for table in group] for group in p.factors],
            entries=self._put(p.entries, None),
        )

    def counters(self, counts: Counters) -> Counters:
        if self.mesh is None:
            return counts
        axis = -1 if self.over == "replicas" else 0
        return jax.tree.map(lambda x: self._put(x, axis), counts)

    def fetch(self, array: jax.Array) -> np.ndarray:
        """All of an array on the host, of every process."""
        if self.mesh is None or array.is_fully_addressable:
            return np.asarray(array)
        from jax.experimental import multihost_utils

        return np.asarray(multihost_utils.process_allgather(array, tiled=True))

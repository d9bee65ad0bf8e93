"""Factors in JAX: what the tables of a topology's factors add to fields and energies."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import jax
import jax.numpy as jnp
import numpy as np

from thermofab.hw.spec import Image, Topology
from thermofab.hw.spec.factors import LARGEST_FACTOR


@dataclass(frozen=True, eq=False)
class FactorSlot:
    """One factor of every site of a group, where it has that many.

    Attributes:
        inputs: int64 ``[sites]``, into ``topology.factor_inputs``; -1 where there is none.
        others: int32 ``[width, sites]``, places of the other sites among all groups' sites; any where there is none.
    """

    inputs: np.ndarray
    others: np.ndarray

    @property
    def width(self) -> int:
        return len(self.others)

    def table(self, topology: Topology, differences: np.ndarray) -> np.ndarray:
        """``[sites · 2^width]``: what is added to the field, for every site and states of ``width`` others."""
        inputs, code = topology.factor_inputs, np.arange(2**self.width)
        within = code & (2 ** inputs.widths[self.inputs][:, None] - 1)
        entries = differences[inputs.starts[self.inputs][:, None] + within]
        return np.where(self.inputs[:, None] >= 0, entries, 0).reshape(-1)

    def look_up(self, table: jax.Array, masks: jax.Array) -> jax.Array:
        """What is added, ``[sites, R]``, from the states 0/-1 of all sites ``[all sites, R]``."""
        row = jnp.arange(len(self.inputs), dtype=jnp.int32)[:, None] << self.width
        for k, places in enumerate(self.others):
            row = row + ((masks.at[places].get(mode="promise_in_bounds").astype(jnp.int32) & 1) << k)
        return table.at[row].get(mode="promise_in_bounds")


def factor_slots(topology: Topology, sites: np.ndarray, place: np.ndarray) -> tuple[FactorSlot, ...]:
    """The slots of a group of ``sites``; ``place`` int ``[N]`` is where every site lies among all groups' sites."""
    inputs = topology.factor_inputs
    number = {(site, slot): m for m, (site, slot) in enumerate(zip(inputs.sites.tolist(), inputs.slots.tolist()))}
    made: list[FactorSlot] = []
    while True:
        row = np.array([number.get((site, len(made)), -1) for site in sites.tolist()], dtype=np.int64)
        if np.all(row < 0):
            return tuple(made)
        others = np.where(row[:, None] >= 0, inputs.others[row], -1)
        width = int((others >= 0).sum(axis=1).max())
        made.append(FactorSlot(row, np.where(others < 0, 0, place[others])[:, :width].T.astype(np.int32)))


@dataclass(frozen=True, eq=False)
class FactorEnergies:
    """Σ_f V_f of states in groups; ``places`` is where every site lies among all groups' sites."""

    topology: Topology
    places: np.ndarray

    @cached_property
    def _members(self) -> tuple[np.ndarray, np.ndarray]:
        """``[6, F]`` places, and 0 or 1: whether the factor has that many sites."""
        rows = np.zeros((LARGEST_FACTOR, self.topology.n_factors), dtype=np.int32)
        real = np.zeros_like(rows)
        for f, row in enumerate(self.topology.factors):
            rows[: len(row), f], real[: len(row), f] = self.places[list(row)], 1
        return rows, real

    def __call__(self, entries: jax.Array, masks: Sequence[jax.Array]) -> jax.Array:
        """int32 ``[F, R]`` from an image's ``factors``."""
        flat = jnp.concatenate([mask.reshape(-1, mask.shape[-1]) for mask in masks])
        address = jnp.asarray(self.topology.factor_starts[:-1], jnp.int32)[:, None]
        for k, (row, real) in enumerate(zip(*self._members)):
            address = address + ((flat[row].astype(jnp.int32) & real[:, None]) << k)
        return entries[address]


def factor_tables(slots: Sequence[Sequence[FactorSlot]], image: Image, dtype: np.dtype) -> list[list[jax.Array]]:
    """The tables of every slot of every group."""
    topology = image.fabric.topology
    return [[jnp.asarray(slot.table(topology, image.differences).astype(dtype)) for slot in group] for group in slots]

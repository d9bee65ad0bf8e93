"""Factors in JAX: what the tables of a topology's factors add to fields and energies."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import zip_longest

import jax
import jax.numpy as jnp
import numpy as np

from thermofab.hw.spec import Image, Topology
from thermofab.hw.spec.factors import LARGEST_FACTOR

# A look-up costs the same for a small table and a large one that stays in a processor's nearer caches, so factors of a
# site are looked up together while their other sites are no more than these, and tables of a group no larger.
WIDEST = 11
LARGEST_TABLES = 2**16


@dataclass(frozen=True, eq=False)
class FactorSlot:
    """Some of the factors of every site of a group, looked up together.

    Attributes:
        inputs: int64 ``[parts, sites]``, into ``topology.factor_inputs``; -1 where there is none.
        bits: int64 ``[parts, 5, sites]``, which bit of the address every other site of that factor is.
        others: int32 ``[width, sites]``, places of all these among all groups' sites; any where there is none.
    """

    inputs: np.ndarray
    bits: np.ndarray
    others: np.ndarray

    @property
    def width(self) -> int:
        return len(self.others)

    def table(self, topology: Topology, differences: np.ndarray) -> np.ndarray:
        """``[sites · 2^width]``: what is added to the field, for every site and states of ``width`` others."""
        inputs, code = topology.factor_inputs, np.arange(2**self.width)
        added = np.zeros((self.inputs.shape[1], len(code)), dtype=differences.dtype)
        for part, bits in zip(self.inputs, self.bits):
            within = np.zeros_like(added, dtype=np.int64)
            for k, bit in enumerate(bits):
                within |= ((code >> bit[:, None]) & (k < inputs.widths[part])[:, None]) << k
            added += np.where(part[:, None] >= 0, differences[inputs.starts[part][:, None] + within], 0)
        return added.reshape(-1)

    def look_up(self, table: jax.Array, masks: jax.Array) -> jax.Array:
        """What is added, ``[sites, R]``, from the states 0/-1 of all sites ``[all sites, R]``."""
        row = jnp.arange(self.inputs.shape[1], dtype=jnp.int32)[:, None] << self.width
        for k, places in enumerate(self.others):
            row = row + ((masks.at[places].get(mode="promise_in_bounds").astype(jnp.int32) & 1) << k)
        return table.at[row].get(mode="promise_in_bounds")


def factor_slots(topology: Topology, sites: np.ndarray, place: np.ndarray) -> tuple[FactorSlot, ...]:
    """The slots of a group of ``sites``; ``place`` int ``[N]`` is where every site lies among all groups' sites."""
    inputs = topology.factor_inputs
    mine: dict[int, list[int]] = {site: [] for site in sites.tolist()}
    for m, site in enumerate(inputs.sites.tolist()):
        if site in mine:
            mine[site].append(m)
    widest = min(WIDEST, max(LARGEST_FACTOR - 1, (LARGEST_TABLES // len(sites)).bit_length() - 1))
    bundles = [_bundles([(m, _others(topology, m)) for m in mine[site]], widest) for site in sites.tolist()]
    return tuple(_slot(topology, place, column) for column in zip_longest(*bundles, fillvalue=((), ())))


Bundle = tuple[tuple[int, ...], tuple[int, ...]]  # factors' inputs, and the other sites of them all


def _others(topology: Topology, m: int) -> tuple[int, ...]:
    inputs = topology.factor_inputs
    return tuple(inputs.others[m, : inputs.widths[m]].tolist())


def _bundles(factors: Sequence[tuple[int, tuple[int, ...]]], widest: int) -> list[Bundle]:
    """A site's factors, each in the first bundle that stays within ``widest`` other sites."""
    made: list[Bundle] = []
    for m, others in factors:
        for k, (members, known) in enumerate(made):
            union = tuple(dict.fromkeys(known + others))
            if len(union) <= widest:
                made[k] = (*members, m), union
                break
        else:
            made.append(((m,), others))
    return made


def _slot(topology: Topology, place: np.ndarray, bundles: Sequence[Bundle]) -> FactorSlot:
    """One bundle of every site."""
    parts, width = max(len(members) for members, _ in bundles), max(len(union) for _, union in bundles)
    inputs = np.full((parts, len(bundles)), -1, dtype=np.int64)
    bits = np.zeros((parts, LARGEST_FACTOR - 1, len(bundles)), dtype=np.int64)
    others = np.zeros((width, len(bundles)), dtype=np.int32)
    for column, (members, union) in enumerate(bundles):
        inputs[: len(members), column] = members
        others[: len(union), column] = place[list(union)]
        for part, m in enumerate(members):
            near = _others(topology, m)
            bits[part, : len(near), column] = [union.index(site) for site in near]
    return FactorSlot(inputs, bits, others)


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

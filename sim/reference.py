"""The reference: the arithmetic contract in plain Python integers. Slow, short, and the definition.

A sweep visits the colours in order. Every site of a colour first draws a word u of random bits; a free site then
computes its field from the *current* states of its neighbours (which all have other colours) and takes its new state:

    F = b + Σ_j w_j s_j + Σ_f (V_f[x with n = 1] - V_f[x with n = 0]),   s = 2n - 1
    a = clip((F + (u mod 2^shift)) >> shift, -A, A-1)
    n = 1 if (u >> (word_bits - t)) < T[a] else 0

A clamped site draws too, and keeps its state. With an order, colours are the image's and only roots draw: a root's
field is the sum of those of the sites of its tree, and all of them take its new state. Idle sites keep theirs.
"""

from collections.abc import Sequence

import numpy as np

from thermofab.hw.rng.base import seed_words
from thermofab.hw.spec import DeviceInfo, RunPlan, generator
from thermofab.hw.spec.contract import KNOWN_CONTRACTS
from thermofab.sim.chains import Chunk, Phases, Request, Tally
from thermofab.sim.simulated import SimulatedDevice, site_count


class ReferenceDevice(SimulatedDevice):
    """The reference as a device."""

    name = "reference"

    def info(self) -> DeviceInfo:
        return DeviceInfo(self.name, self._fabric, True, "the contract in plain Python integers", KNOWN_CONTRACTS)

    def _chains(self, plan: RunPlan) -> "ReferenceChains":
        return ReferenceChains(plan)


class ReferenceChains:
    """Replicas one after another; see :class:`thermofab.sim.chains.Chains`."""

    def __init__(self, plan: RunPlan) -> None:
        self._image = plan.image
        self._chains = [Chain(plan, replica) for replica in range(plan.replicas)]

    def advance(self, phases: Phases) -> None:
        for chain in self._chains:
            for sweeps, level in phases:
                for _ in range(sweeps):
                    chain.sweep(level)

    def sample(self, request: Request, tally: Tally | None = None, phases: Phases = ()) -> Chunk:
        self.advance(phases)
        kept = site_count(request.sites, self._image.fabric.n_sites)
        sites = range(kept) if request.sites is True or request.sites is None else np.asarray(request.sites).tolist()
        shape = (len(self._chains), request.samples)
        states, energies = np.empty((*shape, kept), dtype=bool), np.empty(shape, dtype=np.int64)
        for r, chain in enumerate(self._chains):
            for s in range(request.samples):
                for _ in range(request.steps if s else request.lead):
                    chain.sweep(request.level)
                states[r, s] = [chain.n[i] for i in sites]
                if request.energies:
                    energies[r, s] = self._energy(chain.n)
                if tally is not None:
                    tally.ones[r] += chain.n
                    tally.both[r] += [chain.n[i] & chain.n[j] for i, j in self._image.fabric.topology.edges.tolist()]
        if tally is not None:
            tally.samples += request.samples
        return Chunk(states if kept else None, energies if request.energies else None)

    def _energy(self, n: Sequence[int]) -> int:
        bonds = zip(self._image.fabric.topology.edges.tolist(), self._image.weights.tolist())
        pairs = sum(w if n[i] == n[j] else -w for (i, j), w in bonds)
        starts, factors = self._image.fabric.topology.factor_starts.tolist(), self._image.fabric.topology.factors
        entries = [start + sum(n[i] << k for k, i in enumerate(row)) for start, row in zip(starts, factors)]
        tables = 2 * sum(int(self._image.factors[entry]) for entry in entries)
        return -pairs - tables - sum(b if state else -b for b, state in zip(self._image.biases.tolist(), n))

    def states(self) -> np.ndarray:
        return np.array([chain.n for chain in self._chains], dtype=bool)

    def set_states(self, states: np.ndarray) -> None:
        for chain, row in zip(self._chains, np.asarray(states).astype(int).tolist()):
            chain.n = row


class Chain:
    """One replica: site states ``n``, generator states ``rng``, and the sweep."""

    def __init__(self, plan: RunPlan, replica: int) -> None:
        image, spec = plan.image, plan.image.fabric
        self.spec = spec
        self.generator = generator(spec.rng)
        self.n: list[int] = plan.init[replica].astype(int).tolist()
        self.rng = [tuple(words) for words in seed_words(self.generator, plan.keys[replica]).tolist()]
        self.clamped: list[bool] = plan.clamped.tolist()
        self.shift: int = image.shift
        self.biases: list[int] = image.biases.tolist()
        self.tables: list[list[int]] = image.tables.tolist()
        # The sites that draw in each colour, and the tree of each: itself, and the relays whose root it is.
        self.colours = [sites.tolist() for sites in spec.topology.colour_classes]
        self.trees = [[i] for i in range(spec.n_sites)]
        if image.order is not None:
            roots = [
                np.flatnonzero(image.order.is_root & (image.order.colours == c)) for c in range(image.order.n_colours)
            ]
            self.colours = [sites.tolist() for sites in roots]
            self.trees = [image.order.sites_of(i).tolist() for i in range(spec.n_sites)]
        self.couplings: list[list[tuple[int, int]]] = [[] for _ in range(spec.n_sites)]
        for (i, j), w in zip(spec.topology.edges.tolist(), image.weights.tolist()):
            self.couplings[i].append((j, w))
            self.couplings[j].append((i, w))
        # Of each factor of a site: its other sites, and what it adds to the field by their states.
        self.factors: list[list[tuple[list[int], list[int]]]] = [[] for _ in range(spec.n_sites)]
        inputs = spec.topology.factor_inputs
        for site, others, width, start in zip(inputs.sites, inputs.others, inputs.widths, inputs.starts):
            added = image.differences[start : start + 2**width].tolist()
            self.factors[site].append((others[:width].tolist(), added))

    def sweep(self, level: int) -> None:
        """One update of every free site, at one β level."""
        for sites in self.colours:
            self.update(sites, self.tables[level])

    def update(self, sites: list[int], table: list[int]) -> None:
        """Update the sites of one colour from the same state."""
        spec, n, half = self.spec, self.n, self.spec.table_size // 2
        new = []
        for i in sites:
            self.rng[i], u = self.generator.step(self.rng[i], spec.word_bits)
            if self.clamped[i]:
                new.append(n[i])
                continue
            field = sum(self.field(site) for site in self.trees[i])
            address = (field + (u & ((1 << self.shift) - 1))) >> self.shift
            address = max(-half, min(half - 1, address))
            new.append(int((u >> (spec.word_bits - spec.threshold_bits)) < table[address + half]))
        for i, value in zip(sites, new):
            for site in self.trees[i]:
                n[site] = value

    def seen_by(self, i: int) -> list[int]:
        """The states that site ``i`` sees."""
        return self.n

    def field(self, i: int) -> int:
        """What site ``i`` adds up: its bias, and its neighbours by their weights."""
        field, n = self.biases[i], self.seen_by(i)
        for j, w in self.couplings[i]:
            field += w if n[j] else -w
        for others, added in self.factors[i]:
            field += added[sum(n[j] << k for k, j in enumerate(others))]
        return field

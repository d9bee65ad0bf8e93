"""Functional coverage: named bins, counted while a bench runs, merged over runs.

A bin is a situation that the bench has to bring about at least once: a bench that never fills it proves nothing about
it. Bins are declared here, so that one that is never hit shows as a zero, and one that is misspelt is an error.
"""

import copy
from collections.abc import Iterable, Mapping

from thermofab.sim.reference import Chain

LOCKED = ("WEIGHTS", "BIASES", "ENTRIES", "EXTRA", "TABLES", "SHIFT", "CLAMPS", "STATES", "SEED", "LEVEL", "STEPS",
          "SAMPLES", "PHASES", "PHASE_SWEEPS", "PHASE_LEVEL", "PHASE_MASK", "MASK", "STREAM", "ORDER", "LAST",
          "BASES", "FIELD_BITS", "LAST_COLOUR", "HEIGHTS", "LOAD", "EVENTS", "MASK_WORD", "MASKS",
          "NEIGHBOURS")  # fmt: skip
FABRIC = {
    "read-out": ("reader always ready", "a word waits for its reader", "the fabric stalls for the reader",
                 "a sample is taken while the last one is read"),
    "schedule": ("no phase", "1 to 15 phases", "16 phases", "a phase of 0 sweeps", "the level changes between phases",
                 "the mask changes between phases", "the mask changes from phases to samples", "0 samples", "1 sample",
                 "more samples", "0 steps", "1 step", "more steps"),
    "abort": ("before the first sweep", "in the phases", "between samples",
              "after the last sweep, with samples to be read", "while idle", "with a start in the same write",
              "and the next run carries on"),
    "state": ("states and generators loaded", "states and generators carried on"),
    "clamps": ("none", "some", "all", "a site clamped at 0", "a site clamped at 1", "mask 1"),
    "arithmetic": ("address clipped low", "address clipped high", "address not clipped", "lowest entry unclipped",
                   "highest entry unclipped", "dither carries into the address", "dither does not", "smallest shift",
                   "largest shift", "word equal to the threshold", "word one below the threshold", "0 to 1", "1 to 0"),
    "errors": ("ERRORS bit 0: a locked write", "ERRORS bit 0: a start during a run", "ERRORS bit 1: a write",
               "ERRORS bit 1: a read", "ERRORS bit 2", "ERRORS bit 3"),
    "moments": ("a counted run", "counted over two runs", "a counter full", "counters cleared"),
}  # fmt: skip
LINK = {
    "write": ("in its turn", "repeated", "out of turn", "one address for all words", "the sequence number wraps"),
    "read": ("of several words", "too long, refused"),
    "damage": ("an octet changed", "empty frames", "a frame longer than any", "a write without words"),
    "samples": ("full frames", "a frame that is not full", "asked for again", "acknowledged alone", "the ring is full"),
    "position": ("INFO", "busy", "idle"),
}  # fmt: skip


def fabric_bins(registers: Iterable[str], counters: bool) -> list[str]:
    """The bins of a fabric that has these registers and perhaps counters of moments, ``group: what``."""
    locked = [f"locked in mid-run: {name}" for name in locked_registers(registers)]
    skipped = () if counters else ("moments", "ERRORS bit 3")
    named = [f"{group}: {what}" for group, whats in FABRIC.items() for what in whats]
    return [name for name in named if not any(word in name for word in skipped)] + locked


def locked_registers(registers: Iterable[str]) -> list[str]:
    """Those that cannot be written during a run."""
    return [name for name in LOCKED if name in set(registers)]


def link_bins() -> list[str]:
    return [f"{group}: {what}" for group, whats in LINK.items() for what in whats]


class Coverage:
    """Counts of the bins it is made with."""

    def __init__(self, bins: Iterable[str]) -> None:
        self.counts = dict.fromkeys(bins, 0)

    @classmethod
    def of(cls, counts: Mapping[str, int]) -> "Coverage":
        """Counts taken before."""
        covered = cls(())
        covered.counts |= counts
        return covered

    def hit(self, name: str, happened: object = True) -> None:
        """One more of ``name``, if it happened: true, or a count above 0."""
        if name not in self.counts:
            raise KeyError(f"there is no coverage bin '{name}'.")
        self.counts[name] += bool(happened)

    def open(self) -> list[str]:
        """Bins never hit."""
        return [name for name, count in self.counts.items() if not count]


def merged(runs: Iterable[Coverage]) -> Coverage:
    """The sum over several runs."""
    total = Coverage(())
    for run in runs:
        for name, count in run.counts.items():
            total.counts[name] = total.counts.get(name, 0) + count
    return total


def probe(chain: Chain, level: int, coverage: Coverage) -> None:
    """Hit the arithmetic's bins of the sweep that ``chain`` is about to do."""
    twin, spec = copy.copy(chain), chain.spec
    twin.n, twin.rng = list(chain.n), list(chain.rng)
    table, half, dither_values = chain.tables[level], spec.table_size // 2, 1 << chain.shift
    coverage.hit("arithmetic: smallest shift", chain.shift == spec.min_shift)
    coverage.hit("arithmetic: largest shift", chain.shift == spec.dither_bits)
    for sites in chain.colours:
        for i in sites:
            if chain.clamped[i]:
                continue
            _, word = chain.generator.step(twin.rng[i], spec.word_bits)
            field = chain.biases[i] + sum(w if twin.n[j] else -w for j, w in chain.couplings[i])
            address = (field + word % dither_values) >> chain.shift
            coverage.hit("arithmetic: address clipped low", address < -half)
            coverage.hit("arithmetic: address clipped high", address > half - 1)
            coverage.hit("arithmetic: address not clipped", -half <= address <= half - 1)
            coverage.hit("arithmetic: lowest entry unclipped", address == -half)
            coverage.hit("arithmetic: highest entry unclipped", address == half - 1)
            carries = address != field >> chain.shift
            coverage.hit("arithmetic: dither carries into the address", carries)
            coverage.hit("arithmetic: dither does not", not carries)
            below = (word >> (spec.word_bits - spec.threshold_bits)) - table[max(-half, min(half - 1, address)) + half]
            coverage.hit("arithmetic: word equal to the threshold", below == 0)
            coverage.hit("arithmetic: word one below the threshold", below == -1)
            coverage.hit("arithmetic: 0 to 1", below < 0 and not twin.n[i])
            coverage.hit("arithmetic: 1 to 0", below >= 0 and twin.n[i])
        twin.update(sites, table)
